"""Work lists of four eyes: refunds, transfers and waivers that wait, and doubtful debts to be written off."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from openboss.access.console import words
from openboss.access.console.lists import Column, Filter, ListScreen, Paging, Rows, show_list
from openboss.access.console.memory_rows import rows_in_memory
from openboss.access.console.session import needs, staff_of
from openboss.access.console.views.audit import staff_name
from openboss.access.console.views.money import carried_out
from openboss.access.console.views.pay import serial_no
from openboss.access.jobs import clock
from openboss.modules.receivables.functions import proposals


def account_url(row: Any) -> str:
    """Where the account of a row is."""
    account_id = row["account_id"] if isinstance(row, dict) else row.account_id
    return reverse("console:account", args=[account_id])


def _fetch(filters: dict[str, str], sort: str, paging: Paging) -> Rows:
    rows = proposals.list_proposals(kinds=proposals.ADJUSTMENTS, state=filters.get("state", ""))
    tests = {
        "state": lambda row, state: row.state == state,
        "kind": lambda row, kind: row.kind == kind,
        "account": lambda row, text: str(row.account_id) == text,
    }
    return rows_in_memory(rows, tests, filters, sort, paging, sums=["amount_fen"])


def _waiting(kinds: Sequence[str], staff_id: int) -> list[dict[str, Any]]:
    """What waits, each with who asked and whether whoever looks may decide."""
    return [
        {"proposal": one, "who": staff_name(one.proposed_by), "mine": one.proposed_by == staff_id}
        for one in proposals.list_proposals(kinds=kinds, state="WAITING")
    ]


@require_GET
@needs("receivables.view")
def adjustments(request: HttpRequest) -> HttpResponseBase:
    """Refunds, transfers and waivers that were proposed: what waits for a second person, and what was decided."""
    kinds = [one for one in words.choices("proposal") if one[0] in proposals.ADJUSTMENTS]
    screen = ListScreen(
        name="adjustments",
        title=gettext_lazy("Refunds and adjustments"),
        columns=(
            Column("proposal_id", gettext_lazy("No."), "number", sort=True),
            Column("kind", gettext_lazy("What"), "word:proposal", sort=True),
            Column("state", gettext_lazy("State"), "word:proposal_state", sort=True, sub=lambda row: row.answer),
            Column("account_id", gettext_lazy("Account"), "number", sort=True, link=account_url),
            Column("reason", gettext_lazy("Reason")),
            Column("proposed_by", gettext_lazy("Proposed by"), read=lambda row: staff_name(row.proposed_by)),
            Column("proposed_at", gettext_lazy("When"), "moment", sort=True),
            Column("decided_by", gettext_lazy("Decided by"), read=_decider),
            Column("amount_fen", gettext_lazy("Amount"), "fen", sort=True),
        ),
        filters=(
            Filter("state", gettext_lazy("State"), "choice", words.choices("proposal_state")),
            Filter("kind", gettext_lazy("What"), "choice", kinds),
            Filter("account", gettext_lazy("Account"), "search"),
        ),
        fetch=_fetch,
        default_sort="-proposal_id",
        empty=gettext_lazy("Nothing was proposed yet. Propose on the page of an account (F3, F4, F9)."),
        template="proposals.html",
        context={"waiting": _waiting(proposals.ADJUSTMENTS, staff_of(request).staff_id)},
    )
    return show_list(request, screen, active="console:adjustments")


def _decider(row: proposals.ProposalView) -> str:
    return staff_name(row.decided_by) if row.decided_by else ""


def _fetch_doubtful(filters: dict[str, str], sort: str, paging: Paging) -> Rows:
    rows = proposals.bad_debts(at=clock.now()).to_dicts()
    tests = {
        "ready": lambda row, ready: row["may_be_bad"] == (ready == "yes"),
        "account": lambda row, text: str(row["account_id"]) == text,
    }
    return rows_in_memory(rows, tests, filters, sort, paging, sums=["open_fen"])


@require_GET
@needs("receivables.view")
def bad_debt(request: HttpRequest) -> HttpResponseBase:
    """Doubtful debts, those old and dunned enough to be written off, and the write-offs that wait (ACM-13, ACM-14)."""
    ready = (("yes", gettext_lazy("may be written off")), ("no", gettext_lazy("not yet")))
    screen = ListScreen(
        name="bad-debt",
        title=gettext_lazy("Doubtful and bad debt"),
        columns=(
            Column(
                "bill_id", gettext_lazy("Bill"), "number", sort=True,
                link=lambda row: reverse("console:bill", args=[row["bill_id"]]),
            ),
            Column("account_id", gettext_lazy("Account"), "number", sort=True, link=account_url),
            Column("due_on", gettext_lazy("Due"), "day", sort=True),
            Column("reminders", gettext_lazy("Reminders"), "count", sort=True),
            Column(
                "may_be_bad", gettext_lazy("Write-off"), sort=True,
                read=lambda row: str(ready[0][1] if row["may_be_bad"] else ready[1][1]),
            ),
            Column("open_fen", gettext_lazy("Still open"), "fen", sort=True),
        ),  # fmt: skip
        filters=(
            Filter("ready", gettext_lazy("Write-off"), "choice", ready),
            Filter("account", gettext_lazy("Account"), "search"),
        ),
        fetch=_fetch_doubtful,
        default_sort="due_on",
        row_id=lambda row: row["bill_id"],
        empty=gettext_lazy("No debt is doubtful."),
        template="bad_debt.html",
        tools="console/bad_debt_tools.html",
        context={
            "waiting": _waiting([proposals.WRITE_OFF], staff_of(request).staff_id),
            "decided": [one for one in proposals.list_proposals(kinds=[proposals.WRITE_OFF], state="", limit=20)
                        if one.state != "WAITING"],
        },
    )  # fmt: skip
    return show_list(request, screen, active="console:bad_debt")


@require_POST
@needs("receivables.adjust")
def propose_write_off(request: HttpRequest) -> HttpResponse:
    """Propose to write chosen doubtful debts off, for a reason; another person decides."""
    reason, chosen = request.POST.get("reason", "").strip(), set(request.POST.getlist("row"))
    if not reason or not chosen:
        messages.error(request, _("Choose debts and say why they will not be paid."))
        return redirect("console:bad_debt")
    made = 0
    for row in proposals.bad_debts(at=clock.now()).filter(may_be_bad=True).iter_rows(named=True):
        if str(row["bill_id"]) in chosen:
            wanted = {"bill_id": row["bill_id"], "account_id": row["account_id"], "amount_fen": row["open_fen"]}
            made += _proposed(request, proposals.WRITE_OFF, reason, serial_no(), **wanted)
    if made:
        messages.success(request, _("%s proposed; another person decides.") % made)
    else:
        messages.error(request, _("None of them is old and dunned enough to be written off."))
    return redirect("console:bad_debt")


def _proposed(request: HttpRequest, kind: str, reason: str, number: str, **content: Any) -> bool:
    """Write a proposal down; what is refused is said in words."""
    who: dict[str, Any] = {"at": clock.now(), "staff_id": staff_of(request).staff_id}
    done = carried_out(request, lambda: proposals.propose(kind=kind, reason=reason, serial_no=number, **content, **who))
    return done is not None


@require_POST
@needs("receivables.approve")
def decide(request: HttpRequest, proposal_id: int) -> HttpResponse:
    """Agree to a proposal, which carries it out, or refuse it with a reason; never one's own."""
    who: dict[str, Any] = {"proposal_id": proposal_id, "at": clock.now(), "staff_id": staff_of(request).staff_id}
    answer = request.POST.get("answer", "").strip()
    approves = request.POST.get("decision") == "approve"
    back = "console:bad_debt" if request.POST.get("from") == "bad_debt" else "console:adjustments"
    if not approves and not answer:
        messages.error(request, _("Say why it is refused."))
        return redirect(back)
    done = carried_out(
        request, lambda: proposals.approve(**who) if approves else proposals.refuse(answer=answer, **who)
    )
    if done is not None:
        text = _("Approved and entered in the ledger.") if approves else _("Refused.")
        messages.success(request, text)
    return redirect(back)
