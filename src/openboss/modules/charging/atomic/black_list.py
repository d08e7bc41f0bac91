"""Atomic services on the black list of charging: what stands on it, and who tried to use it (CHG-32).

Each change leaves the engine an order in the same transaction, so that it counts a moment later.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.models import Count, F, Max, Q, Sum
from stdnum import imei as imei_number

from openboss.modules.charging.atomic.engine import send_command
from openboss.modules.charging.handsets import DIGITS, IMEI, NUMBER, imei_of
from openboss.modules.charging.models import BlackEntry
from openboss.modules.system.functions import record_audit, send_out

ALERT = "BLACK_LIST"
FOR_EVER_S = 1 << 62
LONGEST_NUMBER = 15
REASON = 200


class EntryWrong(ValueError):
    """What was written cannot stand on the black list; `args[0]` names the field that is to blame."""


class EntryKnown(Exception):
    """It stands on the black list already: end that entry first, or leave it as it is."""


class EntryEnded(Exception):
    """There is no such entry, or it has ended: it is on the list no more."""


@dataclass(frozen=True, kw_only=True)
class EntryView:
    """An entry as the page shows it, with how often it was met."""

    black_entry_id: int
    kind: str
    number: int
    reason: str
    from_at: datetime
    to_at: datetime | None
    entered_by: int | None
    ended_by: int | None
    users: int
    refused: int
    in_files: int
    last_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class UseView:
    """Somebody who tried to use what is on the list."""

    served_number: int
    refused: int
    in_files: int
    first_at: datetime
    last_at: datetime


@transaction.atomic
def enter(*, kind: str, number: int, reason: str, to_at: datetime | None, staff_id: int | None, at: datetime) -> int:
    """Put a number or a handset on the list from now on, until a moment or until somebody ends it; return its id.

    number  E.164; of a handset the 14 digits that name it (handsets.imei_of)

    Raises EntryWrong, EntryKnown.
    """
    digits = len(str(number))
    if kind not in (NUMBER, IMEI) or number < 1 or digits > (DIGITS if kind == IMEI else LONGEST_NUMBER):
        raise EntryWrong("number")
    if not 0 < len(reason.strip()) <= REASON:
        raise EntryWrong("reason")
    if to_at is not None and to_at <= at:
        raise EntryWrong("to_at")
    row = BlackEntry(kind=kind, number=number, reason=reason.strip(), from_at=at, to_at=to_at, entered_by=staff_id)
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as known:
        raise EntryKnown(number) from known
    _order(row, until_s=FOR_EVER_S if to_at is None else int(to_at.timestamp()))
    _audit("charging.enter_black_list", row, staff_id, at)
    return row.black_entry_id


@transaction.atomic
def end(*, black_entry_id: int, staff_id: int | None, at: datetime) -> None:
    """Take an entry off the list from now on. Raises EntryEnded."""
    row = BlackEntry.objects.select_for_update().filter(_in_force(at), black_entry_id=black_entry_id).first()
    if row is None:
        raise EntryEnded(black_entry_id)
    row.to_at, row.ended_by = at, staff_id
    row.save(update_fields=["to_at", "ended_by"])
    _order(row, until_s=0)
    _audit("charging.end_black_list", row, staff_id, at)


def list_entries(
    *, filters: Mapping[str, str], sort: str, offset: int, limit: int, at: datetime
) -> tuple[list[EntryView], int]:
    """Show entries and how many there are. filters: kind; number: how it begins; state: LISTED or ENDED."""
    rows = BlackEntry.objects.all()
    rows = rows.filter(kind=filters["kind"]) if filters.get("kind") else rows
    rows = rows.filter(number__startswith=filters["number"]) if filters.get("number") else rows
    if filters.get("state"):
        rows = rows.filter(_in_force(at)) if filters["state"] == "LISTED" else rows.exclude(_in_force(at))
    met = rows.annotate(
        users=Count("uses"), refused=Sum("uses__refused", default=0), in_files=Sum("uses__in_files", default=0),
        last_at=Max("uses__last_at"),
    )  # fmt: skip
    order = F(sort.removeprefix("-"))
    ordered = order.desc(nulls_last=True) if sort.startswith("-") else order.asc(nulls_last=True)
    found = met.order_by(ordered, "-black_entry_id").values(*EntryView.__dataclass_fields__)
    return [EntryView(**one) for one in found[offset : offset + limit]], rows.count()


def entry_by_id(*, black_entry_id: int) -> tuple[EntryView, list[UseView]]:
    """Show one entry and who tried to use it, the last first. Raises EntryEnded if there never was one."""
    row = BlackEntry.objects.filter(black_entry_id=black_entry_id).first()
    if row is None:
        raise EntryEnded(black_entry_id)
    uses = [UseView(**one) for one in row.uses.order_by("-last_at").values(*UseView.__dataclass_fields__)]
    names = ("black_entry_id", "kind", "number", "reason", "from_at", "to_at", "entered_by", "ended_by")
    met: dict[str, Any] = {
        "users": len(uses),
        "refused": sum(one.refused for one in uses),
        "in_files": sum(one.in_files for one in uses),
        "last_at": uses[0].last_at if uses else None,
    }
    return EntryView(**{name: getattr(row, name) for name in names}, **met), uses


def numbers_on_list(*, at: datetime) -> dict[int, int]:
    """The numbers on the list at a moment, each with the UTC second since which it is."""
    rows = BlackEntry.objects.filter(_in_force(at), kind=NUMBER).values_list("number", "from_at")
    return {number: int(from_at.timestamp()) for number, from_at in rows}


_MEET = """
INSERT INTO charging_blackuse AS known (entry_id, served_number, refused, in_files, first_at, last_at)
SELECT entry.black_entry_id, new.served_number, new.refused, new.in_files, %s, %s
FROM unnest(%s::text[], %s::bigint[], %s::bigint[], %s::integer[], %s::integer[])
     AS new (kind, number, served_number, refused, in_files)
