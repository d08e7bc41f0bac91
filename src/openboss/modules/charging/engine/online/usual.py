"""A group's usual requests, carried out by swift.py; what is rare is left to serving.py."""

import numpy as np

from openboss.kernel.direct import direct
from openboss.kernel.records import rate_records
from openboss.kernel.trace import NO_TRACE
from openboss.modules.charging.engine.online import swift
from openboss.modules.charging.engine.online.closed import closed_of
from openboss.modules.charging.engine.online.group import Group, News, Rules
from openboss.modules.charging.engine.online.requests import Result
from openboss.modules.charging.engine.online.serving import NO_LIMIT_LI, Server
from openboss.modules.charging.engine.online.swift import Choices, Steps
from openboss.modules.charging.engine.rating import empty_rated, usage_for
from openboss.modules.charging.engine.state import EngineState

_begin, _pay_and_grant, _end, _lacks_room, _rate_records = (
    direct(step) for step in (swift.begin, swift.pay_and_grant, swift.end, swift.lacks_room, rate_records)
)
ROOM = 4096  # steps there is room for from the beginning


class Usual:
    """Carries out usual requests on an engine's state. Holds room to work in."""

    def __init__(self, rules: Rules, server: Server) -> None:
        self.rules, self.server = rules, server
        self._choices = _choices_of(rules)
        self._make_room(ROOM)

    def _make_room(self, steps: int) -> None:
        self.room = steps
        self.steps: Steps = swift.room_for(steps)
        self.usage, self.rated = usage_for(steps), empty_rated(steps)
        self.quoted_usage, self.quoted = usage_for(steps), empty_rated(steps)
        self.sessions = np.zeros(steps, np.int64)

    def serve(self, state: EngineState, group: Group) -> None:
        """Carry out the usual ones among the requests that go on."""
        if len(group.requests) > self.room:
            self._make_room(2 * len(group.requests))
        assert state.tables is not None
        steps, growing, choices, lanes = self.steps, self.server.growing, self._choices, tuple(state.lanes)
        steps.moment[:] = group.now_s, group.local_s, group.position
        growing.make_room(3 * len(group.requests))
        _begin(
            state.desk, state.directory, lanes, state.cycles, state.tables, group.requests, group.asks,
            group.became, group.ask_place, choices, steps, self.usage, self.rated, self.quoted_usage, self.quoted,
            growing.touched, growing.touched_count,
        )  # fmt: skip
        count = int(steps.counts[swift.STEPS])
        if not count:
            return
        group.is_changed = True
        if _lacks_room(lanes, state.tables.counter_room, steps):
            state.make_room(steps.lane_records.tolist())  # also for what is only priced: else it would be left out
            lanes = tuple(state.lanes)
        _rate_records(
            state.tables, state.directory, lanes, state.cycles, self.quoted_usage, self.quoted,
            steps.quoting[: steps.counts[swift.QUOTING]], NO_TRACE, 0,
        )  # fmt: skip
        rating = int(steps.counts[swift.RATING])
        growing.rate_laid_out(state, self.usage, self.rated, steps.rating[:rating], steps.rating_place[:rating])
        _pay_and_grant(state.desk, group.requests, choices, steps, self.rated, self.quoted, group.quotas)
        for k in steps.short[: steps.counts[swift.SHORT]]:
            self._grant_less(state, group, int(k))
        noted = _end(
            state.desk, tuple(state.lanes), group.requests, group.answers, group.quotas, choices, steps,
            growing.touched, growing.touched_count, self.sessions, self.server.found,
        )  # fmt: skip
        group.sessions.append(self.sessions[:count].copy())
        group.services.append(self.server.found[:noted].copy())
        group.wallets.append(steps.wallet[: steps.counts[swift.WALLETS]].copy())
        group.news += [News(swift.NEWS[kind], account, li) for kind, account, li in self._told()]
        if len(closed := steps.closed[: steps.counts[swift.CLOSED]]):
            places = steps.place[closed]
            group.closed.append(closed_of(state.directory, state.cycles, state.desk.uses, places, self.rated, closed))

    def _told(self) -> list[list[int]]:
        found: list[list[int]] = self.steps.news[: self.steps.counts[swift.NEWS_TOLD]].tolist()
        return found

    def _grant_less(self, state: EngineState, group: Group, k: int) -> None:
        """Grant what little money buys, if anything."""
        desk, place = state.desk, int(self.steps.place[k])
        quota = group.quotas[group.requests["first_ask"][self.steps.request[k]]]
        number, free_li = int(desk.user_wallet[desk.services["row"][place]]), NO_LIMIT_LI
        if number >= 0:
            wallet = desk.wallets[number]
            free_li = int(wallet["balance_li"] + wallet["limit_li"] - wallet["reserved_li"] - wallet["held_li"])
        measure = int(swift.measure_of(desk.uses["record_type"][place]))
        granted, is_last, costs_li = self.server.less(state, place, measure, int(self.steps.size[k]), free_li)
        if granted == 0:
            quota["result"] = Result.CREDIT_LIMIT_REACHED
            return
        self.server.put_quota(state, group, place, quota, (measure, granted, is_last, max(costs_li, 0)))


def _choices_of(rules: Rules) -> Choices:
    return Choices(
        time_slice_s=rules.time_slice_s,
        access_slice_s=rules.access_slice_s,
        data_slice_bytes=rules.data_slice_bytes,
        data_validity_s=rules.data_validity_s,
        slices_of_silence=rules.slices_of_silence,
        low_li=rules.low_li,
        lower_li=rules.lower_li,
    )
