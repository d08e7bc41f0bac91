"""The ledger explorer: a day's journal, the entries under a line, an entry's postings, and what they stand for."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from openboss.access.console import formats, words
from openboss.access.console.lists import Column, Filter, ListScreen, Paging, Rows, show_list
from openboss.access.console.memory_rows import rows_in_memory
from openboss.access.console.page import page
from openboss.access.console.session import needs
from openboss.access.console.views.audit import staff_name
from openboss.access.console.views.customer_figures import item_names
from openboss.access.console.views.money import day_of
from openboss.access.jobs import clock
from openboss.modules.receivables import functions as receivables
from openboss.modules.receivables.functions import explorer

ENTRIES = 1000


def _under(row: dict[str, Any]) -> str:
    keys = {"on": row["business_on"].isoformat(), "chart": row["chart_no"], "cause": row["cause"]}
    return f"{reverse('console:entries')}?{urlencode({**keys, 'channel': row['channel']})}"


def _fetch(filters: dict[str, str], sort: str, paging: Paging) -> Rows:
    from_on = day_of(filters.get("from", "")) or clock.today()
    frame = receivables.day_journal(from_on=from_on, to_on=day_of(filters.get("to", "")) or clock.today())
    tests = {
        "from": lambda _row, _on: True,
        "to": lambda _row, _on: True,
        "chart_no": lambda row, number: str(row["chart_no"]).startswith(number),
        "cause": lambda row, cause: row["cause"] == cause,
        "channel": lambda row, channel: row["channel"] == channel,
    }
    return rows_in_memory(frame.to_dicts(), tests, filters, sort, paging, sums=["debit_fen", "credit_fen"])


def _journal_screen() -> ListScreen:
    today = clock.today()
    return ListScreen(
        name="journal",
        title=gettext_lazy("Ledger"),
        columns=(
            Column("business_on", gettext_lazy("Business day"), "day", sort=True),
            Column("chart_no", gettext_lazy("Account of the chart"), sort=True, link=_under, sub=formats.named),
            Column("cause", gettext_lazy("What"), "word:entry_cause", sort=True),
            Column("channel", gettext_lazy("Channel"), "word:channel", sort=True),
            Column("entries", gettext_lazy("Entries"), "count", sort=True),
            Column("debit_fen", gettext_lazy("Debit"), "fen", sort=True),
            Column("credit_fen", gettext_lazy("Credit"), "fen", sort=True),
        ),
        filters=(
            Filter("from", gettext_lazy("From"), "date", default=today.replace(day=1).isoformat()),
            Filter("to", gettext_lazy("to"), "date", default=today.isoformat()),
            Filter("chart_no", gettext_lazy("Account of the chart"), "search"),
            Filter("cause", gettext_lazy("What"), "choice", words.choices("entry_cause")),
            Filter("channel", gettext_lazy("Channel"), "choice", words.choices("channel")),
        ),
        fetch=_fetch,
        default_sort="-business_on",
        row_link=_under,
        empty=gettext_lazy("Nothing was entered in these days."),
        template="ledger.html",
    )


@require_GET
@needs("receivables.view")
def journal(request: HttpRequest) -> HttpResponseBase:
    """The journal of some days, summed for finance; each line opens into its entries."""
    return show_list(request, _journal_screen(), active="console:ledger")


def _chart() -> dict[int, Any]:
    return {one.chart_no: one for one in receivables.chart().accounts}


@require_GET
@needs("receivables.view")
def entries(request: HttpRequest) -> HttpResponseBase:
    """The entries under one line of the journal."""
    on, chart_no = day_of(request.GET.get("on", "")), request.GET.get("chart", "")
    if on is None or not chart_no.isdecimal():
        raise Http404
    cause, channel = request.GET.get("cause", ""), request.GET.get("channel", "")

    def fetch(filters: dict[str, str], sort: str, paging: Paging) -> Rows:
        found = receivables.entries_under(
            business_on=on, chart_no=int(chart_no), cause=cause, channel=channel, limit=ENTRIES
        )
        rows = [{**vars(one), "amount_fen": _amount(one, int(chart_no)), "account": _account(one)} for one in found]
        tests = {"account": lambda row, text: str(row["account"]) == text} | dict.fromkeys(_PLACE, lambda _r, _t: True)
        return rows_in_memory(rows, tests, filters, sort, paging)

    place = {"on": on.isoformat(), "chart": chart_no, "cause": cause, "channel": channel}
    screen = ListScreen(
        name="entries",
        title=gettext_lazy("Entries"),
        columns=(
            Column("entry_id", gettext_lazy("Entry"), "number", sort=True, link=_entry_url),
            Column("at", gettext_lazy("When"), "moment", sort=True),
            Column("account", gettext_lazy("Account"), "number", sort=True),
            Column("serial_no", gettext_lazy("Serial no."), sort=True),
            Column("note", gettext_lazy("Note")),
            Column("staff_id", gettext_lazy("Who"), read=lambda row: staff_name(row["staff_id"]), hidden=True),
            Column("amount_fen", gettext_lazy("Amount"), "fen", sort=True),
        ),
        filters=(
            *(Filter(key, "", "hidden", default=value) for key, value in place.items()),
            Filter("account", gettext_lazy("Account"), "search"),
        ),
        fetch=fetch,
        default_sort="-entry_id",
        row_link=_entry_url,
        template="entries.html",
        context={"on": on, "chart": _chart().get(int(chart_no)), "cause": cause, "most": ENTRIES},
    )
    return show_list(request, screen, active="console:ledger")


_PLACE = ("on", "chart", "cause", "channel")


def _entry_url(row: dict[str, Any]) -> str:
    return reverse("console:entry", args=[row["entry_id"]])


def _amount(entry: receivables.EntryView, chart_no: int) -> int:
    return sum(line.amount_fen for line in entry.lines if line.chart_no == chart_no)


def _account(entry: receivables.EntryView) -> int | None:
    return next((line.account_id for line in entry.lines if line.account_id), None)


@require_GET
@needs("receivables.view")
def entry(request: HttpRequest, entry_id: int) -> HttpResponse:
    """One entry: why money moved, line by line, and from where it came and where it went on."""
    try:
        found = receivables.entry(entry_id=entry_id)
    except receivables.EntryUnknown as unknown:
        raise Http404 from unknown
    chart, items = _chart(), item_names()
    relatives = explorer.relatives_of(entry_id=entry_id)
    context = {
        "active": "console:ledger",
        "entry": found,
        "who": staff_name(found.staff_id),
        "lines": [
            {"line": line, "chart": chart[line.chart_no], "item": items.get(line.item_id or 0, "")}
            for line in found.lines
        ],
        "debit_fen": sum(line.amount_fen for line in found.lines if line.amount_fen > 0),
        "relatives": relatives,
        "payment": next((one for one in relatives if one.kinship == "PAYMENT"), None),
    }
    return page(request, "entry.html", context)


_NUMBERS = {
    "account": "account_id",
    "bill": "bill_id",
    "bucket": "bucket_id",
    "user": "subscriber_id",
    "chart_no": "chart_no",
}


def _fetch_entries(filters: dict[str, str], sort: str, paging: Paging) -> Rows:
    del sort
    wanted: dict[str, Any] = {
        _NUMBERS[name]: int(text) for name, text in filters.items() if name in _NUMBERS and text.isdecimal()
    }
    wanted |= {name: filters[name] for name in ("cause", "channel", "serial_no") if name in filters}
    days = {"from_on": day_of(filters.get("from", "")), "to_on": day_of(filters.get("to", ""))}
    wanted |= {name: on for name, on in days.items() if on is not None}
    rows, total = explorer.find_entries(filters=wanted, page=paging.number, page_size=paging.size)
    return rows, total, {}


def _of(row: explorer.EntryRow) -> str:
    return reverse("console:entry", args=[row.entry_id])


ENTRIES_SCREEN = ListScreen(
    name="ledger-entries",
    title=gettext_lazy("Entries"),
    columns=(
        Column("entry_id", gettext_lazy("Entry"), "number", link=_of),
        Column("at", gettext_lazy("When"), "moment"),
        Column("business_on", gettext_lazy("Business day"), "day"),
        Column("cause", gettext_lazy("What"), "word:entry_cause"),
        Column("channel", gettext_lazy("Channel"), "word:channel"),
        Column("account_id", gettext_lazy("Account"), "number"),
        Column("serial_no", gettext_lazy("Serial no."), hidden=True),
        Column("note", gettext_lazy("Note"), hidden=True),
        Column("staff_id", gettext_lazy("Who"), read=lambda row: staff_name(row.staff_id), hidden=True),
        Column("debit_fen", gettext_lazy("Debit = credit"), "fen"),
    ),
    filters=(
        Filter("account", gettext_lazy("Account"), "search"),
        Filter("bill", gettext_lazy("Bill"), "search"),
        Filter("cause", gettext_lazy("What"), "choice", words.choices("entry_cause")),
        Filter("channel", gettext_lazy("Channel"), "choice", words.choices("channel")),
        Filter("from", gettext_lazy("From"), "date"),
        Filter("to", gettext_lazy("to"), "date"),
        Filter("serial_no", gettext_lazy("Serial no."), "search"),
        Filter("chart_no", gettext_lazy("Account of the chart"), "search"),
        Filter("bucket", gettext_lazy("Bucket"), "search"),
        Filter("user", gettext_lazy("User"), "search"),
    ),
    fetch=_fetch_entries,
    row_link=_of,
    empty=gettext_lazy("Nothing was entered yet."),
)


@require_GET
@needs("receivables.view")
def all_entries(request: HttpRequest) -> HttpResponseBase:
    """Entries by anything they name: account, bill, cause, day, serial number, bucket, user."""
    return show_list(request, ENTRIES_SCREEN, active="console:all_entries")


@require_GET
@needs("receivables.view")
def bucket(request: HttpRequest, account_id: int, bucket_id: int) -> HttpResponseBase:
    """One bucket of an account: where each fen in it came from and went, with what was in it after each."""
    rows, balance_fen = [], 0
    for one in explorer.origin_of_bucket(bucket_id=bucket_id, account_id=account_id):
        balance_fen += one.amount_fen
        rows.append({**vars(one), "after_fen": balance_fen})
    if not rows:
        raise Http404

    def fetch(filters: dict[str, str], sort: str, paging: Paging) -> Rows:
        return rows_in_memory(rows, {"cause": lambda row, cause: row["kinship"] == cause}, filters, sort, paging)

    screen = ListScreen(
        name=f"bucket-{bucket_id}",
        title=f"{_('Bucket')} {bucket_id}",
        columns=(
            Column("entry_id", gettext_lazy("Entry"), "number", sort=True, link=_entry_url),
            Column("kinship", gettext_lazy("What"), "word:entry_cause", sort=True),
            Column(
                "payment_id",
                gettext_lazy("Caused by payment"),
                "number",
                link=lambda row: reverse("console:payment", args=[row["payment_id"]]) if row["payment_id"] else None,
            ),
            Column(
                "bill_id",
                gettext_lazy("Bill"),
                "number",
                link=lambda row: reverse("console:bill", args=[row["bill_id"]]) if row["bill_id"] else None,
            ),
            Column("amount_fen", gettext_lazy("In or out"), "fen", sort=True),
            Column("after_fen", gettext_lazy("In it after"), "fen"),
        ),
        filters=(Filter("cause", gettext_lazy("What"), "choice", words.choices("entry_cause")),),
        fetch=fetch,
        default_sort="entry_id",
        row_link=_entry_url,
        template="bucket.html",
        context={"account_id": account_id},
    )
    return show_list(request, screen, active="console:prepayments")


def _fetch_balance(filters: dict[str, str], sort: str, paging: Paging) -> Rows:
    rows = receivables.trial_balance(to_on=day_of(filters.get("to", ""))).to_dicts()
    tests = {"to": lambda _row, _on: True, "kind": lambda row, kind: row["kind"] == kind}
    return rows_in_memory(rows, tests, filters, sort, paging, sums=["debit_fen", "credit_fen", "balance_fen"])


BALANCE = ListScreen(
    name="trial-balance",
    title=gettext_lazy("Trial balance"),
    columns=(
        Column("chart_no", gettext_lazy("Account of the chart"), sort=True, sub=formats.named),
        Column("kind", gettext_lazy("Kind"), "word:chart_kind", sort=True),
        Column("debit_fen", gettext_lazy("Debit"), "fen", sort=True),
        Column("credit_fen", gettext_lazy("Credit"), "fen", sort=True),
        Column("balance_fen", gettext_lazy("Balance"), "fen", sort=True),
    ),
    filters=(
        Filter("to", gettext_lazy("Up to"), "date"),
        Filter("kind", gettext_lazy("Kind"), "choice", words.choices("chart_kind")),
    ),
    fetch=_fetch_balance,
    default_sort="chart_no",
    template="balance.html",
)


@require_GET
@needs("receivables.view")
def balance(request: HttpRequest) -> HttpResponseBase:
    """The trial balance: all accounts of the chart together are zero; on request, bills and buckets against it."""
    checked = receivables.ledger_differences() if "check" in request.GET else None
    screen = ListScreen(**{**vars(BALANCE), "context": {"differences": checked}})
    return show_list(request, screen, active="console:balance")
