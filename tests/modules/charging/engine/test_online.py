"""Requests of networks: reserved, charged as they grow, settled; each answer committed first; rebuilt after a crash."""

from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest

from openboss.access.network.gathering import decide
from openboss.kernel.usage import RecordType
from openboss.modules.charging.atomic import engine as journal
from openboss.modules.charging.engine.online import turns
from openboss.modules.charging.engine.online.images import Images
from openboss.modules.charging.engine.online.requests import REQUEST, Kind, Measure, Result, empty_requests
from openboss.modules.charging.engine.online.turns import Moment
from openboss.modules.charging.engine.recovery import recover
from openboss.modules.charging.models import EngineJournal
from openboss.modules.charging.normalise import operator_clock
from openboss.modules.charging.numbering import build_numbering
from openboss.modules.system.models import Outbox
from openboss.processes.warm_up import _numbering_frames

from .conftest import local_s, rule_id_of
from .test_owner import USERS, world  # noqa: F401 - a fixture

pytestmark = pytest.mark.django_db(transaction=True)
PREPAID, POSTPAID = 8613900000002, 8613900000001
MB = 1024 * 1024
NUMBERING = build_numbering(_numbering_frames())


def moment(text: str = "2026-10-05 10:00:00") -> Moment:
    now_s = local_s(text) - 28_800
    return Moment(datetime.fromtimestamp(now_s, UTC), operator_clock("Asia/Shanghai", now_s))


class Network:
    """A network element with one engine: sends requests, one a group unless said otherwise."""

    def __init__(self, folder) -> None:
        self.folder = folder
        self.owner = recover(lake_dir=folder / "lake", snapshot_dir=folder / "engine", threads=1)
        self.owner.drain()

    def crash(self) -> None:
        """Another process takes over, from snapshot and journal."""
        self.owner = recover(lake_dir=self.folder / "lake", snapshot_dir=self.folder / "engine", threads=1)

    def order(self, kind: str, serial_no: str | None = None, **payload):
        command = journal.send_command(kind=kind, payload=payload, serial_no=serial_no)
        self.owner.drain()
        return journal.command_state(command)

    def ask(self, session: int, number: int, kind: Kind, at: Moment, *, served: int = PREPAID, rating_group: int = 1,
            record_type: RecordType = RecordType.DATA, asking: bool = True, other: int = 0, action: int = 0,
            debit: int = 0, **used):  # fmt: skip
        requests, asks = empty_requests(1)
        requests["key_hi"], requests["key_lo"] = session, 77
        requests["served"], requests["other"] = 2 * 10**18 + served, other
        requests["kind"], requests["number"], requests["record_type"] = kind, number, record_type
        requests["asks"], requests["action"] = 1, action
        requests["debit_hi"], requests["debit_lo"] = debit, 77 if debit else 0
        asks["rating_group"], asks["is_asking"] = rating_group, asking
        for name, value in used.items():
            (requests if name in REQUEST.names else asks)[name] = value
        decided = self.owner.serve(requests, asks, numbering=NUMBERING, moment=at)
        assert decided.taken.all()
        return decided.answers[0], decided.quotas[0]

    def ask_both(self, session: int, number: int, at: Moment, used: list[tuple[int, int]]):
        """One update about two rating groups that want more: (rating group, bytes used); return both quotas."""
        requests, asks = empty_requests(1)
        asks = asks.repeat(len(used))
        requests["key_hi"], requests["key_lo"], requests["served"] = session, 77, 2 * 10**18 + PREPAID
        requests["kind"], requests["number"], requests["record_type"] = Kind.UPDATE, number, RecordType.DATA
        requests["asks"], asks["is_asking"] = len(used), 1
        asks["rating_group"], asks["used_down"] = np.array(used).T
        return self.owner.serve(requests, asks, numbering=NUMBERING, moment=at).quotas

    def wallet(self) -> dict[str, int]:
        found = self.owner.state.desk.wallets[0]
        return {name: int(found[name]) for name in found.dtype.names}


