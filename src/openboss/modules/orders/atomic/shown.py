"""Orders as they are shown: each with its items, checklist, fees and documents, read by one statement."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from openboss.modules.orders.states import ACKNOWLEDGED, PENDING
from openboss.modules.system.statements import ask

ON_BILL = "BILL"  # the booking of a fee that is not collected with the order


class OrderUnknown(LookupError):
    """There is no such order."""


@dataclass(frozen=True)
class Item:
    """One thing asked for: `action` add, modify or delete; `depends_on` the position of the item it waits for."""

    action: str
    what: str
    values: Mapping[str, Any]
    depends_on: int | None = None
    state: str = ACKNOWLEDGED


@dataclass(frozen=True)
class Fee:
    """One line of what an order costs: FEE is revenue at once, DEPOSIT a deposit, ADVANCE money for coming bills;
    ON_BILL is not collected now but stands on the bill."""

    code: str
    booking: str
    fee_fen: int
    serial_no: str | None = None
    payment_id: int | None = None

    @property
    def is_paid(self) -> bool:
        """Whether receivables has booked it."""
        return self.serial_no is not None


@dataclass(frozen=True)
class Step:
    """One step of the checklist."""

    step: str
    done_at: datetime | None
    done_by: int | None
    note: str


@dataclass(frozen=True)
class DocumentShown:
    """A document that was shown for an order."""

    kind: str
    sha256: str
    verified_by: int | None
    at: datetime


@dataclass(frozen=True)
class OrderView:
    """An order with everything that belongs to it."""

    order_id: int
    serial_no: str
    kind: str
    channel: str
    state: str
    customer_id: int | None
    subscriber_id: int | None
    request: dict[str, Any]
    result: dict[str, Any] | None
    proofs: tuple[str, ...]
    effective: str
    effective_at: datetime | None
    staff_id: int | None
    org_code: str
    created_at: datetime
    confirmed_at: datetime | None
    completed_at: datetime | None
    reason: str
    reverses_id: int | None
    reversed_by_id: int | None
    part_of_id: int | None
    items: tuple[Item, ...]
    steps: tuple[Step, ...]
    fees: tuple[Fee, ...]
    documents: tuple[DocumentShown, ...]

    @property
    def open_steps(self) -> tuple[str, ...]:
        """The steps of the checklist that are not done."""
        return tuple(step.step for step in self.steps if step.done_at is None)

    @property
    def unpaid_fen(self) -> int:
        """What is still to be paid before the order is carried out."""
        return sum(fee.fee_fen for fee in self.fees if not fee.is_paid and fee.booking != ON_BILL)


# An order is read several times on its way: one statement that is planned once.
_SHOW = """
SELECT o.order_id, o.serial_no, o.kind, o.channel, o.state, o.customer_id, o.subscriber_id, o.request::text,
 o.result::text, o.proofs::text, o.effective, o.effective_at, o.staff_id, o.org_code, o.created_at, o.confirmed_at,
 o.completed_at, o.reason, o.reverses_id, (SELECT u.order_id FROM orders_order u WHERE u.reverses_id = o.order_id),
 o.part_of_id,
 (SELECT json_agg(json_build_array(i.action, i.what, i."values", d.position, i.state) ORDER BY i.position)::text
  FROM orders_item i LEFT JOIN orders_item d ON d.order_item_id = i.depends_on_id WHERE i.order_id = o.order_id),
 (SELECT json_agg(json_build_array(s.step, s.done_at, s.done_by, s.note) ORDER BY s.position)::text
  FROM orders_step s WHERE s.order_id = o.order_id),
 (SELECT json_agg(json_build_array(f.code, f.booking, f.fee_fen, f.serial_no, f.payment_id) ORDER BY f.position)::text
  FROM orders_fee f WHERE f.order_id = o.order_id),
 (SELECT json_agg(json_build_array(d.kind, d.sha256, d.verified_by, d.at) ORDER BY d.order_document_id)::text
  FROM orders_document d WHERE d.order_id = o.order_id)
