"""Whatever a peer sends over Diameter: an error answer or a closed line, and nobody else notices."""

import json
import logging
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from diameter.message import Message
from tests.access.network.diameter_mutations import data_request, good_messages, vendor_avp
from tests.access.network.diameter_siege import (
    GREETING,
    HOSTILE,
    Grants,
    Line,
    Prompt,
    Siege,
    besiege,
    neighbours_requests,
)
from tests.modules.charging.engine.test_online import (  # noqa: F401
    NUMBERING,
    POSTPAID,
    PREPAID,
    moment,
    network,
    open_wallet,
)
from tests.modules.charging.engine.test_owner import world  # noqa: F401

from openboss.access.jobs.installation import one_connection
from openboss.access.network.diameter import avps
from openboss.access.network.diameter.avps import avp, read_avps, read_message

SOAK = pytest.mark.soak
ROOT = Path(__file__).parents[3]
CHECKED = Path(tempfile.gettempdir(), f"openboss-checked-{os.getuid()}")  # compiled code that checks every place


@pytest.fixture
def siege():
    return Siege(Grants())


@pytest.fixture(autouse=True)
def _no_greetings_in_the_log(caplog):
    caplog.set_level(logging.ERROR, "diameter")


def asked(siege: Siege, *requests: bytes) -> list[avps.Message]:
    """What a peer of its own is answered to some requests."""
    peer, line = siege.peer()
    peer.data_received(b"".join(requests))
    siege.turn()
    return [read_message(answer) for answer in line.answers()]


def with_more(request: bytes, more: bytes) -> bytes:
    return request[:1] + (len(request) + len(more)).to_bytes(3, "big") + request[4:] + more


def failed(answer: avps.Message) -> tuple[int | None, list[tuple[int, int, bytes]]]:
    """The result of an answer, and what it names as the fault."""
    return answer.number(avps.RESULT_CODE), list(read_avps(answer.first(avps.FAILED_AVP) or b""))


@pytest.mark.parametrize("messages", [4_000, pytest.param(1_000_000, marks=SOAK)])
def test_spoilt_messages_are_answered_or_end_their_line_and_the_neighbour_gets_what_it_would_alone(
    siege, messages, record_property
):
    counts = besiege(siege, messages, seed=20261122)
    assert counts["sent"] >= messages
    assert counts["disturbed"] == 0
    assert all(counts[result] for result in ("2001", "3001", "3007", "3008", "3009", "5001", "5004", "5005", "5014"))
    record_property("messages", counts["sent"])
    record_property("lines closed", counts["closed"])
    record_property("answered with an error", sum(n for name, n in counts.items() if name.isdigit() and name != "2001"))


def test_the_neighbours_answers_are_the_same_to_the_byte_whether_others_are_hostile_or_not():
    heard = []
    for hostile in (False, True):
        siege = Siege(Grants())
        requests, (peer, line), (odd, _odd_line) = neighbours_requests(), siege.peer(), siege.peer()
        chance, heard_now = random.Random(5), []
        for _ in range(60):
            peer.data_received(next(requests))
            if hostile and odd.is_welcome:
                odd.data_received(with_more(chance.choice(good_messages("o", HOSTILE)), avp(999, b"x")))
            siege.turn()
            heard_now += line.answers()
        heard.append(heard_now)
    assert heard[0] == heard[1]
    assert len(heard[0]) == 60


