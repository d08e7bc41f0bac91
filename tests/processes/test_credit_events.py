"""What the engine says of balances becomes a stop, a reminder, an alert; a recharge ends it; debts go to agencies."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection, transaction

from openboss.access.bank import agency as files
from openboss.access.bank.delimited import FileRefused
from openboss.modules.charging.functions.engine import answering, rate_waiting, recover_engine
from openboss.modules.charging.functions.heavy_use import tell_of_heavy_use
from openboss.modules.charging.functions.live import last_events
from openboss.modules.charging.functions.online import publish_balances, read_published
from openboss.modules.charging.models import EngineCommand
from openboss.modules.customers.models import Subscriber
from openboss.modules.receivables.atomic.standing import accounts_begun, reminders_by_account
from openboss.modules.receivables.functions import credit_watch, dunning, grant_gift, reverse_payment, validity, wallets
from openboss.modules.receivables.functions.collection_cases import CaseUnknown
from openboss.modules.receivables.functions.credit_records import set_credit, steps_of
from openboss.modules.receivables.functions.payments import PaymentPosted
from openboss.modules.receivables.models import Bucket, CollectionCase, Payment, Receivable
from openboss.modules.resources.models import NumberResource
from openboss.modules.system.models import Outbox
from openboss.processes import (
    collect_debt,
    collection_agency,
    keep_limits,
    keep_validity,
    keep_wallets,
    take_payment,
    tell_balance,
    unbilled,
    watch_use,
    watch_wallets,
)
from openboss.processes.collection_agency import CaseResult
from tests.modules.charging.engine.conftest import record
from tests.modules.charging.engine.test_owner import put_chunk, world
from tests.modules.receivables.conftest import LONG_AGO, Desk, check_books, desk, on
from tests.processes.test_collect_debt import messages, state, user_of

__all__ = ["desk", "world"]
pytestmark = pytest.mark.django_db(transaction=True)
USER, NUMBER = 12, 8613900000002
AT = on(10, 5)


def call(hour: int, minutes: int, *, day: int = 5) -> None:
    """A call that the switch's file tells of: 0.40 a minute."""
    put_chunk(record(NUMBER, f"2026-10-{day:02} {hour:02}:00:00", duration_s=60 * minutes))
    rate_waiting()


def watch(at: datetime | None = None) -> int:
    """The deliverer acts on what the engine said, while the engine answers questions; in the evening of the calls."""
    with answering(recover_engine(), Path(settings.DATA_DIR)):
        return watch_wallets.run(now=lambda: at or on(10, 5, 20))


def prepaid(desk: Desk, paid_fen: int) -> int:
    """An account with the engine's user 12, who prepays."""
    account = desk.account()
    user_of(account, pay_type="PREPAID", subscriber_id=USER)
    wallets.open_wallets({account: [USER]}, at=AT)
    desk.pay(account, paid_fen, AT)
    rate_waiting()  # the engine takes wallet and money
    return account


@pytest.mark.requirement("CHG-11")
@pytest.mark.usefixtures("world")
def test_with_0_79_left_a_call_of_0_80_is_rated_and_its_user_stopped_at_once(desk: Desk) -> None:
    account = prepaid(desk, 79)
    call(9, 2)
    looked_at = on(10, 5, 9) + timedelta(minutes=2, seconds=30)  # the worker looks twice a second
    assert watch(looked_at) == 1  # EMPTY
    assert state(USER, looked_at + timedelta(seconds=1)) == "TWO_WAY_STOP"  # 31 s after the call
    rate_waiting()
    barred = EngineCommand.objects.filter(kind="STATE").get()
    assert (barred.payload, barred.state) == ({"subscriber_id": USER, "barred": 2}, "DONE")
    keep_wallets.run(at=AT)
    assert wallets.wallet_differences()[0].is_empty()
    assert collect_debt.credit.positions(account_ids=[account], at=AT, unbilled_fen={})[0].exposure_fen == 1  # -0.01
    taken = take_payment.take(
        account_id=account, paid_fen=1000, means="VOUCHER", channel="SMS", serial_no="V", at=on(10, 6)
    )
    assert taken.resumed == (USER,)
    assert EngineCommand.objects.filter(kind="STATE").order_by("-command_id")[0].payload["barred"] == 0


