"""Requests find their sessions and services, or open them; repeats find the answer they had.

Compiled. Nothing is charged here. Source: RFC 8506 section 8.
"""

import numpy as np

from openboss.kernel.compiled import compiled
from openboss.kernel.state import Directory, row_at
from openboss.kernel.usage import RecordType
from openboss.modules.charging.engine.online import again
from openboss.modules.charging.engine.online.black_list import ON_LIST
from openboss.modules.charging.engine.online.desk import Barred, Desk, Life
from openboss.modules.charging.engine.online.kinds import is_only_begun, reports_use
from openboss.modules.charging.engine.online.requests import Action, Kind, Measure, Result

_FREE_PLACE, _OPEN, _CLOSED, _EXPIRED, _PATTERN = (int(life) for life in Life)
_INITIAL, _EVENT = int(Kind.INITIAL), int(Kind.EVENT)
_REFUND, _OVER = int(Action.REFUND), int(Action.OVER)
_SUCCESS, _UNKNOWN_SESSION = int(Result.SUCCESS), int(Result.UNKNOWN_SESSION)
_DENIED, _UNABLE = int(Result.END_USER_SERVICE_DENIED), int(Result.UNABLE_TO_COMPLY)
_UNKNOWN_USER, _NOT_RATED = int(Result.USER_UNKNOWN), int(Result.RATING_FAILED)
_BARRED_OUT, _BARRED = int(Barred.OUTGOING), int(Barred.EVERYTHING)
_MTC, _SMS_MT = int(RecordType.MTC), int(RecordType.SMS_MT)
_NO_MEASURE = int(Measure.NONE)
SERVICES_A_SESSION = 64  # that may be open; no interface lets one request name more
LATER, DONE, GOES_ON = range(3)  # what became of a request on arrival


@compiled
def find_session(desk: Desk, key_hi: int, key_lo: int) -> int:
    """Find a session by the hash of its name; -1 = unknown."""
    place = desk.buckets[np.int64(key_lo & np.uint64(len(desk.buckets) - 1))] - 1
    while place >= 0:
        if desk.sessions[place].key_lo == key_lo and desk.sessions[place].key_hi == key_hi:
            return place
        place = desk.next_in_bucket[place] - 1
    return -1


@compiled
def bars(desk: Desk, row: int, record_type: int) -> bool:
    """Say whether a user's stop forbids a service (D2.1)."""
    barred = desk.user_barred[row]
    if barred == _BARRED_OUT:
        return record_type != _MTC and record_type != _SMS_MT
    return barred == _BARRED


@compiled
def _new_session(desk: Desk, request: np.ndarray, row: int) -> int:
    desk.taken[0] -= 1
    place = desk.free_sessions[desk.taken[0]]
    session = desk.sessions[place]
    session.key_hi, session.key_lo = request.key_hi, request.key_lo
    session.row, session.first_service = row, -1
    session.life = _OPEN
    bucket = np.int64(request.key_lo & np.uint64(len(desk.buckets) - 1))
    desk.next_in_bucket[place] = desk.buckets[bucket]
    desk.buckets[bucket] = place + 1
    return place


@compiled
def _new_service(desk: Desk, session: int, life: int) -> int:
    """Take an empty place for a service of a session, with nothing used; the caller made sure that one is left."""
    desk.taken[1] -= 1
    place = desk.free_services[desk.taken[1]]
    service = desk.services[place]
    service.session, service.row = session, desk.sessions[session].row
    service.next = desk.sessions[session].first_service
    desk.sessions[session].first_service = place
    service.life, service.marks, service.next_of_user = life, 0, -1
    service.rating_group, service.service_id, service.answered_number = -2, -2, -1
    service.act_li, service.reserved_li, service.closed_position, service.change_local_s = 0, 0, 0, 0
    service.granted, service.change_at_s, service.validity_s = 0, 0, 0
    service.result, service.measure, service.is_last = 0, _NO_MEASURE, 0
    return place


