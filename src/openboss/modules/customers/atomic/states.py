"""The state of a user: stop reasons as a set, the life and its moves, what waits for its day (D2)."""

from calendar import monthrange
from collections.abc import Collection, Mapping
from datetime import date, datetime, timedelta
from types import MappingProxyType
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from openboss.modules.customers.atomic.effective import (
    SubscriberUnknown,
    active_reasons,
    effective_state,
    reasons_of_users,
    state_of,
)
from openboss.modules.customers.atomic.network import MOBILE, tell_network, tell_network_of
from openboss.modules.customers.atomic.subscribers import (
    StateForbids,
    StopsForbid,
    audit_subscriber,
    end_now,
    lives_locked,
    locked,
    operator_day,
)
from openboss.modules.customers.hall_rules import hall_rule
from openboss.modules.customers.life import (
    ACTIVE,
    ARREARS,
    MOVES,
    NONE,
    PRE_TERMINATED,
    PREOPENED,
    TERMINATED,
    LifeMove,
    stops_fit,
)
from openboss.modules.customers.models import (
    Holding,
    NumberPeriod,
    SimPeriod,
    StopPeriod,
    Subscriber,
)
from openboss.modules.customers.stop_reasons import BY_CODE
from openboss.modules.system.atomic import record_audits
from openboss.modules.system.statements import ask, put_rows, run

PRETERM = "PRETERM"
TRANSFERRED = 6


class ReasonActive(Exception):
    """The user is stopped for this reason already."""


class ReasonNotActive(Exception):
    """The user is not stopped for this reason, or it is an unknown one."""


class HoldWithArrears(Exception):
    """A number is not kept on request while something is owed; the arrears have to be paid first (D2.3)."""


class TooEarly(Exception):
    """The waiting time is not over; the message says from which day on this is possible (HAL-08, D2.3)."""


class TooLate(Exception):
    """The time in which this was possible is over; the message says until which day it was (D2.3)."""


