"""Credit control: reminders once a crossing, stops and resumption as stop reasons, plans as data."""

import random
from datetime import date, datetime, timedelta

import polars as pl
import pytest
from django.db import transaction
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange, NumericRange

from openboss.modules.customers.functions import add_stop_reason, effective_state
from openboss.modules.customers.models import Account, NumberPeriod, PaymentRelation, StateChange, Subscriber
from openboss.modules.receivables.functions import credit
from openboss.modules.receivables.functions import direct_debit as debit
from openboss.modules.receivables.functions.credit_at_once import accounts_to_look_at
from openboss.modules.receivables.functions.credit_records import set_credit, steps_of
from openboss.modules.receivables.models import Standing
from openboss.modules.system.atomic import put_parameter
from openboss.modules.system.models import Outbox
from openboss.processes import after_payments, collect_debt, take_payment
from tests.modules.receivables.conftest import LONG_AGO, Desk, check_books, desk, on

__all__ = ["desk"]


def user_of(account_id: int, *, pay_type: str = "POSTPAID", star: int = 0, subscriber_id: int | None = None) -> int:
    """A user whose rest the account pays."""
    user = Subscriber.objects.create(
        customer_id=Account.objects.get(account_id=account_id).customer_id, service_type="MOBILE", brand="GOTONE",
        home_area=27, pay_type=pay_type, opened_at=LONG_AGO, star=star, subscriber_id=subscriber_id,
    )  # fmt: skip
    PaymentRelation.objects.create(
        subscriber=user, account_id=account_id, item_scope="ALL", mode="REST", cycles=NumericRange(202001, None)
    )
    NumberPeriod.objects.create(
        subscriber=user, number=8613900000000 + user.subscriber_id, period=DateTimeTZRange(LONG_AGO, None)
    )
    StateChange.objects.create(subscriber=user, state="ACTIVE", event="OPEN", at=LONG_AGO)
    return user.subscriber_id


def state(user: int, at: datetime) -> str:
    return effective_state(subscriber_id=user, at=at)


def messages(topic: str = "sms") -> list[str]:
    rows = Outbox.objects.filter(topic=topic).order_by("outbox_id").values_list("payload", flat=True)
    return [row["template"] for row in rows]


def take(desk: Desk, account: int, paid_fen: int, at: datetime) -> take_payment.PaymentTaken:
    known = {"means": "CASH", "channel": "HALL", "serial_no": desk.no(), "staff_id": desk.staff["clerk"]}
    return take_payment.take(account_id=account, paid_fen=paid_fen, at=at, **known)


@pytest.mark.requirement("BMC-04")
def test_the_plan_of_five_steps_runs_on_its_dates_and_stops_when_the_bill_is_paid(desk: Desk) -> None:
    account = desk.account()
    set_credit(account_id=account, limit_fen=100_000, at=LONG_AGO, staff_id=None)
    user = user_of(account)
    desk.bill(account, 202609, RENT=3000, user=user)  # due 31 October
    seen = []
    day = on(10, 20)
    while day < on(11, 18):
        collect_debt.run(at=day)
        done = [one.step for one in steps_of(account_id=account)]
        if len(done) > len(seen):
            seen.append((f"{day.month}-{day.day}", done[0], state(user, day)))
        day += timedelta(days=1)
    assert seen == [
        ("10-26", "BEFORE_DUE", "ACTIVE"),
        ("11-1", "LATE", "ACTIVE"),
        ("11-7", "STOP_1", "ONE_WAY_STOP"),
        ("11-16", "STOP_2", "TWO_WAY_STOP"),
    ]
    taken = take(desk, account, 3000 + 153, on(11, 18))
    assert (taken.resumed, taken.owed_fen) == ((user,), 0)
    assert state(user, on(11, 18, 11)) == "ACTIVE"
    collect_debt.run(at=on(1, 20, year=2027))
    assert len(steps_of(account_id=account)) == 4, "the fifth step never comes"
    check_books()