@compiled
def _clear(use: np.ndarray) -> None:
    use.duration_s, use.up_bytes, use.down_bytes, use.message_count, use.info_fee_li = 0, 0, 0, 0, 0


@compiled
def open_service(desk: Desk, place: int) -> None:
    """Let a service count among its user's open ones."""
    service = desk.services[place]
    service.life = _OPEN
    service.next_of_user = desk.user_service[service.row]
    desk.user_service[service.row] = place
    take_effects(desk, place)


@compiled
def take_effects(desk: Desk, place: int) -> None:
    """Give a service a row of effects."""
    desk.taken[2] -= 1
    desk.effects_at[place] = desk.free_effects[desk.taken[2]]


@compiled
def leave_effects(desk: Desk, place: int) -> None:
    """Take the row of effects from a service, for another one: what its record did stays."""
    desk.free_effects[desk.taken[2]] = desk.effects_at[place]
    desk.taken[2] += 1
    desk.effects_at[place] = 0


@compiled
def leave_user(desk: Desk, place: int) -> None:
    """Take a service from its user's open ones; what its record did was undone, or stays."""
    leave_effects(desk, place)
    row = desk.services[place].row
    other = desk.user_service[row]
    if other == place:
        desk.user_service[row] = desk.services[place].next_of_user
    else:
        while desk.services[other].next_of_user != place:
            other = desk.services[other].next_of_user
        desk.services[other].next_of_user = desk.services[place].next_of_user
    desk.services[place].next_of_user = -1


@compiled
def go_on(desk: Desk, place: int, at_s: int, local_s: int) -> int:
    """Open a new record for the service at a place, from a moment on; return its place."""
    old = desk.services[place]
    new = _new_service(desk, old.session, _OPEN)
    service = desk.services[new]
    service.rating_group, service.service_id = old.rating_group, old.service_id
    desk.uses[new] = desk.uses[place]
    use = desk.uses[new]
    _clear(use)
    use.start_at_s, use.start_local_s = at_s, local_s
    use.partial_seq += 1
    open_service(desk, new)
    return new


@compiled
def _open_about(desk: Desk, session: int, ask: np.ndarray) -> int:
    """Find a session's open service that an ask is about; -1 = none."""
    place = desk.sessions[session].first_service
    while place >= 0 and not (desk.services[place].life == _OPEN and again.is_same(desk.services[place], ask)):
        place = desk.services[place].next
    return place


@compiled
def _has_room(desk: Desk, session: int, request: np.ndarray, asks: np.ndarray) -> bool:
    """Say whether a session may have all services open that a request names, beside those that are."""
    count, place = request.asks, desk.sessions[session].first_service
    while place >= 0:
        count, place = count + (1 if desk.services[place].life == _OPEN else 0), desk.services[place].next
    if count > SERVICES_A_SESSION:
        for a in range(request.first_ask, request.first_ask + request.asks):
            is_new = again.named_before(asks, request.first_ask, a) < 0 and _open_about(desk, session, asks[a]) < 0
            count -= 0 if is_new else 1
    return count <= SERVICES_A_SESSION


@compiled
def _service_for(desk: Desk, session: int, ask: np.ndarray, now_s: int, local_s: int) -> int:
    """Find the open service an ask is about, or open it as the session's others are."""
    place, pattern = _open_about(desk, session, ask), desk.sessions[session].first_service
    if place >= 0:
        return place
    life, use = desk.services[pattern].life, desk.uses[pattern]
    if life != _OPEN and is_only_begun(use):
        now_s, local_s = use.start_at_s, use.start_local_s
    if life == _PATTERN:
        place = pattern
        if desk.sessions[session].number >= 0:  # not with the first request: its record begins now
            use.start_at_s, use.start_local_s = now_s, local_s
            desk.services[place].change_local_s = 0
        open_service(desk, place)
    else:
        place = go_on(desk, pattern, now_s, local_s)
    desk.services[place].rating_group, desk.services[place].service_id = ask.rating_group, ask.service_id
    desk.uses[place].rating_group, desk.uses[place].service = max(ask.rating_group, 0), max(ask.service_id, 0)
    return place


