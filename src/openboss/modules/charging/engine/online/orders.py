"""What business tells the engine of money and of users' state: commands, applied in journal order.

    WALLETS   open wallets, change their credit limits, say whose they are, and from which month on (former.py)
    TOP_UP    add money (or take it back, with a minus); TOP_UPS: of many accounts at once, as the ledger has it
    HOLD      set money aside; answered at once whether there is enough. CONFIRM takes it, RELEASE gives it back
    GRANT     give a user a free resource for a time
    GIVE      move what is left of a free resource from one user to another, with its time
    STATE     bar a user, or lift the bar
    BLACK_LIST  put a number or a handset on the black list, or take it off

Who sends one again under the same serial number does nothing (atomic.send_command). Source: D0.4, D2.2, D8.1, D9,
CHG-32.
"""

from typing import Any, NamedTuple

import numpy as np

from openboss.kernel.allowances import grant
from openboss.kernel.state import CYCLE_SLOTS, LANES, STANDING
from openboss.kernel.tariffs import FOREVER
from openboss.modules.charging.engine.layout import LAST_S
from openboss.modules.charging.engine.online import former
from openboss.modules.charging.engine.online.desk import Desk, free_of, with_users
from openboss.modules.charging.engine.online.shown import used_li
from openboss.modules.charging.engine.state import EngineState

KINDS = ("WALLETS", "TOP_UP", "TOP_UPS", "HOLD", "CONFIRM", "RELEASE", "GRANT", "GIVE", "STATE", "BLACK_LIST")


class OrderRefused(Exception):
    """The charging engine cannot do this: no such wallet, user or hold, or not enough money. Nothing was changed."""


def carry_out(state: EngineState, kind: str, payload: dict[str, Any]) -> dict[str, Any]:
    """Change the state by one command; return the answer. Raises OrderRefused before any change."""
    return _ORDERS[kind](state, payload)


def users_of(state: EngineState, kind: str, payload: dict[str, Any]) -> np.ndarray:
    """The rows of users whose running sessions should ask again after a command; asked before it is carried out.

    Whose money, limit, free resources or bar it changes. Money that is set aside is business's to decide on first.
    """
    if "subscriber_id" in payload:
        return np.array([_row(state, payload[name]) for name in ("subscriber_id", "to_id") if name in payload])
    if kind == "WALLETS":
        return _users_of_other_money(state, payload["wallets"])
    places: list[int | None] = []
    if kind == "TOP_UP":
        places = [_wallet(state, payload["account_id"])]
    elif kind == "TOP_UPS":
        places = [state.accounts.get(account_id) for account_id, li in payload["amounts_li"] if li]
    elif kind in ("CONFIRM", "RELEASE") and payload["hold"] in state.holds:
        places = [state.holds[payload["hold"]][0]]
    return np.flatnonzero(np.isin(state.desk.user_wallet, [place for place in places if place is not None]))


def _users_of_other_money(state: EngineState, wallets: list[dict[str, Any]]) -> np.ndarray:
    """Rows of users whose wallet gets another limit, as a gift does to it, and of those who get another wallet."""
    desk = state.desk
    if not (desk.user_service >= 0).any():  # nobody has a session: as where all wallets are opened at once
        return np.zeros(0, np.int64)
    changed, moved = list[int](), list[int]()
    for wanted in wallets:
        place = state.accounts.get(wanted["account_id"])
        rows = [_row(state, user) for user in wanted["subscriber_ids"]]
        moved += [row for row in rows if row < len(desk.user_wallet) and desk.user_wallet[row] != place]
        is_other = place is not None and desk.wallets["limit_li"][place] != wanted.get("limit_li", 0)
        if place is not None and (is_other or wanted.get("anew")):
            changed.append(place)
    return np.union1d(np.flatnonzero(np.isin(desk.user_wallet, changed)), np.array(moved, np.int64))


def _row(state: EngineState, subscriber_id: int) -> int:
    if not 0 <= subscriber_id < len(state.row_of) or state.row_of[subscriber_id] < 0:
        raise OrderRefused(f"the engine knows no user {subscriber_id}")
    return int(state.row_of[subscriber_id])


def _wallet(state: EngineState, account_id: int) -> int:
    place = state.accounts.get(account_id)
    if place is None:
        raise OrderRefused(f"account {account_id} has no wallet")
    return place


