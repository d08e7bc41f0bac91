"""Payment files of banks' counters and collectors (docs/formats/collections.md), and the files that answer them.

A file is read twice, never held: first the signature over its bytes, then every line. Nothing of it is believed
before the signature is right, and nothing is posted before every line is.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Collection, Iterable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

from openboss.access.bank.delimited import FileRefused, yuan
from openboss.processes.take_collections import Collected, PaymentFile

FORM = "OPENBOSS-PAYMENTS"
LINE_BYTES = 200
NO_AGE, OLDEST = timedelta(), timedelta(days=31)  # of a payment on the file's day
YUAN = r"([0-9]{1,9})\.([0-9]{2})"
HEAD = re.compile(rf"H\|{FORM}\|1\|([A-Z0-9_]{{1,16}})\|([0-9]{{6}})\|([0-9-]{{10}})\|([0-9]{{1,8}})\|{YUAN}")
DETAIL = re.compile(
    rf"D\|([A-Za-z0-9._-]{{1,40}})\|([AN])\|([0-9]{{1,15}})\|{YUAN}\|([0-9T:+-]{{25}})\|([A-Z_]{{1,16}})"
)
TRAILER = re.compile(rb"T\|([0-9a-f]{64})\n")


class FileNotSigned(FileRefused):
    """The file is cut off, changed, or signed with another key than the collector's; nothing was posted."""


class CountOrSumWrong(FileRefused):
    """The file's payments are not as many, or not as much together, as its first line says; nothing was posted."""


class LineWrong(FileRefused):
    """A line of the file is not what the format asks for, or names a reference twice; nothing was posted."""

    def __init__(self, line_no: int) -> None:
        super().__init__(f"line {line_no}")
        self.line_no = line_no


def check_file(path: Path, *, collector: str, key: bytes, means: Collection[str], today: date) -> PaymentFile:
    """Check a payment file whole: signature, then each line, count and sum; means are those a payment may have.

    Raises FileNotSigned, LineWrong, CountOrSumWrong.
    """
    digest = _signed(path, key)
    head = _head(path)
    if head.collector != collector or head.business_on > today:
        raise LineWrong(1)
    references: set[str] = set()
    count = sum_fen = 0
    for count, one in enumerate(payments_of(path), start=1):
        age = head.business_on - one.paid_at.date()
        if one.reference in references or one.means not in means or not NO_AGE <= age <= OLDEST:
            raise LineWrong(count + 1)
        references.add(one.reference)
        sum_fen += one.paid_fen
    if (count, sum_fen) != (head.payments, head.paid_fen):
        raise CountOrSumWrong(f"{count} {sum_fen}")
    return PaymentFile(head.collector, head.sequence, head.business_on, count, sum_fen, digest)


def payments_of(path: Path) -> Iterator[Collected]:
    """The payments of a file, line by line. Raises LineWrong."""
    with path.open("rb") as lines:
        lines.readline(LINE_BYTES)
        for line_no, line in enumerate(iter(lambda: lines.readline(LINE_BYTES), b""), start=2):
            if TRAILER.fullmatch(line):
                return
            yield _payment(line, line_no)


def write_file(file: PaymentFile, collected: Iterable[Collected], *, key: bytes) -> Iterator[str]:
    """A payment file as a collector writes it, line by line (for trials); the file's digest is not used."""
    head = f"{_named(FORM, file)}|{file.payments}|{yuan(file.paid_fen)}"
    details = (
        f"D|{one.reference}|{one.whose}|{one.number}|{yuan(one.paid_fen)}"
        f"|{one.paid_at.isoformat(timespec='seconds')}|{one.means}"
        for one in collected
    )
    return _closed(head, details, key)


def write_answer(file: PaymentFile, answers: Iterable[tuple[Collected, str]], *, key: bytes) -> Iterator[str]:
    """The file that tells a collector what became of each payment, line by line."""
    details = (f"D|{one.reference}|{yuan(one.paid_fen)}|{code}" for one, code in answers)
    return _closed(f"{_named(f'{FORM}-ANSWER', file)}|{file.payments}|{yuan(file.paid_fen)}", details, key)


def _head(path: Path) -> PaymentFile:
    """What the first line says. Raises LineWrong."""
    with path.open("rb") as lines:
        line = lines.readline(LINE_BYTES)
    found = HEAD.fullmatch(line.decode("ascii", "replace").removesuffix("\n"))
    if found is None:
        raise LineWrong(1)
    collector, sequence, day, count, yuan, fen = found.groups()
    try:
        business_on = date.fromisoformat(day)
    except ValueError as wrong:
        raise LineWrong(1) from wrong
    return PaymentFile(collector, int(sequence), business_on, int(count), int(yuan + fen), "")


def _signed(path: Path, key: bytes) -> str:
    """Check the signature over all lines but the last one; return the SHA-256 of the whole. Raises FileNotSigned."""
    signature, digest, last = hmac.new(key, digestmod=hashlib.sha256), hashlib.sha256(), b""
    with path.open("rb") as lines:
        for line in iter(lambda: lines.readline(LINE_BYTES), b""):
            signature.update(last)
            digest.update(line)
            last = line
    trailer = TRAILER.fullmatch(last)
    if trailer is None or not hmac.compare_digest(signature.hexdigest().encode(), trailer[1]):
        raise FileNotSigned()
    return digest.hexdigest()


def _payment(line: bytes, line_no: int) -> Collected:
    found = DETAIL.fullmatch(line.decode("ascii", "replace").removesuffix("\n"))
    if found is None:
        raise LineWrong(line_no)
    reference, whose, number, yuan, fen, moment, means = found.groups()
    paid_fen = int(yuan + fen)
    try:
        paid_at = datetime.fromisoformat(moment)
    except ValueError as wrong:
        raise LineWrong(line_no) from wrong
    if paid_fen == 0 or paid_at.tzinfo is None:
        raise LineWrong(line_no)
    return Collected(reference, whose, int(number), paid_fen, paid_at, means)


def _named(form: str, file: PaymentFile) -> str:
    return f"H|{form}|1|{file.collector}|{file.sequence:06d}|{file.business_on.isoformat()}"


def _closed(head: str, details: Iterable[str], key: bytes) -> Iterator[str]:
    """Lines with their ends, then the trailer with the signature over them."""
    signature = hmac.new(key, f"{head}\n".encode(), hashlib.sha256)
    yield f"{head}\n"
    for line in details:
        signature.update(f"{line}\n".encode())
        yield f"{line}\n"
    yield f"T|{signature.hexdigest()}\n"
