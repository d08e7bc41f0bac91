"""The usual request carried out in a few compiled calls a group: one service of a user who has no other open.

Compiled. The same steps as serving.py takes one service of each user at a time, in the same order, for the requests
that need nothing rare: no event, one ask, no other open service of the user, nothing shared with a group, no message,
no price that has begun meanwhile. What they are not is left to serving.py; both come to the same state to the byte
(tests/modules/charging/engine/test_swift.py). A quota that there is too little money for is left to it too.
"""

from typing import NamedTuple

import numpy as np

from openboss.kernel.compiled import compiled
from openboss.kernel.pointed import pointed
from openboss.kernel.records import Cycles, Rated, Usage
from openboss.kernel.state import LANES, Directory, Lane, draws_on_pool
from openboss.kernel.tariffs import TariffTables
from openboss.kernel.usage import Status
from openboss.modules.charging.engine.online.arriving import GOES_ON, bars, leave_user
from openboss.modules.charging.engine.online.cuts import is_access, is_message, is_voice, next_change
from openboss.modules.charging.engine.online.desk import Desk, Life
from openboss.modules.charging.engine.online.effects import undo_one
from openboss.modules.charging.engine.online.growing import BLOCKED_LI, NO_PRICE_LI
from openboss.modules.charging.engine.online.requests import MOST_COUNTED, MOST_OCTETS, Kind, Measure, Result
from openboss.modules.charging.engine.state import TOTALS_A_RECORD

SERVED = 3  # what became of a request: carried out here (arriving: LATER, DONE, GOES_ON)
ENDS, ASKS, RATED = 1, 2, 4  # bits of a step
NO_LIMIT_LI = 2**60  # what a user without a wallet may spend
NEAR_LIMIT_PERCENT = 80
NEWS = ("LOW", "LOWER", "EMPTY", "NEAR_LIMIT", "AT_LIMIT")  # a wallet fell through a threshold (D9.4)

_OPEN, _CLOSED, _PATTERN = int(Life.OPEN), int(Life.CLOSED), int(Life.PATTERN)
_INITIAL, _TERMINATION, _EVENT = int(Kind.INITIAL), int(Kind.TERMINATION), int(Kind.EVENT)
_SUCCESS, _DENIED = int(Result.SUCCESS), int(Result.END_USER_SERVICE_DENIED)
_FAILED = int(Result.RATING_FAILED)
_SECONDS, _OCTETS = int(Measure.SECONDS), int(Measure.OCTETS)
_ERROR = int(Status.ERROR)


@pointed
class Choices(NamedTuple):
    """The operator's choices (online.group.Rules) as compiled code takes them."""

    time_slice_s: int
    access_slice_s: int
    data_slice_bytes: int
    data_validity_s: int
    slices_of_silence: int
    low_li: int
    lower_li: int


@pointed
class Steps(NamedTuple):
    """Room for a group's steps; each array has a place for every request of the group."""

    request: np.ndarray  # i64: which request a step carries out
    place: np.ndarray  # i64: its service
    bits: np.ndarray  # i64: ENDS, ASKS, RATED
    size: np.ndarray  # i64: the quota wanted
    rating: np.ndarray  # i64: steps whose records are rated; rating_place: their services
    rating_place: np.ndarray
    quoting: np.ndarray  # i64: steps whose quotas are priced
    wallet: np.ndarray  # i64: wallets changed
    short: np.ndarray  # i64: steps for whose quota there is too little money
    closed: np.ndarray  # i64: steps whose records were closed
    news: np.ndarray  # i64[n, 3]: place in NEWS, account, balance
    lane_records: np.ndarray  # i64[LANES]: records to be rated in each lane
    counts: np.ndarray  # i64[7]: of steps, rating, quoting, wallet, short, closed, news
    moment: np.ndarray  # i64[3]: when the group is decided, in UTC and on the wall clock, and its position


