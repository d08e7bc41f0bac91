"""Money at the counter that is not a payment of bills: deposits, fees paid at once, refunds, transfers, gifts.

Each is one transaction, one entry, safe to repeat under its serial number.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import IntegrityError, transaction

from openboss.modules.receivables.atomic import debts, payments
from openboss.modules.receivables.atomic.ledger import Act, Line, entry_by_serial, hold_day, new_ids, post_entry
from openboss.modules.receivables.atomic.payments import PaymentView
from openboss.modules.receivables.functions.authority import require_second
from openboss.modules.receivables.functions.bills import clear_from_advances
from openboss.modules.receivables.functions.clearing import Turn, clear_accounts
from openboss.modules.receivables.functions.payments import AmountWrong, MeansUnknown
from openboss.modules.receivables.functions.rules import Rules, act_of, rules_at
from openboss.modules.receivables.functions.wallets import MoneyInUse, money_held
from openboss.modules.system.atomic import SerialNumberUsed, record_audit

FEE_ROLES = {"CARD": "CARDS_SOLD", "VOUCHER": "VOUCHER"}  # other items: FEES


class NotEnoughMoney(Exception):
    """The account has not that much money that may be given back or moved: only cash may (D8.1)."""


@dataclass(frozen=True)
class FinalSettlement:
    """What deposit and advances paid at the end, and what is left to give back or still to be collected (ACM-18)."""

    cleared_fen: int
    refundable_fen: int
    short_fen: int


def take_deposit(
    *,
    account_id: int,
    deposit_fen: int,
    means: str,
    channel: str,
    serial_no: str,
    at: datetime,
    staff_id: int | None,
    purpose: str = "",
    till_id: int | None = None,
) -> PaymentView:
    """Take a deposit; it stays apart and pays only at final settlement. Raises as pay_out. Source: ACM-16, D8.1."""

    def lines(rules: Rules, act: Act) -> list[Line]:
        bucket = debts.add_to_bucket(
            account_ids=[account_id], kind="DEPOSIT", amounts_fen=[deposit_fen], on=act.business_on
        )
        return [Line(rules.chart.no_of("DEPOSIT"), -deposit_fen, account_id=account_id, bucket_id=bucket[account_id])]

    return money_in(
        purpose="DEPOSIT", account_id=account_id, paid_fen=deposit_fen, means=means, lines=lines, channel=channel,
        serial_no=serial_no, at=at, staff_id=staff_id, till_id=till_id, note=purpose,
    )  # fmt: skip


def top_up_agent(
    *, account_id: int, paid_fen: int, means: str, serial_no: str, at: datetime, staff_id: int | None,
    till_id: int | None = None,
) -> PaymentView:  # fmt: skip
    """Take an agent's own money, from which its recharges are deducted. Raises as take_deposit. Source: ACM-25."""

    def lines(rules: Rules, act: Act) -> list[Line]:
        bucket = debts.add_to_bucket(account_ids=[account_id], kind="AGENT", amounts_fen=[paid_fen], on=act.business_on)
        return [Line(rules.chart.no_of("AGENT"), -paid_fen, account_id=account_id, bucket_id=bucket[account_id])]

    return money_in(
        purpose="AGENT", account_id=account_id, paid_fen=paid_fen, means=means, lines=lines, channel="HALL",
        serial_no=serial_no, at=at, staff_id=staff_id, till_id=till_id,
    )  # fmt: skip


def return_deposit(
    *, account_id: int, means: str, serial_no: str, at: datetime, staff_id: int, channel: str = "HALL",
    till_id: int | None = None,
) -> PaymentView:  # fmt: skip
    """Give an account's whole deposit back. Raises NotEnoughMoney where there is none, as pay_out. Source: ACM-16."""
    known = payments.payments_by_serial(serial_nos=[serial_no]).get(serial_no)
    held = sum(one.balance_fen for one in debts.money_of(account_id) if one.kind == "DEPOSIT")
    returned_fen = -known.paid_fen if known else held
    if returned_fen <= 0:
        raise NotEnoughMoney(account_id)

    def lines(rules: Rules, act: Act) -> list[Line]:
        return _out_of("DEPOSIT", account_id, returned_fen, means, rules, act)

    rest = {"channel": channel, "serial_no": serial_no, "at": at, "staff_id": staff_id, "till_id": till_id}
    return _move("REFUND", account_id, -returned_fen, means, lines, note="DEPOSIT", **rest)


