"""Books of numbered forms: received, issued, held by a clerk, each form used, void or missing (BMR-08)."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from openboss.access.console import formats, words
from openboss.access.console.lists import Column, Filter, ListScreen, Paging, Rows, show_list
from openboss.access.console.session import needs, staff_of
from openboss.access.console.views.audit import staff_name
from openboss.access.console.views.counter import places_of
from openboss.access.console.views.stock import counted_states, done_with, place_choices, place_column, place_filter
from openboss.access.jobs import clock
from openboss.modules.resources import functions as resources
from openboss.modules.resources.functions import BookRow, FormRow
from openboss.modules.system import functions as system

STEPS = {"RECEIVED": ("ISSUED", "DESTROYED"), "ISSUED": ("HELD", "RETURNED"), "HELD": ("RETURNED",),
         "RETURNED": ("DESTROYED",)}  # fmt: skip
MOST_FORMS = 10**12


def _holder(row: BookRow) -> str:
    return staff_name(row.holder_staff_id) if row.holder_staff_id else ""


def _numbers(row: BookRow) -> str:
    return f"{row.prefix} {row.first:0{len(str(row.last))}}–{row.last}"


@require_GET
@needs("resources.view")
def books(request: HttpRequest) -> HttpResponseBase:
    """The books of one's places: who has which, and how many of its forms are used, void, missing and left."""
    own = places_of(request)

    def fetch(filters: dict[str, str], sort: str, paging: Paging) -> Rows:
        found = resources.list_books(filters=filters, org_codes=own, sort=sort, offset=paging.offset, limit=paging.size)
        return *found, {}

    screen = ListScreen(
        name="forms",
        title=gettext_lazy("Books of forms"),
        columns=(
            Column("book_id", gettext_lazy("Book"), "number", sort=True),
            Column("form_type", gettext_lazy("Form"), "word:form_type", sort=True),
            Column("prefix", gettext_lazy("Numbers"), "nowrap", read=_numbers, link=_address),
            Column("state", gettext_lazy("State"), "word:book_state", sort=True),
            place_column(),
            Column("holder_staff_id", gettext_lazy("In the hands of"), read=_holder),
            Column("used", gettext_lazy("Used"), "count"),
            Column("void", gettext_lazy("Void"), "count"),
            Column("missing", gettext_lazy("Missing"), "count"),
            Column("remaining", gettext_lazy("Left"), "count"),
        ),
        filters=(
            Filter("prefix", gettext_lazy("Numbers begin with"), "search"),
            Filter("state", gettext_lazy("State"), "choice", words.choices("book_state")),
            Filter("form_type", gettext_lazy("Form"), "choice", words.choices("form_type")),
            place_filter(request),
        ),
        fetch=fetch,
        default_sort="-book_id",
        row_link=_address,
        empty=gettext_lazy("No book of forms lies at your places."),
        template="forms.html",
        context={
            **counted_states("book_state", resources.count_books(org_codes=own)),
            "form_types": words.choices("form_type"),
            "places": place_choices(own),
        },
    )
    return show_list(request, screen, active="console:forms")


def _address(row: BookRow) -> str:
    return reverse("console:form_book", args=[row.book_id])


@require_POST
@needs("resources.load")
def receive(request: HttpRequest) -> HttpResponse:
    """Take a book from the printer into stock."""
    first, last = (_number(request, name) for name in ("first", "last"))
    form_type, place = request.POST.get("form_type", ""), request.POST.get("place", "")
    if not (0 < first <= last) or form_type not in dict(words.choices("form_type")) or place not in places_of(request):
        messages.error(request, _("Write the first and the last number, and a place of yours."))
        return redirect("console:forms")

    def act() -> None:
        resources.receive_book(
            form_type=form_type,
            prefix=request.POST.get("prefix", "").strip().upper()[:16],
            first=first,
            last=last,
            org_code=place,
            at=clock.now(),
            staff_id=staff_of(request).staff_id,
        )

    if done_with(request, act):
        messages.success(request, _("%s forms received.") % formats.count(last - first + 1))
    return redirect("console:forms")


