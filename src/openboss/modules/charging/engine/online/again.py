"""What is said again: a request that was answered before, a service that a request names twice; what an event leaves.

Compiled. A repeat changes nothing and gets the very answer the first one had. Source: RFC 8506 sections 8.2 and 8.16.
"""

import numpy as np

from openboss.kernel.compiled import compiled
from openboss.modules.charging.engine.online.desk import Desk, Life
from openboss.modules.charging.engine.online.requests import Action, Kind

_EVENT, _CLOSED = int(Kind.EVENT), int(Life.CLOSED)
_REFUND, _CHECK, _PRICE = int(Action.REFUND), int(Action.CHECK_BALANCE), int(Action.PRICE)


@compiled
def is_again(session: np.ndarray, request: np.ndarray) -> bool:
    """Say whether a session's last request comes again: the same number, kind and, of an event, action.

    Events of one session may all have number 0. Of sessions of before 2026-11-23 no action is known.
    """
    if session.number != request.number or session.kind != request.kind:
        return False
    return request.kind != _EVENT or session.action == 0 or session.action == 1 + request.action


@compiled
def is_enquiry(session: np.ndarray) -> bool:
    """Say whether a session has asked for a price or about money, and left nothing."""
    is_known = session.kind == _EVENT and session.life == _CLOSED
    return is_known and session.action - 1 in (_PRICE, _CHECK)


@compiled
def has_refunded(session: np.ndarray) -> bool:
    """Say whether a session has given back what another one debited, which may be open yet."""
    return session.life == _CLOSED and session.action == 1 + _REFUND


@compiled
def is_same(ask: np.ndarray, other: np.ndarray) -> bool:
    """Say whether two asks, or a service and an ask, are about the same service."""
    return ask.rating_group == other.rating_group and ask.service_id == other.service_id


@compiled
def named_before(asks: np.ndarray, first: int, a: int) -> int:
    """Find the ask from one on that names the same service as a later one; -1 = none."""
    for b in range(first, a):
        if is_same(asks[b], asks[a]):
            return b
    return -1


@compiled
def join(ask: np.ndarray, other: np.ndarray) -> None:
    """Let an ask stand for another one about the same service: it is carried out, and granted, once, with all of both.

    One that says no amount wants what the other says.
    """
    ask.want_s, ask.want_octets = ask.want_s + other.want_s, ask.want_octets + other.want_octets
    ask.want_units, ask.want_li = ask.want_units + other.want_units, ask.want_li + other.want_li
    ask.used_s, ask.after_s = ask.used_s + other.used_s, ask.after_s + other.after_s
    ask.used_up, ask.after_up = ask.used_up + other.used_up, ask.after_up + other.after_up
    ask.used_down, ask.after_down = ask.used_down + other.used_down, ask.after_down + other.after_down
    ask.used_units, ask.after_units = ask.used_units + other.used_units, ask.after_units + other.after_units
    ask.used_li, ask.after_li = ask.used_li + other.used_li, ask.after_li + other.after_li
    ask.is_asking, ask.is_final = ask.is_asking | other.is_asking, ask.is_final | other.is_final
    ask.is_changed |= other.is_changed


@compiled
def answer_again(
    desk: Desk, session: int, request: np.ndarray, asks: np.ndarray, answer: np.ndarray, quotas: np.ndarray
) -> None:
    """Answer again what was answered before; what services were granted by a debit is no answer to its refund."""
    held, first = desk.sessions[session], request.first_ask
    is_refund = request.kind == _EVENT and request.action == _REFUND
    answer.result, answer.is_repeat, answer.cost_li, answer.has_credit = held.result, 1, held.cost_li, held.has_credit
    for a in range(first, first + request.asks):
        quota, before = quotas[a], named_before(asks, first, a)
        quota.result = held.result if before < 0 else quotas[before].result
        place = held.first_service if before < 0 and not is_refund else -1
        while place >= 0:
            service = desk.services[place]
            if is_same(service, asks[a]) and service.answered_number == request.number:
                quota.result, quota.measure, quota.is_last = service.result, service.measure, service.is_last
                quota.granted, quota.validity_s, quota.change_at_s = (
                    service.granted, service.validity_s, service.change_at_s,
                )  # fmt: skip
                break
            place = service.next
