"""An offer's way to the customer: sent for approval, approved by a second person, filed, published, sold, ended."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import yaml
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from openboss.access.console import formats
from openboss.access.console.lists import Column, Filter, ListScreen, Paging, Rows, show_list
from openboss.access.console.memory_rows import rows_in_memory
from openboss.access.console.page import page
from openboss.access.console.session import needs, staff_of
from openboss.access.console.views.audit import staff_name
from openboss.access.console.views.offer_sections import BY_KEY
from openboss.access.jobs import clock
from openboss.modules.catalog import functions as catalog
from openboss.modules.charging.functions.engine import EngineRefused, EngineSilent
from openboss.modules.customers import functions as customers
from openboss.processes import publish_tariffs


def _place(offer_id: int, from_on: str) -> str:
    return f"{reverse('console:offer', args=[offer_id])}?from={from_on}"


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _carried_out(request: HttpRequest, step: Callable[[], object], done: str) -> None:
    """Take one step and say how it went."""
    try:
        step()
    except catalog.SamePerson:
        messages.error(request, _("You wrote this version yourself; another person must approve it."))
    except catalog.NotEntitled:
        messages.error(request, _("Your role may not take this step."))
    except catalog.VersionStateRefused:
        messages.error(request, _("This version is not in the state for this step. Load the page again."))
    except catalog.LifeRefused as refused:
        messages.error(request, _("The offer cannot take this step yet: %s") % refused.of(formats.language()))
    except (catalog.DocumentRefused, catalog.TariffRefused) as refused:
        messages.error(request, _("The tariff breaks a rule: %s") % refused.of(formats.language()))
    except (EngineRefused, EngineSilent) as refused:
        messages.error(request, _("Charging did not take the tariffs: %s") % refused)
    else:
        messages.success(request, done)


@require_POST
@needs("catalog.view")
def step(request: HttpRequest, offer_id: int, from_on: str) -> HttpResponse:
    """Take a version one step: submit, approve, send back, file or publish."""
    on, action, reason = _day(from_on), request.POST.get("action", ""), request.POST.get("reason", "").strip()
    if on is None:
        raise Http404
    who: dict[str, Any] = {
        "offer_id": offer_id,
        "from_on": on,
        "at": clock.now(),
        "staff_id": staff_of(request).staff_id,
    }
    filing_no, publish_on = request.POST.get("filing_no", ""), _day(request.POST.get("publish_on", ""))
    steps: dict[str, tuple[Callable[[], object], str]] = {
        "submit": (lambda: catalog.submit(**who), _("Sent. Another person with the right must approve it.")),
        "approve": (lambda: catalog.approve(**who, reason=reason), _("Approved. File it with the regulator next.")),
        "return": (lambda: catalog.send_back(**who, reason=reason), _("Sent back to its writer.")),
        "file": (
            lambda: catalog.file_with_regulator(**who, filing_no=filing_no, publish_on=publish_on),
            _("Filed. It can be published now."),
        ),
        "publish": (
            lambda: publish_tariffs.publish(at=who["at"], staff_id=who["staff_id"]),
            _("Published: charging rates by it from its day on."),
        ),
    }
    if action not in steps:
        raise Http404
    if action == "return" and not reason:
        messages.error(request, _("Say what is to be changed; its writer reads it."))
    else:
        _carried_out(request, *steps[action])
    return redirect(_place(offer_id, from_on))


@require_POST
@needs("catalog.view")
def move(request: HttpRequest, offer_id: int) -> HttpResponse:
    """Take the offer itself to the next state of its life."""
    holders = customers.holders_by_offer(at=clock.now()).get(offer_id, 0)
    life = request.POST.get("life", "")
    _carried_out(
        request,
        lambda: catalog.move(
            offer_id=offer_id,
            life=life,
            at=clock.now(),
            staff_id=staff_of(request).staff_id,
            holders=holders,
            reason=request.POST.get("reason", ""),
        ),
        _("Done."),
    )
    return redirect(_place(offer_id, request.POST.get("from", "")))


def _fetch(filters: dict[str, str], sort: str, paging: Paging) -> Rows:
    offers = {offer.offer_id: offer for offer in catalog.offers()}
    rows = [
        {**vars(one), "code": offers[one.offer_id].code, "name": formats.named(offers[one.offer_id])}
        for one in catalog.waiting_versions()
    ]
    tests = {"q": lambda row, text: text.casefold() in f"{row['code']} {row['name']}".casefold()}
    return rows_in_memory(rows, tests, filters, sort, paging)


WAITING = ListScreen(
    name="tariffs-to-approve",
    title=gettext_lazy("Tariffs to approve"),
    columns=(
        Column(
            "name",
            gettext_lazy("Offer"),
            sort=True,
            link=lambda row: _place(row["offer_id"], row["from_on"].isoformat()),
            sub=lambda row: row["code"],
        ),
        Column("from_on", gettext_lazy("From"), "day", sort=True),
        Column("written_by", gettext_lazy("Written by"), sort=True, read=lambda row: staff_name(row["written_by"])),
    ),
    filters=(Filter("q", gettext_lazy("Name or code"), "search"),),
    fetch=_fetch,
    default_sort="from_on",
    row_link=lambda row: _place(row["offer_id"], row["from_on"].isoformat()),
    empty=gettext_lazy("Nothing waits for approval."),
)


@require_GET
@needs("catalog.view")
def waiting(request: HttpRequest) -> HttpResponseBase:
    """Versions that wait for a second person."""
    return show_list(request, WAITING, active="console:waiting")


SECTION_KINDS = {
    "recurring": "RECURRING",
    "one_time": "ONE_TIME",
    "free": "FREE",
    "prices": "PRICE",
    "caps": "CAP",
    "discounts": "DISCOUNT",
}


def _rules(document: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(section, rule["rule"]): rule for section in SECTION_KINDS for rule in document.get(section) or []}


def differences(before: dict[str, Any], after: dict[str, Any]) -> list[dict[str, Any]]:
    """Rule by rule, what is new, gone or says something else."""
    old, new = _rules(before), _rules(after)
    found = []
    for key in dict.fromkeys([*old, *new]):
        one, other = old.get(key, {}), new.get(key, {})
        if one == other:
            continue
        fields = [
            {"name": _title(key[0], name), "before": _said(one.get(name)), "after": _said(other.get(name))}
            for name in dict.fromkeys([*one, *other])
            if one.get(name) != other.get(name)
        ]
        change = "NEW" if not one else "GONE" if not other else "CHANGED"
        name = formats.named((other or one).get("names", {}))
        found.append({"kind": SECTION_KINDS[key[0]], "rule": key[1], "name": name, "change": change, "fields": fields})
    return found


def _title(section: str, name: str) -> str:
    titles = {field.key: str(field.title) for field in BY_KEY[section].fields}
    return titles.get(name) or {"names": _("Name"), "rule": _("Code")}.get(name, name)


def _said(value: Any) -> str:
    """A value of a document as text; what has parts is written in one line."""
    if isinstance(value, dict) and set(value) == {"zh", "en"}:
        return f"{value['zh']} / {value['en']}"
    if isinstance(value, dict | list):
        flow = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, sort_keys=False, width=10_000)
        return flow.strip()
    return "" if value is None else str(value)


@require_GET
@needs("catalog.view")
def compare(request: HttpRequest, offer_id: int) -> HttpResponse:
    """Two versions side by side; `with` may name another offer."""
    versions = [v for v in catalog.all_versions() if v.offer_id == offer_id]
    after = next((v for v in versions if v.from_on.isoformat() == request.GET.get("to", "")), None)
    other = request.GET.get("with", str(offer_id))
    before = next(
        (
            v
            for v in catalog.all_versions()
            if str(v.offer_id) == other and v.from_on.isoformat() == request.GET.get("from", "")
        ),
        None,
    )
    if after is None or before is None:
        raise Http404
    context = {
        "active": "console:offers",
        "before": before,
        "after": after,
        "differences": differences(before.document, after.document),
    }
    return page(request, "offer_compare.html", context)
