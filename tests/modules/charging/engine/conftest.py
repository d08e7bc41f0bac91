"""A small world for the engine: two dated national tariffs, a few plans, a few users."""

from copy import deepcopy
from dataclasses import dataclass, field
from datetime import date, datetime

import polars as pl
import pytest

from openboss.kernel.state import short_number_key
from openboss.kernel.tariffs import FOREVER_S
from openboss.kernel.usage import LdType, OtherNet, RecordType, RoamType
from openboss.modules.catalog.compiler import compile_tariffs
from openboss.modules.charging.engine.state import EngineState, Image
from openboss.modules.charging.schema import NORMALISED

NIGHT = [{"from": "00:00", "to": "07:00", "price": "0.04"}]
VOICE = ["MOC", "MTC", "CALL_FORWARD"]
LD_DOMESTIC = ["INTRA_PROV_LD", "INTER_PROV_LD"]
DATA_PRICE = {"unit": "1 KB", "per": "1024 KB", "price": "0.29", "basis": "CYCLE", "item": "DATA_DOM"}
ROAMING = ["INTER_PROV_OUT"]

NATIONAL_PRICES = [
    {
        "rule": "ROAM",
        "when": {"record": ["MOC"], "roam": ROAMING},
        "item": "ROAM_CALL",
        "unit": "60 s",
        "price": "0.60",
    },
    {
        "rule": "ROAM_IN",
        "when": {"record": ["MTC"], "roam": ROAMING},
        "item": "ROAM_CALL",
        "unit": "60 s",
        "price": "0.40",
    },
    {"rule": "SMS", "when": {"record": ["SMS_MO"]}, "item": "SMS", "unit": "1 MSG", "price": "0.10"},
    {"rule": "DATA", "when": {"record": ["DATA"]}, **DATA_PRICE},
    {
        "rule": "ROAM_LD",
        "component": "ld",
        "when": {"record": ["MOC"], "roam": ROAMING, "ld": LD_DOMESTIC},
        "item": "ROAM_LD",
        "unit": "6 s",
        "price": "0.07",
        "bands": NIGHT,
    },
    {
        "rule": "LD",
        "component": "ld",
        "when": {"record": ["MOC"], "ld": LD_DOMESTIC},
        "item": "LD_DOM",
        "unit": "6 s",
        "price": "0.07",
        "bands": NIGHT,
    },
]
NATIONAL_2003 = [
    *NATIONAL_PRICES,
    {"rule": "LOCAL", "when": {"record": VOICE}, "item": "LOCAL", "unit": "60 s", "price": "0.40"},
]
NATIONAL_2010 = [
    *NATIONAL_PRICES,
    {"rule": "LOCAL", "when": {"record": VOICE, "ld": ["LOCAL"]}, "item": "LOCAL", "unit": "60 s", "price": "0.40"},
]
HOME_SCOPE = {"record": VOICE, "roam": ["HOME", "INTRA_PROV"], "ld": ["LOCAL"]}


@dataclass
class Version:
    """A version of an offer as the compiler reads it."""

    offer_id: int
    code: str
    kind: str
    from_on: date
    document: dict
    rule_ids: dict = field(default_factory=dict)


@dataclass
class Item:
    """A kind of bill item as the compiler reads it."""

    item_id: int
    code: str


ITEM_CODES = ["LOCAL", "LD_DOM", "ROAM_CALL", "ROAM_LD", "SMS", "DATA_DOM", "SP_INFO", "VPMN_CALL"]
ITEMS = [Item(place, code) for place, code in enumerate(ITEM_CODES, 1)]
ITEM_ID = {item.code: item.item_id for item in ITEMS}


