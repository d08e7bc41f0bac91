"""Mandates and runs of direct debit (D8.7, ACM-04, ACM-29)."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl
from django.db import IntegrityError, transaction
from django.db.models import Count, Max, Q, QuerySet, Sum

from openboss.modules.receivables.models import DebitItem, DebitRun, Mandate
from openboss.modules.system.atomic import record_audit
from openboss.modules.system.copying import copy_in, copy_out
from openboss.modules.system.keys import decrypt, encrypt
from openboss.modules.system.statements import ask

PIECE = 10_000


class MandateExists(Exception):
    """The account has a mandate already, or this contract number is used."""


class MandateUnknown(LookupError):
    """There is no such mandate, or it has ended."""


class RunUnknown(LookupError):
    """There is no such run of direct debit."""


class RunAnswered(Exception):
    """The bank's answer to this run was taken before; nothing was changed."""


@dataclass(frozen=True)
class DebitRequest:
    """One line of a run as the bank gets it."""

    item_id: int
    contract_no: str
    account_id: int
    bank_account: str
    holder: str
    asked_fen: int
    code: str


@dataclass(frozen=True)
class RunView:
    """A run: its number with the bank, its day, how many requests it has and for how much, how many are answered."""

    run_id: int
    bank: str
    sequence: int
    run_on: date
    made_at: datetime
    answered_at: datetime | None
    requests: int
    asked_fen: int
    answered: int


@transaction.atomic
def open_mandate(
    *, account_id: int, contract_no: str, bank: str, bank_account: str, holder: str, at: datetime, staff_id: int | None
) -> int:
    """Take a mandate; it is PENDING until the bank has confirmed it. Returns its id. Raises MandateExists."""
    try:
        with transaction.atomic():
            row = Mandate.objects.create(
                account_id=account_id,
                contract_no=contract_no,
                bank=bank,
                bank_account_sealed=encrypt(bank_account),
                holder_sealed=encrypt(holder),
                since_at=at,
            )
    except IntegrityError as exists:
        raise MandateExists(contract_no) from exists
    _audit("receivables.open_mandate", row, at, staff_id, "")
    return row.mandate_id


@transaction.atomic
def verify_mandate(*, mandate_id: int, reason: str, at: datetime, staff_id: int) -> None:
    """Note that the bank confirmed a mandate by phone: who asked, and what was said. Raises MandateUnknown (ACM-29)."""
    row = Mandate.objects.select_for_update().filter(mandate_id=mandate_id, state="PENDING").first()
    if row is None:
        raise MandateUnknown(mandate_id)
    row.state, row.verified_by = Mandate.State.VERIFIED, staff_id
    row.save()
    _audit("receivables.verify_mandate", row, at, staff_id, reason)


@transaction.atomic
def end_mandate(*, mandate_id: int, reason: str, at: datetime, staff_id: int | None) -> None:
    """End a mandate. Raises MandateUnknown."""
    row = Mandate.objects.select_for_update().filter(mandate_id=mandate_id).exclude(state="ENDED").first()
    if row is None:
        raise MandateUnknown(mandate_id)
    row.state = Mandate.State.ENDED
    row.save()
    _audit("receivables.end_mandate", row, at, staff_id, reason)


def has_mandate(*, account_id: int) -> bool:
    """Whether an account is on direct debit, or will be once its bank has confirmed."""
    return Mandate.objects.filter(account_id=account_id).exclude(state="ENDED").exists()


def debitable(*, bank: str) -> dict[int, int]:
    """Verified mandates of a bank of which no request is out: mandate by account."""
    out = DebitItem.objects.filter(code="").values("account_id")
    found = Mandate.objects.filter(bank=bank, state="VERIFIED").exclude(account_id__in=out)
    return dict(found.order_by("account_id").values_list("account_id", "mandate_id"))


def begin_run(*, bank: str, run_on: date, at: datetime) -> int:
    """Begin a run under the bank's next number, in the caller's transaction; return its id."""
    last = DebitRun.objects.filter(bank=bank).aggregate(last=Max("sequence"))["last"] or 0
    return DebitRun.objects.create(bank=bank, sequence=last + 1, run_on=run_on, made_at=at).run_id


def put_requests(requests: pl.DataFrame, *, run_id: int) -> None:
    """Add requests to a run: mandate_id, account_id, asked_fen."""
    copy_in("receivables_debititem", requests.with_columns(run_id=pl.lit(run_id), code=pl.lit("")))


def run_view(*, run_id: int) -> RunView:
    """Read a run. Raises RunUnknown."""
    found = _runs(DebitRun.objects.filter(run_id=run_id))
    if not found:
        raise RunUnknown(run_id)
    return found[0]


