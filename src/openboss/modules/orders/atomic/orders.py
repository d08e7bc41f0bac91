"""Orders: placed once, put together on any channel, moved along their states, undone by another order (D13.3)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from openboss.modules.orders.atomic.shown import Fee, Item, OrderUnknown, OrderView, order_by_serial, order_view
from openboss.modules.orders.states import ACKNOWLEDGED, COMPLETED, IN_PROGRESS, MOVES, PENDING, SERVICE_KINDS
from openboss.modules.system.atomic import record_audit, record_audits
from openboss.modules.system.atomic.listeners import announce
from openboss.modules.system.statements import ask, put_rows, run

_PLACE = f"""
INSERT INTO orders_order (serial_no, kind, channel, state, customer_id, subscriber_id, request, proofs, effective,
 effective_at, staff_id, org_code, created_at, reason, reverses_id, part_of_id)
VALUES (%s::text, %s::text, %s::text, '{ACKNOWLEDGED}', %s::bigint, %s::bigint, %s::jsonb, %s::jsonb, %s::text,
 %s::timestamptz, %s::bigint, %s::text, %s::timestamptz, '', %s::bigint, %s::bigint)
ON CONFLICT (serial_no) DO NOTHING RETURNING order_id
"""
_ADD_ITEMS = f"""
WITH item AS MATERIALIZED (
 SELECT nextval(pg_get_serial_sequence('orders_item', 'order_item_id')) AS id, position - 1 AS position, action, what,
  of_it::jsonb, before FROM unnest(%s::text[], %s::text[], %s::text[], %s::int[])
  WITH ORDINALITY AS asked (action, what, of_it, before, position))
INSERT INTO orders_item (order_item_id, order_id, position, action, what, "values", depends_on_id, state)
SELECT item.id, %s::bigint, item.position, item.action, item.what, item.of_it, earlier.id, '{ACKNOWLEDGED}'
FROM item LEFT JOIN item earlier ON earlier.position = item.before
"""
_LOCK = "SELECT kind, state FROM orders_order WHERE order_id = %s::bigint FOR UPDATE"
_TICK = (
    "UPDATE orders_step s SET done_at = %s::timestamptz, done_by = %s::bigint, note = told.note"
    " FROM unnest(%s::text[], %s::text[]) AS told (step, note) WHERE s.order_id = %s::bigint AND s.step = told.step"
)
_MOVE = f"""
WITH of_it AS (UPDATE orders_item SET state = %s::text WHERE order_id = %s::bigint)
UPDATE orders_order SET state = %s::text,
 completed_at = CASE WHEN %s::text = '{COMPLETED}' THEN %s::timestamptz ELSE completed_at END,
 confirmed_at = coalesce(confirmed_at, %s::timestamptz), result = coalesce(%s::jsonb, result),
 subscriber_id = coalesce(%s::bigint, subscriber_id), reason = coalesce(nullif(%s::text, ''), reason)
