"""The last events of a user over the question desk: at once, once, and wherever the engine keeps them by then."""

import json
import socket
import threading
import urllib.request

import pytest

from openboss.kernel.usage import RecordType
from openboss.modules.charging.engine.last_events import MOST
from openboss.modules.charging.engine.online import closed as closed_module
from openboss.modules.charging.engine.online.requests import Kind
from openboss.modules.charging.engine.query import answering, ask

from .test_online import MB, POSTPAID, moment, network, open_wallet  # noqa: F401 - a fixture
from .test_owner import calls, put_chunk, world  # noqa: F401 - a fixture

pytestmark = pytest.mark.django_db(transaction=True)


def data_session(network, session: int, used_mb: int, at: str = "2026-10-05 10:00:00") -> None:  # noqa: F811
    network.ask(session, 0, Kind.INITIAL, moment(at))
    network.ask(session, 1, Kind.TERMINATION, moment(at), used_down=used_mb * MB, asking=False)


def a_call(network, session: int) -> None:  # noqa: F811
    """130 seconds to 13900000009, for the user whose plan has 170 minutes."""
    call = {"served": POSTPAID, "record_type": RecordType.MOC, "other": 2 * 10**18 + 8613900000009}
    network.ask(session, 0, Kind.INITIAL, moment(), **call)
    network.ask(session, 1, Kind.TERMINATION, moment("2026-10-05 10:02:10"), used_s=130, asking=False, **call)


def test_what_was_charged_a_moment_ago_is_told_with_whom_how_much_and_for_what(network, tmp_path):  # noqa: F811
    open_wallet(network, 10_000)
    with answering(network.owner, tmp_path):
        assert ask("events/12", tmp_path) == []
        data_session(network, 1, 11)
        a_call(network, 2)
        (data,), (call,) = ask("events/12", tmp_path), ask("events/11", tmp_path)
    assert (data["record_type"], data["used_octets"], data["std_li"], data["act_li"], data["free"]) == (
        RecordType.DATA, 11 * MB, 3190, 3190, [])  # fmt: skip
    assert (data["cycle"], data["began_at_s"], data["other"]) == (202610, moment().now_s, "")
    (free,) = call["free"]
    assert (call["other"], call["used_s"], call["act_li"], free["units"]) == ("139****0009", 130, 0, 3)


def test_an_event_is_told_once_while_it_waits_while_it_is_written_and_when_it_is(network, tmp_path):  # noqa: F811
    open_wallet(network, 100_000)
    owner, written = network.owner, threading.Event()
    with answering(owner, tmp_path):
        data_session(network, 1, 1)
        waiting = ask("events/12", tmp_path)
        owner.writer._thread.submit(written.wait)  # the disk is slow: the commit stands behind it
        owner.hand_over(is_serving=False)
        assert owner.lake.open_usage() is None and ask("events/12", tmp_path) == waiting
        data_session(network, 2, 2)
        assert [one["used_octets"] for one in ask("events/12", tmp_path)] == [2 * MB, MB]
        written.set()
        owner.writer.settle()
        assert [one["used_octets"] for one in ask("events/12", tmp_path)] == [2 * MB, MB]
        owner.flush()
        assert owner.not_in_lake() == ([], [])
        assert [one["used_octets"] for one in ask("events/12", tmp_path)] == [2 * MB, MB]
        assert ask("events/12", tmp_path)[1:] == waiting


def test_usage_from_files_and_of_sessions_stands_in_one_list_of_twenty_the_newest_first(network, tmp_path):  # noqa: F811
    put_chunk(*calls(3, 30))
    network.owner.drain()
    put_chunk(*calls(4, 4))
    while network.owner.turn():
        pass  # rated, not in the lake yet
    a_call(network, 1)
    network.crash()
    with answering(network.owner, tmp_path):
        told = ask("events/11", tmp_path)
    assert [one["used_s"] for one in told] == [130, 603, 602, 601, 600, *range(629, 614, -1)]
    assert len(told) == MOST


def test_among_many_groups_of_others_the_one_of_a_user_is_found(network, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setattr(closed_module, "ROWS_A_BLOCK", 7)
    open_wallet(network, 100_000)
    a_call(network, 1)
    for session in range(2, 112):
        data_session(network, session, 1)
    with answering(network.owner, tmp_path):
        assert [one["used_s"] for one in ask("events/11", tmp_path)] == [130]
        assert len(ask("events/12", tmp_path)) == MOST


def test_the_last_events_are_told_over_http_to_whoever_holds_the_key(network, tmp_path):  # noqa: F811
    open_wallet(network, 10_000)
    data_session(network, 1, 11)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with answering(network.owner, tmp_path, at=("127.0.0.1", port), token="k3y"):
        question = urllib.request.Request(f"http://127.0.0.1:{port}/events/12")
        question.add_header("Authorization", "Bearer k3y")
        with urllib.request.urlopen(question, timeout=5) as answer:
            (event,) = json.loads(answer.read())
    assert (event["used_octets"], event["act_li"]) == (11 * MB, 3190)
