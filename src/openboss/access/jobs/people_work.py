"""Work of several people goes on by the clock: what is overdue goes up, and what nobody carried on is carried on."""

from __future__ import annotations

import structlog
from procrastinate.contrib.django import app

from openboss.access.jobs import clock
from openboss.modules.workflow.functions import work
from openboss.processes import multi_person
from openboss.processes.multi_person import inbox

log = structlog.get_logger("jobs")


@app.periodic(cron="* * * * *")
@app.task(name="openboss.people_work", queueing_lock="people_work", lock="people_work")
def go_on(timestamp: int) -> int:  # noqa: ARG001 (the worker says for which tick it calls)
    """Give overdue tasks to the team above, tell of overdue proposals, call functions that wait; return how many.

    A fault in one piece of work holds that one and no other.
    """
    done = multi_person.escalate_due(at=clock.now()) + inbox.tell_overdue(at=clock.now())
    for instance_id in multi_person.waiting():
        try:
            done += multi_person.carry_on(instance_id, at=clock.now())
        except Exception as fault:  # noqa: BLE001 - the edge: the others go on
            log.exception("a step of work failed", work=instance_id)
            work.hold(instance_id=instance_id, problem=type(fault).__name__, at=clock.now())
    return done
