"""Who is at the screen: login, the rights of each request, and the refusal when one is missing."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from openboss.access.jobs import clock
from openboss.modules.system import functions as system
from openboss.modules.system.functions import StaffView, own_account

View = Callable[..., HttpResponseBase]
RECENT_LIMIT = 8
TABS_LIMIT = 8
YEAR_S = 31_536_000
TWO_FACTORS = "two_factors"  # of a session that began with a second factor


def sign_in(request: HttpRequest, staff: StaffView) -> None:
    """Start a fresh session for a person who showed all that is asked."""
    request.session.flush()
    at = clock.now()
    request.session["staff_id"] = staff.staff_id
    request.session["staff_session_id"] = own_account.open_session(
        staff_id=staff.staff_id,
        address=request.META.get("REMOTE_ADDR", ""),
        agent=request.headers.get("User-Agent", ""),
        at=at,
    )
    if own_account.password_is_over(staff, at):
        request.session["must_change"] = True
    place = next((node for node in system.org_nodes() if node.code == staff.org_code), None)
    request.session["place"] = {"zh": place.name_zh, "en": place.name_en} if place else {}


def begin(request: HttpRequest, staff: StaffView, back: str) -> HttpResponse:
    """Start the session, and bring the person's language and theme to this browser if it has none."""
    sign_in(request, staff)
    answer = redirect(back)
    if settings.LANGUAGE_COOKIE_NAME not in request.COOKIES:
        remember_language(request, answer, staff.language)
    if "theme" not in request.COOKIES:
        answer.set_cookie("theme", staff.theme, max_age=YEAR_S, samesite="Lax")
    return answer


def remember_language(request: HttpRequest, answer: HttpResponse, language: str) -> None:
    """Keep the language in this browser."""
    name = settings.LANGUAGE_COOKIE_NAME
    answer.set_cookie(name, language, max_age=YEAR_S, samesite="Lax", secure=request.is_secure())


def signed(request: HttpRequest) -> StaffView | None:
    """The person of this request with the rights they hold now; None when nobody is logged in or the person left."""
    if not hasattr(request, "_boss_staff"):
        staff_id = _open_session_of(request) if hasattr(request, "session") else None
        staff = system.staff_by_id(staff_id=staff_id) if staff_id else None
        request._boss_staff = staff if staff and staff.is_active else None
    return request._boss_staff


def _open_session_of(request: HttpRequest) -> int | None:
    """Whose session this is, if it was not ended from elsewhere or by time."""
    staff_id, number = request.session.get("staff_id"), request.session.get("staff_session_id")
    if not staff_id or not number:
        return None
    goes_on = own_account.session_is_open(staff_session_id=number, staff_id=staff_id, at=clock.now())
    return staff_id if goes_on else None


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
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            staff = signed(request)
            if staff is None:
                return to_login(request)
            if right is not None and right not in staff.rights:
                raise PermissionDenied(right)
            if right is not None and request.session.get("must_change"):
                return redirect("console:me")
            if right is not None and _second_missing(request, right):
                messages.warning(request, _("This asks for a second factor: add one here, then log in with it."))
                return redirect("console:me")
            return view(request, *args, **kwargs)

        return guarded

    return decorate


def _second_missing(request: HttpRequest, right: str) -> bool:
    return not request.session.get(TWO_FACTORS) and own_account.asks_two_factors(right, on=clock.today())


def remember_recent(request: HttpRequest, *, kind: str, title: str, url: str) -> None:
    """Put something this person opened at the head of their recent things; titles are masked ones."""
    others = [entry for entry in request.session.get("recent", []) if entry["url"] != url]
    request.session["recent"] = [{"kind": kind, "title": title, "url": url}, *others][:RECENT_LIMIT]


def open_tab(request: HttpRequest, *, customer_id: int, title: str) -> None:
    """Give a customer a tab that stays until it is closed, and note where in the customer this person is now.

    The oldest tab makes room for a new one. Titles are masked ones.
    """
    tabs = [tab for tab in tabs_of(request) if tab["customer_id"] != customer_id]
    at = next((i for i, tab in enumerate(tabs_of(request)) if tab["customer_id"] == customer_id), len(tabs))
    tabs.insert(at, {"customer_id": customer_id, "title": title, "url": request.get_full_path()})
    request.session["tabs"] = tabs[-TABS_LIMIT:]


def visit_tab(request: HttpRequest, customer_id: int) -> None:
    """Let the tab of a customer, if there is one, lead back to the page that is open now."""
    tabs = tabs_of(request)
    for tab in tabs:
        if tab["customer_id"] == customer_id:
            tab["url"] = request.get_full_path()
    request.session["tabs"] = tabs


def close_tab(request: HttpRequest, customer_id: int) -> str | None:
    """Close a tab; say where its neighbour leads, None if it was the last."""
    tabs = tabs_of(request)
    at = next((i for i, tab in enumerate(tabs) if tab["customer_id"] == customer_id), None)
    if at is not None:
        tabs.pop(at)
        request.session["tabs"] = tabs
    return str(tabs[min(at or 0, len(tabs) - 1)]["url"]) if tabs else None


def tabs_of(request: HttpRequest) -> list[dict[str, Any]]:
    """The open tabs, in the order in which they were opened."""
    return list(request.session.get("tabs", []))
