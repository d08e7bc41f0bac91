"""Clearing (销账): the money of accounts pays their open items in the configured order (D8.1, D8.2, D8.5).

One account or many thousands go the same way: read, compute with the kernel, write.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from operator import attrgetter
from types import MappingProxyType
from typing import NamedTuple, TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openboss.kernel.clearing import Buckets, OpenItems, clear
from openboss.kernel.late_fees import late_fees_fen
from openboss.modules.billing.atomic import note_settlement
from openboss.modules.receivables.atomic import clearings, debts
from openboss.modules.receivables.atomic.clearings import (
    Allocated,
    BillNow,
    ClearingView,
    LateFeeDue,
    Money,
    OpenBill,
)
from openboss.modules.receivables.atomic.ledger import Act, Draft, Line, new_ids
from openboss.modules.receivables.functions.rules import Rules
from openboss.modules.receivables.functions.wallets import cover_overdrafts

T = TypeVar("T", Allocated, LateFeeDue)
BUCKET_ROLE = {"CASH": "PREPAYMENT", "DEPOSIT": "DEPOSIT"}  # the others are gifts


@dataclass(frozen=True)
class Turn:
    """An account whose money is to clear what it can: the day up to which late fees count and the payment that is the
    cause; to do an act again, also its moment and position (bills booked later are left alone)."""

    account_id: int
    cleared_on: date
    payment_id: int | None = None
    at: datetime | None = None
    position: int | None = None


@dataclass(frozen=True)
class Cleared:
    """What acts of clearing did: which bucket paid which item, and the late fees that fell due."""

    allocated: list[Allocated]
    late_fees: list[LateFeeDue]


class _Open(NamedTuple):
    """An open item in its bill, with what orders it."""

    account_id: int
    cycle: int
    due_on: date
    standing: str
    bill_id: int
    rank: int
    subscriber_id: int
    item_id: int
    open_fen: int


def clear_accounts(
    turns: Sequence[Turn],
    *,
    rules: Rules,
    act: Act,
    with_deposit: bool = False,
    not_yet: Mapping[int, int] = MappingProxyType({}),
    draft: Draft | None = None,
) -> Cleared:
    """Let accounts pay what they can, each once, in the caller's transaction that holds their locks.

    not_yet  by bucket, what came into it only after the act that is done again
    draft    entries the caller has begun, which are written with those of clearing
    """
    draft = draft or Draft(act)
    cover_overdrafts([turn.account_id for turn in turns], rules=rules, act=act)
    by_account = {turn.account_id: turn for turn in turns}
    bills = [bill for bill in clearings.open_debts(list(by_account)) if _is_in_turn(bill, by_account)]
    late = late_fees_due(bills, {one.account_id: one.cleared_on for one in turns}, rules)
    kinds = [*rules.value("bucket_order"), *(["DEPOSIT"] if with_deposit else [])]
    money = clearings.money_for(list(by_account), kinds=kinds, on=act.business_on) if bills else []
    allocated = _allocate(_in_order(bills, late, rules), _usable(money, not_yet))
    paid_bills = {one.bill_id for one in allocated}
    cleared = Cleared(allocated, [one for one in late if one.bill_id in paid_bills])
    _pay(cleared, rules)
    _write_down(turns, cleared, rules, act, draft)
    return cleared


def late_fees_due(bills: Sequence[OpenBill], cleared_on: Mapping[int, date], rules: Rules) -> list[LateFeeDue]:
    """The late fees of open bills that are not booked yet, up to the day before an account's day."""
    if not bills:
        return []
    days = [cleared_on[bill.account_id] for bill in bills]
    principal_fen = [sum(item.open_fen for item in bill.items if not item.is_late_exempt) for bill in bills]
    cap_fen = [
        principal if bill.late_cap_fen is None else bill.late_cap_fen
        for bill, principal in zip(bills, principal_fen, strict=True)
    ]
    fees_fen = late_fees_fen(
        np.array(principal_fen, np.int64),
        rules.value("late_fee_ppm_a_day"),
        np.array([(day - bill.late_from_on).days for bill, day in zip(bills, days, strict=True)], np.int64),
        np.array([cap - bill.late_fen for bill, cap in zip(bills, cap_fen, strict=True)], np.int64),
    ).tolist()
    whole = zip(bills, days, principal_fen, cap_fen, fees_fen, strict=True)
    return [
        LateFeeDue(bill.account_id, bill.bill_id, bill.standing, bill.late_from_on, day, principal, fee, cap)
        for bill, day, principal, cap, fee in whole
        if fee > 0
    ]


