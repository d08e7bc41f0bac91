"""The monthly grading of key customers, once the bills of the month before can be out."""

from __future__ import annotations

from procrastinate.contrib.django import app

from openboss.access.jobs import clock
from openboss.processes import grade_customers


@app.periodic(cron="0 5 8 * *")
@app.task(name="openboss.grade_customers", queueing_lock="grade_customers")
def run_grading(timestamp: int) -> int:  # noqa: ARG001 (the worker says for which tick it calls)
    """Grade persons by the average of their bills; what was given by hand stays until its day (BMV-01)."""
    return grade_customers.run(at=clock.now()).total()