STEPS, RATING, QUOTING, WALLETS, SHORT, CLOSED, NEWS_TOLD = range(7)
NOW_S, LOCAL_S, POSITION = range(3)


def room_for(count: int) -> Steps:
    """Make room for a group."""
    columns = {name: np.zeros(count, np.int64) for name in Steps._fields}
    columns |= {"news": np.zeros((3 * count, 3), np.int64), "wallet": np.zeros(4 * count, np.int64)}
    few = {"lane_records": LANES, "counts": 7, "moment": 3}
    return Steps(**columns | {name: np.zeros(size, np.int64) for name, size in few.items()})


@compiled
def _clipped(have: int, more: int, most: int) -> int:
    return min(have + min(max(more, 0), most), most)


@compiled
def _add(use: np.ndarray, ask: np.ndarray) -> None:
    """Add what a network reports: never less than nothing, never more than a record can hold."""
    use.duration_s = _clipped(_clipped(use.duration_s, ask.used_s, MOST_COUNTED), ask.after_s, MOST_COUNTED)
    use.up_bytes = _clipped(_clipped(use.up_bytes, ask.used_up, MOST_OCTETS), ask.after_up, MOST_OCTETS)
    use.down_bytes = _clipped(_clipped(use.down_bytes, ask.used_down, MOST_OCTETS), ask.after_down, MOST_OCTETS)
    use.message_count = _clipped(
        _clipped(use.message_count, ask.used_units, MOST_COUNTED), ask.after_units, MOST_COUNTED
    )


@compiled
def _lay_out(use: np.ndarray, usage: Usage, rated: Rated, k: int, row: int) -> None:
    """Write a record where rating reads it."""
    usage.record_type[k], usage.served_number[k], usage.served_imsi[k] = (
        use.record_type, use.served_number, use.served_imsi,
    )  # fmt: skip
    usage.other_number[k], usage.start_local_s[k], usage.duration_s[k] = (
        use.other_number, use.start_local_s, use.duration_s,
    )  # fmt: skip
    usage.up_bytes[k], usage.down_bytes[k], usage.message_count[k] = use.up_bytes, use.down_bytes, use.message_count
    usage.roam_type[k], usage.ld_type[k], usage.other_net[k] = use.roam_type, use.ld_type, use.other_net
    usage.free_number[k], usage.band_shift_s[k], usage.info_fee_li[k] = (
        use.free_number, use.band_shift_s, use.info_fee_li,
    )  # fmt: skip
    usage.home_area[k], usage.visited_area[k], usage.other_area[k] = use.home_area, use.visited_area, use.other_area
    usage.sp_code[k], usage.service[k], usage.apn[k] = use.sp_code, use.service, use.apn
    usage.rating_group[k], usage.partner[k] = use.rating_group, use.partner
    rated.row[k], rated.status[k], rated.error[k], rated.slot[k] = row, 0, 0, 0
    for part in range(3):
        rated.item[k, part], rated.std_li[k, part], rated.act_li[k, part] = 0, 0, 0
    for part in range(2):
        rated.units[k, part], rated.rule[k, part], rated.free_rule[k, part] = 0, 0, 0
        rated.free_units[k, part], rated.rest[k, part] = 0, 0
    rated.cap_saved_li[k], rated.money_li[k], rated.blocked[k] = 0, 0, 0


@compiled
def measure_of(record_type: int) -> int:
    """Say what use is counted in; messages are none of it."""
    return _SECONDS if is_voice(record_type) or is_access(record_type) else _OCTETS


