"""Files of collection agencies (docs/formats/collection-agency.md): head, details, trailer with a signature.

Whole or not at all: number, count, sum and signature have to be right.
"""

from __future__ import annotations

import hashlib
import hmac

from openboss.access.bank.delimited import FileRefused
from openboss.modules.receivables.functions.collection_cases import FileOut
from openboss.processes.collection_agency import CaseResult

FORM = "OPENBOSS-COLLECTION"


def write_file(file: FileOut, *, key: bytes) -> str:
    """The debts of a file, for the agency."""
    lines = [f"{FORM}|{file.agency}|{file.file_no}"]
    lines += [f"D|{one.case_id}|{one.stage}|{one.account_id}|{one.bill_id}|{one.asked_fen}" for one in file.cases]
    return _closed(lines, sum(one.asked_fen for one in file.cases), key)


def write_answer(agency: str, file_no: int, results: list[CaseResult], *, key: bytes) -> str:
    """An answer as an agency writes it, for trials."""
    lines = [f"{FORM}-ANSWER|{agency}|{file_no}"]
    lines += [f"D|{one.case_id}|{one.result}|{one.collected_fen}" for one in results]
    return _closed(lines, sum(one.collected_fen for one in results), key)


def read_answer(content: str, agency: str, file_no: int, *, key: bytes) -> list[CaseResult]:
    """What an agency says of a file. Raises FileRefused."""
    body, _, trailer = content.rstrip("\n").rpartition("\n")
    told, _, signature = trailer.rpartition("|")
    if not hmac.compare_digest(_signature(body, key), signature):
        raise FileRefused("signature")
    head, *details = body.split("\n")
    if head != f"{FORM}-ANSWER|{agency}|{file_no}":
        raise FileRefused("number")
    try:
        parts = [line.split("|") for line in details]
        results = [CaseResult(int(case), result, int(fen)) for _, case, result, fen in parts]
    except ValueError as wrong:
        raise FileRefused("a line") from wrong
    if told != f"T|{len(results)}|{sum(one.collected_fen for one in results)}":
        raise FileRefused("count or sum")
    return results


def _closed(lines: list[str], sum_fen: int, key: bytes) -> str:
    body = "\n".join(lines)
    return f"{body}\nT|{len(lines) - 1}|{sum_fen}|{_signature(body, key)}\n"


def _signature(body: str, key: bytes) -> str:
    return hmac.new(key, body.encode(), hashlib.sha256).hexdigest()
