"""Close a month: from the last usage record to bills people can see. Read from top to bottom.

    freeze     the engine closes the cycle to usage and publishes its totals at one position
    collect    five sources come together; what does not balance stops here
    calculate  monthly fees, discounts, shares, trial bills: part by part
    audit      against last month, and some users worked out again by other means
    release    a person with the right makes the bills final; they become debts in the ledger

Each step is done once; started again after a failure or a kill, the month goes on where it stopped, with the same
totals. Source: ACP-01 to ACP-04, ACP-23, D7.2, D7.3.
"""

from collections.abc import Callable
from datetime import datetime
from functools import partial

from django.conf import settings

from openboss.kernel.periods import next_cycle
from openboss.modules.billing import functions as billing
from openboss.modules.catalog.atomic import bill_item_types, offers_in_force
from openboss.modules.charging.functions.freezes import freeze_once, frozen_totals
from openboss.modules.charging.functions.monitor import unbalanced_files
from openboss.modules.customers.functions import billing_image
from openboss.modules.receivables.functions import wallets
from openboss.modules.receivables.functions.bills import book_bills
from openboss.processes import keep_wallets

FREEZE, COLLECT, CALCULATE, AUDIT = UNTIL = ("FREEZE", "COLLECT", "CALCULATE", "AUDIT")


Progress = Callable[[str, int], None]


class MonthNotOver(Exception):
    """The month cannot be closed before the first of the next month, at the time the calendar says (else 0:00)."""


def run(
    cycle: int,
    *,
    at: datetime,
    staff_id: int | None = None,
    until: str = AUDIT,
    part_size: int = billing.PART_SIZE,
    progress: Progress = lambda *_: None,
) -> billing.RunStatus:
    """Close a month up to a step (FREEZE, COLLECT, CALCULATE, AUDIT); what is done already is left as it is.

    progress  told each step and part as it is finished
    Raises MonthNotOver, UnbalancedFiles, UsersNotBillable, InputsUnbalanced, EngineRefused.
    """
    if at < billing.calendar_of(cycle).closable_at:
        raise MonthNotOver(cycle)
    last = UNTIL.index(until)
    freeze(cycle, at=at, staff_id=staff_id, progress=progress)
    if last >= UNTIL.index(COLLECT):
        collect(cycle, staff_id=staff_id, part_size=part_size, progress=progress)
    if last >= UNTIL.index(CALCULATE):
        calculate(cycle, at=at, staff_id=staff_id, progress=progress)
    if last >= UNTIL.index(AUDIT):
        audit(cycle, at=at, staff_id=staff_id, progress=progress)
    return billing.run_status(cycle)


def freeze(
    cycle: int, *, at: datetime, staff_id: int | None, progress: Callable[[str, int], None], **_: object
) -> None:
    """Close the cycle to usage; later records go to the next one (D4.6)."""
    if billing.open_cycle(cycle=cycle).state == "OPEN":
        refuse_unbalanced(cycle)
        billing.cut_cycle(cycle=cycle, position=freeze_once(cycle), at=at, staff_id=staff_id)
        billing.open_cycle(cycle=next_cycle(cycle))
        progress(FREEZE, -1)


def refuse_unbalanced(cycle: int) -> None:
    """Stop while a usage file of the month does not balance (CHG-37). Raises UnbalancedFiles."""
    found = unbalanced_files(cycle=cycle, timezone=settings.TIME_ZONE)
    if found:
        raise billing.UnbalancedFiles(", ".join(str(one.file_id) for one in found[:20]))


def collect(cycle: int, *, staff_id: int | None, progress: Progress, part_size: int) -> None:
    """Bring usage, monthly fees, one-time fees, fees for others and adjustments together (ACP-02)."""
    if billing.cycle_view(cycle=cycle).state != "CUT":
        return
    totals, free_use = frozen_totals(cycle)
    image = billing_image(cycle=cycle)
    late = billing.charged_users(cycle=cycle, totals=totals).join(image.attributes, on="subscriber_id", how="anti")
    if late.height:  # users who left before the month and still have something to pay (D4.6)
        image = billing_image(cycle=cycle, also=late["subscriber_id"])
    billing.collect_inputs(
        cycle=cycle,
        versions=offers_in_force(cycle),
        item_types=bill_item_types(),
        totals=totals,
        free_use=free_use,
        image=image,
        part_size=part_size,
        staff_id=staff_id,
    )
    progress(COLLECT, -1)


def calculate(
    cycle: int, *, at: datetime, staff_id: int | None, progress: Callable[[str, int], None], **_: object
) -> None:
    """Work out fees, discounts and shares and store the trial bills."""
    if billing.cycle_view(cycle=cycle).state == "CUT":
        billing.calculate(cycle=cycle, at=at, staff_id=staff_id, progress=progress)


def audit(cycle: int, *, at: datetime, staff_id: int | None, progress: Progress) -> None:
    """Compare with last month, look for odd bills, recompute a sample (D7.7)."""
    if billing.cycle_view(cycle=cycle).state == "CALCULATED":
        billing.audit_run(cycle=cycle, at=at, staff_id=staff_id)
        progress(AUDIT, -1)


def release(cycle: int, *, at: datetime, staff_id: int) -> int:
    """Make the bills of an audited month final and book them as debts, part by part; return how many bills.

    Bills, open items, ledger entries and what advances pay of them are one transaction a part; started again after a
    kill, the parts left over follow. Raises NotEntitled, NotSigned, OwnRun, CycleStateRefused.
    """
    if wallets.has_wallets():
        keep_wallets.run(at=at)  # what wallets paid for the month is posted whole before bills take its place
    count = billing.release_cycle(
        cycle=cycle, staff_id=staff_id, at=at, book=partial(book_bills, at=at, staff_id=staff_id)
    )
    wallets.settle_rest(cycle, at=at)
    return count


def cancel(cycle: int, *, at: datetime, staff_id: int | None) -> str:
    """Take the month one state back, before release only; return its state. Raises CycleStateRefused."""
    return billing.step_back(cycle=cycle, at=at, staff_id=staff_id)