def _open_wallets(state: EngineState, payload: dict[str, Any]) -> dict[str, Any]:
    rows = [[_row(state, user) for user in wanted["subscriber_ids"]] for wanted in payload["wallets"]]
    known = len(state.accounts)
    places = state.wallets_of([wanted["account_id"] for wanted in payload["wallets"]])
    desk, empty, first = state.desk, set(range(known, len(state.accounts))), list[int]()
    for wanted, users, place in zip(payload["wallets"], rows, places, strict=True):
        wallet = desk.wallets[place]
        if wanted.get("anew"):
            _draw_on(desk, np.flatnonzero(desk.user_wallet == place), -1)
            former.forget(state, place)
            empty.add(place)
        if place in empty:
            empty.remove(place)
            wallet["balance_li"] = wanted.get("balance_li", 0)
        wallet["limit_li"] = wanted.get("limit_li", 0)
        first += [row for row in users if desk.user_wallet[row] < 0]
        if "from_cycle" in wanted:
            former.bring(state, users, place, wanted["from_cycle"])
        _draw_on(desk, np.unique(np.array(users, np.int64)), place)
    return {"wallets": len(state.accounts), "used_li": _used_before(state, np.array(first, np.int64))}


def _draw_on(desk: Desk, rows: np.ndarray, place: int) -> None:
    """Let users draw on another wallet, or on none (-1): what is reserved for what they were granted goes with them."""
    for row in rows[desk.user_service[rows] >= 0]:
        li, service = 0, int(desk.user_service[row])
        while service >= 0:
            li += int(desk.services["reserved_li"][service])
            service = int(desk.services["next_of_user"][service])
        for wallet, more_li in ((int(desk.user_wallet[row]), -li), (place, li)):
            if wallet >= 0:
                desk.wallets["reserved_li"][wallet] += more_li
    desk.user_wallet[rows] = place


def _used_before(state: EngineState, rows: np.ndarray) -> list[list[int]]:
    """What users had used before they got their wallet, which did not pay it: account, cycle, li."""
    used: dict[tuple[int, int], int] = {}
    for row in rows:
        account_id = int(state.desk.wallets[state.desk.user_wallet[row]]["account_id"])
        for slot, cycle in enumerate(state.cycles.cycle):
            if cycle and (li := used_li(state, int(row), slot)):
                used[account_id, int(cycle)] = used.get((account_id, int(cycle)), 0) + li
    return [[*key, li] for key, li in sorted(used.items())]


def _top_up(state: EngineState, payload: dict[str, Any]) -> dict[str, Any]:
    wallet = state.desk.wallets[_wallet(state, payload["account_id"])]
    wallet["balance_li"] += payload["amount_li"]
    return {"balance_li": int(wallet["balance_li"])}


def _top_ups(state: EngineState, payload: dict[str, Any]) -> dict[str, Any]:
    """Add to many wallets; an account without one does not keep the others from theirs."""
    unknown = []
    for account_id, li in payload["amounts_li"]:
        place = state.accounts.get(account_id)
        if place is None:
            unknown.append(account_id)
        else:
            state.desk.wallets["balance_li"][place] += li
    return {"unknown": unknown}


def _hold(state: EngineState, payload: dict[str, Any]) -> dict[str, Any]:
    place, amount_li = _wallet(state, payload["account_id"]), payload["amount_li"]
    wallet = state.desk.wallets[place]
    free_li = int(free_of(wallet))
    if amount_li > free_li:
        raise OrderRefused(f"account {payload['account_id']} has {max(free_li, 0)} li free, {amount_li} are wanted")
    wallet["held_li"] += amount_li
    state.holds[payload["hold"]] = (place, amount_li)
    return {"hold": payload["hold"], "held_li": amount_li}


def _confirm(state: EngineState, payload: dict[str, Any]) -> dict[str, Any]:
    place, amount_li = _taken_hold(state, payload)
    state.desk.wallets[place]["balance_li"] -= amount_li
    return {"balance_li": int(state.desk.wallets[place]["balance_li"])}


def _release(state: EngineState, payload: dict[str, Any]) -> dict[str, Any]:
    place, _amount_li = _taken_hold(state, payload)
    return {"balance_li": int(state.desk.wallets[place]["balance_li"])}


