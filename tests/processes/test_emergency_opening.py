"""An emergency opening: who may have one, how far it goes, how it ends, and that all of it is done once (D9.7)."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.db import IntegrityError, transaction

from openboss.modules.charging.functions.engine import answering, rate_waiting, recover_engine
from openboss.modules.charging.models import EngineCommand
from openboss.modules.customers.functions import (
    NotEntitled,
    Proof,
    add_stop_reason,
    due_for_rating,
    long_stopped_for_arrears,
    pre_terminate,
)
from openboss.modules.customers.models import PaymentRelation, Subscriber
from openboss.modules.receivables.functions import grant_gift
from openboss.modules.receivables.functions.credit_records import set_credit
from openboss.modules.receivables.functions.emergency import (
    EmergencyElsewhere,
    EmergencyUsed,
    NotStoppedForArrears,
    StarTooLow,
)
from openboss.modules.receivables.models import EmergencyOpening
from openboss.modules.system.models import AuditEntry, Outbox
from openboss.processes import (
    collect_debt,
    emergency_opening,
    hall,
    keep_limits,
    keep_wallets,
    take_payment,
    tell_balance,
)
from tests.modules.charging.engine.test_owner import world
from tests.modules.receivables.conftest import LONG_AGO, Desk, check_books, desk, on
from tests.processes.test_collect_debt import messages, state, user_of
from tests.processes.test_credit_events import USER, call, left_li, prepaid, watch

__all__ = ["desk", "world"]
pytestmark = pytest.mark.django_db(transaction=True)


def opened(user: int, at: datetime, *, serial_no: str = "E1", channel: str = "WEB", proof: Proof = Proof.SERVICE):
    """Ask for an emergency opening."""
    return hall.place_and_confirm(
        kind="EMERGENCY", serial_no=serial_no, channel=channel, request={}, proofs=[proof], at=at, staff_id=None,
        org_code="", subscriber_id=user,
    )  # fmt: skip


def stopped(desk: Desk, *, star: int = 2) -> tuple[int, int]:
    """An account whose bill of 30.00 is 8 days late, and its user, who is stopped for it since a day."""
    account = desk.account()
    user = user_of(account, star=star)
    desk.bill(account, 202609, RENT=3000, user=user)  # due 31 October
    collect_debt.run(at=on(11, 8))
    assert state(user, on(11, 8, 11)) == "ONE_WAY_STOP"
    return account, user


def ends(user: int) -> list[tuple[str, str]]:
    """By what a user's openings ended, and when."""
    rows = EmergencyOpening.objects.filter(subscriber_id=user).order_by("emergency_id")
    return [(one.ended_by, f"{one.ended_at + timedelta(hours=8):%m-%d %H:%M}" if one.ended_at else "") for one in rows]


def test_who_is_stopped_for_arrears_opens_for_24_hours_and_is_stopped_again_and_told_once(desk: Desk) -> None:
    account, user = stopped(desk)
    order = opened(user, on(11, 9))
    assert (order.state, order.result["until"]) == ("COMPLETED", "2026-11-10 10:00")
    assert state(user, on(11, 9, 11)) == "ACTIVE"
    owed_fen = 3000 + 72  # eight days of 0.09
    (opening,) = EmergencyOpening.objects.all()
    assert (opening.account_id, opening.ceiling_fen) == (account, owed_fen + 2000)
    for at in (on(11, 9, 11), on(11, 10, 9)):
        collect_debt.run(at=at)
        assert emergency_opening.run(at=at) == 0
    assert (state(user, on(11, 10, 9)), ends(user)) == ("ACTIVE", [("", "")])
    for _ in range(2):
        emergency_opening.run(at=on(11, 10))
        collect_debt.run(at=on(11, 10))
    assert (state(user, on(11, 10, 11)), ends(user)) == ("ONE_WAY_STOP", [("TIME", "11-10 10:00")])
    assert messages() == ["OVERDUE_BEFORE_DUE", "OVERDUE_LATE", "OVERDUE_STOP_1", "EMERGENCY_OPEN", "EMERGENCY_OVER"]
    over = Outbox.objects.filter(topic="sms").latest("outbox_id").payload
    assert over["values"] == {"owed_fen": 3081}
    done = AuditEntry.objects.filter(object_kind="subscriber", object_id=user, action__contains="emergency")
    assert [one.action for one in done.order_by("audit_id")] == [
        "receivables.begin_emergency", "receivables.end_emergency",
    ]  # fmt: skip


