"""Who pays what: many users, many accounts, and always somebody for the rest (D1)."""

import pytest

from openboss.modules.customers import functions as customers
from openboss.modules.customers.models import PaymentRelation
from openboss.modules.system.functions import list_audit
from tests.modules.customers.conftest import AT


@pytest.fixture(autouse=True)
def _base(loaded: None) -> None:
    pass


def _put(subscriber_id: int, account_id: int, mode: str, **changes: object) -> int:
    wanted = {"subscriber_id": subscriber_id, "account_id": account_id, "mode": mode, "from_cycle": 202612}
    return customers.put_payment_relation(**{**wanted, **changes}, at=AT, staff_id=7)  # type: ignore[arg-type]


def _payers(subscriber_id: int, cycle: int) -> set[tuple[int, str]]:
    relations = customers.billing_image(cycle=cycle).relations.filter(subscriber_id=subscriber_id)
    return set(relations.select("account_id", "mode").rows())


@pytest.mark.requirement("ARC-19")
def test_a_user_has_several_payers_and_an_account_several_users_and_the_rest_is_never_unpaid() -> None:
    _put(1001, 3, "FULL", item_scope="RENT")
    _put(1003, 3, "LIMIT", item_scope="G2_VOICE", value=10_000)
    relations = customers.billing_image(cycle=202612).relations
    assert set(relations.filter(subscriber_id=1001)["account_id"]) == {1, 3}
    assert set(relations.filter(account_id=3)["subscriber_id"]) == {1001, 1003}
    with pytest.raises(customers.RestNeeded):
        customers.end_payment_relation(relation_id=1, to_cycle=202612, at=AT, staff_id=7)
    assert _payers(1001, 202612) == {(1, "REST"), (3, "FULL")}


def test_a_change_takes_effect_at_its_cycle() -> None:
    _put(1001, 3, "FULL", item_scope="RENT")
    assert _payers(1001, 202611) == {(1, "REST")}
    assert _payers(1001, 202612) == {(1, "REST"), (3, "FULL")}


def test_a_new_rest_takes_the_place_of_the_old_one() -> None:
    _put(1001, 2, "REST")
    assert _payers(1001, 202611) == {(1, "REST")}
    assert _payers(1001, 202612) == {(2, "REST")}


def test_a_rest_that_was_to_begin_later_is_replaced_too() -> None:
    _put(1001, 2, "REST")
    _put(1001, 3, "REST", from_cycle=202612)
    assert _payers(1001, 202612) == {(3, "REST")}


def test_other_relations_can_be_ended() -> None:
    relation_id = _put(1001, 3, "RATIO", value=5000)
    customers.end_payment_relation(relation_id=relation_id, to_cycle=202702, at=AT, staff_id=7)
    assert _payers(1001, 202701) == {(1, "REST"), (3, "RATIO")}
    assert _payers(1001, 202702) == {(1, "REST")}


@pytest.mark.parametrize(
    ("mode", "changes"),
    [
        ("RATIO", {"value": 0}),
        ("RATIO", {"value": 10_001}),
        ("LIMIT", {"value": 0}),
        ("FULL", {"value": 5}),
        ("REST", {"item_scope": "RENT"}),
        ("HALF", {}),
    ],
)
def test_a_share_that_makes_no_sense_is_refused(mode: str, changes: dict[str, object]) -> None:
    audited = list_audit()[1]
    with pytest.raises(customers.RelationWrong):
        _put(1001, 3, mode, **changes)
    assert PaymentRelation.objects.count() == 3
    assert list_audit()[1] == audited


def test_an_unknown_user_or_account_is_refused() -> None:
    with pytest.raises(customers.SubscriberUnknown):
        _put(9, 3, "FULL")
    with pytest.raises(customers.AccountUnknown):
        _put(1001, 9, "FULL")
    with pytest.raises(customers.RelationUnknown):
        customers.end_payment_relation(relation_id=99, to_cycle=202612, at=AT, staff_id=7)