@pytest.mark.requirement("CHG-12")
@pytest.mark.usefixtures("world")
def test_a_balance_that_falls_through_ten_is_one_message_and_not_one_a_call(desk: Desk) -> None:
    prepaid(desk, 1100)
    for hour in (9, 10, 11):
        call(hour, 3)
        watch()
    assert messages() == ["PREPAID_LOW"]


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize("gift_fen", [0, 1, 200])
def test_gifts_count_for_what_is_left_ten_and_five_are_told_once_and_who_has_nothing_left_is_stopped(
    desk: Desk, gift_fen: int
) -> None:
    account, left_fen, low, lower = prepaid(desk, 1100), 1100 + gift_fen, "PREPAID_LOW", "PREPAID_LOWER"
    if gift_fen:
        grant_gift(
            account_id=account, gift_fen=gift_fen, serial_no="G1", at=AT, staff_id=None, to_on=date(2026, 11, 20)
        )
        rate_waiting()
    for hour, minutes in enumerate((5, 9, 2, 12, 5), 8):
        call(hour, minutes)
        left_fen -= minutes * 40
        watch(on(10, 5, hour + 1))
        due = [low] * (left_fen < 1000) + [lower] * (left_fen < 500)
        assert [one for one in messages() if one in (low, lower)] == due
        assert state(USER, on(10, 5, hour + 1)) == ("ACTIVE" if left_fen > 0 else "TWO_WAY_STOP")
    kinds = Outbox.objects.filter(topic="charging.wallet").order_by("outbox_id").values_list("payload__kind", flat=True)
    assert list(kinds) == ["LOW", "LOWER", *(["NEAR_LIMIT", "AT_LIMIT"] if gift_fen else ["EMPTY"])]


@pytest.mark.requirement("CHG-13")
@pytest.mark.usefixtures("world")
def test_what_was_used_a_moment_ago_counts_for_credit_control(desk: Desk) -> None:
    account = prepaid(desk, 1000)
    call(9, 2)
    keep_wallets.run(at=AT)
    with answering(recover_engine(), Path(settings.DATA_DIR)):
        assert unbilled.now([account], at=AT) == {USER: 80}
    assert unbilled.Everybody(AT).by_user == {USER: 80}


@pytest.mark.usefixtures("world")
def test_a_balance_holds_gifts_and_shows_a_call_of_0_80_right_after_it(desk: Desk) -> None:
    account = prepaid(desk, 100)
    grant_gift(account_id=account, gift_fen=200, serial_no="G1", at=AT, staff_id=None, to_on=date(2026, 11, 20))
    rate_waiting()
    told = []
    for _ in range(2):
        with answering(recover_engine(), Path(settings.DATA_DIR)):
            user = tell_balance.of_user(USER, at=AT)
            assert user.account == tell_balance.of_account(account, at=AT)
        told.append((user.account.balance_li, user.account.gifts_li, user.unbilled_li, len(last_events(USER))))
        call(9, 2)
    assert told == [(3000, 2000, 0, 0), (2200, 2000, 800, 1)]


