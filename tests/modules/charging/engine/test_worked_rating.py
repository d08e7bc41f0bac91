"""The worked tables of docs/algorithms about rating and free resources are true."""

import pytest
import yaml

from openboss.kernel.rating import charge_li, period_num, rounded_li
from openboss.kernel.trace import NO_TRACE
from tests.kernel.test_worked_tables import table

from .conftest import local_s
from .test_tariff_model import CALL, DATA, World, call, data, free, price


@pytest.mark.requirement("CHG-15")
@pytest.mark.parametrize("row", table("rating", "price | begins"), ids=" ".join)
def test_what_a_call_costs(row):
    fields, begins, seconds, li = row
    start = begins if " " in begins else f"2026-10-12 {begins}"
    rule = price(**yaml.safe_load("{" + fields.strip("`") + "}"))
    world = World(rule)
    assert world.rate(call(int(seconds), start)) == [int(li)]
    tables, row_of_price = world.state.tables, len(world.state.tables.price) - 1
    in_kernel = charge_li(tables, NO_TRACE, row_of_price, local_s(start), 0, int(seconds), 0)
    assert in_kernel[0] == int(li)


@pytest.mark.parametrize("row", table("rating", "tiers | MB"), ids=" ".join)
def test_what_a_month_of_data_costs_in_one_record_or_in_many(row):
    tiers, mb, li = row
    rule = price(
        item="VPMN_CALL", when=DATA, unit="1 KB", basis="CYCLE", price="0", tiers=yaml.safe_load(tiers.strip("`"))
    )
    assert sum(World(rule).rate(data(1024), data(1024), data((int(mb) - 2) * 1024))) == int(li)
    world = World(rule)
    tables, last = world.state.tables, len(world.state.tables.price) - 1
    num = period_num(tables, NO_TRACE, last, int(mb) * 1024)
    assert rounded_li(tables, NO_TRACE, last, num) == int(li)


@pytest.mark.parametrize("row", table("free-resources", "left | unit"), ids=" ".join)
def test_how_much_a_free_resource_covers(row):
    left, unit, factor, quantity, taken, covered = row
    is_voice = unit in ("MIN", "s")
    scope = {**(CALL if is_voice else DATA), "factor": factor}
    granted = left if left == "UNLIMITED" else int(left)
    world = World(
        price(item="VPMN_CALL", when=CALL if is_voice else DATA, unit="1 s" if is_voice else "1 KB", price="0.001"),
        free(unit=unit, granted=granted, scope=scope),
    )
    use = call(int(quantity)) if is_voice else data(int(quantity))
    assert world.rate(use) == [int(quantity) - int(covered)]
    assert world.results[0].detail["free_units_1"][0] == int(taken)