FROM orders_order o
"""
_BY_ID = f"{_SHOW} WHERE o.order_id = ANY (%s::bigint[])"
_BY_SERIAL = f"{_SHOW} WHERE o.serial_no = %s::text"
_TYPES = {"customer_id": "bigint", "subscriber_id": "bigint"}  # of what lists are chosen by; the others are text


def order_view(*, order_id: int) -> OrderView:
    """Show one order. Raises OrderUnknown."""
    found = _views([order_id])
    if not found:
        raise OrderUnknown(order_id)
    return found[0]


def order_by_serial(*, serial_no: str) -> OrderView | None:
    """Show the order with a serial number, if there is one."""
    rows = ask(_BY_SERIAL, [serial_no])
    return _view(*rows[0]) if rows else None


def list_orders(
    *,
    serial_no: str = "",
    customer_id: int | None = None,
    subscriber_id: int | None = None,
    kind: str = "",
    kinds: Collection[str] = (),
    state: str = "",
    channel: str = "",
    org_codes: set[str] | None = None,
    page: int = 1,
    page_size: int = 50,
) -> tuple[list[OrderView], int]:
    """Show orders, the newest first, with the number of all that match; `kinds` empty = all."""
    wanted = {
        "serial_no": serial_no,
        "customer_id": customer_id,
        "subscriber_id": subscriber_id,
        "kind": kind,
        "state": state,
        "channel": channel,
    }
    chosen: dict[str, Any] = {name: value for name, value in wanted.items() if value}
    terms = [f"{name} = %s::{_TYPES.get(name, 'text')}" for name in chosen]
    values = list(chosen.values())
    for name, several in (("kind", kinds or None), ("org_code", org_codes)):
        if several is not None:
            terms.append(f"{name} = ANY (%s::text[])")
            values.append(sorted(several))
    where = f"FROM orders_order {'WHERE ' + ' AND '.join(terms) if terms else ''}"
    newest = f"SELECT order_id {where} ORDER BY order_id DESC LIMIT %s::int OFFSET %s::bigint"
    before = (page - 1) * page_size
    ids = [order_id for (order_id,) in ask(newest, [*values, page_size, before])]
    if len(ids) == page_size or (before and not ids):  # there may be more, or less
        return _views(ids), int(ask(f"SELECT count(*) {where}", values)[0][0])
    return _views(ids), before + len(ids)


def parts_of(*, order_id: int) -> list[OrderView]:
    """Show the orders that lie in a cart, in the order in which they were put there."""
    parts = "SELECT order_id FROM orders_order WHERE part_of_id = %s::bigint ORDER BY order_id"
    return _views([part_id for (part_id,) in ask(parts, [order_id])])


def due_orders(*, at: datetime, limit: int = 1000) -> list[int]:
    """Name orders whose day has come, in the order of their days."""
    due = (
        f"SELECT order_id FROM orders_order WHERE state = '{PENDING}' AND effective_at <= %s::timestamptz"
        " ORDER BY effective_at, order_id LIMIT %s::int"
    )
    return [order_id for (order_id,) in ask(due, [at, limit])]


def abandoned_orders(*, before: datetime, limit: int = 1000) -> list[int]:
    """Name orders that were begun before a moment and neither confirmed nor put aside; those in a cart go with it."""
    open_since = (
        f"SELECT order_id FROM orders_order WHERE state = '{ACKNOWLEDGED}' AND created_at < %s::timestamptz"
        " AND part_of_id IS NULL ORDER BY created_at LIMIT %s::int"
    )
    return [order_id for (order_id,) in ask(open_since, [before, limit])]


def count_orders(*, from_at: datetime, to_at: datetime) -> dict[tuple[str, str], int]:
    """Count the orders placed in a time by (kind, state)."""
    counted = (
        "SELECT kind, state, count(*) FROM orders_order"
        " WHERE created_at >= %s::timestamptz AND created_at < %s::timestamptz GROUP BY kind, state"
    )
    return {(kind, state): n for kind, state, n in ask(counted, [from_at, to_at])}


def _views(order_ids: Sequence[int]) -> list[OrderView]:
    """Orders by their numbers, in that order; those that are none are left out."""
    if not order_ids:
        return []
    found: Mapping[int, OrderView] = {row[0]: _view(*row) for row in ask(_BY_ID, [list(order_ids)])}
    return [found[order_id] for order_id in order_ids if order_id in found]


def _view(*row: Any) -> OrderView:
    """What _SHOW gives of an order."""
    order, (items, steps, fees, documents) = list(row[:21]), (json.loads(part or "[]") for part in row[21:])
    for place in (7, 8, 9):  # request, result, proofs
        order[place] = None if order[place] is None else json.loads(order[place])
    order[9] = tuple(order[9])
    parts: list[Any] = [
        tuple(Item(*item) for item in items),
        tuple(Step(step, done_at and datetime.fromisoformat(done_at), *who) for step, done_at, *who in steps),
        tuple(Fee(*fee) for fee in fees),
        tuple(DocumentShown(kind, sha256, by, datetime.fromisoformat(at)) for kind, sha256, by, at in documents),
    ]
    return OrderView(*order, *parts)
