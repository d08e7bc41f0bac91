"""The way of a request taken apart: bytes to columns, decided, journalled, columns to bytes; CPU of each step.

In the process that measures, on a real state and a real journal; the requests are the generator's, a step of all
sessions after the other, cut into groups.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import numpy as np
from benchmarks import _online_load

from openboss.access.network.diameter import avps, wire, wire_out
from openboss.access.network.diameter.avps import avp
from openboss.modules.charging.engine.online.requests import ASK, REQUEST
from openboss.modules.charging.engine.online.turns import Moment
from openboss.modules.charging.normalise import operator_clock
from openboss.processes.rate_usage import current_numbering

OWN = np.frombuffer(avp(avps.ORIGIN_HOST, "charge.openboss.invalid") + avp(avps.ORIGIN_REALM, "openboss.invalid")
                    + avp(avps.AUTH_APPLICATION, 4), np.uint8)  # fmt: skip
WARM = 2  # groups that are not counted
FINAL = np.frombuffer(avps.final_unit("TERMINATE", ""), np.uint8)


class Parts:
    """An engine of this process, and requests for it."""

    def __init__(self, owner: Any, users: int) -> None:
        self.owner = owner
        self.numbering = current_numbering()
        self.next_session, self.made = 1, _online_load.templates(users)
        owner.warm(self._moment(), self.numbering)

    def _moment(self) -> Moment:
        at = datetime.now(UTC)
        return Moment(at, operator_clock("Asia/Shanghai", int(at.timestamp()) // 3600 * 3600))

    def run(self, group: int, *, requests: int) -> dict[str, float]:
        """Serve groups of sessions through all their steps; microseconds of CPU a request of every step."""
        spent: dict[str, float] = dict.fromkeys(("read", "decide", "journal", "write"), 0.0)
        wall_s, image_bytes, served, rounds = 0.0, 0, 0, max(requests // group // _online_load.STEPS, 2) + WARM
        commits: list[float] = []
        for number in range(rounds):
            sessions = np.arange(self.next_session, self.next_session + group)
            self.next_session += group
            for data in self._steps(sessions):
                took, bytes_of, wall = self._serve(data, group)
                if number < WARM:
                    continue
                for name in spent:
                    spent[name] += took[name]
                wall_s, image_bytes, served = wall_s + wall, image_bytes + bytes_of, served + group
                commits.append(took["commit_ms"])
        found = {name: round(value / served * 1e6, 2) for name, value in spent.items()}
        return found | {
            "in_all": round(sum(spent.values()) / served * 1e6, 2),
            "journal_bytes": round(image_bytes / served),
            "commit_p50_ms": round(float(np.quantile(commits, 0.5)), 2),
            "commit_p99_ms": round(float(np.quantile(commits, 0.99)), 2),
            "one_after_another_per_s": round(served / wall_s),
        }

    def _steps(self, sessions: np.ndarray) -> list[np.ndarray]:
        """The bytes of every step of some sessions."""
        made, found = self.made, []
        line = _online_load.Line(
            sessions, np.zeros(len(sessions), np.int64), np.zeros(len(sessions), np.int64),
            np.array([0, 0, _online_load.STEPS, 0]), np.zeros(1, np.int64), np.zeros(1, np.int64),
            np.zeros(4, np.int64),
        )  # fmt: skip
        out = np.zeros((len(sessions) + 1) * made.data.shape[1], np.uint8)
        for step in range(_online_load.STEPS):
            line.step[:], line.due_ns[:], line.turn[0], line.turn[1] = step, 0, 0, 0
            size = _online_load.write_due(line, made, len(sessions), 1, 1.0, False, out)
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
        steps = dict(zip(("read", "decide", "journal", "write"), np.diff(clock).tolist(), strict=True))
        return steps | {"commit_ms": commit_s * 1000}, len(decided.images), time.perf_counter() - began_s
