"""Our own delimited files of direct debit (docs/formats/direct-debit.md): head, details, trailer with a signature.

A file is taken whole or not at all: its number, its count, its sum and its signature have to be right.
"""

from __future__ import annotations

import hashlib
import hmac

from openboss.modules.receivables.functions.direct_debit import RunView

FORM = "OPENBOSS-DEBIT"


class FileRefused(ValueError):
    """The bank's file is not whole or not the bank's: number, count, sum or signature is wrong; nothing was taken."""


def write_requests(run: RunView, *, key: bytes) -> str:
    """The file of a run for its bank."""
    lines = [f"H|{FORM}|1|{run.bank}|{run.sequence:06d}|{run.run_on.isoformat()}"]
    lines += [
        f"D|{one.contract_no}|{one.bank_account}|{one.holder.replace('|', ' ')}|{one.asked_fen}" for one in run.requests
    ]
    return _closed(lines, len(run.requests), run.asked_fen, key)


def write_answer(run: RunView, codes: dict[str, str], *, key: bytes) -> str:
    """The answer a bank gives to a run, as a bank writes it (for trials)."""
    lines = [f"H|{FORM}-ANSWER|1|{run.bank}|{run.sequence:06d}|{run.run_on.isoformat()}"]
    lines += [f"D|{one.contract_no}|{one.asked_fen}|{codes[one.contract_no]}" for one in run.requests]
    return _closed(lines, len(run.requests), run.asked_fen, key)


def read_answer(text: str, run: RunView, *, key: bytes) -> dict[str, str]:
    """The bank's codes by contract number. Raises FileRefused."""
    lines = text.rstrip("\n").split("\n")
    if len(lines) < 2 or not hmac.compare_digest(_signature(lines[:-1], key), lines[-1].rsplit("|", 1)[-1]):
        raise FileRefused("signature")
    if lines[0].split("|")[:5] != ["H", f"{FORM}-ANSWER", "1", run.bank, f"{run.sequence:06d}"]:
        raise FileRefused("number")
    details = [line.split("|") for line in lines[1:-1]]
    if any(len(one) != 4 or one[0] != "D" or not one[2].isdecimal() for one in details):
        raise FileRefused("detail")
    asked = {one.contract_no: one.asked_fen for one in run.requests}
    told = {contract_no: int(fen) for _, contract_no, fen, _ in details}
    if lines[-1].split("|")[:3] != ["T", str(len(details)), str(sum(told.values()))] or told != asked:
        raise FileRefused("count or sum")
    return {contract_no: code for _, contract_no, _, code in details}


def _closed(lines: list[str], count: int, sum_fen: int, key: bytes) -> str:
    lines = [*lines, f"T|{count}|{sum_fen}"]
    whole = [*lines[:-1], f"{lines[-1]}|{_signature(lines[:-1], key)}"]
    return "\n".join(whole) + "\n"


def _signature(lines: list[str], key: bytes) -> str:
    return hmac.new(key, "\n".join(lines).encode(), hashlib.sha256).hexdigest()
