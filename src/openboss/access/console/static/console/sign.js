// The field to sign in: finger, stylus or mouse draw, a name can be typed; either way a picture is sent.
"use strict";

const signing = document.querySelector("form[data-sign]");
const pad = signing.querySelector("canvas");
const typed = signing.querySelector("[data-typed]");
const pen = pad.getContext("2d");
let drawn = false;
let last = null;

function wipe() {
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, pad.width, pad.height);
  pen.strokeStyle = pen.fillStyle = "#101828";
  pen.lineWidth = 5;
  pen.lineCap = pen.lineJoin = "round";
  drawn = false;
  typed.required = true;
}

function at(event) {
  const box = pad.getBoundingClientRect();
  return [((event.clientX - box.left) * pad.width) / box.width, ((event.clientY - box.top) * pad.height) / box.height];
}

function draw(event) {
  if (!last) return;
  const next = at(event);
  pen.beginPath();
  pen.moveTo(...last);
  pen.lineTo(...next);
  pen.stroke();
  last = next;
  drawn = true;
  typed.required = false;
}

/* A typed name is written into the same picture. */
function write() {
  if (drawn) return;
  const name = typed.value.trim();
  wipe();
  let size = 130;
  do {
    size -= 5;
    pen.font = `italic ${size}px "KaiTi", "STKaiti", "Noto Serif CJK SC", serif`;
  } while (size > 30 && pen.measureText(name).width > pad.width - 60);
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.fillText(name, pad.width / 2, pad.height / 2);
}

pad.addEventListener("pointerdown", (event) => {
  if (!drawn) wipe();
  typed.value = "";
  last = at(event);
  pad.setPointerCapture(event.pointerId);
});
pad.addEventListener("pointermove", draw);
pad.addEventListener("pointerup", () => { last = null; });
typed.addEventListener("input", write);
signing.querySelector("[data-wipe]").addEventListener("click", () => {
  wipe();
  typed.value = "";
  typed.focus();
});
signing.addEventListener("submit", () => { signing.elements.signature.value = pad.toDataURL("image/png"); });
wipe();
