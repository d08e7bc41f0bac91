"""Collectors, deposits, validity, and reconciliation of days and cycles."""

from datetime import date, timedelta

import polars as pl
import pytest
from django.db import connection

from openboss.modules.receivables.functions import collectors, deposits, validity
from openboss.modules.receivables.functions.payments import INCOMING, post_payments
from openboss.modules.receivables.functions.reconciliation import bill_differences, takings_differences
from openboss.modules.system.atomic import put_parameter
from openboss.processes import keep_validity
from tests.modules.receivables.conftest import Desk, check_books, on


@pytest.mark.requirement("STL-08", "ACM-06")
def test_a_banks_file_of_a_thousand_items_against_ours_of_one_less_opens_one_difference(desk: Desk) -> None:
    account, numbers = desk.account(), [f"B{n:04}" for n in range(1000)]
    theirs = pl.DataFrame({"serial_no": numbers, "paid_fen": range(100, 1100)})
    known = {"account_id": account, "means": "BANK", "paid_at": on(11, 5), "agent_account_id": None}
    incoming = theirs.with_columns(reference="serial_no", **{name: pl.lit(one) for name, one in known.items()})
    incoming = incoming.select(pl.col(name).cast(kind) for name, kind in INCOMING.items())
    assert len(post_payments(incoming[:999], channel="BANK", at=on(11, 5))) == 999
    day = {"channel": "BANK", "business_on": date(2026, 11, 5)}
    (difference,) = collectors.compare_with_collector(theirs, **day)
    assert (difference.object_id, difference.expected_fen, difference.found_fen) == ("B0999", 1099, 0)
    assert collectors.compare_with_collector(theirs[:999], **day) == []
    assert collectors.collection_fee(collected_fen=100_000, at=on(11, 5)) == 500


@pytest.mark.requirement("STL-07")
def test_kiosk_vendors_get_eight_per_mille_which_saves_220000_a_month_against_one_per_cent(desk: Desk) -> None:
    at_eight_per_mille = collectors.kiosk_vendor_share(collected_fen=11_000_000_000, at=on(11, 5))
    put_parameter(key="money.kiosk_vendor_ppm", value=10_000, from_on=date(2026, 11, 6), at=on(11, 5))
    at_one_per_cent = collectors.kiosk_vendor_share(collected_fen=11_000_000_000, at=on(11, 6))
    assert (at_eight_per_mille, at_one_per_cent) == (88_000_000, 110_000_000)
    assert at_one_per_cent - at_eight_per_mille == 22_000_000


@pytest.mark.requirement("STL-06")
def test_provinces_pay_each_other_the_net_of_what_they_collected(desk: Desk) -> None:
    collected = pl.DataFrame(
        {"collected_by": ["09", "16", "09"], "home": ["16", "09", "09"], "collected_fen": [30_000, 12_000, 99_900]}
    )
    assert collectors.net_of_provinces(collected).rows() == [("09", "16", 18_000)]


@pytest.mark.requirement("ACM-16")
def test_a_private_user_pays_a_hundred_at_opening_and_a_unit_by_direct_debit_nothing(desk: Desk) -> None:
    asked = [
        deposits.opening_deposit(pay_method=method, customer_kind=kind, at=on(11, 1))
        for method, kind in [("CASH", "INDIVIDUAL"), ("DIRECT_DEBIT", "UNIT"), ("DIRECT_DEBIT", "INDIVIDUAL")]
    ]
    assert asked == [10_000, 0, 10_000]


@pytest.mark.requirement("BMC-03")
def test_a_ninety_day_voucher_on_day_sixty_of_ninety_leaves_a_hundred_and_twenty_days(desk: Desk) -> None:
    account, begun = desk.account(), on(1, 1)
    desk.pay(account, 5000, begun, means="VOUCHER")
    assert validity.extend_validity(account_id=account, paid_fen=5000, at=begun) == date(2026, 4, 1)
    later = begun + timedelta(days=60)
    desk.pay(account, 5000, later, means="VOUCHER")
    until = validity.extend_validity(account_id=account, paid_fen=5000, at=later)
    assert until == date(2026, 6, 30)
    assert (until - date(2026, 3, 2)).days == 120


