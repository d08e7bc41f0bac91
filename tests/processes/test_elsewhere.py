"""Paying for numbers of other provinces: who may, who may be paid for, and month T in T+1 out of cash (D8.13)."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest

from openboss.access.hub import asking
from openboss.modules.customers.models import Account, Customer, PaymentRelation, Subscriber
from openboss.modules.orders.models import HubOrder
from openboss.modules.receivables.functions import (
    NotEntitled,
    SecondPersonNeeded,
    close_day,
    direct_debit,
    elsewhere,
    grant_gift,
)
from openboss.modules.receivables.functions.remote import OwnProvince, remote_collections
from openboss.modules.receivables.models import ElsewherePayment, Entry, Payment
from openboss.modules.system.functions import SerialNumberUsed
from openboss.modules.system.models import Outbox
from openboss.processes import assure_money, paid_elsewhere, pay_elsewhere
from tests.modules.receivables.conftest import Desk, check_books, desk, on
from tests.processes.test_collect_debt import messages, user_of

__all__ = ["desk"]
OCTOBER, THERE = on(10, 5), 8613712340000
NUMBER = 8613900000000


def payer_of(desk: Desk, cash_fen: int = 0) -> tuple[int, int]:
    """A user of ours with an account of their own, and cash in it."""
    account = desk.account()
    user = user_of(account)
    if cash_fen:
        desk.pay(account, cash_fen, OCTOBER)
    return account, user


def order(desk: Desk, user: int, number: int = THERE, **changes: Any) -> elsewhere.ElsewhereView:
    known = {"province": "19", "trans_id": desk.no(), "at": OCTOBER, "staff_id": desk.staff["clerk"], "org_code": "P"}
    return pay_elsewhere.order(subscriber_id=user, number=number, **(known | changes))


def hub(at: datetime) -> None:
    """The simulated province answers: yes, and 35.00 for any month's bill."""
    for _ in range(2):
        asking.deliver(peers=None, now=lambda: at)


def accept(user: int, *, payer: int = THERE, trans_id: str = "A1", at: datetime = OCTOBER) -> elsewhere.ElsewhereView:
    about = {"province": "19", "payer": payer, "number": NUMBER + user}
    return paid_elsewhere.accept(trans_id=trans_id, cycle=202610, at=at, **about)


def test_a_customer_pays_for_six_numbers_elsewhere_and_not_for_a_seventh(desk: Desk) -> None:
    _account, user = payer_of(desk)
    for place in range(6):
        order(desk, user, THERE + place)
    with pytest.raises(elsewhere.TooManyNumbers):
        order(desk, user, THERE + 6)
    assert (ElsewherePayment.objects.count(), HubOrder.objects.filter(activity="PAY_FOR").count()) == (6, 6)
    hub(OCTOBER)
    assert {one.state for one in elsewhere.relations()} == {"ACTIVE"}
    first = elsewhere.relations(number=THERE)[0]
    known = {"at": OCTOBER, "staff_id": desk.staff["clerk"], "org_code": "P"}
    pay_elsewhere.end(relation_id=first.relation_id, **known)
    assert order(desk, user, THERE + 6).state == "ASKED"
    with pytest.raises(elsewhere.RelationUnknown):
        pay_elsewhere.end(relation_id=first.relation_id, **known)


def test_who_may_not_pay_is_refused_at_once_and_nobody_is_asked(desk: Desk) -> None:
    _account, user = payer_of(desk)
    _other_account, other = payer_of(desk)
    order(desk, other, THERE + 9)
    Subscriber.objects.filter(subscriber_id=user).update(life="PRE_TERMINATED", remove_tag=1)
    with pytest.raises(pay_elsewhere.PayerNotInService):
        order(desk, user)
    Subscriber.objects.filter(subscriber_id=user).update(life="ACTIVE", remove_tag=0)
    with pytest.raises(OwnProvince):
        order(desk, user, province="17")
    with pytest.raises(elsewhere.RelationExists):
        order(desk, user, THERE + 9)
    accept(user)
    with pytest.raises(elsewhere.IsPaidFor):
        order(desk, user)
    assert HubOrder.objects.count() == 1


