"""Who pays what: the items of a user spread over the accounts that pay for the user (D1.1).

Amounts are fen, rounded once per user and item before they are spread: exactly one share could carry the fraction
of a fen (the others are whole fen by D1.1), so this equals rounding per account (D3.3), and limits stay exact.
"""

from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from openboss.kernel.compiled import allocating
from openboss.kernel.pointed import pointed
from openboss.kernel.rounding import PPM, floor_share


class Mode(IntEnum):
    """How much of what is left a payment relation takes."""

    FULL = 1
    RATIO = 2  # value = parts per million of the item
    LIMIT = 3  # value = fen a cycle, over all items of the relation
    REST = 4  # the default account: what nobody else took


class Scope(IntEnum):
    """Which items a payment relation covers; the narrower is asked first."""

    ITEM = 0  # target = item column
    GROUP = 1  # target = item group
    ALL = 2


@pointed
class Relations(NamedTuple):
    """Payment relations, sorted by user and priority; user u has the rows first[u] to first[u + 1]."""

    first: NDArray[np.int64]
    account: NDArray[np.int64]
    scope: NDArray[np.int64]
    target: NDArray[np.int64]
    mode: NDArray[np.int64]
    value: NDArray[np.int64]


class Shares(NamedTuple):
    """One row a share: the item row it comes from, the account that pays it, fen at standard price and fen due."""

    row: NDArray[np.int64]
    account: NDArray[np.int64]
    std_fen: NDArray[np.int64]
    due_fen: NDArray[np.int64]


@allocating
def _covers(relations: Relations, relation: int, scope: int, item: int, group: int) -> bool:
    if relations.scope[relation] != scope or relations.mode[relation] == Mode.REST:
        return False
    if scope == Scope.ITEM:
        return relations.target[relation] == item
    return scope == Scope.ALL or relations.target[relation] == group


@allocating
def _taken_fen(mode: int, value: int, room_fen: int, due_fen: int, left_fen: int) -> int:
    """What one relation takes of an item; a credit (negative item) is not limited and not turned round."""
    if mode == Mode.FULL:
        return left_fen
    if mode == Mode.RATIO:
        share = floor_share(due_fen, value, PPM)
        return min(share, left_fen) if due_fen >= 0 else max(share, left_fen)
    return max(min(room_fen, left_fen), 0)


@allocating
def _rest_account(relations: Relations, user: int) -> int:
    for relation in range(relations.first[user], relations.first[user + 1]):
        if relations.mode[relation] == Mode.REST:
            return relations.account[relation]
    return -1


@allocating
def split_to_accounts(
    user: NDArray[np.int64],
    item: NDArray[np.int64],
    group_of_item: NDArray[np.int64],
    std_fen: NDArray[np.int64],
    due_fen: NDArray[np.int64],
    relations: Relations,
) -> Shares:
    """Spread item rows over accounts; every fen lands on exactly one account.

    user, item, std_fen, due_fen  one entry a row, sorted by user and then by settlement order (D7.6)
    A user without a REST relation gives its rest to account -1: the caller refuses such users before.
    """
    capacity = 0
    for row in range(len(user)):
        capacity += relations.first[user[row] + 1] - relations.first[user[row]] + 1
    out_row, out_account = np.empty(capacity, np.int64), np.empty(capacity, np.int64)
    out_std, out_due = np.empty(capacity, np.int64), np.empty(capacity, np.int64)
    room_fen = relations.value.copy()
    count = 0
    for row in range(len(user)):
        start, left, std_left, closed = count, due_fen[row], std_fen[row], False
        for scope in range(3):
            for relation in range(relations.first[user[row]], relations.first[user[row] + 1]):
                if closed or not _covers(relations, relation, scope, item[row], group_of_item[item[row]]):
                    continue
                mode = relations.mode[relation]
                taken = _taken_fen(mode, relations.value[relation], room_fen[relation], due_fen[row], left)
                closed = mode == Mode.FULL
                if taken == 0 and not closed:
                    continue
                if mode == Mode.LIMIT:
                    room_fen[relation] -= taken
                std = std_left if taken == left else _std_share(std_fen[row], taken, due_fen[row], std_left)
                out_row[count], out_account[count] = row, relations.account[relation]
                out_std[count], out_due[count] = std, taken
                left, std_left, count = left - taken, std_left - std, count + 1
        if left != 0 or (count == start and not closed):
            out_row[count], out_account[count] = row, _rest_account(relations, user[row])
            out_std[count], out_due[count] = std_left, left
            count += 1
    return Shares(out_row[:count], out_account[:count], out_std[:count], out_due[:count])


@allocating
def _std_share(std_fen: int, taken_fen: int, due_fen: int, std_left_fen: int) -> int:
    """The standard fee that goes with a share, in the proportion of what is due."""
    if due_fen == 0:
        return 0
    share = floor_share(std_fen, abs(taken_fen), abs(due_fen))
    return min(share, std_left_fen) if std_fen >= 0 else max(share, std_left_fen)
