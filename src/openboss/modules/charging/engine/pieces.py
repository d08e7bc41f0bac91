"""A chunk of usage on its way through the engine: whole in one turn, or a piece a turn, so that networks need not wait.

Every piece is an input of the journal of its own, rated in the chunk's order: what it comes to in the end is the same.
What becomes of a chunk as a whole is noted with its last piece; until then no snapshot is taken, so that a successor
finds every piece of it in the journal.
"""

from dataclasses import dataclass, field
from typing import Any

import polars as pl

from openboss.modules.charging.atomic.engine import ReadyChunk
from openboss.modules.charging.engine.online.group import News, Rules, debit
from openboss.modules.charging.engine.online.shown import wallets_of
from openboss.modules.charging.engine.rating import ChunkRated, rate_chunk
from openboss.modules.charging.engine.state import EngineState


@dataclass
class Amid:
    """A chunk, and how far it was rated."""

    chunk: ReadyChunk
    usage: pl.DataFrame
    reached: int = 0
    pieces: int = 0
    rated: int = 0
    free: int = 0
    duplicate: int = 0
    filtered: int = 0  # charged online already
    errors: list[pl.DataFrame] = field(default_factory=list)

    @property
    def is_done(self) -> bool:
        """Whether its last record was rated."""
        return self.reached >= self.chunk.rows

    def ahead(self, rows: int | None) -> pl.DataFrame:
        """The next records, or all that are left."""
        return self.usage if rows is None and not self.reached else self.usage.slice(self.reached, rows)

    def rate(self, state: EngineState, rows: int | None, position: int, threads: int) -> ChunkRated:
        """Rate the next records, or all that are left; change the state. Raises CycleNotReady."""
        piece = self.ahead(rows)
        result = rate_chunk(state, piece, position, threads)
        self.reached, self.pieces = self.reached + len(piece), self.pieces + 1
        self.rated, self.free = self.rated + result.rated, self.free + result.free
        self.duplicate += result.duplicate
        self.filtered += len(result.twins)
        self.errors.append(result.errors)
        return result

    def payload(self, first: int) -> dict[str, Any]:
        """The piece that began at a row and was rated last, for the journal."""
        chunk = self.chunk
        named = {"chunk_id": chunk.chunk_id, "path": chunk.path, "sha256": chunk.sha256, "rows": chunk.rows}
        return {**named, "first": first, "last": self.reached}


def debit_usage(state: EngineState, detail: pl.DataFrame, rules: Rules) -> list[News]:
    """Let the wallets of users pay what a chunk of their usage costs; return what business must hear of it."""
    desk = state.desk
    if not len(desk.wallets):
        return []
    paid = detail.group_by("subscriber_id").agg(li=pl.sum_horizontal("act_basic_li", "act_ld_li", "act_info_li").sum())
    rows = state.row_of[paid["subscriber_id"].to_numpy()]
    places = pl.Series(wallets_of(desk, rows))
    mine = paid.with_columns(place=places).filter((pl.col("place") >= 0) & (pl.col("li") != 0))
    news: list[News] = []
    for place, li in mine.group_by("place").agg(pl.col("li").sum()).sort("place").iter_rows():
        debit(state, news, place, li, rules)
    return news
