"""What is sold: the offers, and each tariff document so that a person can read it."""

from __future__ import annotations

from datetime import date
from typing import Any

import yaml
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from openboss.access.console import formats, words
from openboss.access.console.lists import Column, Filter, ListScreen, Paging, Rows, show_list
from openboss.access.console.memory_rows import rows_in_memory
from openboss.access.console.page import page
from openboss.access.console.session import needs
from openboss.access.console.views.audit import staff_name
from openboss.access.console.views.offer_words import sections_of
from openboss.access.jobs import clock
from openboss.modules.catalog import functions as catalog
from openboss.modules.catalog.functions import corrections


def _fetch(filters: dict[str, str], sort: str, paging: Paging) -> Rows:
    tests = {
        "q": lambda offer, text: text.casefold() in f"{offer.code} {offer.name_zh} {offer.name_en}".casefold(),
        "kind": lambda offer, code: offer.kind == code,
        "brand": lambda offer, code: offer.brand == code,
        "life": lambda offer, life: offer.life == life,
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
            Column("life", gettext_lazy("Life"), "word:offer_life", sort=True),
            Column("kind", gettext_lazy("Kind"), "word:offer_kind", sort=True),
            Column("brand", gettext_lazy("Brand"), "word:brand", sort=True),
        ),
        filters=(
            Filter("q", gettext_lazy("Name or code"), "search"),
            Filter("kind", gettext_lazy("Kind"), "choice", words.choices("offer_kind")),
            Filter("brand", gettext_lazy("Brand"), "choice", words.choices("brand")),
            Filter("life", gettext_lazy("Life"), "choice", words.choices("offer_life")),
        ),
        fetch=_fetch,
        default_sort="offer_id",
        row_link=lambda offer: reverse("console:offer", args=[offer.offer_id]),
        template="offers.html",
        empty=gettext_lazy("No offer yet. Load tariff documents with “openboss load”."),
    )


@require_GET
@needs("catalog.view")
def offers(request: HttpRequest) -> HttpResponseBase:
    """All offers."""
    return show_list(request, _screen(), active="console:offers")


def item_names_by_code() -> dict[str, str]:
    """The names of bill items by their code, in the language of the request."""
    return {item.code: formats.named(item) for item in catalog.bill_item_types()}


def _correction(one: corrections.ReplacedView) -> dict[str, Any]:
    names = {"by": staff_name(one.replaced_by), "approved_by": staff_name(one.approved_by)}
    return {"at": one.replaced_at, "reason": one.reason, **names}


@require_GET
@needs("catalog.view")
def offer(request: HttpRequest, offer_id: int) -> HttpResponse:
    """One offer with its versions; the one asked for, or the one in force today, and what may be done with it."""
    versions = sorted((v for v in catalog.all_versions() if v.offer_id == offer_id), key=lambda v: v.from_on)
    if not versions:
        raise Http404
    lives = {one.from_on: one for one in catalog.versions_of(offer_id=offer_id)}
    wanted = request.GET.get("from", "")
    in_force = [v for v in versions if v.from_on <= clock.today() and lives[v.from_on].state == "PUBLISHED"]
    chosen = next((v for v in versions if v.from_on.isoformat() == wanted), (in_force or versions)[-1])
    following: dict[date, date | None] = {
        v.from_on: (versions[i + 1].from_on if i + 1 < len(versions) else None) for i, v in enumerate(versions)
    }
    life = lives[chosen.from_on]
    context = {
        "active": "console:offers",
        "offer": chosen,
        "versions": [(v, lives[v.from_on].state) for v in versions],
        "in_force": in_force[-1] if in_force else None,
        "until": following[chosen.from_on],
        "by_kind": sections_of(chosen.document, chosen.rule_ids, item_names_by_code()),
        "source_text": yaml.safe_dump(chosen.document, allow_unicode=True, sort_keys=False, width=110),
        "highlight": request.GET.get("rule", ""),
        "life": life,
        "offer_life": catalog.life_of(offer_id=offer_id),
        "moves": catalog.moves_from(offer_id=offer_id),
        "written_by": staff_name(life.written_by) if life.written_by else "",
        "approved_by": staff_name(life.approved_by) if life.approved_by else "",
        "others": [v for v in versions if v is not chosen],
        "corrections": [
            _correction(one)
            for one in corrections.replaced_documents(offer_id=offer_id)
            if one.from_on == chosen.from_on
        ],
    }
    return page(request, "offer.html", context)