def test_twenty_yuan_end_it_before_its_time_and_the_stop_is_as_far_as_the_plan_says(desk: Desk) -> None:
    account = desk.account()
    user = user_of(account, star=2)  # 100.00
    other = user_of(account, star=0)
    desk.bill(account, 202610, RENT=10_000, user=user)
    collect_debt.run(at=on(11, 9))
    opened(user, on(11, 9, 11))
    moment = on(11, 9, 12)
    for used_fen, states, end in (
        (1_999, ["ACTIVE", "ONE_WAY_STOP"], ""),
        (2_000, ["TWO_WAY_STOP", "TWO_WAY_STOP"], "CREDIT"),  # which is 120 % of the limit too
    ):
        collect_debt.look_at([account], at=moment, unbilled_fen={user: used_fen})
        assert [state(one, moment + timedelta(seconds=1)) for one in (user, other)] == states
        assert ends(user)[0][0] == end
        moment += timedelta(hours=1)
    numbers = [row.payload["number"] for row in Outbox.objects.filter(topic="sms").order_by("outbox_id")]
    own = [name for name, number in zip(messages(), numbers, strict=True) if number == 8613900000000 + user]
    assert own == ["LIMIT_WARN", "LIMIT_STOP_1", "EMERGENCY_OPEN", "EMERGENCY_OVER"]
    assert messages().count("LIMIT_STOP_2") == 1, "to the other user"


def test_a_stop_that_came_back_is_one_stop_and_its_thirty_days_count_from_the_first(desk: Desk) -> None:
    _account, user = stopped(desk)
    collect_debt.run(at=on(11, 16))
    for month, day in ((11, 17), (12, 10)):
        opened(user, on(month, day), serial_no=f"E{month}")
        emergency_opening.run(at=on(month, day + 1))
        assert state(user, on(month, day + 1, 11)) == "TWO_WAY_STOP"
    about = {"rated_after_months": 6, "stops_of_months": 12, "stop_reasons": ["ARREARS_2"], "contracts": {}}
    assert due_for_rating(after=0, limit=9, at=on(12, 12), **about)["stops"].to_list() == [1]
    assert [long_stopped_for_arrears(at=on(12, day)) for day in (15, 16)] == [[], [user]]
    pre_terminate(subscriber_id=user, remove_tag=3, at=on(12, 16), staff_id=None)
    assert state(user, on(12, 16, 11)) == "PRE_TERMINATED"


def test_who_is_paid_for_by_another_account_by_now_is_not_stopped_again_for_the_formers_debt(desk: Desk) -> None:
    _account, user = stopped(desk)
    opened(user, on(11, 9))
    PaymentRelation.objects.filter(subscriber_id=user).update(account_id=desk.account())
    emergency_opening.run(at=on(11, 10))
    assert (state(user, on(11, 10, 11)), ends(user)) == ("ACTIVE", [("PAID", "11-10 10:00")])
    assert "EMERGENCY_OVER" not in messages()


