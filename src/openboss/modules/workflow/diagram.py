"""Reading of a BPMN diagram: what it asks of whom, and everything that is wrong with it.

Only a closed list of elements is known; anything else is refused, so that a diagram from elsewhere cannot bring a
script, a timer nobody looks after, or an entity that reads a file. Our own attributes are in the namespace OWN.
"""

import hashlib
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from lxml import etree

from openboss.modules.workflow import conditions
from openboss.modules.workflow.problems import Problem

OWN = "urn:openboss:workflow"
BPMN = "http://www.omg.org/spec/BPMN/20100524/MODEL"
_DRAWING = {
    "http://www.omg.org/spec/BPMN/20100524/DI",
    "http://www.omg.org/spec/DD/20100524/DC",
    "http://www.omg.org/spec/DD/20100524/DI",
}
_NODES = {
    "startEvent": "START",
    "endEvent": "END",
    "userTask": "TASK",
    "serviceTask": "CALL",
    "exclusiveGateway": "CHOICE",
    "parallelGateway": "FORK",
}
_PARTS = {"incoming", "outgoing", "documentation", "textAnnotation", "text", "association", "sequenceFlow"}
_KNOWN = {"definitions", "process", "conditionExpression", *_PARTS, *_NODES}
_SCRIPTS = {"scriptTask", "script"}

MOST_CHARACTERS, MOST_ELEMENTS, MOST_HOURS, LONGEST_ID = 256_000, 2_000, 2_160, 64
STARTER = "STARTER"  # the team of a task that is for whoever began
APPROVE, REFUSE = "approve", "refuse"
DECISIONS = (APPROVE, REFUSE, "send_back", "done", "kept", "leaves", "accept", "decline")


class DiagramRefused(ValueError):
    """The diagram cannot be carried out; `problems` says what is wrong and where."""

    def __init__(self, problems: list[Problem]) -> None:
        """Keep what is wrong."""
        super().__init__("; ".join(one.of("en") for one in problems))
        self.problems = problems


@dataclass(frozen=True)
class Element:
    """One node of a diagram, with what it asks."""

    element: str
    kind: str  # START END TASK CALL CHOICE FORK
    name_zh: str
    name_en: str
    team: str = ""
    due_hours: int | None = None
    escalates_to: tuple[str, ...] = ()
    decisions: tuple[str, ...] = ()
    call: str = ""

    @property
    def is_approval(self) -> bool:
        """Whether it needs somebody other than who asked, and other than who agreed before."""
        return APPROVE in self.decisions


@dataclass(frozen=True)
class Diagram:
    """A diagram that may be carried out."""

    flow: str
    name_zh: str
    name_en: str
    elements: Mapping[str, Element]
    sha256: str


@dataclass(frozen=True)
class Known:
    """What a diagram may name: teams, functions with the values each gives, and values there are from the start."""

    teams: Collection[str]
    calls: Mapping[str, Collection[str]]
    values: Collection[str]


def read(xml: str) -> Diagram:
    """Read a diagram that was checked when it was published. Raises DiagramRefused."""
    root = root_of(xml)
    process = root.findall(f"{{{BPMN}}}process")[0]
    nodes = {node.get("id"): _element(node) for node in _nodes(process)}
    sha256 = hashlib.sha256(xml.encode()).hexdigest()
    return Diagram(process.get("id"), *_names(process), nodes, sha256)


def problems_of(xml: str, known: Known) -> list[Problem]:
    """Everything that is wrong with a diagram; empty: it may be published."""
    try:
        root = root_of(xml)
    except DiagramRefused as refused:
        return refused.problems
    found = [*_unknown(root), *_ids(root)]
    processes = root.findall(f"{{{BPMN}}}process")
    if len(processes) != 1 or processes[0].get("isExecutable") != "true":
        return [*found, Problem("one_process")]
    process = processes[0]
    if not all(_names(process)):
        found.append(Problem("no_name"))
    for node in _nodes(process):
        found += _problems_of_node(node, known)
    found += [*_problems_of_ways(process, known), *_problems_of_shape(process)]
    return found