def charge_fee(
    *,
    account_id: int | None,
    fee_fen: int,
    item_code: str,
    means: str,
    channel: str,
    serial_no: str,
    at: datetime,
    staff_id: int | None,
    subscriber_id: int | None = None,
    till_id: int | None = None,
    note: str = "",
) -> PaymentView:
    """Take a fee that is paid at once and never on a bill: CARD (SIM cards), VOUCHER (a liability), ONE_TIME.

    Raises SerialNumberUsed, MeansUnknown, AmountWrong. Source: ACM-24, D12.4.
    """

    def lines(rules: Rules, act: Act) -> list[Line]:  # noqa: ARG001 (the same for every move)
        code = "CARD" if item_code in FEE_ROLES else item_code
        item_id = next(kind.item_id for kind in rules.item_types if kind.code == code)
        role = FEE_ROLES.get(item_code, "FEES")
        return [Line(rules.chart.no_of(role), -fee_fen, account_id, subscriber_id, item_id)]

    return money_in(
        purpose="FEE", account_id=account_id, paid_fen=fee_fen, means=means, lines=lines, channel=channel,
        serial_no=serial_no, at=at, staff_id=staff_id, till_id=till_id, note=note or item_code,
    )  # fmt: skip


def pay_out(
    *,
    account_id: int,
    paid_fen: int,
    means: str,
    serial_no: str,
    at: datetime,
    staff_id: int,
    approved_by: int | None = None,
    channel: str = "HALL",
    till_id: int | None = None,
    reason: str = "",
) -> PaymentView:
    """Give cash of an account back; above the limit a second person approves.

    Raises NotEnoughMoney, SecondPersonNeeded, NotEntitled, SerialNumberUsed, MeansUnknown, AmountWrong.
    Source: D8.10, ACM-18.
    """
    if paid_fen > rules_at(at).value("refund_alone_up_to_fen"):
        require_second(staff_id=staff_id, approved_by=approved_by)

    def lines(rules: Rules, act: Act) -> list[Line]:
        return _out_of("CASH", account_id, paid_fen, means, rules, act)

    known = {"channel": channel, "serial_no": serial_no, "at": at, "staff_id": staff_id, "till_id": till_id}
    if serial_no in payments.payments_by_serial(serial_nos=[serial_no]):
        return _move("REFUND", account_id, -paid_fen, means, lines, note=reason, **known)
    with held(account_id, paid_fen, f"REFUND {serial_no}"):
        return _move("REFUND", account_id, -paid_fen, means, lines, note=reason, **known)


def transfer_balance(
    *,
    from_account_id: int,
    to_account_id: int,
    moved_fen: int,
    serial_no: str,
    reason: str,
    at: datetime,
    staff_id: int,
    approved_by: int | None = None,
) -> int:
    """Move cash from one account to another, where it clears what is open; return the entry's id.

    Raises NotEnoughMoney, SecondPersonNeeded, NotEntitled, AmountWrong. Source: issue 6 section 2, D8.10.
    """
    known: dict[str, Any] = {
        "serial_no": serial_no, "reason": reason, "at": at, "staff_id": staff_id, "approved_by": approved_by,
    }  # fmt: skip
    if moved_fen <= 0 or entry_by_serial(serial_no=f"TRANSFER {serial_no}") is not None:
        return _transfer(from_account_id, to_account_id, moved_fen, **known)
    with held(from_account_id, moved_fen, f"TRANSFER {serial_no}"):
        return _transfer(from_account_id, to_account_id, moved_fen, **known)


@transaction.atomic
def _transfer(
    from_account_id: int,
    to_account_id: int,
    moved_fen: int,
    *,
    serial_no: str,
    reason: str,
    at: datetime,
    staff_id: int,
    approved_by: int | None,
) -> int:
    before = entry_by_serial(serial_no=f"TRANSFER {serial_no}")
    if before is not None:
        if (
            Line(before.lines[0].chart_no, moved_fen, from_account_id, bucket_id=before.lines[0].bucket_id)
            != (before.lines[0])
        ):
            raise SerialNumberUsed(serial_no)
        return before.entry_id
    if moved_fen <= 0 or from_account_id == to_account_id:
        raise AmountWrong(moved_fen)
    rules = rules_at(at)
    if moved_fen > rules.value("transfer_alone_up_to_fen"):
        require_second(staff_id=staff_id, approved_by=approved_by)
    act = act_of(rules, at=at, staff_id=staff_id, channel="HALL")
    hold_day(act.business_on)
    debts.lock_accounts([from_account_id, to_account_id])
    taken = _taken("CASH", from_account_id, moved_fen, act)
    given = debts.add_to_bucket(account_ids=[to_account_id], kind="CASH", amounts_fen=[moved_fen], on=act.business_on)
    prepayment = rules.chart.no_of("PREPAYMENT")
    entry_id = post_entry(
        serial_no=f"TRANSFER {serial_no}",
        cause="TRANSFER",
        lines=[
            Line(prepayment, moved_fen, account_id=from_account_id, bucket_id=taken),
            Line(prepayment, -moved_fen, account_id=to_account_id, bucket_id=given[to_account_id]),
        ],
        act=act,
        note=reason,
    )
    clear_from_advances([to_account_id], rules=rules, act=act)
    record_audit(
        staff_id=staff_id,
        action="receivables.transfer_balance",
        object_kind="account",
        object_id=from_account_id,
        at=at,
        reason=reason,
        after={"to_account_id": to_account_id, "moved_fen": moved_fen, "approved_by": approved_by},
    )
    return entry_id


