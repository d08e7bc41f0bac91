"""One account's money: what it owes, its statement with running balance, payments, refunds, transfers, waivers."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, override
from django.views.decorators.http import require_GET, require_POST

from openboss.access.console import words
from openboss.access.console.lists import Column, Filter, ListScreen, Paging, Rows, show_list
from openboss.access.console.memory_rows import rows_in_memory
from openboss.access.console.session import needs, staff_of, visit_tab
from openboss.access.console.views.money import (
    COUNTER_MEANS,
    account_of,
    carried_out,
    day_of,
    fen_of,
    holder_of,
    open_till_of,
    second_person,
)
from openboss.access.console.views.pay import serial_no
from openboss.access.jobs import clock
from openboss.modules.billing.functions import deliveries
from openboss.modules.receivables import functions as receivables
from openboss.modules.receivables.functions import monthly_gifts, proposals
from openboss.modules.receivables.functions.statement_document import statement_pdf
from openboss.modules.system import functions as system
from openboss.processes import tell_balance


def _screen(account_id: int, context: dict[str, Any]) -> ListScreen:
    def fetch(filters: dict[str, str], sort: str, paging: Paging) -> Rows:
        lines = receivables.statement(account_id=account_id)
        tests = {
            "cause": lambda line, cause: line.cause.startswith(cause),
            "from": lambda line, on: (day_of(on) or date.min) <= line.business_on,
            "to": lambda line, on: line.business_on <= (day_of(on) or date.max),
        }
        return rows_in_memory(lines, tests, filters, sort, paging)

    return ListScreen(
        name="statement",
        title=gettext_lazy("Account statement"),
        columns=(
            Column(
                "entry_id",
                gettext_lazy("Entry"),
                "number",
                sort=True,
                link=lambda line: reverse("console:entry", args=[line.entry_id]),
            ),
            Column("at", gettext_lazy("When"), "moment", sort=True),
            Column("business_on", gettext_lazy("Business day"), "day", sort=True, hidden=True),
            Column("cause", gettext_lazy("What"), "word:entry_cause", sort=True, sub=lambda line: line.serial_no),
            Column(
                "bill_id",
                gettext_lazy("Bill"),
                sort=True,
                link=lambda line: reverse("console:bill", args=[line.bill_id]) if line.bill_id else None,
            ),
            Column("amount_fen", gettext_lazy("Owes more or less"), "fen", sort=True),
            Column("balance_fen", gettext_lazy("Owed after it"), "fen"),
        ),
        filters=(
            Filter("cause", gettext_lazy("What"), "choice", words.choices("entry_cause")),
            Filter("from", gettext_lazy("From"), "date"),
            Filter("to", gettext_lazy("to"), "date"),
        ),
        fetch=fetch,
        default_sort="-entry_id",
        row_link=lambda line: reverse("console:entry", args=[line.entry_id]),
        empty=gettext_lazy("Nothing was billed to this account or paid by it yet."),
        template="account.html",
        context=context,
    )


@require_GET
@needs("receivables.view")
def account(request: HttpRequest, account_id: int) -> HttpResponseBase:
    """The account's statement, what it owes now, and what may be done."""
    holder = holder_of(account_id)
    visit_tab(request, holder["customer_id"])
    balance = tell_balance.of_account(account_id, at=clock.now())
    context = {
        "holder": holder,
        "tab": holder["customer_id"],
        "balance": balance,
        "owed": balance.owed,
        "payments": receivables.payments_of_account(account_id=account_id, limit=12),
        "means": [(code, words.word("means", code).text) for code in COUNTER_MEANS],
        "serial_no": serial_no(),
        "gifts": monthly_gifts.gifts_of_account(account_id=account_id),
        "coming": monthly_gifts.coming_of_account(account_id=account_id),
        "wishes": deliveries.masked_wishes(account_id=account_id),
        "bill_means": words.choices("bill_means"),
    }
    return show_list(request, _screen(account_id, context), active="console:customers")


@require_POST
@needs("receivables.adjust")
def act(request: HttpRequest, account_id: int) -> HttpResponse:
    """Give money back, move it, waive a late fee, give monthly or end that; where it must be a second person agrees."""
    back = redirect("console:account", holder_of(account_id)["account_id"])
    action, reason = request.POST.get("action", ""), request.POST.get("reason", "").strip()
    if not reason or action not in _STEPS:
        messages.error(request, _("Give a reason; it stays with the entry."))
        return back
    if request.POST.get("how") == "propose" and action in _PROPOSED:
        if carried_out(request, lambda: _propose(request, action, account_id, reason)) is not None:
            messages.success(request, _("Proposed; a second person finds it under Refunds and adjustments."))
        return back
    if carried_out(request, lambda: _STEPS[action](request, account_id, reason)) is not None:
        messages.success(request, _("Done and entered in the ledger."))
    return back


_PROPOSED = ("refund", "transfer", "waive")


