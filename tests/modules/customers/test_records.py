"""One record a customer: documents, merging, lists, VIP grades, contacts (D1.5, D14.1, D17.1, BMC-06)."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from openboss.modules.customers import functions as customers
from openboss.modules.customers.models import Customer, VipGrade
from openboss.modules.system import keys
from openboss.modules.system.functions import list_audit
from tests.modules.customers.conftest import AT

pytestmark = pytest.mark.usefixtures("loaded")

GOOD = "11010519491231002X"  # the worked example of GB 11643


def create(cert_no: str = GOOD, name: str = "李明", **changes: str) -> int:
    wanted = {"kind": "INDIVIDUAL", "name": name, "cert_type": "ID_CARD", "org_code": "17.027.05.01"}
    return customers.find_or_create_customer(**{**wanted, **changes}, cert_no=cert_no, at=AT, staff_id=7)  # type: ignore[arg-type]


def grade(customer_id: int) -> str:
    return Customer.objects.get(pk=customer_id).vip_level


@pytest.mark.parametrize(
    ("cert_type", "cert_no", "right"),
    [
        ("ID_CARD", GOOD, True),
        ("ID_CARD", GOOD.lower(), True),
        ("ID_CARD", "110105194912310021", False),  # the check digit is X
        ("ID_CARD", "110105194913310025", False),  # no thirteenth month
        ("ID_CARD", "1101051949123100", False),
        ("ID_CARD", "990000199001010017", False),  # no province
        ("ID_CARD", "439999199001010017", False),  # no place in Hunan
        ("ID_CARD", "439999202601010015", True),  # may be newer than our table of places
        ("ID_CARD", "110103198001010013", True),  # a district of Beijing until 2010
        ("ID_CARD", "110103201101010015", False),
        ("ID_CARD", "420106198001010015", True),  # the code is of 1983: got long after birth
        ("ID_CARD", "830000199001010012", True),  # lives here, comes from Taiwan
        ("CREDIT_CODE", "91110000600037341L", True),
        ("CREDIT_CODE", "911100006000373410", False),
        ("PASSPORT", "E12345678", True),
        ("PASSPORT", "12", False),
        ("LIBRARY_CARD", "E12345678", False),
    ],
)
def test_a_mistyped_document_is_noticed(cert_type: str, cert_no: str, right: bool) -> None:
    if right:
        assert customers.read_document(cert_type, cert_no).cert_no == cert_no.upper()
    else:
        with pytest.raises(customers.DocumentWrong):
            customers.read_document(cert_type, cert_no)


def test_the_same_document_is_the_same_customer() -> None:
    first = create()
    assert create(name="李 明") == first
    seen = customers.customer_360(customer_id=first, at=AT).customer
    assert (seen.name_masked, seen.cert_no_masked, seen.born_year) == ("李*", "110105********002X", 1949)
    assert [hit.customer_id for hit in customers.search("lm")] == [first]
    assert [hit.customer_id for hit in customers.search(GOOD)] == [first]


@pytest.mark.requirement("CRM-03")
def test_two_records_of_one_person_become_one_and_the_other_id_still_finds_it() -> None:
    other = create()
    before = customers.count_base()["subscribers"]
    moved = customers.merge_customers(keep_id=other, alias_id=1, reason="同一人", at=AT, staff_id=7)
    assert moved == {"subscribers": 2, "accounts": 1}
    assert customers.customer_360(customer_id=1, at=AT).customer.customer_id == other
    assert {user.subscriber_id for user in customers.customer_360(customer_id=other, at=AT).subscribers} == {1001, 1002}
    people = customers.people_of(customer_ids=[1, 2, other, 99])
    assert {asked: one.customer_id for asked, one in people.items()} == {1: other, 2: 2, other: other}
    assert customers.count_base()["subscribers"] == before
    assert [hit.customer_id for hit in customers.search("zw")] == []
    assert 1 not in {row.customer_id for row in customers.list_customers()[0]}
    assert create() == other  # the same card never makes a second record
    assert create("420101198001010001".replace("0001", "000X")[:17] + _check("42010119800101000")) != 1


def _check(body: str) -> str:
    from stdnum.iso7064 import mod_11_2

    return mod_11_2.calc_check_digit(body)


def test_a_person_is_not_merged_with_a_unit_or_with_themselves() -> None:
    for keep_id, alias_id in ((1, 3), (1, 1)):
        with pytest.raises(customers.NotMergeable):
            customers.merge_customers(keep_id=keep_id, alias_id=alias_id, reason="x", at=AT, staff_id=7)
    with pytest.raises(customers.CustomerUnknown):
        customers.merge_customers(keep_id=1, alias_id=99, reason="x", at=AT, staff_id=7)
    assert not Customer.objects.filter(merged_into__isnull=False).exists()


def test_personal_data_changes_with_an_audit_row_that_does_not_tell_them() -> None:
    customers.change_customer(
        customer_id=2,
        changes={"name": "王小芬", "cert_type": "ID_CARD", "cert_no": GOOD},
        reason="更正",
        at=AT,
        staff_id=7,
    )
    assert [hit.customer_id for hit in customers.search("王小芬")] == [2]
    assert [hit.customer_id for hit in customers.search(GOOD)] == [2]
    (row,), _ = list_audit(action="customers.change_customer")
    assert "王小芬" not in repr(row)
    assert GOOD not in repr(row)
    with pytest.raises(customers.NothingChanged):
        customers.change_customer(customer_id=2, changes={"name": "王小芬"}, reason="", at=AT, staff_id=7)
    with pytest.raises(customers.DocumentTaken):
        changes = {"cert_type": "ID_CARD", "cert_no": GOOD}
        customers.change_customer(customer_id=1, changes=changes, reason="", at=AT, staff_id=7)


def test_a_document_is_on_the_black_list_until_its_day() -> None:
    entry = customers.put_on_list(
        list_kind="BLACK", cert_type="ID_CARD", cert_no=GOOD, reason="欠费", until_at=AT + timedelta(days=30), at=AT,
        staff_id=7,
    )  # fmt: skip
    of = {"cert_type": "ID_CARD", "cert_no": GOOD}
    assert customers.lists_of_document(**of, at=AT + timedelta(days=29)) == {"BLACK"}
    assert customers.lists_of_document(**of, at=AT + timedelta(days=30)) == set()
    customers.take_off_list(list_entry_id=entry, reason="已结清", at=AT + timedelta(days=3), staff_id=7)
    assert customers.lists_of_document(**of, at=AT + timedelta(days=4)) == set()


@pytest.mark.requirement("BMV-03")
@pytest.mark.parametrize(
    ("arpu_fen", "level"),
    [
        (300_000, "DIAMOND"),
        (299_999, "GOLD"),
        (150_000, "GOLD"),
        (149_999, "SILVER"),
        (66_600, "SILVER"),
        (66_599, "NONE"),
    ],
)
def test_a_person_is_graded_by_the_average_revenue(arpu_fen: int, level: str) -> None:
    assert customers.vip_level_of(arpu_fen) == level
    customers.grade_vips(arpu_fen={1: arpu_fen}, at=AT)
    assert grade(1) == level


def test_a_grade_given_by_hand_stays_until_its_end() -> None:
    until = date(2027, 1, 1)
    customers.set_vip_by_hand(customer_id=1, level="DIAMOND", until_on=until, reason="总经理批", at=AT, staff_id=7)
    assert customers.grade_vips(arpu_fen={1: 0}, at=AT + timedelta(days=30)) == {}
    assert grade(1) == "DIAMOND"
    assert customers.grade_vips(arpu_fen={1: 70_000}, at=AT + timedelta(days=60)) == {1: "SILVER"}
    assert VipGrade.objects.filter(customer_id=1).count() == 2


def test_a_unit_has_no_individual_grade() -> None:
    assert customers.grade_vips(arpu_fen={3: 900_000}, at=AT) == {}


def test_contacts_are_sealed_and_the_birthdays_of_tomorrow_are_listed() -> None:
    customers.put_contact(customer_id=2, kind="FAMILY", label="女儿", value="小玲", at=AT, staff_id=7)
    customers.put_contact(customer_id=2, kind="FAMILY", label="女儿", value="玲玲", at=AT, staff_id=7)
    (seen,) = customers.contacts_of(customer_id=2, reason="生日关怀", at=AT, staff_id=7)
    assert (seen.kind, seen.value) == ("FAMILY", "玲玲")
    assert list_audit(action="customers.reveal_contacts")[1] == 1
    assert [row.customer_id for row in customers.birthday_list(day=date(2027, 1, 1), at=AT)] == [
        2
    ]  # GOLD; others: none


def test_contacts_stay_readable_through_a_rotation_of_keys(settings) -> None:
    customers.put_contact(customer_id=2, kind="PHONE", label="家", value="02788880000", at=AT, staff_id=7)
    keys.add_key_version(Path(settings.KEYS_FILE))
    assert keys.rewrite_all()["customers_contacts"] == 1
    (seen,) = customers.contacts_of(customer_id=2, reason="回访", at=AT, staff_id=7)
    assert seen.value == "02788880000"
