"""Users who are elsewhere than where their session's records say: another network, or another area of the same.

What was used until then is theirs at the old place; what follows is classified anew, by the same pass as the first
request was. Calls and messages are priced by where they began. Source: CHG-24, TS 32.299 (Trigger-Type), TS 32.291.
"""

import numpy as np

from openboss.kernel.compiled import compiled
from openboss.modules.charging.engine.online.arriving import find_session
from openboss.modules.charging.engine.online.desk import Desk
from openboss.modules.charging.engine.online.group import Group
from openboss.modules.charging.engine.online.kinds import MESSAGES, VOICE, is_message, is_voice
from openboss.modules.charging.engine.online.requests import Kind
from openboss.modules.charging.engine.state import EngineState
from openboss.modules.charging.networks import place_at_home
from openboss.modules.charging.numbering import Keys

PLACE = ("visited_area", "roam_type", "ld_type", "band_shift_s", "partner", "msc_id")
"""The columns of a record that say where its user was."""
_UPDATE = int(Kind.UPDATE)


@compiled
def find_moved(
    desk: Desk, cells: Keys, cell_area: np.ndarray, requests: np.ndarray, moved: np.ndarray, places: np.ndarray
) -> int:
    """List the requests of running sessions that name another place than their records; return how many.

    moved   i64[requests]: the requests;  places  i64[requests]: the newest service of each one's session
    """
    count = 0
    for m in range(len(requests)):
        request = requests[m]
        if request.kind != _UPDATE or request.network == 0:
            continue
        session = find_session(desk, request.key_hi, request.key_lo)
        place = desk.sessions[session].first_service if session >= 0 else -1
        if place < 0 or is_voice(desk.uses[place].record_type) or is_message(desk.uses[place].record_type):
            continue
        use = desk.uses[place]
        at = place_at_home(cells, request.network, request.tracking_area)
        if request.network != use.partner or (at >= 0 and cell_area[at] != use.visited_area):
            moved[count], places[count] = m, place
            count += 1
    return count


def take_place(use: np.ndarray, there: np.ndarray) -> None:
    """Let a record be of another place."""
    for name in PLACE:
        use[name] = there[name]


def moves(
    state: EngineState, group: Group, places: np.ndarray, wanted: np.ndarray, of_request: np.ndarray
) -> np.ndarray:
    """Say which services go on under other circumstances than those in which they used what is reported."""
    is_elsewhere = np.array([group.moved.get(int(m)) is not None for m in of_request], np.bool_)
    is_fixed = np.isin(state.desk.uses["record_type"][places], (*VOICE, *MESSAGES))  # priced by how it began
    goes_on = (group.requests["kind"][of_request] == Kind.UPDATE) & (wanted["is_final"] == 0)
    return (is_elsewhere | (wanted["is_changed"] == 1)) & ~is_fixed & goes_on
