"""Direct debit: runs to banks as jobs, their files, the banks' answers, and mandates (D8.7, ACM-04, ACM-29)."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST
from procrastinate.contrib.django import app

from openboss.access.console import words
from openboss.access.console.lists import Column, Filter, ListScreen, Paging, Rows, show_list
from openboss.access.console.memory_rows import rows_in_memory
from openboss.access.console.page import part
from openboss.access.console.session import needs, staff_of
from openboss.access.console.views.adjustments import account_url
from openboss.access.console.views.money import account_of, carried_out
from openboss.access.jobs import bank_files, clock
from openboss.modules.receivables.functions import debit_lists, direct_debit, long_runs
from openboss.modules.system import functions as system

ANSWER_LIMIT = 512 * 1024 * 1024  # bytes
BANK_CODE = 16
KINDS = ["DEBIT_REQUESTS", "DEBIT_ANSWER", "PAYMENT_FILE"]
COLLECTOR = re.compile(r"[A-Z0-9_]{1,16}")
PAGES = {
    "AGENCY_FILE": "console:agencies",
    "AGENCY_ANSWER": "console:agencies",
    "ASSURANCE": "console:assurance",
    "CREDIT_CONTROL": "console:dunning",
}


def _run_url(row: Any) -> str:
    return reverse("console:debit_run", args=[row.run_id])


def _fetch(filters: dict[str, str], sort: str, paging: Paging) -> Rows:
    tests = {
        "bank": lambda row, text: row.bank.startswith(text.upper()),
        "state": lambda row, state: (row.answered_at is None) == (state == "out"),
    }
    return rows_in_memory(debit_lists.run_sums(), tests, filters, sort, paging)


def _screen(context: dict[str, Any]) -> ListScreen:
    states = (("out", gettext_lazy("with the bank")), ("answered", gettext_lazy("answered")))
    return ListScreen(
        name="debit-runs",
        title=gettext_lazy("Direct debit"),
        columns=(
            Column("run_id", gettext_lazy("Run"), "number", sort=True, link=_run_url),
            Column("bank", gettext_lazy("Bank"), sort=True),
            Column("sequence", gettext_lazy("Sequence"), "number", sort=True),
            Column("run_on", gettext_lazy("Day"), "day", sort=True),
            Column("requests", gettext_lazy("Requests"), "count", sort=True),
            Column("asked_fen", gettext_lazy("Asked for"), "fen", sort=True),
            Column("paid", gettext_lazy("Paid (number)"), "count", sort=True),
            Column("paid_fen", gettext_lazy("Paid (amount)"), "fen", sort=True),
            Column("answered_at", gettext_lazy("Answered at"), "moment", sort=True),
        ),
        filters=(
            Filter("bank", gettext_lazy("Bank"), "search"),
            Filter("state", gettext_lazy("State"), "choice", states),
        ),
        fetch=_fetch,
        default_sort="-run_id",
        row_link=_run_url,
        empty=gettext_lazy("Nothing was asked of a bank yet."),
        template="debit.html",
        context=context,
    )


@require_GET
@needs("receivables.view")
def debit(request: HttpRequest) -> HttpResponseBase:
    """Runs of direct debit, the newest first, with what is under way."""
    follow = {
        "long_runs": [_followed(one) for one in long_runs.list_long_runs(kinds=KINDS, limit=5)],
        "follow": reverse("console:debit"),
    }
    if request.htmx:
        return part(request, "long_runs.html", follow)
    context = {
        **follow,
        "banks": debit_lists.banks_with_mandates(),
        "next_on": direct_debit.next_run_on(after=clock.today(), at=clock.now()),
    }
    return show_list(request, _screen(context), active="console:debit")


def _followed(one: long_runs.LongRunView) -> long_runs.LongRunView:
    """A run with how far it is; of an answer the requests themselves say it."""
    if one.kind != "DEBIT_ANSWER" or one.state != "RUNNING":
        return one
    asked = direct_debit.run_view(run_id=int(one.given["run_id"]))
    return replace(one, done=asked.answered, whole=asked.requests)


@require_POST
@needs("receivables.close")
def make(request: HttpRequest) -> HttpResponse:
    """Ask a bank for what is owed: the worker collects the requests and writes the files."""
    bank = request.POST.get("bank", "").strip().upper()[:BANK_CODE]
    if not bank:
        raise Http404
    start_run(request, "DEBIT_REQUESTS", bank, {"bank": bank})
    return redirect("console:debit")


def start_run(request: HttpRequest, kind: str, subject: str, given: dict[str, Any]) -> None:
    """Begin a long run and give it to the worker."""
    staff_id = staff_of(request).staff_id
    try:
        begun = long_runs.begin_long_run(kind=kind, subject=subject, given=given, at=clock.now(), staff_id=staff_id)
    except long_runs.RunGoesOn:
        messages.info(request, _("This is under way already."))
        return
    _defer(begun.long_run_id)
    messages.success(request, _("Started. This page follows it."))


def _defer(long_run_id: int) -> None:
    """Give a run to the worker; never two at once."""
    lock = f"money-run-{long_run_id}"
    app.configure_task("openboss.money_run", queue="billing", lock=lock).defer(long_run_id=long_run_id)


@require_POST
@needs("receivables.close")
def take_up(request: HttpRequest, long_run_id: int) -> HttpResponse:
    """Let a run that failed go on where it stopped."""
    try:
        again = long_runs.take_up_long_run(long_run_id=long_run_id)
    except long_runs.LongRunUnknown as unknown:
        raise Http404 from unknown
    except long_runs.RunGoesOn:
        messages.info(request, _("This is under way already."))
        return redirect("console:debit")
    _defer(again.long_run_id)
    return redirect(PAGES.get(again.kind, "console:debit"))


def _files(bank: str, sequence: int) -> dict[str, Path]:
    return {kind: bank_files.file_of(bank, sequence, kind) for kind in ("txt", "xml")}


def _run(run_id: int) -> Any:
    try:
        return direct_debit.run_view(run_id=run_id)
    except direct_debit.RunUnknown as unknown:
        raise Http404 from unknown


@require_GET
@needs("receivables.view")
def run(request: HttpRequest, run_id: int) -> HttpResponseBase:
    """One run: its requests and the bank's answer to each, its files, and the way the answer comes in."""
    found = _run(run_id)

    def fetch(filters: dict[str, str], sort: str, paging: Paging) -> Rows:
        del sort
        rows, total, asked_fen = debit_lists.list_requests(
            run_id=run_id,
            code=filters.get("code", ""),
            wanted=filters.get("q", ""),
            page=paging.number,
            page_size=paging.size,
        )
        return rows, total, {"asked_fen": asked_fen}

    screen = ListScreen(
        name=f"debit-{found.bank}-{found.sequence}",
        title=f"{_('Direct debit')} {found.bank} {found.sequence}",
        columns=(
            Column("contract_no", gettext_lazy("Contract")),
            Column("account_id", gettext_lazy("Account"), "number", link=account_url),
            Column("code", gettext_lazy("Answer"), "word:debit_code"),
            Column("asked_fen", gettext_lazy("Asked for"), "fen"),
        ),
        filters=(
            Filter("code", gettext_lazy("Answer"), "choice", [one for one in words.choices("debit_code") if one[0]]),
            Filter("q", gettext_lazy("Contract or account"), "search"),
        ),
        fetch=fetch,
        row_link=account_url,
        template="debit_run.html",
        context={
            "run": found,
            "files": [kind for kind, path in _files(found.bank, found.sequence).items() if path.exists()],
            "next_on": direct_debit.next_run_on(after=clock.today(), at=clock.now()),
        },
    )
    return show_list(request, screen, active="console:debit")


