// The console's own behaviour: choices, drawer, palette, list keys, dialogs, toasts. No framework, no inline script.
"use strict";

const YEAR_S = 31536000;
const body = document.body;
const root = document.documentElement;
const palette = document.getElementById("palette");

function remember(name, value) {
  document.cookie = `${name}=${value};path=/;max-age=${YEAR_S};samesite=lax`;
}

function typing(target) {
  return target instanceof Element && target.closest("input, textarea, select, [contenteditable]") !== null;
}

/* Theme and density: one click, kept in a cookie so that the server draws the next page right at once. */

function choose(button) {
  const { choice, value } = button.dataset;
  remember(choice, value);
  if (choice === "theme") {
    root.dataset.themeChoice = value;
    window.bossApplyTheme();
  } else {
    root.dataset[choice] = value;
  }
  document.querySelectorAll(`[data-choice="${choice}"]`).forEach((other) => {
    other.setAttribute("aria-pressed", String(other.dataset.value === value));
  });
}

/* Menus and the drawer */

function closeMenus(except) {
  document.querySelectorAll("details.menu[open]").forEach((menu) => {
    if (menu !== except) menu.open = false;
  });
}

function drawer(open) {
  body.classList.toggle("drawer", open);
  document.querySelectorAll("[data-drawer]").forEach((b) => b.setAttribute("aria-expanded", String(open)));
  if (open) document.querySelector(".rail a")?.focus();
}

/* Palette */

let paletteTimer = 0;
let paletteAsked = 0;

function openPalette() {
  if (!palette || palette.open) return;
  palette.showModal();
  const input = palette.querySelector("input");
  input.value = "";
  input.focus();
  askPalette("");
}

async function askPalette(text) {
  const asked = ++paletteAsked;
  const results = palette.querySelector(".palette-results");
  const answer = await fetch(`${palette.dataset.url}?q=${encodeURIComponent(text)}`, { headers: { "HX-Request": "true" } });
  if (asked !== paletteAsked) return;
  if (answer.redirected || !answer.ok) {
    results.textContent = palette.dataset.failed;
    return;
  }
  results.innerHTML = await answer.text();
  select(0);
}

function options() {
  return [...palette.querySelectorAll('[role="option"]')];
}

function select(index) {
  const all = options();
  const input = palette.querySelector("input");
  all.forEach((option, i) => option.setAttribute("aria-selected", String(i === index)));
  const chosen = all[index];
  if (chosen) {
    input.setAttribute("aria-activedescendant", chosen.id);
    chosen.scrollIntoView({ block: "nearest" });
  } else {
    input.removeAttribute("aria-activedescendant");
  }
}

function paletteKey(event) {
  const all = options();
  const at = all.findIndex((option) => option.getAttribute("aria-selected") === "true");
  const moves = { ArrowDown: 1, ArrowUp: -1 };
  if (event.key in moves && all.length) {
    event.preventDefault();
    select((at + moves[event.key] + all.length) % all.length);
  } else if (event.key === "Enter" && all[at]) {
    event.preventDefault();
    if (event.ctrlKey || event.metaKey) window.open(all[at].href, "_blank", "noopener");
    else window.location.assign(all[at].href);
  }
}

/* Lists: J and K move, Enter opens, X clears the filters */

function listKey(key) {
  const rows = [...document.querySelectorAll("table[data-list] tbody tr[data-href]")];
  if (!rows.length) return false;
  let at = rows.findIndex((row) => row.classList.contains("at"));
  if (key === "Enter") {
    if (at < 0) return false;
    window.location.assign(rows[at].dataset.href);
    return true;
  }
  at = Math.max(0, Math.min(rows.length - 1, at + (key === "j" ? 1 : -1)));
  rows.forEach((row, i) => row.classList.toggle("at", i === at));
  rows[at].scrollIntoView({ block: "nearest" });
  return true;
}

/* Tabs of open customers: [ and ] walk, W closes the one on the screen */

function walkTabs(step) {
  const tabs = [...document.querySelectorAll("[data-tab]")];
  if (!tabs.length) return;
  const at = tabs.findIndex((tab) => tab.getAttribute("aria-current") === "page");
  const next = at < 0 ? 0 : (at + step + tabs.length) % tabs.length;
  window.location.assign(tabs[next].href);
}

/* Shift with a function key goes to an open customer by the place of the tab. */
function goToTab(key) {
  document.querySelectorAll("[data-tab]")[Number(key.slice(1)) - 1]?.click();
}

function openSaveView() {
  const menu = document.getElementById("save-view");
  if (!menu) return;
  menu.open = true;
  menu.querySelector("input[name=title]").focus();
}

function openFilters() {
  const box = document.querySelector(".filter-box");
  if (box) box.open = true;
  return document.querySelector(".filters input");
}

function functionKey(key) {
  const target = document.querySelector(`[data-key="${key}"]`);
  if (!target || target.disabled) return false;
  if (target.matches("input")) target.focus();
  else target.click();
  return true;
}