def _mandated(user: int, account: int, clerk: int) -> None:
    direct_debit.open_mandate(
        account_id=account, contract_no="C1", bank="ICBC", bank_account="6222", holder="张三", at=OCTOBER,
        staff_id=clerk,
    )  # fmt: skip


def _of_a_unit(user: int, account: int, clerk: int) -> None:
    Customer.objects.filter(accounts__account_id=account).update(kind="UNIT")


def _shared(user: int, account: int, clerk: int) -> None:
    other = Account.objects.exclude(account_id=account).first()
    PaymentRelation.objects.create(
        subscriber_id=user, account=other, item_scope="ALL", mode="LIMIT", value=1000, cycles=(202001, None)
    )


def _combined(user: int, account: int, clerk: int) -> None:
    user_of(account)


def _pre_cancelled(user: int, account: int, clerk: int) -> None:
    Subscriber.objects.filter(subscriber_id=user).update(life="PRE_TERMINATED", remove_tag=1)


def _cancelled(user: int, account: int, clerk: int) -> None:
    Subscriber.objects.filter(subscriber_id=user).update(life="TERMINATED", remove_tag=2, closed_at=OCTOBER)


def _paid_by_another_account(user: int, account: int, clerk: int) -> None:
    customer = Account.objects.get(account_id=account).customer
    other = Account.objects.create(customer=customer, pay_method="CASH", language="zh", layout="STANDARD")
    kept = PaymentRelation.objects.get(subscriber_id=user)
    PaymentRelation.objects.filter(subscriber_id=user).update(cycles=(202001, 202611))
    PaymentRelation.objects.create(
        subscriber_id=user, account=other, item_scope="ALL", mode=kept.mode, cycles=(202611, None)
    )


@pytest.mark.parametrize(
    ("made", "refusal"),
    [
        (_mandated, paid_elsewhere.PaysByDirectDebit),
        (_of_a_unit, paid_elsewhere.PaidByGroup),
        (_shared, paid_elsewhere.PaidByGroup),
        (_combined, paid_elsewhere.CombinedAccount),
        (_pre_cancelled, paid_elsewhere.NotInService),
        (_cancelled, paid_elsewhere.NotInService),
    ],
    ids=["direct debit", "unit", "another pays a part", "combined account", "pre-cancelled", "cancelled"],
)
def test_what_number_may_not_be_paid_for(
    desk: Desk, made: Callable[[int, int, int], None], refusal: type[Exception]
) -> None:
    desk.account()
    account, user = payer_of(desk)
    made(user, account, desk.staff["clerk"])
    with pytest.raises(refusal):
        accept(user)
    assert not ElsewherePayment.objects.exists()


@pytest.mark.parametrize("made", [_paid_by_another_account, _mandated, _of_a_unit, _shared, _combined, _pre_cancelled])
def test_what_would_not_be_accepted_now_or_is_paid_by_another_account_is_paid_for_no_more(
    desk: Desk, made: Callable[[int, int, int], None]
) -> None:
    desk.account()
    account, user = payer_of(desk)
    accept(user)
    desk.bill(account, 202610, RENT=3500, user=user)
    asked = {"province": "19", "payer": THERE, "number": NUMBER + user, "cycle": 202610, "at": on(11, 3)}
    assert paid_elsewhere.bill(**asked) == paid_elsewhere.MonthOwed(True, 3500)
    made(user, account, desk.staff["clerk"])
    for _ in range(2):
        with pytest.raises(elsewhere.RelationUnknown):
            paid_elsewhere.bill(**asked)
    assert [(one.state, one.to_cycle) for one in elsewhere.relations()] == [("ENDED", 202610)]


def test_a_message_under_a_number_that_was_used_for_somebody_else_is_refused(desk: Desk) -> None:
    _account, user = payer_of(desk)
    _other_account, other = payer_of(desk)
    first = order(desk, user, trans_id="P1")
    assert order(desk, user, trans_id="P1") == first
    for changes in ({"number": THERE + 1}, {"user": other}, {"province": "20"}):
        with pytest.raises(SerialNumberUsed):
            order(**({"desk": desk, "user": user, "trans_id": "P1"} | changes))
    accepted = accept(other)
    for about in ({"user": other, "payer": THERE + 1}, {"user": payer_of(desk)[1]}):
        with pytest.raises(SerialNumberUsed):
            accept(**about)
    assert elsewhere.relations() == [accepted, first] and HubOrder.objects.count() == 1


