"""What is wrong with a tariff document is said with line, field and remedy; the same grammar is its schema."""

import re
from datetime import date
from pathlib import Path
from string import Formatter
from typing import Any

import pytest
import yaml

from openboss.modules.catalog.documents import DocumentRefused, Limit, read_text
from openboss.modules.catalog.grammar import document_schema
from openboss.modules.catalog.problems import SENTENCES

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "example" / "tariffs"
CATALOG = ROOT / "src" / "openboss" / "modules" / "catalog"
COMMAND = ROOT / "src" / "openboss" / "access" / "jobs" / "tariff_command.py"
HEAD = """\
offer: PLAN
offer_id: 900
names: {zh: 套餐, en: Plan}
kind: MAIN
versions:
- from: 2026-10-01
"""
PRICE = "  - {{rule: P, component: basic, when: {{record: [MOC]}}, item: LOCAL, names: {{zh: 价, en: Price}}, {}}}\n"
FREE = "  - {{rule: F, scope: {{record: [MOC]}}, names: {{zh: 免, en: Free}}, {}}}\n"
ITEMS = {"LOCAL", "DATA_DOM"}


def problems_of(text: str, *limits: Limit) -> list[str]:
    with pytest.raises(DocumentRefused) as refused:
        read_text(text, name="plan.yaml", item_codes=ITEMS, limits=list(limits))
    return [str(problem) for problem in refused.value.problems]


def with_price(fields: str, more: str = "") -> str:
    return HEAD + more + "  prices:\n" + PRICE.format(fields)


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ("unit: 60 sec, price: '0.40'", "prices P: unit '60 sec' is no measure; write a count and one of s, MIN"),
        ("unit: 60 s, price: '0.40', connect: 0.1", "prices P: connect is 0.1; write it in quotes, such as \"0.40\""),
        ("unit: 60 s", "prices P lacks price"),
        ("unit: 60 s, price: '1', pulse: 6", "prices P has the unknown field pulse; known are at_least, bands"),
        ("unit: 60 s, price: '1', basis: WEEK", "prices P: basis is 'WEEK'; one of RECORD, CYCLE, DAY, QUARTER"),
        (
            "unit: 60 s, price: '1', tiers: [{from: 0, price: '1'}]",
            "prices P: tiers count over a period; write basis: CYCLE",
        ),
        (
            "unit: 60 s, price: '1', basis: CYCLE, tiers: [{from: 5, price: '1'}]",
            "prices P: tiers rise, and the first is from 0; they are from [5]",
        ),
        (
            "unit: 60 s, price: '1', basis: CYCLE, tiers: [{from: 0, block: 3}]",
            "prices P: a tier has either price (with block and block_cap if wished) or block and block_price",
        ),
        (
            "unit: 60 s, price: '1', basis: CYCLE, bands: [{days: [SAT], price: '1'}]",
            "prices P: a price over a CYCLE has no time bands and no steps; leave basis out",
        ),
        ("unit: 60 s, price: '1', bands: [{days: [SATURDAY], price: '1'}]", "prices P: days is 'SATURDAY'; one of MON"),
        ("unit: 60 s, price: '1', bands: [{from: '25:00', to: '6:00', price: '1'}]", "'25:00' is no time of day"),
        (
            "steps: [{to: 60 s, unit: 60 s, price: '1'}, {to: 30 s, unit: 6 s, price: '1'}, {unit: 6 s, price: '1'}]",
            "prices P: step 2 ends at '30 s': too early, or in other units",
        ),
        ("steps: [{unit: 6 s, price: '1'}], unit: 6 s", "with steps, unit, price, per and bands stand in each"),
        ("unit: 1 KB, price: '1', per: 1000 s", "prices P: per '1000 s' must be a whole number of units"),
        ("unit: 60 s, price: '1', rounding: {mode: UP, place: '0.0001'}", "is no whole number of li"),
        ("unit: 60 s, price: '1', counter: X", "counter 'X' gives basis and counts itself; counters here: none is"),
        ("unit: 1 KB, price: '99999999.999999'", "is too fine or too high to be summed in 64 bits; write fewer"),
    ],
)  # fmt: skip
def test_a_wrong_price_is_named_with_its_remedy(fields: str, problem: str) -> None:
    (found,) = problems_of(with_price(fields))
    assert found.startswith("plan.yaml, line 8: prices P")
    assert problem in found


