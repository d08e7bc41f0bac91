"""Stock by place: item types, moves, goods by quantity, requisitions, stock-takes, alarms (BMR-11 to 13, D12.7)."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Count, F, Q, Sum

from openboss.modules.resources.models import (
    Goods,
    ItemType,
    Requisition,
    SimCard,
    StockMove,
    StockTake,
    Terminal,
    Voucher,
)
from openboss.modules.resources.states import NUMBER_AND_SIM_STOCK, REQUISITION, refuse_move
from openboss.modules.system.atomic import record_audit, send_out
from openboss.modules.system.atomic.listeners import announce
from openboss.modules.system.rows import add_row
from openboss.modules.system.statements import kept_until_written

VOUCHER_STOCK = ("IN_STOCK", "ISSUED", "ACTIVE", "FROZEN")
TERMINAL_STOCK = ("IN_STOCK", "ALLOCATED", "RETURNED", "REPAIR")


class ItemUnknown(LookupError):
    """There is no such kind of item, or this one is not of the kind that is needed here."""


class NotYourStock(Exception):
    """This lies at a place that is not yours; its own staff or their superiors may use or move it (D12.1)."""


class StockShort(Exception):
    """There are not so many pieces at this place."""


class OnePerson(Exception):
    """Who asks for stock does not approve it: another person has to (BMR-02)."""


class RequisitionUnknown(LookupError):
    """There is no such requisition."""


class ReasonNeeded(ValueError):
    """A difference, a gap or a loss is written down with a reason."""


@dataclass(frozen=True)
class StockLine:
    """Pieces of an item at a place: what the moves add up to, and what lies there."""

    org_code: str
    item_code: str
    opening: int
    came: int
    went: int
    used: int
    lost: int
    closing: int
    counted: int

    @property
    def difference(self) -> int:
        """What lies there beyond what the moves say; 0 = the equation holds (D12.7)."""
        return self.counted - self.closing


@transaction.atomic
def put_item_types(*, rows: Iterable[Mapping[str, Any]], at: datetime, staff_id: int | None = None) -> int:
    """Add or change kinds of items: code, kind, name_zh, name_en, price_fen, face_fen, alarm_below. Return how many."""
    count = 0
    for row in rows:
        values = {name: value for name, value in row.items() if name != "code"}
        ItemType.objects.update_or_create(code=row["code"], defaults=values)
        count += 1
    audit_stock("resources.put_item_types", "item", "", at, staff_id, after={"items": count})
    return count


@dataclass(frozen=True)
class ItemView:
    """A kind of item: what it is called, costs, is worth, and how few of it alarm."""

    code: str
    kind: str
    name_zh: str
    name_en: str
    price_fen: int
    face_fen: int
    alarm_below: int


@kept_until_written("resources_itemtype")
def item_types(*, kind: str | None = None) -> list[ItemView]:
    """List kinds of items, of each kind the cheapest first (BMR-07). Shared: leave it as it is."""
    rows = ItemType.objects.order_by("kind", "price_fen", "code")
    fields = ("code", "kind", "name_zh", "name_en", "price_fen", "face_fen", "alarm_below")
    return [ItemView(*row) for row in (rows.filter(kind=kind) if kind else rows).values_list(*fields)]


def item_of_kind(code: str, kind: str) -> ItemType:
    """Read a kind of item. Raises ItemUnknown."""
    item = ItemType.objects.filter(code=code, kind=kind).first()
    if item is None:
        raise ItemUnknown(code)
    return item


def refuse_foreign(org_code: str, within: Collection[str] | None) -> None:
    """Refuse stock of a place outside the asker's own (within = None: no limit). Raises NotYourStock."""
    if within is not None and org_code not in within:
        raise NotYourStock(org_code)


def note_move(
    *, org_code: str, item_code: str, cause: str, pieces: int, at: datetime, staff_id: int | None, reason: str = ""
) -> None:
    """Write down that pieces came to a place, went, were used or lost, in the caller's transaction."""
    about = {"cause": cause, "pieces": pieces, "reason": reason, "at": at, "staff_id": staff_id}
    add_row(StockMove(org_id=org_code, item_type_id=item_code, **about))


