"""What a group's requests report is charged, and what they want is granted.

Step by step: one service of each user at a time, so that every record is rated on what the user's others have left.
Source: RFC 8506 section 8, D4.8 (sizes of quotas, the last slice), D9.4 (thresholds).
"""

import numpy as np

from openboss.kernel.records import Rated
from openboss.kernel.usage import Status
from openboss.modules.charging.engine.online import arriving, debits, events, silent
from openboss.modules.charging.engine.online.arriving import GOES_ON, bars
from openboss.modules.charging.engine.online.closed import closed_of
from openboss.modules.charging.engine.online.cuts import has_use, is_unused, next_change_s
from openboss.modules.charging.engine.online.desk import Life, free_of
from openboss.modules.charging.engine.online.group import KB, NO_LIMIT_LI, Group, Rules, debit, left_li, wishes
from openboss.modules.charging.engine.online.growing import (
    BLOCKED_LI,
    NO_PRICE_LI,
    USED_AS,
    Growing,
    add_reported,
    cost_li,
    one_a_user,
    who_shares,
)
from openboss.modules.charging.engine.online.kinds import ACCESS, VOICE
from openboss.modules.charging.engine.online.moving import moves, take_place
from openboss.modules.charging.engine.online.requests import (
    QUOTA,
    Action,
    Kind,
    Measure,
    Result,
)
from openboss.modules.charging.engine.rating import empty_rated
from openboss.modules.charging.engine.state import EngineState

_HERE = object()  # a request that says of no other place
_ANSWER = ("answered_number", "result", "measure", "is_last", "granted", "validity_s", "change_at_s")  # for repeats