WHERE order_id = %s::bigint
"""


class OrderDifferent(Exception):
    """This serial number belongs to an order that asks for something else; take another one (D0.4)."""


class OrderStateForbids(Exception):
    """An order in this state does not do that; the message names the state (D13.3)."""


class OrderPending(Exception):
    """Another order of this kind waits for its day; cancel it first (D13.4: one pending change a product)."""


class StepUnknown(LookupError):
    """This order has no such step."""


@dataclass(frozen=True)
class Locked:
    """An order that others cannot change until the transaction ends."""

    order_id: int
    kind: str
    state: str


@transaction.atomic
def place_order(
    *,
    serial_no: str,
    kind: str,
    channel: str,
    customer_id: int | None,
    subscriber_id: int | None,
    request: Mapping[str, Any],
    proofs: Sequence[str],
    effective: str,
    effective_at: datetime | None,
    items: Sequence[Item],
    steps: Sequence[str],
    fees: Sequence[Fee],
    at: datetime,
    staff_id: int | None,
    org_code: str,
    reverses_id: int | None = None,
    part_of_id: int | None = None,
) -> OrderView:
    """Write an order down, ACKNOWLEDGED. The same serial number with the same request gives the order there is.

    Raises OrderDifferent. Source: D13.3, D0.4.
    """
    found = order_by_serial(serial_no=serial_no)
    if found is None:
        what = [serial_no, kind, channel, customer_id, subscriber_id, json.dumps(dict(request)), json.dumps([*proofs])]
        where = [effective, effective_at, staff_id, org_code, at, reverses_id, part_of_id]
        if written := ask(_PLACE, [*what, *where]):
            order = Locked(int(written[0][0]), kind, ACKNOWLEDGED)
            _add_parts(order.order_id, items, steps, fees)
            after = {"kind": kind, "channel": channel, "subscriber_id": subscriber_id}
            audit_order("orders.place", order.order_id, at, staff_id, after=after)
            _announce("CreateEvent", order, ACKNOWLEDGED, at)
            return order_view(order_id=order.order_id)
        found = order_by_serial(serial_no=serial_no)  # placed by somebody else meanwhile
        assert found is not None
    same_user = subscriber_id in (None, found.subscriber_id)  # an opening gets its user when it is carried out
    if found.kind != kind or not same_user or found.request != json.loads(json.dumps(dict(request))):
        raise OrderDifferent(serial_no)
    return found


def _add_parts(order_id: int, items: Sequence[Item], steps: Sequence[str], fees: Sequence[Fee]) -> None:
    if items:
        values = [json.dumps(dict(item.values)) for item in items]
        columns = [[item.action for item in items], [item.what for item in items], values]
        run(_ADD_ITEMS, [*columns, [item.depends_on for item in items], order_id])
    kinds = {"order_id": "bigint", "position": "smallint", "step": "text", "note": "text"}
    put_rows("orders_step", kinds, [(order_id, position, step, "") for position, step in enumerate(steps)])
    kinds = {"order_id": "bigint", "position": "smallint", "code": "text", "booking": "text", "fee_fen": "bigint"}
    lines = [(order_id, position, fee.code, fee.booking, fee.fee_fen) for position, fee in enumerate(fees)]
    put_rows("orders_fee", kinds, lines)


@transaction.atomic
def tick_steps(*, order_id: int, notes: Mapping[str, str], at: datetime, staff_id: int | None) -> None:
    """Note that steps of the checklist are done (HAL-01), each with what is to be said of it.

    Raises OrderUnknown, OrderStateForbids, StepUnknown.
    """
    order = locked_order(order_id)
    if order.state != ACKNOWLEDGED:
        raise OrderStateForbids(order.state)
    if run(_TICK, [at, staff_id, list(notes), list(notes.values()), order_id]) != len(notes):
        known = {step.step for step in order_view(order_id=order_id).steps}
        raise StepUnknown(", ".join(step for step in notes if step not in known))
    done = [(order_id, {"step": step}) for step in notes]
    record_audits(staff_id=staff_id, action="orders.tick", object_kind="order", at=at, after=done)


@transaction.atomic
def fee_paid(*, order_id: int, code: str, serial_no: str, payment_id: int | None) -> None:
    """Note under which serial number receivables booked a line, in the transaction of that booking."""
    run(
        "UPDATE orders_fee SET serial_no = %s::text, payment_id = %s::bigint"
        " WHERE order_id = %s::bigint AND code = %s::text AND serial_no IS NULL",
        [serial_no, payment_id, order_id, code],
    )


@transaction.atomic
def move_order(
    *,
    order_id: int,
    state: str,
    at: datetime,
    staff_id: int | None,
    result: Mapping[str, Any] | None = None,
    subscriber_id: int | None = None,
    reason: str = "",
) -> OrderView:
    """Bring an order and its items into another state. Raises OrderUnknown, OrderStateForbids, OrderPending."""
    order = locked_order(order_id)
    if state not in MOVES[order.state]:
        raise OrderStateForbids(f"{order.state} > {state}")
    confirmed_at = at if state in (PENDING, IN_PROGRESS) else None
    found = None if result is None else json.dumps(dict(result))
    moves = [state, order_id, state, state, at, confirmed_at, found, subscriber_id or None, reason, order_id]
    try:
        with transaction.atomic(savepoint=state == PENDING):  # only there can another order be in the way
            run(_MOVE, moves)
    except IntegrityError as pending:
        raise OrderPending(order.kind) from pending
    before, after = {"state": order.state}, {"state": state}
    audit_order("orders.move", order_id, at, staff_id, reason=reason, before=before, after=after)
    if state != IN_PROGRESS:  # seen by nobody outside the transaction: see states.py
        _announce("StateChangeEvent", order, state, at)
    return order_view(order_id=order_id)


def lock_order(*, order_id: int) -> OrderView:
    """Show an order and keep others from changing it until the transaction ends. Raises OrderUnknown."""
    locked_order(order_id)
    return order_view(order_id=order_id)


def locked_order(order_id: int) -> Locked:
    """Keep others from changing an order until the transaction ends. Raises OrderUnknown."""
    rows = ask(_LOCK, [order_id])
    if not rows:
        raise OrderUnknown(order_id)
    return Locked(order_id, *rows[0])


def _announce(event: str, order: Locked, state: str, at: datetime) -> None:
    about: dict[str, Any] = {"object_ids": [order.order_id], "state": state.lower(), "at": at}
    announce(kind="productOrder", event=f"ProductOrder{event}", **about)
    if order.kind in SERVICE_KINDS:
        announce(kind="serviceOrder", event=f"ServiceOrder{event}", **about)


def audit_order(
    action: str,
    order_id: int,
    at: datetime,
    staff_id: int | None,
    *,
    reason: str = "",
    before: object = None,
    after: object = None,
) -> None:
    """Write down in the caller's transaction what was done to an order."""
    record_audit(
        staff_id=staff_id,
        action=action,
        object_kind="order",
        object_id=order_id,
        at=at,
        reason=reason,
        before=before,
        after=after,
    )