def test_under_the_profile_of_the_regulation_nobody_is_stopped_before_thirty_days(desk: Desk) -> None:
    plan = [{"step": "LATE", "days": 1, "action": "REMIND"}, {"step": "STOP_1", "days": 31, "action": "ARREARS_1"}]
    put_parameter(key="money.plan.OVERDUE", value=plan, from_on=date(2026, 10, 1), at=on(9, 30))
    account = desk.account()
    user = user_of(account)
    desk.bill(account, 202609, RENT=3000, user=user)  # due 31 October
    for day, expected in ((on(11, 30), "ACTIVE"), (on(12, 1), "ONE_WAY_STOP")):
        collect_debt.run(at=day)
        assert state(user, day + timedelta(hours=1)) == expected


def test_paying_ends_the_stop_for_arrears_and_never_the_stop_of_a_lost_phone(desk: Desk) -> None:
    account = desk.account()
    user = user_of(account)
    desk.bill(account, 202609, RENT=3000, user=user)
    collect_debt.run(at=on(11, 8))
    add_stop_reason(subscriber_id=user, reason="LOST", at=on(11, 9), staff_id=None)
    take(desk, account, 4000, on(11, 10))
    assert state(user, on(11, 10, 12)) == "TWO_WAY_STOP"


def test_who_pays_a_part_is_not_stopped_by_paying(desk: Desk) -> None:
    account = desk.account()
    user = user_of(account)
    desk.bill(account, 202609, RENT=3000, user=user)
    take(desk, account, 1000, on(11, 10))
    assert state(user, on(11, 10, 12)) == "ACTIVE", "nobody had looked at the account before"
    collect_debt.run(at=on(11, 11))
    assert state(user, on(11, 11, 12)) == "ONE_WAY_STOP"


@pytest.mark.requirement("CHG-12")
def test_a_balance_that_falls_through_ten_is_told_once_and_again_only_after_it_recovered(desk: Desk) -> None:
    account = desk.account()
    user = user_of(account, pay_type="PREPAID")
    desk.pay(account, 2000, on(11, 1))
    for used in (900, 1050, 1100, 1200):  # one look a call: the balance is 11.00, 9.50, 9.00, 8.00
        collect_debt.look_at([account], at=on(11, 2), unbilled_fen={user: used})
    assert messages() == ["PREPAID_LOW"]
    desk.pay(account, 1000, on(11, 3))
    collect_debt.look_at([account], at=on(11, 3), unbilled_fen={user: 1200})
    collect_debt.look_at([account], at=on(11, 4), unbilled_fen={user: 2100})
    assert messages() == ["PREPAID_LOW", "PREPAID_LOW"]


def test_a_prepaid_balance_below_nothing_stops_at_once_and_a_recharge_resumes(desk: Desk) -> None:
    account = desk.account()
    user = user_of(account, pay_type="PREPAID")
    desk.pay(account, 79, on(11, 1))
    collect_debt.look_at([account], at=on(11, 2), unbilled_fen={user: 80})
    assert state(user, on(11, 2, 11)) == "TWO_WAY_STOP"
    taken = take_payment.take(
        account_id=account, paid_fen=3000, means="VOUCHER", channel="SMS", serial_no="V1", at=on(11, 3),
        unbilled=lambda accounts: {user: 80},
    )  # fmt: skip
    assert taken.resumed == (user,)
    assert state(user, on(11, 3, 11)) == "ACTIVE"


def test_the_limit_warns_at_eighty_stops_out_at_a_hundred_and_both_ways_after_three_days(desk: Desk) -> None:
    account = desk.account()
    user = user_of(account)  # no star: 50.00
    for moment, used, expected in [
        (on(11, 1), 3999, "ACTIVE"),
        (on(11, 2), 4000, "ACTIVE"),
        (on(11, 3), 5000, "ONE_WAY_STOP"),
        (on(11, 5, 9), 5100, "ONE_WAY_STOP"),
        (on(11, 6), 5100, "TWO_WAY_STOP"),
    ]:
        collect_debt.look_at([account], at=moment, unbilled_fen={user: used})
        assert state(user, moment + timedelta(seconds=1)) == expected
    assert messages() == ["LIMIT_WARN", "LIMIT_STOP_1", "LIMIT_STOP_2"]


