"""A customer's cart: everything that lies in it, one list to go through, one signature, one payment."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from openboss.access.console import words
from openboss.access.console.page import page
from openboss.access.console.session import needs, staff_of, visit_tab
from openboss.access.console.views.counter import contents, places_of
from openboss.access.console.views.money import COUNTER_MEANS, open_till_of
from openboss.access.console.views.order_papers import issue_receipt, order_of
from openboss.access.console.views.orders import SELF_DONE, done, missing_of, tender_of
from openboss.access.jobs import clock
from openboss.modules.customers import functions as customers
from openboss.modules.orders.functions import OrderView
from openboss.processes import cart as carts
from openboss.processes import hall, sign_form


def _cart(order_id: int) -> OrderView:
    found = order_of(order_id)
    if found.kind != carts.CART:
        raise Http404
    return found


@require_GET
@needs("customers.view")
def cart(request: HttpRequest, order_id: int) -> HttpResponse:
    """What lies in a cart, what is still missing, what it comes to."""
    found, parts = _cart(order_id), carts.parts_of(order_id=order_id)
    if found.customer_id:
        visit_tab(request, found.customer_id)
    steps = {one.step for part in parts for one in part.steps if one.step not in SELF_DONE and one.done_at is None}
    context = {
        "active": "console:orders",
        "tab": found.customer_id,
        "order": found,
        "parts": [{"order": part, "contents": contents(part.items)} for part in parts],
        "name": customers.names_of_customers(customer_ids=[found.customer_id or 0]).get(found.customer_id or 0, ""),
        "steps": sorted(steps),
        "missing": sorted({kind for part in parts for kind in missing_of(part)}),
        "unpaid_fen": sum(part.unpaid_fen for part in parts),
        "paid_fen": sum(fee.fee_fen for part in parts for fee in part.fees if fee.is_paid),
        "passwords": [part for part in parts if "PASSWORD" in part.open_steps],
        "means": [(code, words.word("means", code).text) for code in COUNTER_MEANS],
        "till": open_till_of(staff_of(request).staff_id),
        "form": next((one for one in found.documents if one.kind == sign_form.KIND), None),
        "is_open": found.state == "ACKNOWLEDGED",
        "more": f"{reverse('console:counter')}?customer={found.customer_id}",
    }
    return page(request, "cart.html", context)


@require_POST
@needs("customers.edit")
def check(request: HttpRequest, order_id: int) -> HttpResponse:
    """Note steps and documents for every part that asks for them: a document is shown once."""
    parts = carts.parts_of(order_id=_cart(order_id).order_id)
    about: dict[str, Any] = {"at": clock.now(), "staff_id": staff_of(request).staff_id}
    steps = set(request.POST.getlist("step"))

    def act() -> None:
        for part in parts:
            if ticked := [step for step in part.open_steps if step in steps]:
                hall.tick(order_id=part.order_id, notes=dict.fromkeys(ticked, ""), **about)
            for kind in missing_of(part):
                if content := request.POST.get(f"document-{kind}", "").strip():
                    hall.attach(order_id=part.order_id, kind=kind, content=content.encode(), **about)

    done(request, act)
    return redirect("console:cart", order_id)


@require_POST
@needs("customers.edit")
def confirm(request: HttpRequest, order_id: int) -> HttpResponse:
    """Take the money once and carry everything out: all or nothing."""
    unpaid_fen = carts.unpaid_fen(order_id=_cart(order_id).order_id)

    def act() -> OrderView:
        typed = {
            part.order_id: digits
            for part in carts.parts_of(order_id=order_id)
            if (digits := request.POST.get(f"service_password-{part.order_id}", "").strip())
        }
        return carts.confirm(
            order_id=order_id,
            at=clock.now(),
            staff_id=staff_of(request).staff_id,
            tender=tender_of(request) if unpaid_fen else None,
            service_passwords=typed,
            within=places_of(request),
        )

    if done(request, act) is not None:
        fees = [fee for part in carts.parts_of(order_id=order_id) for fee in part.fees]
        issue_receipt(request, fees, order_id)
        messages.success(request, _("Done. The network and charging know it."))
    return redirect("console:cart", order_id)


@require_POST
@needs("customers.edit")
def take_out(request: HttpRequest, order_id: int) -> HttpResponse:
    """Take one part out of the cart, or give the whole cart up; what was kept goes back."""
    about: dict[str, Any] = {"at": clock.now(), "staff_id": staff_of(request).staff_id, "reason": _("Taken out")}
    wanted = request.POST.get("part", "")
    if wanted.isdecimal():
        if int(wanted) not in {part.order_id for part in carts.parts_of(order_id=_cart(order_id).order_id)}:
            raise Http404
        done(request, lambda: hall.cancel(order_id=int(wanted), **about))
    else:
        done(request, lambda: carts.cancel(order_id=_cart(order_id).order_id, **about))
    return redirect("console:cart", order_id)