@pytest.mark.parametrize("messages", [2_000, pytest.param(1_000_000, marks=SOAK)])
def test_no_spoilt_message_makes_compiled_code_read_or_write_where_nothing_is(messages, record_property):
    """In a process whose compiled code checks every place; it is compiled once for each version of the sources."""
    environment = os.environ | {
        "NUMBA_BOUNDSCHECK": "1",
        "OPENBOSS_CACHE_DIR": str(CHECKED),
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    command = [sys.executable, "-m", "tests.access.network.diameter_siege", str(messages), "7"]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    said = json.loads(done.stdout.splitlines()[-1])
    assert (said["sees"], said["siege"]["disturbed"]) == ("index is out of bounds", 0)
    assert sum(said["alone"].values()) == messages
    record_property("messages", messages)


def test_python_diameter_reads_the_same_out_of_what_is_spoilt_little(siege):
    """Both read whom, which step and how much; it is asked about messages that we take, changed in their numbers."""
    chance, compared = random.Random(11), 0
    peer, line = siege.peer()
    for step in range(300):
        octets, group, kind = chance.randrange(2**50), chance.randrange(2**32), chance.choice((1, 2, 3))
        request = data_request(f"s;{chance.randrange(10**9)}", kind, step, user=HOSTILE, octets=octets, group=group)
        seen = Message.from_bytes(request)
        peer.data_received(request)
        siege.turn()
        marks, requests, asks = siege.node._marks[0], siege.node._requests[0], siege.node._asks[0]
        service = seen.multiple_services_credit_control[0]
        used = service.used_service_unit[0].cc_total_octets if service.used_service_unit else 0
        assert (int(requests["kind"]), int(requests["number"])) == (seen.cc_request_type, seen.cc_request_number)
        assert (int(asks["rating_group"]), int(asks["used_down"])) == (service.rating_group, used)
        assert (int(marks["hop"]), int(marks["end"])) == (seen.header.hop_by_hop_identifier, step + 2)
        answer = Message.from_bytes(line.answers()[0])
        assert (answer.session_id, answer.cc_request_number) == (seen.session_id, step)
        compared += 1
    assert compared == 300


def test_an_avp_of_an_unknown_vendor_is_passed_over_whatever_its_number(siege):
    request = data_request("s;1", 1, 0, user=HOSTILE)
    plain = asked(siege, request)[0]
    odd = b"".join(vendor_avp(code, b"odd!!", vendor=9, flags=0x80) for code in (2, 829, 832, 872, 456))
    assert asked(siege, with_more(request, odd))[0] == plain
    marked = asked(siege, with_more(request, vendor_avp(829, bytes(4), vendor=9)))[0]
    assert failed(marked) == (5001, [(829, 9, bytes(4))])


def test_units_inside_units_and_services_inside_services_are_refused_and_not_counted_twice(siege):
    units = avp(446, avp(446, avp(421, bytes(7) + b"\1")))
    service = avp(456, avp(456, avp(432, 1)) + avp(432, 2))
    outer = avp(456, units + avp(432, 2))
    for more, named in ((units, 446), (service, 456), (outer, 446)):
        result, blamed = failed(asked(siege, with_more(data_request("s;1", 2, 1, user=HOSTILE), more))[0])
        assert (result, blamed[0][0]) == (5008, named)


def test_what_is_to_blame_is_given_back_whole(siege):
    request = data_request("s;1", 1, 0, user=HOSTILE)
    currency = avp(413, avp(445, avp(447, bytes(8))) + avp(425, 840))
    assert failed(asked(siege, with_more(request, currency))[0]) == (5004, [(425, 0, (840).to_bytes(4, "big"))])
    as_vendor = vendor_avp(258, (5).to_bytes(4, "big"), vendor=0)
    assert failed(asked(siege, with_more(request, as_vendor))[0]) == (5004, [(258, 0, (5).to_bytes(4, "big"))])
    many = b"".join(avp(456, avp(432, group)) for group in range(64))
    assert failed(asked(siege, with_more(request, many))[0])[0] == 5009
    wrong_bits = request[:4] + bytes([request[4] | 0x20]) + request[5:]
    assert asked(siege, wrong_bits)[0].number(avps.RESULT_CODE) == 3008


def test_an_avp_of_a_wrong_length_is_named_by_its_head_and_as_many_zeros_as_it_should_have(siege):
    request = data_request("s;1", 1, 0, user=HOSTILE)
    short, long = avp(416, b"\1\1\1"), vendor_avp(829, bytes(9))
    beyond = avp(263, b"x" * 9)[:5] + b"\0\0\xff" + b"abcd"
    cases = ((short, (416, 0, bytes(4))), (long, (829, 10415, bytes(4))), (beyond, (263, 0, b"")), (b"abcd", None))
    for more, named in cases:
        result, blamed = failed(asked(siege, with_more(request, more))[0])
        assert result == 5014
        assert blamed == [named or (0x61626364, 0, b"")]


def test_absurd_nesting_and_huge_messages_cost_no_more_than_their_bytes(siege):
    deep = b""
    for _ in range(5000):
        deep = avp(443, deep)
    request = data_request("s;1", 1, 0, user=HOSTILE)
    answer = asked(siege, with_more(request, deep))[0]
    assert answer.number(avps.RESULT_CODE) == 2001
    peer, line = siege.peer()
    peer.data_received(with_more(request, avp(25, bytes(70_000))))
    siege.turn()
    assert line.is_closed


def test_a_half_greeting_and_a_greeting_of_nonsense_are_no_peer(siege):
    for data, is_closed in (
        (GREETING[:50], False),
        (b"\x16\x03\x01" + bytes(60), True),
        (GREETING[:1] + bytes(40), True),
    ):
        peer, line = siege.node.new_peer(), Line()
        peer.connection_made(line)
        peer.data_received(data)
        siege.turn()
        assert (line.is_closed, peer.is_welcome, line.answers()) == (is_closed, False, [])


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("messages", [1_200, pytest.param(100_000, marks=SOAK)])
def test_an_engine_on_postgresql_asked_by_hostile_peers_charges_the_neighbour_what_it_does_without_them(
    network,  # noqa: F811
    messages,
    record_property,
    monkeypatch,
):
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # as the engine's own loop does
    open_wallet(network, 10**9)
    use_connection = one_connection()

    class Engine(Prompt):
        at = moment()

        def prepare(self) -> None:
            network.owner.warm(self.at, NUMBERING)

        def decide(self, requests, asks):
            use_connection()
            decided = network.owner.serve(requests, asks, numbering=NUMBERING, moment=self.at)
            return decided.taken, decided.answers, decided.quotas

    siege = Siege(Engine())
    counts = besiege(siege, messages, seed=3, user=str(POSTPAID), neighbour_is=str(PREPAID))
    assert (counts["sent"] >= messages, counts["disturbed"]) == (True, 0)
    paid_li = 10**9 - network.wallet()["balance_li"]
    (peer, line), requests = siege.peer(), neighbours_requests(str(PREPAID), "alone")
    for _ in range(counts["neighbour"]):
        peer.data_received(next(requests))
        siege.turn()
        assert read_message(line.answers()[0]).number(avps.RESULT_CODE) == 2001
    again_li = 10**9 - network.wallet()["balance_li"] - paid_li
    assert paid_li > 0
    assert abs(again_li - paid_li) <= 1  # a month's use is rounded as a whole: the same use may come to 1 li more
    before = network.wallet()
    network.crash()
    assert network.wallet() == before
    record_property("messages", counts["sent"])
