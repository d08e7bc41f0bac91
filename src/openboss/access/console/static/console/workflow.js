// Diagrams of flows: where work stands (viewer), and the drawing board of an administrator (modeler). Our own fields of
// an element are attributes of the namespace urn:openboss:workflow; the server checks everything again.
"use strict";

const OWN = {
  name: "OpenBOSS", uri: "urn:openboss:workflow", prefix: "openboss", xml: { tagAlias: "lowerCase" }, associations: [],
  types: [
    { name: "Named", extends: ["bpmn:FlowElement", "bpmn:Process"], properties: [attribute("name_en")] },
    { name: "Asked", extends: ["bpmn:UserTask"], properties: ["team", "due_hours", "escalates_to", "decisions"].map(attribute) },
    { name: "Called", extends: ["bpmn:ServiceTask"], properties: [attribute("call")] },
  ],
};
const LEGIBLE = 0.5;
const BPMN = "http://www.omg.org/spec/BPMN/20100524/MODEL";

function attribute(name) {
  return { name, isAttr: true, type: "String" };
}

function given(id) {
  const node = document.getElementById(id);
  return node ? JSON.parse(node.textContent) : null;
}

/* The names of the page's language, for a diagram that is only looked at */
function inLanguage(xml, language) {
  if (language === "zh") return xml;
  const tree = new DOMParser().parseFromString(xml, "text/xml");
  for (const node of tree.getElementsByTagNameNS(BPMN, "*")) {
    const name = node.getAttributeNS(OWN.uri, "name_en");
    if (name) node.setAttribute("name", name);
  }
  return new XMLSerializer().serializeToString(tree);
}

/* The drawing board offers what can be carried out and nothing else, in the page's language. */
const PALETTE = ["hand-tool", "lasso-tool", "space-tool", "global-connect-tool", "tool-separator", "create.start-event", "create.end-event", "create.exclusive-gateway"];
const PAD = ["append.end-event", "append.gateway", "connect", "delete", "replace"];
const REPLACE = ["replace-with-user-task", "replace-with-service-task", "replace-with-exclusive-gateway", "replace-with-parallel-gateway", "replace-with-none-end", "replace-with-default-flow", "replace-with-conditional-flow", "replace-with-sequence-flow"];
const MADE = { "bpmn:UserTask": "bpmn-icon-user-task", "bpmn:ServiceTask": "bpmn-icon-service-task" };

function only(names) {
  return (entries) => Object.fromEntries(Object.entries(entries).filter(([name]) => names.includes(name)));
}

function tools(words) {
  function Tools(palette, contextPad, popupMenu, elementFactory, create, autoPlace) {
    const made = (title, begin, append) => Object.fromEntries(Object.entries(MADE).map(([type, className]) => [
      `${title}.${type}`,
      { group: append ? "model" : "activity", className, title: words[`kind${type.replace("bpmn:", "")}`], action: {
        dragstart: (event) => begin(event, elementFactory.createShape({ type })),
        click: (event) => (append || begin)(event, elementFactory.createShape({ type })),
      } },
    ]));
    palette.registerProvider(500, { getPaletteEntries: () => (entries) => ({
      ...only(PALETTE)(entries), ...made("create", (event, shape) => create.start(event, shape)),
    }) });
    contextPad.registerProvider(500, { getContextPadEntries: (element) => (entries) => ({
      ...("append.end-event" in entries ? made("append", (event, shape) => create.start(event, shape, { source: element }), (event, shape) => autoPlace.append(element, shape)) : {}),
      ...only(PAD)(entries),
    }) });
    popupMenu.registerProvider("bpmn-replace", 500, { getPopupMenuEntries: () => only(REPLACE), getPopupMenuHeaderEntries: () => () => ({}) });
  }
  Tools.$inject = ["palette", "contextPad", "popupMenu", "elementFactory", "create", "autoPlace"];
  const said = JSON.parse(words.said);
  const translate = (text, values) => (said[text] || text).replace(/{([^}]+)}/g, (whole, name) => values?.[name] ?? whole);
  return { __init__: ["boardTools"], boardTools: ["type", Tools], translate: ["value", translate] };
}

class Board {
  constructor(place) {
    this.place = place;
    this.drawing = given("drawing");
    this.form = document.getElementById("draft");
    this.mayDraw = this.form !== null && !("readonly" in this.form.dataset);
    this.choices = given("choices");
    this.words = document.getElementById("words")?.dataset;
    this.diagram = new window.BpmnJS({
      container: place,
      moddleExtensions: { openboss: OWN },
      additionalModules: this.mayDraw ? [tools(this.words)] : [],
      bpmnRenderer: { defaultFillColor: "var(--boss-surface)", defaultStrokeColor: "var(--boss-ink)", defaultLabelColor: "var(--boss-ink)" },
    });
  }

