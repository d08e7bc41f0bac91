"""Who is at the screen: login, the rights of each request, and the refusal when one is missing."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from openboss.modules.system import functions as system
from openboss.modules.system.functions import StaffView

View = Callable[..., HttpResponse]
RECENT_LIMIT = 8


def sign_in(request: HttpRequest, staff: StaffView) -> None:
    """Start a fresh session for a person whose password was right."""
    request.session.flush()
    request.session["staff_id"] = staff.staff_id
    place = next((node for node in system.org_nodes() if node.code == staff.org_code), None)
    request.session["place"] = {"zh": place.name_zh, "en": place.name_en} if place else {}


def signed(request: HttpRequest) -> StaffView | None:
    """The person of this request with the rights they hold now; None when nobody is logged in or the person left."""
    if not hasattr(request, "_boss_staff"):
        staff_id = request.session.get("staff_id") if hasattr(request, "session") else None
        staff = system.staff_by_id(staff_id=staff_id) if staff_id else None
        request._boss_staff = staff if staff and staff.is_active else None
    return request._boss_staff


def staff_of(request: HttpRequest) -> StaffView:
    """The person of a request that `needs` let through."""
    staff = signed(request)
    assert staff is not None
    return staff


def to_login(request: HttpRequest) -> HttpResponse:
    """Send to the login page and back afterwards; htmx is told to load the whole page."""
    back = request.get_full_path() if request.method == "GET" and not request.headers.get("HX-Request") else "/"
    url = f"{reverse('console:login')}?{urlencode({'next': back})}"
    if request.headers.get("HX-Request"):
        return HttpResponse(status=204, headers={"HX-Redirect": url})
    return HttpResponseRedirect(url)


def needs(right: str | None = None) -> Callable[[View], View]:
    """Let a view be opened only by somebody logged in who holds the right; None asks for a login alone."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            staff = signed(request)
            if staff is None:
                return to_login(request)
            if right is not None and right not in staff.rights:
                raise PermissionDenied(right)
            return view(request, *args, **kwargs)

        return guarded

    return decorate


def remember_recent(request: HttpRequest, *, kind: str, title: str, url: str) -> None:
    """Put something this person opened at the head of their recent things; titles are masked ones."""
    others = [entry for entry in request.session.get("recent", []) if entry["url"] != url]
    request.session["recent"] = [{"kind": kind, "title": title, "url": url}, *others][:RECENT_LIMIT]