@require_GET
@needs("receivables.close")
def download(request: HttpRequest, run_id: int, kind: str) -> HttpResponseBase:
    """The file of a run for its bank: ours with a signature, or pain.008; it names customers: it is logged."""
    found = _run(run_id)
    path = _files(found.bank, found.sequence).get(kind)
    if path is None or not path.exists():
        raise Http404
    system.record_audit(
        staff_id=staff_of(request).staff_id,
        action="receivables.debit_file",
        object_kind="debit_run",
        object_id=run_id,
        at=clock.now(),
        after={"kind": kind, "requests": found.requests},
    )
    return FileResponse(path.open("rb"), as_attachment=True, filename=path.name)


@require_POST
@needs("receivables.close")
def answer(request: HttpRequest, run_id: int) -> HttpResponse:
    """Take the bank's answer to a run: the file is kept, the worker checks and posts it whole or not at all."""
    found = _run(run_id)
    path = bank_files.file_of(found.bank, found.sequence, "answer")
    if not keep_upload(request, path):
        messages.error(request, _("Choose the bank's file."))
        return redirect("console:debit_run", run_id)
    start_run(request, "DEBIT_ANSWER", f"{found.bank} {found.sequence}", {"run_id": run_id, "file": path.name})
    return redirect("console:debit")


