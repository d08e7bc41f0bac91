"""Messages of Nchf into requests of the engine: who, what kind of use, how much of it and when."""

import json
import random
from collections import Counter

import msgspec
import pytest

from openboss.access.network.gathering import columns_of
from openboss.access.network.nchf.answers import Refused, encode, final_unit, malformed
from openboss.access.network.nchf.node import _decode
from openboss.access.network.nchf.reading import key_of_new, request_of
from openboss.access.network.nchf.schema import ChargingDataRequest
from openboss.kernel.usage import RecordType, name_code, text_id
from openboss.modules.charging.engine.online.requests import Action, Kind

NOW_S = 1_791_165_600  # 2026-10-05 02:00 UTC
PLUS = 2 * 10**18


def read(kind: Kind = Kind.INITIAL, **said):
    message = {
        "nfConsumerIdentification": {"nodeFunctionality": "SMF", "nFPLMNID": {"mcc": "460", "mnc": "01"}},
        "invocationTimeStamp": "2026-10-05T02:00:00Z",
        "invocationSequenceNumber": 1,
        "subscriberIdentifier": "imsi-460001234500002",
        **said,
    }
    whole = msgspec.convert(message, ChargingDataRequest)
    return request_of(whole, kind, key_of_new(whole), NOW_S)


def container(place: int, *triggers: str, **units) -> dict:
    named = [{"triggerType": one, "triggerCategory": "IMMEDIATE_REPORT"} for one in triggers]
    return {"localSequenceNumber": place, "triggers": named, **units}


def test_a_data_session_is_known_by_imsi_number_access_point_network_and_moment():
    session = {"pduSessionID": 1, "dnnId": "CMNET", "servingCNPlmnId": {"mcc": "454", "mnc": "12"}}
    pdu = {
        "chargingId": 99,
        "userInformation": {"servedGPSI": "msisdn-8613900000002"},
        "pduSessionInformation": session,
    }
    request = read(pDUSessionChargingInformation=pdu)
    assert (request.record_type, request.imsi, request.served) == (
        RecordType.DATA, 460001234500002, PLUS + 8613900000002)  # fmt: skip
    assert (request.apn, request.network, request.call_ref, request.at_s) == (text_id("cmnet"), 45412, 99, NOW_S)
    late = read(pDUSessionChargingInformation=pdu, invocationTimeStamp="2026-10-05T04:00:00Z")
    assert late.at_s == 0  # a clock two hours off is not believed


@pytest.mark.parametrize(
    ("said", "imei"),
    [("imei-351756051523993", 35_175_605_152_399), ("imeisv-0017560515239901", 175_605_152_399),
     ("mac-00-11-22-33-44-55", 0), ("imei-1", 0)],
)  # fmt: skip
def test_a_handset_is_known_by_the_14_digits_of_its_pei_in_sessions_calls_and_messages(said: str, imei: int):
    kinds = [
        {"pDUSessionChargingInformation": {"userInformation": {"servedPEI": said}}},
        {"iMSChargingInformation": {"userInformation": {"servedPEI": said}}},
        {"sMSChargingInformation": {"userEquipmentInfo": said}},
    ]
    assert [read(**about).imei for about in kinds] == [imei] * 3


def test_use_is_added_up_and_apart_behind_a_change_of_the_tariff():
    usage = {
        "ratingGroup": 7,
        "requestedUnit": {"uplinkVolume": 10, "downlinkVolume": 20},
        "usedUnitContainer": [
            container(3, "QUOTA_THRESHOLD", totalVolume=50, uplinkVolume=20),
            container(1, "RAT_CHANGE", uplinkVolume=1, downlinkVolume=2),
            container(2, "TARIFF_TIME_CHANGE", totalVolume=30, time=4),
        ],
    }
    request = read(Kind.UPDATE, multipleUnitUsage=[usage])
    [ask] = request.asks
    assert (ask.used_up, ask.used_down, ask.used_s) == (1, 32, 4)
    assert (ask.after_up, ask.after_down, ask.after_s) == (20, 30, 0)
    assert (ask.is_asking, ask.want_octets, ask.is_final) == (True, 30, False)
    over = {"ratingGroup": 7, "usedUnitContainer": [container(1, "FINAL", totalVolume=5)]}
    request = read(Kind.UPDATE, multipleUnitUsage=[over])
    assert (request.asks[0].is_asking, request.asks[0].is_final) == (False, True)


