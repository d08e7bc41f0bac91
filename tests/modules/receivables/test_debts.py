"""Debts: late fees waived within limits, ageing at four levels, doubtful, bad and recovered; the books of days."""

import csv
import io
import json
from datetime import date

import polars as pl
import pytest
from django.db import DatabaseError, connection, transaction

from openboss.modules.billing.models import Bill
from openboss.modules.catalog.functions import bill_item_types
from openboss.modules.receivables import functions as money
from openboss.modules.receivables.models import Entry, Message, OpenItem, Receivable
from tests.modules.receivables.conftest import NUMBERS, Desk, check_books, on


def balance(role: str) -> int:
    return money.trial_balance().filter(role=role)["balance_fen"].item()


@pytest.mark.requirement("ACM-09")
def test_a_clerk_waives_late_fee_within_the_limit_of_the_role_only(desk: Desk) -> None:
    account = desk.account()
    bill = desk.bill(account, 202610, RENT=100_000)
    known = {"bill_id": bill, "reason": "complaint", "at": on(12, 5)}  # four days: 12.00
    with pytest.raises(money.WaiverTooHigh):
        money.waive_late_fee(waived_fen=1200, serial_no="W1", staff_id=desk.staff["clerk"], **known)
    assert desk.open(bill) == 100_000
    with pytest.raises(money.AmountWrong):
        money.waive_late_fee(waived_fen=1201, serial_no="W2", staff_id=desk.staff["chief"], **known)
    assert money.waive_late_fee(waived_fen=1200, serial_no="W3", staff_id=desk.staff["chief"], **known) == 100_000
    assert money.owed(account_id=account, at=on(12, 6)).late_fee_fen == 300, "it goes on from the day of the waiver"
    posted = desk.pay(account, 100_000, on(12, 5))
    assert (posted.late_fee_fen, desk.open(bill), desk.state(bill)) == (0, 0, "settled")
    check_books()


@pytest.mark.requirement("ACM-13", "ACM-14")
def test_a_debt_becomes_doubtful_after_ninety_days_is_written_off_by_two_people_and_recovered_later(desk: Desk) -> None:
    account = desk.account()
    bill = desk.bill(account, 202510, RENT=4500)  # due 30 November 2025
    assert money.mark_doubtful(at=on(2, 28)) == 0
    assert money.mark_doubtful(at=on(3, 1)) == 1
    assert money.mark_doubtful(at=on(3, 2)) == 0
    assert (balance("DOUBTFUL"), balance("RECEIVABLE")) == (4500, 0)
    known = {"bill_id": bill, "reason": "cannot be found", "staff_id": desk.staff["clerk"]}
    with pytest.raises(money.SecondPersonNeeded):
        money.write_off(at=on(12, 2), approved_by=desk.staff["clerk"], **known)
    with pytest.raises(money.NotYetBad, match="older"):
        money.write_off(at=on(11, 2), approved_by=desk.staff["chief"], **known)
    with pytest.raises(money.NotYetBad, match="reminders"):
        money.write_off(at=on(12, 2), approved_by=desk.staff["chief"], **known)
    for step in ("LATE", "STOP_1", "STOP_2"):
        Message.objects.create(account_id=account, plan="OVERDUE", step=step, sent_at=on(1, 1))
    assert balance("BAD_DEBT") == 0
    money.write_off(at=on(12, 2), approved_by=desk.staff["chief"], **known)
    assert (balance("DOUBTFUL"), balance("BAD_DEBT"), desk.open(bill)) == (0, 4500, 0)
    assert (Receivable.objects.get(bill_id=bill).written_off_fen, desk.state(bill)) == (4500, "writtenOff")
    check_books()
    paid = {"means": "CASH", "channel": "HALL", "serial_no": "R1", "at": on(12, 20), "staff_id": desk.staff["clerk"]}
    money.recover(bill_id=bill, paid_fen=4500, **paid)
    assert (balance("RECOVERED"), Receivable.objects.get(bill_id=bill).written_off_fen) == (-4500, 0)
    with pytest.raises(money.AmountWrong):
        money.recover(bill_id=bill, paid_fen=1, **(paid | {"serial_no": "R2"}))
    check_books()


