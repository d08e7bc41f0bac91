"""One-time charges: fees and credits from outside the tariffs, waiting for the bill of their cycle."""

from datetime import datetime

import polars as pl
from django.db import transaction

from openboss.modules.billing.models import BillCycle, OneTimeCharge, Source
from openboss.modules.system.atomic import record_audit
from openboss.modules.system.copying import copy_out

CHARGES = {
    "charge_id": pl.Int64,
    "source": pl.Int16,
    "subscriber_id": pl.Int64,
    "item_id": pl.Int16,
    "charge_li": pl.Int64,
}


class ChargePosted(Exception):
    """A charge with this serial number was posted before; nothing was changed."""


class CycleNotOpen(Exception):
    """The bills of this cycle are being made or out already; post the charge to the open cycle."""


@transaction.atomic
def post_charge(
    *,
    serial_no: str,
    source: str,
    cycle: int,
    subscriber_id: int,
    item_id: int,
    charge_li: int,
    note: str,
    staff: str,
    at: datetime,
) -> int:
    """Post a one-time fee, a fee collected for others, or an adjustment (negative = credit) to an open cycle.

    source  ONE_TIME, THIRD_PARTY or ADJUSTMENT
    Returns its id. Raises ChargePosted, CycleNotOpen. Source: ACP-02, D0.4.
    """
    if OneTimeCharge.objects.filter(serial_no=serial_no).exists():
        raise ChargePosted(serial_no)
    if BillCycle.objects.select_for_update().filter(cycle=cycle).exclude(state="OPEN").exists():
        raise CycleNotOpen(cycle)
    row = OneTimeCharge.objects.create(
        serial_no=serial_no,
        source=int(Source[source]),
        cycle=cycle,
        subscriber_id=subscriber_id,
        item_id=item_id,
        charge_li=charge_li,
        note=note,
        staff=staff,
        charged_at=at,
    )
    record_audit(
        staff_id=None,
        action="billing.post_charge",
        object_kind="subscriber",
        object_id=subscriber_id,
        at=at,
        after={"serial_no": serial_no, "cycle": cycle, "charge_li": charge_li, "staff": staff},
    )
    return row.charge_id


def charges_of(*, cycle: int) -> pl.DataFrame:
    """Read the charges that belong on the bills of a cycle, columns as in CHARGES."""
    return copy_out(
        "SELECT charge_id, source, subscriber_id, item_id, charge_li FROM billing_onetimecharge"
        f" WHERE cycle = {int(cycle)} ORDER BY subscriber_id, charge_id",
        CHARGES,
    )


def charge_notes(*, charge_ids: list[int]) -> dict[int, str]:
    """Say what each charge is for, in the words of who posted it."""
    return dict(OneTimeCharge.objects.filter(charge_id__in=charge_ids).values_list("charge_id", "note"))
