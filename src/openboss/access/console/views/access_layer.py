"""The access layer: every adapter with its channel, protocol and direction, and what passed through them (ARC-14)."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from openboss.access.console import words
from openboss.access.console.adapters import ADAPTERS
from openboss.access.console.lists import Column, Filter, ListScreen, Paging, Rows, show_list
from openboss.access.console.memory_rows import rows_in_memory
from openboss.access.console.session import needs
from openboss.access.console.views.peers import asking
from openboss.access.jobs import clock
from openboss.modules.charging.functions.watching import NoAnswer, charging_board
from openboss.processes.messages_of_channels import Passed, passed

DAYS = {"1": gettext_lazy("One day"), "7": gettext_lazy("Seven days"), "31": gettext_lazy("31 days")}


def name_of(code: str) -> str | Promise:
    """What an adapter is called: customers' channels as everywhere, the others by a name of their own."""
    return words.word("adapter" if code in words.WORDS["adapter"] else "channel", code).text


def _requests() -> Counter[str]:
    """What networks have asked since the engine began, by interface; nothing while it is silent."""
    counted: Counter[str] = Counter()
    try:
        board = charging_board(now_s=int(clock.now().timestamp()))
    except NoAnswer:
        return counted
    for one in asking(board):
        counted[one["interface"]] += one["requests"]
    return counted


def _register(rows: list[Passed]) -> list[dict[str, Any]]:
    """The adapters with what passed: one by one in the log, or as the board counts it (each request has an answer)."""
    seen = Counter((row.adapter, row.direction) for row in rows)
    requests = _requests()
    return [
        {
            "adapter": one,
            "name": name_of(one.code),
            "came": requests[one.code] if one.counted == "BOARD" else seen[one.code, "IN"],
            "went": requests[one.code] + seen[one.code, "OUT"] if one.counted == "BOARD" else seen[one.code, "OUT"],
        }
        for one in ADAPTERS
    ]


@require_GET
@needs("jobs.view")
def messages(request: HttpRequest) -> HttpResponseBase:
    """The register of adapters, and below it each message of the last days with its direction, the newest first."""
    days = request.GET.get("days", "")
    rows = passed(since_at=clock.now() - timedelta(days=int(days) if days in DAYS else 1))

    def fetch(filters: dict[str, str], sort: str, paging: Paging) -> Rows:
        tests = {
            "adapter": lambda row, code: row.adapter == code,
            "direction": lambda row, code: row.direction == code,
            "days": lambda _row, _days: True,
        }
        return rows_in_memory(rows, tests, filters, sort, paging)

    screen = ListScreen(
        name="access-layer",
        title=gettext_lazy("Access layer"),
        columns=(
            Column("at", gettext_lazy("When"), "moment", sort=True),
            Column("adapter", gettext_lazy("Adapter"), read=lambda row: str(name_of(row.adapter)), sort=True),
            Column("direction", gettext_lazy("Direction"), "word:direction", sort=True),
            Column("what", gettext_lazy("What"), read=_what),
            Column("reference", gettext_lazy("No."), "nowrap"),
        ),
        filters=(
            Filter("adapter", gettext_lazy("Adapter"), "choice", [(one.code, name_of(one.code)) for one in ADAPTERS]),
            Filter("direction", gettext_lazy("Direction"), "choice", words.choices("direction")[:2]),
            Filter("days", gettext_lazy("Time"), "choice", tuple(DAYS.items()), default="1"),
        ),
        fetch=fetch,
        default_sort="-at",
        empty=gettext_lazy("Nothing passed in this time."),
        template="access_layer.html",
        context={"register": _register(rows)},
    )
    return show_list(request, screen, active="console:access_layer")


def _what(row: Passed) -> str:
    return str(words.word(row.words, row.what).text) if row.words else row.what
