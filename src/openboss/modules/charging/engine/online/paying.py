"""The room in which a group's usual requests are carried out, and what wallets pay, reserve and tell of meanwhile.

Compiled. The wallets' part of swift.py.
"""

from typing import NamedTuple

import numpy as np

from openboss.kernel.compiled import compiled
from openboss.kernel.pointed import pointed
from openboss.modules.charging.engine.online.desk import Desk
from openboss.modules.charging.engine.online.effects import SEEN, SEEN_A_RECORD
from openboss.modules.charging.engine.online.group import NEAR_LIMIT_PERCENT, NO_LIMIT_LI
from openboss.modules.charging.engine.online.growing import NO_PRICE_LI
from openboss.modules.charging.engine.online.requests import Measure

NEWS = ("LOW", "LOWER", "EMPTY", "NEAR_LIMIT", "AT_LIMIT")  # what is left to use fell through a threshold (D9.4)
NEWS_A_PAYMENT = 4

_OCTETS = int(Measure.OCTETS)


@pointed
class Choices(NamedTuple):
    """The operator's choices (online.group.Rules) as compiled code takes them."""

    time_slice_s: int
    access_slice_s: int
    data_slice_bytes: int
    data_last_slice_bytes: int
    data_validity_s: int
    slices_of_silence: int
    low_li: int
    lower_li: int
    most_services: int  # a user may have open, and a request may name, for the usual way


@pointed
class Work(NamedTuple):
    """Room for a group."""

    counts: np.ndarray  # i64[7]: requests carried out; sessions, services, wallets, records closed and news noted
    moment: np.ndarray  # i64[3]: when the group is decided, in UTC and on the wall clock, and its position
    waits: np.ndarray  # i64[1] of arriving
    sessions: np.ndarray  # i64: places noted since the lists were last emptied
    services: np.ndarray
    wallets: np.ndarray
    closed: np.ndarray  # i64: asks whose records were closed
    closed_place: np.ndarray
    news: np.ndarray  # i64[n, 3]: place in NEWS, account, balance
    others: np.ndarray  # i64: a user's other open services
    order: np.ndarray  # i64[1]: the record that is rated
    seen: np.ndarray  # SEEN of effects
    now: np.ndarray
    seen_counts: np.ndarray  # i64[3]
    quoted_li: np.ndarray  # i64[2]: what the last quota would cost; of it, what others lack for what they hold


SERVED, SESSIONS, SERVICES, WALLETS, CLOSED, NEWS_TOLD, FAILED = range(7)
NOW_S, LOCAL_S, POSITION = range(3)
QUOTED, SHORT = range(2)


def room_for(requests: int, services: int) -> Work:
    """Make room for so many requests before the lists are emptied; a user has so many services at most."""
    sizes = {
        "counts": 7, "moment": 3, "waits": 1, "sessions": requests, "services": 4 * requests, "wallets": requests,
        "closed": 2 * requests, "closed_place": 2 * requests, "others": services, "order": 1, "seen_counts": 3,
        "quoted_li": 2,
    }  # fmt: skip
    seen = {name: np.zeros(SEEN_A_RECORD, SEEN) for name in ("seen", "now")}
    news = np.zeros((NEWS_A_PAYMENT * requests, 3), np.int64)
    return Work(**{name: np.zeros(size, np.int64) for name, size in sizes.items()}, news=news, **seen)


@compiled
def _touch_wallet(work: Work, wallet: int) -> None:
    """Note a wallet; a request changes no other than its user's."""
    count = work.counts[WALLETS]
    if count == 0 or work.wallets[count - 1] != wallet:
        work.wallets[count] = wallet
        work.counts[WALLETS] = count + 1


@compiled
def release(desk: Desk, service: np.ndarray, work: Work) -> None:
    """Give back what was reserved for a service."""
    wallet = desk.user_wallet[service.row]
    if wallet >= 0 and service.reserved_li != 0:
        desk.wallets[wallet].reserved_li -= service.reserved_li
        _touch_wallet(work, wallet)
    service.reserved_li = 0


@compiled
def _tell(work: Work, kind: int, line_li: int, wallet: np.ndarray, before_li: int) -> None:
    if before_li > line_li >= wallet.balance_li:
        count = work.counts[NEWS_TOLD]
        work.news[count, 0], work.news[count, 1], work.news[count, 2] = kind, wallet.account_id, wallet.balance_li
        work.counts[NEWS_TOLD] = count + 1


@compiled
def pay(desk: Desk, service: np.ndarray, due_li: int, choices: Choices, work: Work) -> None:
    """Charge a record up to what it costs now; the wallet pays, below zero if need be, and thresholds are told."""
    more_li = 0 if due_li >= NO_PRICE_LI else due_li - service.act_li
    service.act_li += more_li
    place = desk.user_wallet[service.row]
    if place < 0 or more_li == 0:
        return
    wallet = desk.wallets[place]
    before_li = wallet.balance_li
    wallet.balance_li -= more_li
    _touch_wallet(work, place)
    _tell(work, 0, choices.low_li - wallet.limit_li, wallet, before_li)
    _tell(work, 1, choices.lower_li - wallet.limit_li, wallet, before_li)
    if wallet.limit_li == 0:
        _tell(work, 2, 0, wallet, before_li)
    else:
        _tell(work, 3, -(wallet.limit_li * NEAR_LIMIT_PERCENT // 100), wallet, before_li)
        _tell(work, 4, -wallet.limit_li, wallet, before_li)


@compiled
def free_money_li(desk: Desk, row: int) -> int:
    """What a user's wallet has left to reserve."""
    place = desk.user_wallet[row]
    if place < 0:
        return NO_LIMIT_LI
    wallet = desk.wallets[place]
    return np.int64(wallet.balance_li + wallet.limit_li - wallet.reserved_li - wallet.held_li)


@compiled
def left_li(desk: Desk, row: int) -> int:
    """What is left in a user's wallet, whatever is reserved."""
    place = desk.user_wallet[row]
    if place < 0:
        return NO_LIMIT_LI
    return np.int64(desk.wallets[place].balance_li + desk.wallets[place].limit_li)


@compiled
def put_quota(
    desk: Desk, service: np.ndarray, quota: np.ndarray, measure: int, granted: int, costs_li: int, choices: Choices,
    work: Work,
) -> None:  # fmt: skip
    """Reserve what a quota costs; say what is granted, and until when.

    It is noted of users without a wallet too: who gets one amid a session brings it along.
    """
    wallet = desk.user_wallet[service.row]
    service.reserved_li = max(costs_li, 0)
    if wallet >= 0 and costs_li > 0:
        desk.wallets[wallet].reserved_li += costs_li
        _touch_wallet(work, wallet)
    quota.measure, quota.granted = measure, granted
    if measure == _OCTETS:
        quota.validity_s = choices.data_validity_s
        if service.change_local_s <= work.moment[LOCAL_S] + choices.data_validity_s:
            quota.change_at_s = service.change_local_s - work.moment[LOCAL_S] + work.moment[NOW_S]
