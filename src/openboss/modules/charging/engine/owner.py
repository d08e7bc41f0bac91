"""The owner of a stream: takes inputs one by one, applies them, journals them, answers after the commit.

A turn is one transaction: journal rows, consumed commands and chunks, counters and errors together. If it fails after
the state was changed, the process must end; its successor rebuilds the state from snapshot and journal.
"""

import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from django.db import transaction

from openboss.modules.catalog.functions import load_publication
from openboss.modules.charging.atomic import engine as journal
from openboss.modules.charging.atomic.files import record_rating
from openboss.modules.charging.atomic.journal_line import JournalGroup, JournalLine
from openboss.modules.charging.atomic.session_records import record_session_errors
from openboss.modules.charging.engine import rerating
from openboss.modules.charging.engine.commits import Commits
from openboss.modules.charging.engine.heavy_use import HeavyUse
from openboss.modules.charging.engine.lake import Corrected, DetailWriter, Lake
from openboss.modules.charging.engine.online import former, orders
from openboss.modules.charging.engine.online.closed import Closed, Kept, faults_of
from openboss.modules.charging.engine.online.group import News, Rules
from openboss.modules.charging.engine.online.requests import BELIEVED_S
from openboss.modules.charging.engine.online.shown import (
    barred_of,
    cycles_of,
    known_row,
    money_of,
    services_of,
    used_li,
)
from openboss.modules.charging.engine.online.turns import Decided, Moment, Turns
from openboss.modules.charging.engine.pieces import Amid, debit_usage
from openboss.modules.charging.engine.rating import ChunkRated, detail_of_closed
from openboss.modules.charging.engine.snapshots import Saving, forget_older, save_snapshot
from openboss.modules.charging.engine.state import CycleNotReady, EngineState, Image, month_start_s, next_cycle
from openboss.modules.charging.engine.totals import free_use_of, publish_balances, publish_cycle, totals_of
from openboss.modules.charging.engine.twins import keep_twins, remember
from openboss.modules.charging.numbering import NumberingTables
from openboss.modules.system.atomic import send_out

ROWS_A_COMMIT = 1_000_000  # rated rows that wait for one commit to the lake
INPUTS_A_SNAPSHOT = 200
COMMANDS_A_TURN = 100
PIECES_A_LOOK = 8  # pieces of a chunk between two looks for commands


