"""Near the end of a balance or of a free resource: with nothing in the wallet what is free is granted, and no more."""

from collections.abc import Callable
from typing import Any

import pytest

from openboss.modules.charging.engine.online.group import KB
from openboss.modules.charging.engine.online.requests import Result
from openboss.modules.charging.engine.online.usual import Usual

from .play import RULES, Play
from .test_online_slices import CALL_PRICE, DATA_PRICE, NAMES, at, begin, offer, play_of, report

__all__ = ["play_of"]

PACK = [{"rule": "F", "unit": "KB", "granted": 700, "scope": {"record": ["DATA"]}, "names": NAMES}]
MINUTES = [{"rule": "F", "unit": "s", "granted": 100, "scope": {"record": ["MOC"]}, "names": NAMES}]
DEAR_DATA = {**DATA_PRICE, "unit": "1 KB", "price": "0.010"}
A_SECOND = {**CALL_PRICE, "unit": "1 s", "price": "0.010"}
Plays = Callable[..., Play]


@pytest.fixture(params=["usual", "rare"])
def broke(request: pytest.FixtureRequest, play_of: Plays) -> Plays:  # noqa: F811
    """Plays of a user who holds one offer and has nothing in the wallet; both ways of carrying requests out."""

    def begun(number: int, li: int = 0, **version: Any) -> Play:
        play = play_of(offer("ONE", number, **version), held={"A": ["ONE"]})
        if request.param == "rare":
            play.turns._usual = Usual(RULES, play.turns._server, most_services=0)
        at(play, "2026-09-10T10:00:00")
        play.top_up(0, li - balance_li(play))
        return play

    return begun


def balance_li(play: Play) -> int:
    return int(play.state.desk.wallets["balance_li"][0])


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
