"""Near the end of a balance or of a free resource: with nothing in the wallet what is free is granted, and no more."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st

from openboss.modules.charging.engine.online.group import KB
from openboss.modules.charging.engine.online.requests import Result
from openboss.modules.charging.engine.online.usual import Usual
from openboss.modules.charging.engine.state import EngineState
from openboss.modules.charging.functions import what_if
from openboss.processes.quote.parties import engine_rows

from .play import RULES, Play
from .test_online_equality import IN_CI, IN_SOAK, MEMORY, REFERENCE, begun, tried
from .test_online_slices import CALL_PRICE, DATA_PRICE, NAMES, at, begin, offer, play_of, report

__all__ = ["play_of"]

PACK = [{"rule": "F", "unit": "KB", "granted": 700, "scope": {"record": ["DATA"]}, "names": NAMES}]
MINUTES = [{"rule": "F", "unit": "s", "granted": 100, "scope": {"record": ["MOC"]}, "names": NAMES}]
DEAR_DATA = {**DATA_PRICE, "unit": "1 KB", "price": "0.010"}
A_SECOND = {**CALL_PRICE, "unit": "1 s", "price": "0.010"}
Plays = Callable[..., Play]


@pytest.fixture(params=["usual", "rare"])
def broke(request: pytest.FixtureRequest, play_of: Plays) -> Plays:  # noqa: F811
    """Plays of users who hold one offer, the first two with a wallet in which nothing is; both ways of carrying
    requests out."""

    def begun(number: int, li: int = 0, users: str = "A", **version: Any) -> Play:
        play = play_of(offer("ONE", number, **version), held={user: ["ONE"] for user in users})
        if request.param == "rare":
            play.turns._usual = Usual(RULES, play.turns._server, most_services=0)
        at(play, "2026-09-10T10:00:00")
        play.top_up(0, li - balance_li(play))
        return play

    return begun


def balance_li(play: Play, wallet: int = 0) -> int:
    return int(play.state.desk.wallets["balance_li"][wallet])


def reserved_li(play: Play, wallet: int = 0) -> int:
    return int(play.state.desk.wallets["reserved_li"][wallet])


def granted(session: Any) -> tuple[int, bool]:
    """What a session was granted last, and whether it is the last."""
    quota = session.sent[-1][3][0]
    return int(quota["granted"]), bool(quota["is_last"])


def is_refused(session: Any) -> bool:
    return bool(session.sent[-1][3][0]["result"] == Result.CREDIT_LIMIT_REACHED) and granted(session) == (0, False)


def test_with_nothing_in_the_wallet_exactly_the_free_kilobytes_left_are_granted(broke: Plays) -> None:
    play = broke(40, prices=[DEAR_DATA], free=PACK)
    session = begin(play)
    assert granted(session) == (700 * KB, True)
    report(play, session, 200 * KB)
    assert granted(session) == (500 * KB, True)
    report(play, session, 500 * KB)
    assert is_refused(session)
    assert balance_li(play) == 0


def test_where_a_kilobyte_rounds_to_nothing_no_more_than_the_free_ones_are_granted(broke: Plays) -> None:
    play = broke(41, prices=[{**DEAR_DATA, "per": "1 MB", "price": "0.29"}], free=PACK)
    session = begin(play)
    assert granted(session) == (700 * KB, True)
    report(play, session, 700 * KB)
    assert is_refused(session)
    assert begin(play) in play.ended  # refused as a whole
    assert balance_li(play) == 0


LONG_DISTANCE = [A_SECOND, {**A_SECOND, "rule": "L", "component": "ld", "item": "LD_DOM", "price": "0.005"}]
BOTH_PARTS = {"record": ["MOC"], "component": ["basic", "ld"]}


def call_far(play: Play) -> Any:
    """A long-distance call begins: it is priced in two parts."""
    play.begin({"user": "A", "record": "MOC", "number": 8613911111111, "ld": "INTER_PROV_LD"}, 1)
    return play.sessions[-1]


def test_free_seconds_that_pay_for_both_parts_of_a_call_are_promised_to_one_of_them(broke: Plays) -> None:
    play = broke(48, prices=LONG_DISTANCE, free=[{**MINUTES[0], "scope": BOTH_PARTS}])
    session = call_far(play)
    assert granted(session) == (50, True)  # 100 free seconds, two for each of the call
    report(play, session, 50)
    assert is_refused(session)
    assert balance_li(play) == 0


def test_what_both_parts_of_a_call_may_cost_at_most_is_reserved_once(broke: Plays) -> None:
    caps = [{"rule": "C", "items": ["LOCAL", "LD_DOM"], "cap": "0.610", "over": "CYCLE", "names": NAMES}]
    play = broke(49, 10_000, prices=LONG_DISTANCE, caps=caps)
    session = call_far(play)
    assert (granted(session), reserved_li(play)) == ((60, False), 610)  # 0.600 and 0.300 without it
    report(play, session, 60)
    assert (granted(session), reserved_li(play), balance_li(play)) == ((60, False), 0, 10_000 - 610)
    report(play, session, 60, ends=True)
    assert (balance_li(play), reserved_li(play)) == (10_000 - 610, 0)


def test_with_nothing_in_the_wallet_exactly_the_free_seconds_left_are_granted(broke: Plays) -> None:
    play = broke(42, prices=[A_SECOND], free=MINUTES)
    session = begin(play, "MOC")
    assert granted(session) == (60, False)
    report(play, session, 60)
    assert granted(session) == (40, True)
    report(play, session, 40)
    assert is_refused(session)
    assert balance_li(play) == 0


def test_below_zero_nothing_is_granted_whatever_is_free(broke: Plays) -> None:
    play = broke(43, li=-1, prices=[DEAR_DATA], free=PACK)
    assert begin(play) in play.ended
    play.top_up(0, 1)
    assert granted(begin(play)) == (700 * KB, True)


def test_free_units_and_the_last_money_are_granted_together(broke: Plays) -> None:
    play = broke(44, li=1_005, prices=[DEAR_DATA], free=PACK)
    session = begin(play)
    assert granted(session) == (800 * KB, True)
    report(play, session, 800 * KB)
    assert granted(session) == (KB, True)  # half a kilobyte's money is left: by it the balance may go below zero
    report(play, session, KB)
    assert (is_refused(session), balance_li(play)) == (True, -5)


def test_a_charge_that_has_reached_its_cap_is_granted_with_nothing_in_the_wallet(broke: Plays) -> None:
    cap = [{"rule": "C", "items": ["DATA_DOM"], "cap": "5.00", "over": "CYCLE", "names": NAMES}]
    play = broke(45, li=5_000, prices=[DEAR_DATA], caps=cap)
    session = begin(play)
    report(play, session, 500 * KB)
    assert (balance_li(play), granted(session)) == (0, (10 * 1024 * KB, False))  # costs nothing more


# --- several sessions at the end -----------------------------------------------------------------------------------


def test_two_sessions_are_not_both_granted_the_last_free_kilobytes(broke: Plays) -> None:
    play = broke(50, prices=[DEAR_DATA], free=PACK)
    first = begin(play)
    assert granted(first) == (700 * KB, True)
    assert begin(play) in play.ended  # the first one holds them all
    report(play, first, 300 * KB, ends=True)
    assert granted(begin(play)) == (400 * KB, True)
    assert balance_li(play) == 0


def test_two_calls_share_the_last_free_seconds_and_neither_is_paid_for(broke: Plays) -> None:
    play = broke(51, prices=[A_SECOND], free=MINUTES)
    first, second = begin(play, "MOC"), begin(play, "MOC")
    assert (granted(first), granted(second)) == ((60, False), (40, True))
    report(play, second, 40)
    report(play, first, 60)
    assert is_refused(second) and is_refused(first)
    assert balance_li(play) == 0


def test_the_last_free_units_and_the_last_fen_are_used_by_several_sessions_in_any_order(broke: Plays) -> None:
    for number, is_second_first in ((52, False), (53, True)):
        play = broke(number, li=1_005, prices=[DEAR_DATA], free=PACK)
        first, second = begin(play), begin(play)
        assert (granted(first), granted(second)) == ((800 * KB, True), (KB, True))
        assert begin(play) in play.ended  # the money for half a kilobyte is promised
        reports = [(first, 800 * KB), (second, KB)]
        for session, used in reports[::-1] if is_second_first else reports:
            report(play, session, used, ends=True)
        assert balance_li(play) == -5  # 801 kilobytes, 700 of them free


def test_a_quota_reserves_what_it_costs_if_others_use_what_they_hold(broke: Plays) -> None:
    play = broke(54, li=10_000, prices=[A_SECOND], free=MINUTES)
    first, second = begin(play, "MOC"), begin(play, "MOC")
    assert granted(first) == granted(second) == (60, False)
    assert reserved_li(play) == 20 * 10  # 120 seconds are held, 100 are free
    report(play, second, 60, ends=True)  # comes first: the free seconds are its own
    assert (balance_li(play), reserved_li(play)) == (10_000, 0)
    report(play, first, 60, ends=True)
    assert balance_li(play) == 10_000 - 20 * 10


def test_a_service_of_the_same_request_holds_its_quota_too(broke: Plays) -> None:
    play = broke(55, prices=[DEAR_DATA], free=PACK)
    play.begin({"user": "A", "record": "DATA"}, 2)
    quotas = play.sessions[-1].sent[-1][3]
    assert quotas["granted"].tolist() == [700 * KB, 0]
    assert quotas["result"].tolist() == [Result.SUCCESS, Result.CREDIT_LIMIT_REACHED]


def test_sessions_that_together_reach_a_dearer_step_of_the_month_pay_from_what_was_reserved(broke: Plays) -> None:
    steps = [{"from": 0, "price": "0.005"}, {"from": 100, "price": "0.010"}]
    play = broke(56, li=700, prices=[{**A_SECOND, "basis": "CYCLE", "tiers": steps}])
    first, second = begin(play, "MOC"), begin(play, "MOC")
    assert (granted(first), granted(second)) == ((60, False), (60, False))
    assert reserved_li(play) == 60 * 5 + 40 * 5 + 20 * 10
    assert begin(play, "MOC") in play.ended
    report(play, first, 60, ends=True)
    report(play, second, 60, ends=True)
    assert balance_li(play) == 0


@pytest.fixture
def family(play_of: Plays) -> Play:  # noqa: F811
    """Users who share 100 seconds of A's and have nothing in their wallets: A and B have one, C another."""
    kin = offer("KIN", 60, "FAMILY", prices=[A_SECOND], free=[{**MINUTES[0], "share": {"by": "POOL"}}])
    play = play_of(kin, offer("PLAIN", 61, prices=[A_SECOND]), held={"A": ["KIN"], "B": ["PLAIN"], "C": ["PLAIN"]},
                   groups=[{"group": "F", "kind": "FAMILY"}])  # fmt: skip
    at(play, "2026-09-10T10:00:00")
    for who, li in ((0, balance_li(play)), (2, balance_li(play, 1))):
        play.top_up(who, -li)
    return play


