"""What is quoted is what is reserved, debited and recorded, whatever the price (issue 4 section 7)."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st

from openboss.kernel.usage import RecordType
from openboss.modules.charging.engine.online.requests import Action, Kind, Result, empty_requests
from openboss.modules.charging.numbering import ZEROS

from .drawn_play import markets
from .play import PLENTY_LI, Play
from .test_online_equality import IN_CI, IN_SOAK, MEMORY, begun, tried

WANTED = {"MOC": ("s", 60), "MTC": ("s", 60), "SMS_MO": ("units", 4), "DATA": ("octets", 10 * 1024 * 1024)}
USED = {"s": "used_s", "units": "used_units", "octets": "used_down"}
USERS, NUMBERS = 3, (8613911111111, 861062345678, 8618877776666, 85291234567)
Use = tuple[str, int, int, int]  # record, whose, with whom, thousandths of the most that is granted in one go


def ask(play: Play, key: int, kind: Kind, use: Use, *, number: int = 0, action: Action = Action.DEBIT, **columns: int):
    """One request of one service; returns its answer and quota, and the records it closed."""
    record, who, other, _size = use
    requests, asks = empty_requests(1)
    requests["key_hi"], requests["key_lo"], requests["kind"], requests["number"] = key, 7, kind, number
    requests["served"] = 2 * ZEROS + 8613500000001 + who
    requests["other"] = 0 if record == "DATA" else 2 * ZEROS + NUMBERS[other]
    requests["record_type"], requests["asks"], requests["action"] = RecordType[record], 1, action
    for name, value in columns.items():
        asks[name] = value
    decided = play._decide(requests, asks)
    play.position += 1
    return decided.answers[0], decided.quotas[0], decided.closed


def size_of(use: Use) -> tuple[str, int]:
    name, most = WANTED[use[0]]
    return name, max(1, most * use[3] // 1000)


def in_a_session(play: Play, key: int, use: Use) -> tuple[int, int, int] | None:
    """What a session reserves, pays and leaves on record; None if nothing was granted."""
    name, size = size_of(use)
    before_li = play.paid_li
    _, quota, _ = ask(play, key, Kind.INITIAL, use, is_asking=1, **{f"want_{name}": size})
    if quota["result"] != Result.SUCCESS or quota["granted"] != size:
        return None
    reserved_li = int(play.state.desk.wallets["reserved_li"].sum()) + play.paid_li - before_li
    _, _, closed = ask(play, key, Kind.TERMINATION, use, number=1, **{USED[name]: size})
    return reserved_li, play.paid_li - before_li, int(closed["act_li"].sum())


def as_an_event(play: Play, key: int, use: Use) -> tuple[int, int, int]:
    """What a debit answers that it costs, what is paid for it, and what is left on record."""
    name, size = size_of(use)
    before_li = play.paid_li
    answer, _, _ = ask(play, key, Kind.EVENT, use, **{f"want_{name}": size})
    paid_li = play.paid_li - before_li
    play.now_s += 7_200
    decided, _ = play.turns.sweep(play.state, moment=play._moment(), position=play.position + 1)
    assert decided is not None
    return int(answer["cost_li"]), paid_li, int(decided.closed["act_li"].sum())


def agree(market: dict[str, Any], uses: list[Use], folder: Path) -> None:
    """Quote, reserve, debit and record of one use after the other; every second one as an event."""
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as snapshots:
        play = begun(market, folder, Path(snapshots), slowly=False)
        play.open_wallets((PLENTY_LI, PLENTY_LI))
        for key, use in enumerate(uses, 1):
            name, size = size_of(use)
            play.now_s += 60
            priced, _, _ = ask(play, 1000 + key, Kind.EVENT, use, action=Action.PRICE, **{f"want_{name}": size})
            if priced["result"] != Result.SUCCESS:
                continue
            found = as_an_event(play, key, use) if key % 2 else in_a_session(play, key, use)
            assert found in (None, (int(priced["cost_li"]),) * 3), (use, int(priced["cost_li"]), found)


@st.composite
def several(draw: Callable[..., Any]) -> dict[str, Any]:
    """A market with every kind of price, and some uses one after the other."""
    one = st.tuples(st.sampled_from(sorted(WANTED)), st.integers(0, USERS - 1), st.integers(0, len(NUMBERS) - 1),
                    st.integers(1, 1000))  # fmt: skip
    return {"market": draw(markets(shares=True)), "uses": draw(st.lists(one, min_size=16, max_size=16))}


def prove(how: settings, no_limits: Path) -> None:
    tried(lambda drawn: agree(**drawn, folder=no_limits), several(), how)


def test_quote_reserve_debit_and_record_agree_to_the_li_whatever_the_price(no_limits: Path) -> None:
    prove(settings(IN_CI, max_examples=6), no_limits)


@pytest.mark.soak
def test_quote_reserve_debit_and_record_agree_to_the_li_at_many_prices(no_limits: Path) -> None:
    prove(IN_SOAK, no_limits)
