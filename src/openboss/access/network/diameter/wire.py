"""The bytes of a socket into requests of online charging.

Compiled: a message is walked once, nothing is copied but what is kept. Only messages of credit control are read
here; the others are pointed out. Unknown AVPs are passed over unless the sender says they matter (the M bit), AVPs of
3GPP never matter. Source: RFC 6733 section 4, RFC 8506, TS 32.299, TS 29.061.
"""

import numpy as np

from openboss.access.network.diameter.amounts import OCTETS, take_units, wrong_amount
from openboss.access.network.diameter.known_avps import THREE_GPP, is_astray, is_group, is_known, wanted_length
from openboss.access.network.diameter.values import (
    be24,
    be32,
    coded_number,
    context,
    digits,
    hashed,
    imei,
    is_video,
    money_li,
    name,
    network_of,
    tracking_area,
    whole,
    word,
)
from openboss.kernel.compiled import compiled
from openboss.kernel.usage import RecordType
from openboss.modules.charging.engine.online.requests import BELIEVED_S, REMEMBERED_S, Kind

CREDIT_CONTROL, APPLICATION = 272, 4
LONGEST_MESSAGE = 1 << 16
HEADER = 20
DEEPEST = 12
MOST_ASKS = 64  # services one message may name
NTP_S = 2_208_988_800  # 1900 to 1970

CREDIT, OTHER, FAULT = range(3)  # what a message is

MARK = np.dtype(
    [
        ("at", np.int64),
        ("length", np.int64),
        ("session_at", np.int64),
        ("session_length", np.int64),
        ("host_at", np.int64),
        ("host_length", np.int64),
        ("realm_at", np.int64),
        ("realm_length", np.int64),
        ("origin", np.int64),  # hash of Origin-Host
        ("birth", np.int64),  # hash of Origin-Host and Origin-State-Id; 0 = no state was said
        ("fault_at", np.int64),
        ("fault_length", np.int64),
        ("connection", np.int32),
        ("what", np.int32),
        ("request", np.int32),  # its place among the requests
        ("fault", np.int32),  # Result-Code
        ("hop", np.uint32),
        ("end", np.uint32),
        ("kind", np.uint32),
        ("number", np.uint32),
        ("state_id", np.uint32),  # Origin-State-Id, 0 = not said
        ("has_kind", np.uint8),
        ("has_proxies", np.uint8),
        ("is_proxiable", np.uint8),
        ("own_ask", np.uint8),  # 1 + the place, among its asks, of what it wants beside all services; 0 = nothing
    ],
    align=True,
)
"""Where a message lies in the inbox, and what its answer must repeat."""

STATE = np.dtype(
    [
        ("seen", np.int64),  # bits: which AVPs were there
        ("context", np.int64),
        ("subscription_type", np.int64),
        ("data_at", np.int64),
        ("data_length", np.int64),
        ("role", np.int64),
        ("has_video", np.int64),
        ("calling", np.int64),
        ("called", np.int64),
        ("recipient", np.int64),
        ("change", np.int64),  # Tariff-Change-Usage of the units being read
        ("seconds", np.int64),
        ("octets", np.int64),
        ("up", np.int64),
        ("down", np.int64),
        ("units", np.int64),
        ("digits", np.int64),
        ("exponent", np.int64),
        ("equipment", np.int64),  # User-Equipment-Info-Type, -1 = not said
        ("imei", np.int64),
        ("li", np.int64),  # money of the units being read
        ("has_octets", np.int64),  # whether the units being read are said in octets
        ("timed", np.int64),  # bits: services whose use is said in seconds, and in octets
        ("measured", np.int64),
        ("currency", np.int64),  # ISO 4217 number of the operator's money, 0 = any
        ("ask", np.int64),  # the ask being read, -1 = none
        ("implicit", np.int64),  # the ask of the message itself, -1 = none
        ("first_ask", np.int64),
        ("asks", np.int64),  # one behind the last
        ("own_high", np.uint64),  # hash of our own Origin-Host
        ("own_low", np.uint64),
    ]
)
"""What is known half-way through a message."""

