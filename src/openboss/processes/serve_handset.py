"""A user asks from the own handset: a short message, a USSD menu, the voice menu. Read from top to bottom.

    know      the number is a user's of ours; nobody asks too often
    hear      what came is written down (IN), once by the channel's own number of it (ARC-14)
    serve     the balance; free resources; an add-on, which is ordered only when a second message says Y (D13.5);
              an emergency opening of who is stopped for arrears (D9.7)
    answer    in the user's language, written down too (OUT); a message is answered by a message

A handset proves the number alone, so nobody hears of single calls here, and PIN or Y come on top where D14.2 asks for
more. Source: CHN-01, CHN-03, CHN-05, CHN-06, D13.5, D14.2.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

from django.db import transaction

from openboss.modules.catalog.compiler import with_tax
from openboss.modules.catalog.functions.sale import OfferVersionView, offers_on_sale
from openboss.modules.customers import functions as customers
from openboss.modules.customers.functions import InteractionView, Proof
from openboss.modules.system.functions import send_out
from openboss.processes import emergency_opening, hall, tell_balance

MOST, WITHIN = 10, timedelta(minutes=10)  # messages of one user over one channel; and how long a Y is waited for
LONGEST = 500  # signs of an answer, as it is written down
NO_PLACE = ""  # nobody's hall: a handset takes nothing out of stock
FEN = 100
KEYWORDS = {"CXYE": "BALANCE", "余额": "BALANCE", "BALANCE": "BALANCE", "BAL": "BALANCE",
            "CXLL": "FREE", "FREE": "FREE", "Y": "CONFIRM", "是": "CONFIRM",
            "JJKJ": "EMERGENCY", "紧急开机": "EMERGENCY", "OPEN": "EMERGENCY"}  # fmt: skip
ORDER = re.compile(r"(?:KT|ADD) ?([A-Z0-9_]{2,40})")
MENU = ("BALANCE", "FREE", "EMERGENCY")  # of USSD and the voice menu, until use has put them in another order


class AskedTooOften(Exception):
    """The number has asked ten times within ten minutes; it is answered again later."""


@dataclass(frozen=True)
class Asker:
    """Who asks: the user, whose it is, the language of the paying account."""

    subscriber_id: int
    customer_id: int
    language: str


@dataclass(frozen=True)
class Said:
    """What somebody asks now, and what the user said over the channel within ten minutes before, newest first."""

    asker: Asker
    channel: str
    serial_no: str
    about: str
    came: Sequence[InteractionView]
    at: datetime


@dataclass(frozen=True)
class Reply:
    """What a user is told; `what` names the service, UNKNOWN for none."""

    what: str
    text: str
    language: str
    is_repeat: bool


def short_message(*, message_no: str, number: int, text: str, at: datetime) -> Reply:
    """Answer a short message by one: CXYE or BALANCE, CXLL or FREE, KT or ADD with an offer's code, then Y.

    message_no  the message centre's own number of it: the same again is answered once
    Raises SubscriberUnknown, AskedTooOften, SerialNumberUsed.
    """
    said = " ".join(text.upper().split())
    ordered = ORDER.fullmatch(said)
    what = "ORDER" if ordered else KEYWORDS.get(said, "UNKNOWN")
    return _talked("SMS", message_no, number, what, ordered[1] if ordered else "", at)


def menu_choice(*, channel: str, turn_no: str, number: int, what: str, at: datetime) -> Reply:
    """Answer one choice of a menu (USSD, IVR). Raises SubscriberUnknown, AskedTooOften, SerialNumberUsed."""
    assert what in MENU
    return _talked(channel, turn_no, number, what, "", at)


def menu_of(*, channel: str, at: datetime) -> list[str]:
    """The services of a menu: what was chosen most in the month before comes first (CHN-03)."""
    chosen = customers.said_last_month(channel=channel, at=at)
    return sorted(MENU, key=lambda what: -chosen.get(what, 0))


def language_of(*, number: int, at: datetime) -> str:
    """The language in which a number's user is spoken to: zh or en. Raises SubscriberUnknown."""
    return _asker(number, at).language


def _asker(number: int, at: datetime) -> Asker:
    user = customers.subscriber_of_number(number=number, at=at)
    account = customers.paying_account(subscriber_id=user, cycle=customers.cycle_of(at))
    language = customers.languages_of_accounts(account_ids=[account]).get(account, "zh")
    return Asker(user, customers.customer_of_subscriber(subscriber_id=user), language)


