"""A user pays for numbers of other provinces (异地代付): for whom, what was paid by month, order and end (D8.13)."""

from __future__ import annotations

import secrets
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from openboss.access.console import formats
from openboss.access.console.page import page
from openboss.access.console.session import needs, staff_of
from openboss.access.console.views.counter_refusals import sentence
from openboss.access.console.views.entitlements import line_context
from openboss.access.console.views.money import carried_out, second_person
from openboss.access.console.views.remote import provinces
from openboss.access.console.views.shown import PROOFS_REFUSED, asked_in, proofs_of
from openboss.access.jobs import clock
from openboss.modules.customers import functions as customers
from openboss.modules.receivables.functions import elsewhere as relations
from openboss.modules.receivables.functions.remote import OwnProvince
from openboss.modules.system.functions import SerialNumberUsed
from openboss.processes import pay_elsewhere

OPERATION = "CHANGE_PAYER"
REFUSALS: dict[type[Exception], str | Promise] = {
    pay_elsewhere.PayerNotInService: gettext_lazy(
        "Only a user in service pays for others, out of an account of the same customer."
    ),
    OwnProvince: gettext_lazy("This number is at home here: change who pays at the usual counter."),
    relations.TooManyNumbers: gettext_lazy(
        "A customer pays for at most six numbers of other provinces: end one first."
    ),
    relations.IsPaidFor: gettext_lazy(
        "Somebody elsewhere pays for a number of this customer, who then pays for nobody."
    ),
    relations.RelationExists: gettext_lazy("Somebody here pays for this number already."),
    relations.RelationUnknown: gettext_lazy("This has ended already. Load the page again."),
    SerialNumberUsed: gettext_lazy("This form was sent already with other content. Load the page again."),
}


@require_http_methods(["GET", "POST"])
@needs("customers.edit")
def elsewhere(request: HttpRequest, subscriber_id: int) -> HttpResponse:
    """For whom the user's customer pays in other provinces, and the form to add a number."""
    context = line_context(request, subscriber_id)
    customer_id = context["tab"]
    if request.method == "POST" and _ordered(request, subscriber_id, customer_id):
        return redirect("console:elsewhere", subscriber_id)
    known = relations.relations(side=relations.PAYS, customer_id=customer_id)
    months = relations.months(relation_id__in=[one.relation_id for one in known])
    names = provinces()
    context |= {
        "active": "console:customers",
        "relations": [
            {
                "row": one,
                "number": formats.masked_phone(one.number),
                "province": names.get(one.province, one.province),
                "months": [month for month in months if month.relation_id == one.relation_id][:6],
                "is_live": one.state in ("ASKED", "ACTIVE"),
                "unanswered": [
                    month for month in months if month.relation_id == one.relation_id and month.state == "MANUAL"
                ],
            }
            for one in known
        ],
        "provinces": names.items(),
        "typed": request.POST,
        "trans_id": f"PF{secrets.token_hex(10)}",
        **asked_in(request, customer_id, OPERATION),
        "asks": True,
    }
    return page(request, "elsewhere.html", context)


def _ordered(request: HttpRequest, subscriber_id: int, customer_id: int) -> bool:
    """Order what the form says; what is refused is said in words and gives False."""
    post, staff = request.POST, staff_of(request)
    number = customers.read_number(post.get("number", ""))
    if not number or post.get("home") not in provinces():
        messages.error(request, _("Number and home province are needed."))
        return False
    try:
        customers.refuse_unproved(OPERATION, set(proofs_of(request, customer_id, subscriber_id)))
        pay_elsewhere.order(
            subscriber_id=subscriber_id,
            province=post["home"],
            number=number,
            trans_id=post.get("trans_id", "")[:40] or f"PF{secrets.token_hex(10)}",
            at=clock.now(),
            staff_id=staff.staff_id,
            org_code=staff.org_code,
        )
    except PROOFS_REFUSED as refused:
        messages.error(request, sentence(refused))
    except tuple(REFUSALS) as refused:
        messages.error(request, str(REFUSALS[type(refused)]))
    else:
        messages.success(request, _("The other province is being asked; load the page again for its answer."))
        return True
    return False


@require_POST
@needs("customers.edit")
def end(request: HttpRequest, subscriber_id: int) -> HttpResponse:
    """Pay for a number no more, from this month on."""
    chosen, staff = request.POST.get("relation", ""), staff_of(request)
    customer_id = line_context(request, subscriber_id)["tab"]
    mine = {str(one.relation_id) for one in relations.live(side=relations.PAYS, customer_id=customer_id)}
    who: dict[str, Any] = {"at": clock.now(), "staff_id": staff.staff_id, "org_code": staff.org_code}
    if chosen not in mine:
        messages.error(request, str(REFUSALS[relations.RelationUnknown]))
        return redirect("console:elsewhere", subscriber_id)
    pay_elsewhere.end(relation_id=int(chosen), **who)
    messages.success(request, _("Ended: this month and later ones are not paid for any more."))
    return redirect("console:elsewhere", subscriber_id)


@require_POST
@needs("receivables.adjust")
def decide(request: HttpRequest, subscriber_id: int) -> HttpResponse:
    """Say of a payment nobody answered that it was paid there, or give the money back; a second person signs."""
    post, customer_id = request.POST, line_context(request, subscriber_id)["tab"]
    mine = {str(one.relation_id) for one in relations.relations(side=relations.PAYS, customer_id=customer_id)}
    relation, _dot, cycle = post.get("month", "").partition(".")
    back = redirect("console:elsewhere", subscriber_id)
    if relation not in mine or not cycle.isdecimal() or post.get("decision") not in ("paid", "back"):
        messages.error(request, str(REFUSALS[relations.RelationUnknown]))
        return back
    done = carried_out(
        request,
        lambda: relations.decide(
            relation_id=int(relation), cycle=int(cycle), is_paid=post["decision"] == "paid", at=clock.now(),
            staff_id=staff_of(request).staff_id, approved_by=second_person(request),
        ),
    )  # fmt: skip
    if done is not None and done.state == "PAID":
        messages.success(request, _("Noted: the other province has this payment."))
    elif done is not None:
        messages.success(request, _("The money is in the account again; the bill is asked for anew."))
    return back
