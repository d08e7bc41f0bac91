"""How bills are delivered: the rates of a month by means, and the wishes of an account."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from openboss.access.console import formats
from openboss.access.console.lists import Column, Filter, ListScreen, Paging, Rows, show_list
from openboss.access.console.memory_rows import rows_in_memory
from openboss.access.console.session import needs, staff_of
from openboss.access.console.views.money import holder_of
from openboss.access.jobs import clock
from openboss.modules.billing import functions as billing
from openboss.modules.billing.functions import deliveries

REFUSALS: dict[type[Exception], str | Promise] = {
    deliveries.AddressWrong: gettext_lazy(
        "Post needs an address, e-mail one with an @, SMS and MMS a mobile number of 11 digits."
    ),
    deliveries.WishUnknown: gettext_lazy("This wish was ended already."),
}


def _fetch(filters: dict[str, str], sort: str, paging: Paging) -> Rows:
    asked = filters.get("cycle", "")
    cycle = int(asked) if asked.isdecimal() else deliveries.newest_delivered()
    rates = deliveries.delivery_rates(cycle=cycle) if cycle else []
    rows = [{"cycle": cycle, **vars(one)} for one in rates]
    return rows_in_memory(rows, {"cycle": lambda _row, _value: True}, filters, sort, paging)


def _screen() -> ListScreen:
    months = tuple((str(one.cycle), formats.cycle_name(one.cycle)) for one in billing.list_cycles())
    return ListScreen(
        name="bill-delivery",
        title=gettext_lazy("Bill delivery"),
        columns=(
            Column("means", gettext_lazy("Means"), "word:bill_means", sort=True),
            Column("cycle", gettext_lazy("Month"), "cycle"),
            Column("total", gettext_lazy("Bills"), "count", sort=True),
            Column("sent", gettext_lazy("Delivered"), "count", sort=True),
            Column("waiting", gettext_lazy("Waiting"), "count", sort=True),
            Column("failed", gettext_lazy("Failed"), "count", sort=True),
            Column(
                "rate",
                gettext_lazy("Delivery rate"),
                "number",
                sort=True,
                read=lambda row: formats.percent(row["rate"]),
            ),
        ),
        filters=(Filter("cycle", gettext_lazy("Month"), "choice", months),),
        fetch=_fetch,
        default_sort="means",
        empty=gettext_lazy("No bill of this month is on its way yet; delivery begins after release."),
    )


@require_GET
@needs("billing.view")
def rates(request: HttpRequest) -> HttpResponseBase:
    """What became of a month's bills by means; the newest month unless one is chosen (ACP-17)."""
    return show_list(request, _screen(), active="console:bill_delivery")


@require_POST
@needs("customers.edit")
def wish(request: HttpRequest, account_id: int) -> HttpResponse:
    """Set or end a means by which an account gets its bills."""
    holder_of(account_id)
    means = request.POST.get("means", "")
    common = {"account_id": account_id, "means": means, "at": clock.now(), "staff_id": staff_of(request).staff_id}
    try:
        if request.POST.get("action") == "end":
            deliveries.end_wish(**common)
        else:
            deliveries.put_wish(address=request.POST.get("address", ""), **common)
    except tuple(REFUSALS) as refused:
        messages.error(request, str(REFUSALS[type(refused)]))
    else:
        messages.success(request, _("Noted: the bills of the next months are delivered so."))
    return redirect("console:account", account_id)
