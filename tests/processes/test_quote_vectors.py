"""Every case of tests/vectors/tariffs answers what it expects; what a case is called is the rule it shows."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from openboss.processes.quote import QuoteRefused, cases_of, differences, open_quote, quote

ROOT = Path(__file__).parents[2]
VECTORS = ROOT / "tests" / "vectors" / "tariffs"
FILES = sorted(VECTORS.glob("*.yaml"))
LEAST = 150


def cases(file: Path) -> list[dict[str, Any]]:
    return cases_of(yaml.load(file.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))


def answer(case: dict[str, Any]) -> dict[str, Any]:
    try:
        return quote(case, reference=ROOT / "example" / "reference", beside=VECTORS)
    except QuoteRefused as refused:
        return {"refused": refused.problems}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_case_answers_what_it_expects(file: Path) -> None:
    wrong = [f"{case['name']}: {line}" for case in cases(file) for line in differences(case["expect"], answer(case))]
    assert not wrong, "\n".join(wrong)


def test_events_answered_one_by_one_cost_what_they_cost_together() -> None:
    for case in filter(lambda case: case.get("events"), cases(VECTORS / "model_free.yaml")):
        first = min(event.get("close") or int(event["at"][:7].replace("-", "")) for event in case["events"])
        alone = {**case, "events": [], "cycle": case.get("cycle") or first}
        opened = open_quote(alone, reference=ROOT / "example" / "reference", beside=VECTORS)
        assert [opened.answer(event) for event in case["events"]] == answer(case)["events"], case["name"]


def test_there_are_at_least_150_cases_each_with_a_name_of_its_own() -> None:
    names = [case["name"] for file in FILES for case in cases(file)]
    assert len(names) >= LEAST
    assert len(set(names)) == len(names)


def test_every_kind_of_tariff_of_the_example_is_used_by_a_case() -> None:
    kinds = ROOT / "example" / "tariffs" / "kinds"
    written = {yaml.safe_load(file.read_text(encoding="utf-8"))["offer"] for file in kinds.glob("*.yaml")}
    tried = {
        product["offer"]
        for case in cases(VECTORS / "kinds.yaml")
        for user in case.get("users") or [case["user"]]
        for product in user.get("products", ())
    }
    assert written - tried == {"CARE_CARD"}  # who may take it is asked by the shop, not by rating
