"""What online charging knows: wallets, sessions, and the services in them, as arrays.

A user's money lies in a wallet, which several users may share; a user without one is never refused for money. A
session is found by the hash of its name; its services are a chain. A service has one growing record of use. Ended
sessions stay for a while, so that a late repeat of a request gets the answer it had.
"""

import math
from enum import IntEnum
from typing import NamedTuple

import numpy as np
import polars as pl

from openboss.kernel.compiled import compiled
from openboss.kernel.pointed import pointed
from openboss.modules.charging.schema import NORMALISED


class Life(IntEnum):
    """State of a session or of a service."""

    FREE = 0  # the place is empty
    OPEN = 1
    CLOSED = 2
    EXPIRED = 3  # settled because the network fell silent; goes on if it speaks again
    PATTERN = 4  # a service nobody has asked for yet: what the session's services will be like


class Barred(IntEnum):
    """What a user may not do (D2.2)."""

    NOTHING = 0
    OUTGOING = 1
    EVERYTHING = 2


WALLET = np.dtype(
    [
        ("account_id", np.int64),
        ("balance_li", np.int64),
        ("limit_li", np.int64),  # how far below zero the balance may go: 0 for prepaid users
        ("reserved_li", np.int64),  # for quotas in use
        ("held_li", np.int64),  # for business that has asked and not yet decided
    ]
)


def free_of(wallets: np.ndarray) -> np.ndarray:
    """Say what wallets (WALLET, one or many) have left to spend or to reserve, in li."""
    return wallets["balance_li"] + wallets["limit_li"] - wallets["reserved_li"] - wallets["held_li"]


SESSION = np.dtype(
    [
        ("key_hi", np.uint64),
        ("key_lo", np.uint64),
        ("number", np.int64),  # of the last request
        ("touched_at_s", np.int64),  # UTC second of the last request
        ("row", np.int64),
        ("first_service", np.int64),
        ("result", np.int32),  # of the last answer
        ("silence_s", np.int32),  # how long the network may be silent
        ("cost_li", np.int64),  # of the last answer, to an event
        ("kind", np.uint8),  # of the last request
        ("life", np.uint8),
        ("record_type", np.uint8),
        ("has_credit", np.uint8),  # of the last answer
        ("action", np.uint8),  # 1 + the Action of the last event; 0 = none, or of before 2026-11-23
        ("spare", np.uint8, 3),
    ]
)

SERVICE = np.dtype(
    [
        ("rating_group", np.int64),
        ("service_id", np.int64),
        ("session", np.int64),
        ("next", np.int64),  # in the session
        ("next_of_user", np.int64),  # open services of a user, -1 = the last
        ("row", np.int64),
        ("change_local_s", np.int64),  # when other prices begin: the record is cut there
        ("act_li", np.int64),  # charged so far
        ("reserved_li", np.int64),
        ("closed_position", np.int64),
        # the last answer, for repeats
        ("answered_number", np.int64),
        ("granted", np.int64),
        ("change_at_s", np.int64),
        ("validity_s", np.int64),
        ("result", np.int32),
        ("measure", np.uint8),
        ("is_last", np.uint8),
        ("life", np.uint8),
        ("marks", np.uint8),  # places taken in `effects`
    ]
)

EFFECTS_A_RECORD = 16
EFFECT = np.dtype(
    [
        ("kind", np.uint8),  # 0 = none, else FREE_NODE, TOTALS_NODE, COUNTER_NODE
        ("lane", np.uint8),
        ("slot", np.uint8),
        ("spare", np.uint8),
        ("node", np.int32),
        ("local_row", np.int64),
        ("a", np.int64),  # what the record added: used; calls; value
        ("b", np.int64),  # seconds
        ("c", np.int64),  # units
        ("d", np.int64),  # free units
        ("e", np.int64),  # standard li
        ("f", np.int64),  # actual li
    ]
)
"""What an open record has done to its user's state, so that it can be undone before it is rated anew."""
FREE_NODE, TOTALS_NODE, COUNTER_NODE = 1, 2, 3