@pytest.mark.usefixtures("world")
def test_a_postpaid_user_is_warned_at_80_percent_and_stopped_at_the_limit_within_a_second_of_the_call(
    desk: Desk,
) -> None:
    account = desk.account()
    user_of(account, subscriber_id=USER)
    set_credit(account_id=account, limit_fen=1000, at=LONG_AGO, staff_id=None)
    call(8, 1, day=12)  # 0.40
    keep_wallets.run(at=on(10, 12, 8))
    assert keep_limits.run(at=on(10, 12, 8)) == 1
    rate_waiting()
    call(9, 18, day=12)  # 7.60 in all
    assert (watch(on(10, 12, 9)), messages()) == (1, [])  # LOWER: nothing to those who pay by bill
    call(9, 1, day=12)  # 8.00: 80 %
    assert (watch(on(10, 12, 9)), messages()) == (1, ["LIMIT_WARN"])
    rate_waiting()
    call(9, 3, day=12)  # 9.20
    assert watch(on(10, 12, 9)) == 0
    call(10, 2, day=12)  # 10.00: the limit
    looked_at = on(10, 12, 10) + timedelta(minutes=3)
    assert watch(looked_at) == 1
    assert state(USER, looked_at + timedelta(seconds=1)) == "ONE_WAY_STOP"
    assert messages() == ["LIMIT_WARN", "LIMIT_STOP_1"]
    taken = take_payment.take(
        account_id=account, paid_fen=1000, means="CASH", channel="HALL", serial_no="C", at=on(10, 12, 11)
    )
    assert taken.resumed == (USER,)
    rate_waiting()
    assert left_li() == 12_500, "a quarter beyond the limit of 10.00: nothing is owed"
    keep_wallets.run(at=on(10, 12, 12))
    assert keep_limits.run(at=on(10, 12, 12)) == 1, "it has to say 80 % again"
    rate_waiting()
    assert left_li() == 10_000
    keep_wallets.run(at=on(10, 12, 12))
    assert keep_limits.run(at=on(10, 12, 12)) == 0, "the engine knows all of it already"
    assert wallets.wallet_differences()[0].is_empty()
    desk.bill(account, 202609, RENT=300, user=USER)
    assert keep_limits.run(at=on(10, 12, 12)) == 1
    rate_waiting()
    assert left_li() == 7_000
    set_credit(account_id=account, limit_fen=1000, is_exempt=True, at=on(10, 12, 13), staff_id=None)
    keep_limits.run(at=on(10, 12, 13))
    rate_waiting()
    assert left_li() > 10**14, "who is exempt is not stopped"
    check_books()


@pytest.mark.usefixtures("world")
def test_an_account_whose_users_are_gone_is_watched_no_more_and_is_no_prepaid_money_either(desk: Desk) -> None:
    postpaid(desk)
    rate_waiting()
    assert keep_limits.run(at=on(10, 12, 8)) == 1
    Subscriber.objects.filter(subscriber_id=USER).update(life="CANCELLED")
    keep_limits.run(at=on(10, 12, 9))
    call(10, 1, day=12)  # a late record
    keep_wallets.run(at=on(10, 12, 10))
    assert wallets.wallet_differences()[0].is_empty()
    assert not Bucket.objects.exists()
    check_books()


@pytest.mark.usefixtures("world")
def test_a_prepaid_user_on_an_account_whose_limit_was_watched_has_the_money_that_was_paid_and_no_more(
    desk: Desk,
) -> None:
    account, late = desk.account(), 11
    user_of(account, subscriber_id=USER)
    set_credit(account_id=account, limit_fen=1000, at=LONG_AGO, staff_id=None)
    call(8, 1, day=12)  # 0.40, on the bill
    keep_wallets.run(at=on(10, 12, 8))
    assert keep_limits.run(at=on(10, 12, 8)) == 1
    user_of(account, pay_type="PREPAID", subscriber_id=late)
    wallets.open_wallets({account: [late]}, at=on(10, 12, 9))
    desk.pay(account, 500, on(10, 12, 9))
    call(10, 1, day=12)  # 0.40 more on the bill, not out of the wallet
    keep_wallets.run(at=on(10, 12, 10))
    keep_limits.run(at=on(10, 12, 10))
    rate_waiting()
    assert left_li() == 5_000, "paid 5.00, told once"
    assert wallets.wallet_differences()[0].is_empty()
    check_books()


def postpaid(desk: Desk) -> tuple[int, credit_watch.Heard]:
    """An account with a limit of 10.00 and the engine's user 12, who used 0.40; what the engine wrote down of it."""
    account = desk.account()
    user_of(account, subscriber_id=USER)
    set_credit(account_id=account, limit_fen=1000, at=LONG_AGO, staff_id=None)
    call(8, 1, day=12)
    keep_wallets.run(at=on(10, 12, 8))
    return account, written_down(on(10, 12, 8))


