"""Usage that was charged online and comes again in the network's files: known by user, kind and charging number.

What was charged as it happened is not charged again from a file; it is kept apart, to be compared. A closed record is
remembered among the keys of duplicates, on the day it began; one that still grows is known by itself. A gateway
may cut a session into many records of its own: all of those that began within DAYS_BACK of ours are its twins.

A call or a message that both sides give no common number is known by user, kind, other party and when it began; each
one charged online is the twin of one record of a file, and of others with that record's number.
Algorithm: docs/algorithms/twins.md.
"""

from pathlib import Path

import numpy as np
import polars as pl

from openboss.kernel.usage import RecordType
from openboss.modules.charging.engine.duplicates import DAY_S
from openboss.modules.charging.engine.lake import Lake
from openboss.modules.charging.engine.online import silent
from openboss.modules.charging.engine.online.desk import Life
from openboss.modules.charging.engine.online.kinds import MESSAGES, VOICE
from openboss.modules.charging.engine.state import EngineState

FOLDER = "twins"
DAYS_BACK = 3
DAYS_LATE = 1  # ours begins with the late report of a session that silence had settled
STARTS_APART_S = 5  # how far the clocks of two elements may differ about one beginning
RINGS_S = 120  # how long a call may ring: charging is asked when it is set up, files tell when it was answered
TIMED = (*VOICE, *MESSAGES)
ROWS_AT_ONCE = 4096
TWINS = pl.Schema(
    {
        "file_id": pl.Int64(),
        "seq_in_file": pl.Int32(),
        "subscriber_id": pl.Int64(),
        "record_type": pl.Int8(),
        "call_ref": pl.Int64(),
        "other_number": pl.Int64(),
        "start_local_s": pl.Int64(),
        "online_local_s": pl.Int64(),  # when the one charged online began, if it is known by that; else 0
        "duration_s": pl.Int32(),
        "up_bytes": pl.Int64(),
        "down_bytes": pl.Int64(),
        "message_count": pl.Int32(),
    }
)
_FAR = ("record_type", "third_number", "other_number")
_MARK = 1 << 63  # no key of a record is like it: those are hashes, this names a user and a kind
_BEGAN, _TOLD, _ANY = 1 << 56, 2 << 56, 3 << 56  # what a key says: one began then; a file told of it; any that day
_SPREAD = np.uint64(0x9E3779B97F4A7C15)
_AFTER = np.arange(-STARTS_APART_S, STARTS_APART_S + 1)  # a message: the first that is left, as they were sent
_SINCE = np.arange(STARTS_APART_S, -RINGS_S - 1, -1)  # a call: the last that was set up


def far_number(uses: np.ndarray | dict[str, np.ndarray]) -> np.ndarray:
    """Name the other party of records: of a forwarded call whom it was forwarded to, where that is said."""
    is_forwarded = (uses["record_type"] == RecordType.CALL_FORWARD) & (uses["third_number"] != 0)
    return np.where(is_forwarded, uses["third_number"], uses["other_number"])


