"""What a quantity of use costs, in closed form: units, time bands, tiers over a cycle.

Pure arithmetic on int64. Source: CHG-15, CHG-20, D3.2, D3.5, D3.8; worked tables in docs/algorithms/rating.md.
"""

from openboss.kernel.compiled import compiled
from openboss.kernel.tariffs import BASIS_CYCLE, TariffTables
from openboss.kernel.usage import Unit

DAY_S = 86_400

_SECOND = int(Unit.SECOND)
_KB = int(Unit.KB)
_MSG = int(Unit.MSG)


@compiled
def divide_half_up(numerator: int, denominator: int) -> int:
    """Divide and round half up; the numerator is not negative, the denominator positive (D3.2)."""
    return (2 * numerator + denominator) // (2 * denominator)


@compiled
def begun_units(quantity: int, unit_size: int) -> int:
    """Count units of use; a begun unit is charged whole.

    quantity   seconds, KB or messages, 0 or more
    unit_size  of the same, 1 or more (60 s basic, 6 s long distance: CHG-15)
    """
    return (quantity + unit_size - 1) // unit_size


@compiled
def quantity_of(unit: int, duration_s: int, volume_bytes: int, message_count: int) -> int:
    """Say how much was used in the measure of a price: seconds, KB, messages or one event."""
    if unit == _SECOND:
        return duration_s
    if unit == _KB:
        return (volume_bytes + 1023) // 1024
    if unit == _MSG:
        return max(message_count, 1)
    return 1


@compiled
def units_in_band(first_s: int, unit_s: int, units: int, band_from_s: int, band_to_s: int) -> int:
    """Count the units that start inside a band of the day (D3.8).

    first_s     second of the day at which the first unit starts, 0..86399
    band_*_s    seconds of the day, from < to
    Closed form: one step a day touched, whatever the length of the call.
    """
    counted = 0
    last_day = (first_s + (units - 1) * unit_s) // DAY_S
    for day in range(last_day + 1):
        begin = (day * DAY_S + band_from_s - first_s + unit_s - 1) // unit_s
        end = (day * DAY_S + band_to_s - first_s + unit_s - 1) // unit_s
        counted += max(0, min(end, units) - max(begin, 0))
    return counted


@compiled
def banded_charge_li(tables: TariffTables, price_row: int, start_s: int, units: int) -> int:
    """Charge units of one record, each by the band in which it starts; one rounding (D3.2)."""
    second_of_day = start_s % DAY_S
    plain_units = units
    total = 0
    for band in range(tables.band_first[price_row], tables.band_first[price_row + 1]):
        from_s, to_s = tables.band_from_s[band], tables.band_to_s[band]
        if tables.price_unit[price_row] == _SECOND:
            inside = units_in_band(second_of_day, tables.price_unit_size[price_row], units, from_s, to_s)
        else:  # a message or a volume belongs whole to the band in which it began
            inside = units if from_s <= second_of_day < to_s else 0
        total += inside * tables.band_num[band]
        plain_units -= inside
    return divide_half_up(total + plain_units * tables.price_num[price_row], tables.price_den[price_row])


@compiled
def tier_charge_li(units: int, num: int, den: int, block: int, block_cap_li: int) -> int:
    """Charge the units that fall in one tier; with blocks, no block costs more than its cap (D5.5)."""
    if block == 0:
        return divide_half_up(units * num, den)
    begun = min(divide_half_up((units % block) * num, den), block_cap_li)
    return (units // block) * block_cap_li + begun


@compiled
def cycle_charge_li(tables: TariffTables, price_row: int, units: int) -> int:
    """Charge all units of a cycle by the price's tiers; without tiers, at the plain price."""
    first, last = tables.tier_first[price_row], tables.tier_first[price_row + 1]
    if first == last:
        return divide_half_up(units * tables.price_num[price_row], tables.price_den[price_row])
    total = 0
    for tier in range(first, last):
        above = units - tables.tier_from[tier]
        if above <= 0:
            break
        if tier + 1 < last:
            above = min(above, tables.tier_from[tier + 1] - tables.tier_from[tier])
        total += tier_charge_li(
            above,
            tables.tier_num[tier],
            tables.tier_den[tier],
            tables.tier_block[tier],
            tables.tier_block_cap_li[tier],
        )
    return total


@compiled
def charge_li(tables: TariffTables, price_row: int, start_s: int, units: int, units_before: int) -> int:
    """Charge units of one record at a price, in li.

    start_s       local second at which the first of the units starts
    units_before  units charged at this price earlier in the cycle (read only by prices over a cycle)
    """
    if units <= 0:
        return 0
    if tables.price_basis[price_row] == BASIS_CYCLE:
        after_li = cycle_charge_li(tables, price_row, units_before + units)
        return after_li - cycle_charge_li(tables, price_row, units_before)
    return banded_charge_li(tables, price_row, start_s, units)