@pytest.fixture
def network(world):  # noqa: F811
    (world / "engine").mkdir(exist_ok=True)
    return Network(world)


def open_wallet(network: Network, balance_li: int, limit_li: int = 0) -> None:
    wallet = {"account_id": 5, "balance_li": balance_li, "limit_li": limit_li, "subscriber_ids": [12]}
    assert network.order("WALLETS", wallets=[wallet]).state == "DONE"


def detail(network: Network) -> pl.DataFrame:
    network.owner.flush()
    return pl.read_parquet(network.owner.lake.usage_files(202610), hive_partitioning=True)


def test_a_data_session_is_reserved_charged_and_settled_to_the_li(network):
    open_wallet(network, 10_000)
    answer, quota = network.ask(1, 0, Kind.INITIAL, moment())
    assert (answer["result"], quota["measure"], quota["granted"]) == (2001, Measure.OCTETS, 10 * MB)
    assert network.wallet()["reserved_li"] == 2900  # 10 MB at 0.29
    network.ask(1, 1, Kind.UPDATE, moment("2026-10-05 10:05:00"), used_down=10 * MB)
    assert (network.wallet()["balance_li"], network.wallet()["reserved_li"]) == (7100, 2900)
    network.ask(1, 2, Kind.TERMINATION, moment("2026-10-05 10:09:00"), used_down=MB, asking=False)
    assert (network.wallet()["balance_li"], network.wallet()["reserved_li"]) == (6810, 0)
    row = detail(network).row(0, named=True)
    assert (row["act_basic_li"], row["kb_units"], row["subscriber_id"], row["status"]) == (3190, 11 * 1024, 12, 0)


def test_a_repeated_request_gets_the_same_answer_and_changes_nothing(network):
    open_wallet(network, 10_000)
    network.ask(1, 0, Kind.INITIAL, moment())
    first = network.ask(1, 1, Kind.UPDATE, moment(), used_down=3 * MB)
    before, rows = network.wallet(), EngineJournal.objects.count()
    again = network.ask(1, 1, Kind.UPDATE, moment("2026-10-05 10:01:00"), used_down=3 * MB)
    assert again[1] == first[1]
    assert (again[0]["result"], again[0]["is_repeat"]) == (2001, 1)
    assert (network.wallet(), EngineJournal.objects.count()) == (before, rows)
    last = network.ask(1, 2, Kind.TERMINATION, moment(), used_down=MB, asking=False)
    assert network.ask(1, 2, Kind.TERMINATION, moment(), used_down=MB, asking=False)[1] == last[1]
    assert network.wallet()["balance_li"] == 10_000 - 1160


def test_sessions_of_one_user_that_open_and_report_in_one_group_are_all_charged(network):
    """Reports follow their openings at once, as over RADIUS and with events that are over (Nchf)."""
    open_wallet(network, 10_000)
    sessions = [(1, Kind.INITIAL), (1, Kind.UPDATE), (2, Kind.INITIAL), (2, Kind.UPDATE), (2, Kind.TERMINATION)]
    requests, asks = empty_requests(len(sessions))
    requests["key_hi"], requests["kind"] = zip(*sessions, strict=True)
    requests["key_lo"], requests["served"], requests["record_type"] = 77, 2 * 10**18 + PREPAID, RecordType.DATA
    requests["number"], requests["asks"], requests["first_ask"] = [0, 1, 0, 1, 2], 1, range(len(sessions))
    asks["rating_group"], asks["used_down"] = 1, np.where(requests["kind"] == Kind.INITIAL, 0, MB)
    groups = []

    class Engine:
        def serve(self, some, of):
            decided = network.owner.serve(some, of, numbering=NUMBERING, moment=moment())
            groups.append(int(decided.taken.sum()))
            return decided.taken, decided.answers, decided.quotas

    answers, _quotas = decide(Engine().serve, requests, asks)
    assert answers["result"].tolist() == [2001] * 5
    assert groups == [1, 1, 1, 1, 1]
    assert network.wallet()["balance_li"] == 10_000 - 3 * 290


