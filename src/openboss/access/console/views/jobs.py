"""What the machine is doing in the background: the jobs of the queue."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET
from procrastinate.contrib.django.models import ProcrastinateJob

from openboss.access.console import words
from openboss.access.console.lists import Column, Filter, ListScreen, Paging, Rows, show_list
from openboss.access.console.session import needs
from openboss.access.jobs import clock

SORTS = {"id", "task_name", "status", "scheduled_at", "attempts"}


@dataclass(frozen=True)
class JobRow:
    """One job of the queue."""

    id: int
    task_name: str
    queue_name: str
    status: str
    attempts: int
    scheduled_at: datetime | None
    last_event_at: datetime | None
    args: Any


def _ours(at: datetime | None) -> datetime | None:
    """A moment of the queue, which lives in real time, on this installation's clock."""
    return at + clock.shift() if at else None


def _fetch(filters: dict[str, str], sort: str, paging: Paging) -> Rows:
    found = ProcrastinateJob.objects.all()
    if "status" in filters:
        found = found.filter(status=filters["status"])
    if "q" in filters:
        found = found.filter(task_name__icontains=filters["q"])
    jobs = found.order_by(sort, "-id").prefetch_related("procrastinateevent_set")
    rows = [
        JobRow(
            job.id,
            job.task_name,
            job.queue_name,
            job.status,
            job.attempts,
            _ours(job.scheduled_at),
            _ours(max((event.at for event in job.procrastinateevent_set.all()), default=None)),
            job.args,
        )
        for job in jobs[paging.offset : paging.offset + paging.size]
    ]
    return rows, found.count(), {}


def _arguments(args: Any) -> str:
    """What a job was given, without the tick a periodic one was started for."""
    return ", ".join(f"{name}={value}" for name, value in args.items() if name != "timestamp")[:120]


SCREEN = ListScreen(
    name="jobs",
    title=_("Jobs"),
    columns=(
        Column("id", _("No."), "number", sort=True),
        Column("task_name", _("Job"), "word:job", sort=True, sub=lambda job: job.task_name),
        Column("status", _("State"), "word:job_state", sort=True),
        Column("attempts", _("Attempts"), "count", sort=True),
        Column("scheduled_at", _("Planned for"), "moment", sort=True),
        Column("last_event_at", _("Last change"), "moment"),
        Column("args", _("With"), read=lambda job: _arguments(job.args)),
    ),
    filters=(
        Filter("q", _("Job"), "search"),
        Filter("status", _("State"), "choice", words.choices("job_state")),
    ),
    fetch=_fetch,
    default_sort="-id",
    empty=_("The queue is empty."),
)


@require_GET
@needs("jobs.view")
def jobs(request: HttpRequest) -> HttpResponse:
    """Jobs of the queue, newest first."""
    return show_list(request, SCREEN, active="console:jobs")
