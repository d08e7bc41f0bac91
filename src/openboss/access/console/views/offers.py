"""What is sold: the offers, and each tariff document so that a person can read it."""

from __future__ import annotations

from datetime import date
from typing import Any

import yaml
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from openboss.access.console import formats, words
from openboss.access.console.lists import Column, Filter, ListScreen, Paging, Rows, show_list
from openboss.access.console.memory_rows import rows_in_memory
from openboss.access.console.page import page
from openboss.access.console.session import needs
from openboss.access.jobs import clock
from openboss.modules.catalog import functions as catalog
from openboss.modules.catalog.functions import OfferVersionView


def _fetch(filters: dict[str, str], sort: str, paging: Paging) -> Rows:
    tests = {
        "q": lambda offer, text: text.casefold() in f"{offer.code} {offer.name_zh} {offer.name_en}".casefold(),
        "kind": lambda offer, code: offer.kind == code,
        "brand": lambda offer, code: offer.brand == code,
    }
    return rows_in_memory(catalog.offers(), tests, filters, sort, paging)


def _screen() -> ListScreen:
    return ListScreen(
        name="offers",
        title=gettext_lazy("Offers and tariffs"),
        columns=(
            Column("offer_id", gettext_lazy("No."), "number", sort=True),
            Column(
                "name",
                gettext_lazy("Name"),
                read=formats.named,
                link=lambda offer: reverse("console:offer", args=[offer.offer_id]),
                sub=lambda offer: offer.code,
            ),
            Column("kind", gettext_lazy("Kind"), "word:offer_kind", sort=True),
            Column("brand", gettext_lazy("Brand"), "word:brand", sort=True),
        ),
        filters=(
            Filter("q", gettext_lazy("Name or code"), "search"),
            Filter("kind", gettext_lazy("Kind"), "choice", words.choices("offer_kind")),
            Filter("brand", gettext_lazy("Brand"), "choice", words.choices("brand")),
        ),
        fetch=_fetch,
        default_sort="offer_id",
        row_link=lambda offer: reverse("console:offer", args=[offer.offer_id]),
        empty=gettext_lazy("No offer yet. Load tariff documents with “openboss load”."),
    )


@require_GET
@needs("catalog.view")
def offers(request: HttpRequest) -> HttpResponse:
    """All offers."""
    return show_list(request, _screen(), active="console:offers")


def _codes(value: Any, vocabulary: str | None) -> str:
    found = value if isinstance(value, list) else [value]
    if vocabulary is None:
        return ", ".join(str(code) for code in found)
    return _(", ").join(str(words.word(vocabulary, code).text) for code in found)


AXIS_WORDS = {
    "record": "record_type",
    "roam": "roam_type",
    "ld": "ld_type",
    "net": "other_net",
    "group": "closed_group",
    "component": "component",
    "vip_level": "vip",
}


def condition(when: dict[str, Any] | list[dict[str, Any]] | None) -> str:
    """What a price or free resource applies to, in words; nothing said means everything."""
    if isinstance(when, list):
        return _(" or ").join(condition(one) for one in when)
    parts = [_codes(value, AXIS_WORDS.get(axis)) for axis, value in (when or {}).items()]
    return " · ".join(part for part in parts if part) or _("everything")


def price_text(rule: dict[str, Any]) -> str:
    """The price of a rule in words, with its time bands and tiers."""
    per = rule.get("per", rule.get("unit", ""))
    text = f"¥{rule['price']} / {per}"
    for band in rule.get("bands", []):
        text += f" · {band['from']}–{band['to']} ¥{band['price']}"
    for tier in rule.get("tiers", []):
        text += " · " + ", ".join(f"{key}: {value}" for key, value in tier.items())
    return text


def _granted(rule: dict[str, Any]) -> str:
    return formats.amount_of_unit(int(rule["granted"]), str(rule["unit"]))


def readable(version: OfferVersionView, item_names: dict[str, str]) -> dict[str, Any]:
    """One version for the page: every rule with its id, its name and what it says."""
    document = version.document

    def rule_of(rule: dict[str, Any], text: str, note: str = "") -> dict[str, Any]:
        name = formats.named(rule.get("names", {}))
        return {
            "id": version.rule_ids.get(rule["rule"]),
            "code": rule["rule"],
            "name": name,
            "text": text,
            "note": note,
        }

    def items_of(rule: dict[str, Any]) -> str:
        return _(", ").join(item_names.get(code, code) for code in rule.get("items", [rule.get("item", "")]))

    sections = [
        ("RECURRING", [rule_of(r, f"¥{r['fee']}", items_of(r)) for r in document.get("recurring") or []]),
        ("FREE", [rule_of(r, _granted(r), condition(r.get("scope"))) for r in document.get("free") or []]),
        (
            "PRICE",
            [
                rule_of(r, price_text(r), f"{items_of(r)} · {condition(r.get('when'))}")
                for r in document.get("prices") or []
            ],
        ),
        ("CAP", [rule_of(r, f"¥{r['cap']}", items_of(r)) for r in document.get("caps") or []]),
        (
            "DISCOUNT",
            [
                rule_of(r, ", ".join(f"{k}: {v}" for k, v in r["effect"].items()), f"{r['phase']} · {items_of(r)}")
                for r in document.get("discounts") or []
            ],
        ),
    ]
    return {
        "version": version,
        "sections": [(kind, rules) for kind, rules in sections if rules],
        "source_text": yaml.safe_dump(document, allow_unicode=True, sort_keys=False, width=110),
    }


@require_GET
@needs("catalog.view")
def offer(request: HttpRequest, offer_id: int) -> HttpResponse:
    """One offer with its versions; the one asked for, or the one in force today."""
    versions = sorted((v for v in catalog.all_versions() if v.offer_id == offer_id), key=lambda v: v.from_on)
    if not versions:
        raise Http404
    wanted = request.GET.get("from", "")
    in_force = [v for v in versions if v.from_on <= clock.today()]
    chosen = next((v for v in versions if v.from_on.isoformat() == wanted), (in_force or versions)[-1])
    item_names = {item.code: formats.named(item) for item in catalog.bill_item_types()}
    following: dict[date, date | None] = {
        v.from_on: (versions[i + 1].from_on if i + 1 < len(versions) else None) for i, v in enumerate(versions)
    }
    context = {
        "active": "console:offers",
        "offer": chosen,
        "versions": versions,
        "in_force": in_force[-1] if in_force else None,
        "until": following[chosen.from_on],
        "readable": readable(chosen, item_names),
        "highlight": request.GET.get("rule", ""),
    }
    return page(request, "offer.html", context)
