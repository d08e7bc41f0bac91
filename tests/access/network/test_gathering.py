"""What waits for the engine: put together into columns, and shed when there is too much of it."""

import asyncio

import numpy as np
import pytest

from openboss.access.network.gathering import (
    MOST_AHEAD,
    MOST_WAITING,
    PATIENCE_S,
    WORTH_A_GROUP,
    Ask,
    Gathering,
    Request,
    TooBusy,
    coded,
)
from openboss.modules.charging.engine.online.requests import ANSWER, QUOTA, Kind


class Engine:
    """Takes every second request at a time, and grants what was wanted."""

    def __init__(self) -> None:
        self.groups = []

    def decide(self, requests, asks):
        taken = np.arange(len(requests)) % 2 == 0
        answers, quotas = np.zeros(len(requests), ANSWER), np.zeros(len(asks), QUOTA)
        answers["result"], quotas["granted"] = 2001, asks["want_s"]
        answers["cost_li"] = requests["number"]
        self.groups.append(int(taken.sum()))
        return taken, answers, quotas

    def when_safe(self, answer):
        answer()

    def requests_ahead(self):
        return 0


def request(number: int, kind: Kind = Kind.UPDATE, asks: int = 1) -> Request:
    return Request(1, number, kind, number, 6, asks=[Ask(want_s=10 * number + place) for place in range(asks)])


def test_what_one_group_cannot_hold_is_decided_in_the_next_and_everybody_gets_their_own_answer():
    loop, engine, heard = asyncio.new_event_loop(), Engine(), {}
    gathering = Gathering(server=engine, fail=pytest.fail, loop=loop)
    for number in range(1, 6):
        gathering.ask([request(number, asks=number % 3)], lambda found, number=number: heard.update({number: found}))
    loop.run_until_complete(asyncio.sleep(0.01))
    loop.close()
    assert engine.groups == [3, 1, 1]
    granted = {number: [quota.granted for quota in found[0].quotas] for number, found in heard.items()}
    assert granted == {1: [10], 2: [20, 21], 3: [], 4: [40], 5: [50, 51]}
    assert [heard[number][0].cost_li for number in range(1, 6)] == [1, 2, 3, 4, 5]


def test_when_too_much_waits_new_sessions_are_shed_before_running_ones():
    loop = asyncio.new_event_loop()
    gathering = Gathering(server=Engine(), fail=pytest.fail, loop=loop)
    for number in range(MOST_WAITING // 2):
        gathering.ask([request(number)], list)
    for kind in (Kind.INITIAL, Kind.EVENT):
        with pytest.raises(TooBusy):
            gathering.ask([request(1, kind)], list)
    for number in range(MOST_WAITING // 2):
        gathering.ask([request(number)], list)
    with pytest.raises(TooBusy):
        gathering.ask([request(1)], list)
    loop.close()


def test_addresses_of_every_kind_are_coded_as_numbers_are():
    said = ["tel:+8613800000001", "sip:057188880001@ims.example", "10086", "0085212345678", "sip:alice@x", ""]
    assert [coded(one) for one in said] == [
        2 * 10**18 + 8613800000001, 10**18 + 57188880001, 10086, 2 * 10**18 + 85212345678, 0, 0]  # fmt: skip


class Journal(Engine):
    """An engine whose groups are safe when a test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.promised, self.ahead = [], 0

    def decide(self, requests, asks):
        self.ahead += len(requests)
        _taken, answers, quotas = super().decide(requests, asks)
        return np.ones(len(requests), np.bool_), answers, quotas

    def when_safe(self, answer):
        self.promised.append(answer)

    def requests_ahead(self):
        return self.ahead

    def is_safe(self):
        promised, self.promised, self.ahead = self.promised, [], 0
        for answer in promised:
            answer()


def test_while_a_group_is_on_its_way_a_large_one_is_decided_a_small_one_waits_and_nobody_hears_before_it_is_safe():
    loop, engine, heard = asyncio.new_event_loop(), Journal(), []
    gathering = Gathering(server=engine, fail=pytest.fail, loop=loop)

    def ask(count: int) -> None:
        for number in range(count):
            gathering.ask([request(number)], heard.extend)
        loop.run_until_complete(asyncio.sleep(2 * PATIENCE_S))

    ask(1)
    assert (len(engine.promised), engine.ahead, heard) == (1, 1, [])
    ask(WORTH_A_GROUP - 1)
    assert (len(engine.promised), engine.ahead) == (1, 1)  # fewer are not worth a commit of their own
    ask(1)
    assert (len(engine.promised), engine.ahead, heard) == (2, 1 + WORTH_A_GROUP, [])
    ask(3)
    engine.is_safe()
    assert len(heard) == 1 + WORTH_A_GROUP
    gathering.go_on()
    assert (len(engine.promised), engine.ahead) == (1, 3)
    engine.ahead = MOST_AHEAD + 1
    ask(2 * WORTH_A_GROUP)
    assert len(engine.promised) == 1  # so many are decided and not safe: the next ones wait
    engine.is_safe()
    gathering.go_on()
    engine.is_safe()
    assert len(heard) == 1 + WORTH_A_GROUP + 3 + 2 * WORTH_A_GROUP
    loop.close()