USE = np.dtype([(name, column.to_numpy().dtype) for name, column in pl.DataFrame(schema=NORMALISED).to_dict().items()])
"""A record of use: the columns of NORMALISED."""


@pointed
class Desk(NamedTuple):
    """Every array of online charging."""

    user_wallet: np.ndarray  # i32[rows], -1 = none
    user_barred: np.ndarray  # u8[rows]: Barred
    user_number: np.ndarray  # i64[rows]: the number by which a user known by IMSI is classified
    user_service: np.ndarray  # i32[rows]: first of a user's open services, -1 = none
    wallets: np.ndarray  # WALLET
    sessions: np.ndarray  # SESSION
    services: np.ndarray  # SERVICE
    uses: np.ndarray  # USE[services]
    effects: np.ndarray  # EFFECT[rows, EFFECTS_A_RECORD]: one for every open service; the first is nobody's
    buckets: np.ndarray  # i64[2^k]: first session of a hash, counted from 1, 0 = none; derived
    next_in_bucket: np.ndarray  # i64[sessions]: the next one of the hash, counted likewise; derived
    free_sessions: np.ndarray  # i64[sessions]: stack of empty places; derived
    free_services: np.ndarray  # i64[services]; derived
    free_effects: np.ndarray  # i64[rows of effects]; derived
    effects_at: np.ndarray  # i32[services]: the row of effects of an open service, 0 = none; derived
    taken: np.ndarray  # i64[3]: empty places left in the three stacks; derived


RESERVED = 1 << 23  # places of sessions and services that addresses are reserved for; memory follows as they are used
RESERVED_BYTES = 1 << 31  # at most, of one array
PLACES_AT_ONCE = 1 << 16  # most places added in one go
SESSIONS_A_BUCKET = 4  # at most, on average

KEPT = ("user_wallet", "user_barred", "user_number", "user_service", "wallets", "sessions", "services", "uses",
        "effects")  # fmt: skip
"""The arrays a snapshot holds; the others follow from them."""


def empty_desk() -> Desk:
    """A desk that knows nobody."""
    return indexed(
        {
            "user_wallet": np.zeros(0, np.int32),
            "user_barred": np.zeros(0, np.uint8),
            "user_number": np.zeros(0, np.int64),
            "user_service": np.zeros(0, np.int32),
            "wallets": np.zeros(0, WALLET),
            "sessions": np.zeros(64, SESSION),
            "services": np.zeros(64, SERVICE),
            "uses": np.zeros(64, USE),
            "effects": np.zeros((0, EFFECTS_A_RECORD), EFFECT),
        }
    )


def indexed(kept: dict[str, np.ndarray]) -> Desk:
    """Put the kept arrays on a desk and work out the others.

    effects  EFFECT[marked services, EFFECTS_A_RECORD], as `marked_effects` gives them; up to 2026-11-23 snapshots held
             a row for every service
    """
    sessions, services = kept["sessions"], kept["services"]
    empty_sessions = np.flatnonzero(sessions["life"] == Life.FREE)[::-1]
    empty_services = np.flatnonzero(services["life"] == Life.FREE)[::-1]
    free_sessions, free_services = np.zeros(len(sessions), np.int64), np.zeros(len(services), np.int64)
    free_sessions[: len(empty_sessions)] = empty_sessions
    free_services[: len(empty_services)] = empty_services
    buckets, next_in_bucket = _found_by_hash(sessions)
    effects, effects_at = _with_rows(services, kept["effects"])
    return Desk(
        **(kept | {"effects": effects}),
        buckets=buckets,
        next_in_bucket=next_in_bucket,
        free_sessions=free_sessions,
        free_services=free_services,
        free_effects=np.zeros(len(effects), np.int64),
        effects_at=effects_at,
        taken=np.array([len(empty_sessions), len(empty_services), 0], np.int64),
    )