@pytest.mark.requirement("BMC-02")
def test_a_score_gives_level_and_limit_and_a_temporary_addition_ends_by_itself(desk: Desk) -> None:
    assert credit.level_of_score(score=78, at=on(11, 1)) == (3, 20_000)
    account = desk.account()
    until = on(11, 8)
    known = {"account_id": account, "limit_fen": 20_000, "at": on(11, 1), "staff_id": None}
    set_credit(extra_fen=10_000, extra_until_at=until, **known)
    limits = [
        credit.positions(account_ids=[account], at=at, unbilled_fen={})[0].limit_fen for at in (on(11, 7), on(11, 9))
    ]
    assert limits == [30_000, 20_000]


def test_a_stop_that_falls_into_a_holiday_comes_on_the_day_after(desk: Desk) -> None:
    account = desk.account()
    user = user_of(account)
    desk.bill(account, 202608, RENT=3000, user=user)  # due 30 September: stopped out on 7 October, a holiday
    for day, expected in ((7, "ACTIVE"), (8, "ONE_WAY_STOP")):
        collect_debt.run(at=on(10, day))
        assert state(user, on(10, day, 11)) == expected


@pytest.mark.requirement("ACM-21")
def test_the_credit_of_an_account_is_its_limit_what_is_used_and_what_is_left(desk: Desk) -> None:
    account = desk.account()
    user = user_of(account, star=3)
    desk.bill(account, 202610, RENT=5000, user=user)
    known = {"account_id": account, "unbilled_fen": {user: 2500}}
    view = credit.credit_of(**known, at=on(11, 5))
    assert (view.limit_fen, view.used_fen, view.left_fen) == (20_000, 7500, 12_500)
    set_credit(account_id=account, extra_fen=10_000, extra_until_at=on(11, 12), at=on(11, 5), staff_id=None)
    assert [credit.credit_of(**known, at=at).left_fen for at in (on(11, 11), on(11, 13))] == [22_500, 12_500]
    desk.pay(account, 20_000, on(11, 13))
    assert credit.credit_of(**known, at=on(11, 13)).left_fen == 20_000, "money in advance is no credit"


def test_nobody_is_stopped_at_night_during_a_complaint_or_when_exempt(desk: Desk) -> None:
    accounts = [desk.account() for _ in range(3)]
    users = [user_of(account) for account in accounts]
    for account, user in zip(accounts, users, strict=True):
        desk.bill(account, 202609, RENT=3000, user=user)
    set_credit(account_id=accounts[1], is_exempt=True, at=LONG_AGO, staff_id=None)
    set_credit(account_id=accounts[2], disputed_until_on=on(12, 1).date(), at=LONG_AGO, staff_id=None)
    collect_debt.run(at=on(11, 20, 23))
    assert [state(user, on(11, 20, 23)) for user in users] == ["ACTIVE"] * 3
    tally = collect_debt.run(at=on(11, 21, 9))
    assert [state(user, on(11, 21, 10)) for user in users] == ["TWO_WAY_STOP", "ACTIVE", "ACTIVE"]
    assert tally.managers_told == 2
    again = collect_debt.run(at=on(11, 21, 10))
    assert (again.stopped, again.reminded, again.managers_told) == (0, 0, 0)


def test_more_than_five_hundred_unbilled_within_a_day_of_activation_is_high_use(desk: Desk) -> None:
    opened = on(11, 1)
    asked = {"average_fen": 0, "opened_at": opened, "at": opened + timedelta(hours=20)}
    assert not credit.is_high_use(unbilled_fen=50_000, **asked)
    assert credit.is_high_use(unbilled_fen=50_001, **asked)
    old = {"opened_at": LONG_AGO, "at": opened}
    assert credit.is_high_use(unbilled_fen=50_001, average_fen=10_000, **old)
    assert not credit.is_high_use(unbilled_fen=50_000, average_fen=10_000, **old)


