"""What the checks of money found, kept by day: runs, and differences from the day they were found until settled."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from django.db import transaction

from openboss.modules.receivables.atomic.crosschecks import Found
from openboss.modules.receivables.models import CheckRun, CollectorItem, Difference
from openboss.modules.system.atomic import record_audit


class DifferenceUnknown(LookupError):
    """There is no such difference, or it is settled already."""


@dataclass(frozen=True)
class CheckDone:
    """One run of a check: what was compared, how many differences there are, how many of them are new."""

    check: str
    on: date
    run_at: datetime
    compared: int
    compared_fen: int
    found: int
    fresh: int


@dataclass(frozen=True)
class DifferenceView:
    """Two books that tell the same differently; unit FEN, LI or of use; state OPEN, REPAIRED, EXPLAINED or GONE."""

    difference_id: int
    check: str
    kind: str
    object_kind: str
    object_id: str
    expected_fen: int
    found_fen: int
    unit: str
    cause: str
    repair: str
    state: str
    first_on: date
    last_on: date
    settled_at: datetime | None
    settled_by: int | None
    note: str


@transaction.atomic
def keep_run(*, check: str, on: date, at: datetime, compared: int, fen: int, found: Iterable[Found]) -> CheckDone:
    """Keep what a run of a check found: new differences, old ones seen again, and those that are gone."""
    now = {(one.kind, one.object_id): one for one in found}
    known = {
        (row.kind, row.object_id): row
        for row in Difference.objects.select_for_update().filter(check_code=check, state="OPEN")
    }
    gone = [row.difference_id for key, row in known.items() if key not in now]
    Difference.objects.filter(difference_id__in=gone).update(state="GONE", settled_at=at)
    for key, row in known.items():
        if key in now:
            row.expected_fen, row.found_fen, row.last_on = now[key].expected, now[key].found, on
            row.cause, row.repair = now[key].cause, now[key].repair
            row.save()
    explained = set(
        Difference.objects.filter(check_code=check, state="EXPLAINED").values_list(
            "kind", "object_id", "expected_fen", "found_fen"
        )
    )
    fresh = [
        one
        for key, one in now.items()
        if key not in known and (one.kind, one.object_id, one.expected, one.found) not in explained
    ]
    Difference.objects.bulk_create(
        Difference(
            check_code=check, kind=one.kind, object_kind=one.object_kind, object_id=one.object_id,
            expected_fen=one.expected, found_fen=one.found, unit=one.unit, cause=one.cause, repair=one.repair,
            first_on=on, last_on=on,
        )
        for one in fresh
    )  # fmt: skip
    facts = {"compared": compared, "compared_fen": fen, "found": len(now), "fresh": len(fresh)}
    CheckRun.objects.create(check_code=check, run_on=on, run_at=at, **facts)
    return CheckDone(check, on, at, compared, fen, len(now), len(fresh))


def check_runs(*, on: date | None = None, limit: int = 200) -> list[CheckDone]:
    """The newest run of each check on each day, the newest day first."""
    rows = CheckRun.objects.order_by("-run_on", "check_code", "-check_run_id").distinct("run_on", "check_code")
    rows = rows.filter(run_on=on) if on else rows
    return [
        CheckDone(row.check_code, row.run_on, row.run_at, row.compared, row.compared_fen, row.found, row.fresh)
        for row in rows[:limit]
    ]


def differences(*, check: str | None = None, state: str | None = "OPEN", limit: int = 500) -> list[DifferenceView]:
    """Differences of a check or all, in a state or any, the newest first."""
    rows = Difference.objects.order_by("-difference_id")
    rows = rows.filter(check_code=check) if check else rows
    rows = rows.filter(state=state) if state else rows
    return [_view(row) for row in rows[:limit]]


def open_difference(*, difference_id: int) -> DifferenceView:
    """One difference that is open, held until the transaction ends. Raises DifferenceUnknown."""
    row = Difference.objects.select_for_update().filter(difference_id=difference_id, state="OPEN").first()
    if row is None:
        raise DifferenceUnknown(difference_id)
    return _view(row)


def settle(*, difference_id: int, state: str, note: str, at: datetime, staff_id: int) -> DifferenceView:
    """Note that an open difference is repaired or explained, by whom."""
    Difference.objects.filter(difference_id=difference_id).update(
        state=state, note=note[:200], settled_at=at, settled_by=staff_id
    )
    record_audit(
        staff_id=staff_id, action=f"receivables.difference_{state.lower()}", object_kind="difference",
        object_id=difference_id, at=at, reason=note,
    )  # fmt: skip
    return _view(Difference.objects.get(difference_id=difference_id))


@transaction.atomic
def put_collector_items(*, channel: str, business_on: date, items: Iterable[tuple[str, int]]) -> int:
    """Keep a collector's list of a day, serial number and fen; the same list again takes its place."""
    CollectorItem.objects.filter(channel=channel, business_on=business_on, sequence=None).delete()
    rows = [
        CollectorItem(channel=channel, serial_no=serial_no, business_on=business_on, paid_fen=fen)
        for serial_no, fen in items
    ]
    CollectorItem.objects.bulk_create(rows)
    return len(rows)


def _view(row: Difference) -> DifferenceView:
    names = [name for name in DifferenceView.__dataclass_fields__ if name != "check"]
    return DifferenceView(check=row.check_code, **{name: getattr(row, name) for name in names})
