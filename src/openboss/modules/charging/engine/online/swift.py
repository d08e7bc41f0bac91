"""Usual requests carried out one after the other in one compiled call for a whole group.

The same steps as serving.py takes, in the same order, for the requests that need nothing rare: no event, no message,
nothing shared with a group but a wallet, no price that has begun meanwhile; whatever services they name and their users
have open besides. What they are not is left to serving.py; both come to the same answers and the same state
(tests/modules/charging/engine/test_swift.py). Users of one wallet are served in the order of their requests, all in one
group, until one of them has a rare request: those behind it wait for the next group.
"""

import numpy as np

from openboss.kernel.compiled import apart, compiled, compiled_releasing
from openboss.kernel.records import Cycles, Rated, Usage, posting_slot, rate_records
from openboss.kernel.state import Directory, Lane
from openboss.kernel.tariffs import TariffTables
from openboss.kernel.trace import Trace
from openboss.kernel.usage import Status
from openboss.modules.charging.engine.online.admitting import ask_memory_for, has_room, measure_of, usual_services
from openboss.modules.charging.engine.online.arriving import GOES_ON, arrive, bars, leave, leave_user
from openboss.modules.charging.engine.online.desk import Desk, Life
from openboss.modules.charging.engine.online.effects import look_before_one, note_after_one, undo_one
from openboss.modules.charging.engine.online.group import KB, NO_LIMIT_LI
from openboss.modules.charging.engine.online.growing import BLOCKED_LI, NO_PRICE_LI
from openboss.modules.charging.engine.online.kinds import is_access, is_voice
from openboss.modules.charging.engine.online.outstanding import note_others
from openboss.modules.charging.engine.online.paying import (
    CLOSED,
    FAILED,
    LOCAL_S,
    NOW_S,
    POSITION,
    QUOTED,
    SERVED,
    SERVICES,
    SESSIONS,
    SHORT,
    Choices,
    Work,
    free_money_li,
    left_li,
    pay,
    put_quota,
    release,
)
from openboss.modules.charging.engine.online.requests import MOST_COUNTED, MOST_OCTETS, Kind, Measure, Result

IS_SERVED = 3  # what became of a request: carried out here (arriving: LATER, DONE, GOES_ON)

_OPEN, _CLOSED, _PATTERN = int(Life.OPEN), int(Life.CLOSED), int(Life.PATTERN)
_INITIAL, _TERMINATION, _EVENT = int(Kind.INITIAL), int(Kind.TERMINATION), int(Kind.EVENT)
_SUCCESS, _DENIED = int(Result.SUCCESS), int(Result.END_USER_SERVICE_DENIED)
_FAILED, _NO_MONEY = int(Result.RATING_FAILED), int(Result.CREDIT_LIMIT_REACHED)
_SECONDS, _OCTETS = int(Measure.SECONDS), int(Measure.OCTETS)
_ERROR = int(Status.ERROR)


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


@apart
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
def _cost_li(rated: Rated, k: int) -> int:
    if rated.status[k] == _ERROR:
        return NO_PRICE_LI
    return rated.act_li[k, 0] + rated.act_li[k, 1] + rated.act_li[k, 2]


@compiled
def _rest(rated: Rated, k: int) -> int:
    """How much of a record no free resource covered."""
    return rated.rest[k, 0] + rated.rest[k, 1]


@compiled
def _size_of(record_type: int, ask: np.ndarray, choices: Choices) -> int:
    """Say how much is granted if money allows (D4.8)."""
    if measure_of(record_type) == _SECONDS:
        most = choices.access_slice_s if is_access(record_type) else choices.time_slice_s
        return min(ask.want_s, most) if ask.want_s > 0 else most
    most = choices.data_slice_bytes
    return min(ask.want_octets, most) if ask.want_octets > 0 else most


@compiled
def _is_used(use: np.ndarray) -> bool:
    """Say whether a record is one, open or when its service ends; a call always is, but where it only goes on."""
    if use.up_bytes + use.down_bytes > 0 or use.message_count > 0 or use.info_fee_li > 0:
        return True
    if is_voice(use.record_type):
        return use.duration_s > 0 or use.partial_seq == 0
    return is_access(use.record_type) and use.duration_s > 0


# --- one service ---------------------------------------------------------------------------------------------------


