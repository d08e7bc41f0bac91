"""Finding a customer by what a clerk has in hand; nothing personal is shown without a reason."""

import pytest

from openboss.modules.customers import functions as customers
from openboss.modules.customers.models import Customer, CustomerAlias
from openboss.modules.system.functions import list_audit
from tests.modules.customers.conftest import AT


@pytest.mark.usefixtures("loaded")
@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("13900011001", [1]),  # a whole number
        ("8613900011001", [1]),  # as stored
        ("1390001", [1, 2]),  # how it begins
        ("1003", [2]),  # its last digits
        ("zw", [1]),  # initials
        ("WXF", [2]),
        ("zhangwei", [1]),  # pinyin
        ("wang xiao", [2]),
        ("张", [1]),  # family name
        ("楚江", [3]),
        ("420101198001010002", [2]),  # document
        ("001", []),  # too short to be a number's end
        ("xx", []),
        ("", []),
    ],
)
def test_a_customer_is_found_by(text: str, found: list[int]) -> None:
    assert sorted(hit.customer_id for hit in customers.search(text)) == found


@pytest.mark.usefixtures("loaded")
def test_what_is_found_is_masked() -> None:
    (hit,) = customers.search("wxf")
    assert (hit.kind, hit.title, hit.subtitle) == ("INDIVIDUAL", "王*芳", "139****1003")


@pytest.mark.usefixtures("loaded")
def test_no_more_is_found_than_asked_for() -> None:
    assert len(customers.search("139", limit=1)) == 1


@pytest.mark.usefixtures("loaded")
@pytest.mark.requirement("AAA-18")
def test_a_clerk_sees_no_full_document_name_or_number() -> None:
    seen = customers.customer_360(customer_id=2, at=AT)
    assert (seen.customer.name_masked, seen.customer.cert_no_masked) == ("王*芳", "420101********0002")
    assert [user.number_masked for user in seen.subscribers] == ["139****1003"]
    assert "王小芳" not in repr(seen)
    assert "420101198001010002" not in repr(seen)
    assert "13900011003" not in repr(seen)


@pytest.mark.usefixtures("loaded")
def test_revealing_needs_a_reason_and_is_written_down() -> None:
    with pytest.raises(customers.ReasonMissing):
        customers.reveal(customer_id=2, staff_id=7, reason=" ", at=AT)
    assert list_audit(action="customers.reveal")[1] == 0
    seen = customers.reveal(customer_id=2, staff_id=7, reason="投诉核实", at=AT)
    assert (seen.name, seen.cert_no, seen.numbers) == ("王小芳", "420101198001010002", {1003: "13900011003"})
    (row,), _ = list_audit(action="customers.reveal")
    assert (row.staff_id, row.object_id, row.reason, row.at) == (7, "2", "投诉核实", AT)


@pytest.mark.usefixtures("loaded")
def test_the_whole_picture_shows_plans_payers_and_states() -> None:
    customers.put_payment_relation(
        subscriber_id=1003, account_id=3, mode="FULL", item_scope="RENT", from_cycle=202612, at=AT, staff_id=7
    )
    customers.add_stop_reason(subscriber_id=1003, reason="LOST", at=AT, staff_id=7)
    (user,) = customers.customer_360(customer_id=2, at=AT).subscribers
    assert (user.state, [stop.reason for stop in user.stops]) == ("TWO_WAY_STOP", ["LOST"])
    assert [held.name_en for held in user.holdings] == ["Offer 102"]
    assert {(row.payer_masked, row.mode) for row in user.relations} == {("王*芳", "REST"), ("楚江机械厂", "FULL")}
    assert [change.state for change in user.states] == ["TWO_WAY_STOP", "ACTIVE"]


@pytest.mark.usefixtures("loaded")
def test_an_id_that_was_merged_shows_the_customer_it_became() -> None:
    CustomerAlias.objects.create(alias_id=77, customer_id=2, merged_at=AT)
    assert customers.customer_360(customer_id=77, at=AT).customer.customer_id == 2
    with pytest.raises(customers.CustomerUnknown):
        customers.customer_360(customer_id=78, at=AT)


@pytest.mark.usefixtures("loaded")
def test_a_list_filters_sorts_and_counts() -> None:
    rows, total, _ = customers.list_customers()
    assert ([row.customer_id for row in rows], total) == ([3, 2, 1], 3)  # chu, wang, zhang
    rows, total, _ = customers.list_customers(filters={"vip_level": "GOLD"})
    assert ([row.name_masked for row in rows], total) == (["王*芳"], 1)
    rows, total, _ = customers.list_customers(filters={"name": "zhang"}, sort="-customer_id")
    assert ([(row.customer_id, row.subscribers) for row in rows], total) == ([(1, 2)], 1)
    rows, total, _ = customers.list_customers(sort="-name", page=2, page_size=2)
    assert ([row.customer_id for row in rows], total) == ([3], 3)
    assert customers.list_customers(org_codes={"99"})[1] == 0


@pytest.mark.usefixtures("loaded")
def test_a_list_of_names_that_begin_so_goes_by_initials_and_reading_and_shows_nobody_twice() -> None:
    def found(letters: str, page: int = 1) -> tuple[list[int], int]:
        rows, total, _ = customers.list_customers(filters={"name": letters}, page=page, page_size=2)
        return [row.customer_id for row in rows], total

    assert (found("w"), found("WXF"), found("wang x"), found("wy")) == (([2], 1), ([2], 1), ([2], 1), ([], 0))
    Customer.objects.exclude(customer_id=3).update(initials="cj")  # customer 3 reads chu...
    assert (found("c"), found("c", page=2), found("c", page=3)) == (([3, 2], 3), ([1], 3), ([], 3))
    assert customers.list_customers(filters={"name": "zhang"})[0][0].subscribers == 2
    Customer.objects.filter(customer_id=2).update(merged_into=1)
    assert found("c") == ([3, 1], 2)


@pytest.mark.parametrize(
    ("name", "kind", "shown"),
    [
        ("张伟", "INDIVIDUAL", "张*"),
        ("王小芳", "INDIVIDUAL", "王*芳"),
        ("欧阳建国", "INDIVIDUAL", "欧**国"),
        ("Smith", "INDIVIDUAL", "S****"),
        ("王", "INDIVIDUAL", "王"),
        ("楚江机械厂", "UNIT", "楚江机械厂"),
    ],
)
def test_a_name_is_masked(name: str, kind: str, shown: str) -> None:
    assert customers.mask_name(name, kind=kind) == shown


@pytest.mark.parametrize(
    ("number", "shown"),
    [(8613900011001, "139****1001"), (10086, "10086"), (862712345678, "862*****5678"), (85291234567, "852****4567")],
)
def test_a_number_is_masked(number: int, shown: str) -> None:
    assert customers.mask_number(number) == shown


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("139 0001 1001", 8613900011001), ("+86-139-0001-1001", 8613900011001), ("008613900011001", 8613900011001),
        ("10086", 10086), ("85291234567", 8685291234567), ("0085291234567123456", 0), ("139x0011001", 0), ("", 0),
        ("１３９０００１１００１", 0),
    ],
)  # fmt: skip
def test_a_number_is_read_as_people_write_it(text: str, number: int) -> None:
    assert customers.read_number(text) == number


def test_a_document_shows_its_first_six_and_last_four() -> None:
    assert customers.mask_document("420101198001010002") == "420101********0002"
    assert customers.mask_document("E12345678") == "*******78"
