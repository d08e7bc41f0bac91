"""What the screens of money share: amounts as people type them, refusals in words, the second person at the screen."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from openboss.access.console.session import staff_of
from openboss.access.jobs import clock
from openboss.modules.customers import functions as customers
from openboss.modules.customers.functions import CustomerUnknown
from openboss.modules.receivables import functions as receivables
from openboss.modules.receivables.functions import direct_debit, elsewhere, monthly_gifts, objections, proposals
from openboss.modules.system import functions as system
from openboss.processes import assure_money
from openboss.processes.take_payment import TenderedTooLittle

MOST_FEN = 10**12
COUNTER_MEANS = ("CASH", "CARD", "CHEQUE")


class AmountUnreadable(ValueError):
    """An amount is written in yuan with at most two decimals."""


class SecondRefused(Exception):
    """The second person's login or password is wrong."""


class TillNeeded(Exception):
    """Cash goes into an open till of one's own, and money is taken by a means of the counter."""


REFUSALS: dict[type[Exception], str | Promise] = {
    TillNeeded: _("Open your till before you take cash."),
    AmountUnreadable: _("Write the amount in yuan with at most two decimals, such as 120.50."),
    SecondRefused: _("The second person's login or password is wrong."),
    TenderedTooLittle: _("Less was handed over than is to be paid."),
    objections.ItemUnknown: _("Nothing was charged for this item; a late fee is waived instead."),
    objections.MoreThanCharged: _("No more can be too much than was charged for the item."),
    objections.ObjectionExists: _("This item is looked into already, or was returned before."),
    objections.ObjectionDecided: _("Somebody has decided on this already."),
    objections.ObjectionUnknown: _("There is no such objection."),
    monthly_gifts.PartsWrong: _("A gift has 2 to 60 monthly parts of at least 0.01 each."),
    monthly_gifts.MonthlyGiftUnknown: _("Nothing more comes of this gift. Load the page again."),
    receivables.AmountWrong: _("The amount must be more than nothing."),
    receivables.MeansUnknown: _("There is no such means of payment."),
    receivables.NotEnoughMoney: _("The account has not that much cash that may be given back or moved."),
    receivables.SecondPersonNeeded: _("A second person must agree: let them enter their login and password."),
    receivables.NotEntitled: _("The right for this is missing."),
    receivables.ReversedBefore: _("This payment was taken back already, or is of a kind that cannot be."),
    receivables.VoucherUsed: _("Money of a used voucher cannot be taken back."),
    receivables.InvoiceNotReturned: _("An invoice is out for this payment: ask for it, and tick that it is here."),
    receivables.MoneyGone: _("The money was refunded or moved meanwhile; take that back first."),
    receivables.LaterActs: _("A late fee was waived or a debt written off after this payment; take that back first."),
    receivables.PaymentUnknown: _("There is no such payment."),
    receivables.NotSuspended: _("This payment does not wait any more."),
    receivables.AccountMissing: _("There is no such account."),
    receivables.BillNotOwed: _("Nothing is open on this bill."),
    receivables.WaiverTooHigh: _("This is more than your role may waive."),
    receivables.TillOpen: _("Your till is open already."),
    receivables.TillUnknown: _("This till is closed already."),
    receivables.DifferenceUnexplained: _("The count differs from what should be there: count again, or say why."),
    receivables.DocumentUnknown: _("There is no such receipt, or it was taken back."),
    receivables.DocumentIssued: _("A receipt is out for this already: print it again as a copy."),
    receivables.DayClosed: _("This day is closed already. Load the page again."),
    receivables.DayOpen: _("These books are open already. Load the page again."),
    receivables.PeriodClosed: _("The month is closed: open the month first, then its day."),
    receivables.DaysOpen: _("Some days of the month are still open: close them first."),
    receivables.NotYetBad: _("This debt is not old enough or was not dunned often enough to be written off."),
    elsewhere.MonthDecided: _("Somebody has decided on this already."),
    proposals.ProposalDecided: _("Somebody has decided on this already."),
    proposals.ProposalUnknown: _("There is no such proposal."),
    proposals.ProposalExists: _("The same is proposed already; it waits on the work list."),
    assure_money.DifferenceUnknown: _("This difference was settled meanwhile. Load the page again."),
    assure_money.NothingLeft: _("Nothing is left to charge: it was charged by now, or will be in a moment."),
    assure_money.NotSure: _(
        "What is left is not sure: its network may still report (up to a day after it fell silent), the engine does "
        "not answer, or its records lie days apart. Nothing was charged."
    ),
    assure_money.NotRepairable: _("No machine may repair this: look at what lies under it, or explain it."),
    direct_debit.MandateExists: _("The account has a mandate already, or this contract number is used."),
    direct_debit.MandateUnknown: _("This mandate was confirmed or ended meanwhile. Load the page again."),
    system.SerialNumberUsed: _("This form was sent already with other content. Load the page again."),
    CustomerUnknown: _("There is no such account."),
}


def fen_of(text: str) -> int:
    """An amount typed in yuan as whole fen. Raises AmountUnreadable."""
    try:
        amount = Decimal(text.replace(",", "").replace("¥", "").strip())
    except InvalidOperation as wrong:
        raise AmountUnreadable(text) from wrong
    if not amount.is_finite() or not 0 <= amount < MOST_FEN:  # before scaleb, which overflows
        raise AmountUnreadable(text)
    fen = amount.scaleb(2)
    if fen != fen.to_integral_value() or fen >= MOST_FEN:
        raise AmountUnreadable(text)
    return int(fen)


def day_of(text: str) -> date | None:
    """A day as the address or a form has it; None if it is none."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def carried_out(request: HttpRequest, act: Callable[[], Any]) -> Any:
    """Do something to money; what is refused is said in words and gives None."""
    try:
        return act()
    except tuple(REFUSALS) as refused:
        messages.error(request, str(REFUSALS[type(refused)]))
        return None


def second_person(request: HttpRequest) -> int | None:
    """Who signed as the second person in this form; None if nobody did. Raises SecondRefused."""
    login, password = request.POST.get("second_login", "").strip(), request.POST.get("second_password", "")
    if not login:
        return None
    try:
        return system.authenticate_staff(login=login, password=password, at=clock.now()).staff_id
    except (system.LoginRefused, system.LoginLocked) as refused:
        raise SecondRefused(login) from refused


def account_of(text: str) -> int:
    """An account somebody typed. Raises CustomerUnknown."""
    account_id = int(text) if text.isdecimal() else 0
    customers.customer_of_account(account_id=account_id)
    return account_id


def holder_of(account_id: int) -> dict[str, Any]:
    """Whose account this is, with the masked name. Raises Http404."""
    try:
        customer_id = customers.customer_of_account(account_id=account_id)
    except CustomerUnknown as unknown:
        raise Http404 from unknown
    name = customers.names_of_customers(customer_ids=[customer_id]).get(customer_id, "")
    return {"account_id": account_id, "customer_id": customer_id, "name": name}


def open_till_of(staff_id: int) -> receivables.TillView | None:
    """The till this cashier has open."""
    return next((till for till in receivables.tills_of(staff_id=staff_id) if till.closed_at is None), None)


def means_of(request: HttpRequest) -> tuple[str, int | None]:
    """By which means a form's money is taken, and into which till. Raises TillNeeded."""
    means, till = request.POST.get("means", ""), open_till_of(staff_of(request).staff_id)
    if means not in COUNTER_MEANS or (means == "CASH" and till is None):
        raise TillNeeded(means)
    return means, till.till_id if till else None