def written_down(at: datetime) -> credit_watch.Heard:
    """What the hourly run begins with."""
    range_, everybody = wallets.range_at(at), unbilled.Everybody(at)
    assert range_ is not None
    return credit_watch.Heard(
        range_.to_position,
        everybody.wallets,
        used_fen=everybody.by_user,
        misplaced={one.subscriber_id for one in everybody.misplaced},
    )


@pytest.mark.usefixtures("world")
def test_a_payment_and_its_return_while_limits_are_brought_up_to_date_count_once(desk: Desk) -> None:
    account, at_first = postpaid(desk)
    credit_watch.tell_limits({account: [USER]}, heard=at_first, at=on(10, 12, 8))
    keep_wallets.run(at=on(10, 12, 9))
    before = written_down(on(10, 12, 9))
    paid = desk.pay(account, 300, on(10, 12, 9))
    assert credit_watch.tell_limits({account: [USER]}, heard=before, at=on(10, 12, 9)) == 0
    rate_waiting()
    assert left_li() == 10_000 - 400 + 3_000
    reverse_payment(
        payment_id=paid.payment_id, serial_no="R", reason="wrong", staff_id=desk.staff["clerk"], at=on(10, 12, 9)
    )
    assert credit_watch.tell_limits({account: [USER]}, heard=before, at=on(10, 12, 9)) == 0
    rate_waiting()
    assert left_li() == 10_000 - 400


@pytest.mark.usefixtures("world")
def test_a_payment_that_comes_while_an_account_is_about_to_be_watched_waits_and_counts_once(desk: Desk) -> None:
    account, heard = postpaid(desk)
    with ThreadPoolExecutor(1) as counter:
        with transaction.atomic():
            credit_watch.tell_limits({account: [USER]}, heard=heard, at=on(10, 12, 8))
            paying = counter.submit(in_own_connection, lambda: desk.pay(account, 300, on(10, 12, 8)))
            with pytest.raises(TimeoutError):
                paying.result(timeout=0.3)
        assert paying.result(timeout=10).state == "POSTED"
    rate_waiting()
    assert left_li() == 10_000 - 400 + 3_000


@pytest.mark.usefixtures("world")
def test_an_account_that_got_prepaid_money_while_limits_are_brought_up_to_date_is_not_watched(desk: Desk) -> None:
    account, heard = postpaid(desk)
    wallets.open_wallets({account: [USER]}, at=on(10, 12, 8))
    assert credit_watch.tell_limits({account: [USER]}, heard=heard, at=on(10, 12, 8)) == 0
    assert credit_watch.watched() == []


def in_own_connection(work: Callable[[], PaymentPosted]) -> PaymentPosted:
    """Do something as another process would."""
    try:
        return work()
    finally:
        connection.close()


def left_li() -> int:
    """What the only wallet of the engine may still be used for."""
    (row,) = read_published(publish_balances())[0].to_dicts()
    return row["balance_li"] + row["limit_li"]


@pytest.mark.requirement("CHG-32")
def test_more_than_500_within_a_day_of_activation_is_an_alert_and_a_stop_once(desk: Desk) -> None:
    new, old, vip = (user_of(desk.account()) for _ in range(3))
    payers = desk.accounts
    Subscriber.objects.filter(subscriber_id__in=[new, vip]).update(opened_at=AT - timedelta(hours=20))
    set_credit(account_id=payers[2], is_exempt=True, at=LONG_AGO, staff_id=None)
    assert watch_use.run(at=AT, used_fen={new: 50_000, old: 19_999, vip: 0}).high == ()
    watched = watch_use.run(at=AT, used_fen={new: 50_001, old: 19_999, vip: 50_001})
    assert (watched.high, watched.alerted, watched.stopped) == ((new, vip), 2, 1)
    assert [state(user, AT + timedelta(seconds=1)) for user in (new, old, vip)] == ["ONE_WAY_STOP", "ACTIVE", "ACTIVE"]
    alert = Outbox.objects.filter(topic="manager.alert").order_by("outbox_id")[0].payload
    assert alert == {"kind": "HIGH_USE", "subscriber_id": new, "account_id": payers[0], "unbilled_fen": 50_001}
    again = watch_use.run(at=AT + timedelta(hours=1), used_fen={new: 60_000, vip: 60_000})
    assert (again.alerted, again.stopped) == (0, 0)
    rows = [(row.account_id, row.plan, row.next_step) for row in dunning.work_list(at=AT)]
    assert sorted(rows) == [(payers[0], "HIGH_USE", ""), (payers[2], "HIGH_USE", "")], "an alert is no plan of steps"
    over = watch_use.run(at=AT + timedelta(hours=2), used_fen={})
    assert over.over == 2
    assert state(new, AT + timedelta(hours=3)) == "ACTIVE"


