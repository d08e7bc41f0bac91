"""The counter: choose what the customer wants, fill in little, see the price before anything is done (HAL, D13.3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from openboss.access.console import formats, words
from openboss.access.console.page import page, part
from openboss.access.console.session import needs, staff_of, visit_tab
from openboss.access.console.views.counter_refusals import sentence
from openboss.access.console.views.customers import whole_picture
from openboss.access.console.views.desks import BY_KIND, DESKS, INTEGERS, KEYS, Ask, Desk
from openboss.access.console.views.money import AmountUnreadable, fen_of
from openboss.access.console.views.pay import serial_no
from openboss.access.console.views.shown import asked_in, proofs_of, shown_by
from openboss.access.jobs import clock
from openboss.kernel.periods import previous_cycle
from openboss.modules.catalog import functions as catalog
from openboss.modules.customers import functions as customers
from openboss.modules.customers.functions import Customer360, SubscriberView
from openboss.modules.orders.functions import Item
from openboss.modules.resources import functions as resources
from openboss.modules.system import functions as system
from openboss.processes import cart, hall
from openboss.processes.change_customer import SplitPreview, preview_split, sealed_request

NUMBERS, CARDS = 60, 30
MOBILE_DIGITS = 11
COUNTER_REFUSALS: tuple[type[Exception], ...] = (*hall.REFUSALS, AmountUnreadable)


def places_of(request: HttpRequest) -> frozenset[str]:
    """The places whose stock this clerk may use: their own and those below."""
    return frozenset(system.org_subtree(code=staff_of(request).org_code))


def _whose(request: HttpRequest) -> tuple[Customer360, SubscriberView | None]:
    """The customer and the user an address or a form names. Raises Http404."""
    given = request.POST if request.method == "POST" else request.GET
    if not given.get("customer", "").isdecimal():
        raise Http404
    picture = whole_picture(int(given["customer"]))
    users = picture.subscribers
    return picture, next(
        (one for one in users if str(one.subscriber_id) == given.get("user")), users[0] if users else None
    )


@require_GET
@needs("customers.edit")
def counter(request: HttpRequest) -> HttpResponse:
    """What can be done for this customer."""
    picture, user = _whose(request)
    visit_tab(request, picture.customer.customer_id)
    desks = [
        {"desk": desk, "key": key, "url": _address(desk.kind, picture, user)}
        for desk, key in zip(DESKS, KEYS, strict=True)
        if user or not desk.for_user
    ]
    context = {
        **_whom(request, picture, user),
        "desks": desks,
        "cart": cart.open_cart(customer_id=picture.customer.customer_id),
    }
    return page(request, "counter.html", context)


def _whom(request: HttpRequest, picture: Customer360, user: SubscriberView | None) -> dict[str, Any]:
    """Whom a page of the counter is about, and what they showed of who they are."""
    customer_id = picture.customer.customer_id
    return {
        "active": "console:customers",
        "tab": customer_id,
        "who": picture.customer,
        "user": user,
        "shown": shown_by(request, customer_id),
    }


def _address(kind: str, picture: Customer360, user: SubscriberView | None) -> str:
    place = f"{reverse('console:order_new', args=[kind])}?customer={picture.customer.customer_id}"
    return f"{place}&user={user.subscriber_id}" if user else place


def _choices(
    ask: Ask, request: HttpRequest, picture: Customer360, user: SubscriberView | None
) -> list[tuple[Any, str]]:
    """What a field offers."""
    if ask.kind in ("offer", "addon"):
        wanted = ("MAIN",) if ask.kind == "offer" else ("ADDON", "GROUP", "FAMILY")
        found = [one for one in catalog.offers_on_sale(clock.today()) if one.kind in wanted]
        return [(one.offer_id, formats.named(one)) for one in found]
    if ask.kind == "holding":
        held = user.holdings if user else ()
        return [(one.holding_id, formats.named(one)) for one in held if one.kind != "MAIN" and one.to_at is None]
    if ask.kind in ("account", "payer"):
        return [(one.account_id, str(one.account_id)) for one in picture.accounts]
    if ask.kind == "number":
        numbers = resources.find_numbers(at=clock.now(), org_codes=places_of(request), limit=NUMBERS)
        return [(one.number, _number_text(one)) for one in numbers]
    if ask.kind == "card":
        cards = resources.free_sims(org_codes=places_of(request), limit=CARDS)
        return [(one.iccid, f"{one.iccid} · {one.hlr_code}") for one in cards]
    if ask.kind == "item":
        kinds = catalog.bill_item_types()
        groups = {one.group_code: formats.named({"zh": one.group_zh, "en": one.group_en}) for one in kinds}
        return [("ALL", _("Everything")), *groups.items(), *((one.code, formats.named(one)) for one in kinds)]
    unchanged = [("", _("as it is"))] if ask.optional else []
    if ask.kind == "customer_class" and (tree := customers.classes()):
        named = [(one.code, formats.named({"zh": one.name_zh, "en": one.name_en})) for one in tree.values()]
        return [*unchanged, *named]
    return [*unchanged, *words.choices(ask.kind)] if ask.kind in words.WORDS else []


def _number_text(number: resources.NumberOffer) -> str:
    text = f"{formats.phone(number.number)} · {number.grade}"
    return f"{text} · ¥{formats.yuan_of_fen(number.deposit_fen)}" if number.deposit_fen else text


@require_GET
@needs("customers.edit")
def new(request: HttpRequest, kind: str) -> HttpResponse:
    """The form of one flow."""
    if kind not in BY_KIND:
        raise Http404
    desk, (picture, user) = BY_KIND[kind], _whose(request)
    visit_tab(request, picture.customer.customer_id)
    context = {
        **_whom(request, picture, user if desk.for_user else None),
        **asked_in(request, picture.customer.customer_id, hall.FLOWS[kind].operation),
        "desk": desk,
        "chosen": request.GET.get("offer_id", ""),
        "lead": request.GET.get("lead", "") if kind == "OPEN" else "",
        "asks": [(ask, _choices(ask, request, picture, user)) for ask in desk.asks],
        "effective": [(code, words.word("effective", code).text) for code in desk.effective],
        "serial_no": serial_no(),
    }
    return page(request, "order_new.html", context)


def _request(request: HttpRequest, desk: Desk) -> dict[str, Any]:
    """What the filled form asks for, as the flow wants it. Raises AmountUnreadable."""
    wanted: dict[str, Any] = {}
    for ask in desk.asks:
        text = request.POST.get(ask.key, "").strip()
        if ask.kind == "flag":
            wanted |= {ask.key: True} if text else {}
        elif ask.kind == "money":  # a per cent is a hundred ten-thousandths, a yuan a hundred fen
            wanted |= {ask.key: fen_of(text)} if text else {}
        elif ask.kind == "numbers":
            wanted |= {ask.key: [customers.read_number(one) for one in text.replace(",", " ").split()]} if text else {}
        elif text:
            whole = customers.read_number if ask.kind == "number" else int
            wanted[ask.key] = whole(text) if ask.kind in INTEGERS and text.isdecimal() else text
    match desk.kind:
        case "OPEN":
            lead = request.POST.get("lead", "")
            return wanted | _derived(wanted) | ({"lead_id": int(lead)} if lead.isdecimal() else {})
        case "TRANSFER":
            return wanted | _new_owner(wanted)
        case "CHANGE_CUSTOMER":
            reason = wanted.pop("reason", "")
            return sealed_request(wanted, reason=reason) if wanted else {}
        case _:
            return wanted


def _new_owner(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The customer a number or a customer number names, and their first account if none is named.

    What cannot be found stays empty, so that the flow says that it is missing.
    """
    text = str(wanted.get("to_customer_id", ""))
    found = [hit.customer_id for hit in customers.search(text) if text.isdecimal() and len(text) >= MOBILE_DIGITS]
    customer_id = found[0] if len(found) == 1 else int(text) if text.isdecimal() and not found else None
    if customer_id is None:
        return {"to_customer_id": None}
    try:
        accounts = whole_picture(customer_id).accounts
    except Http404:
        return {"to_customer_id": None}
    account_id = wanted.get("to_account_id") or next((one.account_id for one in accounts), None)
    return {"to_customer_id": customer_id, "to_account_id": account_id}


