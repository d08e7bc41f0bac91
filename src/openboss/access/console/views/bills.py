"""Bills: the list, one bill with its explanation down to rule and records, its document."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from openboss.access.console import formats, words
from openboss.access.console.lists import Column, Filter, ListScreen, Paging, Rows, show_list
from openboss.access.console.page import page, part
from openboss.access.console.session import needs, remember_recent, staff_of, visit_tab
from openboss.access.console.views.objections import item_names
from openboss.access.console.views.pay import serial_no
from openboss.access.jobs import clock
from openboss.kernel.usage import Unit
from openboss.modules.billing import functions as billing
from openboss.modules.billing.functions import BillNotFound
from openboss.modules.catalog import functions as catalog
from openboss.modules.customers import functions as customers
from openboss.modules.customers.functions import mask_number
from openboss.modules.receivables.functions.objections import list_objections
from openboss.modules.system import functions as system

SHORT_REASONS = 4
NUMBER_FILTERS = ("account_id", "customer_id", "bill_id")


def _fetch(filters: dict[str, str], sort: str, paging: Paging) -> Rows:
    asked: dict[str, Any] = dict(filters)
    for key in NUMBER_FILTERS:
        if key in asked:
            asked[key] = int(asked[key]) if asked[key].isdecimal() else 0
    rows, total, sums = billing.list_bills(filters=asked, sort=sort, page=paging.number, page_size=paging.size)
    names = customers.names_of_customers(customer_ids=list({row.customer_id for row in rows}))
    return [{**vars(row), "name": names.get(row.customer_id, "")} for row in rows], total, sums


def _screen() -> ListScreen:
    months = tuple((str(one.cycle), formats.cycle_name(one.cycle)) for one in reversed(billing.list_cycles()))
    return ListScreen(
        name="bills",
        title=gettext_lazy("Bills"),
        columns=(
            Column(
                "bill_id",
                gettext_lazy("Bill no."),
                sort=True,
                read=lambda row: row["bill_no"],
                link=lambda row: reverse("console:bill", args=[row["bill_id"]]),
            ),
            Column("cycle", gettext_lazy("Month"), "cycle", sort=True),
            Column(
                "name",
                gettext_lazy("Customer"),
                link=lambda row: reverse("console:customer", args=[row["customer_id"]]),
            ),
            Column("account_id", gettext_lazy("Account"), "number", sort=True),
            Column("state", gettext_lazy("State"), "word:bill_state", sort=True),
            Column("std_fen", gettext_lazy("Standard"), "fen", sort=True),
            Column("discount_fen", gettext_lazy("Saved"), "fen", sort=True),
            Column("total_fen", gettext_lazy("To pay"), "fen", sort=True),
            Column("due_on", gettext_lazy("Due"), "day", sort=True, hidden=True),
        ),
        filters=(
            Filter("bill_id", gettext_lazy("Bill no."), "search"),
            Filter("cycle", gettext_lazy("Month"), "choice", months),
            Filter("state", gettext_lazy("State"), "choice", words.choices("bill_state")),
            Filter("customer_id", gettext_lazy("Customer no.")),
            Filter("account_id", gettext_lazy("Account")),
        ),
        fetch=_fetch,
        default_sort="-bill_id",
        row_link=lambda row: reverse("console:bill", args=[row["bill_id"]]),
        empty=gettext_lazy("No bill yet. The bill run of a month makes them."),
    )


@require_GET
@needs("billing.view")
def bills(request: HttpRequest) -> HttpResponse:
    """All bills."""
    return show_list(request, _screen(), active="console:bills")


def waterfall(explanation: Any) -> dict[str, Any]:
    """The steps of the chart: last month, what changed, this month."""
    last = len(explanation.bars) - 1
    steps = []
    for place, bar in enumerate(explanation.bars):
        is_total = not bar.group_code
        fen = bar.to_fen if is_total else bar.to_fen - bar.from_fen
        steps.append(
            {
                "name": formats.named(bar.names),
                "kind": "total" if is_total else "change",
                "fen": fen,
                "last": place == last,
            }
        )
    return {"steps": steps}


CAUSE_ICONS = {
    "MORE_USE": "trending-up",
    "LESS_USE": "trending-down",
    "NEW_USE": "phone-outgoing",
    "NO_USE": "ban",
    "ROAMING": "world",
    "FREE_USED_UP": "gauge",
    "MIX": "arrows-sort",
    "PRICE": "tag",
    "PRODUCT_ADDED": "package",
    "PRODUCT_REMOVED": "package",
    "PRORATION": "calendar",
    "ONE_TIME": "receipt-2",
    "ADJUSTMENT": "adjustments",
    "DISCOUNT_GAINED": "gift",
    "DISCOUNT_LOST": "gift",
    "DISCOUNT_CHANGED": "percentage",
    "SHARE": "users",
}


def _records_url(records: Any) -> str:
    url = f"{reverse('console:detail', args=[records.subscriber_id])}?cycle={records.cycle}&item={records.item_id}"
    return f"{url}&rule={records.rule_id}" if records.rule_id else url


def rule_url(rule: Any) -> str:
    """Where the tariff document with this rule stands, at the rule."""
    offer_id = catalog.rule_names([rule.rule_id])[rule.rule_id].offer_id
    where = reverse("console:offer", args=[offer_id])
    return f"{where}?from={rule.version_from_on.isoformat()}&rule={rule.rule_id}#rule-{rule.rule_id}"


def _reasons(explanation: Any, limit: int | None = None) -> list[dict[str, Any]]:
    return [
        {
            "reason": reason,
            "icon": CAUSE_ICONS.get(str(reason.cause), "info-circle"),
            "number": mask_number(reason.number) if reason.number else "",
            "records_url": _records_url(reason.records) if reason.records else "",
            "rule_url": rule_url(reason.rule) if reason.rule else "",
        }
        for reason in explanation.reasons[:limit]
    ]


@require_GET
@needs("billing.view")
def why(request: HttpRequest, bill_id: int) -> HttpResponse:
    """The short answer for customer 360: the waterfall and the largest reasons."""
    try:
        explanation = billing.explain_bill(bill_id)
    except BillNotFound as missing:
        raise Http404 from missing
    context = {
        "explanation": explanation,
        "chart": waterfall(explanation),
        "reasons": _reasons(explanation, SHORT_REASONS),
        "rights": staff_of(request).rights,
    }
    return part(request, "bill_why.html", context)


def _rules_of_items(bill_id: int) -> dict[tuple[int, int], list[dict[str, Any]]]:
    """By user and item, the lines under it: which rule made how much of what."""
    found: dict[tuple[int, int], list[dict[str, Any]]] = {}
    for line in billing.lines_of_bill(bill_id):
        found.setdefault((line.subscriber_id, line.item_id), []).append(
            {
                "line": line,
                "url": rule_url(line.rule) if line.rule else "",
                "records_url": _records_url(line.records) if line.records else "",
            }
        )
    return found


def _users(view: Any, rules: dict[tuple[int, int], list[dict[str, Any]]]) -> list[dict[str, Any]]:
    return [
        {
            "user": user,
            "number": mask_number(user.number) if user.number else str(user.subscriber_id),
            "groups": [
                {
                    "group": group,
                    "items": [
                        {"item": item, "rules": rules.get((user.subscriber_id, item.item_id), [])}
                        for item in group.items
                    ],
                }
                for group in user.groups
            ],
            "free": [
                {
                    "free": free,
                    "whole": formats.amount_of_unit(free.granted, Unit(free.unit).name),
                    "used": formats.amount_of_unit(free.used, Unit(free.unit).name),
                    "used_pct": min(100, free.used * 100 // max(1, free.granted)),
                }
                for free in user.free
            ],
        }
        for user in view.users
    ]


@require_GET
@needs("billing.view")
def bill(request: HttpRequest, bill_id: int) -> HttpResponse:
    """One bill: what it says, why it changed, and every line down to its rule and records."""
    try:
        view = billing.bill(bill_id)
        explanation = billing.explain_bill(bill_id)
    except BillNotFound as missing:
        raise Http404 from missing
    row = view.row
    name = customers.names_of_customers(customer_ids=[row.customer_id]).get(row.customer_id, "")
    context = {
        "active": "console:bills",
        "tab": row.customer_id,
        "view": view,
        "row": row,
        "name": name,
        "explanation": explanation,
        "chart": waterfall(explanation),
        "reasons": _reasons(explanation),
        "users": _users(view, _rules_of_items(bill_id)),
        "trace": explanation.trace,
        "objections": [{"row": one, "item": item_names()[one.item_id]} for one in list_objections(bill_id=bill_id)],
        "serial_no": serial_no(),
    }
    title = f"{_('Bill')} {formats.cycle_name(row.cycle)} {name}"
    remember_recent(request, kind="bill", title=title, url=reverse("console:bill", args=[bill_id]))
    visit_tab(request, row.customer_id)
    return page(request, "bill.html", context)


@require_GET
@needs("billing.view")
def pdf(request: HttpRequest, bill_id: int) -> HttpResponse:
    """The bill as a document, in the account's language or the one asked for; it names the customer: it is logged."""
    wanted = request.GET.get("language", "")
    try:
        content = billing.bill_pdf(bill_id, wanted if wanted in ("zh", "en") else None)
    except BillNotFound as missing:
        raise Http404 from missing
    system.record_audit(
        staff_id=staff_of(request).staff_id,
        action="billing.print_bill",
        object_kind="bill",
        object_id=bill_id,
        at=clock.now(),
    )
    answer = HttpResponse(content, content_type="application/pdf")
    answer["Content-Disposition"] = f'inline; filename="bill-{bill_id}.pdf"'
    answer["Cache-Control"] = "no-store"
    return answer