def test_the_last_slice_may_go_below_zero_and_then_nothing_is_granted(network):
    open_wallet(network, 390)
    call = {"record_type": RecordType.MOC, "other": 13900000001, "rating_group": -1}
    _answer, quota = network.ask(1, 0, Kind.INITIAL, moment(), **call)
    assert (quota["granted"], quota["is_last"]) == (1, 1)  # a minute costs 0.40
    network.ask(1, 1, Kind.TERMINATION, moment(), used_s=1, asking=False, **call)
    assert network.wallet()["balance_li"] == -10
    told = Outbox.objects.get(topic="charging.wallet").payload
    assert told == {"kind": "EMPTY", "account_id": 5, "balance_li": -10}
    answer, quota = network.ask(2, 0, Kind.INITIAL, moment(), **call)
    assert answer["result"] == Result.CREDIT_LIMIT_REACHED
    assert network.order("TOP_UP", "P-1", account_id=5, amount_li=1000).answer == {"balance_li": 990}
    assert network.ask(3, 0, Kind.INITIAL, moment(), **call)[0]["result"] == 2001


def test_a_threshold_is_told_once_each_time_the_balance_falls_through_it(network):
    open_wallet(network, 11_000)
    network.ask(1, 0, Kind.INITIAL, moment())
    for number in range(1, 8):
        network.ask(1, number, Kind.UPDATE, moment(), used_down=MB)
    assert [message.payload["kind"] for message in Outbox.objects.filter(topic="charging.wallet")] == ["LOW"]


def test_what_is_left_to_use_falls_through_ten_and_five_with_a_gift_too(network):
    open_wallet(network, 11_000, limit_li=2_000)
    network.ask(1, 0, Kind.INITIAL, moment())
    for number, used in enumerate((9, 2, 16, 1, 17, 1), 1):  # 13.000 less 0.29 a MB
        network.ask(1, number, Kind.UPDATE, moment(), used_down=used * MB)
    told = [(one.payload["kind"], one.payload["balance_li"]) for one in Outbox.objects.filter(topic="charging.wallet")]
    assert told == [("LOW", 7_810), ("LOWER", 2_880), ("NEAR_LIMIT", -2_050), ("AT_LIMIT", -2_050)]


def test_the_same_top_up_under_one_serial_number_is_done_once(network):
    open_wallet(network, 0)
    network.order("TOP_UP", "P-7", account_id=5, amount_li=1000)
    network.order("TOP_UP", "P-7", account_id=5, amount_li=1000)
    assert network.wallet()["balance_li"] == 1000


def test_money_on_hold_is_not_granted_and_a_hold_without_money_is_refused(network):
    open_wallet(network, 1000)
    assert network.order("HOLD", account_id=5, amount_li=900, hold="H1").state == "DONE"
    assert network.order("HOLD", account_id=5, amount_li=200, hold="H2").state == "REFUSED"
    _answer, quota = network.ask(1, 0, Kind.INITIAL, moment())
    assert (quota["granted"], quota["is_last"]) == (362_496, 1)  # 354 KB for 0.100
    assert network.order("CONFIRM", account_id=5, hold="H1").answer == {"balance_li": 100}


def test_a_stopped_user_is_denied_and_an_unknown_one_refused(network):
    network.order("STATE", subscriber_id=12, barred=2)
    assert network.ask(1, 0, Kind.INITIAL, moment())[0]["result"] == Result.END_USER_SERVICE_DENIED
    assert network.ask(2, 0, Kind.INITIAL, moment(), served=8613900009999)[0]["result"] == Result.USER_UNKNOWN
    assert network.ask(3, 4, Kind.UPDATE, moment())[0]["result"] == Result.UNKNOWN_SESSION


