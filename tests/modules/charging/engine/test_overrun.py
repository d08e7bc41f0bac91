"""Networks that use at most what they were granted: a wallet falls below its limit by less than one smallest amount.

Time, volume, several services of a session, sessions of two users with one wallet, with a limit and without; drawn.
Where free units are promised to several: test_last_slice.py. The rule: docs/algorithms/online.md (How much is granted).
"""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st

from tests.reference.slow_purse import SlowPurse

from .play import Report, Session
from .test_online_equality import IN_CI, IN_SOAK, MEMORY, REFERENCE, begun, tried
from .test_online_slices import CALL_PRICE, DATA_PRICE, at, offer

KILOBYTE = {**DATA_PRICE, "unit": "1 KB", "price": "0.010"}
MEGABYTE = {**DATA_PRICE, "unit": "1 KB", "per": "1024 KB", "price": "0.29"}
SECOND = {**CALL_PRICE, "rule": "Q", "unit": "1 s", "price": "0.010"}
MINUTE = {**CALL_PRICE, "rule": "Q", "unit": "60 s", "price": "0.40"}
PRICES = {"CHEAP": ([KILOBYTE, SECOND], 10), "DEAR": ([MEGABYTE, MINUTE], 400)}  # and the dearest smallest amount
SESSIONS = (("DATA", "A", 1), ("DATA", "B", 3), ("MOC", "A", 1), ("MOC", "B", 1), ("DATA", "A", 2))


@st.composite
def networks(draw: Callable[..., Any]) -> dict[str, Any]:
    """A price, a wallet, and what its users' sessions do in turns: thousandths of what each service holds."""
    used = st.lists(st.sampled_from([0, 1, 333, 500, 999, 1000, 1000, 1000]), min_size=3, max_size=3)
    act = st.tuples(st.integers(0, len(SESSIONS) - 1), used, st.sampled_from([False, False, False, True]))
    return {"price": draw(st.sampled_from(sorted(PRICES))),
            "balance_li": draw(st.sampled_from([0, 5, 405, 1_005, 3_000])),
            "limit_li": draw(st.sampled_from([0, 7, 395, 2_000])), "top_up_li": draw(st.sampled_from([0, 15, 500])),
            "acts": draw(st.lists(act, min_size=24, max_size=24))}  # fmt: skip


def held(session: Session) -> list[int]:
    """What each service of a session holds, in what it is counted in."""
    return [int(quota["granted"]) for quota in session.sent[-1][3]]


def use(price: str, balance_li: int, limit_li: int, top_up_li: int, acts: list[tuple[int, list[int], bool]]) -> None:
    """Sessions begin, use of what they hold, go on while anything is granted and end; no step falls below the line."""
    prices, most_li = PRICES[price]
    users = [{"user": name, "products": [{"offer": "ONE", "from": "2026-03-05"}], "groups": []} for name in "AB"]
    market = {"format": 1, "tariffs": ["documents/standard.yaml", offer("ONE", 80, prices=prices)], "users": users}
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        play = begun(market, REFERENCE, Path(folder), slowly=False)
        play.open_wallet(SlowPurse(1, ["A", "B"], balance_li, limit_li))
        at(play, "2026-09-10T10:00:00")
        running: dict[int, Session] = {}
        for turn, (who, parts, ends) in enumerate(acts):
            record, user, services = SESSIONS[who]
            if turn == len(acts) // 2 and top_up_li:
                play.top_up(0, top_up_li)
            if who not in running:
                number = {} if record == "DATA" else {"number": 8613911111111}
                play.begin({"user": user, "record": record, **number}, services)
                running |= {} if play.sessions[-1] in play.ended else {who: play.sessions[-1]}
                continue
            session, play.now_s = running[who], play.now_s + 60
            quotas = held(session)
            is_over = ends or not any(quotas)
            reports = [Report(size * part // 1000) for size, part in zip(quotas, parts, strict=False)]
            play.use([(session, reports, is_over)], "")
            if is_over:
                del running[who]
            purse = play.state.desk.wallets[0]
            assert purse["balance_li"] + purse["limit_li"] > -most_li, play.story


def test_a_wallet_falls_below_its_limit_by_less_than_one_smallest_amount() -> None:
    tried(lambda one: use(**one), networks(), settings(IN_CI, max_examples=10))


@pytest.mark.soak
def test_wallets_fall_below_their_limits_by_less_than_one_smallest_amount() -> None:
    tried(lambda one: use(**one), networks(), IN_SOAK)
