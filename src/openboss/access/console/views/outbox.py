"""What leaves the house by message: to handsets, staff and the network; what waits, what arrived, what is dead."""

from __future__ import annotations

from typing import Any

from django.contrib import messages as notes
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_POST

from openboss.access.console import formats, words
from openboss.access.console.lists import Column, Filter, ListScreen, Paging, Rows, show_list
from openboss.access.console.page import page
from openboss.access.console.session import needs, staff_of
from openboss.access.jobs import clock
from openboss.modules.customers.functions import mask_number
from openboss.modules.system import functions as system
from openboss.modules.system.functions import Message

OPEN = ("WAITING", "FAILED")
NOT_SHOWN = ("secret", "text", "number", "msisdn")  # codes and what customers read; whom it is for stands masked


def _fetch(filters: dict[str, str], sort: str, paging: Paging) -> Rows:
    del sort
    rows, total = system.list_messages(
        topic=filters.get("topic", ""), state=filters.get("state", ""), page=paging.number, page_size=paging.size
    )
    return rows, total, {}


def _to(row: Message) -> str:
    """Whom it is for, a number masked."""
    number = str(row.payload.get("number") or row.payload.get("msisdn"))
    return mask_number(int(number)) if number.isdecimal() else str(row.payload.get("org", ""))


def _place(row: Message) -> str:
    return reverse("console:message", args=[row.outbox_id])


SCREEN = ListScreen(
    name="messages",
    title=_("Messages sent out"),
    columns=(
        Column("outbox_id", _("No."), "number", link=_place),
        Column("topic", _("To whom"), "word:topic", sub=_to),
        Column("template", _("What"), read=lambda row: row.payload.get("template") or row.payload.get("verb", "")),
        Column("state", _("State"), "word:message_state"),
        Column("attempts", _("Attempts"), "count"),
        Column("created_at", _("Written"), "moment"),
        Column("sent_at", _("Arrived at"), "moment"),
        Column(
            "next_try_at", _("Next try"), "moment", read=lambda row: row.next_try_at if row.state == "WAITING" else None
        ),
        Column("last_error", _("Why not")),
    ),
    filters=(
        Filter("topic", _("To whom"), "choice", words.choices("topic")),
        Filter("state", _("State"), "choice", words.choices("message_state")),
    ),
    fetch=_fetch,
    row_link=_place,
    empty=_("No message was written yet."),
)


@require_GET
@needs("jobs.view")
def messages(request: HttpRequest) -> HttpResponseBase:
    """Messages of the outbox, newest first; a dead one says why it did not arrive."""
    return show_list(request, SCREEN, active="console:messages")


def _message(outbox_id: int) -> Message:
    found = system.message(outbox_id=outbox_id)
    if found is None:
        raise Http404
    return found


def _said(name: str, value: object) -> tuple[str, object]:
    """A part of a message; amounts in yuan."""
    if name.endswith("_fen") and isinstance(value, int):
        return name.removesuffix("_fen"), formats.yuan_of_fen(value)
    return name, value


@require_GET
@needs("jobs.view")
def message(request: HttpRequest, outbox_id: int) -> HttpResponse:
    """One message: where it stands and why, what it holds back, and what can be done about it."""
    found = _message(outbox_id)
    behind = 0
    if found.order_key:
        rows, _count = system.list_messages(
            topic=found.topic, order_key=found.order_key, state="WAITING", page_size=500
        )
        behind = sum(row.outbox_id > outbox_id for row in rows)
    said = {name: value for name, value in found.payload.items() if name not in (*NOT_SHOWN, "values")}
    said |= found.payload.get("values") or {}
    return page(
        request,
        "message.html",
        {
            "message": found,
            "to": _to(found),
            "said": [_said(name, value) for name, value in sorted(said.items())],
            "behind": behind,
            "may_act": found.state in OPEN and "system.admin" in staff_of(request).rights,
            "active": "console:messages",
        },
    )


@require_POST
@needs("system.admin")
def message_act(request: HttpRequest, outbox_id: int) -> HttpResponse:
    """Let a message try again at once, or decide that it is not sent; the reason is kept in the audit log."""
    _message(outbox_id)
    known: dict[str, Any] = {"outbox_id": outbox_id, "at": clock.now(), "staff_id": staff_of(request).staff_id}
    reason = request.POST.get("reason", "").strip()[:200]
    try:
        if request.POST.get("action") == "again":
            system.send_again(reason=reason, **known)
            notes.success(request, gettext("The message tries again now."))
        elif reason:
            system.drop_message(reason=reason, **known)
            notes.success(request, gettext("The message is not sent; those behind it may go."))
        else:
            notes.error(request, gettext("Say why it shall not be sent."))
    except system.MessageUnknown:
        notes.error(request, gettext("It has arrived or was dropped meanwhile."))
    return redirect("console:message", outbox_id)