def root_of(xml: str) -> etree._Element:
    """Parse a diagram without letting it read anything. Raises DiagramRefused."""
    if len(xml) > MOST_CHARACTERS:
        raise DiagramRefused([Problem("too_large", values={"most": MOST_CHARACTERS})])
    if "<!" in re.sub(r"<!--.*?-->|<!\[CDATA\[.*?\]\]>", "", xml, flags=re.S):
        raise DiagramRefused([Problem("has_entities")])
    parser = etree.XMLParser(
        encoding="utf-8", resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(xml.encode(), parser)
    except (etree.XMLSyntaxError, ValueError) as wrong:
        raise DiagramRefused([Problem("unreadable", values={"error": str(wrong)})]) from wrong
    if root.tag != f"{{{BPMN}}}definitions":
        raise DiagramRefused([Problem("not_bpmn")])
    if sum(1 for _ in root.iter()) > MOST_ELEMENTS:
        raise DiagramRefused([Problem("too_many", values={"most": MOST_ELEMENTS})])
    return root


def _unknown(root: etree._Element) -> Iterator[Problem]:
    """Elements that are neither of our list nor drawing."""
    for one in root.iter():
        space, tag = etree.QName(one).namespace, etree.QName(one).localname
        if space in _DRAWING or (space == BPMN and tag in _KNOWN):
            continue
        code = "script" if tag in _SCRIPTS else "unknown_element"
        yield Problem(code, one.get("id") or "", {} if code == "script" else {"tag": tag})


def _ids(root: etree._Element) -> Iterator[Problem]:
    seen: set[str] = set()
    for one in root.iter(f"{{{BPMN}}}process", *(f"{{{BPMN}}}{tag}" for tag in (*_NODES, "sequenceFlow"))):
        value = one.get("id") or ""
        if not re.fullmatch(rf"[A-Za-z_][A-Za-z0-9_]{{0,{LONGEST_ID - 1}}}", value):
            yield Problem("bad_id", values={"value": value[:LONGEST_ID], "most": LONGEST_ID})
        if value in seen:
            yield Problem("id_twice", values={"value": value})
        seen.add(value)


def _nodes(process: etree._Element) -> Iterator[etree._Element]:
    return process.iterchildren(*(f"{{{BPMN}}}{tag}" for tag in _NODES))


def _ways(process: etree._Element) -> list[etree._Element]:
    return process.findall(f"{{{BPMN}}}sequenceFlow")


def _own(node: etree._Element, name: str) -> str:
    return (node.get(f"{{{OWN}}}{name}") or "").strip()


def _listed(node: etree._Element, name: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in _own(node, name).split(",") if part.strip())


def _names(node: etree._Element) -> tuple[str, str]:
    return (node.get("name") or "").strip(), _own(node, "name_en")


def _element(node: etree._Element) -> Element:
    hours = _own(node, "due_hours")
    return Element(
        element=node.get("id") or "",
        kind=_NODES[etree.QName(node).localname],
        name_zh=_names(node)[0],
        name_en=_names(node)[1],
        team=_own(node, "team"),
        due_hours=int(hours) if _is_hours(hours) else None,
        escalates_to=_listed(node, "escalates_to"),
        decisions=_listed(node, "decisions"),
        call=_own(node, "call"),
    )


def _is_hours(text: str) -> bool:
    return text.isascii() and text.isdecimal() and 1 <= int(text[:9]) <= MOST_HOURS


def _problems_of_node(node: etree._Element, known: Known) -> Iterator[Problem]:
    one, hours = _element(node), _own(node, "due_hours")
    if one.kind in ("TASK", "CALL", "END") and not (one.name_zh and one.name_en):
        yield Problem("no_name", one.element)
    if one.kind == "CALL" and one.call not in known.calls:
        values = {"value": one.call, "known": ", ".join(sorted(known.calls))}
        yield Problem("unknown_call", one.element, values) if one.call else Problem("no_call", one.element)
    if one.kind != "TASK":
        return
    if not one.team:
        yield Problem("no_team", one.element)
    for team in (one.team, *one.escalates_to):
        if team and team != STARTER and team not in known.teams:
            yield Problem("unknown_team", one.element, {"value": team})
    if not one.decisions:
        yield Problem("no_decision", one.element)
    for decision in one.decisions:
        if decision not in DECISIONS:
            yield Problem("unknown_decision", one.element, {"value": decision, "known": ", ".join(DECISIONS)})
    if hours and one.due_hours is None:
        yield Problem("bad_hours", one.element, {"most": MOST_HOURS})
    if one.escalates_to and not hours:
        yield Problem("escalates_without_due", one.element)


def _problems_of_ways(process: etree._Element, known: Known) -> Iterator[Problem]:
    """What is wrong with the ways out of gateways and their conditions."""
    nodes = {node.get("id"): node for node in _nodes(process)}
    tasks = {node.get("id") for node in nodes.values() if etree.QName(node).localname == "userTask"}
    given = {*known.values, *tasks, *(name for names in known.calls.values() for name in names)}
    ways_from: dict[str, list[etree._Element]] = {}
    for way in _ways(process):
        if way.get("sourceRef") not in nodes or way.get("targetRef") not in nodes:
            yield Problem("loose_flow", way.get("id") or "")
            continue
        ways_from.setdefault(way.get("sourceRef"), []).append(way)
        text = way.findtext(f"{{{BPMN}}}conditionExpression")
        if text is None:
            continue
        try:
            unknown = conditions.names_in(text) - given
        except conditions.ConditionRefused as refused:
            yield Problem("bad_condition", way.get("id") or "", {"error": str(refused)})
            continue
        for name in sorted(unknown):
            yield Problem("unknown_value", way.get("id") or "", {"value": name})
    for source, ways in ways_from.items():
        yield from _problems_of_choice(nodes[source], ways)


def _problems_of_choice(node: etree._Element, ways: list[etree._Element]) -> Iterator[Problem]:
    conditioned = [way for way in ways if way.find(f"{{{BPMN}}}conditionExpression") is not None]
    is_choice = etree.QName(node).localname == "exclusiveGateway"
    default = node.get("default")
    if conditioned and not is_choice:
        yield Problem("bad_condition", conditioned[0].get("id") or "", {"error": "not at a choice"})
    if is_choice and len(ways) > 1:
        if default not in {way.get("id") for way in ways}:
            yield Problem("no_default", node.get("id") or "")
        for way in ways:
            if way not in conditioned and way.get("id") != default:
                yield Problem("no_condition", way.get("id") or "")


def _problems_of_shape(process: etree._Element) -> Iterator[Problem]:
    """A start from which everything is reached, an end, and no way that ends in between."""
    nodes = {node.get("id"): _NODES[etree.QName(node).localname] for node in _nodes(process)}
    starts = [element for element, kind in nodes.items() if kind == "START"]
    if len(starts) != 1:
        yield Problem("no_start")
    if "END" not in nodes.values():
        yield Problem("no_end")
    if "TASK" not in nodes.values():
        yield Problem("never_asks")
    ways = [(way.get("sourceRef"), way.get("targetRef")) for way in _ways(process)]
    reached, waiting = set(starts), list(starts)
    while waiting:
        here = waiting.pop()
        fresh = {target for source, target in ways if source == here} - reached
        reached |= fresh
        waiting += fresh
    for element, kind in nodes.items():
        if element not in reached:
            yield Problem("unreached", element)
        if kind != "END" and not any(source == element for source, _ in ways):
            yield Problem("dead_end", element)