def versions():
    made = [
        Version(0, "STANDARD", "STANDARD", date(2003, 1, 1), {"prices": NATIONAL_2003}),
        Version(
            0,
            "STANDARD",
            "STANDARD",
            date(2010, 1, 1),
            {"prices": NATIONAL_2010, "caps": [{"rule": "CAP", "items": ["DATA_DOM"], "cap": "500.00"}]},
        ),
        Version(
            1,
            "GOTONE_98",
            "MAIN",
            date(2003, 1, 1),
            {
                "free": [{"rule": "MIN", "unit": "MIN", "granted": 170, "scope": HOME_SCOPE}],
                "prices": [{"rule": "OVER", "when": HOME_SCOPE, "item": "LOCAL", "unit": "60 s", "price": "0.40"}],
            },
        ),
        Version(
            2,
            "DATA_1GB",
            "ADDON",
            date(2010, 1, 1),
            {
                "free": [
                    {
                        "rule": "KB",
                        "unit": "KB",
                        "granted": 1024 * 1024,
                        "carry_over": True,
                        "scope": {"record": ["DATA"]},
                    }
                ]
            },
        ),
        Version(
            3,
            "VPMN",
            "GROUP",
            date(2003, 1, 1),
            {
                "prices": [
                    {
                        "rule": "ONNET",
                        "when": {"record": VOICE, "group": ["VPMN"]},
                        "item": "VPMN_CALL",
                        "unit": "60 s",
                        "price": "0",
                    }
                ]
            },
        ),
        Version(4, "EASYOWN", "MAIN", date(2003, 1, 1), {}),
    ]
    rule_id = 0
    for version in made:
        version.document = deepcopy(version.document)  # tests change prices
        for part in ("prices", "free", "caps"):
            for rule in version.document.get(part, []):
                rule_id += 1
                version.rule_ids[rule["rule"]] = rule_id
    return made


def rule_id_of(offer: str, rule: str, from_on: date | None = None) -> int:
    return next(v.rule_ids[rule] for v in versions() if v.code == offer and (from_on is None or v.from_on == from_on))


def local_s(text: str) -> int:
    """Second of the operator's wall clock."""
    return int((datetime.fromisoformat(text) - datetime(1970, 1, 1)).total_seconds())


def image(users: dict[int, dict]) -> Image:
    """Base data: {subscriber_id: {"number": ..., "offers": [ids], "groups": [ids]}} valid since 2000."""
    since, last = local_s("2000-01-01"), FOREVER_S
    holdings = [(user, o, 0, since, last) for user, about in users.items() for o in about.get("offers", [4])]
    groups = [(user, g, 2, since, last) for user, about in users.items() for g in about.get("groups", [])]
    numbers = [
        (about["number"], user, about.get("from_s", since), about.get("to_s", last)) for user, about in users.items()
    ]
    numbers += [
        (short_number_key(group, short), user, since, last)
        for user, about in users.items()
        for group, short in about.get("short", {}).items()
    ]
    span = {"from_local_s": pl.Int64, "to_local_s": pl.Int64}
    return Image(
        subscribers=pl.DataFrame({"subscriber_id": list(users)}, schema={"subscriber_id": pl.Int64}),
        numbers=pl.DataFrame(numbers, schema={"number": pl.Int64, "subscriber_id": pl.Int64, **span}, orient="row"),
        imsis=pl.DataFrame(schema={"imsi": pl.Int64, "subscriber_id": pl.Int64, **span}),
        holdings=pl.DataFrame(
            holdings,
            schema={"subscriber_id": pl.Int64, "offer_id": pl.Int64, "first_month": pl.Int8, **span},
            orient="row",
        ),
        groups=pl.DataFrame(
            groups, schema={"subscriber_id": pl.Int64, "group_id": pl.Int64, "kind": pl.Int8, **span}, orient="row"
        ),
    )


_key = iter(range(1, 10**9))


def record(served: int, start: str, record_type: RecordType = RecordType.MOC, **known) -> dict:
    """One normalised record; a local on-net call unless said otherwise."""
    row = dict.fromkeys(NORMALISED, 0)
    row |= {
        "record_type": int(record_type),
        "served_number": served,
        "start_local_s": local_s(start),
        "start_at_s": local_s(start) - 28_800,
        "roam_type": int(RoamType.HOME),
        "ld_type": int(LdType.LOCAL),
        "other_net": int(OtherNet.OWN_MOBILE),
        "key_hi": next(_key),
        "key_lo": 7,
    }
    return row | {name: int(value) for name, value in known.items()}


def chunk(*rows: dict) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=NORMALISED)


@pytest.fixture
def engine():
    """An engine with tariffs, one user 11 on 8613900000001 with GoTone 98, one user 12 with nothing special."""
    state = EngineState()
    state.tables = compile_tariffs(versions(), ITEMS)
    state.tariff_sha256 = "test"
    state.apply_image(image({11: {"number": 8613900000001, "offers": [1]}, 12: {"number": 8613900000002}}))
    return state
