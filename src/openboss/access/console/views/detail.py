"""The detail list of one user: every rated record of a month, down to the rule that priced it (CHG-38)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from openboss.access.console import formats, words
from openboss.access.console.lists import Column, Filter, ListScreen, Paging, Rows, show_list
from openboss.access.console.session import needs, staff_of, visit_tab
from openboss.access.jobs import clock
from openboss.kernel.usage import LdType, RecordType, RoamType
from openboss.modules.catalog import functions as catalog
from openboss.modules.charging.functions.detail import detail_list, free_unit, usage_by_month
from openboss.modules.customers import functions as customers
from openboss.modules.customers.functions import CustomerUnknown, mask_number

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FOREIGN = 1_000_000
YES_NO = (("1", gettext_lazy("yes")), ("0", gettext_lazy("no")))
ENUMS = {"record_type": RecordType, "roam_type": RoamType, "ld_type": LdType}


def local_moment(local_s: int) -> str:
    """A moment that the engine counts on the operator's wall clock."""
    return (EPOCH + timedelta(seconds=local_s)).strftime("%Y-%m-%d %H:%M:%S")


def area_names() -> dict[int, str]:
    """The names of areas by their code, in the language of the request."""
    column = "name_zh" if formats.is_chinese() else "name_en"
    frames = catalog.reference_frames()
    named = dict(frames["areas"].select("area", column).iter_rows())
    abroad = {FOREIGN + code: name for code, name in frames["countries"].select("country_code", column).iter_rows()}
    return {**named, **abroad}


def _asked(filters: dict[str, str]) -> dict[str, Any]:
    """The filters of the address as the detail store wants them; what is no code or number is left out."""
    asked: dict[str, Any] = {}
    for key, value in filters.items():
        if key in ENUMS and value in ENUMS[key].__members__:
            asked[key] = int(ENUMS[key][value])
        elif key in ("rule", "item", "charged") and value.isdecimal():
            asked[key] = int(value)
        elif key == "other_number" and value.isdecimal():
            asked[key] = value
        elif key in ("from", "to"):
            on = _day_s(value)
            if on is not None:
                asked[f"{key}_s"] = on + (86_400 if key == "to" else 0)
    return asked


def _day_s(text: str) -> int | None:
    try:
        return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())
    except ValueError:
        return None


def _free(row: dict[str, Any], rules: dict[int, str]) -> str:
    used = [(row["free_rule_1"], row["free_units_1"]), (row["free_rule_2"], row["free_units_2"])]
    unit = free_unit(row["record_type"])
    return ", ".join(f"{rules.get(rule, rule)} {formats.amount_of_unit(units, unit)}" for rule, units in used if rule)


def _why(row: dict[str, Any]) -> str:
    return reverse("console:why", args=[row["subscriber_id"], row["cycle"], row["position"], row["row"]])


