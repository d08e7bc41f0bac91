"""Potential customers: the list, one with the visits to them, and what campaigns brought (BMC-01)."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from openboss.access.console import words
from openboss.access.console.lists import Column, Filter, ListScreen, Paging, Rows, show_list
from openboss.access.console.memory_rows import rows_in_memory
from openboss.access.console.page import page
from openboss.access.console.session import needs, staff_of
from openboss.access.console.views.audit import reason_to_look, staff_name
from openboss.access.console.views.counter_refusals import sentence
from openboss.access.jobs import clock
from openboss.modules.customers import functions as customers
from openboss.modules.customers.functions import LeadClosed, LeadExists, LeadUnknown, LeadView
from openboss.processes import campaign_return

TO_STATES = ("CONTACTED", "INTERESTED", "LOST")


def _fetch(filters: dict[str, str], _sort: str, paging: Paging) -> Rows:
    owner = filters.get("owner_id", "")
    wanted = {name: filters.get(name, "") for name in ("state", "source", "campaign")}
    owner_id = int(owner) if owner.isdecimal() else None
    rows, total = customers.list_leads(**wanted, owner_id=owner_id, page=paging.number, page_size=paging.size)
    return rows, total, {}


def _address(one: LeadView) -> str:
    return reverse("console:lead", args=[one.lead_id])


def _screen() -> ListScreen:
    return ListScreen(
        name="leads",
        title=gettext_lazy("Potential customers"),
        columns=(
            Column(
                "lead_id", gettext_lazy("No."), "number", link=lambda one: reverse("console:lead", args=[one.lead_id])
            ),
            Column("name_masked", gettext_lazy("Name"), sub=lambda one: one.phone_masked),
            Column("kind", gettext_lazy("Kind"), "word:customer_kind", hidden=True),
            Column("source", gettext_lazy("Where from"), "word:lead_source", sub=lambda one: one.rival),
            Column("campaign", gettext_lazy("Campaign")),
            Column("state", gettext_lazy("State"), "word:lead_state"),
            Column("owner_id", gettext_lazy("Looked after by"), read=lambda one: staff_name(one.owner_id)),
            Column("created_at", gettext_lazy("Since"), "day"),
        ),
        filters=(
            Filter("state", gettext_lazy("State"), "choice", words.choices("lead_state")),
            Filter("source", gettext_lazy("Where from"), "choice", words.choices("lead_source")),
            Filter("campaign", gettext_lazy("Campaign")),
            Filter("owner_id", gettext_lazy("Staff no."), "number"),
        ),
        fetch=_fetch,
        row_link=_address,
        empty=gettext_lazy("Nobody is written down as a potential customer yet."),
        template="leads.html",
        context={"sources": words.choices("lead_source"), "kinds": words.choices("customer_kind")},
    )


@require_GET
@needs("customers.view")
def leads(request: HttpRequest) -> HttpResponseBase:
    """Potential customers, the newest first."""
    return show_list(request, _screen(), active="console:leads")


@require_POST
@needs("customers.edit")
def add(request: HttpRequest) -> HttpResponse:
    """Write a potential customer down."""
    said = {name: request.POST.get(name, "").strip()[:120] for name in ("name", "phone", "rival", "campaign", "wish")}
    source, kind = request.POST.get("source", ""), request.POST.get("kind", "INDIVIDUAL")
    staff = staff_of(request)
    if not said["name"] or not said["phone"] or source not in words.WORDS["lead_source"]:
        messages.error(request, _("Name, number and where they come from are needed."))
        return redirect("console:leads")
    about: dict[str, Any] = {"owner_id": staff.staff_id, "org_code": staff.org_code, "at": clock.now()}
    try:
        lead_id = customers.add_lead(**{**said, "campaign": said["campaign"][:32]}, source=source, kind=kind, **about)
    except LeadExists as refused:
        messages.error(request, sentence(refused))
        return redirect("console:leads")
    return redirect("console:lead", lead_id)


@require_GET
@needs("customers.view")
def lead(request: HttpRequest, lead_id: int) -> HttpResponse:
    """One potential customer with the visits to them."""
    return page(request, "lead.html", _context(lead_id))


def _context(lead_id: int) -> dict[str, Any]:
    try:
        found = customers.lead_view(lead_id=lead_id)
    except LeadUnknown as unknown:
        raise Http404 from unknown
    return {
        "active": "console:leads",
        "lead": found,
        "owner": staff_name(found.owner_id),
        "visits": [(one, staff_name(one.staff_id)) for one in customers.visits_of_lead(lead_id=lead_id)],
        "means": words.choices("lead_means"),
        "states": [(code, words.word("lead_state", code).text) for code in TO_STATES],
        "is_open": found.state not in ("CONVERTED", "LOST"),
    }


@require_POST
@needs("customers.edit")
def visit(request: HttpRequest, lead_id: int) -> HttpResponse:
    """Note that somebody spoke with them."""
    means, state = request.POST.get("means", ""), request.POST.get("state", "")
    note = request.POST.get("note", "").strip()[:500]
    if means not in words.WORDS["lead_means"] or state not in TO_STATES or not note:
        messages.error(request, _("Say how you spoke, what was said, and how it stands."))
        return redirect("console:lead", lead_id)
    about = {"at": clock.now(), "staff_id": staff_of(request).staff_id}
    try:
        customers.visit_lead(lead_id=lead_id, means=means, note=note, state=state, **about)
    except (LeadClosed, LeadUnknown) as refused:
        messages.error(request, sentence(refused))
    return redirect("console:lead", lead_id)


@require_POST
@needs("customers.reveal")
def reveal(request: HttpRequest, lead_id: int) -> HttpResponse:
    """Show name and number once in clear, for a reason that is logged."""
    context = _context(lead_id)
    if not (reason := reason_to_look(request)):
        return redirect("console:lead", lead_id)
    seen = customers.reveal_lead(lead_id=lead_id, reason=reason, at=clock.now(), staff_id=staff_of(request).staff_id)
    answer = page(request, "lead.html", context | {"seen": seen})
    answer["Cache-Control"] = "no-store"
    return answer


def _campaigns() -> ListScreen:
    def fetch(filters: dict[str, str], sort: str, paging: Paging) -> Rows:
        return rows_in_memory(campaign_return.returns(), {}, filters, sort, paging)

    return ListScreen(
        name="campaigns",
        title=gettext_lazy("What campaigns brought"),
        columns=(
            Column("campaign", gettext_lazy("Campaign"), sort=True),
            Column("leads", gettext_lazy("Potential customers"), "count", sort=True),
            Column("visited", gettext_lazy("Spoken with"), "count", sort=True),
            Column("lost", gettext_lazy("Given up as lead"), "count", sort=True),
            Column("converted", gettext_lazy("Became a customer"), "count", sort=True),
            Column("billed_fen", gettext_lazy("Billed to them since"), "fen", sort=True),
        ),
        fetch=fetch,
        default_sort="campaign",
        empty=gettext_lazy("No potential customer came by a campaign yet."),
    )


@require_GET
@needs("customers.view")
def campaigns(request: HttpRequest) -> HttpResponseBase:
    """Campaigns with whom they won and what these were billed."""
    return show_list(request, _campaigns(), active="console:campaigns")