def test_an_update_says_where_its_user_is_now_and_why_it_comes():
    radio = {"nrLocation": {"tai": {"plmnId": {"mcc": "460", "mnc": "00"}, "tac": "002710"}}}
    session = {"pduSessionID": 1, "dnnId": "cmnet"}
    usage = {"ratingGroup": 7, "requestedUnit": {}, "usedUnitContainer": [
        container(1, "PLMN_CHANGE", totalVolume=5), container(2, totalVolume=3)]}  # fmt: skip
    pdu = {"userLocationinfo": radio, "pduSessionInformation": session}
    request = read(Kind.UPDATE, pDUSessionChargingInformation=pdu, multipleUnitUsage=[usage])
    assert (request.network, request.tracking_area) == (46000, 0x2710)
    [ask] = request.asks
    assert (ask.used_down, ask.after_down, ask.is_changed) == (5, 3, False)  # whether it counts is seen from the place
    for trigger in ("RAT_CHANGE", "QOS_CHANGE", "UE_TIMEZONE_CHANGE", "SERVING_NODE_CHANGE"):
        one = {"ratingGroup": 7, "usedUnitContainer": [container(1, trigger, totalVolume=5)]}
        assert read(Kind.UPDATE, multipleUnitUsage=[one]).asks[0].is_changed
        whole = {"ratingGroup": 7, "usedUnitContainer": [container(1, totalVolume=5)]}
        said = [{"triggerType": trigger, "triggerCategory": "IMMEDIATE_REPORT"}]
        assert read(Kind.UPDATE, multipleUnitUsage=[whole], triggers=said).asks[0].is_changed


def test_calls_and_messages_are_told_from_their_information():
    gpsi = {"userInformation": {"servedGPSI": "msisdn-8613900000002"}}
    calling = {"callingPartyAddresses": ["tel:+8613800000001"], "calledPartyAddress": "sip:057188880001@ims.example"}
    made = read(iMSChargingInformation={"roleOfNode": "ORIGINATING", **gpsi, **calling})
    assert (made.record_type, made.other) == (RecordType.MOC, 10**18 + 57188880001)
    taken = read(iMSChargingInformation={"roleOfNode": "TERMINATING", **gpsi, **calling})
    assert (taken.record_type, taken.other) == (RecordType.MTC, PLUS + 8613800000001)
    named = {"imsChargingIdentifier": "icid-7@s-cscf", "userSessionID": "call-9@ims"}  # files have it as call_ref
    assert read(iMSChargingInformation={**gpsi, **calling, **named}).call_ref == name_code("icid-7@s-cscf")
    del named["imsChargingIdentifier"]
    assert read(iMSChargingInformation={**gpsi, **calling, **named}).call_ref == name_code("call-9@ims")
    for media, role, kind in (
        ("video 51372 RTP/AVP 31", "ORIGINATING", RecordType.VIDEO_CALL),
        ("m=video 51372 RTP/AVP 31", "ORIGINATING", RecordType.VIDEO_CALL),
        ("video 0 RTP/AVP 31", "ORIGINATING", RecordType.MOC),  # a stream that was taken away
        ("video 51372 RTP/AVP 31", "TERMINATING", RecordType.MTC),
        ("video 51372 RTP/AVP 31", "FORWARDING", RecordType.CALL_FORWARD),
    ):
        streams = [{"sDPMediaName": "audio 49170 RTP/AVP 0"}, {"sDPMediaName": media}]
        one = read(iMSChargingInformation={"roleOfNode": role, "sdpMediaComponent": streams, **gpsi, **calling})
        assert one.record_type == kind
    people = {
        "originatorInfo": {"originatorGPSI": "msisdn-8613900000002"},
        "recipientInfo": [{"recipientOtherAddress": {"sMaddressType": "NUMERIC_SHORTCODE", "sMaddressData": "10086"}}],
    }
    sent = read(sMSChargingInformation={"sMMessageType": "SUBMISSION", **people})
    assert (sent.record_type, sent.served, sent.other) == (RecordType.SMS_MO, PLUS + 8613900000002, 10086)


