"""A collection agency by file: debts go out in a numbered file, its results and the money come back. Top to bottom.

    give       the cases that wait for an agency become its next file
    take back  each result once: money is a payment of the account, or a recovery of what was written off

The same answer again posts nothing twice. Source: BMC-04, D8.11, D15.11; docs/formats/collection-agency.md.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from openboss.modules.receivables import functions as receivables
from openboss.modules.receivables.functions import collection_cases
from openboss.modules.receivables.functions.collection_cases import CaseView, FileOut
from openboss.processes import take_payment


@dataclass(frozen=True)
class CaseResult:
    """What an agency says of one debt: 00 paid, 10 in part, 20 debtor not found, 30 refuses, 40 given back."""

    case_id: int
    result: str
    collected_fen: int


@dataclass(frozen=True)
class TakenBack:
    """What an answer did: cases that ended, and the money that came."""

    ended: int
    collected_fen: int


def give(*, agency: str, at: datetime, staff_id: int | None) -> FileOut:
    """Make the agency's next file."""
    return collection_cases.take_out(agency=agency, at=at, staff_id=staff_id)


def take_back(results: Iterable[CaseResult], *, agency: str, at: datetime, staff_id: int | None) -> TakenBack:
    """Take an agency's answer: all of it or, if one line is wrong, nothing. Raises CaseUnknown, AmountWrong."""
    ended = collected_fen = 0
    with transaction.atomic():
        for one in results:
            case = collection_cases.note_result(
                case_id=one.case_id, agency=agency, result=one.result, collected_fen=one.collected_fen, at=at
            )
            ended += 1
            collected_fen += one.collected_fen
            if one.collected_fen:
                _take_money(case, one.collected_fen, at, staff_id)
    return TakenBack(ended, collected_fen)


def _take_money(case: CaseView, collected_fen: int, at: datetime, staff_id: int | None) -> None:
    known: dict[str, Any] = {"means": "COLLECTOR", "channel": "AGENT", "serial_no": f"CASE-{case.case_id}", "at": at}
    if receivables.is_written_off(bill_id=case.bill_id):
        receivables.recover(bill_id=case.bill_id, paid_fen=collected_fen, staff_id=staff_id, **known)
    else:
        take_payment.take(account_id=case.account_id, paid_fen=collected_fen, staff_id=staff_id, **known)
