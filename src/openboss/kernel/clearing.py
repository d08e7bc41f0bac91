"""Clearing: which money pays which open item (D8.1, D8.2)."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from openboss.kernel.compiled import allocating


class OpenItems(NamedTuple):
    """What is open, account by account in the order of clearing; account a has the rows first[a] to first[a + 1]."""

    first: NDArray[np.int64]
    item_id: NDArray[np.int64]
    open_fen: NDArray[np.int64]


class Buckets(NamedTuple):
    """Money there is, account by account in the order of use; bucket b pays only the items
    allowed_item[allowed_first[b]:allowed_first[b + 1]], or all if it names none."""

    first: NDArray[np.int64]
    balance_fen: NDArray[np.int64]
    allowed_first: NDArray[np.int64]
    allowed_item: NDArray[np.int64]


class Cleared(NamedTuple):
    """One row a payment of an item out of a bucket: rows of both, and fen (more than 0)."""

    item: NDArray[np.int64]
    bucket: NDArray[np.int64]
    paid_fen: NDArray[np.int64]


@allocating
def _may_pay(buckets: Buckets, bucket: int, item_id: int) -> bool:
    first, last = buckets.allowed_first[bucket], buckets.allowed_first[bucket + 1]
    if first == last:
        return True
    for place in range(first, last):
        if buckets.allowed_item[place] == item_id:
            return True
    return False


@allocating
def clear(items: OpenItems, buckets: Buckets) -> Cleared:
    """Let every bucket in its turn pay what it may, in the order of the items, until one of both is used up."""
    open_fen = items.open_fen.copy()
    most = len(open_fen) + len(buckets.balance_fen)  # every payment uses up an item or a bucket
    cleared = Cleared(np.empty(most, np.int64), np.empty(most, np.int64), np.empty(most, np.int64))
    count = 0
    for account in range(len(items.first) - 1):
        for bucket in range(buckets.first[account], buckets.first[account + 1]):
            left_fen = buckets.balance_fen[bucket]
            for item in range(items.first[account], items.first[account + 1]):
                paid_fen = min(left_fen, open_fen[item])
                if paid_fen > 0 and _may_pay(buckets, bucket, items.item_id[item]):
                    left_fen -= paid_fen
                    open_fen[item] -= paid_fen
                    cleared.item[count], cleared.bucket[count], cleared.paid_fen[count] = item, bucket, paid_fen
                    count += 1
    return Cleared(cleared.item[:count], cleared.bucket[:count], cleared.paid_fen[:count])