@pytest.mark.requirement("CHG-32")
@pytest.mark.usefixtures("world")
def test_heavy_use_is_heard_of_as_it_is_charged_and_a_new_user_alerted_and_stopped_once(desk: Desk) -> None:
    """The engine looks at whom it charges, in files and online; nobody polls."""
    user_of(desk.account(), subscriber_id=USER)
    Subscriber.objects.filter(subscriber_id=USER).update(opened_at=AT - timedelta(hours=20))
    rate_waiting()
    owner = recover_engine()
    owner.heavy.lines_li, owner.heavy.step_li = watch_use.lines_li(at=AT)
    assert (owner.heavy.lines_li, owner.heavy.step_li) == ((200_000, 500_000), 10_000)

    def charge(minutes: int, hour: int) -> int:
        """A call by file, told of and heard; how many alerts there are by then."""
        put_chunk(record(NUMBER, f"2026-10-05 {hour:02}:00:00", duration_s=60 * minutes))
        owner.drain()
        tell_of_heavy_use(owner, at=AT)
        with answering(owner, Path(settings.DATA_DIR)):
            watch_use.hear(now=lambda: on(10, 5, 20))
        return Outbox.objects.filter(topic="manager.alert", payload__kind="HIGH_USE").count()

    assert charge(1250, 1) == 0  # 500.00
    assert charge(1, 2) == 1  # 500.40
    assert state(USER, on(10, 5, 21)) == "ONE_WAY_STOP"
    assert charge(100, 3) == 1
    assert tell_of_heavy_use(owner, at=AT) == 0
    owner = recover_engine()  # knows no more whom it told of
    owner.heavy.lines_li, owner.heavy.step_li = watch_use.lines_li(at=AT)
    assert charge(1, 4) == 1


def test_who_uses_much_at_night_is_told_in_the_morning_and_no_alert_counts_as_a_reminder(desk: Desk) -> None:
    account = desk.account()
    user = user_of(account)
    bill = desk.bill(account, 202608, RENT=3000, user=user)
    watch_use.run(at=on(10, 5, 23), used_fen={user: 50_001})
    told = Outbox.objects.get(topic="sms")
    assert (told.payload["template"], told.next_try_at) == ("HIGH_USE", on(10, 6, 8))
    assert reminders_by_account(account_ids=[account]) == {}
    assert accounts_begun(account_ids=[account]) == set()
    assert desk.open(bill) == 3000


