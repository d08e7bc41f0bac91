"""Our hall serves a user of another province (HAL-14). Read from top to bottom.

    ask        what is wanted is written down and left for the hub; what the user showed goes along and is forgotten
    answered   done or refused; a payment that was done is booked here in the same breath: we owe it to their province
    overdue    a payment nobody answered within a minute is taken back, three tries, then a person looks: the books of
               both provinces are as if nothing had been paid

Source: D8.8, D18.4, HUB-04.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from openboss.modules.orders import functions as orders
from openboss.modules.orders.functions import HubOrderView
from openboss.modules.receivables.functions import elsewhere
from openboss.modules.receivables.functions.remote import OwnProvince, collect_for_another
from openboss.modules.receivables.functions.rules import rules_at

DONE_CODE = "0000"
WRITE_WAITS = timedelta(seconds=60)
REVERSALS_MAX = 3
QUESTIONS = ("STATUS", "QUERY", "POINTS", "BILL")
AT_A_HALL = ("STATUS", "QUERY", "POINTS", "PAY", "SUSPEND", "RESUME", "REPLACE_SIM", "ADD_SERVICE", "END_SERVICE")
HIGH_USE = "HIGH_USE"
PAY_FOR, END_PAY_FOR, BILL = "PAY_FOR", "END_PAY_FOR", "BILL"  # paying for numbers there (D8.13)
ACTIVITIES = (*AT_A_HALL, HIGH_USE, PAY_FOR, END_PAY_FOR, BILL)
REVERSE = "REVERSE"


def ask(
    *,
    trans_id: str,
    home: str,
    number: int,
    activity: str,
    at: datetime,
    staff_id: int | None = None,
    org_code: str = "",
    reason: str = "",
    offer: str = "",
    shown: Mapping[str, str] | None = None,
    about: Mapping[str, Any] | None = None,
    paid_fen: int = 0,
    means: str = "",
    till_id: int | None = None,
) -> HubOrderView:
    """Ask another province for something; the same number again asks nothing anew.

    reason  of SUSPEND and RESUME: LOST or KEEP; offer: the code of what is added or ended
    shown   CertNo, Password: what the user showed; it is sent and forgotten, never kept with the order
    about   what else goes along: UsedFen, From, To of HIGH_USE; Payer, Cycle of paying for a number there
    staff_id, org_code  of the hall; nobody's of what no hall asks for
    Raises OwnProvince.
    """
    assert activity in ACTIVITIES, activity
    if home == rules_at(at).value("own_province"):
        raise OwnProvince(home)
    return orders.begin_hub_order(
        trans_id=trans_id,
        home=home,
        number=number,
        activity=activity,
        content={name: text for name, text in (("Reason", reason), ("Offer", offer)) if text} | dict(about or {}),
        at=at,
        staff_id=staff_id,
        org_code=org_code,
        paid_fen=paid_fen,
        means=means,
        till_id=till_id,
        secret={name: text for name, text in (shown or {}).items() if text},
    )


@transaction.atomic
def answered(
    *, trans_id: str, activity: str, code: str, words: str, their_id: str, answer: Mapping[str, Any], at: datetime
) -> HubOrderView:
    """Take what the other province said; a payment that was done there is booked here. Raises HubOrderUnknown."""
    order = orders.lock_hub_order(trans_id=trans_id)
    if activity == REVERSE:
        state = orders.REVERSED if code == DONE_CODE else orders.MANUAL
        return _end(trans_id, state, at, code=code, words=words)
    if order.state != orders.ASKED:
        return order
    if activity == "PAY" and code == DONE_CODE and order.means != elsewhere.ACCOUNT:
        collect_for_another(
            home=order.home,
            number=order.number,
            paid_fen=order.paid_fen,
            means=order.means,
            serial_no=f"HUB {trans_id}",
            at=at,
            staff_id=order.staff_id,
            till_id=order.till_id,
        )
    state = orders.DONE if code == DONE_CODE else orders.REFUSED
    about = {"code": code, "words": words, "their_id": their_id, "answer": answer}
    return _end(trans_id, state, at, **about)


def _end(trans_id: str, state: str, at: datetime, **about: Any) -> HubOrderView:
    """Note how a message ended; what it means for paying for a number there is noted with it (D8.13)."""
    ended = orders.end_hub_order(trans_id=trans_id, state=state, at=at, **about)
    said = {"code": ended.code, "words": ended.words, "answer": ended.answer or {}}
    elsewhere.heard(trans_id=trans_id, outcome=ended.state, at=at, **said)
    return ended


@transaction.atomic
def no_answer(*, trans_id: str, activity: str, at: datetime) -> bool:
    """Decide what becomes of something that was not answered: True = it is over and not sent again.

    A question that is a minute old is over; a payment is then taken back; anything else is asked again, for the other
    province does it once. A taking back that failed three times is left to a person. Raises HubOrderUnknown.
    """
    order = orders.lock_hub_order(trans_id=trans_id)
    if order.state not in orders.OPEN_HUB:
        return True
    if activity == REVERSE:
        if order.reversals >= REVERSALS_MAX:
            _end(trans_id, orders.MANUAL, at, words="no answer")
            return True
        orders.try_reversal(trans_id=trans_id, at=at)
        return False
    if at - order.at < WRITE_WAITS:
        return False
    if activity == "PAY":
        orders.try_reversal(trans_id=trans_id, at=at)
        return True
    if activity in QUESTIONS:
        _end(trans_id, orders.REFUSED, at, words="no answer")
        return True
    return False
