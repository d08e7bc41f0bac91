"""The web hall: a customer logs in and sees the balance, last charges and bills, and orders (CHN-04); the same for an
old telephone's browser, and as JSON for the telephone's own program (CHN-06)."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from openboss.access.jobs import clock
from openboss.access.selfcare import picture
from openboss.access.selfcare.pay import drawn, e164
from openboss.access.selfcare.tries import may_try
from openboss.kernel.usage import Unit
from openboss.modules.billing import functions as billing
from openboss.modules.billing.functions.bill_document import bill_pdf
from openboss.modules.charging.functions.live import last_events
from openboss.modules.customers import functions as customers
from openboss.modules.customers.functions import SubscriberUnknown
from openboss.modules.receivables.functions import monthly_gifts
from openboss.modules.receivables.functions.points import points_of
from openboss.modules.receivables.functions.rules import rules_at
from openboss.processes import counter_offer, emergency_opening, hall, tell_balance
from openboss.processes.tell_balance import UserBalance

CUSTOMER = "selfcare_customer"
STAYS = timedelta(minutes=15)
BILLS = 6


@never_cache
@require_http_methods(["GET", "POST"])
def log_in(request: HttpRequest) -> HttpResponse:
    """Number, service password and the code of the picture (PWD-01, PWD-04); each code is good for one try."""
    refusal, status, now = "", 422, clock.now()
    number = request.POST.get("number", "").strip()
    if request.method == "POST" and not may_try(request, now):
        refusal, status = _("Too many tries from here. Wait ten minutes."), 429
    elif request.method == "POST":
        refusal = _refused(request, number, now)
        if not refusal:
            return redirect("selfcare:wap" if "wap" in request.GET else "selfcare:mine")
    shown = customers.issue_challenge(at=now)
    context = {
        "number": number,
        "refusal": refusal,
        "challenge_id": shown.challenge_id,
        "path": picture.path_of(shown.answer),
        "size": (picture.WIDTH, picture.HEIGHT),
    }
    page = "wap_login.html" if "wap" in request.GET else "login.html"
    return drawn(request, page, context, status=status if refusal else 200)


def _refused(request: HttpRequest, number: str, now: datetime) -> str:
    """Let the customer in, or say why not; who has not read the picture learns nothing of numbers."""
    code: dict[str, Any] = {
        "challenge_id": _challenge(request.POST.get("challenge", "")),
        "answer": request.POST.get("answer", "").strip(),
    }
    digits = request.POST.get("password", "")
    try:
        user = _user_of(number, now)
        if user is None:
            customers.spend_challenge(**code, at=now)
            raise customers.PasswordWrong
        customers.log_in_to_web_hall(subscriber_id=user, digits=digits, **code, at=now)
    except customers.ChallengeMissing:
        return _("The code was not the one in the picture. Here is another.")
    except customers.PasswordLocked:
        return _("Too many wrong passwords: come to the hall with your document.")
    except customers.PasswordInitial:
        return _("Your first password has to be changed before it is used here: call 10086.")
    except (customers.PasswordWrong, customers.PasswordMissing):
        return _("Number or service password is wrong.")
    request.session.cycle_key()
    request.session[CUSTOMER] = {"subscriber_id": user, "until_at": (now + STAYS).isoformat()}
    return ""


def _user_of(number: str, now: datetime) -> int | None:
    try:
        return customers.subscriber_of_number(number=e164(number), at=now)
    except SubscriberUnknown:
        return None


def _challenge(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def _customer_of(request: HttpRequest) -> int | None:
    """Who is logged in, if they asked for something lately."""
    kept = request.session.get(CUSTOMER)
    if not kept or clock.now() >= datetime.fromisoformat(kept["until_at"]):
        request.session.pop(CUSTOMER, None)
        return None
    return int(kept["subscriber_id"])


def for_customer(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Let a page be opened by who is logged in; the view is given the user. What a page asks by itself is no visit."""

    @wraps(view)
    def guarded(request: HttpRequest, **kwargs: Any) -> HttpResponse:
        user = _customer_of(request)
        if user is None:
            return _to_login(request)
        if not request.htmx:
            until_at = (clock.now() + STAYS).isoformat()
            request.session[CUSTOMER] = {"subscriber_id": user, "until_at": until_at}
        return view(request, user, **kwargs)

    return never_cache(guarded)


def _to_login(request: HttpRequest) -> HttpResponse:
    """Back to the login that was used; a part of a page that asks by itself has the whole page go there."""
    is_wap = "wap" in request.GET or request.path == reverse("selfcare:wap")
    address = reverse("selfcare:login") + ("?wap" if is_wap else "")
    return HttpResponse(status=204, headers={"HX-Redirect": address}) if request.htmx else redirect(address)


@require_GET
@for_customer
def mine(request: HttpRequest, user: int) -> HttpResponse:
    """Balance, free resources, what goes on, what was charged last, bills and points of who is logged in."""
    balance = tell_balance.of_user(user, at=clock.now())
    context = {
        "balance": balance,
        "free": _free(balance),
        "events": last_events(user),
        "number": _number(user),
    }
    if request.htmx:
        return drawn(request, "mine_live.html", context)
    context |= {
        "bills": _bills_of(user),
        "coming": monthly_gifts.coming_of_account(account_id=balance.account.account_id),
        "points": points_of(subscriber_id=user),
        "rating": customers.star_rating_of(subscriber_id=user),
        "offer": counter_offer.offer_for(subscriber_id=user, at=clock.now()),
        "serial_no": f"W-{secrets.token_hex(12)}",
        **_emergency(user),
    }
    return drawn(request, "mine.html", context)