def _propose(request: HttpRequest, action: str, account_id: int, reason: str) -> object:
    """Leave the act to a second person who is not here: it waits on the work list."""
    content: dict[str, Any] = {"amount_fen": fen_of(request.POST.get("amount", ""))}
    if action == "refund":
        content |= {"kind": proposals.REFUND, "means": request.POST.get("means", "CASH")}
    elif action == "transfer":
        to_account_id = account_of(request.POST.get("to_account", ""))
        content |= {"kind": proposals.TRANSFER, "to_account_id": to_account_id}
    else:
        content |= {"kind": proposals.WAIVER, "bill_id": _bill_of(request, account_id)}
    return proposals.propose(account_id=account_id, reason=reason, **content, **_common(request))


def _common(request: HttpRequest) -> dict[str, Any]:
    return {
        "serial_no": request.POST.get("serial_no", "")[:60] or serial_no(),
        "at": clock.now(),
        "staff_id": staff_of(request).staff_id,
    }


def _refund(request: HttpRequest, account_id: int, reason: str) -> object:
    till = open_till_of(staff_of(request).staff_id)
    return receivables.pay_out(
        account_id=account_id,
        paid_fen=fen_of(request.POST.get("amount", "")),
        means=request.POST.get("means", "CASH"),
        approved_by=second_person(request),
        till_id=till.till_id if till else None,
        reason=reason,
        **_common(request),
    )


def _transfer(request: HttpRequest, account_id: int, reason: str) -> object:
    return receivables.transfer_balance(
        from_account_id=account_id,
        to_account_id=account_of(request.POST.get("to_account", "")),
        moved_fen=fen_of(request.POST.get("amount", "")),
        reason=reason,
        approved_by=second_person(request),
        **_common(request),
    )


def _waive(request: HttpRequest, account_id: int, reason: str) -> object:
    return receivables.waive_late_fee(
        bill_id=_bill_of(request, account_id),
        waived_fen=fen_of(request.POST.get("amount", "")),
        reason=reason,
        **_common(request),
    )


def _give_monthly(request: HttpRequest, account_id: int, reason: str) -> object:
    parts = request.POST.get("parts", "")
    return monthly_gifts.give_monthly(
        account_id=account_id,
        given_fen=fen_of(request.POST.get("amount", "")),
        parts=int(parts) if parts.isdecimal() and len(parts) < 4 else 0,
        reason=reason,
        approved_by=second_person(request),
        **_common(request),
    )


def _end_gift(request: HttpRequest, account_id: int, reason: str) -> object:
    """End one of the account's own gifts. Raises MonthlyGiftUnknown."""
    chosen = request.POST.get("gift", "")
    if chosen not in {str(one.gift_id) for one in monthly_gifts.gifts_of_account(account_id=account_id)}:
        raise monthly_gifts.MonthlyGiftUnknown(chosen)
    who: dict[str, Any] = {"at": clock.now(), "staff_id": staff_of(request).staff_id}
    monthly_gifts.end(gift_id=int(chosen), reason=reason, **who)
    return True


_STEPS = {"refund": _refund, "transfer": _transfer, "waive": _waive, "gift": _give_monthly, "end_gift": _end_gift}


def _bill_of(request: HttpRequest, account_id: int) -> int:
    """The chosen bill, which is one the account owes. Raises BillNotOwed."""
    bill = request.POST.get("bill", "")
    owed = receivables.owed(account_id=account_id, at=clock.now())
    if bill not in {str(one.bill_id) for one in owed.bills}:
        raise receivables.BillNotOwed(bill)
    return int(bill)


@require_GET
@needs("receivables.view")
def pdf(request: HttpRequest, account_id: int) -> HttpResponse:
    """The statement as a document in the customer's language; it names the customer: it is logged."""
    holder_of(account_id)
    today = clock.today()
    from_on = day_of(request.GET.get("from", "")) or today.replace(day=1) - timedelta(days=92)
    to_on = day_of(request.GET.get("to", "")) or today
    wanted = request.GET.get("language", "")
    content = statement_pdf(
        account_id=account_id,
        from_on=from_on,
        to_on=to_on,
        causes=_causes(),
        language=wanted if wanted in ("zh", "en") else None,
    )
    system.record_audit(
        staff_id=staff_of(request).staff_id,
        action="receivables.print_statement",
        object_kind="account",
        object_id=account_id,
        at=clock.now(),
    )
    answer = HttpResponse(content, content_type="application/pdf")
    answer["Content-Disposition"] = f'inline; filename="statement-{account_id}.pdf"'
    answer["Cache-Control"] = "no-store"
    return answer


def _causes() -> dict[str, tuple[str, str]]:
    """What causes of entries are called, in Chinese and English."""
    said = []
    for language in ("zh-hans", "en"):
        with override(language):
            said.append({code: str(text) for code, text in words.choices("entry_cause")})
    return {code: (said[0][code], said[1][code]) for code in said[0]}