def note_transfer(
    *, from_org: str, to_org: str, item_code: str, pieces: int, at: datetime, staff_id: int | None, reason: str = ""
) -> None:
    """Write down that pieces went from one place to another."""
    about = {"item_code": item_code, "pieces": pieces, "at": at, "staff_id": staff_id, "reason": reason}
    note_move(org_code=from_org, cause="OUT", **about)  # type: ignore[arg-type]
    note_move(org_code=to_org, cause="IN", **about)  # type: ignore[arg-type]


# --- goods without numbers of their own ---


@transaction.atomic
def move_goods(
    *,
    item_code: str,
    pieces: int,
    at: datetime,
    staff_id: int | None,
    from_org: str | None = None,
    to_org: str | None = None,
    cause: str = "USED",
    reason: str = "",
    within: Collection[str] | None = None,
) -> None:
    """Let goods come (to_org), be used or lost (from_org, cause), or go from one place to another (both).

    Raises ItemUnknown, NotYourStock, StockShort, ReasonNeeded for a loss without reason. Source: BMR-11, BMR-12.
    """
    item_of_kind(item_code, "GOODS")
    if cause == "LOST" and not reason:
        raise ReasonNeeded(item_code)
    if from_org:
        refuse_foreign(from_org, within)
        _take(from_org, item_code, pieces)
    if to_org:
        Goods.objects.get_or_create(org_id=to_org, item_type_id=item_code, defaults={"pieces": 0})
        Goods.objects.filter(org_id=to_org, item_type_id=item_code).update(pieces=F("pieces") + pieces)
    about = {"item_code": item_code, "pieces": pieces, "at": at, "staff_id": staff_id, "reason": reason}
    if from_org and to_org:
        note_transfer(from_org=from_org, to_org=to_org, **about)  # type: ignore[arg-type]
    else:
        place = from_org or to_org or ""
        note_move(org_code=place, cause=cause if from_org else "IN", **about)  # type: ignore[arg-type]
    after = {"pieces": pieces, "from": from_org, "to": to_org}
    audit_stock("resources.move_goods", "item", item_code, at, staff_id, reason=reason, after=after)


def _take(org_code: str, item_code: str, pieces: int) -> None:
    enough = Goods.objects.filter(org_id=org_code, item_type_id=item_code, pieces__gte=pieces)
    if not enough.update(pieces=F("pieces") - pieces):
        raise StockShort(f"{item_code} at {org_code}")


# --- what lies where ---


def stock_of(*, org_codes: Collection[str]) -> dict[tuple[str, str], int]:
    """Count what lies at some places: (place, item) -> pieces; an item of which there is none is missing."""
    found: dict[tuple[str, str], int] = {}
    for model, states in ((SimCard, NUMBER_AND_SIM_STOCK), (Voucher, VOUCHER_STOCK), (Terminal, TERMINAL_STOCK)):
        rows = model.objects.filter(org_id__in=org_codes, state__in=states)
        for org_code, item_code, pieces in rows.values_list("org_id", "item_type_id").annotate(n=Count("pk")):
            found[org_code, item_code] = pieces
    goods = Goods.objects.filter(org_id__in=org_codes, pieces__gt=0)
    found |= {(org_code, item): n for org_code, item, n in goods.values_list("org_id", "item_type_id", "pieces")}
    return found


def stock_lines(*, org_codes: Collection[str], from_at: datetime, to_at: datetime) -> list[StockLine]:
    """Draw the stock equation of some places for a time: opening + in - out - used - lost = closing (D12.7).

    `counted` is what lies there now, so the difference means something for a time that ends now.
    """
    period = Q(at__gte=from_at, at__lt=to_at)
    rows = (
        StockMove.objects.filter(org_id__in=org_codes, at__lt=to_at)
        .values("org_id", "item_type_id")
        .annotate(
            **{f"{cause}_before": _sum(cause, Q(at__lt=from_at)) for cause in StockMove.Cause.values},
            **{f"{cause}_now": _sum(cause, period) for cause in StockMove.Cause.values},
        )
        .order_by("org_id", "item_type_id")
    )
    counted = stock_of(org_codes=org_codes)
    lines = []
    for row in rows:
        before = {cause: row[f"{cause}_before"] or 0 for cause in StockMove.Cause.values}
        now = {cause: row[f"{cause}_now"] or 0 for cause in StockMove.Cause.values}
        opening = before["IN"] - before["OUT"] - before["USED"] - before["LOST"]
        closing = opening + now["IN"] - now["OUT"] - now["USED"] - now["LOST"]
        place = (row["org_id"], row["item_type_id"])
        lines.append(
            StockLine(*place, opening, now["IN"], now["OUT"], now["USED"], now["LOST"], closing, counted.pop(place, 0))
        )
    return lines + [StockLine(*place, 0, 0, 0, 0, 0, 0, pieces) for place, pieces in sorted(counted.items())]


