"""A worker that was killed: what it was doing goes on by itself, and what waits behind it does not wait for ever."""

from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import connection
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob
from tests.modules.receivables.conftest import Desk, desk

from openboss.access.jobs import clock, money_runs
from openboss.access.jobs.stalled_jobs import LOST_AFTER_S, TRIES, take_up_jobs
from openboss.modules.receivables.functions import long_runs

__all__ = ["desk"]
from openboss.processes.assure_money import CHECKS

pytestmark = pytest.mark.django_db


def fetched(worker: int) -> str | None:
    """The next job that a worker gets, begun by it; in the transaction of a test, now() stands still."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET scheduled_at = NULL WHERE status = 'todo'")
        cursor.execute("SELECT task_name FROM procrastinate_fetch_job_v2(NULL, %s)", [worker])
        return cursor.fetchone()[0]


def a_worker(silent_s: int = 0) -> int:
    """A worker whose last sign of life is so many seconds old."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - make_interval(secs => %s))"
            " RETURNING id",
            [silent_s],
        )
        return int(cursor.fetchone()[0])


def states() -> list[tuple[str, str]]:
    return list(ProcrastinateJob.objects.order_by("id").values_list("task_name", "status"))


def test_the_books_that_a_killed_worker_left_are_begun_again_and_hold_up_nobody() -> None:
    killed, alive = a_worker(silent_s=LOST_AFTER_S + 1), a_worker()
    app.configure_task("openboss.keep_books").defer(timestamp=0)
    assert fetched(killed) == "openboss.keep_books"
    app.configure_task("openboss.collect_debt").defer(timestamp=0)
    assert fetched(alive) is None, "the lock of money is taken"
    assert async_to_sync(take_up_jobs.func)(timestamp=0) == 1
    assert [fetched(alive), fetched(alive)] == ["openboss.keep_books", None], "one at a time, the older first"
    assert async_to_sync(take_up_jobs.func)(timestamp=0) == 0, "who gives signs of life is left alone"


def test_a_job_whose_next_waits_already_or_that_kills_every_worker_is_not_begun_again() -> None:
    killed = a_worker(silent_s=LOST_AFTER_S + 1)
    app.configure_task("openboss.watch_use").defer(timestamp=0)
    fetched(killed)
    app.configure_task("openboss.watch_use").defer(timestamp=0)
    app.configure_task("openboss.check_overlaps").defer(timestamp=0)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET attempts = %s WHERE task_name LIKE %s", [TRIES, "%overlaps"])
    fetched(killed)
    assert async_to_sync(take_up_jobs.func)(timestamp=0) == 0
    assert states() == [
        ("openboss.watch_use", "failed"),
        ("openboss.watch_use", "todo"),
        ("openboss.check_overlaps", "failed"),
    ]


def test_a_long_run_of_a_killed_worker_goes_on_without_anybody(desk: Desk, settings: Any, tmp_path: Any) -> None:
    settings.DATA_DIR = str(tmp_path)
    given: dict[str, Any] = {"subject": "2026-11-01", "given": {"on": "2026-11-01"}, "staff_id": None}
    run = long_runs.begin_long_run(kind="ASSURANCE", at=clock.now(), **given)
    long_runs.note_progress(long_run_id=run.long_run_id, done=1, whole=len(CHECKS), goes_on_after=1)
    app.configure_task("openboss.money_run", queue="billing", lock="money-run").defer(long_run_id=run.long_run_id)
    assert fetched(a_worker(silent_s=LOST_AFTER_S + 1)) == "openboss.money_run"
    assert async_to_sync(take_up_jobs.func)(timestamp=0) == 1
    assert fetched(a_worker()) == "openboss.money_run"
    money_runs.money_run.func(long_run_id=run.long_run_id)
    done = long_runs.long_run(long_run_id=run.long_run_id)
    assert (done.state, done.done, done.goes_on_after) == ("DONE", len(CHECKS), len(CHECKS))