@apart
def _rate(
    tables: TariffTables, directory: Directory, lanes: tuple[Lane, ...], cycles: Cycles, desk: Desk, usage: Usage,
    rated: Rated, k: int, place: int, work: Work, trace: Trace, touched: np.ndarray, touched_count: np.ndarray,
) -> int:  # fmt: skip
    """Rate an open record whole and remember what it did; return what it costs. Its effects must have been undone."""
    _lay_out(desk.uses[place], usage, rated, k, desk.services[place].row)
    look_before_one(lanes, directory, cycles, desk, place, work.seen, work.seen_counts)
    work.order[0] = k
    done = rate_records(tables, directory, lanes, cycles, usage, rated, work.order, trace, 1)
    noted = note_after_one(lanes, desk, place, work.seen, work.seen_counts, work.now, touched, touched_count)
    if done == 0 or not noted:
        work.counts[FAILED] = 1
    return _cost_li(rated, k)


@apart
def _quote_alone_li(
    tables: TariffTables, directory: Directory, lanes: tuple[Lane, ...], cycles: Cycles, desk: Desk, usage: Usage,
    rated: Rated, k: int, place: int, size: int, work: Work, trace: Trace, touched: np.ndarray,
    touched_count: np.ndarray,
) -> int:  # fmt: skip
    """Say what a record would cost in all were more used; nothing changes. Its effects must have been undone.

    What a call's basic part takes of free units, caps and steps its other part lacks: such calls are rated whole.
    """
    _lay_out(desk.uses[place], usage, rated, k, desk.services[place].row)
    if measure_of(desk.uses[place].record_type) == _SECONDS:
        usage.duration_s[k] += size
    else:
        usage.down_bytes[k] += size
    work.order[0] = k
    rate_records(tables, directory, lanes, cycles, usage, rated, work.order, trace, 0)
    if rated.rule[k, 0] != 0 and rated.rule[k, 1] != 0:
        used_s = desk.uses[place].duration_s
        desk.uses[place].duration_s = usage.duration_s[k]
        _rate(tables, directory, lanes, cycles, desk, usage, rated, k, place, work, trace, touched, touched_count)
        undo_one(lanes, desk, place, touched, touched_count)
        desk.uses[place].duration_s = used_s
    return BLOCKED_LI if rated.blocked[k] == 1 and rated.status[k] != _ERROR else _cost_li(rated, k)


@apart
def _quote_li(
    tables: TariffTables, directory: Directory, lanes: tuple[Lane, ...], cycles: Cycles, desk: Desk, usage: Usage,
    rated: Rated, k: int, place: int, size: int, work: Work, beside: Desk, trace: Trace, touched: np.ndarray,
    touched_count: np.ndarray,
) -> int:  # fmt: skip
    """Say the same, or if it is dearer what it would cost had the user's other services used all that they hold.

    What these would then cost more than is reserved for them is part of it: Growing.quote.
    """
    alone_li = _quote_alone_li(tables, directory, lanes, cycles, desk, usage, rated, k, place, size, work, trace,
                               touched, touched_count)  # fmt: skip
    others, short_li = note_others(desk, place, beside, 0), 0
    work.quoted_li[SHORT] = 0
    if others == 0:
        return alone_li
    for other in range(others):
        cost_li = _rate(tables, directory, lanes, cycles, beside, usage, rated, k, other, work, trace, touched,
                        touched_count)  # fmt: skip
        short_li += (cost_li if cost_li < NO_PRICE_LI else 0) - beside.services[other].reserved_li
    beside_li = _quote_alone_li(tables, directory, lanes, cycles, desk, usage, rated, k, place, size, work, trace,
                                touched, touched_count)  # fmt: skip
    for other in range(others):
        undo_one(lanes, beside, other, touched, touched_count)
    work.quoted_li[SHORT] = max(short_li, 0)
    return max(alone_li, beside_li + work.quoted_li[SHORT])


@compiled
def _grant(desk: Desk, place: int, size: int, quoted_li: int, choices: Choices, work: Work, quota: np.ndarray) -> bool:
    """Reserve money for a whole quota, or say why not; False if there is too little money for it."""
    service, use = desk.services[place], desk.uses[place]
    if desk.user_barred[service.row] != 0 and bars(desk, service.row, use.record_type):
        quota.result = _DENIED
        return True
    if quoted_li >= NO_PRICE_LI:
        quota.result = _FAILED
        return True
    costs_li = quoted_li - service.act_li
    if costs_li > max(free_money_li(desk, service.row), 0) or left_li(desk, service.row) < 0:
        return False
    put_quota(desk, service, quota, measure_of(use.record_type), size, costs_li, choices, work)
    return True


