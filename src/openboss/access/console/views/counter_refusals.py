"""What the hall refuses, in words for the clerk: what is wrong, and what to do next."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from openboss.access.console import formats, words

REFUSALS: dict[str, str | Promise] = {
    "AccountUnknown": _("There is no such account."),
    "AmountUnreadable": _("Write the amount with at most two decimals, such as 50 or 50.25."),
    "ArrearsFirst": _("Something is owed: let the customer pay first."),
    "Blacklisted": _("This document is on the black list: only prepaid service is possible."),
    "BrandChange": _("The plan is of another brand: the customer must agree to the change of brand."),
    "ClassUnknown": _("There is no such class of customers."),
    "CustomerUnknown": _("There is no such customer."),
    "DocumentChanged": _("What is kept is not what was signed: tell the auditor."),
    "DocumentDiffers": _("This is not the document the customer is registered with: ask whose it is."),
    "DocumentTaken": _("Another customer has this document: perhaps the two are one person."),
    "DocumentWrong": _("This cannot be the number of such a document: read it again."),
    "EmergencyElsewhere": _("Another user of the account has an emergency opening now: wait for its end, or let pay."),
    "EmergencyUsed": _("The user has had the emergency opening of this month: let the customer pay."),
    "FeesOpen": _("Something is still to be paid first:"),
    "HoldWithArrears": _("Something is owed: let the customer pay first, then the number can be kept."),
    "HoldingUnknown": _("The user does not hold this product."),
    "LeadClosed": _("This potential customer became a customer already, or was given up."),
    "LeadExists": _("Somebody looks after this number already."),
    "LeadUnknown": _("There is no such potential customer."),
    "MainOfferHeld": _("The user would hold two main plans: change the plan instead."),
    "MoveForbidden": _("The number or card is not in a state for this; take another one."),
    "NotDesignated": _("This hall takes no cancellations; these do:"),
    "NotEntitled": _("What the customer showed is not enough for this: ask for the document or the password."),
    "NotOneRegister": _("Number and card belong to different registers: take a card of the number's register."),
    "NotReversible": _("This order cannot be taken back."),
    "NotYourStock": _("This lies at another outlet; it cannot be used here."),
    "NotStoppedForArrears": _("The service is not stopped for arrears alone: there is nothing to open this way."),
    "NothingChanged": _("Nothing would change."),
    "NumberNotListable": _(
        "This number cannot be chosen: it is the user's own, or no number in digits with country code."
    ),
    "TooManyListed": _("The list of numbers is full: take one off first."),
    "NumberChosen": _("Somebody else has chosen this number, or it is in use: take another one."),
    "NumberTaken": _("The number has another user."),
    "NumberUnknown": _("This number is not in stock."),
    "OfferRefused": _("This customer cannot take the offer."),
    "OfferUnknown": _("There is no such offer."),
    "OffersDoNotFit": _("The offer does not go with what the user holds."),
    "OrderDifferent": _("This form was sent already with other content. Load the page again."),
    "OrderIncomplete": _("Still missing:"),
    "OrderPending": _("Another order of this kind waits for its day: cancel it first."),
    "OrderStateForbids": _("The order is not in the state for this. Load the page again."),
    "PasswordInitial": _("The first password has to be changed before it is used."),
    "PasswordLocked": _("Too many wrong passwords: ask for the document."),
    "PasswordMissing": _("This user has no service password yet: ask for the document."),
    "PasswordNotSixDigits": _("The service password is exactly six digits."),
    "PasswordTrivial": _("This password is too easy to guess: choose another one."),
    "PasswordWrong": _("The service password is wrong."),
    "PayerPaysByBill": _(
        "This account pays by bill for others: a user who pays before use needs an account of the own."
    ),
    "PlanBelowMinimum": _("The plan is below the minimum spend of this number: take a larger one."),
    "PointsShort": _("The user has not so many points."),
    "PointsWrong": _("Write a whole number of points that is worth whole fen."),
    "ReasonActive": _("The service is stopped for this reason already."),
    "ReasonNotActive": _("The service is not stopped for this reason."),
    "RelationWrong": _(
        "A ratio is more than 0 and at most 100 per cent, a limit more than 0.00 yuan; what pays in full or the rest "
        "has neither, and the rest is of everything."
    ),
    "RequestIncomplete": _("Still to be filled in:"),
    "SameNumber": _("The user has this number already."),
    "SamePlan": _("The user has this plan already."),
    "SerialNumberUsed": _("This form was sent already with other content. Load the page again."),
    "SignatureUnreadable": _("The signature did not arrive: sign again, or type the name."),
    "SimNotFree": _("This card is in use or gone: take another one."),
    "SimTaken": _("The card has another user."),
    "SimUnknown": _("This card is not in stock."),
    "StarTooLow": _("An emergency opening is for users of more stars, at least:"),
    "StateForbids": _("The user's state does not allow this."),
    "StopsForbid": _("The service is stopped: clear the stops first."),
    "TenderedTooLittle": _("Less was handed over than is to be paid."),
    "TooEarly": _("Not before this day:"),
    "TooManyNumbers": _("This document has as many numbers as the law allows."),
}
DETAILED = ("OrderIncomplete", "RequestIncomplete", "OfferRefused", "TooEarly", "NotDesignated", "StarTooLow")


def sentence(refused: Exception) -> str:
    """A refusal in the language of the request; what is missing is named, a rare one says its own name."""
    kind = type(refused).__name__
    if kind not in REFUSALS:
        return _now("Refused (%s): nothing was changed.") % kind
    if kind == "FeesOpen":
        return f"{REFUSALS[kind]} ¥{formats.yuan_of_fen(int(str(refused)))}"
    detail = _now(", ").join(_named(part) for part in str(refused).split(", ")) if kind in DETAILED else ""
    return f"{REFUSALS[kind]} {detail}".strip()


def _named(part: str) -> str:
    """One thing that is missing, in words where it has some."""
    for vocabulary in ("order_step", "document_kind", "order_field"):
        if part in words.WORDS[vocabulary]:
            return str(words.word(vocabulary, part).text)
    return part
