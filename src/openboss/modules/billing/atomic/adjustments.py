"""Adjustments of many users at once, for the bills that come next (CHG-36, D7.2)."""

from datetime import datetime

import polars as pl
from django.db import transaction

from openboss.modules.billing.atomic.charges import CycleNotOpen
from openboss.modules.billing.models import BillCycle, OneTimeCharge, Source
from openboss.modules.system.atomic import record_audit
from openboss.modules.system.copying import copy_in

ADJUSTMENTS = {"serial_no": pl.String, "subscriber_id": pl.Int64, "charge_li": pl.Int64, "note": pl.String}


@transaction.atomic
def post_adjustments(*, rows: pl.DataFrame, item_id: int, cause: str, staff: str, at: datetime) -> int:
    """Post adjustments (columns as in ADJUSTMENTS, negative = credit) to the oldest open cycle; return the cycle.

    A serial number that was posted before is refused by the database, and then nothing of them was posted.
    Raises CycleNotOpen. Source: ACP-02, D0.4.
    """
    cycle = BillCycle.objects.select_for_update().filter(state="OPEN").order_by("cycle").first()
    if cycle is None:
        raise CycleNotOpen("there is no open month")
    frame = rows.select(
        "serial_no",
        "subscriber_id",
        "charge_li",
        "note",
        source=pl.lit(int(Source.ADJUSTMENT)),
        cycle=pl.lit(cycle.cycle),
        item_id=pl.lit(item_id),
        staff=pl.lit(staff),
        charged_at=pl.lit(at.isoformat()),
    )
    copy_in(OneTimeCharge._meta.db_table, frame)
    record_audit(
        staff_id=None,
        action="billing.post_adjustments",
        object_kind="bill_cycle",
        object_id=cycle.cycle,
        at=at,
        reason=cause,
        after={"rows": rows.height, "charge_li": int(rows["charge_li"].sum()), "staff": staff},
    )
    return cycle.cycle
