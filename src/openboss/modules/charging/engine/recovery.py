"""How an owner comes to its state: the newest good snapshot, and the journal behind it."""

from pathlib import Path

import numpy as np

from openboss.modules.charging.atomic import engine as journal
from openboss.modules.charging.chunks import make_folder
from openboss.modules.charging.engine.lake import Lake
from openboss.modules.charging.engine.online.closed import joined
from openboss.modules.charging.engine.online.images import Images
from openboss.modules.charging.engine.owner import Owner
from openboss.modules.charging.engine.pieces import Amid
from openboss.modules.charging.engine.snapshots import newest_good
from openboss.modules.charging.engine.twins import remember

GROUPS_AT_ONCE = 256  # of which what they closed is remembered together


def read_only(*, lake_dir: Path, snapshot_dir: Path) -> Owner:
    """Read the newest good snapshot without taking anything over; what came after it is not in it."""
    owner = Owner(Lake(lake_dir), snapshot_dir, 1, journal.Ownership(journal.STREAM, 0, 0))
    _load_newest(owner, before=None)
    return owner


def recover(*, lake_dir: Path, snapshot_dir: Path, threads: int) -> Owner:
    """Take the stream over and rebuild its state from the newest good snapshot and the journal behind it."""
    make_folder(snapshot_dir)
    owner = Owner(Lake(lake_dir), snapshot_dir, threads, journal.take_ownership())
    in_lake = owner.position_in_lake()
    if in_lake > journal.last_position():
        journal.start_timeline()
        owner.ownership = journal.take_ownership()
        in_lake = owner.position_in_lake()
        owner.lake.hide_after(in_lake)
    _load_newest(owner, before=journal.first_chunk_after(in_lake))
    _replay(owner, in_lake)
    owner.flush()
    return owner


def _load_newest(owner: Owner, *, before: int | None) -> None:
    """Load the newest good snapshot; `before` is the first chunk whose detail the lake lacks and replay must make."""
    known = [(position, folder) for position, folder in journal.snapshots() if before is None or position < before]
    found = newest_good(known, snapshot_dir=owner.snapshot_dir, tariffs=owner.lake.folder / "tariffs")
    owner.state, owner.position = found
    owner.snapshot_position = owner.position


def _replay(owner: Owner, in_lake: int) -> None:
    """Apply the journal behind the state; detail that the lake lacks is made again."""
    closed: list[np.ndarray] = []  # of groups of requests one after another
    for entry in journal.journal_after(owner.position):
        owner.position = entry.position
        if entry.kind == journal.ONLINE:
            images = Images(entry.images)
            owner.state.apply_images(images)
            if len(images.closed):
                closed.append(images.closed)
            if entry.position > in_lake:
                owner.keep_closed(images.closed)
            if len(closed) == GROUPS_AT_ONCE:
                _remember_twins(owner, closed)
            continue
        _remember_twins(owner, closed)
        if entry.kind == "CHUNK":
            _replay_piece(owner, entry, in_lake)
        else:
            owner.apply(entry.kind, entry.payload, entry.position)
    _remember_twins(owner, closed)
    owner.state.settle_desk()
    owner.stirred.clear()


def _remember_twins(owner: Owner, closed: list[np.ndarray]) -> None:
    if closed:
        remember(owner.state, joined(closed))
        closed.clear()


def _replay_piece(owner: Owner, entry: journal.JournalEntry, in_lake: int) -> None:
    payload = entry.payload
    if owner.amid is None:
        chunk = journal.ReadyChunk(**{name: payload[name] for name in ("chunk_id", "path", "sha256", "rows")})
        owner.amid = Amid(chunk, owner.lake.read_chunk(chunk.path, chunk.sha256))
    result, _ = owner.rate_piece(owner.amid, payload["last"] - payload["first"], entry.position)
    if entry.position > in_lake:
        owner.keep(result)
    if owner.amid.is_done:
        owner.amid = None