def _number(request: HttpRequest, field: str) -> int:
    text = request.POST.get(field, "").strip()
    return int(text) if text.isdecimal() and int(text) < MOST_FORMS else 0


def _book(request: HttpRequest, book_id: int) -> BookRow:
    found = resources.book_row(book_id=book_id, org_codes=places_of(request))
    if found is None:
        raise Http404
    return found


@require_GET
@needs("resources.view")
def book(request: HttpRequest, book_id: int) -> HttpResponseBase:
    """One book: what became of its forms, and its next step."""
    row, mine = _book(request, book_id), staff_of(request).staff_id

    def fetch(filters: dict[str, str], sort: str, paging: Paging) -> Rows:
        found = resources.list_forms(
            book_id=book_id, filters=filters, sort=sort, offset=paging.offset, limit=paging.size
        )
        return *found, {}

    def number(form: FormRow) -> str:
        return f"{row.prefix} {form.form_no:0{len(str(row.last))}}"

    screen = ListScreen(
        name="book-forms",
        title=f"{words.word('form_type', row.form_type).text} {_numbers(row)}",
        columns=(
            Column("form_no", gettext_lazy("Form no."), "nowrap", sort=True, read=number),
            Column("state", gettext_lazy("State"), "word:form_state", sort=True),
            Column("used_for", gettext_lazy("Used for")),
            Column("reason", gettext_lazy("Reason")),
            Column("at", gettext_lazy("When"), "moment", sort=True),
        ),
        filters=(Filter("state", gettext_lazy("State"), "choice", words.choices("form_state")),),
        fetch=fetch,
        default_sort="-form_no",
        empty=gettext_lazy("No form of this book was used yet."),
        template="form_book.html",
        context={
            "book": row,
            "holder": _holder(row),
            "next_no": row.next_no if row.next_no <= row.last else None,
            "is_mine": row.state == "HELD" and row.holder_staff_id == mine,
            "steps": [(state, words.word("book_step", state).text) for state in STEPS.get(row.state, ())],
            "places": place_choices(places_of(request)),
        },
    )
    return show_list(request, screen, active="console:forms")


@require_POST
@needs("resources.manage")
def move(request: HttpRequest, book_id: int) -> HttpResponse:
    """Issue a book to a place, hand it to a clerk, take it back, or destroy it."""
    row, state = _book(request, book_id), request.POST.get("state", "")
    place, login = request.POST.get("place", ""), request.POST.get("login", "").strip()
    holder = None
    if state not in STEPS.get(row.state, ()) or (place and place not in places_of(request)):
        messages.error(request, _("It is not in a state for this. Load the page again."))
        return redirect("console:form_book", book_id)
    if state == "HELD":
        try:
            holder = system.staff_by_login(login=login).staff_id
        except system.StaffUnknown:
            messages.error(request, _("Nobody logs in under this name."))
            return redirect("console:form_book", book_id)

    def act() -> None:
        resources.move_book(
            book_id=book_id,
            state=state,
            at=clock.now(),
            staff_id=staff_of(request).staff_id,
            to_org=place or None,
            holder_staff_id=holder,
            within=places_of(request),
        )

    if done_with(request, act):
        messages.success(request, _("Done; it stands in the audit."))
    return redirect("console:form_book", book_id)


@require_POST
@needs("resources.manage")
def take(request: HttpRequest, book_id: int) -> HttpResponse:
    """Use a form of the book in one's hands, or make it void; forms that are skipped need a reason."""
    row, reason = _book(request, book_id), request.POST.get("reason", "").strip()[:200]
    about: dict[str, Any] = {
        "book_id": row.book_id,
        "form_no": _number(request, "form_no"),
        "at": clock.now(),
        "staff_id": staff_of(request).staff_id,
    }

    def act() -> None:
        if request.POST.get("how") == "void":
            resources.void_form(**about, reason=reason)
        else:
            resources.use_form(**about, used_for=request.POST.get("used_for", "").strip()[:64], gap_reason=reason)

    if done_with(request, act):
        messages.success(request, _("Done; it stands in the audit."))
    return redirect("console:form_book", book_id)
