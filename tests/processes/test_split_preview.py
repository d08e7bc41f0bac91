"""Before payers change, the clerk sees how last month's bill would have split, to the fen of the bill run (D1.1)."""

from pathlib import Path

import pytest

from openboss.modules.customers import functions as customers
from openboss.modules.customers.models import PaymentRelation
from openboss.processes.change_customer import preview_split
from tests.modules.billing import example_month as month
from tests.modules.billing.example_month import ACCOUNT, CUSTOMER, OCTOBER, OPENED_AT, USER, used


@pytest.fixture
def other(db: None, tmp_path: Path, settings) -> int:
    """A user billed 58.00 of rent and 42.01 of calls in October; a second account that may pay a part."""
    settings.LAKE_DIR = tmp_path / "lake"
    month.open_operator()
    month.load_customer([("GOTONE_LOCAL_58", OPENED_AT, None)])
    month.bill_month(OCTOBER, [used("LOCAL", "GOTONE_LOCAL_58", "OVER", 42_010)], [])
    return customers.open_account(
        customer_id=CUSTOMER, pay_method="GROUP", language="zh", layout="STANDARD", at=OPENED_AT, staff_id=None
    )


def after(other: int, **relation) -> tuple[int, int]:
    """What the own and the other account would have paid."""
    seen = preview_split(subscriber_id=USER, cycle=OCTOBER, account_id=other, **relation)
    assert seen.before_fen == {ACCOUNT: 10_001}
    return seen.after_fen.get(ACCOUNT, 0), seen.after_fen[other]


def test_each_kind_of_relation_is_shown_as_the_bill_run_would_share_it(other: int) -> None:
    assert after(other, mode="FULL", item_scope="RENT") == (4_201, 5_800)
    assert after(other, mode="RATIO", value=5_000) == (5_001, 5_000)  # the fen of rounding stays with the rest
    assert after(other, mode="LIMIT", value=1_000, item_scope="G2_VOICE") == (9_001, 1_000)
    assert after(other, mode="REST") == (0, 10_001)
    assert PaymentRelation.objects.count() == 1


def test_a_share_that_makes_no_sense_is_refused_before_it_is_shown(other: int) -> None:
    with pytest.raises(customers.RelationWrong):
        after(other, mode="RATIO", value=10_001)


def test_a_month_without_a_bill_splits_nothing(other: int) -> None:
    seen = preview_split(subscriber_id=USER, cycle=202609, account_id=other, mode="RATIO", value=5_000)
    assert (seen.before_fen, seen.after_fen) == ({ACCOUNT: 0}, {ACCOUNT: 0, other: 0})
