"""Payment on the web: the customer's page, the provider's notices, and the page to come back to."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from openboss.access.jobs import clock
from openboss.access.selfcare.providers import Provider, provider_named, sandbox
from openboss.access.selfcare.tries import may_try
from openboss.modules.customers.functions import SubscriberUnknown, read_number
from openboss.modules.receivables.functions.web_payments import WebOrderUnknown, WebOrderView, web_order
from openboss.modules.system.functions import SerialNumberUsed
from openboss.modules.system.signing import MessageForged
from openboss.processes import pay_by_web
from openboss.processes.pay_by_web import (
    MOST_FEN,
    AmountOutOfRange,
    CurrencyWrong,
    NoticeMalformed,
    ProviderWrong,
    TooManyOrders,
)

NOTICE_LIMIT = 10_000  # bytes


def drawn(request: HttpRequest, template: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
    """A page of self-care in the visitor's theme."""
    theme = request.COOKIES.get("theme", "auto")
    shell = {"theme": theme if theme in ("light", "dark") else "auto", "density": "normal"}
    return render(request, f"selfcare/{template}", {**shell, **context}, status=status)


@never_cache
@require_http_methods(["GET", "POST"])
def start(request: HttpRequest) -> HttpResponse:
    """Ask for the number and the amount; make the order and lead to it. Nothing about the number is told."""
    chosen = provider_named(settings.WEB_PAYMENTS)
    if chosen is None:
        raise Http404
    number, amount = request.POST.get("number", "").strip(), request.POST.get("amount", "").strip()
    refusal, status, now = "", 422, clock.now()
    if request.method == "POST" and not may_try(request, now):
        refusal, status = _("Too many tries from here. Wait ten minutes."), 429
    elif request.method == "POST":
        try:
            made = pay_by_web.order(number=e164(number), asked_fen=_fen(amount), provider=chosen.NAME, at=now)
            return redirect("selfcare:order", made.order_no)
        except SubscriberUnknown:
            refusal = _("There is no such number with us. Check it digit by digit.")
        except AmountOutOfRange:
            refusal = _("Write an amount from 0.01 to 5,000.00 yuan.")
        except TooManyOrders:
            refusal, status = _("Several payments are open for this number. Pay one, or wait half an hour."), 429
    context = {"number": number, "amount": amount, "refusal": refusal}
    return drawn(request, "pay.html", context, status=status if refusal else 200)


def e164(text: str) -> int:
    """A number as people type it, with country code. Raises SubscriberUnknown."""
    number = read_number(text)
    if not number:
        raise SubscriberUnknown(text)
    return number


def _fen(text: str) -> int:
    """An amount typed in yuan as whole fen. Raises AmountOutOfRange."""
    try:
        amount = Decimal(text.replace(",", ""))
    except InvalidOperation as wrong:
        raise AmountOutOfRange(text) from wrong
    if not (amount.is_finite() and 0 < amount <= MOST_FEN) or amount.scaleb(2) % 1:
        raise AmountOutOfRange(text)
    return int(amount.scaleb(2))


def _order(order_no: str) -> WebOrderView:
    try:
        return web_order(order_no=order_no)
    except WebOrderUnknown as unknown:
        raise Http404 from unknown


@never_cache
@require_GET
def order(request: HttpRequest, order_no: str) -> HttpResponse:
    """One order: pay it, or read what became of it; the page follows the order while the provider is asked."""
    found = _order(order_no)
    provider = provider_named(found.provider)
    is_over = found.state != "PAID" and clock.now() > found.expires_at
    context = {
        "order": found,
        "state": "EXPIRED" if is_over else found.state,
        "page": provider.page_of(found) if provider and not is_over and found.state != "PAID" else "",
        "waits": "came" in request.GET and found.state == "OPEN" and not is_over,
    }
    return drawn(request, "order_state.html" if request.htmx else "order.html", context)


@csrf_exempt
@require_POST
def notice(request: HttpRequest, provider: str) -> HttpResponse:
    """A provider's notice: believed for its signature alone, taken once however often it comes."""
    chosen = provider_named(provider)
    if chosen is None or provider != settings.WEB_PAYMENTS:
        raise Http404
    if len(request.body) > NOTICE_LIMIT:
        return JsonResponse({"refused": "too long"}, status=413)
    answer, status = _taken(chosen, request.headers, request.body)
    return JsonResponse(answer, status=status)


def _taken(chosen: Provider, headers: Mapping[str, str], body: bytes) -> tuple[dict[str, str], int]:
    """What a provider is answered: 200 when we have it, 4xx when sending it again is useless."""
    now = clock.now()
    try:
        done = pay_by_web.take_notice(chosen.read_notice(headers, body, now), at=now)
    except MessageForged:
        return {"refused": "signature"}, 403
    except (NoticeMalformed, CurrencyWrong, ProviderWrong):
        return {"refused": "content"}, 400
    except SerialNumberUsed:
        return {"refused": "transaction belongs to another payment"}, 409
    return {"taken": done.became}, 200


@never_cache
@require_http_methods(["GET", "POST"])
def sandbox_page(request: HttpRequest, order_no: str) -> HttpResponse:
    """The sandbox's page, in place of a bank's: whoever opens it says what shall become of the order."""
    if settings.WEB_PAYMENTS != sandbox.NAME:
        raise Http404
    found = _order(order_no)
    if request.method == "GET":
        return drawn(request, "sandbox.html", {"order": found})
    outcome = "PAID" if request.POST.get("choice") == "pay" else "FAILED"
    headers, body = sandbox.write_notice(
        found,
        outcome=outcome,
        transaction_no=secrets.token_hex(8),
        paid_fen=found.asked_fen,
        at=clock.now(),
    )
    _taken(sandbox, headers, body)
    return redirect(f"{reverse('selfcare:order', args=[order_no])}?came=1")
