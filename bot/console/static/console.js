// What a page does beyond links and forms, which work without it. No text of a case is ever kept here.
"use strict";

const line = () => document.getElementById("line");
function tell(key) {
  const box = line();
  if (box && document.body.dataset[key] && box.textContent !== document.body.dataset[key]) { box.textContent = document.body.dataset[key]; box.hidden = false; }
}
function fallSilent() { const box = line(); if (box) { box.hidden = true; box.textContent = ""; } }

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
const isStream = element => element?.hasAttribute?.("hx-sse:connect");
const statusOf = event => event.detail.ctx?.response?.status ?? event.detail.ctx?.response?.raw?.status;
document.addEventListener("htmx:sse:after:connection", event => { if (event.detail.connection.status < 400) fallSilent(); });
document.addEventListener("htmx:sse:error", event => lost(event.detail.status));
function lost(status) { status === 401 ? leave("sessionOver") : [403, 404].includes(status) ? leave("changed") : tell("cutOff"); }
function failed(event) {
  const source = event.detail.ctx?.sourceElement, status = statusOf(event);
  if (isStream(source)) {
    // The extension comes back by itself only once it has been connected.
    lost(status);
    if (source.isConnected) setTimeout(() => source.isConnected && !source._htmx?.sse && htmx.ajax("GET", source.getAttribute("hx-sse:connect"), { source }), 4000);
  } else if (source?.matches?.("form")) {
    // What was typed stays where it is: it can be copied before signing in again.
    tell(status === 401 ? "sessionOver" : "notSent");
  }
}
document.addEventListener("htmx:error", failed);
document.addEventListener("htmx:response:error", failed);
document.addEventListener("htmx:after:request", event => {
  if (event.detail.ctx?.sourceElement?.matches?.("form") && statusOf(event) < 400) fallSilent();
});
// The page is not for this reader any more: no word of it stays on the screen, and what they have typed does.
// Nor does it ask for more: a line that is refused once is refused every time.
function leave(why) {
  document.querySelector("[hx-sse\\:connect]")?.remove();
  const typed = [...document.querySelectorAll("textarea")].some(box => box.value.trim());
  if (!typed) { location.reload(); return; }
  for (const name of ["case-head", "case-talk", "case-work", "case-log", "packet", "queue"]) document.getElementById(name)?.replaceChildren();
  tell(why);
}
document.addEventListener("session-over", () => leave("sessionOver"));
document.addEventListener("look-again", () => leave("changed"));

// --- Forms --------------------------------------------------------------------------------------------------------------------
const sent = new WeakMap();
document.addEventListener("htmx:before:request", event => {
  const form = event.detail.ctx?.sourceElement;
  if (form?.matches?.("form[data-clear-on]")) sent.set(form, form.querySelector("textarea").value);
});
for (const name of ["done-reply", "done-note"]) {
  document.addEventListener(name, () => {
    const form = document.querySelector(`form[data-clear-on="${name}"]`), box = form?.querySelector("textarea");
    if (!box) return;
    if (box.value === sent.get(form)) box.value = ""; // else somebody went on writing
    if (form.elements.key) form.elements.key.value = crypto.getRandomValues(new Uint32Array(4)).join("");
  });
}
let toReply = false; // the reply box is shown a moment after the claim, or by the live page a moment before it is confirmed
const goToReply = () => {
  const box = document.getElementById("reply-text");
  if (toReply && box?.offsetParent) { toReply = false; box.focus(); }
};
document.addEventListener("done-claim", () => { toReply = true; goToReply(); });
document.addEventListener("htmx:after:swap", goToReply);
document.addEventListener("submit", event => {
  if (event.target.matches("[data-once]")) setTimeout(() => { for (const button of event.target.querySelectorAll("button")) button.disabled = true; });
});
let focused = "";
document.addEventListener("htmx:before:swap", () => { focused = document.activeElement?.id ?? ""; });
document.addEventListener("htmx:after:swap", () => {
  if (focused && document.activeElement === document.body) document.getElementById(focused)?.focus();
});
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
