"""Reconciliation with gateways by day: what was charged online, what is on file, and the difference."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from openboss.access.console import formats, words
from openboss.access.console.lists import Column, Filter, ListScreen, Paging, Rows, show_list
from openboss.access.console.memory_rows import rows_in_memory
from openboss.access.console.session import needs
from openboss.access.console.views.money import day_of
from openboss.access.jobs import clock
from openboss.kernel.usage import RecordType
from openboss.modules.charging.functions.gateways import daily_sums

SHOWN = timedelta(days=7)
MOST = timedelta(days=31)
FIRST, LAST = date(2000, 1, 1), date(2999, 12, 31)  # between them days can be counted on and back
SUMS = (
    "online", "online_li", "filed", "filed_li", "matched", "otherwise", "only_online", "only_online_li", "only_filed",
    "only_filed_li", "difference", "difference_li", "online_records", "filed_records",
)  # fmt: skip


def _fetch(filters: dict[str, str], sort: str, paging: Paging) -> Rows:
    to_on = min(max(day_of(filters.get("to", "")) or clock.today(), FIRST), LAST)
    from_on = max(day_of(filters.get("from", "")) or to_on - SHOWN, to_on - MOST)
    tests = {"kind": lambda row, kind: RecordType(row["record_type"]).name == kind}
    tests |= dict.fromkeys(("from", "to"), lambda _row, _text: True)
    rows = daily_sums(from_on=from_on, to_on=to_on).sort("record_type").iter_rows(named=True)
    return rows_in_memory(rows, tests, filters, sort, paging, SUMS)


def _used(row: dict[str, Any], name: str) -> str:
    """Use in the unit of its kind."""
    if row["record_type"] == RecordType.DATA:
        return formats.volume(row[name])
    is_message = row["record_type"] in (RecordType.SMS_MO, RecordType.SMS_MT, RecordType.MMS)
    return formats.count(row[name]) if is_message else formats.duration(row[name])


def _screen() -> ListScreen:
    today = clock.today()
    differing = f"{reverse('console:assurance')}?check=GATEWAYS"
    return ListScreen(
        name="gateway_days",
        title=gettext_lazy("Charged online and on file, by day"),
        columns=(
            Column("used_on", gettext_lazy("Day"), "day", sort=True),
            Column("record_type", gettext_lazy("Kind"), "word:record_type", sort=True),
            Column("online", gettext_lazy("Charged online"), "count", sort=True),
            Column("online_li", gettext_lazy("Charge online"), "li", sort=True),
            Column("filed", gettext_lazy("On file"), "count", sort=True),
            Column("filed_li", gettext_lazy("Charge on file"), "li", sort=True),
            Column("difference", gettext_lazy("Difference in number"), "count", sort=True),
            Column("difference_li", gettext_lazy("Difference in money"), "li", sort=True),
            Column("matched", gettext_lazy("On both"), "count", sort=True),
            Column("otherwise", gettext_lazy("With other use"), "count", sort=True,
                   link=lambda row: differing if row["otherwise"] else None),
            Column("only_online", gettext_lazy("Only online"), "count", sort=True,
                   link=lambda row: differing if row["only_online"] else None),
            Column("only_online_li", gettext_lazy("Charge only online"), "li", sort=True),
            Column("only_filed", gettext_lazy("Only on file"), "count", sort=True),
            Column("only_filed_li", gettext_lazy("Charge only on file"), "li", sort=True),
            Column("online_records", gettext_lazy("Records online"), "count", hidden=True),
            Column("filed_records", gettext_lazy("Records on file"), "count", hidden=True),
            Column("online_use", gettext_lazy("Used online"), "number", hidden=True,
                   read=lambda row: _used(row, "online_use")),
            Column("filed_use", gettext_lazy("Used by the files"), "number", hidden=True,
                   read=lambda row: _used(row, "filed_use")),
        ),
        filters=(
            Filter("from", gettext_lazy("From"), "date", default=(today - SHOWN).isoformat()),
            Filter("to", gettext_lazy("to"), "date", default=today.isoformat()),
            Filter("kind", gettext_lazy("Kind"), "choice", words.choices("record_type")),
        ),
        fetch=_fetch,
        default_sort="-used_on",
        empty=gettext_lazy("Nothing was charged online or from a file in these days."),
        template="gateway_days.html",
        context={"most_days": MOST.days},
    )  # fmt: skip


@require_GET
@needs("receivables.view")
def gateway_days(request: HttpRequest) -> HttpResponseBase:
    """Sessions and money of each day and kind: charged online, on file, matched, and on one side only."""
    return show_list(request, _screen(), active="console:assurance")
