"""The hall: one way from what somebody asks for to what is done, the same for every channel (HAL, D13.3, D14).

    place      refusals at once; items, checklist, documents and price are known; what is scarce is kept
    tick, attach   the clerk goes through the list
    confirm    nothing open, the money taken, then carried out: one transaction, or it waits for its day
    cancel     before it is carried out: what was kept is given back
    reverse    a completed order is undone by another one (返销), the money goes back
    run_due    a job: what waits for its day is carried out; what then cannot be gives its money back

Each flow is a file of its own with a FLOW; this file knows none of them by what they do.
"""

import contextlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction

from openboss.modules.customers import functions as customers
from openboss.modules.customers.functions import Proof
from openboss.modules.orders import functions as orders
from openboss.modules.orders.functions import ON_BILL, Fee, OrderView
from openboss.modules.orders.states import (
    ACKNOWLEDGED,
    CANCELLED,
    COMPLETED,
    EFFECTIVE,
    FAILED,
    HELD,
    IN_PROGRESS,
    PENDING,
    REJECTED,
)
from openboss.modules.receivables.functions.counter import charge_fee, take_deposit
from openboss.processes import (
    cancel_user,
    change_customer,
    change_listed_numbers,
    change_number,
    change_products,
    emergency_opening,
    open_user,
    pre_open_users,
    replace_sim,
    stop_and_resume,
    take_payment,
    transfer_user,
)
from openboss.processes.hall_money import bill_lines, give_back
from openboss.processes.order_flow import Asked, Flow, NotReversible, Plan, RequestIncomplete

FLOWS: dict[str, Flow] = {
    flow.kind: flow
    for flow in (
        open_user.FLOW,
        *pre_open_users.FLOWS,
        *change_products.FLOWS,
        change_number.FLOW,
        change_listed_numbers.FLOW,
        replace_sim.FLOW,
        *stop_and_resume.FLOWS,
        emergency_opening.FLOW,
        transfer_user.FLOW,
        *change_customer.FLOWS,
        *cancel_user.FLOWS,
    )
}
DONE_BY_CONFIRMING = {"DEPOSIT", "RECEIPT", "SIM_CHOICE"}  # steps that the system does itself
SERVICE_PASSWORD = "SERVICE"
INITIAL_CHANNELS = {"AGENT", "SOCIAL"}  # their first passwords must be changed before use (PWD-06)


class OrderIncomplete(Exception):
    """A step of the checklist, a document or the payment is still missing; the message names what (HAL-01)."""


@dataclass(frozen=True)
class Tender:
    """How an order is paid: the means, the till, and what was handed over."""

    means: str
    till_id: int | None = None
    tendered_fen: int | None = None


def preview(
    *,
    kind: str,
    request: Mapping[str, Any],
    at: datetime,
    customer_id: int | None = None,
    subscriber_id: int | None = None,
    channel: str = "HALL",
    org_code: str = "",
    effective: str | None = None,
    date_at: datetime | None = None,
) -> Plan:
    """Show what an order would need and cost, without placing it. Raises the refusals of its flow."""
    flow = _flow(kind)
    effective_at = _moment(effective or flow.effective, at, date_at)
    asked = Asked(request, customer_id, subscriber_id, effective_at, at, None, org_code, channel, "")
    return flow.plan(asked)