def _keys(
    subscriber_id: np.ndarray, record_type: np.ndarray, call_ref: np.ndarray, says: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    high = np.uint64(_MARK | says) | record_type.astype(np.uint64) << np.uint64(48) | subscriber_id.astype(np.uint64)
    return high, call_ref.astype(np.uint64) * _SPREAD


def _moments(other: np.ndarray, start_local_s: np.ndarray, nth: int) -> np.ndarray:
    """Number what began at a second with another party, the first, second ... of them: i64[n]."""
    mixed = other.astype(np.uint64) * _SPREAD + start_local_s.astype(np.uint64)
    mixed = (mixed ^ mixed >> np.uint64(29)) * np.uint64(0xD6E8FEB86659FD93)
    return (mixed ^ mixed >> np.uint64(32)) + np.uint64(nth)


def remember(state: EngineState, closed: np.ndarray) -> None:
    """Remember records that sessions closed (CLOSED): by their charging number, calls and messages by when they began.

    A call that lasted no second is none: files tell nothing of it, or what its network did not report, to be charged.
    """
    uses = closed["use"]
    is_told = (uses["duration_s"] > 0) | ~np.isin(uses["record_type"], VOICE)  # of others a record says what was used
    named = np.flatnonzero((uses["call_ref"] != 0) & is_told)
    if len(named):
        state.used["online"] = 1
        high, low = _keys(closed["subscriber_id"], uses["record_type"], uses["call_ref"])
        state.duplicates.claim(uses["start_local_s"] // DAY_S, high, low, named)
    is_voice = np.isin(uses["record_type"], VOICE)
    timed = np.flatnonzero(np.isin(uses["record_type"], MESSAGES) | (is_voice & (uses["duration_s"] > 0)))
    if len(timed):
        state.used["online_timed"] = 1
        _remember_moments(state, closed[timed])


def _remember_moments(state: EngineState, closed: np.ndarray) -> None:
    uses, users = closed["use"], closed["subscriber_id"]
    days, nobody = uses["start_local_s"] // DAY_S, np.zeros(len(closed), np.int64)
    state.duplicates.claim(days, *_keys(users, nobody, users, _ANY), np.arange(len(closed)))
    _count(state, _BEGAN, users, uses["record_type"], far_number(uses), uses["start_local_s"])


def find_twins(state: EngineState, columns: dict[str, np.ndarray], rows: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Say which records of a chunk were charged online: i64[len(places)], -1 = not, 0 = known by its number, else the
    local second at which the one charged online began. What is found by that second is taken: it is found once.

    What sessions ended and nobody could rate comes once more from the error pool (a file below zero): it is no twin.

    rows    i32[n]: the user of each record of the chunk
    places  i64[k]: the records that are asked about
    """
    began = np.full(len(places), -1, np.int64)
    began[_are_named(state, columns, rows, places)] = 0
    is_call = np.isin(columns["record_type"][places], VOICE) & (columns["duration_s"][places] > 0)
    is_timed = is_call | np.isin(columns["record_type"][places], MESSAGES)
    asked = np.flatnonzero(is_timed & (columns["file_id"][places] >= 0))
    asked = asked[_has_any(state, columns, rows[places[asked]], places[asked])]
    asked = asked[np.lexsort((asked, columns["start_local_s"][places[asked]], began[asked] < 0))]  # named ones first
    for first in range(0, len(asked), ROWS_AT_ONCE):
        some = asked[first : first + ROWS_AT_ONCE]
        found = _taken(state, columns, rows[places[some]], places[some])
        unnamed = (began[some] < 0) & (found >= 0)
        began[some[unnamed]] = found[unnamed]
    met = np.flatnonzero(began > 0)
    if len(met):
        _remember_numbers(state, columns, rows, places[met], began[met])
        others = np.flatnonzero(began < 0)
        began[others[_are_named(state, columns, rows, places[others])]] = 0
    _end_settled(state, columns, rows, places[(began < 0) & (columns["file_id"][places] >= 0)])
    return began


def _end_settled(state: EngineState, columns: dict[str, np.ndarray], rows: np.ndarray, charged: np.ndarray) -> None:
    """End sessions that silence settled before they used anything and that records of files, charged now, tell of."""
    uses = {name: columns[name][charged] for name in ("record_type", "call_ref", "start_local_s")}
    told = charged[silent.have_settled(state.duplicates, state.directory.subscriber_id[rows[charged]], uses)]
    if not len(told):
        return
    told, desk = told[np.argsort(columns["start_local_s"][told], kind="stable")], state.desk
    settled = np.flatnonzero(silent.are_settled(desk.sessions))
    settled = settled[np.isin(desk.sessions["row"][settled], rows[told])]  # few of all sessions
    began = desk.uses[desk.sessions["first_service"][settled]]
    order = np.lexsort((settled, began["start_local_s"]))
    theirs, ours = far_number({name: columns[name][told] for name in _FAR}), far_number(began)
    is_left = np.ones(len(told), np.bool_)  # a message is of one session, the first that is left
    for session, use, far in zip(settled[order], began[order], ours[order], strict=True):
        of_kind = (rows[told] == desk.sessions["row"][session]) & (columns["record_type"][told] == use["record_type"])
        is_named = (use["call_ref"] != 0) & (columns["call_ref"][told] == use["call_ref"])
        is_message = use["record_type"] in MESSAGES
        later_s, most_s = (
            columns["start_local_s"][told] - use["start_local_s"],
            STARTS_APART_S if is_message else RINGS_S,
        )
        is_near = is_left & (later_s >= -STARTS_APART_S) & (later_s <= most_s) & (theirs == far)
        found = np.flatnonzero(of_kind & (is_named | (is_near & (use["record_type"] in TIMED))))
        if len(found):
            is_left[found[0]] = not is_message
            desk.sessions["life"][session] = Life.CLOSED


def _are_named(state: EngineState, columns: dict[str, np.ndarray], rows: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Say which records have a number that something charged online has: bool[len(places)]."""
    known = np.zeros(len(places), np.bool_)
    named = np.flatnonzero((columns["call_ref"][places] != 0) & (columns["file_id"][places] >= 0))
    mine = places[named]
    record_type, call_ref = columns["record_type"][mine], columns["call_ref"][mine]
    if state.used.get("online"):
        high, low = _keys(state.directory.subscriber_id[rows[mine]], record_type, call_ref)
        days = (columns["start_local_s"][mine] + STARTS_APART_S) // DAY_S  # ours began after midnight, theirs before
        for back in range(-DAYS_LATE, DAYS_BACK + 1):
            known[named] |= state.duplicates.has(days - back, high, low)
    known[named] |= _still_grow(state, rows[mine], record_type, call_ref)
    return known


def _still_grow(state: EngineState, rows: np.ndarray, record_type: np.ndarray, call_ref: np.ndarray) -> np.ndarray:
    """Say which records have a twin among their users' open services: one service of every user at a time."""
    desk, found = state.desk, np.zeros(len(rows), np.bool_)
    left = np.flatnonzero(rows < len(desk.user_service))
    open_places = desk.user_service[rows[left]]
    while len(left):
        left, open_places = left[open_places >= 0], open_places[open_places >= 0]
        is_same = desk.uses["record_type"][open_places] == record_type[left]
        found[left] |= is_same & (desk.uses["call_ref"][open_places] == call_ref[left])
        open_places = desk.services["next_of_user"][open_places]
    return found


def _remember_numbers(
    state: EngineState, columns: dict[str, np.ndarray], rows: np.ndarray, places: np.ndarray, began: np.ndarray
) -> None:
    """Remember the numbers that files give to what was charged online: further records of a call have them too."""
    named = np.flatnonzero(columns["call_ref"][places] != 0)
    if len(named):
        state.used["online"] = 1
        users = state.directory.subscriber_id[rows[places]]
        high, low = _keys(users, columns["record_type"][places], columns["call_ref"][places])
        state.duplicates.claim(began // DAY_S, high, low, named)


def _has_any(state: EngineState, columns: dict[str, np.ndarray], rows: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Say which records have a user who was charged online for calls or messages about that day, or is now."""
    found = np.zeros(len(places), np.bool_)
    known = np.flatnonzero(rows < len(state.desk.user_service))
    found[known] = state.desk.user_service[rows[known]] >= 0
    if state.used.get("online_timed"):
        users, start_local_s = state.directory.subscriber_id[rows], columns["start_local_s"][places]
        keys = _keys(users, np.zeros(len(rows), np.int64), users, _ANY)
        for apart_s in (-RINGS_S, STARTS_APART_S):
            found |= state.duplicates.has((start_local_s + apart_s) // DAY_S, *keys)
    return found


def _taken(state: EngineState, columns: dict[str, np.ndarray], rows: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Take for each record, in turn, what was charged online and no file has told of: when it began, -1 = nothing."""
    users, kinds = state.directory.subscriber_id[rows], columns["record_type"][places]
    others = far_number({name: columns[name][places] for name in _FAR})
    start_local_s, found = columns["start_local_s"][places], np.full(len(places), -1, np.int64)
    for kinds_so, order in ((MESSAGES, _AFTER), (VOICE, _SINCE)):
        mine = np.flatnonzero(np.isin(kinds, kinds_so))
        at = np.repeat(mine, len(order))  # the seconds of a record stand together, the best first
        second = (start_local_s[mine][:, None] + order).ravel()
        there = _counted(state, _BEGAN, users[at], kinds[at], others[at], second)
        _add_open(state, rows[mine], kinds[mine], others[mine], start_local_s[mine], order, there)
        some = np.flatnonzero(there)
        there[some] -= _counted(state, _TOLD, users[at[some]], kinds[at[some]], others[at[some]], second[some])
        left: dict[tuple[int, ...], int] = {}
        for k in np.flatnonzero(there > 0).tolist():
            one = at[k]
            moment = int(users[one]), int(kinds[one]), int(others[one]), int(second[k])
            if found[one] < 0 and left.setdefault(moment, int(there[k])):
                left[moment] -= 1
                found[one] = second[k]
    told = np.flatnonzero(found >= 0)
    _count(state, _TOLD, users[told], kinds[told], others[told], found[told])
    return found


def _add_open(
    state: EngineState, rows: np.ndarray, kinds: np.ndarray, others: np.ndarray, start_local_s: np.ndarray,
    order: np.ndarray, there: np.ndarray,
) -> None:  # fmt: skip
    """Add what users' open services have at the seconds near each record (i64[records * seconds])."""
    desk, first, step = state.desk, int(order[0]), int(order[1] - order[0])
    left = np.flatnonzero(rows < len(desk.user_service))
    open_places = desk.user_service[rows[left]]
    while len(left):
        left, open_places = left[open_places >= 0], open_places[open_places >= 0]
        uses = desk.uses[open_places]
        place = (uses["start_local_s"] - start_local_s[left] - first) * step
        is_near = (place >= 0) & (place < len(order)) & (uses["record_type"] == kinds[left])
        is_near &= far_number(uses) == others[left]
        there[left[is_near] * len(order) + place[is_near]] += 1
        open_places = desk.services["next_of_user"][open_places]


def _count(
    state: EngineState, says: int, users: np.ndarray, kinds: np.ndarray, others: np.ndarray, start_local_s: np.ndarray
) -> None:
    """Enter one more of each, equal ones too."""
    left, nth = np.arange(len(users)), 0
    while len(left):
        keys = _keys(users, kinds, _moments(others, start_local_s, nth), says)
        fresh = state.duplicates.claim(start_local_s // DAY_S, *keys, left)
        left, nth = left[fresh[left] == 0], nth + 1


def _counted(
    state: EngineState, says: int, users: np.ndarray, kinds: np.ndarray, others: np.ndarray, start_local_s: np.ndarray
) -> np.ndarray:
    """Count what was entered of each: i64[n]."""
    count, left, nth = np.zeros(len(users), np.int64), np.arange(len(users)), 0
    while len(left):
        keys = _keys(users[left], kinds[left], _moments(others[left], start_local_s[left], nth), says)
        left = left[state.duplicates.has(start_local_s[left] // DAY_S, *keys)]
        count[left] += 1
        nth += 1
    return count


def keep_twins(lake: Lake, twins: pl.DataFrame, *, timeline: int, position: int) -> None:
    """Keep the twins of a chunk (schema TWINS) for the comparison; doing it again changes nothing."""
    if len(twins):
        lake.publish(twins, f"{FOLDER}/{timeline:04d}-{position:012d}.parquet")


def read_twins(lake_dir: Path, *, from_local_s: int, to_local_s: int) -> pl.DataFrame:
    """The records of gateways' files that began between two local seconds and were charged online (schema TWINS)."""
    files = sorted((lake_dir / FOLDER).glob("*.parquet"))
    if not files:
        return pl.DataFrame(schema=TWINS)
    began = pl.col("start_local_s")
    twins = pl.scan_parquet(files, schema=TWINS, missing_columns="insert").filter(
        began >= from_local_s, began < to_local_s
    )
    return twins.with_columns(pl.col("other_number", "online_local_s").fill_null(0)).collect()