@pytest.mark.parametrize(
    ("paid_fen", "on_day", "left_days"), [(5000, 30, 150), (3000, 0, 150), (10_000, 90, 180), (2999, 30, 60)]
)
def test_a_recharge_gives_days_by_its_face_value_from_the_end_before(
    desk: Desk, paid_fen: int, on_day: int, left_days: int
) -> None:
    account, begun = desk.account(), on(1, 1)
    desk.pay(account, 5000, begun, means="VOUCHER")
    assert validity.extend_validity(account_id=account, paid_fen=5000, at=begun) == date(2026, 1, 1) + timedelta(
        days=90
    )
    later = begun + timedelta(days=on_day)
    until = validity.extend_validity(account_id=account, paid_fen=paid_fen, at=later)
    assert (until - (date(2026, 1, 1) + timedelta(days=on_day))).days == left_days


def test_money_without_an_end_gets_none_by_a_recharge(desk: Desk) -> None:
    account = desk.account()
    desk.pay(account, 5000, on(1, 1))
    assert keep_validity.extend(account_id=account, paid_fen=5000, at=on(1, 1)) == []
    assert validity.accounts_with_validity(account_ids=[account]) == set()
    assert keep_validity.run(at=on(12, 31)).frozen == 0
    assert desk.cash(account) == 5000


def test_money_whose_validity_ended_is_frozen_and_the_next_recharge_releases_it(desk: Desk) -> None:
    account = desk.account()
    desk.pay(account, 5000, on(1, 1), means="VOUCHER")
    validity.extend_validity(account_id=account, paid_fen=5000, at=on(1, 1))
    assert validity.frozen_since(at=on(3, 31)) == []
    assert validity.frozen_since(at=on(4, 1)) == [(account, date(2026, 4, 1))]
    bill = desk.bill(account, 202603, RENT=3000, at=on(4, 5))
    assert (desk.open(bill), desk.cash(account)) == (3000, 5000), "frozen, not lost"
    validity.extend_validity(account_id=account, paid_fen=3000, at=on(4, 10))
    assert validity.frozen_since(at=on(4, 10)) == []
    desk.pay(account, 3000, on(4, 10), means="VOUCHER")
    assert (desk.open(bill), desk.cash(account)) == (0, 5000)
    check_books()


def test_validity_never_reaches_further_than_two_years(desk: Desk) -> None:
    account = desk.account()
    desk.pay(account, 100, on(1, 1))
    for _ in range(5):
        until = validity.extend_validity(account_id=account, paid_fen=50_000, at=on(1, 1))
    assert until == date(2026, 1, 1) + timedelta(days=730)


def test_one_fen_between_takings_and_ledger_or_bills_and_debts_is_found(desk: Desk) -> None:
    account = desk.account()
    bill = desk.bill(account, 202610, RENT=3000)
    desk.pay(account, 4000, on(11, 5))
    desk.pay(account, 500, on(11, 5), means="CARD")
    assert (takings_differences(business_on=date(2026, 11, 5)), bill_differences(cycle=202610)) == ([], [])
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE receivables_payment DISABLE TRIGGER USER")
        cursor.execute("UPDATE receivables_payment SET paid_fen = paid_fen + 1 WHERE means = 'CARD'")
        cursor.execute("ALTER TABLE receivables_payment ENABLE TRIGGER USER")
        cursor.execute("UPDATE receivables_receivable SET total_fen = total_fen - 1")
    (taken,) = takings_differences(business_on=date(2026, 11, 5))
    assert (taken.object_kind, taken.expected_fen, taken.found_fen) == ("payment", 501, 500)
    assert [one.object_id for one in bill_differences(cycle=202610)] == [str(bill)]