@transaction.atomic
def _talked(channel: str, turn_no: str, number: int, what: str, about: str, at: datetime) -> Reply:
    """Hear and answer once, in one transaction with what was ordered and the message that tells it."""
    asker, serial_no = _asker(number, at), f"{channel} {turn_no}"
    own: dict[str, Any] = {"customer_id": asker.customer_id, "subscriber_id": asker.subscriber_id, "channel": channel}
    came = [one for one in customers.said_by_user(**own, since_at=at - WITHIN) if one.direction == "IN"]
    known = customers.interaction_of_serial(serial_no=f"{serial_no} OUT")
    if known is None and len(came) >= MOST:
        raise AskedTooOften(asker.subscriber_id)
    log = {**own, "at": at, "staff_id": None, "result": "ANSWERED"}
    log["reason"] = "BUSINESS" if what in ("ORDER", "CONFIRM", "EMERGENCY") else "QUERY"
    customers.note_interaction(direction="IN", note=f"{what} {about}".strip(), serial_no=f"{serial_no} IN", **log)
    known = customers.interaction_of_serial(serial_no=f"{serial_no} OUT")  # it may have come twice at once
    if known is not None:
        return Reply(what, known.note, asker.language, True)
    text = _SERVICES[what](Said(asker, channel, serial_no, about, came, at))[:LONGEST]
    customers.note_interaction(direction="OUT", note=text, serial_no=f"{serial_no} OUT", **log)
    if channel == "SMS":
        told = {"number": number, "template": what, "language": asker.language, "text": text}
        send_out(topic="sms", payload=told, at=at)
    return Reply(what, text, asker.language, False)


def _tell_balance(said: Said) -> str:
    balance = tell_balance.of_user(said.asker.subscriber_id, at=said.at)
    return tell_balance.in_words(balance, language=said.asker.language)


def _tell_free(said: Said) -> str:
    balance = tell_balance.of_user(said.asker.subscriber_id, at=said.at)
    return tell_balance.free_in_words(balance, language=said.asker.language)


def _ask_for_yes(said: Said) -> str:
    """Say what an add-on costs, and order nothing."""
    asker, at = said.asker, said.at
    offer = _on_sale(said.about, at)
    try:
        plan = hall.preview(subscriber_id=asker.subscriber_id, at=at, channel="SMS", **_wish(offer)) if offer else None
    except hall.REFUSALS:
        plan = None
    if offer is None or plan is None or plan.fees:  # what is paid at once is paid elsewhere
        return customers.text_of("ORDER_REFUSED", language=asker.language, values={})
    recurring = with_tax(offer.document, offer.code).get("recurring") or []
    fee_fen = int(sum(Fraction(rule["fee"]) for rule in recurring) * FEN)
    named = {"name": offer.names[asker.language], "fee_fen": fee_fen}
    return customers.text_of("ORDER_CONFIRM", language=asker.language, values=named)


def _order(said: Said) -> str:
    """Order what was asked for last, within ten minutes, once however often Y comes."""
    asker, at = said.asker, said.at
    asked = next((one for one in said.came if one.note.startswith("ORDER ")), None)
    offer = _on_sale(asked.note.removeprefix("ORDER "), at) if asked else None
    if asked is None or offer is None:
        return customers.text_of("NOTHING_TO_CONFIRM", language=asker.language, values={})
    try:
        with transaction.atomic():
            order = hall.place_and_confirm(
                serial_no=f"SMS {asked.interaction_id}",
                channel="SMS",
                proofs=[Proof.OWN_HANDSET, Proof.CONFIRMED],
                at=at,
                staff_id=None,
                org_code=NO_PLACE,
                subscriber_id=asker.subscriber_id,
                **_wish(offer),
            )
            if order.fees:  # nobody was told of them, so Y does not agree to them
                raise hall.OrderIncomplete(offer.code)
    except hall.IN_ONE_GO_REFUSALS:
        return customers.text_of("ORDER_REFUSED", language=asker.language, values={})
    return customers.text_of("ORDER_DONE", language=asker.language, values={"name": offer.names[asker.language]})


def _open_in_emergency(said: Said) -> str:
    """Open who is stopped for arrears, or say why not."""
    asker = said.asker
    try:
        with transaction.atomic():
            order = hall.place_and_confirm(
                kind="EMERGENCY",
                serial_no=said.serial_no,
                channel=said.channel,
                request={},
                proofs=[Proof.OWN_HANDSET],
                at=said.at,
                staff_id=None,
                org_code=NO_PLACE,
                subscriber_id=asker.subscriber_id,
            )
    except emergency_opening.REFUSALS as refused:
        return customers.text_of(f"EMERGENCY_{type(refused).__name__}", language=asker.language, values={})
    except hall.IN_ONE_GO_REFUSALS:
        return customers.text_of("ORDER_REFUSED", language=asker.language, values={})
    return customers.text_of(emergency_opening.OPEN, language=asker.language, values=order.result or {})


def _help(said: Said) -> str:
    return customers.text_of("KEYWORDS", language=said.asker.language, values={})


def _on_sale(code: str, at: datetime) -> OfferVersionView | None:
    on_sale = offers_on_sale(customers.operator_day(at))
    return next((one for one in on_sale if one.code == code and one.kind == "ADDON"), None)


def _wish(offer: OfferVersionView) -> dict[str, Any]:
    return {"kind": "ADD_PRODUCT", "request": {"offer_id": offer.offer_id, "first_month": "FULL"}}


_SERVICES: dict[str, Callable[[Said], str]] = {
    "BALANCE": _tell_balance, "FREE": _tell_free, "ORDER": _ask_for_yes, "CONFIRM": _order, "UNKNOWN": _help,
    "EMERGENCY": _open_in_emergency,
}  # fmt: skip
