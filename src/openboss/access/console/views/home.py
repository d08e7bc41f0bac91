"""The first screen: what this person has to look at today, by what their role may see."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from openboss.access.console.page import page
from openboss.access.console.session import needs, staff_of
from openboss.access.console.views.errors import open_errors
from openboss.access.jobs import clock
from openboss.modules.billing import functions as billing
from openboss.modules.charging.functions import monitor
from openboss.modules.customers import functions as customers
from openboss.processes.multi_person.inbox import inbox

MONTHS = 4
ALARMS = 5


def _collection() -> dict[str, Any]:
    """What came in since midnight, and what stands in the way."""
    sources = monitor.source_status(since=clock.begin_of(clock.today()))
    return {
        "files_today": sum(source["files"] for source in sources),
        "records_today": sum(source["records"] for source in sources),
        "waiting": sum(source["waiting"] for source in sources),
        "gaps": sum(source["gaps"] for source in sources),
        "alarms": monitor.list_alarms(limit=ALARMS),
    }


def _months() -> list[dict[str, Any]]:
    """The newest months with the state of their bills."""
    rows = []
    for cycle in sorted(billing.list_cycles(), key=lambda one: -one.cycle)[:MONTHS]:
        _bills, count, sums = billing.list_bills(filters={"cycle": cycle.cycle}, page_size=1)
        rows.append({"cycle": cycle, "bills": count, "total_fen": sums["total_fen"]})
    return rows


@require_GET
@needs()
def home(request: HttpRequest) -> HttpResponse:
    """Show the numbers this role works with."""
    rights, now = staff_of(request).rights, clock.now()
    waiting = inbox(staff_id=staff_of(request).staff_id, at=now)
    context: dict[str, Any] = {
        "active": "console:home",
        "now": now,
        "tasks": len(waiting),
        "tasks_late": sum(row.due_at is not None and row.due_at <= now for row in waiting),
        "recent": request.session.get("recent", []),
    }
    if "customers.view" in rights:
        context["base"] = customers.count_base()
    if "charging.monitor" in rights:
        context["collection"] = _collection()
    if "charging.errors" in rights:
        context["open_errors"] = open_errors()
    if "billing.view" in rights:
        context["months"] = _months()
    return page(request, "home.html", context)