@compiled
def _is_usual(desk: Desk, directory: Directory, request: np.ndarray, ask: np.ndarray, place: int) -> bool:
    if request.kind == _EVENT or request.asks != 1 or place < 0:
        return False
    if request.kind == _INITIAL and ask.used_s + ask.used_up + ask.used_down + ask.used_units != 0:
        return False  # what is over already
    if ask.want_li != 0 or ask.used_li != 0 or ask.after_li != 0 or desk.uses[place].info_fee_li != 0:
        return False  # money
    if desk.uses[place].partial_seq != 0 and is_voice(desk.uses[place].record_type):
        return False  # what goes on after a cut may come to nothing
    if ask.want_units > 0 and measure_of(desk.uses[place].record_type) == _OCTETS:
        return False
    service = desk.services[place]
    if desk.user_service[service.row] != place or service.next_of_user != -1:
        return False
    if directory.group_head[service.row] >= 0 and draws_on_pool(directory, service.row):
        return False
    return not is_message(desk.uses[place].record_type)


@compiled
def _release(desk: Desk, service: np.ndarray, steps: Steps) -> None:
    """Give back what was reserved for a service."""
    wallet = desk.user_wallet[service.row]
    if wallet >= 0 and service.reserved_li != 0:
        desk.wallets[wallet].reserved_li -= service.reserved_li
        _touch_wallet(steps, wallet)
    service.reserved_li = 0


@compiled
def _touch_wallet(steps: Steps, wallet: int) -> None:
    """Note a wallet once: the last one noted is the only one it could be."""
    count = steps.counts[WALLETS]
    if count == 0 or steps.wallet[count - 1] != wallet:
        steps.wallet[count] = wallet
        steps.counts[WALLETS] = count + 1


@compiled
def begin(
    desk: Desk, directory: Directory, lanes: tuple[Lane, ...], cycles: Cycles, tables: TariffTables,
    requests: np.ndarray, asks: np.ndarray, became: np.ndarray, ask_place: np.ndarray, choices: Choices, steps: Steps,
    usage: Usage, rated: Rated, quoted_usage: Usage, quoted: Rated, touched: np.ndarray, touched_count: np.ndarray,
) -> None:  # fmt: skip
    """Add what was used, undo what the records did, and lay out what must be rated and what must be priced."""
    for count in range(len(steps.counts)):
        steps.counts[count] = 0
    for lane in range(LANES):
        steps.lane_records[lane] = 0
    for m in range(len(requests)):
        request = requests[m]
        if became[m] != GOES_ON or request.asks != 1:
            continue
        if not _is_usual(desk, directory, request, asks[request.first_ask], ask_place[request.first_ask]):
            continue
        place, ask = ask_place[request.first_ask], asks[request.first_ask]
        service, use = desk.services[place], desk.uses[place]
        if service.change_local_s == 0:
            service.change_local_s = next_change(use, service.row, directory, cycles, tables)
        if service.change_local_s <= steps.moment[LOCAL_S]:
            continue
        became[m] = SERVED
        k = steps.counts[STEPS]
        steps.counts[STEPS] = k + 1
        steps.request[k], steps.place[k], steps.bits[k], steps.size[k] = m, place, 0, 0
        _add(use, ask)
        _release(desk, service, steps)
        undo_one(lanes, desk, place, touched, touched_count)
        is_call, is_line = is_voice(use.record_type), is_access(use.record_type)
        ends = request.kind == _TERMINATION or ask.is_final == 1
        is_used = is_call or use.up_bytes + use.down_bytes > 0 or use.message_count > 0
        is_used = is_used or (is_line and use.duration_s > 0)
        steps.bits[k] = ENDS if ends else 0
        if not ends or is_used:
            steps.bits[k] |= RATED
            _lay_out(use, usage, rated, k, service.row)
            steps.rating[steps.counts[RATING]], steps.rating_place[steps.counts[RATING]] = k, place
            steps.counts[RATING] += 1
            steps.lane_records[service.row % LANES] += 1
        if ask.is_asking == 1 and not ends:
            steps.bits[k] |= ASKS
            _lay_out(use, quoted_usage, quoted, k, service.row)
            if is_call or is_line:
                most = choices.access_slice_s if is_line else choices.time_slice_s
                steps.size[k] = min(ask.want_s, most) if ask.want_s > 0 else most
                quoted_usage.duration_s[k] += steps.size[k]
            else:
                most = choices.data_slice_bytes
                steps.size[k] = min(ask.want_octets, most) if ask.want_octets > 0 else most
                quoted_usage.down_bytes[k] += steps.size[k]
            steps.quoting[steps.counts[QUOTING]] = k
            steps.counts[QUOTING] += 1


