"""What a customer does at a kiosk: pay, see and print their bill, order what is offered, take a ticket."""

from __future__ import annotations

import secrets

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from openboss.access.jobs import clock
from openboss.access.kiosk.device import Machine, at_machine, customer_arrived, customer_left, customer_of, drawn
from openboss.modules.billing import functions as billing
from openboss.modules.billing.functions.bill_document import bill_pdf
from openboss.modules.catalog import functions as catalog
from openboss.modules.customers import functions as customers
from openboss.modules.receivables import functions as receivables
from openboss.processes import counter_offer, hall, queue_hall, take_payment, tell_balance

NOTES = (10, 20, 50, 100)  # yuan, what the simulated taker of banknotes takes
MOST_NOTES = 100
TICKETS = ("PAY", "BUSINESS", "ADVICE", "UNIT")


def _user_of(text: str) -> int | None:
    try:
        return customers.subscriber_of_number(number=customers.read_number(text), at=clock.now())
    except customers.SubscriberUnknown:
        return None


@require_GET
@at_machine
def start(request: HttpRequest, machine: Machine) -> HttpResponse:
    """What this machine can do."""
    del machine
    customer_left(request)
    return drawn(request, "start.html", {})


@require_http_methods(["GET", "POST"])
@at_machine
def leave(request: HttpRequest, machine: Machine) -> HttpResponse:
    """Back to the start; nobody is logged in any more."""
    del machine
    customer_left(request)
    return redirect("kiosk:start")


@require_http_methods(["GET", "POST"])
@at_machine
def ticket(request: HttpRequest, machine: Machine) -> HttpResponse:
    """A ticket for the counter (HAL-15)."""
    kind, taken = request.POST.get("kind", ""), None
    if request.method == "POST" and kind in TICKETS:
        number = customers.read_number(request.POST.get("number", ""))
        taken = queue_hall.take(org_code=machine.org_code, kind=kind, at=clock.now(), number=number)
    return drawn(request, "ticket.html", {"taken": taken})


@require_http_methods(["GET", "POST"])
@at_machine
def pay(request: HttpRequest, machine: Machine) -> HttpResponse:
    """Take banknotes for a number, whoever pays; what the number owes is not told (CHN-08, ACM-26)."""
    number = request.POST.get("number", "").strip()
    user = _user_of(number) if number else customer_of(request)
    if request.method == "POST" and number and user is None:
        messages.error(request, _("There is no such number with us. Check it digit by digit."))
    if request.method == "POST" and "pay" in request.POST and user is not None:
        notes = [text for text in request.POST.getlist("note") if text.isdecimal() and int(text) in NOTES]
        if notes and len(notes) <= MOST_NOTES:
            return redirect("kiosk:paid", _taken(request, machine, user, sum(map(int, notes)) * 100))
        messages.error(request, _("Put banknotes in first."))
    context = {
        "number": number,
        "user": user,
        "notes": NOTES,
        "serial_no": f"K-{secrets.token_hex(12)}",
        "shown": customers.mask_number(_number_of(user)) if user else "",
    }
    return drawn(request, "pay.html", context)


def _number_of(subscriber_id: int) -> int:
    return customers.numbers_of_subscribers(subscriber_ids=[subscriber_id], at=clock.now()).get(subscriber_id, 0)


def _taken(request: HttpRequest, machine: Machine, user: int, paid_fen: int) -> int:
    """Put the money into the paying account and the machine's box, and issue the receipt; the payment's number."""
    now = clock.now()
    account_id = customers.paying_account(subscriber_id=user, cycle=customers.cycle_of(now))
    done = take_payment.take(
        account_id=account_id,
        paid_fen=paid_fen,
        means="KIOSK",
        channel="KIOSK",
        serial_no=request.POST.get("serial_no", "")[:60] or f"K-{secrets.token_hex(12)}",
        at=now,
        staff_id=machine.staff_id,
        till_id=machine.till_id,
    )
    payment_id = done.posted.payment_id
    if not done.posted.is_repeat:
        receivables.issue_document(
            kind="RECEIPT",
            account_id=account_id,
            total_fen=paid_fen,
            at=now,
            staff_id=machine.staff_id,
            payment_id=payment_id,
        )
    return payment_id