def _derived(wanted: dict[str, Any]) -> dict[str, Any]:
    """What follows from the plan and the number: brand and home area. An unknown number is refused by the flow."""
    offer = next((one for one in catalog.offers() if one.offer_id == wanted.get("main_offer_id")), None)
    found: dict[str, Any] = {"brand": offer.brand if offer else ""}
    if isinstance(wanted.get("number"), int):
        found["home_area"] = resources.number_view(number=wanted["number"], at=clock.now()).home_area
    return found


def _order(request: HttpRequest, kind: str) -> tuple[SubscriberView | None, dict[str, Any]]:
    """The user a form is about, and its order as the hall takes it. Raises Http404 and the refusals of resources."""
    if kind not in BY_KIND:
        raise Http404
    desk, (picture, user) = BY_KIND[kind], _whose(request)
    effective = request.POST.get("effective", "")
    asked: dict[str, Any] = {
        "kind": kind,
        "request": _request(request, desk),
        "at": clock.now(),
        "customer_id": picture.customer.customer_id,
        "subscriber_id": user.subscriber_id if user and desk.for_user else None,
        "org_code": staff_of(request).org_code,
        "channel": "HALL",
        "effective": effective if effective in desk.effective else desk.effective[0],
    }
    return user, asked


def contents(items: Sequence[Item]) -> list[dict[str, Any]]:
    """The items of an order with what they are about: the offer's name, the number, the card, the reason."""
    names = {offer.offer_id: formats.named(offer) for offer in catalog.offers()}
    return [{"item": item, "about": _about(item.values, names)} for item in items]


