"""One turn of the online clock: a group of requests in, what changed and what to answer out.

The state is changed first and journalled after it, in one commit; nobody hears an answer before that. If the commit
fails the process must end, and its successor rebuilds the state without the turn. A user has one request a group, and
so has a wallet from its first rare one on: others wait for the next turn.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import polars as pl

from openboss.modules.charging.engine.online import arriving, debits
from openboss.modules.charging.engine.online import desk as places
from openboss.modules.charging.engine.online.black_list import Listed, refuse_listed, those_refused
from openboss.modules.charging.engine.online.closed import joined
from openboss.modules.charging.engine.online.desk import USE, Life, has_open
from openboss.modules.charging.engine.online.group import Group, News, Rules
from openboss.modules.charging.engine.online.images import Changed, Imager
from openboss.modules.charging.engine.online.openings import classified, warm
from openboss.modules.charging.engine.online.requests import ASK, REQUEST
from openboss.modules.charging.engine.online.serving import Server
from openboss.modules.charging.engine.online.usual import Usual
from openboss.modules.charging.engine.rating import users_of
from openboss.modules.charging.engine.state import EngineState
from openboss.modules.charging.numbering import NumberingTables, OperatorClock

_NOBODY = np.zeros(0, np.int64)
CUTS_A_GROUP = 4096  # records cut at the end of a month
SWEPT_A_GROUP = 1024  # sessions settled, and as many forgotten
PLACES_A_SWEEP = 1 << 15  # looked at between two groups of requests: a fraction of a millisecond


@dataclass(frozen=True)
class Moment:
    """When a group is decided: UTC, and the operator's wall clock around it."""

    at: datetime
    clock: OperatorClock

    @property
    def now_s(self) -> int:
        """UTC second."""
        return int(self.at.timestamp())

    @property
    def offset_s(self) -> int:
        """The operator's wall clock less UTC."""
        return int(self.clock.offset_s[self.now_s // 3600 - self.clock.first_hour])

    @property
    def local_s(self) -> int:
        """Second of the operator's wall clock."""
        return self.now_s + self.offset_s


@dataclass(frozen=True)
class Decided:
    """What a turn came to. Requests not `taken` wait for the next one."""

    taken: np.ndarray  # bool[n]
    answers: np.ndarray
    quotas: np.ndarray
    images: bytes  # empty = nothing was changed: repeats and refusals only
    closed: np.ndarray  # CLOSED: records that sessions have ended
    news: list[News]
    listed: Sequence[Listed] = ()  # who was refused for what is on the black list


class Turns:
    """Decides groups of requests on an engine's state. Holds no state of its own but room to work in."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self._server = Server(rules)
        self._usual = Usual(rules, self._server)
        self._imager = Imager()
        self._freed = np.zeros(1 << 16, np.int64)
        self._swept = 0  # places of sessions that the sweep under way has looked at

    def decide(
        self,
        state: EngineState,
        requests: np.ndarray,
        asks: np.ndarray,
        *,
        numbering: NumberingTables,
        moment: Moment,
        position: int,
    ) -> Decided:
        """Change the state by a group of requests; what comes back must be journalled at `position` before all else."""
        self._make_room(state, len(requests), len(asks))
        group = Group.of(requests, asks, moment.now_s, moment.local_s, position)
        fresh, fresh_at, group.moved = classified(state, requests, numbering, moment.now_s, moment.clock)
        before = debits.results_before(state.duplicates, requests, moment.now_s)
        fresh_at[before != debits.NOT_AGAIN] = -1
        listed = refuse_listed(state.black_list, requests, asks, fresh, fresh_at, moment.now_s)
        if group.moved:
            cut = len(group.moved) * arriving.SERVICES_A_SESSION
            state.desk = places.with_places(state.desk, len(requests) + 1, len(requests) + 3 * len(asks) + cut + 1)
        group.answers["place"] = -1
        self._freed[0] = 0
        self._usual.serve(state, group, fresh, fresh_at, self._freed)
        rare = group.became == arriving.GOES_ON
        if rare.any():
            self._server.serve(state, group)
            group.sessions.append(group.answers["place"][rare].astype(np.int64))
        taken = group.became != arriving.LATER
        debits.answer_again(np.where(taken, before, debits.NOT_AGAIN), requests, asks, group.answers, group.quotas)
        decided = self._written(state, group, taken)
        return replace(decided, listed=those_refused(listed, decided.taken, decided.answers)) if listed else decided

    def sweep(
        self, state: EngineState, *, moment: Moment, position: int, heard_from_s: int = 0
    ) -> tuple[Decided | None, bool]:
        """Settle sessions whose network fell silent, forget ended ones; None if nothing is to be done.

        heard_from_s  the UTC second from which on networks can be heard: silence before it is not theirs

        It looks at some places at a time, and settles at most SWEPT_A_GROUP: it says whether others are left.
        """
        silent, old = np.zeros(SWEPT_A_GROUP, np.int64), np.zeros(SWEPT_A_GROUP, np.int64)
        last = min(self._swept + PLACES_A_SWEEP, len(state.desk.sessions))
        some, many, reached = arriving.sweep(
            state.desk, self._swept, last, moment.now_s, heard_from_s, self.rules.remembered_s, self.rules.settled_s,
            silent, old,
        )  # fmt: skip
        self._swept = reached if reached < len(state.desk.sessions) else 0
        if some + many == 0:
            return None, self._swept > 0
        self._make_room(state, 0, 1)
        group = Group.of(np.zeros(0, REQUEST), _NOBODY, moment.now_s, moment.local_s, position)
        self._freed[0] = 0
        self._server.expire(state, group, silent[:some])
        self._server.forget(state, group, old[:many])
        return self._written(state, group, np.zeros(0, np.bool_)), self._swept > 0

    def cut(self, state: EngineState, at_local_s: int, *, position: int) -> Decided | None:
        """End open records that began before a local second, and go on with new ones from there (FREEZE).

        At most CUTS_A_GROUP at a time; None if there is none left.
        """
        services, started_s = state.desk.services, state.desk.uses["start_local_s"]
        found = np.flatnonzero((services["life"] == Life.OPEN) & (started_s < at_local_s))[:CUTS_A_GROUP]
        if not len(found):
            return None
        self._make_room(state, 0, len(found))
        group = Group.of(np.zeros(0, REQUEST), _NOBODY, 0, at_local_s, position)
        self._freed[0] = 0
        self._server.cut(state, group, found, at_local_s)
        return self._written(state, group, np.zeros(0, np.bool_))

    @contextmanager
    def set_aside(self, state: EngineState, usage: pl.DataFrame, news: list[News]) -> Iterator[None]:
        """Let records of files be rated as if the open ones of their users had not begun, and these again after them.

        usage  the records (schema NORMALISED);  news  takes what business must hear of wallets
        """
        if not has_open(state.desk):
            yield
            return
        self._make_room(state, 0, 1)
        places = self._server.open_of_users(state, users_of(state, usage))
        self._server.growing.undo(state, places)
        yield
        self._make_room(state, 0, 1)
        group = Group.of(np.zeros(0, REQUEST), _NOBODY, 0, 0, 0)
        self._server.redo(state, group, places)
        news += group.news

    def warm(self, state: EngineState, moment: Moment, numbering: NumberingTables) -> Decided:
        """Have the compiled code ready: decide nothing, once, and write down nothing."""
        self._make_room(state, 1, 1)
        self._server.warm(state)
        nobody = Group.of(np.zeros(0, REQUEST), np.zeros(0, ASK), moment.now_s, moment.local_s, 0)
        self._freed[0] = 0
        self._usual.serve(state, nobody, np.zeros(0, USE), _NOBODY.copy(), self._freed)
        warm(state, numbering, moment.clock)
        debits.warm()
        nobody.is_changed = True
        return self._written(state, nobody, np.zeros(0, np.bool_))

    def _written(self, state: EngineState, group: Group, taken: np.ndarray) -> Decided:
        closed = group.closed[0] if len(group.closed) == 1 else joined(group.closed)
        if not group.is_changed:
            return Decided(taken, group.answers, group.quotas, b"", closed, [])
        growing = self._server.growing
        changed = Changed(
            sessions=_one_after_another(group.sessions),
            services=_one_after_another([*group.services, self._freed[1 : self._freed[0] + 1]]),
            wallets=_one_after_another(group.wallets),
            touched=growing.touched[: growing.touched_count[0]],
            closed=closed,
        )
        images = self._imager.write(state.desk, state.lanes, changed)
        return Decided(taken, group.answers, group.quotas, images, closed, group.news)

    def _make_room(self, state: EngineState, requests: int, asks: int) -> None:
        state.desk = places.with_users(state.desk, state.used["rows"])
        state.desk = places.with_places(state.desk, requests + 1, requests + 3 * asks + 1)
        self._server.make_room(state)


def _one_after_another(parts: list[np.ndarray]) -> np.ndarray:
    """Join lists of places, most often one or none."""
    some = [part for part in parts if len(part)]
    return some[0] if len(some) == 1 else np.concatenate([_NOBODY, *some])