function onKey(event) {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
    event.preventDefault();
    openPalette();
    return;
  }
  if (palette?.open) return;
  if (event.key === "Escape") {
    document.querySelectorAll("details.pick[open]").forEach((pick) => { pick.open = false; pick.querySelector("summary").focus(); });
    closeMenus();
    drawer(false);
  }
  if (/^F\d+$/.test(event.key)) {
    if (event.shiftKey) { event.preventDefault(); goToTab(event.key); return; }
    if (!document.querySelector("dialog[open]") && functionKey(event.key)) event.preventDefault();
    return;
  }
  if (typing(event.target) || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.key === "?") document.getElementById("keys")?.showModal();
  else if (event.key === "/") { event.preventDefault(); (openFilters() || { focus: openPalette }).focus(); }
  else if (event.key === "x") document.querySelector("[data-clear-filters]")?.click();
  else if (event.key === "[" || event.key === "]") walkTabs(event.key === "]" ? 1 : -1);
  else if (event.key === "w") document.querySelector("[data-close-tab]")?.click();
  else if (event.key === "s") { event.preventDefault(); openSaveView(); }
  else if (/^\d$/.test(event.key)) functionKey(event.key);
  else if ("jk".includes(event.key)) listKey(event.key);
  else if (event.key === "Enter" && event.target === body && listKey("Enter")) event.preventDefault();
}

/* On a phone a row becomes a card: each cell is told its column's name, and the parts of the table keep their roles. */

function labelCells() {
  document.querySelectorAll("table.lines:not([data-labelled])").forEach((table) => {
    table.dataset.labelled = "";
    const names = [...table.querySelectorAll("thead th:not([scope=colgroup])")].map((head) => head.textContent.trim());
    table.setAttribute("role", "table");
    table.querySelectorAll("thead, tbody, tfoot").forEach((part) => part.setAttribute("role", "rowgroup"));
    table.querySelectorAll("tr").forEach((row) => {
      row.setAttribute("role", "row");
      let column = 0;
      [...row.cells].forEach((cell) => {
        if (cell.tagName === "TD") {
          cell.setAttribute("role", "cell");
          if (cell.colSpan === 1 && names[column]) cell.dataset.label = names[column];
        } else {
          cell.setAttribute("role", cell.scope.startsWith("row") ? "rowheader" : "columnheader");
        }
        column += cell.colSpan;
      });
    });
  });
}

/* Forms that check themselves: every change is announced, what is ticked in a pick is written on its button */

function changed(node) {
  node.closest("form[data-watch]")?.dispatchEvent(new CustomEvent("boss:changed", { bubbles: true }));
}

function writePicks() {
  document.querySelectorAll("details.pick").forEach((pick) => {
    const chosen = [...pick.querySelectorAll("input")].filter((box) => (box.type === "checkbox" ? box.checked : box.value))
      .map((box) => (box.type === "checkbox" ? box.parentElement.textContent.trim() : box.value));
    pick.querySelector("[data-picked]").textContent = chosen.join(" · ") || pick.dataset.empty;
  });
}

function removeRow(button) {
  const form = button.closest("form");
  button.closest(button.dataset.remove).remove();
  changed(form);
}

/* One more row of a table in a form: the row's token stands for a number no other row has. */
function addRow(button) {
  const blank = button.parentElement.querySelector(":scope > template");
  blank.insertAdjacentHTML("beforebegin", blank.innerHTML.replaceAll(blank.dataset.token, Date.now() % 1e9));
  writePicks();
  blank.previousElementSibling.querySelector("input, select, summary")?.focus();
}

function focusFresh() {
  document.querySelectorAll("[data-fresh]").forEach((row) => {
    delete row.dataset.fresh;
    row.querySelector("input")?.focus();
    changed(row);
  });
}

/* The payment desk: change while one types, Enter moves on, the amount stands ready to be typed over */

function fenOf(text) {
  const fen = Math.round(Number(text.replaceAll(",", "")) * 100);
  return Number.isFinite(fen) ? fen : 0;
}

function writeChange(form) {
  const due = fenOf(form.elements.paid.value);
  const tendered = form.elements.tendered.value.trim() ? fenOf(form.elements.tendered.value) : due;
  const output = form.querySelector("[data-change]");
  output.value = ((tendered - due) / 100).toFixed(2);
  output.classList.toggle("bad", tendered < due);
  const received = form.querySelector("[data-received]");
  if (received) received.textContent = (tendered / 100).toFixed(2);
}

function moveOn(event) {
  const next = event.target instanceof Element ? event.target.closest("[data-next]")?.dataset.next : null;
  if (event.key !== "Enter" || !next) return;
  event.preventDefault();
  document.getElementById(next).focus();
}

/* Selected rows of a list with bulk actions */

function countSelected() {
  const chosen = document.querySelectorAll("[data-select-row]:checked").length;
  document.querySelectorAll("[data-selected-count]").forEach((node) => { node.textContent = String(chosen); });
  document.querySelectorAll("[data-needs-selection]").forEach((node) => { node.disabled = chosen === 0; });
}