class Server:
    """Charges and grants on an engine's state."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.growing = Growing()
        self.found = np.zeros(0, np.int64)

    def make_room(self, state: EngineState) -> None:
        """Be ready for a group: any list of services fits, and no place was touched yet."""
        if len(self.found) < len(state.desk.services):
            self.found = np.zeros(2 * len(state.desk.services), np.int64)
        self.growing.touched_count[0] = 0

    def warm(self, state: EngineState) -> None:
        """Have the compiled code ready."""
        nobody = np.zeros(0, np.int64)
        self.growing.warm(state)
        closed_of(state.directory, state.cycles, state.desk.uses, nobody, empty_rated(0), nobody)

    # --- a group -------------------------------------------------------------------------------------------------

    def serve(self, state: EngineState, group: Group) -> None:
        """Charge what the requests that go on report, grant what they want, end what they end."""
        group.is_changed = True
        going = np.flatnonzero(group.became == GOES_ON)
        requests = group.requests[going]
        is_refund = (requests["kind"] == Kind.EVENT) & (requests["action"] == Action.REFUND)
        for m in going[is_refund]:
            events.refund(self, state, group, int(m))
        for m in [m for m in group.moved if group.became[m] == GOES_ON]:
            self._move_others(state, group, m)
        counts = np.where(is_refund, 0, requests["asks"]).astype(np.int64)
        of_request = np.repeat(going, counts)
        turn = np.arange(len(of_request)) - np.repeat(np.cumsum(counts) - counts, counts)
        asks = group.requests["first_ask"][of_request] + turn
        steps = [(turn == number) & (group.ask_place[asks] >= 0) for number in range(int(counts.max(initial=0)))]
        for mine in steps:
            self._settle(state, group, asks[mine], of_request[mine])
        for mine in steps:  # what all services of a request used is paid before any is granted more
            self._answer(state, group, asks[mine], of_request[mine])
        again = asks[group.ask_place[asks] < -1]  # of services named twice
        group.quotas["result"][again] = group.quotas["result"][-2 - group.ask_place[again]]
        sessions = group.answers["place"][going].astype(np.int64)
        ending = requests["kind"] == Kind.TERMINATION
        self._refuse_openings(state, group, going)
        for i in np.flatnonzero((requests["kind"] == Kind.EVENT) & ~events.stays_open(state, group, going)):
            self._leave_no_record(state, group, self.open_of(state, sessions[i : i + 1]))
            ending[i] = True
        ended = state.desk.sessions["life"][sessions] == Life.CLOSED
        self.close_sessions(state, group, sessions[ending & ~ended], Life.CLOSED)
        held, is_event = state.desk.sessions, requests["kind"] == Kind.EVENT
        is_debit = held["kind"][sessions] == Kind.EVENT  # that a refund of it leaves open no longer
        held["touched_at_s"][sessions[~(is_refund & is_debit)]] = group.now_s
        held["number"][sessions], held["kind"][sessions] = requests["number"], requests["kind"]
        held["action"][sessions] = np.where(is_event, 1 + requests["action"], 0)
        for name in ("result", "cost_li", "has_credit"):
            held[name][sessions] = group.answers[name][going]
        kinds = held["record_type"][sessions]
        slice_s = np.where(np.isin(kinds, ACCESS), self.rules.access_slice_s, self.rules.data_validity_s)
        slice_s = np.where(np.isin(kinds, VOICE), self.rules.time_slice_s, slice_s)
        silence_s = np.where(is_event, self.rules.refundable_s, self.rules.slices_of_silence * slice_s)
        held["silence_s"][sessions] = silence_s
        for session in sessions[is_event]:
            events.settle_older(self, state, group, int(session))
        self.note_services(state, group, sessions)

    def _refuse_openings(self, state: EngineState, group: Group, going: np.ndarray) -> None:
        """A first request of which nothing was granted is refused as a whole, and its session ended."""
        for m in going[(group.requests["kind"][going] == Kind.INITIAL) & (group.requests["asks"][going] > 0)]:
            first = group.requests["first_ask"][m]
            results = group.quotas["result"][first : first + group.requests["asks"][m]]
            if (results != Result.SUCCESS).all():
                group.answers["result"][m] = results[0]
                session = int(group.answers["place"][m])
                found = self.open_of(state, np.array([session]))
                was_used = has_use(state, found)  # what is over is charged, or goes to the error pool
                self._leave_no_record(state, group, found[~was_used])
                self._close_alone(state, group, found[was_used])
                state.desk.sessions["life"][session] = Life.CLOSED

    def open_of(self, state: EngineState, sessions: np.ndarray) -> np.ndarray:
        """The open services of some sessions."""
        count = arriving.open_services(state.desk, sessions, self.found)
        return self.found[:count].copy()

    def _leave_no_record(self, state: EngineState, group: Group, places: np.ndarray) -> None:
        """Nothing was used under these services: they cost nothing, hold no money back and leave no record."""
        self.growing.undo(state, places)
        self.pay(state, group, places, np.zeros(len(places), np.int64))
        self._release_all(state, group, places)
        arriving.leave_users(state.desk, places)
        state.desk.services["life"][places] = Life.PATTERN

    def note_services(self, state: EngineState, group: Group, sessions: np.ndarray) -> None:
        """Remember every service of some sessions, and the other open ones of their users, for the images."""
        count = arriving.session_places(state.desk, sessions, self.found)
        mine = self.found[:count].copy()
        one_each = mine[np.unique(state.desk.services["row"][mine], return_index=True)[1]]
        count = arriving.other_services(state.desk, one_each, self.found)
        group.services += [mine, self.found[:count].copy()]

    # --- one service of each user --------------------------------------------------------------------------------

    def _settle(self, state: EngineState, group: Group, asks: np.ndarray, of_request: np.ndarray) -> None:
        """Charge what is reported, give back what was reserved for it, close what ends."""
        wanted, requests = group.asks[asks], group.requests[of_request]
        is_event = requests["kind"] == Kind.EVENT
        places = self._add_use(state, group, group.ask_place[asks], wanted, of_request)
        group.ask_place[asks] = places
        others = self.undo_all(state, places)
        ends = (requests["kind"] == Kind.TERMINATION) | (wanted["is_final"] == 1)
        closing = np.flatnonzero(ends & ~is_unused(state, places))
        if len(closing):
            self._rate_and_close(state, group, places[closing])
        self.redo(state, group, others)
        quotas = np.zeros(len(asks), QUOTA)
        quotas["result"] = Result.SUCCESS
        for i in np.flatnonzero(is_event):
            m = int(of_request[i])
            if asks[i] == group.requests["first_ask"][m]:
                events.appraise(self, state, group, m)
            quotas[i] = group.quotas[asks[i]]
            if quotas["granted"][i]:
                state.desk.uses[USED_AS[Measure(quotas["measure"][i])]][places[i]] += quotas["granted"][i]
        staying = np.flatnonzero(~ends & ~is_unused(state, places))
        has_failed = np.zeros(len(asks), np.bool_)
        has_failed[staying] = self.rate_and_pay(state, group, places[staying]).status == Status.ERROR
        has_failed |= np.array([group.moved.get(int(m), _HERE) is None for m in of_request], np.bool_)
        quotas["result"][has_failed] = Result.RATING_FAILED
        group.answers["result"][of_request[has_failed & is_event]] = Result.RATING_FAILED
        is_over = is_event & (requests["action"] == Action.OVER)
        group.answers["cost_li"][of_request[is_over]] += state.desk.services["act_li"][places[is_over]]
        group.quotas[asks] = quotas

    def _answer(self, state: EngineState, group: Group, asks: np.ndarray, of_request: np.ndarray) -> None:
        """Grant what is wanted; remember the answers."""
        places, wanted, quotas = group.ask_place[asks], group.asks[asks], group.quotas[asks]
        kinds = group.requests["kind"][of_request]
        goes_on = (kinds != Kind.TERMINATION) & (kinds != Kind.EVENT) & (wanted["is_final"] == 0)
        asking = np.flatnonzero((wanted["is_asking"] == 1) & goes_on & (quotas["result"] == Result.SUCCESS))
        if len(asking):
            measures, sizes = wishes(self.rules, state.desk.uses["record_type"][places], wanted)
            quoted_li, mine = np.zeros(len(places), np.int64), places[asking]
            self.growing.undo(state, mine)
            quoted_li[asking] = self.growing.quote(state, mine, measures[asking], sizes[asking])[0]
            self.growing.rate(state, mine[~is_unused(state, mine)])
            self._grant(state, group, places, asking, measures, sizes, quoted_li, quotas)
        self._remember_answers(state, places, quotas)
        group.quotas[asks] = quotas

    def undo_all(self, state: EngineState, places: np.ndarray) -> np.ndarray:
        """Undo what open records did, and what their users' other ones did; return the others."""
        count = arriving.other_services(state.desk, places, self.found)
        others = self.found[:count][::-1]  # in the order in which they began
        others = others[~np.isin(others, places)]
        others = others[~is_unused(state, others)]
        self.growing.undo(state, places)
        self.growing.undo(state, others)
        return others

    def open_of_users(self, state: EngineState, rows: np.ndarray) -> np.ndarray:
        """The open records of some users, of each in the order in which they began."""
        newest = state.desk.user_service[rows]
        newest = newest[newest >= 0]
        count = arriving.other_services(state.desk, newest, self.found)
        places = np.concatenate([newest, self.found[:count]])[::-1]
        return places[~is_unused(state, places)]

    def redo(self, state: EngineState, group: Group, others: np.ndarray) -> None:
        """Rate the other open records of some users again, on what has been closed by now."""
        for some in one_a_user(state.desk.services["row"][others]):
            self.rate_and_pay(state, group, others[some])
        group.services.append(others)

    def rate_and_pay(self, state: EngineState, group: Group, places: np.ndarray) -> Rated:
        """Rate open records of different users whole, and let their wallets pay what they cost more than before."""
        rated = self.growing.rate(state, places)
        self.pay(state, group, places, cost_li(rated))
        return rated

    def _rate_and_close(self, state: EngineState, group: Group, places: np.ndarray) -> None:
        """Rate records for the last time, on closed ones only: they stand as a file in this order would have them."""
        rated = self.growing.rate(state, places)
        due_li = np.where(rated.status == Status.ERROR, 0, cost_li(rated))  # charged when it comes from the error pool
        self.pay(state, group, places, due_li)
        self._close(state, group, places, rated)

    def _add_use(
        self, state: EngineState, group: Group, places: np.ndarray, wanted: np.ndarray, of_request: np.ndarray
    ) -> np.ndarray:
        """Add what was used to the records; where other prices have begun meanwhile, cut them. Returns the places."""
        services = state.desk.services
        add_reported(state.desk.uses, places, wanted, "used")
        services["granted"][places] = 0
        self._release_all(state, group, places)
        new = np.flatnonzero(services["change_local_s"][places] == 0)
        for i in new:
            services["change_local_s"][places[i]] = next_change_s(state, int(places[i]))
        due = services["change_local_s"][places] <= group.local_s
        for i in np.flatnonzero(due):
            places[i] = self._cut(state, group, int(places[i]), group.local_s)
        is_moving = moves(state, group, places, wanted, of_request)
        is_then = is_moving & ~due  # used after the move, not after a change of prices before it
        add_reported(state.desk.uses, places[~is_then], wanted[~is_then], "after")
        for i in np.flatnonzero(is_moving):
            places[i] = self._cut_now(state, group, int(places[i]), group.moved.get(int(of_request[i])))
        add_reported(state.desk.uses, places[is_then], wanted[is_then], "after")
        return places

    def _cut_now(self, state: EngineState, group: Group, place: int, there: np.ndarray | None) -> int:
        """End a record and go on in a new one, at another place if one is said; return where it lies."""
        state.desk.services["change_local_s"][place] = group.local_s
        place = self._cut(state, group, place, group.local_s)
        if there is not None:
            take_place(state.desk.uses[place], there)
        return place

    def _move_others(self, state: EngineState, group: Group, m: int) -> None:
        """Let all services of a session that the request is not about be at its user's new place too."""
        request, session, there = group.requests[m], int(group.answers["place"][m]), group.moved[m]
        if there is None:
            return
        mine = group.ask_place[request["first_ask"] : request["first_ask"] + request["asks"]]
        newest = int(state.desk.sessions["first_service"][session])
        if state.desk.services["life"][newest] != Life.OPEN:  # what the session's next service will be like
            take_place(state.desk.uses[newest], there)
        others = np.setdiff1d(self.open_of(state, np.array([session])), mine)
        before_li = state.desk.services["reserved_li"][others]
        places = np.array([self._cut_now(state, group, int(place), there) for place in others], np.int64)
        self._reserve_anew(state, group, places, before_li)

    def _release_all(self, state: EngineState, group: Group, places: np.ndarray) -> None:
        """Give back what is reserved for some services."""
        li = state.desk.services["reserved_li"][places].copy()
        state.desk.services["reserved_li"][places] = 0
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
        if is_unused(state, np.array([place]))[0]:
            self._begin_later(state, place, change_s)
        else:
            self._close_alone(state, group, np.array([place]))
            use = state.desk.uses[place]
            at_s = int(use["start_at_s"]) + change_s - int(use["start_local_s"])
            place, ended = int(arriving.go_on(state.desk, place, at_s, change_s)), place
            for name in _ANSWER:
                services[name][place] = services[name][ended]
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

    # --- money ---------------------------------------------------------------------------------------------------

    def pay(self, state: EngineState, group: Group, places: np.ndarray, due_li: np.ndarray) -> None:
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
        free_li[has] = free_of(desk.wallets[wallets[has]])
        for i in asking:
            quota, place = quotas[i], int(places[i])
            if desk.user_barred[rows[i]] and bars(desk, int(rows[i]), int(desk.uses["record_type"][place])):
                quota["result"] = Result.END_USER_SERVICE_DENIED
                continue
            granted, is_last, costs_li = int(sizes[i]), 0, int(quoted_li[i] - act_li[i])
            if quoted_li[i] >= NO_PRICE_LI:
                quota["result"] = Result.RATING_FAILED
                continue
            if costs_li > max(free_li[i], 0) or left_li(state, int(rows[i])) < 0:
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
        desk = state.desk
        self._reserve(state, group, place, max(costs_li, 0))
        if quota["measure"] == Measure.OCTETS:
            quota["validity_s"] = self.rules.data_validity_s
            change_s = int(desk.services["change_local_s"][place])
            if change_s <= group.local_s + self.rules.data_validity_s:
                quota["change_at_s"] = change_s - group.local_s + group.now_s

    def _reserve(self, state: EngineState, group: Group, place: int, li: int) -> None:
        """Reserve money for what a service holds; of a user without a wallet it is noted, who may get one."""
        desk, wallet = state.desk, int(state.desk.user_wallet[state.desk.services["row"][place]])
        desk.services["reserved_li"][place] = li
        if wallet >= 0 and li > 0:
            desk.wallets["reserved_li"][wallet] += li
            group.wallets.append(np.array([wallet]))

    def _reserve_anew(self, state: EngineState, group: Group, places: np.ndarray, before_li: np.ndarray) -> None:
        """Reserve what services hold at the prices of records that have just begun; without a price as much as before.

        Their networks use what they were promised, whatever was cut.
        """
        services = state.desk.services
        is_event = state.desk.sessions["kind"][services["session"][places]] == Kind.EVENT
        for i in np.flatnonzero((services["granted"][places] > 0) & ~is_event):
            one = places[i : i + 1]
            self._release_all(state, group, one)
            li = int(self.growing.quote(state, one, services["measure"][one], services["granted"][one])[0][0])
            self._reserve(state, group, int(one[0]), li if li < BLOCKED_LI else int(before_li[i]))

    def less(self, state: EngineState, place: int, measure: int, most: int, free_li: int) -> tuple[int, int, int]:
        """Find what little money buys: size, whether it is the last, and its cost; 0 = nothing (D4.8, CHG-11).

        With nothing left it is what free resources cover.
        """
        purse_li, free_li = left_li(state, int(state.desk.services["row"][place])), max(free_li, 0)
        if measure == Measure.UNITS or purse_li < 0:
            return 0, 0, 0
        places = np.array([place])
        self.growing.undo(state, places)

        def quote(size: int) -> tuple[int, int, int]:
            at_li, rest, short_li = self.growing.quote(state, places, np.array([measure]), np.array([size]))
            return int(at_li[0] - state.desk.services["act_li"][place]), int(rest[0]), int(short_li[0])

        _, used_rest, short_li = quote(0)
        most_rest = used_rest if purse_li == 0 else NO_LIMIT_LI  # beside what it has used
        step = KB if measure == Measure.OCTETS else 1
        small = min(most, self.rules.data_last_slice_bytes) if measure == Measure.OCTETS else most
        if small < most and quote(small)[0] <= free_li:
            found, is_last = small, 0
        else:
            low, high = 0, small // step + 1
            while high - low > 1:
                middle = (low + high) // 2
                costs_li, rest, _ = quote(middle * step)
                low, high = (middle, high) if costs_li <= free_li and rest <= most_rest else (low, middle)
            found, is_last = low * step, 1
            if low == 0 and free_li > short_li:
                found = step  # the last slice may go below zero
        costs_li = max(0, quote(found)[0]) if found else 0
        self.growing.rate(state, places[~is_unused(state, places)])
        return (found, is_last, costs_li) if costs_li < NO_LIMIT_LI // 2 else (0, 0, 0)

    def _remember_answers(self, state: EngineState, places: np.ndarray, quotas: np.ndarray) -> None:
        for name in _ANSWER[1:]:
            state.desk.services[name][places] = quotas[name]

    # --- ends ----------------------------------------------------------------------------------------------------

    def _close(self, state: EngineState, group: Group, places: np.ndarray, rated: Rated) -> None:
        """End records as they were just rated: they become rated detail at the group's position."""
        state.desk.services["life"][places] = Life.CLOSED
        state.desk.services["closed_position"][places] = group.position
        state.desk.services["marks"][places] = 0  # what they did stays
        arriving.leave_users(state.desk, places)
        group.closed.append(
            closed_of(state.directory, state.cycles, state.desk.uses, places, rated, np.arange(len(places)))
        )

    def _close_alone(self, state: EngineState, group: Group, places: np.ndarray) -> None:
        """Rate and end records, whatever their users' other ones are doing."""
        self._release_all(state, group, places)
        for some in one_a_user(who_shares(state, places, state.desk)):
            others = self.undo_all(state, places[some])
            self._rate_and_close(state, group, places[some])
            self.redo(state, group, others)

    def close_sessions(self, state: EngineState, group: Group, sessions: np.ndarray, life: Life) -> None:
        """End sessions with all their services."""
        if not len(sessions):
            return
        found = self.open_of(state, sessions)
        unused = is_unused(state, found)
        self._leave_no_record(state, group, found[unused])
        if life == Life.EXPIRED:  # an event stays open only if it was debited
            events.note_refunded(state, group, found[unused])
        self._close_alone(state, group, found[~unused])
        state.desk.sessions["life"][sessions] = life

    def expire(self, state: EngineState, group: Group, sessions: np.ndarray) -> None:
        """Settle sessions whose network fell silent."""
        if len(sessions):
            group.is_changed = True
            self.close_sessions(state, group, sessions, Life.EXPIRED)
            state.desk.sessions["touched_at_s"][sessions] = group.now_s
            debits.remember(state.duplicates, state.desk.sessions[sessions])
            silent.remember(state.duplicates, state.directory.subscriber_id, state.desk, sessions)
            group.sessions.append(sessions)
            self.note_services(state, group, sessions)

    def forget(self, state: EngineState, group: Group, sessions: np.ndarray) -> None:
        """Empty the places of sessions that ended long ago."""
        if len(sessions):
            group.is_changed = True
            count = arriving.forget_sessions(state.desk, sessions, self.found)
            group.services.append(self.found[:count].copy())
        group.sessions.append(sessions)

    def cut(self, state: EngineState, group: Group, services: np.ndarray, at_local_s: int) -> None:
        """End open records at a local second and go on with new ones; the caller made room for these."""
        group.is_changed = True
        before_li = state.desk.services["reserved_li"][services]
        state.desk.services["change_local_s"][services] = at_local_s
        places = np.array([self._cut(state, group, int(place), at_local_s) for place in services], np.int64)
        self._reserve_anew(state, group, places, before_li)
        sessions = np.unique(state.desk.services["session"][services])
        group.sessions.append(sessions)
        self.note_services(state, group, sessions)
