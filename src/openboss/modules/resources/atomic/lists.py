"""What the desks of resources list: numbers, segments, cards, vouchers, books, terminals and moves, page by page."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import Count, Q, QuerySet, TextField
from django.db.models.functions import Cast

from openboss.modules.resources.models import (
    Document,
    DocumentBook,
    NumberResource,
    NumberSegment,
    SimCard,
    StockMove,
    Terminal,
    Voucher,
)

Filters = Mapping[str, str]
_FORMS = ("USED", "VOID", "GAP")


@dataclass(frozen=True)
class NumberRow:
    """A number of the stock as its desk shows it."""

    number: int
    state: str
    grade: str
    org_code: str
    home_area: int
    hlr_code: str
    until_at: datetime | None
    locked_by: str | None


@dataclass(frozen=True)
class SegmentRow:
    """A segment and how many of its numbers are in which state: they add up to `numbers`."""

    segment_id: int
    first: int
    last: int
    hlr_code: str
    home_area: int
    loaded_at: datetime
    numbers: int
    states: Mapping[str, int]


@dataclass(frozen=True)
class CardRow:
    """A card of the stock; its codes stay sealed."""

    iccid: str
    imsi: int
    item_code: str
    state: str
    org_code: str
    hlr_code: str
    number: int | None


@dataclass(frozen=True)
class VoucherRow:
    """A voucher of the stock; nobody reads its PIN."""

    serial_no: str
    item_code: str
    face_fen: int
    state: str
    org_code: str
    expires_on: date


@dataclass(frozen=True)
class BookRow:
    """A book of forms: used, void, missing and remaining forms add up to all of it (BMR-08)."""

    book_id: int
    form_type: str
    prefix: str
    first: int
    last: int
    state: str
    org_code: str
    holder_staff_id: int | None
    next_no: int
    used: int
    void: int
    missing: int
    remaining: int


@dataclass(frozen=True)
class FormRow:
    """A form of a book that was used, made void, or is missing."""

    form_no: int
    state: str
    used_for: str
    reason: str
    at: datetime


@dataclass(frozen=True)
class TerminalRow:
    """A handset or box by its IMEI."""

    imei: str
    item_code: str
    state: str
    org_code: str
    subscriber_id: int | None
    sold_on: date | None


@dataclass(frozen=True)
class MoveRow:
    """Pieces that came to a place, went, were used or lost."""

    at: datetime
    org_code: str
    item_code: str
    cause: str
    pieces: int
    reason: str
    staff_id: int | None


def _page(rows: QuerySet[Any], sort: str, offset: int, limit: int) -> tuple[list[Any], int]:
    found = rows.order_by(sort, "pk") if sort else rows.order_by("pk")
    return list(found[offset : offset + limit]), rows.count()


def list_numbers(
    *, filters: Filters, org_codes: Collection[str], sort: str = "number", offset: int = 0, limit: int = 50
) -> tuple[list[NumberRow], int]:
    """List the numbers of some places. filters: state, grade, org_code: equal; tail: how the number ends (digits)."""
    rows = NumberResource.objects.filter(org_id__in=org_codes)
    for key, field in {"state": "state", "grade": "grade", "org_code": "org_id"}.items():
        rows = rows.filter(**{field: filters[key]}) if filters.get(key) else rows
    if tail := "".join(sign for sign in filters.get("tail", "") if sign.isdecimal()):
        rows = rows.alias(text=Cast("number", TextField())).filter(text__endswith=tail)
    fields = ("number", "state", "grade", "org_id", "home_area", "hlr_code", "until_at", "locked_by")
    found, total = _page(rows.values_list(*fields), sort, offset, limit)
    return [NumberRow(*row) for row in found], total


def list_segments() -> list[SegmentRow]:
    """List the segments, each with its numbers counted by state (BMR-03)."""
    rows = []
    for one in NumberSegment.objects.order_by("numbers"):
        own = NumberResource.objects.filter(number__gte=one.numbers.lower, number__lt=one.numbers.upper)
        states = dict(own.values_list("state").annotate(n=Count("pk")).order_by("state"))
        first, last = one.numbers.lower, one.numbers.upper - 1
        about = (one.segment_id, first, last, one.hlr_code, one.home_area, one.loaded_at)
        rows.append(SegmentRow(*about, last - first + 1, states))
    return rows


def list_sims(
    *, filters: Filters, org_codes: Collection[str], sort: str = "iccid", offset: int = 0, limit: int = 50
) -> tuple[list[CardRow], int]:
    """List the cards of some places. filters: state, item, org_code: equal; iccid: how it begins."""
    rows = _stock_of_kind(SimCard.objects.all(), filters, org_codes)
    rows = rows.filter(iccid__startswith=filters["iccid"]) if filters.get("iccid") else rows
    fields = ("iccid", "imsi", "item_type_id", "state", "org_id", "hlr_code", "number")
    found, total = _page(rows.values_list(*fields), sort, offset, limit)
    return [CardRow(*row) for row in found], total


def list_vouchers(
    *, filters: Filters, org_codes: Collection[str], sort: str = "serial_no", offset: int = 0, limit: int = 50
) -> tuple[list[VoucherRow], int]:
    """List the vouchers of some places. filters: state, item, org_code: equal; serial: how the number begins."""
    rows = _stock_of_kind(Voucher.objects.all(), filters, org_codes)
    rows = rows.filter(serial_no__startswith=filters["serial"]) if filters.get("serial") else rows
    fields = ("serial_no", "item_type_id", "face_fen", "state", "org_id", "expires_on")
    found, total = _page(rows.values_list(*fields), sort, offset, limit)
    return [VoucherRow(*row) for row in found], total


def list_books(
    *, filters: Filters, org_codes: Collection[str], sort: str = "book_id", offset: int = 0, limit: int = 50
) -> tuple[list[BookRow], int]:
    """List the books of some places. filters: state, form_type, org_code: equal; prefix: how the numbers begin."""
    rows = _books(org_codes)
    for key, field in {"state": "state", "form_type": "form_type", "org_code": "org_id"}.items():
        rows = rows.filter(**{field: filters[key]}) if filters.get(key) else rows
    rows = rows.filter(prefix__startswith=filters["prefix"]) if filters.get("prefix") else rows
    found, total = _page(rows, sort, offset, limit)
    return [_book(row) for row in found], total


def book_row(*, book_id: int, org_codes: Collection[str]) -> BookRow | None:
    """Show one book of some places; none if it lies elsewhere or is not known."""
    row = _books(org_codes).filter(book_id=book_id).first()
    return _book(row) if row else None


def _books(org_codes: Collection[str]) -> QuerySet[Any]:
    counted = {f"n_{state}": Count("documents", filter=Q(documents__state=state)) for state in _FORMS}
    return DocumentBook.objects.filter(org_id__in=org_codes).annotate(**counted)


def _book(row: Any) -> BookRow:
    first, after = row.numbers.lower, row.numbers.upper
    used, void, missing = (getattr(row, f"n_{state}") for state in _FORMS)
    about = (row.book_id, row.form_type, row.prefix, first, after - 1, row.state, row.org_id, row.holder_staff_id)
    return BookRow(*about, row.next_no, used, void, missing, after - first - used - void - missing)


def list_forms(
    *, book_id: int, filters: Filters, sort: str = "-form_no", offset: int = 0, limit: int = 50
) -> tuple[list[FormRow], int]:
    """List the forms of a book that were used, made void or are missing. filters: state."""
    rows = Document.objects.filter(book_id=book_id)
    rows = rows.filter(state=filters["state"]) if filters.get("state") else rows
    found, total = _page(rows.values_list("form_no", "state", "used_for", "reason", "at"), sort, offset, limit)
    return [FormRow(*row) for row in found], total


def count_books(*, org_codes: Collection[str]) -> dict[str, int]:
    """Count the books of some places by state."""
    rows = DocumentBook.objects.filter(org_id__in=org_codes)
    return dict(rows.values_list("state").annotate(books=Count("pk")).order_by("state"))


def list_terminals(
    *, filters: Filters, org_codes: Collection[str], sort: str = "imei", offset: int = 0, limit: int = 50
) -> tuple[list[TerminalRow], int]:
    """List the terminals of some places. filters: state, item, org_code: equal; imei: how it begins."""
    rows = _stock_of_kind(Terminal.objects.all(), filters, org_codes)
    rows = rows.filter(imei__startswith=filters["imei"]) if filters.get("imei") else rows
    fields = ("imei", "item_type_id", "state", "org_id", "subscriber_id", "sold_on")
    found, total = _page(rows.values_list(*fields), sort, offset, limit)
    return [TerminalRow(*row) for row in found], total


def list_moves(
    *, filters: Filters, org_codes: Collection[str], offset: int = 0, limit: int = 50
) -> tuple[list[MoveRow], int]:
    """List what moved at some places, the newest first. filters: item, org_code, cause: equal."""
    rows = StockMove.objects.filter(org_id__in=org_codes)
    for key, field in {"item": "item_type_id", "org_code": "org_id", "cause": "cause"}.items():
        rows = rows.filter(**{field: filters[key]}) if filters.get(key) else rows
    fields = ("at", "org_id", "item_type_id", "cause", "pieces", "reason", "staff_id")
    found, total = _page(rows.values_list(*fields), "-stock_move_id", offset, limit)
    return [MoveRow(*row) for row in found], total


def _stock_of_kind(rows: QuerySet[Any], filters: Filters, org_codes: Collection[str]) -> QuerySet[Any]:
    rows = rows.filter(org_id__in=org_codes)
    for key, field in {"state": "state", "item": "item_type_id", "org_code": "org_id"}.items():
        rows = rows.filter(**{field: filters[key]}) if filters.get(key) else rows
    return rows