def test_the_change_is_what_was_tendered_less_what_was_due(desk: Desk) -> None:
    account = desk.account()
    desk.bill(account, 202610, RENT=8630)
    taken = take_payment.take(
        account_id=account, paid_fen=8630, tendered_fen=10_000, means="CASH", channel="HALL", serial_no="C1",
        at=on(11, 5), staff_id=desk.staff["clerk"],
    )  # fmt: skip
    assert (taken.tendered_fen, taken.change_fen, taken.owed_fen) == (10_000, 1370, 0)
    with pytest.raises(take_payment.TenderedTooLittle):
        take_payment.take(
            account_id=account, paid_fen=8630, tendered_fen=8000, means="CASH", channel="HALL", serial_no="C2",
            at=on(11, 5), staff_id=desk.staff["clerk"],
        )  # fmt: skip


def test_who_is_left_alone_by_a_run_over_everybody_has_nothing_to_be_done(desk: Desk) -> None:
    """The look in columns names every account that a look one by one would change, and on a quiet day nobody."""
    chance = random.Random(6)
    accounts = [desk.account() for _ in range(24)]
    for account in accounts:
        kind = chance.choice(["POSTPAID", "POSTPAID", "PREPAID"])
        user = user_of(account, pay_type=kind, star=chance.choice([0, 3, 5]))
        for cycle in chance.sample([202608, 202609, 202610], chance.randint(0, 2)):
            desk.bill(account, cycle, user=user, RENT=chance.choice([900, 4100, 4900, 6500, 40_000]), SP_INFO=300)
        if chance.random() < 0.4:
            desk.pay(account, chance.choice([500, 3000, 30_000]), on(10, 10))
        if chance.random() < 0.3:
            until = on(11, 9)
            set_credit(
                account_id=account, limit_fen=4000, extra_fen=2000, extra_until_at=until, at=LONG_AGO, staff_id=None
            )
    for moment in (on(10, 26), on(10, 27), on(11, 2, hour=23), on(11, 8), on(11, 12), on(11, 17), on(11, 17)):
        named = accounts_to_look_at(account_ids=accounts, at=moment, unbilled_fen={})
        assert changed_by_a_look(accounts, moment) <= set(named)
        collect_debt.run(at=moment)
        if chance.random() < 0.5:
            take(desk, chance.choice(accounts), 5000, moment)
    assert collect_debt.run(at=on(11, 17)).reminded == 0


def changed_by_a_look(accounts: list[int], at: datetime) -> set[int]:
    """The accounts for which a look at each begins or ends something; nothing is kept."""
    with transaction.atomic():
        before = {account: picture(account, at) for account in accounts}
        for account in accounts:
            collect_debt.look_at([account], at=at)
        changed = {account for account in accounts if picture(account, at) != before[account]}
        transaction.set_rollback(True)
    return changed


def picture(account: int, at: datetime) -> list[object]:
    users = PaymentRelation.objects.filter(account_id=account).values_list("subscriber_id", flat=True)
    crossed = Standing.objects.filter(account_id=account, crossed_at__isnull=False).exists()
    return [steps_of(account_id=account), [state(user, at) for user in users], crossed]


def test_service_goes_on_with_the_banks_answer_to_direct_debit(desk: Desk) -> None:
    accounts = [desk.account() for _ in range(2)]
    users = [user_of(account) for account in accounts]
    for account, user in zip(accounts, users, strict=True):
        desk.bill(account, 202609, RENT=9000, user=user)
        mandate = debit.open_mandate(
            account_id=account, contract_no=f"C{account}", bank="ICBC", bank_account="6222", holder="张三", at=on(1, 1),
            staff_id=None,
        )  # fmt: skip
        debit.verify_mandate(mandate_id=mandate, reason="bank called", at=on(1, 2), staff_id=desk.staff["clerk"])
    collect_debt.run(at=on(11, 4))
    assert [state(user, on(11, 5)) for user in users] == ["TWO_WAY_STOP"] * 2
    run = debit.make_run(bank="ICBC", at=on(11, 5))
    told = [(one.contract_no, one.asked_fen, "00" if one.account_id == accounts[0] else "01")
            for one in debit.requests_of(run_id=run.run_id)]  # fmt: skip
    answer = pl.DataFrame(told, schema=debit.ANSWER, orient="row")
    debit.take_answer(run_id=run.run_id, answer=answer, at=on(11, 6), follow=after_payments.run)
    assert [state(user, on(11, 6, 11)) for user in users] == ["ACTIVE", "TWO_WAY_STOP"]
    check_books()
