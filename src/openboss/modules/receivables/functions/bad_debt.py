"""Late fees waived, debts that became doubtful, written off with approval, and recovered later (D8.5, D8.11)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl
from django.db import transaction

from openboss.modules.billing.atomic import note_settlement
from openboss.modules.receivables.atomic import debts, standing
from openboss.modules.receivables.atomic.clearings import book_late_fees, close_bills, debts_by_bill
from openboss.modules.receivables.atomic.ledger import Act, Line, hold_day, new_ids, post_entry, put_entries
from openboss.modules.receivables.atomic.payments import PaymentView
from openboss.modules.receivables.functions.authority import require, require_second
from openboss.modules.receivables.functions.clearing import late_fees_due, settle_states
from openboss.modules.receivables.functions.counter import money_in
from openboss.modules.receivables.functions.payments import AmountWrong
from openboss.modules.receivables.functions.rules import Rules, act_of, day_of, rules_at
from openboss.modules.system.atomic import record_audit


class BillNotOwed(LookupError):
    """Nothing is owed on this bill, or there is no such bill."""


class WaiverTooHigh(Exception):
    """Your role may not waive that much of a late fee; ask somebody with a higher limit (ACM-09)."""


class NotYetBad(Exception):
    """This debt cannot be written off yet; the message says what is missing: age, reminders, or that it is doubtful."""


@dataclass(frozen=True)
class WriteOff:
    """A debt that was written off: kept off the ledger, and what of it came back later."""

    bill_id: int
    account_id: int
    written_off_fen: int


@transaction.atomic
def waive_late_fee(*, bill_id: int, waived_fen: int, reason: str, serial_no: str, at: datetime, staff_id: int) -> int:
    """Waive late fee of a bill within the limit of one's role; return what is open on the bill then.

    Raises NotEntitled, WaiverTooHigh, BillNotOwed, AmountWrong (more than is unpaid of it). Source: ACM-09.
    """
    staff = require(staff_id=staff_id, right="receivables.adjust")
    rules = rules_at(at)
    limits = rules.value("waiver_limits_fen")
    if waived_fen > max((limits.get(role, 0) for role in staff.roles), default=0):
        raise WaiverTooHigh(f"{staff.login}: {waived_fen}")
    act = act_of(rules, at=at, staff_id=staff_id, channel="HALL")
    hold_day(act.business_on)
    account_id = _account_of(bill_id)
    debts.lock_accounts([account_id])
    _book_late_fee(bill_id, account_id, rules, act, serial_no)
    late = rules.late_fee_item
    items = debts.items_of([bill_id]).filter(pl.col("item_id") == late.item_id)
    if not 0 < waived_fen <= int((items["due_fen"] - items["paid_fen"]).sum()):
        raise AmountWrong(waived_fen)
    owed_as = Line(_owed_on(bill_id, rules), -waived_fen, account_id=account_id, bill_id=bill_id)
    given_up = Line(
        rules.chart.no_of("WAIVED"), waived_fen, account_id=account_id, bill_id=bill_id, item_id=late.item_id
    )
    post_entry(serial_no=f"WAIVER {serial_no}", cause="WAIVER", lines=[given_up, owed_as], act=act, note=reason[:200])
    debts.waive_item(bill_id=bill_id, item_id=late.item_id, waived_fen=waived_fen)
    now = close_bills({bill_id: waived_fen})
    settle_states(now)
    after = {"waived_fen": waived_fen}
    _audit("receivables.waive_late_fee", "bill", bill_id, act, reason, after)
    return now[0].open_fen


@transaction.atomic
def mark_doubtful(*, at: datetime, staff_id: int | None = None) -> int:
    """Move every bill unpaid for longer than the limit to the doubtful receivables; return how many (ACM-13)."""
    rules = rules_at(at)
    act = act_of(rules, at=at, staff_id=staff_id, channel="SYSTEM")
    hold_day(act.business_on)
    old = debts.overdue_since(rules.on - timedelta(days=rules.value("doubtful_after_days")), standing="NORMAL")
    if old.is_empty():
        return 0
    debts.lock_accounts(old["account_id"].to_list())
    old = debts.bills_by_id(old["bill_id"].to_list())
    old = old.filter((pl.col("open_fen") > 0) & (pl.col("standing") == "NORMAL")).sort("bill_id")
    moved = old.select(
        "bill_id", "account_id", amount_fen="open_fen",
        entry_id=pl.Series(new_ids("receivables_entry", "entry_id", old.height), dtype=pl.Int64),
    )  # fmt: skip
    to_doubtful = moved.with_columns(chart_no=pl.lit(rules.chart.no_of("DOUBTFUL")))
    off = moved.with_columns(amount_fen=-pl.col("amount_fen"), chart_no=pl.lit(rules.chart.no_of("RECEIVABLE")))
    entries = moved.select("entry_id", serial_no=pl.format("DOUBTFUL {}", "bill_id"), cause=pl.lit("DOUBTFUL"))
    put_entries(entries=entries, postings=pl.concat([to_doubtful, off]).sort("entry_id"), act=act)
    debts.set_standing(bill_ids=old["bill_id"].to_list(), standing="DOUBTFUL")
    return old.height


@transaction.atomic
def write_off(*, bill_id: int, reason: str, at: datetime, staff_id: int, approved_by: int | None) -> WriteOff:
    """Write a doubtful debt off, which two people must agree to; it stays on record off the ledger.

    Raises BillNotOwed, NotYetBad, SecondPersonNeeded, NotEntitled. Source: ACM-14, D8.11.
    """
    require_second(staff_id=staff_id, approved_by=approved_by)
    rules = rules_at(at)
    act = act_of(rules, at=at, staff_id=staff_id, channel="SYSTEM")
    hold_day(act.business_on)
    account_id = _account_of(bill_id)
    debts.lock_accounts([account_id])
    bill = debts.bills_by_id([bill_id]).row(0, named=True)
    wanted = rules.value("bad_debt")
    if bill["standing"] != "DOUBTFUL":
        raise NotYetBad("not doubtful")
    if bill["due_on"] + timedelta(days=wanted["older_than_days"]) > rules.on:
        raise NotYetBad(f"older than {wanted['older_than_days']} days")
    if standing.reminders_by_account(account_ids=[account_id]).get(account_id, 0) < wanted["dunning_proofs"]:
        raise NotYetBad(f"{wanted['dunning_proofs']} reminders")
    lines = [
        Line(rules.chart.no_of("BAD_DEBT"), bill["open_fen"], account_id=account_id, bill_id=bill_id),
        Line(rules.chart.no_of("DOUBTFUL"), -bill["open_fen"], account_id=account_id, bill_id=bill_id),
    ]
    post_entry(serial_no=f"WRITE_OFF {bill_id}", cause="WRITE_OFF", lines=lines, act=act, note=reason[:200])
    debts.write_off(bill_id=bill_id)
    note_settlement(bill_ids=[bill_id], states=["writtenOff"])
    after = {"written_off_fen": bill["open_fen"], "approved_by": approved_by}
    _audit("receivables.write_off", "bill", bill_id, act, reason, after)
    return WriteOff(bill_id, account_id, bill["open_fen"])


@transaction.atomic
def recover(
    *, bill_id: int, paid_fen: int, means: str, channel: str, serial_no: str, at: datetime, staff_id: int | None
) -> PaymentView:
    """Take money for a debt that was written off: income of that day (D8.11). Raises BillNotOwed, AmountWrong."""
    found = debts.bills_by_id([bill_id])
    if found.is_empty():
        raise BillNotOwed(bill_id)
    account_id: int = found["account_id"][0]

    def lines(rules: Rules, act: Act) -> list[Line]:  # noqa: ARG001 (the same for every move)
        if not debts.recover(bill_id=bill_id, paid_fen=paid_fen):
            raise AmountWrong(paid_fen)
        return [Line(rules.chart.no_of("RECOVERED"), -paid_fen, account_id=account_id, bill_id=bill_id)]

    return money_in(
        purpose="RECOVERY", account_id=account_id, paid_fen=paid_fen, means=means, lines=lines,
        channel=channel, serial_no=serial_no, at=at, staff_id=staff_id, note=f"BILL {bill_id}",
    )  # fmt: skip


def is_written_off(*, bill_id: int) -> bool:
    """Whether a debt was given up and not all of it came back."""
    return debts.written_off(bill_id=bill_id) > 0


def _account_of(bill_id: int) -> int:
    found = debts.bills_by_id([bill_id])
    if found.is_empty() or found["open_fen"][0] == 0:
        raise BillNotOwed(bill_id)
    return int(found["account_id"][0])


def _owed_on(bill_id: int, rules: Rules) -> int:
    doubtful = debts.bills_by_id([bill_id])["standing"][0] == "DOUBTFUL"
    return rules.chart.no_of("DOUBTFUL" if doubtful else "RECEIVABLE")


def _book_late_fee(bill_id: int, account_id: int, rules: Rules, act: Act, serial_no: str) -> None:
    """Let the late fee of a bill fall due up to today, so that some of it can be waived."""
    late = late_fees_due(debts_by_bill([bill_id]), {account_id: day_of(act.at)}, rules)
    if not late:
        return
    kind, fee_fen = rules.late_fee_item, late[0].fee_fen
    book_late_fees(late, item_id=kind.item_id, rank=kind.sort_order)
    lines = [
        Line(_owed_on(bill_id, rules), fee_fen, account_id=account_id, bill_id=bill_id),
        Line(rules.chart.no_of("LATE_FEE"), -fee_fen, account_id=account_id, bill_id=bill_id, item_id=kind.item_id),
    ]
    post_entry(serial_no=f"LATE_FEE WAIVER {serial_no}", cause="LATE_FEE", lines=lines, act=act)


def _audit(action: str, kind: str, object_id: int, act: Act, reason: str, after: Mapping[str, object]) -> None:
    record_audit(
        staff_id=act.staff_id,
        action=action,
        object_kind=kind,
        object_id=object_id,
        at=act.at,
        reason=reason,
        after=after,
    )
