"""Recharge by voucher at the counter: the number, the digits under the scratched field, and the money is there."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.functional import Promise
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from openboss.access.console.page import page
from openboss.access.console.session import needs, staff_of
from openboss.access.jobs import clock
from openboss.modules.customers import functions as customers
from openboss.modules.customers.functions import SubscriberUnknown
from openboss.modules.resources import functions as resources
from openboss.processes import recharge_by_voucher

REFUSALS: dict[type[Exception], str | Promise] = {
    SubscriberUnknown: _("No user has this number. Check it digit by digit."),
    resources.VoucherUnknown: _("No voucher has these digits. After five wrong tries the number is locked for a day."),
    resources.VoucherUsed: _("This voucher was used already."),
    resources.VoucherNotActive: _("This voucher is not sold yet, is blocked, or its time is over."),
    resources.RechargeLocked: _("Wrong digits were given five times: this number can recharge again in 24 hours."),
}


@require_http_methods(["GET", "POST"])
@needs("receivables.collect")
def recharge(request: HttpRequest) -> HttpResponse:
    """Put a voucher into the account that pays for a number (ACM-28); what is refused is said and changes nothing."""
    number = request.POST.get("number", request.GET.get("number", "")).strip()
    refusal: str | Promise = ""
    if request.method == "POST":
        try:
            taken = recharge_by_voucher.recharge(
                number=_e164(number),
                pin=request.POST.get("pin", "").replace(" ", ""),
                channel="HALL",
                at=clock.now(),
                staff_id=staff_of(request).staff_id,
            )
        except tuple(REFUSALS) as refused:
            refusal = REFUSALS[type(refused)]
        else:
            messages.success(request, _now("The voucher's money is in the account."))
            return redirect("console:payment", taken.posted.payment_id)
    context = {"active": "console:recharge", "number": number, "refusal": refusal}
    return page(request, "recharge.html", context, status=422 if refusal else 200)


def _e164(text: str) -> int:
    number = customers.read_number(text)
    if not number:
        raise SubscriberUnknown(text)
    return number
