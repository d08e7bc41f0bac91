"""Papers of an order: the form the customer signs on the screen, its PDF, and the receipt (HAL-01, HAL-17, ACM-19)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from openboss.access.console import formats, words
from openboss.access.console.page import page
from openboss.access.console.session import needs, staff_of, visit_tab
from openboss.access.console.views.audit import reason_to_look, staff_name
from openboss.access.console.views.counter import contents
from openboss.access.console.views.counter_refusals import sentence
from openboss.access.console.views.customers import office_names
from openboss.access.console.views.money import carried_out, fen_of
from openboss.access.jobs import clock
from openboss.modules.customers import functions as customers
from openboss.modules.orders import functions as orders
from openboss.modules.orders.functions import Fee, OrderView
from openboss.modules.receivables import functions as receivables
from openboss.modules.system import functions as system
from openboss.processes import cart, sign_form
from openboss.processes.sign_form import FormSaid, SignatureUnreadable

PREFIX = "data:image/png;base64,"
PDF, TEXT = ("application/pdf", "pdf"), ("text/plain; charset=utf-8", "txt")


def order_of(order_id: int) -> OrderView:
    """An order of an address. Raises Http404."""
    try:
        return orders.order_view(order_id=order_id)
    except orders.OrderUnknown as unknown:
        raise Http404 from unknown


def everything_of(order: OrderView) -> list[OrderView]:
    """An order, or what lies in a cart."""
    return cart.parts_of(order_id=order.order_id) if order.kind == cart.CART else [order]


def _said(order: OrderView) -> FormSaid:
    """What the form of an order says, in the language of this page."""
    parts = everything_of(order)
    fees = [fee for one in parts for fee in one.fees]
    picture = customers.customer_360(customer_id=order.customer_id, at=clock.now()) if order.customer_id else None
    facts = [(_("Order"), str(order.order_id)), (_("Taken at"), formats.moment(order.created_at))]
    office = office_names().get(order.org_code, order.org_code)
    facts += [(_("Office"), office), (_("Taken by"), staff_name(order.staff_id))]
    if picture is not None:
        who = picture.customer
        facts += [(_("Customer"), customers.name_on_bill(customer_id=who.customer_id))]
        facts += [(_("Document"), f"{words.word('cert_type', who.cert_type).text} {who.cert_no_masked}")]
        users = {one.subscriber_id: one.number_masked for one in picture.subscribers}
        numbers = dict.fromkeys(users[one.subscriber_id] for one in parts if one.subscriber_id in users)
        facts += [(_("Number"), ", ".join(numbers))] if numbers else []
    proofs = dict.fromkeys(code for one in parts for code in one.proofs)
    facts += [(_("What the customer showed"), ", ".join(str(words.word("proof", one).text) for one in proofs))]
    return FormSaid(
        language=formats.language(),
        facts=[(str(name), str(value)) for name, value in facts],
        items=[_line_of(one) for one in parts],
        fees=[(str(words.word("fee_code", fee.code).text), formats.yuan_of_fen(fee.fee_fen)) for fee in fees],
        total=formats.yuan_of_fen(sum(fee.fee_fen for fee in fees)),
    )


def _line_of(order: OrderView) -> str:
    """One operation in words: its kind, from when, and what it is about."""
    things = [
        f"{words.word('item_action', one['item'].action).text} {words.word('item_what', one['item'].what).text}"
        f" {one['about']}".strip()
        for one in contents(order.items)
    ]
    kind, day = words.word("order_kind", order.kind).text, words.word("effective", order.effective).text
    return f"{kind} ({day}): {'; '.join(things)}"


@require_GET
@needs("customers.edit")
def form(request: HttpRequest, order_id: int) -> HttpResponse:
    """The form on the screen, with the field to sign in."""
    order = order_of(order_id)
    if order.customer_id:
        visit_tab(request, order.customer_id)
    context = {
        "active": "console:orders",
        "tab": order.customer_id,
        "order": order,
        "said": _said(order),
        "terms": [both[0 if formats.is_chinese() else 1] for both in sign_form.TERMS],
        "signed": next((one for one in order.documents if one.kind == sign_form.KIND), None),
    }
    return page(request, "order_form.html", context)


@require_POST
@needs("customers.edit")
def sign(request: HttpRequest, order_id: int) -> HttpResponse:
    """Keep the form with the signature that was drawn or typed."""
    order = order_of(order_id)
    try:
        picture = base64.b64decode(request.POST.get("signature", "").removeprefix(PREFIX), validate=True)
        sign_form.sign(
            order_id=order_id,
            said=_said(order),
            signature_png=picture,
            at=clock.now(),
            staff_id=staff_of(request).staff_id,
        )
    except (SignatureUnreadable, orders.OrderStateForbids, binascii.Error) as refused:
        messages.error(request, sentence(refused if not isinstance(refused, binascii.Error) else SignatureUnreadable()))
        return redirect("console:order_form", order_id)
    messages.success(request, _("Signed. The form is kept with the order."))
    return redirect("console:order", order_id)


@require_POST
@needs("customers.reveal")
def paper(request: HttpRequest, order_id: int, sha256: str) -> HttpResponse:
    """Show a kept document, its content checked against its hash; who looked and why is written down."""
    if not (reason := reason_to_look(request)):
        return redirect("console:order", order_id)
    about = {"at": clock.now(), "staff_id": staff_of(request).staff_id}
    try:
        content = orders.read_document(order_id=order_id, sha256=sha256, reason=reason, **about)
    except orders.DocumentUnknown as unknown:
        raise Http404 from unknown
    except orders.DocumentChanged as changed:
        messages.error(request, sentence(changed))
        return redirect("console:order", order_id)
    kind = next(one.kind for one in order_of(order_id).documents if one.sha256 == sha256)
    content_type, ending = PDF if kind == sign_form.KIND else TEXT
    answer = HttpResponse(content, content_type=content_type)
    answer["Content-Disposition"] = f'inline; filename="order-{order_id}-{kind.lower()}.{ending}"'
    answer["Cache-Control"] = "no-store"
    return answer


def issue_receipt(request: HttpRequest, fees: Sequence[Fee], order_id: int) -> None:
    """Give what was paid for an order its one receipt; the first print belongs to this session."""
    paid = [fee for fee in fees if fee.payment_id is not None]
    if not paid or paid[0].payment_id is None:
        return
    first = receivables.payment_view(payment_id=paid[0].payment_id)
    if first.account_id is None or _receipt_of(first.account_id, first.payment_id) is not None:
        return
    issued = receivables.issue_document(
        kind="RECEIPT",
        account_id=first.account_id,
        total_fen=sum(fee.fee_fen for fee in paid),
        at=clock.now(),
        staff_id=staff_of(request).staff_id,
        payment_id=first.payment_id,
    )
    tendered = request.POST.get("tendered", "").strip()
    kept = {"document_id": issued.document_id, "tendered_fen": fen_of(tendered) if tendered else None}
    request.session["receipts"] = {**request.session.get("receipts", {}), str(order_id): kept}


def _receipt_of(account_id: int, payment_id: int) -> receivables.DocumentView | None:
    papers = receivables.documents_of(account_id=account_id)
    return next((one for one in papers if one.payment_id == payment_id and one.state == "ISSUED"), None)


@require_POST
@needs("receivables.collect")
def receipt(request: HttpRequest, order_id: int) -> HttpResponse:
    """The receipt of an order: the original once, by whoever took the money; afterwards marked COPY."""
    order = order_of(order_id)
    fees = [fee for one in everything_of(order) for fee in one.fees if fee.payment_id is not None]
    first = receivables.payment_view(payment_id=fees[0].payment_id or 0) if fees else None
    document = _receipt_of(first.account_id, first.payment_id) if first and first.account_id else None
    if first is None or document is None:
        raise Http404
    kept = request.session.get("receipts", {}).pop(str(order_id), {})
    request.session.modified = True
    is_original = kept.get("document_id") == document.document_id and not document.is_copy
    if not is_original:
        again = {"document_id": document.document_id, "at": clock.now(), "staff_id": staff_of(request).staff_id}
        if (printed := carried_out(request, lambda: receivables.reprint_document(**again))) is None:
            return redirect("console:order", order_id)
        document = printed
    tendered_fen = kept.get("tendered_fen") or document.total_fen
    context = {
        "document": document,
        "order": order,
        "is_copy": not is_original,
        "fees": fees,
        "lines": [_line_of(one) for one in everything_of(order)],
        "account_id": first.account_id,
        "means": first.means,
        "at": first.at,
        "name": customers.names_of_customers(customer_ids=[order.customer_id or 0]).get(order.customer_id or 0, ""),
        "tendered_fen": tendered_fen,
        "change_fen": tendered_fen - document.total_fen,
        "taken_by": staff_name(order.staff_id),
        "back": reverse("console:order", args=[order_id]),
        "operator": formats.named(next(node for node in system.org_nodes() if node.parent_code is None)),
    }
    return page(request, "order_receipt.html", context)
