"""What a group of requests changed, as bytes: absolute after-images.

They are journalled with the group and applied again after a crash: replay rates nothing, and applying twice does no
harm. The rated detail of records that a group closed is in them too.
"""

import numpy as np
import polars as pl
import pyarrow as pa

from openboss.kernel.compiled import compiled
from openboss.kernel.state import LANES, Lane
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
    longer,
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
_HEADER = 6  # counts of sessions, services, effects, wallets, nodes; bytes of detail


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


def images_of(
    desk: Desk,
    lanes: list[Lane],
    *,
    sessions: np.ndarray,
    services: np.ndarray,
    wallets: np.ndarray,
    touched: np.ndarray,
    detail: pl.DataFrame | None,
) -> bytes:
    """Write down the state of everything a group has touched, and the rated detail of the records it closed."""
    if len(touched):
        keys = touched[:, 0] << 56 | touched[:, 1] << 48 | touched[:, 3]
        touched = touched[np.unique(keys, return_index=True)[1]]
    nodes = np.zeros(len(touched), NODE)
    _gather(tuple(lanes), touched, nodes)
    used = desk.services["marks"][services]
    effects = desk.effects[services]
    kept = np.arange(EFFECTS_A_RECORD)[None, :] < used[:, None]
    content = b"" if detail is None else _written(detail)
    header = np.array([len(sessions), len(services), int(used.sum()), len(wallets), len(nodes), len(content)])
    pieces = (header, sessions, desk.sessions[sessions], services, desk.services[services], desk.uses[services],
              effects[kept], wallets, desk.wallets[wallets], nodes)  # fmt: skip
    rows = desk.sessions["row"][sessions]
    heads = (rows, desk.user_service[rows])
    return b"".join(piece.tobytes() for piece in (*pieces, *heads)) + content


def _written(detail: pl.DataFrame) -> bytes:
    sink = pa.BufferOutputStream()
    table = detail.to_arrow()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return sink.getvalue().to_pybytes()


class Images:
    """Journalled images, read back."""

    def __init__(self, payload: bytes) -> None:
        self._payload, self._at = payload, 0
        sessions, services, effects, wallets, nodes, content = (int(n) for n in self._next(_PLACE, _HEADER))
        self.session_places, self.sessions = self._next(_PLACE, sessions), self._next(SESSION, sessions)
        self.service_places, self.services = self._next(_PLACE, services), self._next(SERVICE, services)
        self.uses, self.effects = self._next(USE, services), self._next(EFFECT, effects)
        self.wallet_places, self.wallets = self._next(_PLACE, wallets), self._next(WALLET, wallets)
        self.nodes = self._next(NODE, nodes)
        self.rows, self.user_services = self._next(_PLACE, sessions), self._next(_PLACE, sessions)
        self.detail = pa.ipc.open_stream(payload[self._at :]).read_all() if content else None

    def _next(self, kind: np.dtype, count: int) -> np.ndarray:
        found = np.frombuffer(self._payload, kind, count, self._at)
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
            sessions=longer(desk.sessions, int(self.session_places.max(initial=-1)) + 1),
            **{name: longer(getattr(desk, name), services) for name in ("services", "uses", "effects")},
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
