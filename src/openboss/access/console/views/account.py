"""Login, logout, language, and the pages for what went wrong."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.utils import translation
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from openboss.access.console.page import page
from openboss.access.console.session import begin, needs, remember_language, signed
from openboss.access.console.views.me import owes_second
from openboss.access.jobs import clock
from openboss.modules.system import functions as system
from openboss.modules.system.functions import own_account


def _back(request: HttpRequest) -> str:
    """Where to go afterwards: the page that was asked for, if it is one of ours."""
    wanted = request.POST.get("next") or request.GET.get("next") or "/"
    own = url_has_allowed_host_and_scheme(wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure())
    return wanted if own else "/"


@never_cache
def login(request: HttpRequest) -> HttpResponse:
    """The first page: login and password, then on to what was asked for."""
    if request.method != "POST":
        return redirect(_back(request)) if signed(request) else page(request, "login.html", {"next": _back(request)})
    name = request.POST.get("login", "").strip()
    try:
        staff = system.authenticate_staff(login=name, password=request.POST.get("password", ""), at=clock.now())
    except system.LoginRefused:
        refusal = _("Login or password is wrong. Check the capital letters and try again.")
    except system.LoginLocked:
        refusal = _("Too many wrong passwords. Try again in half an hour, or ask an administrator.")
    else:
        if own_account.has_second_factor(staff_id=staff.staff_id):
            return owes_second(request, staff.staff_id, _back(request))
        return begin(request, staff, _back(request))
    return page(request, "login.html", {"refusal": refusal, "login": name, "next": _back(request)}, status=401)


@require_POST
def logout(request: HttpRequest) -> HttpResponse:
    """End the session."""
    if staff := signed(request):
        here = request.session["staff_session_id"]
        own_account.end_sessions(staff_id=staff.staff_id, at=clock.now(), only=here)
    request.session.flush()
    return redirect("console:login")


@require_POST
def language(request: HttpRequest) -> HttpResponse:
    """Change the language and come back to the same page; remembered for the person and the browser."""
    chosen = request.POST.get("language", "")
    answer = HttpResponseRedirect(_back(request))
    if chosen in dict(settings.LANGUAGES):
        remember_language(request, answer, chosen)
        staff = signed(request)
        if staff:
            system.set_preferences(staff_id=staff.staff_id, language=chosen)
        translation.activate(chosen)
    return answer


@require_GET
@needs()
def help_page(request: HttpRequest) -> HttpResponse:
    """What this is, the keys, the words of the trade."""
    return page(request, "help.html", {"active": "console:help"})


def _fault(request: HttpRequest, code: int, title: str, advice: str) -> HttpResponse:
    return page(request, "fault.html", {"code": code, "title": title, "advice": advice}, status=code)


def refused(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """403: logged in, but without the right."""
    right = str(exception or "") or "-"
    advice = _("This screen needs the right “%s”. If your work needs it, ask an administrator to add it to your role.")
    return _fault(request, 403, _("You may not open this"), advice % right)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """404: nothing at this address. Django hands the exception over; it says nothing a person could use."""
    del exception
    advice = _("The address is wrong, or what it named was merged into another. Find it with Ctrl+K.")
    return _fault(request, 404, _("There is nothing here"), advice)


def failed(request: HttpRequest) -> HttpResponse:
    """500: a bug of ours; drawn without asking the database for anything."""
    request._boss_staff = None
    advice = _(
        "Nothing you entered was half saved. Try once more; if it stays, send the time and the address to support."
    )
    return _fault(request, 500, _("Something broke on our side"), advice)


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403 of a form that stood open too long; the reason is for developers and stays in the log."""
    del reason
    advice = _("The page stood open for too long. Go back, load it again and repeat.")
    return _fault(request, 403, _("The form is too old"), advice)
