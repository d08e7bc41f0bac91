"""Alarms of collection: what opens them, and what puts an end to each (docs/operating/alarms.md).

Source: CHG-02, D4.2, D4.5.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from openboss.modules.charging.atomic.monitor import broken_balances
from openboss.modules.charging.models import Alarm, Source, UsageFile
from openboss.modules.system.atomic import record_audit

DUPLICATE_SHOWN = timedelta(days=1)


class AlarmUnknown(LookupError):
    """There is no such open alarm; nothing was changed."""


@dataclass(frozen=True)
class Overlap:
    """Two calls of one user at two switches at once: the later one, its file, and how long both lasted."""

    file_id: int
    seq_in_file: int
    cause: str


def open_file_alarm(*, kind: str, row: UsageFile, code: str, cause: str, at: datetime) -> None:
    """Say that a file was refused or held."""
    Alarm.objects.create(kind=kind, source=row.source, file=row, code=code, cause=cause, opened_at=at)


def open_gaps(*, row: UsageFile, places: Iterable[tuple[int, int]], at: datetime) -> None:
    """Open one alarm for every number that a file skipped, unless one is open.

    places   round and number of each
    """
    alarms = [
        Alarm(
            kind="GAP",
            source=row.source,
            file=row,
            round=round_,
            sequence=sequence,
            code="E102",
            cause=f"file {sequence} is missing",
            opened_at=at,
        )
        for round_, sequence in places
    ]
    Alarm.objects.bulk_create(alarms, ignore_conflicts=True)


def clear_gap(*, source: Source, place: tuple[int, int], at: datetime) -> None:
    """The missing file came."""
    round_, sequence = place
    open_ = Alarm.objects.filter(kind="GAP", source=source, round=round_, sequence=sequence, cleared_at=None)
    open_.update(cleared_at=at)


def clear_file_alarms(*, file_id: int, at: datetime | Now) -> None:
    """The file was let in, replaced or given up; gaps it left behind it stay."""
    about = Alarm.objects.filter(file_id=file_id, cleared_at=None).exclude(kind="GAP", sequence__isnull=False)
    about.exclude(kind__in=("BALANCE", "OVERLAP")).update(cleared_at=at)


def clear_old_duplicates(*, source: Source, at: datetime) -> None:
    """The source delivers new files again: what it sent twice more than a day ago needs nobody any more."""
    old = Alarm.objects.filter(kind="DUPLICATE", source=source, cleared_at=None, opened_at__lte=at - DUPLICATE_SHOWN)
    old.update(cleared_at=at)


@transaction.atomic
def note_disk(*, cause: str, at: datetime) -> None:
    """Open the alarm of the disk, or clear it where `cause` is empty; while it is open its cause is kept up to date."""
    open_ = Alarm.objects.select_for_update().filter(kind="DISK", cleared_at=None)
    if not cause:
        open_.update(cleared_at=at)
    elif not open_.update(cause=cause):
        Alarm.objects.create(kind="DISK", cause=cause, opened_at=at)


@transaction.atomic
def note_balances(*, since: datetime, at: datetime) -> int:
    """Open an alarm for each file that lost or doubled records, clear those of files that add up again.

    since   files that arrived or were rated from then on are looked at, and those with an open alarm

    Returns how many are out of balance. Source: CHG-37, D4.5.
    """
    alarmed = set(Alarm.objects.filter(kind="BALANCE", cleared_at=None).values_list("file_id", flat=True))
    broken = {file.file_id: file for file in broken_balances(since=since, also=alarmed)}
    Alarm.objects.filter(kind="BALANCE", cleared_at=None).exclude(file_id__in=broken).update(cleared_at=at)
    for file_id, file in broken.items():
        if file_id in alarmed:
            continue
        found = file.rated + file.free + file.duplicate + file.error + file.filtered + file.waiting
        row = UsageFile.objects.get(file_id=file_id)
        cause = f"{file.records_in} records came in, {found} are accounted for"
        open_file_alarm(kind="BALANCE", row=row, code="", cause=cause, at=at)
    return len(broken)


@transaction.atomic
def note_overlaps(*, overlaps: Iterable[Overlap], at: datetime) -> int:
    """Open a warning for each pair of calls (E402); one that was noted before, open or cleared, is left as it is.

    Returns how many are new. Source: D4.2.
    """
    new = 0
    for overlap in overlaps:
        file = UsageFile.objects.get(file_id=overlap.file_id)
        _, is_new = Alarm.objects.get_or_create(
            kind="OVERLAP",
            file=file,
            sequence=overlap.seq_in_file,
            defaults={"source": file.source, "code": "E402", "cause": overlap.cause, "opened_at": at},
        )
        new += is_new
    return new


@transaction.atomic
def clear_alarm(*, alarm_id: int, reason: str, staff_id: int, at: datetime) -> None:
    """Put an alarm away by hand: a file lost for good, a card that was looked into. Raises AlarmUnknown."""
    by_hand = Q(kind__in=("GAP", "DUPLICATE", "OVERLAP"))
    row = Alarm.objects.select_for_update().filter(by_hand, alarm_id=alarm_id, cleared_at=None).first()
    if row is None:
        raise AlarmUnknown(alarm_id)
    row.cleared_at, row.cleared_by = at, staff_id
    row.save(update_fields=["cleared_at", "cleared_by"])
    record_audit(
        staff_id=staff_id,
        action="charging.clear_alarm",
        object_kind="alarm",
        object_id=alarm_id,
        at=at,
        reason=reason,
        after={"kind": row.kind, "cause": row.cause},
    )
