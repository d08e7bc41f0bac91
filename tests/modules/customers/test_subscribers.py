"""Users: their states follow from stop reasons, forbidden transitions are refused, products follow the cycle."""

from datetime import UTC, datetime, timedelta

import pytest

from openboss.modules.customers import functions as customers
from openboss.modules.customers.models import Holding, StateChange, StopPeriod, Subscriber
from openboss.modules.system.functions import list_audit
from openboss.modules.system.models import Outbox
from tests.modules.customers.conftest import AT, DEPENDENT_PACK, EXCLUDING_PACK, MAIN, OTHER_MAIN, PACK

USER = 1001
LATER = AT + timedelta(days=3)
MONTH = timedelta(days=30)
AFTER = datetime(2027, 2, 2, 9, tzinfo=UTC)  # three months after AT


@pytest.fixture(autouse=True)
def _base(loaded: None) -> None:
    pass


def _add(reason: str, at: datetime = AT) -> str:
    return customers.add_stop_reason(subscriber_id=USER, reason=reason, at=at, staff_id=7)


def _clear(reason: str, at: datetime = AT) -> str:
    return customers.clear_stop_reason(subscriber_id=USER, reason=reason, at=at, staff_id=7)


def _open(**changes: object) -> int:
    wanted = {
        "customer_id": 2,
        "service_type": "MOBILE",
        "brand": "GOTONE",
        "home_area": 27,
        "pay_type": "POSTPAID",
        "number": 8613900019999,
        "iccid": "89860000000000009999",
        "imsi": 460000000009999,
        "main_offer_id": MAIN,
        "first_month": "PRORATE",
        "account_id": 2,
        "at": AT,
        "staff_id": 7,
    }
    return customers.open_subscriber(**{**wanted, **changes})  # type: ignore[arg-type]


# --- states ---


def test_the_state_is_the_highest_level_of_all_reasons() -> None:
    assert _add("ARREARS_1") == "ONE_WAY_STOP"
    assert _add("LOST") == "TWO_WAY_STOP"
    assert customers.effective_state(subscriber_id=USER, at=AT) == "TWO_WAY_STOP"


def test_clearing_one_reason_leaves_the_others() -> None:
    _add("LOST")
    _add("ARREARS_2")
    assert _clear("ARREARS_2", LATER) == "TWO_WAY_STOP"
    assert _clear("LOST", LATER) == "ACTIVE"


def test_the_past_keeps_its_state() -> None:
    _add("LOST")
    _clear("LOST", LATER)
    assert customers.effective_state(subscriber_id=USER, at=AT + timedelta(hours=1)) == "TWO_WAY_STOP"
    assert customers.effective_state(subscriber_id=USER, at=AT - timedelta(hours=1)) == "ACTIVE"


def test_the_history_notes_each_change_of_the_effective_state_only() -> None:
    _add("ARREARS_2")
    _add("LOST", AT + timedelta(hours=1))
    _clear("ARREARS_2", AT + timedelta(hours=2))
    _clear("LOST", LATER)
    history = StateChange.objects.filter(subscriber_id=USER).order_by("at")
    assert [(change.state, change.event) for change in history] == [
        ("ACTIVE", "OPEN"),
        ("TWO_WAY_STOP", "ARREARS_2"),
        ("ACTIVE", "CLEAR_LOST"),
    ]


def test_the_same_reason_twice_is_refused() -> None:
    _add("LOST")
    with pytest.raises(customers.ReasonActive):
        _add("LOST", LATER)
    assert StopPeriod.objects.filter(subscriber_id=USER).count() == 1


def test_a_reason_that_is_not_active_cannot_be_cleared() -> None:
    with pytest.raises(customers.ReasonNotActive):
        _clear("LOST")


@pytest.mark.parametrize("reason", ["PRETERM", "HOLIDAY", ""])
def test_an_unknown_reason_and_the_waiting_for_cancellation_are_not_set_by_hand(reason: str) -> None:
    with pytest.raises(customers.ReasonNotActive):
        _add(reason)