@pytest.mark.parametrize(
    ("when", "problem"),
    [
        ("zone: [ASIA]", "there is no zone 'ASIA' in this version; one of "),
        ("number: ['+86']", "number '+86' is no prefix; write E.164 digits without + in quotes"),
        ("country: [8520]", "country '8520' is no country code; write 1 to 3 digits, such as 852"),
        ("friends: false", "friends is False; write true or leave it out"),
        ("roam: [HOUSE]", "roam 'HOUSE' is unknown; one of HOME"),
        ("group: [ACCOUNT]", "group 'ACCOUNT' is unknown; one of NONE, FAMILY, VPMN"),
        ("rome: [HOME]", "prices P: when has the unknown field rome; known are apn, area"),
    ],
)
def test_a_wrong_condition_is_named_with_its_remedy(when: str, problem: str) -> None:
    text = with_price("unit: 60 s, price: '0.40'").replace("record: [MOC]", f"record: [MOC], {when}")
    (found,) = problems_of(text)
    assert problem in found


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ("unit: MINUTES, granted: 5", "free F: unit is 'MINUTES'; one of s, MIN, HOUR"),
        ("unit: MIN, granted: -1", "free F: granted is -1; write a whole number of units, or UNLIMITED"),
        ("unit: YUAN, granted: 5", "free F granted: '5' is no amount; write yuan in quotes"),
        ("unit: MIN, granted: 5, valid: {days: 7, months: 1}", "free F: valid is {'days': 7, 'months': 1}; one of"),
        ("unit: MIN, granted: 5, share: {by: GROUP}", "free F: by is 'GROUP'; one of POOL"),
        ("unit: MIN, granted: 5, speed: [{from: 9, kbps: 1}, {from: 5, kbps: 2}]", "free F: speeds are given from the"),
        ("unit: MIN, granted: 5, carry_over: {months: 1}", "free F: carry_over lacks cycles"),
    ],
)
def test_a_wrong_free_resource_is_named_with_its_remedy(fields: str, problem: str) -> None:
    found = problems_of(HEAD + "  free:\n" + FREE.format(fields))
    assert found[0].startswith("plan.yaml, line 8: free F")
    assert any(problem in one for one in found)


def test_two_zones_cannot_have_the_same_prefix() -> None:
    zones = "  zones: {A: ['81'], B: ['81']}\n"
    text = with_price("unit: 60 s, price: '0.40'", zones).replace("record: [MOC]", "zone: [A]")
    assert "a prefix stands in the zones A and B; it can be in one" in problems_of(text)[0]


ROAMING = Limit("roaming", "basic", {"record": ["MOC"]}, "60 s", "0.60", None, date(2008, 1, 1), None)
FLOOR = Limit("floor", "basic", {"record": ["MOC"]}, "60 s", None, "0.10", date(2008, 1, 1), None)


@pytest.mark.requirement("CHG-23")
@pytest.mark.parametrize(
    ("fields", "dear"),
    [
        ("unit: 60 s, price: '0.65'", "0.65"),
        ("unit: 1 s, price: '0.0101'", "0.0101"),
        ("unit: 60 s, price: '0.50', bands: [{days: [SAT], price: '0.61'}]", "0.61"),
        ("steps: [{to: 180 s, unit: 60 s, price: '0.50'}, {unit: 6 s, price: '0.07'}]", "0.07"),
        ("unit: 60 s, price: '0.5', basis: CYCLE, tiers: [{from: 0, price: '0.5'}, {from: 9, price: '0.7'}]", "0.7"),
        ("unit: 60 s, price: '0.50', connect: '0.11'", "0.50 with the connect fee of 0.11"),
    ],
)  # fmt: skip
def test_no_way_of_writing_a_price_leads_above_the_regulated_cap(fields: str, dear: str) -> None:
    (problem,) = problems_of(with_price(fields), ROAMING)
    assert problem == f"plan.yaml, line 8: prices P: {dear} is above the cap of 0.60 per 60 s (roaming)"


