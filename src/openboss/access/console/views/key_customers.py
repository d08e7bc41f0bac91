"""Key customers: of which grade and type each is, who looks after them, and whose birthday it is (BMV-02 to 04)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
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
from openboss.access.console.views.customers import fetch_customers, office_names, screen
from openboss.access.console.views.money import day_of
from openboss.access.jobs import clock
from openboss.modules.customers import functions as customers
from openboss.modules.system.functions.people import list_colleagues

GRADES = [one for one in words.choices("vip") if one[0] != "NONE"]
NOBODY = "0"


def _colleagues() -> dict[int, str]:
    return {one.staff_id: formats.named(one) for one in list_colleagues()}


@require_GET
@needs("customers.view")
def key_customers(request: HttpRequest) -> HttpResponseBase:
    """Key customers: who is of which grade and type, and who looks after them."""
    whole, names = screen(), _colleagues()
    looked_after: dict[int, int] = {}

    def fetch(filters: dict[str, str], sort: str, paging: Paging) -> Rows:
        rows, total, sums = fetch_customers({"is_vip": "yes", **filters}, sort, paging)
        looked_after.update(customers.managers_of(customer_ids=[row.customer_id for row in rows], at=clock.now()))
        return rows, total, sums

    def manager(row: Any) -> str:
        return names.get(looked_after.get(row.customer_id, 0), "")

    vip_type = Column("vip_type", gettext_lazy("Type"), "word:vip_type")
    columns = [vip_type if column.key == "kind" else column for column in whole.columns]
    columns.insert(-1, Column("manager", gettext_lazy("Customer manager"), read=manager))
    listed = replace(
        whole,
        name="key-customers",
        title=gettext_lazy("Key customers"),
        columns=tuple(columns),
        filters=(
            Filter("name", gettext_lazy("Name or initials"), "search"),
            Filter("vip_type", gettext_lazy("Type"), "choice", words.choices("vip_type")),
            Filter("vip_level", gettext_lazy("VIP"), "choice", GRADES),
        ),
        fetch=fetch,
        row_id=lambda row: row.customer_id,
        empty=gettext_lazy("No customer has a VIP grade yet."),
        template="key_customers.html",
        tools="console/key_customer_tools.html",
        context={"colleagues": names.items()},
    )
    return show_list(request, listed, active="console:key_customers")


@require_POST
@needs("customers.edit")
def give(request: HttpRequest) -> HttpResponse:
    """Let a colleague look after the chosen key customers from now on."""
    chosen = [int(one) for one in request.POST.getlist("row") if one.isdecimal()]
    manager = request.POST.get("manager", "")
    if not chosen or not manager.isdecimal() or int(manager) not in _colleagues():
        messages.error(request, _("Choose key customers, and who looks after them."))
        return redirect("console:key_customers")
    try:
        moved = customers.give_to_manager(
            customer_ids=chosen, manager_id=int(manager), at=clock.now(), staff_id=staff_of(request).staff_id
        )
    except customers.CustomerUnknown:
        messages.error(request, _("One of them is no key customer any more. Load the page again."))
    else:
        messages.success(request, _("%s customers changed hands.") % formats.count(moved))
    return redirect("console:key_customers")


@require_GET
@needs("customers.view")
def birthdays(request: HttpRequest) -> HttpResponseBase:
    """Whose birthday it is on a day, tomorrow unless another is chosen, by who looks after them (BMV-04)."""
    names, offices = _colleagues(), office_names()
    tomorrow = clock.today() + timedelta(days=1)

    def fetch(filters: dict[str, str], sort: str, paging: Paging) -> Rows:
        day = day_of(filters.get("day", "")) or tomorrow
        rows = [
            {**vars(one), "manager": names.get(one.manager_id or 0, "")}
            for one in customers.birthday_list(day=day, at=clock.now())
        ]
        tests = {
            "day": lambda _row, _day: True,
            "manager": lambda row, manager: str(row["manager_id"] or 0) == manager,
            "vip_level": lambda row, level: row["vip_level"] == level,
        }
        return rows_in_memory(rows, tests, filters, sort, paging)

    def place(row: Any) -> str:
        return reverse("console:customer", args=[row["customer_id"]])

    managers = [(NOBODY, _("nobody")), *((str(staff_id), name) for staff_id, name in names.items())]
    listed = ListScreen(
        name="birthdays",
        title=gettext_lazy("Birthdays of key customers"),
        columns=(
            Column("manager", gettext_lazy("Customer manager"), sort=True),
            Column("name_masked", gettext_lazy("Name"), sort=True, link=place),
            Column("age", gettext_lazy("Becomes"), "number", sort=True),
            Column("vip_level", gettext_lazy("VIP"), "word:vip", sort=True),
            Column("org_code", gettext_lazy("Office"), read=lambda row: offices.get(row["org_code"], row["org_code"])),
            Column("customer_id", gettext_lazy("Customer no."), "number", sort=True),
        ),
        filters=(
            Filter("day", gettext_lazy("Day"), "date", default=tomorrow.isoformat()),
            Filter("manager", gettext_lazy("Customer manager"), "choice", managers),
            Filter("vip_level", gettext_lazy("VIP"), "choice", GRADES),
        ),
        fetch=fetch,
        default_sort="manager",
        row_link=place,
        empty=gettext_lazy("No key customer has a birthday on this day."),
        template="birthdays.html",
    )
    return show_list(request, listed, active="console:key_customers")
