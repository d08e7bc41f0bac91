"""The electronic bill of a group: a file for each month, a line a member, and who fetched it when."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_GET, require_POST

from openboss.access.console.page import page
from openboss.access.console.session import needs, staff_of, visit_tab
from openboss.access.console.views.audit import staff_name
from openboss.access.console.views.money import holder_of
from openboss.access.jobs import clock
from openboss.modules.billing import functions as billing
from openboss.modules.system import functions as system
from openboss.processes import e_bill

MONTHS = 24
NOT_RELEASED = ("new", "onHold")


@require_GET
@needs("billing.view")
def e_bills(request: HttpRequest, account_id: int) -> HttpResponse:
    """The months of an account that can be fetched, with the downloads so far (ACP-18)."""
    holder = holder_of(account_id)
    visit_tab(request, holder["customer_id"])
    rows, _, _ = billing.list_bills(filters={"account_id": account_id}, page_size=MONTHS)
    fetched, total = system.list_audit(action=e_bill.ACTION, object_kind="account", object_id=str(account_id))
    log: list[dict[str, Any]] = [
        {"at": one.at, "who": staff_name(one.staff_id), **(one.after if isinstance(one.after, dict) else {})}
        for one in fetched
    ]
    cycles = sorted({row.cycle for row in rows if row.state not in NOT_RELEASED}, reverse=True)
    context = {"active": "console:customers", "holder": holder, "tab": holder["customer_id"], "cycles": cycles}
    return page(request, "e_bills.html", {**context, "log": log, "downloads": total})


@require_POST
@needs("billing.view")
def download(request: HttpRequest, account_id: int, cycle: int) -> HttpResponse:
    """One month as a file; that it was fetched, by whom and when, is written down."""
    holder_of(account_id)
    try:
        text = e_bill.download(account_id=account_id, cycle=cycle, at=clock.now(), staff_id=staff_of(request).staff_id)
    except e_bill.NothingBilled as nothing:
        raise Http404 from nothing
    answer = HttpResponse("\ufeff" + text, content_type="text/csv; charset=utf-8")  # the mark Excel asks for
    answer["Content-Disposition"] = f'attachment; filename="e-bill-{account_id}-{cycle}.csv"'
    answer["Cache-Control"] = "no-store"
    return answer
