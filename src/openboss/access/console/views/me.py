"""One's own account: password, second factors, where one is logged in; and the second step of a login (D21)."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import segno
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from openboss.access.console.page import page
from openboss.access.console.session import TWO_FACTORS, begin, needs, staff_of
from openboss.access.jobs import clock
from openboss.modules.system import functions as system
from openboss.modules.system.functions import own_account

HALF_IN = "half_in"  # whose password was right and who still owes the second factor
STATE, SECRET = "passkey_state", "app_secret"
HALF_IN_FOR = timedelta(minutes=5)


@require_GET
@never_cache
@needs()
def me(request: HttpRequest) -> HttpResponse:
    """Everything about one's own login."""
    staff, at = staff_of(request), clock.now()
    secret, address = own_account.new_secret(login=staff.login)
    request.session[SECRET] = secret
    factors = own_account.factors_of(staff_id=staff.staff_id)
    context = {
        "factors": [one for one in factors if one.kind != "PAPER"],
        "paper_left": sum(one.kind == "PAPER" for one in factors),
        "paper": request.session.pop("paper_codes", []),
        "secret": " ".join(secret[i : i + 4] for i in range(0, len(secret), 4)),
        "qr": mark_safe(segno.make(address).svg_inline(scale=4, border=2, dark="#101828", light="#ffffff")),  # noqa: S308
        "sessions": own_account.sessions_of(staff_id=staff.staff_id, at=at),
        "this_session": request.session.get("staff_session_id"),
        "policy": own_account.password_policy(at.date()),
        "must_change": request.session.get("must_change", False),
    }
    return page(request, "me.html", {"active": "console:me", **context})


@require_POST
@needs()
def password(request: HttpRequest) -> HttpResponse:
    """Take a new password for oneself."""
    at = clock.now()
    try:
        own_account.change_password(
            staff_id=staff_of(request).staff_id,
            old=request.POST.get("old", ""),
            new=request.POST.get("new", ""),
            at=at,
            keep_session=request.session.get("staff_session_id"),
        )
    except own_account.PasswordNotYours:
        messages.error(request, _("The present password is wrong."))
    except own_account.PasswordUsedBefore:
        messages.error(request, _("This is one of your last passwords: take another one."))
    except own_account.PasswordWeak:
        policy = own_account.password_policy(at.date())
        text = _("Too easy to guess: at least %(shortest)d signs of %(kinds)d kinds (small, capital, figure, other).")
        messages.error(request, text % policy)
    else:
        request.session.pop("must_change", None)
        messages.success(request, _("The password is changed; you were logged out everywhere else."))
    return redirect("console:me")


@require_POST
@needs()
def app(request: HttpRequest) -> HttpResponse:
    """Keep the app whose QR code was scanned, if it shows the right code."""
    secret = request.session.get(SECRET, "")
    try:
        given = own_account.add_app(
            staff_id=staff_of(request).staff_id,
            secret=secret,
            code=request.POST.get("code", ""),
            world_at=clock.world_now(),
            at=clock.now(),
        )
    except own_account.CodeWrong:
        messages.error(request, _("The code is wrong: scan the new picture and try the code that shows then."))
    else:
        _added(request, given)
    return redirect("console:me")


def _added(request: HttpRequest, paper_codes: list[str]) -> None:
    request.session["paper_codes"] = paper_codes or request.session.get("paper_codes", [])
    messages.success(request, _("From the next login on you are asked for it."))


@require_POST
@needs()
def paper(request: HttpRequest) -> HttpResponse:
    """Give new codes on paper; shown once."""
    given = own_account.new_paper_codes(staff_id=staff_of(request).staff_id, at=clock.now())
    request.session["paper_codes"] = given
    return redirect("console:me")


@require_POST
@needs()
def remove(request: HttpRequest, second_factor_id: int) -> HttpResponse:
    """Forget an app or a passkey."""
    staff_id = staff_of(request).staff_id
    if own_account.remove_factor(staff_id=staff_id, second_factor_id=second_factor_id, at=clock.now()):
        messages.success(request, _("It is not asked for any more."))
    return redirect("console:me")


