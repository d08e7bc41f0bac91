"""Stars come from a score of time, spend, contract, document and stops; they last a year and move the limit (D9.3)."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

import pytest
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange

from openboss.modules.customers.functions import StarRatingView, star_rating_of
from openboss.modules.customers.models import Agreement, Customer, PaymentRelation, StarRating, StopPeriod, Subscriber
from openboss.modules.customers.stop_reasons import BY_CODE
from openboss.modules.receivables.functions import credit, points
from openboss.modules.receivables.functions.credit_at_once import positions_of_many
from openboss.modules.receivables.functions.credit_records import set_credit
from openboss.modules.system.atomic import put_parameter
from openboss.modules.system.models import AuditEntry
from openboss.processes import rate_stars
from tests.modules.receivables.conftest import LONG_AGO, Desk, desk, on
from tests.processes.test_collect_debt import user_of

__all__ = ["desk"]
pytestmark = pytest.mark.django_db(transaction=True)
AT = on(11, 15)
LIST = ((80, 1), (160, 2), (240, 3), (320, 4), (400, 5), (450, 6), (550, 7))


def rated(desk: Desk, *, opened: datetime, spend_fen: int = 0, contract: bool = False, document: bool = False) -> int:
    """A user who was opened at a moment and billed so much in each of the last three months."""
    account = desk.account()
    user = user_of(account)
    Subscriber.objects.filter(subscriber_id=user).update(opened_at=opened)
    for cycle in (202608, 202609, 202610) if spend_fen else ():
        desk.bill(account, cycle, RENT=spend_fen, user=user)
    if contract:
        days = {"from_on": date(2026, 1, 1), "to_on": date(2028, 1, 1)}
        Agreement.objects.create(subscriber_id=user, kind="VANITY", grade="G4", minimum_fen=1, **days)
    if document:
        Customer.objects.filter(subscribers=user).update(cert_no_index=f"document {user}".encode())
    return user


def stop(user: int, reason: str, at: datetime) -> None:
    """A stop that lasted a day."""
    StopPeriod.objects.create(
        subscriber_id=user,
        stop_reason_id=BY_CODE[reason].stop_reason_id,
        period=DateTimeTZRange(at, at + timedelta(days=1)),
    )


def limit_of(user: int, at: datetime = AT) -> int:
    """The credit limit of the account of a user, in fen."""
    account_id = PaymentRelation.objects.get(subscriber_id=user).account_id
    return credit.positions(account_ids=[account_id], at=at, unbilled_fen={})[0].limit_fen


def test_a_score_is_the_sum_of_its_parts_and_gives_stars_and_limit_for_a_year(desk: Desk) -> None:
    user = rated(desk, opened=on(11, 20, year=2021), spend_fen=18_899, contract=True, document=True)
    for reason, at in (("ARREARS_2", on(3, 1)), ("HIGH_USE_2", on(6, 1)), ("ARREARS_1", on(7, 1)), ("LOST", on(8, 1)),
                       ("ARREARS_2", on(11, 14, year=2025))):  # fmt: skip
        stop(user, reason, at)
    before = limit_of(user)
    assert rate_stars.run(at=AT) == rate_stars.Rated(1, 1)
    assert star_rating_of(subscriber_id=user) == StarRatingView(
        rated_on=date(2026, 11, 15), valid_until_on=date(2027, 11, 15), star=3, score=59 + 188 + 30 + 20 - 40,
        tenure_months=59, tenure_points=59, spend_fen=18_899, spend_points=188, contract_points=30,
        real_name_points=20, stops=2, stop_points=-40,
    )  # fmt: skip
    assert (before, limit_of(user)) == (5_000, 20_000)
    audit = AuditEntry.objects.get(action="customers.rate_stars")
    assert audit.after == {"users": 1, "changed": 1, "last": user}


def test_time_counts_up_to_120_spend_up_to_300_and_each_level_begins_at_its_score(desk: Desk) -> None:
    old = on(11, 15, year=2006)  # 240 months
    users = {rated(desk, opened=old, spend_fen=fen): fen for fen in (100_000, 28_000, 27_999, 20_000, 4_000, 3_999)}
    rate_stars.run(at=AT)
    scores = [(row.tenure_points, row.spend_points, row.star) for row in StarRating.objects.order_by("subscriber_id")]
    assert len(users) == 6
    assert scores == [(120, 300, 5), (120, 280, 5), (120, 279, 4), (120, 200, 4), (120, 40, 2), (120, 39, 1)]
    levels = {one["from_score"]: one["star"] for one in credit.rules_at(AT).value("stars")["levels"]}
    assert tuple(levels.items()) == LIST
    limits = credit.rules_at(AT).value("credit_limits_fen")
    assert [limits[str(star)] for star in range(8)] == [5_000, 5_000, 10_000, 20_000, 30_000, 50_000, 100_000, 100_000]


def test_who_is_new_is_not_rated_before_six_months_and_then_with_the_next_run(desk: Desk) -> None:
    user = rated(desk, opened=on(5, 16), spend_fen=30_000)
    assert rate_stars.run(at=AT).users == 0
    assert (star_rating_of(subscriber_id=user), limit_of(user)) == (None, 5_000)
    assert rate_stars.run(at=on(11, 16)).users == 1
    found = star_rating_of(subscriber_id=user)
    assert found and (found.score, found.star, found.tenure_months) == (306, 3, 6)


def test_a_rating_stays_for_its_twelve_months_and_is_made_anew_at_their_end(desk: Desk) -> None:
    user = rated(desk, opened=on(11, 15, year=2016), spend_fen=20_000)
    rate_stars.run(at=AT)
    for reason, at in (("ARREARS_2", on(12, 1)), ("ARREARS_2", on(5, 1, year=2027))):
        stop(user, reason, at)
    for cycle in (202708, 202709, 202710):
        desk.bill(desk.account(), cycle, RENT=1)  # somebody else's
    assert rate_stars.run(at=on(11, 14, year=2027)).users == 0
    assert Subscriber.objects.get(subscriber_id=user).star == 4
    assert rate_stars.run(at=on(11, 15, year=2027)) == rate_stars.Rated(1, 1)
    rows = StarRating.objects.order_by("rated_on").values_list("score", "star", "valid_until_on")
    assert list(rows) == [(320, 4, date(2027, 11, 15)), (80, 1, date(2028, 11, 15))]


def test_a_limit_given_by_hand_counts_before_the_stars_until_it_is_taken_away(desk: Desk) -> None:
    user = rated(desk, opened=on(11, 15, year=2016), spend_fen=20_000)
    level, limit_fen = credit.level_of_score(score=65, at=AT)
    account = {"account_id": desk.accounts[0], "staff_id": None}
    set_credit(limit_fen=limit_fen, at=LONG_AGO, **account)
    rate_stars.run(at=AT)
    assert (level, limit_of(user)) == (2, 10_000)
    set_credit(limit_fen=None, at=AT, **account)
    assert limit_of(user) == 30_000


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Two users a transaction."""
    monkeypatch.setattr(rate_stars, "AT_ONCE", 2)
    yield


