"""What a group's requests report is charged, and what they want is granted.

Step by step: one service of each user at a time, so that every record is rated on what the user's others have left.
Source: RFC 8506 section 8, D4.8 (sizes of quotas, the last slice), D9.4 (thresholds).
"""

import numpy as np

from openboss.kernel.records import Rated
from openboss.kernel.usage import Status
from openboss.modules.charging.engine.online import arriving
from openboss.modules.charging.engine.online.arriving import GOES_ON, bars
from openboss.modules.charging.engine.online.closed import closed_of
from openboss.modules.charging.engine.online.cuts import ACCESS, MESSAGES, VOICE, next_change_s
from openboss.modules.charging.engine.online.desk import Life, longer
from openboss.modules.charging.engine.online.group import KB, Group, Rules, debit
from openboss.modules.charging.engine.online.growing import NO_PRICE_LI, Growing, cost_li
from openboss.modules.charging.engine.online.requests import (
    MOST_COUNTED,
    MOST_OCTETS,
    QUOTA,
    Action,
    Kind,
    Measure,
    Result,
)
from openboss.modules.charging.engine.state import EngineState

NO_LIMIT_LI = 2**60  # what a user without a wallet may spend


class Server:
    """Charges and grants on an engine's state."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.growing = Growing()
        self.found = np.zeros(0, np.int64)

    def make_room(self, state: EngineState) -> None:
        """Be ready for a group: any list of services fits, and no place was touched yet."""
        self.found = longer(self.found, len(state.desk.services))
        self.growing.touched_count[0] = 0

    def warm(self, state: EngineState) -> None:
        """Have the compiled code ready."""
        nobody = np.zeros(0, np.int64)
        self.growing.undo(state, nobody)
        self.growing.rate(state, nobody)
        self.growing.quote_li(state, nobody, nobody, nobody, nobody)

    # --- a group -------------------------------------------------------------------------------------------------

    def serve(self, state: EngineState, group: Group) -> None:
        """Charge what the requests that go on report, grant what they want, end what they end."""
        group.is_changed = True
        going = np.flatnonzero(group.became == GOES_ON)
        requests = group.requests[going]
        counts = requests["asks"].astype(np.int64)
        of_request = np.repeat(going, counts)
        turn = np.arange(len(of_request)) - np.repeat(np.cumsum(counts) - counts, counts)
        asks = group.requests["first_ask"][of_request] + turn
        for number in range(int(counts.max(initial=0))):
            mine = (turn == number) & (group.ask_place[asks] >= 0)
            if mine.any():
                self._step(state, group, asks[mine], of_request[mine])
        sessions = group.answers["place"][going].astype(np.int64)
        ending = (requests["kind"] == Kind.TERMINATION) | (requests["kind"] == Kind.EVENT)
        self._refuse_openings(state, group, going)
        ended = state.desk.sessions["life"][sessions] == Life.CLOSED
        self._close_sessions(state, group, sessions[ending & ~ended], Life.CLOSED)
        held = state.desk.sessions
        held["number"][sessions], held["kind"][sessions] = requests["number"], requests["kind"]
        held["result"][sessions] = group.answers["result"][going]
        held["touched_at_s"][sessions] = group.now_s
        is_call = np.isin(held["record_type"][sessions], VOICE)
        slice_s = np.where(is_call, self.rules.time_slice_s, self.rules.data_validity_s)
        held["silence_s"][sessions] = self.rules.slices_of_silence * slice_s
        self._note_services(state, group, sessions)

    def _refuse_openings(self, state: EngineState, group: Group, going: np.ndarray) -> None:
        """A first request of which nothing was granted is refused as a whole, and its session ended."""
        for m in going[(group.requests["kind"][going] == Kind.INITIAL) & (group.requests["asks"][going] > 0)]:
            first = group.requests["first_ask"][m]
            results = group.quotas["result"][first : first + group.requests["asks"][m]]
            if (results != Result.SUCCESS).all():
                group.answers["result"][m] = results[0]
                session = int(group.answers["place"][m])
                self._drop_unused(state, session)
                state.desk.sessions["life"][session] = Life.CLOSED

    def _drop_unused(self, state: EngineState, session: int) -> None:
        """Nothing was used under these services: they leave no record."""
        count = arriving.open_services(state.desk, np.array([session]), self.found)
        found = self.found[:count].copy()
        self.growing.undo(state, found)
        arriving.leave_users(state.desk, found)
        state.desk.services["life"][found] = Life.PATTERN

    def _note_services(self, state: EngineState, group: Group, sessions: np.ndarray) -> None:
        """Remember every service of some sessions, and the other open ones of their users, for the images."""
        count = arriving.session_places(state.desk, sessions, self.found)
        mine = self.found[:count].copy()
        one_each = mine[np.unique(state.desk.services["row"][mine], return_index=True)[1]]
        count = arriving.other_services(state.desk, one_each, self.found)
        group.services += [mine, self.found[:count].copy()]

    # --- one service of each user --------------------------------------------------------------------------------

    def _step(self, state: EngineState, group: Group, asks: np.ndarray, of_request: np.ndarray) -> None:
        wanted, requests = group.asks[asks], group.requests[of_request]
        places = group.ask_place[asks]
        is_event = requests["kind"] == Kind.EVENT
        places = self._add_use(state, group, places, wanted)
        group.ask_place[asks] = places
        others = self._undo_all(state, places)
        ends = (requests["kind"] == Kind.TERMINATION) | (wanted["is_final"] == 1)
        closing = np.flatnonzero(ends & ~_is_unused(state, places))
        if len(closing):
            self._rate_and_close(state, group, places[closing])
        self._redo(state, group, others)
        measures, sizes = self._wishes(state, places, wanted)
        asking = np.flatnonzero((wanted["is_asking"] == 1) & ~ends & ~is_event)
        quoted_li = np.zeros(len(places), np.int64)
        if len(asking):
            quoted_li[asking] = self._quote(state, places[asking], measures[asking], sizes[asking])
        for i in np.flatnonzero(is_event):
            self._event(state, group, int(of_request[i]), int(places[i]), wanted[i], measures[i])
        quotas = np.zeros(len(asks), QUOTA)
        quotas["result"] = Result.SUCCESS
        staying = np.flatnonzero(~ends & ~_is_unsent(state, places))
        failed = self._rate_and_pay(state, group, places[staying]).status == Status.ERROR
        quotas["result"][staying[failed]] = Result.RATING_FAILED
        quotas["result"][is_event] = group.answers["result"][of_request[is_event]]
        if len(asking):
            self._grant(state, group, places, asking, measures, sizes, quoted_li, quotas)
        self._remember_answers(state, places, quotas)
        group.quotas[asks] = quotas

    def _undo_all(self, state: EngineState, places: np.ndarray) -> np.ndarray:
        """Undo what open records did, and what their users' other ones did; return the others."""
        count = arriving.other_services(state.desk, places, self.found)
        others = np.setdiff1d(self.found[:count], places)
        others = others[~_is_unsent(state, others)]
        self.growing.undo(state, places)
        self.growing.undo(state, others)
        return others

    def _redo(self, state: EngineState, group: Group, others: np.ndarray) -> None:
        """Rate the other open records of some users again, on what has been closed by now."""
        for some in one_a_user(state.desk.services["row"][others]):
            self._rate_and_pay(state, group, others[some])
        group.services.append(others)

    def _rate_and_pay(self, state: EngineState, group: Group, places: np.ndarray) -> Rated:
        rated = self.growing.rate(state, places)
        self._pay(state, group, places, cost_li(rated))
        return rated

    def _rate_and_close(self, state: EngineState, group: Group, places: np.ndarray) -> None:
        """Rate records for the last time, on closed ones only: they stand as a file in this order would have them."""
        self._close(state, group, places, self._rate_and_pay(state, group, places))

    def _add_use(self, state: EngineState, group: Group, places: np.ndarray, wanted: np.ndarray) -> np.ndarray:
        """Add what was used to the records; where other prices have begun meanwhile, cut them. Returns the places."""
        _add(state.desk.uses, places, wanted, "used")
        state.desk.services["reserved_li"][places], back = 0, state.desk.services["reserved_li"][places].copy()
        self._release(state, group, places, back)
        new = np.flatnonzero(state.desk.services["change_local_s"][places] == 0)
        for i in new:
            state.desk.services["change_local_s"][places[i]] = next_change_s(state, int(places[i]))
        due = np.flatnonzero(state.desk.services["change_local_s"][places] <= group.local_s)
        for i in due:
            places[i] = self._cut(state, group, int(places[i]), group.local_s)
        _add(state.desk.uses, places, wanted, "after")
        return places

    def _release(self, state: EngineState, group: Group, places: np.ndarray, li: np.ndarray) -> None:
        """Give back what is reserved for some services."""
        wallets = state.desk.user_wallet[state.desk.services["row"][places]]
        mine = wallets >= 0
        if mine.any():
            np.subtract.at(state.desk.wallets["reserved_li"], wallets[mine], li[mine])
            group.wallets.append(wallets[mine])

    def _cut(self, state: EngineState, group: Group, place: int, local_s: int) -> int:
        """End a record where other prices begin and go on in a new one; return its place.

        What was not used leaves no record: it begins later.
        """
        services, change_s = state.desk.services, int(state.desk.services["change_local_s"][place])
        if _is_unused(state, np.array([place]))[0]:
            self._begin_later(state, place, change_s)
        else:
            self._close_alone(state, group, np.array([place]))
            use = state.desk.uses[place]
            at_s = int(use["start_at_s"]) + change_s - int(use["start_local_s"])
            place, ended = int(arriving.go_on(state.desk, place, at_s, change_s)), place
            services["answered_number"][place] = services["answered_number"][ended]
            services["answered_number"][ended] = -1
        while (following := next_change_s(state, place)) <= local_s:
            self._begin_later(state, place, following)
        services["change_local_s"][place] = following
        return place

    def _begin_later(self, state: EngineState, place: int, local_s: int) -> None:
        """Let a record of nothing begin at another local second."""
        places = np.array([place])
        self.growing.undo(state, places)  # what stands in an older month's totals must not stay there
        uses = state.desk.uses
        uses["start_at_s"][place] += local_s - int(uses["start_local_s"][place])
        uses["start_local_s"][place] = local_s

    def _wishes(self, state: EngineState, places: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Say what each service is counted in, and how much of it is granted if money allows (D4.8)."""
        kinds = state.desk.uses["record_type"][places]
        is_time, is_message = np.isin(kinds, (*VOICE, *ACCESS)), np.isin(kinds, MESSAGES)
        measures = np.where(is_time, Measure.SECONDS, np.where(is_message, Measure.UNITS, Measure.OCTETS))
        rules = self.rules
        most_s = np.where(np.isin(kinds, ACCESS), rules.access_slice_s, rules.time_slice_s)
        seconds = np.minimum(np.where(wanted["want_s"] > 0, wanted["want_s"], most_s), most_s)
        octets = np.where(wanted["want_octets"] > 0, wanted["want_octets"], rules.data_slice_bytes)
        octets = np.minimum(octets, rules.data_slice_bytes)
        units = np.clip(wanted["want_units"], 1, MOST_COUNTED)
        return measures, np.where(is_time, seconds, np.where(is_message, units, octets))

    def _quote(self, state: EngineState, places: np.ndarray, measures: np.ndarray, sizes: np.ndarray) -> np.ndarray:
        return self.growing.quote_li(
            state,
            places,
            np.where(measures == Measure.SECONDS, sizes, 0),
            np.where(measures == Measure.OCTETS, sizes, 0),
            np.where(measures == Measure.UNITS, sizes, 0),
        )

    # --- money ---------------------------------------------------------------------------------------------------

    def _pay(self, state: EngineState, group: Group, places: np.ndarray, due_li: np.ndarray) -> None:
        """Charge records up to what they cost now; wallets pay, below zero if need be, and tell of thresholds."""
        services, desk = state.desk.services, state.desk
        due_li = np.where(due_li >= NO_PRICE_LI, services["act_li"][places], due_li)
        more_li = due_li - services["act_li"][places]
        services["act_li"][places] = due_li
        wallets = desk.user_wallet[services["row"][places]]
        mine = np.flatnonzero((wallets >= 0) & (more_li != 0))
        for i in mine:
            debit(state, group.news, int(wallets[i]), int(more_li[i]), self.rules)
        if len(mine):
            group.wallets.append(wallets[mine])

    def _grant(
        self, state: EngineState, group: Group, places: np.ndarray, asking: np.ndarray, measures: np.ndarray,
        sizes: np.ndarray, quoted_li: np.ndarray, quotas: np.ndarray,
    ) -> None:  # fmt: skip
        """Reserve money for quotas: whole slices where there is money for them, else what it buys."""
        desk = state.desk
        rows = desk.services["row"][places]
        wallets = desk.user_wallet[rows]
        act_li = desk.services["act_li"][places]
        free_li = np.full(len(places), NO_LIMIT_LI)
        has = wallets >= 0
        purse = desk.wallets[wallets[has]]
        free_li[has] = purse["balance_li"] + purse["limit_li"] - purse["reserved_li"] - purse["held_li"]
        for i in asking:
            quota, place = quotas[i], int(places[i])
            if quota["result"] != Result.SUCCESS:
                continue
            if desk.user_barred[rows[i]] and bars(desk, int(rows[i]), int(desk.uses["record_type"][place])):
                quota["result"] = Result.END_USER_SERVICE_DENIED
                continue
            granted, is_last, costs_li = int(sizes[i]), 0, int(quoted_li[i] - act_li[i])
            if quoted_li[i] >= NO_PRICE_LI or costs_li > free_li[i] or (has[i] and _is_empty(desk.wallets[wallets[i]])):
                if quoted_li[i] >= NO_PRICE_LI and not has[i]:
                    quota["result"] = Result.RATING_FAILED
                    continue
                granted, is_last, costs_li = self.less(state, place, int(measures[i]), granted, int(free_li[i]))
                if granted == 0:
                    quota["result"] = Result.CREDIT_LIMIT_REACHED
                    continue
            self.put_quota(state, group, place, quota, (int(measures[i]), granted, is_last, costs_li))

    def put_quota(
        self, state: EngineState, group: Group, place: int, quota: np.ndarray, granted: tuple[int, int, int, int]
    ) -> None:
        """Grant a service what was found: measure, size, whether it is the last, and what is reserved for it."""
        quota["measure"], quota["granted"], quota["is_last"], costs_li = granted
        desk, wallet = state.desk, int(state.desk.user_wallet[state.desk.services["row"][place]])
        if wallet >= 0 and costs_li > 0:
            desk.services["reserved_li"][place] = costs_li
            desk.wallets["reserved_li"][wallet] += costs_li
            group.wallets.append(np.array([wallet]))
        if quota["measure"] == Measure.OCTETS:
            quota["validity_s"] = self.rules.data_validity_s
            change_s = int(desk.services["change_local_s"][place])
            if change_s <= group.local_s + self.rules.data_validity_s:
                quota["change_at_s"] = change_s - group.local_s + group.now_s

    def less(self, state: EngineState, place: int, measure: int, most: int, free_li: int) -> tuple[int, int, int]:
        """Find what little money buys: size, whether it is the last, and its cost; 0 = nothing (D4.8, CHG-11)."""
        row = state.desk.services["row"][place]
        if _is_empty(state.desk.wallets[state.desk.user_wallet[row]]) or measure == Measure.UNITS:
            return 0, 0, 0
        places = np.array([place])
        self.growing.undo(state, places)
        used_li = int(state.desk.services["act_li"][place])

        def cost(size: int) -> int:
            return int(self._quote(state, places, np.array([measure]), np.array([size]))[0]) - used_li

        step = KB if measure == Measure.OCTETS else 1
        small = min(most, self.rules.data_last_slice_bytes) if measure == Measure.OCTETS else most
        if small < most and cost(small) <= free_li:
            found, is_last = small, 0
        else:
            low, high = 0, small // step + 1
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if cost(middle * step) <= free_li else (low, middle)
            found, is_last = low * step, 1
            if low == 0 and free_li > 0:
                found = step  # the last slice may go below zero
        costs_li = max(0, cost(found)) if found else 0
        self.growing.rate(state, places)
        return (found, is_last, costs_li) if costs_li < NO_PRICE_LI // 2 else (0, 0, 0)

    def _event(self, state: EngineState, group: Group, m: int, place: int, wanted: np.ndarray, measure: int) -> None:
        """Carry out a one-time event: debit at once, say what it would cost, or whether there is money for it."""
        desk, answer = state.desk, group.answers[m]
        size = max(int(wanted["want_s"]), int(wanted["want_octets"]), int(wanted["want_units"]), 1)
        if measure != Measure.OCTETS and size > MOST_COUNTED:
            answer["result"] = Result.UNABLE_TO_COMPLY
            return
        costs_li = int(self._quote(state, np.array([place]), np.array([measure]), np.array([size]))[0])
        if costs_li >= NO_PRICE_LI:
            answer["result"] = Result.RATING_FAILED
            return
        wallet = desk.user_wallet[desk.services["row"][place]]
        purse = desk.wallets[wallet] if wallet >= 0 else None
        free_li = NO_LIMIT_LI
        if purse is not None:
            free_li = int(purse["balance_li"] + purse["limit_li"] - purse["reserved_li"] - purse["held_li"])
        answer["cost_li"] += costs_li
        answer["has_credit"] = costs_li <= free_li
        if group.requests["action"][m] != Action.DEBIT:
            return
        if costs_li > free_li:
            answer["result"] = Result.CREDIT_LIMIT_REACHED
            return
        name = {Measure.SECONDS: "duration_s", Measure.OCTETS: "down_bytes"}.get(Measure(measure), "message_count")
        desk.uses[name][place] += size

    def _remember_answers(self, state: EngineState, places: np.ndarray, quotas: np.ndarray) -> None:
        for name in ("result", "measure", "is_last", "granted", "validity_s", "change_at_s"):
            state.desk.services[name][places] = quotas[name]

    # --- ends ----------------------------------------------------------------------------------------------------

    def _close(self, state: EngineState, group: Group, places: np.ndarray, rated: Rated) -> None:
        """End records as they were just rated: they become rated detail at the group's position."""
        state.desk.services["life"][places] = Life.CLOSED
        state.desk.services["closed_position"][places] = group.position
        state.desk.services["marks"][places] = 0  # what they did stays
        arriving.leave_users(state.desk, places)
        group.closed.append(
            closed_of(state.directory, state.cycles, state.desk.uses[places], rated, np.arange(len(places)))
        )

    def _close_alone(self, state: EngineState, group: Group, places: np.ndarray) -> None:
        """Rate and end records, whatever their users' other ones are doing."""
        back = state.desk.services["reserved_li"][places].copy()
        state.desk.services["reserved_li"][places] = 0
        self._release(state, group, places, back)
        for some in one_a_user(state.desk.services["row"][places]):
            others = self._undo_all(state, places[some])
            self._rate_and_close(state, group, places[some])
            self._redo(state, group, others)

    def _close_sessions(self, state: EngineState, group: Group, sessions: np.ndarray, life: Life) -> None:
        """End sessions with all their services."""
        if not len(sessions):
            return
        count = arriving.open_services(state.desk, sessions, self.found)
        found = self.found[:count].copy()
        unused = _is_unused(state, found)
        self.growing.undo(state, found[unused])
        arriving.leave_users(state.desk, found[unused])
        state.desk.services["life"][found[unused]] = Life.PATTERN
        self._close_alone(state, group, found[~unused])
        state.desk.sessions["life"][sessions] = life

    def expire(self, state: EngineState, group: Group, sessions: np.ndarray) -> None:
        """Settle sessions whose network fell silent."""
        if len(sessions):
            group.is_changed = True
            self._close_sessions(state, group, sessions, Life.EXPIRED)
            state.desk.sessions["touched_at_s"][sessions] = group.now_s
            group.sessions.append(sessions)
            self._note_services(state, group, sessions)

    def forget(self, state: EngineState, group: Group, sessions: np.ndarray) -> None:
        """Empty the places of sessions that ended long ago."""
        for session in sessions:
            group.is_changed = True
            count = arriving.session_places(state.desk, np.array([session]), self.found)
            group.services.append(self.found[:count].copy())
            arriving.forget_session(state.desk, int(session))
        group.sessions.append(sessions)

    def cut(self, state: EngineState, group: Group, services: np.ndarray, at_local_s: int) -> None:
        """End open records at a local second and go on with new ones; the caller made room for these."""
        group.is_changed = True
        for place in services:
            state.desk.services["change_local_s"][place] = at_local_s
            self._cut(state, group, int(place), at_local_s)
        sessions = np.unique(state.desk.services["session"][services])
        group.sessions.append(sessions)
        self._note_services(state, group, sessions)


def _add(uses: np.ndarray, places: np.ndarray, wanted: np.ndarray, when: str) -> None:
    """Add what a network reports: never less than nothing, never more than a record can hold."""
    counted = (("duration_s", "s", MOST_COUNTED), ("up_bytes", "up", MOST_OCTETS), ("down_bytes", "down", MOST_OCTETS),
               ("message_count", "units", MOST_COUNTED))  # fmt: skip
    for name, reported, most in counted:
        more = np.clip(wanted[f"{when}_{reported}"], 0, most)
        uses[name][places] = np.minimum(uses[name][places] + more, most)


def _is_empty(wallet: np.ndarray) -> bool:
    return bool(wallet["balance_li"] + wallet["limit_li"] <= 0)


def _is_unsent(state: EngineState, places: np.ndarray) -> np.ndarray:
    """Say which services are messages that were not sent: the kernel would count a record of them as one message."""
    uses = state.desk.uses[places]
    return np.isin(uses["record_type"], MESSAGES) & (uses["message_count"] == 0)


def _is_unused(state: EngineState, places: np.ndarray) -> np.ndarray:
    """Say which services were reserved for but not used: they leave no record. Calls always do (D3.6)."""
    uses = state.desk.uses[places]
    is_call = np.isin(uses["record_type"], VOICE)
    is_timed = np.isin(uses["record_type"], ACCESS) & (uses["duration_s"] > 0)
    return ~is_call & ~is_timed & (uses["up_bytes"] + uses["down_bytes"] == 0) & (uses["message_count"] == 0)


def one_a_user(rows: np.ndarray) -> list[np.ndarray]:
    """Split places so that each part has a user once, in order."""
    parts, left = [], np.arange(len(rows))
    while len(left):
        first = np.unique(rows[left], return_index=True)[1]
        parts.append(left[np.sort(first)])
        left = np.delete(left, first)
    return parts
