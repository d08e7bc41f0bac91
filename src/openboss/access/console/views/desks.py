"""The flows of the hall as the counter offers them: what each asks, and from when it may count."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class Ask:
    """One thing a flow asks for.

    kind  offer, addon, holding, number, numbers, card, account, customer, item, money, flag, text or a vocabulary
    """

    key: str
    title: str | Promise
    kind: str = "text"
    optional: bool = False


@dataclass(frozen=True)
class Desk:
    """A flow as the counter offers it: what it asks, and from when it may count."""

    kind: str
    icon: str
    asks: tuple[Ask, ...] = ()
    effective: tuple[str, ...] = ("NOW",)
    for_user: bool = True


FIRST_MONTH = Ask("first_month", _("First month"), "first_month")
DESKS = (
    Desk(
        "OPEN",
        "user-plus",
        (
            Ask("number", _("Number"), "number"),
            Ask("iccid", _("SIM card"), "card"),
            Ask("main_offer_id", _("Plan"), "offer"),
            Ask("account_id", _("Account that pays"), "account"),
            Ask("pay_type", _("Payment"), "pay_type"),
            FIRST_MONTH,
            Ask("roaming", _("Roaming abroad"), "flag"),
            Ask("agent", _("Somebody acts for the holder"), "flag"),
        ),
        for_user=False,
    ),
    Desk(
        "CHANGE_PLAN",
        "repeat",
        (
            Ask("offer_id", _("New plan"), "offer"),
            FIRST_MONTH,
            Ask("change_brand", _("Agrees to another brand"), "flag"),
        ),
        ("NEXT_CYCLE", "NEXT_DAY", "NOW"),
    ),
    Desk("ADD_PRODUCT", "package", (Ask("offer_id", _("Product"), "addon"), FIRST_MONTH), ("NOW", "NEXT_CYCLE")),
    Desk("END_PRODUCT", "circle-x", (Ask("holding_id", _("Product"), "holding"),), ("NEXT_CYCLE", "NOW")),
    Desk("REPLACE_SIM", "device-sim", (Ask("iccid", _("New SIM card"), "card"),)),
    Desk("REPORT_LOST", "ban"),
    Desk("RELEASE_LOST", "player-play"),
    Desk("HOLD", "player-pause"),
    Desk("RESUME", "player-play"),
    Desk("EMERGENCY", "lock-open"),
    Desk("CHANGE_NUMBER", "phone", (Ask("number", _("New number"), "number"),)),
    Desk(
        "CHANGE_LIST",
        "users",
        (
            Ask("add", _("Numbers to put on the list (blanks between)"), "numbers", optional=True),
            Ask("remove", _("Numbers to take off"), "numbers", optional=True),
        ),
        ("NOW", "NEXT_DAY", "NEXT_CYCLE"),
    ),
    Desk(
        "CHANGE_PAYER",
        "wallet",
        (
            Ask("account_id", _("Account that pays"), "payer"),
            Ask("mode", _("How it pays"), "relation_mode"),
            Ask("item_scope", _("What it pays"), "item"),
            Ask("value", _("Per cent, or yuan a month"), "money", optional=True),
        ),
        ("NEXT_CYCLE", "NOW"),
    ),
    Desk(
        "TRANSFER",
        "arrows-exchange",
        (
            Ask("to_customer_id", _("New owner: customer number, or a number they have"), "customer"),
            Ask("to_account_id", _("Their account (empty: the first)"), "payer", optional=True),
            Ask("main_offer_id", _("Plan"), "offer"),
            FIRST_MONTH,
        ),
    ),
    Desk(
        "CHANGE_CUSTOMER",
        "edit",
        (
            Ask("name", _("Name"), optional=True),
            Ask("cert_type", _("Document"), "cert_type", optional=True),
            Ask("cert_no", _("Number of the document"), optional=True),
            Ask("customer_class", _("Class"), "customer_class", optional=True),
            Ask("reason", _("Reason")),
        ),
        for_user=False,
    ),
    Desk("PRE_CANCEL", "logout", (Ask("reason", _("Reason for leaving")), Ask("retention", _("What was offered")))),
    Desk("CANCEL", "trash"),
    Desk("RE_INSTATE", "arrow-back-up"),
)
KEYS = ("F3", "F4", "F5", "F6", "F7", "F8", "F9", "F10", "F11", "1", "2", "3", "4", "5", "6", "7", "8", "9")
BY_KIND = {desk.kind: desk for desk in DESKS}
INTEGERS = ("offer", "addon", "holding", "number", "account", "payer")
