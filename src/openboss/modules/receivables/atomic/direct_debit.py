"""Mandates and runs of direct debit (D8.7, ACM-04, ACM-29)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import IntegrityError, transaction
from django.db.models import Max

from openboss.modules.receivables.models import DebitItem, DebitRun, Mandate
from openboss.modules.system.atomic import record_audit
from openboss.modules.system.keys import decrypt, encrypt


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
    """A run: its number with the bank, its day, its requests."""

    run_id: int
    bank: str
    sequence: int
    run_on: date
    answered_at: datetime | None
    requests: tuple[DebitRequest, ...]

    @property
    def asked_fen(self) -> int:
        """What the run asks for in all."""
        return sum(one.asked_fen for one in self.requests)


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


def debitable(*, bank: str) -> dict[int, int]:
    """Verified mandates of a bank of which no request is out: mandate by account."""
    out = DebitItem.objects.filter(code="").values("account_id")
    found = Mandate.objects.filter(bank=bank, state="VERIFIED").exclude(account_id__in=out)
    return dict(found.order_by("account_id").values_list("account_id", "mandate_id"))


def make_run(
    *, bank: str, run_on: date, asked_fen: Mapping[int, int], mandates: Mapping[int, int], at: datetime
) -> int:
    """Store a run under the bank's next number, in the caller's transaction; return its id."""
    last = DebitRun.objects.filter(bank=bank).aggregate(last=Max("sequence"))["last"] or 0
    run = DebitRun.objects.create(bank=bank, sequence=last + 1, run_on=run_on, made_at=at)
    DebitItem.objects.bulk_create(
        DebitItem(run=run, mandate_id=mandates[account_id], account_id=account_id, asked_fen=fen)
        for account_id, fen in sorted(asked_fen.items())
    )
    return run.run_id


def run_view(*, run_id: int) -> RunView:
    """Read a run with its requests. Raises RunUnknown."""
    run = DebitRun.objects.filter(run_id=run_id).first()
    if run is None:
        raise RunUnknown(run_id)
    requests = tuple(
        DebitRequest(
            item.item_id,
            item.mandate.contract_no,
            item.account_id,
            decrypt(item.mandate.bank_account_sealed),
            decrypt(item.mandate.holder_sealed),
            item.asked_fen,
            item.code,
        )
        for item in run.items.select_related("mandate").order_by("item_id")
    )
    return RunView(run.run_id, run.bank, run.sequence, run.run_on, run.answered_at, requests)


def list_runs(*, limit: int = 50) -> list[RunView]:
    """The runs, the newest first."""
    return [run_view(run_id=run_id) for run_id in _newest(limit)]


def _newest(limit: int) -> Sequence[int]:
    return list(DebitRun.objects.order_by("-run_id").values_list("run_id", flat=True)[:limit])


def answer_run(*, run_id: int, codes: Mapping[int, str], at: datetime) -> None:
    """Note the bank's answer to every request (code by item), in the caller's transaction. Raises RunAnswered."""
    if not DebitRun.objects.filter(run_id=run_id, answered_at__isnull=True).update(answered_at=at):
        raise RunAnswered(run_id)
    items = list(DebitItem.objects.filter(run_id=run_id))
    for item in items:
        item.code = codes[item.item_id]
    DebitItem.objects.bulk_update(items, ["code"], batch_size=1000)


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


def mandates_of(*, account_ids: Sequence[int]) -> dict[int, int]:
    """Live mandates by account."""
    found = Mandate.objects.filter(account_id__in=list(account_ids)).exclude(state="ENDED")
    return dict(found.values_list("account_id", "mandate_id"))


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