@require_POST
@needs()
def end_session(request: HttpRequest) -> HttpResponse:
    """Log out elsewhere: one place, or all but this one."""
    one, here = request.POST.get("session", ""), request.session.get("staff_session_id")
    chosen = {"only": int(one)} if one.isdecimal() else {"but": here}
    own_account.end_sessions(staff_id=staff_of(request).staff_id, at=clock.now(), **chosen)
    messages.success(request, _("Logged out there."))
    return redirect("console:me")


@require_POST
@needs()
def passkey_begin(request: HttpRequest) -> JsonResponse:
    """What the browser is asked for a new passkey."""
    options, state = own_account.begin_passkey(staff_id=staff_of(request).staff_id, host=_host(request))
    request.session[STATE] = state
    return JsonResponse(_jsonable(options))


@require_POST
@needs()
def passkey_add(request: HttpRequest) -> HttpResponse:
    """Keep the passkey the browser made."""
    state = request.session.pop(STATE, None)
    try:
        given = own_account.add_passkey(
            staff_id=staff_of(request).staff_id,
            host=_host(request),
            state=state,
            answer=_answer(request),
            name=request.POST.get("name", "").strip(),
            at=clock.now(),
        )
    except own_account.PasskeyRefused:
        messages.error(request, _("The passkey was not taken: try again."))
    else:
        _added(request, given)
    return redirect("console:me")


def owes_second(request: HttpRequest, staff_id: int, back: str) -> HttpResponse:
    """The password was right: ask for the second factor before the session begins."""
    request.session.flush()
    request.session[HALF_IN] = {"staff_id": staff_id, "at": clock.now().timestamp(), "next": back}
    return redirect("console:login_second")


@never_cache
def second(request: HttpRequest) -> HttpResponse:
    """The second step of a login: a code, or a passkey."""
    half = request.session.get(HALF_IN)
    if half is None or clock.now().timestamp() - half["at"] > HALF_IN_FOR.total_seconds():
        return redirect("console:login")
    staff_id = half["staff_id"]
    if request.method != "POST":
        return _ask_second(request, staff_id)

    def take_code() -> None:
        code = request.POST.get("code", "")
        own_account.refuse_wrong_code(staff_id=staff_id, code=code, world_at=clock.world_now(), at=clock.now())

    def take_passkey() -> None:
        own_account.refuse_wrong_passkey(
            staff_id=staff_id,
            host=_host(request),
            state=request.session.get(STATE),
            answer=_answer(request),
            at=clock.now(),
        )

    return _second_taken(request, take_passkey if "answer" in request.POST else take_code, half)


def _second_taken(request: HttpRequest, take: Callable[[], None], half: dict[str, Any]) -> HttpResponse:
    try:
        take()
    except own_account.CodeWrong:
        refusal = _("The code is wrong or was used. After five wrong ones the login is locked for half an hour.")
        return _ask_second(request, half["staff_id"], refusal)
    except own_account.PasskeyRefused:
        return _ask_second(request, half["staff_id"], _("This passkey is not one of yours."))
    staff = system.staff_by_id(staff_id=half["staff_id"])
    answer = begin(request, staff, half["next"])
    request.session[TWO_FACTORS] = True
    return answer


def _ask_second(request: HttpRequest, staff_id: int, refusal: str = "") -> HttpResponse:
    asked = own_account.ask_for_passkey(staff_id=staff_id, host=_host(request))
    options: dict[str, Any] = {}
    if asked:
        options, request.session[STATE] = _jsonable(asked[0]), asked[1]
    context = {"refusal": refusal, "passkey": options}
    return page(request, "login_second.html", context, status=401 if refusal else 200)


def _host(request: HttpRequest) -> str:
    return request.get_host().rsplit(":", 1)[0]


def _answer(request: HttpRequest) -> dict[str, Any]:
    try:
        found = json.loads(request.POST.get("answer", ""))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _jsonable(options: dict[str, Any]) -> dict[str, Any]:
    """The library's options as WebAuthn's JSON; it writes bytes as base64url itself."""
    return json.loads(json.dumps(options, default=dict))
