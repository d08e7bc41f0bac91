"""The journal lived again for some users, under the tariffs that are in force now: what should have been charged.

From the last snapshot before the first month, or from the first entry. Everything before the month is done as it was
done; from its opening on every record of these users is rated by the tariffs in force now, in journal order, while
base data, openings and closings of months come where they came. Records of an older month that came late stay as they
were charged. Nothing is written. Source: CHG-36, docs/algorithms/re-rating.md.
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from openboss.kernel.tariffs import TariffTables
from openboss.modules.catalog.functions import load_publication
from openboss.modules.charging.atomic import engine as journal
from openboss.modules.charging.engine import rerating
from openboss.modules.charging.engine.lake import Lake
from openboss.modules.charging.engine.online import orders
from openboss.modules.charging.engine.snapshots import newest_good, newest_month
from openboss.modules.charging.engine.state import CycleNotReady, EngineState, Image, month_start_s, next_cycle
from openboss.modules.charging.engine.totals import free_use_of, totals_of
from openboss.modules.charging.schema import RATED

RECORDS_A_STEP = 500_000


class NotReproducible(Exception):
    """The detail store does not say in which month a record was charged as the journal does: ask the operator's
    engineers; nothing was changed."""


@dataclass
class Replay:
    """One replay. Make it with `begin`, let it run with `run_to`, go on with it as often as wanted.

    frozen   by month: totals and free resources (schema TOTALS, FREE_USE) as they should have been when it was closed
    changed  records rated otherwise than they were (schema RATED), and how they were charged
    """

    lake: Lake
    users: np.ndarray
    first_cycle: int
    tables: TariffTables
    state: EngineState
    position: int
    threads: int = 2
    told: Callable[[int, int], None] = lambda *_: None
    is_corrected: bool = False
    charged_tables: TariffTables | None = None
    usage: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=RATED))
    rated: int = 0
    frozen: dict[int, tuple[pl.DataFrame, pl.DataFrame]] = field(default_factory=dict)
    changed: list[tuple[pl.DataFrame, pl.DataFrame]] = field(default_factory=list)

    def run_to(self, position: int) -> None:
        """Live the journal again up to a position. Raises NotPriced, NotReproducible; then begin anew."""
        self.usage = rerating.usage_of_users(self.lake, self.users, after=self.position, until=position)
        self.rated = 0
        for entry in journal.commands_after(self.position, position):
            if entry.kind == "CHUNK":
                self._open_months(entry)
            else:
                self._rate_until(entry.position)
                self._apply(entry)
            self.position = entry.position
        self._rate_until(position + 1)
        self.position = position

    def written(self) -> rerating.Written:
        """What the users should have used by now."""
        known = rerating.known_users(self.state, self.users)
        return rerating.write_down(self.state, rerating.with_pools(self.state, known))

    def corrections(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        """The records rated otherwise (schema RATED): as they were charged, and as they should have been."""
        empty = pl.DataFrame(schema=RATED)
        return (
            pl.concat([empty, *(before for before, _ in self.changed)]),
            pl.concat([empty, *(after for _, after in self.changed)]),
        )

    # --- inputs --------------------------------------------------------------------------------------------------

    def _apply(self, entry: journal.JournalEntry) -> None:
        state, kind, payload = self.state, entry.kind, entry.payload
        if kind == "PUBLICATION":
            self.charged_tables = load_publication(self.lake.folder / "tariffs", payload["sha256"])
            if not self.is_corrected:
                state.tables = self.charged_tables
        elif kind == "IMAGE":
            frames = payload["frames"].items()
            state.apply_image(
                Image(**{name: self.lake.read_chunk(part["path"], part["sha256"]) for name, part in frames})
            )
        elif kind == "OPEN_CYCLE":
            self._open(payload["cycle"])
        elif kind == "FREEZE":
            self._open(next_cycle(payload["cycle"]))
            state.freeze_cycle(payload["cycle"])
            if payload["cycle"] >= self.first_cycle:
                self.frozen[payload["cycle"]] = self._totals(payload["cycle"])
        elif kind == "GRANT":
            orders.carry_out(state, kind, payload)
        elif kind == "GIVE":
            with contextlib.suppress(orders.OrderRefused):  # rated rightly there may be less to give
                orders.carry_out(state, kind, payload)
        elif kind == "RERATE" and not self.is_corrected:
            self._put_as_then(payload, entry.position)

    def _put_as_then(self, payload: dict[str, Any], position: int) -> None:
        """An earlier re-rating of months before: its users have what it gave them."""
        users = rerating.known_users(self.state, rerating.users_of(self.lake, payload))
        rows = rerating.with_pools(self.state, users)
        rerating.put(self.state, rows, rerating.read_written(self.lake, payload["frames"]))
        tail = rerating.usage_of_users(self.lake, users, after=payload["position"], until=position - 1)
        rerating.rate_again(self.state, tail, self.threads)

    def _totals(self, cycle: int) -> tuple[pl.DataFrame, pl.DataFrame]:
        mine = pl.col("subscriber_id").is_in(pl.Series(self.users).implode())
        return totals_of(self.state, cycle).filter(mine), free_use_of(self.state, cycle).filter(mine)

    def _open_months(self, entry: journal.JournalEntry) -> None:
        """Open the months that a chunk reached, whosever its records were."""
        cycles = self.state.cycles
        if not cycles.is_open.any():
            return
        payload = entry.payload
        started = pl.read_ipc(self.lake.folder / payload["path"], columns=["start_local_s"])["start_local_s"]
        started_s = started[payload["first"] : payload["last"]].to_numpy()
        newest = int(cycles.cycle.max())
        while len(started_s) and month_start_s(next_cycle(newest)) <= int(started_s.max()):
            newest = next_cycle(newest)
            self._rate_until(entry.position)
            try:
                self._open(newest)
            except CycleNotReady:
                return

    def _open(self, cycle: int) -> None:
        """Open a month; from the first one on the tariffs in force now count."""
        if cycle >= self.first_cycle and not self.is_corrected:
            self.is_corrected, self.charged_tables = True, self.state.tables
            self.state.tables = self.tables
            self.state._enter_pools(np.arange(self.state.used["rows"]), 0)
        self.state.open_cycle(cycle)

    # --- usage ---------------------------------------------------------------------------------------------------

    def _rate_until(self, position: int) -> None:
        """Rate the records before a position, a step at a time."""
        end = int(self.usage["position"].search_sorted(position, "left"))
        while self.rated < end:
            part = self.usage[self.rated : min(end, self.rated + RECORDS_A_STEP)]
            self._rate(part)
            self.rated += len(part)
            self.told(self.rated, len(self.usage))

    def _rate(self, part: pl.DataFrame) -> None:
        if not self.is_corrected:
            rerating.rate_again(self.state, part, self.threads)
            return
        late = part["cycle"].to_numpy() < self.first_cycle
        edges = [0, *(np.flatnonzero(late[1:] != late[:-1]) + 1).tolist(), len(part)]
        for first, last in zip(edges, edges[1:], strict=False):
            self.state.tables = self.charged_tables if late[first] else self.tables
            again = rerating.rate_again(self.state, part[first:last], self.threads)
            self._compare(part[first:last], again)
        self.state.tables = self.tables

    def _compare(self, charged: pl.DataFrame, again: pl.DataFrame) -> None:
        if not charged["cycle"].equals(again["cycle"]):
            raise NotReproducible(f"records up to position {charged['position'].to_list()[-1]}")
        changed = rerating.changed_rows(charged, again)
        if len(changed):
            keys = changed.select("position", "row")
            before = charged.join(keys, on=["position", "row"], how="semi", maintain_order="left")
            self.changed.append((before, changed))


def begin(
    *,
    lake: Lake,
    snapshot_dir: Path,
    users: np.ndarray,
    first_cycle: int,
    sha256: str,
    threads: int = 2,
    told: Callable[[int, int], None] = lambda *_: None,
) -> Replay:
    """Make a replay of users (ids, rising) from before a month, under a publication of tariffs."""
    tables = load_publication(lake.folder / "tariffs", sha256)
    older = [(position, folder) for position, folder in journal.snapshots()
             if newest_month(snapshot_dir / folder) < first_cycle]  # fmt: skip
    state, position = newest_good(older, snapshot_dir=snapshot_dir, tariffs=lake.folder / "tariffs")
    return Replay(lake, users, first_cycle, tables, state, position, threads, told)
