"""Who asks the engine while it runs: one user's money and sessions, the board, the steps of a user who is followed."""

import json
import socket
import urllib.error
import urllib.request

import polars as pl
import pytest

from openboss.kernel.usage import RecordType
from openboss.modules.charging.engine.online import steps
from openboss.modules.charging.engine.online.meter import Meter
from openboss.modules.charging.engine.online.requests import Kind, Result, empty_requests
from openboss.modules.charging.engine.online.steps import MOST_FOLLOWED
from openboss.modules.charging.engine.online.watch import Watch
from openboss.modules.charging.engine.query import NoAnswer, answering, ask

from .test_online import MB, NUMBERING, moment, network, open_wallet  # noqa: F401 - a fixture
from .test_owner import world  # noqa: F401 - a fixture

pytestmark = pytest.mark.django_db(transaction=True)
NOW_S = moment().now_s


class Watched:
    """A network whose requests are noted."""

    def __init__(self, network, took_s: float = 0.001) -> None:  # noqa: F811
        self.network, self.watch, self.took_s = network, Watch(), took_s

    def ask(self, session: int, number: int, kind: Kind, at, *, served: int = 8613900000002, **used):
        requests, asks = empty_requests(1)
        requests["key_hi"], requests["key_lo"], requests["served"] = session, 77, 2 * 10**18 + served
        requests["kind"], requests["number"], requests["record_type"] = kind, number, RecordType.DATA
        requests["asks"], asks["rating_group"], asks["is_asking"] = 1, 1, kind != Kind.TERMINATION
        for name, value in used.items():
            asks[name] = value
        owner = self.network.owner
        self.watch.steps.look(owner.state)
        decided = owner.serve(requests, asks, numbering=NUMBERING, moment=at)
        self.watch.steps.note(owner.state, requests, asks, decided, at_s=at.now_s, position=owner.position)
        self.watch.note(requests, decided, at_s=at.now_s, took_s=self.took_s)

    def steps(self, user: int) -> dict:
        return self.watch.steps.of(self.network.owner.state, user)


def test_money_and_open_services_are_known_while_they_are_used(network, tmp_path):  # noqa: F811
    open_wallet(network, 10_000)
    watched = Watched(network)
    with answering(network.owner, tmp_path, watched.watch):
        watched.ask(1, 0, Kind.INITIAL, moment())
        watched.ask(1, 1, Kind.UPDATE, moment("2026-10-05 10:05:00"), used_down=10 * MB)
        now = ask("users/12", tmp_path)
        unbilled = ask("unbilled", tmp_path, method="POST", body=[12, 99])
        watched.ask(1, 2, Kind.TERMINATION, moment("2026-10-05 10:09:00"), used_down=MB)
        after = ask("users/12", tmp_path)
    assert now["money"] == {"account_id": 5, "balance_li": 7100, "limit_li": 0, "reserved_li": 2900, "held_li": 0}
    (service,) = now["services"]
    assert (service["life"], service["used_octets"], service["act_li"], service["granted"]) == (
        "OPEN", 10 * MB, 2900, 10 * MB)  # fmt: skip
    assert service["began_at_s"] == NOW_S
    assert unbilled == {"12": {"202610": 2900}}
    assert (after["services"], after["money"]["balance_li"], after["money"]["reserved_li"]) == ([], 6810, 0)


def test_every_step_of_a_followed_user_is_told_with_what_was_there_before_it_and_is_left_and_of_others_nothing(network):  # noqa: F811
    open_wallet(network, 390)
    watched = Watched(network)
    watched.watch.steps.follow(12, "8613900000002")
    watched.ask(1, 0, Kind.INITIAL, moment(), served=8613900000001)  # somebody else
    watched.ask(2, 0, Kind.INITIAL, moment())
    watched.ask(2, 1, Kind.TERMINATION, moment("2026-10-05 10:01:00"), used_down=MB)
    told = watched.steps(12)["steps"]
    money = [(step["before"]["balance_li"], step["money"]["balance_li"]) for step in told]
    assert [(step["kind"], step["result"]) for step in told] == [("INITIAL", 2001), ("TERMINATION", 2001)]
    assert money == [(390, 390), (390, 100)]
    assert told[0]["services"][0]["granted"] == MB
    assert told[1]["services"][0]["used"] == {"used_down": MB}
    watched.watch.steps.give_up(12)
    assert watched.steps(12) == {"is_followed": False, "earlier": [], "steps": []}


