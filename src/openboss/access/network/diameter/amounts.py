"""Amounts of a message of credit control: what was used, added up, and what is wanted, each within what can be.

A network that wants more than can be granted wants as much as can be (RFC 8506 section 5.1.1); more than can have been
used is a fault, however it is said. So are data whose use is said in seconds alone: no tariff has a price for them.
Compiled.
"""

import numpy as np

from openboss.kernel.compiled import compiled
from openboss.modules.charging.engine.online.again import is_same
from openboss.modules.charging.engine.online.requests import MOST_COUNTED, MOST_OCTETS, Kind

WANTED, USED, OCTETS = 437, 446, 421  # AVPs
_EVENT = int(Kind.EVENT)
_TOO_MUCH = 1 << 61  # more than can be used: two of it still fit in an int64


@compiled
def sum_of(some: int, more: int) -> int:
    """Add numbers of a network: beyond what can be, never beyond what an int64 holds."""
    return min(some, _TOO_MUCH) + min(more, _TOO_MUCH)


@compiled
def take_units(code: int, state: np.ndarray, ask: np.ndarray, place: int) -> None:
    """Take over the units of a group that was read (wire.STATE) for the service at a place in its message."""
    if code == WANTED:
        ask.is_asking = 1
        ask.want_s, ask.want_units, ask.want_li = state.seconds, state.units, state.li
        ask.want_octets = max(state.octets, sum_of(state.up, state.down))
        return
    bit = np.int64(1) << place
    state.timed |= bit if state.seconds > 0 else 0
    state.measured |= bit if state.has_octets else 0
    down = max(state.down, state.octets - state.up)  # a total without its parts counts as received
    if state.change == 1:
        ask.after_s, ask.after_units = sum_of(ask.after_s, state.seconds), sum_of(ask.after_units, state.units)
        ask.after_up, ask.after_down = sum_of(ask.after_up, state.up), sum_of(ask.after_down, down)
        ask.after_li = sum_of(ask.after_li, state.li)
    else:
        ask.used_s, ask.used_units = sum_of(ask.used_s, state.seconds), sum_of(ask.used_units, state.units)
        ask.used_up, ask.used_down = sum_of(ask.used_up, state.up), sum_of(ask.used_down, down)
        ask.used_li = sum_of(ask.used_li, state.li)


@compiled
def _is_too_much(asks: np.ndarray, first: int, place: int) -> bool:
    """Say whether more is said to be used of a service than can be, with what was said of it before in its message."""
    seconds, units, up, down, li = 0, 0, 0, 0, 0
    for one in range(first, place + 1):
        ask = asks[one]
        if is_same(ask, asks[place]):
            seconds = sum_of(sum_of(seconds, ask.used_s), ask.after_s)
            units = sum_of(sum_of(units, ask.used_units), ask.after_units)
            up = sum_of(sum_of(up, ask.used_up), ask.after_up)
            down = sum_of(sum_of(down, ask.used_down), ask.after_down)
            li = sum_of(sum_of(li, ask.used_li), ask.after_li)
    return max(up, down, li) > MOST_OCTETS or max(seconds, units) > MOST_COUNTED


@compiled
def wrong_amount(state: np.ndarray, request: np.ndarray, asks: np.ndarray, is_data: bool) -> int:
    """Name the AVP of an amount that cannot be, 0 = none; let who wants too much want as much as can be granted.

    A debit is carried out whole or not: it cannot be for more than can be used.
    """
    for place in range(request.first_ask, request.first_ask + request.asks):
        ask = asks[place]
        if _is_too_much(asks, request.first_ask, place):
            return USED
        octets, li = min(ask.want_octets, MOST_OCTETS), min(ask.want_li, MOST_OCTETS)
        seconds, units = min(ask.want_s, MOST_COUNTED), min(ask.want_units, MOST_COUNTED)
        is_less = octets < ask.want_octets or li < ask.want_li or seconds < ask.want_s or units < ask.want_units
        if is_less and request.kind == _EVENT:
            return WANTED
        ask.want_octets, ask.want_li, ask.want_s, ask.want_units = octets, li, seconds, units
    return OCTETS if is_data and state.timed & ~state.measured else 0
