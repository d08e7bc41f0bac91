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
from openboss.modules.charging.engine.online.cuts import is_unused
from openboss.modules.charging.engine.online.desk import Life
from openboss.modules.charging.engine.online.group import Group, free_li, wishes
from openboss.modules.charging.engine.online.growing import BLOCKED_LI, NO_PRICE_LI, USED_AS, quoted
from openboss.modules.charging.engine.online.kinds import MESSAGES
from openboss.modules.charging.engine.online.requests import (
    MOST_COUNTED,
    MOST_OCTETS,
    Action,
    Kind,
    Measure,
    Result,
)
from openboss.modules.charging.engine.rating import empty_rated
from openboss.modules.charging.engine.state import EngineState

if TYPE_CHECKING:
    from openboss.modules.charging.engine.online.serving import Server

_COLUMNS = ("duration_s", "up_bytes", "down_bytes", "message_count", "info_fee_li")
_COUNTED_IN = {measure: (name,) for measure, name in USED_AS.items()} | {Measure.OCTETS: ("down_bytes", "up_bytes")}
_WANTED_AS = {
    Measure.SECONDS: "want_s",
    Measure.OCTETS: "want_octets",
    Measure.UNITS: "want_units",
    Measure.LI: "want_li",
}


def appraise(server: Server, state: EngineState, group: Group, m: int) -> None:
    """Say what an event's services would cost together, whether there is money for all of them, and so what is debited
    of each (in the group's quotas): all that is wanted, or nothing. What is over was used already: nothing more is."""
    request, answer = group.requests[m], group.answers[m]
    asks = np.arange(request["first_ask"], request["first_ask"] + request["asks"])
    mine = asks[group.ask_place[asks] >= 0]
    if request["action"] != Action.OVER:
        places, wanted = group.ask_place[mine], group.asks[mine]
        measures = wishes(server.rules, state.desk.uses["record_type"][places], wanted)[0]
        sizes = _sizes(wanted, measures)
        answer["result"] = _priced(server, state, answer, request["action"], places, measures, sizes)
        if request["action"] == Action.DEBIT and answer["result"] == Result.SUCCESS:
            group.quotas["measure"][mine], group.quotas["granted"][mine] = measures, sizes
    is_refused = answer["result"] != Result.SUCCESS
    group.quotas["result"][asks if is_refused else mine] = answer["result"]


def _priced(
    server: Server, state: EngineState, answer: np.ndarray, action: int, places: np.ndarray, measures: np.ndarray,
    sizes: np.ndarray,
) -> Result:  # fmt: skip
    """Write what services would cost together, and whether there is money for it, into an answer; how that went."""
    is_counted = np.isin(measures, (Measure.SECONDS, Measure.UNITS))
    if (sizes > np.where(is_counted, MOST_COUNTED, MOST_OCTETS)).any():
        return Result.INVALID_VALUE
    costs_li = _costs_li(server, state, places, measures, sizes)
    if max(costs_li) >= NO_PRICE_LI:
        return Result.RATING_FAILED
    is_blocked = max(costs_li) >= BLOCKED_LI
    answer["cost_li"] = 0 if is_blocked else sum(costs_li)
    row = int(state.desk.services["row"][places[0]])
    answer["has_credit"] = not is_blocked and sum(costs_li) <= free_li(state, row)
    is_refused = is_blocked or (action == Action.DEBIT and not answer["has_credit"])
    return Result.CREDIT_LIMIT_REACHED if is_refused and action != Action.CHECK_BALANCE else Result.SUCCESS


def _sizes(wanted: np.ndarray, measures: np.ndarray) -> np.ndarray:
    """How much of each service an event is about: all that it says, for it is granted whole or not."""
    return np.array([max(int(ask[_WANTED_AS[Measure(one)]]), 1) for ask, one in zip(wanted, measures, strict=True)])


def _costs_li(
    server: Server, state: EngineState, places: np.ndarray, measures: np.ndarray, sizes: np.ndarray
) -> list[int]:
    """Say what a user's services would cost, each on what those before it have taken; nothing is changed."""
    uses, found = state.desk.uses, list[int]()
    before, last = uses[places], len(places) - 1
    for i in range(last):
        uses[USED_AS[Measure(measures[i])]][places[i]] += sizes[i]
        found.append(int(quoted(server.growing.rate(state, places[i : i + 1]))[0][0]))
    found.append(int(server.growing.quote_alone(state, places[last:], measures[last:], sizes[last:])[0][0]))
    server.growing.undo(state, places[:last])
    uses[places] = before
    return found


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
    places = server.open_of(state, np.array([session]))[::-1]  # in the order in which they were debited
    before_li, used = int(desk.services["act_li"][places].sum()), _used(state, places)
    others = server.undo_all(state, places)
    _take_use(state, places, asks)
    for place in places:
        one = places[places == place]
        if is_unused(state, one)[0]:
            server.pay(state, group, one, np.zeros(1, np.int64))
        else:
            server.rate_and_pay(state, group, one)
    server.redo(state, group, others)
    given_li = before_li - int(desk.services["act_li"][places].sum())
    return given_li if _used(state, places) < used else None


def _take_use(state: EngineState, places: np.ndarray, asks: np.ndarray) -> None:
    """Take from records what a refund's asks name: each amount once, from one record after the other that it is about.

    Of a service for which no amount is named all of it is taken; without an ask, of all of them.
    """
    left = [{measure: max(int(ask[wanted]), 0) for measure, wanted in _WANTED_AS.items()} for ask in asks]
    names_amount = [any(int(ask[wanted]) for wanted in _WANTED_AS.values()) for ask in asks]
    for place in places.tolist():
        service, use = state.desk.services[place], state.desk.uses[place]
        about = [i for i, ask in enumerate(asks) if ask["rating_group"] in (-1, service["rating_group"])
                 and ask["service_id"] in (-1, service["service_id"])]  # fmt: skip
        if len(asks) and not about:
            continue
        if not any(names_amount[i] for i in about):
            for name in _COLUMNS:
                use[name] = 0
        for i in about:
            for measure, names in _COUNTED_IN.items():
                for name in names:
                    taken = min(left[i][measure], int(use[name]))
                    use[name] -= taken
                    left[i][measure] -= taken


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