@apart
def _grant_less(
    tables: TariffTables, directory: Directory, lanes: tuple[Lane, ...], cycles: Cycles, desk: Desk, usage: Usage,
    rated: Rated, k: int, place: int, most: int, choices: Choices, work: Work, beside: Desk, trace: Trace,
    quota: np.ndarray, touched: np.ndarray, touched_count: np.ndarray,
) -> None:  # fmt: skip
    """Grant what little money buys, with nothing left what free resources cover; if anything (D4.8, CHG-11).

    The record's effects must have been undone.
    """
    service, is_data = desk.services[place], measure_of(desk.uses[place].record_type) == _OCTETS
    free_li, used_li, most_rest = max(free_money_li(desk, service.row), 0), service.act_li, NO_LIMIT_LI
    quota.result = _NO_MONEY
    if left_li(desk, service.row) < 0:
        return
    if left_li(desk, service.row) == 0:
        _quote_li(tables, directory, lanes, cycles, desk, usage, rated, k, place, 0, work, beside, trace, touched,
                  touched_count)  # fmt: skip
        most_rest = _rest(rated, k)  # beside what it has used
    step = KB if is_data else 1
    small = min(most, choices.data_last_slice_bytes) if is_data else most
    found, is_last = 0, 1
    if small < most:
        at_li = _quote_li(tables, directory, lanes, cycles, desk, usage, rated, k, place, small, work, beside, trace,
                          touched, touched_count)  # fmt: skip
        if at_li - used_li <= free_li:
            found, is_last = small, 0
    if found == 0:
        low, high = 0, small // step + 1
        while high - low > 1:
            middle = (low + high) // 2
            at_li = _quote_li(tables, directory, lanes, cycles, desk, usage, rated, k, place, middle * step, work,
                              beside, trace, touched, touched_count)  # fmt: skip
            if at_li - used_li <= free_li and _rest(rated, k) <= most_rest:
                low = middle
            else:
                high = middle
        found = low * step
        if low == 0 and free_li > work.quoted_li[SHORT]:
            found = step  # the last slice may go below zero
    if found == 0:
        return
    at_li = _quote_li(tables, directory, lanes, cycles, desk, usage, rated, k, place, found, work, beside, trace,
                      touched, touched_count)  # fmt: skip
    costs_li = max(0, at_li - used_li)
    if costs_li < NO_LIMIT_LI // 2:
        quota.result, quota.is_last = _SUCCESS, is_last
        put_quota(desk, service, quota, _OCTETS if is_data else _SECONDS, found, costs_li, choices, work)


@compiled
def _close(desk: Desk, place: int, a: int, work: Work) -> None:
    """End a record as it was just rated: it becomes rated detail at the group's position; what it did stays."""
    service = desk.services[place]
    service.life, service.closed_position, service.marks = _CLOSED, work.moment[POSITION], 0
    leave_user(desk, place)
    work.closed[work.counts[CLOSED]], work.closed_place[work.counts[CLOSED]] = a, place
    work.counts[CLOSED] += 1


@compiled
def _take_others(
    desk: Desk, lanes: tuple[Lane, ...], place: int, work: Work, touched: np.ndarray, touched_count: np.ndarray
) -> int:
    """Undo what the other open records of a service's user did; list them, the newest first, and say how many."""
    count, other = 0, desk.user_service[desk.services[place].row]
    while other >= 0:
        if other != place:
            undo_one(lanes, desk, other, touched, touched_count)
            work.others[count] = other
            work.services[work.counts[SERVICES] + count] = other
            count += 1
        other = desk.services[other].next_of_user
    work.counts[SERVICES] += count
    return count


@compiled
def _is_asking(request: np.ndarray, ask: np.ndarray) -> bool:
    return ask.is_asking == 1 and ask.is_final == 0 and request.kind != _TERMINATION