_DATA, _MOC, _MTC = int(RecordType.DATA), int(RecordType.MOC), int(RecordType.MTC)
_FORWARD, _VIDEO = int(RecordType.CALL_FORWARD), int(RecordType.VIDEO_CALL)
_SMS, _MMS = int(RecordType.SMS_MO), int(RecordType.MMS)
_EVENT = int(Kind.EVENT)
_IMEISV = 0  # User-Equipment-Info-Type
_FINAL, _CONDITION_CHANGE = 2, 6  # Reporting-Reason: of a service, or of its units
_REPORTED, _MOVED, _OTHERWISE = 1, 2, 4  # what is said of the change while a service is read
_SESSION, _HOST, _REALM, _TO_REALM, _APPLICATION, _CONTEXT, _KIND, _NUMBER, _ACTION = (1 << bit for bit in range(9))
_MISSING = np.array([263, 264, 296, 283, 258, 461, 416, 415], np.int64)
MISSING_AVP, BAD_LENGTH, BAD_VALUE, UNSUPPORTED_AVP, UNSUPPORTED_APPLICATION, BAD_BITS, TOO_OFTEN = (
    5005, 5014, 5004, 5001, 3007, 3009, 5009,
)  # fmt: skip
NOT_ALLOWED, BAD_HEADER_BITS, LOOP = 5008, 3008, 3005
NOT_MEASURED = 5031  # use of a kind that has no price: data in seconds alone
TERMINATING, FORWARDING = 1, 2  # Role-Of-Node
_ERROR = 0x20
_SPREAD = 0x9E3779B97F4A7C15 >> 1  # states of a host are as far apart as hosts


@compiled
def _new_ask(asks: np.ndarray, state: np.ndarray) -> int:
    place = state.asks
    if place >= state.first_ask + MOST_ASKS:
        return -1
    ask = asks[place]
    ask.rating_group, ask.service_id = -1, -1
    ask.want_s, ask.want_octets, ask.want_units, ask.want_li = 0, 0, 0, 0
    ask.used_s, ask.used_up, ask.used_down, ask.used_units, ask.used_li = 0, 0, 0, 0, 0
    ask.after_s, ask.after_up, ask.after_down, ask.after_units, ask.after_li = 0, 0, 0, 0, 0
    ask.is_asking, ask.is_final, ask.is_changed = 0, 0, 0
    state.asks = place + 1
    return place


@compiled
def _open_group(code: int, state: np.ndarray, asks: np.ndarray) -> bool:
    """Begin a group; False if there are more services than one message may name."""
    if code == 456:
        state.ask = _new_ask(asks, state)
        return state.ask >= 0
    if code == 437 or code == 446:
        state.change, state.seconds, state.octets, state.up, state.down, state.units = 0, 0, 0, 0, 0, 0
        state.li, state.has_octets = 0, 0
        if state.ask < 0:
            if state.implicit < 0:
                state.implicit = _new_ask(asks, state)
            return state.implicit >= 0
    elif code == 443:
        state.subscription_type, state.data_length = -1, 0
    elif code == 413:
        state.digits, state.exponent = 0, 0
    elif code == 458:
        state.equipment, state.imei = -1, 0
    return True


@compiled
def _close_group(code: int, data: np.ndarray, state: np.ndarray, request: np.ndarray, asks: np.ndarray) -> None:
    """Take over what a group said, now that all of it was read."""
    if code == 456:
        state.ask = -1
        return
    if code == 443:
        if state.subscription_type == 0 or state.subscription_type == 2:  # E.164, SIP URI
            number = coded_number(data, state.data_at, state.data_length, state.subscription_type == 0)
            request.served = number if request.served == 0 or state.subscription_type == 0 else request.served
        elif state.subscription_type == 1:
            request.imsi = digits(data, state.data_at, state.data_length)
        return
    if code == 458:
        request.imei = state.imei if state.equipment == _IMEISV else request.imei
        return
    if code == 413:
        state.li = money_li(state.digits, state.exponent)
        return
    if code != 437 and code != 446:
        return
    place = state.ask if state.ask >= 0 else state.implicit if state.implicit >= 0 else 0
    take_units(code, state, asks[place], place - state.first_ask)


