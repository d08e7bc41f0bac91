"""The job that brings released bills to their accounts: not in the schedule, which may not reach the network."""

from __future__ import annotations

from procrastinate.contrib.django import app

from openboss.access.jobs import clock
from openboss.access.network import bill_carriers
from openboss.config.options import options
from openboss.kernel.periods import previous_cycle
from openboss.modules.billing.functions import CycleStateRefused, CycleUnknown
from openboss.modules.customers import functions as customers
from openboss.processes import deliver_bills


@app.periodic(cron="30 7 1-5 * *")
@app.task(name="openboss.deliver_bills", queueing_lock="deliver_bills", lock="deliver_bills")
def run_deliver_bills(timestamp: int) -> int:  # noqa: ARG001 (the worker says for which tick it calls)
    """Bring the bills of last month to their accounts once they are released, on the first days of a month (ACP-17)."""
    now = clock.now()
    carrier = bill_carriers.Sandbox(options().data_dir / "bills")
    try:
        done = deliver_bills.run(cycle=previous_cycle(customers.cycle_of(now)), at=now, carry=carrier.carry)
    except (CycleUnknown, CycleStateRefused):
        return 0  # not released yet: tomorrow is another look
    return done.begun + done.sent
