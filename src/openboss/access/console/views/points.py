"""A user's points: the balance, how it came about, and points turned into phone money (BMC-05)."""

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

from openboss.access.console import formats
from openboss.access.console.lists import Column, ListScreen, Paging, Rows, show_list
from openboss.access.console.memory_rows import rows_in_memory
from openboss.access.console.session import needs, staff_of, visit_tab
from openboss.access.console.views.audit import staff_name
from openboss.access.console.views.counter_refusals import sentence
from openboss.access.console.views.pay import serial_no
from openboss.access.console.views.shown import PROOFS_REFUSED, asked_in, proofs_of
from openboss.access.jobs import clock
from openboss.modules.customers import functions as customers
from openboss.modules.receivables.functions import points as ledger
from openboss.modules.system import functions as system
from openboss.processes import use_points

OPERATION = "REDEEM_POINTS"
REFUSALS = (*PROOFS_REFUSED, ledger.PointsShort, ledger.PointsWrong, ledger.ArrearsFirst, system.SerialNumberUsed)


def _screen(subscriber_id: int, context: dict[str, Any]) -> ListScreen:
    def fetch(filters: dict[str, str], sort: str, paging: Paging) -> Rows:
        return rows_in_memory(ledger.entries_of(subscriber_id=subscriber_id), {}, filters, sort, paging)

    return ListScreen(
        name="points",
        title=gettext_lazy("Points"),
        columns=(
            Column("at", gettext_lazy("When"), "moment", sort=True),
            Column("kind", gettext_lazy("What"), "word:points_kind", sort=True, sub=lambda one: one.reason),
            Column("month", gettext_lazy("For payments of"), "cycle"),
            Column("points", gettext_lazy("Points"), "number", sort=True),
            Column("expires_on", gettext_lazy("Valid to"), "day", sort=True),
            Column("staff_id", gettext_lazy("By"), read=lambda one: staff_name(one.staff_id), hidden=True),
        ),
        fetch=fetch,
        default_sort="-at",
        empty=gettext_lazy("No points yet: they come on the 10th for what was paid in the month before."),
        template="points.html",
        context=context,
    )


def _line(subscriber_id: int) -> customers.LineView:
    try:
        return customers.line_of(subscriber_id=subscriber_id, at=clock.now())
    except customers.CustomerUnknown as unknown:
        raise Http404 from unknown


@require_GET
@needs("customers.view")
def points(request: HttpRequest, subscriber_id: int) -> HttpResponseBase:
    """The points of a user."""
    line = _line(subscriber_id)
    visit_tab(request, line.customer_id)
    context = {
        "tab": line.customer_id,
        "line": line,
        "number": formats.masked_phone(line.number) if line.number else "",
        "balance": ledger.points_of(subscriber_id=subscriber_id),
        "serial_no": serial_no(),
        **asked_in(request, line.customer_id, OPERATION),
    }
    return show_list(request, _screen(subscriber_id, context), active="console:customers")


@require_POST
@needs("customers.edit")
def redeem(request: HttpRequest, subscriber_id: int) -> HttpResponse:
    """Turn points into phone money of the account that pays."""
    line = _line(subscriber_id)
    text = request.POST.get("points", "").strip()
    try:
        gift_fen = use_points.redeem(
            subscriber_id=subscriber_id,
            points=int(text) if text.isdecimal() else 0,
            proofs=proofs_of(request, line.customer_id, subscriber_id),
            serial_no=request.POST.get("serial_no", "")[:60] or serial_no(),
            at=clock.now(),
            staff_id=staff_of(request).staff_id,
        )
    except REFUSALS as refused:
        messages.error(request, sentence(refused))
    else:
        messages.success(request, _("¥%s of phone money; it pays the next bills.") % formats.yuan_of_fen(gift_fen))
    return redirect(reverse("console:points", args=[subscriber_id]))
