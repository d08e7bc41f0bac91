"""What the worker runs by the clock."""

from datetime import UTC, datetime

import pytest
from django.conf import settings
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


@pytest.mark.django_db
def test_collection_orders_debts_and_books_are_looked_after_by_the_clock() -> None:
    from openboss.access.jobs import bill_delivery, people_work, schedule, stalled_jobs

    others = {bill_delivery.__name__, people_work.__name__, stalled_jobs.__name__}
    assert others <= set(settings.PROCRASTINATE_IMPORT_PATHS)
    crons = {task.task.name: task.cron for task in app.periodic_registry.periodic_tasks.values()}
    assert crons == {
        "openboss.seal_audit": "*/5 * * * *",
        "openboss.check_balances": "*/5 * * * *",
        "openboss.recycle_after_new_tables": "*/5 * * * *",
        "openboss.recycle_error_pool": "10 3 * * *",
        "openboss.propose_write_offs": "40 3 * * *",
        "openboss.check_overlaps": "20 4 * * *",
        "openboss.due_orders": "*/5 * * * *",
        "openboss.waiting_times": "5 * * * *",
        "openboss.collect_debt": "15 * * * *",
        "openboss.pay_elsewhere": "40 * * * *",
        "openboss.release_gifts": "20 0 * * *",
        "openboss.keep_books": "30 0 * * *",
        "openboss.keep_wallets": "10 * * * *",
        "openboss.keep_validity": "10 9 * * *",
        "openboss.rate_stars": "50 2 * * *",
        "openboss.end_emergencies": "* * * * *",
        "openboss.watch_queue": "* 8-20 * * *",
        "openboss.watch_use": "20 * * * *",
        "openboss.report_visitors": "*/10 * * * *",
        "openboss.credit_points": "30 5 10 * *",
        "openboss.deliver_bills": "30 7 1-5 * *",
        "openboss.re_rate": "* * * * *",
        "openboss.people_work": "* * * * *",
        "openboss.take_up_jobs": "* * * * *",
    }
    jobs = (schedule.check_balances, schedule.recycle_after_new_tables, schedule.recycle_error_pool)
    assert [job(timestamp=0) for job in (*jobs, schedule.propose_write_offs, schedule.check_overlaps)] == [0] * 5
