"""Who works here: logins, roles, what each may do and by which role, where they are logged in (AAA-14, D21)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from openboss.access.console import formats, words
from openboss.access.console.lists import Column, Filter, ListScreen, Paging, Rows, show_list
from openboss.access.console.memory_rows import rows_in_memory
from openboss.access.console.page import page
from openboss.access.console.session import needs, staff_of
from openboss.access.console.views.customers import office_names
from openboss.access.jobs import clock
from openboss.modules.system import functions as system
from openboss.modules.system.functions import own_account, people


def _roles() -> dict[str, str]:
    return {one.code: formats.named(one) for one in people.list_roles()}


def _state(row: people.StaffRow) -> str:
    if not row.is_active:
        return "RESTS"
    return "LOCKED" if row.locked_until_at and row.locked_until_at > clock.now() else "ACTIVE"


@require_GET
@needs("system.admin")
def staff_list(request: HttpRequest) -> HttpResponseBase:
    """Everybody who has or had a login."""
    roles, offices = _roles(), office_names()
    rows = [{**vars(one), "state": _state(one), "name": formats.named(one)} for one in people.list_staff()]
    tests = {
        "q": lambda row, text: text.casefold() in f"{row['login']} {row['name_zh']} {row['name_en']}".casefold(),
        "role": lambda row, role: role in row["roles"],
        "state": lambda row, state: row["state"] == state,
    }

    def fetch(filters: dict[str, str], sort: str, paging: Paging) -> Rows:
        return rows_in_memory(rows, tests, filters, sort, paging)

    def place(row: Any) -> str:
        return reverse("console:person", args=[row["staff_id"]])

    def factor(row: Any) -> str:
        return "yes" if row["has_second_factor"] else "no"

    screen = ListScreen(
        name="staff",
        title=gettext_lazy("Staff"),
        columns=(
            Column("login", gettext_lazy("Login"), "nowrap", sort=True, link=place),
            Column("name", gettext_lazy("Name"), sort=True),
            Column("state", gettext_lazy("State"), "word:login_state", sort=True),
            Column("roles", gettext_lazy("Roles"), read=lambda row: ", ".join(roles[one] for one in row["roles"])),
            Column("org_code", gettext_lazy("Place"), read=lambda row: offices.get(row["org_code"], row["org_code"])),
            Column("has_second_factor", gettext_lazy("Second factor"), "word:has_factor", read=factor),
            Column("last_login_at", gettext_lazy("Logged in last"), "moment", sort=True),
            Column("password_at", gettext_lazy("Password of"), "moment", sort=True, hidden=True),
        ),
        filters=(
            Filter("q", gettext_lazy("Login or name"), "search"),
            Filter("role", gettext_lazy("Role"), "choice", list(roles.items())),
            Filter("state", gettext_lazy("State"), "choice", words.choices("login_state")),
        ),
        fetch=fetch,
        default_sort="login",
        row_link=place,
        empty=gettext_lazy("Nobody has a login yet."),
    )
    return show_list(request, screen, active="console:staff")


@require_GET
@needs("system.admin")
def person(request: HttpRequest, staff_id: int) -> HttpResponse:
    """One person: the effective set of rights with the roles each comes from, roles to give, and open sessions."""
    row = next((one for one in people.list_staff() if one.staff_id == staff_id), None)
    if row is None:
        raise Http404
    roles, held = _roles(), people.rights_by_role(staff_id=staff_id)
    context = {
        "active": "console:staff",
        "person": row,
        "state": _state(row),
        "office": office_names().get(row.org_code, row.org_code),
        "roles": [(code, name, code in row.roles) for code, name in roles.items()],
        "held": [(right, [roles[code] for code in codes]) for right, codes in held.items()],
        "sessions": own_account.sessions_of(staff_id=staff_id, at=clock.now()),
        "is_self": staff_id == staff_of(request).staff_id,
    }
    return page(request, "person.html", context)


@require_POST
@needs("system.admin")
def act(request: HttpRequest, staff_id: int) -> HttpResponse:
    """Give roles, let a login rest or take it up again, end sessions."""
    who: dict[str, Any] = {"staff_id": staff_id, "at": clock.now()}
    by: dict[str, Any] = {"by_staff_id": staff_of(request).staff_id}
    action = request.POST.get("action", "")
    reason = request.POST.get("reason", "").strip()[:200]
    acts: dict[str, Callable[[], object]] = {
        "roles": lambda: people.give_roles(**who, **by, roles=request.POST.getlist("role")),
        "rest": lambda: people.let_rest(**who, **by, is_active=False, reason=reason),
        "back": lambda: people.let_rest(**who, **by, is_active=True, reason=reason),
        "sessions": lambda: own_account.end_sessions(**who),
    }
    if action not in acts or (action in ("rest", "back") and not reason):
        messages.error(request, _("Say why; it stands in the audit."))
        return redirect("console:person", staff_id)
    try:
        acts[action]()
    except people.OwnLogin:
        messages.error(request, _("Nobody changes what they themselves may do: another administrator does."))
    except people.RolesUnknown:
        messages.error(request, _("Choose one role at least."))
    except system.StaffUnknown as unknown:
        raise Http404 from unknown
    else:
        messages.success(request, _("Done; it stands in the audit."))
    return redirect("console:person", staff_id)
