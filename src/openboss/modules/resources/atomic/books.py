"""Books of forms: received, issued, held, used in order, void, returned, destroyed (BMR-08, D12.5)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.backends.postgresql.psycopg_any import NumericRange

from openboss.modules.resources.atomic.stock import ReasonNeeded, audit_stock, refuse_foreign
from openboss.modules.resources.models import Document, DocumentBook
from openboss.modules.resources.states import BOOK, refuse_move


class BookUnknown(LookupError):
    """There is no such book of forms."""


class BookKnown(Exception):
    """A book with these numbers was received before."""


class FormOutOfOrder(Exception):
    """Forms are used in ascending order; the message says which number is next."""


class BookNotHeld(Exception):
    """This book is not in this clerk's hands."""


@dataclass(frozen=True)
class BookCount:
    """What became of the forms of a book."""

    book_id: int
    first: int
    last: int
    used: int
    void: int
    gaps: tuple[tuple[int, str], ...]
    remaining: int


@transaction.atomic
def receive_book(
    *, form_type: str, prefix: str, first: int, last: int, org_code: str, at: datetime, staff_id: int | None
) -> int:
    """Take a book of forms numbered first to last; return its id. Raises BookKnown."""
    try:
        with transaction.atomic():
            book = DocumentBook.objects.create(
                form_type=form_type,
                prefix=prefix,
                numbers=NumericRange(first, last + 1),
                state="RECEIVED",
                org_id=org_code,
                next_no=first,
            )
    except IntegrityError as known:
        raise BookKnown(f"{prefix}{first}") from known
    after = {"form_type": form_type, "first": first, "last": last}
    audit_stock("resources.receive_book", "book", book.book_id, at, staff_id, after=after)
    return book.book_id


@transaction.atomic
def move_book(
    *,
    book_id: int,
    state: str,
    at: datetime,
    staff_id: int | None,
    to_org: str | None = None,
    holder_staff_id: int | None = None,
    within: Collection[str] | None = None,
) -> None:
    """Issue a book to a place, hand it to a clerk (HELD), take it back, destroy it.

    Raises BookUnknown, NotYourStock, MoveForbidden, BookNotHeld for HELD without a clerk.
    """
    book = _locked(book_id)
    refuse_foreign(book.org_id, within)
    refuse_move(BOOK, book.state, state)
    if state == "HELD" and holder_staff_id is None:
        raise BookNotHeld(book_id)
    DocumentBook.objects.filter(pk=book_id).update(
        state=state, org_id=to_org or book.org_id, holder_staff_id=holder_staff_id if state == "HELD" else None
    )
    before, after = {"state": book.state}, {"state": state, "holder": holder_staff_id}
    audit_stock("resources.move_book", "book", book_id, at, staff_id, before=before, after=after)


@transaction.atomic
def use_form(
    *, book_id: int, form_no: int, at: datetime, staff_id: int, used_for: str = "", gap_reason: str = ""
) -> None:
    """Use the next form of a book; skipping forms needs a reason, which is written down for each of them.

    Raises BookUnknown, BookNotHeld, FormOutOfOrder, ReasonNeeded. Source: D12.5.
    """
    _take(book_id, form_no, "USED", at, staff_id, used_for=used_for, gap_reason=gap_reason)


@transaction.atomic
def void_form(*, book_id: int, form_no: int, reason: str, at: datetime, staff_id: int) -> None:
    """Make the next form of a book void. Raises BookUnknown, BookNotHeld, FormOutOfOrder, ReasonNeeded."""
    if not reason.strip():
        raise ReasonNeeded(form_no)
    _take(book_id, form_no, "VOID", at, staff_id, reason=reason)


def _take(
    book_id: int,
    form_no: int,
    state: str,
    at: datetime,
    staff_id: int,
    *,
    used_for: str = "",
    reason: str = "",
    gap_reason: str = "",
) -> None:
    book = _locked(book_id)
    if book.state != "HELD" or book.holder_staff_id != staff_id:
        raise BookNotHeld(book_id)
    if not book.next_no <= form_no < book.numbers.upper:
        raise FormOutOfOrder(book.next_no)
    if form_no > book.next_no and not gap_reason.strip():
        raise ReasonNeeded(f"{book.next_no} to {form_no - 1}")
    rows = [
        Document(book=book, form_no=missing, state="GAP", reason=gap_reason, at=at)
        for missing in range(book.next_no, form_no)
    ]
    rows.append(Document(book=book, form_no=form_no, state=state, reason=reason, used_for=used_for, at=at))
    Document.objects.bulk_create(rows)
    DocumentBook.objects.filter(pk=book_id).update(next_no=form_no + 1)
    after = {"form_no": form_no, "state": state, "gap": len(rows) - 1}
    audit_stock("resources.form", "book", book_id, at, staff_id, reason=reason or gap_reason, after=after)


def count_book(*, book_id: int) -> BookCount:
    """Say what became of a book's forms, with its gaps (BMR-08). Raises BookUnknown."""
    book = DocumentBook.objects.filter(book_id=book_id).first()
    if book is None:
        raise BookUnknown(book_id)
    rows = list(Document.objects.filter(book=book).order_by("form_no").values_list("form_no", "state", "reason"))
    gaps = tuple((form_no, reason) for form_no, state, reason in rows if state == "GAP")
    used, void = (sum(one == state for _, one, _ in rows) for state in ("USED", "VOID"))
    first, after = book.numbers.lower, book.numbers.upper
    return BookCount(book_id, first, after - 1, used, void, gaps, after - first - len(rows))


def _locked(book_id: int) -> DocumentBook:
    book = DocumentBook.objects.select_for_update().filter(book_id=book_id).first()
    if book is None:
        raise BookUnknown(book_id)
    return book
