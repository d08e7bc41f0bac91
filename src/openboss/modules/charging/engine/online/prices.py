"""By which rules sessions are charged, and what of free resources they have taken: plain values, for whoever looks."""

from typing import Any

import numpy as np

from openboss.kernel.state import LANES
from openboss.kernel.usage import Status
from openboss.modules.charging.engine.online.desk import FREE_NODE, TOTALS_NODE, Life, effects_of
from openboss.modules.charging.engine.state import EngineState

_MOST_SERVICES = 64  # of a session: another thread may be changing the chain


def charged_of(state: EngineState, session: int) -> list[dict[str, Any]]:
    """What each open service of a session costs so far: by which rules, and what free resources paid of it.

    session  its place on the desk, -1 = none
    """
    desk, found = state.desk, []
    place = int(desk.sessions[session]["first_service"]) if session >= 0 else -1
    for _service in range(_MOST_SERVICES):
        if place < 0:
            break
        if desk.services[place]["life"] == Life.OPEN:
            found.append({"rating_group": int(desk.services[place]["rating_group"]), **_effects(state, place)})
        place = int(desk.services[place]["next"])
    return [one for one in found if one["prices"] or one["free"]]


def _effects(state: EngineState, place: int) -> dict[str, Any]:
    """What the open record of a service has added to its user's totals and taken of free resources."""
    prices, free = [], []
    for effect in effects_of(state.desk, place):
        lane, node = state.lanes[int(effect["lane"]) % LANES], int(effect["node"])
        if effect["kind"] == TOTALS_NODE:
            rule = int(lane.totals_rule[node])
            prices.append({"rule": rule, "units": int(effect["c"]), "act_li": int(effect["f"])})
        elif effect["kind"] == FREE_NODE:
            rule = int(lane.free_rule[node])
            free.append(
                {
                    "rule": rule,
                    "units": int(effect["a"]),
                    "left": int(lane.free_granted[node] - lane.free_used[node]),
                    "unit": _unit(state, rule),
                }
            )
    return {"prices": prices, "free": free}


def closed_of_user(state: EngineState, closed: np.ndarray, subscriber_id: int, position: int) -> list[dict[str, Any]]:
    """The records of a user that a group has closed: where each will be found, by which rules it was charged."""
    is_rated = closed["status"] != Status.ERROR
    place = np.cumsum(is_rated) - is_rated  # rows of the detail list are counted without what could not be rated
    return [
        {
            "cycle": int(closed[row]["cycle"]),
            "position": position,
            "row": int(place[row]),
            "is_rated": bool(is_rated[row]),
            "act_li": int(closed[row]["act_li"].sum()),
            "prices": [
                {"rule": int(rule), "act_li": int(act_li)}
                for rule, act_li in zip(closed[row]["rule"], closed[row]["act_li"][:2], strict=True)
                if rule
            ],
            "free": [
                {"rule": int(rule), "units": int(units), "unit": _unit(state, int(rule))}
                for rule, units in zip(closed[row]["free_rule"], closed[row]["free_units"], strict=True)
                if rule
            ],
        }
        for row in np.flatnonzero(closed["subscriber_id"] == subscriber_id)
    ]


def _unit(state: EngineState, rule: int) -> int:
    """What a free resource is counted in (`kernel.usage.Unit`)."""
    assert state.tables is not None
    return int(state.tables.free_unit[state.tables.free_of_rule[rule]])