def test_a_refusal_that_opens_no_session_is_a_step_too(network):  # noqa: F811
    network.order("STATE", subscriber_id=12, barred=2)
    watched = Watched(network)
    watched.watch.steps.follow(12, "8613900000002")
    watched.ask(1, 0, Kind.INITIAL, moment())
    assert [step["result"] for step in watched.steps(12)["steps"]] == [Result.END_USER_SERVICE_DENIED]


def test_a_followed_user_the_engine_does_not_know_yet_is_told_of_without_money(network):  # noqa: F811
    open_wallet(network, 390)
    watched = Watched(network)
    for user in (1, 10**9):  # a row nobody has, and one that is not there
        watched.watch.steps.follow(user, "8613900009999")
        watched.ask(user, 0, Kind.INITIAL, moment(), served=8613900009999)
        (step,) = watched.steps(user)["steps"]
        assert (step["result"], step["before"], step["money"]) == (Result.USER_UNKNOWN, None, None)
        watched.watch.steps.give_up(user)


def test_a_user_who_is_given_up_while_a_group_is_noted_is_left_out(network, monkeypatch):  # noqa: F811
    watched = Watched(network)
    watched.watch.steps.follow(11, "8613900000001")
    watched.watch.steps.follow(12, "8613900009999")
    find = watched.watch.steps._by_number

    def given_up_meanwhile(request):
        found = find(request)
        watched.watch.steps.give_up(12)
        return found

    monkeypatch.setattr(watched.watch.steps, "_by_number", given_up_meanwhile)
    watched.ask(1, 0, Kind.INITIAL, moment(), served=8613900009999)
    assert watched.steps(11)["steps"] == []
    assert watched.steps(12) == {"is_followed": False, "earlier": [], "steps": []}


def test_whoever_is_followed_first_is_given_up_when_too_many_are(network):  # noqa: F811
    watched = Watched(network)
    for user in range(MOST_FOLLOWED + 1):
        watched.watch.steps.follow(user, f"1390000{user:04d}")
    assert not watched.steps(0)["is_followed"] and watched.steps(MOST_FOLLOWED)["is_followed"]


def test_whoever_begins_to_follow_a_user_sees_the_steps_before_that_and_of_others_nothing(network):  # noqa: F811
    open_wallet(network, 10_000)
    watched = Watched(network)
    watched.ask(1, 0, Kind.INITIAL, moment(), served=8613900000001)  # somebody else
    watched.ask(2, 0, Kind.INITIAL, moment())
    watched.ask(2, 1, Kind.UPDATE, moment("2026-10-05 10:05:00"), used_down=10 * MB)
    watched.watch.steps.follow(12, "8613900000002")
    watched.ask(2, 2, Kind.TERMINATION, moment("2026-10-05 10:09:00"), used_down=MB)
    told = watched.steps(12)
    assert [(one["kind"], one["number"], one["money"]["balance_li"]) for one in told["earlier"]] == [
        ("INITIAL", 0, 10_000), ("UPDATE", 1, 7_100)]  # fmt: skip
    assert told["earlier"][1]["services"][0]["used"] == {"used_octets": 10 * MB}
    assert told["earlier"][1]["services"][0]["granted"] == 10 * MB
    assert [one["kind"] for one in told["steps"]] == ["TERMINATION"]


def test_the_ring_of_everybodys_steps_keeps_the_last_ones_in_their_order(network, monkeypatch):  # noqa: F811
    monkeypatch.setattr(steps, "RING_STEPS", 4)
    open_wallet(network, 10_000)
    watched = Watched(network)
    for number in range(6):
        at = moment(f"2026-10-05 10:0{number}:00")
        watched.ask(2, number, Kind.UPDATE if number else Kind.INITIAL, at, used_down=MB if number else 0)
    watched.watch.steps.follow(12, "8613900000002")
    assert [one["number"] for one in watched.steps(12)["earlier"]] == [2, 3, 4, 5]


