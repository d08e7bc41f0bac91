"""Deliver the bills of a released month as each account wishes. Read from top to bottom.

    begin     every bill x every wish of its account, on the web without a wish; web, app and kiosk are done with it
    hand over SMS to the outbox in the same transaction; post, e-mail and MMS to a carrier
    note      sent, or why not: it is tried again by the next run, and given up as FAILED after five tries

Running again hands over only what still waits. A carrier may get a piece twice if the machine dies in between: it has
the number of the bill to know it by. Source: ACP-17.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from openboss.modules.billing.functions import deliveries
from openboss.modules.billing.functions.deliveries import Delivery
from openboss.modules.customers import functions as customers
from openboss.modules.system.atomic import send_out_many

CHUNK = 100
COUNTRY = 86 * 10**11
SMS = "SMS"
NO_ADDRESS = "the wish was ended"


class NotCarried(Exception):
    """The carrier did not take the bill; the message says why."""


Carry = Callable[[str, Delivery, str], None]
"""Hands a bill over: means, delivery, address. Raises NotCarried."""


@dataclass
class Handed:
    """What a run did."""

    begun: int = 0
    sent: int = 0
    failed: int = 0


def run(*, cycle: int, at: datetime, carry: Carry) -> Handed:
    """Begin the delivery of a released month and hand over whatever waits, each piece once.

    Raises CycleUnknown, CycleStateRefused.
    """
    done = Handed(begun=deliveries.begin_delivery(cycle=cycle, at=at))
    after_id = 0
    while pieces := deliveries.waiting(after_id=after_id, limit=CHUNK):
        _hand_over(pieces, at, carry, done)
        after_id = pieces[-1].delivery_id
    return done


@transaction.atomic
def _hand_over(pieces: list[Delivery], at: datetime, carry: Carry, done: Handed) -> None:
    texts: list[dict[str, Any]] = []
    told = [piece.account_id for piece in pieces if piece.means == SMS]
    languages = customers.languages_of_accounts(account_ids=told)
    reasons: dict[int, str] = {}
    for piece in pieces:
        try:
            if not piece.address:
                raise NotCarried(NO_ADDRESS)
            if piece.means == SMS:
                texts.append(_text(piece, languages[piece.account_id]))
            else:
                carry(piece.means, piece, piece.address)
        except NotCarried as refused:
            reasons[piece.delivery_id] = str(refused)
    send_out_many(topic="sms", payloads=texts, at=at)
    sent = [piece.delivery_id for piece in pieces if piece.delivery_id not in reasons]
    done.sent += deliveries.delivered(delivery_ids=sent, at=at)
    done.failed += deliveries.failed(reasons=reasons)


def _text(piece: Delivery, language: str) -> dict[str, Any]:
    year, month = divmod(piece.cycle, 100)
    return {
        "number": COUNTRY + int(piece.address),
        "template": "BILL_READY",
        "language": language,
        "values": {"month": f"{year}-{month:02d}", "due_fen": piece.due_fen},
    }
