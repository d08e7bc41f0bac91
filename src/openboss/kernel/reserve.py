"""What the next units would cost, and how many units some money buys: for reservations before use (D4.8).

Both ask the rating of records itself with `keep` = 0, so a reservation, a quote and a bill cannot disagree. Nothing is
changed but the asked record's own places in `usage` and `rated`.
"""

import numpy as np

from openboss.kernel.columns import Cycles, Rated, Usage
from openboss.kernel.compiled import compiled, compiled_releasing
from openboss.kernel.records import rate_records
from openboss.kernel.state import Directory, Lane
from openboss.kernel.tariffs import TariffTables
from openboss.kernel.trace import Trace
from openboss.kernel.usage import Status, Unit

_SECOND = int(Unit.SECOND)
_KB = int(Unit.KB)
_ERROR = int(Status.ERROR)
_KEEP_NOTHING = np.int64(0)  # not a plain 0: the rating would be compiled a second time, for that one number
REFUSED = -1  # in place of a cost: no price, a limit, a resource or cap that allows no more


@compiled
def _ask_for(usage: Usage, i: int, measure: int, quantity: int) -> None:
    """Make a record of so many seconds, KB or messages."""
    if measure == _SECOND:
        usage.duration_s[i] = quantity
    elif measure == _KB:
        usage.up_bytes[i] = 0
        usage.down_bytes[i] = quantity * 1024
    else:
        usage.message_count[i] = quantity


@compiled
def _clear(rated: Rated, i: int) -> None:
    """Forget what was said of a record before."""
    rated.status[i], rated.error[i], rated.blocked[i] = 0, 0, 0
    rated.cap_saved_li[i], rated.money_li[i] = 0, 0
    for place in range(2):
        rated.free_rule[i, place], rated.free_units[i, place], rated.rest[i, place] = 0, 0, 0
    for place in range(3):
        rated.std_li[i, place], rated.act_li[i, place] = 0, 0


@compiled_releasing
def cost_of_next(
    tables: TariffTables,
    directory: Directory,
    lanes: tuple[Lane, ...],
    cycles: Cycles,
    usage: Usage,
    rated: Rated,
    order: np.ndarray,
    trace: Trace,
    measure: int,
    quantity: int,
) -> int:
    """Say what a record would cost if it had so many units, in li; REFUSED if it may not have them.

    order    i64[1]: the record's place in `usage` and `rated`, whose arrays can be written to; rated.row is known
    measure  kernel.usage.Unit: SECOND, KB or MSG
    What covers it, the rest and the reasons stand in `rated` and `trace` afterwards.
    """
    i = order[0]
    _ask_for(usage, i, measure, quantity)
    _clear(rated, i)
    rate_records(tables, directory, lanes, cycles, usage, rated, order, trace, _KEEP_NOTHING)
    if rated.status[i] == _ERROR or rated.blocked[i] == 1:
        return REFUSED
    return rated.act_li[i, 0] + rated.act_li[i, 1] + rated.act_li[i, 2]


@compiled_releasing
def units_for_money(
    tables: TariffTables,
    directory: Directory,
    lanes: tuple[Lane, ...],
    cycles: Cycles,
    usage: Usage,
    rated: Rated,
    order: np.ndarray,
    trace: Trace,
    measure: int,
    most: int,
    money_li: int,
) -> int:
    """Find the largest quantity, up to `most`, that a record may have for some money; 0 = none.

    By halving: at most 40 costs, each in closed form. A price that falls with volume (tier_mode VOLUME) may make a
    larger quantity cheaper; what is found then is a quantity the money buys, not always the largest.
    """
    low, high = 0, most
    cost_li = cost_of_next(tables, directory, lanes, cycles, usage, rated, order, trace, measure, most)
    if 0 <= cost_li <= money_li:
        return most
    while high - low > 1:
        middle = low + (high - low) // 2
        cost_li = cost_of_next(tables, directory, lanes, cycles, usage, rated, order, trace, measure, middle)
        if 0 <= cost_li <= money_li:
            low = middle
        else:
            high = middle
    return low
