"""The books: days and months closed, opened again under authority, what stands in the way, journals for finance."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from openboss.access.console import words
from openboss.access.console.lists import Column, Filter, ListScreen, Paging, Rows, show_list
from openboss.access.console.memory_rows import rows_in_memory
from openboss.access.console.session import needs, staff_of
from openboss.access.console.views.audit import staff_name
from openboss.access.console.views.money import carried_out, day_of
from openboss.access.jobs import clock
from openboss.modules.receivables import functions as receivables
from openboss.modules.receivables.functions import explorer
from openboss.modules.system import functions as system

SHOWN = timedelta(days=62)
MEDIA = {"csv": "text/csv; charset=utf-8", "json": "application/json"}


def _fetch(filters: dict[str, str], sort: str, paging: Paging) -> Rows:
    today = clock.today()
    from_on, to_on = day_of(filters.get("from", "")) or today - SHOWN, day_of(filters.get("to", "")) or today
    tests = {"state": lambda row, state: row.state == state} | dict.fromkeys(("from", "to"), lambda _r, _t: True)
    return rows_in_memory(explorer.book_days(from_on=from_on, to_on=to_on), tests, filters, sort, paging)


def _journal_of(row: explorer.BookDay) -> str:
    on = row.business_on.isoformat()
    return f"{reverse('console:ledger')}?{urlencode({'from': on, 'to': on})}"


def _who(row: explorer.BookDay) -> str:
    return staff_name(row.changed_by) if row.changed_at else ""


def _screen() -> ListScreen:
    today = clock.today()
    return ListScreen(
        name="books",
        title=gettext_lazy("Days and months"),
        columns=(
            Column("business_on", gettext_lazy("Business day"), "day", sort=True, link=_journal_of),
            Column("state", gettext_lazy("State"), "word:book_state", sort=True),
            Column("entries", gettext_lazy("Entries"), "count", sort=True),
            Column("debit_fen", gettext_lazy("Debit = credit"), "fen", sort=True),
            Column("sealed_entries", gettext_lazy("Sealed"), "count", sort=True),
            Column("changed_at", gettext_lazy("Last change"), "moment", sort=True, sub=_who),
        ),
        filters=(
            Filter("from", gettext_lazy("From"), "date", default=(today - SHOWN).isoformat()),
            Filter("to", gettext_lazy("to"), "date", default=today.isoformat()),
            Filter("state", gettext_lazy("State"), "choice", words.choices("book_state")),
        ),
        fetch=_fetch,
        default_sort="-business_on",
        row_link=_journal_of,
        empty=gettext_lazy("Nothing was entered in these days."),
        template="books.html",
        context={
            "periods": explorer.book_periods(),
            "in_the_way": explorer.in_the_way(today=today),
            "open_days": [one.business_on for one in _days("OPEN") if one.business_on < today],
            "closed_days": [one.business_on for one in _days("CLOSED")],
        },
    )


def _days(state: str) -> list[explorer.BookDay]:
    today = clock.today()
    return [one for one in explorer.book_days(from_on=today - SHOWN, to_on=today) if one.state == state]


@require_GET
@needs("receivables.view")
def books(request: HttpRequest) -> HttpResponseBase:
    """The days of the books with the months they make, and what should be settled before they are closed."""
    if "seals" in request.GET:
        check = receivables.verify_seals()
        if check.broken_on is None:
            messages.success(request, _("%s sealed days stand as they were written.") % check.sealed_days)
        else:
            messages.error(
                request, _("The chain breaks at %s: an entry was changed after it was sealed.") % check.broken_on
            )
        return redirect("console:books")
    return show_list(request, _screen(), active="console:books")


@require_POST
@needs("receivables.close")
def act(request: HttpRequest) -> HttpResponse:
    """Close or open a day or a month of the books; opening needs a reason."""
    reason = request.POST.get("reason", "").strip()
    action = request.POST.get("action", "")
    who: dict[str, Any] = {"at": clock.now(), "staff_id": staff_of(request).staff_id}
    on, text = day_of(request.POST.get("day", "")), request.POST.get("period", "")
    period = int(text) if text.isdecimal() else 0
    if action.startswith("reopen") and not reason:
        messages.error(request, _("Say why the books are opened again; it stays in the audit."))
        return redirect("console:books")
    acts: dict[str, Callable[[], None]] = {}
    if on is not None:
        acts["close_day"] = lambda: explorer.close_day(business_on=on, **who)
        acts["reopen_day"] = lambda: explorer.reopen_day(business_on=on, reason=reason, **who)
    if period:
        acts["close_period"] = lambda: explorer.close_period(period=period, **who)
        acts["reopen_period"] = lambda: explorer.reopen_period(period=period, reason=reason, **who)
    if action not in acts:
        raise Http404
    if carried_out(request, lambda: acts[action]() or True):
        messages.success(request, _("Done; it stands in the audit."))
    return redirect("console:books")


@require_GET
@needs("receivables.view")
def journal_file(request: HttpRequest, kind: str) -> HttpResponse:
    """The journal of some days for the finance system, as CSV or as the documented JSON; every download is audited."""
    from_on, to_on = day_of(request.GET.get("from", "")), day_of(request.GET.get("to", ""))
    if kind not in MEDIA or from_on is None:
        raise Http404
    to_on = to_on or from_on
    write = receivables.journal_csv if kind == "csv" else receivables.journal_json
    answer = HttpResponse(write(from_on=from_on, to_on=to_on), content_type=MEDIA[kind])
    answer["Content-Disposition"] = f'attachment; filename="{_name(from_on, to_on)}.{kind}"'
    system.record_audit(
        staff_id=staff_of(request).staff_id,
        action="receivables.journal_file",
        object_kind="books",
        object_id=from_on.isoformat(),
        at=clock.now(),
        after={"to": to_on.isoformat(), "kind": kind},
    )
    return answer


def _name(from_on: date, to_on: date) -> str:
    return f"journal-{from_on.isoformat()}" + (f"-{to_on.isoformat()}" if to_on != from_on else "")