def test_a_payment_ends_an_opening_in_the_normal_way_and_a_part_of_it_does_not(desk: Desk) -> None:
    account, user = stopped(desk)
    opened(user, on(11, 9))
    known = {"account_id": account, "means": "CASH", "channel": "HALL", "staff_id": desk.staff["clerk"]}
    taken = take_payment.take(paid_fen=1000, serial_no="P1", at=on(11, 9, 12), **known)
    assert (taken.resumed, ends(user)) == ((), [("", "")])
    take_payment.take(paid_fen=3000, serial_no="P2", at=on(11, 9, 13), **known)
    assert ends(user) == [("PAID", "11-09 13:00")]
    assert emergency_opening.run(at=on(11, 10)) == 0
    assert state(user, on(11, 10, 11)) == "ACTIVE"
    assert "EMERGENCY_OVER" not in messages()
    check_books()


def test_nobody_is_stopped_again_at_night_or_while_a_complaint_is_open(desk: Desk) -> None:
    account, user = stopped(desk)
    opened(user, on(11, 9, 23))
    for at, end in ((on(11, 10, 23), ""), (on(11, 11, 7), ""), (on(11, 11, 8), "TIME")):
        emergency_opening.run(at=at)
        assert (ends(user)[0][0], state(user, at + timedelta(minutes=1))) == (
            end, "ONE_WAY_STOP" if end else "ACTIVE",
        )  # fmt: skip
    second, complaining = stopped(desk)
    opened(complaining, on(11, 12), serial_no="E2")
    set_credit(account_id=second, disputed_until_on=on(11, 20).date(), at=on(11, 12), staff_id=None)
    emergency_opening.run(at=on(11, 14))
    assert state(complaining, on(11, 14, 11)) == "ACTIVE"
    emergency_opening.run(at=on(11, 21))
    assert state(complaining, on(11, 21, 11)) == "TWO_WAY_STOP", "the second step was reached meanwhile"


def test_it_is_refused_without_stars_without_a_stop_twice_a_month_and_beside_another(desk: Desk) -> None:
    account, user = stopped(desk, star=1)
    fellow = user_of(account, star=3)
    add_stop_reason(subscriber_id=fellow, reason="ARREARS_1", at=on(11, 8, 12), staff_id=None)
    lost = user_of(account, star=3)
    for reason in ("ARREARS_1", "LOST"):
        add_stop_reason(subscriber_id=lost, reason=reason, at=on(11, 8, 12), staff_id=None)
    free = user_of(account, star=3)
    before = EngineCommand.objects.count()
    for who, refusal in ((user, StarTooLow), (lost, NotStoppedForArrears), (free, NotStoppedForArrears)):
        with pytest.raises(refusal):
            opened(who, on(11, 9), serial_no=f"R{who}")
        assert not emergency_opening.may_open(subscriber_id=who, at=on(11, 9))
    with pytest.raises(NotEntitled):
        opened(fellow, on(11, 9), proof=Proof.CONFIRMED)
    assert not EmergencyOpening.objects.exists()
    assert EngineCommand.objects.count() == before
    assert (state(user, on(11, 9, 11)), state(lost, on(11, 9, 11))) == ("ONE_WAY_STOP", "TWO_WAY_STOP")
    Subscriber.objects.filter(subscriber_id=user).update(star=2)
    assert emergency_opening.may_open(subscriber_id=user, at=on(11, 9))
    opened(user, on(11, 9))
    with pytest.raises(EmergencyElsewhere):
        opened(fellow, on(11, 9, 12), serial_no="R1")
    emergency_opening.run(at=on(11, 10))
    with pytest.raises(EmergencyUsed):
        opened(user, on(11, 30), serial_no="R2")
    assert state(user, on(11, 30, 11)) == "ONE_WAY_STOP"
    assert opened(user, on(12, 1), serial_no="E2").state == "COMPLETED", "another month"
    assert [one for one, _ in ends(user)] == ["TIME", ""]