@compiled
def _forget_ended(desk: Desk, session: int, freed: np.ndarray) -> None:
    """Empty the places of services that were ended before, used or not, but for the newest one.

    freed  i64[n]: how many are in it, then the places emptied; what finds no room stays for another time
    """
    before = desk.sessions[session].first_service
    place = desk.services[before].next if before >= 0 else -1
    while place >= 0:
        service = desk.services[place]
        following = service.next
        if service.life != _OPEN and freed[0] + 2 < len(freed):
            desk.services[before].next = following
            free_service(desk, place)
            freed[0] += 1
            freed[freed[0]] = place
        else:
            before = place
        place = following


@compiled
def free_service(desk: Desk, place: int) -> None:
    """Empty a service's place."""
    desk.services[place].life = _FREE_PLACE
    desk.free_services[desk.taken[1]] = place
    desk.taken[1] += 1


@compiled
def forget_session(desk: Desk, place: int) -> None:
    """Empty the place of a session and of all its services."""
    session = desk.sessions[place]
    bucket = np.int64(session.key_lo & np.uint64(len(desk.buckets) - 1))
    before, other = -1, desk.buckets[bucket] - 1
    while other != place:
        before, other = other, desk.next_in_bucket[other] - 1
    if before < 0:
        desk.buckets[bucket] = desk.next_in_bucket[place]
    else:
        desk.next_in_bucket[before] = desk.next_in_bucket[place]
    service = session.first_service
    while service >= 0:
        following = desk.services[service].next
        free_service(desk, service)
        service = following
    session.life = _FREE_PLACE
    desk.free_sessions[desk.taken[0]] = place
    desk.taken[0] += 1


@compiled
def forget_sessions(desk: Desk, sessions: np.ndarray, found: np.ndarray) -> int:
    """Empty the places of some sessions; list those of their services, return how many."""
    count = session_places(desk, sessions, found)
    for i in range(len(sessions)):
        forget_session(desk, sessions[i])
    return count


@compiled
def _is_over(request: np.ndarray, asks: np.ndarray) -> bool:
    """Say whether what would open a session was used already, or gives back: a bar refuses new service only."""
    if request.action == _OVER or (request.kind == _EVENT and request.action == _REFUND):
        return True
    for a in range(request.first_ask, request.first_ask + request.asks * (request.kind == _INITIAL)):
        if reports_use(asks[a]):
            return True
    return False


@compiled
def _open(
    directory: Directory, desk: Desk, request: np.ndarray, asks: np.ndarray, fresh: np.ndarray, k: int, place: int,
    answer: np.ndarray,
) -> int:  # fmt: skip
    """Open the session of a first request with the pattern of its services; -1 with a refusal in the answer.

    place  of the session if it was an enquiry only, which begins anew; -1 = none
    """
    if k < 0:
        answer.result = _UNKNOWN_USER if k == -2 else _DENIED if k == ON_LIST else _NOT_RATED
        return -1
    use = fresh[k]
    row = row_at(directory, directory.number_key, directory.number_head, use.served_number, use.start_local_s)
    if row < 0:
        answer.result = _UNKNOWN_USER
        return -1
    if bars(desk, row, use.record_type) and not _is_over(request, asks):
        answer.result = _DENIED
        return -1
    if place < 0:
        place = _new_session(desk, request, row)
        _new_service(desk, place, _PATTERN)
    elif desk.sessions[place].row != row:
        answer.result = _UNABLE  # the price was another user's
        return -1
    session = desk.sessions[place]
    session.number, session.kind, session.action, session.record_type = -1, 0, 0, request.record_type
    desk.services[session.first_service].change_local_s = 0
    desk.uses[session.first_service] = use
    _clear(desk.uses[session.first_service])
    return place


