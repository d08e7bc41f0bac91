"""Charging while it happens: the board, one user's money and services, and following a number step by step."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from openboss.access.console.page import page, part
from openboss.access.console.session import needs, staff_of
from openboss.access.console.views.audit import reason_to_look
from openboss.access.console.views.charged_words import decisions
from openboss.access.console.views.live_services import quota_text, right_now, services_shown, used_text
from openboss.access.console.views.peers import asking
from openboss.access.jobs import clock
from openboss.modules.charging.functions.live import engine_backlog, last_events, live_usage
from openboss.modules.charging.functions.watching import (
    NoAnswer,
    charging_board,
    follow_user,
    steps_of_user,
    stop_following,
)
from openboss.modules.customers import functions as customers
from openboss.modules.customers.functions import CustomerUnknown, SubscriberUnknown

# --- the board ----------------------------------------------------------------------------------------------------


def _live_board() -> dict[str, Any]:
    now = clock.now()
    try:
        board = charging_board(now_s=int(now.timestamp()))
    except NoAnswer:
        return {"is_silent": True, "now": now}
    seconds = [
        (count + down, refused + down)
        for count, refused, down in zip(
            board["a_second"], board["refused_a_second"], board["turned_down_a_second"], strict=True
        )
    ]
    highest = max(count for count, _refused in seconds)
    minute = board["of_last_minute"]
    return {
        "board": board,
        "now": now,
        "backlog": engine_backlog(),
        "rate": sum(count for count, _refused in seconds[-10:]) / 10,
        "highest": highest,
        "bars": [
            {"x": 4 * place, "all": 40 * count / highest, "refused": 40 * min(bad, count) / highest}
            for place, (count, bad) in enumerate(seconds)
            if count
        ],
        "requests": sum(count for count, _refused in seconds[-60:]),
        "refused": sum(board["refused_a_second"][-60:]),
        "turned_down": sum(board["turned_down_a_second"][-60:]),
        "causes": _causes(board),
        "doors": [
            {**one, "code": f"{one['interface']} {one['cause']}", "shown": one["cause"] * one["cause"].isdecimal()}
            for one in board["turned_down"]
        ],
        "shard": {"rate": sum(board["a_second"][-10:]) / 10, **minute},
        "asking": asking(board),
    }


def _causes(board: dict[str, Any]) -> list[dict[str, Any]]:
    """How requests and services fared, by result: last minute and since the engine started."""
    minute, ever = board["of_last_minute"], board["since_start"]
    return [
        {
            "code": code,
            "requests": minute["requests"].get(code, 0),
            "services": minute["services"].get(code, 0),
            "requests_ever": ever["requests"].get(code, 0),
            "services_ever": ever["services"].get(code, 0),
        }
        for code in sorted({*ever["requests"], *ever["services"]})
    ]


@require_GET
@needs("charging.monitor")
def board(request: HttpRequest) -> HttpResponse:
    """Rate, time, sessions, refusals by cause; htmx asks for the moving part alone."""
    context = {"active": "console:charging_board", **_live_board()}
    if request.htmx:
        return part(request, "charging_board_live.html", context)
    return page(request, "charging_board.html", context)


# --- one user -----------------------------------------------------------------------------------------------------


@require_GET
@needs("customers.view")
def money(request: HttpRequest, subscriber_id: int) -> HttpResponse:
    """The part of a customer's page that moves while the user calls and surfs: balance, reserved, services in use.

    Where something was charged since the page looked last, the page hears of it and looks for the last events.
    """
    context = right_now(subscriber_id)
    context["played"] = request.htmx.current_url_abs_path == reverse("console:trial")
    answer = part(request, "live_money.html", context)
    if request.GET.get("standing") != context["standing"]:
        answer["HX-Trigger"] = "charged"
    return answer


@require_GET
@needs("charging.view")
def events(request: HttpRequest, subscriber_id: int) -> HttpResponse:
    """What a user was charged for last, of sessions and of files, as it is a moment after it was charged."""
    context = {"events": last_events(subscriber_id), "subscriber_id": subscriber_id, "links": True}
    return part(request, "last_events.html", context)


# --- following a number -------------------------------------------------------------------------------------------


@require_GET
@needs("charging.trace")
def follow(request: HttpRequest) -> HttpResponse:
    """Look for a number to follow."""
    number = request.GET.get("number", "").strip()
    if number:
        try:
            found = customers.subscriber_of_number(number=customers.read_number(number), at=clock.now())
        except SubscriberUnknown:
            messages.error(request, _("No user has this number. Check it digit by digit."))
        else:
            return redirect("console:steps", found)
    return page(request, "follow.html", {"active": "console:follow", "number": number})


@require_GET
@needs("charging.trace")
def steps(request: HttpRequest, subscriber_id: int) -> HttpResponse:
    """What networks asked for a user since they are followed, what they were answered, and what was left."""
    try:
        customer_id = customers.customer_of_subscriber(subscriber_id=subscriber_id)
    except CustomerUnknown as unknown:
        raise Http404 from unknown
    now = clock.now()
    numbers = customers.numbers_of_subscribers(subscriber_ids=[subscriber_id], at=now)
    live = live_usage(subscriber_id)
    context = {
        "active": "console:follow",
        "customer_id": customer_id,
        "subscriber_id": subscriber_id,
        "number": numbers.get(subscriber_id, ""),
        "live": live,
        "services": services_shown(live),
    }
    try:
        told = steps_of_user(subscriber_id)
        gifts_li = live.money.limit_li if live and live.money else 0
        context |= {"is_followed": told["is_followed"], "steps": _steps_shown(told, gifts_li)}
    except NoAnswer:
        context["is_silent"] = True
    return part(request, "follow_live.html", context) if request.htmx else page(request, "follow_user.html", context)


def _steps_shown(told: dict[str, Any], gifts_li: int) -> list[dict[str, Any]]:
    """Steps for reading, newest first: those since somebody follows with what was decided, earlier ones in short.

    gifts_li  gifts of now: earlier steps did not keep those of then
    """
    steps = [{**_step_shown(step, gifts_li), **decided} for step, decided in
             zip(told["steps"], decisions(told["steps"]), strict=True)]  # fmt: skip
    return [*steps[::-1], *({**_step_shown(step, gifts_li), "is_earlier": True} for step in told["earlier"][::-1])]


def _step_shown(step: dict[str, Any], gifts_li: int) -> dict[str, Any]:
    """A step for reading: moments, amounts in their units."""
    for service in step["services"]:
        used = service["used"]
        service["used_text"] = used_text(
            used.get("used_s", 0) + used.get("after_s", 0),
            sum(used.get(name, 0) for name in ("used_octets", "used_up", "used_down", "after_up", "after_down")),
            used.get("used_units", 0) + used.get("after_units", 0),
        ) if used else ""  # fmt: skip
        service["granted_text"] = quota_text(service["measure"], service["granted"]) if service["granted"] else ""
        if service["change_at_s"]:
            service["change_at"] = datetime.fromtimestamp(service["change_at_s"], UTC)
    if before := step.get("before"):
        before["left_li"] = before["balance_li"] + before["limit_li"]
    if money := step["money"]:
        money["left_li"] = money["balance_li"] + money.get("limit_li", gifts_li)
    results = {service["result"] for service in step["services"]} - {0}
    return {**step, "at": datetime.fromisoformat(step["at"]), "is_told": results <= {step["result"]}}


@require_POST
@needs("charging.trace")
def follow_start(request: HttpRequest, subscriber_id: int) -> HttpResponse:
    """Follow a user from now on, for a reason that goes into the audit log."""
    numbers = customers.numbers_of_subscribers(subscriber_ids=[subscriber_id], at=clock.now())
    if reason := reason_to_look(request):
        try:
            follow_user(
                subscriber_id=subscriber_id,
                number=str(numbers.get(subscriber_id, "")),
                reason=reason,
                staff_id=staff_of(request).staff_id,
                at=clock.now(),
            )
        except NoAnswer:
            messages.error(request, _("Charging does not answer."))
    return redirect("console:steps", subscriber_id)


@require_POST
@needs("charging.trace")
def follow_stop(request: HttpRequest, subscriber_id: int) -> HttpResponse:
    """Follow a user no more."""
    try:
        stop_following(subscriber_id)
    except NoAnswer:
        messages.error(request, _("Charging does not answer."))
    return redirect(reverse("console:follow"))
