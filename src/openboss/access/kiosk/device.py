"""Which machine this is, and which customer stands before it: both end by themselves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import wraps
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from openboss.access.jobs import clock
from openboss.modules.receivables import functions as receivables
from openboss.modules.system import functions as system

RIGHT, MACHINE, CUSTOMER = "kiosk.serve", "kiosk_staff", "kiosk_customer"
IDLE_S = 60
AT_MACHINE = timedelta(seconds=2 * IDLE_S)  # the page leaves by itself before
View = Callable[..., HttpResponse]


@dataclass(frozen=True)
class Machine:
    """One kiosk: its login, the hall it stands in, and its cash box."""

    staff_id: int
    org_code: str
    till_id: int


def drawn(request: HttpRequest, template: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
    """A page of the kiosk; it goes back to the start by itself when nobody touches it."""
    return render(request, f"kiosk/{template}", {"idle_s": IDLE_S, **context}, status=status)


@never_cache
@require_http_methods(["GET", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """Staff start the machine with its own login; its cash box is opened with nothing in it."""
    if request.method == "POST":
        login, password = request.POST.get("login", "").strip(), request.POST.get("password", "")
        try:
            staff = system.authenticate_staff(login=login, password=password, at=clock.now())
        except (system.LoginRefused, system.LoginLocked):
            staff = None
        if staff is not None and RIGHT in staff.rights:
            request.session.flush()
            request.session[MACHINE] = staff.staff_id
            return redirect("kiosk:start")
        messages.error(request, _("This is no login of a machine, or the password is wrong."))
    return drawn(request, "device.html", {})


def machine_of(request: HttpRequest) -> Machine | None:
    """The machine of a request, with an open cash box; None if it was not started or its login ended."""
    staff_id = request.session.get(MACHINE)
    staff = system.staff_by_id(staff_id=staff_id) if staff_id else None
    if staff is None or not staff.is_active or RIGHT not in staff.rights:
        return None
    tills = receivables.tills_of(staff_id=staff.staff_id)
    open_till = next((one.till_id for one in tills if one.closed_at is None), None)
    if open_till is None:
        box = {"staff_id": staff.staff_id, "place": f"KIOSK {staff.login}"[:32]}
        open_till = receivables.open_till(opening_fen=0, at=clock.now(), **box)
    return Machine(staff.staff_id, staff.org_code, open_till)


def at_machine(view: Callable[..., HttpResponse]) -> View:
    """Let a page be opened only at a machine that was started; the view is given the machine."""

    @wraps(view)
    def guarded(request: HttpRequest, **kwargs: Any) -> HttpResponse:
        machine = machine_of(request)
        return view(request, machine, **kwargs) if machine else redirect("kiosk:device")

    return never_cache(guarded)


def customer_arrived(request: HttpRequest, subscriber_id: int) -> None:
    """Note who logged in at the machine."""
    request.session[CUSTOMER] = {"subscriber_id": subscriber_id, "until_at": (clock.now() + AT_MACHINE).isoformat()}


def customer_of(request: HttpRequest) -> int | None:
    """The user who is logged in, if they touched the machine lately; each page they open counts as a touch."""
    kept = request.session.get(CUSTOMER)
    if not kept or clock.now() >= datetime.fromisoformat(kept["until_at"]):
        request.session.pop(CUSTOMER, None)
        return None
    customer_arrived(request, kept["subscriber_id"])
    return int(kept["subscriber_id"])


def customer_left(request: HttpRequest) -> None:
    """Forget who was logged in."""
    request.session.pop(CUSTOMER, None)