@transaction.atomic
def place(
    *,
    kind: str,
    serial_no: str,
    channel: str,
    request: Mapping[str, Any],
    proofs: Collection[Proof],
    at: datetime,
    staff_id: int | None,
    org_code: str,
    customer_id: int | None = None,
    subscriber_id: int | None = None,
    effective: str | None = None,
    date_at: datetime | None = None,
    within: frozenset[str] | None = None,
    part_of_id: int | None = None,
) -> OrderView:
    """Take an order down; the same serial number with the same request gives the order there is.

    proofs     what the customer has shown of who they are (D14.2)
    effective  NOW, NEXT_DAY, NEXT_CYCLE or DATE with date_at (D13.4); default as the flow says
    within     places whose stock may be used (the clerk's own and those below)
    part_of_id the cart it lies in (processes/cart.py)
    Raises NotEntitled, OrderDifferent, RequestIncomplete, and the refusals of the flow: see its file.
    """
    flow = _flow(kind)
    customers.refuse_unproved(flow.operation, proofs)
    known = orders.order_by_serial(serial_no=serial_no)
    effective = effective or flow.effective
    effective_at = _moment(effective, at, date_at) if known is None else (known.effective_at or at)
    if subscriber_id is not None and customer_id is None:
        customer_id = customers.customer_of_subscriber(subscriber_id=subscriber_id)
    asked = Asked(request, customer_id, subscriber_id, effective_at, at, staff_id, org_code, channel, serial_no, within)
    plan = flow.plan(asked) if known is None else Plan([])
    order = orders.place_order(
        serial_no=serial_no,
        kind=kind,
        channel=channel,
        customer_id=customer_id,
        subscriber_id=subscriber_id,
        request=request,
        proofs=sorted(proofs),
        effective=effective,
        effective_at=effective_at,
        items=plan.items,
        steps=plan.steps,
        fees=plan.fees,
        at=at,
        staff_id=staff_id,
        org_code=org_code,
        part_of_id=part_of_id,
    )
    if known is None and flow.hold is not None:
        flow.hold(asked)
    return order


def _flow(kind: str) -> Flow:
    """The flow of a kind of order. Raises RequestIncomplete for what goes through none, such as a cart."""
    if kind not in FLOWS:
        raise RequestIncomplete(f"kind: {', '.join(FLOWS)}")
    return FLOWS[kind]


def _moment(effective: str, at: datetime, date_at: datetime | None) -> datetime:
    """The moment from which an order counts (D13.4)."""
    if effective not in EFFECTIVE or (effective == "DATE" and (date_at is None or date_at < at)):
        raise RequestIncomplete("effective")
    if effective == "NEXT_CYCLE":
        return customers.next_month_start(at)
    if effective == "NEXT_DAY":
        local = at.astimezone(ZoneInfo(settings.TIME_ZONE))
        return local.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return at if date_at is None else date_at


def tick(*, order_id: int, notes: Mapping[str, str], at: datetime, staff_id: int | None) -> None:
    """Note that steps of the checklist are done, each with what is to be said of it ("" = nothing).

    Raises OrderUnknown, OrderStateForbids, StepUnknown.
    """
    orders.tick_steps(order_id=order_id, notes=notes, at=at, staff_id=staff_id)


def attach(
    *, order_id: int, kind: str, content: bytes, at: datetime, staff_id: int | None, is_verified: bool = True
) -> str:
    """Keep a document that was shown, with its hash; verified = compared with the original. Raises OrderUnknown."""
    verified_by = staff_id if is_verified else None
    return orders.attach_document(
        order_id=order_id, kind=kind, content=content, at=at, staff_id=staff_id, verified_by=verified_by
    )


@transaction.atomic
def confirm(
    *,
    order_id: int,
    at: datetime,
    staff_id: int | None,
    tender: Tender | None = None,
    service_password: str | None = None,
    within: frozenset[str] | None = None,
) -> OrderView:
    """Carry an order out, or let it wait for its day; an order that is done already is given as it is.

    service_password  what the customer typed on the keypad, for orders that open a user (PWD-06)
    Raises OrderIncomplete, OrderPending, OrderStateForbids, PasswordTrivial, PasswordNotSixDigits, the refusals of the
    flow and of receivables; then nothing was changed and the order can be put right.
    """
    order = orders.lock_order(order_id=order_id)
    if order.state in (COMPLETED, PENDING):
        return order
    if order.state != ACKNOWLEDGED:
        raise orders.OrderStateForbids(order.state)
    flow, asked = _flow(order.kind), _asked(order, at, staff_id, within)
    plan = flow.plan(asked)
    _refuse_incomplete(order, plan, tender, service_password)
    _take_money(order, plan, tender, at, staff_id)
    waits = asked.effective_at > at
    if waits and not flow.writes_ahead:
        return orders.move_order(order_id=order_id, state=PENDING, at=at, staff_id=staff_id)
    orders.move_order(order_id=order_id, state=IN_PROGRESS, at=at, staff_id=staff_id)
    result = flow.carry_out(asked)
    bill_lines(order, subscriber_id=asked.subscriber_id, due_at=asked.effective_at, at=at, staff_id=staff_id)
    user = result.get("subscriber_id") or order.subscriber_id
    if service_password is not None and user:
        _set_password(user, service_password, order.channel, at, staff_id)
    done = PENDING if waits else COMPLETED
    if not waits and flow.take_effect is not None:
        flow.take_effect(asked)
    return orders.move_order(order_id=order_id, state=done, at=at, staff_id=staff_id, result=result, subscriber_id=user)


