"""Sessions of live charging, found by number, by their name or by state."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from openboss.access.console import formats, words
from openboss.access.console.lists import Column, Filter, ListScreen, Paging, Rows, show_list
from openboss.access.console.memory_rows import rows_in_memory
from openboss.access.console.session import needs, staff_of
from openboss.access.console.views.live_services import used_text
from openboss.access.jobs import clock
from openboss.modules.charging.functions.watching import NoAnswer, find_sessions
from openboss.modules.customers import functions as customers
from openboss.modules.customers.functions import SubscriberUnknown

MOST_NAME = 500


def _found(filters: dict[str, str]) -> tuple[list[dict[str, Any]], int]:
    """Sessions that fit, with the numbers of their users. Raises NoAnswer, SubscriberUnknown."""
    asked: dict[str, Any] = {"life": filters.get("life", ""), "name": filters.get("name", "")[:MOST_NAME]}
    if number := filters.get("number"):
        asked["subscriber_id"] = customers.subscriber_of_number(number=customers.read_number(number), at=clock.now())
    found = find_sessions(**asked)
    users = sorted({one["subscriber_id"] for one in found["sessions"]})
    numbers = customers.numbers_of_subscribers(subscriber_ids=users, at=clock.now())
    return [
        {
            **one,
            "number": numbers.get(one["subscriber_id"], ""),
            "requests": one["requests"] + 1,
            "began_at": datetime.fromtimestamp(one["began_at_s"], UTC) if one["began_at_s"] else None,
            "touched_at": datetime.fromtimestamp(one["touched_at_s"], UTC),
            "used": used_text(one["used_s"], one["used_octets"], one["used_units"]) if one["services"] else "",
        }
        for one in found["sessions"]
    ], found["total"]


@require_GET
@needs("charging.monitor")
def sessions(request: HttpRequest) -> HttpResponseBase:
    """Sessions that go on, fell silent or ended lately; a row leads to the steps of its user."""
    may_follow = "charging.trace" in staff_of(request).rights

    def fetch(filters: dict[str, str], sort: str, paging: Paging) -> Rows:
        try:
            rows, total = _found(filters)
        except NoAnswer:
            messages.error(request, _("Charging does not answer. Is its process running? “openboss doctor” says."))
            return [], 0, {}
        except SubscriberUnknown:
            messages.error(request, _("No user has this number. Check it digit by digit."))
            return [], 0, {}
        shown, kept, sums = rows_in_memory(rows, {}, {}, sort, paging, sums=["act_li", "reserved_li"])
        if total > kept:
            told = {"shown": formats.count(kept), "total": formats.count(total)}
            messages.info(request, _("The %(shown)s heard of last are shown, of %(total)s.") % told)
        return shown, kept, sums

    def place(row: Any) -> str | None:
        return reverse("console:steps", args=[row["subscriber_id"]]) if may_follow else None

    screen = ListScreen(
        name="charging-sessions",
        title=gettext_lazy("Live sessions"),
        columns=(
            Column("number", gettext_lazy("Number"), "nowrap", read=_masked, link=place),
            Column("life", gettext_lazy("State"), "word:session_state", sort=True),
            Column("record_type", gettext_lazy("Service"), "word:record_type", sort=True),
            Column("began_at", gettext_lazy("Began"), "moment", sort=True),
            Column("touched_at", gettext_lazy("Heard last"), "moment", sort=True),
            Column("requests", gettext_lazy("Requests"), "count", sort=True),
            Column("used", gettext_lazy("Used")),
            Column("act_li", gettext_lazy("Charged so far"), "li", sort=True),
            Column("reserved_li", gettext_lazy("Kept for quotas"), "li", sort=True),
            Column("result", gettext_lazy("Last answer"), "word:charging_result"),
            Column("session", gettext_lazy("Name in charging"), "nowrap", hidden=True),
        ),
        filters=(
            Filter("number", gettext_lazy("Number"), "search"),
            Filter("name", gettext_lazy("Session-Id"), "search"),
            Filter("life", gettext_lazy("State"), "choice", words.choices("session_state")),
        ),
        fetch=fetch,
        default_sort="-touched_at",
        row_link=place,
        empty=gettext_lazy(
            "No session fits. Ended ones are kept here for a while only; their records are in the detail list."
        ),
    )
    return show_list(request, screen, active="console:sessions")


def _masked(row: Any) -> str:
    return formats.masked_phone(row["number"])
