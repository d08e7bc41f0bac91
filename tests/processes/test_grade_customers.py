"""The monthly grading of key customers, and the birthdays of tomorrow for who looks after them."""

from datetime import UTC, date, datetime, timedelta

import pytest

from openboss.modules.billing.models import Bill
from openboss.modules.customers import functions as customers
from openboss.modules.customers.models import Customer
from openboss.modules.system.functions import list_audit
from openboss.processes import grade_customers

pytestmark = pytest.mark.django_db
AT = datetime(2026, 11, 8, 2, tzinfo=UTC)
ANNA, BEN, CHEN = 1, 2, 3


@pytest.fixture(autouse=True)
def people() -> None:
    """Two persons and a unit, with bills of the last months; the one of November is not out yet."""
    born = {ANNA: date(1990, 11, 9), BEN: date(1980, 2, 29), CHEN: None}
    Customer.objects.bulk_create(
        Customer(
            customer_id=number, kind="UNIT" if number == CHEN else "INDIVIDUAL", name=f"王{number}号", pinyin="",
            initials="", customer_class="ORDINARY", vip_level="NONE", org_code="17", born_on=day,
            created_on=date(2020, 1, 1),
        )
        for number, day in born.items()
    )  # fmt: skip
    for number in born:
        for cycle, total_fen, state in (
            (202509, 9_000_000, "settled"),  # more than twelve months ago
            (202609, 100_000, "settled"),
            (202610, 40_000, "validated"),
            (202611, 9_000_000, "new"),
        ):
            Bill.objects.create(
                bill_id=cycle * 10_000_000_000 + number, part=0, cycle=cycle, account_id=number, customer_id=number,
                state=state, std_fen=total_fen, discount_fen=0, total_fen=total_fen, due_on=date(2026, 11, 20),
            )  # fmt: skip


def levels() -> dict[int, str]:
    return dict(Customer.objects.order_by("customer_id").values_list("customer_id", "vip_level"))


@pytest.mark.requirement("BMV-01")
def test_the_monthly_job_classifies_and_a_grade_by_hand_is_kept_until_its_end_date() -> None:
    until = date(2026, 12, 20)
    customers.set_vip_by_hand(customer_id=BEN, level="DIAMOND", until_on=until, reason="CEO", at=AT, staff_id=None)
    assert grade_customers.run(at=AT) == {"SILVER": 1}  # 700.00 a month on average of the months with a bill
    assert levels() == {ANNA: "SILVER", BEN: "DIAMOND", CHEN: "NONE"}
    assert grade_customers.run(at=AT) == {}
    december = AT + timedelta(days=30)
    assert (grade_customers.run(at=december), levels()[BEN]) == ({}, "DIAMOND")
    january = AT + timedelta(days=61)
    assert (grade_customers.run(at=january), levels()[BEN]) == ({"SILVER": 1}, "SILVER")


@pytest.mark.requirement("BMV-04")
def test_the_birthdays_of_tomorrow_are_listed_for_each_manager() -> None:
    for person in (ANNA, BEN):
        customers.set_vip_by_hand(
            customer_id=person, level="GOLD", until_on=date(2028, 1, 1), reason="x", at=AT, staff_id=None
        )
    customers.give_to_manager(customer_ids=[ANNA, BEN], manager_id=7, at=AT, staff_id=None)
    tomorrow = (AT + timedelta(days=1)).date()
    (row,) = customers.birthday_list(day=tomorrow, at=AT)
    assert (row.manager_id, row.customer_id, row.name_masked, row.age) == (7, ANNA, "王*号", 36)
    (leap,) = customers.birthday_list(day=date(2027, 2, 28), at=AT)
    assert (leap.customer_id, leap.manager_id) == (BEN, 7)
    assert customers.birthday_list(day=date(2028, 2, 28), at=AT) == []


def test_a_key_customer_changes_hands_and_whoever_is_none_is_refused() -> None:
    customers.set_vip_by_hand(
        customer_id=ANNA, level="GOLD", until_on=date(2028, 1, 1), reason="x", at=AT, staff_id=None
    )
    assert customers.give_to_manager(customer_ids=[ANNA], manager_id=7, at=AT, staff_id=9) == 1
    later = AT + timedelta(hours=1)
    with pytest.raises(customers.CustomerUnknown):
        customers.give_to_manager(customer_ids=[ANNA, BEN], manager_id=8, at=later, staff_id=9)
    assert customers.managers_of(customer_ids=[ANNA, BEN], at=later) == {ANNA: 7}
    assert customers.give_to_manager(customer_ids=[ANNA], manager_id=8, at=later, staff_id=9) == 1
    assert customers.give_to_manager(customer_ids=[ANNA], manager_id=8, at=later, staff_id=9) == 0
    assert (
        customers.managers_of(customer_ids=[ANNA], at=AT),
        customers.managers_of(customer_ids=[ANNA], at=later),
    ) == (
        {ANNA: 7},
        {ANNA: 8},
    )
    rows, total = list_audit(action="customers.give_to_manager", object_id=str(ANNA))
    assert (total, rows[0].after) == (2, {"manager_id": 8, "before": 7})