@dataclass
class Owner:
    """One process's hold on a stream. Make it with `recover`."""

    lake: Lake
    snapshot_dir: Path
    threads: int
    ownership: journal.Ownership
    state: EngineState = field(default_factory=EngineState)
    position: int = 0  # of the newest input; groups among the last ones may be on their way to the journal (`commits`)
    snapshot_position: int = 0
    pending: list[pl.DataFrame] = field(default_factory=list)
    closed: Kept = field(default_factory=Kept)  # records that sessions closed
    on_its_way: tuple[list[pl.DataFrame], list[Closed]] = ([], [])  # handed to the lake last
    corrected: list[Corrected] = field(default_factory=list)  # what re-rating has found, for the lake
    lock: threading.Lock = field(default_factory=threading.Lock)
    turns: Turns = field(default_factory=lambda: Turns(Rules()))
    commits: Commits = field(default_factory=lambda: Commits(JournalLine()))
    stirred: list[int] = field(default_factory=list)  # rows of users whose sessions should ask again
    amid: Amid | None = None  # the chunk that is being rated
    heavy: HeavyUse = field(default_factory=HeavyUse)
    writer: DetailWriter = field(init=False)
    saving: Saving | None = None  # the snapshot that is being written beside
    _handed_to: int = 0  # the position up to which the writer was given detail
    _told_on: JournalLine = field(default_factory=JournalLine)  # groups that tell business something
    _beside: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="beside"))
    _emptied: Future[None] | None = None  # folders of snapshots that were forgotten last
    _coming: tuple[journal.ReadyChunk, Future[pl.DataFrame]] | None = None

    def __post_init__(self) -> None:
        self.writer = DetailWriter(self.lake, detail_of_closed)

    # --- turns ---------------------------------------------------------------------------------------------------

    def turn(self, piece_rows: int | None = None) -> int:
        """Take what waits, commands before usage; return how many inputs were taken. Raises OwnershipLost.

        piece_rows  how many records of usage one turn may rate, because networks wait for it to end
        """
        commands_wait, chunks_wait = self._what_waits()
        if commands_wait:
            waiting = journal.waiting_commands(COMMANDS_A_TURN)
            if waiting and not (self.amid and any(one.kind == "FREEZE" for one in waiting)):
                for command in waiting:
                    self._take_command(command)
                return len(waiting)
        if self.amid is None and chunks_wait:
            self.amid = self._next_chunk(in_background=piece_rows is not None)
        if self.amid is None:
            return 0
        self._take_piece(self.amid, piece_rows)
        return 1

    def _what_waits(self) -> tuple[bool, bool]:
        """Whether commands wait, and chunks; amid a chunk nobody asks at every piece."""
        if self.amid is not None and self.amid.pieces % PIECES_A_LOOK:
            return False, False
        return journal.what_waits()

    def _next_chunk(self, *, in_background: bool) -> Amid | None:
        """Read the usage that waits; in the background while networks are served: then None until it was read."""
        if self._coming is None:
            for chunk in journal.ready_chunks(1):
                self._coming = chunk, self._beside.submit(self.lake.read_chunk, chunk.path, chunk.sha256)
        if self._coming is None or (in_background and not self._coming[1].done()):
            return None
        (chunk, usage), self._coming = self._coming, None
        return Amid(chunk, usage.result())

    def drain(self) -> int:
        """Take inputs until none waits, then bring the lake up to date; return how many were taken."""
        taken = 0
        while done := self.turn():
            taken += done
            if self.position - self.snapshot_position >= INPUTS_A_SNAPSHOT:
                self.snapshot()
        self.flush()
        self.writer.merge()
        return taken

    def settle(self) -> None:
        """Return when every group decided so far is in the journal. Raises OwnershipLost and database errors."""
        self.commits.settle(self.ownership)

    def _take_command(self, command: journal.Waiting) -> None:
        if command.kind == "FREEZE" and not self.state.why_not_frozen(command.payload["cycle"]):
            self._cut_records(month_start_s(next_cycle(command.payload["cycle"])))
        self.settle()
        with transaction.atomic():
            journal.check_ownership(self.ownership)
            try:
                with self.lock:
                    answer = self.apply(command.kind, command.payload, self.position + 1)
            except (CycleNotReady, orders.OrderRefused) as refusal:
                journal.finish_command(command.command_id, position=None, answer={"refusal": str(refusal)})
                return
            self.position += 1
            journal.append_journal(self.ownership, position=self.position, kind=command.kind, payload=command.payload)
            journal.finish_command(command.command_id, position=self.position, answer=answer)

    def _take_piece(self, amid: Amid, rows: int | None) -> None:
        first = amid.reached
        with self.lock:
            result, news = self.rate_piece(amid, rows, self.position + 1)
            self.heavy.note(self.state, self.state.row_of[result.detail["subscriber_id"].to_numpy()])
        self.position += 1
        if amid.is_done or news or len(result.twins):
            self.settle()
            with transaction.atomic():
                journal.check_ownership(self.ownership)
                journal.append_journal(
                    self.ownership, position=self.position, kind="CHUNK", payload=amid.payload(first)
                )
                if news:
                    _tell(news, at=datetime.fromtimestamp(int(amid.usage["start_at_s"].max()), UTC))  # type: ignore[arg-type]
                if amid.is_done:
                    record_rating(chunk_id=amid.chunk.chunk_id, position=self.position, rated=amid.rated,
                                  free=amid.free, duplicate=amid.duplicate, filtered=amid.filtered,
                                  errors=pl.concat(amid.errors))  # fmt: skip
        else:
            self.commits.add(JournalGroup(self.position, piece=amid.payload(first)))
            self.commits.send(self.ownership)
        self.amid = None if amid.is_done else amid
        self.keep(result)

    def rate_piece(self, amid: Amid, rows: int | None, position: int) -> tuple[ChunkRated, list[News]]:
        """Rate a piece of a chunk beside the open records of its users; say what business must hear of wallets."""
        news = list[News]()
        with self.turns.set_aside(self.state, amid.ahead(rows), news):
            result = amid.rate(self.state, rows, position, self.threads)
            news += debit_usage(self.state, result.detail, self.turns.rules)
        return result, news

    def keep(self, result: ChunkRated) -> None:
        keep_twins(self.lake, result.twins, timeline=self.ownership.timeline, position=self.position)
        self.pending.append(result.detail)
        if sum(len(frame) for frame in self.pending) >= ROWS_A_COMMIT:
            self.settle()
            self._hand_over(self.position)

    def keep_closed(self, closed: np.ndarray) -> None:
        """Keep what sessions closed at this position until it goes to the lake."""
        if len(closed):
            self.closed.add(self.position, closed)

    def rows_waiting(self) -> int:
        """How many rows of rated detail wait for the lake; asked from other threads too."""
        return sum(map(len, list(self.pending))) + len(self.closed)

    def not_in_lake(self) -> tuple[list[pl.DataFrame], list[Closed]]:
        """Rated detail the lake may lack; from other threads too: what is handed over meanwhile is found in both."""
        details, closed = list(self.pending), self.closed.told()
        handed_details, handed_closed = self.on_its_way
        return [*handed_details, *details], [*handed_closed, *closed]

    def _hand_over(self, to: int, *, is_serving: bool = False) -> None:
        """Give the writer what is kept up to a position that the journal has."""
        pending = [frame for frame in self.pending if len(frame) and frame["position"][-1] <= to]
        closed, rest = self.closed.split(to)
        if pending or closed:
            self.writer.put(pending, closed, timeline=self.ownership.timeline, position=to, is_serving=is_serving)
            self.on_its_way = pending, closed
            self.pending = [frame for frame in self.pending if len(frame) and frame["position"][-1] > to]
            self.closed = rest  # behind `on_its_way`: others look at both
        if self.corrected:
            self.writer.correct(self.corrected, timeline=self.ownership.timeline)
            self.corrected = []
        self._handed_to = to

    def position_in_lake(self) -> int:
        """The journal position up to which the lake has rated detail."""
        reached = self.lake.position(self.ownership.timeline)
        return self.ownership.timeline_from if reached is None else reached

    def flush(self) -> None:
        """Commit rated detail that waits to the lake; a crash before it is made good by replay."""
        self.settle()
        self._hand_over(self.position)
        self.writer.settle()
        self.on_its_way = [], []

    # --- requests of networks ---------------------------------------------------------------------------------------

    def decide(self, requests: np.ndarray, asks: np.ndarray, *, numbering: NumberingTables, moment: Moment) -> Decided:
        """Decide a group of requests. It may be answered when everything up to this position is safe (`commits`).

        Raises OwnershipLost and database errors: then the process must end without answering.
        """
        self._open_month(moment)
        with self.lock:
            decided = self.turns.decide(
                self.state, requests, asks, numbering=numbering, moment=moment, position=self.position + 1
            )
        self._journal_group(decided, moment.at)
        return decided

    @contextmanager
    def running_ahead(self) -> Iterator[int]:
        """Decide groups while others are committed on a line of their own, which tells of it by the socket yielded."""
        line = JournalLine(of_its_own=True)
        self.commits = Commits(line)
        try:
            yield line.socket()
            self.settle()
        finally:
            self.commits = Commits(JournalLine())
            line.close()

    def serve(self, requests: np.ndarray, asks: np.ndarray, *, numbering: NumberingTables, moment: Moment) -> Decided:
        """Decide a group of requests and commit what it changed; then it may be answered. Raises what `decide` does."""
        decided = self.decide(requests, asks, numbering=numbering, moment=moment)
        self.settle()
        return decided

    def sweep(self, moment: Moment, heard_from_s: int = 0) -> bool:
        """Settle sessions whose network fell silent and forget ended ones; say whether others wait to be looked at.

        heard_from_s  the UTC second from which on networks can be heard
        """
        with self.lock:
            decided, more_waits = self.turns.sweep(
                self.state, moment=moment, position=self.position + 1, heard_from_s=heard_from_s
            )
        if decided is not None:
            self._journal_group(decided, moment.at)
            self.commits.send(self.ownership)
        return more_waits

    def _cut_records(self, month_end_s: int) -> None:
        """End the records of a month that is about to be closed; what sessions use from then on is the next one's.

        Groups of their own before the command: after a crash in between nothing is left to cut, or the rest.
        """
        known_s = int(self.state.desk.uses["start_at_s"].max(initial=0))
        while True:
            with self.lock:
                decided = self.turns.cut(self.state, month_end_s, position=self.position + 1)
            if decided is None:
                return
            self._journal_group(decided, datetime.fromtimestamp(known_s, UTC))

    def _journal_group(self, decided: Decided, at: datetime) -> None:
        """Bring what a group changed on its way to the journal; if nothing was changed, nothing.

        With what business must hear of it, it is committed here.
        """
        if not decided.images:
            return
        group = JournalGroup(self.position + 1, decided.images, int(decided.taken.sum()))
        faults = faults_of(decided.closed)
        if decided.news or faults is not None:
            self.settle()
            with transaction.atomic():
                self._told_on.send(self.ownership, [group])
                self._told_on.wait()
                _tell(decided.news, at=at)
                if faults is not None:
                    record_session_errors(errors=faults, at=at)
        else:
            self.commits.add(group)
        self.position = group.position
        self.heavy.note_sessions(self.state, decided.answers["place"])
        remember(self.state, decided.closed)
        self.keep_closed(decided.closed)

    def warm(self, moment: Moment, numbering: NumberingTables) -> Decided:
        """Have the compiled code of online charging ready before the first request; return what nobody asked for."""
        return self.turns.warm(self.state, moment, numbering)

    def hand_over(self, *, is_serving: bool) -> None:
        """Let rated detail that waits go to the lake behind the engine's back, unless older detail still does."""
        if (self.pending or self.corrected or self.closed) and not self.writer.is_busy:
            oldest = self.commits.oldest
            self._hand_over(self.position if oldest is None else oldest - 1, is_serving=is_serving)
            self.writer.merge(is_serving=is_serving)

    def _open_month(self, moment: Moment) -> None:
        """Open the month that the clock has reached, as an input of its own.

        Any network's clock that is believed has its month: it may be as far ahead, and its files say the same moment.
        """
        newest = int(self.state.cycles.cycle.max())
        if not newest or moment.local_s + BELIEVED_S < month_start_s(next_cycle(newest)):
            return
        self.settle()
        with transaction.atomic():
            journal.check_ownership(self.ownership)
            try:
                with self.lock:
                    self.state.open_cycle(next_cycle(newest))
            except CycleNotReady:
                return  # an older month must be closed first; what is used goes to the oldest open one
            self.position += 1
            payload = {"cycle": next_cycle(newest)}
            journal.append_journal(self.ownership, position=self.position, kind="OPEN_CYCLE", payload=payload)

    # --- inputs --------------------------------------------------------------------------------------------------

    def apply(self, kind: str, payload: dict[str, Any], position: int) -> dict[str, Any]:
        """Change the state by one command; return the engine's answer. Raises CycleNotReady before any change."""
        if kind == "PUBLICATION":
            tables = load_publication(self.lake.folder / "tariffs", payload["sha256"])
            self.state.take_tariffs(tables, payload["sha256"])
            return {}
        if kind == "IMAGE":
            self.stirred.extend(map(int, self.state.apply_image(self._image(payload))))
            return {}
        if kind == "OPEN_CYCLE":
            self.state.open_cycle(payload["cycle"])
            return {}
        if kind == "BALANCES":
            former.settle(self.state)
            return publish_balances(self.state, self.lake, position)
        if kind in orders.KINDS:
            stirred = orders.users_of(self.state, kind, payload)
            answer = orders.carry_out(self.state, kind, payload)
            self.stirred.extend(int(row) for row in stirred)
            return answer
        if kind in rerating.KINDS:
            return self._re_rate(kind, payload, position)
        assert kind == "FREEZE", kind
        self.state.freeze_cycle(payload["cycle"])
        return publish_cycle(self.state, self.lake, payload["cycle"], position)

    def _re_rate(self, kind: str, payload: dict[str, Any], position: int) -> dict[str, Any]:
        """Say what users have used by now, or put right what they have used; the lake is corrected behind it."""
        self.flush()
        if kind == "LOOK":
            return rerating.look(self.state, self.lake, payload, position)
        between = journal.inputs_between(payload["position"], position)
        done = rerating.carry_out(self.state, self.lake, payload, between, position)
        if position > self.lake.corrected_to(self.ownership.timeline):
            self.corrected.append(Corrected(done.corrected, payload["folder"], position))
        return done.answer

    def _image(self, payload: dict[str, Any]) -> Image:
        """Read an image from its files, or from the command itself where it is small."""
        frames = {name: self.lake.read_chunk(part["path"], part["sha256"]) for name, part in payload["frames"].items()}
        return Image(**frames)

    # --- what is known -------------------------------------------------------------------------------------------

    def totals(self, cycle: int) -> pl.DataFrame:
        """Running totals of a cycle (schema TOTALS), sorted by subscriber, item and rule."""
        return totals_of(self.state, cycle)

    def free_use(self, cycle: int) -> pl.DataFrame:
        """Free resources of a cycle and what was used of them (schema FREE_USE)."""
        return free_use_of(self.state, cycle)

    def user_now(self, subscriber_id: int) -> dict[str, Any]:
        """One user's charges and free resources in every cycle the engine holds, money, open services (CHG-13)."""
        with self.lock:
            row = known_row(self.state, subscriber_id)
            if row < 0:
                return {"cycles": [], "money": None, "barred": 0, "services": []}
            return {
                "cycles": cycles_of(self.state, row),
                "money": money_of(self.state, row),
                "barred": barred_of(self.state, row),
                "services": services_of(self.state, row),
            }

    def unbilled_of(self, subscriber_ids: list[int]) -> dict[str, dict[str, int]]:
        """What some users have used in each month the engine holds, in li, by user and cycle."""
        with self.lock:
            cycles = [(slot, str(cycle)) for slot, cycle in enumerate(self.state.cycles.cycle) if cycle]
            rows = {one: known_row(self.state, one) for one in subscriber_ids}
            return {
                str(one): {cycle: used_li(self.state, row, slot) for slot, cycle in cycles}
                for one, row in rows.items()
                if row >= 0
            }

    # --- keeping and recovering ----------------------------------------------------------------------------------

    def snapshot(self) -> None:
        """Save the whole state and let the journal before it rest, unless a chunk is half rated; forget old ones."""
        if self.amid is not None:
            return
        self.flush()
        if self.saving is not None:
            self._enter_snapshot(self.saving.position, self.saving.folder, self.saving.wait())
        if self.position == self.snapshot_position and self.position:
            return
        folder = self._new_folder()
        self._enter_snapshot(self.position, folder, save_snapshot(self.state, folder, self.position))
        self._wait_for_room()

    def begin_snapshot(self) -> None:
        """Let a copy of this process save the state as it is now; `end_snapshot` enters it when it is whole."""
        if self.amid is None and self.saving is None and self.position != self.snapshot_position:
            self.settle()
            self.saving = Saving(self.state, self._new_folder(), self.position)

    def end_snapshot(self) -> None:
        """Enter the snapshot that was begun, if it is whole and the lake has all detail before it. Never waits.

        Raises SnapshotNotSaved.
        """
        if self.saving is None or not self.saving.is_done() or self.writer.is_busy:
            return
        if self._handed_to >= self.saving.position or not (self.pending or self.closed or self.corrected):
            self.writer.settle()
            self._enter_snapshot(self.saving.position, self.saving.folder, self.saving.wait())

    def _new_folder(self) -> Path:
        folder = self.snapshot_dir / f"{self.ownership.timeline:04d}-{self.position:012d}-{self.ownership.epoch}"
        shutil.rmtree(folder, ignore_errors=True)  # left by a crash: no row names it
        return folder

    def _enter_snapshot(self, position: int, folder: Path, sha256: str) -> None:
        journal.record_snapshot(position=position, folder=folder.name, sha256=sha256)
        self.snapshot_position, self.saving = position, None
        self._wait_for_room()  # long done
        self._emptied = self._beside.submit(forget_older(self.snapshot_dir, self.state.duplicates.files()))

    def _wait_for_room(self) -> None:
        """Return when older snapshots are gone. Raises what went wrong."""
        if self._emptied is not None:
            self._emptied.result()


def _tell(news: list[News], *, at: datetime) -> None:
    """Leave word for business that wallets fell through thresholds, in the caller's transaction."""
    for one in news:
        send_out(topic="charging.wallet", payload=one._asdict(), at=at)
