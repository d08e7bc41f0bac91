"""Users of other provinces at our counter: what is asked of their province, and what it said (HAL-14)."""

from __future__ import annotations

import secrets
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from openboss.access.console import formats, words
from openboss.access.console.lists import Column, Filter, ListScreen, Paging, Rows, show_list
from openboss.access.console.session import needs, staff_of
from openboss.access.console.views.audit import staff_name
from openboss.access.console.views.money import COUNTER_MEANS, REFUSALS, AmountUnreadable, TillNeeded, fen_of, means_of
from openboss.access.jobs import clock
from openboss.modules.catalog import functions as catalog
from openboss.modules.customers import functions as customers
from openboss.modules.orders import functions as orders
from openboss.modules.orders.functions import HubOrderView
from openboss.modules.receivables.functions.remote import OwnProvince
from openboss.processes import ask_province


def _fetch(filters: dict[str, str], _sort: str, paging: Paging) -> Rows:
    wanted = {name: filters.get(name, "") for name in ("state", "home")}
    rows, total = orders.list_hub_orders(**wanted, page=paging.number, page_size=paging.size)
    return rows, total, {}


def _said(order: HubOrderView) -> str:
    """What the other province answered, in a line."""
    answer = order.answer or {}
    money = {"OwedFen": _("owes"), "AdvanceFen": _("in advance"), "PaidFen": _("paid")}
    parts = [f"{money[key]} ¥{formats.yuan_of_fen(answer[key])}" for key in money if key in answer]
    if "State" in answer:
        vocabulary = "subscriber_state" if order.activity == "STATUS" else "order_state"
        parts.append(str(words.word(vocabulary, answer["State"]).text))
    parts += [_("%(n)s points") % {"n": answer["Points"]}] if "Points" in answer else []
    parts += [str(answer[key]) for key in ("Name", "Iccid", "Imsi") if key in answer]
    parts += [", ".join(answer["Plans"])] if answer.get("Plans") else []
    return " · ".join(parts)


def _screen(context: dict[str, Any]) -> ListScreen:
    return ListScreen(
        name="remote",
        title=gettext_lazy("Users of other provinces"),
        columns=(
            Column("hub_order_id", gettext_lazy("No."), "number"),
            Column("activity", gettext_lazy("What"), "word:hub_activity"),
            Column("number", gettext_lazy("Number"), read=lambda one: formats.masked_phone(one.number)),
            Column("home", gettext_lazy("Home province"), read=lambda one: context["names"].get(one.home, one.home)),
            Column("state", gettext_lazy("State"), "word:hub_state"),
            Column("answer", gettext_lazy("What they said"), read=_said, sub=lambda one: one.words),
            Column("paid_fen", gettext_lazy("Amount"), "fen", hidden=True),
            Column("at", gettext_lazy("Asked at"), "moment"),
            Column("staff_id", gettext_lazy("By"), read=lambda one: staff_name(one.staff_id), hidden=True),
        ),
        filters=(
            Filter("state", gettext_lazy("State"), "choice", words.choices("hub_state")),
            Filter("home", gettext_lazy("Home province"), "choice", tuple(context["names"].items())),
        ),
        fetch=_fetch,
        empty=gettext_lazy("Nothing was asked of another province yet."),
        template="remote.html",
        context=context,
    )


def provinces() -> dict[str, str]:
    """Provinces by their code of two digits, named in the language of the page."""
    areas = catalog.reference_frames()["areas"].select("province", "province_zh", "province_en").unique()
    rows = sorted(areas.rows(), key=lambda row: row[0].zfill(2))
    return {code.zfill(2): formats.named({"zh": zh, "en": en}) for code, zh, en in rows if code.strip("0")}


@require_GET
@needs("customers.edit")
def remote(request: HttpRequest) -> HttpResponseBase:
    """The form of what is asked, and what was asked, the newest first."""
    found, _total = orders.list_hub_orders(page_size=20)
    context = {
        "names": provinces(),
        "activities": [(code, words.word("hub_activity", code).text) for code in ask_province.AT_A_HALL],
        "reasons": words.choices("hub_reason"),
        "means": [(code, words.word("means", code).text) for code in COUNTER_MEANS],
        "waits": any(one.state in orders.OPEN_HUB and one.activity in ask_province.AT_A_HALL for one in found),
        "trans_id": f"H{secrets.token_hex(10)}",
    }
    return show_list(request, _screen(context), active="console:remote")


@require_POST
@needs("customers.edit")
def ask(request: HttpRequest) -> HttpResponse:
    """Ask; the hub brings it and the page shows what they said."""
    given = {
        name: request.POST.get(name, "").strip()[:40] for name in ("number", "home", "activity", "reason", "offer")
    }
    number, staff = customers.read_number(given["number"]), staff_of(request)
    if not number or given["home"] not in provinces() or given["activity"] not in ask_province.AT_A_HALL:
        messages.error(request, _("Number, home province and what is wanted are needed."))
        return redirect("console:remote")
    try:
        ask_province.ask(
            trans_id=request.POST.get("trans_id", "")[:40] or f"H{secrets.token_hex(10)}",
            home=given["home"],
            number=number,
            activity=given["activity"],
            reason=given["reason"] if given["activity"] in ("SUSPEND", "RESUME") else "",
            offer=given["offer"].upper() if given["activity"] in ("ADD_SERVICE", "END_SERVICE") else "",
            shown={name: request.POST.get(name, "").strip()[:32] for name in ("CertNo", "Password")},
            at=clock.now(),
            staff_id=staff.staff_id,
            org_code=staff.org_code,
            **_money(request, given["activity"]),
        )
    except (AmountUnreadable, TillNeeded) as refused:
        messages.error(request, str(REFUSALS[type(refused)]))
    except OwnProvince:
        messages.error(request, _("This number is at home here: use the usual counter."))
    return redirect("console:remote")


def _money(request: HttpRequest, activity: str) -> dict[str, Any]:
    """Amount, means and till of a payment. Raises AmountUnreadable, TillNeeded."""
    if activity != "PAY":
        return {}
    paid_fen = fen_of(request.POST.get("paid", ""))
    if paid_fen == 0:
        raise AmountUnreadable(paid_fen)
    means, till_id = means_of(request)
    return {"paid_fen": paid_fen, "means": means, "till_id": till_id}