@compiled
def _session_of(
    directory: Directory, desk: Desk, request: np.ndarray, asks: np.ndarray, fresh: np.ndarray, k: int,
    answer: np.ndarray, quotas: np.ndarray,
) -> int:  # fmt: skip
    """Find or open a request's session; -1 if the request is answered already."""
    place = find_session(desk, request.key_hi, request.key_lo)
    is_refund = request.kind == _EVENT and request.action == _REFUND
    answer.result, begins = _SUCCESS, place < 0
    if place >= 0:
        if again.is_again(desk.sessions[place], request):
            answer.place = place
            again.answer_again(desk, place, request, asks, answer, quotas)
            return -1
        if request.number < desk.sessions[place].number or request.kind == _INITIAL:
            answer.result = _UNABLE  # older than what was answered last, or opened twice
            return -1
        begins = request.kind == _EVENT and again.is_enquiry(desk.sessions[place])
    if begins:
        if request.kind != _INITIAL and request.kind != _EVENT:
            answer.result = _UNKNOWN_SESSION
            return -1
        if is_refund and request.debit_lo == 0 and request.debit_hi == 0:
            answer.result = _UNABLE  # it does not say of what
            return -1
        return _open(directory, desk, request, asks, fresh, k, place, answer)
    session = desk.sessions[place]
    if request.kind == _EVENT and (not is_refund or session.kind != _EVENT or session.life != _OPEN):
        answer.result = _UNABLE  # debited twice, or a refund of no event, or of one settled meanwhile
        return -1
    if session.life == _CLOSED:
        answer.result = _UNKNOWN_SESSION
        return -1
    return place


@compiled
def _waits(directory: Directory, row: int, busy: np.ndarray) -> bool:
    """Say whether another one is in the group who draws on a pool of this user: pools are rows too."""
    entry = directory.group_head[row]
    while entry >= 0:
        if directory.group_pool[entry] >= 0 and busy[directory.group_pool[entry]] == 1:
            return True
        entry = directory.group_next[entry]
    return False


@compiled
def _mark_pools(directory: Directory, row: int, busy: np.ndarray, mark: int) -> None:
    """Say that the pools a user may draw on are in the group, or no more."""
    entry = directory.group_head[row]
    while entry >= 0:
        if directory.group_pool[entry] >= 0:
            busy[directory.group_pool[entry]] = mark
        entry = directory.group_next[entry]


@compiled
def leave(directory: Directory, desk: Desk, answers: np.ndarray, busy: np.ndarray, busy_wallets: np.ndarray) -> None:
    """Leave the work space of a group as it was."""
    for m in range(len(answers)):
        if answers[m].place >= 0:
            row = desk.sessions[answers[m].place].row
            busy[row] = 0
            _mark_pools(directory, row, busy, 0)
            if desk.user_wallet[row] >= 0:
                busy_wallets[desk.user_wallet[row]] = 0


@compiled
def arrive(
    directory: Directory, desk: Desk, requests: np.ndarray, asks: np.ndarray, fresh: np.ndarray, fresh_at: np.ndarray,
    answers: np.ndarray, quotas: np.ndarray, ask_place: np.ndarray, busy: np.ndarray, busy_wallets: np.ndarray,
    freed: np.ndarray, moment: np.ndarray, m: int, waits: np.ndarray,
) -> int:  # fmt: skip
    """Let a request find its session and services; say what became of it.

    fresh      USE[k]: the requests that may open a session, classified; fresh_at  i64[n]: which one, or below 0
    ask_place  i64[asks]: the service of each ask that goes on, -1 = none, -2 - b = ask b stands for it
    busy, busy_wallets   u8[rows] and u8[wallets]: whose requests are in the group, and whose wait for its rare ones
    moment     i64[2]: UTC and local second
    waits      i64[1]: whether a request that may open a session waits

    LATER (its user or pool is in the group already, a rare one of its wallet is, or its session may be opened by a
    request that waits), DONE (answered) or GOES_ON.
    """
    request, answer = requests[m], answers[m]
    k = fresh_at[m]
    known = find_session(desk, request.key_hi, request.key_lo)
    row = -1
    if known >= 0:
        row = desk.sessions[known].row
    elif k >= 0:
        use = fresh[k]
        row = np.int64(
            row_at(directory, directory.number_key, directory.number_head, use.served_number, use.start_local_s)
        )
    wallet = desk.user_wallet[row] if row >= 0 else -1
    if row >= 0 and (busy[row] == 1 or (wallet >= 0 and busy_wallets[wallet] == 1) or _waits(directory, row, busy)):
        waits[0] |= 1 if known < 0 else 0
        return LATER
    if known < 0 and waits[0] == 1 and request.kind != _INITIAL and request.kind != _EVENT:
        return LATER
    session = _session_of(directory, desk, request, asks, fresh, k, answer, quotas)
    if session < 0:
        return DONE
    is_refund = request.kind == _EVENT and request.action == _REFUND  # of services that are open
    if known >= 0 and not is_refund and not _has_room(desk, session, request, asks):
        answer.result = _UNABLE  # as a whole: what is sent again is answered the same
        return DONE
    busy[row] = 1
    _mark_pools(directory, row, busy, 1)
    answer.place = session
    desk.sessions[session].life = _OPEN
    if is_refund:
        return GOES_ON
    _forget_ended(desk, session, freed)
    for a in range(request.first_ask, request.first_ask + request.asks):
        before = again.named_before(asks, request.first_ask, a)
        if before >= 0:
            again.join(asks[before], asks[a])
            ask_place[a] = -2 - before
            continue
        ask_place[a] = _service_for(desk, session, asks[a], moment[0], moment[1])
        desk.services[ask_place[a]].answered_number = request.number
    return GOES_ON


