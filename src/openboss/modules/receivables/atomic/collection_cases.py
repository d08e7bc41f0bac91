"""Debts given to collection agencies or to court: one live case a bill, numbered files out, results back (BMC-04)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Max

from openboss.modules.receivables.models import CollectionCase
from openboss.modules.system.statements import run

PAID, IN_PART, NOT_FOUND, REFUSES, WITHDRAWN = "00", "10", "20", "30", "40"
RESULTS = (PAID, IN_PART, NOT_FOUND, REFUSES, WITHDRAWN)


@dataclass(frozen=True)
class CaseView:
    """A debt that was given away: to whom, how much, by which file, and what came of it."""

    case_id: int
    stage: str
    agency: str
    account_id: int
    bill_id: int
    asked_fen: int
    collected_fen: int
    opened_at: datetime
    file_no: int | None
    result: str
    ended_at: datetime | None
    state: str


def put_case(*, stage: str, agency: str, account_id: int, bill_id: int, asked_fen: int, at: datetime) -> int:
    """Open a case that waits for the next file; return its id."""
    facts = {"stage": stage, "agency": agency, "account_id": account_id, "bill_id": bill_id}
    return CollectionCase.objects.create(**facts, asked_fen=asked_fen, opened_at=at).case_id


def live_case(*, bill_id: int) -> CaseView | None:
    """The case of a bill that is not ended."""
    row = CollectionCase.objects.filter(bill_id=bill_id).exclude(state="ENDED").first()
    return _view(row) if row else None


def withdraw_paid(*, account_ids: Sequence[int] | None, at: datetime) -> int:
    """End the cases of accounts (None: of all) whose bills are paid, with what was given up; return how many."""
    mine, values = ("", []) if account_ids is None else (" AND c.account_id = ANY(%s::bigint[])", [list(account_ids)])
    return run(
        "UPDATE receivables_collectioncase c SET state = 'ENDED', result = %s::text, ended_at = %s::timestamptz"
        " FROM receivables_receivable r WHERE c.state <> 'ENDED' AND r.bill_id = c.bill_id"
        f" AND r.open_fen + r.written_off_fen = 0{mine}",
        [WITHDRAWN, at, *values],
    )


def end_case(*, case_id: int, result: str, collected_fen: int, at: datetime) -> None:
    """Note what came of a case."""
    CollectionCase.objects.filter(case_id=case_id).update(
        state="ENDED", result=result, collected_fen=collected_fen, ended_at=at
    )


def take_out(*, agency: str) -> tuple[int, list[CaseView]]:
    """Give the cases that wait for an agency the number of its next file; return number and cases."""
    rows = CollectionCase.objects.filter(agency=agency)
    newest = rows.aggregate(no=Max("file_no"))["no"] or 0
    waiting = list(rows.filter(state="WAITING").order_by("case_id").select_for_update())
    if waiting:
        ids = [row.case_id for row in waiting]
        CollectionCase.objects.filter(case_id__in=ids).update(state="OUT", file_no=newest + 1)
    return newest + 1, [_view(row) for row in CollectionCase.objects.filter(agency=agency, file_no=newest + 1)]


def case_view(*, case_id: int) -> CaseView | None:
    """One case, held against others until the transaction ends."""
    row = CollectionCase.objects.select_for_update().filter(case_id=case_id).first()
    return _view(row) if row else None


def cases(*, state: str | None = None, limit: int = 500) -> list[CaseView]:
    """Cases, the newest first."""
    rows = CollectionCase.objects.order_by("-case_id")
    return [_view(row) for row in (rows.filter(state=state) if state else rows)[:limit]]


def _view(row: CollectionCase) -> CaseView:
    return CaseView(**{name: getattr(row, name) for name in CaseView.__dataclass_fields__})