def _asked(order: OrderView, at: datetime, staff_id: int | None, within: frozenset[str] | None = None) -> Asked:
    """What an order asks for, seen now; what was to begin at once begins now."""
    begins_at = at if order.effective == "NOW" else (order.effective_at or at)
    whose = order.request, order.customer_id, order.subscriber_id
    return Asked(*whose, begins_at, at, staff_id, order.org_code, order.channel, order.serial_no, within)


def _refuse_incomplete(order: OrderView, plan: Plan, tender: Tender | None, service_password: str | None) -> None:
    done = DONE_BY_CONFIRMING | ({"PASSWORD"} if service_password is not None else set())
    open_steps = [step for step in order.open_steps if step not in done]
    missing = sorted(plan.documents - {one.kind for one in order.documents if one.verified_by is not None})
    unpaid = [f"{order.unpaid_fen} fen"] if order.unpaid_fen and tender is None else []
    if open_steps or missing or unpaid:
        raise OrderIncomplete(", ".join([*open_steps, *missing, *unpaid]))


def missing_documents(*, order_id: int, at: datetime) -> list[str]:
    """Name the documents an open order still needs, for its page. Raises OrderUnknown and the refusals of its flow."""
    order = orders.order_view(order_id=order_id)
    plan = FLOWS[order.kind].plan(_asked(order, at, order.staff_id))
    return sorted(plan.documents - {one.kind for one in order.documents if one.verified_by is not None})


def _take_money(order: OrderView, plan: Plan, tender: Tender | None, at: datetime, staff_id: int | None) -> None:
    """Book every line that is not paid, under a serial number of its own: money first (D13.3)."""
    unpaid = [one for one in order.fees if not one.is_paid and one.booking != ON_BILL]
    if not unpaid or tender is None:
        return
    if tender.tendered_fen is not None and tender.tendered_fen < order.unpaid_fen:
        raise take_payment.TenderedTooLittle(f"{tender.tendered_fen} < {order.unpaid_fen}")
    account_id = plan.account_id or _account_of(order, at)
    for line in unpaid:
        serial_no = f"{order.serial_no}.{line.code}"
        payment_id = _book(order, line, account_id, serial_no, tender, at, staff_id)
        orders.fee_paid(order_id=order.order_id, code=line.code, serial_no=serial_no, payment_id=payment_id)


def _account_of(order: OrderView, at: datetime) -> int:
    assert order.subscriber_id is not None
    return customers.paying_account(subscriber_id=order.subscriber_id, cycle=customers.cycle_of(at))


def _book(
    order: OrderView, line: Fee, account_id: int, serial_no: str, tender: Tender, at: datetime, staff_id: int | None
) -> int:
    about: dict[str, Any] = {
        "account_id": account_id,
        "means": tender.means,
        "channel": order.channel,
        "serial_no": serial_no,
        "at": at,
        "staff_id": staff_id,
        "till_id": tender.till_id,
    }
    if line.booking == "DEPOSIT":
        return take_deposit(deposit_fen=line.fee_fen, purpose=line.code, **about).payment_id
    if line.booking == "ADVANCE":
        return take_payment.take(paid_fen=line.fee_fen, **about).posted.payment_id
    item_code = "CARD" if line.code == "SIM_CARD" else "ONE_TIME"
    return charge_fee(
        fee_fen=line.fee_fen, item_code=item_code, subscriber_id=order.subscriber_id, note=line.code, **about
    ).payment_id


