"""What services were granted and have not reported yet, as records of their own beside those of the desk.

A quota is priced as if what its user's other services hold, and those of the users it shares a pool with, had been
used, and paid for beyond what is reserved for it. Compiled, for both ways of carrying out requests.
Source: D4.8; docs/algorithms/online.md (How much is granted).
"""

import numpy as np

from openboss.kernel.compiled import compiled
from openboss.kernel.state import Directory, pool_at
from openboss.modules.charging.engine.online.desk import EFFECT, EFFECTS_A_RECORD, SERVICE, USE, Desk, empty_desk
from openboss.modules.charging.engine.online.requests import Kind, Measure

_EVENT = int(Kind.EVENT)
_SECONDS, _OCTETS, _UNITS = int(Measure.SECONDS), int(Measure.OCTETS), int(Measure.UNITS)


def room_beside(desk: Desk | None, places: int) -> Desk:
    """A desk on which nothing but so many records of what is outstanding find room."""
    return (desk or empty_desk())._replace(
        services=np.zeros(places, SERVICE),
        uses=np.zeros(places, USE),
        effects=np.zeros((places, EFFECTS_A_RECORD), EFFECT),
        effects_at=np.arange(places, dtype=np.int32),
    )


@compiled
def _note(desk: Desk, place: int, beside: Desk, count: int) -> int:
    """Note what one open service holds, if anything, behind `count` others; return how many there are now."""
    service = desk.services[place]
    if service.granted <= 0 or desk.sessions[service.session].kind == _EVENT:
        return count
    if count < len(beside.services):
        one = beside.services[count]
        one.row, one.marks, one.reserved_li = service.row, 0, service.reserved_li
        beside.uses[count] = desk.uses[place]
        use = beside.uses[count]
        use.duration_s, use.up_bytes, use.down_bytes, use.message_count, use.info_fee_li = 0, 0, 0, 0, 0
        if service.measure == _SECONDS:
            use.duration_s = service.granted
        elif service.measure == _OCTETS:
            use.down_bytes = service.granted
        elif service.measure == _UNITS:
            use.message_count = service.granted
        else:
            use.info_fee_li = service.granted
    return count + 1


@compiled
def note_others(desk: Desk, place: int, beside: Desk, count: int) -> int:
    """Note what the other open services of a service's user hold; return how many are noted, or would be with room."""
    other = desk.user_service[desk.services[place].row]
    while other >= 0:
        if other != place:
            count = _note(desk, other, beside, count)
        other = desk.services[other].next_of_user
    return count


@compiled
def link_members(
    directory: Directory, rows: int, first: int, pool_head: np.ndarray, next_member: np.ndarray, member: np.ndarray
) -> None:  # fmt: skip
    """Chain the group entries from `first` on that draw on a pool.

    pool_head  i32[rows]: first entry of a pool's row, -1 = none;  next_member, member  i32[entries]: the next, whose
    """
    for row in range(rows):
        entry = directory.group_head[row]
        while entry >= first:
            pool = directory.group_pool[entry]
            if pool >= 0:
                member[entry], next_member[entry] = row, pool_head[pool]
                pool_head[pool] = entry
            entry = directory.group_next[entry]


@compiled
def _is_in_force(directory: Directory, row: int, entry: int) -> bool:
    """Say whether an entry of a group is still one of its user's: each image of a user has new ones."""
    mine = directory.group_head[row]
    while mine >= 0 and mine != entry:
        mine = directory.group_next[mine]
    return mine >= 0


@compiled
def note_members(
    desk: Desk, directory: Directory, place: int, pool_head: np.ndarray, next_member: np.ndarray, member: np.ndarray,
    beside: Desk, count: int,
) -> int:  # fmt: skip
    """Note what the open services of those hold who share the pool on which a service's user draws."""
    own = desk.services[place].row
    pool = pool_at(directory, own, desk.uses[place].start_local_s)
    entry = pool_head[pool] if pool >= 0 else -1
    while entry >= 0:
        row = member[entry]
        if row != own and _is_in_force(directory, row, entry):
            other = desk.user_service[row]
            while other >= 0:
                if pool_at(directory, row, desk.uses[other].start_local_s) == pool:
                    count = _note(desk, other, beside, count)
                other = desk.services[other].next_of_user
        entry = next_member[entry]
    return count
