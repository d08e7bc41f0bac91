"""Terminals by IMEI: purchase, sale, bundle, return, repair (BMR-10, D12.6)."""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Count
from stdnum import imei as imei_number

from openboss.modules.customers.atomic import operator_day
from openboss.modules.resources.atomic.stock import audit_stock, item_of_kind, note_move, refuse_foreign
from openboss.modules.resources.models import Terminal
from openboss.modules.resources.states import TERMINAL, refuse_move

RETURN_DAYS = 7
IN_STOCK = ("IN_STOCK", "ALLOCATED", "RETURNED", "REPAIR")


class ImeiWrong(ValueError):
    """This is no IMEI: it has 15 digits, and the last checks the others."""


class TerminalKnown(Exception):
    """A terminal with this IMEI was received before; nothing was taken in."""


class TerminalUnknown(LookupError):
    """There is no terminal with this IMEI in our books."""


class ReturnTooLate(Exception):
    """A terminal is taken back within seven days of its sale; after that it goes to repair (BMR-10)."""


@transaction.atomic
def receive_terminals(
    *, imeis: Iterable[str], item_code: str, org_code: str, at: datetime, staff_id: int | None
) -> int:
    """Take terminals into stock, all or none; return how many. Raises ImeiWrong, TerminalKnown, ItemUnknown."""
    item_of_kind(item_code, "TERMINAL")
    known = list(imeis)
    for one in known:
        if len(one) != 15 or not imei_number.is_valid(one):
            raise ImeiWrong(one)
    held = Terminal.objects.filter(imei__in=known).values_list("imei", flat=True).first()
    if held or len(set(known)) < len(known):
        raise TerminalKnown(held or "twice in the list")
    Terminal.objects.bulk_create(
        [Terminal(imei=one, item_type_id=item_code, state="IN_STOCK", org_id=org_code) for one in known]
    )
    note_move(org_code=org_code, item_code=item_code, cause="IN", pieces=len(known), at=at, staff_id=staff_id)
    after = {"item": item_code, "pieces": len(known)}
    audit_stock("resources.receive_terminals", "terminal", org_code, at, staff_id, after=after)
    return len(known)


@transaction.atomic
def move_terminal(
    *,
    imei: str,
    state: str,
    at: datetime,
    staff_id: int | None,
    subscriber_id: int | None = None,
    reason: str = "",
    within: Collection[str] | None = None,
) -> None:
    """Allocate, sell, bundle, take back, repair or scrap a terminal.

    Raises TerminalUnknown, NotYourStock, MoveForbidden, ReturnTooLate. Source: BMR-10.
    """
    row = Terminal.objects.select_for_update().filter(imei=imei).first()
    if row is None:
        raise TerminalUnknown(imei)
    refuse_foreign(row.org_id, within)
    refuse_move(TERMINAL, row.state, state)
    today = operator_day(at)
    if state == "RETURNED" and row.sold_on and today > row.sold_on + timedelta(days=RETURN_DAYS):
        raise ReturnTooLate(imei)
    sold = state in ("SOLD", "BUNDLED")
    Terminal.objects.filter(pk=imei).update(
        state=state, subscriber_id=subscriber_id if sold else None, sold_on=today if sold else None
    )
    before, after = int(row.state in IN_STOCK), int(state in IN_STOCK)
    if before != after or state == "SCRAPPED":
        cause = "LOST" if state == "SCRAPPED" else "USED"
        about = {"org_code": row.org_id, "item_code": row.item_type_id, "reason": reason}
        note_move(**about, cause=cause, pieces=before - after, at=at, staff_id=staff_id)
    change = {"before": {"state": row.state}, "after": {"state": state}}
    audit_stock("resources.terminal", "terminal", imei, at, staff_id, reason=reason, **change)


def count_terminals(*, org_codes: Collection[str] | None = None) -> dict[str, int]:
    """Count the terminals of some places, or all, by state."""
    rows = Terminal.objects.all() if org_codes is None else Terminal.objects.filter(org_id__in=org_codes)
    return dict(rows.values_list("state").annotate(terminals=Count("imei")).order_by("state"))
