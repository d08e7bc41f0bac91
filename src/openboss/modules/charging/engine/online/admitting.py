"""Which requests are usual, whether all they write has room, and what memory is asked for before they come.

Compiled; for swift.py.
"""

import numpy as np

from openboss.kernel.compiled import compiled
from openboss.kernel.prefetch import prefetch
from openboss.kernel.records import Cycles
from openboss.kernel.state import LANES, Directory, Lane, draws_on_pool
from openboss.kernel.tariffs import TariffTables
from openboss.modules.charging.engine.online.arriving import find_session
from openboss.modules.charging.engine.online.cuts import next_change
from openboss.modules.charging.engine.online.desk import EFFECTS_A_RECORD, Desk
from openboss.modules.charging.engine.online.kinds import is_access, is_message, is_voice, reports_use
from openboss.modules.charging.engine.online.paying import (
    CLOSED,
    NEWS_A_PAYMENT,
    NEWS_TOLD,
    SERVICES,
    SESSIONS,
    WALLETS,
    Choices,
    Work,
)
from openboss.modules.charging.engine.online.requests import Kind, Measure
from openboss.modules.charging.engine.state import TOTALS_A_RECORD

MOST_QUOTES = 16  # of one service: its size is searched between 1 KB and 1 MB, or among some seconds
FAR, SOON = 4, 2  # how many requests ahead memory is asked for a session, and for what hangs on it

_INITIAL, _TERMINATION, _EVENT = int(Kind.INITIAL), int(Kind.TERMINATION), int(Kind.EVENT)
_SECONDS, _OCTETS = int(Measure.SECONDS), int(Measure.OCTETS)


@compiled
def measure_of(record_type: int) -> int:
    """Say what use is counted in; messages are none of it."""
    return _SECONDS if is_voice(record_type) or is_access(record_type) else _OCTETS


@compiled
def _is_usual_ask(
    desk: Desk, directory: Directory, cycles: Cycles, tables: TariffTables, request: np.ndarray, ask: np.ndarray,
    place: int, local_s: int,
) -> bool:  # fmt: skip
    if place < 0 or ask.is_changed == 1:
        return False
    if request.kind == _INITIAL and reports_use(ask):
        return False  # what is over already
    service, use = desk.services[place], desk.uses[place]
    if ask.want_li != 0 or ask.used_li != 0 or ask.after_li != 0 or use.info_fee_li != 0:
        return False  # money
    if use.partial_seq != 0 and is_voice(use.record_type):
        return False  # what goes on after a cut may come to nothing
    if ask.want_units > 0 and measure_of(use.record_type) == _OCTETS:
        return False
    if service.change_local_s == 0:
        service.change_local_s = next_change(use, service.row, directory, cycles, tables)
    return service.change_local_s > local_s


@compiled
def usual_services(
    desk: Desk, directory: Directory, cycles: Cycles, tables: TariffTables, request: np.ndarray, asks: np.ndarray,
    ask_place: np.ndarray, session: int, choices: Choices, local_s: int,
) -> int:  # fmt: skip
    """How many services the user of a usual request has open; -1 if it is not usual."""
    row, first, last = desk.sessions[session].row, request.first_ask, request.first_ask + request.asks
    if request.kind == _EVENT or request.asks == 0 or request.asks > choices.most_services:
        return -1
    if directory.group_head[row] >= 0 and draws_on_pool(directory, row):
        return -1
    for a in range(first, last):
        if not _is_usual_ask(desk, directory, cycles, tables, request, asks[a], ask_place[a], local_s):
            return -1
    count, own, other = 0, 0, desk.user_service[row]
    while other >= 0:
        count, service = count + 1, desk.services[other]
        own += 1 if service.session == session else 0
        if is_message(desk.uses[other].record_type) or desk.sessions[service.session].kind == _EVENT:
            return -1
        other = service.next_of_user
    if count > choices.most_services or (request.kind == _TERMINATION and own != request.asks):
        return -1  # what a session's last request does not name ends too
    return count


@compiled
def has_room(
    desk: Desk, lanes: tuple[Lane, ...], tables: TariffTables, session: int, asks: int, services: int, work: Work,
    touched: np.ndarray, touched_count: np.ndarray,
) -> bool:  # fmt: skip
    """Say whether all that carrying out a request can write has room."""
    ratings = asks * (2 * services + 5)  # those of what others hold, in every quote, among them
    lane = lanes[desk.sessions[session].row % LANES]
    if lane.totals_count[0] + ratings * TOTALS_A_RECORD > len(lane.totals_item):
        return False
    if lane.counter_count[0] + ratings * tables.counter_room > len(lane.counter_key):
        return False
    tries = asks * MOST_QUOTES * (services + 1)
    if touched_count[0] + 2 * (ratings + services + tries) * EFFECTS_A_RECORD > len(touched):
        return False
    noted, other = asks * services, desk.sessions[session].first_service
    while other >= 0:
        noted, other = noted + 1, desk.services[other].next
    if work.counts[SERVICES] + noted > len(work.services) or work.counts[CLOSED] + asks > len(work.closed):
        return False
    if work.counts[NEWS_TOLD] + ratings * NEWS_A_PAYMENT > len(work.news):
        return False
    return work.counts[SESSIONS] < len(work.sessions) and work.counts[WALLETS] < len(work.wallets)


@compiled
def ask_memory_for(
    desk: Desk, directory: Directory, lanes: tuple[Lane, ...], requests: np.ndarray, m: int, slot: int
) -> None:
    """Ask memory for what the requests behind one will read: for a session, its user, what hangs on the user."""
    if m + FAR < len(requests):
        prefetch(desk.buckets, np.int64(requests[m + FAR].key_lo & np.uint64(len(desk.buckets) - 1)))
    if m + SOON < len(requests):
        session = find_session(desk, requests[m + SOON].key_hi, requests[m + SOON].key_lo)
        if session >= 0:
            row, service = desk.sessions[session].row, desk.sessions[session].first_service
            prefetch(directory.holding_head, row)
            prefetch(lanes[row % LANES].free_head, row // LANES)
            prefetch(desk.user_wallet, row)
            prefetch(desk.services, service)
            prefetch(desk.uses, service)
            prefetch(desk.effects_at, service)
    if m + 1 < len(requests):
        session = find_session(desk, requests[m + 1].key_hi, requests[m + 1].key_lo)
        if session >= 0:
            row = desk.sessions[session].row
            prefetch(desk.effects, desk.effects_at[desk.sessions[session].first_service])
            if desk.user_wallet[row] >= 0:
                prefetch(desk.wallets, desk.user_wallet[row])
            if directory.holding_head[row] >= 0:
                prefetch(directory.holding_from_s, directory.holding_head[row])
            lane, local_row = lanes[row % LANES], row // LANES
            if lane.free_head[local_row, slot] >= 0:
                prefetch(lane.free_rule, lane.free_head[local_row, slot])
            if lane.totals_head[local_row, slot] >= 0:
                prefetch(lane.totals_rule, lane.totals_head[local_row, slot])
