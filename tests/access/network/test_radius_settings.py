"""What a login says of who it is, and packets that were spoiled on the way."""

import random

import pytest

from openboss.access.network.radius.packets import Code, Malformed, change_bytes, is_genuine, read_packet
from openboss.access.network.radius.sessions import number_of, used_of


def test_logins_are_numbers_with_or_without_a_realm():
    logins = ("13900011001@wlan", "+8613900011001", "057188880001", "0085212345678", "x@y")
    numbers = [8613900011001, 8613900011001, 8657188880001, 85212345678, 0]
    assert [number_of(login) for login in logins] == numbers


@pytest.mark.parametrize("packets", [20_000, pytest.param(1_000_000, marks=pytest.mark.soak)])
def test_spoiled_packets_are_read_or_refused_and_never_taken_for_genuine(packets):
    secret, chance = b"nas-secret-1", random.Random(20261122)
    attributes = [(1, b"13900011001"), (4, bytes(4)), (40, bytes(3) + b"\x02"), (42, b"\xff" * 4), (26, bytes(9))]
    good = change_bytes(Code.ACCOUNTING_REQUEST, 7, attributes, secret)
    assert is_genuine(read_packet(good), secret)
    taken = refused = 0
    for _ in range(packets):
        data = bytearray(good)
        for _spoil in range(chance.randint(1, 4)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        del data[chance.choice([len(data), chance.randrange(len(data))]) :]
        try:
            packet = read_packet(bytes(data))
            used_of(packet)
        except Malformed:
            refused += 1
            continue
        assert bytes(data) == good or not is_genuine(packet, secret)
        taken += 1
    assert min(taken, refused) > packets // 20
