"""The error pool: look, correct in bulk, recycle, write off with the approval of another person (CHG-08)."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_GET, require_POST

from openboss.access.console import words
from openboss.access.console.lists import Column, Filter, ListScreen, Paging, Rows, show_list
from openboss.access.console.session import needs, staff_of
from openboss.access.console.views.audit import staff_name
from openboss.access.console.views.collection import code_name
from openboss.access.jobs import clock
from openboss.modules.charging.functions import errors as pool
from openboss.modules.charging.functions.errors import FIELDS, NotCorrectable, NotRequested, OwnRequest
from openboss.modules.customers.functions import mask_number
from openboss.processes.rate_usage import recycle_errors

OPEN = ("OPEN", "CORRECTED")
FILTER_KEYS = ("code", "state", "stage", "source", "file_id", "served_number")


def _asked(filters: dict[str, str] | QueryDict) -> dict[str, Any]:
    """The filters of an address as the pool understands them; a number that is none finds nothing."""
    asked: dict[str, Any] = {key: filters[key] for key in FILTER_KEYS if filters.get(key)}
    if "file_id" in asked:
        asked["file_id"] = int(asked["file_id"]) if str(asked["file_id"]).isdecimal() else 0
    if str(asked.get("served_number", "")).isdecimal() and len(asked["served_number"]) == 11:
        asked["served_number"] = f"86{asked['served_number']}"
    return asked


def _fetch(filters: dict[str, str], sort: str, paging: Paging) -> Rows:
    rows, total = pool.list_errors(filters=_asked(filters), sort=sort, page=paging.number, page_size=paging.size)
    return rows, total, {}


def _masked(number: str) -> str:
    digits = number.removeprefix("+").removeprefix("00")
    return mask_number(int(digits)) if digits.isascii() and digits.isdecimal() else number


def _record_text(row: Any) -> str:
    """The fields of a record that say something, in the order of the format; numbers of people masked."""
    hidden = ("other_party", "third_party", "served_imsi")
    record = {name: str(row["record"].get(name) or "") for name in (*FIELDS, *row["record"]) if name != "served_number"}
    shown = [(name, _masked(value) if name in hidden else value) for name, value in record.items() if value.strip("0")]
    return " ".join(f"{name}={value}" for name, value in shown)[:200]


def _screen(context: dict[str, Any]) -> ListScreen:
    codes = tuple((code, f"{code} {code_name(code)}") for code in sorted({row["code"] for row in pool.error_summary()}))
    return ListScreen(
        name="errors",
        title=gettext_lazy("Error pool"),
        columns=(
            Column("error_id", gettext_lazy("No."), "number", sort=True),
            Column("code", gettext_lazy("Cause"), sort=True, sub=lambda row: code_name(row["code"])),
            Column("state", gettext_lazy("State"), "word:error_state", sort=True),
            Column("served_number", gettext_lazy("Number"), read=lambda row: _masked(row["served_number"])),
            Column(
                "file_name",
                gettext_lazy("File"),
                link=lambda row: reverse("console:file", args=[row["file_id"]]),
                sub=lambda row: f"{row['source']} · {row['seq_in_file']}",
            ),
            Column("stage", gettext_lazy("Stage"), "word:stage", hidden=True),
            Column("recycles", gettext_lazy("Recycled"), "count", sort=True),
            Column("record", gettext_lazy("Record"), "wide", read=_record_text),
            Column("created_at", gettext_lazy("Since"), "moment", sort=True),
            Column("changed_at", gettext_lazy("Last change"), "moment", sort=True, hidden=True),
        ),
        filters=(
            Filter("code", gettext_lazy("Cause"), "choice", codes),
            Filter("state", gettext_lazy("State"), "choice", words.choices("error_state")),
            Filter("source", gettext_lazy("Source")),
            Filter("served_number", gettext_lazy("Number"), "search"),
            Filter("file_id", gettext_lazy("File no."), "number"),
        ),
        fetch=_fetch,
        default_sort="-error_id",
        row_id=lambda row: row["error_id"],
        empty=gettext_lazy("The pool is empty: every record was rated."),
        template="errors.html",
        tools="console/errors_tools.html",
        context=context,
    )


def _summary() -> list[dict[str, Any]]:
    """Open records by cause, the most frequent first."""
    counted: Counter[str] = Counter()
    for row in pool.error_summary():
        if row["state"] in OPEN:
            counted[row["code"]] += row["records"]
    return [{"code": code, "name": code_name(code), "records": n} for code, n in counted.most_common(6)]


def open_errors() -> int:
    """How many records wait in the pool."""
    return sum(row["records"] for row in pool.error_summary() if row["state"] in OPEN)


@require_GET
@needs("charging.errors")
def errors(request: HttpRequest) -> HttpResponse:
    """The pool with its causes, and the write-offs that wait for a second person."""
    requests = [
        {**batch, "asked_by": staff_name(batch["requested_by"])}
        for batch in pool.list_batches(state="REQUESTED")
        if batch["kind"] == "WRITE_OFF"
    ]
    query = "&".join(f"{key}={value}" for key, value in request.GET.items() if key in FILTER_KEYS)
    context = {"summary": _summary(), "requests": requests, "fields": FIELDS, "view_query": query}
    return show_list(request, _screen(context), active="console:errors")


def _chosen(request: HttpRequest) -> dict[str, Any]:
    """Which records a bulk action means: the ticked ones, or everything the filter shows."""
    if request.POST.get("scope") == "filter":
        return _asked(QueryDict(request.POST.get("view", "")))
    return {"error_ids": [int(row) for row in request.POST.getlist("row") if row.isdecimal()]}


@require_POST
@needs("charging.errors")
def act(request: HttpRequest) -> HttpResponse:
    """Do one bulk action on the chosen records and say what came of it."""
    back = redirect(f"{reverse('console:errors')}?{request.POST.get('view', '')}")
    action, reason = request.POST.get("action", ""), request.POST.get("reason", "").strip()
    chosen, staff_id, at = _chosen(request), staff_of(request).staff_id, clock.now()
    if action in ("correct", "write_off") and not reason:
        messages.error(request, _("Give a reason; it stays with the records."))
    elif action == "correct":
        _correct(request, chosen, reason)
    elif action == "write_off":
        pool.request_write_off(filters=chosen, reason=reason, staff_id=staff_id, at=at)
        messages.success(request, _("Asked for. Another person with the right must approve it."))
    elif action == "recycle":
        done = recycle_errors(
            filters=chosen, timezone=settings.TIME_ZONE, lake_dir=settings.LAKE_DIR, now=at, staff_id=staff_id
        )
        level = messages.success if not done.still_failing else messages.warning
        text = _("%(n)d records go to rating again; %(m)d still fail and stay in the pool.")
        level(request, text % {"n": done.recycled, "m": done.still_failing})
    return back


def _correct(request: HttpRequest, chosen: dict[str, Any], reason: str) -> None:
    try:
        touched = pool.correct_errors(
            filters=chosen,
            field=request.POST.get("field", ""),
            value=request.POST.get("value", "").strip(),
            reason=reason,
            staff_id=staff_of(request).staff_id,
            at=clock.now(),
        )
    except NotCorrectable:
        messages.error(request, _("This field cannot be corrected. Choose one of the list."))
    else:
        text = ngettext("%d record corrected. Recycle it next.", "%d records corrected. Recycle them next.", touched)
        messages.success(request, text % touched)


@require_POST
@needs("charging.writeoff")
def decide(request: HttpRequest, batch_id: int) -> HttpResponse:
    """Approve or refuse a write-off as the second person."""
    approved = request.POST.get("decision") == "approve"
    try:
        records = pool.decide_write_off(
            batch_id=batch_id, approved=approved, staff_id=staff_of(request).staff_id, at=clock.now()
        )
    except OwnRequest:
        messages.error(request, _("You asked for this write-off yourself; another person must decide."))
    except NotRequested:
        messages.error(request, _("This write-off was decided already."))
    else:
        text = _("%d records written off.") if approved else _("Refused; %d records are open again.")
        messages.success(request, text % records)
    return redirect("console:errors")