@apart
def _settle(
    tables: TariffTables, directory: Directory, lanes: tuple[Lane, ...], cycles: Cycles, desk: Desk,
    request: np.ndarray, ask: np.ndarray, quota: np.ndarray, a: int, place: int, usage: Usage, rated: Rated,
    choices: Choices, work: Work, beside: Desk, trace: Trace, touched: np.ndarray, touched_count: np.ndarray,
) -> None:  # fmt: skip
    """Charge what is reported, give back what was reserved for it, close what ends.

    A request that names one service only has its quota priced meanwhile, before its record is rated.
    """
    service, use, scratch = desk.services[place], desk.uses[place], len(rated.row) - 1
    _add(use, ask)
    service.granted = 0
    release(desk, service, work)
    undo_one(lanes, desk, place, touched, touched_count)
    others = _take_others(desk, lanes, place, work, touched, touched_count)
    ends = request.kind == _TERMINATION or ask.is_final == 1
    if ends and _is_used(use):
        due_li = _rate(tables, directory, lanes, cycles, desk, usage, rated, a, place, work, trace, touched,
                       touched_count)  # fmt: skip
        pay(desk, service, 0 if rated.status[a] == _ERROR else due_li, choices, work)  # charged from the error pool
        _close(desk, place, a, work)
    for i in range(others - 1, -1, -1):  # in the order in which they began
        if not _is_used(desk.uses[work.others[i]]):
            continue
        due_li = _rate(tables, directory, lanes, cycles, desk, usage, rated, scratch, work.others[i], work, trace,
                       touched, touched_count)  # fmt: skip
        pay(desk, desk.services[work.others[i]], due_li, choices, work)
    quota.result = _SUCCESS
    if ends:
        return
    if request.asks == 1 and _is_asking(request, ask):
        size = _size_of(use.record_type, ask, choices)
        work.quoted_li[QUOTED] = _quote_li(tables, directory, lanes, cycles, desk, usage, rated, scratch, place, size,
                                           work, beside, trace, touched, touched_count)  # fmt: skip
    if not _is_used(use):
        return
    due_li = _rate(tables, directory, lanes, cycles, desk, usage, rated, a, place, work, trace, touched, touched_count)
    pay(desk, service, due_li, choices, work)
    if rated.status[a] == _ERROR:
        quota.result = _FAILED


@apart
def _answer(
    tables: TariffTables, directory: Directory, lanes: tuple[Lane, ...], cycles: Cycles, desk: Desk,
    request: np.ndarray, ask: np.ndarray, quota: np.ndarray, place: int, usage: Usage, rated: Rated,
    choices: Choices, work: Work, beside: Desk, trace: Trace, touched: np.ndarray, touched_count: np.ndarray,
) -> None:  # fmt: skip
    """Grant what is wanted; remember the answer."""
    service, scratch = desk.services[place], len(rated.row) - 1
    if quota.result == _SUCCESS and _is_asking(request, ask):
        size, is_undone = _size_of(desk.uses[place].record_type, ask, choices), request.asks > 1
        if is_undone:
            undo_one(lanes, desk, place, touched, touched_count)
            work.quoted_li[QUOTED] = _quote_li(tables, directory, lanes, cycles, desk, usage, rated, scratch, place,
                                               size, work, beside, trace, touched, touched_count)  # fmt: skip
        if not _grant(desk, place, size, work.quoted_li[QUOTED], choices, work, quota):
            undo_one(lanes, desk, place, touched, touched_count)
            is_undone = True
            _grant_less(tables, directory, lanes, cycles, desk, usage, rated, scratch, place, size, choices, work,
                        beside, trace, quota, touched, touched_count)  # fmt: skip
        if is_undone and _is_used(desk.uses[place]):
            _rate(tables, directory, lanes, cycles, desk, usage, rated, scratch, place, work, trace, touched,
                  touched_count)  # fmt: skip
    service.result, service.measure, service.is_last = quota.result, quota.measure, quota.is_last
    service.granted, service.validity_s, service.change_at_s = quota.granted, quota.validity_s, quota.change_at_s


# --- one request ---------------------------------------------------------------------------------------------------


@compiled
def _leave_no_record(
    desk: Desk, lanes: tuple[Lane, ...], session: int, choices: Choices, work: Work, touched: np.ndarray,
    touched_count: np.ndarray,
) -> None:  # fmt: skip
    """Nothing was used under a session's open services: they cost nothing, hold no money back, leave no record."""
    place = desk.sessions[session].first_service
    while place >= 0:
        service = desk.services[place]
        if service.life == _OPEN:
            undo_one(lanes, desk, place, touched, touched_count)
            pay(desk, service, 0, choices, work)
            release(desk, service, work)
            leave_user(desk, place)
            service.life = _PATTERN
        place = service.next


