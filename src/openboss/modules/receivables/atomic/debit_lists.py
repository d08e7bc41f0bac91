"""Runs of direct debit and mandates as lists: sums without the requests, bank accounts masked."""

from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Count, Q, Sum

from openboss.modules.receivables.models import DebitItem, DebitRun, Mandate
from openboss.modules.system.keys import decrypt

SHOWN_DIGITS = 4


@dataclass(frozen=True)
class RunSums:
    """A run with what it asked for and what came of it."""

    run_id: int
    bank: str
    sequence: int
    run_on: date
    answered_at: datetime | None
    requests: int
    asked_fen: int
    paid: int
    paid_fen: int


@dataclass(frozen=True)
class MandateRow:
    """A mandate as it is listed: of the bank account only the last digits."""

    mandate_id: int
    account_id: int
    contract_no: str
    bank: str
    bank_account_masked: str
    state: str
    since_at: datetime


@dataclass(frozen=True)
class RequestRow:
    """A request of a run and the bank's answer to it."""

    item_id: int
    contract_no: str
    account_id: int
    asked_fen: int
    code: str


def list_requests(
    *, run_id: int, code: str = "", wanted: str = "", page: int = 1, page_size: int = 50
) -> tuple[list[RequestRow], int, int]:
    """Requests of a run, of one answer and of a contract or account, or all; how many there are, and for how much."""
    found = DebitItem.objects.filter(run_id=run_id).order_by("item_id")
    found = found.filter(code=code) if code else found
    if wanted:
        named = Q(mandate__contract_no=wanted)
        found = found.filter(named | Q(account_id=int(wanted)) if wanted.isdecimal() else named)
    first = (page - 1) * page_size
    names = ("item_id", "mandate__contract_no", "account_id", "asked_fen", "code")
    rows = [RequestRow(*row) for row in found.values_list(*names)[first : first + page_size]]
    sums = found.aggregate(n=Count("item_id"), fen=Sum("asked_fen", default=0))
    return rows, sums["n"], sums["fen"]


def run_sums(*, limit: int = 1000) -> list[RunSums]:
    """The runs, the newest first."""
    paid = Q(items__code="00")
    rows = DebitRun.objects.annotate(
        requests=Count("items"),
        asked_fen=Sum("items__asked_fen", default=0),
        paid=Count("items", filter=paid),
        paid_fen=Sum("items__asked_fen", filter=paid, default=0),
    ).order_by("-run_id")[:limit]
    return [RunSums(**{name: getattr(row, name) for name in RunSums.__dataclass_fields__}) for row in rows]


def banks_with_mandates() -> list[str]:
    """Banks of which somebody has a confirmed mandate."""
    found = Mandate.objects.filter(state="VERIFIED").values_list("bank", flat=True)
    return sorted(set(found.distinct()))


def list_mandates(
    *, state: str = "", bank: str = "", account_id: int | None = None, page: int = 1, page_size: int = 50
) -> tuple[list[MandateRow], int]:
    """Mandates, the newest first, of a state, a bank or an account, or all; and how many there are."""
    found = Mandate.objects.order_by("-mandate_id")
    found = found.filter(state=state) if state else found
    found = found.filter(bank=bank) if bank else found
    found = found if account_id is None else found.filter(account_id=account_id)
    first = (page - 1) * page_size
    return [_row(row) for row in found[first : first + page_size]], found.count()


def mandate_row(*, mandate_id: int) -> MandateRow | None:
    """One mandate, if there is one of this number."""
    row = Mandate.objects.filter(mandate_id=mandate_id).first()
    return _row(row) if row else None


def _row(row: Mandate) -> MandateRow:
    digits = decrypt(row.bank_account_sealed)
    return MandateRow(
        row.mandate_id,
        row.account_id,
        row.contract_no,
        row.bank,
        "*" * max(0, len(digits) - SHOWN_DIGITS) + digits[-SHOWN_DIGITS:],
        row.state,
        row.since_at,
    )
