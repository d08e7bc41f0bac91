"""Why a record of the detail list cost what it did: step by step, on a page and as JSON."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_GET

from openboss.access.console.page import page
from openboss.access.console.session import needs, visit_tab
from openboss.access.console.views.detail import local_moment
from openboss.modules.catalog import functions as catalog
from openboss.modules.customers import functions as customers
from openboss.modules.customers.functions import CustomerUnknown
from openboss.processes.explain_record import RecordUnknown, explain_record

ICONS = {
    "price": "tag",
    "free": "gift",
    "free_number": "gift",
    "round": "arrows-sort",
    "cap": "shield-check",
    "sum": "check",
    "band": "clock",
}


@require_GET
@needs("charging.view")
def why(request: HttpRequest, subscriber_id: int, cycle: int, position: int, row: int) -> HttpResponse:
    """One record explained; `?json` gives the same as plain values."""
    try:
        customer_id = customers.customer_of_subscriber(subscriber_id=subscriber_id)
        found = explain_record(subscriber_id=subscriber_id, cycle=cycle, position=position, row=row)
    except (CustomerUnknown, RecordUnknown) as unknown:
        raise Http404 from unknown
    if "json" in request.GET:
        return JsonResponse(found, json_dumps_params={"ensure_ascii": False, "indent": 1})
    visit_tab(request, customer_id)
    ids = {offer.code: offer.offer_id for offer in catalog.offers()}
    context = {
        "active": "console:customers",
        "tab": customer_id,
        "customer_id": customer_id,
        "why": found,
        "at": local_moment(found["start_local_s"]),
        "steps": [{**step, "icon": ICONS.get(step["step"], "chevron-right")} for step in found["steps"]],
        "rules": [{**rule, "offer_id": ids[rule["offer"]]} for rule in found["rules"]],
    }
    return page(request, "why.html", context)
