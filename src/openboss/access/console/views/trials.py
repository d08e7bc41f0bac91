"""Play a call, a message or a data session of a test user against live charging, and see each step explained."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from openboss.access.console import formats, trial_network
from openboss.access.console.page import page
from openboss.access.console.session import needs
from openboss.access.console.trial_network import KINDS, NoDoor, NotOfTheTestTenant, Trial
from openboss.access.console.views.charged_words import price_words
from openboss.access.console.views.live_services import right_now
from openboss.access.console.views.trial_words import explained
from openboss.access.jobs import clock
from openboss.kernel.usage import Unit
from openboss.modules.charging.functions.live import LiveUsage, live_usage
from openboss.modules.customers import functions as customers
from openboss.modules.customers.functions import SubscriberUnknown

KEPT = "trial"
MB = 1024 * 1024
AMOUNTS = {"DATA": (1, 5, 10, 100), "CALL": (10, 60, 180, 600)}  # MB, seconds
MOST_STEPS = 60
MOST = {"DATA": 100_000, "CALL": 86_400}


def _standing(live: LiveUsage | None) -> dict[str, Any]:
    """What a user has: to say afterwards what a step has changed."""
    if live is None:
        return {"unbilled_li": 0, "money": None, "free": {}, "rules": {}}
    return {
        "unbilled_li": live.unbilled_li,
        "money": {"balance_li": live.money.left_li, "reserved_li": live.money.reserved_li} if live.money else None,
        "free": {str(one.rule_id): one.used for one in live.free},
        "rules": {str(one.rule_id): [one.calls, one.units, one.free_units, one.act_li] for one in live.items},
    }


def _taken_up(request: HttpRequest) -> Trial | None:
    kept = request.session.get(KEPT)
    return Trial.from_kept(kept["trial"]) if kept else None


@require_GET
@needs("charging.trace")
def trial(request: HttpRequest) -> HttpResponse:
    """The session that is being played with all its steps, or the form to begin one."""
    played, asked = _taken_up(request), _user_asked(request.GET.get("user", ""))
    if played and asked and asked["user"] != played.subscriber_id:
        if played.address:
            messages.info(request, _("Another user's session is still being played: end it first."))
        else:
            played = None
    context: dict[str, Any] = {"active": "console:trial", "played": played, "kinds": KINDS}
    if played is None:
        context |= asked or {"number": request.GET.get("number", "")}
        return page(request, "trial_new.html", context)
    context |= right_now(played.subscriber_id)
    context |= {
        "steps": _steps_shown(played, request.session[KEPT]["standings"], context["live"]),
        "amounts": AMOUNTS.get(played.kind, ()),
        "unit": "MB" if played.kind == "DATA" else "s",
        "change_at": datetime.fromisoformat(played.change_at) if played.change_at else None,
    }
    return page(request, "trial.html", context)


def _user_asked(asked: str) -> dict[str, Any]:
    """The user a page leads here for: nobody has to know the whole number; empty = none."""
    if not asked.isdecimal() or len(asked) > 18:
        return {}
    numbers = customers.numbers_of_subscribers(subscriber_ids=[int(asked)], at=clock.now())
    return {"user": int(asked), "user_number": numbers[int(asked)]} if int(asked) in numbers else {}


def _steps_shown(played: Trial, standings: list[dict[str, Any]], live: LiveUsage | None) -> list[dict[str, Any]]:
    """Steps newest first, each with what it changed: charge, balance, reserved money, free resources."""
    frees = {str(one.rule_id): one for one in live.free} if live else {}
    touched = [_touched(before, after) for before, after in zip(standings, standings[1:], strict=False)]
    prices = price_words(rule for rules in touched for rule in rules)
    shown = []
    for step, before, after, rules in zip(played.steps, standings, standings[1:], touched, strict=False):
        used_free = [
            (formats.named(frees[rule].names), formats.amount_of_unit(units - before["free"].get(rule, 0),
             Unit(frees[rule].unit).name))
            for rule, units in after["free"].items()
            if rule in frees and units != before["free"].get(rule, 0)
        ]  # fmt: skip
        charged_li = after["unbilled_li"] - before["unbilled_li"]
        shown.append(
            {
                "step": step,
                "at": datetime.fromisoformat(step.at),
                "charged_li": charged_li,
                "money": after["money"],
                "free": used_free,
                "told": explained(step, charged_li=charged_li, money=after["money"]),
                "prices": [prices[rule] for rule in rules if rule in prices],
                "results": [one.get("resultCode", "") for one in step.answer.get("multipleUnitInformation", [])]
                or [step.answer.get("cause", "SUCCESS")],
                "is_last": "finalUnitIndication" in str(step.answer),
            }
        )
    return shown[::-1]


def _touched(before: dict[str, Any], after: dict[str, Any]) -> list[int]:
    """The rules by which a step was charged, or would have been without free resources."""
    return [int(rule) for rule, counted in after["rules"].items() if counted != before["rules"].get(rule)]


@require_POST
@needs("charging.trace")
def begin(request: HttpRequest) -> HttpResponse:
    """Begin a session of a test user, or send one message."""
    number, kind = request.POST.get("number", "").strip(), request.POST.get("kind", "")
    if kind not in KINDS:
        return redirect("console:trial")
    known = _user_asked(request.POST.get("user", ""))
    try:
        e164 = known["user_number"] if known else customers.read_number(number)
        subscriber_id = known["user"] if known else customers.subscriber_of_number(number=e164, at=clock.now())
    except SubscriberUnknown:
        messages.error(request, _("No user has this number. Check it digit by digit."))
        return redirect("console:trial")
    other, dnn = request.POST.get("other", "").strip(), request.POST.get("dnn", "").strip()
    played = Trial(subscriber_id, str(e164), kind, other=other[:20] or "13900000000", dnn=dnn[:60] or "cmnet")
    before = _standing(live_usage(subscriber_id))
    if _done(request, played, lambda: trial_network.begin(played, at=clock.now())):
        request.session[KEPT]["standings"].insert(0, before)
    return redirect("console:trial")


def _amount(request: HttpRequest, played: Trial) -> int:
    """Octets or seconds out of the form; what is no number is nothing."""
    text = request.POST.get("amount", "")
    amount = min(int(text), MOST[played.kind]) if text.isdecimal() and len(text) < 9 else 0
    return amount * MB if played.kind == "DATA" else amount


@require_POST
@needs("charging.trace")
def use(request: HttpRequest) -> HttpResponse:
    """Use an amount, asking again as often as what is granted makes it necessary, or end the session with it."""
    played = _taken_up(request)
    if played is None or not played.address:
        return redirect("console:trial")
    left = _amount(request, played)
    if "across" in request.POST:
        _done(request, played, lambda: trial_network.use_across(played, left, at=clock.now()))
        return redirect("console:trial")
    if "end" in request.POST:
        _done(request, played, lambda: trial_network.end(played, left, at=clock.now()))
        return redirect("console:trial")
    for _step in range(MOST_STEPS):
        before = left
        left -= min(left, played.granted)
        worked = _done(request, played, partial(trial_network.use, played, before, at=clock.now()))
        if not worked or left == 0 or not played.granted:
            break
    if left > 0:
        messages.warning(request, _("Not all of it was used: the network lets through only what is granted."))
    return redirect("console:trial")


def _done(request: HttpRequest, played: Trial, step: Callable[[], None]) -> bool:
    """Take a step and keep what it left; False if it could not be taken, which is said."""
    try:
        step()
    except NotOfTheTestTenant:
        messages.error(request, _("Only users of the test tenant may be played with: see test_numbers."))
        return False
    except NoDoor:
        messages.error(request, _("Charging does not listen to session functions, or does not answer."))
        return False
    kept = request.session.get(KEPT, {"standings": []})
    standing = _standing(live_usage(played.subscriber_id))
    request.session[KEPT] = {"trial": played.kept(), "standings": [*kept["standings"], standing]}
    return True


@require_POST
@needs("charging.trace")
def forget(request: HttpRequest) -> HttpResponse:
    """End what is being played, if it still goes on, and begin anew."""
    played = _taken_up(request)
    if played is not None and played.address:
        try:
            trial_network.end(played, 0, at=clock.now())
        except NoDoor:
            messages.warning(request, _("Charging does not answer: it ends the session itself when it hears no more."))
    request.session.pop(KEPT, None)
    return redirect("console:trial")
