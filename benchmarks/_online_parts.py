"""The way of a request taken apart: bytes to columns, decided, journalled, columns to bytes; CPU of each step.

In the process that measures, on a real state and a real journal; the requests are the generator's. Two groups of
sessions take their steps in turns, so that users with two sessions open have one in each.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np
from benchmarks import _online_load

from openboss.access.network.diameter import avps, wire, wire_out
from openboss.access.network.diameter.avps import avp
from openboss.modules.charging.engine import twins
from openboss.modules.charging.engine.online import images, openings, usual
from openboss.modules.charging.engine.online.arriving import GOES_ON
from openboss.modules.charging.engine.online.requests import ASK, REQUEST
from openboss.modules.charging.engine.online.turns import Moment
from openboss.modules.charging.normalise import operator_clock
from openboss.processes.rate_usage import current_numbering

OWN = np.frombuffer(avp(avps.ORIGIN_HOST, "charge.openboss.invalid") + avp(avps.ORIGIN_REALM, "openboss.invalid")
                    + avp(avps.AUTH_APPLICATION, 4), np.uint8)  # fmt: skip
COMPILED = {
    openings: ("_find_moved", "_fill", "_normalise_directly", "_take_over_directly"), usual: ("_serve",),
    images: ("_write_directly",),
}  # fmt: skip
STEPS = ("read", "decide", "journal", "write")
WARM = 2  # groups that are not counted
FINAL = np.frombuffer(avps.final_unit("TERMINATE", ""), np.uint8)


class Parts:
    """An engine of this process, and requests for it."""

    def __init__(self, owner: Any, users: int) -> None:
        self.owner = owner
        self.numbering = current_numbering()
        self.next_session, self.users, self._bytes_without = 0, users, _bytes_of(owner.state)
        owner.warm(self._moment(), self.numbering)
        self._slow = 0
        serve_slowly = owner.turns._server.serve

        def counted(state: Any, group: Any) -> None:
            self._slow += int((group.became == GOES_ON).sum())
            serve_slowly(state, group)

        owner.turns._server.serve = counted
        self._compiled_s = 0.0
        for module, names in COMPILED.items():
            for name in names:
                setattr(module, name, self._timed(getattr(module, name)))

    def _timed(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Add up what a compiled function takes."""

        def call(*given: Any) -> Any:
            began_s = time.process_time()
            found = function(*given)
            self._compiled_s += time.process_time() - began_s
            return found

        return call

    def _moment(self) -> Moment:
        at = datetime.now(UTC)
        return Moment(at, operator_clock("Asia/Shanghai", int(at.timestamp()) // 3600 * 3600))

    def run(self, group: int, *, requests: int) -> dict[str, float]:
        """Serve groups of sessions through all their steps; microseconds of CPU a request of every step."""
        spent: dict[str, float] = dict.fromkeys((*STEPS, "replay"), 0.0)
        rounds = max(requests // group // _online_load.STEPS // 2, 2) + WARM
        wall_s, image_bytes, served, commits = 0.0, 0, 0, []
        made = _online_load.templates(self.users, group)
        for number in range(rounds):
            if number == WARM:
                self._slow, self._compiled_s = 0, 0.0
            for data in self._steps(made, group):
                took, bytes_of, wall = self._serve(data, group)
                if number < WARM:
                    continue
                for name in spent:
                    spent[name] += took[name]
                wall_s, image_bytes, served = wall_s + wall, image_bytes + bytes_of, served + group
                commits.append(took["commit_ms"])
        found = {name: round(value / served * 1e6, 2) for name, value in spent.items()}
        return found | {
            "in_all": round(sum(spent[name] for name in STEPS) / served * 1e6, 2),
            "compiled": round(self._compiled_s / served * 1e6, 2),
            "slow_share": round(self._slow / served, 3),
            "journal_bytes": round(image_bytes / served),
            "commit_p50_ms": round(float(np.quantile(commits, 0.5)), 2),
            "commit_p99_ms": round(float(np.quantile(commits, 0.99)), 2),
            "one_after_another_per_s": round(served / wall_s),
        }

    def state_with_sessions(self, sessions: int) -> dict[str, float]:
        """Bytes of state a user before and while so many sessions are open, and what one open session takes."""
        group, before = 1024, _bytes_of(self.owner.state)
        made = _online_load.templates(self.users, group)
        for _ in range(sessions // group // 2):
            for data in self._steps(made, group)[:4]:  # opened, and one report
                self._serve(data, group)
        after, opened = _bytes_of(self.owner.state), sessions // group // 2 * 2 * group
        return {
            "bytes_a_user": round(self._bytes_without / self.users),
            "sessions_open": opened,
            "bytes_a_user_then": round(after / self.users),
            "bytes_a_session": round((after - before) / opened),
        }

    def one_wallet(self, requests: int) -> dict[str, float]:
        """So many users of one wallet ask at once: groups (and commits) needed, and what a request costs."""
        made, wallets, wall_s, groups = (
            _online_load.templates(self.users, requests),
            self.owner.state.desk.user_wallet,
            0.0,
            0,
        )
        kept = wallets.copy()
        wallets[:] = 0
        self.owner.state.desk.wallets["balance_li"][0] = 10**12
        decide = self.owner.turns.decide

        def counted(*given: Any, **more: Any) -> Any:
            nonlocal groups
            groups += 1
            return decide(*given, **more)

        self.owner.turns.decide = counted
        steps = self._steps(made, requests)[::2]
        for data in steps:
            wall_s += self._serve(data, requests)[2]
        self.owner.turns.decide, wallets[:] = decide, kept
        served = len(steps) * requests
        return {"requests": served, "groups": groups, "answered_per_s": round(served / wall_s)}

    def _steps(self, made: _online_load.Templates, group: int) -> list[np.ndarray]:
        """The bytes of every step of the next two groups of sessions, in turns."""
        lines = [_line(np.arange(group) + self.next_session + part * group) for part in range(2)]
        self.next_session += 2 * group
        found, out = [], np.zeros((group + 1) * made.data.shape[1], np.uint8)
        for step in range(_online_load.STEPS):
            for line in lines:
                line.step[:], line.due_ns[:], line.turn[0], line.turn[1] = step, 0, 0, 0
                size = _online_load.write_due(line, made, group, 1, 1.0, False, out)
                found.append(np.frombuffer(out[:size].tobytes(), np.uint8))
        return found

    def _serve(self, data: np.ndarray, group: int) -> tuple[dict[str, float], int, float]:
        began_s, moment = time.perf_counter(), self._moment()
        clock = [time.process_time()]
        marks, requests, asks = np.zeros(group, wire.MARK), np.zeros(group, REQUEST), np.zeros(2 * group + 64, ASK)
        counts = np.zeros(3, np.int64)
        room = (np.zeros(1, wire.STATE), np.zeros(wire.DEEPEST, np.int64), np.zeros(wire.DEEPEST, np.int64))
        wire.read(data, 0, len(data), 0, marks, requests, asks, counts, *room, moment.now_s)
        requests, asks = requests[: counts[1]], asks[: counts[2]]
        assert len(requests) == group, counts
        clock.append(time.process_time())
        decided = self.owner.turns.decide(
            self.owner.state, requests, asks, numbering=self.numbering, moment=moment, position=self.owner.position + 1
        )
        assert decided.taken.all()
        clock.append(time.process_time())
        commit_s = time.perf_counter()
        self.owner._journal_group(decided, moment.at)
        self.owner.settle()
        commit_s = time.perf_counter() - commit_s
        clock.append(time.process_time())
        out, places = np.empty(len(data) + 600 * group, np.uint8), np.zeros(group + 1, np.int64)
        wire_out.write(data, marks, requests, asks, decided.answers, decided.quotas, OWN, FINAL, 156, out, places)
        out[: places[group]].tobytes()
        clock.append(time.process_time())
        wall_s = time.perf_counter() - began_s
        steps = dict(zip(STEPS, np.diff(clock).tolist(), strict=True))
        steps |= {"commit_ms": commit_s * 1000, "replay": self._replay(decided.images)}
        return steps, len(decided.images), wall_s

    def _replay(self, images_of: bytes) -> float:
        """Apply a group's images once more, as an engine does that starts again; CPU seconds."""
        began_s = time.process_time()
        found = images.Images(images_of)
        self.owner.state.apply_images(found)
        twins.remember(self.owner.state, found.closed)
        return time.process_time() - began_s


def _bytes_of(state: Any) -> int:
    return sum(array.nbytes for array in state.arrays().values())


def _line(sessions: np.ndarray) -> _online_load.Line:
    count = len(sessions)
    return _online_load.Line(
        sessions, np.zeros(count, np.int64), np.zeros(count, np.int64), np.array([0, 0, _online_load.STEPS, 0]),
        np.zeros((2, 1), np.int64), np.zeros((2, 1), np.int64), np.zeros(4, np.int64), np.zeros(1, np.int64),
    )  # fmt: skip
