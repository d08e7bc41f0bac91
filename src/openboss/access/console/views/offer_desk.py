"""The product manager's desk: write or clone an offer in a form that checks itself and shows the price card."""

from __future__ import annotations

from datetime import date
from typing import Any

import yaml
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from openboss.access.console import words
from openboss.access.console.page import page, part
from openboss.access.console.session import needs, staff_of
from openboss.access.console.views import offer_form
from openboss.access.console.views.offer_fields import Post
from openboss.access.console.views.offer_form import FormRefused
from openboss.access.console.views.offer_problems import Told, told
from openboss.access.console.views.offer_sections import BY_KEY
from openboss.access.console.views.offer_words import sections_of
from openboss.access.console.views.offers import item_names_by_code
from openboss.access.jobs import clock
from openboss.modules.catalog import functions as catalog


def draw_form(
    request: HttpRequest, post: Post, title: str, problems: list[str] | None = None, **more: Any
) -> HttpResponse:
    """The form of an offer as its inputs stand; `correcting` in what is more names the version that is put right."""
    context = {
        "active": "console:offers",
        "title": title,
        "form": offer_form.form_of(post),
        "kinds": [(code, text) for code, text in words.choices("offer_kind") if code != "STANDARD"],
        "brands": words.choices("brand"),
        "problems": problems or [],
        **more,
    }
    return page(request, "offer_form.html", context, status=422 if problems else 200)


def stored_version(offer_id: int, from_text: str) -> dict[str, Any]:
    """An offer with the one version of a day, the newest if none is named. Raises Http404."""
    try:
        document = catalog.document_of(offer_id)
    except catalog.OfferNotFound as unknown:
        raise Http404 from unknown
    versions = [v for v in document["versions"] if not from_text or str(v["from"]) == from_text]
    if not versions:
        raise Http404
    return {**document, "versions": versions[-1:]}


@require_GET
@needs("catalog.edit")
def new(request: HttpRequest) -> HttpResponse:
    """An empty form, or that of an offer to be cloned."""
    wanted = request.GET.get("clone", "")
    if not wanted.isdecimal():
        return draw_form(request, offer_form.sent(offer_form.empty_document()), _("New offer"))
    fresh = offer_form.empty_document()
    document = stored_version(int(wanted), request.GET.get("from", ""))
    document |= {"offer": "", "offer_id": fresh["offer_id"], "source": None}
    document["versions"][0] = {**document["versions"][0], "from": ""}
    return draw_form(request, offer_form.sent(document), _("New offer"))


@require_GET
@needs("catalog.edit")
def edit(request: HttpRequest, offer_id: int, from_on: str) -> HttpResponse:
    """The form of a draft, or of a new version that begins as the one named."""
    document = stored_version(offer_id, from_on)
    state = next(one.state for one in catalog.versions_of(offer_id=offer_id) if one.from_on.isoformat() == from_on)
    if state != "DRAFT":
        document["versions"][0] = {**document["versions"][0], "from": ""}
        return draw_form(request, offer_form.sent(document), _("New version"))
    return draw_form(request, offer_form.sent(document), _("Edit the draft"))


@require_GET
@needs("catalog.edit")
def row(request: HttpRequest, section: str) -> HttpResponse:
    """One more rule for the form."""
    if section not in BY_KEY:
        raise Http404
    return part(request, "offer_rule.html", {"row": offer_form.fresh_row(BY_KEY[section])})


@require_POST
@needs("catalog.edit")
def check(request: HttpRequest) -> HttpResponse:
    """What is wrong with the form as it stands, and the price card as the customer will see it."""
    return part(request, "offer_check.html", checked(request.POST))


def checked(post: Post) -> dict[str, Any]:
    """What a filled form means, what is wrong with it, and its price card."""
    try:
        document = offer_form.document_of(post)
    except FormRefused as refused:
        return {"problems": [Told("", "", text) for text in refused.problems]}
    text = text_of(document)
    return {"problems": told(catalog.problems_of(text), post), "text": text, **price_card(document)}


def price_card(document: dict[str, Any]) -> dict[str, Any]:
    """An offer as it is shown to a customer: what it costs, what is in it, what is beyond."""
    try:
        sections = dict(sections_of(document["versions"][-1], {}, item_names_by_code()))
    except (KeyError, ValueError, TypeError, AttributeError):  # a half-written rule has no card yet
        sections = {}
    return {"card": document, "card_sections": sections}


def text_of(document: dict[str, Any]) -> str:
    """A document as it is stored."""
    return yaml.safe_dump(document, allow_unicode=True, sort_keys=False, width=110)


@require_POST
@needs("catalog.edit")
def save(request: HttpRequest) -> HttpResponse:
    """Store the form as a draft; a form that cannot be stored comes back as it was filled in."""

    def refused(problems: list[str]) -> HttpResponse:
        return draw_form(request, request.POST, _("Not saved yet"), problems)

    try:
        document = offer_form.document_of(request.POST)
        saved = catalog.save_draft(text_of(document), at=clock.now(), staff_id=staff_of(request).staff_id)
    except FormRefused as wrong:
        return refused(wrong.problems)
    except catalog.DocumentRefused as wrong:
        return refused([f"{one.where} {one.text}".strip() for one in told(wrong.problems, request.POST)])
    except catalog.VersionPublished:
        return refused([_("A version of this day is out already; choose another day.")])
    except catalog.OfferIdTaken:
        return refused([_("Another offer has this code or number; choose another code.")])
    messages.success(request, _("Draft saved. Try it, then send it for approval."))
    on = date.fromisoformat(document["versions"][0]["from"])
    return redirect(f"{reverse('console:offer', args=[saved.offer_id])}?from={on.isoformat()}")
