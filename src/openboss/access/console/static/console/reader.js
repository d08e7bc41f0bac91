// A scanner or document reader types a line into whatever field has the focus and ends it with Enter or Tab. A line is
// known by its check digits, so it may arrive in any field: what it says goes where it belongs.
"use strict";

const ID_WEIGHTS = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
const ID_CHECKS = "10X98765432";
const before = new WeakMap(); // what stood in a field when it got the focus

/* An identity card number whose last sign checks the others (ISO 7064 mod 11-2) */
function isIdNumber(text) {
  if (!/^\d{17}[\dX]$/.test(text)) return false;
  const sum = ID_WEIGHTS.reduce((all, weight, i) => all + weight * Number(text[i]), 0);
  return ID_CHECKS[sum % 11] === text[17];
}

/* A card's number: 19 or 20 signs that begin with 89; of 20 digits the last checks the others (Luhn) */
function isCard(text) {
  if (!/^\d{20}$/.test(text)) return /^89[0-9A-F]{17,18}$/.test(text);
  if (!text.startsWith("89")) return false;
  const sum = [...text].reverse().reduce((all, digit, i) => {
    const value = Number(digit) * (i % 2 ? 2 : 1);
    return all + (value > 9 ? value - 9 : value);
  }, 0);
  return sum % 10 === 0;
}

/* A reader's line: parts between | ; ^ or tabs, one of them the number; name and address by how they look */
function readDocument(line) {
  const parts = line.split(/[|;^\t]/).map((part) => part.trim()).filter(Boolean);
  const number = parts.map((part) => part.toUpperCase()).find(isIdNumber);
  if (!number || parts.length < 2) return null;
  const words = parts.filter((part) => !/^\d/.test(part) && part.length > 1);
  const address = words.slice(1).sort((a, b) => b.length - a.length)[0] || "";
  return { name: words[0] || "", document: number, address, line };
}

function put(kind, text) {
  const fields = [...document.querySelectorAll(`[data-reads="${kind}"]`)];
  const field = fields.find((one) => !one.value) || (kind === "line" ? null : fields[0]);
  if (!field || !text) return null;
  field.value = text;
  before.set(field, text);
  field.dispatchEvent(new Event("input", { bubbles: true }));
  field.dispatchEvent(new Event("change", { bubbles: true }));
  return field;
}

/* Says whether a line was one of a reader, and has put it where it belongs. */
function distribute(line) {
  if (isCard(line)) return [put("card", line)].filter(Boolean);
  const read = readDocument(line);
  if (!read) return [];
  const kind = document.querySelector("select[name=cert_type]");
  if (kind) kind.value = "ID_CARD";
  return Object.entries(read).map(([what, text]) => put(what, text)).filter(Boolean);
}

function moveOnFrom(field) {
  const fields = [...field.form.elements].filter((one) => one.matches("input:not([type=hidden]):not([type=checkbox])"));
  fields.slice(fields.indexOf(field) + 1).find((one) => !one.value)?.focus();
}

function onReaderEnd(event) {
  const field = event.target;
  if (!["Enter", "Tab"].includes(event.key) || !(field instanceof HTMLInputElement) || !field.form) return;
  const stood = before.get(field) || "";
  const line = (field.value.startsWith(stood) ? field.value.slice(stood.length) : field.value).trim();
  const typed = field.value;
  field.value = stood;
  const reached = line ? distribute(line) : [];
  if (!reached.length) {
    field.value = typed;
    return;
  }
  if (event.key === "Enter") {
    event.preventDefault();
    event.stopPropagation();
    if (reached.includes(field)) moveOnFrom(field);
  }
}

document.addEventListener("focusin", (event) => {
  if (event.target instanceof HTMLInputElement) before.set(event.target, event.target.value);
});
if (document.activeElement instanceof HTMLInputElement) before.set(document.activeElement, document.activeElement.value);
document.addEventListener("keydown", onReaderEnd, true);
