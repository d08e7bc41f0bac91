"""The black list of charging: numbers and handsets that nobody may use, and who tried to (CHG-32)."""

from __future__ import annotations

from datetime import datetime, timedelta

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
from openboss.access.console.page import page
from openboss.access.console.session import needs, staff_of
from openboss.access.console.views.audit import staff_name
from openboss.access.console.views.money import day_of
from openboss.access.jobs import clock
from openboss.modules.charging.functions import black_list
from openboss.modules.charging.functions.black_list import IMEI, NUMBER, EntryView
from openboss.modules.customers import functions as customers

_REFUSALS = {
    "number": gettext_lazy("Write a number with its area or country code, or an IMEI of 15 digits that fits its last."),
    "reason": gettext_lazy("Say why: it stands in the alert and in the audit."),
    "to_at": gettext_lazy("An entry ends on a day to come, or on none."),
}


def written(entry: EntryView) -> str:
    """What stands on the list, as people write it: of a handset the digits that name it."""
    return f"{entry.number:014d}" if entry.kind == IMEI else formats.phone(entry.number)


def _state(entry: EntryView, at: datetime) -> str:
    return "ENDED" if entry.to_at is not None and entry.to_at <= at else "LISTED"


@require_GET
@needs("charging.monitor")
def entries(request: HttpRequest) -> HttpResponseBase:
    """What is on the list or was, and how often somebody tried to use it."""
    now = clock.now()

    def fetch(filters: dict[str, str], sort: str, paging: Paging) -> Rows:
        if typed := filters.get("number"):
            digits = typed.replace(" ", "").replace("-", "")
            filters = {**filters, "number": str(customers.read_number(digits) or digits.lstrip("+0"))}
        return *black_list.list_entries(filters=filters, sort=sort, offset=paging.offset, limit=paging.size, at=now), {}

    screen = ListScreen(
        name="black-list",
        title=gettext_lazy("Black list of charging"),
        columns=(
            Column("number", gettext_lazy("Number or handset"), "nowrap", sort=True, read=written,
                   link=lambda entry: reverse("console:black_entry", args=[entry.black_entry_id]),
                   sub=lambda entry: str(words.word("black_kind", entry.kind).text)),
            Column("kind", gettext_lazy("Kind of entry"), "word:black_kind", sort=True, hidden=True),
            Column("reason", gettext_lazy("Reason")),
            Column("state", gettext_lazy("State"), "word:black_state", read=lambda entry: _state(entry, now)),
            Column("from_at", gettext_lazy("On the list since"), "moment", sort=True),
            Column("to_at", gettext_lazy("Until"), "moment", sort=True),
            Column("users", gettext_lazy("Users"), "count", sort=True, hidden=True),
            Column("refused", gettext_lazy("Times refused"), "count", sort=True),
            Column("in_files", gettext_lazy("Seen in files"), "count", sort=True),
            Column("last_at", gettext_lazy("Last tried"), "moment", sort=True),
        ),
        filters=(
            Filter("number", gettext_lazy("Number or IMEI begins with"), "search"),
            Filter("kind", gettext_lazy("Kind of entry"), "choice", words.choices("black_kind")),
            Filter("state", gettext_lazy("State"), "choice", words.choices("black_state")),
        ),
        fetch=fetch,
        default_sort="-from_at",
        empty=gettext_lazy("Nothing is on the black list."),
        template="black_list.html",
        context={"kinds": words.choices("black_kind")},
    )  # fmt: skip
    return show_list(request, screen, active="console:black_list")


@require_GET
@needs("charging.monitor")
def entry(request: HttpRequest, black_entry_id: int) -> HttpResponse:
    """One entry, who put it there, and who tried to use it."""
    try:
        known, uses = black_list.entry_by_id(black_entry_id=black_entry_id)
    except black_list.EntryEnded as unknown:
        raise Http404 from unknown
    context = {
        "active": "console:black_list",
        "entry": known,
        "written": written(known),
        "state": _state(known, clock.now()),
        "entered_by": staff_name(known.entered_by),
        "ended_by": staff_name(known.ended_by),
        "uses": [(one, formats.masked_phone(one.served_number)) for one in uses],
    }
    return page(request, "black_entry.html", context)


@require_POST
@needs("charging.blacklist")
def enter(request: HttpRequest) -> HttpResponse:
    """Put a number or a handset on the list."""
    kind, typed, until = (request.POST.get(name, "").strip() for name in ("kind", "number", "until"))
    number = customers.read_number(typed) if kind == NUMBER else black_list.is_imei(typed) and black_list.imei_of(typed)
    last = day_of(until)
    if until and last is None:
        messages.error(request, str(_REFUSALS["to_at"]))
        return redirect("console:black_list")
    try:
        black_list.enter(
            kind=kind,
            number=int(number),
            reason=request.POST.get("reason", ""),
            to_at=clock.begin_of(last + timedelta(days=1)) if last else None,
            staff_id=staff_of(request).staff_id,
            at=clock.now(),
        )
    except black_list.EntryWrong as wrong:
        messages.error(request, str(_REFUSALS[wrong.args[0]]))
    except black_list.EntryKnown:
        messages.error(request, _("It stands on the list already: end that entry first."))
    else:
        messages.success(request, _("On the list: it counts at once, and what runs with it is ended."))
    return redirect("console:black_list")


@require_POST
@needs("charging.blacklist")
def end(request: HttpRequest, black_entry_id: int) -> HttpResponse:
    """Take an entry off the list."""
    try:
        black_list.end(black_entry_id=black_entry_id, staff_id=staff_of(request).staff_id, at=clock.now())
    except black_list.EntryEnded:
        messages.error(request, _("This entry has ended already."))
    else:
        messages.success(request, _("Off the list: it counts at once."))
    return redirect("console:black_entry", black_entry_id)
