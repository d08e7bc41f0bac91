"""Points of users: what was paid for them, their entries and balances (BMC-05, D11)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl
from django.db import connection, transaction
from django.db.models import F

from openboss.modules.receivables.models import Allocation, Clearing, PointsBalance, PointsEntry
from openboss.modules.system.atomic import record_audit
from openboss.modules.system.copying import copy_in, copy_out

PAID = {
    "subscriber_id": pl.Int64,
    "paid_fen": pl.Int64,
    "earned": pl.Int64,
    "times": pl.Int64,
    "factor_tenths": pl.Int64,
}
_PAID = """
    SELECT subscriber_id, COALESCE(paid_fen, 0), COALESCE(earned, 0), COALESCE(times, 0), factor_tenths FROM (
        SELECT a.subscriber_id, SUM(a.paid_fen) AS paid_fen
        FROM receivables_allocation a
        JOIN receivables_clearing c USING (clearing_id) JOIN receivables_bucket b USING (bucket_id)
        WHERE NOT c.is_undone AND c.cleared_on >= %s AND c.cleared_on < %s
          AND b.kind = 'CASH' AND a.item_id = ANY(%s) AND (%s OR a.subscriber_id = ANY(%s))
        GROUP BY 1
    ) paid FULL JOIN (
        SELECT subscriber_id, SUM(points) AS earned, COUNT(*) AS times, MIN(factor_tenths) AS factor_tenths
        FROM receivables_pointsentry
        WHERE kind = 'EARNED' AND month = %s AND (%s OR subscriber_id = ANY(%s)) GROUP BY 1
    ) known USING (subscriber_id)
"""
_TO_BALANCES = """
    INSERT INTO receivables_pointsbalance (subscriber_id, points)
    SELECT subscriber_id, SUM(points) FROM receivables_pointsentry WHERE points_entry_id > %s GROUP BY 1 ORDER BY 1
    ON CONFLICT (subscriber_id) DO UPDATE SET points = receivables_pointsbalance.points + EXCLUDED.points
"""
EXPIRING = {"subscriber_id": pl.Int64, "points": pl.Int64}
_EXPIRING = """
    SELECT subscriber_id, over - gone FROM (
        SELECT subscriber_id, SUM(points) FILTER (WHERE points > 0 AND expires_on <= %s) AS over,
               -COALESCE(SUM(points) FILTER (WHERE points < 0), 0) AS gone
        FROM receivables_pointsentry
        WHERE subscriber_id IN (SELECT subscriber_id FROM receivables_pointsentry WHERE points > 0 AND expires_on <= %s)
        GROUP BY 1
    ) sums WHERE over > gone
"""


@dataclass(frozen=True)
class PointsEntryView:
    """One change of a user's points."""

    points_entry_id: int
    kind: str
    points: int
    month: int | None
    expires_on: date | None
    serial_no: str
    reason: str
    staff_id: int | None
    at: datetime


def paid_for_users(
    *, month: int, from_on: date, to_on: date, item_ids: Sequence[int], subscriber_ids: Sequence[int] | None = None
) -> pl.DataFrame:
    """What cash paid for users' items on the days from_on <= day < to_on, and the points they have for the month.

    Columns of PAID: paid_fen, the points earned for it so far, by how many entries, and with which factor.
    """
    whom = (subscriber_ids is None, list(subscriber_ids or ()))
    return copy_out(_PAID, PAID, (from_on, to_on, list(item_ids), *whom, month, *whom))


def users_cleared(*, account_id: int) -> list[int]:
    """The users of whom an account ever paid something."""
    cleared = Clearing.objects.filter(account_id=account_id).values("clearing_id")
    rows = Allocation.objects.filter(clearing_id__in=cleared)
    return sorted(rows.values_list("subscriber_id", flat=True).distinct())


def months_earned(*, subscriber_ids: Sequence[int]) -> list[int]:
    """The months for which any of the users earned points."""
    rows = PointsEntry.objects.filter(subscriber_id__in=subscriber_ids, kind="EARNED")
    return sorted(rows.values_list("month", flat=True).distinct())


@transaction.atomic
def post_many(*, entries: pl.DataFrame, staff_id: int | None, at: datetime) -> int:
    """Write changes of many users (columns of the table, but id and staff) and their balances; return how many."""
    if entries.is_empty():
        return 0
    with connection.cursor() as cursor:  # one at a time: balances are summed from the entries after the last known
        cursor.execute("LOCK TABLE receivables_pointsentry IN SHARE ROW EXCLUSIVE MODE")
        cursor.execute("SELECT COALESCE(MAX(points_entry_id), 0) FROM receivables_pointsentry")
        last = cursor.fetchone()[0]
        copy_in("receivables_pointsentry", entries)
        cursor.execute(_TO_BALANCES, (last,))
    after = {"users": entries.height, "points": int(entries["points"].sum()), "kind": entries["kind"][0]}
    record_audit(
        staff_id=staff_id, action="receivables.points", object_kind="points", object_id=last, at=at, after=after
    )
    return entries.height


@transaction.atomic
def post_points(
    *,
    subscriber_id: int,
    kind: str,
    points: int,
    serial_no: str,
    reason: str,
    at: datetime,
    staff_id: int | None,
    expires_on: date | None = None,
) -> None:
    """Change the points of one user; the caller holds the balance (`lock_balance`)."""
    PointsEntry.objects.create(
        subscriber_id=subscriber_id,
        kind=kind,
        points=points,
        expires_on=expires_on,
        serial_no=serial_no,
        reason=reason,
        staff_id=staff_id,
        at=at,
    )
    PointsBalance.objects.filter(pk=subscriber_id).update(points=F("points") + points)
    record_audit(
        staff_id=staff_id,
        action="receivables.points",
        object_kind="subscriber",
        object_id=subscriber_id,
        at=at,
        reason=reason,
        after={"kind": kind, "points": points},
    )


def lock_balance(*, subscriber_id: int) -> int:
    """Hold a user's points for this transaction; return them."""
    PointsBalance.objects.get_or_create(subscriber_id=subscriber_id)
    return PointsBalance.objects.select_for_update().get(subscriber_id=subscriber_id).points


def points_of(*, subscriber_id: int) -> int:
    """The points a user has."""
    row = PointsBalance.objects.filter(subscriber_id=subscriber_id).first()
    return row.points if row else 0


def entry_of(*, serial_no: str) -> PointsEntryView | None:
    """The change made under a serial number."""
    row = PointsEntry.objects.filter(serial_no=serial_no).first()
    return _view(row) if row else None


def entries_of(*, subscriber_id: int, limit: int = 200) -> list[PointsEntryView]:
    """The changes of a user's points, the newest first."""
    rows = PointsEntry.objects.filter(subscriber_id=subscriber_id).order_by("-points_entry_id")[:limit]
    return [_view(row) for row in rows]


def expiring(*, on: date) -> pl.DataFrame:
    """Users whose points that end by a day were not all used, and how many are left (columns of EXPIRING)."""
    return copy_out(_EXPIRING, EXPIRING, (on, on))


def _view(row: PointsEntry) -> PointsEntryView:
    return PointsEntryView(**{name: getattr(row, name) for name in PointsEntryView.__dataclass_fields__})