def _with_rows(services: np.ndarray, effects: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give each open service a row of effects, the marked ones with what they did; all rows are taken."""
    is_open = services["life"] == Life.OPEN
    is_marked = is_open & (services["marks"] > 0)
    if len(effects) == len(services):
        effects = effects[is_marked]
    effects_at = np.zeros(len(services), np.int32)
    effects_at[is_open] = np.arange(1, np.count_nonzero(is_open) + 1)
    rows = np.zeros((np.count_nonzero(is_open) + 1, EFFECTS_A_RECORD), EFFECT)
    rows[effects_at[is_marked]] = effects
    return rows, effects_at


def _found_by_hash(sessions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Make the lists by which sessions are found."""
    buckets = np.zeros(max(RESERVED // SESSIONS_A_BUCKET, 1 << len(sessions).bit_length()), np.int64)
    next_in_bucket = np.zeros(len(sessions), np.int64)
    _fill_buckets(sessions, buckets, next_in_bucket)
    return buckets, next_in_bucket


@compiled
def _fill_buckets(sessions: np.ndarray, buckets: np.ndarray, next_in_bucket: np.ndarray) -> None:
    mask = np.uint64(len(buckets) - 1)
    for place in range(len(sessions)):
        if sessions[place].life != 0:
            bucket = np.int64(sessions[place].key_lo & mask)
            next_in_bucket[place] = buckets[bucket]
            buckets[bucket] = place + 1


def with_places(desk: Desk, sessions: int, services: int) -> Desk:
    """Let a desk have at least so many empty places, services to be opened too. Nothing is copied: networks wait."""
    if desk.taken[0] < sessions:
        desk = _with_more(desk, 0, sessions, ("sessions", "next_in_bucket"), "free_sessions")
        if len(desk.sessions) > SESSIONS_A_BUCKET * len(desk.buckets):
            buckets, next_in_bucket = _found_by_hash(desk.sessions)
            desk = desk._replace(buckets=buckets, next_in_bucket=next_in_bucket)
    if desk.taken[1] < services:
        desk = _with_more(desk, 1, services, ("services", "uses", "effects_at"), "free_services")
    return with_effects(desk, services)


def with_effects(desk: Desk, services: int) -> Desk:
    """Let a desk have rows of effects for so many services more."""
    return _with_more(desk, 2, services, ("effects",), "free_effects") if desk.taken[2] < services else desk


def has_open(desk: Desk) -> bool:
    """Whether any service is open: it has a row of effects, of which the first is nobody's."""
    return bool(desk.taken[2] < len(desk.effects) - 1)


def _with_more(desk: Desk, stack: int, wanted: int, names: tuple[str, ...], free: str) -> Desk:
    """Add places behind the others, to be taken after the empty ones."""
    have, left = len(getattr(desk, names[0])), int(desk.taken[stack])
    size = have + max(wanted, min(have, PLACES_AT_ONCE))
    grown = {name: further(getattr(desk, name), size) for name in (*names, free)}
    added = size - have
    grown[free][added : added + left] = grown[free][:left].copy()
    grown[free][:added] = np.arange(size - 1, have - 1, -1)
    desk.taken[stack] += added
    return desk._replace(**grown)


def reaching(desk: Desk, sessions: int, services: int) -> Desk:
    """Let a desk have so many places of each, for images to be put there; some to spare where it had fewer."""
    found = {}
    for name, size in (("sessions", sessions), *((name, services) for name in ("services", "uses", "effects_at"))):
        have = len(getattr(desk, name))
        if have < size:
            found[name] = further(getattr(desk, name), max(size, have + min(have, PLACES_AT_ONCE)))
    return desk._replace(**found)


def further(array: np.ndarray, size: int) -> np.ndarray:
    """Give sessions or services at least `size` places; new ones are zero. Copied only where no addresses are left."""
    if len(array) >= size:
        return array
    room = array.base
    kind = array.dtype, array.shape[1:]
    if room is None or (room.dtype, room.shape[1:]) != kind or len(room) < size:
        reserved = min(RESERVED, RESERVED_BYTES // (array.dtype.itemsize * math.prod(array.shape[1:])))
        room = np.zeros((max(reserved, 2 * size), *array.shape[1:]), array.dtype)
        room[: len(array)] = array
    return room[:size]


def with_users(desk: Desk, rows: int) -> Desk:
    """Let a desk know the users up to a row."""
    if len(desk.user_wallet) >= rows:
        return desk
    size = max(rows, len(desk.user_wallet) * 3 // 2)
    return desk._replace(
        user_wallet=longer(desk.user_wallet, size, -1),
        user_barred=longer(desk.user_barred, size),
        user_number=longer(desk.user_number, size),
        user_service=longer(desk.user_service, size, -1),
    )


def renumber(desk: Desk, lane: int, kind: int, moved_to: np.ndarray) -> None:
    """Follow the places of one kind and lane that have moved; what was dropped with its period is done for good."""
    marked = np.flatnonzero(desk.services["marks"])
    effects = desk.effects[desk.effects_at[marked]]
    mine = _is_marked(desk.services[marked]) & (effects["kind"] == kind) & (effects["lane"] == lane)
    effects["node"][mine] = moved_to[effects["node"][mine]]
    gone = mine & (effects["node"] < 0)
    effects["a"][gone], effects["node"][gone] = 0, 0
    desk.effects[desk.effects_at[marked]] = effects


def in_use(desk: Desk) -> dict[str, np.ndarray]:
    """Name the kept arrays, cut after the last place in use; what images would not bring back is left out."""
    last_session = int(np.flatnonzero(desk.sessions["life"]).max(initial=-1)) + 1
    last_service = int(np.flatnonzero(desk.services["life"]).max(initial=-1)) + 1
    known = (desk.user_wallet >= 0) | (desk.user_number != 0) | (desk.user_barred != 0)
    users = int(np.flatnonzero(known).max(initial=-1)) + 1
    cut = {"sessions": last_session, "services": last_service, "uses": last_service,
           **dict.fromkeys(("user_wallet", "user_barred", "user_number", "user_service"), users)}  # fmt: skip
    found = {name: getattr(desk, name)[: cut.get(name)] for name in KEPT if name != "effects"}
    found["sessions"] = _but(found["sessions"], found["sessions"]["life"] == Life.FREE)
    is_free = found["services"]["life"] == Life.FREE
    found["services"], found["uses"] = _but(found["services"], is_free), _but(found["uses"], is_free)
    return found | {"effects": marked_effects(desk)}


def marked_effects(desk: Desk) -> np.ndarray:
    """Name what open records have done, in the order of their services; nothing behind the last effect of one."""
    marked = np.flatnonzero(desk.services["marks"])
    is_marked = _is_marked(desk.services[marked])
    return np.where(is_marked, desk.effects[desk.effects_at[marked]], np.zeros((), EFFECT))


def effects_of(desk: Desk, place: int) -> np.ndarray:
    """What the open record of a service has done so far: EFFECT[n]."""
    return desk.effects[desk.effects_at[place]][: desk.services["marks"][place]]


def _but(rows: np.ndarray, is_left_out: np.ndarray) -> np.ndarray:
    """Leave some rows empty: what stood in a place that was given up is nobody's."""
    if not is_left_out.any():
        return rows
    found = rows.copy()
    found[is_left_out] = np.zeros((), rows.dtype)
    return found


def _is_marked(services: np.ndarray) -> np.ndarray:
    """Say which effects of some services count: bool[services, EFFECTS_A_RECORD]."""
    return np.arange(EFFECTS_A_RECORD)[None, :] < services["marks"][:, None]


def longer(array: np.ndarray, size: int, filled: int = 0) -> np.ndarray:
    """Give an array at least `size` places; new ones are zero, or as said."""
    if len(array) >= size:
        return array
    grown = np.zeros((size, *array.shape[1:]), array.dtype)
    if filled:
        grown[len(array) :] = filled
    grown[: len(array)] = array
    return grown