def test_who_is_promised_what_another_has_used_meanwhile_is_paid_for_before_anybody_is_granted_more(
    family: Play,
) -> None:
    family.top_up(0, 200)
    late, early = begin(family, "MOC", "A"), begin(family, "MOC", "B")
    assert (granted(late), granted(early), reserved_li(family)) == ((60, False), (60, False), 200)
    report(family, early, 60, ends=True)  # the free seconds are its own, and 40 are left for the other's 60
    assert (balance_li(family), reserved_li(family)) == (200, 0)
    assert begin(family, "MOC", "B") in family.ended  # not even a second
    report(family, late, 60, ends=True)
    assert (balance_li(family), reserved_li(family)) == (0, 0)


def test_users_of_one_pool_are_not_both_granted_its_last_free_seconds(family: Play) -> None:
    first, second = begin(family, "MOC", "A"), begin(family, "MOC", "B")
    assert (granted(first), granted(second)) == ((60, False), (40, True))
    assert begin(family, "MOC", "C") in family.ended  # nothing is left that nobody holds
    report(family, second, 10, ends=True)
    third = begin(family, "MOC", "C")
    assert granted(third) == (30, True)
    report(family, third, 30, ends=True)
    report(family, first, 60)
    assert is_refused(first)
    assert (balance_li(family), balance_li(family, 1)) == (0, 0)


