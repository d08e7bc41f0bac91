"""Sessions of which their network says that it knows them no more: it restarted, or answers so when it is asked."""

from collections.abc import Collection

import numpy as np

from openboss.modules.charging.engine.online.desk import Desk, Life

_NONE_S = -1  # so long such a session may be silent


def let_settle(desk: Desk, keys: Collection[str]) -> int:
    """Have the next sweep settle the open ones among some sessions (Turns.sweep); return how many there are.

    keys  the engine's names of sessions, 32 hexadecimal digits

    One that speaks again after all goes on like any that fell silent. A crash before the sweep leaves them to their
    ordinary time.
    """
    named = {(int(key[:16], 16), int(key[16:], 16)) for key in keys}
    wanted = np.array([low for _high, low in named], np.uint64)
    sessions = desk.sessions
    places = np.flatnonzero((sessions["life"] == Life.OPEN) & np.isin(sessions["key_lo"], wanted))
    found = [place for place in places if (int(sessions["key_hi"][place]), int(sessions["key_lo"][place])) in named]
    sessions["silence_s"][found] = _NONE_S
    return len(found)
