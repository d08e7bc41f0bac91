"""Orders of the hall: the list, and one order with its checklist, documents, price, and what becomes of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from openboss.access.console import words
from openboss.access.console.lists import Column, Filter, ListScreen, Paging, Rows, show_list
from openboss.access.console.page import page
from openboss.access.console.session import needs, staff_of, visit_tab
from openboss.access.console.views.audit import staff_name
from openboss.access.console.views.counter import contents, places_of
from openboss.access.console.views.counter_refusals import sentence
from openboss.access.console.views.money import (
    COUNTER_MEANS,
    carried_out,
    fen_of,
    means_of,
    open_till_of,
    second_person,
)
from openboss.access.console.views.order_papers import issue_receipt, order_of
from openboss.access.console.views.pay import serial_no
from openboss.access.jobs import clock
from openboss.modules.customers import functions as customers
from openboss.modules.orders import functions as orders
from openboss.modules.orders.functions import OrderView
from openboss.processes import cart, hall, sign_form

SELF_DONE = hall.DONE_BY_CONFIRMING | {"PASSWORD"}
HALL_REFUSALS: tuple[type[Exception], ...] = (*hall.REFUSALS, hall.OrderIncomplete)


def _fetch(filters: dict[str, str], _sort: str, paging: Paging) -> Rows:
    number = filters.get("customer_id", "")
    rows, total = orders.list_orders(
        customer_id=(int(number) if number.isdecimal() else -1) if number else None,
        kind=filters.get("kind", ""),
        state=filters.get("state", ""),
        page=paging.number,
        page_size=paging.size,
    )
    return rows, total, {}


SCREEN = ListScreen(
    name="orders",
    title=gettext_lazy("Orders"),
    columns=(
        Column("order_id", gettext_lazy("No."), "number", link=lambda o: reverse("console:order", args=[o.order_id])),
        Column("kind", gettext_lazy("Kind"), "word:order_kind"),
        Column("state", gettext_lazy("State"), "word:order_state"),
        Column(
            "customer_id",
            gettext_lazy("Customer no."),
            "number",
            link=lambda o: reverse("console:customer", args=[o.customer_id]) if o.customer_id else None,
        ),
        Column("created_at", gettext_lazy("Taken at"), "moment"),
        Column("effective_at", gettext_lazy("Counts from"), "moment"),
        Column("completed_at", gettext_lazy("Done at"), "moment", hidden=True),
        Column("staff_id", gettext_lazy("Taken by"), read=lambda o: staff_name(o.staff_id)),
        Column("channel", gettext_lazy("Channel"), "word:channel", hidden=True),
    ),
    filters=(
        Filter("kind", gettext_lazy("Kind"), "choice", words.choices("order_kind")),
        Filter("state", gettext_lazy("State"), "choice", words.choices("order_state")),
        Filter("customer_id", gettext_lazy("Customer no."), "search"),
    ),
    fetch=_fetch,
    row_link=lambda o: reverse("console:order", args=[o.order_id]),
    empty=gettext_lazy("No order was taken yet. Open a customer and press F4."),
)


@require_GET
@needs("customers.view")
def order_list(request: HttpRequest) -> HttpResponseBase:
    """All orders, the newest first."""
    return show_list(request, SCREEN, active="console:orders")


def missing_of(order: OrderView) -> list[str]:
    """Documents an open order still needs, as its flow says now."""
    if order.state != "ACKNOWLEDGED":
        return []
    try:
        return hall.missing_documents(order_id=order.order_id, at=clock.now())
    except hall.REFUSALS:
        return []


@require_GET
@needs("customers.view")
def order(request: HttpRequest, order_id: int) -> HttpResponse:
    """One order: the checklist, the documents, the price, and the key that carries it out."""
    found = order_of(order_id)
    names = {}
    if found.customer_id:
        visit_tab(request, found.customer_id)
        names = customers.names_of_customers(customer_ids=[found.customer_id])
    if found.kind == cart.CART:
        return redirect("console:cart", order_id)
    context = {
        "active": "console:orders",
        "tab": found.customer_id,
        "order": found,
        "contents": contents(found.items),
        "name": names.get(found.customer_id or 0, ""),
        "by_hand": [one for one in found.steps if one.step not in SELF_DONE],
        "by_hand_open": [one for one in found.steps if one.step not in SELF_DONE and one.done_at is None],
        "missing": missing_of(found),
        "asks_password": any(one.step == "PASSWORD" and one.done_at is None for one in found.steps),
        "means": [(code, words.word("means", code).text) for code in COUNTER_MEANS],
        "till": open_till_of(staff_of(request).staff_id),
        "taken_by": staff_name(found.staff_id),
        "is_open": found.state == "ACKNOWLEDGED",
        "serial_no": serial_no(),
        "form": next((one for one in found.documents if one.kind == sign_form.KIND), None),
        "has_receipt": any(one.payment_id for one in found.fees),
    }
    return page(request, "order.html", context)


def done(request: HttpRequest, act: Callable[[], Any]) -> Any:
    """Do something to an order; refusals of the hall and of money are said in words and give None."""
    try:
        return carried_out(request, act)
    except HALL_REFUSALS as refused:
        messages.error(request, sentence(refused))
        return None


def tender_of(request: HttpRequest) -> hall.Tender:
    """What a form says of the money that is handed over. Raises TillNeeded, AmountUnreadable."""
    means, till_id = means_of(request)
    tendered = request.POST.get("tendered", "").strip()
    return hall.Tender(means, till_id, fen_of(tendered) if tendered else None)


@require_POST
@needs("customers.edit")
def check(request: HttpRequest, order_id: int) -> HttpResponse:
    """Note steps of the checklist as done, and documents as compared with the original."""
    about: dict[str, Any] = {"order_id": order_id, "at": clock.now(), "staff_id": staff_of(request).staff_id}
    shown = {kind: request.POST.get(f"document-{kind}", "").strip() for kind in request.POST.getlist("document_kind")}

    def act() -> None:
        if steps := request.POST.getlist("step"):
            hall.tick(notes=dict.fromkeys(steps, ""), **about)
        for kind, content in shown.items():
            if content:
                hall.attach(kind=kind, content=content.encode(), **about)

    done(request, act)
    return redirect("console:order", order_id)


@require_POST
@needs("customers.edit")
def confirm(request: HttpRequest, order_id: int) -> HttpResponse:
    """Take the money and carry the order out: both or neither."""
    unpaid_fen = order_of(order_id).unpaid_fen

    def act() -> OrderView:
        return hall.confirm(
            order_id=order_id,
            at=clock.now(),
            staff_id=staff_of(request).staff_id,
            tender=tender_of(request) if unpaid_fen else None,
            service_password=request.POST.get("service_password", "").strip() or None,
            within=places_of(request),
        )

    if (acted := done(request, act)) is not None:
        issue_receipt(request, order_of(order_id).fees, order_id)
        waits = acted.state == "PENDING"
        messages.success(request, _("It waits for its day.") if waits else _("Done. The network and charging know it."))
    return redirect("console:order", order_id)


@require_POST
@needs("customers.edit")
def give_up(request: HttpRequest, order_id: int) -> HttpResponse:
    """Cancel an order that was not carried out, or take a completed one back."""
    reason, at = request.POST.get("reason", "").strip(), clock.now()
    if not reason:
        messages.error(request, _("Give a reason; it stays with the order."))
        return redirect("console:order", order_id)
    about: dict[str, Any] = {"order_id": order_id, "reason": reason, "at": at, "staff_id": staff_of(request).staff_id}
    if order_of(order_id).state == "COMPLETED":
        acted = done(
            request,
            lambda: hall.reverse(
                **about,
                serial_no=request.POST.get("serial_no", "")[:60] or serial_no(),
                approved_by=second_person(request),
            ),
        )
    else:
        acted = done(request, lambda: hall.cancel(**about))
    if acted is not None:
        messages.success(request, _("Taken back; what was kept and paid was given back."))
    return redirect("console:order", order_id)
