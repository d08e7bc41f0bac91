"""A group's requests arrive, and the usual ones are carried out by swift.py; what is rare is left to serving.py."""

import numpy as np

from openboss.kernel.direct import direct
from openboss.kernel.state import LANES
from openboss.kernel.trace import NO_TRACE
from openboss.modules.charging.engine.online import paying, swift
from openboss.modules.charging.engine.online.closed import closed_of
from openboss.modules.charging.engine.online.group import Group, News, Rules
from openboss.modules.charging.engine.online.growing import TooMuchTouched
from openboss.modules.charging.engine.online.paying import Choices
from openboss.modules.charging.engine.online.serving import Server
from openboss.modules.charging.engine.rating import empty_rated, usage_for
from openboss.modules.charging.engine.state import COUNTER_STEP, EngineState

ROOM = 4096  # asks there is room for from the beginning, and requests carried out before their lists are emptied
MOST_SERVICES = 8  # that a usual request may name, and its user may have open
RATINGS = 4096  # more than one request can need, with all its quotes

_serve = direct(swift.serve)


class Usual:
    """Carries out usual requests on an engine's state. Holds room to work in."""

    def __init__(self, rules: Rules, server: Server, most_services: int = MOST_SERVICES) -> None:
        self.server = server
        self._choices = _choices_of(rules, most_services)
        self._work = paying.room_for(ROOM, MOST_SERVICES + 1)
        self._busy, self._busy_wallets = np.zeros(0, np.uint8), np.zeros(0, np.uint8)
        self._make_room(ROOM)

    def _make_room(self, asks: int) -> None:
        self._room = asks
        self._usage, self._rated = usage_for(asks + 1), empty_rated(asks + 1)

    def serve(
        self, state: EngineState, group: Group, fresh: np.ndarray, fresh_at: np.ndarray, freed: np.ndarray
    ) -> None:
        """Let a group's requests arrive; carry out the usual ones among those that go on.

        fresh  the requests that may open a session, classified;  fresh_at  which is whose;  freed  places emptied
        """
        if len(group.asks) > self._room:
            self._make_room(2 * len(group.asks))
        if len(self._busy) < len(state.desk.user_wallet) or len(self._busy_wallets) <= len(state.desk.wallets):
            self._busy = np.zeros(len(state.desk.user_wallet), np.uint8)
            self._busy_wallets = np.zeros(len(state.desk.wallets) + 1, np.uint8)
        assert state.tables is not None
        work, growing, reached, count = self._work, self.server.growing, 0, len(group.requests)
        work.moment[:] = group.now_s, group.local_s, group.position
        work.counts[:], work.waits[0] = 0, 0
        is_moved = np.zeros(count, np.uint8)
        is_moved[list(group.moved)] = 1
        while True:
            reached = _serve(
                state.desk, state.directory, tuple(state.lanes), state.cycles, state.tables, group.requests,
                group.asks, fresh, fresh_at, is_moved, group.answers, group.quotas, group.became, group.ask_place,
                self._busy, self._busy_wallets, freed, self._choices, work, growing.beside, self._usage, self._rated,
                NO_TRACE, growing.touched, growing.touched_count, reached,
            )  # fmt: skip
            self._empty_lists(state, group)
            if reached == count:
                return
            growing.make_room(RATINGS)
            state.make_room([COUNTER_STEP] * LANES)

    def _empty_lists(self, state: EngineState, group: Group) -> None:
        """Take over what was noted."""
        work = self._work
        served, sessions, services, wallets, closed, news, failed = work.counts.tolist()
        if failed:
            raise TooMuchTouched(str(work.sessions[:sessions]))
        if not served:
            return
        group.is_changed = True
        group.sessions.append(work.sessions[:sessions].copy())
        group.services.append(work.services[:services].copy())
        group.wallets.append(work.wallets[:wallets].copy())
        if news:
            group.news += [News(paying.NEWS[kind], account, li) for kind, account, li in work.news[:news].tolist()]
        if closed:
            places, asks = work.closed_place[:closed], work.closed[:closed]
            group.closed.append(closed_of(state.directory, state.cycles, state.desk.uses, places, self._rated, asks))
        work.counts[:] = 0


def _choices_of(rules: Rules, most_services: int) -> Choices:
    return Choices(
        time_slice_s=rules.time_slice_s,
        access_slice_s=rules.access_slice_s,
        data_slice_bytes=rules.data_slice_bytes,
        data_last_slice_bytes=rules.data_last_slice_bytes,
        data_validity_s=rules.data_validity_s,
        slices_of_silence=rules.slices_of_silence,
        low_li=rules.low_li,
        lower_li=rules.lower_li,
        most_services=most_services,
    )
