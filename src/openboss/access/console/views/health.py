"""Health of charging at a glance, in the top bar of whoever watches over it."""

from __future__ import annotations

import time

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from openboss.access.console import formats
from openboss.access.console.page import part
from openboss.access.console.session import needs
from openboss.access.jobs import clock
from openboss.modules.charging.functions import live

LATE_S, VERY_LATE_S = 60, 600
SLOW_MS = 200


def _answer_ms() -> int | None:
    """How long the engine's question desk takes for an answer; None if nobody is there."""
    begun_s = time.perf_counter()
    return max(1, round((time.perf_counter() - begun_s) * 1000)) if live.engine_answers() else None


@require_GET
@needs("charging.monitor")
def health(request: HttpRequest) -> HttpResponse:
    """The lamp: how fast the engine answers, what waits for it, and since when."""
    answer_ms, backlog = _answer_ms(), live.engine_backlog()
    lag_s = max(0, int((clock.now() - backlog.oldest_at).total_seconds())) if backlog.oldest_at else 0
    if answer_ms is None or lag_s >= VERY_LATE_S:
        level = "bad"
    else:
        level = "warn" if answer_ms >= SLOW_MS or lag_s >= LATE_S else "good"
    silent = _("Charging does not answer.")
    speed = silent if answer_ms is None else _("Charging answers in %d ms.") % answer_ms
    waits = _("Waiting: %(chunks)s chunks of %(records)s records, %(commands)s commands; the oldest for %(lag)s.") % {
        "chunks": formats.count(backlog.chunks),
        "records": formats.count(backlog.records),
        "commands": formats.count(backlog.commands),
        "lag": formats.duration(lag_s),
    }
    context = {
        "level": level,
        "answer_ms": answer_ms,
        "backlog": backlog,
        "lag": formats.duration(lag_s) if lag_s else "",
        "sentence": f"{speed} {waits}",
    }
    return part(request, "health.html", context)
