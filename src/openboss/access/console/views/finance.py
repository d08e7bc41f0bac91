"""Finance at a glance, money of users, acts of clearing, and payments on the web."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from openboss.access.console import formats, words
from openboss.access.console.lists import Column, Filter, ListScreen, Paging, Rows, show_list
from openboss.access.console.page import page
from openboss.access.console.session import needs
from openboss.access.console.views.adjustments import account_url
from openboss.access.jobs import clock
from openboss.modules.customers import functions as customers
from openboss.modules.receivables import functions as receivables
from openboss.modules.receivables.functions import finance as money
from openboss.modules.receivables.functions import web_payments as web

DAYS = 31
CYCLES = 6
OURS = ("CASH", "RELEASED", "GIFT", "DEDICATED", "DEPOSIT", "AGENT")


def _yuan(fen: int) -> str:
    """Fen as the number of yuan a plot takes."""
    return str(Decimal(fen).scaleb(-2))


def _takings(to_on: date) -> tuple[dict[str, Any], pl.DataFrame]:
    """Money that came in day by day and channel by channel, as stacked bars; and the frame under it."""
    from_on = to_on - timedelta(days=DAYS - 1)
    frame = money.takings_by_day(from_on=from_on, to_on=to_on)
    days = [from_on + timedelta(days=number) for number in range(DAYS)]
    sums = {
        (on, channel): fen
        for on, channel, fen in frame.group_by("business_on", "channel").agg(pl.col("fen").sum()).iter_rows()
    }
    channels = sorted(frame["channel"].unique().to_list())
    bars = [
        {
            "name": str(words.word("channel", channel).text),
            "values": [_yuan(sums.get((on, channel), 0)) for on in days],
        }
        for channel in channels
    ]
    return {"names": [f"{on:%m-%d}" for on in days], "bars": bars}, frame


def _rates() -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Arrears rate by month and class of customer, in percent, as bars beside each other; and the rows."""
    rates = receivables.arrears_rates_by_class(classes=customers.customer_classes(), at=clock.now())
    cycles = sorted(rates["cycle"].unique().to_list())[-CYCLES:]
    rates = rates.filter(pl.col("cycle").is_in(cycles)).with_columns(rate_hundredths=pl.col("rate_ppm") // 100)
    rows = rates.to_dicts()
    known = {(row["cycle"], row["customer_class"]): row["rate_ppm"] for row in rows}
    classes = sorted({row["customer_class"] or "" for row in rows})
    bars = [
        {
            "name": str(words.word("customer_class", name).text),
            "values": [str(Decimal(known.get((cycle, name), 0)).scaleb(-4)) for cycle in cycles],
        }
        for name in classes
    ]
    return {"names": [formats.cycle_name(cycle) for cycle in cycles], "bars": bars, "unstacked": True}, rows


@require_GET
@needs("receivables.view")
def finance(request: HttpRequest) -> HttpResponse:
    """What came in, what is outstanding, how old it is, and the arrears rate by month and class (ACM-11, ACM-15)."""
    now, today = clock.now(), clock.today()
    takings, frame = _takings(today)
    by_cycle = receivables.arrears_rates(at=now).sort("cycle").tail(CYCLES).to_dicts()
    ages = receivables.ageing(at=now).to_dicts()
    rates, rate_rows = _rates()
    month_on, held = today.replace(day=1), receivables.prepayments()
    context = {
        "active": "console:finance",
        "today_fen": _sum(frame.filter(pl.col("business_on") == today)),
        "month_fen": _sum(frame.filter(pl.col("business_on") >= month_on)),
        "open_fen": sum(row["open_fen"] for row in ages),
        "overdue_fen": sum(row["open_fen"] for row in ages if row["age"] != "NOT_DUE"),
        "held": held,
        "held_fen": sum(held.values()),
        "takings": takings,
        "by_channel": frame.group_by("channel")
        .agg(pl.col("fen").sum(), pl.col("payments").sum())
        .sort("fen")
        .to_dicts()[::-1],
        "ages": ages,
        "age_chart": {
            "names": [str(words.word("age", row["age"]).text) for row in ages],
            "bars": [{"name": _("Still open"), "values": [_yuan(row["open_fen"]) for row in ages]}],
        },
        "cycles": by_cycle,
        "cycle_chart": {
            "names": [formats.cycle_name(row["cycle"]) for row in by_cycle],
            "bars": [
                {"name": _("Collected"), "values": [_yuan(row["billed_fen"] - row["open_fen"]) for row in by_cycle]},
                {"name": _("Not due yet"), "values": [_yuan(row["open_fen"] - row["overdue_fen"]) for row in by_cycle]},
                {"name": _("Overdue"), "values": [_yuan(row["overdue_fen"]) for row in by_cycle]},
            ],
        },
        "rates": rates,
        "rate_rows": rate_rows,
    }
    return page(request, "finance.html", context)


def _sum(frame: pl.DataFrame) -> int:
    return int(frame["fen"].sum())


def _fetch_money(filters: dict[str, str], sort: str, paging: Paging) -> Rows:
    del sort
    kind, text = filters.get("kind", ""), filters.get("account", "")
    rows, total = money.list_money(
        kinds=[kind] if kind else list(OURS),
        account_id=int(text) if text.isdecimal() else None,
        page=paging.number,
        page_size=paging.size,
    )
    return rows, total, {}


@require_GET
@needs("receivables.view")
def prepayments(request: HttpRequest) -> HttpResponseBase:
    """Money users have with us, by kind of bucket and account by account (ACM-12)."""
    held = receivables.prepayments()
    screen = ListScreen(
        name="money-of-users",
        title=gettext_lazy("Money of users"),
        columns=(
            Column("account_id", gettext_lazy("Account"), "number", link=account_url),
            Column("kind", gettext_lazy("Kind"), "word:bucket"),
            Column("valid_to_on", gettext_lazy("Good until"), "day"),
            Column("bucket_id", gettext_lazy("Bucket"), "number", link=bucket_url),
            Column("balance_fen", gettext_lazy("Balance"), "fen"),
        ),
        filters=(
            Filter("kind", gettext_lazy("Kind"), "choice", [one for one in words.choices("bucket") if one[0] in OURS]),
            Filter("account", gettext_lazy("Account"), "search"),
        ),
        fetch=_fetch_money,
        row_link=account_url,
        empty=gettext_lazy("Nobody has money with us."),
        template="prepayments.html",
        context={"held": [(kind, held[kind]) for kind in OURS if held.get(kind)], "held_fen": sum(held.values())},
    )
    return show_list(request, screen, active="console:prepayments")


def bucket_url(row: Any) -> str:
    """Where the history of a bucket is."""
    return reverse("console:bucket", args=[row.account_id, row.bucket_id])


def _fetch_clearing(filters: dict[str, str], sort: str, paging: Paging) -> Rows:
    del sort
    text = filters.get("account", "")
    rows, total = money.list_clearings(
        account_id=int(text) if text.isdecimal() else None, page=paging.number, page_size=paging.size
    )
    return rows, total, {}


def _entry_url(row: Any) -> str:
    return reverse("console:entry", args=[row.entry_id])


@require_GET
@needs("receivables.view")
def clearing(request: HttpRequest) -> HttpResponseBase:
    """Acts of clearing, and the order in which bills are cleared and money is used, as configured (D8.1, D8.2)."""
    screen = ListScreen(
        name="clearing",
        title=gettext_lazy("Clearing of bills"),
        columns=(
            Column("clearing_id", gettext_lazy("No."), "number"),
            Column("at", gettext_lazy("When"), "moment"),
            Column("account_id", gettext_lazy("Account"), "number", link=account_url),
            Column(
                "payment_id",
                gettext_lazy("Caused by payment"),
                "number",
                link=lambda row: reverse("console:payment", args=[row.payment_id]) if row.payment_id else None,
            ),
            Column("entry_id", gettext_lazy("Entry"), "number", link=_entry_url),
            Column("bills", gettext_lazy("Bills"), "count"),
            Column("late_fee_fen", gettext_lazy("Late fee"), "fen"),
            Column("paid_fen", gettext_lazy("Cleared"), "fen"),
            Column("is_undone", gettext_lazy("Undone"), read=lambda row: "✓" if row.is_undone else ""),
        ),
        filters=(Filter("account", gettext_lazy("Account"), "search"),),
        fetch=_fetch_clearing,
        row_link=_entry_url,
        empty=gettext_lazy("Nothing was cleared yet."),
        template="clearing.html",
        context={"order": money.clearing_rules(at=clock.now())},
    )
    return show_list(request, screen, active="console:clearing")


def _fetch_web(filters: dict[str, str], sort: str, paging: Paging) -> Rows:
    del sort
    rows, total = web.list_web_orders(state=filters.get("state", ""), page=paging.number, page_size=paging.size)
    return rows, total, {}


def _payment_url(row: web.WebOrderView) -> str | None:
    return reverse("console:payment", args=[row.payment_id]) if row.payment_id else None


WEB = ListScreen(
    name="web-payments",
    title=gettext_lazy("Payments on the web"),
    columns=(
        Column("order_no", gettext_lazy("Order")),
        Column("made_at", gettext_lazy("When"), "moment"),
        Column("account_id", gettext_lazy("Account"), "number", link=account_url),
        Column("provider", gettext_lazy("Provider")),
        Column("state", gettext_lazy("State"), "word:web_order_state"),
        Column("expires_at", gettext_lazy("Good until"), "moment"),
        Column("payment_id", gettext_lazy("Payment"), "number", link=_payment_url),
        Column("asked_fen", gettext_lazy("Amount"), "fen"),
    ),
    filters=(Filter("state", gettext_lazy("State"), "choice", words.choices("web_order_state")),),
    fetch=_fetch_web,
    row_link=_payment_url,
    empty=gettext_lazy("Nobody has paid on the web yet."),
)


@require_GET
@needs("receivables.view")
def web_payments(request: HttpRequest) -> HttpResponseBase:
    """Orders of payment on the web and what became of them; money that came otherwise waits among the unknown."""
    return show_list(request, WEB, active="console:web_payments")
