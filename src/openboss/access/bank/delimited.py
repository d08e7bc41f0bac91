"""Our own delimited files of direct debit (docs/formats/direct-debit.md): head, details, trailer with a signature.

A file is taken whole or not at all: its number, its count, its sum and its signature have to be right. Files are
written piece by piece and read as columns: a million requests are no more than some pieces of text.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Iterator, Mapping
from io import BytesIO

import polars as pl

from openboss.modules.receivables.functions.direct_debit import ANSWER, DebitRequest, RunView

FORM = "OPENBOSS-DEBIT"
PIECE = 10_000


class FileRefused(ValueError):
    """The bank's file is not whole or not the bank's: number, count, sum or signature is wrong; nothing was taken."""


def yuan(fen: int) -> str:
    """Fen as yuan, as banks' files have amounts."""
    return f"{fen // 100}.{fen % 100:02d}"


def write_requests(run: RunView, requests: Iterable[DebitRequest], *, key: bytes) -> Iterator[str]:
    """The file of a run for its bank, in pieces."""
    details = (
        f"D|{one.contract_no}|{one.bank_account}|{one.holder.replace('|', ' ')}|{one.asked_fen}" for one in requests
    )
    return _closed(_head(FORM, run), details, run, key)


def write_answer(
    run: RunView, requests: Iterable[DebitRequest], codes: Mapping[str, str], *, key: bytes
) -> Iterator[str]:
    """The answer a bank gives to a run (a code by contract number), in pieces, as a bank writes it (for trials)."""
    details = (f"D|{one.contract_no}|{one.asked_fen}|{codes[one.contract_no]}" for one in requests)
    return _closed(_head(f"{FORM}-ANSWER", run), details, run, key)


def read_answer(content: bytes, run: RunView, *, key: bytes) -> pl.DataFrame:
    """What a bank's file says of a run, columns of direct_debit.ANSWER. Raises FileRefused."""
    body, _, trailer = content.rstrip(b"\n").rpartition(b"\n")
    told, _, signature = trailer.decode("ascii", "replace").rpartition("|")
    if not hmac.compare_digest(hmac.new(key, body, hashlib.sha256).hexdigest().encode(), signature.encode()):
        raise FileRefused("signature")
    head, _, details = body.partition(b"\n")
    if head.decode("utf-8", "replace").split("|")[:5] != _head(f"{FORM}-ANSWER", run).split("|")[:5]:
        raise FileRefused("number")
    answer = _details(details)
    if told != f"T|{answer.height}|{answer['asked_fen'].sum()}":
        raise FileRefused("count or sum")
    return answer


def _details(details: bytes) -> pl.DataFrame:
    columns = ["kind", *ANSWER]
    if not details:
        return pl.DataFrame(schema=ANSWER)
    try:
        lines = pl.read_csv(
            BytesIO(details), separator="|", has_header=False, quote_char=None, new_columns=columns,
            schema_overrides=dict.fromkeys(columns, pl.String) | {"asked_fen": pl.Int64},
        )  # fmt: skip
    except pl.exceptions.PolarsError as broken:
        raise FileRefused("detail") from broken
    if lines.columns != columns or lines.null_count().sum_horizontal()[0] or (lines["kind"] != "D").any():
        raise FileRefused("detail")
    return lines.select(ANSWER.names())


def _head(form: str, run: RunView) -> str:
    return f"H|{form}|1|{run.bank}|{run.sequence:06d}|{run.run_on.isoformat()}"


def _closed(head: str, details: Iterable[str], run: RunView, key: bytes) -> Iterator[str]:
    """Head and details in pieces, then the trailer with the signature over them."""
    signature = hmac.new(key, head.encode(), hashlib.sha256)
    yield head + "\n"
    piece: list[str] = []
    for line in details:
        piece.append(line)
        if len(piece) == PIECE:
            yield _signed(piece, signature)
            piece = []
    if piece:
        yield _signed(piece, signature)
    yield f"T|{run.requests}|{run.asked_fen}|{signature.hexdigest()}\n"


def _signed(piece: list[str], signature: hmac.HMAC) -> str:
    text = "\n".join(piece)
    signature.update(b"\n" + text.encode())
    return text + "\n"