@compiled
def _end(
    desk: Desk, lanes: tuple[Lane, ...], request: np.ndarray, answer: np.ndarray, quotas: np.ndarray,
    choices: Choices, work: Work, touched: np.ndarray, touched_count: np.ndarray,
) -> None:  # fmt: skip
    """Remember the answer, end the session if it ends, note what was changed."""
    session = desk.sessions[answer.place]
    is_refused = request.kind == _INITIAL
    for a in range(request.first_ask, request.first_ask + request.asks):
        is_refused = is_refused and quotas[a].result != _SUCCESS
    if is_refused:
        answer.result = quotas[request.first_ask].result
    if is_refused or request.kind == _TERMINATION:
        _leave_no_record(desk, lanes, answer.place, choices, work, touched, touched_count)
        session.life = _CLOSED
    session.number, session.kind, session.result = request.number, request.kind, answer.result
    session.cost_li, session.has_credit = answer.cost_li, answer.has_credit
    session.touched_at_s = work.moment[NOW_S]
    slice_s = choices.access_slice_s if is_access(session.record_type) else choices.data_validity_s
    slice_s = choices.time_slice_s if is_voice(session.record_type) else slice_s
    session.silence_s = choices.slices_of_silence * slice_s
    work.sessions[work.counts[SESSIONS]] = answer.place
    work.counts[SESSIONS] += 1
    place = session.first_service
    while place >= 0:
        work.services[work.counts[SERVICES]] = place
        work.counts[SERVICES] += 1
        place = desk.services[place].next


@compiled_releasing
def serve(
    desk: Desk, directory: Directory, lanes: tuple[Lane, ...], cycles: Cycles, tables: TariffTables,
    requests: np.ndarray, asks: np.ndarray, fresh: np.ndarray, fresh_at: np.ndarray, is_moved: np.ndarray,
    answers: np.ndarray, quotas: np.ndarray, became: np.ndarray, ask_place: np.ndarray, busy: np.ndarray,
    busy_wallets: np.ndarray, freed: np.ndarray, choices: Choices, work: Work, beside: Desk, usage: Usage,
    rated: Rated,
    trace: Trace, touched: np.ndarray, touched_count: np.ndarray, first: int,
) -> int:  # fmt: skip
    """Let the requests from one on arrive, and carry out the usual ones; return the first that found no room for it.

    is_moved       u8[requests]: whose users are elsewhere now
    became         i8[requests]: LATER, DONE, GOES_ON, IS_SERVED; GOES_ON of the one that found no room
    usage, rated   a place for every ask, and one to work in
    The others: arriving.arrive.
    """
    slot = max(posting_slot(cycles, work.moment[LOCAL_S]), 0)
    for m in range(first, len(requests)):
        ask_memory_for(desk, directory, lanes, requests, m, slot)
        request, answer = requests[m], answers[m]
        if m > first or became[m] != GOES_ON:
            became[m] = arrive(directory, desk, requests, asks, fresh, fresh_at, answers, quotas, ask_place, busy,
                               busy_wallets, freed, work.moment, m, work.waits)  # fmt: skip
        if became[m] != GOES_ON:
            continue
        session, services = np.int64(answer.place), -1
        if is_moved[m] == 0:
            services = usual_services(desk, directory, cycles, tables, request, asks, ask_place, session, choices,
                                       work.moment[LOCAL_S])  # fmt: skip
        if services < 0:
            wallet = desk.user_wallet[desk.sessions[session].row]
            if wallet >= 0:
                busy_wallets[wallet] = 1
            continue
        if not has_room(desk, lanes, tables, session, request.asks, services, work, touched, touched_count):
            return m
        begin, end = request.first_ask, request.first_ask + request.asks
        for a in range(begin, end):
            _settle(tables, directory, lanes, cycles, desk, request, asks[a], quotas[a], a, ask_place[a], usage, rated,
                    choices, work, beside, trace, touched, touched_count)  # fmt: skip
        for a in range(begin, end):  # what all services of a request used is paid before any is granted more
            _answer(tables, directory, lanes, cycles, desk, request, asks[a], quotas[a], ask_place[a], usage, rated,
                    choices, work, beside, trace, touched, touched_count)  # fmt: skip
        _end(desk, lanes, request, answer, quotas, choices, work, touched, touched_count)
        became[m] = IS_SERVED
        work.counts[SERVED] += 1
    leave(directory, desk, answers, busy, busy_wallets)
    return len(requests)
