"""Atomic services on use away from home: of visitors here, and reports of our users' use elsewhere (CHG-33)."""

from dataclasses import dataclass
from datetime import date, datetime

import polars as pl
from django.db import connection, transaction

from openboss.modules.charging.models import RoamerReport, VisitorUse

_ADD = """
INSERT INTO charging_visitoruse AS known
    (number, home_area, used_on, calls_s, data_kb, messages, from_at, to_at, told_fen)
SELECT number, home_area, used_on, calls_s, data_kb, messages, to_timestamp(from_s), to_timestamp(to_s), 0
FROM unnest(%s::bigint[], %s::integer[], %s::date[], %s::bigint[], %s::bigint[], %s::integer[], %s::bigint[],
            %s::bigint[]) AS new (number, home_area, used_on, calls_s, data_kb, messages, from_s, to_s)
ON CONFLICT (number, used_on) DO UPDATE SET
    calls_s = known.calls_s + excluded.calls_s, data_kb = known.data_kb + excluded.data_kb,
    messages = known.messages + excluded.messages, from_at = least(known.from_at, excluded.from_at),
    to_at = greatest(known.to_at, excluded.to_at)
"""
COLUMNS = ("number", "home_area", "used_on", "calls_s", "data_kb", "messages", "from_s", "to_s")


@dataclass(frozen=True)
class VisitorDay:
    """What a visitor used on a day, and what their province was told of it, in fen."""

    visitor_use_id: int
    number: int
    home_area: int
    used_on: date
    calls_s: int
    data_kb: int
    messages: int
    from_at: datetime
    to_at: datetime
    told_fen: int


def add_visitor_use(use: pl.DataFrame) -> None:
    """Add what visitors used (COLUMNS), in the transaction that takes the file they came in."""
    if use.height:
        with connection.cursor() as cursor:
            cursor.execute(_ADD, [use[name].to_list() for name in COLUMNS])


def visitor_days(*, from_on: date) -> list[VisitorDay]:
    """What visitors used since a day, by day."""
    fields = tuple(VisitorDay.__dataclass_fields__)
    rows = VisitorUse.objects.filter(used_on__gte=from_on).order_by("visitor_use_id").values_list(*fields)
    return [VisitorDay(*row) for row in rows.iterator()]


@transaction.atomic
def note_told(*, visitor_use_id: int, told_fen: int, at: datetime) -> bool:
    """Note what a visitor's province is told; False if it was told as much before."""
    known = VisitorUse.objects.filter(visitor_use_id=visitor_use_id, told_fen__lt=told_fen)
    return bool(known.update(told_fen=told_fen, told_at=at))


@transaction.atomic
def note_roamer_use(
    *,
    province: str,
    trans_id: str,
    subscriber_id: int,
    used_fen: int,
    from_at: datetime,
    to_at: datetime,
    at: datetime,
) -> bool:
    """Keep what another province tells of a user of ours; False if it told so before under this number."""
    _, is_new = RoamerReport.objects.get_or_create(
        province=province,
        trans_id=trans_id,
        defaults={
            "subscriber_id": subscriber_id,
            "used_fen": used_fen,
            "from_at": from_at,
            "to_at": to_at,
            "received_at": at,
        },
    )
    return is_new