def test_the_same_order_again_is_the_same_opening_and_one_that_was_killed_is_none(desk: Desk) -> None:
    _, user = stopped(desk)
    with pytest.raises(IntegrityError), transaction.atomic():
        opened(user, on(11, 9))
        raise IntegrityError  # killed before the end
    assert (EmergencyOpening.objects.count(), state(user, on(11, 9, 11))) == (0, "ONE_WAY_STOP")
    first = opened(user, on(11, 9))
    assert opened(user, on(11, 9, 12)) == first
    assert EmergencyOpening.objects.count() == 1
    assert messages().count("EMERGENCY_OPEN") == 1


@pytest.mark.usefixtures("world")
def test_the_engine_lets_who_pays_by_bill_use_twenty_yuan_more_and_no_fen_further(desk: Desk) -> None:
    account = desk.account()
    user_of(account, subscriber_id=USER, star=2)
    set_credit(account_id=account, limit_fen=1000, at=LONG_AGO, staff_id=None)
    keep_wallets.run(at=on(10, 12, 8))
    assert keep_limits.run(at=on(10, 12, 8)) == 1
    rate_waiting()
    call(9, 25, day=12)  # 10.00
    watch(on(10, 12, 10))
    assert state(USER, on(10, 12, 11)) == "ONE_WAY_STOP"
    with answering(recover_engine(), Path(settings.DATA_DIR)):
        opened(USER, on(10, 12, 12))
    rate_waiting()
    assert left_li() == 20_000
    orders = EngineCommand.objects.filter(kind__in=["STATE", "WALLETS"]).order_by("-command_id")[:2]
    assert [(one.kind, one.state) for one in orders] == [("STATE", "DONE"), ("WALLETS", "DONE")]
    keep_wallets.run(at=on(10, 12, 13))
    assert keep_limits.run(at=on(10, 12, 13)) == 0, "the engine knows it already"
    call(14, 48, day=12)  # 19.20
    watch(on(10, 12, 15))
    assert state(USER, on(10, 12, 15) + timedelta(seconds=1)) == "ACTIVE"
    rate_waiting()
    assert left_li() == 800
    call(16, 2, day=12)  # 20.00
    watch(on(10, 12, 16))
    assert (state(USER, on(10, 12, 17)), ends(USER)[0][0]) == ("TWO_WAY_STOP", "CREDIT")
    rate_waiting()
    assert left_li() == 12_500 - 30_000, "the line of credit control again"
    barred = EngineCommand.objects.filter(kind="STATE").latest("command_id").payload
    assert barred == {"subscriber_id": USER, "barred": 2}
    assert messages()[-1] == "EMERGENCY_OVER"


@pytest.mark.usefixtures("world")
def test_who_prepays_may_go_twenty_yuan_below_nothing_and_credit_is_no_balance(desk: Desk) -> None:
    account = prepaid(desk, 79)
    Subscriber.objects.filter(subscriber_id=USER).update(star=2)
    call(9, 2)
    looked_at = on(10, 5, 10)
    assert watch(looked_at) == 1
    assert state(USER, looked_at + timedelta(seconds=1)) == "TWO_WAY_STOP"
    with answering(recover_engine(), Path(settings.DATA_DIR)):
        opened(USER, on(10, 5, 11))
    rate_waiting()
    assert left_li() == 20_000
    with answering(recover_engine(), Path(settings.DATA_DIR)):
        told = tell_balance.of_account(account, at=on(10, 5, 11))
    assert (told.balance_li, told.gifts_li) == (-10, 0)
    grant_gift(account_id=account, gift_fen=100, serial_no="G", at=on(10, 5, 12), staff_id=None)
    keep_wallets.run(at=on(10, 5, 12))
    rate_waiting()
    assert left_li() == 21_000
    call(13, 53)  # 21.20: a file is charged whole
    watch(on(10, 5, 14))
    assert (state(USER, on(10, 5, 15)), ends(USER)[0][0]) == ("TWO_WAY_STOP", "CREDIT")
    rate_waiting()
    assert left_li() == -20_210, "what is owed, and no credit any more"
    check_books()
