"""A session function for trials: it asks our own charging over the interface real ones speak (Nchf, TS 32.291).

Nothing is simulated but the use itself: the messages go over HTTP/2 to the engine's door and are charged like any
other. So it may only play for users of the test tenant (`test_numbers` of the options).
"""

from __future__ import annotations

import secrets
import ssl
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx

from openboss.config.options import options
from openboss.modules.system.keys import key_for

ANSWER_WITHIN_S = 5.0
RATING_GROUP = 1
KINDS = ("DATA", "CALL", "SMS")


class NotOfTheTestTenant(Exception):
    """Only users of the test tenant may be played with; see `test_numbers` in the options."""


class NoDoor(Exception):
    """Charging does not listen to session functions, or does not answer."""


@dataclass
class Played:
    """One request of a trial: what was sent and what came back."""

    operation: str
    at: str
    status: int
    sent: dict[str, Any]
    answer: dict[str, Any]


@dataclass
class Trial:
    """A session that is being played; kept as plain values between the pages of whoever plays it."""

    subscriber_id: int
    number: str  # E.164 without +
    kind: str
    other: str = ""
    dnn: str = "cmnet"
    charging_id: int = 0
    address: str = ""  # of the session at the charging function; empty = it has not begun or is over
    sequence: int = 0
    granted: int = 0  # octets or seconds that may be used before asking again
    change_at: str = ""  # when other prices begin within what is granted, as charging said it
    steps: list[Played] = field(default_factory=list)

    @classmethod
    def from_kept(cls, kept: dict[str, Any]) -> Trial:
        """Take up what `kept` gave."""
        return cls(**{**kept, "steps": [Played(**step) for step in kept["steps"]]})

    def kept(self) -> dict[str, Any]:
        """Plain values, for a session of the console."""
        return asdict(self)


def may_be_played(number: str) -> bool:
    """Whether a number (E.164 digits) is of the test tenant."""
    return any(number.startswith(prefix) for prefix in options().test_numbers)


def begin(trial: Trial, *, at: datetime) -> None:
    """Open the session, or have a message charged at once. Raises NotOfTheTestTenant, NoDoor."""
    if not may_be_played(trial.number):
        raise NotOfTheTestTenant(trial.number)
    trial.charging_id = secrets.randbelow(2**31) + 1
    message = _message(trial, at) | _service(trial)
    if trial.kind == "SMS":
        message |= {"oneTimeEvent": True, "oneTimeEventType": "IEC"}
    else:
        message["multipleUnitUsage"] = [{"ratingGroup": RATING_GROUP, "requestedUnit": {}}]
    answer = _post(trial, _door(), "begin", message, at)
    trial.address = answer.headers.get("location", "") if answer.status_code == 201 and trial.kind != "SMS" else ""


def use(trial: Trial, used_units: int, *, at: datetime) -> None:
    """Report octets or seconds, of which the network lets through what is granted, and ask for more. Raises NoDoor."""
    message = _message(trial, at)
    message["multipleUnitUsage"] = [{**_used(trial, min(used_units, trial.granted)), "requestedUnit": {}}]
    if _post(trial, f"{trial.address}/update", "use", message, at).status_code != 200:
        trial.address = ""


def use_across(trial: Trial, used_units: int, *, at: datetime) -> None:
    """Report that half was used before the change of prices and half after it, and ask for more. Raises NoDoor."""
    half = min(used_units, trial.granted) // 2
    before, after = _used(trial, half), _used(trial, half)
    (first,) = before["usedUnitContainer"]
    first["triggers"] = [{"triggerType": "TARIFF_TIME_CHANGE", "triggerCategory": "DEFERRED_REPORT"}]
    containers = [first, *after["usedUnitContainer"]]
    message = _message(trial, at)
    message["multipleUnitUsage"] = [{"ratingGroup": RATING_GROUP, "usedUnitContainer": containers, "requestedUnit": {}}]
    if _post(trial, f"{trial.address}/update", "across", message, at).status_code != 200:
        trial.address = ""


def end(trial: Trial, used_units: int, *, at: datetime) -> None:
    """Use what is granted of it for the last time, and end the session. Raises NoDoor."""
    message = _message(trial, at)
    message["multipleUnitUsage"] = [_used(trial, min(used_units, trial.granted))]
    _post(trial, f"{trial.address}/release", "end", message, at)
    trial.address = ""


def _door() -> str:
    chosen = options()
    if not chosen.nchf_port:
        raise NoDoor
    scheme = "https" if chosen.nchf_certificate else "http"
    return f"{scheme}://{chosen.nchf_host}:{chosen.nchf_port}/nchf-convergedcharging/v3/chargingdata"


def _trust() -> ssl.SSLContext | bool:
    """Our own door's certificate is the only one that is believed, under whatever name; in the clear there is none."""
    certificate, key = options().nchf_certificate, options().nchf_key
    if not certificate:
        return False
    context = ssl.create_default_context(cafile=certificate)
    context.check_hostname = False
    context.load_cert_chain(certificate, key)
    return context


def _message(trial: Trial, at: datetime) -> dict[str, Any]:
    return {
        "nfConsumerIdentification": {"nodeFunctionality": "SMF", "nFName": f"openboss-trial-{trial.charging_id}"},
        "invocationTimeStamp": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "invocationSequenceNumber": trial.sequence,
        "subscriberIdentifier": f"msisdn-{trial.number}",
        "chargingId": trial.charging_id,
    }


def _service(trial: Trial) -> dict[str, Any]:
    if trial.kind == "DATA":
        session = {"pduSessionID": 5, "dnnId": trial.dnn, "networkSlicingInfo": {"sNSSAI": {"sst": 1}}}
        return {"pDUSessionChargingInformation": {"pduSessionInformation": session}}
    if trial.kind == "SMS":
        sent_to = [{"recipientOtherAddress": {"sMaddressData": trial.other}}]
        return {"sMSChargingInformation": {
            "originatorInfo": {"originatorGPSI": f"msisdn-{trial.number}"}, "recipientInfo": sent_to,
            "numberofMessagesSent": 1,
        }}  # fmt: skip
    return {"iMSChargingInformation": {"roleOfNode": "ORIGINATING", "calledPartyAddress": f"tel:{trial.other}"}}


def _used(trial: Trial, used_units: int) -> dict[str, Any]:
    used = {"localSequenceNumber": trial.sequence, "totalVolume" if trial.kind == "DATA" else "time": used_units}
    return {"ratingGroup": RATING_GROUP, "usedUnitContainer": [used]}


def _post(trial: Trial, address: str, operation: str, message: dict[str, Any], at: datetime) -> httpx.Response:
    try:
        with httpx.Client(http1=False, http2=True, verify=_trust(), timeout=ANSWER_WITHIN_S) as network:
            answer = network.post(address, json=message, headers={"Authorization": f"Bearer {key_for('trial').hex()}"})
    except httpx.HTTPError as broken:
        raise NoDoor(str(broken)) from broken
    said = answer.json() if answer.content else {}
    trial.steps.append(Played(operation, at.isoformat(), answer.status_code, message, said))
    trial.sequence += 1
    granted = [one.get("grantedUnit", {}) for one in said.get("multipleUnitInformation", [])]
    trial.change_at = next((one["tariffTimeChange"] for one in granted if "tariffTimeChange" in one), "")
    trial.granted = sum(one.get("totalVolume", 0) + one.get("time", 0) for one in granted)
    return answer
