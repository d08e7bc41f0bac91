"""What leaves the house by message: to handsets, staff and the network; what waits, what arrived, what is dead."""

from __future__ import annotations

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET

from openboss.access.console import words
from openboss.access.console.lists import Column, Filter, ListScreen, Paging, Rows, show_list
from openboss.access.console.session import needs
from openboss.modules.customers.functions import mask_number
from openboss.modules.system import functions as system
from openboss.modules.system.functions import Message


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


SCREEN = ListScreen(
    name="messages",
    title=_("Messages sent out"),
    columns=(
        Column("outbox_id", _("No."), "number"),
        Column("topic", _("To whom"), "word:topic", sub=_to),
        Column("template", _("What"), read=lambda row: row.payload.get("template") or row.payload.get("verb", "")),
        Column("state", _("State"), "word:message_state"),
        Column("attempts", _("Attempts"), "count"),
        Column("created_at", _("Written"), "moment"),
        Column("sent_at", _("Arrived"), "moment"),
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
    empty=_("No message was written yet."),
)


@require_GET
@needs("jobs.view")
def messages(request: HttpRequest) -> HttpResponseBase:
    """Messages of the outbox, newest first; a dead one says why it did not arrive."""
    return show_list(request, SCREEN, active="console:messages")
