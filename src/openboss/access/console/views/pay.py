"""The payment desk: find who pays, take the money, give change and a receipt; all by keyboard (ACM-20)."""

from __future__ import annotations

import secrets
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from openboss.access.console import formats, words
from openboss.access.console.page import page
from openboss.access.console.session import needs, staff_of, visit_tab
from openboss.access.console.views.audit import staff_name
from openboss.access.console.views.customer_figures import item_names
from openboss.access.console.views.money import (
    COUNTER_MEANS,
    carried_out,
    fen_of,
    holder_of,
    means_of,
    open_till_of,
    second_person,
)
from openboss.access.jobs import clock
from openboss.modules.catalog import functions as catalog
from openboss.modules.customers import functions as customers
from openboss.modules.customers.functions import mask_number
from openboss.modules.orders import functions as orders
from openboss.modules.receivables import functions as receivables
from openboss.modules.system import functions as system
from openboss.processes import counter_offer, take_payment, tell_balance

HITS = 20


def serial_no() -> str:
    """A fresh number for one form: sent twice it is done once."""
    return f"C-{secrets.token_hex(12)}"


def _found(text: str) -> list[dict[str, Any]]:
    """Accounts of the customers a text finds; digits may be an account's own number."""
    ids = [hit.customer_id for hit in customers.search(text, limit=HITS)]
    accounts = [
        holder_of(account.account_id)
        for customer_id in dict.fromkeys(ids)
        for account in customers.accounts_of_customer(customer_id=customer_id)
    ]
    if text.isdecimal() and len(text) < 12 and int(text) not in {one["account_id"] for one in accounts}:
        try:
            accounts.insert(0, holder_of(int(text)))
        except Http404:
            return accounts
    return accounts


@require_GET
@needs("receivables.collect")
def desk(request: HttpRequest) -> HttpResponse:
    """Find the account; then what it owes and the form for its money."""
    staff_id = staff_of(request).staff_id
    context: dict[str, Any] = {"active": "console:pay", "till": open_till_of(staff_id)}
    wanted, text = request.GET.get("account", ""), request.GET.get("find", "").strip()
    if wanted.isdecimal():
        holder = holder_of(int(wanted))
        visit_tab(request, holder["customer_id"])
        balance = tell_balance.of_account(int(wanted), at=clock.now())
        context |= {
            "holder": holder,
            "tab": holder["customer_id"],
            "balance": balance,
            "owed": balance.owed,
            "means": [(code, words.word("means", code).text) for code in COUNTER_MEANS],
            "serial_no": serial_no(),
            "offer": counter_offer.offer_for_account(account_id=int(wanted), at=clock.now()),
        }
    elif text:
        found = _found(text)
        if len(found) == 1:
            return redirect(f"{reverse('console:pay')}?account={found[0]['account_id']}")
        context |= {"found": found, "find": text}
    return page(request, "pay.html", context)


@require_POST
@needs("receivables.collect")
def take(request: HttpRequest) -> HttpResponse:
    """Take the money, issue the receipt, and show the change."""
    text = request.POST.get("account", "")
    if not text.isdecimal():
        raise Http404
    account_id = int(text)

    def act() -> take_payment.PaymentTaken:
        means, till_id = means_of(request)
        paid_fen = fen_of(request.POST.get("paid", ""))
        tendered = request.POST.get("tendered", "").strip()
        return take_payment.take(
            account_id=holder_of(account_id)["account_id"],
            paid_fen=paid_fen,
            means=means,
            channel="HALL",
            serial_no=request.POST.get("serial_no", "")[:60] or serial_no(),
            at=clock.now(),
            staff_id=staff_of(request).staff_id,
            reference=request.POST.get("reference", "")[:60],
            till_id=till_id,
            tendered_fen=fen_of(tendered) if tendered and means == "CASH" else None,
        )

    taken = carried_out(request, act)
    if taken is None:
        return redirect(f"{reverse('console:pay')}?account={account_id}")
    if not taken.posted.is_repeat:
        _issue(request, account_id, taken)
        _log_offer(request, taken.posted.payment_id)
    return redirect("console:payment", taken.posted.payment_id)


def _issue(request: HttpRequest, account_id: int, taken: take_payment.PaymentTaken) -> None:
    """Give the payment its paper: what paid bills an invoice, what leaves money in advance a receipt (D8.14).

    Its first print and the change belong to this session.
    """
    paper = receivables.issue_document(
        kind="RECEIPT" if taken.posted.advance_fen else "INVOICE",
        account_id=account_id,
        total_fen=taken.posted.paid_fen,
        at=clock.now(),
        staff_id=staff_of(request).staff_id,
        payment_id=taken.posted.payment_id,
    )
    request.session["taken"] = {
        "payment_id": taken.posted.payment_id,
        "document_id": paper.document_id,
        "tendered_fen": taken.tendered_fen,
        "change_fen": taken.change_fen,
        "resumed": len(taken.resumed),
    }


def _log_offer(request: HttpRequest, payment_id: int) -> None:
    """Write down what the customer said to the one offer (HAL-05); nothing if it was not made."""
    answer, offer_id = request.POST.get("offer_answer", ""), request.POST.get("offer_id", "")
    user = request.POST.get("offer_user", "")
    if answer not in words.WORDS["offer_answer"] or not offer_id.isdecimal() or not user.isdecimal():
        return
    staff = staff_of(request)
    orders.log_offer(
        subscriber_id=int(user),
        offer_id=int(offer_id),
        answer=answer,
        channel="HALL",
        org_code=staff.org_code,
        at=clock.now(),
        staff_id=staff.staff_id,
        payment_id=payment_id,
    )


