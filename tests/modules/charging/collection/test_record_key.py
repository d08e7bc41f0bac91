"""The key of a record is SipHash-2-4 with 128 bits, as its authors define it, under the installation's secret."""

import random
import struct

import numpy as np
import pytest

from openboss.modules.charging.record_key import keyed_hash

MASK = 2**64 - 1
KEY = bytes(range(16))


def siphash_128(key: bytes, text: bytes) -> bytes:
    """The definition, word by word, for any text."""
    k0, k1 = struct.unpack("<2Q", key)
    v = [k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D ^ 0xEE, k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573]

    def turned(x, bits):
        return (x << bits | x >> (64 - bits)) & MASK

    def rounds(count):
        for _ in range(count):
            v[0] = (v[0] + v[1]) & MASK
            v[2] = (v[2] + v[3]) & MASK
            v[1], v[3] = turned(v[1], 13) ^ v[0], turned(v[3], 16) ^ v[2]
            v[0] = (turned(v[0], 32) + v[3]) & MASK
            v[2] = (v[2] + v[1]) & MASK
            v[1], v[3] = turned(v[1], 17) ^ v[2], turned(v[3], 21) ^ v[0]
            v[2] = turned(v[2], 32)

    padded = text + bytes(7 - len(text) % 8) + bytes([len(text) & 255])
    for (word,) in struct.iter_unpack("<Q", padded):
        v[3] ^= word
        rounds(2)
        v[0] ^= word
    v[2] ^= 0xEE
    rounds(4)
    low = v[0] ^ v[1] ^ v[2] ^ v[3]
    v[1] ^= 0xDD
    rounds(4)
    return struct.pack("<2Q", low, v[0] ^ v[1] ^ v[2] ^ v[3])


def test_the_definition_gives_the_published_value_of_the_empty_text():
    assert siphash_128(KEY, b"").hex() == "a3817f04ba25a8e66df67214c7550293"


def test_the_compiled_hash_is_the_one_defined():
    chance = random.Random(1)
    for _ in range(50):
        words = tuple(chance.randrange(-(2**63), 2**63) for _ in range(6))
        key = chance.randbytes(16)
        high, low = keyed_hash(np.frombuffer(key, np.uint64), words)
        assert struct.pack("<2Q", int(low) & MASK, int(high) & MASK) == siphash_128(key, struct.pack("<6q", *words))


@pytest.mark.parametrize("secret", [1, 2])
def test_another_secret_gives_other_keys(secret):
    words = (8613900000001, 8613900000002, 1, 61, 7, 9)
    assert keyed_hash(np.zeros(2, np.uint64), words) != keyed_hash(np.array([secret, 0], np.uint64), words)
