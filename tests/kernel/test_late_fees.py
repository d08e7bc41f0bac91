"""Late fees: the worked table of docs/algorithms/late-fees.md is true; which money pays which item."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openboss.kernel.clearing import Buckets, OpenItems, clear
from openboss.kernel.late_fees import late_fee_fen, late_fees_fen
from tests.kernel.test_worked_tables import table

RATE_PPM = 3000


def fen(yuan: str) -> int:
    return int(Decimal(yuan) * 100)


@pytest.mark.parametrize("row", table("late-fees", "principal"), ids="-".join)
def test_late_fees(row: list[str]) -> None:
    assert late_fee_fen(fen(row[0]), RATE_PPM, int(row[1]), fen(row[2])) == fen(row[3])


@settings(deadline=None)  # the first call reads compiled code
@given(st.integers(0, 10**12), st.integers(0, 4000), st.integers(0, 10**12))
def test_a_late_fee_is_the_exact_product_rounded_half_up_and_never_above_the_cap(
    principal: int, days: int, left: int
) -> None:
    exact = Decimal(principal) * RATE_PPM * days / 1_000_000
    rounded = int((exact + Decimal("0.5")).to_integral_value(rounding="ROUND_FLOOR"))
    one = late_fee_fen(principal, RATE_PPM, days, left)
    many = late_fees_fen(np.array([principal]), RATE_PPM, np.array([days]), np.array([left]))
    assert one == many[0] == min(rounded, left)


def test_days_before_the_due_day_bear_nothing() -> None:
    assert late_fees_fen(np.array([10_000]), RATE_PPM, np.array([-5]), np.array([10_000]))[0] == 0


AMOUNTS = st.lists(st.integers(1, 1000), max_size=5)


@settings(deadline=None)  # the first call reads compiled code
@given(st.lists(st.tuples(AMOUNTS, AMOUNTS), min_size=1, max_size=4))
def test_clearing_uses_money_in_order_and_neither_makes_nor_loses_any(
    accounts: list[tuple[list[int], list[int]]],
) -> None:
    items = [fen for owed, _ in accounts for fen in owed]
    money = [fen for _, held in accounts for fen in held]
    first_item = np.cumsum([0, *(len(owed) for owed, _ in accounts)])
    first_bucket = np.cumsum([0, *(len(held) for _, held in accounts)])
    cleared = clear(
        OpenItems(first_item, np.ones(len(items), np.int64), np.array(items, np.int64)),
        Buckets(first_bucket, np.array(money, np.int64), np.zeros(len(money) + 1, np.int64), np.empty(0, np.int64)),
    )
    for number, (owed, held) in enumerate(accounts):
        mine = (cleared.item >= first_item[number]) & (cleared.item < first_item[number + 1])
        assert cleared.paid_fen[mine].sum() == min(sum(owed), sum(held))
        paid = [int(cleared.paid_fen[cleared.item == item].sum()) for item in range(*first_item[number : number + 2])]
        still_open = [due - got for due, got in zip(owed, paid, strict=True)]
        assert all(rest == 0 for rest, later in zip(still_open, paid[1:], strict=False) if later), "in order"


def test_money_for_some_items_pays_those_alone() -> None:
    items = OpenItems(np.array([0, 2]), np.array([1, 31]), np.array([500, 300]))
    cleared = clear(items, Buckets(np.array([0, 2]), np.array([400, 450]), np.array([0, 1, 1]), np.array([31])))
    assert list(zip(cleared.item, cleared.bucket, cleared.paid_fen, strict=True)) == [(1, 0, 300), (0, 1, 450)]
