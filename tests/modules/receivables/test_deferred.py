"""A fee for free resources of several months is revenue month by month, and all of it in the end."""

from openboss.modules.receivables.functions import trial_balance
from openboss.modules.receivables.functions.deferred import earn, earned_fen
from tests.modules.receivables.conftest import Desk, causes, check_books, on


def balances() -> dict[str, int]:
    """What is deferred and what is revenue of fixed fees, in fen, as credits."""
    rows = trial_balance().filter(trial_balance()["role"].is_in(["DEFERRED", "REVENUE_FIXED"]))
    return {row["role"]: -row["balance_fen"] for row in rows.iter_rows(named=True)}


def test_a_half_year_pack_of_a_hundred_is_earned_in_six_parts_and_the_last_has_the_rest(desk: Desk) -> None:
    account = desk.account()
    bill = desk.bill(account, 202610, at=on(11, 1), PACK_HALF=10_000, RENT=3000)
    assert balances() == {"DEFERRED": 10_000, "REVENUE_FIXED": 3000}
    assert earn(at=on(11, 1)) == 1666
    assert earn(at=on(11, 30)) == 0, "once a month"
    for month in (12, 13, 14, 15):
        earn(at=on((month - 1) % 12 + 1, 2, year=2026 + month // 13))
    assert balances() == {"DEFERRED": 10_000 - 5 * 1666, "REVENUE_FIXED": 3000 + 5 * 1666}
    assert earn(at=on(4, 1, year=2027)) == 10_000 - 5 * 1666
    assert balances() == {"DEFERRED": 0, "REVENUE_FIXED": 13_000}
    assert causes().count("EARNED") == 6
    assert desk.open(bill) == 13_000, "what is owed does not wait"
    check_books()


def test_months_that_nobody_closed_are_made_up_at_once() -> None:
    assert [earned_fen(billed_fen=100, months=6, passed=passed) for passed in (1, 3, 6, 9)] == [16, 48, 100, 100]
