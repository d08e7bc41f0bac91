"""A published price that was wrong from its first day is put right by two people in the form (CHG-36).

What was charged by it changes only by a re-rating, whose form comes next.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from openboss.access.console import formats
from openboss.access.console.page import part
from openboss.access.console.session import needs, staff_of
from openboss.access.console.views import offer_form
from openboss.access.console.views.money import SecondRefused, second_person
from openboss.access.console.views.offer_desk import checked, draw_form, stored_version, text_of
from openboss.access.console.views.offer_form import FormRefused
from openboss.access.console.views.offer_life import differences
from openboss.access.console.views.offer_problems import told
from openboss.access.jobs import clock
from openboss.modules.catalog import functions as catalog
from openboss.modules.catalog.functions import corrections
from openboss.modules.charging.functions.engine import EngineRefused, EngineSilent
from openboss.processes import publish_tariffs


def _published(offer_id: int, from_on: str) -> dict[str, Any]:
    """The offer with its published version of a day. Raises Http404."""
    document = stored_version(offer_id, from_on)
    states = {one.from_on.isoformat(): one.state for one in catalog.versions_of(offer_id=offer_id)}
    if states.get(from_on) != "PUBLISHED":
        raise Http404
    return document


@require_http_methods(["GET", "POST"])
@needs("catalog.edit")
def correct(request: HttpRequest, offer_id: int, from_on: str) -> HttpResponse:
    """The published version in the form; sent, it is put right, and the form of a re-rating comes."""
    document, post = _published(offer_id, from_on), request.POST
    correcting = {"offer_id": offer_id, "from": from_on, "reason": "", "second_login": ""}
    if request.method == "GET":
        return draw_form(request, offer_form.sent(document), _("Put a published price right"), correcting=correcting)
    reason = post.get("reason", "").strip()[:150]
    correcting |= {"reason": reason, "second_login": post.get("second_login", "")}
    if problems := _put_right(request, document, reason):
        return draw_form(request, post, _("Nothing was changed yet"), problems, correcting=correcting)
    messages.success(request, _("Put right. Rate again what was charged by it."))
    if "charging.rerate" not in staff_of(request).rights:
        return redirect(f"{reverse('console:offer', args=[offer_id])}?from={from_on}")
    wanted = {"offer": document["offer"], "from_on": from_on, "to_on": clock.today().isoformat(), "cause": reason}
    return redirect(f"{reverse('console:rerating_new')}?{urlencode(wanted)}")


def _put_right(request: HttpRequest, document: dict[str, Any], reason: str) -> list[str]:
    """Put the version right and give the tariffs to charging; what stands in the way is said in words."""
    try:
        second = second_person(request)
        if second is None or not reason:
            return [_("Say what was wrong; a second person who may approve tariffs signs in.")]
        wanted = offer_form.document_of(request.POST)
        if (wanted["offer"], wanted["versions"][0]["from"]) != (
            document["offer"],
            str(document["versions"][0]["from"]),
        ):
            return [_("Load the page again: this is the form of another version.")]
        staff_id, at = staff_of(request).staff_id, clock.now()
        publish_tariffs.correct(text_of(wanted), reason=reason, staff_id=staff_id, approved_by=second, at=at)
    except SecondRefused:
        return [_("The second person's login or password is wrong.")]
    except FormRefused as wrong:
        return wrong.problems
    except catalog.SamePerson:
        return [_("Another person has to agree than the one who corrects.")]
    except catalog.NotEntitled:
        return [_("The second person may not approve tariffs.")]
    except corrections.NothingToCorrect:
        return [_("The form says what is published already.")]
    except corrections.GrantMissing as missing:
        return [_("A free resource stays in the version, if need be with nothing granted: %s") % missing]
    except catalog.DocumentRefused as wrong:
        return [f"{one.where} {one.text}".strip() for one in told(wrong.problems, request.POST)]
    except catalog.TariffRefused as wrong:
        return [_("The tariff breaks a rule: %s") % wrong.of(formats.language())]
    except (EngineRefused, EngineSilent) as silent:
        messages.warning(request, _("Charging did not take the tariffs: %s") % silent)
    return []


@require_POST
@needs("catalog.edit")
def check(request: HttpRequest, offer_id: int, from_on: str) -> HttpResponse:
    """What the correction would change, what is wrong with it, and the price card."""
    context = checked(request.POST)
    if "card" in context:
        before = _published(offer_id, from_on)["versions"][0]
        context["differences"] = differences(before, context["card"]["versions"][0])
    return part(request, "offer_check.html", context)
