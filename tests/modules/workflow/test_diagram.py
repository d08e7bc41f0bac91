"""A diagram that could bring anything but people's tasks and known functions is refused, and it is said why."""

from pathlib import Path

import pytest

from openboss.modules.workflow import conditions, diagram
from openboss.modules.workflow.diagram import Known
from openboss.modules.workflow.engine import Walk
from openboss.modules.workflow.problems import SENTENCES

EXAMPLE = Path(__file__).parents[3] / "example" / "workflows"
GOOD = (EXAMPLE / "counter_exception.bpmn").read_text(encoding="utf-8")
TEAMS = ("HALL_MANAGER", "CITY_MANAGER", "BILLING", "ACCOUNT_MANAGER", "SHOP_CLERK")
CALLS = {"ADJUST_ACCOUNT": (), "GRANT_GIFT": (), "PRE_OPEN_LINES": ("opened_count", "refused_count")}
KNOWN = Known(TEAMS, CALLS, ("amount_fen",))


def codes(xml: str) -> list[str]:
    """What is wrong with a diagram."""
    return [one.code for one in diagram.problems_of(xml, KNOWN)]


@pytest.mark.parametrize("name", ["counter_exception", "key_retention", "batch_pre_opening"])
def test_the_flows_of_the_example_may_be_published(name: str) -> None:
    assert codes((EXAMPLE / f"{name}.bpmn").read_text(encoding="utf-8")) == []


DOCTYPE = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
LAUGHS = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>'
HEAD = '<?xml version="1.0" encoding="UTF-8"?>'


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda xml: xml.replace(HEAD, DOCTYPE).replace("已记账", "&e;"), "has_entities"),
        (lambda xml: xml.replace(HEAD, LAUGHS), "has_entities"),
        (lambda xml: HEAD.replace("UTF-8", "UTF-7") + "+ADwAIQ-DOCTYPE x+AD4-" + xml.removeprefix(HEAD), "unreadable"),
        (lambda xml: xml + "<!-- " + "x" * diagram.MOST_CHARACTERS + " -->", "too_large"),
        (lambda xml: xml.replace("</bpmn:process>", "<bpmn:documentation />" * 2000 + "</bpmn:process>"), "too_many"),
        (lambda xml: xml[:-40], "unreadable"),
        (lambda _: "<html></html>", "not_bpmn"),
        (lambda xml: xml.replace('isExecutable="true"', 'isExecutable="false"'), "one_process"),
        (lambda xml: xml.replace("bpmn:serviceTask", "bpmn:scriptTask"), "script"),
        (lambda xml: xml.replace("bpmn:serviceTask", "bpmn:callActivity"), "unknown_element"),
        (lambda xml: xml.replace("</bpmn:process>", "<bpmn:extensionElements /></bpmn:process>"), "unknown_element"),
        (lambda xml: xml.replace("ADJUST_ACCOUNT", "os.system"), "unknown_call"),
        (lambda xml: xml.replace("amount_fen &gt; 100000", "__import__('os')"), "bad_condition"),
        (lambda xml: xml.replace("amount_fen &gt; 100000", "().__class__"), "bad_condition"),
        (lambda xml: xml.replace("amount_fen &gt; 100000", "2 ** 10 ** 10 &gt; 1"), "bad_condition"),
        (lambda xml: xml.replace("amount_fen &gt; 100000", "password == 1"), "unknown_value"),
        (lambda xml: xml.replace('team="CITY_MANAGER"', 'team="NOBODY"'), "unknown_team"),
        (lambda xml: xml.replace('team="CITY_MANAGER"', 'team=""'), "no_team"),
        (lambda xml: xml.replace("approve,refuse,send_back", "approve,sudo"), "unknown_decision"),
        (lambda xml: xml.replace(' openboss:decisions="approve,refuse,send_back"', ""), "no_decision"),
        (lambda xml: xml.replace('due_hours="24"', 'due_hours="-1"'), "bad_hours"),
        (lambda xml: xml.replace(' openboss:due_hours="24"', ""), "escalates_without_due"),
        (lambda xml: xml.replace('id="Adjust"', 'id="a b; drop"'), "bad_id"),
        (lambda xml: xml.replace('id="Withdrawn"', 'id="Booked"'), "id_twice"),
        (lambda xml: xml.replace('openboss:name_en="Book it"', ""), "no_name"),
        (lambda xml: xml.replace('default="Flow_Low"', ""), "no_default"),
        (lambda xml: xml.replace('sourceRef="Begin"', 'sourceRef="Booked"'), "unreached"),
        (lambda xml: xml.replace('targetRef="Refused"', 'targetRef="Nowhere"'), "loose_flow"),
        (lambda xml: xml.replace("bpmn:startEvent", "bpmn:endEvent"), "no_start"),
        (lambda xml: xml.replace("bpmn:userTask", "bpmn:parallelGateway"), "never_asks"),
    ],
)
def test_a_hostile_or_broken_diagram_is_refused(change, code: str) -> None:
    assert change(GOOD) != GOOD
    assert code in codes(change(GOOD))


