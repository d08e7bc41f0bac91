"""Recharge by voucher in self-care: whoever holds the voucher may put it into any number."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from openboss.access.jobs import clock
from openboss.access.selfcare.pay import drawn, e164
from openboss.modules.customers.functions import SubscriberUnknown
from openboss.modules.resources import functions as resources
from openboss.processes import recharge_by_voucher


@never_cache
@require_http_methods(["GET", "POST"])
def recharge(request: HttpRequest) -> HttpResponse:
    """Ask for the number and the voucher's digits; say how much came in. What the number owes is not told."""
    number, refusal, paid_fen = request.POST.get("number", "").strip(), "", 0
    if request.method == "POST":
        pin = request.POST.get("pin", "").replace(" ", "")
        try:
            taken = recharge_by_voucher.recharge(number=e164(number), pin=pin, channel="WEB", at=clock.now())
            paid_fen = taken.posted.paid_fen
        except SubscriberUnknown:
            refusal = _("There is no such number with us. Check it digit by digit.")
        except resources.RechargeLocked:
            refusal = _("Wrong digits were given five times: this number can recharge again in 24 hours.")
        except (resources.VoucherUnknown, resources.VoucherUsed, resources.VoucherNotActive):
            # one sentence for all: a thief learns nothing of which vouchers there are
            refusal = _("These digits cannot be used. After five wrong tries the number is locked for a day.")
    context = {"number": number, "refusal": refusal, "paid_fen": paid_fen}
    return drawn(request, "recharge.html", context, status=422 if refusal else 200)