def test_a_session_whose_network_falls_silent_is_settled_and_may_go_on(network):
    open_wallet(network, 10_000)
    network.ask(1, 0, Kind.INITIAL, moment())
    network.ask(1, 1, Kind.UPDATE, moment(), used_down=2 * MB)
    network.owner.sweep(moment("2026-10-05 10:59:00"))
    assert network.wallet()["reserved_li"] > 0
    network.owner.sweep(moment("2026-10-05 11:01:00"))
    assert (network.wallet()["reserved_li"], network.wallet()["balance_li"]) == (0, 9420)
    network.ask(1, 2, Kind.TERMINATION, moment("2026-10-05 11:02:00"), used_down=MB, asking=False)
    assert network.wallet()["balance_li"] == 9130
    assert sorted(detail(network)["partial_seq"]) == [0, 1]


def test_a_sweep_that_cannot_take_all_sessions_says_so_and_the_next_goes_on(network, monkeypatch):
    monkeypatch.setattr(turns, "SWEPT_A_GROUP", 2)
    open_wallet(network, 10_000)
    for session in (1, 2, 3):
        network.ask(session, 0, Kind.INITIAL, moment())
        network.ask(session, 1, Kind.TERMINATION, moment(), asking=False)
    later = moment("2026-10-05 10:30:00")
    assert [network.owner.sweep(later) for _ in range(3)] == [True, False, False]
    assert not network.owner.state.desk.sessions["life"].any()


def test_an_engine_that_dies_between_any_two_requests_goes_on_as_if_it_had_not(network):
    open_wallet(network, 10_000)
    network.ask(1, 0, Kind.INITIAL, moment())
    for number in range(1, 5):
        network.ask(1, number, Kind.UPDATE, moment(), used_down=1_500_000)
        before = network.owner.state.digest()
        if number == 2:
            network.owner.snapshot()
        network.crash()
        assert network.owner.state.digest() == before
    network.ask(1, 5, Kind.TERMINATION, moment(), used_down=1, asking=False)
    network.crash()
    used_kb = (4 * 1_500_000 + 1 + 1023) // 1024
    assert network.wallet()["balance_li"] == 10_000 - (used_kb * 290 * 2 + 1024) // 2048
    assert detail(network)["kb_units"].to_list() == [used_kb]


def test_images_may_be_applied_twice(network):
    open_wallet(network, 10_000)
    network.ask(1, 0, Kind.INITIAL, moment())
    network.ask(1, 1, Kind.UPDATE, moment(), used_down=MB)
    before = network.owner.state.digest()
    for row in EngineJournal.objects.filter(kind="ONLINE").order_by("position"):
        network.owner.state.apply_images(Images(bytes(row.images)))
    network.owner.state.settle_desk()
    assert network.owner.state.digest() == before