def _set_password(subscriber_id: int, digits: str, channel: str, at: datetime, staff_id: int | None) -> None:
    customers.set_password(
        subscriber_id=subscriber_id,
        kind=SERVICE_PASSWORD,
        digits=digits,
        channel=channel,
        is_initial=channel in INITIAL_CHANNELS,
        at=at,
        staff_id=staff_id,
    )


def set_aside(*, order_id: int, reason: str, at: datetime, staff_id: int) -> OrderView:
    """Put an order aside, such as while a document is looked for; `take_up` goes on. Raises OrderStateForbids."""
    return orders.move_order(order_id=order_id, state=HELD, at=at, staff_id=staff_id, reason=reason)


def take_up(*, order_id: int, at: datetime, staff_id: int) -> OrderView:
    """Go on with an order that was put aside. Raises OrderStateForbids."""
    return orders.move_order(order_id=order_id, state=ACKNOWLEDGED, at=at, staff_id=staff_id)


@transaction.atomic
def reject(*, order_id: int, reason: str, at: datetime, staff_id: int) -> OrderView:
    """Refuse an order that came in through a channel, and say why; what it kept goes back. Raises OrderStateForbids."""
    order = orders.lock_order(order_id=order_id)
    moved = orders.move_order(order_id=order_id, state=REJECTED, at=at, staff_id=staff_id, reason=reason)
    flow = _flow(order.kind)
    if flow.release is not None:
        flow.release(_asked(order, at, staff_id))
    return moved


@transaction.atomic
def cancel(*, order_id: int, reason: str, at: datetime, staff_id: int | None) -> OrderView:
    """Give an order up that was not carried out: what it kept and what was paid goes back.

    What was written ahead for a later day is taken back. Raises OrderUnknown, OrderStateForbids, NotReversible for
    what has begun or ended meanwhile.
    """
    order = orders.lock_order(order_id=order_id)
    flow, asked = _flow(order.kind), _asked(order, at, staff_id)
    if order.state == PENDING and order.result is not None:
        assert flow.undo is not None, "what is written ahead can be taken back"
        flow.undo(asked, order.result)
    elif order.state in (ACKNOWLEDGED, HELD, PENDING) and flow.release is not None:
        flow.release(asked)
    give_back(order, reason=reason, at=at, staff_id=staff_id)
    return orders.move_order(order_id=order_id, state=CANCELLED, at=at, staff_id=staff_id, reason=reason)


@transaction.atomic
def reverse(
    *, order_id: int, serial_no: str, reason: str, at: datetime, staff_id: int, approved_by: int | None = None
) -> OrderView:
    """Undo a completed order by another order, and give its money back (返销).

    Raises OrderUnknown, OrderStateForbids for one that is not completed or was undone before, NotReversible, and the
    refusals of receivables (a second person on a later day).
    """
    order = orders.lock_order(order_id=order_id)
    flow = _flow(order.kind)
    if order.reversed_by_id is not None and orders.order_view(order_id=order.reversed_by_id).serial_no == serial_no:
        return orders.order_view(order_id=order.reversed_by_id)
    if order.state != COMPLETED or order.reversed_by_id is not None:
        raise orders.OrderStateForbids(order.state)
    if flow.undo is None:
        raise NotReversible(order.kind)
    undoing = orders.place_order(
        serial_no=serial_no,
        kind="REVERSE",
        channel=order.channel,
        customer_id=order.customer_id,
        subscriber_id=order.subscriber_id,
        request={"order_id": order_id, "reason": reason},
        proofs=order.proofs,
        effective="NOW",
        effective_at=at,
        items=[orders.Item("delete", one.what, one.values) for one in reversed(order.items)],
        steps=[],
        fees=[],
        at=at,
        staff_id=staff_id,
        org_code=order.org_code,
        reverses_id=order_id,
    )
    begun = Asked(**{**vars(_asked(order, at, staff_id)), "effective_at": order.completed_at or at})
    orders.move_order(order_id=undoing.order_id, state=IN_PROGRESS, at=at, staff_id=staff_id, reason=reason)
    flow.undo(begun, order.result or {})
    give_back(order, reason=reason, at=at, staff_id=staff_id, approved_by=approved_by)
    return orders.move_order(order_id=undoing.order_id, state=COMPLETED, at=at, staff_id=staff_id, result={})