def with_late_fees(bills: pl.DataFrame, *, on: date, rules: Rules) -> pl.DataFrame:
    """Add to open bills of many accounts (debts.PRINCIPALS) the late fee that is not booked yet: fee_fen."""
    cap_fen = pl.coalesce("late_cap_fen", "principal_fen") - pl.col("late_fen")
    known = bills.select("principal_fen", days=(pl.lit(on) - pl.col("late_from_on")).dt.total_days(), left_fen=cap_fen)
    fees_fen = late_fees_fen(
        known["principal_fen"].to_numpy(), rules.value("late_fee_ppm_a_day"), known["days"].to_numpy(),
        known["left_fen"].to_numpy(),
    )  # fmt: skip
    return bills.with_columns(fee_fen=pl.Series(fees_fen, dtype=pl.Int64))


def settle_states(now: Iterable[BillNow]) -> None:
    """Tell billing what became of bills."""
    states = {
        one.bill_id: "settled"
        if one.open_fen == 0
        else "partiallySettled"
        if one.open_fen < one.total_fen + one.late_fen
        else "validated"
        for one in now
    }
    note_settlement(bill_ids=list(states), states=list(states.values()))


def _is_in_turn(bill: OpenBill, turns: Mapping[int, Turn]) -> bool:
    position = turns[bill.account_id].position
    return position is None or bill.position < position


def _in_order(bills: Sequence[OpenBill], late: Sequence[LateFeeDue], rules: Rules) -> list[_Open]:
    """Open items with the late fees that fall due now, in the order in which they are paid."""
    kind = rules.late_fee_item
    fees_fen = {one.bill_id: one.fee_fen for one in late}
    found: list[_Open] = []
    for bill in bills:
        known = (bill.account_id, bill.cycle, bill.due_on, bill.standing, bill.bill_id)
        late_fen = fees_fen.get(bill.bill_id, 0)
        for item in bill.items:
            if (item.subscriber_id, item.item_id) == (0, kind.item_id):
                late_fen += item.open_fen
            elif item.open_fen > 0:
                found.append(_Open(*known, item.rank, item.subscriber_id, item.item_id, item.open_fen))
        if late_fen > 0:
            found.append(_Open(*known, kind.sort_order, 0, kind.item_id, late_fen))
    order = ("account_id", *rules.value("clearing_order"), "bill_id", "rank", "subscriber_id", "item_id")
    return sorted(found, key=attrgetter(*order))


def _usable(money: Sequence[Money], not_yet: Mapping[int, int]) -> list[Money]:
    """Leave out what came into buckets only later than the act that is done again."""
    return [
        one._replace(balance_fen=min(one.balance_fen, max(one.balance_fen - not_yet.get(one.bucket_id, 0), 0)))
        for one in money
    ]


def _allocate(items: Sequence[_Open], money: Sequence[Money]) -> list[Allocated]:
    """Ask the kernel which bucket pays which item; both in the order of accounts."""
    accounts = np.array(sorted({one.account_id for one in items} & {one.account_id for one in money}), np.int64)
    wanted = set(accounts.tolist())
    items = [one for one in items if one.account_id in wanted]
    money = [one for one in money if one.account_id in wanted]
    allowed = [one.item_ids for one in money]
    cleared = clear(
        OpenItems(
            _first_rows(items, accounts),
            np.array([one.item_id for one in items], np.int64),
            np.array([one.open_fen for one in items], np.int64),
        ),
        Buckets(
            _first_rows(money, accounts),
            np.array([one.balance_fen for one in money], np.int64),
            np.cumsum([0, *map(len, allowed)], dtype=np.int64),
            np.array([one for ids in allowed for one in ids], np.int64),
        ),
    )
    found = zip(cleared.item.tolist(), cleared.bucket.tolist(), cleared.paid_fen.tolist(), strict=True)
    return [
        Allocated(
            items[item].account_id, items[item].bill_id, items[item].subscriber_id, items[item].item_id,
            money[bucket].bucket_id, money[bucket].kind, items[item].standing, paid_fen,
        )
        for item, bucket, paid_fen in found
    ]  # fmt: skip


def _first_rows(rows: Sequence[_Open] | Sequence[Money], accounts: NDArray[np.int64]) -> NDArray[np.int64]:
    of_row = np.array([one.account_id for one in rows], np.int64)
    return np.append(np.searchsorted(of_row, accounts), len(of_row)).astype(np.int64)