def test_a_step_says_by_which_rule_it_is_charged_and_where_its_record_will_be_found(network):  # noqa: F811
    open_wallet(network, 10_000)
    watched = Watched(network)
    watched.watch.steps.follow(12, "8613900000002")
    watched.ask(2, 0, Kind.INITIAL, moment())
    watched.ask(2, 1, Kind.UPDATE, moment("2026-10-05 10:05:00"), used_down=10 * MB)
    watched.ask(2, 2, Kind.TERMINATION, moment("2026-10-05 10:09:00"), used_down=MB)
    (price,) = watched.steps(12)["steps"][1]["charged"][0]["prices"]
    network.owner.flush()
    detail = pl.read_parquet(network.owner.lake.usage_files(202610), hive_partitioning=True).row(0, named=True)
    (record,) = watched.steps(12)["steps"][2]["records"]
    assert (price["act_li"], price["rule"]) == (2900, detail["rule_basic"])
    assert {name: record[name] for name in ("cycle", "position", "row")} == {
        "cycle": 202610, "position": detail["position"], "row": detail["row"]}  # fmt: skip
    assert (record["act_li"], record["is_rated"]) == (3190, True)
    assert record["prices"] == [{"rule": detail["rule_basic"], "act_li": 3190}]


def test_the_board_shows_what_doors_turned_down_and_how_long_networks_waited(network):  # noqa: F811
    door, watch = Meter(), Watch()
    door.turn_down("3004", 5)
    door.answered(99, 0.002)
    door.answered(1, 0.5)
    watch.note_doors(door.times, {("DIAMETER", cause): n for cause, n in door.turned_down.items()}, at_s=NOW_S)
    door.turn_down("3004", 2)
    watch.note_doors(door.times, {("DIAMETER", cause): n for cause, n in door.turned_down.items()}, at_s=NOW_S + 100)
    board = watch.board(network.owner.state, now_s=NOW_S + 101)
    assert board["turned_down"] == [{"interface": "DIAMETER", "cause": "3004", "minute": 2, "ever": 7}]
    assert (sum(board["turned_down_a_second"]), board["turned_down_a_second"][-1]) == (7, 2)
    before = watch.board(network.owner.state, now_s=NOW_S + 1)["answered"]
    assert 2000 <= before["p50_us"] <= 2400 < 500_000 <= before["p999_us"]


def test_the_board_counts_requests_refusals_and_time_by_second(network):  # noqa: F811
    open_wallet(network, 0)
    watched, owner = Watched(network, took_s=0.003), network.owner
    watched.watch.warm(owner.state, owner.warm(moment(), NUMBERING), at_s=NOW_S)  # counts nobody
    for session in range(3):
        watched.ask(session, 0, Kind.INITIAL, moment())
    watched.ask(9, 0, Kind.INITIAL, moment(), served=8613900009999)
    board = watched.watch.board(network.owner.state, now_s=NOW_S + 1)
    assert (board["a_second"][-1], board["refused_a_second"][-1]) == (4, 4 + 3)  # three of them in their service too
    assert board["of_last_minute"]["requests"] == {"4012": 3, "5030": 1}
    assert 3000 <= board["of_last_minute"]["p50_us"] <= 3000 * 1.2
    assert sum(watched.watch.board(network.owner.state, now_s=NOW_S + 300)["a_second"]) == 0
    assert board["since_start"]["kinds"]["INITIAL"] == 4


def test_other_machines_ask_with_the_key_and_nobody_without_it(network, tmp_path):  # noqa: F811
    def get(token: str, path: str = "/users/12"):
        question = urllib.request.Request(f"http://127.0.0.1:{free_port}{path}")
        question.add_header("Authorization", f"Bearer {token}")
        with urllib.request.urlopen(question, timeout=5) as answer:
            return json.loads(answer.read())

    open_wallet(network, 10_000)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free_port = probe.getsockname()[1]
    with answering(network.owner, tmp_path, at=("127.0.0.1", free_port), token="k3y"):
        assert get("k3y")["money"]["balance_li"] == 10_000
        for token, path, status in (("", "/users/12", 401), ("wrong", "/users/12", 401), ("k3y", "/passwords/1", 404),
                                    ("k3y", "/users/1/2", 404), ("k3y", "/users/" + "9" * 30, 404)):  # fmt: skip
            with pytest.raises(urllib.error.HTTPError) as refused:
                get(token, path)
            assert refused.value.code == status
        with pytest.raises(NoAnswer, match="body"):
            ask("unbilled", tmp_path, method="POST", body={"users": 7})
        assert get("k3y", "/users/99") == {"cycles": [], "money": None, "barred": 0, "services": []}
