"""Sessions drawn at random over a market: cut into slices, side by side, sent again, with crashes in between.

`Play` is the network: it keeps its own books of what was used, apart from the engine's. What the engine must come to is
what these books say, rated once as usage files are (test_online_equality).
"""

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from openboss.kernel.usage import RecordType
from openboss.modules.charging.engine.online import orders
from openboss.modules.charging.engine.online.closed import CLOSED
from openboss.modules.charging.engine.online.desk import Life
from openboss.modules.charging.engine.online.group import Rules
from openboss.modules.charging.engine.online.images import Changed, Imager, Images
from openboss.modules.charging.engine.online.requests import Kind, Result, empty_requests
from openboss.modules.charging.engine.online.turns import Decided, Moment, Turns
from openboss.modules.charging.engine.rating import detail_of_closed
from openboss.modules.charging.engine.snapshots import load_snapshot, save_snapshot
from openboss.modules.charging.engine.state import EngineState
from openboss.modules.charging.normalise import operator_clock
from openboss.modules.charging.numbering import ZEROS, build_numbering
from openboss.processes.quote.events import columns_of
from openboss.processes.quote.parties import EPOCH
from openboss.processes.warm_up import _numbering_frames

PLENTY_LI = 10**12
SILENCE_S = 5000
PLAN = _numbering_frames()
PLAN["number_prefixes"] = PLAN["number_prefixes"].with_columns(pl.col("prefix").str.replace("^139", "135"))
NUMBERING = build_numbering(PLAN)  # of the numbers that users of a quote are given
CLOCK = operator_clock("Asia/Shanghai", int(datetime(2026, 11, 15, tzinfo=UTC).timestamp()))
VOICE = ("MOC", "MTC")


@dataclass
class Session:
    """One session as its network knows it. `parts`: what was used, by the local second its record begins."""

    number: int
    event: dict[str, Any]
    columns: dict[str, int]
    at_s: int
    step: int = 0
    asks: int = 1
    parts: dict[tuple[int, int], int] = field(default_factory=dict)  # ask, start of record: used
    starts: dict[int, int] = field(default_factory=dict)  # ask: start of its running record
    change_s: dict[int, int] = field(default_factory=dict)  # ask: when the engine says that other prices begin
    last: Any = None  # request, asks, answer and quotas of the last request


