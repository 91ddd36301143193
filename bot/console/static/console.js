// What a page does beyond links and forms, which work without it. No text of a case is ever kept here.
"use strict";

const line = () => document.getElementById("line");
function tell(key) {
  const box = line();
  if (box && document.body.dataset[key]) { box.textContent = document.body.dataset[key]; box.hidden = false; }
}
function fallSilent() { const box = line(); if (box) box.hidden = true; }

// --- How long ago ---------------------------------------------------------------------------------------------------------
const relative = new Intl.RelativeTimeFormat(document.documentElement.lang, { numeric: "always", style: "narrow" });
function age() {
  for (const time of document.querySelectorAll("time[datetime]")) {
    const seconds = (new Date(time.dateTime) - Date.now()) / 1000, size = Math.abs(seconds);
    const [n, unit] = size < 5400 ? [seconds / 60, "minute"] : size < 129600 ? [seconds / 3600, "hour"] : [seconds / 86400, "day"];
    time.dataset.ago = relative.format(Math.round(n), unit);
  }
}

// --- What is urgent stands in the title, also in another tab --------------------------------------------------------------
const title = document.title;
function alarm() {
  const urgent = Number(document.querySelector("#counts [data-urgent]")?.dataset.urgent ?? 0);
  document.title = urgent ? `(${urgent}) ${title}` : title;
}

// --- Conversation: the newest words are in sight, unless somebody reads above -----------------------------------------------
const talk = () => document.getElementById("case-talk");
let atEnd = true;
function follow() { const box = talk(); if (box && atEnd) box.scrollTop = box.scrollHeight; }

document.addEventListener("DOMContentLoaded", () => {
  age(); alarm(); follow();
  setInterval(age, 30000);
  talk()?.addEventListener("scroll", () => { const box = talk(); atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 40; });
});
document.addEventListener("htmx:after:swap", () => { age(); alarm(); follow(); });

// --- The line to the server ---------------------------------------------------------------------------------------------------
document.addEventListener("htmx:sse:after:connection", event => { if (event.detail.connection.status < 400) fallSilent(); });
document.addEventListener("htmx:sse:error", event => { event.detail.status === 401 ? leave() : tell("cutOff"); });
document.addEventListener("htmx:error", () => tell("notSent"));
document.addEventListener("htmx:response:error", event => {
  // What was typed stays where it is: it can be copied before signing in again.
  const status = event.detail.ctx?.response?.status ?? event.detail.ctx?.response?.raw?.status;
  tell(status === 401 ? "sessionOver" : "notSent");
});
function leave() {
  const typed = [...document.querySelectorAll("textarea")].some(box => box.value.trim());
  if (typed) { talk()?.replaceChildren(); document.getElementById("packet")?.replaceChildren(); tell("sessionOver"); }
  else location.reload();
}
document.addEventListener("session-over", leave);
document.addEventListener("look-again", () => location.reload());

// --- Forms --------------------------------------------------------------------------------------------------------------------
for (const name of ["done-reply", "done-note"]) {
  document.addEventListener(name, () => document.querySelector(`form[data-reset-on="${name}"]`)?.reset());
}
document.addEventListener("click", event => {
  const insert = event.target.closest("[data-insert]");
  if (insert) {
    const box = document.querySelector(insert.dataset.insert);
    const words = insert.textContent.trim();
    box.value = box.value.trim() ? `${box.value.trimEnd()}\n\n${words}` : words;
    box.focus();
  }
  const unfold = event.target.closest("[data-unfold]");
  if (unfold) for (const one of document.querySelectorAll(`${unfold.dataset.unfold} details`)) one.open = true;
});

// --- Keys: j and k through the queue, / to the filters -----------------------------------------------------------------------
document.addEventListener("keydown", event => {
  if (event.target.closest("input, textarea, select") || event.ctrlKey || event.metaKey || event.altKey) return;
  const links = [...document.querySelectorAll("#queue a")];
  const step = { j: 1, k: -1 }[event.key];
  if (!step || !links.length) return;
  const here = links.indexOf(document.activeElement);
  links[Math.min(links.length - 1, Math.max(0, here < 0 ? 0 : here + step))].focus();
  event.preventDefault();
});