def _columns(rules: dict[int, str], areas: dict[int, str], may_monitor: bool) -> tuple[Column, ...]:
    priced = gettext_lazy("Priced by")
    return (
        Column(
            "start_at_s", gettext_lazy("Time"), "nowrap", sort=True, read=lambda row: local_moment(row["start_local_s"])
        ),
        Column("record_type", gettext_lazy("Kind"), "word:record_type", sort=True),
        Column(
            "other_number",
            gettext_lazy("Other party"),
            sort=True,
            read=lambda row: mask_number(row["other_number"]) if row["other_number"] else "",
        ),
        Column("roam_type", gettext_lazy("Roaming"), read=lambda row: words.word("roam_type", row["roam_type"]).text),
        Column("ld_type", gettext_lazy("Distance"), read=lambda row: words.word("ld_type", row["ld_type"]).text),
        Column(
            "visited_area",
            gettext_lazy("Where"),
            read=lambda row: areas.get(row["visited_area"], ""),
        ),
        Column("duration_s", gettext_lazy("Talked"), "duration", sort=True),
        Column("kb_units", gettext_lazy("Data"), "kb", sort=True, read=lambda row: row["kb_units"] or None),
        Column("status", gettext_lazy("Result"), "word:usage_status", hidden=True),
        Column("free", gettext_lazy("From free resources"), read=lambda row: _free(row, rules)),
        Column("rule_basic", priced, read=lambda row: rules.get(row["rule_basic"] or row["rule_ld"], "")),
        Column(
            "rule_ld", gettext_lazy("Distance priced by"), read=lambda row: rules.get(row["rule_ld"], ""), hidden=True
        ),
        Column("std_li", gettext_lazy("Standard"), "li", sort=True),
        Column("act_li", gettext_lazy("Actual"), "li", sort=True, link=_why),
        Column("cap_saved_li", gettext_lazy("Saved by cap"), "li", hidden=True),
        Column(
            "file_id",
            gettext_lazy("File"),
            read=lambda row: row["file_id"],
            link=lambda row: reverse("console:file", args=[row["file_id"]]) if may_monitor else None,
            sub=lambda row: _("record %d") % row["seq_in_file"],
            hidden=True,
        ),
    )


@require_GET
@needs("charging.view")
def detail(request: HttpRequest, subscriber_id: int) -> HttpResponse:
    """One user's records of one month."""
    try:
        customer_id = customers.customer_of_subscriber(subscriber_id=subscriber_id)
    except CustomerUnknown as unknown:
        raise Http404 from unknown
    months = [month["cycle"] for month in reversed(usage_by_month(subscriber_id, 12))]
    today = clock.today()
    wanted = request.GET.get("cycle", "")
    cycle = int(wanted) if wanted.isdecimal() and len(wanted) == 6 else (months or [today.year * 100 + today.month])[0]
    rules = {rule_id: formats.named(rule) for rule_id, rule in catalog.rule_names().items()}
    items = tuple((str(item.item_id), formats.named(item)) for item in catalog.bill_item_types())

    def fetch(filters: dict[str, str], sort: str, paging: Paging) -> Rows:
        return detail_list(subscriber_id, cycle, _asked(filters), sort, paging.number, paging.size)

    numbers = customers.numbers_of_subscribers(subscriber_ids=[subscriber_id], at=clock.now())
    screen = ListScreen(
        name="detail",
        title=gettext_lazy("Detail list"),
        columns=_columns(rules, area_names(), "charging.monitor" in staff_of(request).rights),
        filters=(
            Filter(
                "cycle",
                gettext_lazy("Month"),
                "choice",
                tuple((str(one), formats.cycle_name(one)) for one in months),
                default=str(cycle),
            ),
            Filter("record_type", gettext_lazy("Kind"), "choice", words.choices("record_type")),
            Filter("roam_type", gettext_lazy("Roaming"), "choice", words.choices("roam_type")),
            Filter("ld_type", gettext_lazy("Distance"), "choice", words.choices("ld_type")),
            Filter("item", gettext_lazy("Bill item"), "choice", items),
            Filter(
                "charged", gettext_lazy("Charged"), "choice", (("1", gettext_lazy("yes")), ("0", gettext_lazy("no")))
            ),
            Filter("other_number", gettext_lazy("Other party begins with"), "search"),
            Filter("from", gettext_lazy("From"), "date"),
            Filter("to", gettext_lazy("to"), "date"),
            Filter("rule", gettext_lazy("Rule no."), "number"),
        ),
        fetch=fetch,
        default_sort="-start_at_s",
        empty=gettext_lazy("No record in this month."),
        template="detail.html",
        context={
            "tab": customer_id,
            "customer_id": customer_id,
            "number": mask_number(numbers[subscriber_id]) if subscriber_id in numbers else "",
            "cycle": cycle,
        },
    )
    visit_tab(request, customer_id)
    return show_list(request, screen, active="console:customers")