def test_a_debt_that_is_written_off_bears_no_late_fee_any_more(desk: Desk) -> None:
    account = desk.account()
    bill = desk.bill(account, 202510, RENT=100_000)  # due 30 November 2025
    money.mark_doubtful(at=on(3, 1))
    for step in ("LATE", "STOP_1", "STOP_2"):
        Message.objects.create(account_id=account, plan="OVERDUE", step=step, sent_at=on(1, 1))
    assert money.owed(account_id=account, at=on(6, 10)).late_fee_fen == 191 * 300, "doubtful, and it goes on"
    known = {"reason": "cannot be found", "staff_id": desk.staff["clerk"], "approved_by": desk.staff["chief"]}
    money.write_off(bill_id=bill, at=on(12, 2), **known)
    assert money.owed(account_id=account, at=on(12, 31)).late_fee_fen == 0
    check_books()


def test_a_payment_of_a_doubtful_debt_is_taken_off_the_doubtful_receivables_and_its_reversal_puts_it_back(
    desk: Desk,
) -> None:
    account = desk.account()
    bill = desk.bill(account, 202510, RENT=4500)
    early = desk.pay(account, 1000, on(11, 20, year=2025))
    money.mark_doubtful(at=on(3, 1))
    desk.pay(account, 2000, on(3, 2))
    assert balance("RECEIVABLE") == 0
    money.reverse_payment(
        payment_id=early.payment_id, reason="bounced", serial_no="B1", at=on(3, 3), staff_id=desk.staff["clerk"],
        approved_by=desk.staff["chief"],
    )  # fmt: skip
    assert (balance("RECEIVABLE"), balance("DOUBTFUL")) == (0, desk.open(bill))
    check_books()


@pytest.mark.requirement("ACM-22")
def test_arrears_of_user_account_customer_and_group_agree_and_show_their_age(desk: Desk) -> None:
    account = desk.account()
    desk.bills(202609, [(account, 7, {"RENT": 5000})])
    desk.bills(202610, [(account, 8, {"RENT": 3000, "LOCAL": 200})])
    desk.pay(account, 1000, on(10, 20))
    at = on(12, 10)
    sums = {
        "USERS": sum(money.arrears(level="USER", key=user, at=at)["open_fen"].sum() for user in (7, 8)),
        "ACCOUNT": money.arrears(level="ACCOUNT", key=account, at=at)["open_fen"].sum(),
        "CUSTOMER": money.arrears(level="CUSTOMER", key=account, at=at)["open_fen"].sum(),
        "GROUP": money.arrears_of_group(subscriber_ids=[7, 8], at=at)["open_fen"].sum(),
    }
    assert set(sums.values()) == {7200}
    ages = dict(money.ageing(at=at).select("age", "open_fen").iter_rows())
    assert (ages["D31_60"], ages["D0_30"], ages["NOT_DUE"]) == (4000, 3200, 0)
    assert money.has_arrears(subscriber_id=8, at=at)
    assert not money.has_arrears(subscriber_id=8, at=on(11, 30))


@pytest.mark.requirement("ACM-15")
def test_the_arrears_rate_is_arrears_of_what_was_billed_by_cycle_and_class(desk: Desk) -> None:
    accounts = [desk.account(), desk.account()]
    desk.bills(202609, [(accounts[0], 1, {"RENT": 6000}), (accounts[1], 2, {"RENT": 4000})])
    desk.pay(accounts[0], 6000, on(10, 20))
    rate = money.arrears_rates(at=on(12, 10)).row(0, named=True)
    assert (rate["billed_fen"], rate["overdue_fen"], rate["rate_ppm"]) == (10_000, 4000, 400_000)
    classes = pl.DataFrame({"customer_id": accounts, "customer_class": ["GOLD", "ORDINARY"]})
    by_class = dict(
        money.arrears_rates_by_class(classes=classes, at=on(12, 10)).select("customer_class", "rate_ppm").iter_rows()
    )
    assert by_class == {"GOLD": 0, "ORDINARY": 1_000_000}


@pytest.mark.requirement("ACM-10", "ACM-11")
def test_received_is_old_and_current_bills_paid_and_payments_are_counted_by_channel(desk: Desk) -> None:
    account = desk.account()
    desk.bill(account, 202609, RENT=8000)
    desk.bill(account, 202610, RENT=4000)
    desk.pay(account, 10_000, on(11, 1), means="WEB", channel="WEB")
    desk.pay(account, 5000, on(11, 1), means="KIOSK", channel="KIOSK")
    assert money.received(period=202611) == {"old_fen": 8000, "current_fen": 4000, "received_fen": 12_000}
    assert money.collected(by="channel", from_on=date(2026, 11, 1), to_on=date(2026, 12, 1)) == {
        "KIOSK": 5000,
        "WEB": 10_000,
    }
    assert money.prepayments() == {"CASH": 3000}
    check_books()