def test_an_event_that_is_over_says_what_it_used():
    people = {"originatorInfo": {"originatorGPSI": "msisdn-8613900000002"}}
    event = {"oneTimeEvent": True, "oneTimeEventType": "PEC", "sMSChargingInformation": people}
    wanted = {"ratingGroup": 1, "requestedUnit": {"serviceSpecificUnits": 3}}
    over = read(multipleUnitUsage=[wanted], **event)
    assert (over.kind, over.action, over.number) == (Kind.EVENT, Action.OVER, 1)
    assert (over.asks[0].used_units, over.asks[0].is_asking) == (3, False)
    now = read(multipleUnitUsage=[wanted], **{**event, "oneTimeEventType": "IEC"})
    assert (now.kind, now.action, now.asks[0].want_units) == (Kind.EVENT, Action.DEBIT, 3)


def test_a_message_sent_again_names_the_same_session_and_another_one_another():
    def key(**said) -> tuple[int, int]:
        request = read(pDUSessionChargingInformation={"chargingId": 1}, **said)
        return request.key_hi, request.key_lo

    assert key() == key(retransmissionIndicator=True)
    assert key() != key(invocationTimeStamp="2026-10-05T02:00:01Z")
    with pytest.raises(Refused) as refusal:
        read()
    assert refusal.value.problem.cause == "CHARGING_NOT_APPLICABLE"


def test_the_last_quota_ends_leads_elsewhere_or_restricts_as_the_operator_says():
    said = [msgspec.json.decode(encode(final_unit(*words))) for words in (
        (), ("REDIRECT", "https://top.up"), ("RESTRICT", "only-top-up"))]  # fmt: skip
    server = {"redirectAddressType": "URL", "redirectServerAddress": "https://top.up"}
    assert said == [
        {"finalUnitAction": "TERMINATE"},
        {"finalUnitAction": "REDIRECT", "redirectServer": server},
        {"finalUnitAction": "RESTRICT_ACCESS", "filterId": "only-top-up"},
    ]


def bodies() -> dict[Kind, bytes]:
    """What is said first, in between and last."""
    said = {
        "nfConsumerIdentification": {"nodeFunctionality": "SMF"},
        "invocationTimeStamp": "2026-10-05T02:00:00Z",
        "invocationSequenceNumber": 1,
        "subscriberIdentifier": "imsi-460001234500002",
        "pDUSessionChargingInformation": {"chargingId": 1, "pduSessionInformation": {"pduSessionID": 1, "dnnId": "x"}},
    }
    radio = {"nrLocation": {"tai": {"plmnId": {"mcc": "460", "mnc": "00"}, "tac": "002710"}}}
    between = [container(1, "TARIFF_TIME_CHANGE", totalVolume=5, uplinkVolume=2), container(2, totalVolume=3)]
    usages = {
        Kind.INITIAL: {"ratingGroup": 7, "requestedUnit": {"totalVolume": 10}},
        Kind.UPDATE: {"ratingGroup": 7, "requestedUnit": {}, "usedUnitContainer": between},
        Kind.TERMINATION: {"ratingGroup": 7, "usedUnitContainer": [container(1, "FINAL", totalVolume=5, time=3)]},
    }
    said["triggers"] = [{"triggerType": "RAT_CHANGE", "triggerCategory": "IMMEDIATE_REPORT"}]
    said["pDUSessionChargingInformation"]["userLocationinfo"] = radio
    return {kind: json.dumps({**said, "multipleUnitUsage": [usage]}).encode() for kind, usage in usages.items()}


