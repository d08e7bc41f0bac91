"""Two add-ons that price the same use: which one counts does not depend on the order in which anything came."""

from datetime import date

import polars as pl
import pytest

from openboss.modules.catalog.compiler import compile_tariffs
from openboss.modules.charging.engine.rating import rate_chunk
from openboss.modules.charging.engine.state import EngineState

from .conftest import ITEMS, Version, chunk, image, local_s, record, versions

NUMBER, USER = 8613900000005, 5
CHEAP, DEAR = 21, 22
TAKEN_EARLIER, TAKEN_LATER = "2012-04-01", "2012-04-02"


def addon(offer_id: int, price: str) -> Version:
    rule = {"rule": "LOCAL", "when": {"record": ["MOC"]}, "item": "LOCAL", "unit": "60 s", "price": price}
    document = {"prices": [rule]}
    return Version(offer_id, f"ADDON_{offer_id}", "ADDON", date(2003, 1, 1), document, {"LOCAL": 1000 + offer_id})


def price_of_a_minute(taken: list[tuple[int, str]]) -> int:
    """What a minute costs a user who took add-ons on some days; the image names them in this order."""
    state = EngineState()
    state.tables = compile_tariffs([*versions(), addon(CHEAP, "0.10"), addon(DEAR, "0.30")], ITEMS)
    base = image({USER: {"number": NUMBER}})
    rows = [(USER, offer, 0, local_s(day), 2**62) for offer, day in taken]
    holdings = pl.DataFrame(rows, schema=base.holdings.schema, orient="row")
    state.apply_image(base._replace(holdings=holdings))
    state.open_cycle(201205)
    call = record(NUMBER, "2012-05-01 10:00:00", duration_s=60)
    return int(rate_chunk(state, chunk(call), position=1, threads=1).detail["act_basic_li"][0])


@pytest.mark.parametrize(
    ("first", "second", "price_li"),
    [
        ((CHEAP, TAKEN_EARLIER), (DEAR, TAKEN_LATER), 300),  # the one taken later counts
        ((CHEAP, TAKEN_LATER), (DEAR, TAKEN_EARLIER), 100),
        ((CHEAP, TAKEN_EARLIER), (DEAR, TAKEN_EARLIER), 300),  # of one moment: the one with the higher offer id
    ],
)
def test_of_two_addons_that_price_the_same_use_the_one_taken_later_counts_in_whatever_order_they_came(
    first: tuple[int, str], second: tuple[int, str], price_li: int
) -> None:
    assert price_of_a_minute([first, second]) == price_of_a_minute([second, first]) == price_li
