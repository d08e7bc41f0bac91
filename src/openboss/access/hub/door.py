"""One door for messages of other provinces: signed envelopes in, signed envelopes out (D18.1 to D18.4)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from pydantic import ValidationError

from openboss.access.hub.envelope import COUNTRY, SIGNATURE, Message, answer_to
from openboss.access.jobs import clock
from openboss.modules.customers import functions as customers
from openboss.modules.customers.functions import SubscriberUnknown
from openboss.modules.orders.functions import OrderDifferent
from openboss.modules.receivables import functions as receivables
from openboss.modules.receivables.functions import elsewhere
from openboss.modules.receivables.functions.remote import OwnProvince
from openboss.modules.receivables.functions.rules import rules_at
from openboss.modules.system.functions import SerialNumberUsed
from openboss.modules.system.keys import key_for
from openboss.modules.system.signing import MessageForged, refuse_forged, sign
from openboss.processes import hall, paid_elsewhere, remote_payments, roaming_use, serve_province
from openboss.processes.ask_province import DONE_CODE
from openboss.processes.remote_payments import CompensatedBefore
from openboss.processes.serve_province import NoCardKept, Shown

MOST_BYTES = 10_000

REFUSALS: dict[type[Exception], tuple[str, str]] = {
    OwnProvince: ("1001", "The asking province is the home province."),
    SubscriberUnknown: ("2001", "There is no such number here."),
    receivables.AmountWrong: ("2002", "An amount above zero is needed."),
    SerialNumberUsed: ("2003", "TransIDO was used for another payment."),
    CompensatedBefore: ("2004", "The payment was reversed under this TransIDO; use another one."),
    receivables.MoneyGone: ("2005", "The money was given back meanwhile; a person has to look."),
    receivables.LaterActs: ("2005", "Later acts stand in the way; a person has to look."),
    receivables.InvoiceNotReturned: ("2005", "An invoice is out; a person has to look."),
    receivables.SecondPersonNeeded: ("2005", "The day is over; a person has to look."),
    OrderDifferent: ("2003", "TransIDO was used for another order."),
    elsewhere.IsPayer: ("2011", "The customer of this number pays for others: who pays is not paid for."),
    elsewhere.RelationExists: ("2012", "Somebody pays for this number already."),
    elsewhere.RelationUnknown: ("2013", "This payer does not pay for this number."),
    paid_elsewhere.PaysByDirectDebit: ("2014", "The number is on direct debit."),
    paid_elsewhere.PaidByGroup: ("2015", "A unit or another customer pays for the number."),
    paid_elsewhere.CombinedAccount: ("2016", "The number's account pays for other numbers too."),
    paid_elsewhere.NotInService: ("2017", "The number is cancelled, pre-cancelled or not activated."),
    NoCardKept: ("2007", "No card is kept for users who are elsewhere; a hall of ours gives one."),
}
UNPROVED = ("2006", "What the user showed is not theirs, or not enough.")
PROOFS_REFUSED = (
    customers.NotEntitled, customers.DocumentDiffers, customers.PasswordWrong, customers.PasswordLocked,
    customers.PasswordMissing, customers.PasswordInitial,
)  # fmt: skip
FORBIDDEN = "2008"
WRONG_HOME = ("1002", "This message is for another home province.")


@csrf_exempt
@require_POST
def message(request: HttpRequest) -> HttpResponse:
    """Answer one message. 403: not signed by the province it names; 400: no envelope; else 200 with a code inside."""
    if len(request.body) > MOST_BYTES:
        return JsonResponse({"refused": "too long"}, status=413)
    now = clock.now()
    try:
        asked = Message.model_validate_json(request.body)
    except ValidationError:
        return JsonResponse({"refused": "content"}, status=400)
    key = key_for(f"hub {asked.RoutingInfo.OrigDomain}")
    try:
        refuse_forged(request.headers.get(SIGNATURE, ""), request.body, key=key, at=now)
    except MessageForged:
        return JsonResponse({"refused": "signature"}, status=403)
    body = json.dumps(_answered(asked), ensure_ascii=False).encode()
    signed = {SIGNATURE: sign(body, key=key, at=now)}
    return HttpResponse(body, content_type="application/json", headers=signed)


def _answered(asked: Message) -> dict[str, Any]:
    now = clock.now()
    (code, words), our_id = (DONE_CODE, "ok"), ""
    content: dict[str, Any] = {}
    if asked.RoutingInfo.Routing.HomeDomain != rules_at(now).value("own_province"):
        code, words = WRONG_HOME
    else:
        try:
            content, our_id = _ACTIVITIES[asked.BIPType.ActivityCode](asked)
        except tuple(REFUSALS) as refused:
            code, words = REFUSALS[type(refused)]
        except PROOFS_REFUSED:
            code, words = UNPROVED
        except hall.IN_ONE_GO_REFUSALS as refused:  # what the flow refuses: the user's state, arrears ...
            code, words = FORBIDDEN, f"Refused by the home province: {type(refused).__name__}."
    local = now.astimezone(timezone.get_default_timezone())
    return answer_to(asked, code=code, words=words, content=content, our_id=our_id, at=local)


Done = tuple[dict[str, Any], str]


def _query(asked: Message) -> Done:
    found = remote_payments.ask(number=_number(asked), at=clock.now())
    return {"OwedFen": found.owed_fen, "AdvanceFen": found.advance_fen}, ""


def _pay(asked: Message) -> Done:
    done = remote_payments.take(
        province=asked.RoutingInfo.OrigDomain, trans_id=asked.TransInfo.TransIDO, number=_number(asked),
        paid_fen=asked.SvcCont.PaidFen, at=clock.now(),
    )  # fmt: skip
    return {"PaidFen": done.paid_fen}, str(done.hub_payment_id)


def _reverse(asked: Message) -> Done:
    done = remote_payments.compensate(
        province=asked.RoutingInfo.OrigDomain, trans_id=asked.TransInfo.TransIDO, at=clock.now()
    )
    return {}, str(done.hub_payment_id)


def _report(asked: Message) -> Done:
    now = clock.now()
    day = asked.SvcCont.Day or now.astimezone(timezone.get_default_timezone()).date()
    rows = remote_payments.report(province=asked.RoutingInfo.OrigDomain, day=day, at=now).to_dicts()
    return {"Day": day.isoformat(), "Collected": rows}, ""


def _shown(asked: Message) -> Shown:
    return Shown(cert_no=asked.SvcCont.CertNo, password=asked.SvcCont.Password)


def _status(asked: Message) -> Done:
    return serve_province.status(number=_number(asked), shown=_shown(asked), at=clock.now()).answer, ""


def _points(asked: Message) -> Done:
    return serve_province.points(number=_number(asked), shown=_shown(asked), at=clock.now()).answer, ""


def _serve(asked: Message) -> Done:
    done = serve_province.serve(
        activity=asked.BIPType.ActivityCode, province=asked.RoutingInfo.OrigDomain,
        trans_id=asked.TransInfo.TransIDO, number=_number(asked), shown=_shown(asked), reason=asked.SvcCont.Reason,
        offer=asked.SvcCont.Offer, at=clock.now(),
    )  # fmt: skip
    return done.answer, done.our_id


def _high_use(asked: Message) -> Done:
    said = asked.SvcCont
    assert said.From and said.To  # the envelope refuses others
    roaming_use.hear(
        province=asked.RoutingInfo.OrigDomain, trans_id=asked.TransInfo.TransIDO, number=_number(asked),
        used_fen=said.UsedFen, from_at=said.From, to_at=said.To, at=clock.now(),
    )  # fmt: skip
    return {}, ""


def _paid_for(asked: Message) -> dict[str, Any]:
    payer = int(COUNTRY + asked.SvcCont.Payer)
    about = {"province": asked.RoutingInfo.OrigDomain, "payer": payer, "number": _number(asked)}
    return {**about, "cycle": asked.SvcCont.Cycle, "at": clock.now()}


def _pay_for(asked: Message) -> Done:
    done = paid_elsewhere.accept(trans_id=asked.TransInfo.TransIDO, **_paid_for(asked))
    return {}, str(done.relation_id)


def _end_pay_for(asked: Message) -> Done:
    paid_elsewhere.end(**_paid_for(asked))
    return {}, ""


def _bill(asked: Message) -> Done:
    found = paid_elsewhere.bill(**_paid_for(asked))
    return {"Issued": found.is_issued, "OwedFen": found.owed_fen}, ""


_ACTIVITIES: dict[str, Callable[[Message], Done]] = {
    "QUERY": _query, "PAY": _pay, "REVERSE": _reverse, "REPORT": _report,
    "STATUS": _status, "POINTS": _points, "SUSPEND": _serve, "RESUME": _serve, "REPLACE_SIM": _serve,
    "ADD_SERVICE": _serve, "END_SERVICE": _serve, "HIGH_USE": _high_use,
    "PAY_FOR": _pay_for, "END_PAY_FOR": _end_pay_for, "BILL": _bill,
}  # fmt: skip


def _number(asked: Message) -> int:
    """The number a message is about, with country code. Raises SubscriberUnknown."""
    digits = asked.RoutingInfo.Routing.RouteValue
    if not digits:
        raise SubscriberUnknown(digits)
    return int(COUNTRY + digits)
