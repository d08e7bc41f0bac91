"""Sessions that silence settled: whose they were is known for days, should a file tell first what was used in them.

A late report of such a session is charged. If nothing of it was charged and its record comes by file, the file is
charged, and the session is over. Journalled are no keys but sessions; replay finds them there.
Algorithm: docs/algorithms/twins.md.
"""

import numpy as np

from openboss.kernel.usage import RecordType
from openboss.modules.charging.engine.duplicates import DAY_S, Duplicates
from openboss.modules.charging.engine.online.desk import Desk, Life
from openboss.modules.charging.engine.online.requests import Kind

_DAYS = 1 << 33  # tables of days on which such sessions began are numbered behind those of records and of debits
_DAYS_KEPT = 4  # a file's record begins at most three days later
_SPREAD = np.uint64(0x9E3779B97F4A7C15)


def are_settled(sessions: np.ndarray) -> np.ndarray:
    """Say which sessions (SESSION) silence has settled; debits are settled otherwise."""
    return (sessions["life"] == Life.EXPIRED) & (sessions["kind"] != Kind.EVENT)


def remember(duplicates: Duplicates, subscriber_id: np.ndarray, desk: Desk, places: np.ndarray) -> None:
    """Remember whose those among some sessions were that silence has settled.

    subscriber_id  i64[rows]: of every user
    """
    settled = places[are_settled(desk.sessions[places])]
    if not len(settled):
        return
    uses = desk.uses[desk.sessions["first_service"][settled]]
    days = _DAYS + uses["start_local_s"] // DAY_S
    keys = _keys(subscriber_id[desk.sessions["row"][settled]], uses["record_type"], uses["call_ref"])
    duplicates.claim(days, *keys, np.arange(len(settled)))
    for old in [day for day in duplicates.days if _DAYS <= day < int(days.max()) - _DAYS_KEPT]:
        del duplicates.days[old]


def have_settled(duplicates: Duplicates, subscriber_id: np.ndarray, uses: dict[str, np.ndarray]) -> np.ndarray:
    """Say which records may tell of a session that silence settled: bool[n].

    uses  columns of NORMALISED: record_type, call_ref, start_local_s
    """
    found = np.zeros(len(subscriber_id), np.bool_)
    if any(day >= _DAYS for day in duplicates.days):
        keys = _keys(subscriber_id, uses["record_type"], uses["call_ref"])
        for back in range(-1, _DAYS_KEPT):
            found |= duplicates.has(_DAYS + uses["start_local_s"] // DAY_S - back, *keys)
    return found


def _keys(users: np.ndarray, record_type: np.ndarray, call_ref: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Name data by their charging number, all else by user and kind: it may be known by the moment it began."""
    number = np.where(record_type == RecordType.DATA, call_ref, 0)
    high = (record_type.astype(np.uint64) + np.uint64(1)) << np.uint64(48) | users.astype(np.uint64)
    return high, (number + users).astype(np.uint64) * _SPREAD
