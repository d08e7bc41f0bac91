"""The whole base at once: what goes in comes out for the engine and the bill run; contradictions are refused."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from django.db import IntegrityError, connection, transaction

from openboss.kernel.proration import FirstMonth
from openboss.kernel.usage import ClosedGroup
from openboss.modules.customers import functions as customers
from openboss.modules.customers.models import Customer, Subscriber
from openboss.modules.system.copying import WrongColumns
from openboss.modules.system.functions import list_audit
from tests.modules.customers.conftest import (
    AT,
    EXCLUDING_PACK,
    MAIN,
    OPENED,
    OTHER_MAIN,
    PACK,
    base,
    customer,
    frames,
    rest,
    subscriber,
)

FOREVER_S = 2**62
OPENED_LOCAL_S = int((datetime(2020, 1, 15, 0, 30) - datetime(1970, 1, 1)).total_seconds())


def _constraints() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE conrelid::regclass::text LIKE 'customers_%'"
            " UNION SELECT indexdef FROM pg_indexes WHERE tablename LIKE 'customers_%'"
        )
        return {row[0] for row in cursor.fetchall()}


def _refused(rows: dict[str, list[dict[str, Any]]]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        customers.load_base(frames=frames(rows), at=AT)
    assert not Customer.objects.exists()


def test_a_load_counts_its_rows_and_leaves_one_audit_entry(offers: None) -> None:
    counts = customers.load_base(frames=frames(base()), at=AT)
    assert (counts["customers"], counts["subscribers"], counts["numbers"], counts["stops"]) == (3, 3, 3, 0)
    assert list_audit(action="customers.load_base")[1] == 1


def test_constraints_and_indexes_are_the_same_after_a_load(offers: None) -> None:
    before = _constraints()
    customers.load_base(frames=frames(base()), at=AT)
    assert _constraints() == before


def test_a_second_base_is_added_to_the_first(loaded: None) -> None:
    more = {
        "customers": [customer(4, "李娜", "li na")],
        "subscribers": [subscriber(1004, 4)],
        "relations": [rest(4, 1004, 1)],
    }
    assert customers.load_base(frames=frames(more), at=AT)["customers"] == 1
    assert Customer.objects.count() == 4


def test_new_ids_come_after_the_loaded_ones(loaded: None) -> None:
    account_id = customers.open_account(
        customer_id=1, pay_method="CASH", language="zh", layout="STANDARD", at=AT, staff_id=None
    )
    assert account_id == 4


def test_documents_are_encrypted_and_found_by_equality(loaded: None) -> None:
    row = Customer.objects.get(customer_id=1)
    assert b"42010119800101" not in bytes(row.cert_no_sealed)
    assert [hit.customer_id for hit in customers.search("420101198001010001")] == [1]
    seen = customers.reveal(customer_id=1, staff_id=7, reason="test", at=AT)
    assert seen.cert_no == "420101198001010001"


def test_a_user_whose_bill_nobody_pays_is_refused(offers: None) -> None:
    rows = base()
    rows["relations"] = rows["relations"][:2]
    with pytest.raises(customers.BaseRefused, match="user 1003 has no REST relation"):
        customers.load_base(frames=frames(rows), at=AT)
    assert not Customer.objects.exists()


def test_an_offer_that_is_not_in_the_catalog_is_refused(offers: None) -> None:
    rows = base()
    rows["holdings"][0]["offer_id"] = 999
    with pytest.raises(customers.BaseRefused, match="offer 999 is not in the catalog"):
        customers.load_base(frames=frames(rows), at=AT)


@pytest.mark.parametrize(
    ("table", "column", "end"),
    [("numbers", "to_at", OPENED - timedelta(days=1)), ("relations", "to_cycle", 201912)],
)
def test_what_ends_before_it_begins_is_refused_by_name(offers: None, table: str, column: str, end: object) -> None:
    rows = base()
    rows[table][1][column] = end
    with pytest.raises(customers.BaseRefused, match=f"{table}: .*1002.* ends before it begins"):
        customers.load_base(frames=frames(rows), at=AT)


def test_a_frame_with_a_missing_column_is_refused(offers: None) -> None:
    rows = frames(base())
    rows["accounts"] = rows["accounts"].drop("layout")
    with pytest.raises(WrongColumns, match=r"accounts: missing \['layout'\]"):
        customers.load_base(frames=rows, at=AT)


def test_two_users_of_one_number_at_one_moment_are_refused(offers: None) -> None:
    rows = base()
    rows["numbers"][1]["number"] = rows["numbers"][0]["number"]
    _refused(rows)


def test_a_number_may_be_used_again_after_its_user_left(offers: None) -> None:
    rows = base()
    rows["numbers"][0]["to_at"] = datetime(2024, 1, 1, tzinfo=UTC)
    rows["numbers"][1].update(number=rows["numbers"][0]["number"], from_at=datetime(2024, 1, 1, tzinfo=UTC))
    assert customers.load_base(frames=frames(rows), at=AT)["numbers"] == 3


def test_two_main_offers_of_one_user_at_one_moment_are_refused(offers: None) -> None:
    rows = base()
    rows["holdings"].append({**rows["holdings"][0], "holding_id": 9, "offer_id": OTHER_MAIN})
    _refused(rows)


def test_two_rest_relations_of_one_user_in_one_cycle_are_refused(offers: None) -> None:
    rows = base()
    rows["relations"].append(rest(9, 1001, 2))
    _refused(rows)


def test_the_same_stop_reason_twice_at_once_is_refused(offers: None) -> None:
    rows = base()
    stop = {"subscriber_id": 1001, "reason": "LOST", "from_at": OPENED, "to_at": None}
    rows["stops"] = [stop, {**stop, "from_at": OPENED + timedelta(days=1)}]
    _refused(rows)


def test_two_customers_with_the_same_document_are_refused(offers: None) -> None:
    rows = base()
    rows["customers"][1]["cert_no"] = rows["customers"][0]["cert_no"]
    _refused(rows)


def test_a_user_that_was_closed_is_terminated(offers: None) -> None:
    rows = base()
    rows["subscribers"][2]["closed_at"] = datetime(2026, 10, 1, tzinfo=UTC)
    customers.load_base(frames=frames(rows), at=AT)
    assert Subscriber.objects.get(subscriber_id=1003).life == "TERMINATED"
    assert customers.effective_state(subscriber_id=1003, at=AT) == "TERMINATED"


def test_the_engine_gets_local_seconds_and_an_open_end(offers: None) -> None:
    rows = base()
    rows["groups"] = [
        {"group_id": 5, "kind": "VPMN", "name_zh": "机械厂", "name_en": "Works", "payer_subscriber_id": 1001}
    ]
    rows["group_members"] = [
        {"group_id": 5, "subscriber_id": 1001, "short_number": 6101, "from_at": OPENED, "to_at": None}
    ]
    customers.load_base(frames=frames(rows), at=AT)
    image = customers.engine_image()
    assert sorted(image.subscribers["subscriber_id"]) == [1001, 1002, 1003]
    assert image.numbers.sort("number").row(0) == (8613900011001, 1001, OPENED_LOCAL_S, FOREVER_S)
    assert image.imsis.sort("imsi").row(0) == (460000000001001, 1001, OPENED_LOCAL_S, FOREVER_S)
    held = image.holdings.sort("subscriber_id").row(0)
    assert held == (1001, MAIN, FirstMonth.PRORATE, OPENED_LOCAL_S, FOREVER_S)
    group = pl.col("kind") == ClosedGroup.VPMN  # the others share an account
    assert image.groups.filter(group).rows() == [(1001, 5, ClosedGroup.VPMN, OPENED_LOCAL_S, FOREVER_S)]


def test_the_engine_may_ask_for_some_users_only(loaded: None) -> None:
    image = customers.engine_image(subscriber_ids=[1002])
    assert {user for frame in image for user in frame["subscriber_id"]} == {1002}
    assert [frame.height for frame in image[:4]] == [1, 1, 1, 1]


def test_the_bill_run_gets_days_of_the_operators_calendar(offers: None) -> None:
    rows = base()
    stop = {"subscriber_id": 1002, "reason": "REQ_HOLD", "to_at": None}
    rows["stops"] = [{**stop, "from_at": datetime(2026, 10, 9, 16, 0, tzinfo=UTC)}]  # 10 October, 00:00 local
    customers.load_base(frames=frames(rows), at=AT)
    image = customers.billing_image(cycle=202610)
    first = image.attributes.row(0, named=True)
    assert (first["subscriber_id"], first["opened_on"], first["closed_on"]) == (1001, date(2020, 1, 15), None)
    assert image.holdings.row(0) == (1, 1001, MAIN, "PRORATE", date(2020, 1, 15), None)
    assert image.stops.rows() == [(1002, "REQ_HOLD", date(2026, 10, 10), None)]
    assert image.relations.row(2) == (3, 1003, 2, "ALL", "REST", 0, 100)
    assert image.accounts.row(0) == (1, 1, "zh", "STANDARD", "CASH")


def test_the_bill_run_sees_only_what_was_in_force_in_its_month(offers: None) -> None:
    rows = base()
    local_month_start = datetime(2026, 9, 30, 16, 0, tzinfo=UTC)
    rows["subscribers"][2]["closed_at"] = local_month_start
    rows["holdings"][2]["to_at"] = local_month_start
    rows["relations"][2]["to_cycle"] = 202610
    customers.load_base(frames=frames(rows), at=AT)
    september, october = customers.billing_image(cycle=202609), customers.billing_image(cycle=202610)
    for frame in (september.attributes, september.holdings, september.relations):
        assert 1003 in frame["subscriber_id"]
    for frame in (october.attributes, october.holdings, october.relations):
        assert 1003 not in frame["subscriber_id"]


def test_december_is_followed_by_january(loaded: None) -> None:
    assert customers.billing_image(cycle=202612).attributes.height == 3


@pytest.mark.parametrize("order", [1, -1])
def test_a_base_in_which_a_user_holds_offers_that_exclude_one_another_is_refused(offers: None, order: int) -> None:
    rows = base()
    pack, other = (PACK, EXCLUDING_PACK)[::order]
    held = {**rows["holdings"][0], "offer_id": pack, "to_at": AT}
    rows["holdings"] += [{**held, "holding_id": 901}, {**held, "holding_id": 902, "offer_id": other, "to_at": None}]
    with pytest.raises(customers.BaseRefused, match="user 1001 holds offers 306 and 305 at once"):
        customers.load_base(frames=frames(rows), at=AT)
    assert not Subscriber.objects.exists()

    rows["holdings"][-1]["from_at"] = AT  # one after the other
    customers.load_base(frames=frames(rows), at=AT)
    assert Subscriber.objects.count() == 3


def test_an_empty_base_loads(offers: None) -> None:
    assert set(customers.load_base(frames={}, at=AT).values()) == {0}
    assert customers.engine_image().subscribers.schema["subscriber_id"] == pl.Int64


def test_documents_stay_readable_through_a_rotation_of_keys(loaded: None, settings: Any) -> None:
    from openboss.modules.system import keys

    before = bytes(Customer.objects.get(customer_id=1).cert_no_sealed)
    keys.add_key_version(Path(settings.KEYS_FILE))
    assert keys.rewrite_all()["customers"] == 3
    assert bytes(Customer.objects.get(customer_id=1).cert_no_sealed)[0] == before[0] + 1
    assert customers.reveal(customer_id=1, staff_id=7, reason="test", at=AT).cert_no == "420101198001010001"
    assert keys.rewrite_all()["customers"] == 0


@pytest.mark.requirement("IND-02", "IND-03")
def test_a_customer_with_three_users_is_one_customer_and_three_users_and_one_without_users_counts(
    offers: None,
) -> None:
    rows = base()
    rows["customers"] = [one for one in rows["customers"] if one["customer_id"] != 2]
    for one in rows["subscribers"]:
        one["customer_id"] = 1
    rows["accounts"] = [one for one in rows["accounts"] if one["customer_id"] != 2]
    rows["relations"] = [{**one, "account_id": 1} for one in rows["relations"]]
    customers.load_base(frames=frames(rows), at=AT)
    counts = customers.count_base()
    assert (counts["customers"], counts["subscribers"]) == (2, 3)  # the unit has no user
