"""Take the payment file of a bank's counter or a collector. Read from top to bottom.

    admit   access has checked the file whole; its number is the next one, and the file before it is posted to its end;
            every payment it names is kept for reconciliation (check BANK_FILES) before the first is posted
    post    part by part, each payment once under collector and reference; what belongs to nobody waits in suspense
    answer  a code for each payment, the same whenever it is asked

After a stop the same file goes on where it was; once ended it posts nothing again. Source: issue 6 section 2, ACM-06.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from typing import NamedTuple

import polars as pl
from django.db import transaction

from openboss.modules.customers.atomic.owners import accounts_of_numbers
from openboss.modules.customers.functions import cycle_of
from openboss.modules.receivables.atomic import collector_files, payments
from openboss.modules.receivables.atomic.collector_files import CollectorFileView
from openboss.modules.receivables.functions import post_payments
from openboss.modules.receivables.functions.payments import INCOMING
from openboss.modules.receivables.functions.rules import rules_at
from openboss.modules.receivables.functions.suspense import suspend_payment
from openboss.processes import after_payments
from openboss.processes.assure_money import take_collector_file

ACCOUNT, NUMBER = "A", "N"
MEANS = ("BANK", "COLLECTOR")  # the money lies on our bank account; the collector owes it to us
POSTED, NOBODYS, LIKE_ANOTHER, NAMED_BEFORE = "00", "10", "11", "20"
PART = 5_000


class FileOutOfSequence(Exception):
    """The collector's next file has another number, or the one before is not posted to its end; nothing was posted."""


class FileNumberUsed(Exception):
    """Another file of this collector was taken under this number; nothing was posted."""


class Collected(NamedTuple):
    """One payment of a file: the collector's reference, whose (ACCOUNT or NUMBER), how much, when, by what means."""

    reference: str
    whose: str
    number: int
    paid_fen: int
    paid_at: datetime
    means: str


@dataclass(frozen=True)
class PaymentFile:
    """A payment file that was checked whole: who sent it, its number and day, count and sum, SHA-256 of it all."""

    collector: str
    sequence: int
    business_on: date
    payments: int
    paid_fen: int
    digest: str


def means_taken(*, at: datetime) -> list[str]:
    """The means that a payment may have in a file: of MEANS those that the chart of accounts knows."""
    chart = rules_at(at).chart
    return [means for means in MEANS if chart.of_means(means) is not None]


@transaction.atomic
def admit(
    file: PaymentFile, collected: Iterable[Collected], *, at: datetime, staff_id: int | None
) -> CollectorFileView:
    """Admit a file under its number, or find it again. Raises FileOutOfSequence, FileNumberUsed."""
    newest = collector_files.newest_file(collector=file.collector)
    known = collector_files.file_of(collector=file.collector, sequence=file.sequence)
    if known is not None:
        if known.digest != file.digest:
            raise FileNumberUsed(f"{file.collector} {file.sequence}")
        return known
    expected = newest.sequence + 1 if newest else 1
    if file.sequence != expected or (newest and newest.ended_at is None):
        raise FileOutOfSequence(f"{file.collector} {file.sequence}: {expected}")
    admitted = collector_files.put_file(
        collector=file.collector, sequence=file.sequence, business_on=file.business_on, payments=file.payments,
        paid_fen=file.paid_fen, digest=file.digest, at=at, staff_id=staff_id,
    )  # fmt: skip
    for part in _parts(collected):
        items = [(_serial_no(admitted, one), one.paid_fen) for one in part]
        take_collector_file(channel=file.collector, business_on=file.business_on, items=items, sequence=file.sequence)
    return admitted


def post(
    file: CollectorFileView, collected: Iterable[Collected], *, at: datetime, told: Callable[[int], object]
) -> None:
    """Post an admitted file part by part, each in one transaction; told hears how many payments are done."""
    done = 0
    for part in _parts(collected):
        if file.ended_at is None:
            _post_part(file, part, at)
        done += len(part)
        told(done)
    collector_files.end_file(file_id=file.file_id, at=at)


def answers(file: CollectorFileView, collected: Iterable[Collected]) -> Iterator[tuple[Collected, str]]:
    """What became of each payment of a file that is posted: one of the codes above."""
    for part in _parts(collected):
        serial_nos = [_serial_no(file, one) for one in part]
        first_in = collector_files.sequences_of(channel=file.collector, serial_nos=serial_nos)
        posted = payments.payments_by_serial(serial_nos=serial_nos)
        for one, serial_no in zip(part, serial_nos, strict=True):
            note = posted[serial_no].note
            if first_in[serial_no] != file.sequence:
                yield one, NAMED_BEFORE
            elif note.startswith("DUPLICATE"):
                yield one, LIKE_ANOTHER
            else:
                yield one, NOBODYS if note.startswith("UNKNOWN") else POSTED


@transaction.atomic
def _post_part(file: CollectorFileView, part: Sequence[Collected], at: datetime) -> None:
    """Post some payments of a file, those of unknown numbers into suspense, and let service go on that was stopped."""
    by_serial = {_serial_no(file, one): one for one in part}
    first_in = collector_files.sequences_of(channel=file.collector, serial_nos=list(by_serial))
    done = payments.payments_by_serial(serial_nos=list(by_serial))
    fresh = {no: one for no, one in by_serial.items() if first_in[no] == file.sequence and no not in done}
    numbers = [one.number for one in fresh.values() if one.whose == NUMBER]
    payer = accounts_of_numbers(numbers=numbers, cycle=cycle_of(at), at=at) if numbers else {}
    rows = []
    for serial_no, one in fresh.items():
        account_id = one.number if one.whose == ACCOUNT else payer.get(one.number)
        if account_id is None:
            suspend_payment(
                paid_fen=one.paid_fen, means=one.means, channel=file.collector, serial_no=serial_no,
                note=f"UNKNOWN NUMBER {one.number}", at=at,
            )  # fmt: skip
        else:
            rows.append((serial_no, account_id, one.paid_fen, one.means, one.reference, one.paid_at, None))
    if rows:
        post_payments(pl.DataFrame(rows, schema=INCOMING, orient="row"), channel=file.collector, at=at)
        posted = payments.payments_by_serial(serial_nos=[row[0] for row in rows]).values()
        after_payments.run([(one.account_id, one.paid_fen) for one in posted if one.account_id is not None], at)


def _serial_no(file: CollectorFileView, one: Collected) -> str:
    return f"{file.collector} {one.reference}"


def _parts(collected: Iterable[Collected]) -> Iterator[list[Collected]]:
    each = iter(collected)
    while part := list(islice(each, PART)):
        yield part
