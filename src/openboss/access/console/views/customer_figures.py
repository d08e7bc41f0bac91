"""The figures of one user for customer 360: live charge, free resources, a year of use and bills."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from openboss.access.console import formats
from openboss.access.console.views.live_services import right_now
from openboss.kernel.rounding import fen_of_li
from openboss.kernel.usage import Unit
from openboss.modules.billing import functions as billing
from openboss.modules.catalog import functions as catalog
from openboss.modules.charging.functions.detail import usage_by_month
from openboss.modules.charging.functions.live import LiveFree
from openboss.modules.customers.functions import SubscriberView

MONTHS = 12
KB_IN_GB = 1024 * 1024
KB_IN_MB = 1024


def item_names() -> dict[int, str]:
    """The names of bill items in the language of the request."""
    return {item.item_id: formats.named(item) for item in catalog.bill_item_types()}


def meter(free: LiveFree) -> dict[str, Any]:
    """A free resource as a bar: what is left of what was granted, and how full it is."""
    unit = Unit(free.unit).name
    whole = free.granted
    part_pct = min(100, free.used * 100 // whole) if whole else 100
    return {
        "name": formats.named(free.names),
        "rule_id": free.rule_id,
        "left": formats.amount_of_unit(max(0, whole - free.used), unit),
        "whole": formats.amount_of_unit(whole, unit),
        "used_pct": part_pct,
        "level": "full" if part_pct >= 100 else "high" if part_pct >= 80 else "",
    }


def _last_cycles(cycle: int, months: int) -> list[int]:
    """The months up to a cycle, oldest first."""
    last = cycle // 100 * 12 + cycle % 100 - 1
    return [one // 12 * 100 + one % 12 + 1 for one in range(last - months + 1, last + 1)]


def _year_chart(cycle: int, use: dict[int, dict[str, int]], bills: dict[int, int]) -> dict[str, Any]:
    """Two views of a year, by data and by call minutes, each with the bills as a line."""
    cycles = _last_cycles(cycle, MONTHS)
    known = [use.get(one, {}) for one in cycles]
    names = [f"{one // 100}-{one % 100:02d}" for one in cycles]
    line = {"name": _("Bill"), "values": [bills.get(one) for one in cycles]}
    is_large = max((month.get("home_kb", 0) + month.get("roaming_kb", 0) for month in known), default=0) >= KB_IN_GB
    unit, size_kb = ("GB", KB_IN_GB) if is_large else ("MB", KB_IN_MB)

    def volumes(key: str) -> list[str]:
        return [f"{month.get(key, 0) / size_kb:.2f}" for month in known]

    data = [{"name": _("Data at home"), "values": volumes("home_kb")}]
    data.append({"name": _("Data roaming"), "values": volumes("roaming_kb")})
    minutes = [{"name": _("Calls"), "values": [-(-month.get("seconds", 0) // 60) for month in known]}]
    return {
        "data": {"names": names, "unit": unit, "bars": data, "line": line},
        "calls": {"names": names, "unit": _("min"), "bars": minutes, "line": line},
        "rows": [
            {"cycle": one, "use": month, "bill_fen": bills.get(one)}
            for one, month in zip(cycles, known, strict=True)
            if month or one in bills
        ],
    }


def figures(customer_id: int, user: SubscriberView | None, *, may_bill: bool) -> dict[str, Any]:
    """Everything with a number in it on the page of one customer, for the user that is looked at."""
    bills = billing.bills_of_customer(customer_id=customer_id, months=MONTHS) if may_bill else []
    context: dict[str, Any] = {"bills": bills, "last_bill": bills[0] if bills else None, "items": item_names()}
    if user is None:
        return context
    context |= right_now(user.subscriber_id)
    live = context["live"]
    use = {month["cycle"]: month for month in usage_by_month(user.subscriber_id, MONTHS)}
    totals: dict[int, int] = {}
    for bill in bills:
        totals[bill.cycle] = totals.get(bill.cycle, 0) + bill.total_fen
    newest = max([live.cycle if live else 0, *use, *totals])
    if live:
        context["unbilled_fen"] = fen_of_li(live.unbilled_li)
        context["standard_li"] = sum(item.std_li for item in live.items)
        context["meters"] = [meter(free) for free in live.free]
    if newest:
        context["year"] = _year_chart(newest, use, totals)
    return context
