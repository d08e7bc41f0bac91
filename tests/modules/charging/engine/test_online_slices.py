"""Where the slices of a session, or what comes between them, could have changed what it costs (found by plays)."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from openboss.processes.quote.parties import local_s

from .play import PLENTY_LI, Play, Report, said
from .test_online_equality import REFERENCE, begun

NAMES = {"zh": "甲", "en": "One"}
DATA_PRICE = {"rule": "P", "component": "basic", "when": {"record": ["DATA"]}, "item": "DATA_DOM", "names": NAMES}
CALL_PRICE = {"rule": "P", "component": "basic", "when": {"record": ["MOC"]}, "item": "LOCAL", "names": NAMES}
KB = 1024


def offer(code: str, number: int, kind: str = "ADDON", **version: Any) -> dict[str, Any]:
    return {"offer": code, "offer_id": number, "names": NAMES, "kind": kind,
            "versions": [{"from": "2020-01-01", **version}]}  # fmt: skip


CHEAP = offer("CHEAP", 30, prices=[{**DATA_PRICE, "unit": "1 KB", "price": "0.001"}])
DEAR = offer("DEAR", 31, prices=[{**DATA_PRICE, "unit": "1 KB", "price": "0.010"}])
TIERS = offer("TIERS", 32, prices=[{**CALL_PRICE, "unit": "60 s", "basis": "CYCLE", "price": "0.10", "tiers": [
    {"from": 0, "price": "0.10"}, {"from": 10, "price": "0.40"}]}])  # fmt: skip
KIN = offer("KIN", 33, "FAMILY", prices=[{**CALL_PRICE, "unit": "60 s", "price": "0.10"}], free=[
    {"rule": "F", "unit": "MIN", "granted": 5, "scope": {"record": ["MOC"]}, "names": NAMES,
     "share": {"by": "POOL"}}])  # fmt: skip

DAILY = offer("DAILY", 34, prices=[{**DATA_PRICE, "unit": "1 DAY", "price": "0.50"},
                                   {**CALL_PRICE, "rule": "Q", "unit": "60 s", "price": "0.10"}])  # fmt: skip


@pytest.fixture
def play_of(tmp_path: Path) -> Iterator[Callable[..., Play]]:
    """Plays of users A and B who hold some offers and have plenty of money."""
    made = []

    def play(*offers: dict[str, Any], held: dict[str, list[str]], groups: list[Any] | None = None) -> Play:
        users = [{"user": name, "products": [{"offer": code, "from": "2026-03-05"} for code in held[name]],
                  "groups": groups or []} for name in held]  # fmt: skip
        market = {"format": 1, "tariffs": ["documents/standard.yaml", *offers], "users": users}
        made.append(begun(market, REFERENCE, tmp_path / str(len(made)), slowly=False))
        made[-1].open_wallets((PLENTY_LI, PLENTY_LI))
        return made[-1]

    yield play


def at(play: Play, text: str) -> None:
    play.now_s = local_s(text, 0)


def begin(play: Play, record: str = "DATA", user: str = "A") -> Any:
    play.begin({"user": user, "record": record, **({} if record == "DATA" else {"number": 8613911111111})}, 1)
    return play.sessions[-1]


def report(play: Play, session: Any, used: int, *, ends: bool = False, **more: Any) -> None:
    play.now_s += 60
    play.use([(session, [Report(used, **more)], ends)], "")


def test_an_offer_taken_inside_a_session_prices_what_is_used_after_it(play_of: Callable[..., Play]) -> None:
    play = play_of(DEAR, CHEAP, held={"A": ["DEAR"]})
    at(play, "2026-09-10T10:00:00")
    session = begin(play)
    report(play, session, 100 * KB)
    play.change_plan(0, 0, takes=True)  # the cheap one: newer goes before older
    report(play, session, 50 * KB)  # not split by the network: all of it was before
    report(play, session, 200 * KB, ends=True)
    assert play.paid_li == 150 * 10 + 200 * 1


def test_an_offer_whose_new_version_is_the_first_to_share_shares_with_the_whole_group(
    play_of: Callable[..., Play],
) -> None:
    sharing = KIN["versions"][0]
    before = {**sharing, "free": []}
    kin = {**KIN, "versions": [before, {**sharing, "from": "2026-10-01"}]}
    play = play_of(kin, held={"A": ["KIN"], "B": []}, groups=[{"group": "F", "kind": "FAMILY"}])
    at(play, "2026-09-10T10:00:00")
    play.publish_all()
    at(play, "2026-10-02T10:00:00")
    session = begin(play, "MOC", "B")
    report(play, session, 240, ends=True)
    assert play.paid_li == 0  # four of the five minutes of A
    session = begin(play, "MOC", "A")
    report(play, session, 120, ends=True)
    assert play.paid_li == 100  # one minute is left


def test_a_request_sent_again_after_its_month_was_closed_hears_what_it_heard(play_of: Callable[..., Play]) -> None:
    play = play_of(CHEAP, held={"A": ["CHEAP"]})
    at(play, "2026-09-30T23:50:00")
    session = begin(play)
    report(play, session, 10 * KB)
    at(play, "2026-10-01T00:10:00")
    play.close_month()
    play.again(session, 1)


def test_a_file_of_a_user_with_an_open_record_counts_each_unit_of_a_tier_once(play_of: Callable[..., Play]) -> None:
    play = play_of(TIERS, held={"A": ["TIERS"]})
    at(play, "2026-09-10T10:00:00")
    session = begin(play, "MOC")
    report(play, session, 600)
    event = {"user": "A", "record": "MOC", "duration_s": 600, "number": 8613911111111, "at": "2026-09-10T09:00:00"}
    play.file([event], None)
    assert play.paid_li == 10 * 100 + 10 * 400  # 20 minutes, 10 of them beyond the tier
    report(play, session, 60, ends=True)
    assert play.paid_li == 10 * 100 + 11 * 400
    assert play.detail[0]["act_basic_li"].to_list() == [11 * 400]  # the file's record ended first


def test_money_that_a_network_priced_before_a_cut_is_not_charged_again_after_it(play_of: Callable[..., Play]) -> None:
    play = play_of(CHEAP, held={"A": ["CHEAP"]})
    at(play, "2026-09-30T23:50:00")
    session = begin(play)
    report(play, session, 10 * KB, fee_li=250)
    at(play, "2026-10-01T00:10:00")
    report(play, session, 10 * KB)
    report(play, session, 10 * KB, ends=True)
    assert play.paid_li == 30 + 250


def test_users_of_one_pool_take_from_it_in_the_order_of_their_requests_in_one_group_too(
    play_of: Callable[..., Play],
) -> None:
    group = [{"group": "F", "kind": "FAMILY"}]
    play = play_of(KIN, held={"A": ["KIN"], "B": [], "C": ["KIN"]}, groups=group)  # C pays from another wallet
    at(play, "2026-09-10T10:00:00")
    first, second = begin(play, "MOC", "A"), begin(play, "MOC", "C")
    report(play, first, 5 * 60)
    report(play, second, 7 * 60)  # 5 and 5 of 10 shared minutes
    play.now_s += 60
    play.use([(second, [Report(60)], False), (first, [Report(60)], False)], "")
    paid = PLENTY_LI - play.state.desk.wallets["balance_li"]
    assert paid.tolist() == [1 * 100, 3 * 100]  # who came first could not take what the other held


def test_a_session_settled_unused_in_silence_begins_its_record_when_it_speaks_again(
    play_of: Callable[..., Play],
) -> None:
    play = play_of(CHEAP, held={"A": ["CHEAP"]})
    at(play, "2026-09-30T20:00:00")
    session = begin(play)
    play.silence()
    at(play, "2026-10-01T00:30:00")
    report(play, session, 10 * KB, ends=True)
    assert play.detail[0]["cycle"].to_list() == [202610]


def test_a_place_that_a_session_gave_up_is_empty_after_a_crash_as_before_it(play_of: Callable[..., Play]) -> None:
    play = play_of(CHEAP, held={"A": ["CHEAP"], "B": ["CHEAP"]})
    at(play, "2026-09-10T10:00:00")
    ended = [begin(play), begin(play, user="B")]
    for session in ended:
        report(play, session, 10 * KB, ends=True)
    play.silence()
    play.silence()
    play.save()
    begin(play)  # where the last of them was
    play.crash()


def test_an_event_refunded_in_full_costs_nothing_whatever_else_its_user_does(play_of: Callable[..., Play]) -> None:
    play = play_of(DAILY, held={"A": ["DAILY"]})
    at(play, "2026-09-10T10:00:00")
    play.event({"user": "A", "record": "DATA"}, 2)
    assert play.paid_li == 500  # the day's fee
    play.refund(play.sessions[-1], 2)
    assert play.paid_li == 0
    session = begin(play, "MOC")
    report(play, session, 60)
    assert play.paid_li == 100  # and no fee for a day on which no data is left
    play.file([{"user": "A", "record": "MOC", "duration_s": 60, "number": 8613911111111, "at": said(play.now_s)}], None)
    assert play.paid_li == 200
    play.silence()
    assert play.paid_li == 200


def test_an_open_session_of_nothing_holds_a_days_price_back_and_pays_none(play_of: Callable[..., Play]) -> None:
    play = play_of(DAILY, held={"A": ["DAILY"]})
    at(play, "2026-09-10T10:00:00")
    wallet = play.state.desk.wallets[0]
    session, idle = begin(play), begin(play)
    assert (play.paid_li, wallet["reserved_li"]) == (0, 2 * 500)  # either may be the day's first
    play.file([{"user": "A", "record": "MOC", "duration_s": 60, "number": 8613911111111, "at": said(play.now_s)}], None)
    assert play.paid_li == 100
    report(play, session, KB)
    assert (play.paid_li, wallet["reserved_li"]) == (100 + 500, 500)
    report(play, session, KB, ends=True)
    report(play, idle, 0, ends=True)
    assert (play.paid_li, wallet["reserved_li"], len(play.detail)) == (100 + 500, 0, 1)


def test_a_call_has_its_days_price_from_its_beginning_for_it_leaves_a_record(play_of: Callable[..., Play]) -> None:
    call = {**CALL_PRICE, "unit": "1 DAY", "price": "0.50"}
    play = play_of(offer("TALK", 35, prices=[call]), held={"A": ["TALK"]})
    at(play, "2026-09-10T10:00:00")
    session = begin(play, "MOC")
    assert play.paid_li == 500
    report(play, session, 0, ends=True)
    assert (play.paid_li, play.detail[0]["act_basic_li"].to_list()) == (500, [500])


def test_a_service_that_its_network_names_keeps_its_price_when_its_session_goes_on_after_silence(
    play_of: Callable[..., Play],
) -> None:
    dear = {**DATA_PRICE, "unit": "1 KB", "per": "1 MB", "price": "0.115", "connect": "0.005"}
    dear["when"] = {"record": ["DATA"], "service": ["77"]}
    cheap = {**DATA_PRICE, "rule": "Q", "unit": "10 KB", "price": "0.001"}
    free = [{"rule": "F", "unit": "KB", "granted": 50, "scope": {"record": ["DATA"]}, "names": NAMES}]
    play = play_of(offer("BOTH", 36, prices=[dear, cheap], free=free), held={"A": ["BOTH"]})
    at(play, "2026-09-10T10:00:00")
    play.begin({"user": "A", "record": "DATA", "service": "77"}, 1)
    session = play.sessions[-1]
    play.silence()
    report(play, session, 957_600, ends=True)
    assert play.paid_li == 105  # 936 KB, 50 of them free: 886 x 115 / 1024 + 5 = 104.5
    assert play.detail[0]["service"].to_list() == [77]
