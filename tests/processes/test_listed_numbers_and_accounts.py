"""What prices ask of a record and its user, from the file and the counter to the price, not only in a quote."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from shutil import copytree

import polars as pl
import pytest
import yaml

from openboss.kernel.usage import RecordType, name_code, text_id
from openboss.modules.charging.engine.rating import rate_chunk
from openboss.modules.charging.functions.engine import EngineRefused, engine_lock, recover_engine
from openboss.modules.customers import functions as customers
from openboss.modules.customers.models import ListedNumber
from openboss.modules.customers.schema import FRAMES
from openboss.modules.system.functions import list_audit
from openboss.processes import hall
from openboss.processes.give_free import NotForGiving, give
from openboss.processes.open_operator import open_operator, take_customers_over
from tests.modules.charging.engine.conftest import chunk, record
from tests.processes.test_change_products import BASE, EASYOWN_STANDARD, NUMBER, OPENED, TEN, USER

pytestmark = pytest.mark.django_db(transaction=True)
EXAMPLE = Path(__file__).parents[2] / "example"
OTHER, OTHER_NUMBER, FRIEND = 8, 8613907110008, 8613907119999
MB = 2**20


def price(rule: str, yuan: str, **when: object) -> dict:
    names = {"zh": "价", "en": "price"}
    if when.get("record") == ["DATA"]:
        kind = {"item": "DATA_DOM", "unit": "1 MB"}
    else:
        kind = {"item": "LOCAL", "unit": "60 s"}
    return {"rule": rule, "component": "basic", "when": when, "price": yuan, "names": names, **kind}


DOCUMENT = {
    "offer": "ASKING",
    "offer_id": 990,
    "names": {"zh": "条件", "en": "Asking"},
    "kind": "ADDON",
    "versions": [
        {
            "from": "2020-01-01",
            "prices": [
                price("FRIENDS", "0.05", record=["MOC"], friends=True),
                price("PARTNER", "9.00", record=["DATA"], partner=["45400"]),
                price("GROUP", "0.50", record=["DATA"], rating_group=[20], apn=["cmnet"]),
                price("SERVICE", "0.70", record=["DATA"], service=["V1"]),
                price("WAP", "0.90", record=["DATA"], apn=["CMWAP"]),
            ],
            "free": [
                {"rule": "POOL", "unit": "MIN", "granted": 10, "share": {"by": "POOL"},
                 "scope": {"record": ["VIDEO_CALL"]}, "names": {"zh": "共享", "en": "Shared"}},
                {"rule": "GIFT", "unit": "MIN", "granted": 7, "gift": True, "scope": {"record": ["MTC"]},
                 "names": {"zh": "可赠", "en": "Gift"}},
            ],
        }
    ],
}  # fmt: skip


def base() -> dict[str, dict]:
    """Two users of one account; the first has a friend and holds the offer that asks."""
    frames = {name: {column: values * 2 for column, values in columns.items()} for name, columns in BASE.items()}
    for name in ("subscribers", "numbers", "holdings", "relations"):
        frames[name]["subscriber_id"] = [USER, OTHER]
    frames["numbers"]["number"] = [NUMBER, OTHER_NUMBER]
    frames["relations"]["relation_id"] = [1, 2]
    for name in ("customers", "accounts"):
        frames[name] = {column: values[:1] for column, values in frames[name].items()}
    frames["holdings"] = {
        "holding_id": [1, 2, 3], "subscriber_id": [USER, OTHER, USER], "offer_id": [EASYOWN_STANDARD] * 2 + [990],
        "first_month": ["FULL"] * 3, "from_at": [OPENED] * 3, "to_at": [None] * 3,
    }  # fmt: skip
    frames["listed_numbers"] = {"subscriber_id": [USER], "number": [FRIEND], "from_at": [OPENED], "to_at": [None]}
    return frames


@pytest.fixture
def operator(tmp_path, settings):
    settings.DATA_DIR, settings.LAKE_DIR = tmp_path, tmp_path / "lake"
    (tmp_path / "base").mkdir()
    for name, columns in base().items():
        pl.DataFrame(columns, schema=FRAMES[name]).write_parquet(tmp_path / "base" / f"{name}.parquet")
    copytree(EXAMPLE, tmp_path / "example")
    (tmp_path / "example/tariffs/asking.yaml").write_text(yaml.safe_dump(DOCUMENT, allow_unicode=True))
    open_operator(tmp_path / "example", at=OPENED)
    take_customers_over(tmp_path / "base", first_cycle=202610, at=OPENED)


def use(*rows):
    """What records cost, after the engine has taken what waits."""
    with engine_lock() as mine:
        assert mine
        owner = recover_engine()
        owner.drain()
        found = rate_chunk(owner.state, chunk(*rows), position=owner.position + 1, threads=1).detail.sort("row")
        return found["act_basic_li"].to_list(), found["free_units_1"].to_list()


def data(at: str, **more):
    return record(NUMBER, f"2026-10-20 {at}", RecordType.DATA, down_bytes=MB, **more)


@pytest.mark.usefixtures("operator")
def test_what_files_say_of_a_session_decides_its_price():
    rows = [
        data("10:00:00", partner=45400),
        data("10:01:00", apn=text_id("CMNET"), rating_group=20),
        data("10:02:00", apn=text_id("cmnet"), rating_group=10),
        data("10:03:00", service=name_code("V1")),
        data("10:04:00", apn=text_id("cmwap")),
    ]
    assert use(*rows)[0] == [9000, 500, 290, 700, 900]


@pytest.mark.usefixtures("operator")
def test_a_friend_of_the_base_and_one_chosen_at_the_counter_cost_less_until_taken_off():
    before = ListedNumber.objects.count()
    about = {"kind": "CHANGE_LIST", "channel": "WEB", "proofs": [customers.Proof.SERVICE], "staff_id": None}
    about |= {"org_code": "", "subscriber_id": USER}
    with pytest.raises(customers.NumberNotListable):
        hall.place_and_confirm(serial_no="L0", request={"add": [NUMBER]}, at=TEN, **about)
    with pytest.raises(customers.TooManyListed):
        hall.place_and_confirm(
            serial_no="L0", request={"add": list(range(8613900000001, 8613900000012))}, at=TEN, **about
        )
    assert ListedNumber.objects.count() == before
    chosen = hall.place_and_confirm(
        serial_no="L1", request={"add": [OTHER_NUMBER], "remove": [FRIEND]}, at=TEN, **about
    )
    assert chosen.state == "COMPLETED"
    calls = [(FRIEND, "09:59:00"), (FRIEND, "10:00:05"), (OTHER_NUMBER, "09:59:00"), (OTHER_NUMBER, "10:00:05")]
    rows = [record(NUMBER, f"2026-10-15 {at}", duration_s=60, other_number=number) for number, at in calls]
    assert use(*rows)[0] == [50, 600, 600, 50]


@pytest.mark.usefixtures("operator")
def test_users_of_one_account_draw_on_what_one_of_them_shares():
    rows = [record(NUMBER, "2026-10-20 10:00:00", RecordType.VIDEO_CALL, duration_s=240),
            record(OTHER_NUMBER, "2026-10-20 11:00:00", RecordType.VIDEO_CALL, duration_s=420)]  # fmt: skip
    assert use(*rows) == ([0, 600], [4, 6])


@pytest.mark.usefixtures("operator")
def test_minutes_are_given_once_and_only_those_the_tariff_lets_go():
    from openboss.modules.catalog.atomic import offers_at

    rules = next(one.rule_ids for one in offers_at(date(2026, 10, 20)) if one.code == "ASKING")
    shown = {"proofs": [customers.Proof.SERVICE], "staff_id": None}
    about = {"subscriber_id": USER, "to_number": OTHER_NUMBER, "at": TEN, **shown}
    with pytest.raises(customers.NotEntitled):
        give(rule_id=rules["GIFT"], units=1, serial_no="G0", **{**about, "proofs": []})
    with pytest.raises(NotForGiving):
        give(rule_id=rules["POOL"], units=1, serial_no="G0", **about)
    with pytest.raises(EngineRefused, match="has 7 units"):
        give(rule_id=rules["GIFT"], units=8, serial_no="G0", **about)
    assert give(rule_id=rules["GIFT"], units=3, serial_no="G1", **about) == 4
    assert give(rule_id=rules["GIFT"], units=3, serial_no="G1", **about) == 4  # under the same number once
    assert list_audit(action="charging.give_free", object_id=str(USER))[0][0].after["units"] == 3
    later = (TEN + timedelta(hours=9)).replace(tzinfo=UTC)
    rows = [record(number, f"{later:%Y-%m-%d} 20:00:00", RecordType.MTC, duration_s=600, roam_type=2)
            for number in (NUMBER, OTHER_NUMBER)]  # fmt: skip
    assert use(*rows)[1] == [4, 3]
    assert datetime(2026, 10, 15, 2, tzinfo=UTC) == TEN
