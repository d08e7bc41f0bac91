"""A group of requests on its way through the engine, the operator's choices, and what business must hear."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from openboss.modules.charging.engine.online.desk import free_of
from openboss.modules.charging.engine.online.kinds import ACCESS, MESSAGES, VOICE
from openboss.modules.charging.engine.online.requests import ANSWER, MOST_COUNTED, QUOTA, Measure
from openboss.modules.charging.engine.state import EngineState

KB = 1024
NEAR_LIMIT_PERCENT = 80
NO_LIMIT_LI = 2**60  # what a user without a wallet may spend


class Rules(NamedTuple):
    """The operator's choices (D4.8, D9.4)."""

    time_slice_s: int = 60
    data_slice_bytes: int = 10 * 1024 * KB
    data_last_slice_bytes: int = 1024 * KB
    data_validity_s: int = 1800
    access_slice_s: int = 3600  # of broadband and WLAN sessions
    slices_of_silence: int = 2
    remembered_s: int = 300  # ended sessions, for late repeats
    settled_s: int = 86_400  # sessions that silence settled: what their networks report late is charged
    money_slice_li: int = 10_000
    refundable_s: int = 300  # how long the record of an event stays open
    events_open: int = 8  # of one user; older ones are settled
    low_li: int = 10_000
    lower_li: int = 5_000


class News(NamedTuple):
    """Something business must hear: a wallet fell through a threshold (D9.4)."""

    kind: str
    account_id: int
    balance_li: int


@dataclass
class Group:
    """A group on its way: what came in, what is answered, what was changed."""

    requests: np.ndarray
    asks: np.ndarray
    now_s: int
    local_s: int
    position: int
    answers: np.ndarray
    quotas: np.ndarray
    became: np.ndarray
    ask_place: np.ndarray
    closed: list[np.ndarray] = field(default_factory=list)  # CLOSED
    sessions: list[np.ndarray] = field(default_factory=list)
    services: list[np.ndarray] = field(default_factory=list)
    wallets: list[np.ndarray] = field(default_factory=list)
    news: list[News] = field(default_factory=list)
    moved: dict[int, np.ndarray | None] = field(default_factory=dict)  # where users of requests are now (USE)
    is_changed: bool = False

    @classmethod
    def of(cls, requests: np.ndarray, asks: np.ndarray, now_s: int, local_s: int, position: int) -> "Group":
        """Make a group that nothing has happened to yet."""
        return cls(
            requests=requests,
            asks=asks,
            now_s=now_s,
            local_s=local_s,
            position=position,
            answers=np.zeros(len(requests), ANSWER),
            quotas=np.zeros(len(asks), QUOTA),
            became=np.zeros(len(requests), np.int8),
            ask_place=np.full(len(asks), -1, np.int64),
        )


def wishes(rules: Rules, kinds: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Say what services are counted in, by their kinds of record, and how much is granted if money allows (D4.8)."""
    is_time, is_message = np.isin(kinds, (*VOICE, *ACCESS)), np.isin(kinds, MESSAGES)
    measures = np.where(is_time, Measure.SECONDS, np.where(is_message, Measure.UNITS, Measure.OCTETS))
    most_s = np.where(np.isin(kinds, ACCESS), rules.access_slice_s, rules.time_slice_s)
    seconds = np.minimum(np.where(wanted["want_s"] > 0, wanted["want_s"], most_s), most_s)
    octets = np.where(wanted["want_octets"] > 0, wanted["want_octets"], rules.data_slice_bytes)
    octets = np.minimum(octets, rules.data_slice_bytes)
    units = np.clip(wanted["want_units"], 1, MOST_COUNTED)
    measures = np.where(~is_time & (wanted["want_units"] > 0), Measure.UNITS, measures)
    measures = np.where(wanted["want_li"] > 0, Measure.LI, measures)
    money_li = np.minimum(wanted["want_li"], rules.money_slice_li)
    of_measure = ((Measure.SECONDS, seconds), (Measure.OCTETS, octets), (Measure.UNITS, units))
    return measures, np.select([measures == measure for measure, _ in of_measure],
                               [sizes for _, sizes in of_measure], money_li)  # fmt: skip


def left_li(state: EngineState, row: int) -> int:
    """What is left in a user's wallet, whatever is reserved."""
    wallet = int(state.desk.user_wallet[row])
    if wallet < 0:
        return NO_LIMIT_LI
    return int(state.desk.wallets["balance_li"][wallet] + state.desk.wallets["limit_li"][wallet])


def free_li(state: EngineState, row: int) -> int:
    """What a user's wallet has left to spend or to reserve."""
    wallet = int(state.desk.user_wallet[row])
    return NO_LIMIT_LI if wallet < 0 else int(free_of(state.desk.wallets[wallet]))


def debit(state: EngineState, news: list[News], wallet: int, li: int, rules: Rules) -> None:
    """Take money out of a wallet; tell once when it falls through a threshold (D9.4, CHG-12)."""
    purse = state.desk.wallets[wallet]
    before_li = int(purse["balance_li"])
    after_li = before_li - li
    purse["balance_li"] = after_li
    limit_li = int(purse["limit_li"])
    lines = [("LOW", rules.low_li - limit_li), ("LOWER", rules.lower_li - limit_li)]
    if limit_li == 0:
        lines += [("EMPTY", 0)]
    else:
        lines += [("NEAR_LIMIT", -(limit_li * NEAR_LIMIT_PERCENT // 100)), ("AT_LIMIT", -limit_li)]
    for kind, line_li in lines:
        if before_li > line_li >= after_li:
            news.append(News(kind, int(purse["account_id"]), after_li))
