"""Payment files of banks' counters and collectors: which were admitted, and in which one a payment came first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import transaction

from openboss.modules.receivables.models import CollectorFile
from openboss.modules.system.atomic import record_audit
from openboss.modules.system.statements import ask, run


@dataclass(frozen=True)
class CollectorFileView:
    """An admitted file: whose, its number, the day, how many payments, their sum, and whether all are posted."""

    file_id: int
    collector: str
    sequence: int
    business_on: date
    payments: int
    paid_fen: int
    digest: str
    admitted_at: datetime
    ended_at: datetime | None


def newest_files(*, since_at: datetime, limit: int) -> list[CollectorFileView]:
    """The files of payments that were admitted since a moment, the newest first."""
    rows = CollectorFile.objects.filter(admitted_at__gte=since_at).order_by("-file_id")[:limit]
    return [_view(row) for row in rows]


def file_of(*, collector: str, sequence: int) -> CollectorFileView | None:
    """The file of a collector under a number; None: it was not admitted yet."""
    row = CollectorFile.objects.filter(collector=collector, sequence=sequence).first()
    return _view(row) if row else None


def newest_file(*, collector: str) -> CollectorFileView | None:
    """The newest file of a collector, held until the transaction ends; None: it never sent one."""
    row = CollectorFile.objects.select_for_update().filter(collector=collector).order_by("-sequence").first()
    return _view(row) if row else None


@transaction.atomic
def put_file(
    *, collector: str, sequence: int, business_on: date, payments: int, paid_fen: int, digest: str, at: datetime,
    staff_id: int | None,
) -> CollectorFileView:  # fmt: skip
    """Note that a file was admitted."""
    facts = {"payments": payments, "paid_fen": paid_fen, "digest": digest}
    row = CollectorFile.objects.create(
        collector=collector, sequence=sequence, business_on=business_on, admitted_at=at, **facts
    )
    record_audit(
        staff_id=staff_id, action="receivables.collector_file", object_kind="collector_file", object_id=row.file_id,
        at=at, after={"collector": collector, "sequence": sequence, **facts},
    )  # fmt: skip
    return _view(row)


def end_file(*, file_id: int, at: datetime) -> None:
    """Note that every payment of a file is posted."""
    CollectorFile.objects.filter(file_id=file_id, ended_at=None).update(ended_at=at)


def add_items(*, channel: str, sequence: int, business_on: date, items: Sequence[tuple[str, int]]) -> int:
    """Keep payments (serial number, fen) of a collector's file for the check; how many no earlier file named."""
    if not items:
        return 0
    serial_nos, amounts_fen = zip(*items, strict=True)
    return run(
        "INSERT INTO receivables_collectoritem (channel, sequence, business_on, serial_no, paid_fen)"
        " SELECT %s::text, %s::int, %s::date, * FROM unnest(%s::text[], %s::bigint[])"
        " ON CONFLICT (channel, serial_no) DO UPDATE SET sequence = excluded.sequence"
        " WHERE receivables_collectoritem.sequence IS NULL",
        [channel, sequence, business_on, list(serial_nos), list(amounts_fen)],
    )


def sequences_of(*, channel: str, serial_nos: Sequence[str]) -> Mapping[str, int]:
    """In which file of a collector payments came first, by their serial numbers."""
    return dict(
        ask(
            "SELECT serial_no, sequence FROM receivables_collectoritem"
            " WHERE channel = %s::text AND serial_no = ANY(%s::text[]) AND sequence IS NOT NULL",
            [channel, list(serial_nos)],
        )
    )


def _view(row: CollectorFile) -> CollectorFileView:
    return CollectorFileView(**{name: getattr(row, name) for name in CollectorFileView.__dataclass_fields__})