@pytest.mark.requirement("ACM-12")
def test_two_hundred_paid_before_any_use_count_as_prepaid_until_bills_have_consumed_them(desk: Desk) -> None:
    account = desk.account()
    desk.pay(account, 20_000, on(9, 1))
    prepaid = [money.prepayments()]
    for cycle, due_fen in ((202609, 6340), (202610, 13_660), (202611, 100)):
        desk.bill(account, cycle, RENT=due_fen)
        prepaid.append({kind: fen for kind, fen in money.prepayments().items() if fen})
    assert prepaid == [{"CASH": 20_000}, {"CASH": 13_660}, {}, {}]
    assert balance("PREPAYMENT") == 0
    check_books()


@pytest.mark.requirement("ACM-05")
def test_a_fee_collected_for_others_is_owed_to_them_and_is_no_revenue_of_ours(desk: Desk) -> None:
    desk.bill(desk.account(), 202610, RENT=3000, SP_INFO=500)
    (item,) = [one for one in bill_item_types() if one.code == "SP_INFO"]
    assert (item.item_id, item.group_code) == (NUMBERS["SP_INFO"], "G6_THIRD")
    assert (balance("THIRD_PARTY"), balance("REVENUE_FIXED"), balance("RECEIVABLE")) == (-500, -3000, 3500)


@pytest.mark.requirement("ACM-23")
def test_debit_equals_credit_on_each_business_day_and_finance_gets_the_same_figures(desk: Desk) -> None:
    account = desk.account()
    desk.bill(account, 202610, RENT=3000, SP_INFO=500)
    desk.pay(account, 4000, on(11, 1))
    desk.pay(account, 100, on(11, 2))
    for day in (date(2026, 11, 1), date(2026, 11, 2)):
        journal = money.day_journal(from_on=day)
        assert journal["debit_fen"].sum() == journal["credit_fen"].sum() > 0
    first = date(2026, 11, 1)
    line = money.day_journal(from_on=first).filter(role="THIRD_PARTY").row(0, named=True)
    under = money.entries_under(business_on=first, chart_no=line["chart_no"], cause="BILL", channel="SYSTEM")
    assert [one.bill_id for one in under[0].lines if one.chart_no == line["chart_no"]] == [
        202610 * 10_000_000_000 + account
    ]
    document = json.loads(money.journal_json(from_on=first, to_on=date(2026, 11, 2)))
    assert document["totals"]["debit_fen"] == document["totals"]["credit_fen"] == 3500 + 4000 + 3500 + 100
    rows = list(csv.DictReader(io.StringIO(money.journal_csv(from_on=first))))
    assert [row["credit"] for row in rows if row["role"] == "THIRD_PARTY"] == ["5.00"]
    items = dict(money.revenue_by_item(from_on=first, to_on=first).select("item_id", "revenue_fen").iter_rows())
    assert items == {NUMBERS["RENT"]: 3000, NUMBERS["SP_INFO"]: 500}


def test_the_statement_of_an_account_runs_to_what_it_owes(desk: Desk) -> None:
    account = desk.account()
    desk.bill(account, 202610, RENT=10_000)
    desk.pay(account, 4000, on(12, 10))
    lines = [(one.cause, one.amount_fen, one.balance_fen) for one in money.statement(account_id=account)]
    assert lines == [("BILL", 10_000, 10_000), ("PAYMENT", -4000, 6000), ("LATE_FEE", 270, 6270)]
    assert money.owed(account_id=account, at=on(12, 10)).owed_fen == 6270