@compiled
def _take_number(code: int, value: int, inside: int, state: np.ndarray, request: np.ndarray, asks: np.ndarray) -> None:
    """Take over a number of credit control; `inside` is the group it stands in, 0 = the message."""
    if code == 416:
        request.kind = min(value, 255)
        state.seen |= _KIND
    elif code == 415:
        request.number = value
        state.seen |= _NUMBER
    elif code == 436:
        request.action = min(value, 255)
        state.seen |= _ACTION
    elif code == 432 and inside == 456:
        asks[state.ask].rating_group = value
    elif code == 439 and inside == 456:
        asks[state.ask].service_id = value
    elif code == 450:
        state.subscription_type = value
    elif code == 452:
        state.change = value
    elif code == 459:
        state.equipment = value
    elif code == 420:
        state.seconds = value
    elif code == 421:
        state.octets, state.has_octets = value, 1
    elif code == 412:
        state.up, state.has_octets = value, 1
    elif code == 414:
        state.down, state.has_octets = value, 1
    elif code == 417:
        state.units = value
    elif code == 447:
        state.digits = value
    elif code == 429:
        state.exponent = value - 2**32 if value >= 2**31 else value


@compiled
def _take_3gpp(
    code: int, data: np.ndarray, at: int, length: int, state: np.ndarray, request: np.ndarray, asks: np.ndarray,
) -> None:  # fmt: skip
    """Take over an AVP of 3GPP that is no group."""
    if code == 829:
        state.role = be32(data, at) if state.role != FORWARDING else FORWARDING
    elif code == 3415 and be32(data, at) == 1:  # Forwarding-Pending, of circuits (TS 32.276)
        state.role = FORWARDING
    elif code == 844:
        state.has_video |= is_video(data, at, length)
    elif code == 831:
        state.calling = coded_number(data, at, length, False)
    elif code == 832:
        state.called = coded_number(data, at, length, False)
    elif code == 897:
        state.recipient = coded_number(data, at, length, False)
    elif code == 2:
        request.call_ref = be32(data, at)
    elif code == 841 or code == 3418 or (code == 830 and request.call_ref == 0):
        # IMS-Charging-Identifier; Network-Call-Reference-Number, of circuits; else User-Session-Id, the Call-ID of SIP
        request.call_ref = name(data, at, length)
    elif code == 20:
        request.imei = imei(data, at, length)
    elif code == 18:
        request.network = digits(data, at, length)
    elif code == 22:
        request.tracking_area = tracking_area(data, at, length)
        request.network = request.network if request.network != 0 else network_of(data, at, length)
    elif code == 872 and state.ask >= 0 and be32(data, at) == _FINAL:
        asks[state.ask].is_final = 1
    elif code == 872 and state.ask >= 0 and be32(data, at) == _CONDITION_CHANGE:
        asks[state.ask].is_changed |= _REPORTED
    elif code == 870 and state.ask >= 0:
        kind = be32(data, at)
        asks[state.ask].is_changed |= _MOVED if kind == 3 or 30 <= kind <= 36 else _OTHERWISE


@compiled
def _take(
    code: int, vendor: int, inside: int, data: np.ndarray, at: int, length: int, state: np.ndarray, mark: np.ndarray,
    request: np.ndarray, asks: np.ndarray,
) -> None:  # fmt: skip
    """Take over an AVP that is no group; a value that cannot be is a fault."""
    if vendor != 0 and vendor != THREE_GPP:
        return
    if vendor != 0:
        _take_3gpp(code, data, at, length, state, request, asks)
        return
    if code == 263:
        mark.session_at, mark.session_length = at, length
        state.seen |= _SESSION
        request.key_hi, request.key_lo = hashed(data, at, length)
    elif code == 264:
        state.seen |= _HOST
        mark.host_at, mark.host_length = at, length
        mark.origin = np.int64(hashed(data, at, length)[1] >> np.uint64(1))
    elif code == 296:
        state.seen |= _REALM
        mark.realm_at, mark.realm_length = at, length
    elif code == 278:
        mark.state_id = be32(data, at)
    elif code == 282:
        high, low = hashed(data, at, length)
        if high == state.own_high and low == state.own_low:
            mark.fault = LOOP
    elif code == 283:
        state.seen |= _TO_REALM
    elif code == 258:
        state.seen |= _APPLICATION
        if be32(data, at) != APPLICATION:
            mark.fault = BAD_VALUE
    elif code == 461:
        state.context = context(data, at, length)
        state.seen |= _CONTEXT
        if state.context not in (32251, 32260, 32274, 32270, 32276):
            mark.fault = BAD_VALUE
    elif code == 425:
        if state.currency != 0 and be32(data, at) != state.currency:
            mark.fault = BAD_VALUE
    elif code == 411:
        request.debit_hi, request.debit_lo = hashed(data, at, length)
    elif code == 444:
        state.data_at, state.data_length = at, length
    elif code == 460:
        state.imei = imei(data, at, length)
    elif code == 284:
        mark.has_proxies = 1
    elif code == 30:
        request.apn = word(data, at, length)
    elif code == 55:
        at_s = be32(data, at) - NTP_S
        at_s += 2**32 if at_s < 0 else 0
        request.at_s = at_s
    elif wanted_length(code, 0) > 0:
        _take_number(code, whole(data, at, length), inside, state, request, asks)