def run_due(*, at: datetime) -> dict[str, int]:
    """Carry out the orders whose day has come, each in a transaction of its own; return how many by state.

    An order that can no longer be carried out fails: its money goes back, and it says why.
    """
    counts = {COMPLETED: 0, FAILED: 0}
    for order_id in orders.due_orders(at=at):
        try:
            with transaction.atomic():
                _carry_out_due(order_id, at)
            counts[COMPLETED] += 1
        except REFUSALS as refusal:
            _fail(order_id, f"{type(refusal).__name__}: {refusal}", at)
            counts[FAILED] += 1
    return counts


def _carry_out_due(order_id: int, at: datetime) -> None:
    order = orders.lock_order(order_id=order_id)
    if order.state != PENDING:
        return
    flow, asked = FLOWS[order.kind], _asked(order, at, order.staff_id)
    result = order.result
    orders.move_order(order_id=order_id, state=IN_PROGRESS, at=at, staff_id=None)
    if result is None:
        flow.plan(asked)
        result = flow.carry_out(asked)
        bill_lines(order, subscriber_id=asked.subscriber_id, due_at=asked.effective_at, at=at, staff_id=order.staff_id)
    if flow.take_effect is not None:
        flow.take_effect(asked)
    orders.move_order(order_id=order_id, state=COMPLETED, at=at, staff_id=None, result=result)


@transaction.atomic
def _fail(order_id: int, reason: str, at: datetime) -> None:
    order = orders.lock_order(order_id=order_id)
    flow = FLOWS[order.kind]
    if flow.release is not None:
        with contextlib.suppress(*REFUSALS), transaction.atomic():
            flow.release(_asked(order, at, order.staff_id))
    give_back(order, reason=reason, at=at, staff_id=None)
    orders.move_order(order_id=order_id, state=FAILED, at=at, staff_id=None, reason=reason[:500])


def _refusals() -> Iterator[type[Exception]]:
    """Every refusal that the modules below and the flows can name: a programming error is none of them."""
    from openboss.modules.resources import functions as resources

    flows = (open_user, change_number, change_products, transfer_user, cancel_user, emergency_opening)
    for module in (customers, resources, orders, *flows):
        for thing in vars(module).values():
            if isinstance(thing, type) and issubclass(thing, Exception):
                yield thing


REFUSALS = tuple(set(_refusals()))
IN_ONE_GO_REFUSALS: tuple[type[Exception], ...] = (*REFUSALS, OrderIncomplete)  # where nobody adds what is missing


def place_and_confirm(
    *,
    kind: str,
    serial_no: str,
    channel: str,
    request: Mapping[str, Any],
    proofs: Collection[Proof],
    at: datetime,
    staff_id: int | None,
    org_code: str,
    customer_id: int | None = None,
    subscriber_id: int | None = None,
    tender: Tender | None = None,
    within: frozenset[str] | None = None,
) -> OrderView:
    """Take an order down and carry it out in one go, for channels where nothing is between.

    Raises IN_ONE_GO_REFUSALS.
    """
    with transaction.atomic():
        order = place(
            kind=kind,
            serial_no=serial_no,
            channel=channel,
            request=request,
            proofs=proofs,
            at=at,
            staff_id=staff_id,
            org_code=org_code,
            customer_id=customer_id,
            subscriber_id=subscriber_id,
            within=within,
        )
        return confirm(order_id=order.order_id, at=at, staff_id=staff_id, tender=tender, within=within)