def test_validity_that_ends_freezes_the_money_and_sixty_days_later_recycles_the_number(desk: Desk) -> None:
    account, resumed = desk.account(), desk.account()
    user, other = (user_of(one, pay_type="PREPAID") for one in (account, resumed))
    for one in (account, resumed):
        desk.pay(one, 5000, on(1, 1))
        assert validity.extend_validity(account_id=one, paid_fen=5000, at=on(1, 1)) == date(2026, 4, 1)
    NumberResource.objects.create(
        number=8613900000000 + user, state="OCCUPIED", grade="NONE", org_id="P", hlr_code="1", home_area=27,
        subscriber_id=user,
    )  # fmt: skip
    assert keep_validity.run(at=on(3, 26)).reminded == 2
    assert keep_validity.run(at=on(3, 27)).reminded == 0
    assert keep_validity.run(at=on(4, 1)).frozen == 2
    assert [state(one, on(4, 2)) for one in (user, other)] == ["TWO_WAY_STOP", "TWO_WAY_STOP"]
    assert desk.cash(account) == 5000, "frozen, not lost"
    taken = take_payment.take(
        account_id=resumed, paid_fen=3000, means="VOUCHER", channel="SMS", serial_no="V", at=on(4, 10)
    )
    assert taken.resumed == (other,)
    assert keep_validity.run(at=on(5, 30)).recycled == 0
    assert keep_validity.run(at=on(5, 31)).recycled == 1
    assert [state(one, on(6, 1)) for one in (user, other)] == ["TERMINATED", "ACTIVE"]
    assert NumberResource.objects.get().state == "QUARANTINE"
    assert desk.cash(account) == 5000, "refundable"
    check_books()


def test_a_debt_goes_to_the_agency_and_to_court_by_files_and_comes_back_paid(desk: Desk) -> None:
    accounts = [desk.account() for _ in range(3)]
    bills = [desk.bill(one, 202609, RENT=3000, user=user_of(one)) for one in accounts]  # due 31 October
    collect_debt.run(at=on(1, 15, year=2027))
    out = collection_agency.give(agency="HUAXIN", at=on(1, 15, year=2027), staff_id=None)
    assert [(one.bill_id, one.asked_fen) for one in out.cases] == [(bill, 3000) for bill in bills]
    key = b"a key of both"
    assert files.write_file(out, key=key).splitlines()[1].startswith(f"D|{out.cases[0].case_id}|AGENCY|{accounts[0]}|")
    take_payment.take(
        account_id=accounts[2], paid_fen=9000, means="CASH", channel="HALL", serial_no="C", at=on(1, 20, year=2027),
        staff_id=desk.staff["clerk"],
    )  # fmt: skip
    assert CollectionCase.objects.get(bill_id=bills[2]).state == "ENDED", "who pays is withdrawn"
    waiting = desk.account()
    desk.bill(waiting, 202609, RENT=3000, user=user_of(waiting))
    collect_debt.run(at=on(1, 20, year=2027))
    desk.pay(waiting, 9000, on(1, 20, year=2027))  # by a way that asks no case
    assert collection_agency.give(agency="HUAXIN", at=on(1, 21, year=2027), staff_id=None).cases == ()
    first, second, _ = out.cases
    results = [CaseResult(first.case_id, "10", 1000), CaseResult(second.case_id, "30", 0)]
    answer = files.write_answer("HUAXIN", out.file_no, results, key=key)
    for spoilt in (answer.replace("|1000", "|9000"), answer.replace("HUAXIN|1", "HUAXIN|2")):
        with pytest.raises(FileRefused):
            files.read_answer(spoilt, "HUAXIN", out.file_no, key=key)
    read = files.read_answer(answer, "HUAXIN", out.file_no, key=key)
    at = on(2, 1, year=2027)
    done = collection_agency.take_back(read, agency="HUAXIN", at=at, staff_id=None)
    assert (done.ended, done.collected_fen) == (2, 1000)
    with pytest.raises(CaseUnknown):
        collection_agency.take_back(read, agency="HUAXIN", at=at, staff_id=None)
    assert Payment.objects.filter(means="COLLECTOR").count() == 1
    collect_debt.run(at=on(4, 30, year=2027))  # 181 days after the due day
    court = collection_agency.give(agency="COURT", at=on(5, 1, year=2027), staff_id=None)
    assert {one.bill_id for one in court.cases} == set(bills[:2])
    left = Receivable.objects.get(bill_id=bills[1]).open_fen
    collection_agency.take_back(
        [CaseResult(court.cases[1].case_id, "00", 2 * left)], agency="COURT", at=on(6, 1, year=2027), staff_id=None
    )
    assert desk.open(bills[1]) == 0
    assert "COLLECTION" in [one.step for one in steps_of(account_id=accounts[0])]
    assert Bucket.objects.filter(balance_fen__lt=0).count() == 0
    check_books()
