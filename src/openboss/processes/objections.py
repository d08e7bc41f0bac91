"""An objection to a bill (账单异议) from the counter to the answer. Read from top to bottom.

    take      the objection is written down and the user is told; while it is open nobody is stopped for it (D9.6)
    confirm   it was our fault: twice the over-charge becomes money of the account; service that was stopped for
              arrears goes on if nothing is left to pay, and the user is told
    reject    it was charged rightly: the user is told why; credit control goes on at its next look

Each is one transaction. Source: D8.12.
"""

from datetime import datetime
from typing import Any

from django.db import transaction

from openboss.modules.billing.atomic import BILL_ID_STEP
from openboss.modules.catalog.functions import bill_item_types
from openboss.modules.customers import functions as customers
from openboss.modules.receivables.functions import objections
from openboss.modules.receivables.functions.collection_cases import withdraw_paid
from openboss.modules.receivables.functions.objections import ObjectionView
from openboss.modules.system.functions import send_out
from openboss.processes import collect_debt, unbilled


@transaction.atomic
def take(
    *,
    bill_id: int,
    subscriber_id: int,
    item_id: int,
    objected_fen: int,
    reason: str,
    serial_no: str,
    at: datetime,
    staff_id: int,
) -> ObjectionView:
    """Take an objection; the same again is the same objection. Raises as objections.object_to."""
    taken = objections.object_to(
        bill_id=bill_id, subscriber_id=subscriber_id, item_id=item_id, objected_fen=objected_fen, reason=reason,
        serial_no=serial_no, at=at, staff_id=staff_id,
    )  # fmt: skip
    if taken.opened_at == at:
        _tell("OBJECTION_TAKEN", taken, at, objected_fen=objected_fen)
    return taken


@transaction.atomic
def confirm(
    *, objection_id: int, over_fen: int, answer: str, at: datetime, staff_id: int, approved_by: int | None = None
) -> ObjectionView:
    """Confirm that it was our fault and give it back. Raises as objections.confirm."""
    done = objections.confirm(
        objection_id=objection_id, over_fen=over_fen, answer=answer, at=at, staff_id=staff_id, approved_by=approved_by
    )
    accounts = [done.account_id]
    withdraw_paid(account_ids=accounts, at=at)
    if collect_debt.begun(accounts, at=at):
        used = unbilled.of_accounts(accounts, at=at)
        collect_debt.look_at(accounts, at=at, may_begin=False, **used._asdict())
    _tell("OBJECTION_CONFIRMED", done, at, over_fen=over_fen, returned_fen=done.returned_fen)
    return done


@transaction.atomic
def reject(*, objection_id: int, answer: str, at: datetime, staff_id: int) -> ObjectionView:
    """Reject an objection. Raises as objections.reject."""
    done = objections.reject(objection_id=objection_id, answer=answer, at=at, staff_id=staff_id)
    _tell("OBJECTION_REJECTED", done, at, answer=answer)
    return done


def _tell(template: str, about: ObjectionView, at: datetime, **values: Any) -> None:
    """One SMS to the user whose item it is; one who has no number any more is not told."""
    numbers = customers.numbers_of_subscribers(subscriber_ids=[about.subscriber_id], at=at)
    language = customers.languages_of_accounts(account_ids=[about.account_id])[about.account_id]
    item = next(one for one in bill_item_types() if one.item_id == about.item_id)
    year, month = divmod(about.bill_id // BILL_ID_STEP, 100)
    values |= {"month": f"{year}-{month:02d}", "item": item.name_zh if language == "zh" else item.name_en}
    for number in numbers.values():
        sms = {"number": number, "template": template, "language": language, "values": values}
        send_out(topic="sms", payload=sms, at=at)
