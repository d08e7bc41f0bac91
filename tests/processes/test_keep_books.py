"""The night closes days, moves old debts and finds a wrong fen."""

from django.db import connection

from openboss.modules.receivables.functions import verify_seals
from openboss.processes import keep_books
from tests.modules.receivables.conftest import Desk, desk, on

__all__ = ["desk"]


def test_a_night_closes_the_days_before_and_moves_old_debts_once(desk: Desk) -> None:
    account = desk.account()
    desk.bill(account, 202510, RENT=4500)
    desk.pay(account, 500, on(11, 20, year=2025))
    done = keep_books.run(at=on(3, 2, hour=1))
    assert (done.days_closed, done.became_doubtful, done.differences) == (2, 1, ())
    again = keep_books.run(at=on(3, 2, hour=2))
    assert (again.days_closed, again.became_doubtful, again.differences) == (0, 0, ())
    assert verify_seals().sealed_days == 2


def test_a_wrong_fen_is_found_by_the_next_night_and_written_down(desk: Desk) -> None:
    account = desk.account()
    desk.bill(account, 202610, RENT=4500)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE receivables_receivable SET open_fen = open_fen - 1")
    done = keep_books.run(at=on(11, 3, hour=1))
    assert {(one.check, one.kind) for one in done.differences} == {
        ("RECEIVABLES", "BILL_LEDGER"),
        ("RECEIVABLES", "ITEMS_BILL"),
    }