def _sum(cause: str, period: Q) -> Sum:
    return Sum("pieces", filter=period & Q(cause=cause))


@transaction.atomic
def take_stock(*, org_code: str, item_code: str, counted: int, reason: str, at: datetime, staff_id: int | None) -> int:
    """Write down what was counted at a place; a difference is a loss (or found again) with a reason. Return it.

    Raises ItemUnknown, ReasonNeeded. Source: BMR-12.
    """
    item = ItemType.objects.filter(code=item_code).first()
    if item is None:
        raise ItemUnknown(item_code)
    expected = stock_of(org_codes=[org_code]).get((org_code, item_code), 0)
    if counted != expected and not reason.strip():
        raise ReasonNeeded(f"{counted - expected:+d}")
    take = StockTake.objects.create(
        org_id=org_code,
        item_type=item,
        expected=expected,
        counted=counted,
        reason=reason,
        at=at,
        staff_id=staff_id,
    )
    if counted != expected and item.kind == "GOODS":
        Goods.objects.filter(org_id=org_code, item_type=item).update(pieces=counted)
        note_move(
            org_code=org_code,
            item_code=item_code,
            cause="LOST",
            pieces=expected - counted,
            reason=reason,
            at=at,
            staff_id=staff_id,
        )
    after = {"org": org_code, "expected": expected, "counted": counted}
    audit_stock("resources.take_stock", "item", item_code, at, staff_id, reason=reason, after=after)
    return take.counted - take.expected


def low_stock(*, org_codes: Collection[str]) -> list[tuple[str, str, int]]:
    """Name items of which less lies at a place than its alarm mark (BMR-12).

    A place that never had the item is not alarmed. Returns (place, item, pieces).
    """
    lying = stock_of(org_codes=org_codes)
    marks = dict(ItemType.objects.filter(alarm_below__gt=0).values_list("code", "alarm_below"))
    moved = StockMove.objects.filter(org_id__in=org_codes, item_type_id__in=marks)
    had = moved.order_by("org_id", "item_type_id").values_list("org_id", "item_type_id").distinct()
    return [
        (org_code, item_code, lying.get((org_code, item_code), 0))
        for org_code, item_code in had
        if lying.get((org_code, item_code), 0) < marks[item_code]
    ]


@transaction.atomic
def alarm_low_stock(*, org_codes: Collection[str], at: datetime) -> list[tuple[str, str, int]]:
    """Leave a message for the manager of every place of which `low_stock` names an item; return what it names."""
    low = low_stock(org_codes=org_codes)
    for org_code, item_code, pieces in low:
        send_out(
            topic="staff", payload={"org": org_code, "alarm": "LOW_STOCK", "item": item_code, "pieces": pieces}, at=at
        )
    return low


# --- requisitions ---


@dataclass(frozen=True)
class RequisitionView:
    """What a place asked of another, and how far it got."""

    requisition_id: int
    org_code: str
    from_org: str
    item_code: str
    state: str
    asked: int
    approved: int
    confirmed: int
    asked_by: int | None
    asked_at: datetime


def _requisition_view(row: Requisition) -> RequisitionView:
    return RequisitionView(
        row.requisition_id,
        row.org_id,
        row.from_org_id,
        row.item_type_id,
        row.state,
        row.asked,
        row.approved,
        row.confirmed,
        row.asked_by,
        row.asked_at,
    )