def test_a_payer_is_not_paid_for_and_a_number_has_one_payer(desk: Desk) -> None:
    _account, user = payer_of(desk)
    order(desk, user)
    with pytest.raises(elsewhere.IsPayer):
        accept(user)
    _account, other = payer_of(desk)
    first = accept(other)
    assert accept(other) == first, "the same message again is the same answer"
    with pytest.raises(elsewhere.RelationExists):
        accept(other, payer=THERE + 1, trans_id="A2")
    assert ElsewherePayment.objects.filter(side="PAID").count() == 1


def test_october_is_paid_in_november_once_and_only_out_of_cash(desk: Desk) -> None:
    account, user = payer_of(desk, 3000)
    grant_gift(account_id=account, gift_fen=9000, serial_no="G", at=OCTOBER, staff_id=None)
    order(desk, user)
    hub(OCTOBER)
    assert pay_elsewhere.run(at=on(10, 31)) == 0
    assert elsewhere.months() == [], "September is before the order, October is not over"
    november = on(11, 3)
    pay_elsewhere.run(at=november)
    hub(november)
    (month,) = elsewhere.months()
    assert (month.cycle, month.state, month.due_fen) == (202610, "DUE", 3500)
    assert [pay_elsewhere.run(at=november) for _ in range(2)] == [0, 0]
    assert (elsewhere.months()[0].state, desk.cash(account), messages()) == ("SHORT", 3000, ["ELSEWHERE_SHORT"])
    assert pay_elsewhere.run(at=on(11, 4)) == 0, "what is due may be another sum a day later: asked again"
    hub(on(11, 4))
    assert pay_elsewhere.run(at=on(11, 4)) == 0
    assert (elsewhere.months()[0].state, messages()) == ("SHORT", ["ELSEWHERE_SHORT"]), "told once"
    desk.pay(account, 1000, on(11, 4))
    assert [pay_elsewhere.run(at=on(11, 4)) for _ in range(2)] == [1, 0]
    assert (elsewhere.months()[0].state, desk.cash(account), Payment.objects.filter(purpose="REMOTE").count()) == (
        "PAYING", 500, 0
    )  # fmt: skip
    hub(on(11, 4))
    assert (elsewhere.months()[0].state, pay_elsewhere.run(at=on(11, 5))) == ("PAID", 0)
    paid = Payment.objects.get(purpose="REMOTE")
    assert (paid.account_id, paid.paid_fen, paid.means, paid.note) == (account, 3500, "ACCOUNT", f"19 {THERE}")
    report = remote_collections(from_on=on(11, 4).date(), to_on=on(11, 5).date(), at=on(11, 5)).to_dicts()
    assert report == [{"collected_by": "17", "home": "19", "payments": 1, "collected_fen": 3500}]
    check_books()


def test_what_was_paid_there_since_yesterday_is_not_paid_again(desk: Desk) -> None:
    account, user = payer_of(desk, 3000)
    order(desk, user)
    hub(OCTOBER)
    november = on(11, 3)
    pay_elsewhere.run(at=november)
    hub(november)
    assert (pay_elsewhere.run(at=november), elsewhere.months()[0].state) == (0, "SHORT")
    desk.pay(account, 2000, on(11, 15))
    assert pay_elsewhere.run(at=on(11, 15)) == 0
    asked = HubOrder.objects.filter(activity="BILL").latest("at")
    asking.ask_province.answered(
        trans_id=asked.trans_id, activity="BILL", code="0000", words="", their_id="",
        answer={"Issued": True, "OwedFen": 0}, at=on(11, 15),
    )  # fmt: skip
    assert [pay_elsewhere.run(at=at) for at in (on(11, 15), on(11, 16))] == [0, 0]
    assert (elsewhere.months()[0].state, elsewhere.months()[0].due_fen, desk.cash(account)) == ("PAID", 0, 5000)
    check_books()