def months_later(day: date, months: int) -> date:
    """The same day some months later, or the last of that month (31 August + 3 = 30 November). Source: D14.5."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


@transaction.atomic
def add_stop_reason(*, subscriber_id: int, reason: str, at: datetime, staff_id: int | None) -> str:
    """Stop a user for one more reason; return the state that follows.

    Raises SubscriberUnknown, ReasonNotActive for an unknown reason, ReasonActive, HoldWithArrears, StateForbids when
    the user is not in service, waits for cancellation or is cancelled. Source: D2.2, D2.3.
    """
    states, refused = _stop([subscriber_id], reason, at, staff_id)
    for refusal in refused.values():
        raise refusal
    return states[subscriber_id]


@transaction.atomic
def clear_stop_reason(*, subscriber_id: int, reason: str, at: datetime, staff_id: int | None) -> str:
    """End one stop reason; the others stay. Return the state that follows.

    Raises SubscriberUnknown, ReasonNotActive, StateForbids. Source: D2.2.
    """
    states, refused = _resume([subscriber_id], reason, at, staff_id)
    for refusal in refused.values():
        raise refusal
    return states[subscriber_id]


@transaction.atomic
def stop_users(
    *,
    subscriber_ids: Collection[int],
    reason: str,
    at: datetime,
    staff_id: int | None,
    interrupted_at: Mapping[int, datetime] = MappingProxyType({}),
) -> dict[int, str]:
    """Stop many users for one more reason; return the states that follow, of those for whom add_stop_reason would not
    have been refused: the others stay as they are.

    interrupted_at  by user, when the stop was interrupted that comes back now: it counts from when it first began
    """
    return _stop(subscriber_ids, reason, at, staff_id, interrupted_at)[0]


@transaction.atomic
def resume_users(*, subscriber_ids: Collection[int], reason: str, at: datetime, staff_id: int | None) -> dict[int, str]:
    """End one stop reason of many users; return the states that follow, of those for whom clear_stop_reason would not
    have been refused: the others stay as they are."""
    return _resume(subscriber_ids, reason, at, staff_id)[0]


def _stop(
    subscriber_ids: Collection[int],
    reason: str,
    at: datetime,
    staff_id: int | None,
    interrupted_at: Mapping[int, datetime] = MappingProxyType({}),
) -> tuple[dict[int, str], dict[int, Exception]]:
    """Stop users for one more reason; return the states that follow, and why others were refused."""
    lives = lives_locked(subscriber_ids)
    reasons = reasons_of_users(subscriber_ids=subscriber_ids, at=at)
    refused = {
        user: refusal
        for user, active in reasons.items()
        if (refusal := _no_life(user, lives) or _no_stop(user, reason, active))
    }
    stopped = {user: active | {reason} for user, active in reasons.items() if user not in refused}
    if stopped:
        _begin_reason(stopped, reason, at, interrupted_at)
    return _in_states(stopped, reason, "customers.add_stop_reason", reason, at, staff_id), refused


def _resume(
    subscriber_ids: Collection[int], reason: str, at: datetime, staff_id: int | None
) -> tuple[dict[int, str], dict[int, Exception]]:
    """End one stop reason of users; return the states that follow, and why others were refused."""
    lives = lives_locked(subscriber_ids)
    reasons = reasons_of_users(subscriber_ids=subscriber_ids, at=at)
    refused = {
        user: refusal
        for user, active in reasons.items()
        if (refusal := _no_life(user, lives) or (None if reason in active else ReasonNotActive(reason)))
    }
    resumed = {user: active - {reason} for user, active in reasons.items() if user not in refused}
    if resumed:
        _end_reasons(resumed, [reason], at)
    return _in_states(resumed, f"CLEAR_{reason}", "customers.clear_stop_reason", reason, at, staff_id), refused


def _no_life(subscriber_id: int, lives: Mapping[int, str]) -> Exception | None:
    if subscriber_id not in lives:
        return SubscriberUnknown(subscriber_id)
    return None if lives[subscriber_id] == ACTIVE else StateForbids(lives[subscriber_id])


def _no_stop(subscriber_id: int, reason: str, active: set[str]) -> Exception | None:
    if reason not in BY_CODE or reason == PRETERM:
        return ReasonNotActive(reason)
    if reason in active:
        return ReasonActive(reason)
    if reason == "REQ_HOLD" and ARREARS & active:
        return HoldWithArrears(subscriber_id)
    return None


def _in_states(
    reasons: Mapping[int, set[str]], event: str, action: str, reason: str, at: datetime, staff_id: int | None
) -> dict[int, str]:
    """Write down, and tell the network, what follows for active users from the stop reasons they have now."""
    states = {user: state_of(life=ACTIVE, reasons=active) for user, active in reasons.items()}
    if states:
        _note_states(states, event=event, at=at)
        tell_network_of(states, at=at)
        after = {user: {"reason": reason, "state": state} for user, state in states.items()}
        record_audits(staff_id=staff_id, action=action, object_kind="subscriber", at=at, after=after.items())
    return states


def _begin_reason(
    subscriber_ids: Collection[int],
    reason: str,
    at: datetime,
    interrupted_at: Mapping[int, datetime] = MappingProxyType({}),
) -> None:
    reason_id, users = BY_CODE[reason].stop_reason_id, list(subscriber_ids)
    run(
        "INSERT INTO customers_stopperiod (subscriber_id, stop_reason_id, period, since_at)"
        " SELECT user_id, %s::smallint, tstzrange(%s::timestamptz, NULL),"
        " (SELECT coalesce(p.since_at, lower(p.period)) FROM customers_stopperiod p"
        "   WHERE p.subscriber_id = user_id AND p.stop_reason_id = %s::smallint AND upper(p.period) = interrupted_at)"
        " FROM unnest(%s::bigint[], %s::timestamptz[]) AS u (user_id, interrupted_at)",
        [reason_id, at, reason_id, users, [interrupted_at.get(user) for user in users]],
    )


def _end_reasons(subscriber_ids: Collection[int], reasons: Collection[str], at: datetime) -> None:
    run(
        "UPDATE customers_stopperiod SET period = tstzrange(lower(period), %s::timestamptz)"
        " WHERE subscriber_id = ANY(%s::bigint[]) AND stop_reason_id = ANY(%s::bigint[]) AND period @> %s::timestamptz",
        [at, list(subscriber_ids), [BY_CODE[reason].stop_reason_id for reason in reasons], at],
    )


def _note_states(states: Mapping[int, str], *, event: str, at: datetime, remove_tag: int | None = None) -> None:
    """Add to the history of those whose effective state is another than before."""
    last = dict(
        ask(
            "SELECT DISTINCT ON (subscriber_id) subscriber_id, state FROM customers_statechange"
            " WHERE subscriber_id = ANY(%s::bigint[]) ORDER BY subscriber_id, at DESC, state_change_id DESC",
            [list(states)],
        )
    )
    put_rows(
        "customers_statechange",
        {"subscriber_id": "bigint", "state": "text", "event": "text", "remove_tag": "smallint", "at": "timestamptz"},
        [(user, state, event, remove_tag, at) for user, state in states.items() if last.get(user) != state],
    )


def _note_state(subscriber_id: int, *, event: str, at: datetime, remove_tag: int | None = None) -> str:
    """Add to the history of a user if its effective state is another than before; return the state."""
    state = effective_state(subscriber_id=subscriber_id, at=at)
    _note_states({subscriber_id: state}, event=event, at=at, remove_tag=remove_tag)
    return state


# --- moves of the life ---


@transaction.atomic
def pre_terminate(*, subscriber_id: int, remove_tag: int, at: datetime, staff_id: int | None) -> None:
    """Put a user into the waiting time before final cancellation (tag 1 on request, 3 for arrears).

    Raises SubscriberUnknown, StateForbids: only an active or stopped user, for tag 1 without arrears, for tag 3 one
    who is stopped for arrears both ways; TooEarly before 30 days of that stop. Source: D2.3.
    """
    subscriber = locked(subscriber_id)
    _move(subscriber, "PRE_TERMINATE", remove_tag, at)
    _begin_reason([subscriber_id], PRETERM, at)
    _note_state(subscriber_id, event=PRETERM, at=at, remove_tag=remove_tag)
    tell_network(subscriber_id=subscriber_id, at=at)
    audit_subscriber("customers.pre_terminate", subscriber_id, at, staff_id, after={"remove_tag": remove_tag})


@transaction.atomic
def re_instate(*, subscriber_id: int, at: datetime, staff_id: int | None) -> str:
    """Take a user back from the waiting time; every stop reason ends.

    On request within three months, after arrears whenever they were paid (the caller knows).
    Raises SubscriberUnknown, StateForbids, TooLate. Source: D2.3.
    """
    subscriber = locked(subscriber_id)
    _move(subscriber, "RE_INSTATE", 0, at)
    _end_reasons([subscriber_id], active_reasons(subscriber_id=subscriber_id, at=at), at)
    state = _note_state(subscriber_id, event="RE_INSTATE", at=at, remove_tag=0)
    tell_network(subscriber_id=subscriber_id, at=at)
    audit_subscriber("customers.re_instate", subscriber_id, at, staff_id, after={"state": state})
    return state


@transaction.atomic
def terminate(*, subscriber_id: int, remove_tag: int, at: datetime, staff_id: int | None) -> None:
    """End a user for good: number, SIM card, products and stops end with it; nothing brings it back.

    Tags 5 (opening reversed), 6 (transferred), 7 (ported out) and 8 (validity ended) end a user at once, 2 and 4
    only after the waiting time. Raises SubscriberUnknown, StateForbids, StopsForbid, TooEarly. Source: D2.3, D1.4.
    """
    subscriber = locked(subscriber_id)
    event = {5: "REVERSE_OPENING", 6: "TRANSFER", 7: "PORT_OUT", 8: "RECYCLE"}.get(remove_tag, "TERMINATE")
    _move(subscriber, event, remove_tag, at)
    was_served = subscriber.life != PREOPENED and subscriber.service_type == MOBILE
    card = SimPeriod.objects.filter(subscriber_id=subscriber_id, period__contains=at).first()
    for model in (NumberPeriod, SimPeriod, Holding, StopPeriod):
        end_now(model, subscriber_id, at)
    if card and was_served and remove_tag != TRANSFERRED:  # a card that was transferred serves the new user
        tell_network(subscriber_id=subscriber_id, at=at, gone_imsi=card.imsi)
    _note_state(subscriber_id, event=event, at=at, remove_tag=remove_tag)
    audit_subscriber("customers.terminate", subscriber_id, at, staff_id, after={"remove_tag": remove_tag})


def _move(subscriber: Subscriber, event: str, remove_tag: int, at: datetime) -> None:
    """Make one move of customers/life.py, or refuse it."""
    subscriber_id, tag = subscriber.subscriber_id, subscriber.remove_tag or 0
    reasons = active_reasons(subscriber_id=subscriber_id, at=at)
    here = [
        move
        for move in MOVES
        if (move.event, move.remove_tag) == (event, remove_tag)
        and subscriber.life in move.from_life
        and move.from_tag in (None, tag)
    ]
    if not here:
        raise StateForbids(subscriber.life)
    (move,) = here
    if not stops_fit(move, reasons):
        refusal = StopsForbid if move.stops == NONE else StateForbids
        raise refusal(f"{subscriber.life}, stopped for {', '.join(sorted(reasons)) or 'nothing'}")
    _refuse_by_time(move, subscriber_id, at)
    closed_at = at if move.to_life == TERMINATED else None
    Subscriber.objects.filter(pk=subscriber_id).update(
        life=move.to_life, remove_tag=remove_tag or None, closed_at=closed_at
    )


def _refuse_by_time(move: LifeMove, subscriber_id: int, at: datetime) -> None:
    """Compare days, not hours: a wait of 30 days that began on the 1st is over on the 31st (D0.1)."""
    today = operator_day(at)
    if move.wait and today < (first_on := _end_of_wait(move.wait, subscriber_id, at)):
        raise TooEarly(first_on.isoformat())
    if move.until and today > (last_on := _end_of_wait(move.until, subscriber_id, at)):
        raise TooLate(last_on.isoformat())


def _end_of_wait(rule: str, subscriber_id: int, at: datetime) -> date:
    length = hall_rule(rule, on=operator_day(at))
    began_on = operator_day(_wait_began(rule, subscriber_id, at))
    return months_later(began_on, length) if rule.endswith("_months") else began_on + timedelta(days=length)


def _wait_began(rule: str, subscriber_id: int, at: datetime) -> datetime:
    """When the stop for arrears, or the waiting for cancellation, began."""
    reason = "ARREARS_2" if rule == "hall.arrears_stop_days" else PRETERM
    stop = StopPeriod.objects.get(
        subscriber_id=subscriber_id, stop_reason_id=BY_CODE[reason].stop_reason_id, period__contains=at
    )
    return stop.since_at or stop.period.lower


def cancellation_day(*, subscriber_id: int, at: datetime) -> date:
    """Say from which day on a user who waits for cancellation may be cancelled (HAL-08, D2.3).

    Raises SubscriberUnknown, StateForbids if the user does not wait.
    """
    subscriber = Subscriber.objects.filter(subscriber_id=subscriber_id).first()
    if subscriber is None:
        raise SubscriberUnknown(subscriber_id)
    if subscriber.life != PRE_TERMINATED:
        raise StateForbids(subscriber.life)
    rule = "hall.cancel_waiting_months" if subscriber.remove_tag == 1 else "hall.arrears_waiting_days"
    return _end_of_wait(rule, subscriber_id, at)


# --- what waits for its day ---


def unused_preopenings(*, at: datetime) -> list[int]:
    """Name the users who were pre-opened so long ago that the opening is to be reversed (180 days, D2.3)."""
    days = hall_rule("hall.preopened_days", on=operator_day(at))
    waiting = Subscriber.objects.filter(life=PREOPENED, opened_at__lte=at - timedelta(days=days))
    return list(waiting.order_by("subscriber_id").values_list("subscriber_id", flat=True))


def long_stopped_for_arrears(*, at: datetime) -> list[int]:
    """Name the users whose full stop for arrears is old enough for pre-termination (30 days, D2.3)."""
    days = hall_rule("hall.arrears_stop_days", on=operator_day(at))
    arrears, before = BY_CODE["ARREARS_2"].stop_reason_id, _day_after(at, days)
    stops = StopPeriod.objects.filter(
        Q(since_at__lt=before) | Q(since_at__isnull=True, period__startswith__lt=before),
        stop_reason_id=arrears,
        period__endswith__isnull=True,
        subscriber__life=ACTIVE,
    )
    return list(stops.order_by("subscriber_id").values_list("subscriber_id", flat=True))


def long_waiting_for_arrears(*, at: datetime) -> list[int]:
    """Name the users pre-terminated for arrears whose waiting time is over (30 more days, D2.3)."""
    days = hall_rule("hall.arrears_waiting_days", on=operator_day(at))
    preterm = BY_CODE[PRETERM].stop_reason_id
    stops = StopPeriod.objects.filter(
        stop_reason_id=preterm,
        period__endswith__isnull=True,
        period__startswith__lt=_day_after(at, days),
        subscriber__life=PRE_TERMINATED,
        subscriber__remove_tag=3,
    )
    return list(stops.order_by("subscriber_id").values_list("subscriber_id", flat=True))


def _day_after(at: datetime, days: int) -> datetime:
    """The end of the day that lies some days back: what began before it has waited long enough."""
    local = at.astimezone(ZoneInfo(settings.TIME_ZONE))
    return local.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=days - 1)
