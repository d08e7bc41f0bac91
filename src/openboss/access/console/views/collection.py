"""The collection monitor: sources, files with their balance at every stage, alarms."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.core.exceptions import ObjectDoesNotExist
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from openboss.access.console import formats, words
from openboss.access.console.causes import cause_text
from openboss.access.console.lists import Column, Filter, ListScreen, Paging, Rows, show_list
from openboss.access.console.memory_rows import rows_in_memory
from openboss.access.console.page import page, part
from openboss.access.console.session import needs, staff_of
from openboss.access.jobs import clock
from openboss.modules.charging.functions import collection, monitor
from openboss.modules.charging.functions.collection import NotHeld
from openboss.modules.charging.functions.errors import ERROR_CODES

WINDOW = timedelta(hours=24)


def code_name(code: str) -> str:
    """What an error code means, in the language of the request."""
    return formats.named(ERROR_CODES[code]) if code in ERROR_CODES else code


def _live() -> dict[str, Any]:
    """What the monitor shows and asks for again every few seconds."""
    sources = monitor.source_status(since=clock.now() - WINDOW)
    alarms = monitor.list_alarms(limit=50)
    return {
        "sources": sources,
        "alarms": alarms,
        "files": sum(source["files"] for source in sources),
        "records": sum(source["records"] for source in sources),
        "waiting": sum(source["waiting"] for source in sources),
        "held": sum(source["held"] for source in sources),
        "gaps": sum(source["gaps"] for source in sources),
        "now": clock.now(),
    }


@require_GET
@needs("charging.monitor")
def monitor_page(request: HttpRequest) -> HttpResponse:
    """Sources of the last 24 hours, how late each is, and open alarms; htmx asks for the moving part alone."""
    context = {"active": "console:collection", **_live()}
    return part(request, "collection_live.html", context) if request.htmx else page(request, "collection.html", context)


def _moment_of(day_text: str, days: int = 0) -> datetime | None:
    """The start of a day on the operator's wall; None if the text is no day."""
    try:
        on = datetime.fromisoformat(day_text).date() + timedelta(days=days)
    except ValueError:
        return None
    return clock.begin_of(on)


def _fetch_files(filters: dict[str, str], sort: str, paging: Paging) -> Rows:
    asked: dict[str, Any] = dict(filters)
    asked["since"] = _moment_of(filters.get("since", ""))
    asked["until"] = _moment_of(filters.get("until", ""), days=1)
    rows, total = monitor.list_files(filters=asked, sort=sort, page=paging.number, page_size=paging.size)
    return rows, total, {}


def _balance_text(row: Any) -> str:
    return str(_("balanced") if row["is_balanced"] else _("out of balance"))


def _files_screen() -> ListScreen:
    sources = tuple((source.code, formats.named(source)) for source in collection.list_sources())
    return ListScreen(
        name="files",
        title=gettext_lazy("Usage files"),
        columns=(
            Column("file_id", gettext_lazy("No."), "number", sort=True),
            Column(
                "name",
                gettext_lazy("File"),
                sort=True,
                link=lambda row: reverse("console:file", args=[row["file_id"]]),
                sub=lambda row: row["inbox"],
            ),
            Column("state", gettext_lazy("State"), "word:file_state", sort=True),
            Column("records_in", gettext_lazy("In"), "count"),
            Column("rated", gettext_lazy("Rated"), "count"),
            Column("free", gettext_lazy("Free"), "count"),
            Column("duplicate", gettext_lazy("Duplicate"), "count"),
            Column("error", gettext_lazy("Error"), "count"),
            Column("filtered", gettext_lazy("Filtered"), "count", hidden=True),
            Column("waiting", gettext_lazy("Waiting"), "count"),
            Column("is_balanced", gettext_lazy("Balance"), read=_balance_text),
            Column("size_bytes", gettext_lazy("Size"), "size", sort=True, hidden=True),
            Column(
                "error_code", gettext_lazy("Refused for"), read=lambda row: code_name(row["error_code"]), hidden=True
            ),
            Column("arrived_at", gettext_lazy("Arrived"), "moment", sort=True),
            Column("rated_at", gettext_lazy("Rated at"), "moment", sort=True, hidden=True),
        ),
        filters=(
            Filter("name", gettext_lazy("File name"), "search"),
            Filter("source", gettext_lazy("Source"), "choice", sources),
            Filter("state", gettext_lazy("State"), "choice", words.choices("file_state")),
            Filter("since", gettext_lazy("Arrived from"), "date"),
            Filter("until", gettext_lazy("to"), "date"),
        ),
        fetch=_fetch_files,
        default_sort="-file_id",
        row_link=lambda row: reverse("console:file", args=[row["file_id"]]),
        empty=gettext_lazy("No file yet. Drop one into the inbox folder of a source; it is taken within seconds."),
    )


