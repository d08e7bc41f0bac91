"""Sessions found among all that online charging knows, by user, by name or by state: for whoever looks for one."""

from typing import Any

import numpy as np

from openboss.kernel.usage import RecordType
from openboss.modules.charging.engine.online.arriving import find_session
from openboss.modules.charging.engine.online.desk import Desk, Life
from openboss.modules.charging.engine.online.shown import known_row
from openboss.modules.charging.engine.state import EngineState

MOST_FOUND = 200
STATES = (Life.OPEN, Life.EXPIRED, Life.CLOSED)


def find_sessions(
    state: EngineState, *, subscriber_id: int | None = None, keys: list[str] | None = None, life: str = ""
) -> dict[str, Any]:
    """Find sessions; those heard of last come first.

    keys  names of sessions in the engine, 32 hexadecimal digits: any of them
    life  name of one of STATES; empty: any
    Returns {"total", "sessions": at most MOST_FOUND of them}. Raises KeyError for another state.
    """
    sessions = state.desk.sessions
    wanted = np.isin(sessions["life"], [int(Life[life])] if life else [int(one) for one in STATES])
    if subscriber_id is not None:
        row = known_row(state, subscriber_id)
        wanted &= (sessions["row"] == row) & (row >= 0)
    if keys is not None:
        named = np.zeros(len(sessions), np.bool_)
        for key in keys:
            high, low = np.uint64(int(key[:16], 16)), np.uint64(int(key[16:], 16))
            named |= (sessions["key_hi"] == high) & (sessions["key_lo"] == low)
        wanted &= named
    places = np.flatnonzero(wanted)
    total = len(places)
    if total > MOST_FOUND:
        places = places[np.argpartition(sessions["touched_at_s"][places], total - MOST_FOUND)[-MOST_FOUND:]]
    places = places[np.argsort(-sessions["touched_at_s"][places], kind="stable")]
    return {"total": total, "sessions": [_shown(state, int(place)) for place in places]}


def serves_data(desk: Desk, key: str) -> bool:
    """Say whether the session of a name, 32 hexadecimal digits, is known, and of data."""
    place = int(find_session(desk, np.uint64(int(key[:16], 16)), np.uint64(int(key[16:], 16))))
    return place >= 0 and bool(desk.sessions["record_type"][place] == RecordType.DATA)


def _shown(state: EngineState, place: int) -> dict[str, Any]:
    session = state.desk.sessions[place]
    return {
        "session": f"{int(session['key_hi']):016x}{int(session['key_lo']):016x}",
        "life": Life(session["life"]).name,
        "subscriber_id": int(state.directory.subscriber_id[session["row"]]),
        "record_type": int(session["record_type"]),
        "call_ref": int(state.desk.uses["call_ref"][session["first_service"]]),
        "requests": int(session["number"]),
        "touched_at_s": int(session["touched_at_s"]),
        "result": int(session["result"]),
        **_of_services(state.desk, int(session["first_service"])),
    }


def _of_services(desk: Desk, place: int) -> dict[str, int]:
    """What the services of a session come to; those of an ended one as long as they are remembered."""
    found = {"services": 0, "used_s": 0, "used_octets": 0, "used_units": 0, "act_li": 0, "reserved_li": 0}
    began_at_s = 0
    while place >= 0 and found["services"] < len(desk.services):
        service, use = desk.services[place], desk.uses[place]
        if service["life"] != Life.PATTERN:
            found["services"] += 1
            found["used_s"] += int(use["duration_s"])
            found["used_octets"] += int(use["up_bytes"]) + int(use["down_bytes"])
            found["used_units"] += int(use["message_count"])
            found["act_li"] += int(service["act_li"])
            found["reserved_li"] += int(service["reserved_li"])
            began_at_s = min(began_at_s or int(use["start_at_s"]), int(use["start_at_s"]))
        place = int(service["next"])
    return {**found, "began_at_s": began_at_s}