@compiled
def lacks_room(lanes: tuple[Lane, ...], counter_room: int, steps: Steps) -> bool:
    """Say whether some lane could lack room for the totals and counters of its records."""
    for number in range(LANES):
        lane, records = lanes[number], steps.lane_records[number]
        if lane.totals_count[0] + records * TOTALS_A_RECORD > len(lane.totals_item):
            return True
        if lane.counter_count[0] + records * counter_room > len(lane.counter_key):
            return True
    return False


@compiled
def _cost_li(rated: Rated, k: int) -> int:
    if rated.status[k] == _ERROR:
        return NO_PRICE_LI
    return rated.act_li[k, 0] + rated.act_li[k, 1] + rated.act_li[k, 2]


@compiled
def _tell(steps: Steps, kind: int, line_li: int, wallet: np.ndarray, before_li: int) -> None:
    if before_li > line_li >= wallet.balance_li:
        count = steps.counts[NEWS_TOLD]
        steps.news[count, 0], steps.news[count, 1], steps.news[count, 2] = kind, wallet.account_id, wallet.balance_li
        steps.counts[NEWS_TOLD] = count + 1


@compiled
def _pay(desk: Desk, service: np.ndarray, due_li: int, choices: Choices, steps: Steps) -> None:
    """Charge a record up to what it costs now; the wallet pays, below zero if need be, and thresholds are told."""
    more_li = 0 if due_li >= NO_PRICE_LI else due_li - service.act_li
    service.act_li += more_li
    place = desk.user_wallet[service.row]
    if place < 0 or more_li == 0:
        return
    wallet = desk.wallets[place]
    before_li = wallet.balance_li
    wallet.balance_li -= more_li
    _touch_wallet(steps, place)
    if wallet.limit_li == 0:
        _tell(steps, 0, choices.low_li, wallet, before_li)
        _tell(steps, 1, choices.lower_li, wallet, before_li)
        _tell(steps, 2, 0, wallet, before_li)
    else:
        _tell(steps, 3, -(wallet.limit_li * NEAR_LIMIT_PERCENT // 100), wallet, before_li)
        _tell(steps, 4, -wallet.limit_li, wallet, before_li)


@compiled
def put_quota(
    quota: np.ndarray, service: np.ndarray, measure: int, granted: int, choices: Choices, moment: np.ndarray
) -> None:
    """Say what is granted, and until when."""
    quota.measure, quota.granted = measure, granted
    if measure == _OCTETS:
        quota.validity_s = choices.data_validity_s
        if service.change_local_s <= moment[LOCAL_S] + choices.data_validity_s:
            quota.change_at_s = service.change_local_s - moment[LOCAL_S] + moment[NOW_S]


@compiled
def _grant(desk: Desk, k: int, cost_li: int, choices: Choices, steps: Steps, quota: np.ndarray) -> None:
    """Reserve money for a whole quota; if there is too little, say so."""
    place = steps.place[k]
    service, use = desk.services[place], desk.uses[place]
    if desk.user_barred[service.row] != 0 and bars(desk, service.row, use.record_type):
        quota.result = _DENIED
        return
    number = desk.user_wallet[service.row]
    free_li, is_empty, costs_li = NO_LIMIT_LI, False, cost_li - service.act_li
    if number >= 0:
        wallet = desk.wallets[number]
        free_li = wallet.balance_li + wallet.limit_li - wallet.reserved_li - wallet.held_li
        is_empty = wallet.balance_li + wallet.limit_li <= 0
    if cost_li >= NO_PRICE_LI:
        quota.result = _FAILED
        return
    if costs_li > free_li or is_empty:
        steps.short[steps.counts[SHORT]] = k
        steps.counts[SHORT] += 1
        return
    if number >= 0 and costs_li > 0:
        service.reserved_li = costs_li
        desk.wallets[number].reserved_li += costs_li
        _touch_wallet(steps, number)
    put_quota(quota, service, measure_of(use.record_type), steps.size[k], choices, steps.moment)


@compiled
def pay_and_grant(
    desk: Desk, requests: np.ndarray, choices: Choices, steps: Steps, rated: Rated, quoted: Rated, quotas: np.ndarray
) -> None:
    """Charge what was rated, close what ends, grant what is wanted and paid for."""
    for k in range(steps.counts[STEPS]):
        place, bits = steps.place[k], steps.bits[k]
        service, quota = desk.services[place], quotas[requests[steps.request[k]].first_ask]
        quota.result = _SUCCESS
        if bits & RATED:
            is_fault = bits & ENDS != 0 and rated.status[k] == _ERROR  # charged when it comes from the error pool
            _pay(desk, service, 0 if is_fault else _cost_li(rated, k), choices, steps)
            if bits & ENDS:
                service.life, service.closed_position, service.marks = _CLOSED, steps.moment[POSITION], 0
                leave_user(desk, place)
                steps.closed[steps.counts[CLOSED]] = k
                steps.counts[CLOSED] += 1
            elif rated.status[k] == _ERROR:
                quota.result = _FAILED
        if bits & ASKS and quota.result == _SUCCESS:
            cost_li = _cost_li(quoted, k)
            if quoted.blocked[k] == 1 and cost_li < NO_PRICE_LI:
                cost_li = BLOCKED_LI
            _grant(desk, k, cost_li, choices, steps, quota)


@compiled
def end(
    desk: Desk, lanes: tuple[Lane, ...], requests: np.ndarray, answers: np.ndarray, quotas: np.ndarray,
    choices: Choices, steps: Steps, touched: np.ndarray, touched_count: np.ndarray, sessions: np.ndarray,
    services: np.ndarray,
) -> int:  # fmt: skip
    """Remember the answers, end sessions, note what was changed; return how many services were noted.

    sessions  i64[steps];  services  i64: as many as the desk has
    """
    noted = 0
    for k in range(steps.counts[STEPS]):
        m, place = steps.request[k], steps.place[k]
        request, answer, service = requests[m], answers[m], desk.services[place]
        session, quota = desk.sessions[answer.place], quotas[requests[m].first_ask]
        service.result, service.measure, service.is_last = quota.result, quota.measure, quota.is_last
        service.granted, service.validity_s, service.change_at_s = quota.granted, quota.validity_s, quota.change_at_s
        is_refused = request.kind == _INITIAL and quota.result != _SUCCESS
        if is_refused:
            answer.result = quota.result
        if (is_refused or request.kind == _TERMINATION) and service.life == _OPEN:
            undo_one(lanes, desk, place, touched, touched_count)
            _pay(desk, service, 0, choices, steps)
            leave_user(desk, place)
            service.life = _PATTERN  # nothing was used: it costs nothing and leaves no record
        if is_refused or request.kind == _TERMINATION:
            session.life = _CLOSED
        session.number, session.kind, session.result = request.number, request.kind, answer.result
        session.touched_at_s = steps.moment[NOW_S]
        slice_s = choices.access_slice_s if is_access(session.record_type) else choices.data_validity_s
        slice_s = choices.time_slice_s if is_voice(session.record_type) else slice_s
        session.silence_s = choices.slices_of_silence * slice_s
        sessions[k] = answer.place
        other = session.first_service
        while other >= 0:
            services[noted] = other
            noted, other = noted + 1, desk.services[other].next
    return noted