JOIN charging_blackentry AS entry ON entry.kind = new.kind AND entry.number = new.number
     AND entry.from_at <= %s AND (entry.to_at IS NULL OR entry.to_at > %s)
ORDER BY entry.black_entry_id, new.served_number
ON CONFLICT (entry_id, served_number) DO UPDATE SET refused = known.refused + excluded.refused,
    in_files = known.in_files + excluded.in_files, last_at = excluded.last_at
RETURNING black_use_id, entry_id, xmax = 0
"""


@transaction.atomic
def note_uses(*, uses: Counter[tuple[str, int, int]], at: datetime, is_file: bool) -> int:
    """Note who tried to use what is on the list; staff hear once of each user and entry. Returns how many were new.

    uses     how often, by kind, number on the list, and number served
    is_file  it was used already, and a file says so; else a network asked and was refused
    """
    if not uses:
        return 0
    keys, counts = list(uses), list(uses.values())
    none = [0] * len(counts)
    columns = [list(column) for column in zip(*keys, strict=True)]
    with connection.cursor() as cursor:
        cursor.execute(_MEET, [at, at, *columns, *((none, counts) if is_file else (counts, none)), at, at])
        new = [(use_id, entry_id) for use_id, entry_id, is_new in cursor.fetchall() if is_new]
    kinds = BlackEntry.objects.in_bulk([entry_id for _, entry_id in new])
    for use_id, entry_id in new:
        entry = kinds[entry_id]
        about = {"kind": ALERT, "black_entry_id": entry_id, "black_use_id": use_id, "what": entry.kind,
                 "reason": entry.reason, "how": "FILE" if is_file else "REFUSED"}  # fmt: skip
        send_out(topic="manager.alert", payload=about, at=at)
    return len(new)


def _in_force(at: datetime) -> Q:
    return Q(from_at__lte=at) & (Q(to_at__isnull=True) | Q(to_at__gt=at))


def _order(row: BlackEntry, *, until_s: int) -> None:
    send_command(kind="BLACK_LIST", payload={"what": row.kind, "number": row.number, "until_s": until_s})


def _audit(action: str, row: BlackEntry, staff_id: int | None, at: datetime) -> None:
    names = ("kind", "number", "reason", "from_at", "to_at")
    after: dict[str, Any] = {name: getattr(row, name) for name in names}
    after |= {name: moment and moment.isoformat() for name, moment in after.items() if name.endswith("_at")}
    record_audit(
        staff_id=staff_id, action=action, object_kind="black_entry", object_id=row.black_entry_id, at=at, after=after
    )


def is_imei(text: str) -> bool:
    """Say whether somebody wrote an IMEI rightly: of 15 digits the last checks the others."""
    digits = text.replace(" ", "").replace("-", "")
    return imei_of(digits) > 0 and (len(digits) != DIGITS + 1 or imei_number.is_valid(digits))