@transaction.atomic
def grant_gift(
    *,
    account_id: int,
    gift_fen: int,
    serial_no: str,
    at: datetime,
    staff_id: int | None,
    item_codes: Sequence[str] = (),
    to_on: date | None = None,
) -> int:
    """Give an account money that is not refundable, for some items or all; return the bucket's id.

    Raises AmountWrong. Source: D8.1.
    """
    if gift_fen <= 0:
        raise AmountWrong(gift_fen)
    before = entry_by_serial(serial_no=f"GIFT {serial_no}")
    if before is not None:
        return next(line.bucket_id for line in before.lines if line.bucket_id is not None)
    rules = rules_at(at)
    act = act_of(rules, at=at, staff_id=staff_id, channel="SYSTEM")
    hold_day(act.business_on)
    debts.lock_accounts([account_id])
    item_ids = [kind.item_id for kind in rules.item_types if kind.code in item_codes]
    bucket_id = debts.open_bucket(
        account_id=account_id,
        kind="DEDICATED" if item_codes else "GIFT",
        balance_fen=gift_fen,
        item_ids=item_ids,
        from_on=rules.on,
        to_on=to_on,
    )
    gift = Line(rules.chart.no_of("GIFT"), -gift_fen, account_id=account_id, bucket_id=bucket_id)
    lines = [Line(rules.chart.no_of("GIFTS_GRANTED"), gift_fen, account_id=account_id), gift]
    post_entry(serial_no=f"GIFT {serial_no}", cause="GIFT", lines=lines, act=act)
    clear_from_advances([account_id], rules=rules, act=act)
    return bucket_id


@transaction.atomic
def settle_finally(*, account_id: int, serial_no: str, at: datetime, staff_id: int | None) -> FinalSettlement:
    """Let deposit and advances pay what is owed at cancellation; what is left of the deposit becomes cash.

    The refund itself is pay_out, the shortfall a payment. Done again it gives what is left then. Source: ACM-18.
    """
    rules = rules_at(at)
    act = act_of(rules, at=at, staff_id=staff_id, channel="HALL")
    hold_day(act.business_on)
    debts.lock_accounts([account_id])
    cleared = clear_accounts([Turn(account_id, rules.on)], rules=rules, act=act, with_deposit=True).allocated
    held = sum(one.balance_fen for one in debts.money_of(account_id) if one.kind == "DEPOSIT")
    if held:
        bucket_id = _taken("DEPOSIT", account_id, held, act)
        cash = debts.add_to_bucket(account_ids=[account_id], kind="CASH", amounts_fen=[held], on=act.business_on)
        lines = [
            Line(rules.chart.no_of("DEPOSIT"), held, account_id=account_id, bucket_id=bucket_id),
            Line(rules.chart.no_of("PREPAYMENT"), -held, account_id=account_id, bucket_id=cash[account_id]),
        ]
        post_entry(serial_no=f"RELEASE_DEPOSIT {serial_no}", cause="RELEASE_DEPOSIT", lines=lines, act=act)
    cash_fen = sum(one.balance_fen for one in debts.money_of(account_id) if one.kind == "CASH")
    short_fen = int(debts.open_bills([account_id])["open_fen"].sum())
    return FinalSettlement(sum(one.paid_fen for one in cleared), cash_fen, short_fen)


