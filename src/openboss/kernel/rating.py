"""What a quantity of use costs, in closed form: units, steps, time bands, tiers over a period.

Pure arithmetic on int64. Source: CHG-15, CHG-20, D3.2, D3.5, D3.8; worked tables in docs/algorithms/rating.md.
"""

from openboss.kernel.compiled import apart, compiled
from openboss.kernel.conditions import DAY_S, day_kind
from openboss.kernel.tariffs import (
    BAND_DAYS,
    BAND_FROM_S,
    BAND_NUM,
    BAND_TO_S,
    BASIS_RECORD,
    PRICE_AT_LEAST,
    PRICE_BASIS,
    PRICE_CONNECT,
    PRICE_DEN,
    PRICE_LEAST_LI,
    PRICE_MOST_LI,
    PRICE_NUM,
    PRICE_PLACE_LI,
    PRICE_PLAIN,
    PRICE_ROUNDING,
    PRICE_SIZE,
    PRICE_STEP,
    PRICE_STEP_END,
    PRICE_TIER,
    PRICE_TIER_END,
    PRICE_TIER_MODE,
    PRICE_UNIT,
    ROUND_DOWN,
    ROUND_HALF_EVEN,
    ROUND_UP,
    STEP_BAND,
    STEP_BAND_END,
    STEP_BY_DAY,
    STEP_FROM,
    STEP_NUM,
    STEP_PLACE_LI,
    STEP_ROUNDING,
    STEP_SIZE,
    STEP_TO,
    TIER_BLOCK,
    TIER_BLOCK_CAP,
    TIER_BLOCK_PRICE,
    TIER_FLAT,
    TIER_FROM,
    TIER_NUM,
    TIERS_VOLUME,
    TariffTables,
)
from openboss.kernel.trace import (
    TRACE_BAND,
    TRACE_CONNECT,
    TRACE_LEAST,
    TRACE_PERIOD,
    TRACE_ROUND,
    TRACE_STEP,
    TRACE_TIER,
    Trace,
    note,
)
from openboss.kernel.usage import Unit

_SECOND = int(Unit.SECOND)
_KB = int(Unit.KB)
_MSG = int(Unit.MSG)


@compiled
def divide_half_up(numerator: int, denominator: int) -> int:
    """Divide and round half up; the numerator is not negative, the denominator positive (D3.2)."""
    if denominator == 1:
        return numerator
    return (2 * numerator + denominator) // (2 * denominator)


@compiled
def round_li(numerator: int, denominator: int, place_li: int, rounding: int) -> int:
    """Round numerator / denominator li to a multiple of `place_li`; nothing is negative."""
    divisor = denominator * place_li
    whole, rest = numerator // divisor, numerator % divisor
    if rounding == ROUND_DOWN:
        up = False
    elif rounding == ROUND_UP:
        up = rest > 0
    elif rounding == ROUND_HALF_EVEN:
        up = 2 * rest > divisor or (2 * rest == divisor and whole % 2 == 1)
    else:
        up = 2 * rest >= divisor
    return (whole + 1 if up else whole) * place_li


@compiled
def begun_units(quantity: int, unit_size: int) -> int:
    """Count units of use; a begun unit is charged whole.

    quantity   seconds, KB or messages, 0 or more
    unit_size  of the same, 1 or more (60 s basic, 6 s long distance: CHG-15)
    """
    if unit_size == 1:
        return quantity
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
    """Count the units that start inside a stretch of time (D3.8), by two divisions.

    first_s     second at which the first unit starts
    band_*_s    seconds on the same scale, from < to
    """
    begin = (band_from_s - first_s + unit_s - 1) // unit_s
    end = (band_to_s - first_s + unit_s - 1) // unit_s
    return max(0, min(end, units) - max(begin, 0))


