"""What is owed by age and month, and the payments nobody could attribute."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from openboss.access.console import formats, words
from openboss.access.console.lists import Column, Filter, ListScreen, Paging, Rows, show_list
from openboss.access.console.memory_rows import rows_in_memory
from openboss.access.console.session import needs, staff_of
from openboss.access.console.views.money import carried_out
from openboss.access.jobs import clock
from openboss.modules.customers import functions as customers
from openboss.modules.receivables import functions as receivables
from openboss.modules.receivables.functions import finance


def _fetch_rates(filters: dict[str, str], sort: str, paging: Paging) -> Rows:
    rows = receivables.arrears_rates(at=clock.now()).to_dicts()
    tests = {"cycle": lambda row, text: str(row["cycle"]).startswith(text.replace("-", ""))}
    return rows_in_memory(rows, tests, filters, sort, paging, sums=["billed_fen", "open_fen", "overdue_fen"])


def _ageing_screen(context: dict[str, Any]) -> ListScreen:
    return ListScreen(
        name="arrears-by-month",
        title=gettext_lazy("Ageing of debts"),
        columns=(
            Column(
                "cycle",
                gettext_lazy("Month"),
                "cycle",
                sort=True,
                link=lambda row: f"{reverse('console:bills')}?cycle={row['cycle']}",
            ),
            Column("billed_fen", gettext_lazy("Billed"), "fen", sort=True),
            Column("open_fen", gettext_lazy("Still open"), "fen", sort=True),
            Column("overdue_fen", gettext_lazy("Overdue"), "fen", sort=True),
            Column(
                "rate_ppm",
                gettext_lazy("Arrears rate"),
                "number",
                sort=True,
                read=lambda row: formats.percent(row["rate_ppm"] // 100),
            ),
        ),
        filters=(Filter("cycle", gettext_lazy("Month"), "search"),),
        fetch=_fetch_rates,
        default_sort="-cycle",
        row_link=lambda row: f"{reverse('console:bills')}?cycle={row['cycle']}",
        empty=gettext_lazy("No bill was released yet."),
        template="ageing.html",
        context=context,
    )


@require_GET
@needs("receivables.view")
def ageing(request: HttpRequest) -> HttpResponseBase:
    """What is open by age after the due day, and how much of each month's bills is overdue (ACM-15, D22.5)."""
    ages = receivables.ageing(at=clock.now()).to_dicts()
    chart = {
        "names": [str(words.word("age", row["age"]).text) for row in ages],
        "bars": [{"name": _("Still open"), "values": [str(Decimal(row["open_fen"]).scaleb(-2)) for row in ages]}],
    }
    context = {"ages": ages, "chart": chart, "total_fen": sum(row["open_fen"] for row in ages)}
    return show_list(request, _ageing_screen(context), active="console:ageing")


LEVELS = (
    ("ACCOUNT", gettext_lazy("Account")),
    ("USER", gettext_lazy("User")),
    ("CUSTOMER", gettext_lazy("Customer")),
    ("GROUP", gettext_lazy("Group")),
)
_PAGES = {"ACCOUNT": "console:account", "USER": "console:by_user", "CUSTOMER": "console:customer"}


def _fetch_aged(filters: dict[str, str], sort: str, paging: Paging) -> Rows:
    level, key = filters.get("level", "ACCOUNT"), filters.get("key", "")
    level = level if level in dict(LEVELS) else "ACCOUNT"
    names: dict[int, str] = {}
    members = None
    if level == "GROUP":
        members = customers.group_members(at=clock.now())
        names = {row["group_id"]: formats.named(row) for row in members.unique("group_id").to_dicts()}
    rows, total, sums = finance.aged_by(
        level=level,
        on=clock.today(),
        key=int(key) if key.isdecimal() else None,
        members=members,
        sort=sort,
        page=paging.number,
        page_size=paging.size,
    )
    return [{**vars(row), "level": level, "name": names.get(row.key, "")} for row in rows], total, sums


def _key_url(row: dict[str, Any]) -> str | None:
    route = _PAGES.get(row["level"])
    return reverse(route, args=[row["key"]]) if route and row["key"] else None


