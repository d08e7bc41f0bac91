"""The worked tables of docs/algorithms are true."""

from pathlib import Path

import pytest

from openboss.kernel.discounts import Effect, Phase, TierMode
from openboss.kernel.periods import first_day
from openboss.kernel.proration import FirstMonth, fee_of_month_li
from openboss.kernel.rounding import fen_of_li, whole_fen_share_li
from openboss.kernel.shares import Mode, Scope
from tests.kernel.discount_rules import Rule, discount_one
from tests.kernel.test_shares import CALLS, PERSON_A, RENT, UNIT, split

ALGORITHMS = Path(__file__).parents[2] / "docs" / "algorithms"
FIRST = first_day(202611)


def table(page: str, heading: str) -> list[list[str]]:
    """The rows of the table whose head begins with a word."""
    lines = (ALGORITHMS / f"{page}.md").read_text(encoding="utf-8").splitlines()
    start = next(place for place, line in enumerate(lines) if line.startswith(f"| {heading}"))
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    assert rows
    return rows


@pytest.mark.parametrize("row", table("rounding", "amount"), ids="-".join)
def test_rounding(row: list[str]) -> None:
    amount_li, fen, fifth_li = map(int, row)
    assert (fen_of_li(amount_li), whole_fen_share_li(amount_li, 200_000, 1_000_000)) == (fen, fifth_li)


@pytest.mark.parametrize("row", table("proration", "first month"), ids="-".join)
def test_proration(row: list[str]) -> None:
    mode, from_day, to_day, rent_free, fee_li = FirstMonth[row[0]], *map(int, row[1:])
    mask = (1 << rent_free) - 1
    assert fee_of_month_li(30_000, mode, FIRST + from_day - 1, FIRST + to_day - 1, mask, FIRST, 30) == fee_li


def test_splitting_between_employer_and_persons() -> None:
    rows = table("splitting", "user")
    relations = [
        (UNIT, Scope.ITEM, RENT, Mode.FULL, 0),
        (UNIT, Scope.GROUP, 1, Mode.LIMIT, 10_000),
        (PERSON_A, Scope.ALL, 0, Mode.REST, 0),
    ]
    items = [(int(user) - 1, {"RENT": RENT, "CALLS": CALLS}[item], int(due)) for user, item, due, _, _ in rows]
    paid = {(user, item, account): fen for user, item, account, fen in split(items, [relations, relations])}
    for (user, item, _), (_, _, _, unit, person) in zip(items, rows, strict=True):
        assert paid.get((user, item, UNIT), 0) == int(unit)
        assert paid.get((user, item, PERSON_A), 0) == int(person)


@pytest.mark.parametrize("row", table("splitting", "due"), ids="-".join)
def test_splitting_in_halves(row: list[str]) -> None:
    due, unit, person = map(int, row)
    relations = [(UNIT, Scope.ALL, 0, Mode.RATIO, 500_000), (PERSON_A, Scope.ALL, 0, Mode.REST, 0)]
    paid = {account: fen for _, _, account, fen in split([(0, CALLS, due)], [relations])}
    assert (paid.get(UNIT, 0), paid.get(PERSON_A, 0)) == (unit, person)


def rule_of(effect: str, value: str, **place: int) -> Rule:
    """A rule of the worked tables on item 0."""
    if effect in TierMode.__members__:
        above, percent = value.split(":")
        steps = ((int(above), int(percent) * 10_000),)
        return Rule(1, Phase.ITEM, Effect.TIERS, (0,), mode=TierMode[effect], steps=steps, **place)
    if effect in ("percent", "waiver"):
        return Rule(1, Phase.ITEM, Effect.PERCENT, (0,), value=int(value or "100") * 10_000, **place)
    phase = Phase.CAP if effect == "cap" else Phase.ITEM
    return Rule(1, phase, Effect[effect.upper()], (0,), value=int(value.replace(".", "")) * 10, **place)


@pytest.mark.parametrize("row", table("discounts", "effect"), ids="-".join)
def test_discounts_one_at_a_time(row: list[str]) -> None:
    effect, value, amount_li, units, due_li = row
    due, _, _ = discount_one([int(amount_li), 0], [rule_of(effect, value)], [int(units), 0])
    assert due == [int(due_li), 0]


def test_discounts_that_exclude_one_another() -> None:
    rows = table("discounts", "base")
    rules = [rule_of(*name.split()[1:], group=0) for _, name, _, _ in rows]
    _, choices, tables = discount_one([int(rows[0][0]), 0], rules)
    found = {
        (int(tables.phase[rule]), int(payable), bool(chosen))
        for rule, payable, chosen in zip(choices.rule, choices.payable_li, choices.chosen, strict=True)
    }
    assert {(payable, chosen) for _, payable, chosen in found} == {
        (int(payable), chosen == "yes") for _, _, payable, chosen in rows
    }