@compiled
def _walk(
    data: np.ndarray, start: int, stop: int, state: np.ndarray, mark: np.ndarray, request: np.ndarray,
    asks: np.ndarray, ends: np.ndarray, groups: np.ndarray,
) -> None:  # fmt: skip
    """Walk the AVPs of one message; the first fault ends it."""
    depth, at = 0, start
    ends[0], groups[0] = stop, 0
    while mark.fault == 0:
        while depth > 0 and at >= ends[depth]:
            _close_group(groups[depth], data, state, request, asks)
            depth -= 1
        if at >= stop:
            return
        room = ends[depth] - at
        code, flags = (be32(data, at), np.int64(data[at + 4])) if room >= 8 else (0, 0)
        length = be24(data, at + 5) if room >= 8 else 0
        header = 12 if flags & 0x80 else 8
        if room < header or length < header or length > room:
            mark.fault, mark.fault_at, mark.fault_length = BAD_LENGTH, at, min(room, header)
            return
        vendor = be32(data, at + 8) if header == 12 else 0
        following = min(at + (length + 3) // 4 * 4, ends[depth])
        wanted = wanted_length(code, vendor)
        if wanted > 0 and length - header != wanted:
            mark.fault, mark.fault_at, mark.fault_length = BAD_LENGTH, at, length
        elif flags & 0x1F:
            mark.fault, mark.fault_at, mark.fault_length = BAD_BITS, at, length
        elif flags & 0x40 and not is_known(code, vendor):
            mark.fault, mark.fault_at, mark.fault_length = UNSUPPORTED_AVP, at, length
        elif is_astray(code, vendor, depth, groups[depth]):
            mark.fault, mark.fault_at, mark.fault_length = NOT_ALLOWED, at, length
        elif is_group(code, vendor) and depth + 1 < DEEPEST:
            if not _open_group(code if vendor == 0 else 0, state, asks):
                mark.fault, mark.fault_at, mark.fault_length = TOO_OFTEN, at, length
            depth += 1
            ends[depth], groups[depth] = at + length, code if vendor == 0 else 0
            following = at + header
        else:
            inside = groups[depth]
            _take(code, vendor, inside, data, at + header, length - header, state, mark, request, asks)
            if mark.fault != 0:
                mark.fault_at, mark.fault_length = at, length
        at = following


@compiled
def _check(state: np.ndarray, mark: np.ndarray, request: np.ndarray, asks: np.ndarray) -> None:
    """Say what is missing or impossible, and what kind of use the service context and its information mean."""
    for bit in range(len(_MISSING)):
        if not state.seen >> bit & 1:
            mark.fault, mark.fault_at, mark.fault_length = MISSING_AVP, -_MISSING[bit], 0
            return
    if request.kind < 1 or request.kind > 4 or (request.kind == _EVENT and not state.seen & _ACTION):
        is_missing = request.kind == _EVENT
        mark.fault, mark.fault_at = (MISSING_AVP, -436) if is_missing else (BAD_VALUE, -416)
        return
    if request.action > 3:
        mark.fault, mark.fault_at = BAD_VALUE, -436
        return
    if state.context == 32251:
        request.record_type = _DATA
    elif state.context == 32274 or state.context == 32270:
        request.record_type = _SMS if state.context == 32274 else _MMS
        request.other = state.recipient if state.recipient != 0 else state.called
    elif state.role == TERMINATING:  # whoever is called pays for no picture
        request.record_type, request.other = _MTC, state.calling
    else:
        request.record_type = _VIDEO if state.has_video else _MOC
        request.record_type = _FORWARD if state.role == FORWARDING else request.record_type
        request.other = state.called
    request.first_ask, request.asks = state.first_ask, state.asks - state.first_ask
    for place in range(request.first_ask, state.asks):
        ask = asks[place]  # whether a move counts is seen from where the user is
        ask.is_changed = 1 if ask.is_changed & _OTHERWISE or ask.is_changed == _REPORTED else 0
    wrong = wrong_amount(state, request, asks, state.context == 32251)
    if wrong != 0:
        mark.fault, mark.fault_at = NOT_MEASURED if wrong == OCTETS else BAD_VALUE, -wrong


@compiled
def read(
    data: np.ndarray, start: int, stop: int, connection: int, marks: np.ndarray, requests: np.ndarray,
    asks: np.ndarray, counts: np.ndarray, states: np.ndarray, ends: np.ndarray, groups: np.ndarray, now_s: int,
) -> int:  # fmt: skip
    """Read the whole messages between two places; return where the first unread byte lies, or -1 - that if it is junk.

    counts  i64[3]: messages, requests and asks so far; counted on. Stops early when a place runs out.
    states, ends, groups   room: one STATE, and i64[DEEPEST] twice
    """
    at = start
    state = states[0]
    while stop - at >= HEADER and counts[0] < len(marks) and counts[1] < len(requests):
        length = be24(data, at + 1)
        if data[at] != 1 or length < HEADER or length % 4 or length > LONGEST_MESSAGE:
            return -1 - at
        if stop - at < length:
            break
        if counts[2] + MOST_ASKS > len(asks):
            break
        mark = marks[counts[0]]
        flags, command, application = data[at + 4], be24(data, at + 5), be32(data, at + 8)
        mark.at, mark.length, mark.connection = at, length, connection
        mark.hop, mark.end = be32(data, at + 12), be32(data, at + 16)
        mark.host_at, mark.host_length, mark.realm_at, mark.realm_length = 0, 0, 0, 0
        mark.origin, mark.birth, mark.state_id = 0, 0, 0
        mark.session_length, mark.fault, mark.fault_at, mark.fault_length = 0, 0, 0, 0
        mark.has_proxies, mark.is_proxiable, mark.request = 0, flags >> 6 & 1, -1
        mark.kind, mark.number, mark.has_kind = 0, 0, 0
        mark.what = OTHER
        if command == CREDIT_CONTROL and flags & 0x80:
            _read_credit(data, at, length, application, flags, state, mark, requests, asks, counts, ends, groups, now_s)
        counts[0] += 1
        at += length
    return at


@compiled
def _believed(request: np.ndarray, now_s: int) -> int:
    """The moment a network says if its clock can be right; an event that is sent again may be of long ago."""
    is_late = request.kind == _EVENT and request.is_repeated == 1 and request.at_s < now_s - REMEMBERED_S
    return request.at_s if abs(request.at_s - now_s) <= BELIEVED_S or is_late else 0


@compiled
def _read_credit(
    data: np.ndarray, at: int, length: int, application: int, flags: int, state: np.ndarray, mark: np.ndarray,
    requests: np.ndarray, asks: np.ndarray, counts: np.ndarray, ends: np.ndarray, groups: np.ndarray, now_s: int,
) -> None:  # fmt: skip
    request = requests[counts[1]]
    request.served, request.imsi, request.other, request.at_s, request.call_ref = 0, 0, 0, 0, 0
    request.apn, request.network, request.tracking_area, request.imei = 0, 0, 0, 0
    request.number, request.kind, request.action, request.key_hi, request.key_lo = 0, 0, 0, 0, 0
    request.debit_hi, request.debit_lo = 0, 0
    request.is_repeated = flags >> 4 & 1
    state.seen, state.context, state.role, state.calling, state.called, state.recipient = 0, 0, 0, 0, 0, 0
    state.has_video, state.timed, state.measured = 0, 0, 0
    state.ask, state.implicit = -1, -1
    state.first_ask = state.asks = counts[2]
    if application != APPLICATION:
        mark.fault = UNSUPPORTED_APPLICATION
    elif flags & _ERROR:
        mark.fault = BAD_HEADER_BITS
    else:
        _walk(data, at + HEADER, at + length, state, mark, request, asks, ends, groups)
    if mark.fault == 0:
        _check(state, mark, request, asks)
    request.at_s = _believed(request, now_s)
    mark.kind, mark.number = request.kind, request.number
    if mark.state_id != 0:
        mark.birth = mark.origin ^ (np.int64(mark.state_id) * _SPREAD)
    mark.has_kind = 1 if state.seen & _KIND and state.seen & _NUMBER else 0
    if mark.fault != 0:
        mark.what = FAULT
        return
    mark.what, mark.request = CREDIT, counts[1]
    mark.own_ask = 1 + state.implicit - state.first_ask if state.implicit >= 0 else 0
    counts[1] += 1
    counts[2] = state.asks
