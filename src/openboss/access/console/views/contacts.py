"""A customer's contacts, wishes and consents: shown in clear for a reason that is logged, added, replaced (BMV-04)."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from openboss.access.console import words
from openboss.access.console.page import page
from openboss.access.console.session import needs, staff_of, visit_tab
from openboss.access.console.views.audit import reason_to_look
from openboss.access.console.views.customers import whole_picture
from openboss.access.jobs import clock
from openboss.modules.customers import functions as customers


def _context(request: HttpRequest, customer_id: int) -> dict[str, object]:
    picture = whole_picture(customer_id)
    visit_tab(request, customer_id)
    return {
        "active": "console:customers",
        "tab": customer_id,
        "who": picture.customer,
        "labels": customers.contact_labels_of(customer_id=customer_id, at=clock.now()),
        "kinds": words.choices("contact_kind"),
        "label_words": words.choices("contact_label"),
    }


@require_GET
@needs("customers.view")
def contacts(request: HttpRequest, customer_id: int) -> HttpResponse:
    """Which contacts there are; what they say is shown for a reason alone."""
    return page(request, "contacts.html", _context(request, customer_id))


@require_POST
@needs("customers.reveal")
def show(request: HttpRequest, customer_id: int) -> HttpResponse:
    """Show them once in clear; who and why goes into the audit log."""
    if not (reason := reason_to_look(request)):
        return redirect("console:contacts", customer_id)
    about: dict[str, Any] = {"reason": reason, "at": clock.now(), "staff_id": staff_of(request).staff_id}
    context = _context(request, customer_id) | {"seen": customers.contacts_of(customer_id=customer_id, **about)}
    answer = page(request, "contacts.html", context)
    answer["Cache-Control"] = "no-store"
    return answer


@require_POST
@needs("customers.edit")
def put(request: HttpRequest, customer_id: int) -> HttpResponse:
    """Write down a contact, a wish or a consent; one of the same kind and label ends."""
    whole_picture(customer_id)
    kind, label = request.POST.get("kind", ""), request.POST.get("label", "").strip()[:64]
    value = request.POST.get("value", "").strip()[:200]
    if kind not in words.WORDS["contact_kind"] or not label or not value:
        messages.error(request, _("Kind, label and what it is are needed."))
    else:
        about = {"at": clock.now(), "staff_id": staff_of(request).staff_id}
        customers.put_contact(customer_id=customer_id, kind=kind, label=label, value=value, **about)
        messages.success(request, _("Written down."))
    return redirect("console:contacts", customer_id)