@transaction.atomic
def ask_for_stock(
    *, org_code: str, from_org: str, item_code: str, pieces: int, at: datetime, staff_id: int | None
) -> int:
    """Let a place ask its superior for stock; return the requisition's id. Raises ItemUnknown. Source: BMR-13."""
    if not ItemType.objects.filter(code=item_code).exists():
        raise ItemUnknown(item_code)
    row = Requisition.objects.create(
        org_id=org_code,
        from_org_id=from_org,
        item_type_id=item_code,
        state="ASKED",
        asked=pieces,
        asked_by=staff_id,
        asked_at=at,
    )
    after = {"item": item_code, "asked": pieces, "org": org_code}
    audit_stock("resources.ask_for_stock", "requisition", row.requisition_id, at, staff_id, after=after)
    return row.requisition_id


@transaction.atomic
def answer_requisition(*, requisition_id: int, approved: int, at: datetime, staff_id: int) -> str:
    """Approve a requisition, perhaps for fewer pieces, or refuse it with 0; return its state.

    Raises RequisitionUnknown, MoveForbidden, OnePerson.
    """
    row = _locked_requisition(requisition_id)
    if row.asked_by == staff_id:
        raise OnePerson(requisition_id)
    state = "APPROVED" if approved else "REFUSED"
    return _set_requisition(row, state, at, staff_id, approved=min(approved, row.asked), approved_by=staff_id)


@transaction.atomic
def ship_requisition(*, requisition_id: int, at: datetime, staff_id: int | None) -> str:
    """Note that the approved pieces are on their way; until they are confirmed they are the sender's.

    Raises RequisitionUnknown, MoveForbidden.
    """
    return _set_requisition(_locked_requisition(requisition_id), "SHIPPED", at, staff_id)


@transaction.atomic
def confirm_requisition(*, requisition_id: int, confirmed: int, at: datetime, staff_id: int | None) -> RequisitionView:
    """Note how many pieces arrived; the caller moves them. Raises RequisitionUnknown, MoveForbidden, StockShort."""
    row = _locked_requisition(requisition_id)
    if confirmed > row.approved:
        raise StockShort(f"{row.approved} were sent")
    _set_requisition(row, "CONFIRMED", at, staff_id, confirmed=confirmed)
    return replace(_requisition_view(row), state="CONFIRMED", confirmed=confirmed)


def requisitions(*, org_codes: Collection[str], state: str | None = None) -> list[RequisitionView]:
    """List what places asked for, and what they were asked, the newest first."""
    rows = Requisition.objects.filter(Q(org_id__in=org_codes) | Q(from_org_id__in=org_codes)).order_by(
        "-requisition_id"
    )
    return [_requisition_view(row) for row in (rows.filter(state=state) if state else rows)]


def requisition_view(*, requisition_id: int) -> RequisitionView:
    """Show one requisition. Raises RequisitionUnknown."""
    row = Requisition.objects.filter(requisition_id=requisition_id).first()
    if row is None:
        raise RequisitionUnknown(requisition_id)
    return _requisition_view(row)


def _locked_requisition(requisition_id: int) -> Requisition:
    row = Requisition.objects.select_for_update().filter(requisition_id=requisition_id).first()
    if row is None:
        raise RequisitionUnknown(requisition_id)
    return row


def _set_requisition(row: Requisition, state: str, at: datetime, staff_id: int | None, **values: Any) -> str:
    refuse_move(REQUISITION, row.state, state)
    Requisition.objects.filter(pk=row.pk).update(state=state, **values)
    audit_stock("resources.requisition", "requisition", row.pk, at, staff_id, after={"state": state, **values})
    return state


def announce_resource(resource_id: str, at: datetime) -> None:
    """Tell whoever listens that a number or a card is in another state (TMF639)."""
    announce(kind="resource", event="ResourceStateChangeEvent", object_ids=[resource_id], state="", at=at)


def audit_stock(
    action: str,
    object_kind: str,
    object_id: object,
    at: datetime,
    staff_id: int | None,
    *,
    reason: str = "",
    before: object = None,
    after: object = None,
) -> None:
    """Write the audit row of a change to a resource."""
    record_audit(
        staff_id=staff_id,
        action=action,
        object_kind=object_kind,
        object_id=object_id,
        at=at,
        reason=reason,
        before=before,
        after=after,
    )
