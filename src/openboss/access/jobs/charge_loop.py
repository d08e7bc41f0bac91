"""The charging engine's process: one thread that serves networks, takes commands and usage, and keeps the state safe.

Requests of networks come first: between two looks at what waits in the database the sockets are served. While groups
of them are on their way to the journal the next ones are decided; the socket of the journal's line says when they are
there, and then they are answered. Whatever fails ends the process before anything wrong is answered; its successor
rebuilds the state.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from datetime import datetime
from typing import Any

import numpy as np
import structlog
import uvloop

from openboss.access.jobs import clock
from openboss.access.jobs.gateway_register import GatewayRegister
from openboss.access.jobs.installation import one_connection
from openboss.access.jobs.online_doors import OnlineDoors
from openboss.access.network.admission import Admission
from openboss.access.network.diameter import avps, session_names
from openboss.access.network.diameter.door import open_doors
from openboss.access.network.diameter.node import Node, Places
from openboss.access.network.diameter.peers import Identity
from openboss.config.options import options
from openboss.modules.charging.engine.online.arriving import bars
from openboss.modules.charging.engine.online.black_list import Handsets, Listed, running_with_listed
from openboss.modules.charging.engine.online.desk import Desk, Life, has_open
from openboss.modules.charging.engine.online.finding import serves_data
from openboss.modules.charging.engine.online.requests import Kind
from openboss.modules.charging.engine.online.steps import Steps
from openboss.modules.charging.engine.online.turns import Decided, Moment
from openboss.modules.charging.engine.online.unknown import let_settle
from openboss.modules.charging.engine.online.watch import Lost, Watch, lost_use
from openboss.modules.charging.engine.owner import INPUTS_A_SNAPSHOT, Owner
from openboss.modules.charging.functions.black_list import tell_of_refused
from openboss.modules.charging.functions.heavy_use import tell_of_heavy_use
from openboss.modules.charging.functions.peers import PeerProof, peers_with_proofs
from openboss.modules.charging.normalise import operator_clock
from openboss.modules.charging.numbering import NumberingTables, OperatorClock
from openboss.modules.system.keys import NotDecryptable, UnknownKeyVersion, key_for
from openboss.processes.rate_usage import current_numbering
from openboss.processes.watch_use import lines_li

LOOK_S = 0.05  # how soon a command or a chunk is seen
SWEEP_S = 1.0
AWAY_S = 5  # a look that comes so late finds networks as unheard as a start does
COUNT_S = 1.0  # how soon the board shows what doors have counted, and staff hear whom the black list has refused
MOST_REFUSED = 200  # in that time: networks wait meanwhile, and more of them are no news
MOST_NAMED = 200  # in that time, of those whose use was lost: looking for one takes time, and all are counted
KEEP_S = 1.0  # how soon where networks want to be told of sessions is on its way to the database
LINES_S = 60.0  # how soon another line of it counts
PEERS_S = 2.0  # how soon a change of who may ask is seen
FLUSH_S = 5.0  # how long rated detail of sessions waits for the lake
SNAPSHOT_AFTER_IDLE_S = 30.0
POSITIONS_A_SNAPSHOT = 25_000  # a start does them again: two seconds of it
USE_UNKNOWN = "use unknown"  # a cause on the board
HOUR_S = 3600
PIECE_ROWS = 1000  # of usage rated between two groups of requests: two or three milliseconds
CALM_PIECE_ROWS = 10_000  # of usage rated at a time while sessions are open that say nothing: business may reach them
GIVES_WAY_S = 0.0003  # how long work in the background keeps the interpreter when the loop wants it
CALM_S = 5.0  # without a request: then usage is rated in larger pieces, without open sessions a chunk at a time

log = structlog.get_logger("charge")


class ChargeLoop:
    """An engine at work until it is told to stop, or fails."""

    def __init__(self, owner: Owner, stopping: threading.Event) -> None:
        self.owner, self.stopping = owner, stopping
        self.watch = Watch(self._picture, session_names.key_of, Steps(self._whence))
        self._ahead: deque[tuple[int, float]] = deque()  # decided and not yet safe: requests, since when
        self.currency = options().currency
        self.admission = Admission(now_s=self._now_s, trial_key=key_for("trial").hex())
        self._listed: list[PeerProof] = []
        self._listed_at_s = 0.0
        self.fault: BaseException | None = None
        self._numbering: NumberingTables | None = None
        self._clock: OperatorClock | None = None
        self._clock_hour = -1
        self._idle_s = 0.0
        self._inputs_to_flush = self._inputs_to_save = 0
        self._flushed_at_s = 0.0
        self._served_at_s = -CALM_S
        self._swept_at_s = self._kept_at_s = self._counted_at_s = 0.0
        self._looked_at_s = self._heard_from_s = 0  # by the clock on the wall
        self._lines_at_s = -LINES_S
        self._is_warm = False
        self._handsets, self._list_changes = Handsets(), -1
        self._ending: list[int] = []  # places of sessions that go on with what is on the black list
        self._refused = deque[Listed](maxlen=MOST_REFUSED)  # for what is on the black list, not told of yet
        self._lost = Counter[tuple[str, str]]()  # what was reported of sessions nobody knows, since the start
        self._named = 0  # of those, since the board was last told
        self._unknown: list[str] = []  # sessions that their networks know no more
        self._use_connection = one_connection()
        self._promised: deque[tuple[int, Callable[[], None]]] = deque()  # by position: what follows its commit

    # --- for the listener ----------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Be ready for the first request of a network."""
        self._use_connection()
        self._numbering = current_numbering()
        if not self._is_warm and self.owner.state.tables is not None:
            moment = self.moment()
            nobody = self.owner.warm(moment, self._numbering)
            self.watch.warm(self.owner.state, nobody, at_s=moment.now_s)
            self._is_warm = True

    def decide(self, requests: np.ndarray, asks: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Decide a group of requests; `when_safe` says when it may be answered."""
        if self.fault is not None:
            raise self.fault
        if not self._is_warm:
            self.prepare()
        assert self._numbering is not None
        self._use_connection()
        self._idle_s, self._served_at_s = 0.0, self.loop.time()
        moment, begun_s = self.moment(), time.perf_counter()
        self.watch.steps.look(self.owner.state)
        decided = self.owner.decide(requests, asks, numbering=self._numbering, moment=moment)
        self.watch.steps.note(
            self.owner.state, requests, asks, decided, at_s=moment.now_s, position=self.owner.position
        )
        self._heed_black_list(requests, decided, moment.now_s)
        self._note_lost(lost_use(requests, asks, decided))
        self._ahead.append((len(requests), begun_s))
        self.owner.commits.send(self.owner.ownership)
        self.when_safe(lambda: self._note_safe(requests, decided, moment.now_s))
        return decided.taken, decided.answers, decided.quotas

    def _note_safe(self, requests: np.ndarray, decided: Decided, at_s: int) -> None:
        """A group is in the journal: groups become safe in the order they were decided in."""
        _requests, begun_s = self._ahead.popleft()
        self.watch.note(requests, decided, at_s=at_s, took_s=time.perf_counter() - begun_s)

    def _note_lost(self, lost: list[Lost]) -> None:
        """Count use that is reported of sessions nobody knows, and name some; RADIUS opens them and reports again."""
        for one in lost:
            whence = self.doors.whence(one.key_hi, one.key_lo)
            interface = whence["interface"] if whence else "DIAMETER"
            if interface == "RADIUS":
                continue
            self._lost[interface, USE_UNKNOWN] += 1
            if self._named < MOST_NAMED:
                self._named += 1
                whence = whence or self.node.whence(one.key_hi, one.key_lo) or {}
                log.warning("use of an unknown session is not charged", **whence, **one._asdict())

    def let_settle(self, keys: list[str]) -> None:
        """Settle sessions with the next looks that their networks know no more."""
        self._unknown += keys

    def when_safe(self, answer: Callable[[], None]) -> None:
        """Have this done when everything decided so far is committed, or now if it is."""
        self._promised.append((self.owner.position, answer))
        self._answer_safe()

    def requests_ahead(self) -> int:
        """How many requests were decided and are not committed yet."""
        return self.owner.commits.requests_ahead

    def serves_data(self, key: str) -> bool:
        """Whether the session of a name is known, and of data."""
        return serves_data(self.owner.state.desk, key)

    def _on_commit(self) -> None:
        """The journal's line has something to say: send what was decided meanwhile, answer what is safe."""
        try:
            if self.owner.commits.look():
                self.owner.commits.send(self.owner.ownership)
                self._keep_promises()
        except BaseException as fault:  # noqa: BLE001 - the edge: whatever it is, the process must end unanswered
            self._fail(fault)

    def _keep_promises(self) -> None:
        """Answer what is safe by now; then what waited for it may be decided."""
        try:
            self._answer_safe()
        except BaseException as fault:  # noqa: BLE001 - the edge: whatever it is, the process must end
            self._fail(fault)
        self.node.go_on()
        self.doors.go_on()

    def _answer_safe(self) -> None:
        unsafe = self.owner.commits.oldest
        while self.fault is None and self._promised and (unsafe is None or self._promised[0][0] < unsafe):
            self._promised.popleft()[1]()

    def moment(self) -> Moment:
        """Now."""
        at = clock.now()
        hour = int(at.timestamp()) // HOUR_S
        if self._clock is None or hour != self._clock_hour:
            self._clock, self._clock_hour = operator_clock(options().timezone, hour * HOUR_S), hour
        return Moment(at, self._clock)

    def _picture(self) -> dict[str, Any]:
        """Who asks, and how far what was decided is ahead of the journal; another thread asks."""
        ahead = list(self._ahead)
        oldest_us = round((time.perf_counter() - ahead[0][1]) * 1e6) if ahead else 0
        return {
            "peers": self.node.connected(),
            **self.admission.picture(),
            "ahead": {"groups": len(ahead), "requests": sum(count for count, _ in ahead), "oldest_us": oldest_us},
        }

    def _whence(self, key_hi: int, key_lo: int) -> dict[str, str] | None:
        return self.node.whence(key_hi, key_lo) or self.doors.whence(key_hi, key_lo)

    def _read_peers(self) -> bool:
        """Go by the list of peers as it stands now; say whether it has changed."""
        try:
            listed = peers_with_proofs()
        except (UnknownKeyVersion, NotDecryptable) as unreadable:  # keys were changed, or the key file is another
            log.warning("secrets of access servers cannot be read: the list stays as it was", why=str(unreadable))
            return False
        if listed == self._listed:
            return False
        self._listed = listed
        self.admission.replace(listed)
        return True

    def _now_s(self) -> int:
        return int(clock.now().timestamp())

    def _fail(self, fault: BaseException) -> None:
        """End: what was decided and not committed is in the state, so nothing may be decided on it any more."""
        if self.fault is None:
            self.fault = fault
            self.loop.stop()

    # --- the loop ------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Serve until told to stop. Raises what went wrong."""
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"  # the engine is one thread, and waits for its own commits
        self.loop = uvloop.new_event_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            self.loop.add_signal_handler(number, self._stop)
        self._use_connection()
        self._read_peers()
        self.node = Node(
            identity=_identity(clock.now(), self.admission),
            server=self,
            now_s=self._now_s,
            fail=self._fail,
            loop=self.loop,
            register=GatewayRegister(self._use_connection),
            places=Places(options().diameter_connections_an_address, options().diameter_connections),
        )
        listeners = self.loop.run_until_complete(open_doors(self.node.new_peer, options(), self.loop))
        self.doors = OnlineDoors(
            options(),
            admission=self.admission,
            server=self,
            use_connection=self._use_connection,
            now_s=self._now_s,
            fail=self._fail,
            loop=self.loop,
        )
        if listeners or self.doors.is_open:
            self.owner.writer.be_ready()
        if self.doors.is_open:
            self.prepare()
        sys.setswitchinterval(GIVES_WAY_S)
        with self.owner.running_ahead() as line:
            self.loop.add_reader(line, self._on_commit)
            self.loop.call_soon(self._look)
            self.loop.run_forever()
            if self.fault is not None:
                raise self.fault
            self.loop.remove_reader(line)
        self._keep_promises()
        for listener in listeners:
            listener.close()
        self.doors.keep(clock.now())
        self.loop.run_until_complete(self.doors.close())
        self.node.stop(clock.now())
        self.owner.writer.close()
        self.loop.run_until_complete(asyncio.sleep(0))
        self.loop.close()

    def _stop(self) -> None:
        """Stop at the next look: a loop that is stopped twice would break off what follows it."""
        self.stopping.set()

    def _look(self) -> None:
        """Take what waits in the database, a piece at a time, and do what the time asks for."""
        if self.fault is not None:
            return
        self._use_connection()
        try:
            taken = self.owner.turn(self._piece_rows())
            self._ask_again()
            self._end_listed()
            self._keep_time(taken)
        except BaseException as fault:  # noqa: BLE001 - the edge: whatever it is, the process must end
            self._fail(fault)
            return
        self._keep_promises()
        if self.stopping.is_set():
            self.loop.stop()
            return
        self.loop.call_later(0 if taken else LOOK_S, self._look)

    def _piece_rows(self) -> int | None:
        """Say how much usage may be rated at a time: what networks ask, and business orders for them, waits so long."""
        if self._is_serving():
            return PIECE_ROWS
        return CALM_PIECE_ROWS if has_open(self.owner.state.desk) else None

    def _is_serving(self) -> bool:
        return self.loop.time() - self._served_at_s < CALM_S

    def _ask_again(self) -> None:
        """Ask networks to come again with the sessions of users for whom something has changed."""
        if not self.owner.stirred:
            return
        self._answer_safe()  # a network that waits for its answer does not heed what it is told meanwhile
        sessions = self.owner.state.desk.sessions
        rows = np.array(self.owner.stirred)
        self.owner.stirred.clear()
        places = np.flatnonzero((sessions["life"] == Life.OPEN) & np.isin(sessions["row"], rows))
        self._tell(places, _stopped(self.owner.state.desk, sessions[places]))

    def _tell(self, places: np.ndarray, is_stopped: np.ndarray) -> None:
        """Tell networks to come again with some sessions, or to end them."""
        sessions = self.owner.state.desk.sessions[places]
        self.node.tell(places, sessions, is_stopped)
        self.doors.tell(sessions, is_stopped)

    def _heed_black_list(self, requests: np.ndarray, decided: Decided, now_s: int) -> None:
        """Keep who was refused for what is on the list, and in which handsets sessions go on.

        Sessions in listed ones are ended, and those that began with what was used and are let in for that.
        """
        state, places = self.owner.state, decided.answers["place"]
        self._refused.extend(decided.listed)
        said = self._handsets.note(requests, places)
        if state.black_list.until_s:
            opened = places[(requests["kind"] == Kind.INITIAL) & (places >= 0)]
            among = np.union1d(said, opened)
            self._ending += running_with_listed(
                state.black_list, state.desk, self._handsets, now_s, among=among
            ).tolist()

    def _end_listed(self) -> None:
        """Ask networks to end what goes on with what is on the black list (CHG-32)."""
        state, black = self.owner.state, self.owner.state.black_list
        if black.changes != self._list_changes:
            self._list_changes = black.changes
            self._ending += running_with_listed(black, state.desk, self._handsets, self._now_s()).tolist()
        if self._ending:
            self._answer_safe()
            places, self._ending = np.unique(self._ending), []
            self._tell(places, np.ones(len(places), np.bool_))

    def _keep_time(self, taken: int) -> None:
        """Settle silent sessions, bring detail to the lake, save the state: each in its time."""
        now_s = self.loop.time()
        if now_s - self._listed_at_s >= PEERS_S:
            self._listed_at_s = now_s
            if self._read_peers():
                self.node.review()
                self.doors.review()
        if self._unknown and self._is_warm:
            unknown, self._unknown = self._unknown, []
            if let_settle(self.owner.state.desk, unknown):
                self._swept_at_s = now_s - SWEEP_S
        self._note_absence()
        is_due = now_s - self._swept_at_s >= SWEEP_S and self._is_warm
        if is_due and not self.owner.sweep(self.moment(), self._heard_from_s):  # if more waits, the next look goes on
            self._swept_at_s = now_s
        if now_s - self._counted_at_s >= COUNT_S:
            self._counted_at_s, self._named = now_s, 0
            answered, turned_down = self.doors.counted()
            mine = {("DIAMETER", cause): count for cause, count in self.node.meter.turned_down.items()}
            self.watch.note_doors(answered + self.node.meter.times, mine | turned_down | self._lost, at_s=self._now_s())
            if self._refused:
                refused, self._refused = list(self._refused), deque(maxlen=MOST_REFUSED)
                tell_of_refused(refused, at=clock.now())
        self._watch_use(now_s)
        if now_s - self._kept_at_s >= KEEP_S:
            self._kept_at_s = now_s
            self.doors.keep(clock.now())
            self.node.keep(clock.now())
        is_calm = taken == 0 and self._inputs_to_flush > 0
        self._inputs_to_flush = 0 if is_calm else self._inputs_to_flush + taken
        if is_calm or now_s - self._flushed_at_s >= FLUSH_S:
            self._flushed_at_s = now_s
            self.owner.hand_over(is_serving=self._is_serving())
        self._inputs_to_save += taken
        self._idle_s = 0.0 if taken else self._idle_s + LOOK_S
        is_far = self.owner.position - self.owner.snapshot_position >= POSITIONS_A_SNAPSHOT
        if self._idle_s >= SNAPSHOT_AFTER_IDLE_S or is_far or self._inputs_to_save >= INPUTS_A_SNAPSHOT:
            self.owner.begin_snapshot()
            self._idle_s, self._inputs_to_save = 0.0, 0
        self.owner.end_snapshot()

    def _note_absence(self) -> None:
        """Let networks come back first if we were away: after a start, or if this process stood still."""
        before_s, self._looked_at_s = self._looked_at_s, self._now_s()
        if self._looked_at_s - before_s >= AWAY_S:
            self._heard_from_s = self._looked_at_s + options().reconnect_s

    def _watch_use(self, now_s: float) -> None:
        """Tell business of users who went past the operator's lines of heavy use since the last look (CHG-32)."""
        if now_s - self._lines_at_s >= LINES_S:
            self._lines_at_s = now_s
            self.owner.heavy.lines_li, self.owner.heavy.step_li = lines_li(at=clock.now())
        tell_of_heavy_use(self.owner, at=clock.now())


def _stopped(desk: Desk, sessions: np.ndarray) -> np.ndarray:
    """Say which sessions are of users who may not go on with them."""
    known = len(desk.user_barred)  # no longer than the last user something is known of
    return np.array(
        [one["row"] < known and bars(desk, int(one["row"]), int(one["record_type"])) for one in sessions], np.bool_
    )


def _identity(started_at: datetime, admission: Admission) -> Identity:
    chosen = options()
    return Identity(
        host=chosen.diameter_identity,
        realm=chosen.diameter_realm,
        state_id=int(started_at.timestamp()),
        admits=admission.admits_diameter,
        final_unit=avps.final_unit(chosen.final_unit, chosen.final_unit_to),
    )