AGED = ListScreen(
    name="who-owes",
    title=gettext_lazy("Who owes"),
    columns=(
        Column("key", gettext_lazy("No."), "number", sort=True, link=_key_url, sub=lambda row: row["name"]),
        Column("bills", gettext_lazy("Bills"), "count", sort=True),
        Column("oldest_due_on", gettext_lazy("Oldest due"), "day", sort=True),
        Column("not_due_fen", gettext_lazy("Not due yet"), "fen", sort=True),
        Column("d30_fen", gettext_lazy("1–30 days"), "fen", sort=True),
        Column("d60_fen", gettext_lazy("31–60 days"), "fen", sort=True),
        Column("d90_fen", gettext_lazy("61–90 days"), "fen", sort=True),
        Column("d180_fen", gettext_lazy("91–180 days"), "fen", sort=True, hidden=True),
        Column("d360_fen", gettext_lazy("181–360 days"), "fen", sort=True, hidden=True),
        Column("older_fen", gettext_lazy("over 360 days"), "fen", sort=True, hidden=True),
        Column("open_fen", gettext_lazy("Still open"), "fen", sort=True),
    ),
    filters=(
        Filter("level", gettext_lazy("Level"), "choice", LEVELS, default="ACCOUNT"),
        Filter("key", gettext_lazy("No."), "search"),
    ),
    fetch=_fetch_aged,
    default_sort="-open_fen",
    row_link=_key_url,
    empty=gettext_lazy("Nobody owes anything."),
)


@require_GET
@needs("receivables.view")
def aged(request: HttpRequest) -> HttpResponseBase:
    """What each user, account, customer or group has open, by days after the due day (ACM-22)."""
    return show_list(request, AGED, active="console:aged")


def _fetch_suspense(filters: dict[str, str], sort: str, paging: Paging) -> Rows:
    tests = {
        "q": lambda row, text: text.casefold() in f"{row.reference} {row.note} {row.serial_no}".casefold(),
        "channel": lambda row, channel: row.channel == channel,
    }
    return rows_in_memory(receivables.suspense_list(), tests, filters, sort, paging, sums=["paid_fen"])


SUSPENSE = ListScreen(
    name="suspense",
    title=gettext_lazy("Payments to attribute"),
    columns=(
        Column(
            "payment_id",
            gettext_lazy("Payment"),
            "number",
            sort=True,
            link=lambda row: reverse("console:payment", args=[row.payment_id]),
        ),
        Column("at", gettext_lazy("When"), "moment", sort=True),
        Column("channel", gettext_lazy("Channel"), "word:channel", sort=True),
        Column("means", gettext_lazy("Means"), "word:means", sort=True),
        Column("reference", gettext_lazy("Reference"), sort=True),
        Column("note", gettext_lazy("Why it waits")),
        Column("paid_fen", gettext_lazy("Amount"), "fen", sort=True),
    ),
    filters=(
        Filter("q", gettext_lazy("Reference or note"), "search"),
        Filter("channel", gettext_lazy("Channel"), "choice", words.choices("channel")),
    ),
    fetch=_fetch_suspense,
    default_sort="at",
    row_link=lambda row: reverse("console:payment", args=[row.payment_id]),
    empty=gettext_lazy("Every payment has its account."),
)


@require_GET
@needs("receivables.view")
def suspense(request: HttpRequest) -> HttpResponseBase:
    """Payments nobody could attribute, the oldest first."""
    return show_list(request, SUSPENSE, active="console:suspense")


@require_POST
@needs("receivables.adjust")
def attribute(request: HttpRequest, payment_id: int) -> HttpResponse:
    """Give a payment that waits to an account."""
    text, reason = request.POST.get("account", ""), request.POST.get("reason", "").strip()
    if not text.isdecimal() or not reason:
        messages.error(request, _("Name the account, and say how you know."))
        return redirect("console:payment", payment_id)
    done = carried_out(
        request,
        lambda: receivables.attribute(
            payment_id=payment_id,
            account_id=int(text),
            reason=reason,
            at=clock.now(),
            staff_id=staff_of(request).staff_id,
        ),
    )
    if done is not None:
        messages.success(request, _("Attributed; it cleared what was open on the day it was paid."))
    return redirect("console:payment", payment_id)
