"""A customer who is new: read the document, check the name, and go on to what they came for (HAL-01, D1.5)."""

from __future__ import annotations

from collections.abc import Mapping

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from openboss.access.console import words
from openboss.access.console.page import page
from openboss.access.console.session import needs, staff_of
from openboss.access.console.views.counter_refusals import sentence
from openboss.access.console.views.shown import note_shown
from openboss.access.jobs import clock
from openboss.modules.customers.functions import DocumentWrong, Proof
from openboss.processes import enter_customer
from openboss.processes.enter_customer import ContactSaid

DOCUMENTS = ("ID_CARD", "PASSPORT", "CREDIT_CODE", "LICENCE")
FIELDS = ("name", "cert_type", "cert_no", "address", "phone", "pay_method", "language", "kind")


@require_GET
@needs("customers.edit")
def new(request: HttpRequest) -> HttpResponse:
    """The form; a line of the document reader fills it."""
    return page(request, "customer_new.html", _context({"lead": _lead(request.GET)}))


def _lead(given: Mapping[str, str]) -> str:
    """The potential customer somebody was, if a form says so."""
    text = given.get("lead", "")
    return text if text.isdecimal() else ""


def _context(filled: dict[str, str]) -> dict[str, object]:
    return {
        "active": "console:customers",
        "filled": filled,
        "kinds": words.choices("customer_kind"),
        "documents": [(code, words.word("cert_type", code).text) for code in DOCUMENTS],
        "pay_methods": words.choices("pay_method"),
    }


@require_POST
@needs("customers.edit")
def enter(request: HttpRequest) -> HttpResponse:
    """Find the customer with this document, or enter them with an account; then open a user for them."""
    filled = {name: request.POST.get(name, "").strip()[:200] for name in FIELDS} | {"lead": _lead(request.POST)}
    if not filled["name"] or not filled["cert_no"]:
        messages.error(request, _("Name and number of the document are needed."))
        return page(request, "customer_new.html", _context(filled))
    staff = staff_of(request)
    try:
        entered = enter_customer.enter(
            **{name: filled[name] for name in ("kind", "name", "cert_type", "cert_no", "pay_method")},
            language="en" if filled["language"] == "en" else "zh",
            contacts=[ContactSaid("ADDRESS", "HOME", filled["address"]), ContactSaid("PHONE", "HOME", filled["phone"])],
            org_code=staff.org_code,
            at=clock.now(),
            staff_id=staff.staff_id,
        )
    except DocumentWrong as refused:
        messages.error(request, sentence(refused))
        return page(request, "customer_new.html", _context(filled))
    note_shown(request, entered.customer_id, [Proof.HOLDER_AT_HALL])
    if not entered.is_new and not filled["lead"]:
        messages.info(request, _("This document is known: the customer is here already."))
        return redirect(f"{reverse('console:counter')}?customer={entered.customer_id}")
    about = f"?customer={entered.customer_id}" + (f"&lead={filled['lead']}" if filled["lead"] else "")
    return redirect(reverse("console:order_new", args=["OPEN"]) + about)