  async open() {
    const xml = this.mayDraw ? this.drawing.xml : inLanguage(this.drawing.xml, this.place.dataset.language);
    await this.diagram.importXML(xml);
    this.fit();
    this.mark("is-done", this.drawing.done);
    this.mark("is-here", this.drawing.here);
    if (this.words) this.listen();
    if (this.drawing.problems?.length) this.showProblems(this.drawing.problems);
    this.place.dataset.ready = "";
  }

  part(name) {
    return this.diagram.get(name);
  }

  /* All of it with a margin, beside the palette; on a phone as large as can be read, where it waits */
  fit() {
    const canvas = this.part("canvas");
    const { inner, outer } = canvas.viewbox();
    const scale = Math.min(1, (outer.width - 40 - this.left()) / inner.width, (outer.height - 70) / inner.height);
    const shown = Math.max(scale, LEGIBLE);
    const [width, height] = [outer.width / shown, outer.height / shown];
    const [x, y] = scale < LEGIBLE ? this.waits(inner, width) : [inner.x + inner.width / 2, inner.y + inner.height / 2];
    canvas.viewbox({ x: x - (width + this.left() / shown) / 2, y: y - height / 2, width, height });
  }

  left() {
    const palette = this.place.querySelector(".djs-palette");
    return palette ? palette.offsetWidth : 0;
  }

  /* Where work waits; the left end of the diagram if it does nowhere */
  waits(inner, width) {
    const here = this.part("elementRegistry").get(this.drawing.here[0]);
    if (here) return [here.x + here.width / 2, here.y + here.height / 2];
    return [inner.x + width / 2 - 10, inner.y + inner.height / 2];
  }

  mark(marker, elements) {
    for (const id of elements) {
      if (this.part("elementRegistry").get(id)) this.part("canvas").addMarker(id, marker);
    }
  }

  listen() {
    document.querySelectorAll("[data-zoom]").forEach((button) => button.addEventListener("click", () => {
      if (button.dataset.zoom === "fit") this.fit();
      else this.part("zoomScroll").stepZoom(button.dataset.zoom === "in" ? 1 : -1);
    }));
    this.diagram.on("selection.changed", () => this.show());
    this.diagram.on("shape.changed", (event) => { if (event.element === this.shown) this.show(); });
    this.show();
    if (!this.mayDraw) return;
    document.getElementById("check").addEventListener("click", () => this.check());
    this.form.addEventListener("submit", (event) => this.save(event));
  }

  /* The panel: the fields of what is selected, of the flow if nothing is */
  show() {
    const selected = this.part("selection").get().filter((one) => one.type !== "label" || one.labelTarget);
    const root = this.part("canvas").getRootElement();
    this.shown = selected.length === 1 ? selected[0].labelTarget || selected[0] : root;
    const panel = document.getElementById("element");
    document.getElementById("element-title").textContent = this.shown === root ? this.words.flow : this.words[`kind${this.shown.businessObject.$type.replace("bpmn:", "")}`] || this.shown.businessObject.$type;
    panel.replaceChildren(...this.fields(this.shown));
    if (!this.mayDraw) panel.querySelectorAll("input, select, textarea").forEach((field) => { field.disabled = true; });
  }

  fields(element) {
    const type = element.businessObject.$type;
    const isKept = type === "bpmn:Process" && this.form.elements.flow.value !== "";
    const fields = [this.text(element, "id", this.words.id, isKept), this.text(element, "name", this.words.zh), this.text(element, "openboss:name_en", this.words.en)];
    if (type === "bpmn:UserTask") fields.push(...this.asked(element));
    if (type === "bpmn:ServiceTask") fields.push(this.choice(element, "openboss:call", this.words.call, this.choices.calls));
    if (type === "bpmn:SequenceFlow" && element.source?.businessObject.$type === "bpmn:ExclusiveGateway") fields.push(...this.way(element));
    return fields;
  }

  asked(element) {
    const teams = this.choices.teams;
    return [
      this.choice(element, "openboss:team", this.words.team, teams),
      this.ticks(element, "openboss:decisions", this.words.decisions, this.choices.decisions),
      this.text(element, "openboss:due_hours", this.words.hours, false, "numeric"),
      this.choice(element, "openboss:escalates_to", this.words.up, teams.filter(([code]) => code !== "STARTER")),
    ];
  }

