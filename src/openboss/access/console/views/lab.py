"""The tariff lab and the best plan: real months lived again under other tariffs, by the real calculation."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import Any

import yaml
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from openboss.access.console import formats, words
from openboss.access.console.lists import Column, Filter, ListScreen, Paging, Rows, show_list
from openboss.access.console.memory_rows import rows_in_memory
from openboss.access.console.session import needs, staff_of, visit_tab
from openboss.access.jobs import clock
from openboss.modules.billing import functions as billing
from openboss.modules.catalog import functions as catalog
from openboss.modules.customers import functions as customers
from openboss.modules.customers.functions import CustomerUnknown
from openboss.processes import best_plan, tariff_lab
from openboss.processes.replay_months import NothingToReplay

MONTHS = (("1", gettext_lazy("the last month")), ("2", gettext_lazy("2 months")), ("3", gettext_lazy("3 months")))
MONTHS_FILTER = Filter("months", gettext_lazy("Real months"), "choice", MONTHS, default="1")


def _closed(months: str) -> tuple[int, ...]:
    """The last closed months, oldest first."""
    closed = [one.cycle for one in billing.list_cycles() if one.state in ("RELEASED", "CLOSED")]
    return tuple(sorted(closed)[-int(months if months in ("1", "2", "3") else "1") :])


@lru_cache(maxsize=4)
def _replayed(
    text: str, cycles: tuple[int, ...], on: date, segment: tariff_lab.Segment, swap: tuple[str, str]
) -> tariff_lab.LabResult:
    """One replay; the months are closed, so that sorting, paging and exporting ask the same answer."""
    return tariff_lab.run(drafts=[text], cycles=cycles, on=on, segment=segment, swaps=dict([swap]) if swap[0] else None)


def _segment(request: HttpRequest) -> tariff_lab.Segment:
    """Whose months: what the filters narrow."""
    asked = {key: request.GET.get(key, "").strip() for key in ("brand", "customer_class", "offer", "area", "user")}
    return tariff_lab.Segment(
        brand=asked["brand"] or None,
        offer=asked["offer"] or None,
        customer_class=asked["customer_class"] or None,
        home_area=int(asked["area"]) if asked["area"].isdecimal() else None,
        subscriber_ids=(int(asked["user"]),) if asked["user"].isdecimal() else (),
    )


def _result(request: HttpRequest, document: dict[str, Any]) -> tuple[tariff_lab.LabResult | None, str]:
    """What the filled form means: the replay, or why there is none."""
    if "go" not in request.GET:
        return None, ""
    text = yaml.safe_dump(document, allow_unicode=True, sort_keys=False)
    swap = request.GET.get("swap", "")
    try:
        return _replayed(
            text,
            _closed(request.GET.get("months", "1")),
            clock.today(),
            _segment(request),
            (swap, document["offer"] if swap else ""),
        ), ""
    except NothingToReplay:
        return None, _("There is no closed month to replay for these users.")
    except (catalog.DocumentRefused, catalog.TariffRefused) as refused:
        return None, _("The tariff breaks a rule: %s") % refused.of(formats.language())


def _band(band: tariff_lab.ChangeBand) -> str:
    if band.from_fen is None:
        return f"≤ {(band.to_fen or 0) // 100}"
    return f"> {band.from_fen // 100}" if band.to_fen is None else f"{band.from_fen // 100}…{band.to_fen // 100}"


def _rows(result: tariff_lab.LabResult | None) -> list[dict[str, Any]]:
    rows = result.by_user.to_dicts() if result else []
    return [{**row, "change_fen": row["then_fen"] - row["now_fen"]} for row in rows]


def _lab_screen(result: tariff_lab.LabResult | None, context: dict[str, Any]) -> ListScreen:
    def fetch(filters: dict[str, str], sort: str, paging: Paging) -> Rows:
        rows = _rows(result)
        kept, total, _none = rows_in_memory(
            rows, dict.fromkeys(filters, lambda _row, _value: True), filters, sort, paging
        )
        sums = {name: sum(row[name] for row in rows) for name in ("now_fen", "then_fen", "change_fen")}
        return kept, total, sums

    mains = [(offer.code, formats.named(offer)) for offer in catalog.offers() if offer.kind == "MAIN"]
    return ListScreen(
        name="tariff-lab",
        title=gettext_lazy("Tariff lab"),
        columns=(
            Column(
                "subscriber_id",
                gettext_lazy("User"),
                "number",
                sort=True,
                link=lambda row: reverse("console:by_user", args=[row["subscriber_id"]]),
            ),
            Column("now_fen", gettext_lazy("Paid"), "fen", sort=True),
            Column("then_fen", gettext_lazy("Would pay"), "fen", sort=True),
            Column("change_fen", gettext_lazy("Change"), "fen", sort=True),
        ),
        filters=(
            MONTHS_FILTER,
            Filter("brand", gettext_lazy("Brand"), "choice", words.choices("brand")),
            Filter("customer_class", gettext_lazy("Customer class"), "choice", words.choices("customer_class")),
            Filter("offer", gettext_lazy("Holders of"), "choice", mains),
            Filter("area", gettext_lazy("Home area"), "number"),
            Filter("user", gettext_lazy("One user (No.)"), "number"),
            Filter("swap", gettext_lazy("Holders of this move to it"), "choice", mains),
            Filter("go", "", "hidden", default="1"),
        ),
        fetch=fetch,
        default_sort="change_fen",
        empty=gettext_lazy("Choose months and users, and press Filter."),
        template="lab.html",
        context=context,
    )


@require_GET
@needs("catalog.view")
def lab(request: HttpRequest, offer_id: int, from_on: str) -> HttpResponseBase:
    """What the last months would have brought under one version of an offer; nothing is stored."""
    try:
        document = catalog.document_of(offer_id)
    except catalog.OfferNotFound as unknown:
        raise Http404 from unknown
    document["versions"] = [v for v in document["versions"] if str(v["from"]) == from_on]
    if not document["versions"]:
        raise Http404
    result, problem = _result(request, document)
    context: dict[str, Any] = {"offer": document, "from_on": from_on, "result": result, "problem": problem}
    if result:
        histogram = [(_band(band), band.users) for band in result.histogram]
        context["chart"] = {
            "names": [name for name, _users in histogram],
            "bars": [{"name": _("Users"), "values": [users for _name, users in histogram]}],
        }
        context["change_fen"] = result.then_fen - result.now_fen
    return show_list(request, _lab_screen(result, context), active="console:offers")


@require_GET
@needs("customers.view")
def best(request: HttpRequest, subscriber_id: int) -> HttpResponseBase:
    """The plans on sale for one user, the cheapest first, each with what the real months would have cost (BMT-04)."""
    try:
        customer_id = customers.customer_of_subscriber(subscriber_id=subscriber_id)
    except CustomerUnknown as unknown:
        raise Http404 from unknown
    visit_tab(request, customer_id)
    cycles = _closed(request.GET.get("months", "1"))
    try:
        advice = best_plan.advise(subscriber_id=subscriber_id, cycles=cycles, on=clock.today()) if cycles else None
    except NothingToReplay:
        advice = None
    may_order = "customers.edit" in staff_of(request).rights
    order = f"{reverse('console:order_new', args=['CHANGE_PLAN'])}?customer={customer_id}&user={subscriber_id}"
    context = {"tab": customer_id, "customer_id": customer_id, "advice": advice, "order": order if may_order else ""}
    return show_list(request, _best_screen(advice, context), active="console:customers")


def _best_screen(advice: best_plan.Advice | None, context: dict[str, Any]) -> ListScreen:
    def fetch(filters: dict[str, str], sort: str, paging: Paging) -> Rows:
        plans = advice.plans if advice else ()
        now_fen = advice.now.due_fen if advice else 0
        rows = [{**vars(plan), "saving_fen": max(0, now_fen - plan.due_fen)} for plan in plans]
        return rows_in_memory(rows, {"months": lambda _row, _value: True}, filters, sort, paging)

    return ListScreen(
        name="best-plan",
        title=gettext_lazy("Best plan"),
        columns=(
            Column(
                "code",
                gettext_lazy("Plan"),
                sort=True,
                read=lambda row: formats.named(row["names"]),
                link=lambda row: reverse("console:offer", args=[row["offer_id"]]),
                sub=lambda row: row["code"],
            ),
            Column("due_fen", gettext_lazy("Would have cost"), "fen", sort=True),
            Column("saving_fen", gettext_lazy("Saves"), "fen", sort=True),
            Column("items", gettext_lazy("Made of"), "wide", read=_made_of),
        ),
        filters=(MONTHS_FILTER,),
        fetch=fetch,
        default_sort="due_fen",
        empty=gettext_lazy("No closed month to compare with."),
        template="best_plan.html",
        context=context,
    )


def _made_of(row: dict[str, Any]) -> str:
    return " · ".join(f"{formats.named(names)} {formats.yuan_of_fen(fen)}" for _code, names, fen in row["items"])