@pytest.mark.parametrize("arrears", ["ARREARS_1", "ARREARS_2"])
def test_a_number_is_not_kept_on_request_while_something_is_owed(arrears: str) -> None:
    _add(arrears)
    with pytest.raises(customers.HoldWithArrears):
        _add("REQ_HOLD")
    assert StopPeriod.objects.filter(subscriber_id=USER).count() == 1


def test_a_plan_is_not_changed_while_the_service_is_stopped() -> None:
    _add("LOST")
    with pytest.raises(customers.StopsForbid):
        customers.change_main_offer(subscriber_id=USER, offer_id=OTHER_MAIN, at=AT, staff_id=7)
    assert Holding.objects.filter(subscriber_id=USER).count() == 1


def test_a_user_waiting_for_cancellation_takes_no_other_stop() -> None:
    customers.pre_terminate(subscriber_id=USER, remove_tag=1, at=AT, staff_id=7)
    assert customers.effective_state(subscriber_id=USER, at=AT) == "PRE_TERMINATED"
    with pytest.raises(customers.StateForbids):
        _add("HIGH_USE_1", LATER)


def test_cancellation_by_the_user_is_refused_while_something_is_owed() -> None:
    _add("ARREARS_1")
    with pytest.raises(customers.StateForbids):
        customers.pre_terminate(subscriber_id=USER, remove_tag=1, at=AT, staff_id=7)
    assert Subscriber.objects.get(subscriber_id=USER).life == "ACTIVE"


def test_cancellation_for_arrears_needs_the_full_stop_for_arrears() -> None:
    _add("ARREARS_1")
    with pytest.raises(customers.StateForbids):
        customers.pre_terminate(subscriber_id=USER, remove_tag=3, at=AT, staff_id=7)
    _add("ARREARS_2", LATER)
    customers.pre_terminate(subscriber_id=USER, remove_tag=3, at=LATER + MONTH, staff_id=7)
    assert customers.effective_state(subscriber_id=USER, at=LATER + MONTH) == "PRE_TERMINATED"


def test_a_user_taken_back_is_active_without_any_stop() -> None:
    _add("ARREARS_2")
    customers.pre_terminate(subscriber_id=USER, remove_tag=3, at=AT + MONTH, staff_id=7)
    assert customers.re_instate(subscriber_id=USER, at=LATER + MONTH, staff_id=7) == "ACTIVE"


def test_nothing_brings_a_terminated_user_back() -> None:
    customers.pre_terminate(subscriber_id=USER, remove_tag=1, at=AT, staff_id=7)
    customers.terminate(subscriber_id=USER, remove_tag=2, at=AFTER, staff_id=7)
    for attempt in (
        lambda: customers.re_instate(subscriber_id=USER, at=AFTER, staff_id=7),
        lambda: customers.pre_terminate(subscriber_id=USER, remove_tag=1, at=AFTER, staff_id=7),
        lambda: customers.terminate(subscriber_id=USER, remove_tag=2, at=AFTER, staff_id=7),
        lambda: _add("LOST", AFTER),
        lambda: customers.change_main_offer(subscriber_id=USER, offer_id=OTHER_MAIN, at=AFTER, staff_id=7),
    ):
        with pytest.raises(customers.StateForbids):
            attempt()
    assert customers.effective_state(subscriber_id=USER, at=AFTER) == "TERMINATED"


def test_a_user_is_not_terminated_without_the_waiting_time() -> None:
    with pytest.raises(customers.StateForbids):
        customers.terminate(subscriber_id=USER, remove_tag=2, at=AT, staff_id=7)


