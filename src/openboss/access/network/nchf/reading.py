"""Messages of Nchf into requests of the engine. Source: TS 32.290, 32.255 (data), 32.274 (SMS), 32.260 (IMS)."""

from __future__ import annotations

import hashlib
import re

import msgspec

from openboss.access.network.gathering import PLUS, Ask, Request, coded
from openboss.access.network.nchf.answers import Refused, refusal_of
from openboss.access.network.nchf.schema import (
    ChargingDataRequest,
    ImsCharging,
    MultipleUnitUsage,
    PduSessionCharging,
    SmsCharging,
    UsedUnitContainer,
)
from openboss.kernel.usage import RecordType, name_code, text_id
from openboss.modules.charging.engine.online.requests import (
    BELIEVED_S,
    MOST_COUNTED,
    MOST_OCTETS,
    REMEMBERED_S,
    Action,
    Kind,
    Result,
)
from openboss.modules.charging.handsets import imei_of

POST_EVENT = "PEC"
_VIDEO = re.compile(r"(?:m=)?video(?! +0(?: |$))", re.IGNORECASE)  # a line of SDP; port 0: no such stream
# triggers that end a record whatever its user's place: a move counts where the user is elsewhere for the tariff
OTHERWISE = frozenset(("QOS_CHANGE", "RAT_CHANGE", "UE_TIMEZONE_CHANGE", "SERVING_NODE_CHANGE", "SESSION_AMBR_CHANGE"))
CHANGES = OTHERWISE | {"PLMN_CHANGE", "TAI_CHANGE", "USER_LOCATION_CHANGE", "TARIFF_TIME_CHANGE"}


def key_of_new(message: ChargingDataRequest) -> str:
    """Name the session a first request opens, so that the same request sent again names the same one.

    Short messages of one second differ by their references and numbers (all that is read of them, TS 32.274). What is
    not set counts for nothing: a message that is sent again after we have learnt to read more of it is known too.
    """
    who, session = message.consumer, message.pdu.session if message.pdu else None
    said = {
        "name": who.name, "fqdn": who.fqdn, "ipv4": who.ipv4, "ipv6": who.ipv6,
        "subscriber": message.subscriber_identifier, "charging_id": _charging_id(message),
        "session_id": session.session_id if session else None, "at": message.invocation_time_stamp,
        "number": message.invocation_sequence_number, "is_event": message.one_time_event,
        "usage": message.multiple_unit_usage, "sms": message.sms, "ims": message.ims,
    }  # fmt: skip
    set_ones = {name: value for name, value in said.items() if value is not None}
    return hashlib.blake2b(msgspec.json.encode(set_ones, order="sorted"), digest_size=16).hexdigest()


def request_of(message: ChargingDataRequest, kind: Kind, key: str, now_s: int) -> Request:
    """Make the request of a message. Raises Refused.

    An event that is over is charged even if there is no money left, as the end of a session is.
    """
    asks = [_ask_of(usage, is_debit=message.one_time_event) for usage in message.multiple_unit_usage]
    _check_used(asks)
    if message.pdu is not None and is_timed(message):
        raise no_octets()
    request = Request(
        key_hi=int(key[:16], 16),
        key_lo=int(key[16:], 16),
        kind=kind,
        number=message.invocation_sequence_number,
        record_type=RecordType.DATA,
        at_s=_believed(message, now_s),
        call_ref=_charging_id(message),
        imei=_handset(message),
        is_repeated=message.retransmission_indicator,
        asks=asks,
    )
    if kind in (Kind.UPDATE, Kind.TERMINATION):
        _locate(message, request)
        if any(one.trigger_type in OTHERWISE for one in message.triggers):
            for ask in asks:
                ask.is_changed = True
        return request
    _describe(message, request)
    if not message.one_time_event:
        return request
    if not asks:
        asks.append(Ask(want_units=message.sms.messages if message.sms else 1))
    request.kind, request.action = Kind.EVENT, Action.DEBIT
    if message.one_time_event_type == POST_EVENT:
        request.action = Action.OVER
        for ask in asks:
            _take_as_used(ask)
        _check_used(asks)
    return request


