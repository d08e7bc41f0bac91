"""Points: earned by paying, used the oldest first, gone with their time and their user (BMC-05, D11)."""

import pytest

from openboss.modules.customers.models import Customer, Subscriber
from openboss.modules.receivables.functions import points
from openboss.modules.receivables.functions.counter import grant_gift
from openboss.modules.receivables.functions.owed import owed
from openboss.modules.system.atomic import SerialNumberUsed
from openboss.processes import take_payment

from .conftest import Desk, check_books, on


def user_of(desk: Desk, account_id: int, *, star: int = 3, vip: str = "NONE") -> int:
    """A user of the customer whose account this is."""
    customer = Customer.objects.get(accounts__account_id=account_id)
    Customer.objects.filter(pk=customer.pk).update(vip_level=vip)
    return Subscriber.objects.create(
        customer=customer, service_type="MOBILE", pay_type="POSTPAID", brand="GOTONE", home_area=27, star=star,
        life="ACTIVE", opened_at=on(1, 1),
    ).subscriber_id  # fmt: skip


def paid_user(desk: Desk, fen: int = 10_000, **who) -> tuple[int, int]:
    """An account and its user, whose October was billed and paid in November."""
    account_id = desk.account()
    user = user_of(desk, account_id, **who)
    desk.bill(account_id, 202610, user=user, RENT=fen)
    desk.pay(account_id, fen, on(11, 5))
    return account_id, user


@pytest.mark.parametrize(
    ("paid_fen", "factor_tenths", "expected"), [(10_000, 20, 200), (10_001, 10, 101), (0, 20, 0), (3_333, 15, 50)]
)
def test_points_are_yuan_times_the_factor_rounded_up(paid_fen: int, factor_tenths: int, expected: int) -> None:
    assert points.earned_points(paid_fen=paid_fen, factor_tenths=factor_tenths) == expected


@pytest.mark.requirement("BMC-05")
def test_a_hundred_paid_at_star_three_are_200_points_and_150_redeemed_leave_50(desk: Desk) -> None:
    account_id, user = paid_user(desk)
    assert points.credit_month(month=202611, at=on(12, 10)) == 1
    assert points.points_of(subscriber_id=user) == 200
    asked = {"subscriber_id": user, "account_id": account_id, "at": on(12, 11), "staff_id": 1}
    assert points.redeem(points=150, serial_no="R1", **asked) == 150
    assert points.points_of(subscriber_id=user) == 50
    with pytest.raises(points.PointsWrong):
        points.redeem(points=0, serial_no="R2", **asked)
    points.adjust(subscriber_id=user, points=30, reason="a complaint", serial_no="A", at=on(12, 12), staff_id=1)
    assert [(one.kind, one.points) for one in points.entries_of(subscriber_id=user)] == [
        ("ADJUSTED", 30), ("REDEEMED", -150), ("EARNED", 200),
    ]  # fmt: skip


def test_points_become_phone_money_once_and_never_more_than_there_are(desk: Desk) -> None:
    account_id, user = paid_user(desk)
    points.credit_month(month=202611, at=on(12, 10))
    asked = {"subscriber_id": user, "account_id": account_id, "at": on(12, 11), "staff_id": 1}
    assert points.redeem(points=100, serial_no="R1", **asked) == 100
    assert points.redeem(points=100, serial_no="R1", **asked) == 100
    assert points.points_of(subscriber_id=user) == 100
    with pytest.raises(points.PointsShort):
        points.redeem(points=200, serial_no="R2", **asked)
    desk.bill(account_id, 202611, user=user, RENT=5_000)
    with pytest.raises(points.ArrearsFirst):
        points.redeem(points=100, serial_no="R3", **asked | {"at": on(1, 30, year=2027)})
    assert points.points_of(subscriber_id=user) == 100
    given = {"subscriber_id": user, "reason": "sorry", "serial_no": "A1", "at": on(12, 11), "staff_id": 1}
    assert [points.adjust(points=30, **given) for _ in range(2)] == [130, 130]
    with pytest.raises(SerialNumberUsed):
        points.adjust(points=40, **given)
    assert points.points_of(subscriber_id=user) == 130
    check_books()


def test_gifts_late_fees_and_items_of_third_parties_earn_nothing_nor_does_an_unrated_user(desk: Desk) -> None:
    account_id = desk.account()
    user = user_of(desk, account_id)
    grant_gift(account_id=account_id, gift_fen=3_000, serial_no="G", at=on(11, 1), staff_id=1)
    desk.bill(account_id, 202610, user=user, RENT=10_000, SP_INFO=2_000)
    desk.pay(account_id, 9_000, on(11, 5))
    _, unrated = paid_user(desk, star=0)
    points.credit_month(month=202611, at=on(12, 10))
    assert points.points_of(subscriber_id=user) == 140  # 70.00 of the rent in cash
    assert points.points_of(subscriber_id=unrated) == 0


def test_gold_earns_five_times_and_crediting_a_month_again_changes_nothing(desk: Desk) -> None:
    _, user = paid_user(desk, star=5, vip="GOLD")
    assert points.credit_month(month=202611, at=on(12, 10)) == 1
    assert points.credit_month(month=202611, at=on(12, 11)) == 0
    assert points.points_of(subscriber_id=user) == 500


def test_a_payment_taken_back_takes_its_points_with_the_factor_they_were_earned_with(desk: Desk) -> None:
    account_id = desk.account()
    user = user_of(desk, account_id)
    desk.bill(account_id, 202610, user=user, RENT=10_000)
    kept, back = desk.pay(account_id, 4_000, on(11, 5)), desk.pay(account_id, 6_000, on(11, 6))
    points.credit_month(month=202611, at=on(12, 10))
    Subscriber.objects.filter(pk=user).update(star=5)
    take_payment.reverse(
        payment_id=back.payment_id, reason="wrong account", serial_no="B", at=on(12, 12),
        staff_id=desk.staff["clerk"], approved_by=desk.staff["chief"],
    )  # fmt: skip
    assert points.points_of(subscriber_id=user) == 80
    assert kept.payment_id != back.payment_id
    desk.pay(account_id, owed(account_id=account_id, at=on(12, 13)).owed_fen, on(12, 13))  # and its late fee
    points.credit_month(month=202612, at=on(12, 31))
    assert points.points_of(subscriber_id=user) == 80 + 180


def test_the_oldest_points_are_used_first_and_the_rest_ends_after_36_months(desk: Desk) -> None:
    account_id, user = paid_user(desk)
    points.credit_month(month=202611, at=on(12, 10))
    points.redeem(subscriber_id=user, account_id=account_id, points=100, serial_no="R", at=on(12, 11), staff_id=1)
    assert points.expire(at=on(11, 30, year=2029)) == 0
    assert points.expire(at=on(12, 1, year=2029)) == 1
    assert points.expire(at=on(12, 2, year=2029)) == 0
    assert [one.points for one in points.entries_of(subscriber_id=user)] == [-100, -100, 200]
    assert points.points_of(subscriber_id=user) == 0


def test_points_end_with_the_user(desk: Desk) -> None:
    _, user = paid_user(desk)
    points.credit_month(month=202611, at=on(12, 10))
    assert points.end_points(subscriber_id=user, at=on(12, 20), staff_id=1) == 200
    assert points.end_points(subscriber_id=user, at=on(12, 21), staff_id=1) == 0
