"""Messages of Nchf_ConvergedCharging: what is read of a request and what an answer holds.

A field that is not here is not read; one that is must be as TS 32.291 and TS 29.571 have it, or the message is
refused and the field named. Numbers are bounded more tightly than in the standard where nothing real is that large.
"""

from datetime import datetime
from typing import Annotated, Any

from msgspec import Meta, Struct, field

from openboss.access.network.gathering import MOST_ASKS
from openboss.modules.charging.engine.online.requests import MOST_COUNTED, MOST_OCTETS

Uint32 = Annotated[int, Meta(ge=0, le=2**32 - 1)]
Counted = Annotated[int, Meta(ge=0, le=MOST_COUNTED)]
Octets = Annotated[int, Meta(ge=0, le=MOST_OCTETS)]
Wanted = Annotated[int, Meta(ge=0)]
Moment = Annotated[datetime, Meta(tz=True)]
Text = Annotated[str, Meta(max_length=512)]
Identity = Annotated[str, Meta(min_length=1, max_length=256)]


class Lenient(Struct, rename="camel", gc=False, omit_defaults=True):
    """A part of a message. Written again, it says what was said: a field that is not set is not there."""


class PlmnId(Lenient):
    """A mobile network: country and network code."""

    mcc: Annotated[str, Meta(pattern=r"^[0-9]{3}$")]
    mnc: Annotated[str, Meta(pattern=r"^[0-9]{2,3}$")]


class NfIdentification(Lenient):
    """The network function that asks."""

    node_functionality: Identity
    name: Text | None = field(default=None, name="nFName")
    plmn: PlmnId | None = field(default=None, name="nFPLMNID")
    fqdn: Text | None = field(default=None, name="nFFqdn")
    ipv4: Text | None = field(default=None, name="nFIPv4Address")
    ipv6: Text | None = field(default=None, name="nFIPv6Address")


class Trigger(Lenient):
    """Why use is reported."""

    trigger_category: Identity
    trigger_type: Text = ""


class RequestedUnit(Lenient):
    """How much is wanted; nothing said: as much as the operator gives."""

    time: Wanted = 0
    total_volume: Wanted = 0
    uplink_volume: Wanted = 0
    downlink_volume: Wanted = 0
    service_specific_units: Wanted = 0


class UsedUnitContainer(Lenient):
    """What was used."""

    local_sequence_number: int
    time: Counted = 0
    total_volume: Octets | None = None
    uplink_volume: Octets | None = None
    downlink_volume: Octets | None = None
    service_specific_units: Counted = 0
    triggers: list[Trigger] = []
    trigger_timestamp: Moment | None = None


class MultipleUnitUsage(Lenient):
    """A rating group: what was used of it and what is wanted."""

    rating_group: Uint32
    requested_unit: RequestedUnit | None = None
    used_unit_container: list[UsedUnitContainer] = []


class UserInformation(Lenient):
    """Who is served."""

    gpsi: Identity | None = field(default=None, name="servedGPSI")
    pei: Identity | None = field(default=None, name="servedPEI")


class ServingFunction(Lenient):
    """The function that serves a session."""

    information: NfIdentification = field(name="servingNetworkFunctionInformation")


class PduSessionInformation(Lenient):
    """A data session."""

    session_id: Annotated[int, Meta(ge=0, le=255)] = field(name="pduSessionID")
    dnn: Annotated[str, Meta(max_length=255)] = field(name="dnnId")
    rat_type: Text | None = None
    serving_function: ServingFunction | None = field(default=None, name="servingNetworkFunctionID")
    serving_plmn: PlmnId | None = field(default=None, name="servingCNPlmnId")


class Tai(Lenient):
    """A tracking area of a mobile network."""

    plmn_id: PlmnId
    tac: Annotated[str, Meta(pattern=r"^([A-Fa-f0-9]{4}|[A-Fa-f0-9]{6})$")]


class Location(Lenient):
    """Where a user is, seen by one kind of radio."""

    tai: Tai


class UserLocation(Lenient):
    """Where a user is."""

    nr_location: Location | None = None
    eutra_location: Location | None = None


class PduSessionCharging(Lenient):
    """What a session function knows of a data session."""

    charging_id: Uint32 = 0
    location: UserLocation | None = field(default=None, name="userLocationinfo")
    user: UserInformation | None = field(default=None, name="userInformation")
    session: PduSessionInformation | None = field(default=None, name="pduSessionInformation")


class SmAddress(Lenient):
    """An address of a short message."""

    data: Text = field(default="", name="sMaddressData")


class Originator(Lenient):
    """Who sent a short message."""

    supi: Identity | None = field(default=None, name="originatorSUPI")
    gpsi: Identity | None = field(default=None, name="originatorGPSI")
    address: SmAddress | None = field(default=None, name="originatorOtherAddress")