def _about(values: Mapping[str, Any], names: Mapping[int, str]) -> str:
    if "offer_id" in values:
        return names.get(values["offer_id"], str(values["offer_id"]))
    if "number" in values:
        return formats.masked_phone(values["number"])
    if "add" in values:
        signed = (("+", values["add"]), ("−", values["remove"]))
        return ", ".join(f"{sign} {formats.masked_phone(one)}" for sign, numbers in signed for one in numbers)
    if "mode" in values:
        return f"{values['account_id']} · {words.word('relation_mode', values['mode']).text}"
    if "fields" in values:
        return ", ".join(str(words.word("order_field", field).text) for field in values["fields"])
    if "reason" in values:
        return str(words.word("state_event", values["reason"]).text)
    return str(values.get("iccid", ""))


@require_POST
@needs("customers.edit")
def preview(request: HttpRequest, kind: str) -> HttpResponse:
    """What the order would come to, or what stands in its way; nothing is stored."""
    try:
        _user, asked = _order(request, kind)
        plan = hall.preview(**asked)
        split = _split(asked) if kind == "CHANGE_PAYER" else None
    except COUNTER_REFUSALS as refused:
        return part(request, "order_preview.html", {"refusal": sentence(refused)})
    context = {
        "items": contents(plan.items),
        "plan": plan,
        "sum_fen": sum(fee.fee_fen for fee in plan.fees),
        "effective": asked["effective"],
        "split": split,
        "split_rows": _split_rows(split) if split else [],
    }
    return part(request, "order_preview.html", context)


def _split(asked: Mapping[str, Any]) -> SplitPreview:
    """How last month's bill would have been shared with this payer (D1.1). Raises RelationWrong."""
    wanted = {key: value for key, value in asked["request"].items() if key != "account_id"}
    cycle = previous_cycle(customers.cycle_of(asked["at"]))
    account_id = asked["request"]["account_id"]
    return preview_split(subscriber_id=asked["subscriber_id"], cycle=cycle, account_id=account_id, **wanted)


def _split_rows(split: SplitPreview) -> list[tuple[int, int, int]]:
    """Account, what it paid, what it would have paid."""
    accounts = sorted({*split.before_fen, *split.after_fen})
    return [(one, split.before_fen.get(one, 0), split.after_fen.get(one, 0)) for one in accounts]


@require_POST
@needs("customers.edit")
def place(request: HttpRequest, kind: str) -> HttpResponse:
    """Take the order down, alone or into the customer's cart; its page leads through what is still to be done."""
    try:
        user, asked = _order(request, kind)
        asked |= {
            "serial_no": request.POST.get("serial_no", "")[:60] or serial_no(),
            "proofs": proofs_of(request, asked["customer_id"], user.subscriber_id if user else None),
            "staff_id": staff_of(request).staff_id,
            "within": places_of(request),
        }
        order = cart.put(**asked) if "into_cart" in request.POST else hall.place(**asked)
    except COUNTER_REFUSALS as refused:
        messages.error(request, sentence(refused))
        back = f"{reverse('console:order_new', args=[kind])}?customer={request.POST.get('customer', '')}"
        return redirect(f"{back}&user={request.POST.get('user', '')}")
    if order.part_of_id is not None:
        return redirect("console:cart", order.part_of_id)
    return redirect("console:order", order.order_id)
