"""Where the wallet of an account lies: a table of places by the hash of the account's number.

Four bytes a place, at most half of them taken; a dictionary took a hundred bytes of memory a wallet.
"""

import numpy as np

from openboss.kernel.compiled import compiled
from openboss.kernel.direct import direct
from openboss.modules.charging.engine.online.desk import WALLET

SMALLEST = 1 << 6


class Accounts:
    """The accounts that have a wallet; follows from the wallets."""

    def __init__(self, wallets: np.ndarray | None = None) -> None:
        self._wallets = np.zeros(0, WALLET)
        self._places = np.zeros(SMALLEST, np.int32)
        if wallets is not None:
            self.take(wallets)

    def __len__(self) -> int:
        return len(self._wallets)

    def take(self, wallets: np.ndarray) -> None:
        """Know these wallets, the known ones and further ones behind them."""
        known, self._wallets = len(self._wallets), wallets
        if 2 * len(wallets) > len(self._places):
            known, self._places = 0, np.zeros(1 << (2 * len(wallets)).bit_length(), np.int32)
        _enter(wallets, self._places, known)

    def get(self, account_id: int) -> int | None:
        """The place of an account's wallet; None = it has none."""
        place = _find(self._wallets, self._places, account_id)
        return place if place >= 0 else None


@compiled
def _slot(wallets: np.ndarray, places: np.ndarray, account_id: int) -> int:
    """Find where an account's place stands, or would stand: counted from 1, 0 = empty."""
    mask = len(places) - 1
    slot = (account_id * 0x9E3779B97F4A7C15 >> 17) & mask
    while places[slot] != 0 and wallets[places[slot] - 1].account_id != account_id:
        slot = (slot + 1) & mask
    return slot


@compiled
def _enter(wallets: np.ndarray, places: np.ndarray, first: int) -> None:
    for place in range(first, len(wallets)):
        places[_slot(wallets, places, wallets[place].account_id)] = place + 1


@direct
@compiled
def _find(wallets: np.ndarray, places: np.ndarray, account_id: int) -> int:
    return places[_slot(wallets, places, account_id)] - 1
