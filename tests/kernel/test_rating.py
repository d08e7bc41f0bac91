"""Rating of single records: exact values from D3 and D5."""

from dataclasses import dataclass, field
from datetime import date, datetime

import numpy as np
import pytest

from openboss.kernel import rating
from openboss.kernel.rating import begun_units
from openboss.kernel.tariffs import PRICE_SIZE
from openboss.kernel.trace import NO_TRACE
from openboss.modules.catalog.compiler import TariffRefused, compile_tariffs


@dataclass
class Version:
    """A version of an offer as the compiler reads it."""

    offer_id: int
    code: str
    kind: str
    from_on: date
    document: dict
    rule_ids: dict = field(default_factory=dict)

    def __post_init__(self):
        rules = [rule["rule"] for part in ("prices", "free") for rule in self.document.get(part, [])]
        self.rule_ids = {code: self.offer_id * 100 + place for place, code in enumerate(rules, 1)}


@dataclass
class Item:
    """A kind of bill item as the compiler reads it."""

    item_id: int
    code: str


ITEMS = [Item(1, "LOCAL"), Item(2, "LD_DOM"), Item(3, "DATA_DOM"), Item(4, "SMS"), Item(5, "SP_INFO")]


def local_s(text: str) -> int:
    """Second of the operator's wall clock."""
    return int((datetime.fromisoformat(text) - datetime(1970, 1, 1)).total_seconds())


def price_tables(**rule):
    document = {"prices": [{"rule": "P", "item": "LOCAL", **rule}]}
    return compile_tariffs([Version(0, "STANDARD", "STANDARD", date(2000, 1, 1), document)], ITEMS)


def charge_li(tables, price: int, start_s: int, units: int, before: int) -> int:
    """What so many whole units of one event cost."""
    quantity = units * int(tables.price[price, PRICE_SIZE])
    return rating.charge_li(tables, NO_TRACE, price, start_s, 0, quantity, before)[0]


LD = {"unit": "6 s", "price": "0.07", "bands": [{"from": "00:00", "to": "07:00", "price": "0.04"}]}


@pytest.mark.requirement("CHG-15")
def test_a_61_second_call_is_2_minutes_of_basic_and_11_units_of_long_distance():
    assert begun_units(61, 60) == 2
    assert begun_units(61, 6) == 11


def test_long_distance_at_night_costs_less():
    tables = price_tables(**LD)
    assert charge_li(tables, 0, local_s("2012-05-01 12:00:00"), 11, 0) == 770
    assert charge_li(tables, 0, local_s("2012-05-01 02:00:00"), 11, 0) == 440


def test_a_call_across_seven_is_cut_in_units_each_priced_where_it_starts():
    assert charge_li(price_tables(**LD), 0, local_s("2012-05-01 06:59:50"), 5, 0) == 290


def test_a_call_across_midnight_is_cut_the_same_way():
    # units start at 23:59:50, :56 (day) and 00:00:02, :08 (night)
    assert charge_li(price_tables(**LD), 0, local_s("2012-05-01 23:59:50"), 4, 0) == 2 * 70 + 2 * 40


@pytest.mark.parametrize(("mb", "li"), [(34, 9_860), (60, 10_000), (100, 10_000), (134, 19_860), (300, 30_000)])
def test_the_step_pack_costs_no_more_than_10_yuan_for_each_100_mb(mb, li):
    tables = price_tables(
        unit="1 KB",
        per="1024 KB",
        price="0.29",
        basis="CYCLE",
        tiers=[{"from": 0, "block": 102_400, "block_cap": "10.00", "price": "0.29", "per": "1024 KB"}],
    )
    assert charge_li(tables, 0, 0, mb * 1024, 0) == li
    in_parts = sum(charge_li(tables, 0, 0, 1024, done * 1024) for done in range(mb))
    assert in_parts == li


@pytest.mark.parametrize("start", np.arange(0, 86_400, 4_999))
def test_closed_form_equals_counting_unit_by_unit(start):
    tables = price_tables(**LD)
    units = 3_000
    slow = sum(40 if ((start + 6 * k) % 86_400) < 25_200 else 70 for k in range(units))
    assert charge_li(tables, 0, int(start), units, 0) == slow


def test_a_price_that_could_overflow_is_refused_by_name():
    with pytest.raises(TariffRefused, match="STANDARD 2000-01-01 price P"):
        price_tables(unit="1 KB", price="99999999.999999")


def test_an_unknown_word_is_answered_with_the_known_ones():
    with pytest.raises(TariffRefused, match="roam 'HOMME' is unknown; one of HOME"):
        price_tables(unit="60 s", price="0.40", when={"roam": ["HOMME"]})