def _pay(cleared: Cleared, rules: Rules) -> None:
    """Late fees onto bills, money from buckets to items and bills, and the bills' states."""
    if not cleared.allocated:
        return
    if cleared.late_fees:
        kind = rules.late_fee_item
        clearings.book_late_fees(cleared.late_fees, item_id=kind.item_id, rank=kind.sort_order)
    by_bill: dict[int, int] = {}
    for one in cleared.allocated:
        by_bill[one.bill_id] = by_bill.get(one.bill_id, 0) + one.paid_fen
    clearings.pay_items([(one.bill_id, one.subscriber_id, one.item_id, one.paid_fen) for one in cleared.allocated])
    settle_states(clearings.close_bills(by_bill))
    debts.change_buckets(
        bucket_ids=[one.bucket_id for one in cleared.allocated],
        amounts_fen=[-one.paid_fen for one in cleared.allocated],
    )


def _write_down(turns: Sequence[Turn], cleared: Cleared, rules: Rules, act: Act, draft: Draft) -> None:
    """One act of clearing an account, and its entries if it paid something: late fees first, then what was paid."""
    late = _by_account(cleared.late_fees)
    paid = _by_account(cleared.allocated)
    clearing_ids = new_ids("receivables_clearing", "clearing_id", len(turns))
    ids = iter(new_ids("receivables_entry", "entry_id", len(turns) + len(late)))
    late_ids = {account_id: next(ids) for account_id in late}
    acts = []
    for turn, clearing_id in zip(turns, clearing_ids, strict=True):
        entry_id, late_id = next(ids), late_ids.get(turn.account_id)
        has_paid = turn.account_id in paid
        position = entry_id if turn.position is None else turn.position
        acts.append(
            ClearingView(
                clearing_id, turn.account_id, turn.payment_id, turn.cleared_on, turn.at or act.at, position,
                entry_id if has_paid else None, late_id,
            )
        )  # fmt: skip
        if late_id is not None:
            lines = _late_lines(late[turn.account_id], rules)
            draft.add(late_id, serial_no=f"LATE_FEE {clearing_id}", cause="LATE_FEE", lines=lines)
        if has_paid:
            lines = _clearing_lines(paid[turn.account_id], rules)
            draft.add(entry_id, serial_no=f"CLEARING {clearing_id}", cause="CLEARING", lines=lines)
    draft.write()
    act_of = {one.account_id: one.clearing_id for one in acts}
    clearings.put_clearings(
        acts,
        [(act_of[one.account_id], one) for one in cleared.allocated],
        [(act_of[one.account_id], one) for one in cleared.late_fees],
    )


def _by_account(rows: Sequence[T]) -> dict[int, list[T]]:
    found: dict[int, list[T]] = {}
    for one in rows:
        found.setdefault(one.account_id, []).append(one)
    return found


def _late_lines(late: Sequence[LateFeeDue], rules: Rules) -> list[Line]:
    """A late fee falls due: receivable to income."""
    income, kind = rules.chart.no_of("LATE_FEE"), rules.late_fee_item
    due = [Line(_owed_on(one.standing, rules), one.fee_fen, one.account_id, bill_id=one.bill_id) for one in late]
    return due + [Line(income, -one.fee_fen, one.account_id, None, kind.item_id, one.bill_id) for one in late]


def _clearing_lines(paid: Sequence[Allocated], rules: Rules) -> list[Line]:
    """Money pays: bucket to receivable."""
    from_buckets: dict[tuple[int, str], int] = {}
    to_bills: dict[tuple[int, str], int] = {}
    for one in paid:
        bucket, bill = (one.bucket_id, one.kind), (one.bill_id, one.standing)
        from_buckets[bucket] = from_buckets.get(bucket, 0) + one.paid_fen
        to_bills[bill] = to_bills.get(bill, 0) + one.paid_fen
    account_id, no_of = paid[0].account_id, rules.chart.no_of
    return [
        *(
            Line(no_of(BUCKET_ROLE.get(kind, "GIFT")), paid_fen, account_id, bucket_id=bucket_id)
            for (bucket_id, kind), paid_fen in from_buckets.items()
        ),
        *(
            Line(_owed_on(standing, rules), -paid_fen, account_id, bill_id=bill_id)
            for (bill_id, standing), paid_fen in to_bills.items()
        ),
    ]


def _owed_on(standing: str, rules: Rules) -> int:
    return rules.chart.no_of("DOUBTFUL" if standing == "DOUBTFUL" else "RECEIVABLE")