@pytest.mark.usefixtures("small_parts")
def test_a_run_that_was_killed_and_begun_again_comes_to_the_same_and_rates_nobody_twice(desk: Desk) -> None:
    users = [rated(desk, opened=on(1, 1, year=2026 - years), spend_fen=5_000 * years) for years in range(1, 6)]

    class Killed(BaseException):
        pass

    def kill(_done: int) -> None:
        raise Killed

    with pytest.raises(Killed):
        rate_stars.run(at=AT, told=kill)
    assert StarRating.objects.count() == 2
    assert rate_stars.run(at=AT + timedelta(hours=1)).users == 3
    assert rate_stars.run(at=AT + timedelta(hours=2)).users == 0
    rows = list(StarRating.objects.order_by("subscriber_id").values_list("subscriber_id", "score", "star"))
    assert rows == list(zip(users, (72, 134, 196, 258, 320), (0, 1, 2, 3, 4), strict=True))
    assert list(Subscriber.objects.order_by("subscriber_id").values_list("star", flat=True)) == [0, 1, 2, 3, 4]


def test_every_number_of_the_formula_is_a_parameter(desk: Desk) -> None:
    user = rated(desk, opened=on(11, 15, year=2025), spend_fen=1_000, document=True)
    scheme = credit.rules_at(AT).value("stars")
    other = {"tenure": {"a_month": 5, "most": 50}, "spend": {**scheme["spend"], "a_yuan": 2}, "real_name": 7}
    levels = [{"from_score": 77, "star": 2}]
    value = {**scheme, **other, "levels": levels, "valid_months": 1}
    put_parameter(key="money.stars", value=value, from_on=date(2026, 11, 1), at=on(11, 1))
    rate_stars.run(at=AT)
    found = star_rating_of(subscriber_id=user)
    assert found and (found.score, found.star, found.valid_until_on) == (50 + 20 + 7, 2, date(2026, 12, 15))


def test_a_rating_before_the_last_months_bills_are_released_takes_the_last_months_that_are_billed(desk: Desk) -> None:
    user = rated(desk, opened=on(11, 3, year=2024), spend_fen=24_000)  # August to October
    rate_stars.run(at=on(12, 3))
    found = star_rating_of(subscriber_id=user)
    assert found and (found.spend_fen, found.spend_points) == (24_000, 240)


def test_who_has_no_bill_yet_after_a_take_over_keeps_the_star_until_the_first_one(desk: Desk) -> None:
    user = rated(desk, opened=on(11, 15, year=2016))
    Subscriber.objects.filter(subscriber_id=user).update(star=5)
    assert rate_stars.run(at=on(9, 15)) == rate_stars.Rated(0, 0)
    assert (limit_of(user), star_rating_of(subscriber_id=user)) == (50_000, None)
    desk.bill(desk.accounts[0], 202609, RENT=30_000, user=user)
    assert rate_stars.run(at=on(10, 6)).users == 1
    found = star_rating_of(subscriber_id=user)
    assert found and (found.spend_points, found.star) == (300, 5)


def test_limits_and_points_without_the_highest_stars_give_those_what_the_highest_they_know_gives(desk: Desk) -> None:
    rules = credit.rules_at(AT)
    limits = {star: fen for star, fen in rules.value("credit_limits_fen").items() if star < "6"}
    scheme = rules.value("points")
    scheme |= {"star_tenths": {star: factor for star, factor in scheme["star_tenths"].items() if star < "6"}}
    for key, value in (("money.credit_limits_fen", limits), ("money.points", scheme)):
        put_parameter(key=key, value=value, from_on=date(2026, 11, 1), at=on(11, 1))
    account = desk.account()
    user = user_of(account, star=7)
    desk.bill(account, 202610, LOCAL=10_000, user=user)
    desk.pay(account, 10_000, AT)
    assert limit_of(user) == 50_000
    seen = positions_of_many([account], AT, {}, credit.rules_at(AT))
    assert seen["limit_fen"].to_list() == [50_000]
    points.credit_month(month=202611, at=on(12, 1))
    assert points.points_of(subscriber_id=user) == 300