  way(element) {
    const business = element.businessObject;
    const isDefault = element.source.businessObject.default === business;
    const condition = field("textarea", this.words.condition);
    condition.input.value = business.conditionExpression?.body || "";
    condition.input.disabled = isDefault;
    condition.input.addEventListener("change", () => {
      const body = condition.input.value.trim();
      const expression = body ? this.part("moddle").create("bpmn:FormalExpression", { body }) : undefined;
      this.part("modeling").updateProperties(element, { conditionExpression: expression });
    });
    const names = document.createElement("p");
    names.className = "muted small m-0";
    names.textContent = `${this.words.values} ${this.choices.values.join(", ")}`;
    const tick = this.flag(this.words.default, isDefault, (on) => {
      const modeling = this.part("modeling");
      if (on) modeling.updateProperties(element, { conditionExpression: undefined });
      modeling.updateProperties(element.source, { default: on ? business : undefined });
      this.show();
    });
    return [condition.label, names, tick];
  }

  text(element, name, title, isFixed = false, mode = "text") {
    const made = field("input", title);
    made.input.value = element.businessObject.get(name) || "";
    made.input.disabled = isFixed;
    made.input.inputMode = mode;
    made.input.autocomplete = "off";
    made.input.addEventListener("change", () => this.put(element, name, made.input.value.trim()));
    return made.label;
  }

  choice(element, name, title, choices) {
    const made = field("select", title);
    const value = element.businessObject.get(name) || "";
    const known = choices.some(([code]) => code === value) || !value ? choices : [...choices, [value, value]];
    for (const [code, text] of [["", this.words.nobody], ...known]) made.input.append(new Option(text, code, false, code === value));
    made.input.addEventListener("change", () => this.put(element, name, made.input.value));
    return made.label;
  }

  ticks(element, name, title, choices) {
    const box = document.createElement("fieldset");
    box.className = "ticks";
    box.append(Object.assign(document.createElement("legend"), { textContent: title }));
    const chosen = () => (element.businessObject.get(name) || "").split(",").map((one) => one.trim()).filter(Boolean);
    for (const [code, text] of choices) {
      box.append(this.flag(text, chosen().includes(code), (on) => {
        this.put(element, name, choices.map(([one]) => one).filter((one) => (one === code ? on : chosen().includes(one))).join(","));
      }));
    }
    return box;
  }

  flag(text, isOn, act) {
    const label = document.createElement("label");
    label.className = "flag";
    const input = Object.assign(document.createElement("input"), { type: "checkbox", checked: isOn });
    input.addEventListener("change", () => act(input.checked));
    label.append(input, ` ${text}`);
    return label;
  }

  put(element, name, value) {
    if (name === "id" && !/^[A-Za-z_]\w{0,63}$/.test(value)) { this.show(); return; }
    this.part("modeling").updateProperties(element, { [name]: value || undefined });
  }

  /* Checking and saving */
  async check() {
    const { xml } = await this.diagram.saveXML({ format: true });
    const sent = new FormData(this.form);
    sent.set("xml", xml);
    const answer = await fetch(this.form.dataset.check, { method: "POST", body: sent });
    if (answer.ok) this.showProblems((await answer.json()).problems);
  }

  showProblems(problems) {
    this.part("elementRegistry").forEach((one) => this.part("canvas").removeMarker(one, "is-wrong"));
    const list = document.getElementById("problems");
    list.hidden = false;
    list.classList.toggle("good", problems.length === 0);
    list.replaceChildren(...(problems.length ? problems : [{ element: "", text: this.words.right }]).map((one) => this.problem(one)));
    this.mark("is-wrong", problems.map((one) => one.element).filter(Boolean));
  }

  problem({ element, text }) {
    const line = document.createElement("li");
    const found = element && this.part("elementRegistry").get(element);
    if (!found) { line.textContent = text; return line; }
    const button = Object.assign(document.createElement("button"), { type: "button", className: "link", textContent: text });
    button.addEventListener("click", () => this.part("selection").select(found));
    line.append(button);
    return line;
  }

  async save(event) {
    if (this.form.elements.xml.value) return;
    event.preventDefault();
    const { xml } = await this.diagram.saveXML({ format: true });
    this.form.elements.xml.value = xml;
    this.form.requestSubmit();
  }
}

function field(tag, title) {
  const label = document.createElement("label");
  const input = document.createElement(tag);
  input.className = tag === "select" ? "form-select" : "form-control";
  label.append(title, input);
  return { label, input };
}

const place = document.getElementById("diagram");
if (place) {
  new Board(place).open().catch((fault) => {
    place.textContent = place.dataset.failed;
    throw fault;
  });
}
