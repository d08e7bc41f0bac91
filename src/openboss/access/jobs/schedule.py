"""What runs by the clock: the worker starts these, one at a time each, and shows them on the job page."""

from __future__ import annotations

from procrastinate.contrib.django import app

from openboss.modules.system import functions as system


@app.periodic(cron="*/5 * * * *")
@app.task(name="openboss.seal_audit", queueing_lock="seal_audit")
def seal_audit(timestamp: int) -> int:  # noqa: ARG001 (the worker says for which tick it calls)
    """Chain the audit entries of the last minutes, so that a later change of one is noticed (D21.7)."""
    return system.seal_audit()
