"""Try an offer on invented use: what each event costs and why, and the month's bill. Nothing is stored."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.views.decorators.http import require_GET

from openboss.access.console import formats, words
from openboss.access.console.page import page
from openboss.access.console.session import needs
from openboss.access.console.views.offers import item_names_by_code
from openboss.access.jobs import clock
from openboss.modules.catalog import functions as catalog
from openboss.processes.quote import QuoteRefused
from openboss.processes.try_offer import try_offer

ROWS = 4
RECORDS = ("MOC", "MTC", "CALL_FORWARD", "SMS_MO", "MMS", "DATA", "WLAN")
AMOUNTS = {"DATA": "volume", "WLAN": "volume", "SMS_MO": "messages", "MMS": "messages"}


def _event(query: QueryDict, row: int, on: date) -> dict[str, Any] | None:
    """One line of the form as an event of a quote; None if it is empty."""
    text, record = query.get(f"amount-{row}", "").strip(), query.get(f"record-{row}", "MOC")
    if not text or record not in RECORDS:
        return None
    at = query.get(f"at-{row}", "") or datetime.combine(on, time(10)).isoformat()
    event: dict[str, Any] = {"record": record, "at": at if at.count(":") == 2 else f"{at}:00"}
    kind = AMOUNTS.get(record, "duration_s")
    event[kind] = text if kind == "volume" else int(text) if text.isdecimal() else text
    return event | {axis: query[f"{axis}-{row}"] for axis in ("roam", "ld", "net") if query.get(f"{axis}-{row}")}


def _tried(answer: dict[str, Any]) -> dict[str, Any]:
    """The answer with its codes in words."""
    names, rules = item_names_by_code(), _rule_names()

    def named_rule(code: str) -> str:
        return rules.get(code, code)

    events = [
        {
            **event,
            "items": [
                {
                    **charge,
                    "name": names.get(charge["item"], charge["item"]),
                    "rule_name": named_rule(charge.get("rule", "")),
                }
                for charge in event.get("charges", [])
            ],
            "from_free": [{**one, "name": named_rule(one["rule"])} for one in event.get("free", [])],
            "why": [formats.named(step) for step in event.get("trace", [])],
        }
        for event in answer["events"]
    ]
    (account,) = answer["bill"]["accounts"]
    items = [{**item, "name": names.get(item["item"], item["item"])} for item in account["items"]]
    left = [
        {**one, "name": named_rule(one["rule"])} for month in answer["closing"][0]["months"] for one in month["free"]
    ]
    return {"events": events, "items": items, "total": account["total"], "left": left}


def _rule_names() -> dict[str, str]:
    """The names of all rules by OFFER/RULE, as quotes name them."""
    offers = {offer.offer_id: offer.code for offer in catalog.offers()}
    return {f"{offers[rule.offer_id]}/{rule.code}": formats.named(rule) for rule in catalog.rule_names().values()}


@require_GET
@needs("catalog.view")
def try_page(request: HttpRequest, offer_id: int, from_on: str) -> HttpResponse:
    """The form and, once it is filled, the answer; the address holds the whole try."""
    version = next(
        (v for v in catalog.all_versions() if v.offer_id == offer_id and v.from_on.isoformat() == from_on), None
    )
    if version is None:
        raise Http404
    on = max(version.from_on, clock.today())
    events = [event for row in range(ROWS) if (event := _event(request.GET, row, on))]
    held = request.GET.get("main", "")
    context: dict[str, Any] = {
        "active": "console:offers",
        "offer": version,
        "rows": [(row, {key: request.GET.get(f"{key}-{row}", "") for key in _KEYS}) for row in range(ROWS)],
        "records": [(code, text) for code, text in words.choices("record_type") if code in RECORDS],
        "axes": [(axis, words.choices(name)) for axis, name in _AXES],
        "mains": [offer for offer in catalog.offers() if offer.kind == "MAIN" and offer.offer_id != offer_id],
        "main": held,
    }
    if request.GET.get("go"):
        cycle = int(events[0]["at"][:4] + events[0]["at"][5:7]) if events else on.year * 100 + on.month
        try:
            answer = try_offer(
                offer_id=offer_id,
                from_on=version.from_on,
                events=events,
                with_offers=[held] if held else [],
                cycle=cycle,
            )
        except QuoteRefused as refused:
            context["problems"] = [one.of(formats.language()) for one in refused.problems]
        except catalog.OfferNotFound as unknown:
            raise Http404 from unknown
        else:
            context |= {"tried": _tried(answer), "cycle": cycle}
    return page(request, "offer_try.html", context, status=422 if context.get("problems") else 200)


_AXES = (("roam", "roam_type"), ("ld", "ld_type"), ("net", "other_net"))
_KEYS = ("record", "at", "amount", "roam", "ld", "net")
