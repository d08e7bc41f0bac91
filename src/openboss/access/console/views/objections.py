"""Objections to bills: the list with what waits, taking one at a bill, and the decision (D8.12)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from openboss.access.console import formats, words
from openboss.access.console.lists import Column, Filter, ListScreen, Paging, Rows, show_list
from openboss.access.console.memory_rows import rows_in_memory
from openboss.access.console.session import needs, staff_of
from openboss.access.console.views.adjustments import account_url
from openboss.access.console.views.audit import staff_name
from openboss.access.console.views.money import carried_out, fen_of, second_person
from openboss.access.console.views.pay import serial_no
from openboss.access.jobs import clock
from openboss.modules.catalog import functions as catalog
from openboss.modules.receivables.functions.objections import ObjectionTooLate, ObjectionView, list_objections
from openboss.processes import objections as process


def item_names() -> dict[int, str]:
    """What the items of bills are called."""
    return {one.item_id: formats.named(one) for one in catalog.bill_item_types()}


def bill_url(row: ObjectionView) -> str:
    """Where the bill of an objection is."""
    return reverse("console:bill", args=[row.bill_id])


def _fetch(filters: dict[str, str], sort: str, paging: Paging) -> Rows:
    tests: dict[str, Callable[[Any, str], bool]] = {
        "state": lambda row, state: row.state == state,
        "account": lambda row, text: str(row.account_id) == text,
        "bill": lambda row, text: str(row.bill_id) == text,
    }
    return rows_in_memory(list_objections(), tests, filters, sort, paging)


@require_GET
@needs("receivables.view")
def objections(request: HttpRequest) -> HttpResponseBase:
    """Objections that wait for a decision, and what came of the others."""
    names = item_names()
    waiting = [
        {"row": one, "item": names[one.item_id], "who": staff_name(one.opened_by)}
        for one in list_objections(state="OPEN")
    ]
    screen = ListScreen(
        name="objections",
        title=gettext_lazy("Objections to bills"),
        columns=(
            Column("objection_id", gettext_lazy("No."), "number", sort=True),
            Column("state", gettext_lazy("State"), "word:objection_state", sort=True, sub=lambda row: row.answer),
            Column("account_id", gettext_lazy("Account"), "number", sort=True, link=account_url),
            Column("bill_id", gettext_lazy("Bill"), "number", sort=True, link=bill_url),
            Column("item_id", gettext_lazy("Item"), read=lambda row: names[row.item_id]),
            Column("reason", gettext_lazy("Reason")),
            Column("opened_at", gettext_lazy("When"), "moment", sort=True, sub=lambda row: staff_name(row.opened_by)),
            Column("decided_by", gettext_lazy("Decided by"), read=_decider),
            Column("objected_fen", gettext_lazy("Objected to"), "fen", sort=True),
            Column("over_fen", gettext_lazy("Over-charged"), "fen"),
            Column("returned_fen", gettext_lazy("Given back"), "fen"),
        ),
        filters=(
            Filter("state", gettext_lazy("State"), "choice", words.choices("objection_state")),
            Filter("account", gettext_lazy("Account"), "search"),
            Filter("bill", gettext_lazy("Bill"), "search"),
        ),
        fetch=_fetch,
        default_sort="-objection_id",
        empty=gettext_lazy("Nobody has objected to a bill. An objection is taken on the page of the bill (F4)."),
        template="objections.html",
        context={"waiting": waiting},
    )
    return show_list(request, screen, active="console:objections")


def _decider(row: ObjectionView) -> str:
    return staff_name(row.decided_by) if row.decided_by else ""


@require_POST
@needs("receivables.collect")
def take(request: HttpRequest, bill_id: int) -> HttpResponse:
    """Take an objection to an item of a bill."""
    post, back = request.POST, redirect("console:bill", bill_id)
    user, _dash, item = post.get("item", "").partition("-")
    reason = post.get("reason", "").strip()
    if not reason or not (user.isdecimal() and item.isdecimal()):
        messages.error(request, _("Choose the item, and write down what the customer says."))
        return back

    def take_it() -> object:
        return process.take(
            bill_id=bill_id,
            subscriber_id=int(user),
            item_id=int(item),
            objected_fen=fen_of(post.get("amount", "")),
            reason=reason,
            serial_no=post.get("serial_no", "")[:60] or serial_no(),
            at=clock.now(),
            staff_id=staff_of(request).staff_id,
        )

    try:
        taken = carried_out(request, take_it)
    except ObjectionTooLate as late:
        messages.error(request, _("Objections to this bill were accepted until %s; that is over.") % late)
        return back
    if taken is not None:
        messages.success(request, _("Taken. Nobody is stopped for arrears while it is looked into."))
    return back


@require_POST
@needs("receivables.adjust")
def decide(request: HttpRequest, objection_id: int) -> HttpResponse:
    """Confirm that it was our fault, which gives the double back, or reject with the reason the customer is told."""
    post, back = request.POST, redirect("console:objections")
    answer = post.get("answer", "").strip()
    if not answer:
        messages.error(request, _("Say what was found; the customer is told."))
        return back
    who: dict[str, Any] = {"objection_id": objection_id, "at": clock.now(), "staff_id": staff_of(request).staff_id}
    if post.get("decision") == "reject":
        if carried_out(request, lambda: process.reject(answer=answer, **who)) is not None:
            messages.success(request, _("Rejected; the customer is told why."))
        return back
    done = carried_out(
        request,
        lambda: process.confirm(
            over_fen=fen_of(post.get("over", "")), answer=answer, approved_by=second_person(request), **who
        ),
    )
    if done is not None:
        messages.success(request, _("¥%s were put into the account.") % formats.yuan_of_fen(done.returned_fen))
    return back
