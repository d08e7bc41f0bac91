"""Debts given to collection agencies and to court: cases, the files that go out, and the answers (BMC-04, D8.11)."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from openboss.access.console import words
from openboss.access.console.lists import Column, Filter, ListScreen, Paging, Rows, show_list
from openboss.access.console.memory_rows import rows_in_memory
from openboss.access.console.page import part
from openboss.access.console.session import needs, staff_of
from openboss.access.console.views.adjustments import account_url
from openboss.access.console.views.debit import keep_upload, start_run
from openboss.access.jobs import bank_files, clock
from openboss.modules.receivables.functions import collection_cases, long_runs
from openboss.modules.system import functions as system

MOST = 5000
KINDS = ["AGENCY_FILE", "AGENCY_ANSWER"]
AGENCY_CODE = 16


def _fetch(filters: dict[str, str], sort: str, paging: Paging) -> Rows:
    tests = {
        "state": lambda row, state: row.state == state,
        "stage": lambda row, stage: row.stage == stage,
        "agency": lambda row, text: row.agency.startswith(text.upper()),
        "account": lambda row, text: str(row.account_id) == text,
    }
    rows = collection_cases.list_cases(state=filters.get("state"), limit=MOST)
    return rows_in_memory(rows, tests, filters, sort, paging, sums=["asked_fen", "collected_fen"])


def _bill_url(row: Any) -> str:
    return reverse("console:bill", args=[row.bill_id])


def _screen(context: dict[str, Any]) -> ListScreen:
    return ListScreen(
        name="agency-cases",
        title=gettext_lazy("Debts given to agencies and to court"),
        columns=(
            Column("case_id", gettext_lazy("Case"), "number", sort=True),
            Column("stage", gettext_lazy("Stage"), "word:case_stage", sort=True),
            Column("agency", gettext_lazy("Agency"), sort=True),
            Column("account_id", gettext_lazy("Account"), "number", sort=True, link=account_url),
            Column("bill_id", gettext_lazy("Bill"), "number", sort=True, link=_bill_url),
            Column("opened_at", gettext_lazy("Given on"), "moment", sort=True),
            Column("state", gettext_lazy("State"), "word:case_state", sort=True),
            Column("result", gettext_lazy("Result"), "word:case_result", sort=True),
            Column("asked_fen", gettext_lazy("Asked for"), "fen", sort=True),
            Column("collected_fen", gettext_lazy("Collected"), "fen", sort=True),
        ),
        filters=(
            Filter("state", gettext_lazy("State"), "choice", words.choices("case_state")),
            Filter("stage", gettext_lazy("Stage"), "choice", words.choices("case_stage")),
            Filter("agency", gettext_lazy("Agency"), "search"),
            Filter("account", gettext_lazy("Account"), "search"),
        ),
        fetch=_fetch,
        default_sort="-case_id",
        row_link=account_url,
        empty=gettext_lazy("Nothing was given to an agency yet."),
        template="agencies.html",
        context=context,
    )


def _files() -> list[dict[str, Any]]:
    """The files that went out and are not answered whole, each once."""
    cases = collection_cases.list_cases(state="OUT", limit=MOST)
    out = sorted({(one.agency, one.file_no) for one in cases if one.file_no})
    return [{"agency": agency, "file_no": file_no} for agency, file_no in out]


@require_GET
@needs("receivables.view")
def agencies(request: HttpRequest) -> HttpResponseBase:
    """Cases with agencies and courts, what waits for a file, and what an agency has answered."""
    follow = {"long_runs": long_runs.list_long_runs(kinds=KINDS, limit=3), "follow": reverse("console:agencies")}
    if request.htmx:
        return part(request, "long_runs.html", follow)
    waiting = sorted({one.agency for one in collection_cases.list_cases(state="WAITING", limit=MOST)})
    return show_list(request, _screen({**follow, "waiting": waiting, "files": _files()}), active="console:agencies")


@require_POST
@needs("receivables.close")
def make(request: HttpRequest) -> HttpResponse:
    """Let the worker put the cases that wait for an agency into its next file."""
    agency = request.POST.get("agency", "").strip().upper()[:AGENCY_CODE]
    if not agency:
        raise Http404
    start_run(request, "AGENCY_FILE", agency, {"agency": agency})
    return redirect("console:agencies")


def _known_file(agency: str, file_no: int) -> None:
    if {"agency": agency, "file_no": file_no} not in _files():
        raise Http404


@require_GET
@needs("receivables.close")
def download(request: HttpRequest, agency: str, file_no: int) -> HttpResponseBase:
    """The file for an agency; the download is logged."""
    _known_file(agency, file_no)
    path = bank_files.file_of(agency, file_no, "txt")
    if not path.exists():
        raise Http404
    system.record_audit(
        staff_id=staff_of(request).staff_id,
        action="receivables.agency_file_taken",
        object_kind="agency",
        object_id=agency,
        at=clock.now(),
        after={"file_no": file_no},
    )
    return FileResponse(path.open("rb"), as_attachment=True, filename=path.name)


@require_POST
@needs("receivables.close")
def answer(request: HttpRequest, agency: str, file_no: int) -> HttpResponse:
    """Take the agency's answer: whole or not at all, by the worker."""
    _known_file(agency, file_no)
    path = bank_files.file_of(agency, file_no, "answer")
    if not keep_upload(request, path):
        messages.error(request, _("Choose the agency's file."))
        return redirect("console:agencies")
    given = {"agency": agency, "file_no": file_no, "file": path.name}
    start_run(request, "AGENCY_ANSWER", f"{agency} {file_no}", given)
    return redirect("console:agencies")
