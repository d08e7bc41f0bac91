"""What waits for the engine: put together into columns, and shed when there is too much of it."""

import asyncio

import numpy as np
import pytest

from openboss.access.network.gathering import MOST_WAITING, Ask, Gathering, Request, TooBusy, coded
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