def test_a_closed_day_takes_no_entry_and_the_next_open_day_does(desk: Desk) -> None:
    account = desk.account()
    desk.pay(account, 100, on(11, 1))
    money.close_day(business_on=date(2026, 11, 1), at=on(11, 1, 20), staff_id=desk.staff["chief"])
    desk.pay(account, 200, on(11, 1, 21))
    assert list(Entry.objects.order_by("entry_id").values_list("business_on", flat=True)) == [
        date(2026, 11, 1),
        date(2026, 11, 2),
    ]
    copy = (
        "INSERT INTO receivables_entry (serial_no, cause, business_on, period, currency, channel, at, note)"
        " VALUES ('x', 'x', '2026-11-01', 202611, 'CNY', 'HALL', now(), '')"
    )
    with pytest.raises(DatabaseError, match="closed"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(copy)
    with pytest.raises(money.DaysOpen):
        money.close_period(period=202611, at=on(12, 1), staff_id=desk.staff["chief"])
    money.reopen_day(business_on=date(2026, 11, 1), reason="late slip", at=on(11, 2), staff_id=desk.staff["chief"])
    desk.pay(account, 300, on(11, 1, 22))
    money.close_day(business_on=date(2026, 11, 1), at=on(11, 2), staff_id=desk.staff["chief"])
    money.close_day(business_on=date(2026, 11, 2), at=on(11, 3), staff_id=desk.staff["chief"])
    money.close_period(period=202611, at=on(12, 1), staff_id=desk.staff["chief"])
    with pytest.raises(money.PeriodClosed):
        money.reopen_day(business_on=date(2026, 11, 2), reason="x", at=on(12, 1), staff_id=desk.staff["chief"])
    assert money.verify_seals() == money.SealCheck(3, None)


def test_a_sealed_entry_that_was_changed_behind_our_back_is_found(desk: Desk) -> None:
    desk.pay(desk.account(), 100, on(11, 1))
    desk.pay(desk.account(), 100, on(11, 2))
    for day in (1, 2):
        money.close_day(business_on=date(2026, 11, day), at=on(11, 3), staff_id=None)
    assert money.verify_seals().broken_on is None
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE receivables_posting DISABLE TRIGGER USER")
        cursor.execute("UPDATE receivables_posting SET amount_fen = amount_fen * 2")
        cursor.execute("ALTER TABLE receivables_posting ENABLE TRIGGER USER")
    assert money.verify_seals().broken_on == date(2026, 11, 1)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE receivables_receivable SET open_fen = open_fen + 1",
        "UPDATE receivables_openitem SET paid_fen = paid_fen + 1 WHERE paid_fen < due_fen",
        "UPDATE receivables_bucket SET balance_fen = balance_fen + 1",
    ],
)
def test_one_fen_too_many_anywhere_is_found(desk: Desk, change: str) -> None:
    account = desk.account()
    desk.bill(account, 202610, RENT=10_000)
    desk.pay(account, 4000, on(11, 10))
    desk.pay(desk.account(), 4000, on(11, 10))
    assert money.ledger_differences() == []
    with connection.cursor() as cursor:
        cursor.execute(change)
    found = money.ledger_differences()
    assert found
    assert {abs(one.found_fen - one.expected_fen) for one in found} == {1}


def test_what_is_paid_of_items_adds_up_to_what_was_allocated(desk: Desk) -> None:
    account = desk.account()
    bill = desk.bill(account, 202610, RENT=10_000, LOCAL=333)
    desk.pay(account, 10_100, on(11, 10))
    assert sum(OpenItem.objects.filter(bill_id=bill).values_list("paid_fen", flat=True)) == 10_100
    assert Bill.objects.get(bill_id=bill).state == "partiallySettled"


@pytest.mark.requirement("ACM-27", "BBS-22")
def test_a_groups_part_payment_by_cheque_is_allocated_over_its_three_bills_and_its_arrears_are_what_is_left(
    desk: Desk,
) -> None:
    """A group pays by one account for its members; what is left open is the group's arrears, user by user."""
    account = desk.account()
    bills = [desk.bill(account, 202608 + n, user=11 + n, RENT=10_000, at=on(11, 2)) for n in range(3)]
    group = [11, 12, 13]
    before = money.arrears_of_group(subscriber_ids=group, at=on(11, 2))
    assert int(before["open_fen"].sum()) == 30_000
    posted = desk.pay(account, 25_000, on(11, 2), means="CHEQUE")
    late_fen = posted.late_fee_fen
    assert (posted.cleared_fen, posted.advance_fen) == (25_000, 0)
    assert [desk.open(bill) for bill in bills] == [0, 0, 5_000 + late_fen]
    paid = money.clearings_of_payment(payment_id=posted.payment_id)
    assert set(paid["bill_id"]) == set(bills)
    left = money.arrears_of_group(subscriber_ids=group, at=on(11, 2))
    assert dict(left.select("subscriber_id", "open_fen").iter_rows()) == {13: 5_000 + late_fen}
    check_books()
