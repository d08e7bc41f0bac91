"""One fen that is wrong, wherever it was put, is found by the next run; what is right balances."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest
from django.db import connection, transaction

from openboss.modules.billing.atomic.tables import open_tables
from openboss.modules.billing.models import Bill, BillCycle, BillItem, BillLine
from openboss.modules.charging.functions.engine import ask_engine, rate_waiting
from openboss.modules.receivables import functions as money
from openboss.modules.receivables.functions import credit_records, direct_debit, wallets
from openboss.modules.receivables.models import Bucket, OpenItem, Wallet
from openboss.processes import assure_money, keep_wallets
from tests.access.bank.test_direct_debit import with_mandate
from tests.modules.charging.engine.conftest import record
from tests.modules.charging.engine.test_owner import put_chunk, world
from tests.modules.receivables.conftest import Desk, check_books, desk, on
from tests.processes.test_collect_debt import user_of

__all__ = ["desk", "world"]
pytestmark = pytest.mark.django_db(transaction=True)
USER, NUMBER = 12, 8613900000002
TODAY, AT = date(2026, 11, 20), on(11, 20)
FEN = {  # table.column and rows; what the wrong fen is found by
    "receivables_payment.paid_fen": ("TAKINGS", ""),
    "receivables_posting.amount_fen": ("LEDGER", ""),
    "receivables_bucket.balance_fen": ("LEDGER", ""),
    "receivables_openitem.due_fen": ("RECEIVABLES", ""),
    "receivables_openitem.paid_fen": ("RECEIVABLES", "paid_fen < due_fen"),
    "receivables_receivable.open_fen": ("RECEIVABLES", ""),
    "receivables_receivable.total_fen": ("RECEIVABLES", ""),
    "receivables_receivable.late_fen": ("RECEIVABLES", "late_fen > 0"),
    "receivables_receivable.written_off_fen": ("RECEIVABLES", ""),
    "receivables_allocation.paid_fen": ("RECEIVABLES", ""),
    "receivables_latefee.fee_fen": ("RECEIVABLES", ""),
    "receivables_till.opening_fen": ("TAKINGS", ""),
    "receivables_till.expected_fen": ("TAKINGS", ""),
    "receivables_till.counted_fen": ("TAKINGS", ""),
    "receivables_document.total_fen": ("TAKINGS", ""),
    "receivables_debititem.asked_fen": ("BANK_FILES", ""),
    "receivables_collectoritem.paid_fen": ("BANK_FILES", ""),
    "receivables_wallet.overdrawn_fen": ("WALLETS", ""),
    "receivables_walletuse.posted_fen": ("WALLETS", ""),
    "billing_billitem.due_fen": ("RECEIVABLES", ""),
    "billing_billline.act_li": ("DETAIL", ""),
}


def live_through(desk: Desk) -> None:
    """Money of every kind: paid in part, late, in advance, given up; a till, a receipt, a wallet, files of banks."""
    clerk, chief = desk.staff["clerk"], desk.staff["chief"]
    account, wallet = desk.account(), desk.account()
    user = user_of(account)
    wallets.open_wallets({wallet: [USER]}, at=on(10, 5))
    desk.pay(wallet, 79, on(10, 5))
    put_chunk(record(NUMBER, "2026-10-05 09:00:00", duration_s=120))
    rate_waiting()
    keep_wallets.run(at=on(10, 6))
    lost = desk.bill(account, 202508, RENT=4500, user=user)
    money.mark_doubtful(at=on(3, 1))
    steps = [(account, "OVERDUE", step, lost) for step in ("LATE", "STOP_1", "STOP_2")]
    credit_records.begin_steps(steps=steps, at=on(3, 2))
    money.write_off(bill_id=lost, reason="gone", at=on(10, 10), staff_id=clerk, approved_by=chief)
    recovered = {"means": "CASH", "channel": "HALL", "serial_no": "R", "at": on(10, 11), "staff_id": clerk}
    money.recover(bill_id=lost, paid_fen=500, **recovered)
    desk.bill(account, 202609, RENT=3000, LOCAL=2000, user=user)
    desk.bill(account, 202610, RENT=3000, SP_INFO=500, user=user)
    till = money.open_till(staff_id=clerk, place="P", opening_fen=10_000, at=on(11, 20, 8))
    paid = desk.pay(account, 6000, AT, till_id=till)
    money.issue_document(
        kind="RECEIPT", payment_id=paid.payment_id, account_id=account, total_fen=6000, at=AT, staff_id=clerk
    )
    money.close_till(till_id=till, counted_fen=15_990, reason="short", at=on(11, 20, 20), staff_id=clerk)
    money.take_deposit(account_id=account, deposit_fen=5000, means="CASH", channel="HALL", serial_no="D", at=AT,
                       staff_id=clerk)  # fmt: skip
    desk.pay(account, 700, on(11, 19), means="BANK", channel="BANK", serial_no="K1")
    assure_money.take_collector_file(channel="BANK", business_on=date(2026, 11, 19), items=[("K1", 700)])
    with_mandate(desk, 1)
    run = direct_debit.make_run(bank="ICBC", at=on(11, 5))
    answer = pl.DataFrame([("C1", 1000, "00")], schema=direct_debit.ANSWER, orient="row")
    direct_debit.take_answer(run_id=run.run_id, answer=answer, at=on(11, 6))


def release() -> None:
    """The bills of the desk as a bill run leaves them: released, with their items."""
    for cycle in (202508, 202609, 202610):
        open_tables(cycle=cycle)
        BillCycle.objects.filter(cycle=cycle).update(state="RELEASED", position=1, released_at=AT, released_by="x")
        for bill in Bill.objects.filter(cycle=cycle):
            for one in OpenItem.objects.filter(bill_id=bill.bill_id).exclude(subscriber_id=0):
                BillItem.objects.create(
                    cycle=cycle, bill_id=bill.bill_id, subscriber_id=one.subscriber_id, item_id=one.item_id,
                    std_fen=one.due_fen, discount_fen=0, due_fen=one.due_fen,
                )  # fmt: skip
    call = {"cycle": 202610, "subscriber_id": USER, "item_id": 1, "rule_id": 0, "source": 1, "reference_id": 0}
    BillLine.objects.create(**call, calls=1, seconds=120, units=2, free_units=0, std_li=800, act_li=800)


def found() -> dict[str, int]:
    """What a run finds, by check."""
    return {one.check: one.found for one in assure_money.run(on=TODAY, at=AT) if one.found}


def wrong_by_one(place: str, rows: str) -> None:
    """Change one row behind the back of everything that guards it."""
    table, column = place.split(".")
    step = 10 if column.endswith("_li") else -1 if column == "written_off_fen" else 1
    also = f", std_fen = std_fen + {step}" if table == "billing_billitem" else ""  # else the database refuses it
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute(
            f"UPDATE {table} SET {column} = {column} + %s{also}"
            f" WHERE (tableoid, ctid) = (SELECT tableoid, ctid FROM {table}"
            f" {rows and 'WHERE ' + rows} ORDER BY {column} DESC LIMIT 1)",
            [step],
        )
        assert cursor.rowcount == 1, place


def test_one_wrong_fen_anywhere_is_found_by_the_next_run_and_nothing_else_is(desk: Desk, world: Path) -> None:
    live_through(desk)
    release()
    assert found() == {}
    check_books()
    for place, (check, rows) in FEN.items():
        with transaction.atomic():
            wrong_by_one(place, rows)
            assert found().get(check), place
            transaction.set_rollback(True)
    assert found() == {}


def test_money_the_engine_has_and_the_ledger_does_not_is_found_and_repaired_by_two(desk: Desk, world: Path) -> None:
    live_through(desk)
    release()
    wallet = Wallet.objects.get().account_id
    ask_engine("TOP_UP", {"account_id": wallet, "amount_li": 10}, serial_no="behind the back")
    keep_wallets.run(at=AT)
    assert found() == {"WALLETS": 1}
    (one,) = assure_money.differences()
    assert (one.object_id, one.expected_fen, one.found_fen, one.unit) == (str(wallet), -10, 0, "LI")
    staff = {"at": AT, "staff_id": desk.staff["clerk"]}
    with pytest.raises(money.SecondPersonNeeded):
        assure_money.repair(difference_id=one.difference_id, **staff)
    done = assure_money.repair(difference_id=one.difference_id, approved_by=desk.staff["chief"], **staff)
    assert done.state == "REPAIRED"
    keep_wallets.run(at=AT)
    assert found() == {}
    with pytest.raises(assure_money.DifferenceUnknown):
        assure_money.explain(difference_id=one.difference_id, note="again", **staff)


def test_a_difference_that_somebody_explained_is_not_opened_again_and_one_that_went_away_is_closed(desk: Desk) -> None:
    account = desk.account()
    desk.pay(account, 500, AT)
    staff = {"at": AT, "staff_id": desk.staff["clerk"]}
    assure_money.take_collector_file(channel="HALL", business_on=TODAY, items=[("T1", 501), ("T2", 100)])
    assert found() == {"BANK_FILES": 2}
    first, second = assure_money.differences()
    assert {(one.object_id, one.expected_fen, one.found_fen) for one in (first, second)} == {
        ("HALL T1", 501, 500),
        ("HALL T2", 100, 0),
    }
    with pytest.raises(assure_money.NotRepairable):
        assure_money.repair(difference_id=first.difference_id, approved_by=desk.staff["chief"], **staff)
    assure_money.explain(difference_id=first.difference_id, note="a coin of another country", **staff)
    assure_money.run(on=TODAY, at=AT)
    assert [one.difference_id for one in assure_money.differences()] == [second.difference_id]
    assure_money.take_collector_file(
        channel="HALL", business_on=TODAY, items=[("T1", 501 if "T1" in first.object_id else 500)]
    )
    assure_money.run(on=TODAY, at=AT)
    assert assure_money.differences(state="GONE")
    assert Bucket.objects.get().balance_fen == 500
