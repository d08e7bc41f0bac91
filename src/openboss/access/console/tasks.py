"""Work that a screen starts and the worker does, so that it survives logout and restart."""

from __future__ import annotations

from procrastinate.contrib.django import app

from openboss.access.jobs import clock


@app.task(name="openboss.close_month", queue="billing")
def close_month_up_to_audit(*, cycle: int, staff_id: int) -> None:
    """Close a month up to the audit; started again it goes on where it stopped."""
    from openboss.processes import close_month  # here: every command finds this task when it starts, few need it

    close_month.run(cycle, at=clock.now(), staff_id=staff_id)
