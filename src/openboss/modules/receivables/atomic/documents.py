"""Receipts and invoices: numbers in ascending order, one live document a payment or bill, copies marked (ACM-19)."""

from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction

from openboss.modules.receivables.models import Document, DocumentSeries
from openboss.modules.system.atomic import record_audit

PREFIXES = {"RECEIPT": "R", "INVOICE": "V"}


class DocumentIssued(Exception):
    """A receipt or invoice was issued for this already: print it again as a copy, or take it back first (D8.14)."""


class DocumentUnknown(LookupError):
    """There is no such receipt or invoice, or it was returned."""


@dataclass(frozen=True)
class DocumentView:
    """A receipt or invoice; copies counts how often it was printed again."""

    document_id: int
    kind: str
    number: str
    payment_id: int | None
    bill_id: int | None
    account_id: int
    total_fen: int
    issued_at: datetime
    copies: int
    state: str

    @property
    def is_copy(self) -> bool:
        """Whether the paper in hand must say COPY."""
        return self.copies > 0


@transaction.atomic
def issue_document(
    *,
    kind: str,
    account_id: int,
    total_fen: int,
    at: datetime,
    staff_id: int | None,
    payment_id: int | None = None,
    bill_id: int | None = None,
) -> DocumentView:
    """Issue a RECEIPT or INVOICE for a payment or a bill under the next number. Raises DocumentIssued."""
    DocumentSeries.objects.get_or_create(kind=kind, defaults={"prefix": PREFIXES[kind]})
    series = DocumentSeries.objects.select_for_update().get(kind=kind)
    try:
        with transaction.atomic():
            row = Document.objects.create(
                kind=kind,
                number=f"{series.prefix}{series.next_no:010d}",
                payment_id=payment_id,
                bill_id=bill_id,
                account_id=account_id,
                total_fen=total_fen,
                issued_at=at,
                staff_id=staff_id,
            )
    except IntegrityError as issued:
        raise DocumentIssued(f"payment {payment_id}, bill {bill_id}") from issued
    DocumentSeries.objects.filter(kind=kind).update(next_no=series.next_no + 1)
    return _view(row)


@transaction.atomic
def reprint_document(*, document_id: int, at: datetime, staff_id: int) -> DocumentView:
    """Print a document again: it says COPY and is written down. Raises DocumentUnknown."""
    row = _locked(document_id)
    row.copies += 1
    row.save()
    _audit("receivables.reprint_document", row, at, staff_id)
    return _view(row)


@transaction.atomic
def return_document(*, document_id: int, at: datetime, staff_id: int) -> DocumentView:
    """Take a document back: its number stays used. Raises DocumentUnknown."""
    row = _locked(document_id)
    row.state = Document.State.RETURNED
    row.save()
    _audit("receivables.return_document", row, at, staff_id)
    return _view(row)


@transaction.atomic
def return_papers(*, payment_id: int, at: datetime, staff_id: int) -> None:
    """Take back what was issued for a payment, if anything is out."""
    for document_id in Document.objects.filter(payment_id=payment_id, state="ISSUED").values_list(
        "document_id", flat=True
    ):
        return_document(document_id=document_id, at=at, staff_id=staff_id)


def has_invoice(*, payment_id: int) -> bool:
    """Whether an invoice of a payment is out."""
    return Document.objects.filter(payment_id=payment_id, kind="INVOICE", state="ISSUED").exists()


def documents_of(*, account_id: int) -> list[DocumentView]:
    """The documents issued to an account, the newest first."""
    return [_view(row) for row in Document.objects.filter(account_id=account_id).order_by("-document_id")]


def _locked(document_id: int) -> Document:
    row = Document.objects.select_for_update().filter(document_id=document_id, state="ISSUED").first()
    if row is None:
        raise DocumentUnknown(document_id)
    return row


def _audit(action: str, row: Document, at: datetime, staff_id: int) -> None:
    record_audit(
        staff_id=staff_id,
        action=action,
        object_kind="document",
        object_id=row.document_id,
        at=at,
        after={"number": row.number, "copies": row.copies, "state": row.state},
    )


def _view(row: Document) -> DocumentView:
    return DocumentView(**{name: getattr(row, name) for name in DocumentView.__dataclass_fields__})
