"""What online charging knows of one user right now, as JSON: money, and the sessions that are going on (CHG-13)."""

from typing import Any

import numpy as np

from openboss.kernel.state import LANES, Lane
from openboss.modules.charging.engine.online.desk import Desk, Life
from openboss.modules.charging.engine.online.requests import Measure
from openboss.modules.charging.engine.state import EngineState

_MONEY = ("account_id", "balance_li", "limit_li", "reserved_li", "held_li")


def known_row(state: EngineState, subscriber_id: int) -> int:
    """The row of a user; -1 = the engine does not know the user, or not yet."""
    return int(state.row_of[subscriber_id]) if 0 <= subscriber_id < len(state.row_of) else -1


def wallets_of(desk: Desk, rows: np.ndarray) -> np.ndarray:
    """The place of the wallet that pays for each of some users; -1 = nothing limits the user."""
    places = np.full(len(rows), -1)
    known = rows < len(desk.user_wallet)  # no longer than the last user something is known of
    places[known] = desk.user_wallet[rows[known]]
    return places


def money_of(state: EngineState, row: int) -> dict[str, int] | None:
    """The wallet that pays for a user, which others may share; None if nothing limits the user."""
    desk = state.desk
    place = int(desk.user_wallet[row]) if row < len(desk.user_wallet) else -1
    if place < 0:
        return None
    return {name: int(desk.wallets[place][name]) for name in _MONEY}


def used_li(state: EngineState, row: int, slot: int) -> int:
    """What a user has used in a month, in li."""
    lane, local_row = state.lanes[row % LANES], row // LANES
    node, li = int(lane.totals_head[local_row, slot]), 0
    while node >= 0:
        li += int(lane.totals_act_li[node])
        node = int(lane.totals_next[node])
    return li


def barred_of(state: EngineState, row: int) -> int:
    """How far a user is barred (`desk.Barred`)."""
    return int(state.desk.user_barred[row]) if row < len(state.desk.user_barred) else 0


def services_of(state: EngineState, row: int) -> list[dict[str, Any]]:
    """The services a user has open, oldest first: what was used and charged so far, and the quota that is out."""
    desk, found = state.desk, []
    place = int(desk.user_service[row]) if row < len(desk.user_service) else -1
    while place >= 0:
        service, use = desk.services[place], desk.uses[place]
        session = desk.sessions[service["session"]]
        found.append(
            {
                "session": f"{int(session['key_hi']):016x}{int(session['key_lo']):016x}",
                "life": Life(service["life"]).name,
                "record_type": int(session["record_type"]),
                "rating_group": int(service["rating_group"]),
                "service_id": int(service["service_id"]),
                "began_at_s": int(use["start_at_s"]),
                "touched_at_s": int(session["touched_at_s"]),
                "used_s": int(use["duration_s"]),
                "used_octets": int(use["up_bytes"]) + int(use["down_bytes"]),
                "used_units": int(use["message_count"]),
                "act_li": int(service["act_li"]),
                "reserved_li": int(service["reserved_li"]),
                "measure": Measure(service["measure"]).name,
                "granted": int(service["granted"]),
                "is_last": bool(service["is_last"]),
            }
        )
        place = int(service["next_of_user"])
    return found[::-1]


_ITEM_FIELDS = ("item", "rule", "calls", "seconds", "units", "free_units", "std_li", "act_li")


def cycles_of(state: EngineState, row: int) -> list[dict[str, Any]]:
    """What a user was charged and has free in every cycle the engine holds, by item and resource, oldest first."""
    lane, local_row = state.lanes[row % LANES], row // LANES
    found = [
        {
            "cycle": int(cycle),
            "is_open": bool(state.cycles.is_open[slot]),
            "items": _chain(lane, "totals", lane.totals_head[local_row, slot], _ITEM_FIELDS),
            "free": _free_of(state, lane, lane.free_head[local_row, slot]),
        }
        for slot, cycle in enumerate(state.cycles.cycle)
        if cycle
    ]
    return sorted(found, key=lambda entry: entry["cycle"])


def _free_of(state: EngineState, lane: Lane, node: int) -> list[dict[str, int]]:
    assert state.tables is not None
    tables = state.tables
    found = _chain(lane, "free", node, ("rule", "granted", "used", "carried"))
    return [{**free, "unit": int(tables.free_unit[tables.free_of_rule[free["rule"]]])} for free in found]


def _chain(lane: Lane, pool: str, node: int, fields: tuple[str, ...]) -> list[dict[str, int]]:
    found = []
    while node >= 0:
        found.append({name: int(getattr(lane, f"{pool}_{name}")[node]) for name in fields})
        node = getattr(lane, f"{pool}_next")[node]
    return found