/* One of several views of the same card */
function switchTo(button) {
  button.parentElement.querySelectorAll("[data-switch]").forEach((other) => {
    const chosen = other === button;
    other.setAttribute("aria-pressed", String(chosen));
    document.getElementById(other.dataset.switch).hidden = !chosen;
  });
  document.dispatchEvent(new CustomEvent("boss:theme"));
}

async function copy(node) {
  await navigator.clipboard.writeText(node.dataset.copy);
  toast(node.dataset.copied, "success");
}

function toast(text, level) {
  const line = document.createElement("div");
  line.className = `toast-line ${level}`;
  line.setAttribute("role", "status");
  line.textContent = text;
  document.querySelector(".toasts").append(line);
  setTimeout(() => line.remove(), 6000);
}

function onClick(event) {
  const target = event.target;
  if (!(target instanceof Element)) return;
  const near = (selector) => target.closest(selector);
  closeMenus(near("details.menu"));
  if (near("[data-choice]")) choose(near("[data-choice]"));
  if (near("[data-open-palette]")) openPalette();
  if (near("[data-drawer]")) drawer(!body.classList.contains("drawer"));
  if (near("[data-dialog]")) document.getElementById(near("[data-dialog]").dataset.dialog)?.showModal();
  if (near("[data-close]")) near("dialog")?.close();
  if (near("[data-copy]")) copy(near("[data-copy]"));
  if (near("[data-dismiss]")) near(".toast-line")?.remove();
  if (near("[data-print]")) window.print();
  if (near("[data-remove]")) removeRow(near("[data-remove]"));
  if (near("[data-more-rows]")) addRow(near("[data-more-rows]"));
  document.querySelectorAll("details.pick[open]").forEach((pick) => { if (!pick.contains(target)) pick.open = false; });
  if (near("[data-switch]")) switchTo(near("[data-switch]"));
  if (target.tagName === "DIALOG") target.close();
  const row = near("tr[data-href]");
  if (row && !near("a, button, input, label")) window.location.assign(row.dataset.href);
}

function onChange(event) {
  const target = event.target;
  if (target.matches("[data-select-all]")) {
    document.querySelectorAll("[data-select-row]").forEach((box) => { box.checked = target.checked; });
  }
  if (target.matches("[data-select-all], [data-select-row]")) countSelected();
  if (target.matches("[data-submit]")) target.form.requestSubmit();
  if (target.closest("details.pick")) writePicks();
  changed(target);
}

/* A filter form sends only what is filled in, so that the address stays the short name of the view. */
function shortenQuery(event) {
  if (!event.target.matches("form.filters, form[data-short]")) return;
  [...event.target.elements].forEach((field) => { if (field.name && !field.value) field.disabled = true; });
}

/* A bulk form takes the ticked rows of the list with it. */
function takeRows(event) {
  if (!event.target.matches("form[data-bulk]")) return;
  event.target.querySelectorAll("input[data-taken]").forEach((field) => field.remove());
  document.querySelectorAll("[data-select-row]:checked").forEach((box) => {
    const field = Object.assign(document.createElement("input"), { type: "hidden", name: box.name, value: box.value });
    field.dataset.taken = "";
    event.target.append(field);
  });
}

document.addEventListener("keydown", onKey);
document.addEventListener("click", onClick);
document.addEventListener("change", onChange);
document.addEventListener("input", (event) => {
  changed(event.target);
  const desk = event.target.closest("form[data-desk]");
  if (desk) writeChange(desk);
});
document.addEventListener("keydown", moveOn);
document.addEventListener("focusin", (event) => { if (event.target.matches("[data-select]")) event.target.select(); });
document.addEventListener("submit", shortenQuery);
document.addEventListener("submit", takeRows);
window.addEventListener("pageshow", () => {
  document.querySelectorAll("form.filters :disabled").forEach((field) => { field.disabled = false; });
});
document.addEventListener("htmx:beforeRequest", () => body.classList.add("loading"));
document.addEventListener("htmx:afterRequest", () => body.classList.remove("loading"));
document.addEventListener("htmx:afterSwap", () => { countSelected(); labelCells(); writePicks(); focusFresh(); });
if (palette) {
  palette.addEventListener("keydown", paletteKey);
  palette.querySelector("input").addEventListener("input", (event) => {
    clearTimeout(paletteTimer);
    paletteTimer = setTimeout(askPalette, 120, event.target.value);
  });
}
document.querySelectorAll(".toasts .toast-line:not(.error)").forEach((line) => setTimeout(() => line.remove(), 8000));
countSelected();
labelCells();
writePicks();
document.querySelector("[data-select][autofocus]")?.select();
// On a phone the rows come first: filters that are not in use fold away.
if (window.matchMedia("(max-width: 640px)").matches) {
  document.querySelectorAll('.filter-box[data-filters=""]').forEach((box) => { box.open = false; });
}

// The rail shows where one is, however long it is.
document.querySelector(".rail [aria-current=\"page\"]")?.scrollIntoView({ block: "nearest" });
