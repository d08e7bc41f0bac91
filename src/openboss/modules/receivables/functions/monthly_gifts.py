"""Money released month by month (分月返还): 120.00 given, 10.00 a month for twelve months (D8.1).

Only what is released is money of the account. A part is released on the first of its month into the gift's bucket of
kind RELEASED, which is used after gifts for some items and before other gifts, and is never refundable. What of a part
is not used by the end of its month stays and is used later. Each part is an entry of its own,
`MONTHLY_GIFT <gift> <part>`; the engine hears of it in the transaction, as of any gift.
"""

from datetime import date, datetime

from django.db import transaction

from openboss.modules.receivables.atomic import debts, monthly_gifts
from openboss.modules.receivables.atomic.ledger import Act, Line, hold_day, post_entry
from openboss.modules.receivables.atomic.monthly_gifts import (
    MonthlyGiftUnknown,
    MonthlyGiftView,
    end_gift,
    gifts_due,
    gifts_of_account,
)
from openboss.modules.receivables.functions.authority import require, require_second
from openboss.modules.receivables.functions.bills import clear_from_advances
from openboss.modules.receivables.functions.payments import AmountWrong
from openboss.modules.receivables.functions.rules import Rules, act_of, rules_at

__all__ = [
    "MOST_PARTS",
    "MonthlyGiftUnknown",
    "MonthlyGiftView",
    "PartsWrong",
    "coming_of_account",
    "end",
    "end_gift",
    "gifts_due",
    "gifts_of_account",
    "give_monthly",
    "promise",
    "release_due",
]
MOST_PARTS = 60


class PartsWrong(ValueError):
    """A gift is released in at least two and at most sixty monthly parts, each of at least a fen."""


@transaction.atomic
def give_monthly(
    *,
    account_id: int,
    given_fen: int,
    parts: int,
    reason: str,
    serial_no: str,
    at: datetime,
    staff_id: int,
    approved_by: int | None,
) -> MonthlyGiftView:
    """Promise an account a gift at the counter, to which a second person agrees.

    Raises NotEntitled, SecondPersonNeeded, AmountWrong, PartsWrong, SerialNumberUsed. Source: D8.1, D8.10.
    """
    require(staff_id=staff_id, right="receivables.adjust")
    require_second(staff_id=staff_id, approved_by=approved_by)
    return promise(
        account_id=account_id, given_fen=given_fen, parts=parts, reason=reason, serial_no=serial_no, at=at,
        staff_id=staff_id, approved_by=approved_by,
    )  # fmt: skip


@transaction.atomic
def promise(
    *,
    account_id: int,
    given_fen: int,
    parts: int,
    reason: str,
    serial_no: str,
    at: datetime,
    staff_id: int | None,
    approved_by: int | None = None,
) -> MonthlyGiftView:
    """Promise a gift in monthly parts to which whoever calls has had agreed; the part of this month is released now.

    Raises AmountWrong, PartsWrong, SerialNumberUsed (another gift under this number). Source: D8.1.
    """
    if given_fen <= 0:
        raise AmountWrong(given_fen)
    if not 2 <= parts <= min(MOST_PARTS, given_fen):
        raise PartsWrong(parts)
    rules = rules_at(at)
    debts.lock_accounts([account_id])
    gift = monthly_gifts.put_gift(
        serial_no=serial_no, account_id=account_id, given_fen=given_fen, parts=parts, first_on=rules.on.replace(day=1),
        reason=reason, at=at, staff_id=staff_id, approved_by=approved_by,
    )  # fmt: skip
    release_due(gift_id=gift.gift_id, account_id=account_id, at=at)
    return monthly_gifts.lock_gift(gift_id=gift.gift_id)


@transaction.atomic
def release_due(*, gift_id: int, account_id: int, at: datetime) -> int:
    """Release the parts of a gift whose month has begun; return how many. Done again: none. Source: D8.1."""
    rules = rules_at(at)
    debts.lock_accounts([account_id])
    gift = monthly_gifts.lock_gift(gift_id=gift_id)
    due = [part for part in range(gift.released_parts, gift.parts) if gift.part_on(part) <= rules.on]
    if gift.ended_at is not None or not due:
        return 0
    act = act_of(rules, at=at, staff_id=None, channel="SYSTEM")
    hold_day(act.business_on)
    bucket_id = gift.bucket_id
    for part in due:
        bucket_id = _release(gift, part, bucket_id, rules, act)
    clear_from_advances([account_id], rules=rules, act=act)
    return len(due)


def _release(gift: MonthlyGiftView, part: int, bucket_id: int | None, rules: Rules, act: Act) -> int:
    """One part becomes money of the account; return the gift's bucket."""
    fen = gift.part_fen(part)
    if bucket_id is None:
        bucket_id = debts.open_bucket(
            account_id=gift.account_id, kind="RELEASED", balance_fen=fen, item_ids=[], from_on=gift.first_on, to_on=None
        )
    else:
        debts.change_buckets(bucket_ids=[bucket_id], amounts_fen=[fen])
    lines = [
        Line(rules.chart.no_of("GIFTS_GRANTED"), fen, account_id=gift.account_id),
        Line(rules.chart.no_of("GIFT"), -fen, account_id=gift.account_id, bucket_id=bucket_id),
    ]
    post_entry(serial_no=f"MONTHLY_GIFT {gift.gift_id} {part + 1}", cause="MONTHLY_GIFT", lines=lines, act=act)
    monthly_gifts.note_released(gift_id=gift.gift_id, bucket_id=bucket_id)
    return bucket_id


def end(*, gift_id: int, reason: str, at: datetime, staff_id: int) -> None:
    """Let somebody end a gift: what was released stays, nothing more comes. Raises NotEntitled, MonthlyGiftUnknown."""
    require(staff_id=staff_id, right="receivables.adjust")
    end_gift(gift_id=gift_id, reason=reason, at=at, staff_id=staff_id)


def coming_of_account(*, account_id: int) -> list[tuple[date, int]]:
    """What is still to be released of all gifts of an account: the first of each month, fen."""
    coming: dict[date, int] = {}
    for gift in gifts_of_account(account_id=account_id):
        for part in range(gift.released_parts, gift.parts if gift.ended_at is None else 0):
            coming[gift.part_on(part)] = coming.get(gift.part_on(part), 0) + gift.part_fen(part)
    return sorted(coming.items())
