"""What the worker runs by the clock."""

from datetime import UTC, datetime

import pytest
from procrastinate.contrib.django import app

from openboss.modules.system import functions as system

AT = datetime(2026, 11, 2, tzinfo=UTC)


@pytest.mark.django_db
def test_the_audit_trail_is_sealed_every_five_minutes() -> None:
    from openboss.access.jobs import schedule

    (periodic,) = [task for task in app.periodic_registry.periodic_tasks.values() if task.task is schedule.seal_audit]
    assert periodic.cron == "*/5 * * * *"
    system.record_audit(staff_id=7, action="test", object_kind="customer", object_id=1, at=AT)
    assert schedule.seal_audit(timestamp=0) == 1
    assert system.verify_audit().unsealed == 0