@compiled
def other_services(desk: Desk, places: np.ndarray, others: np.ndarray) -> int:
    """List the other open services of the users of some services; return how many, at most as many as there is room."""
    count = 0
    for i in range(len(places)):
        place = desk.user_service[desk.services[places[i]].row]
        while place >= 0 and count < len(others):
            if place != places[i]:
                others[count] = place
                count += 1
            place = desk.services[place].next_of_user
    return count


@compiled
def open_services(desk: Desk, sessions: np.ndarray, found: np.ndarray) -> int:
    """List the open services of some sessions; return how many."""
    count = 0
    for i in range(len(sessions)):
        place = desk.sessions[sessions[i]].first_service
        while place >= 0 and count < len(found):
            if desk.services[place].life == _OPEN:
                found[count] = place
                count += 1
            place = desk.services[place].next
    return count


@compiled
def session_places(desk: Desk, sessions: np.ndarray, found: np.ndarray) -> int:
    """List all services of some sessions, whatever their state; return how many."""
    count = 0
    for i in range(len(sessions)):
        place = desk.sessions[sessions[i]].first_service
        while place >= 0 and count < len(found):
            found[count] = place
            count += 1
            place = desk.services[place].next
    return count


@compiled
def leave_users(desk: Desk, places: np.ndarray) -> None:
    """Take services from their users' open ones."""
    for i in range(len(places)):
        leave_user(desk, places[i])


@compiled
def sweep(
    desk: Desk, first: int, last: int, now_s: int, heard_from_s: int, remembered_s: int, settled_s: int,
    silent: np.ndarray, forgotten: np.ndarray,
) -> tuple[int, int, int]:  # fmt: skip
    """Find sessions whose network fell silent, and those that ended long ago, among some places.

    heard_from_s  since when networks can be heard: nobody was silent before
    remembered_s, settled_s  how long those that ended are known, and those that silence settled

    Returns how many of each, and the place reached: before the last one if there is no room for more.
    """
    count, old = 0, 0
    for place in range(first, last):
        session = desk.sessions[place]
        if session.life == _FREE_PLACE:
            continue
        if count == len(silent) or old == len(forgotten):
            return count, old, place
        silent_s = now_s - max(session.touched_at_s, heard_from_s)
        known_s = settled_s if session.life == _EXPIRED and session.kind != _EVENT else remembered_s
        if session.life == _OPEN:
            if silent_s > session.silence_s or session.silence_s < 0:
                silent[count] = place
                count += 1
        elif silent_s > known_s + (session.silence_s if again.has_refunded(session) else 0):
            forgotten[old] = place
            old += 1
    return count, old, last