def test_the_number_of_a_terminated_user_is_free_for_another() -> None:
    number = 8613900010000 + USER
    customers.pre_terminate(subscriber_id=USER, remove_tag=1, at=AT, staff_id=7)
    with pytest.raises(customers.NumberTaken):
        _open(number=number)
    customers.terminate(subscriber_id=USER, remove_tag=2, at=AFTER, staff_id=7)
    assert _open(number=number, at=AFTER) > USER


def test_an_unknown_user_is_refused() -> None:
    with pytest.raises(customers.SubscriberUnknown):
        customers.add_stop_reason(subscriber_id=9, reason="LOST", at=AT, staff_id=7)


def test_every_change_leaves_its_audit_row() -> None:
    _add("LOST")
    _clear("LOST", LATER)
    rows, _ = list_audit(object_kind="subscriber", object_id=str(USER))
    assert [(row.action, row.staff_id) for row in rows] == [
        ("customers.clear_stop_reason", 7),
        ("customers.add_stop_reason", 7),
    ]


# --- many at once ---


def test_many_users_are_stopped_and_resumed_as_one_is_and_who_would_be_refused_is_left_alone() -> None:
    kept = {"reason": "REQ_HOLD", "staff_id": 7}
    many = [1001, 1002, 1003, 9]
    customers.add_stop_reason(subscriber_id=1002, reason="ARREARS_1", at=AT, staff_id=7)
    customers.pre_terminate(subscriber_id=1003, remove_tag=1, at=AT, staff_id=7)
    before = StopPeriod.objects.filter(subscriber_id__in=(1002, 1003)).order_by("pk").values_list("pk", "period")
    known = list(before)
    assert customers.stop_users(subscriber_ids=many, at=LATER, **kept) == {1001: "TWO_WAY_STOP"}
    with pytest.raises(customers.HoldWithArrears):
        customers.add_stop_reason(subscriber_id=1002, at=LATER, **kept)
    assert list(before) == known
    assert customers.resume_users(subscriber_ids=many, at=LATER + MONTH, **kept) == {1001: "ACTIVE"}
    told = Outbox.objects.filter(topic="network.hlr", order_key="1001").order_by("outbox_id")
    assert [(one.payload["voice_in"], one.created_at) for one in told] == [(False, LATER), (True, LATER + MONTH)]
    rows, _ = list_audit(object_kind="subscriber", object_id="1001")
    assert [(row.action, row.after["state"]) for row in rows] == [
        ("customers.clear_stop_reason", "ACTIVE"),
        ("customers.add_stop_reason", "TWO_WAY_STOP"),
    ]
    history = StateChange.objects.filter(subscriber_id=1001, at__gte=LATER).order_by("pk")
    assert [(one.state, one.event) for one in history] == [("TWO_WAY_STOP", "REQ_HOLD"), ("ACTIVE", "CLEAR_REQ_HOLD")]


# --- opening ---


@pytest.mark.requirement("ARC-17")
def test_one_customer_holds_a_mobile_a_broadband_and_a_second_mobile() -> None:
    kinds = {}
    for place, service in enumerate(("MOBILE", "BROADBAND", "MOBILE")):
        number = 8613900019000 + place
        user = _open(customer_id=3, service_type=service, number=number, iccid=f"{number}", imsi=number, account_id=3)
        kinds[user] = service
    seen = customers.customer_360(customer_id=3, at=AT)
    assert {user.subscriber_id: user.service_type for user in seen.subscribers} == kinds
    assert len(kinds) == 3
    assert {customers.customer_of_subscriber(subscriber_id=user) for user in kinds} == {3}


