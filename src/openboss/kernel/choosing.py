"""Which price an event is charged at, and the most that can come of it (D4.7 steps 5 and 7)."""

from openboss.kernel.caps import lowest_cap_li
from openboss.kernel.columns import Usage
from openboss.kernel.compiled import apart, compiled
from openboss.kernel.conditions import Asked, holds
from openboss.kernel.rating import charge_li, quantity_of
from openboss.kernel.state import Directory
from openboss.kernel.tariffs import (
    CHOICE_CONDITION,
    CHOICE_NEXT,
    CHOICE_PRICE,
    PRICE_ITEM,
    PRICE_SAFE,
    PRICE_UNIT,
    TariffTables,
    version_at,
)
from openboss.kernel.trace import Trace


@compiled
def chosen_price(tables: TariffTables, asked: Asked, price_map: int, cls: int, component: int) -> int:
    """Find the first price of a version that an event fulfils; -1 = none."""
    cell = tables.price_map[price_map, cls, component]
    while cell < -1:
        choice = -2 - cell
        if holds(tables, asked, tables.choice[choice, CHOICE_CONDITION]):
            return tables.choice[choice, CHOICE_PRICE]
        cell = tables.choice[choice, CHOICE_NEXT]
    return cell


@compiled
def national_price(tables: TariffTables, asked: Asked, standard: int, cls: int, component: int) -> int:
    """Find the national price of a component; -1 = the component does not exist for this use (D4.7 step 5)."""
    if standard < 0 or tables.version_map[standard] < 0:
        return -1
    return chosen_price(tables, asked, tables.version_map[standard], cls, component)


@compiled
def price_of(
    tables: TariffTables,
    directory: Directory,
    asked: Asked,
    row: int,
    cls: int,
    component: int,
    at_s: int,
    national: int,
) -> int:
    """Find the price a user pays: of the offers held in order of rank, else the national one."""
    if national < 0:
        return -1
    holding = directory.holding_head[row]
    while holding >= 0:
        if directory.holding_from_s[holding] <= at_s < directory.holding_to_s[holding]:
            version = version_at(tables, directory.holding_offer[holding], at_s)
            if version >= 0 and tables.version_map[version] >= 0:
                price = chosen_price(tables, asked, tables.version_map[version], cls, component)
                if price >= 0:
                    return price
        holding = directory.holding_next[holding]
    return national


@compiled
def contract_start_s(directory: Directory, row: int, offer: int, at_s: int) -> int:
    """Say since when a user has held an offer at a moment."""
    holding = directory.holding_head[row]
    while holding >= 0:
        if directory.holding_offer[holding] == offer:
            if directory.holding_from_s[holding] <= at_s < directory.holding_to_s[holding]:
                return directory.holding_from_s[holding]
        holding = directory.holding_next[holding]
    return 0


@compiled
def is_safe(tables: TariffTables, usage: Usage, i: int, price_row: int) -> bool:
    """Say whether a component surely costs less than half of what a record may cost (E504)."""
    if price_row < 0:
        return True
    volume = usage.up_bytes[i] + usage.down_bytes[i]
    unit = tables.price[price_row, PRICE_UNIT]
    quantity = quantity_of(unit, usage.duration_s[i], volume, usage.message_count[i])
    return quantity <= tables.price[price_row, PRICE_SAFE]


@apart
def dearest_li(
    tables: TariffTables,
    directory: Directory,
    asked: Asked,
    trace: Trace,
    usage: Usage,
    row: int,
    i: int,
    price_row: int,
) -> int:
    """Work out the most one component of a record can cost its user, as if no free resource were left (E504)."""
    if price_row < 0:
        return 0
    volume = usage.up_bytes[i] + usage.down_bytes[i]
    quantity = quantity_of(tables.price[price_row, PRICE_UNIT], usage.duration_s[i], volume, usage.message_count[i])
    mark = trace.written[0]
    li, _ = charge_li(tables, trace, price_row, asked.clock_s, 0, quantity, 0)
    if len(trace.rows) > 0:
        trace.written[0] = mark
    if li > tables.sanity_li:
        cap_li = lowest_cap_li(tables, directory, row, tables.price[price_row, PRICE_ITEM], usage.start_local_s[i])
        li = min(li, cap_li) if cap_li >= 0 else li
    return li