def test_a_payment_that_is_answered_after_its_day_was_closed_is_of_the_next_open_day(desk: Desk) -> None:
    _account, user = payer_of(desk, 5000)
    order(desk, user)
    hub(OCTOBER)
    at = on(11, 3)
    pay_elsewhere.run(at=at)
    hub(at)
    assert pay_elsewhere.run(at=at) == 1
    close_day(business_on=at.date(), at=on(11, 4), staff_id=desk.staff["chief"])
    hub(on(11, 4))
    assert Payment.objects.get(purpose="REMOTE").business_on == on(11, 4).date()
    sealed = {"from_on": at.date(), "to_on": on(11, 4).date(), "at": on(11, 5)}
    assert remote_collections(**sealed).height == 0
    check_books()


def test_a_payment_the_other_province_refuses_goes_back_to_the_payer_and_is_tried_on_the_next_day(desk: Desk) -> None:
    account, user = payer_of(desk, 5000)
    order(desk, user)
    hub(OCTOBER)
    november = on(11, 3)
    pay_elsewhere.run(at=november)
    hub(november)
    assert (pay_elsewhere.run(at=november), desk.cash(account)) == (1, 1500)
    sent = HubOrder.objects.get(activity="PAY")
    tell = partial(asking.ask_province.answered, trans_id=sent.trans_id, their_id="", answer={})
    tell(activity="PAY", code="2005", words="a person has to look", at=november)
    assert (desk.cash(account), elsewhere.months()[0].state) == (5000, "WAITING")
    assert Entry.objects.filter(cause="PAY_ELSEWHERE_REVERSED").count() == 1
    tell(activity="PAY", code="0000", words="", at=november)  # too late: it is over
    assert (desk.cash(account), Payment.objects.filter(purpose="REMOTE").count()) == (5000, 0)
    next_day = november + timedelta(days=1)
    pay_elsewhere.run(at=next_day)
    hub(next_day)
    assert pay_elsewhere.run(at=next_day) == 1
    hub(next_day)
    assert (desk.cash(account), elsewhere.months()[0].state) == (1500, "PAID")
    check_books()


@pytest.mark.parametrize("answers", [True, False], ids=["takes it back", "never answers"])
def test_money_of_a_payment_nobody_answered_goes_back_when_it_is_taken_back_and_waits_for_a_person_else(
    desk: Desk, answers: bool
) -> None:
    account, user = payer_of(desk, 5000)
    order(desk, user)
    hub(OCTOBER)
    at = on(11, 3)
    pay_elsewhere.run(at=at)
    hub(at)
    assert pay_elsewhere.run(at=at) == 1
    trans_id = HubOrder.objects.get(activity="PAY").trans_id
    process = asking.ask_province
    assert process.no_answer(trans_id=trans_id, activity="PAY", at=at + timedelta(minutes=2))
    assert desk.cash(account) == 1500, "it may have been paid there"
    if answers:
        process.answered(trans_id=trans_id, activity="REVERSE", code="0000", words="", their_id="", answer={}, at=at)
    while not answers and not process.no_answer(trans_id=trans_id, activity="REVERSE", at=at):
        assert elsewhere.months()[0].state == "PAYING"
    wanted = (5000, "WAITING") if answers else (1500, "MANUAL")
    assert (desk.cash(account), elsewhere.months()[0].state) == wanted
    assert pay_elsewhere.run(at=at) == 0
    check_books()