def money_in(
    *,
    purpose: str,
    account_id: int | None,
    paid_fen: int,
    means: str,
    lines: Callable[[Rules, Act], list[Line]],
    channel: str,
    serial_no: str,
    at: datetime,
    staff_id: int | None,
    till_id: int | None = None,
    note: str = "",
) -> PaymentView:
    """Take money for a purpose of its own; lines says what is credited. Raises SerialNumberUsed, MeansUnknown."""

    def both(rules: Rules, act: Act) -> list[Line]:
        return [_means_line(rules, means, paid_fen, account_id), *lines(rules, act)]

    known = {"channel": channel, "serial_no": serial_no, "at": at, "staff_id": staff_id, "till_id": till_id}
    return _move(purpose, account_id, paid_fen, means, both, note=note, **known)


@contextmanager
def held(account_id: int, fen: int, name: str) -> Iterator[None]:
    """Let the engine hold prepaid money while it is taken. Raises NotEnoughMoney."""
    try:
        with money_held(account_id=account_id, fen=fen, name=name[:64]):
            yield
    except MoneyInUse as used:
        raise NotEnoughMoney(account_id) from used


def _means_line(rules: Rules, means: str, amount_fen: int, account_id: int | None) -> Line:
    chart_no = rules.chart.of_means(means)
    if chart_no is None:
        raise MeansUnknown(means)
    return Line(chart_no, amount_fen, account_id=account_id)


def take_out(account_id: int, taken_fen: int, act: Act) -> int:
    """Take cash of an account for something else, in the caller's transaction that holds it; return the bucket's id.

    Raises NotEnoughMoney.
    """
    return _taken("CASH", account_id, taken_fen, act)


def _taken(kind: str, account_id: int, taken_fen: int, act: Act) -> int:
    """Take money out of an account's bucket; return the bucket's id. Raises NotEnoughMoney."""
    bucket = debts.add_to_bucket(account_ids=[account_id], kind=kind, amounts_fen=[0], on=act.business_on)
    try:
        with transaction.atomic():
            debts.change_buckets(bucket_ids=[bucket[account_id]], amounts_fen=[-taken_fen])
    except IntegrityError as short:
        raise NotEnoughMoney(account_id) from short
    return bucket[account_id]


def _out_of(kind: str, account_id: int, paid_fen: int, means: str, rules: Rules, act: Act) -> list[Line]:
    """Lines of money that leaves a bucket of an account and the house."""
    role = "DEPOSIT" if kind == "DEPOSIT" else "PREPAYMENT"
    bucket_id = _taken(kind, account_id, paid_fen, act)
    out = Line(rules.chart.no_of(role), paid_fen, account_id=account_id, bucket_id=bucket_id)
    return [out, _means_line(rules, means, -paid_fen, account_id)]


@transaction.atomic
def _move(
    purpose: str,
    account_id: int | None,
    paid_fen: int,
    means: str,
    lines: Callable[[Rules, Act], list[Line]],
    *,
    channel: str,
    serial_no: str,
    at: datetime,
    staff_id: int | None,
    till_id: int | None,
    note: str,
) -> PaymentView:
    """Write down money that crosses the border, once under its serial number, with the entry that says why."""
    if paid_fen == 0 or (purpose != "REFUND" and paid_fen < 0) or (purpose == "REFUND" and paid_fen > 0):
        raise AmountWrong(paid_fen)
    rules = rules_at(at)
    act = act_of(rules, at=at, staff_id=staff_id, channel=channel)
    hold_day(act.business_on)
    row: dict[str, Any] = {
        "payment_id": new_ids("receivables_payment", "payment_id", 1)[0],
        "serial_no": serial_no,
        "account_id": account_id,
        "purpose": purpose,
        "paid_fen": paid_fen,
        "means": means,
        "channel": channel,
        "reference": "",
        "note": note[:200],
        "staff_id": staff_id,
        "till_id": till_id,
        "business_on": act.business_on,
        "at": at,
        "state": "POSTED",
        "entry_id": new_ids("receivables_entry", "entry_id", 1)[0],
        "reverses_id": None,
    }
    if not payments.claim_payments([row]):
        kept = payments.payment_by_serial(serial_no=serial_no)
        if (kept.purpose, kept.account_id, kept.paid_fen, kept.means) != (purpose, account_id, paid_fen, means):
            raise SerialNumberUsed(serial_no)
        return kept
    if account_id is not None:
        debts.lock_accounts([account_id])
    post_entry(
        serial_no=f"{purpose} {serial_no}",
        cause=purpose,
        lines=lines(rules, act),
        act=act,
        note=note[:200],
        entry_id=row["entry_id"],
    )
    return payments.payment_by_serial(serial_no=serial_no)