@require_GET
@needs("charging.monitor")
def files(request: HttpRequest) -> HttpResponseBase:
    """All usage files with where their records are."""
    return show_list(request, _files_screen(), active="console:files")


@require_GET
@needs("charging.monitor")
def file(request: HttpRequest, file_id: int) -> HttpResponse:
    """One file: what each stage made of its records."""
    try:
        balance = monitor.file_balance(file_id=file_id)
    except ObjectDoesNotExist as missing:
        raise Http404 from missing
    rows, _total = monitor.list_files(filters={"file_id": file_id}, page_size=1)
    context = {
        "active": "console:files",
        "balance": balance,
        "file": rows[0],
        "stages": monitor.stage_counts(file_id=file_id),
        "outcomes": ("rated", "free", "duplicate", "error", "filtered"),
    }
    template = "file_live.html" if request.htmx else "file.html"
    return (part if request.htmx else page)(request, template, context)


@require_POST
@needs("charging.errors")
def release(request: HttpRequest, file_id: int) -> HttpResponse:
    """Let a held file be tried again."""
    try:
        collection.release_file(file_id=file_id)
    except NotHeld:
        messages.error(request, _("This file is not held any more. Load the page again."))
    else:
        messages.success(request, _("The file will be tried again in a moment."))
    return redirect("console:file", file_id)


@require_POST
@needs("charging.writeoff")
def give_up(request: HttpRequest, file_id: int) -> HttpResponse:
    """Give a held file up for good, for a reason that stays with it: it no longer blocks the bill run (CHG-37)."""
    reason = request.POST.get("reason", "").strip()
    if not reason:
        messages.error(request, _("Say why the file is given up; it stays with the file."))
        return redirect("console:file", file_id)
    try:
        collection.refuse_file(file_id=file_id, reason=reason, staff_id=staff_of(request).staff_id, at=clock.now())
    except NotHeld:
        messages.error(request, _("This file is not held any more. Load the page again."))
    else:
        messages.success(request, _("The file is given up: nothing of it will be rated."))
    return redirect("console:file", file_id)


ALARMS = 10_000


def _fetch_alarms(filters: dict[str, str], sort: str, paging: Paging) -> Rows:
    found = monitor.list_alarms(open_only=filters.get("state", "open") == "open", limit=ALARMS)
    tests = {
        "state": lambda alarm, state: state != "cleared" or alarm["cleared_at"] is not None,
        "kind": lambda alarm, kind: alarm["kind"] == kind,
        "source": lambda alarm, source: alarm["source_code"] == source,
        "q": lambda alarm, text: text.casefold() in cause_text(alarm["cause"]).casefold(),
    }
    return rows_in_memory(found, tests, filters, sort, paging)


def _alarms_screen() -> ListScreen:
    sources = tuple((source.code, formats.named(source)) for source in collection.list_sources())
    states = (("open", gettext_lazy("Open")), ("cleared", gettext_lazy("Cleared")), ("all", gettext_lazy("All")))
    return ListScreen(
        name="alarms",
        title=gettext_lazy("Alarms"),
        columns=(
            Column("alarm_id", gettext_lazy("No."), "number", sort=True),
            Column("kind", gettext_lazy("Kind"), "word:alarm_kind", sort=True),
            Column("source_code", gettext_lazy("Source"), sort=True),
            Column("cause", gettext_lazy("Cause"), read=lambda alarm: cause_text(alarm["cause"])),
            Column(
                "file_name",
                gettext_lazy("File"),
                sort=True,
                link=lambda alarm: reverse("console:file", args=[alarm["file_id"]]) if alarm["file_id"] else None,
            ),
            Column("sequence", gettext_lazy("Sequence"), "number", sort=True),
            Column("opened_at", gettext_lazy("Since"), "moment", sort=True),
            Column("cleared_at", gettext_lazy("Cleared at"), "moment", sort=True, hidden=True),
        ),
        filters=(
            Filter("state", gettext_lazy("State"), "choice", states, default="open"),
            Filter("kind", gettext_lazy("Kind"), "choice", words.choices("alarm_kind")),
            Filter("source", gettext_lazy("Source"), "choice", sources),
            Filter("q", gettext_lazy("Cause"), "search"),
        ),
        fetch=_fetch_alarms,
        default_sort="-opened_at",
        row_link=lambda alarm: reverse("console:file", args=[alarm["file_id"]]) if alarm["file_id"] else None,
        empty=gettext_lazy("No alarm is open."),
    )


@require_GET
@needs("charging.monitor")
def alarms(request: HttpRequest) -> HttpResponseBase:
    """Alarms of collection, open ones unless others are asked for."""
    return show_list(request, _alarms_screen(), active="console:alarms")