class Play:
    """One play of a market."""

    def __init__(self, opened: Any, seed: int, folder: Path, *, crashes: bool = True) -> None:
        self.dice, self.folder, self.parties = random.Random(seed), folder, opened.parties
        self.state: EngineState = opened.state
        self.tables = opened.state.tables
        self.crashes, self.position, self.saves = crashes, 0, 0
        self.turns = Turns(Rules(slices_of_silence=1))
        self.detail: list[pl.DataFrame] = []
        self.sessions: list[Session] = []
        users = [self.parties.ids[name] for name in self.parties.ids]
        wallets = [
            {"account_id": 1, "balance_li": PLENTY_LI, "subscriber_ids": users[:2]},
            {"account_id": 2, "balance_li": PLENTY_LI, "subscriber_ids": users[2:]},
        ]
        orders.carry_out(self.state, "WALLETS", {"wallets": wallets})
        self._save()

    # --- crashes -----------------------------------------------------------------------------------------------------

    def _save(self) -> None:
        self.saves += 1
        save_snapshot(self.state, self.folder / str(self.saves), self.position)
        self.journal: list[bytes] = []

    def _crash(self) -> None:
        """Another process takes over: from the snapshot, and what was journalled behind it."""
        before = self.state.digest()
        self.state = load_snapshot(self.folder / str(self.saves))
        self.state.tables = self.tables
        for images in self.journal:
            self.state.apply_images(Images(images))
        self.state.settle_desk()
        assert self.state.digest() == before
        self.turns = Turns(self.turns.rules)

    def _keep(self, decided: Decided | None) -> None:
        if decided is None or not decided.images:
            return
        self.position += 1
        self.journal.append(decided.images)
        if len(decided.closed):
            self.detail.append(detail_of_closed([(self.position, decided.closed)]))
        if self.crashes and self.dice.random() < 0.04:
            self._crash()
        elif self.crashes and self.dice.random() < 0.02:
            self._save()

    # --- requests ----------------------------------------------------------------------------------------------------

    def begin(self, event: dict[str, Any]) -> Session:
        """A session begins, with one or more services."""
        columns = columns_of(event, self.parties, "event")
        asks = self.dice.choice([1, 1, 1, 2, 3]) if event["record"] == "DATA" else 1
        session = Session(len(self.sessions) + 1, event, columns, columns["start_local_s"], asks=asks)
        self.sessions.append(session)
        self._send([(session, Kind.INITIAL, {})], session.at_s)
        for place in self._places(session):  # classified as the market draws it, which a plan of one city cannot say
            for name, value in columns.items():
                if name not in ("served_number", "duration_s", "up_bytes", "down_bytes", "message_count"):
                    if name == "rating_group":
                        value = max(int(self.state.desk.services["rating_group"][place]), 0)
                    self.state.desk.uses[name][place] = value
        session.starts = dict.fromkeys(range(asks), session.at_s)
        mine = self._places(session)
        changed = Changed(self.state.desk.services["session"][mine], mine, mine[:0], np.zeros((0, 5), np.int64),
                          np.zeros(0, CLOSED))  # fmt: skip
        self.journal.append(Imager().write(self.state.desk, self.state.lanes, changed))
        return session

    def _places(self, session: Session) -> np.ndarray:
        services = self.state.desk.services
        mine = np.flatnonzero(self.state.desk.sessions["key_hi"] == session.number)
        return np.flatnonzero((services["life"] == Life.OPEN) & np.isin(services["session"], mine))

    def use(self, session: Session, at_s: int, used: list[int], *, ends: bool = False) -> tuple[Any, ...]:
        """A session has used something until a moment; the network splits it where it was told to."""
        reported: dict[int, tuple[int, int]] = {}
        for ask, count in enumerate(used):
            before = count
            if session.change_s.get(ask) and session.change_s[ask] <= at_s:
                before = self.dice.randrange(count + 1)
                self._book(session, ask, before)
                session.starts[ask] = session.change_s.pop(ask)
                self._book(session, ask, count - before)
            else:
                self._book(session, ask, count)
            reported[ask] = (before, count - before)
        session.at_s, session.step = at_s, session.step + 1
        return session, Kind.TERMINATION if ends else Kind.UPDATE, reported

    def _book(self, session: Session, ask: int, used: int) -> None:
        key = (ask, session.starts[ask])
        session.parts[key] = session.parts.get(key, 0) + used

    def _send(self, wanted: list[tuple[Any, ...]], at_s: int) -> None:
        """Send requests of some sessions as one group; those left for later come again with the next one."""
        requests, asks = empty_requests(len(wanted))[0], empty_requests(sum(one[0].asks for one in wanted))[1]
        first = 0
        for place, (session, kind, used) in enumerate(wanted):
            self._write(requests[place], asks, first, session, kind, used)
            first += session.asks
        moment = Moment(datetime.fromtimestamp(at_s - 28_800, UTC), CLOCK)
        left = np.arange(len(wanted))
        while len(left):
            decided = self.turns.decide(self.state, requests[left], asks, numbering=NUMBERING, moment=moment,
                                        position=self.position + 1)  # fmt: skip
            for place in np.flatnonzero(decided.taken):
                self._heard(wanted[left[place]], requests[left[place]], asks, decided, int(place), at_s)
            self._keep(decided)
            left = left[~decided.taken]

    def _write(self, request: Any, asks: Any, first: int, session: Session, kind: Kind, used: dict[int, Any]) -> None:
        record = RecordType[session.event["record"]]
        request["key_hi"], request["key_lo"] = session.number, 77
        request["served"], request["other"] = 2 * ZEROS + session.columns["served_number"], 2 * ZEROS + 8613500000009
        request["call_ref"], request["kind"], request["number"] = session.number, kind, session.step
        request["record_type"], request["first_ask"], request["asks"] = record, first, session.asks
        names = {"SMS_MO": ("used_units", "after_units"), "DATA": ("used_up", "after_up")}
        before_as, after_as = names.get(session.event["record"], ("used_s", "after_s"))
        for ask in range(session.asks):
            one = asks[first + ask]
            one["rating_group"] = ask + 1 if session.event["record"] == "DATA" else -1
            one["is_asking"] = kind != Kind.TERMINATION
            if ask in used:
                one[before_as], one[after_as] = used[ask]

    def _heard(self, sent: tuple[Any, ...], request: Any, asks: Any, decided: Decided, place: int, at_s: int) -> None:
        session = sent[0]
        answer, first = decided.answers[place], int(request["first_ask"])
        quotas = decided.quotas[first : first + session.asks]
        assert answer["result"] in (Result.SUCCESS, Result.RATING_FAILED), answer
        for ask, quota in enumerate(quotas):
            if quota["change_at_s"]:
                session.change_s[ask] = int(quota["change_at_s"]) + 28_800
        session.last = (request.copy(), asks[first : first + session.asks].copy(), answer.copy(), quotas.copy(), at_s)

    def again(self, session: Session) -> None:
        """The network did not hear the answer and sends the request again: it hears the same, nothing changes."""
        request, asks, answer, quotas, at_s = session.last
        requests = np.array([request])
        requests["first_ask"] = 0
        moment = Moment(datetime.fromtimestamp(at_s - 28_800 + 5, UTC), CLOCK)
        decided = self.turns.decide(self.state, requests, asks, numbering=NUMBERING, moment=moment,
                                    position=self.position + 1)  # fmt: skip
        assert decided.images == b""
        assert (decided.answers[0]["result"], list(decided.quotas)) == (answer["result"], list(quotas))

    def sweep(self, at_s: int) -> None:
        """Time passes."""
        moment = Moment(datetime.fromtimestamp(at_s - 28_800, UTC), CLOCK)
        decided, _more_waits = self.turns.sweep(self.state, moment=moment, position=self.position + 1)
        self._keep(decided)

    # --- a whole play ------------------------------------------------------------------------------------------------

    def run(self, events: list[dict[str, Any]]) -> None:
        """Play sessions that begin as the events say, each in slices, side by side, until all have ended."""
        steps: list[tuple[int, int]] = []  # when, which session: -1 - event, or its place
        steps = sorted((int((datetime.fromisoformat(e["at"]) - EPOCH).total_seconds()), -1 - n)
                       for n, e in enumerate(events))  # fmt: skip
        left: dict[int, int] = {}
        while steps:
            at_s, what = steps.pop(0)
            if what < 0:
                event = events[-1 - what]
                session = self.begin(event)
                if not self._places(session).size:
                    continue  # refused: it has no price
                place, left[session.number - 1] = session.number - 1, self.dice.randrange(1, 7)
                self._next(steps, at_s, place)
                continue
            group = [what]
            while steps and steps[0][1] >= 0 and len(group) < 4 and self.dice.random() < 0.5:
                group.append(steps.pop(0)[1])
            wanted = []
            for place in dict.fromkeys(group):
                session = self.sessions[place]
                left[place] -= 1
                ends = left[place] == 0 and self.dice.random() < 0.85
                wanted.append(self.use(session, max(at_s, session.at_s), self._used(session), ends=ends))
                if left[place] > 0:
                    self._next(steps, at_s, place)
            self._send(wanted, at_s)
            if self.dice.random() < 0.3:
                self.again(self.sessions[self.dice.choice(group)])
        self.sweep(max(session.at_s for session in self.sessions) + SILENCE_S)

    def _next(self, steps: list[tuple[int, int]], at_s: int, place: int) -> None:
        steps.append((at_s + self.dice.randrange(20, 1500), place))
        steps.sort()

    def _used(self, session: Session) -> list[int]:
        most = {"SMS_MO": 2, "DATA": 700_000}.get(session.event["record"], 700)
        return [self.dice.choice([0, 1, self.dice.randrange(most + 1)]) for _ in range(session.asks)]
