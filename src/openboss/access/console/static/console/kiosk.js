// A kiosk: digits and banknotes to touch, printing, and back to the start when nobody touches it.
"use strict";

const page = document.body;
const idleMs = Number(page.dataset.idle) * 1000;
let touchedAt = Date.now();
let field = document.querySelector("[data-pad]");

function press(key) {
  if (!field) return;
  if (key === "wipe") field.value = "";
  else if (key === "back") field.value = field.value.slice(0, -1);
  else if (field.value.length < field.maxLength) field.value += key;
}

/* The simulated taker of banknotes: one hidden field a note */
function takeNote(note) {
  const box = document.querySelector("[data-notes]");
  box.append(Object.assign(document.createElement("input"), { type: "hidden", name: "note", value: note }));
  const sum = [...box.children].reduce((all, one) => all + Number(one.value), 0);
  document.querySelector("[data-sum]").textContent = String(sum);
}

document.addEventListener("focusin", (event) => { if (event.target.matches("[data-pad]")) field = event.target; });
document.addEventListener("click", (event) => {
  touchedAt = Date.now();
  const digit = event.target.closest("[data-digit]");
  const note = event.target.closest("[data-note]");
  if (digit) press(digit.dataset.digit);
  if (note) takeNote(note.dataset.note);
  if (event.target.closest("[data-print]")) window.print();
});
document.addEventListener("keydown", () => { touchedAt = Date.now(); });
setInterval(() => {
  const left = Math.ceil((idleMs - (Date.now() - touchedAt)) / 1000);
  const shown = document.querySelector("[data-left]");
  if (!shown) return;
  shown.textContent = left <= 20 ? String(Math.max(left, 0)) : "";
  if (left <= 0) window.location.assign(page.dataset.leave);
}, 500);