def test_sessions_of_one_user_side_by_side_come_to_what_all_of_it_costs(network):
    open_wallet(network, 100_000)
    for session in (1, 2):
        network.ask(session, 0, Kind.INITIAL, moment())
    for number in range(1, 6):
        network.ask(1, number, Kind.UPDATE, moment(), used_down=MB // 3)
        network.ask(2, number, Kind.UPDATE, moment(), used_down=MB // 7)
    for session in (2, 1):
        network.ask(session, 6, Kind.TERMINATION, moment(), asking=False)
    frame = detail(network)
    assert frame["act_basic_li"].sum() == (frame["kb_units"].sum() * 290 * 2 + 1024) // 2048
    assert network.wallet()["balance_li"] == 100_000 - frame["act_basic_li"].sum()


def test_use_below_nothing_is_nothing_and_no_use_turns_into_a_credit(network):
    open_wallet(network, 10_000)
    network.ask(1, 0, Kind.INITIAL, moment())
    network.ask(1, 1, Kind.UPDATE, moment(), used_down=MB)
    network.ask(1, 2, Kind.UPDATE, moment(), used_down=-5 * MB)
    assert network.wallet()["balance_li"] == 9710
    for number in range(3, 7):
        network.ask(1, number, Kind.UPDATE, moment(), used_down=2**50)
    assert network.wallet()["balance_li"] == 10_000 - 500_000  # the cap of the month


def test_seconds_beyond_what_a_record_holds_never_wrap_round(network):
    open_wallet(network, 10_000)
    call = {"record_type": RecordType.MOC, "other": 13900000001, "rating_group": -1}
    network.ask(1, 0, Kind.INITIAL, moment(), **call)
    for number in range(1, 4):
        network.ask(1, number, Kind.UPDATE, moment(), used_s=2**31 - 1, **call)
    network.ask(1, 4, Kind.TERMINATION, moment(), asking=False, **call)
    assert network.owner.state.desk.uses["duration_s"].max() == 2**30 - 1
    assert network.wallet()["balance_li"] <= 10_000


def test_all_places_a_group_touches_are_remembered_however_many(network):
    open_wallet(network, 100_000)
    network.owner.turns._server.growing.touched = np.zeros((1, 5), np.int64)
    for session in range(1, 7):
        network.ask(session, 0, Kind.INITIAL, moment())
        network.ask(session, 1, Kind.UPDATE, moment(), used_down=MB)
    before = network.owner.state.digest()
    network.crash()
    assert network.owner.state.digest() == before


def test_a_month_that_is_closed_ends_its_open_records_once_and_a_crash_in_between_changes_nothing(network):
    open_wallet(network, 10_000)
    network.ask(1, 0, Kind.INITIAL, moment("2026-10-31 23:50:00"))
    network.ask(1, 1, Kind.UPDATE, moment("2026-10-31 23:55:00"), used_down=2 * MB)
    network.ask(2, 0, Kind.INITIAL, moment("2026-10-31 23:56:00"), record_type=RecordType.SMS_MO, other=13900000001)
    assert network.order("FREEZE", cycle=202610).state == "DONE"
    assert network.wallet()["balance_li"] == 9420
    assert detail(network).select("act_basic_li", "cycle").rows() == [(580, 202610)]  # a message not sent leaves none
    before = network.owner.state.digest()
    network.crash()
    assert network.owner.state.digest() == before
    network.ask(1, 2, Kind.TERMINATION, moment("2026-11-01 00:05:00"), used_down=MB, asking=False)
    network.owner.flush()
    november = pl.read_parquet(network.owner.lake.usage_files(202611), hive_partitioning=True)
    assert november.select("act_basic_li", "partial_seq").rows() == [(290, 1)]


def test_a_month_that_cannot_be_closed_ends_no_record(network):
    open_wallet(network, 10_000)
    network.ask(1, 0, Kind.INITIAL, moment())
    network.ask(1, 1, Kind.UPDATE, moment(), used_down=2 * MB)
    before = network.owner.state.digest()
    assert network.order("FREEZE", cycle=202611).state == "REFUSED"
    assert network.owner.state.digest() == before


def test_both_who_gives_and_who_gets_minutes_are_asked_to_come_again(network):
    network.order("GRANT", subscriber_id=12, rule_id=rule_id_of("GOTONE_98", "MIN"), units=100,
                  from_local_s=local_s("2026-10-01"), to_local_s=local_s("2026-11-01"))  # fmt: skip
    network.owner.stirred.clear()
    given = network.order("GIVE", subscriber_id=12, to_id=11, rule_id=rule_id_of("GOTONE_98", "MIN"), units=40,
                          at_local_s=local_s("2026-10-05"))  # fmt: skip
    assert given.answer == {"units": 40, "left": 60}
    assert sorted(network.owner.stirred) == sorted(int(network.owner.state.row_of[user]) for user in (11, 12))


def test_a_user_with_many_services_at_once_is_rebuilt_whole(network):
    open_wallet(network, 1_000_000)
    for session in range(1, 4):
        for group in range(1, 30):
            kind = Kind.INITIAL if group == 1 else Kind.UPDATE
            network.ask(session, group, kind, moment(), rating_group=group, used_down=group * 1000)
    before = network.owner.state.digest()
    network.crash()
    assert network.owner.state.digest() == before
