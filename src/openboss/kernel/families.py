"""Which users must be billed together: those tied by a customer or by an account that pays for both."""

import numpy as np
from numpy.typing import NDArray

from openboss.kernel.compiled import allocating


@allocating
def _root(parent: NDArray[np.int64], node: int) -> int:
    while parent[node] != node:
        parent[node] = parent[parent[node]]
        node = parent[node]
    return node


@allocating
def families(node_count: int, one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.int64]:
    """Label every node with the smallest node it is tied to, directly or through others.

    one, other  the ties: entry i ties node one[i] to node other[i]
    """
    parent = np.arange(node_count)
    for tie in range(len(one)):
        a, b = _root(parent, one[tie]), _root(parent, other[tie])
        if a < b:
            parent[b] = a
        else:
            parent[a] = b
    for node in range(node_count):
        parent[node] = _root(parent, node)
    return parent
