"""What the engine decided, as messages of Nchf, and what cannot be done as problems (TS 32.291, TS 29.500)."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import msgspec

from openboss.access.network.gathering import Answer, Request
from openboss.access.network.nchf.schema import (
    ArmedTrigger,
    ChargingDataResponse,
    FinalUnitIndication,
    GrantedUnit,
    InvalidParam,
    MultipleUnitInformation,
    ProblemDetails,
    RedirectServer,
)
from openboss.modules.charging.engine.online.requests import Action, Kind, Measure, Result

QUOTA_HOLDING_S = 900
_TENTH = 10  # a network comes again when a tenth of its quota is left
_PROBLEMS: dict[int, tuple[int, str, str]] = {
    Result.CREDIT_LIMIT_REACHED: (403, "QUOTA_LIMIT_REACHED", "The balance does not allow this service."),
    Result.END_USER_SERVICE_DENIED: (403, "END_USER_REQUEST_DENIED", "The user may not use this service now."),
    Result.USER_UNKNOWN: (404, "USER_UNKNOWN", "Nobody is served under this identity."),
    Result.UNKNOWN_SESSION: (404, "CONTEXT_NOT_FOUND", "There is no such charging session, or it has ended."),
    Result.RATING_FAILED: (400, "CHARGING_FAILED", "No tariff has a price for this."),
    Result.INVALID_VALUE: (400, "CHARGING_FAILED", "A value is impossible."),
    Result.UNABLE_TO_COMPLY: (400, "CHARGING_FAILED", "The request does not follow the one answered last."),
    Result.TOO_BUSY: (503, "NF_CONGESTION", "Too many requests wait; come again in a moment."),
}
_CODES = {
    Result.SUCCESS: "SUCCESS",
    Result.CREDIT_LIMIT_REACHED: "QUOTA_LIMIT_REACHED",
    Result.END_USER_SERVICE_DENIED: "END_USER_SERVICE_DENIED",
    Result.RATING_FAILED: "RATING_FAILED",
}
_NOW = "IMMEDIATE_REPORT"
_ARMED = tuple(ArmedTrigger(name, _NOW) for name in ("QUOTA_THRESHOLD", "QUOTA_EXHAUSTED", "VALIDITY_TIME", "QHT",
                                                         "PLMN_CHANGE", "TAI_CHANGE"))  # fmt: skip
_ARMED_FOR_CHANGE = (*_ARMED, ArmedTrigger("TARIFF_TIME_CHANGE", "DEFERRED_REPORT"))
_WHERE = re.compile(r"(.*?)(?: - at `(?:key in )?\$(.*)`)?$", re.DOTALL)
_MISSING = re.compile(r"missing required field `(.*)`")
_MANDATORY = frozenset(
    ("nfConsumerIdentification", "nodeFunctionality", "invocationTimeStamp", "invocationSequenceNumber",
     "ratingGroup", "localSequenceNumber", "triggerCategory", "pduSessionID", "dnnId", "mcc", "mnc")
)  # fmt: skip

encode = msgspec.json.Encoder().encode


class Refused(Exception):
    """A request came to nothing; `problem` says why."""

    is_decided = False  # by the engine, which counts it

    def __init__(self, status: int, cause: str, title: str, **more: Any) -> None:
        super().__init__(title)
        self.problem = ProblemDetails(title, status, cause, **more)


def refusal_of(result: int) -> Refused:
    """Say a result of the engine as a problem."""
    status, cause, title = _PROBLEMS.get(result, (400, "CHARGING_FAILED", "This cannot be charged."))
    return Refused(status, cause, title)


def malformed(fault: Exception) -> Refused:
    """Say what is wrong with a message, and where."""
    if not isinstance(fault, msgspec.ValidationError):
        return Refused(400, "INVALID_MSG_FORMAT", "The message is no JSON.", detail=str(fault))
    found = _WHERE.match(str(fault))
    reason, path = (found[1], found[2] or "") if found else (str(fault), "")
    pointer = re.sub(r"\[(\d+)\]", r"/\1", path).replace(".", "/")
    missing = _MISSING.search(reason)
    if missing:
        pointer = f"{pointer}/{missing[1]}"
    name = next((part for part in reversed(pointer.split("/")) if part and not part.isdecimal()), "")
    cause = "MANDATORY_IE_INCORRECT" if name in _MANDATORY else "OPTIONAL_IE_INCORRECT"
    wrong = [InvalidParam(pointer or "/", reason)]
    return Refused(400, "MANDATORY_IE_MISSING" if missing else cause, "A part of the message is missing or wrong.",
                   invalid_params=wrong)  # fmt: skip


def final_unit(action: str = "TERMINATE", where: str = "") -> FinalUnitIndication:
    """What a network does with a service when its last quota is used up.

    action  TERMINATE; REDIRECT to the address `where`; RESTRICT to what the network's filter `where` lets through
    """
    if action == "REDIRECT":
        return FinalUnitIndication("REDIRECT", redirect_server=RedirectServer("URL", where))
    if action == "RESTRICT":
        return FinalUnitIndication("RESTRICT_ACCESS", filter_id=where)
    return FinalUnitIndication("TERMINATE")


def moment(second: int) -> str:
    """Write a UTC second as the standard has it."""
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def response(request: Request, answer: Answer, at: str, final: FinalUnitIndication) -> bytes:
    """Write the answer to a request that was carried out; `final` is what follows on a last quota."""
    information = [
        _unit_information(request, number, answer.quotas[number], final)
        for number, ask in enumerate(request.asks)
        if ask.rating_group >= 0
    ]
    failover = "FAILOVER_SUPPORTED" if request.kind == Kind.INITIAL else None
    return encode(ChargingDataResponse(at, request.number, failover, information))


def _unit_information(request: Request, number: int, quota: Any, final: FinalUnitIndication) -> MultipleUnitInformation:
    ask = request.asks[number]
    code = _CODES.get(quota.result, "RATING_FAILED")
    if request.kind == Kind.EVENT and request.action == Action.DEBIT and quota.result == Result.SUCCESS:
        granted = GrantedUnit(None, ask.want_s or None, ask.want_octets or None, ask.want_units or None)
        return MultipleUnitInformation(ask.rating_group, code, granted)
    if quota.measure == Measure.NONE:
        return MultipleUnitInformation(ask.rating_group, code)
    change = moment(quota.change_at_s) if quota.change_at_s else None
    is_time, is_volume = quota.measure == Measure.SECONDS, quota.measure == Measure.OCTETS
    threshold = None if quota.is_last else quota.granted // _TENTH
    return MultipleUnitInformation(
        rating_group=ask.rating_group,
        result_code=code,
        granted_unit=GrantedUnit(
            change,
            quota.granted if is_time else None,
            quota.granted if is_volume else None,
            quota.granted if quota.measure == Measure.UNITS else None,
        ),
        triggers=_ARMED_FOR_CHANGE if change else _ARMED,
        validity_time=quota.validity_s or None,
        quota_holding_time=QUOTA_HOLDING_S if is_volume else None,
        final_unit_indication=final if quota.is_last else None,
        time_quota_threshold=threshold if is_time else None,
        volume_quota_threshold=threshold if is_volume else None,
        unit_quota_threshold=(threshold or None) if quota.measure == Measure.UNITS else None,
    )
