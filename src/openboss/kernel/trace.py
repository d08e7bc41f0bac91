"""Why a record cost what it did: rows of numbers that rating leaves behind when somebody asks.

With an empty trace (`NO_TRACE`) nothing is written and nothing is lost but a comparison. What the columns of a row mean
depends on its kind; `charging.functions` turns rows into words.
"""

from typing import NamedTuple

import numpy as np

from openboss.kernel.compiled import compiled
from openboss.kernel.pointed import pointed

TRACE_PRICE = 1  # a price was chosen: rule, price row, price row of the national tariff, quantity
TRACE_FREE = 2  # a free resource covered a part: rule, units taken, quantity covered, units left
TRACE_STEP = 3  # a step inside the event: from quantity, to quantity, units, numerator of a unit outside bands
TRACE_BAND = 4  # units that began in a band: band row, units, numerator of a unit, day
TRACE_PERIOD = 5  # units of a period: before, after, li before, li after
TRACE_TIER = 6  # a tier's part of a period's charge: tier row, units, numerator, 0
TRACE_CONNECT = 7  # connect fee: numerator, denominator, 0, 0
TRACE_ROUND = 8  # rounding: numerator, denominator, place in li, result in li
TRACE_LEAST = 9  # least or most charge of an event: li before, li after, 0, 0
TRACE_CAP = 10  # a cap: rule, li before, li after, li left under it before
TRACE_MONEY = 11  # free money: rule, li taken, li before, li after
TRACE_STANDARD = 12  # standard fee: units, li, 0, 0
TRACE_REFUSED = 13  # code, 0, 0, 0
TRACE_SLOW = 14  # a free resource slows down: rule, units used, kbps, 0
STANDARD_PART = 8  # added to the component in rows about its standard fee
TRACE_COLUMNS = 7  # record, component, kind and four numbers


@pointed
class Trace(NamedTuple):
    """Rows left behind: rows[:written[0]] as (record, component, kind, a, b, c, d); `at` is where rating stands."""

    rows: np.ndarray  # i64[room, TRACE_COLUMNS]
    written: np.ndarray  # i64[1]
    at: np.ndarray  # i64[2]: record, component


def empty_trace(room: int) -> Trace:
    """Make a trace with room for so many rows; 0 = do not trace. Rows beyond the room are counted, not kept."""
    return Trace(np.zeros((room, TRACE_COLUMNS), np.int64), np.zeros(1, np.int64), np.zeros(2, np.int64))


NO_TRACE = empty_trace(0)


@compiled
def trace_at(trace: Trace, record: int, component: int) -> None:
    """Say which part of which record the next rows are about."""
    if len(trace.rows) > 0:
        trace.at[0] = record
        trace.at[1] = component


@compiled
def note(trace: Trace, kind: int, a: int, b: int, c: int, d: int) -> None:
    """Leave a row behind, if anybody asked for it."""
    if len(trace.rows) == 0:
        return
    place = trace.written[0]
    trace.written[0] = place + 1
    if place < len(trace.rows):
        row = trace.rows[place]
        row[0], row[1], row[2] = trace.at[0], trace.at[1], kind
        row[3], row[4], row[5], row[6] = a, b, c, d
