"""Customers: the list, the whole picture of one, and revealing what is masked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from openboss.access.console import formats, words
from openboss.access.console.lists import Column, Filter, ListScreen, Paging, Rows, show_list
from openboss.access.console.page import page
from openboss.access.console.session import close_tab, needs, open_tab, remember_recent, staff_of
from openboss.access.console.views import customer_figures
from openboss.access.jobs import clock
from openboss.modules.customers import functions as customers
from openboss.modules.customers.functions import Customer360, CustomerUnknown, ReasonMissing
from openboss.modules.system import functions as system
from openboss.processes import emergency_opening


def fetch_customers(filters: dict[str, str], sort: str, paging: Paging) -> Rows:
    """Customers as their lists show them, a page."""
    rows, total, _sums = customers.list_customers(filters=filters, sort=sort, page=paging.number, page_size=paging.size)
    return rows, total, {}


def office_names() -> dict[str, str]:
    """The names of offices by their code."""
    return {node.code: formats.named(node) for node in system.org_nodes()}


def screen() -> ListScreen:
    """The list of customers, from which those of key customers and of units are made."""
    offices = office_names()
    return ListScreen(
        name="customers",
        title=gettext_lazy("Customers"),
        columns=(
            Column("customer_id", gettext_lazy("Customer no."), "number", sort=True),
            Column(
                "name",
                gettext_lazy("Name"),
                sort=True,
                read=lambda row: row.name_masked,
                link=lambda row: reverse("console:customer", args=[row.customer_id]),
            ),
            Column("kind", gettext_lazy("Kind"), "word:customer_kind"),
            Column("vip_level", gettext_lazy("VIP"), "word:vip"),
            Column("customer_class", gettext_lazy("Class"), "word:customer_class"),
            Column("subscribers", gettext_lazy("Users"), "count"),
            Column(
                "org_code",
                gettext_lazy("Office"),
                read=lambda row: offices.get(row.org_code, row.org_code),
                sub=lambda row: row.org_code,
            ),
            Column("created_on", gettext_lazy("Customer since"), "day", sort=True),
        ),
        filters=(
            Filter("name", gettext_lazy("Name or initials"), "search"),
            Filter("kind", gettext_lazy("Kind"), "choice", words.choices("customer_kind")),
            Filter("vip_level", gettext_lazy("VIP"), "choice", words.choices("vip")),
            Filter("org_code", gettext_lazy("Office code")),
        ),
        fetch=fetch_customers,
        default_sort="name",
        row_link=lambda row: reverse("console:customer", args=[row.customer_id]),
        empty=gettext_lazy("No customer yet. “openboss generate” makes an example base."),
    )


@require_GET
@needs("customers.view")
def group_users(request: HttpRequest) -> HttpResponseBase:
    """Units as customers, each with how many users it has."""
    whole = screen()
    units = replace(
        whole,
        name="group-users",
        title=gettext_lazy("Group users"),
        filters=tuple(one for one in whole.filters if one.key != "kind"),
        fetch=lambda filters, sort, paging: fetch_customers({**filters, "kind": "UNIT"}, sort, paging),
        empty=gettext_lazy("No unit is a customer yet."),
    )
    return show_list(request, units, active="console:group_users")


@require_GET
@needs("customers.view")
def customer_list(request: HttpRequest) -> HttpResponse:
    """All customers."""
    return show_list(request, screen(), active="console:customers")


def whole_picture(customer_id: int) -> Customer360:
    """Everything the base knows of a customer. Raises Http404."""
    try:
        return customers.customer_360(customer_id=customer_id, at=clock.now())
    except CustomerUnknown as unknown:
        raise Http404 from unknown


@require_GET
@needs("customers.view")
def customer(request: HttpRequest, customer_id: int) -> HttpResponse:
    """Customer 360: who this is, what they use and pay, what happened."""
    picture = whole_picture(customer_id)
    who = picture.customer
    url = reverse("console:customer", args=[who.customer_id])
    if who.customer_id != customer_id:
        return redirect(url)
    wanted = request.GET.get("user", "")
    users = picture.subscribers
    user = next((u for u in users if str(u.subscriber_id) == wanted), users[0] if users else None)
    context: dict[str, Any] = {
        "active": "console:customers",
        "tab": who.customer_id,
        "who": who,
        "picture": picture,
        "user": user,
        "rating": user and customers.star_rating_of(subscriber_id=user.subscriber_id),
        "opening": user and emergency_opening.standing_of(subscriber_id=user.subscriber_id),
    }
    context |= customer_figures.figures(who.customer_id, user, may_bill="billing.view" in staff_of(request).rights)
    title = f"{who.name_masked} {user.number_masked if user else ''}".strip()
    remember_recent(request, kind="customer", title=title, url=url)
    open_tab(request, customer_id=who.customer_id, title=title)
    return page(request, "customer.html", context)


@require_POST
@needs("customers.view")
def close(request: HttpRequest, customer_id: int) -> HttpResponse:
    """Close a customer's tab and go on where they were, or to the neighbour if this customer was on the screen."""
    neighbour = close_tab(request, customer_id)
    back = request.POST.get("next", "")
    if back and url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()}):
        return redirect(back)
    return redirect(neighbour or "console:customers")


@require_POST
@needs("customers.reveal")
def reveal(request: HttpRequest, customer_id: int) -> HttpResponse:
    """Show what is masked, once, for a reason that goes into the audit log."""
    url = reverse("console:customer", args=[customer_id])
    try:
        seen = customers.reveal(
            customer_id=customer_id,
            staff_id=staff_of(request).staff_id,
            reason=request.POST.get("reason", ""),
            at=clock.now(),
        )
    except ReasonMissing:
        messages.error(request, _("Say why you need to see it, in two characters or more."))
        return redirect(url)
    except CustomerUnknown as unknown:
        raise Http404 from unknown
    # Drawn in this answer and never kept: neither session nor browser history holds personal data in clear.
    picture = whole_picture(customer_id)
    user = picture.subscribers[0] if picture.subscribers else None
    context = {
        "active": "console:customers",
        "tab": customer_id,
        "who": picture.customer,
        "picture": picture,
        "user": user,
        "seen": seen,
    }
    context |= customer_figures.figures(customer_id, user, may_bill="billing.view" in staff_of(request).rights)
    answer = page(request, "customer.html", context)
    answer["Cache-Control"] = "no-store"
    return answer


@require_GET
@needs("customers.view")
def by_user(_request: HttpRequest, subscriber_id: int) -> HttpResponse:
    """From a user to the customer's page, at that user."""
    try:
        customer_id = customers.customer_of_subscriber(subscriber_id=subscriber_id)
    except CustomerUnknown as unknown:
        raise Http404 from unknown
    return redirect(f"{reverse('console:customer', args=[customer_id])}?user={subscriber_id}")


@require_GET
@needs("customers.view")
def by_number(_request: HttpRequest, number: str) -> HttpResponse:
    """From a number to the customer's page, at that user: the address a telephone system calls up."""
    hits = customers.search(number, limit=1) if number.isdecimal() else []
    if not hits:
        raise Http404
    return redirect(f"{reverse('console:customer', args=[hits[0].customer_id])}?user={hits[0].subscriber_id}")