def _believed(message: ChargingDataRequest, now_s: int) -> int:
    """The moment a message says if its clock can be right, else 0; an event that is sent again may be of long ago."""
    at_s = int(message.invocation_time_stamp.timestamp())
    is_late = message.one_time_event and message.retransmission_indicator and at_s < now_s - REMEMBERED_S
    return at_s if abs(at_s - now_s) <= BELIEVED_S or is_late else 0


def _can_be(ask: Ask) -> bool:
    """Whether as much as an ask wants can be granted at all."""
    return max(ask.want_s, ask.want_units) <= MOST_COUNTED and ask.want_octets <= MOST_OCTETS


def _ask_of(usage: MultipleUnitUsage, *, is_debit: bool = False) -> Ask:
    """Read what was used of a service and what is wanted. Raises Refused.

    Who wants more than can be granted wants as much as can be; a debit of it cannot be carried out.
    """
    ask = Ask(rating_group=usage.rating_group)
    if usage.requested_unit is not None:
        wanted = usage.requested_unit
        ask.is_asking = True
        ask.want_s, ask.want_units = wanted.time, wanted.service_specific_units
        ask.want_octets = max(wanted.total_volume, wanted.uplink_volume + wanted.downlink_volume)
        if not _can_be(ask):
            if is_debit:
                raise refusal_of(Result.INVALID_VALUE)  # carried out whole or not
            ask.want_s, ask.want_units = min(ask.want_s, MOST_COUNTED), min(ask.want_units, MOST_COUNTED)
            ask.want_octets = min(ask.want_octets, MOST_OCTETS)
    if usage.used_unit_container:
        containers = usage.used_unit_container
        if len(containers) > 1:
            containers = sorted(containers, key=lambda one: one.local_sequence_number)
        _add_use(ask, containers)
        ask.is_final = not ask.is_asking and any(one.trigger_type == "FINAL" for one in containers[-1].triggers)
    return ask


def _add_use(ask: Ask, containers: list[UsedUnitContainer]) -> None:
    """Add up what was used, apart before and after the last change of the tariff or of circumstances."""
    before = len(containers)
    for place, used in enumerate(containers, 1):
        for trigger in used.triggers:
            if trigger.trigger_type in CHANGES:
                before = place
                ask.is_changed |= trigger.trigger_type in OTHERWISE
    for used in containers[:before]:
        up, down = _octets_of(used)
        ask.used_s += used.time
        ask.used_units += used.service_specific_units
        ask.used_up, ask.used_down = ask.used_up + up, ask.used_down + down
    for used in containers[before:]:
        up, down = _octets_of(used)
        ask.after_s += used.time
        ask.after_units += used.service_specific_units
        ask.after_up, ask.after_down = ask.after_up + up, ask.after_down + down


def _check_used(asks: list[Ask]) -> None:
    """See that no service used more than can be, all in all: a group may be named twice. Raises Refused."""
    for group in {ask.rating_group for ask in asks}:
        mine = [ask for ask in asks if ask.rating_group == group]
        up, down = sum(one.used_up + one.after_up for one in mine), sum(one.used_down + one.after_down for one in mine)
        units, seconds = (
            sum(one.used_units + one.after_units for one in mine),
            sum(one.used_s + one.after_s for one in mine),
        )
        if max(up, down) > MOST_OCTETS or max(units, seconds) > MOST_COUNTED:
            raise refusal_of(Result.INVALID_VALUE)


def _octets_of(used: UsedUnitContainer) -> tuple[int, int]:
    """What was sent and received; a total without its parts counts as received."""
    up = used.uplink_volume or 0
    return up, max(used.downlink_volume or 0, (used.total_volume or 0) - up)


def no_octets() -> Refused:
    """Refuse use of data that is said in seconds alone (`is_timed`)."""
    return Refused(
        400, "RATING_FAILED", "The use of a data session is said in seconds alone: in octets it has a price."
    )


def is_timed(message: ChargingDataRequest) -> bool:
    """Whether use of a group is said in seconds alone: not even that no octets were used."""
    for usage in message.multiple_unit_usage:
        said = usage.used_unit_container
        volumes = [volume for one in said for volume in (one.total_volume, one.uplink_volume, one.downlink_volume)]
        if any(one.time for one in said) and all(volume is None for volume in volumes):
            return True
    return False