@require_POST
@needs("receivables.close")
def payment_file(request: HttpRequest) -> HttpResponse:
    """Take a collector's payment file: it is kept, the worker checks it whole, posts it and writes the answer."""
    collector = request.POST.get("collector", "").strip().upper()
    path = bank_files.bank_folder(collector) / f"{clock.now():%Y%m%dT%H%M%S%f}.payments"
    if not COLLECTOR.fullmatch(collector) or collector in dict(words.choices("channel")):
        messages.error(request, _("Say which collector: its code, not one of our own channels."))
    elif not keep_upload(request, path):
        messages.error(request, _("Choose the collector's file."))
    else:
        start_run(request, "PAYMENT_FILE", collector, {"collector": collector, "file": path.name})
    return redirect("console:debit")


@require_GET
@needs("receivables.close")
def payment_result(request: HttpRequest, long_run_id: int) -> HttpResponseBase:
    """The file that tells a collector what became of each payment."""
    del request  # who may is said above
    try:
        done = long_runs.long_run(long_run_id=long_run_id)
    except long_runs.LongRunUnknown as unknown:
        raise Http404 from unknown
    if done.kind != "PAYMENT_FILE" or done.state != "DONE":
        raise Http404
    path = bank_files.bank_folder(str(done.given["collector"])) / str(done.result["answer"])
    return FileResponse(path.open("rb"), as_attachment=True, filename=path.name)


def keep_upload(request: HttpRequest, path: Path) -> bool:
    """Keep the answer that was handed in; False if there is none or it is too long."""
    sent = request.FILES.get("answer")
    if sent is None or sent.size is None or sent.size > ANSWER_LIMIT:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as kept:
        for block in sent.chunks():
            kept.write(block)
    return True


def _fetch_mandates(filters: dict[str, str], sort: str, paging: Paging) -> Rows:
    del sort
    text = filters.get("account", "")
    rows, total = debit_lists.list_mandates(
        state=filters.get("state", ""),
        bank=filters.get("bank", "").upper(),
        account_id=int(text) if text.isdecimal() else None,
        page=paging.number,
        page_size=paging.size,
    )
    return rows, total, {}


MANDATES = ListScreen(
    name="mandates",
    title=gettext_lazy("Mandates"),
    columns=(
        Column("mandate_id", gettext_lazy("No."), "number"),
        Column("contract_no", gettext_lazy("Contract")),
        Column("account_id", gettext_lazy("Account"), "number", link=account_url),
        Column("bank", gettext_lazy("Bank"), sub=lambda row: row.bank_account_masked),
        Column("state", gettext_lazy("State"), "word:mandate_state"),
        Column("since_at", gettext_lazy("Since"), "moment"),
    ),
    filters=(
        Filter("state", gettext_lazy("State"), "choice", words.choices("mandate_state")),
        Filter("bank", gettext_lazy("Bank"), "search"),
        Filter("account", gettext_lazy("Account"), "search"),
    ),
    fetch=_fetch_mandates,
    row_id=lambda row: row.mandate_id,
    empty=gettext_lazy("Nobody has given a mandate yet."),
    template="mandates.html",
    tools="console/mandate_tools.html",
)


@require_GET
@needs("receivables.view")
def mandates(request: HttpRequest) -> HttpResponseBase:
    """Mandates with their states; only confirmed ones are in a bank's file (ACM-29)."""
    return show_list(request, MANDATES, active="console:debit")


@require_POST
@needs("receivables.adjust")
def act(request: HttpRequest) -> HttpResponse:
    """Take a mandate, note that the bank confirmed it, or end it."""
    action, reason = request.POST.get("action", ""), request.POST.get("reason", "").strip()
    who: dict[str, Any] = {"at": clock.now(), "staff_id": staff_of(request).staff_id}
    chosen = [int(one) for one in request.POST.getlist("row") if one.isdecimal()]
    if action not in ("open", "verify", "end") or (action != "open" and not (chosen and reason)):
        messages.error(request, _("Choose mandates, and say what the bank said."))
        return redirect("console:mandates")

    def done() -> bool:
        if action == "open":
            direct_debit.open_mandate(**_mandate(request), **who)
        for mandate_id in chosen if action != "open" else []:
            change = direct_debit.verify_mandate if action == "verify" else direct_debit.end_mandate
            change(mandate_id=mandate_id, reason=reason, **who)
        return True

    if carried_out(request, done):
        messages.success(request, _("Done; it stands in the audit."))
    return redirect("console:mandates")


def _mandate(request: HttpRequest) -> dict[str, Any]:
    """What the form says of a new mandate. Raises CustomerUnknown."""
    fields = {name: request.POST.get(name, "").strip()[:60] for name in ("contract_no", "bank_account", "holder")}
    account_id = account_of(request.POST.get("account", ""))
    return {"account_id": account_id, "bank": request.POST.get("bank", "").strip().upper()[:BANK_CODE], **fields}