def test_every_problem_has_its_sentence_in_both_languages() -> None:
    wrong = GOOD.replace("ADJUST_ACCOUNT", "os.system")
    (found,) = diagram.problems_of(wrong, KNOWN)
    assert found.of("en").startswith("Adjust: there is no function os.system; one of ADJUST_ACCOUNT, ")
    assert found.of("zh") == "Adjust: 没有功能 os.system；可用 ADJUST_ACCOUNT, GRANT_GIFT, PRE_OPEN_LINES"
    assert all(english and chinese for english, chinese in SENTENCES.values())


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        ('A == "approve" and amount_fen > 100', {"A": "approve", "amount_fen": 101}, True),
        ('A == "approve" and amount_fen > 100', {"A": "approve", "amount_fen": 100}, False),
        ("0 < amount_fen <= 50", {"amount_fen": 50}, True),
        ("amount_fen > 0", {"amount_fen": None}, False),
        ('not (A != "x") or amount_fen < 1', {"A": "x", "amount_fen": 5}, True),
    ],
)
def test_a_condition_compares_named_values_and_what_is_not_there_is_nothing(
    text: str, values: dict, expected: bool
) -> None:
    assert conditions.holds(text, values) is expected


@pytest.mark.parametrize("text", ["f()", "a.b", "a[0]", "1 + 1 == 2", "lambda: 1", "[x for x in y]", "1.5 > 1", "a :="])
def test_a_condition_can_do_nothing_but_compare(text: str) -> None:
    with pytest.raises(conditions.ConditionRefused):
        conditions.holds(text, {"a": "b"})


def test_the_engine_goes_on_from_what_was_written_down() -> None:
    import json

    values = {"amount_fen": 200_000, "HallManager": "approve", "CityManager": "approve"}
    walk = Walk.begin(GOOD, flow="COUNTER_EXCEPTION", values=values)
    seen = []
    while not walk.end:
        ((place, element),) = walk.waiting.items()
        seen.append(element)
        walk.done(place)
        walk = Walk.resume(json.loads(json.dumps(walk.state)), values)
    assert (seen, walk.end) == (["HallManager", "CityManager", "Adjust"], "Booked")


def test_conditions_are_tried_as_they_stand_and_not_as_they_are_drawn() -> None:
    kept = (EXAMPLE / "key_retention.bpmn").read_text(encoding="utf-8")
    both = kept.replace('Talk == "kept" and amount_fen &gt; 0', "amount_fen &gt; 0")
    values = {"amount_fen": 5_000, "Talk": "leaves"}  # leads to a box below the other
    walk = Walk.begin(both, flow="KEY_RETENTION", values=values)
    for place in list(walk.waiting):
        walk.done(place)
    assert list(walk.waiting.values()) == ["Counter"]
