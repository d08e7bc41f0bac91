"""Answers of online charging into the bytes of Diameter messages. Compiled. Source: RFC 8506, TS 32.299."""

import numpy as np

from openboss.access.network.diameter.known_avps import THREE_GPP
from openboss.access.network.diameter.values import be24, be32
from openboss.access.network.diameter.wire import (
    APPLICATION,
    CREDIT,
    CREDIT_CONTROL,
    HEADER,
    NTP_S,
)
from openboss.kernel.compiled import compiled
from openboss.modules.charging.engine.online.requests import Kind, Measure

QUOTA_HOLDING_S = 900
_EVENT, _INITIAL = int(Kind.EVENT), int(Kind.INITIAL)
_SECONDS, _OCTETS, _LI = int(Measure.SECONDS), int(Measure.OCTETS), int(Measure.LI)
_TENTH = 10  # a network comes again when a tenth of its quota is left
_FAILOVER_SUPPORTED, _RETRY_AND_TERMINATE = 1, 2  # absent: a network ends its sessions when their line dies
_ARMED = (30, 31, 33, 35)  # Trigger-Type: country, network, location area, tracking area
ARMED_BYTES = 12 + 16 * len(_ARMED)


@compiled
def put32(out: np.ndarray, at: int, value: int) -> int:
    """Write four bytes; return the place behind."""
    out[at], out[at + 1] = value >> 24 & 255, value >> 16 & 255
    out[at + 2], out[at + 3] = value >> 8 & 255, value & 255
    return at + 4


@compiled
def _head(out: np.ndarray, at: int, code: int, length: int) -> int:
    """Write the head of an AVP that matters; `length` counts the head."""
    at = put32(out, at, code)
    return put32(out, at, 0x40 << 24 | length)


@compiled
def put_avp32(out: np.ndarray, at: int, code: int, value: int) -> int:
    """Write an AVP with a number of four bytes."""
    return put32(out, _head(out, at, code, 12), value)


@compiled
def put_avp64(out: np.ndarray, at: int, code: int, value: int) -> int:
    """Write an AVP with a number of eight bytes."""
    at = _head(out, at, code, 16)
    return put32(out, put32(out, at, value >> 32), value & 0xFFFFFFFF)