@pytest.mark.parametrize("is_paid", [True, False], ids=["it was paid there", "give it back"])
def test_what_nobody_answered_is_found_the_day_after_and_two_people_say_what_became_of_it(
    desk: Desk, is_paid: bool
) -> None:
    account, user = payer_of(desk, 5000)
    order(desk, user)
    hub(OCTOBER)
    at = on(11, 3)
    pay_elsewhere.run(at=at)
    hub(at)
    assert pay_elsewhere.run(at=at) == 1
    clerk, chief = desk.staff["clerk"], desk.staff["chief"]
    month = elsewhere.months()[0]
    known = {"relation_id": month.relation_id, "cycle": 202610, "is_paid": is_paid, "at": on(11, 5)}
    with pytest.raises(elsewhere.MonthDecided):
        elsewhere.decide(staff_id=clerk, approved_by=chief, **known)  # it may still be answered
    trans_id = HubOrder.objects.get(activity="PAY").trans_id
    asking.ask_province.no_answer(trans_id=trans_id, activity="PAY", at=at + timedelta(minutes=2))
    while not asking.ask_province.no_answer(trans_id=trans_id, activity="REVERSE", at=at):
        pass
    found = [assure_money.run(on=on(11, day).date(), at=at, checks=["TAKINGS"]) for day in (3, 4)]
    assert [one[0].found for one in found] == [0, 1]
    (difference,) = assure_money.differences()
    assert (difference.cause, difference.object_id, difference.found_fen) == (
        "ELSEWHERE_UNANSWERED", str(month.entry_id), 3500,
    )  # fmt: skip
    for signed in ({"staff_id": clerk, "approved_by": None}, {"staff_id": chief, "approved_by": chief}):
        with pytest.raises(SecondPersonNeeded):
            elsewhere.decide(**known, **signed)
    with pytest.raises(NotEntitled):
        elsewhere.decide(staff_id=clerk, approved_by=desk.staff["clerk2"], **known)
    assert (desk.cash(account), elsewhere.months()[0].state) == (1500, "MANUAL")
    assert elsewhere.decide(staff_id=clerk, approved_by=chief, **known).state == ("PAID" if is_paid else "WAITING")
    with pytest.raises(elsewhere.MonthDecided):
        elsewhere.decide(staff_id=clerk, approved_by=chief, **known)
    payments = Payment.objects.filter(purpose="REMOTE").values_list("paid_fen", "staff_id")
    assert (desk.cash(account), list(payments)) == ((1500, [(3500, clerk)]) if is_paid else (5000, []))
    assert assure_money.run(on=on(11, 5).date(), at=at, checks=["TAKINGS"])[0].found == 0
    check_books()


def test_a_number_that_is_gone_is_asked_for_no_more(desk: Desk) -> None:
    _account, user = payer_of(desk, 5000)
    order(desk, user)
    hub(OCTOBER)
    pay_elsewhere.run(at=on(11, 3))
    asked = HubOrder.objects.get(activity="BILL")
    assert asked.content == {"Payer": str(NUMBER + user).removeprefix("86"), "Cycle": 202610}
    asking.ask_province.answered(
        trans_id=asked.trans_id, activity="BILL", code="2001", words="no such number", their_id="", answer={},
        at=on(11, 3),
    )  # fmt: skip
    (relation,) = elsewhere.relations()
    assert (relation.state, relation.to_cycle, relation.code) == ("ENDED", 202610, "2001")
    assert (elsewhere.months()[0].state, pay_elsewhere.run(at=on(12, 3))) == ("DROPPED", 0)
    assert not Outbox.objects.filter(topic="hub", payload__activity="PAY").exists()


@pytest.mark.parametrize("ended", [False, True], ids=["in force", "ended at the counter before"])
def test_who_has_left_pays_for_nobody_and_is_paid_for_by_nobody(desk: Desk, ended: bool) -> None:
    account, user = payer_of(desk, 3000)
    _other_account, other = payer_of(desk)
    order(desk, user)
    hub(OCTOBER)
    accept(other)
    pay_elsewhere.run(at=on(11, 3))
    hub(on(11, 3))
    pay_elsewhere.run(at=on(11, 3))
    assert elsewhere.months()[0].state == "SHORT"
    if ended:
        (relation,) = elsewhere.relations(side="PAYS")
        known = {"at": on(11, 3), "staff_id": desk.staff["clerk"], "org_code": "P"}
        pay_elsewhere.end(relation_id=relation.relation_id, **known)
    gone = {"life": "TERMINATED", "remove_tag": 2, "closed_at": on(11, 4)}
    Subscriber.objects.filter(subscriber_id__in=[user, other]).update(**gone)
    desk.pay(account, 5000, on(11, 5))
    assert [pay_elsewhere.run(at=at) for at in (on(11, 5), on(12, 3))] == [0, 0]
    assert {(one.side, one.state) for one in elsewhere.relations()} == {("PAYS", "ENDED"), ("PAID", "ENDED")}
    assert ([one.state for one in elsewhere.months()], desk.cash(account)) == (["DROPPED"], 8000)
    assert HubOrder.objects.filter(activity="END_PAY_FOR").count() == 1