def test_what_members_hold_is_known_after_they_were_entered_anew(family: Play) -> None:
    begin(family, "MOC", "A")
    family._carry_out(EngineState.apply_image, what_if.image_of(engine_rows(family.parties)))
    assert granted(begin(family, "MOC", "B")) == (40, True)


def test_a_pool_is_first_come_first_served_and_who_pays_alone_falls_by_at_most_what_was_granted(family: Play) -> None:
    """What members hold is not taken from the pool; with one wallet what is reserved makes up for it."""
    family.top_up(0, 1_000)
    late = begin(family, "MOC", "C")
    early = begin(family, "MOC", "A")
    assert (granted(late), granted(early)) == ((60, False), (60, False))
    assert (reserved_li(family), reserved_li(family, 1)) == (200, 0)  # 40 seconds free, 20 not
    report(family, early, 60, ends=True)
    report(family, late, 60, ends=True)
    assert (balance_li(family), balance_li(family, 1)) == (1_000, -200)


# --- another payer, another month ----------------------------------------------------------------------------------


def test_what_is_promised_is_reserved_in_the_wallet_of_whoever_pays_from_now_on(broke: Plays) -> None:
    play = broke(57, li=10_000, users="ABC", prices=[A_SECOND])
    play.top_up(2, 400 - balance_li(play, 1))
    session = begin(play, "MOC")
    assert (granted(session), reserved_li(play), reserved_li(play, 1)) == ((60, False), 600, 0)
    play.change_payer(0, 2)
    assert (reserved_li(play), reserved_li(play, 1)) == (0, 600)
    assert begin(play, "MOC", "C") in play.ended  # all that wallet has is promised, and more
    report(play, session, 30)
    assert (balance_li(play), balance_li(play, 1), granted(session)) == (10_000, 100, (10, True))
    report(play, session, 10, ends=True)
    assert (balance_li(play), balance_li(play, 1)) == (10_000, 0)
    assert (reserved_li(play), reserved_li(play, 1)) == (0, 0)


