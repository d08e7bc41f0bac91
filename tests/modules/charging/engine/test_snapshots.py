"""What a snapshot holds comes back to the byte, or not at all."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from openboss.modules.charging.engine.layout import LAST_S
from openboss.modules.charging.engine.online import orders
from openboss.modules.charging.engine.online.desk import SESSION, Life
from openboss.modules.charging.engine.snapshots import load_snapshot, newest_good, save_snapshot
from openboss.modules.charging.engine.state import EngineState

from .conftest import record
from .test_rating_chunks import rate

WALLETS = {"wallets": [{"account_id": 900 + n, "subscriber_ids": [], "balance_li": n} for n in range(200)]}
WIDE_BEFORE = ("desk.user_wallet", "desk.user_service", "_from_s", "_to_s")


@pytest.fixture
def saved(engine: EngineState, tmp_path: Path) -> Path:
    """Two snapshots: of a state with usage and wallets, and of the same with one record more."""
    engine.tariff_sha256 = ""
    engine.open_cycle(201205)
    call = record(8613900000002, "2012-05-01 10:00:00", duration_s=61)
    rate(engine, call)
    orders.carry_out(engine, "WALLETS", WALLETS)
    save_snapshot(engine, tmp_path / "older", 1)
    rate(engine, {**call, "key_lo": 7, "key_hi": 7})
    save_snapshot(engine, tmp_path / "newer", 2)
    return tmp_path


def test_a_snapshot_comes_back_to_the_byte_and_lies_as_it_lay(engine: EngineState, saved: Path) -> None:
    found = load_snapshot(saved / "newer")
    assert found.digest() == engine.digest()
    assert all(
        column.strides == was.strides
        for mine, its in zip((found.directory, *found.lanes), (engine.directory, *engine.lanes), strict=True)
        for column, was in zip(mine, its, strict=True)
    )
    assert [found.accounts.get(account_id) for account_id in (900, 1099, 899)] == [0, 199, None]


def is_refused(path: Path, place: int) -> bool:
    """Whether the snapshot of a file is refused while a byte of it is another."""
    content = path.read_bytes()
    changed = bytearray(content)
    changed[place] ^= 1
    path.write_bytes(changed)
    try:
        load_snapshot(path.parent)
    except (ValueError, KeyError):  # newest_good goes on with an older one
        return True
    finally:
        path.write_bytes(content)
    return False


def test_a_changed_byte_of_any_file_is_noticed(saved: Path) -> None:
    files = [path for path in (saved / "newer").iterdir() if not path.name.startswith("keys-")]
    assert all(is_refused(path, -1) for path in files)
    sample = [saved / "newer" / name for name in ("desk.wallets.npy", "directory.span_row.npy", "manifest.json")]
    assert all(is_refused(path, place) for path in sample for place in (0, 6, 8, 9, 10, 30, 60, 100, 127))
    load_snapshot(saved / "newer")


def test_keys_of_duplicates_that_were_changed_are_noticed(saved: Path) -> None:
    (path,) = (saved / "newer").glob("keys-*.npy")
    keys = np.load(path)
    keys[np.flatnonzero(keys[:, 0])[0], 0] ^= np.uint64(1)
    np.save(path, keys)
    with pytest.raises(ValueError, match="damaged"):
        load_snapshot(saved / "newer")


def test_files_cut_off_too_long_gone_or_exchanged_are_noticed(saved: Path) -> None:
    newer = saved / "newer"
    path, other = newer / "lane1.totals_calls.npy", newer / "lane1.totals_seconds.npy"
    content, others = path.read_bytes(), other.read_bytes()
    assert len(content) == len(others)
    for wrong in (content[:-8], content[:64], b"", content + b"\0", others):
        path.write_bytes(wrong)
        with pytest.raises(ValueError):
            load_snapshot(newer)
    path.unlink()
    with pytest.raises(FileNotFoundError):
        load_snapshot(newer)


def test_instead_of_a_damaged_snapshot_the_one_before_is_read(saved: Path) -> None:
    known = [(2, "newer"), (1, "older")]
    assert newest_good(known, snapshot_dir=saved, tariffs=saved)[1] == 2
    path = saved / "newer" / "desk.wallets.npy"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    state, position = newest_good(known, snapshot_dir=saved, tariffs=saved)
    assert (position, state.digest()) == (1, load_snapshot(saved / "older").digest())


def as_before(state: EngineState, folder: Path) -> None:
    """Save a state as it was done until 2026-11-22: one digest over everything, nothing of each file."""
    save_snapshot(state, folder, 1)
    manifest = json.loads((folder / "manifest.json").read_bytes())
    small = [manifest["tariff_sha256"], manifest["used"], manifest["holds"]]
    whole = hashlib.sha256(json.dumps(small, sort_keys=True).encode())
    for name, array in sorted(state.arrays().items()):
        wide = np.ascontiguousarray(array, np.int64 if name.endswith(WIDE_BEFORE) else array.dtype)
        if name.endswith("_to_s"):
            wide[wide == LAST_S] = 2**62
        np.save(folder / f"{name}.npy", wide)
        whole.update(name.encode() + wide.tobytes())
    for day, keys in sorted(state.duplicates.days.items()):
        whole.update(f"{day}:{keys.described()}".encode())
    for name in ("files", "sha256", "keys"):
        del manifest[name]
    (folder / "manifest.json").write_text(json.dumps(manifest | {"digest": whole.hexdigest()}))


def test_a_snapshot_of_before_is_read_and_refused_if_a_byte_of_it_was_changed(engine: EngineState, saved: Path) -> None:
    before = saved / "before"
    as_before(engine, before)
    assert load_snapshot(before).digest() == engine.digest()
    for name in ("directory.span_row", "lane1.totals_act_li", "desk.user_wallet"):
        path = before / f"{name}.npy"
        content = path.read_bytes()
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        with pytest.raises(ValueError, match="damaged"):
            load_snapshot(before)
        path.write_bytes(content)
    manifest = (before / "manifest.json").read_text()
    (before / "manifest.json").write_text(manifest.replace('"rows": 2', '"rows": 1'))
    with pytest.raises(ValueError, match="damaged"):
        load_snapshot(before)


def test_a_snapshot_whose_sessions_did_not_say_their_action_is_read(engine: EngineState, saved: Path) -> None:
    before = saved / "before"
    engine.desk.sessions["life"][0] = Life.CLOSED
    as_before(engine, before)
    path = before / "desk.sessions.npy"
    old = [(name, *rest) for name, *rest in SESSION.descr if name not in ("action", "spare")]
    np.save(path, np.load(path).view(np.dtype([*old, ("spare", np.uint8, 4)])))
    assert load_snapshot(before).desk.sessions.dtype == SESSION
    np.save(path, np.load(path).view(np.dtype([*old, ("other", np.uint8, 4)])))
    with pytest.raises(ValueError, match="is read where this version has"):
        load_snapshot(before)