def _emergency(user: int) -> dict[str, Any]:
    """The emergency opening that goes on, or whether there may be one: what it gives (D9.7)."""
    now = clock.now()
    may_open = emergency_opening.may_open(subscriber_id=user, at=now)
    return {
        "opening": emergency_opening.standing_of(subscriber_id=user),
        "may_open": rules_at(now).value("emergency") if may_open else None,
    }


@require_GET
@for_customer
def wap(request: HttpRequest, user: int) -> HttpResponse:
    """The balance for a browser that knows neither style nor script."""
    balance = tell_balance.of_user(user, at=clock.now())
    context = {"balance": balance, "free": _free(balance), "number": _number(user), **_emergency(user)}
    return drawn(request, "wap.html", context | {"serial_no": f"W-{secrets.token_hex(12)}"})


@require_GET
@never_cache
def handheld(request: HttpRequest) -> HttpResponse:
    """The balance as JSON, in li, for the program on a telephone whose user is logged in."""
    user = _customer_of(request)
    if user is None:
        return JsonResponse({"refused": "log in"}, status=401)
    balance = tell_balance.of_user(user, at=clock.now())
    free = [{"names": one.names, "unit": Unit(one.unit).name, "granted": one.granted, "used": one.used}
            for one in (balance.live.free if balance.live else [])]  # fmt: skip
    told = {
        "balance_li": balance.account.balance_li,
        "reserved_li": balance.account.reserved_li,
        "unbilled_li": balance.unbilled_li,
        "owed_fen": balance.account.owed.owed_fen,
        "is_live": balance.account.is_live,
        "free": free,
    }
    return JsonResponse(told)


@require_POST
@for_customer
def order(request: HttpRequest, user: int) -> HttpResponse:
    """Order the product that was offered; it stands in the one table of orders, like an order of any hall."""
    offer_id, serial_no = request.POST.get("offer_id", ""), request.POST.get("serial_no", "")[:60]
    try:
        counter_offer.accept(
            subscriber_id=user,
            offer_id=int(offer_id) if offer_id.isdecimal() and len(offer_id) < 10 else 0,
            channel="WEB",
            serial_no=serial_no or f"W-{secrets.token_hex(12)}",
            at=clock.now(),
        )
    except hall.IN_ONE_GO_REFUSALS:
        messages.error(request, _("This cannot be ordered here: come to the hall."))
    else:
        messages.success(request, _("It is ordered."))
    return redirect("selfcare:mine")


@require_POST
@for_customer
def open_in_emergency(request: HttpRequest, user: int) -> HttpResponse:
    """Open the service that is stopped for arrears, for a day or a small credit, once a month (D9.7)."""
    try:
        order = hall.place_and_confirm(
            kind="EMERGENCY",
            serial_no=request.POST.get("serial_no", "")[:60] or f"W-{secrets.token_hex(12)}",
            channel="WEB",
            request={},
            proofs=[customers.Proof.SERVICE],
            at=clock.now(),
            staff_id=None,
            org_code="",
            subscriber_id=user,
        )
    except hall.IN_ONE_GO_REFUSALS as refused:
        messages.error(request, _emergency_refused(refused))
    else:
        messages.success(request, _("Your service is open until %s.") % (order.result or {})["until"])
    return redirect("selfcare:wap" if "wap" in request.GET else "selfcare:mine")


def _emergency_refused(refused: Exception) -> str:
    kind = f"EMERGENCY_{type(refused).__name__}"
    if isinstance(refused, emergency_opening.REFUSALS):
        return customers.text_of(kind, language=(get_language() or "zh")[:2], values={})
    return _("This cannot be ordered here: come to the hall.")


@require_GET
@for_customer
def bill(request: HttpRequest, user: int, *, bill_id: int) -> HttpResponse:
    """One of their own bills. Raises Http404 for another's."""
    del request
    if bill_id not in {one.bill_id for one in _bills_of(user)}:
        raise Http404
    answer = HttpResponse(bill_pdf(bill_id, (get_language() or "zh")[:2]), content_type="application/pdf")
    answer["Content-Disposition"] = f'inline; filename="bill-{bill_id}.pdf"'
    return answer


@require_POST
def leave(request: HttpRequest) -> HttpResponse:
    """Log out."""
    request.session.pop(CUSTOMER, None)
    return _to_login(request)


def _bills_of(user: int) -> list[billing.BillRow]:
    customer_id = customers.customer_of_subscriber(subscriber_id=user)
    return list(billing.bills_of_customer(customer_id=customer_id, months=BILLS))


def _number(user: int) -> str:
    return customers.mask_number(customers.numbers_of_subscribers(subscriber_ids=[user], at=clock.now()).get(user, 0))


def _free(balance: UserBalance) -> list[dict[str, Any]]:
    """Free resources as bars: what is left of each."""
    return [
        {
            "names": one.names,
            "unit": Unit(one.unit).name,
            "left": max(0, one.granted - one.used),
            "granted": one.granted,
            "used_pct": min(100, one.used * 100 // one.granted) if one.granted else 100,
        }
        for one in (balance.live.free if balance.live else [])
    ]