@require_GET
@at_machine
def paid(request: HttpRequest, machine: Machine, *, payment_id: int) -> HttpResponse:
    """The slip of a payment this machine took, to print."""
    try:
        found = receivables.payment_view(payment_id=payment_id)
    except receivables.PaymentUnknown as unknown:
        raise Http404 from unknown
    if found.till_id != machine.till_id or found.account_id is None:
        raise Http404
    papers = receivables.documents_of(account_id=found.account_id)
    slip = next((one for one in papers if one.payment_id == payment_id), None)
    return drawn(request, "paid.html", {"payment": found, "slip": slip})


@require_http_methods(["GET", "POST"])
@at_machine
def log_in(request: HttpRequest, machine: Machine) -> HttpResponse:
    """A customer logs in with number and service password (PWD-05)."""
    del machine
    if request.method == "POST":
        user, digits = _user_of(request.POST.get("number", "")), request.POST.get("password", "")
        try:
            if user is None:
                raise customers.PasswordWrong
            customers.check_password_of(subscriber_id=user, kind="SERVICE", digits=digits, at=clock.now())
        except customers.PasswordLocked:
            messages.error(request, _("Too many wrong passwords: come to the counter with your document."))
        except (customers.PasswordWrong, customers.PasswordMissing, customers.PasswordInitial):
            messages.error(request, _("Number or service password is wrong."))
        else:
            customer_arrived(request, user)
            return redirect("kiosk:mine")
    return drawn(request, "login.html", {})


@require_GET
@at_machine
def mine(request: HttpRequest, machine: Machine) -> HttpResponse:
    """Balance and bills of who is logged in."""
    del machine
    user = customer_of(request)
    if user is None:
        return redirect("kiosk:login")
    now = clock.now()
    context = {
        "number": customers.mask_number(_number_of(user)),
        "balance": tell_balance.of_user(user, at=now),
        "bills": _bills_of(user),
        "offer": counter_offer.offer_for(subscriber_id=user, at=now),
        "serial_no": f"K-{secrets.token_hex(12)}",
    }
    return drawn(request, "mine.html", context)


@require_POST
@at_machine
def order(request: HttpRequest, machine: Machine) -> HttpResponse:
    """Order the one product that was offered; the slip says what it costs and from when (CHN-08)."""
    user, now = customer_of(request), clock.now()
    if user is None:
        return redirect("kiosk:login")
    offer_id = request.POST.get("offer_id", "")
    try:
        done = counter_offer.accept(
            subscriber_id=user,
            offer_id=int(offer_id) if offer_id.isdecimal() else 0,
            channel="KIOSK",
            serial_no=request.POST.get("serial_no", "")[:60] or f"K-{secrets.token_hex(12)}",
            at=now,
            staff_id=machine.staff_id,
            org_code=machine.org_code,
        )
    except hall.IN_ONE_GO_REFUSALS:
        messages.error(request, _("This cannot be ordered here: come to the counter."))
        return redirect("kiosk:mine")
    name = next(one for one in catalog.offers() if one.offer_id == done.request["offer_id"])
    context = {"order": done, "offer": name, "number": customers.mask_number(_number_of(user))}
    return drawn(request, "ordered.html", context)


def _bills_of(user: int) -> list[billing.BillRow]:
    customer_id = customers.customer_of_subscriber(subscriber_id=user)
    return list(billing.bills_of_customer(customer_id=customer_id, months=3))


@require_GET
@at_machine
def bill(request: HttpRequest, machine: Machine, *, bill_id: int) -> HttpResponse:
    """One of their own bills, to print."""
    del machine
    user = customer_of(request)
    if user is None or bill_id not in {one.bill_id for one in _bills_of(user)}:
        raise Http404
    answer = HttpResponse(bill_pdf(bill_id, (get_language() or "zh")[:2]), content_type="application/pdf")
    answer["Content-Disposition"] = f'inline; filename="bill-{bill_id}.pdf"'
    answer["Cache-Control"] = "no-store"
    return answer
