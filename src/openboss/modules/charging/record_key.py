"""The key that tells two usage records apart: SipHash-2-4 with 128 bits, keyed by a secret of the installation.

Why no full key is compared when two are equal: docs/decisions/0006. Source: D4.3.
"""

import numpy as np
import numpy.typing as npt
from numba import uint64

from openboss.kernel.compiled import compiled
from openboss.modules.system.keys import blind_index

Hashes = npt.NDArray[np.uint64]
WORDS = 6  # a record's fields, packed


def installation_secret() -> Hashes:
    """The secret that keys are made with: it never changes, or late duplicates would no longer be known."""
    return np.frombuffer(blind_index("charging: keys of usage records"), np.uint64)


@compiled
def _turned(value: int, bits: int) -> int:
    return (value << uint64(bits)) | (value >> uint64(64 - bits))


@compiled
def _round(v0: int, v1: int, v2: int, v3: int) -> tuple[int, int, int, int]:
    v0 = v0 + v1
    v1 = _turned(v1, 13) ^ v0
    v0 = _turned(v0, 32)
    v2 = v2 + v3
    v3 = _turned(v3, 16) ^ v2
    v0 = v0 + v3
    v3 = _turned(v3, 21) ^ v0
    v2 = v2 + v1
    v1 = _turned(v1, 17) ^ v2
    v2 = _turned(v2, 32)
    return v0, v1, v2, v3


@compiled
def _absorbed(v0: int, v1: int, v2: int, v3: int, word: int) -> tuple[int, int, int, int]:
    v0, v1, v2, v3 = _round(v0, v1, v2, v3 ^ word)
    v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    return v0 ^ word, v1, v2, v3


@compiled
def keyed_hash(secret: Hashes, words: tuple[int, int, int, int, int, int]) -> tuple[int, int]:
    """Hash six words of 64 bits to two."""
    v0, v1 = secret[0] ^ uint64(0x736F6D6570736575), secret[1] ^ uint64(0x646F72616E646F6D ^ 0xEE)
    v2, v3 = secret[0] ^ uint64(0x6C7967656E657261), secret[1] ^ uint64(0x7465646279746573)
    for word in words:
        v0, v1, v2, v3 = _absorbed(v0, v1, v2, v3, uint64(word))
    v0, v1, v2, v3 = _absorbed(v0, v1, v2, v3, uint64(WORDS * 8 << 56))
    v2 ^= uint64(0xEE)
    for _ in range(4):
        v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    low = v0 ^ v1 ^ v2 ^ v3
    v1 ^= uint64(0xDD)
    for _ in range(4):
        v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    return v0 ^ v1 ^ v2 ^ v3, low
