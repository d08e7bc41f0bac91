"""What a group of requests changed, as bytes: absolute after-images.

They are journalled with the group and applied again after a crash: replay rates nothing, and applying twice does no
harm. The records that a group closed are in them too.
"""

from typing import NamedTuple

import numpy as np

from openboss.kernel.compiled import compiled
from openboss.kernel.state import LANES, Lane
from openboss.modules.charging.engine.online.closed import CLOSED
from openboss.modules.charging.engine.online.desk import (
    COUNTER_NODE,
    EFFECT,
    EFFECTS_A_RECORD,
    FREE_NODE,
    SERVICE,
    SESSION,
    USE,
    WALLET,
    Desk,
    further,
    longer,
)
from openboss.modules.charging.engine.online.packing import (
    WORD,
    WORST,
    copy_rows,
    distinct,
    squeeze,
    unsqueeze,
    words_packed,
)

NODE = np.dtype(
    [
        ("kind", np.uint8),
        ("lane", np.uint8),
        ("slot", np.uint8),
        ("spare", np.uint8),
        ("node", np.int32),
        ("local_row", np.int32),
        ("next", np.int32),
        ("head", np.int32),
        ("rule", np.int32),
        ("key", np.int64),  # of a counter; of a total its item
        ("period", np.int64),
        ("to_s", np.int64),
        ("a", np.int64),
        ("b", np.int64),
        ("c", np.int64),
        ("d", np.int64),
        ("e", np.int64),
        ("f", np.int64),
    ]
)
"""A free resource, a running total or a counter as it is now."""
_PLACE = np.dtype(np.int64)
_SESSION, _SERVICE, _USE, _EFFECT, _WALLET = (kind.itemsize // WORD for kind in (SESSION, SERVICE, USE, EFFECT, WALLET))
_HEADER = 6  # counts of sessions, services, effects, wallets, nodes; closed records


@compiled
def _gather(lanes: tuple[Lane, ...], touched: np.ndarray, nodes: np.ndarray) -> None:
    for i in range(len(nodes)):
        found, kind, node, slot = nodes[i], touched[i, 0], touched[i, 3], touched[i, 2]
        lane, local_row = lanes[touched[i, 1]], touched[i, 4]
        found.kind, found.lane, found.slot, found.node, found.local_row = kind, touched[i, 1], slot, node, local_row
        if kind == FREE_NODE:
            found.a = lane.free_used[node]
        elif kind == COUNTER_NODE:
            found.next, found.head = lane.counter_next[node], lane.counter_head[local_row, 0]
            found.key, found.period = lane.counter_key[node], lane.counter_period[node]
            found.to_s, found.a = lane.counter_to_s[node], lane.counter_value[node]
        else:
            found.next, found.head = lane.totals_next[node], lane.totals_head[local_row, slot]
            found.key, found.rule = lane.totals_item[node], lane.totals_rule[node]
            found.a, found.b = lane.totals_calls[node], lane.totals_seconds[node]
            found.c, found.d = lane.totals_units[node], lane.totals_free_units[node]
            found.e, found.f = lane.totals_std_li[node], lane.totals_act_li[node]


@compiled
def _put(lanes: tuple[Lane, ...], nodes: np.ndarray) -> None:
    for i in range(len(nodes)):
        found = nodes[i]
        lane, node, local_row = lanes[found.lane], found.node, found.local_row
        if found.kind == FREE_NODE:
            lane.free_used[node] = found.a
        elif found.kind == COUNTER_NODE:
            lane.counter_next[node], lane.counter_head[local_row, 0] = found.next, found.head
            lane.counter_key[node], lane.counter_period[node] = found.key, found.period
            lane.counter_to_s[node], lane.counter_value[node] = found.to_s, found.a
            lane.counter_count[0] = max(lane.counter_count[0], node + 1)
        else:
            lane.totals_next[node], lane.totals_head[local_row, found.slot] = found.next, found.head
            lane.totals_item[node], lane.totals_rule[node] = found.key, found.rule
            lane.totals_calls[node], lane.totals_seconds[node] = found.a, found.b
            lane.totals_units[node], lane.totals_free_units[node] = found.c, found.d
            lane.totals_std_li[node], lane.totals_act_li[node] = found.e, found.f
            lane.totals_count[0] = max(lane.totals_count[0], node + 1)


@compiled
def _copy_effects(
    services: np.ndarray, places: np.ndarray, words: np.ndarray, width: int, raw: np.ndarray, at: int
) -> int:
    """Copy what open records have done: the places taken of each."""
    for i in range(len(places)):
        first = places[i] * EFFECTS_A_RECORD * width
        for k in range(services[places[i]].marks * width):
            raw[at + k] = words[first + k]
        at += services[places[i]].marks * width
    return at


@compiled
def _count_marks(services: np.ndarray, places: np.ndarray) -> int:
    count = 0
    for i in range(len(places)):
        count += services[places[i]].marks
    return count


@compiled
def _copy_heads(sessions: np.ndarray, user_service: np.ndarray, places: np.ndarray, raw: np.ndarray, at: int) -> int:
    """Copy the rows of sessions' users, then the first open service of each."""
    count = len(places)
    for i in range(count):
        row = sessions[places[i]].row
        raw[at + i], raw[at + count + i] = row, user_service[row]
    return at + 2 * count


@compiled
def _distinct_nodes(touched: np.ndarray, table: np.ndarray) -> int:
    """Move each free resource, total or counter touched to the front once; return how many.

    table  i64[2^k], more than twice as many as touched: work space
    """
    count, mask = 0, len(table) - 1
    for i in range(len(table)):
        table[i] = 0
    for i in range(len(touched)):
        key = touched[i, 0] << 56 | touched[i, 1] << 48 | touched[i, 3]  # kinds begin at 1: never zero
        place = (key * 0x9E3779B97F4A7C15 >> 33) & mask
        while table[place] != 0 and table[place] != key:
            place = (place + 1) & mask
        if table[place] == 0:
            table[place] = key
            for column in range(touched.shape[1]):
                touched[count, column] = touched[i, column]
            count += 1
    return count


def _words(array: np.ndarray) -> np.ndarray:
    return array.reshape(-1).view(np.uint64)


class Changed(NamedTuple):
    """What a group has touched: places, some of them more than once, and the records it closed (CLOSED)."""

    sessions: np.ndarray
    services: np.ndarray
    wallets: np.ndarray
    touched: np.ndarray  # i64[n, TOUCHED_COLUMNS] of engine/online/effects.py
    closed: np.ndarray


class Imager:
    """Writes images; keeps room to work in."""

    def __init__(self) -> None:
        self._raw, self._out = np.zeros(0, np.uint64), np.zeros(0, np.uint8)
        self._marks, self._table = np.zeros(0, np.uint8), np.zeros(64, np.int64)

    def write(self, desk: Desk, lanes: list[Lane], changed: Changed) -> bytes:
        """Write down the state of everything a group has touched, and the records it closed."""
        most = max(len(desk.sessions), len(desk.services), len(desk.wallets))
        if len(self._marks) < most:
            self._marks = np.zeros(2 * most, np.uint8)
        while len(self._table) < 4 * len(changed.touched):
            self._table = np.zeros(2 * len(self._table), np.int64)
        sessions, services, wallets = (
            places[: distinct(places, self._marks)] for places in (changed.sessions, changed.services, changed.wallets)
        )
        nodes = np.zeros(_distinct_nodes(changed.touched, self._table), NODE)
        _gather(tuple(lanes), changed.touched, nodes)
        marks = _count_marks(desk.services, services)
        header = np.array([len(sessions), len(services), marks, len(wallets), len(nodes), len(changed.closed)])
        size = _HEADER + len(sessions) * (3 + _SESSION) + len(services) * (1 + _SERVICE + _USE) + marks * _EFFECT
        size += len(wallets) * (1 + _WALLET) + (nodes.nbytes + changed.closed.nbytes) // WORD
        self._raw, self._out = longer(self._raw, size), longer(self._out, WORD + WORST * size)
        raw, own = self._raw, np.arange(1)
        at = copy_rows(_words(header), _HEADER, own, raw, 0)
        at = copy_rows(_words(sessions), len(sessions), own, raw, at)
        at = copy_rows(_words(desk.sessions), _SESSION, sessions, raw, at)
        at = copy_rows(_words(services), len(services), own, raw, at)
        at = copy_rows(_words(desk.services), _SERVICE, services, raw, at)
        at = copy_rows(_words(desk.uses), _USE, services, raw, at)
        at = _copy_effects(desk.services, services, _words(desk.effects), _EFFECT, raw, at)
        at = copy_rows(_words(wallets), len(wallets), own, raw, at)
        at = copy_rows(_words(desk.wallets), _WALLET, wallets, raw, at)
        at = copy_rows(_words(nodes), nodes.nbytes // WORD, own, raw, at)
        at = _copy_heads(desk.sessions, desk.user_service, sessions, raw, at)
        at = copy_rows(_words(changed.closed), changed.closed.nbytes // WORD, own, raw, at)
        return self._out[: squeeze(raw[:at], self._out)].tobytes()


class Images:
    """Journalled images, read back."""

    def __init__(self, packed: bytes) -> None:
        bytes_of = np.frombuffer(packed, np.uint8)
        raw = np.zeros(words_packed(bytes_of), np.uint64)
        unsqueeze(bytes_of, raw)
        self._payload, self._at = raw.view(np.uint8), 0
        sessions, services, effects, wallets, nodes, closed = (int(n) for n in self._next(_PLACE, _HEADER))
        self.session_places, self.sessions = self._next(_PLACE, sessions), self._next(SESSION, sessions)
        self.service_places, self.services = self._next(_PLACE, services), self._next(SERVICE, services)
        self.uses, self.effects = self._next(USE, services), self._next(EFFECT, effects)
        self.wallet_places, self.wallets = self._next(_PLACE, wallets), self._next(WALLET, wallets)
        self.nodes = self._next(NODE, nodes)
        self.rows, self.user_services = self._next(_PLACE, sessions), self._next(_PLACE, sessions)
        self.closed = self._next(CLOSED, closed)

    def _next(self, kind: np.dtype, count: int) -> np.ndarray:
        found = self._payload[self._at : self._at + count * kind.itemsize].view(kind)
        self._at += count * kind.itemsize
        return found

    def most_nodes(self, kind: int) -> list[int]:
        """How many places of a kind each lane must have."""
        mine = self.nodes[self.nodes["kind"] == kind]
        return [int(mine["node"][mine["lane"] == number].max(initial=-1)) + 1 for number in range(LANES)]

    def put(self, desk: Desk, lanes: list[Lane]) -> Desk:
        """Apply the images to lanes that are large enough; return the desk, longer if need be.

        What follows from the kept arrays must be worked out again (desk.indexed) before requests are served.
        """
        services = int(self.service_places.max(initial=-1)) + 1
        desk = desk._replace(
            sessions=further(desk.sessions, int(self.session_places.max(initial=-1)) + 1),
            **{name: further(getattr(desk, name), services) for name in ("services", "uses", "effects")},
        )
        desk.sessions[self.session_places] = self.sessions
        desk.services[self.service_places] = self.services
        desk.uses[self.service_places] = self.uses
        kept = np.arange(EFFECTS_A_RECORD)[None, :] < self.services["marks"][:, None]
        effects = np.zeros((len(self.services), EFFECTS_A_RECORD), EFFECT)
        effects[kept] = self.effects
        desk.effects[self.service_places] = effects
        desk.wallets[self.wallet_places] = self.wallets
        desk.user_service[self.rows] = self.user_services
        _put(tuple(lanes), self.nodes)
        return desk
