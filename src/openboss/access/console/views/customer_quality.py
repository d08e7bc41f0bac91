"""What the base of customers is worth and how complete it is: most valuable customers, completeness by outlet."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from openboss.access.console import words
from openboss.access.console.lists import Column, Filter, ListScreen, Paging, Rows, show_list
from openboss.access.console.memory_rows import rows_in_memory
from openboss.access.console.session import needs
from openboss.access.console.views.customers import office_names
from openboss.access.jobs import clock
from openboss.modules.billing import functions as billing
from openboss.modules.customers import functions as customers
from openboss.modules.customers.functions import ASKED

SHARES = tuple((str(percent), f"{percent} %") for percent in (1, 5, 10, 20))


def _customer(row: Any) -> str:
    return reverse("console:customer", args=[row["customer_id"]])


@require_GET
@needs("billing.view")
def value(request: HttpRequest) -> HttpResponseBase:
    """The customers whose bills were highest on average of the last months: the top five per cent, or another share."""
    now = clock.now()
    months = customers.hall_rule("hall.vip_months", on=clock.today())
    frame = billing.average_by_customer(before=customers.cycle_of(now), months=months)
    frame = frame.sort(["average_fen", "customer_id"], descending=[True, False]).with_row_index("rank", offset=1)

    def fetch(filters: dict[str, str], sort: str, paging: Paging) -> Rows:
        top = -(-frame.height * int(filters.get("share", "5")) // 100)
        page, total, sums = rows_in_memory(
            frame.head(top).to_dicts(),
            {"share": lambda _row, _share: True},
            filters,
            sort,
            paging,
            sums=["average_fen"],
        )
        shown = [row["customer_id"] for row in page]
        names, people = customers.names_of_customers(customer_ids=shown), customers.people_of(customer_ids=shown)
        whole = [
            {**row, "name": names.get(one, ""), "vip": people[one].vip_level, "kind": people[one].kind}
            for one, row in zip(shown, page, strict=True)
        ]
        return whole, total, sums

    screen = ListScreen(
        name="value",
        title=gettext_lazy("Most valuable customers"),
        columns=(
            Column("rank", gettext_lazy("Rank"), "number", sort=True),
            Column("name", gettext_lazy("Name"), link=_customer),
            Column("kind", gettext_lazy("Kind"), "word:customer_kind"),
            Column("vip", gettext_lazy("VIP"), "word:vip"),
            Column("customer_id", gettext_lazy("Customer no."), "number", sort=True),
            Column("average_fen", gettext_lazy("Bill of a month on average"), "fen", sort=True),
        ),
        filters=(Filter("share", gettext_lazy("Share of all who are billed"), "choice", SHARES, default="5"),),
        fetch=fetch,
        default_sort="rank",
        row_link=_customer,
        empty=gettext_lazy("No bill is released yet."),
    )
    return show_list(request, screen, active="console:value")


@require_GET
@needs("customers.view")
def quality(request: HttpRequest) -> HttpResponseBase:
    """How complete the data of customers are, by outlet: the mean score and how many lack what (CRM-06)."""
    offices = office_names()
    rows = [
        {**row, "outlet": offices.get(row["org_code"], row["org_code"])}
        for row in customers.completeness_by_outlet(at=clock.now()).to_dicts()
    ]

    def fetch(filters: dict[str, str], sort: str, paging: Paging) -> Rows:
        tests = {"q": lambda row, text: text.casefold() in f"{row['org_code']} {row['outlet']}".casefold()}
        return rows_in_memory(rows, tests, filters, sort, paging, sums=["customers", *ASKED])

    def place(row: Any) -> str:
        return reverse("console:data_of_outlet", args=[row["org_code"]])

    screen = ListScreen(
        name="data-quality",
        title=gettext_lazy("Completeness of customers' data"),
        columns=(
            Column("outlet", gettext_lazy("Office"), sort=True, link=place, sub=lambda row: row["org_code"]),
            Column("score", gettext_lazy("Score (%)"), "number", sort=True),
            Column("customers", gettext_lazy("Customers"), "count", sort=True),
            *(Column(name, words.word("lacks", name).text, "count", sort=True) for name in ASKED),
        ),
        filters=(Filter("q", gettext_lazy("Office"), "search"),),
        fetch=fetch,
        default_sort="score",
        row_link=place,
        empty=gettext_lazy("No customer yet. “openboss generate” makes an example base."),
    )
    return show_list(request, screen, active="console:data_quality")


@require_GET
@needs("customers.view")
def outlet(request: HttpRequest, org_code: str) -> HttpResponseBase:
    """The customers of one outlet whose data lack most, and what each lacks."""
    rows = customers.least_complete(org_code=org_code, at=clock.now()).to_dicts()

    def lacks(row: Any) -> str:
        return " · ".join(str(words.word("lacks", name).text) for name in ASKED if not row[name])

    def fetch(filters: dict[str, str], sort: str, paging: Paging) -> Rows:
        tests = {"lacks": lambda row, name: name in ASKED and not row[name]}
        page, total, sums = rows_in_memory(rows, tests, filters, sort, paging)
        names = customers.names_of_customers(customer_ids=[row["customer_id"] for row in page])
        return [{**row, "name": names.get(row["customer_id"], "")} for row in page], total, sums

    screen = ListScreen(
        name="data-of-outlet",
        title=office_names().get(org_code, org_code),
        columns=(
            Column("name", gettext_lazy("Name"), link=_customer),
            Column("customer_id", gettext_lazy("Customer no."), "number", sort=True),
            Column("lacks", gettext_lazy("Lacks"), read=lacks),
            Column("score", gettext_lazy("Score (%)"), "number", sort=True),
        ),
        filters=(Filter("lacks", gettext_lazy("Lacks"), "choice", words.choices("lacks")),),
        fetch=fetch,
        default_sort="score",
        row_link=_customer,
        empty=gettext_lazy("No customer of this office."),
        template="data_of_outlet.html",
    )
    return show_list(request, screen, active="console:data_quality")
