"""Every transition of D2.3, the allowed and the forbidden, one by one and in any order."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openboss.modules.customers import functions as customers
from openboss.modules.customers.life import MOVES, REMOVE_TAGS
from openboss.modules.customers.models import (
    Holding,
    NumberPeriod,
    PaymentRelation,
    SimPeriod,
    StateChange,
    StopPeriod,
    Subscriber,
)
from openboss.modules.customers.stop_reasons import BY_CODE, STOP_REASONS
from openboss.modules.system.functions import list_audit
from tests.modules.customers.conftest import AT, MAIN

pytestmark = pytest.mark.usefixtures("loaded")

USER = 1001
DAY = timedelta(days=1)
ORDINARY = [reason for reason in STOP_REASONS if reason.code != "PRETERM"]


def days(count: int) -> datetime:
    return AT + count * DAY


def life(user: int = USER) -> tuple[str, int]:
    row = Subscriber.objects.get(subscriber_id=user)
    return row.life, row.remove_tag or 0


def stop(reason: str, at: datetime = AT) -> str:
    return customers.add_stop_reason(subscriber_id=USER, reason=reason, at=at, staff_id=7)


def clear(reason: str, at: datetime = AT) -> str:
    return customers.clear_stop_reason(subscriber_id=USER, reason=reason, at=at, staff_id=7)


def pre_terminate(tag: int, at: datetime) -> None:
    customers.pre_terminate(subscriber_id=USER, remove_tag=tag, at=at, staff_id=7)


def terminate(tag: int, at: datetime, user: int = USER) -> None:
    customers.terminate(subscriber_id=user, remove_tag=tag, at=at, staff_id=7)


def re_instate(at: datetime) -> str:
    return customers.re_instate(subscriber_id=USER, at=at, staff_id=7)


def pre_open(at: datetime = AT) -> int:
    return customers.pre_open_subscriber(
        customer_id=2, service_type="MOBILE", brand="GOTONE", home_area=27, pay_type="PREPAID", number=8613900019999,
        iccid="89860000000000009999", imsi=460000000009999, main_offer_id=MAIN, first_month="PRORATE", account_id=2,
        at=at, staff_id=7,
    )  # fmt: skip


def activate(user: int, at: datetime) -> None:
    customers.activate_subscriber(subscriber_id=user, customer_id=None, at=at, staff_id=7)


# --- from nothing and from PREOPENED ---


def test_a_pre_opened_user_has_number_and_card_and_is_neither_charged_nor_rated_until_the_first_use() -> None:
    user = pre_open()
    assert life(user) == ("PREOPENED", 0)
    assert NumberPeriod.objects.get(subscriber_id=user).number == 8613900019999
    assert not Holding.objects.filter(subscriber_id=user).exists()
    assert user not in customers.billing_image(cycle=202611).attributes["subscriber_id"].to_list()
    assert user not in customers.engine_image().numbers["subscriber_id"].to_list()
    activate(user, days(20))
    assert life(user) == ("ACTIVE", 0)
    assert Holding.objects.get(subscriber_id=user).period.lower == days(20)
    assert Subscriber.objects.get(subscriber_id=user).opened_at == days(20)
    assert user in customers.engine_image().numbers["subscriber_id"].to_list()
    history = StateChange.objects.filter(subscriber_id=user).order_by("at")
    assert [(row.state, row.event) for row in history] == [("PREOPENED", "PRE_OPEN"), ("ACTIVE", "ACTIVATE")]


def test_an_opening_not_used_in_180_days_is_reversed_and_its_number_is_free() -> None:
    user = pre_open()
    assert customers.unused_preopenings(at=days(179)) == []
    assert customers.unused_preopenings(at=days(180)) == [user]
    terminate(5, days(180), user)
    assert life(user) == ("TERMINATED", 5)
    assert NumberPeriod.objects.get(subscriber_id=user).period.upper == days(180)


@pytest.mark.parametrize("reason", [one.code for one in ORDINARY])
def test_a_pre_opened_user_takes_no_stop_reason(reason: str) -> None:
    user = pre_open()
    with pytest.raises(customers.StateForbids):
        customers.add_stop_reason(subscriber_id=user, reason=reason, at=AT, staff_id=7)
    assert not StopPeriod.objects.filter(subscriber_id=user).exists()


def test_a_user_in_service_is_not_activated_again() -> None:
    with pytest.raises(customers.StateForbids):
        activate(USER, AT)


# --- stop reasons ---


@pytest.mark.parametrize("reason", ORDINARY, ids=lambda reason: reason.code)
def test_each_reason_stops_as_far_as_it_says_and_its_end_resumes(reason) -> None:
    assert stop(reason.code) == f"{reason.level}_STOP"
    assert clear(reason.code, days(1)) == "ACTIVE"


@pytest.mark.requirement("HAL-12")
def test_a_user_who_reported_loss_and_then_pays_arrears_stays_stopped_for_loss() -> None:
    stop("LOST")
    stop("ARREARS_1", days(1))
    assert clear("ARREARS_1", days(2)) == "TWO_WAY_STOP"
    assert clear("LOST", days(3)) == "ACTIVE"


@pytest.mark.parametrize(("first", "second"), list(product(("ARREARS_1", "ARREARS_2"), ("REQ_HOLD",))))
def test_a_number_is_not_kept_while_something_is_owed(first: str, second: str) -> None:
    stop(first)
    with pytest.raises(customers.HoldWithArrears):
        stop(second)


# --- every cell of the table of moves ---

STARTS = {
    "PREOPENED": ("PREOPENED", 0),
    "ACTIVE": ("ACTIVE", 0),
    "ONE_WAY for arrears": ("ACTIVE", 0),
    "TWO_WAY for arrears, 30 days": ("ACTIVE", 0),
    "TWO_WAY for loss": ("ACTIVE", 0),
    "TWO_WAY for validity": ("ACTIVE", 0),
    "PRE_TERMINATED on request": ("PRE_TERMINATED", 1),
    "PRE_TERMINATED for arrears": ("PRE_TERMINATED", 3),
    "TERMINATED": ("TERMINATED", 2),
}
LATE = datetime(2027, 3, 31, 9, tzinfo=UTC)  # every waiting time is over


def bring(start: str) -> int:
    """Bring a user into a state; return it. LATE is long after, except where a right ends with time."""
    if start == "PREOPENED":
        return pre_open()
    if start == "ONE_WAY for arrears":
        stop("ARREARS_1")
    elif start in ("TWO_WAY for arrears, 30 days", "PRE_TERMINATED for arrears"):
        stop("ARREARS_2")
    elif start == "TWO_WAY for loss":
        stop("LOST")
    elif start == "TWO_WAY for validity":
        stop("VALIDITY")
    if start == "PRE_TERMINATED for arrears":
        pre_terminate(3, days(30))
    if start in ("PRE_TERMINATED on request", "TERMINATED"):
        pre_terminate(1, datetime(2026, 12, 31, 9, tzinfo=UTC))
    if start == "TERMINATED":
        terminate(2, LATE)
    return USER


ATTEMPTS = {
    "ACTIVATE": lambda user: activate(user, LATE),
    "REVERSE_OPENING": lambda user: terminate(5, LATE, user),
    "PRE_TERMINATE 1": lambda user: customers.pre_terminate(subscriber_id=user, remove_tag=1, at=LATE, staff_id=7),
    "PRE_TERMINATE 3": lambda user: customers.pre_terminate(subscriber_id=user, remove_tag=3, at=LATE, staff_id=7),
    "RE_INSTATE": lambda user: customers.re_instate(subscriber_id=user, at=LATE, staff_id=7),
    "TERMINATE 2": lambda user: terminate(2, LATE, user),
    "TERMINATE 4": lambda user: terminate(4, LATE, user),
    "TRANSFER 6": lambda user: terminate(6, LATE, user),
    "PORT_OUT 7": lambda user: terminate(7, LATE, user),
    "RECYCLE 8": lambda user: terminate(8, LATE, user),
}
ALLOWED = {
    ("PREOPENED", "ACTIVATE"): ("ACTIVE", 0),
    ("PREOPENED", "REVERSE_OPENING"): ("TERMINATED", 5),
    ("ACTIVE", "REVERSE_OPENING"): ("TERMINATED", 5),
    ("ACTIVE", "PRE_TERMINATE 1"): ("PRE_TERMINATED", 1),
    ("ACTIVE", "TRANSFER 6"): ("TERMINATED", 6),
    ("ACTIVE", "PORT_OUT 7"): ("TERMINATED", 7),
    ("TWO_WAY for loss", "PRE_TERMINATE 1"): ("PRE_TERMINATED", 1),
    ("TWO_WAY for validity", "PRE_TERMINATE 1"): ("PRE_TERMINATED", 1),
    ("TWO_WAY for validity", "RECYCLE 8"): ("TERMINATED", 8),
    ("TWO_WAY for arrears, 30 days", "PRE_TERMINATE 3"): ("PRE_TERMINATED", 3),
    ("PRE_TERMINATED on request", "RE_INSTATE"): ("ACTIVE", 0),
    ("PRE_TERMINATED on request", "TERMINATE 2"): ("TERMINATED", 2),
    ("PRE_TERMINATED for arrears", "RE_INSTATE"): ("ACTIVE", 0),
    ("PRE_TERMINATED for arrears", "TERMINATE 4"): ("TERMINATED", 4),
}


@pytest.mark.parametrize(("start", "attempt"), list(product(STARTS, ATTEMPTS)), ids=lambda name: name)
def test_the_move_is_as_the_table_says(start: str, attempt: str) -> None:
    user = bring(start)
    assert life(user) == STARTS[start]
    audited = list_audit()[1]
    if (start, attempt) in ALLOWED:
        ATTEMPTS[attempt](user)
        assert life(user) == ALLOWED[start, attempt]
        assert list_audit()[1] == audited + 1
        return
    with pytest.raises((customers.StateForbids, customers.StopsForbid)):
        ATTEMPTS[attempt](user)
    assert life(user) == STARTS[start]
    assert list_audit()[1] == audited


def test_every_move_of_the_table_of_lives_is_tried_above() -> None:
    assert {(move.to_life, move.remove_tag) for move in MOVES} == set(ALLOWED.values())
    assert set(REMOVE_TAGS) == set(range(9))


# --- waiting times ---


def test_arrears_lead_to_pre_termination_after_30_days_and_to_the_end_after_60() -> None:
    stop("ARREARS_2")
    assert customers.long_stopped_for_arrears(at=days(29)) == []
    with pytest.raises(customers.TooEarly, match="2026-12-02"):
        pre_terminate(3, days(29))
    assert customers.long_stopped_for_arrears(at=days(30)) == [USER]
    pre_terminate(3, days(30))
    assert customers.effective_state(subscriber_id=USER, at=days(30)) == "PRE_TERMINATED"
    assert customers.long_waiting_for_arrears(at=days(59)) == []
    with pytest.raises(customers.TooEarly, match="2027-01-01"):
        terminate(4, days(59))
    assert customers.long_waiting_for_arrears(at=days(60)) == [USER]
    terminate(4, days(60))
    assert life() == ("TERMINATED", 4)


@pytest.mark.requirement("HAL-08")
def test_who_pre_cancels_on_10_august_may_cancel_from_10_november() -> None:
    pre_terminate(1, datetime(2026, 8, 10, 2, tzinfo=UTC))
    assert customers.cancellation_day(subscriber_id=USER, at=AT).isoformat() == "2026-11-10"
    with pytest.raises(customers.TooEarly, match="2026-11-10"):
        terminate(2, datetime(2026, 11, 9, 15, 59, tzinfo=UTC))  # 23:59 in Shanghai
    assert life() == ("PRE_TERMINATED", 1)
    terminate(2, datetime(2026, 11, 9, 16, 0, tzinfo=UTC))  # 10 November, midnight
    assert life() == ("TERMINATED", 2)


def test_three_months_after_the_31st_is_the_end_of_a_shorter_month() -> None:
    pre_terminate(1, datetime(2026, 8, 31, 2, tzinfo=UTC))
    assert customers.cancellation_day(subscriber_id=USER, at=AT).isoformat() == "2026-11-30"


def test_the_way_back_on_request_is_open_for_three_months() -> None:
    pre_terminate(1, datetime(2026, 8, 10, 2, tzinfo=UTC))
    with pytest.raises(customers.TooLate, match="2026-11-10"):
        re_instate(datetime(2026, 11, 11, 2, tzinfo=UTC))
    assert re_instate(datetime(2026, 11, 10, 2, tzinfo=UTC)) == "ACTIVE"
    assert customers.active_reasons(subscriber_id=USER, at=datetime(2026, 11, 10, 3, tzinfo=UTC)) == set()


# --- what ends with a user, and what stays ---


def test_nothing_of_a_terminated_user_is_deleted_and_all_of_it_is_ended() -> None:
    before = {model: model.objects.filter(subscriber_id=USER).count() for model in (NumberPeriod, SimPeriod, Holding)}
    terminate(7, AT)
    for model, count in before.items():
        rows = model.objects.filter(subscriber_id=USER)
        assert rows.count() == count
        assert {row.period.upper for row in rows} == {AT}
    assert PaymentRelation.objects.filter(subscriber_id=USER).count() == 1


def test_a_new_owner_gets_number_and_card_and_the_old_user_keeps_its_id_and_history() -> None:
    terminate(6, AT)
    fresh = customers.succeed_subscriber(
        subscriber_id=USER, customer_id=2, account_id=2, main_offer_id=MAIN, first_month="PRORATE", at=AT, staff_id=7
    )
    assert Subscriber.objects.get(subscriber_id=fresh).predecessor_id == USER
    assert customers.numbers_of_subscribers(subscriber_ids=[fresh], at=AT) == {fresh: 8613900011001}
    assert SimPeriod.objects.get(subscriber_id=fresh).imsi == 460000000001001
    assert (life(), life(fresh)) == (("TERMINATED", 6), ("ACTIVE", 0))


def test_a_user_who_was_not_transferred_has_no_successor() -> None:
    with pytest.raises(customers.StateForbids):
        customers.succeed_subscriber(
            subscriber_id=USER, customer_id=2, account_id=2, main_offer_id=MAIN, first_month="FULL", at=AT, staff_id=7
        )
    assert Subscriber.objects.count() == 3


def test_number_and_card_change_and_the_past_keeps_what_it_had() -> None:
    old = customers.change_number(subscriber_id=USER, number=8613900018888, at=AT, staff_id=7)
    card = customers.replace_sim(
        subscriber_id=USER, iccid="89860000000000008888", imsi=460000000008888, at=AT, staff_id=7
    )
    assert (old, card) == (8613900011001, ("89860000000000001001", 460000000001001))
    assert customers.numbers_of_subscribers(subscriber_ids=[USER], at=AT - DAY) == {USER: 8613900011001}
    assert customers.numbers_of_subscribers(subscriber_ids=[USER], at=AT) == {USER: 8613900018888}
    assert [sim[:2] for sim in customers.sims_of_subscriber(subscriber_id=USER)] == [
        ("89860000000000008888", 460000000008888),
        ("89860000000000001001", 460000000001001),
    ]


@pytest.mark.parametrize("taken", ["number", "iccid", "imsi"])
def test_what_another_user_has_is_refused_by_the_database_itself(taken: str) -> None:
    number, sim = {"number": 8613900018888}, {"iccid": "89860000000000008888", "imsi": 460000000008888}
    both = {**number, **sim, taken: {"number": 8613900011003, "iccid": "89860000000000001003"}.get(taken)}
    both["imsi"] = 460000000001003 if taken == "imsi" else both["imsi"]
    with pytest.raises((customers.NumberTaken, customers.SimTaken)):
        if taken == "number":
            customers.change_number(subscriber_id=USER, number=both["number"], at=AT, staff_id=7)
        else:
            customers.replace_sim(subscriber_id=USER, iccid=both["iccid"], imsi=both["imsi"], at=AT, staff_id=7)
    assert (NumberPeriod.objects.count(), SimPeriod.objects.count()) == (3, 3)
    assert NumberPeriod.objects.get(subscriber_id=USER).period.upper is None


# --- any order of anything ---

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("stop"), st.sampled_from([one.code for one in ORDINARY])),
        st.tuples(st.just("clear"), st.sampled_from([one.code for one in ORDINARY])),
        st.tuples(st.just("pre"), st.sampled_from([1, 3])),
        st.tuples(st.just("end"), st.sampled_from([2, 4, 5, 6, 7])),
        st.tuples(st.just("back"), st.just(0)),
        st.tuples(st.just("wait"), st.integers(1, 40)),
    ),
    max_size=14,
)
REFUSALS = (
    customers.StateForbids, customers.StopsForbid, customers.ReasonActive, customers.ReasonNotActive,
    customers.HoldWithArrears, customers.TooEarly, customers.TooLate,
)  # fmt: skip


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(steps=STEPS)
def test_in_any_order_the_state_is_what_life_and_reasons_make_it_and_the_end_is_final(steps) -> None:
    from django.db import transaction

    with transaction.atomic():
        _walk(steps)
        transaction.set_rollback(True)


def _walk(steps) -> None:
    at, ended = AT, False
    calls = {"stop": stop, "clear": clear, "pre": pre_terminate, "end": terminate, "back": lambda _, at: re_instate(at)}
    for name, value in steps:
        if name == "wait":
            at += value * DAY
            continue
        try:
            calls[name](value, at)
            assert not ended
        except REFUSALS:
            pass
        state, reasons = life()[0], customers.active_reasons(subscriber_id=USER, at=at)
        levels = {BY_CODE[reason].level for reason in reasons}
        derived = "TWO_WAY_STOP" if "TWO_WAY" in levels else "ONE_WAY_STOP" if levels else "ACTIVE"
        expected = derived if state == "ACTIVE" else state
        assert customers.effective_state(subscriber_id=USER, at=at) == expected
        last = StateChange.objects.filter(subscriber_id=USER).order_by("-at", "-state_change_id").first()
        assert last is not None
        assert last.state == expected
        ended = state == "TERMINATED"
        assert ("PRETERM" in reasons) == (state == "PRE_TERMINATED")