@pytest.mark.parametrize("messages", [10_000, pytest.param(1_000_000, marks=pytest.mark.soak)])
def test_spoiled_messages_are_read_or_refused_with_a_problem(messages):
    """Creates, updates and releases in turn."""
    chance, good = random.Random(20261122), list(bodies().items())
    signs, taken, refused = b'{}[]",:0123456789-.eE\\\xff\x00imsi', Counter(), Counter()
    for number in range(messages):
        kind, body = good[number % len(good)]
        data = bytearray(body)
        for _spoil in range(chance.randint(1, 3)):
            data[chance.randrange(len(data))] = chance.choice(signs)
        try:
            message = _decode(data)
            request = request_of(message, kind, key_of_new(message), NOW_S)
        except Refused:
            refused[kind] += 1
        except (msgspec.DecodeError, UnicodeDecodeError) as fault:
            assert malformed(fault).problem.status == 400
            refused[kind] += 1
        else:
            columns_of([request])
            taken[kind] += 1
    assert all(min(taken[kind], refused[kind]) > messages // 60 for kind, _body in good)


def test_parts_of_a_long_message_and_messages_of_one_second_are_told_apart_and_each_sent_again_is_known():
    people = {"originatorInfo": {"originatorGPSI": "msisdn-8613900000002"},
              "recipientInfo": [{"recipientGPSI": "msisdn-8613900000001"}]}  # fmt: skip
    part = {"messageReference": "2", "sMSequenceNumber": 1}
    differing = ({}, {"messageReference": "1"}, {"messageReference": "2"}, part, {**part, "sMSequenceNumber": 2},
                 {"sMUserDataHeader": "050003070201"}, {"sMUserDataHeader": "050003070202"}, {"messageSize": 140},
                 {"messageSize": 7})  # fmt: skip
    event = {"oneTimeEvent": True, "oneTimeEventType": "IEC", "invocationSequenceNumber": 0}
    messages = [{**event, "sMSChargingInformation": {**people, **more}} for more in differing]
    keys = [[(one.key_hi, one.key_lo) for one in (read(**message), read(**message))] for message in messages]
    assert all(first == again for first, again in keys)
    assert len({first for first, _again in keys}) == len(differing)


def test_who_wants_as_much_as_there_may_be_wants_what_can_be_granted_and_a_debit_of_it_is_refused():
    much = {"ratingGroup": 7, "requestedUnit": {"time": 2**32 - 1, "totalVolume": 2**64 - 1}}
    [ask] = read(Kind.UPDATE, multipleUnitUsage=[much]).asks
    assert (ask.want_s, ask.want_octets) == (2**30 - 1, 2**50)
    with pytest.raises(Refused) as refused:
        read(multipleUnitUsage=[much], oneTimeEvent=True)
    assert (refused.value.problem.status, refused.value.problem.cause) == (400, "CHARGING_FAILED")


def test_data_whose_use_is_said_in_seconds_alone_are_refused_and_nothing_used_is_no_such_thing():
    pdu = {"pDUSessionChargingInformation": {"pduSessionInformation": {"pduSessionID": 1, "dnnId": "cmnet"}}}

    def told(about: dict, **units: int):
        usage = {"ratingGroup": 7, "usedUnitContainer": [container(1, **units)]}
        return read(Kind.UPDATE, multipleUnitUsage=[usage], **about).asks[0]

    with pytest.raises(Refused) as refused:
        told(pdu, time=600)
    assert (refused.value.problem.status, refused.value.problem.cause) == (400, "RATING_FAILED")
    assert (told(pdu, time=600, totalVolume=0).used_s, told(pdu, time=0).used_s) == (600, 0)
    assert told({}, time=600).used_s == 600  # a call


@pytest.mark.parametrize(
    "used",
    [
        [[{"totalVolume": 2**50}, {"totalVolume": 1}]],
        [[{"uplinkVolume": 2**50}], [{"uplinkVolume": 1}]],
        [[{"time": 2**30 - 1}, {"time": 1}]],
        [[{"serviceSpecificUnits": 2**29}], [{"serviceSpecificUnits": 2**29}]],
    ],
)
def test_a_group_that_used_more_than_can_be_all_in_all_is_refused_however_it_is_said(used):
    def told(groups: list[int]):
        usages = [{"ratingGroup": group, "usedUnitContainer": [container(1, **one) for one in mine]}
                  for group, mine in zip(groups, used, strict=True)]  # fmt: skip
        return read(Kind.UPDATE, multipleUnitUsage=usages)

    with pytest.raises(Refused) as refused:
        told([7] * len(used))
    assert (refused.value.problem.status, refused.value.problem.title) == (400, "A value is impossible.")
    if len(used) > 1:
        assert len(told([7, 8]).asks) == 2  # two groups may


def test_a_post_event_that_names_a_service_twice_cannot_be_for_more_than_can_be():
    people = {"originatorInfo": {"originatorGPSI": "msisdn-8613900000002"}}
    half = {"ratingGroup": 1, "requestedUnit": {"serviceSpecificUnits": 2**29}}
    with pytest.raises(Refused):
        read(oneTimeEvent=True, oneTimeEventType="PEC", sMSChargingInformation=people, multipleUnitUsage=[half, half])


def test_a_message_has_the_name_it_will_have_when_more_is_read_of_messages():
    """What is not set counts for nothing: so a message sent again across an upgrade is known."""
    people = {"originatorInfo": {"originatorGPSI": "msisdn-8613900000002"}, "messageReference": "1"}
    request = read(oneTimeEvent=True, sMSChargingInformation=people)
    assert f"{request.key_hi:016x}{request.key_lo:016x}" == "6bcee428ce875e5267fddfb9f4554dda"
