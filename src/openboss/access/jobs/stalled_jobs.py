"""Jobs whose worker was killed: they begin again from where they stopped, and their locks hold up nobody.

A job that is `doing` keeps its lock, whoever was doing it: without this, a worker killed in the middle of the books
would keep every later run over money waiting for ever. Every job here may be begun again; what it did stays done.
"""

from __future__ import annotations

import structlog
from procrastinate.contrib.django import app
from procrastinate.jobs import Status

log = structlog.get_logger("jobs")

LOST_AFTER_S = 60  # without a sign of life; a worker gives one every ten seconds
TRIES = 5  # a job that kills its worker every time does not begin for ever


@app.periodic(cron="* * * * *")
@app.task(name="openboss.take_up_jobs", queueing_lock="take_up_jobs", priority=10)
async def take_up_jobs(timestamp: int) -> int:  # noqa: ARG001 (the worker says for which tick it calls)
    """Begin again what killed workers were doing; return how many. What waits anew anyway is not begun twice."""
    taken_up = 0
    manager = app.job_manager
    for job in await manager.get_stalled_jobs(seconds_since_heartbeat=LOST_AFTER_S):
        waits = job.queueing_lock and await manager.list_jobs_async(status="todo", queueing_lock=job.queueing_lock)
        begins_again = not waits and job.attempts < TRIES
        if begins_again:
            await manager.retry_job(job)
            taken_up += 1
        else:
            await manager.finish_job(job, status=Status.FAILED, delete_job=False)
        log.warning("a job was left by its worker", job=job.task_name, job_id=job.id, begins_again=begins_again)
    return taken_up
