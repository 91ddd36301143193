// Plays a person's phone and one colleague's view of the group, over the emulator's control interface.
"use strict";

let facts = null, chosen = null, last = {};

async function get(path) { const answer = await fetch(path); return (await answer.json()).result; }
async function post(path, body) { await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) }); await look(); }

function bubble(message, isMine, press) {
  const box = document.createElement("div");
  box.className = isMine ? "message mine" : "message";
  box.dir = "auto";
  const words = document.createElement("div");
  words.textContent = message.text || `[${message.kind}]`;
  box.append(words);
  const marks = Object.values(message.reactions ?? {}).flat();
  if (marks.length) { const mark = document.createElement("div"); mark.className = "marks"; mark.textContent = marks.join(" "); box.append(mark); }
  if (message.buttons.length) {
    const row = document.createElement("div"); row.className = "buttons";
    for (const label of message.buttons) { const button = document.createElement("button"); button.textContent = label; button.onclick = () => press(label, message); row.append(button); }
    box.append(row);
  }
  return box;
}

function show(id, messages, isMine, press) {
  const state = JSON.stringify([chosen, messages]);
  if (last[id] === state) return;
  last[id] = state;
  const box = document.getElementById(id);
  box.replaceChildren(...messages.map(message => bubble(message, isMine(message), press)));
  box.scrollTop = box.scrollHeight;
}

async function look() {
  facts = await (await fetch("/demo/facts")).json();
  if (facts.ready && last.ready !== true) {
    last.ready = true;
    document.getElementById("state").textContent = "Ready.";
    for (const button of document.querySelectorAll("#try button")) button.disabled = false;
  }
  document.getElementById("console").href = facts.console;
  document.getElementById("accounts").replaceChildren(...facts.accounts.map(account => {
    const row = document.createElement("tr");
    for (const value of [account.name, account.password, account.code]) { const cell = document.createElement("td"); cell.textContent = value; row.append(cell); }
    return row;
  }));
  const [amina, group] = await Promise.all([get(`/control/users/${facts.amina}`), get(`/control/groups/${facts.group}`)]);
  show("phone", amina.messages, message => message.from === facts.amina, (label, message) => post(`/control/users/${facts.amina}/press`, { button: label, message: message.message_id }));
  const places = [{ thread_id: null, name: "General", messages: group.general }, ...group.topics];
  if (!places.some(place => place.thread_id === chosen)) chosen = null;
  if (chosen === null && group.topics.length && !last.touched) chosen = group.topics.at(-1).thread_id;
  const names = JSON.stringify([chosen, places.map(place => place.name)]);
  if (last.topics !== names) {
    last.topics = names;
    document.getElementById("topics").replaceChildren(...places.map(place => {
      const button = document.createElement("button");
      button.textContent = place.name; button.ariaPressed = String(place.thread_id === chosen);
      button.onclick = () => { chosen = place.thread_id; last.touched = true; look(); };
      return button;
    }));
  }
  const place = places.find(one => one.thread_id === chosen);
  show("topic", place.messages, message => message.from === facts.lea, (label, message) => post(`/control/users/${facts.lea}/press`, { button: label, group: facts.group, message: message.message_id }));
}

document.getElementById("try").addEventListener("click", event => { if (event.target.dataset.say) post(`/control/users/${facts.amina}/send`, { text: event.target.dataset.say }); });
document.getElementById("phone-form").addEventListener("submit", event => {
  event.preventDefault();
  const box = document.getElementById("phone-text");
  if (box.value.trim()) post(`/control/users/${facts.amina}/send`, { text: box.value });
  box.value = "";
});
document.getElementById("group-form").addEventListener("submit", event => {
  event.preventDefault();
  const box = document.getElementById("group-text");
  if (box.value.trim()) post(`/control/users/${facts.lea}/post`, { group: facts.group, topic: chosen, text: box.value });
  box.value = "";
});
look();
setInterval(look, 700);