@compiled
def _copy(data: np.ndarray, start: int, length: int, out: np.ndarray, at: int) -> int:
    for i in range(length):
        out[at + i] = data[start + i]
    for i in range(length, (length + 3) // 4 * 4):
        out[at + i] = 0
    return at + (length + 3) // 4 * 4


@compiled
def _put_money(out: np.ndarray, at: int, li: int, currency: int) -> int:
    """Write an amount of money: li are thousandths of the currency's unit."""
    at = _head(out, at, 445, 36)
    at = put_avp64(out, at, 447, li)
    at = put_avp32(out, at, 429, 2**32 - 3)
    return put_avp32(out, at, 425, currency)


@compiled
def _put_quota(out: np.ndarray, at: int, quota: np.ndarray, final: np.ndarray, currency: int) -> int:
    """Write what a service was granted: units, until when, and what to do after the last ones."""
    if quota.measure != 0:
        start = at
        at = _head(out, at, 431, 0)
        if quota.change_at_s != 0:
            at = put_avp32(out, at, 451, quota.change_at_s + NTP_S & 0xFFFFFFFF)
        if quota.measure == _SECONDS:
            at = put_avp32(out, at, 420, quota.granted)
        elif quota.measure == _LI:
            at = _put_money(out, _head(out, at, 413, 8 + 36 + 12), quota.granted, currency)
        else:
            at = put_avp64(out, at, 421 if quota.measure == _OCTETS else 417, quota.granted)
        put32(out, start + 4, 0x40 << 24 | at - start)
    if quota.validity_s != 0:
        at = put_avp32(out, at, 448, quota.validity_s)
    if quota.is_last == 1:
        at = _copy(final, 0, len(final), out, at)
    return at


@compiled
def _put_3gpp32(out: np.ndarray, at: int, code: int, value: int) -> int:
    """Write an AVP of 3GPP with a number of four bytes."""
    at = put32(out, at, code)
    at = put32(out, at, 0xC0 << 24 | 16)
    return put32(out, put32(out, at, THREE_GPP), value)


@compiled
def _put_armed(out: np.ndarray, at: int) -> int:
    """Write at which changes a network shall come again at once (Trigger, TS 32.299); it holds for the session."""
    at = put32(out, at, 1264)
    at = put32(out, put32(out, at, 0xC0 << 24 | ARMED_BYTES), THREE_GPP)
    for kind in _ARMED:
        at = _put_3gpp32(out, at, 870, kind)
    return at


@compiled
def _put_service(
    out: np.ndarray, at: int, ask: np.ndarray, quota: np.ndarray, final: np.ndarray, currency: int, kind: int
) -> int:
    start = at
    at = _head(out, at, 456, 0)
    if ask.service_id >= 0:
        at = put_avp32(out, at, 439, ask.service_id)
    if ask.rating_group >= 0:
        at = put_avp32(out, at, 432, ask.rating_group)
    at = _put_quota(out, at, quota, final, currency)
    at = put_avp32(out, at, 268, quota.result)
    if quota.measure == _OCTETS and quota.validity_s != 0:
        at = _put_3gpp32(out, at, 871, QUOTA_HOLDING_S)
    if kind == _INITIAL and quota.measure == _OCTETS:
        at = _put_armed(out, at)
    if kind != _EVENT and quota.is_last == 0 and quota.granted >= _TENTH and quota.measure != _LI:
        threshold = 868 if quota.measure == _SECONDS else 869 if quota.measure == _OCTETS else 1226
        at = _put_3gpp32(out, at, threshold, quota.granted // _TENTH)
    put32(out, start + 4, 0x40 << 24 | at - start)
    return at


@compiled
def _put_proxies(data: np.ndarray, mark: np.ndarray, out: np.ndarray, at: int) -> int:
    """Give back the Proxy-Info AVPs of a request in their order (RFC 6733 6.2)."""
    place, stop = mark.at + HEADER, mark.at + mark.length
    while place < stop:
        length = be24(data, place + 5)
        if be32(data, place) == 284:
            at = _copy(data, place, length, out, at)
        place += (length + 3) // 4 * 4
    return at


@compiled
def _put_cost(out: np.ndarray, at: int, cost_li: int, currency: int) -> int:
    """Write Cost-Information: li are thousandths of the currency's unit."""
    at = _head(out, at, 423, 8 + 36 + 12)
    return _put_money(out, at, cost_li, currency)


@compiled
def write(
    data: np.ndarray, marks: np.ndarray, requests: np.ndarray, asks: np.ndarray, answers: np.ndarray,
    quotas: np.ndarray, own: np.ndarray, final: np.ndarray, currency: int, out: np.ndarray, places: np.ndarray,
) -> None:  # fmt: skip
    """Write the answers to the credit-control messages among the marks.

    own     the AVPs Origin-Host, Origin-Realm and Auth-Application-Id, as bytes
    final   the AVP Final-Unit-Indication, as bytes
    places  i64[marks + 1]: where each answer begins; empty for other messages
    """
    at = 0
    for i in range(len(marks)):
        mark = marks[i]
        places[i] = at
        if mark.what != CREDIT:
            continue
        start, request, answer = at, requests[mark.request], answers[mark.request]
        is_refused = 1 if 3000 <= answer.result < 4000 else 0  # a fault of the way, not of the session: the E bit
        at = put32(out, start + 4, mark.is_proxiable << 30 | is_refused << 29 | CREDIT_CONTROL)
        at = put32(out, at, APPLICATION)
        at = put32(out, put32(out, at, mark.hop), mark.end)
        at = _head(out, at, 263, 8 + mark.session_length)
        at = _copy(data, mark.session_at, mark.session_length, out, at)
        at = put_avp32(out, at, 268, answer.result)
        at = _copy(own, 0, len(own), out, at)
        at = put_avp32(out, at, 416, request.kind)
        at = put_avp32(out, at, 415, request.number)
        if request.kind == _INITIAL and answer.result == 2001:
            at = put_avp32(out, put_avp32(out, at, 418, _FAILOVER_SUPPORTED), 427, _RETRY_AND_TERMINATE)
        for a in range(request.first_ask, request.first_ask + request.asks * (1 - is_refused)):
            if a - request.first_ask + 1 == mark.own_ask:
                at = _put_quota(out, at, quotas[a], final, currency)
            elif quotas[a].result != 0:  # nothing became of services of a request that was refused as a whole
                at = _put_service(out, at, asks[a], quotas[a], final, currency, request.kind)
        if request.kind == _EVENT and answer.result == 2001:
            if request.action == 2:
                at = put_avp32(out, at, 422, 1 - answer.has_credit)
            elif answer.place >= 0:  # else it was debited long ago
                at = _put_cost(out, at, answer.cost_li, currency)
        if mark.has_proxies == 1:
            at = _put_proxies(data, mark, out, at)
        put32(out, start, 1 << 24 | at - start)
    places[len(marks)] = at