def list_runs(*, limit: int = 50) -> list[RunView]:
    """The runs, the newest first."""
    return _runs(DebitRun.objects.order_by("-run_id")[:limit])


def _runs(rows: QuerySet[DebitRun]) -> list[RunView]:
    found = list(rows)
    sums = DebitItem.objects.filter(run__in=[row.run_id for row in found]).values("run_id")
    known = {
        row["run_id"]: row
        for row in sums.annotate(
            requests=Count("item_id"), fen=Sum("asked_fen"), answered=Count("item_id", filter=~Q(code=""))
        )
    }
    nothing = {"requests": 0, "fen": 0, "answered": 0}
    return [
        RunView(
            row.run_id, row.bank, row.sequence, row.run_on, row.made_at, row.answered_at,
            *(known.get(row.run_id, nothing)[name] for name in nothing),
        )
        for row in found
    ]  # fmt: skip


def requests_of(*, run_id: int) -> Iterator[DebitRequest]:
    """The requests of a run in order, read piece by piece; bank accounts and holders are opened here."""
    last = 0
    while rows := ask(
        "SELECT i.item_id, m.contract_no, i.account_id, m.bank_account_sealed, m.holder_sealed, i.asked_fen, i.code"
        " FROM receivables_debititem i JOIN receivables_mandate m USING (mandate_id)"
        " WHERE i.run_id = %s::bigint AND i.item_id > %s::bigint ORDER BY i.item_id LIMIT %s::int",
        [run_id, last, PIECE],
    ):
        for item_id, contract_no, account_id, bank_account, holder, asked_fen, code in rows:
            yield DebitRequest(
                item_id, contract_no, account_id, decrypt(bank_account), decrypt(holder), asked_fen, code
            )
        last = rows[-1][0]


def asked_of(*, run_id: int) -> pl.DataFrame:
    """What a run asks for: item_id, contract_no, account_id, mandate_id, asked_fen, code."""
    return copy_out(
        "SELECT i.item_id, m.contract_no, i.account_id, mandate_id, i.asked_fen, i.code FROM receivables_debititem i"
        " JOIN receivables_mandate m USING (mandate_id) WHERE i.run_id = %s ORDER BY i.item_id",
        {
            "item_id": pl.Int64,
            "contract_no": pl.String,
            "account_id": pl.Int64,
            "mandate_id": pl.Int64,
            "asked_fen": pl.Int64,
            "code": pl.String,
        },
        (run_id,),
    )


def answer_requests(codes: Mapping[int, str]) -> list[int]:
    """Note the bank's answer to requests that have none (code by item), in the caller's transaction; return which."""
    taken = ask(
        "UPDATE receivables_debititem i SET code = c.code FROM unnest(%s::bigint[], %s::text[]) AS c(item_id, code)"
        " WHERE i.item_id = c.item_id AND i.code = '' RETURNING i.item_id",
        [list(codes), list(codes.values())],
    )
    return [row[0] for row in taken]


def end_run(*, run_id: int, at: datetime) -> None:
    """Note that every request of a run is answered. Raises RunAnswered."""
    if not DebitRun.objects.filter(run_id=run_id, answered_at__isnull=True).update(answered_at=at):
        raise RunAnswered(run_id)


def end_mandates(*, mandate_ids: Sequence[int], reason: str, at: datetime) -> None:
    """End mandates a bank refused, in the caller's transaction; one audit row names them all."""
    ended = Mandate.objects.filter(mandate_id__in=list(mandate_ids)).exclude(state="ENDED").update(state="ENDED")
    if ended:
        record_audit(
            staff_id=None,
            action="receivables.end_mandates",
            object_kind="mandate",
            object_id="",
            at=at,
            reason=reason,
            after={"mandate_ids": list(mandate_ids)},
        )


def _audit(action: str, row: Mandate, at: datetime, staff_id: int | None, reason: str) -> None:
    record_audit(
        staff_id=staff_id,
        action=action,
        object_kind="account",
        object_id=row.account_id,
        at=at,
        reason=reason,
        after={"mandate_id": row.mandate_id, "state": row.state},
    )


def re_encrypt_mandates(re_encrypt: Callable[[bytes], bytes]) -> int:
    """Bring bank accounts and holders of mandates to the newest key; return how many were rewritten."""
    rewritten = 0
    for row in Mandate.objects.order_by("mandate_id").iterator(chunk_size=1000):
        sealed = bytes(row.bank_account_sealed), bytes(row.holder_sealed)
        renewed = re_encrypt(sealed[0]), re_encrypt(sealed[1])
        if renewed != sealed:
            mine = Mandate.objects.filter(mandate_id=row.mandate_id)
            mine.update(bank_account_sealed=renewed[0], holder_sealed=renewed[1])
            rewritten += 1
    return rewritten