def test_a_night_price_below_the_floor_is_refused_as_well() -> None:
    (problem,) = problems_of(
        with_price("unit: 60 s, price: '0.40', bands: [{from: '0:00', to: '7:00', price: '0.09'}]"), FLOOR
    )
    assert problem.endswith("prices P: 0.09 is below the floor of 0.10 per 60 s (floor)")


def test_a_problem_is_said_in_both_languages_with_the_same_place_and_values() -> None:
    with pytest.raises(DocumentRefused) as refused:
        read_text(with_price("unit: 60 s, price: '0.65'"), name="plan.yaml", item_codes=ITEMS, limits=[ROAMING])
    (problem,) = refused.value.problems
    assert (problem.code, problem.line, problem.section, problem.rule) == ("above_cap", 8, "prices", "P")
    assert problem.of("zh") == "plan.yaml 第 8 行：prices P：0.65 高于上限 0.60（每 60 s，roaming）"
    assert problem.of("en") == "plan.yaml, line 8: prices P: 0.65 is above the cap of 0.60 per 60 s (roaming)"


def test_both_sentences_of_a_problem_say_the_same_values() -> None:
    def asked(sentence: str) -> set[str | None]:
        return {name for _, name, _, _ in Formatter().parse(sentence) if name}

    assert [code for code, (english, chinese) in SENTENCES.items() if asked(english) != asked(chinese)] == []


def test_every_problem_that_is_raised_has_its_sentence_and_the_other_way_round() -> None:
    sources = [*CATALOG.glob("*.py"), *CATALOG.glob("compiler/*.py"), *CATALOG.glob("functions/*.py"), COMMAND]
    text = "".join(source.read_text(encoding="utf-8") for source in sources if source.name != "problems.py")
    raised = set(re.findall(r"""(?:TariffRefused|Problem)\(\s*"(\w+)\"""", text))
    raised |= set(re.findall(r"""wrong\(\w+, "(\w+)\"""", text)) | {"above_cap", "above_cap_with_connect"}
    assert raised == set(SENTENCES)


def allows(schema: dict[str, Any], value: Any) -> bool:
    """Say whether a schema of ours allows a value; knows the words our schema uses and no others."""
    if "anyOf" in schema:
        return any(allows(part, value) for part in schema["anyOf"])
    if "enum" in schema:
        return value in schema["enum"]
    if "type" not in schema:
        return True
    kinds = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int}
    if not isinstance(value, kinds[schema["type"]]) or (schema["type"] == "integer" and isinstance(value, bool)):
        return False
    if schema["type"] == "array":
        return all(allows(schema["items"], part) for part in value) if "items" in schema else True
    if schema["type"] == "object":
        known, more = schema.get("properties", {}), schema.get("additionalProperties", True)
        inside = all(
            allows(known[name], part) if name in known else (more if isinstance(more, bool) else allows(more, part))
            for name, part in value.items()
        )
        return inside and set(schema.get("required", ())) <= set(value)
    return True


def test_the_published_schema_allows_every_example_and_refuses_a_field_that_is_none() -> None:
    schema = document_schema()
    for path in sorted(EXAMPLE.glob("*.yaml")):
        document = yaml.safe_load(path.read_text(encoding="utf-8").replace("from: 2", "from: !!str 2"))
        assert allows(schema, document), path.name
    assert not allows(schema, document | {"colour": "red"})