def _take_as_used(ask: Ask) -> None:
    """An event that is over used what it says; if it says nothing of use, what it would have asked for."""
    if not (ask.used_s or ask.used_up or ask.used_down or ask.used_units):
        ask.used_s, ask.used_down, ask.used_units = ask.want_s, ask.want_octets, ask.want_units
    ask.is_asking = False


def _charging_id(message: ChargingDataRequest) -> int:
    return message.charging_id or (message.pdu.charging_id if message.pdu else 0)


def _describe(message: ChargingDataRequest, request: Request) -> None:
    """Say who is served and what kind of use it is. Raises Refused."""
    _identify(request, message.subscriber_identifier)
    _locate(message, request)
    if message.pdu is not None:
        _data(message.pdu, request)
    elif message.sms is not None:
        _short_message(message.sms, request)
    elif message.ims is not None:
        _call(message.ims, request)
    else:
        raise Refused(403, "CHARGING_NOT_APPLICABLE", "Only data sessions, short messages and calls are charged here.")
    if request.served == 0 and request.imsi == 0:
        raise Refused(404, "USER_UNKNOWN", "Neither an IMSI nor a telephone number says who is served.")


def _identify(request: Request, *identities: str | None) -> None:
    """Take the IMSI or the number out of a SUPI or GPSI."""
    for identity in identities:
        kind, _, digits = (identity or "").partition("-")
        if not (digits.isascii() and digits.isdecimal() and 5 <= len(digits) <= 15):
            continue
        if kind == "imsi":
            request.imsi = int(digits)
        elif kind == "msisdn":
            request.served = PLUS + int(digits)


def _handset(message: ChargingDataRequest) -> int:
    """Read which handset it is, out of a PEI; 0 = not said."""
    about = (message.pdu and message.pdu.user) or (message.ims and message.ims.user)
    said = (about and about.pei) or (message.sms and message.sms.equipment) or ""
    kind, _, digits = said.partition("-")
    return imei_of(digits) if kind in ("imei", "imeisv") else 0


def _data(pdu: PduSessionCharging, request: Request) -> None:
    request.record_type = RecordType.DATA
    _identify(request, pdu.user.gpsi if pdu.user else None)
    if pdu.session is None:
        return
    request.apn = text_id(pdu.session.dnn)


def _locate(message: ChargingDataRequest, request: Request) -> None:
    """Say in which network, and in which tracking area of it, the user is."""
    pdu = message.pdu
    session, where = (pdu.session, pdu.location) if pdu else (None, None)
    serving = session.serving_function if session else None
    radio = (where.nr_location or where.eutra_location) if where else None
    plmn = (session and session.serving_plmn) or (serving and serving.information.plmn)
    plmn = plmn or (radio and radio.tai.plmn_id) or (message.consumer.plmn if request.kind == Kind.INITIAL else None)
    request.network = int(plmn.mcc + plmn.mnc) if plmn else 0
    request.tracking_area = int(radio.tai.tac, 16) if radio else 0


def _short_message(sms: SmsCharging, request: Request) -> None:
    sender, first = sms.originator, sms.recipients[0] if sms.recipients else None
    is_received = sms.message_type == "DELIVERY"
    request.record_type = RecordType.SMS_MT if is_received else RecordType.SMS_MO
    served, other = (first, sender) if is_received else (sender, first)
    if served is not None:
        _identify(request, served.supi, served.gpsi)
    if other is not None:
        number = (other.gpsi or "").removeprefix("msisdn-")
        address = other.address.data if other.address else ""
        request.other = coded(f"+{number}") or coded(address)


def _call(ims: ImsCharging, request: Request) -> None:
    request.call_ref = name_code(ims.charging_id or ims.call_id) or request.call_ref
    _identify(request, ims.user.gpsi if ims.user else None)
    is_received = ims.role == "TERMINATING"
    request.record_type = RecordType.MTC if is_received else RecordType.MOC  # whoever is called pays for no picture
    if not is_received and any(_VIDEO.match(one.media_name) for one in ims.media):
        request.record_type = RecordType.VIDEO_CALL
    if ims.role == "FORWARDING":
        request.record_type = RecordType.CALL_FORWARD
    request.other = coded(ims.calling[0]) if is_received and ims.calling else coded(ims.called)