def test_a_new_user_has_number_card_plan_and_payer_from_that_moment() -> None:
    user = _open()
    image = customers.engine_image(subscriber_ids=[user])
    assert (image.numbers["number"].to_list(), image.imsis["imsi"].to_list()) == ([8613900019999], [460000000009999])
    assert image.holdings["offer_id"].to_list() == [MAIN]
    relations = customers.billing_image(cycle=202611).relations
    assert relations.filter(relations["subscriber_id"] == user).rows()[0][2:5] == (2, "ALL", "REST")


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"number": 8613900011001}, customers.NumberTaken),
        ({"imsi": 460000000001001}, customers.SimTaken),
        ({"main_offer_id": PACK}, customers.OfferUnknown),
        ({"main_offer_id": 999}, customers.OfferUnknown),
    ],
)
def test_a_refused_opening_leaves_nothing_behind(changes: dict[str, int], refusal: type[Exception]) -> None:
    audited = list_audit()[1]
    with pytest.raises(refusal):
        _open(**changes)
    assert Subscriber.objects.count() == 3
    assert list_audit()[1] == audited


# --- products ---


def test_a_main_offer_changes_at_the_next_cycle() -> None:
    begins_at = customers.change_main_offer(subscriber_id=USER, offer_id=OTHER_MAIN, at=AT, staff_id=7)
    assert begins_at == datetime(2026, 11, 30, 16, 0, tzinfo=UTC)  # 1 December, 00:00 in Shanghai
    november = customers.billing_image(cycle=202611).holdings.filter(subscriber_id=USER)["offer_id"].to_list()
    december = customers.billing_image(cycle=202612).holdings.filter(subscriber_id=USER)["offer_id"].to_list()
    assert (november, december) == ([MAIN], [OTHER_MAIN])


def test_a_later_change_takes_the_place_of_the_one_that_waits() -> None:
    customers.change_main_offer(subscriber_id=USER, offer_id=OTHER_MAIN, at=AT, staff_id=7)
    customers.change_main_offer(subscriber_id=USER, offer_id=MAIN, at=LATER, staff_id=7)
    december = customers.billing_image(cycle=202612).holdings.filter(subscriber_id=USER)["offer_id"].to_list()
    assert december == [MAIN]


def test_a_second_main_offer_is_refused() -> None:
    with pytest.raises(customers.MainOfferHeld):
        customers.hold_product(
            subscriber_id=USER, offer_id=OTHER_MAIN, first_month="FULL", from_at=AT, at=AT, staff_id=7
        )
    assert Holding.objects.filter(subscriber_id=USER).count() == 1


def test_an_add_on_begins_at_once_and_ends_when_it_is_told() -> None:
    holding_id = customers.hold_product(
        subscriber_id=USER, offer_id=PACK, first_month="FULL", from_at=AT, at=AT, staff_id=7
    )
    customers.end_product(holding_id=holding_id, to_at=LATER, at=AT, staff_id=7)
    pack = customers.billing_image(cycle=202611).holdings.filter(offer_id=PACK).row(0, named=True)
    assert (pack["from_on"].isoformat(), pack["to_on"].isoformat()) == ("2026-11-02", "2026-11-05")


def _hold(offer_id: int) -> int:
    return customers.hold_product(
        subscriber_id=USER, offer_id=offer_id, first_month="FULL", from_at=AT, at=AT, staff_id=7
    )


@pytest.mark.parametrize(("first", "second"), [(PACK, EXCLUDING_PACK), (EXCLUDING_PACK, PACK)])
def test_offers_that_exclude_each_other_are_not_held_together(first: int, second: int) -> None:
    _hold(first)
    with pytest.raises(customers.OffersDoNotFit, match=f"OFFER_{second} does not go with OFFER_{first}"):
        _hold(second)
    assert Holding.objects.filter(subscriber_id=USER).count() == 2


def test_an_offer_that_needs_another_is_held_only_with_it() -> None:
    with pytest.raises(customers.OffersDoNotFit, match=f"OFFER_{DEPENDENT_PACK} needs OFFER_{PACK}"):
        _hold(DEPENDENT_PACK)
    _hold(PACK)
    assert _hold(DEPENDENT_PACK)


def test_a_main_offer_is_never_just_ended() -> None:
    with pytest.raises(customers.MainOfferHeld):
        customers.end_product(holding_id=1, to_at=LATER, at=AT, staff_id=7)
