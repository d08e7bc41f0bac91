"""Orders: placed once, put together on any channel, moved along their states, undone by another order (D13.3)."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Count

from openboss.modules.orders.models import OrderFee, OrderItem, OrderStep, ProductOrder
from openboss.modules.orders.states import ACKNOWLEDGED, COMPLETED, IN_PROGRESS, MOVES, PENDING, SERVICE_KINDS
from openboss.modules.system.atomic import record_audit
from openboss.modules.system.atomic.listeners import announce
from openboss.modules.system.statements import ask

ON_BILL = "BILL"  # the booking of a fee that is not collected with the order


class OrderUnknown(LookupError):
    """There is no such order."""


class OrderDifferent(Exception):
    """This serial number belongs to an order that asks for something else; take another one (D0.4)."""


class OrderStateForbids(Exception):
    """An order in this state does not do that; the message names the state (D13.3)."""


class OrderPending(Exception):
    """Another order of this kind waits for its day; cancel it first (D13.4: one pending change a product)."""


class StepUnknown(LookupError):
    """This order has no such step."""


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
    found = ProductOrder.objects.filter(serial_no=serial_no).first()
    if found is None:
        order = ProductOrder(
            serial_no=serial_no,
            kind=kind,
            channel=channel,
            state=ACKNOWLEDGED,
            customer_id=customer_id,
            subscriber_id=subscriber_id,
            request=dict(request),
            proofs=list(proofs),
            effective=effective,
            effective_at=effective_at,
            staff_id=staff_id,
            org_code=org_code,
            created_at=at,
            reverses_id=reverses_id,
            part_of_id=part_of_id,
        )
        try:
            with transaction.atomic():
                order.save(force_insert=True)
        except IntegrityError:
            found = ProductOrder.objects.filter(serial_no=serial_no).first()
            if found is None:
                raise
        else:
            _add_parts(order, items, steps, fees)
            after = {"kind": kind, "channel": channel, "subscriber_id": subscriber_id}
            audit_order("orders.place", order, at, staff_id, after=after)
            _announce("CreateEvent", order, ACKNOWLEDGED, at)
            return order_view(order_id=order.order_id)
    same_user = subscriber_id in (None, found.subscriber_id)  # an opening gets its user when it is carried out
    if found.kind != kind or not same_user or found.request != json.loads(json.dumps(dict(request))):
        raise OrderDifferent(serial_no)
    return order_view(order_id=found.order_id)


def _add_parts(order: ProductOrder, items: Sequence[Item], steps: Sequence[str], fees: Sequence[Fee]) -> None:
    made: list[OrderItem] = []
    for position, item in enumerate(items):
        before = made[item.depends_on] if item.depends_on is not None else None
        row = OrderItem(
            order=order,
            position=position,
            action=item.action,
            what=item.what,
            values=dict(item.values),
            depends_on=before,
            state=ACKNOWLEDGED,
        )
        row.save(force_insert=True)
        made.append(row)
    OrderStep.objects.bulk_create(
        [OrderStep(order=order, position=position, step=step) for position, step in enumerate(steps)]
    )
    _add_fees(order, fees)


def _add_fees(order: ProductOrder, fees: Sequence[Fee]) -> None:
    OrderFee.objects.bulk_create(
        [
            OrderFee(order=order, position=position, code=fee.code, booking=fee.booking, fee_fen=fee.fee_fen)
            for position, fee in enumerate(fees)
        ]
    )


@transaction.atomic
def tick_step(*, order_id: int, step: str, note: str, at: datetime, staff_id: int | None) -> None:
    """Note that a step of the checklist is done (HAL-01). Raises OrderUnknown, OrderStateForbids, StepUnknown."""
    order = locked_order(order_id)
    _refuse_unless(order, ACKNOWLEDGED)
    done = OrderStep.objects.filter(order=order, step=step)
    if not done.update(done_at=at, done_by=staff_id, note=note):
        raise StepUnknown(step)
    audit_order("orders.tick", order, at, staff_id, after={"step": step})


@transaction.atomic
def fee_paid(*, order_id: int, code: str, serial_no: str, payment_id: int | None) -> None:
    """Note under which serial number receivables booked a line, in the transaction of that booking."""
    rows = OrderFee.objects.filter(order_id=order_id, code=code, serial_no__isnull=True)
    rows.update(serial_no=serial_no, payment_id=payment_id)


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
    values: dict[str, Any] = {"state": state}
    values |= {"completed_at": at} if state == COMPLETED else {}
    values |= {"confirmed_at": at} if order.confirmed_at is None and state in (PENDING, IN_PROGRESS) else {}
    values |= {"result": json.loads(json.dumps(dict(result)))} if result is not None else {}
    values |= {"subscriber_id": subscriber_id} if subscriber_id else {}
    values |= {"reason": reason} if reason else {}
    try:
        with transaction.atomic():
            ProductOrder.objects.filter(pk=order_id).update(**values)
    except IntegrityError as pending:
        raise OrderPending(order.kind) from pending
    OrderItem.objects.filter(order=order).update(state=state)
    audit_order(
        "orders.move", order, at, staff_id, reason=reason, before={"state": order.state}, after={"state": state}
    )
    if state != IN_PROGRESS:  # seen by nobody outside the transaction: see states.py
        _announce("StateChangeEvent", order, state, at)
    for name, value in values.items():
        setattr(order, name, value)
    (view,) = _views([order])
    return view


def order_view(*, order_id: int) -> OrderView:
    """Show one order. Raises OrderUnknown."""
    order = ProductOrder.objects.filter(order_id=order_id).first()
    if order is None:
        raise OrderUnknown(order_id)
    (view,) = _views([order])
    return view


def order_by_serial(*, serial_no: str) -> OrderView | None:
    """Show the order with a serial number, if there is one."""
    order = ProductOrder.objects.filter(serial_no=serial_no).first()
    return _views([order])[0] if order else None


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
    found = ProductOrder.objects.filter(**{name: value for name, value in wanted.items() if value})
    if kinds:
        found = found.filter(kind__in=kinds)
    if org_codes is not None:
        found = found.filter(org_code__in=org_codes)
    return _views(list(found.order_by("-order_id")[(page - 1) * page_size : page * page_size])), found.count()


def parts_of(*, order_id: int) -> list[OrderView]:
    """Show the orders that lie in a cart, in the order in which they were put there."""
    return _views(list(ProductOrder.objects.filter(part_of_id=order_id).order_by("order_id")))


def due_orders(*, at: datetime, limit: int = 1000) -> list[int]:
    """Name orders whose day has come, in the order of their days."""
    due = ProductOrder.objects.filter(state=PENDING, effective_at__lte=at).order_by("effective_at", "order_id")
    return list(due.values_list("order_id", flat=True)[:limit])


def abandoned_orders(*, before: datetime, limit: int = 1000) -> list[int]:
    """Name orders that were begun before a moment and neither confirmed nor put aside; those in a cart go with it."""
    open_since = ProductOrder.objects.filter(state=ACKNOWLEDGED, created_at__lt=before, part_of=None)
    return list(open_since.order_by("created_at").values_list("order_id", flat=True)[:limit])


def count_orders(*, from_at: datetime, to_at: datetime) -> dict[tuple[str, str], int]:
    """Count the orders placed in a time by (kind, state)."""
    rows = ProductOrder.objects.filter(created_at__gte=from_at, created_at__lt=to_at).order_by()
    return {(kind, state): n for kind, state, n in rows.values_list("kind", "state").annotate(n=Count("order_id"))}


# Read several times with every order, so by statements that are planned once.
_OF_THESE = "WHERE order_id = ANY (%s::bigint[]) ORDER BY order_id"
_ITEMS = (
    'SELECT order_id, order_item_id, position, action, what, "values"::text, depends_on_id, state'
    f" FROM orders_item {_OF_THESE}, position"
)
_STEPS = f"SELECT order_id, step, done_at, done_by, note FROM orders_step {_OF_THESE}, position"
_FEES = f"SELECT order_id, code, booking, fee_fen, serial_no, payment_id FROM orders_fee {_OF_THESE}, position"
_DOCUMENTS = f"SELECT order_id, kind, sha256, verified_by, at FROM orders_document {_OF_THESE}, order_document_id"
_UNDONE = "SELECT reverses_id, order_id FROM orders_order WHERE reverses_id = ANY (%s::bigint[])"


def _views(orders: list[ProductOrder]) -> list[OrderView]:
    ids = [order.pk for order in orders]
    parts: dict[str, dict[int, list[Any]]] = {name: {} for name in ("items", "steps", "fees", "documents", "reversed")}
    position: dict[int, int] = {}
    for order_id, key, place, action, what, values, depends_on, state in ask(_ITEMS, [ids]):
        position[key] = place
        before = position.get(depends_on) if depends_on else None
        parts["items"].setdefault(order_id, []).append(Item(action, what, json.loads(values), before, state))
    for order_id, *step in ask(_STEPS, [ids]):
        parts["steps"].setdefault(order_id, []).append(Step(*step))
    for order_id, *fee in ask(_FEES, [ids]):
        parts["fees"].setdefault(order_id, []).append(Fee(*fee))
    for order_id, *shown in ask(_DOCUMENTS, [ids]):
        parts["documents"].setdefault(order_id, []).append(DocumentShown(*shown))
    undone = dict(ask(_UNDONE, [ids]))
    return [_view(order, {name: found.get(order.pk, []) for name, found in parts.items()}, undone) for order in orders]


def _view(order: ProductOrder, parts: Mapping[str, list[Any]], undone: Mapping[int, int]) -> OrderView:
    return OrderView(
        order_id=order.pk,
        serial_no=order.serial_no,
        kind=order.kind,
        channel=order.channel,
        state=order.state,
        customer_id=order.customer_id,
        subscriber_id=order.subscriber_id,
        request=order.request,
        result=order.result,
        proofs=tuple(order.proofs),
        effective=order.effective,
        effective_at=order.effective_at,
        staff_id=order.staff_id,
        org_code=order.org_code,
        created_at=order.created_at,
        confirmed_at=order.confirmed_at,
        completed_at=order.completed_at,
        reason=order.reason,
        reverses_id=order.reverses_id,
        reversed_by_id=undone.get(order.pk),
        part_of_id=order.part_of_id,
        items=tuple(parts["items"]),
        steps=tuple(parts["steps"]),
        fees=tuple(parts["fees"]),
        documents=tuple(parts["documents"]),
    )


def lock_order(*, order_id: int) -> OrderView:
    """Show an order and keep others from changing it until the transaction ends. Raises OrderUnknown."""
    (view,) = _views([locked_order(order_id)])
    return view


def locked_order(order_id: int) -> ProductOrder:
    """The row of an order, kept from others until the transaction ends. Raises OrderUnknown."""
    order = ProductOrder.objects.select_for_update().filter(order_id=order_id).first()
    if order is None:
        raise OrderUnknown(order_id)
    return order


def _refuse_unless(order: ProductOrder, state: str) -> None:
    if order.state != state:
        raise OrderStateForbids(order.state)


def _announce(event: str, order: ProductOrder, state: str, at: datetime) -> None:
    about: dict[str, Any] = {"object_ids": [order.pk], "state": state.lower(), "at": at}
    announce(kind="productOrder", event=f"ProductOrder{event}", **about)
    if order.kind in SERVICE_KINDS:
        announce(kind="serviceOrder", event=f"ServiceOrder{event}", **about)


def audit_order(
    action: str,
    order: ProductOrder,
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
        object_id=order.pk,
        at=at,
        reason=reason,
        before=before,
        after=after,
    )