def _offer_after(payment_id: int) -> dict[str, Any]:
    """The offer that was made after a payment, with its name and where it is ordered."""
    made = orders.offer_after_payment(payment_id=payment_id)
    if made is None:
        return {}
    name = next((formats.named(one) for one in catalog.offers() if one.offer_id == made.offer_id), "")
    customer_id = customers.customer_of_subscriber(subscriber_id=made.subscriber_id)
    about = f"?customer={customer_id}&user={made.subscriber_id}&offer_id={made.offer_id}"
    return {"made": made, "name": name, "url": reverse("console:order_new", args=["ADD_PRODUCT"]) + about}


def _payment(payment_id: int) -> receivables.PaymentView:
    try:
        return receivables.payment_view(payment_id=payment_id)
    except receivables.PaymentUnknown as unknown:
        raise Http404 from unknown


def _cleared(payment_id: int) -> list[dict[str, Any]]:
    """What a payment cleared, item by item."""
    frame, names = receivables.clearings_of_payment(payment_id=payment_id), item_names()
    numbers = customers.numbers_of_subscribers(
        subscriber_ids=[one for one in frame["subscriber_id"].unique().to_list() if one], at=clock.now()
    )
    return [
        {
            **row,
            "cycle": row["bill_id"] // 10**10,
            "item": names.get(row["item_id"], ""),
            "number": mask_number(numbers[row["subscriber_id"]]) if row["subscriber_id"] in numbers else "",
        }
        for row in frame.iter_rows(named=True)
    ]


def _receipt_of(payment: receivables.PaymentView) -> receivables.DocumentView | None:
    if payment.account_id is None:
        return None
    documents = receivables.documents_of(account_id=payment.account_id)
    return next((one for one in documents if one.payment_id == payment.payment_id and one.state == "ISSUED"), None)


def _taken_now(request: HttpRequest, payment_id: int) -> dict[str, Any]:
    taken = request.session.get("taken", {})
    return taken if taken.get("payment_id") == payment_id else {}


@require_GET
@needs("receivables.view")
def payment(request: HttpRequest, payment_id: int) -> HttpResponse:
    """One payment: what it cleared, its receipt, and the way to take it back."""
    found = _payment(payment_id)
    context: dict[str, Any] = {
        "active": "console:pay",
        "payment": found,
        "cleared": _cleared(payment_id),
        "receipt": _receipt_of(found),
        "taken": _taken_now(request, payment_id),
        "taken_by": staff_name(found.staff_id),
        "serial_no": serial_no(),
        "offered": _offer_after(payment_id),
    }
    if found.account_id is not None:
        holder = holder_of(found.account_id)
        visit_tab(request, holder["customer_id"])
        context |= {
            "holder": holder,
            "tab": holder["customer_id"],
            "owed": receivables.owed(account_id=found.account_id, at=clock.now()),
            "back": _taken_back_by(found),
        }
    return page(request, "payment.html", context)


def _taken_back_by(found: receivables.PaymentView) -> receivables.PaymentView | None:
    """The reversal of a payment, if it was taken back."""
    if found.state != "REVERSED" or found.account_id is None:
        return None
    later = receivables.payments_of_account(account_id=found.account_id)
    return next((one for one in later if one.reverses_id == found.payment_id), None)


@require_POST
@needs("receivables.collect")
def receipt(request: HttpRequest, payment_id: int) -> HttpResponse:
    """The paper of a payment, 80 mm: the original once, by whoever took the money; afterwards marked COPY (ACM-19)."""
    found = _payment(payment_id)
    document = _receipt_of(found)
    if document is None:
        raise Http404
    taken = _taken_now(request, payment_id)
    is_original = taken.pop("document_id", None) == document.document_id and not document.is_copy
    request.session.modified = True
    if not is_original:
        again = {"document_id": document.document_id, "at": clock.now(), "staff_id": staff_of(request).staff_id}
        printed = carried_out(request, lambda: receivables.reprint_document(**again))
        if printed is None:
            return redirect("console:payment", payment_id)
        document = printed
    assert found.account_id is not None
    context = {
        "payment": found,
        "document": document,
        "is_copy": not is_original,
        "holder": holder_of(found.account_id),
        "cleared": _by_bill(_cleared(payment_id)),
        "taken": taken,
        "taken_by": staff_name(found.staff_id),
        "owed": receivables.owed(account_id=found.account_id, at=clock.now()),
        "operator": formats.named(next(node for node in system.org_nodes() if node.parent_code is None)),
    }
    return page(request, "receipt.html", context)


def _by_bill(rows: list[dict[str, Any]]) -> list[tuple[int, int]]:
    """Month and amount of each bill that was paid."""
    sums: dict[int, int] = {}
    for row in rows:
        sums[row["cycle"]] = sums.get(row["cycle"], 0) + row["paid_fen"]
    return sorted(sums.items())


@require_POST
@needs("receivables.collect")
def reverse_payment(request: HttpRequest, payment_id: int) -> HttpResponse:
    """Take a payment back as if it had never been; another day's or another clerk's needs a second person (ACM-03)."""
    reason = request.POST.get("reason", "").strip()
    if not reason:
        messages.error(request, _("Say why the payment is taken back; it stays in the ledger."))
        return redirect("console:payment", payment_id)
    done = carried_out(
        request,
        lambda: take_payment.reverse(
            payment_id=payment_id,
            reason=reason,
            serial_no=request.POST.get("serial_no", "")[:60] or serial_no(),
            at=clock.now(),
            staff_id=staff_of(request).staff_id,
            approved_by=second_person(request),
            is_paper_back="paper_back" in request.POST,
        ),
    )
    if done is not None:
        messages.success(request, _("Taken back. Bills, late fees and advances stand as if it had never been paid."))
    return redirect("console:payment", payment_id)