def test_who_gets_a_wallet_amid_a_session_has_reserved_in_it_what_was_promised_before(broke: Plays) -> None:
    play = broke(58, li=1_000, prices=[A_SECOND])
    held = begin(play, "MOC")
    play.order("WALLETS", {"wallets": [{"account_id": 1, "anew": True, "balance_li": 1_000, "subscriber_ids": []}]})
    free = begin(play, "MOC")
    assert (granted(held), granted(free), reserved_li(play)) == ((60, False), (60, False), 0)  # nothing limits anybody
    play.change_payer(0, 1)
    assert reserved_li(play) == 1_200
    report(play, held, 60, ends=True)
    report(play, free, 60, ends=True)
    assert (balance_li(play), reserved_li(play)) == (-200, 0)


def test_a_wallet_that_begins_anew_keeps_reserved_what_its_users_were_promised(broke: Plays) -> None:
    play = broke(59, li=10_000, prices=[A_SECOND])
    session = begin(play, "MOC")
    anew = {"account_id": 1, "anew": True, "balance_li": 700, "subscriber_ids": [play.parties.ids["A"]]}
    play.order("WALLETS", {"wallets": [anew]})
    assert (balance_li(play), reserved_li(play)) == (700, 600)
    report(play, session, 60, ends=True)
    assert (balance_li(play), reserved_li(play)) == (100, 0)


def test_what_was_promised_before_a_month_was_closed_stays_reserved_after_it(broke: Plays) -> None:
    play = broke(63, li=1_000, users="AB", prices=[DEAR_DATA])
    first = begin(play)
    report(play, first, 50 * KB)
    assert (granted(first), balance_li(play), reserved_li(play)) == ((50 * KB, True), 500, 500)
    at(play, "2026-10-02T10:00:00")
    play.close_month()
    assert (balance_li(play), reserved_li(play)) == (500, 500)
    assert begin(play, user="B") in play.ended  # of the same wallet
    report(play, first, 50 * KB, ends=True)
    assert (balance_li(play), reserved_li(play)) == (0, 0)