class Recipient(Lenient):
    """Who gets a short message."""

    supi: Identity | None = field(default=None, name="recipientSUPI")
    gpsi: Identity | None = field(default=None, name="recipientGPSI")
    address: SmAddress | None = field(default=None, name="recipientOtherAddress")


class SmsCharging(Lenient):
    """A short message."""

    originator: Originator | None = field(default=None, name="originatorInfo")
    recipients: list[Recipient] = field(default=[], name="recipientInfo")
    message_type: Text = field(default="SUBMISSION", name="sMMessageType")
    messages: Counted = field(default=1, name="numberofMessagesSent")
    equipment: Identity | None = field(default=None, name="userEquipmentInfo")
    reference: Text | None = field(default=None, name="messageReference")
    part: Uint32 | None = field(default=None, name="sMSequenceNumber")
    header: Text | None = field(default=None, name="sMUserDataHeader")
    size: Uint32 | None = field(default=None, name="messageSize")


class MediaComponent(Lenient):
    """One stream of a call, as the media line of its SDP says."""

    media_name: Text = field(default="", name="sDPMediaName")


class ImsCharging(Lenient):
    """A call or another session of the IMS."""

    role: Text = field(default="ORIGINATING", name="roleOfNode")
    user: UserInformation | None = field(default=None, name="userInformation")
    calling: list[Text] = field(default=[], name="callingPartyAddresses")
    called: Text = field(default="", name="calledPartyAddress")
    media: list[MediaComponent] = field(default=[], name="sdpMediaComponent")
    charging_id: Text = field(default="", name="imsChargingIdentifier")
    call_id: Text = field(default="", name="userSessionID")


class ChargingDataRequest(Lenient):
    """What a network function asks (ChargingDataRequest)."""

    consumer: NfIdentification = field(name="nfConsumerIdentification")
    invocation_time_stamp: Moment
    invocation_sequence_number: Uint32
    subscriber_identifier: Identity | None = None
    charging_id: Uint32 = 0
    retransmission_indicator: bool = False
    one_time_event: bool = False
    one_time_event_type: Text = "IEC"
    notify_uri: Annotated[str, Meta(pattern=r"^https?://[!-~]{1,1000}$")] | None = None
    multiple_unit_usage: Annotated[list[MultipleUnitUsage], Meta(max_length=MOST_ASKS)] = []
    triggers: list[Trigger] = []
    pdu: PduSessionCharging | None = field(default=None, name="pDUSessionChargingInformation")
    sms: SmsCharging | None = field(default=None, name="sMSChargingInformation")
    ims: ImsCharging | None = field(default=None, name="iMSChargingInformation")
    mmtel: dict[str, Any] | None = field(default=None, name="mMTelChargingInformation")


class Said(Struct, rename="camel", omit_defaults=True, gc=False):
    """A part of an answer."""


class GrantedUnit(Said):
    """What may be used."""

    tariff_time_change: str | None = None
    time: int | None = None
    total_volume: int | None = None
    service_specific_units: int | None = None


class RedirectServer(Said):
    """Where a service is led."""

    redirect_address_type: str
    redirect_server_address: str


class FinalUnitIndication(Said):
    """What follows when it is used up."""

    final_unit_action: str
    filter_id: str | None = None
    redirect_server: RedirectServer | None = None


class ArmedTrigger(Said):
    """When the network shall come again."""

    trigger_type: str
    trigger_category: str


class MultipleUnitInformation(Said):
    """How a rating group fared."""

    rating_group: int
    result_code: str
    granted_unit: GrantedUnit | None = None
    triggers: tuple[ArmedTrigger, ...] = ()
    validity_time: int | None = None
    quota_holding_time: int | None = None
    final_unit_indication: FinalUnitIndication | None = None
    time_quota_threshold: int | None = None
    volume_quota_threshold: int | None = None
    unit_quota_threshold: int | None = None


class ChargingDataResponse(Said):
    """What a network function is answered."""

    invocation_time_stamp: str
    invocation_sequence_number: int
    session_failover: str | None = None
    multiple_unit_information: list[MultipleUnitInformation] = []


class InvalidParam(Said):
    """A field that is missing or wrong, as a JSON pointer."""

    param: str
    reason: str


class ProblemDetails(Said):
    """Why a request came to nothing."""

    title: str
    status: int
    cause: str
    detail: str | None = None
    invalid_params: list[InvalidParam] = []


class ChargingNotifyRequest(Said):
    """What we tell a network function: REAUTHORIZATION or ABORT_CHARGING."""

    notification_type: str