def _taken_hold(state: EngineState, payload: dict[str, Any]) -> tuple[int, int]:
    if payload["hold"] not in state.holds:
        raise OrderRefused(f"there is no hold {payload['hold']}")
    place, amount_li = state.holds.pop(payload["hold"])
    state.desk.wallets[place]["held_li"] -= amount_li
    return place, amount_li


def _grant(state: EngineState, payload: dict[str, Any]) -> dict[str, Any]:
    row, rule = _row(state, payload["subscriber_id"]), payload["rule_id"]
    assert state.tables is not None
    if not 0 <= rule < len(state.tables.free_of_rule) or state.tables.free_of_rule[rule] < 0:
        raise OrderRefused(f"rule {rule} is no free resource")
    from_s, to_s = payload["from_local_s"], min(payload["to_local_s"], LAST_S)
    for slot in np.flatnonzero(state.cycles.is_open):
        if from_s < state.cycles.end_s[slot] and to_s > state.cycles.start_s[slot]:
            state.make_free_room(row % LANES, 1)
            lane = state.lanes[row % LANES]
            grant(state.tables, lane, row // LANES, slot, rule, payload["units"], 0, from_s, to_s, row)
            return {"cycle": int(state.cycles.cycle[slot])}
    raise OrderRefused("no open month in that time")


def _give(state: EngineState, payload: dict[str, Any]) -> dict[str, Any]:
    giver, taker, rule = _row(state, payload["subscriber_id"]), _row(state, payload["to_id"]), payload["rule_id"]
    assert state.tables is not None
    at_s, wanted = payload["at_local_s"], payload["units"]
    slots = [slot for slot in range(CYCLE_SLOTS) if state.cycles.is_open[slot]]
    own = [part for slot in [*slots, STANDING] for part in _left_of(state, giver, slot, rule, at_s)]
    left = sum(part.units for part in own)
    if giver == taker or wanted < 1 or wanted > left:
        raise OrderRefused(f"user {payload['subscriber_id']} has {left} units of rule {rule} to give, not {wanted}")
    for part in own:
        taken = min(part.units, wanted)
        if taken == 0:
            break
        wanted -= taken
        lane = state.lanes[giver % LANES]
        lane.free_granted[part.node] -= taken
        lane.free_carried[part.node] = min(lane.free_carried[part.node], lane.free_granted[part.node])
        state.make_free_room(taker % LANES, 1)
        lane, to_s = state.lanes[taker % LANES], int(state.lanes[giver % LANES].free_to_s[part.node])
        grant(state.tables, lane, taker // LANES, part.slot, rule, taken, 0, at_s, to_s, taker)
    return {"units": payload["units"], "left": left - payload["units"]}


class _Left(NamedTuple):
    """What is left of one grant of a free resource."""

    slot: int
    node: int
    units: int


def _left_of(state: EngineState, row: int, slot: int, rule: int, at_s: int) -> list[_Left]:
    """What is left of a user's own grants of a rule at a moment, in the order of use; unlimited ones are not given."""
    lane, found = state.lanes[row % LANES], []
    node = int(lane.free_head[row // LANES, slot])
    while node >= 0:
        units = int(lane.free_granted[node] - lane.free_used[node])
        mine = lane.free_rule[node] == rule and lane.free_by[node] == row
        limited = lane.free_granted[node] < FOREVER
        if mine and limited and units > 0 and lane.free_from_s[node] <= at_s < lane.free_to_s[node]:
            found.append(_Left(slot, node, units))
        node = int(lane.free_next[node])
    return found


def _bar(state: EngineState, payload: dict[str, Any]) -> dict[str, Any]:
    row = _row(state, payload["subscriber_id"])
    state.desk = with_users(state.desk, state.used["rows"])
    state.desk.user_barred[row] = payload["barred"]
    return {}


def _list_black(state: EngineState, payload: dict[str, Any]) -> dict[str, Any]:
    state.black_list.put(payload["what"], payload["number"], payload["until_s"])
    return {}


_ORDERS = {
    "WALLETS": _open_wallets,
    "TOP_UP": _top_up,
    "TOP_UPS": _top_ups,
    "HOLD": _hold,
    "CONFIRM": _confirm,
    "RELEASE": _release,
    "GRANT": _grant,
    "GIVE": _give,
    "STATE": _bar,
    "BLACK_LIST": _list_black,
}
