"""One-time events: a debit at once, a refund of it, what something would cost, whether there is money for it.

The record of a debit stays open for a while (Rules.refundable_s), like that of a session. A refund takes use back from
it, and it is rated again: what it gives back is what it was charged, never more, and the record that reaches the detail
store says what was kept. Source: RFC 8506 sections 6 and 8.41.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from openboss.kernel.usage import Status
from openboss.modules.charging.engine.online import arriving, debits
from openboss.modules.charging.engine.online.closed import closed_of
from openboss.modules.charging.engine.online.cuts import MESSAGES, is_unused
from openboss.modules.charging.engine.online.desk import Life
from openboss.modules.charging.engine.online.group import Group
from openboss.modules.charging.engine.online.growing import NO_PRICE_LI, USED_AS
from openboss.modules.charging.engine.online.requests import MOST_COUNTED, MOST_OCTETS, Action, Kind, Measure, Result
from openboss.modules.charging.engine.rating import empty_rated
from openboss.modules.charging.engine.state import EngineState

if TYPE_CHECKING:
    from openboss.modules.charging.engine.online.serving import Server

_COLUMNS = ("duration_s", "up_bytes", "down_bytes", "message_count", "info_fee_li")
_WANTED_AS = {
    Measure.SECONDS: "want_s",
    Measure.OCTETS: "want_octets",
    Measure.UNITS: "want_units",
    Measure.LI: "want_li",
}


def carry_out(
    server: Server, state: EngineState, group: Group, m: int, place: int, wanted: np.ndarray, measure: int
) -> int:
    """Debit one service of an event, or say what it would cost and whether there is money for it; return what was
    debited, in what it is counted in. What is over was used already, and is only priced."""
    desk, answer, action = state.desk, group.answers[m], group.requests["action"][m]
    size = 0 if action == Action.OVER else max(int(wanted[_WANTED_AS[Measure(measure)]]), 1)
    if size > (MOST_COUNTED if measure in (Measure.SECONDS, Measure.UNITS) else MOST_OCTETS):
        answer["result"] = Result.INVALID_VALUE
        return 0
    places, act_li = np.array([place]), int(desk.services["act_li"][place])
    costs_li = int(server.growing.quote_alone(state, places, np.array([measure]), np.array([size]))[0][0])
    if costs_li >= NO_PRICE_LI:
        answer["result"] = Result.RATING_FAILED
        return 0
    wallet, has_credit = desk.user_wallet[desk.services["row"][place]], True
    is_debit = action == Action.DEBIT
    if wallet >= 0:
        purse = desk.wallets[wallet]
        free_li = int(purse["balance_li"] + purse["limit_li"] - purse["reserved_li"] - purse["held_li"])
        before_li = 0 if is_debit else int(answer["cost_li"])  # what was debited is paid
        has_credit = before_li + costs_li - act_li <= free_li
    answer["cost_li"] += costs_li
    answer["has_credit"] = has_credit
    if not is_debit:
        return 0
    if not has_credit:
        answer["result"] = Result.CREDIT_LIMIT_REACHED
        return 0
    desk.uses[USED_AS[Measure(measure)]][place] += size
    return size


def stays_open(state: EngineState, group: Group, going: np.ndarray) -> np.ndarray:
    """Say which events of a group leave a record that may still be refunded."""
    requests, answers = group.requests[going], group.answers[going]
    is_debit = (requests["action"] == Action.DEBIT) & (answers["result"] == Result.SUCCESS)
    is_debit |= requests["action"] == Action.OVER  # without a price, too: for the error pool
    kept = state.desk.sessions["kind"][answers["place"]] == Kind.EVENT  # what was a debit before this refund of it
    return is_debit | ((requests["action"] == Action.REFUND) & kept)


def refund(server: Server, state: EngineState, group: Group, m: int) -> None:
    """Take back from an earlier event what a request says, or all of it: at most what was charged."""
    request, answer, desk = group.requests[m], group.answers[m], state.desk
    asks = group.asks[request["first_ask"] : request["first_ask"] + request["asks"]]
    session = int(answer["place"])
    if request["debit_hi"] or request["debit_lo"]:
        session = int(arriving.find_session(desk, request["debit_hi"], request["debit_lo"]))
    given_li = None
    if session >= 0 and desk.sessions["kind"][session] == Kind.EVENT and desk.sessions["life"][session] == Life.OPEN:
        row = desk.sessions["row"][int(answer["place"])]
        if desk.sessions["row"][session] == row:
            given_li = _take_back(server, state, group, session, asks)
    answer["cost_li"] = given_li or 0
    answer["result"] = Result.UNABLE_TO_COMPLY if given_li is None else Result.SUCCESS
    group.quotas["result"][request["first_ask"] : request["first_ask"] + request["asks"]] = answer["result"]


def _take_back(server: Server, state: EngineState, group: Group, session: int, asks: np.ndarray) -> int | None:
    """Take use back from the open records of an event; return what their user need not pay, in li.

    None if nothing of what is asked for was used, or is left.
    """
    desk = state.desk
    places = server.open_of(state, np.array([session]))
    before_li, used = int(desk.services["act_li"][places].sum()), _used(state, places)
    others = server.undo_all(state, places)
    for place in places:
        service, use = desk.services[place], desk.uses[place]
        about = [ask for ask in asks if ask["rating_group"] in (-1, service["rating_group"])
                 and ask["service_id"] in (-1, service["service_id"])]  # fmt: skip
        if len(asks) and not about:
            continue
        for measure, name in USED_AS.items():
            named = [int(ask[_WANTED_AS[measure]]) for ask in about]
            is_whole = not any(int(ask[wanted]) for ask in about for wanted in _WANTED_AS.values())
            use[name] -= int(use[name]) if is_whole else min(sum(max(one, 0) for one in named), int(use[name]))
    for place in places:
        one = places[places == place]
        if is_unused(state, one)[0]:
            server.pay(state, group, one, np.zeros(1, np.int64))
        else:
            server.rate_and_pay(state, group, one)
    server.redo(state, group, others)
    given_li = before_li - int(desk.services["act_li"][places].sum())
    return given_li if _used(state, places) < used else None


def _used(state: EngineState, places: np.ndarray) -> int:
    return sum(int(state.desk.uses[name][places].sum()) for name in _COLUMNS)


def note_refunded(state: EngineState, group: Group, places: np.ndarray) -> None:
    """Let messages of which all was given back be known in files: no detail, but a record for their twins."""
    desk = state.desk
    services, uses = desk.services[places], desk.uses[places]
    is_event = desk.sessions["kind"][services["session"]] == Kind.EVENT
    refunded = np.flatnonzero(is_event & np.isin(uses["record_type"], MESSAGES))
    if len(refunded):
        nothing = empty_rated(len(refunded))
        nothing.row[:], nothing.status[:] = services["row"][refunded], Status.FILTERED
        order = np.arange(len(refunded))
        group.closed.append(closed_of(state.directory, state.cycles, desk.uses, places[refunded], nothing, order))


def settle_older(server: Server, state: EngineState, group: Group, session: int) -> None:
    """Settle the oldest open events of a user who has many: each is rated again whenever the user uses something."""
    desk, found = state.desk, []
    place = int(desk.user_service[desk.sessions["row"][session]])
    while place >= 0:
        one = int(desk.services["session"][place])
        if desk.sessions["kind"][one] == Kind.EVENT and one not in found:
            found.append(one)  # the newest first
        place = int(desk.services["next_of_user"][place])
    older = np.array(found[server.rules.events_open :], np.int64)
    if len(older):
        server.close_sessions(state, group, older, Life.EXPIRED)
        desk.sessions["touched_at_s"][older] = group.now_s
        debits.remember(state.duplicates, desk.sessions[older])
        group.sessions.append(older)
        server.note_services(state, group, older)
