"""Who did what: the audit log."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET

from openboss.access.console import formats
from openboss.access.console.lists import Column, Filter, ListScreen, Paging, Rows, show_list
from openboss.access.console.session import needs
from openboss.modules.system import functions as system

SHORTEST_REASON, REASON_SIGNS = 2, 200


def _fetch(filters: dict[str, str], sort: str, paging: Paging) -> Rows:
    staff = filters.get("staff_id", "")
    rows, total = system.list_audit(
        staff_id=int(staff) if staff.isdecimal() else None,
        action=filters.get("action", ""),
        object_kind=filters.get("object_kind", ""),
        object_id=filters.get("object_id", ""),
        sort=sort,
        page=paging.number,
        page_size=paging.size,
    )
    return rows, total, {}


def _short(value: Any) -> str:
    return "" if value is None else json.dumps(value, ensure_ascii=False)[:160]


def staff_name(staff_id: int | None) -> str:
    """The name of a member of staff for a list; the system's own work carries no name."""
    if staff_id is None:
        return str(_("the system"))
    return formats.named(system.staff_by_id(staff_id=staff_id))


def reason_to_look(request: HttpRequest) -> str:
    """Why somebody wants to see what is masked; what is no reason is said in words and gives nothing."""
    reason = request.POST.get("reason", "").strip()[:REASON_SIGNS]
    if len(reason) >= SHORTEST_REASON:
        return reason
    messages.error(request, gettext("Say why you need to see it, in two characters or more."))
    return ""


SCREEN = ListScreen(
    name="audit",
    title=_("Audit log"),
    columns=(
        Column("audit_id", _("No."), "number", sort=True),
        Column("at", _("When"), "moment", sort=True),
        Column("staff_id", _("Who"), "nowrap", sort=True, read=lambda row: staff_name(row.staff_id)),
        Column("action", _("What"), "word:audit_action", sort=True, sub=lambda row: row.action),
        Column("object_kind", _("Object"), sort=True, sub=lambda row: row.object_id),
        Column("reason", _("Reason")),
        Column("before", _("Before"), read=lambda row: _short(row.before), hidden=True),
        Column("after", _("Details"), "wide", read=lambda row: _short(row.after)),
        Column("is_sealed", _("Sealed"), read=lambda row: "✓" if row.is_sealed else ""),
    ),
    filters=(
        Filter("action", _("What")),
        Filter("object_kind", _("Object")),
        Filter("object_id", _("Object no.")),
        Filter("staff_id", _("Staff no."), "number"),
    ),
    fetch=_fetch,
    default_sort="-audit_id",
    empty=_("Nothing has been done yet."),
)


@require_GET
@needs("audit.view")
def audit(request: HttpRequest) -> HttpResponse:
    """The audit log, newest first."""
    return show_list(request, SCREEN, active="console:audit")
