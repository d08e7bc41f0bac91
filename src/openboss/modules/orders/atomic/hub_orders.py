"""Orders to other provinces for users of theirs: asked, answered once, reversed when no answer came (HAL-14, D18.4)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from openboss.modules.orders.models import HubOrder
from openboss.modules.system.atomic import record_audit, send_out

ASKED, DONE, REFUSED, REVERSING, REVERSED, MANUAL = "ASKED", "DONE", "REFUSED", "REVERSING", "REVERSED", "MANUAL"
TOPIC = "hub"
OPEN_HUB = (ASKED, REVERSING)


class HubOrderUnknown(LookupError):
    """There is no such order to another province."""


@dataclass(frozen=True)
class HubOrderView:
    """One order to another province, and what came of it."""

    hub_order_id: int
    trans_id: str
    home: str
    number: int
    activity: str
    state: str
    content: dict[str, Any]
    code: str
    words: str
    their_id: str
    answer: dict[str, Any] | None
    paid_fen: int
    means: str
    till_id: int | None
    staff_id: int | None
    org_code: str
    at: datetime
    answered_at: datetime | None
    reversals: int


@transaction.atomic
def begin_hub_order(
    *,
    trans_id: str,
    home: str,
    number: int,
    activity: str,
    content: Mapping[str, Any],
    at: datetime,
    staff_id: int | None,
    org_code: str,
    paid_fen: int = 0,
    means: str = "",
    till_id: int | None = None,
    secret: Mapping[str, str] | None = None,
) -> HubOrderView:
    """Write down what is asked of another province and leave it for the hub; the same number again gives the order.

    staff_id  None: the system asks, not a hall
    secret    what the user showed: it goes along with the message and is forgotten when that was sent
    """
    found = HubOrder.objects.filter(trans_id=trans_id).first()
    if found is not None:
        return _view(found)
    row = HubOrder.objects.create(
        trans_id=trans_id,
        home=home,
        number=number,
        activity=activity,
        state=ASKED,
        content=dict(content),
        paid_fen=paid_fen,
        means=means,
        till_id=till_id,
        staff_id=staff_id,
        org_code=org_code,
        at=at,
    )
    payload = {"trans_id": trans_id, "activity": activity, "secret": dict(secret or {})}
    send_out(topic=TOPIC, payload=payload, at=at, order_key=f"{home} {number}")
    _audit("orders.ask_province", row, at, staff_id)
    return _view(row)


@transaction.atomic
def end_hub_order(
    *,
    trans_id: str,
    state: str,
    at: datetime,
    code: str = "",
    words: str = "",
    their_id: str = "",
    answer: Mapping[str, Any] | None = None,
) -> HubOrderView:
    """Note what the other province said, or that it said nothing; one that has ended stays as it is.

    Raises HubOrderUnknown.
    """
    row = _locked(trans_id)
    if row.state not in OPEN_HUB:
        return _view(row)
    row.state, row.answered_at = state, at
    row.code, row.words, row.their_id = code or row.code, words[:200] or row.words, their_id or row.their_id
    row.answer = dict(answer) if answer is not None else row.answer
    row.save()
    _audit("orders.province_answered", row, at, None)
    return _view(row)


@transaction.atomic
def try_reversal(*, trans_id: str, at: datetime) -> HubOrderView:
    """Count one more try to take back what was not answered; the first is left for the hub (D18.4).

    Raises HubOrderUnknown.
    """
    row = _locked(trans_id)
    if row.state == ASKED:
        payload = {"trans_id": trans_id, "activity": "REVERSE"}
        send_out(topic=TOPIC, payload=payload, at=at, order_key=f"{row.home} {row.number} back")
    if row.state in OPEN_HUB:
        row.state, row.answered_at, row.reversals = REVERSING, at, row.reversals + 1
        row.save()
    return _view(row)


def lock_hub_order(*, trans_id: str) -> HubOrderView:
    """Show an order and keep others from changing it until the transaction ends. Raises HubOrderUnknown."""
    return _view(_locked(trans_id))


def hub_order(*, trans_id: str) -> HubOrderView:
    """Show an order by our number of the transaction. Raises HubOrderUnknown."""
    row = HubOrder.objects.filter(trans_id=trans_id).first()
    if row is None:
        raise HubOrderUnknown(trans_id)
    return _view(row)


def list_hub_orders(
    *, state: str = "", home: str = "", page: int = 1, page_size: int = 50
) -> tuple[list[HubOrderView], int]:
    """Show orders to other provinces, the newest first, with the number of all that match."""
    wanted = {"state": state, "home": home}
    found = HubOrder.objects.filter(**{name: value for name, value in wanted.items() if value})
    rows = found.order_by("-hub_order_id")[(page - 1) * page_size : page * page_size]
    return [_view(row) for row in rows], found.count()


def _locked(trans_id: str) -> HubOrder:
    row = HubOrder.objects.select_for_update().filter(trans_id=trans_id).first()
    if row is None:
        raise HubOrderUnknown(trans_id)
    return row


def _view(row: HubOrder) -> HubOrderView:
    return HubOrderView(**{name: getattr(row, name) for name in HubOrderView.__dataclass_fields__})


def _audit(action: str, row: HubOrder, at: datetime, staff_id: int | None) -> None:
    after = {"home": row.home, "activity": row.activity, "state": row.state, "code": row.code}
    record_audit(
        staff_id=staff_id, action=action, object_kind="hub_order", object_id=row.hub_order_id, at=at, after=after
    )
