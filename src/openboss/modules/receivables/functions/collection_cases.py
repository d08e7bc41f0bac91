"""Debts that others collect: given to an agency or to court by a step of the plan, taken back when they are paid.

A case waits for the agency's next file; the agency answers with a result for each. Source: BMC-04, D8.11, D9.5.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from openboss.modules.receivables.atomic import collection_cases as cases
from openboss.modules.receivables.atomic import debts
from openboss.modules.receivables.atomic.collection_cases import CaseView
from openboss.modules.receivables.functions.rules import rules_at
from openboss.modules.system.atomic import record_audit

__all__ = ["CaseUnknown", "CaseView", "FileOut", "list_cases", "note_result", "open_case", "take_out", "withdraw_paid"]


class CaseUnknown(LookupError):
    """There is no such debt with this agency, or it is ended; look at the agency's list of cases."""


@dataclass(frozen=True)
class FileOut:
    """A numbered file for an agency: the debts it is to collect."""

    agency: str
    file_no: int
    cases: tuple[CaseView, ...]


def open_case(*, stage: str, account_id: int, bill_id: int, at: datetime) -> int | None:
    """Give a debt to the agency or the court of the rules, in the caller's transaction; return the case.

    A case before it ends: what the agency could not collect goes to court. None: nothing is open on the bill.
    """
    found = debts.bills_by_id([bill_id])
    open_fen = 0 if found.is_empty() else int(found["open_fen"][0] + _given_up(bill_id))
    if open_fen <= 0:
        return None
    before = cases.live_case(bill_id=bill_id)
    if before is not None and before.stage == stage:
        return before.case_id
    if before is not None:
        cases.end_case(case_id=before.case_id, result=cases.WITHDRAWN, collected_fen=before.collected_fen, at=at)
    agency = rules_at(at).value("collection_agencies")[stage]
    case_id = cases.put_case(
        stage=stage, agency=agency, account_id=account_id, bill_id=bill_id, asked_fen=open_fen, at=at
    )
    record_audit(
        staff_id=None, action="receivables.open_case", object_kind="bill", object_id=bill_id, at=at,
        after={"stage": stage, "agency": agency, "asked_fen": open_fen},
    )  # fmt: skip
    return case_id


def _given_up(bill_id: int) -> int:
    return debts.written_off(bill_id=bill_id)


def list_cases(*, state: str | None = None, limit: int = 500) -> list[CaseView]:
    """Debts that were given away, the newest first, of one state or of all."""
    return cases.cases(state=state, limit=limit)


def withdraw_paid(*, account_ids: Sequence[int] | None = None, at: datetime) -> int:
    """End the cases of accounts (None: of all) whose bills are paid; return how many.

    They go into no file any more; if the agency has one already, its answer to it is refused.
    """
    return cases.withdraw_paid(account_ids=account_ids, at=at)


@transaction.atomic
def take_out(*, agency: str, at: datetime, staff_id: int | None) -> FileOut:
    """Make the agency's next file of all cases that wait for it and are still owed, numbered without gaps."""
    withdraw_paid(at=at)
    number, mine = cases.take_out(agency=agency)
    record_audit(
        staff_id=staff_id, action="receivables.agency_file", object_kind="agency", object_id=agency, at=at,
        after={"file_no": number, "cases": len(mine)},
    )  # fmt: skip
    return FileOut(agency, number, tuple(mine))


@transaction.atomic
def note_result(*, case_id: int, agency: str, result: str, collected_fen: int, at: datetime) -> CaseView:
    """Take down what an agency says of a case, in the caller's transaction with the money. Raises CaseUnknown."""
    case = cases.case_view(case_id=case_id)
    if case is None or case.agency != agency or case.state != "OUT" or result not in cases.RESULTS:
        raise CaseUnknown(f"{agency} {case_id}")
    cases.end_case(case_id=case_id, result=result, collected_fen=collected_fen, at=at)
    return case