def test_what_is_promised_costs_what_it_does_in_the_month_that_begins(broke: Plays) -> None:
    play = broke(64, li=1_000, prices=[DEAR_DATA], free=PACK)
    report(play, begin(play), 700 * KB, ends=True)
    second = begin(play)
    assert (granted(second), reserved_li(play)) == ((100 * KB, True), 1_000)
    at(play, "2026-10-02T10:00:00")
    play.close_month()
    assert reserved_li(play) == 0  # of the new month's 700 kilobytes
    third = begin(play)
    assert (granted(third), reserved_li(play)) == ((700 * KB, True), 1_000)  # 600 of them, and the money
    report(play, second, 100 * KB, ends=True)
    report(play, third, 700 * KB, ends=True)
    assert (balance_li(play), reserved_li(play)) == (0, 0)


# --- networks that use no more than they are granted ---------------------------------------------------------------

A_MINUTE = {**CALL_PRICE, "unit": "60 s", "price": "0.40"}
RISING = {**A_SECOND, "basis": "CYCLE", "price": "0.005",
          "tiers": [{"from": 0, "price": "0.005"}, {"from": 90, "price": "0.010"}]}  # fmt: skip
SHAPES = {  # record, price, what is free, what a smallest amount can cost
    "KB": ("DATA", DEAR_DATA, PACK, 10), "s": ("MOC", A_SECOND, MINUTES, 10), "RISING": ("MOC", RISING, MINUTES, 10),
    "MIN": ("MOC", A_MINUTE, [{**MINUTES[0], "unit": "MIN", "granted": 3}], 400),
}  # fmt: skip


@st.composite
def obedient(draw: Callable[..., Any]) -> dict[str, Any]:
    """A price with free units, whether two users share them, their wallet, and what four sessions do in turns."""
    act = st.tuples(st.integers(0, 3), st.sampled_from([0, 1000, 1000, 500, 333]), st.booleans())
    return {"shape": draw(st.sampled_from(sorted(SHAPES))), "is_shared": draw(st.booleans()),
            "li": draw(st.sampled_from([0, 5, 400, 1_005, 3_000])),
            "acts": draw(st.lists(act, min_size=20, max_size=20))}  # fmt: skip


def obey(shape: str, acts: list[tuple[int, int, bool]], li: int, folder: Path, *, is_shared: bool) -> None:
    """Sessions of two users of one wallet begin, use thousandths of what they hold, and end when nothing follows."""
    record, price, free, most_li = SHAPES[shape]
    free = [{**one, "share": {"by": "POOL"}} for one in free] if is_shared else free
    one = offer("ONE", 70, "FAMILY" if is_shared else "ADDON", prices=[price], free=free)
    held = [{"offer": "ONE", "from": "2026-03-05"}]
    users = [{"user": name, "products": held, "groups": [{"group": "F", "kind": "FAMILY"}] if is_shared else []}
             for name in "AB"]  # fmt: skip
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as snapshots:
        market = {"format": 1, "tariffs": ["documents/standard.yaml", one], "users": users}
        play = begun(market, folder, Path(snapshots), slowly=False)
        play.open_wallets((li, 0))
        at(play, "2026-09-10T10:00:00")
        running: dict[int, Any] = {}
        for who, part, ends in acts:
            if who not in running:
                session = begin(play, record, "AB"[who % 2])
                running |= {} if session in play.ended else {who: session}
                continue
            session, (size, is_last) = running[who], granted(running[who])
            is_over = ends or (is_last and part == 1000) or is_refused(session)
            report(play, session, size * part // 1000, ends=is_over)
            if is_over:
                del running[who]
            assert balance_li(play) > -most_li, play.story


def test_what_is_promised_to_several_sessions_is_paid_for_to_within_a_smallest_amount() -> None:
    tried(lambda one: obey(**one, folder=REFERENCE), obedient(), settings(IN_CI, max_examples=12))


@pytest.mark.soak
def test_what_is_promised_to_many_sessions_is_paid_for_to_within_a_smallest_amount() -> None:
    tried(lambda one: obey(**one, folder=REFERENCE), obedient(), IN_SOAK)
