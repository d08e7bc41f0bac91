"""Money that crosses provinces: two views of it, each the mirror of the other province's."""

from datetime import date
from typing import Any

import polars as pl
import pytest

from openboss.modules.receivables import functions as money
from openboss.modules.receivables.functions import collectors, remote
from openboss.modules.receivables.functions.payments import post_payment
from openboss.modules.system.atomic import put_parameter
from tests.modules.receivables.conftest import LONG_AGO, Desk, check_books, on

NOVEMBER: dict[str, Any] = {"from_on": date(2026, 11, 1), "to_on": date(2026, 12, 1), "at": on(12, 3)}


@pytest.fixture
def sixteen(desk: Desk) -> Desk:
    """The books of province 16."""
    put_parameter(key="money.own_province", value="16", from_on=date(2001, 1, 1), at=LONG_AGO)
    account = desk.account()
    desk.bill(account, 202610, RENT=30_000)
    for turn, fen in enumerate((20_000, 10_000)):
        marks = remote.collected_elsewhere(collected_by="09", trans_id=f"09-{turn}", at=on(11, 5))
        post_payment(account_id=account, paid_fen=fen, at=on(11, 5), **marks)
    clerk = desk.staff["clerk"]
    for serial_no, home, fen in (("H1", "09", 12_000), ("H2", "21", 4_500)):
        known = {"number": 8613900000001, "means": "CASH", "serial_no": serial_no, "at": on(11, 6), "staff_id": clerk}
        remote.collect_for_another(home=home, paid_fen=fen, **known)
    return desk


@pytest.mark.requirement("ACM-07", "ACM-08", "STL-06")
def test_what_was_collected_elsewhere_and_for_others_stands_in_two_reports_that_mirror_the_other_provinces(
    sixteen: Desk,
) -> None:
    report = remote.remote_collections(**NOVEMBER)
    at_home = report.filter(pl.col("home") == "16").select("collected_by", "payments", "collected_fen")
    for_others = report.filter(pl.col("collected_by") == "16").select("home", "payments", "collected_fen")
    assert at_home.rows() == [("09", 2, 30_000)]
    assert for_others.rows() == [("09", 1, 12_000), ("21", 1, 4_500)]
    mirror = pl.DataFrame({"collected_by": ["09", "16"], "home": ["16", "09"], "collected_fen": [30_000, 12_000]})
    with_09 = report.filter(pl.any_horizontal(pl.col("collected_by", "home") == "09"))
    assert remote.mirror_differences(with_09, mirror) == []
    (difference,) = remote.mirror_differences(report, mirror)
    assert (difference.object_id, difference.expected_fen, difference.found_fen) == ("16-21", 0, 4_500)
    assert collectors.net_of_provinces(with_09).rows() == [("09", "16", 18_000)]
    check_books()


def test_a_payment_from_elsewhere_that_is_reversed_leaves_both_reports(sixteen: Desk) -> None:
    payment = money.payments_of_account(account_id=sixteen.accounts[0])[0]
    money.reverse_payment(
        payment_id=payment.payment_id, reason="wrong user", serial_no="R1", at=on(11, 20),
        staff_id=sixteen.staff["clerk"], approved_by=sixteen.staff["chief"],
    )  # fmt: skip
    report = remote.remote_collections(**NOVEMBER).filter(pl.col("home") == "16")
    assert report["collected_fen"].to_list() == [20_000]
    with pytest.raises(remote.OwnProvince):
        remote.collect_for_another(
            home="16", number=8613900000001, paid_fen=1, means="CASH", serial_no="H3", at=on(11, 6), staff_id=None
        )
    check_books()