@compiled
def banded_num(tables: TariffTables, trace: Trace, step: int, is_time: bool, start_s: int, units: int) -> int:
    """Charge units of a step, each by the band in which it starts: numerator over the price's denominator.

    One step of work a day touched, whatever the length of the call.
    """
    plain, total = units, 0
    size = tables.step[step, STEP_SIZE]
    last_s = start_s + (units - 1) * size if is_time else start_s
    for day in range(start_s // DAY_S, last_s // DAY_S + 1):
        kind = day_kind(tables.holiday, day) if tables.step[step, STEP_BY_DAY] == 1 else 0
        for band in range(tables.step[step, STEP_BAND], tables.step[step, STEP_BAND_END]):
            if (tables.band[band, BAND_DAYS] >> kind) & 1 == 0:
                continue
            from_s, to_s = day * DAY_S + tables.band[band, BAND_FROM_S], day * DAY_S + tables.band[band, BAND_TO_S]
            if is_time:
                inside = units_in_band(start_s, size, units, from_s, to_s)
            else:  # a message or a volume belongs whole to the band in which it began
                inside = units if from_s <= start_s < to_s else 0
            if inside > 0:
                note(trace, TRACE_BAND, band, inside, tables.band[band, BAND_NUM], day)
                total += inside * tables.band[band, BAND_NUM]
                plain -= inside
    return total + plain * tables.step[step, STEP_NUM]


@compiled
def event_num(
    tables: TariffTables, trace: Trace, price_row: int, start_s: int, from_q: int, to_q: int
) -> tuple[int, int]:
    """Charge the part [from_q, to_q) of one event by the price's steps and bands.

    start_s  local second at which the event began
    Returns the numerator over the price's denominator, and the units charged for.
    """
    total, counted = 0, 0
    is_time = tables.price[price_row, PRICE_UNIT] == _SECOND
    for step in range(tables.price[price_row, PRICE_STEP], tables.price[price_row, PRICE_STEP_END]):
        first = max(from_q, tables.step[step, STEP_FROM])
        units = begun_units(max(min(to_q, tables.step[step, STEP_TO]) - first, 0), tables.step[step, STEP_SIZE])
        if units == 0:
            continue
        note(trace, TRACE_STEP, first, min(to_q, tables.step[step, STEP_TO]), units, tables.step[step, STEP_NUM])
        if tables.step[step, STEP_BAND] == tables.step[step, STEP_BAND_END]:
            num = units * tables.step[step, STEP_NUM]
        else:
            num = banded_num(tables, trace, step, is_time, start_s + first if is_time else start_s, units)
        if tables.step[step, STEP_PLACE_LI] > 0:
            den, place = tables.price[price_row, PRICE_DEN], tables.step[step, STEP_PLACE_LI]
            num = round_li(num, den, place, tables.step[step, STEP_ROUNDING]) * den
        total += num
        counted += units
    return total, counted


@compiled
def _graduated_num(tables: TariffTables, tier: int, units: int) -> int:
    """Charge the units that fall into one tier."""
    row = tables.tier[tier]
    block = row[TIER_BLOCK]
    if block == 0:
        return row[TIER_FLAT] + units * row[TIER_NUM]
    if row[TIER_BLOCK_PRICE] >= 0:
        return row[TIER_FLAT] + begun_units(units, block) * row[TIER_BLOCK_PRICE]
    cap = row[TIER_BLOCK_CAP]
    whole = min(block * row[TIER_NUM], cap)
    return row[TIER_FLAT] + (units // block) * whole + min((units % block) * row[TIER_NUM], cap)


@compiled
def period_num(tables: TariffTables, trace: Trace, price_row: int, units: int) -> int:
    """Charge all units of a period by the price's tiers; without tiers, at the plain price."""
    first, end = tables.price[price_row, PRICE_TIER], tables.price[price_row, PRICE_TIER_END]
    if first == end:
        return units * tables.price[price_row, PRICE_NUM]
    if units == 0:
        return 0
    is_volume = tables.price[price_row, PRICE_TIER_MODE] == TIERS_VOLUME
    total = 0
    for tier in range(first, end):
        above = units - tables.tier[tier, TIER_FROM]
        if above <= 0:
            break
        if is_volume:
            total = tables.tier[tier, TIER_FLAT] + units * tables.tier[tier, TIER_NUM]
            continue
        if tier + 1 < end:
            above = min(above, tables.tier[tier + 1, TIER_FROM] - tables.tier[tier, TIER_FROM])
        num = _graduated_num(tables, tier, above)
        note(trace, TRACE_TIER, tier, above, num, 0)
        total += num
    return total


@compiled
def rounded_li(tables: TariffTables, trace: Trace, price_row: int, num: int) -> int:
    """Round a sum of a price as the price says."""
    den, place = tables.price[price_row, PRICE_DEN], tables.price[price_row, PRICE_PLACE_LI]
    li = round_li(num, den, place, tables.price[price_row, PRICE_ROUNDING])
    note(trace, TRACE_ROUND, num, den, place, li)
    return li


@compiled
def charge_li(
    tables: TariffTables, trace: Trace, price_row: int, start_s: int, from_q: int, to_q: int, before: int
) -> tuple[int, int]:
    """Charge the part [from_q, to_q) of one event at a price.

    start_s  local second at which the event began, shifted by the area
    from_q   quantity of the event that is free; the part is charged whole from there
    before   units counted at this price earlier in the period (read only by prices over a period)
    Returns li, and the units charged for.
    """
    if to_q <= from_q:
        return 0, 0
    if tables.price[price_row, PRICE_PLAIN] == 1:
        units = begun_units(to_q - from_q, tables.price[price_row, PRICE_SIZE])
        num = units * tables.price[price_row, PRICE_NUM]
        li = divide_half_up(num, tables.price[price_row, PRICE_DEN])
        note(trace, TRACE_STEP, from_q, to_q, units, tables.price[price_row, PRICE_NUM])
        note(trace, TRACE_ROUND, num, tables.price[price_row, PRICE_DEN], 1, li)
        return li, units
    return _charged_by_rule(tables, trace, price_row, start_s, from_q, to_q, before)


@apart
def _charged_by_rule(
    tables: TariffTables, trace: Trace, price_row: int, start_s: int, from_q: int, to_q: int, before: int
) -> tuple[int, int]:
    """Charge at a price that is more than units x price: steps, bands, connect fee, periods, limits."""
    to_q = max(to_q, tables.price[price_row, PRICE_AT_LEAST])
    connect = tables.price[price_row, PRICE_CONNECT]
    if connect > 0:
        note(trace, TRACE_CONNECT, connect, tables.price[price_row, PRICE_DEN], 0, 0)
    if tables.price[price_row, PRICE_BASIS] == BASIS_RECORD:
        num, units = event_num(tables, trace, price_row, start_s, from_q, to_q)
        li = rounded_li(tables, trace, price_row, num + connect)
    else:
        units = begun_units(to_q - from_q, tables.price[price_row, PRICE_SIZE])
        before_li = rounded_li(tables, trace, price_row, period_num(tables, trace, price_row, before))
        after_li = rounded_li(tables, trace, price_row, period_num(tables, trace, price_row, before + units))
        note(trace, TRACE_PERIOD, before, before + units, before_li, after_li)
        li = after_li - before_li + (rounded_li(tables, trace, price_row, connect) if connect > 0 else 0)
    return _within(tables, trace, price_row, li), units


@compiled
def _within(tables: TariffTables, trace: Trace, price_row: int, li: int) -> int:
    """Keep a charge between the least and the most that one event may cost."""
    within = max(li, tables.price[price_row, PRICE_LEAST_LI])
    if tables.price[price_row, PRICE_MOST_LI] >= 0:
        within = min(within, tables.price[price_row, PRICE_MOST_LI])
    if within != li:
        note(trace, TRACE_LEAST, li, within, 0, 0)
    return within
