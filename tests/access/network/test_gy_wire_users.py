"""Who pays for what over Diameter Gy: users known by number, card or address, whoever nobody knows; kinds of use."""

import numpy as np
import polars as pl
import pytest
from diameter.message.avp.grouped import (
    ImsInformation,
    MmsInformation,
    MultipleServicesCreditControl,
    RecipientAddress,
    RecipientInfo,
    RequestedServiceUnit,
    SdpMediaComponent,
    ServiceInformation,
    SmsInformation,
    UsedServiceUnit,
    VcsInformation,
)
from tests.access.network.gy_exchanges import call_to
from tests.access.network.gy_world import (
    DATA,
    EVENT,
    INITIAL,
    MB,
    NOBODY,
    TERMINATION,
    UPDATE,
    VOICE,
    last,
    of,
    service,
)
from tests.modules.charging.engine.conftest import image, local_s

from openboss.access.network.diameter.values import coded_number
from openboss.kernel.usage import RecordType
from openboss.modules.charging.functions.engine import image_payload

OTHER = "+8613900719998"
IMS = "ims.mnc000.mcc460.3gppnetwork.org"


@pytest.mark.parametrize(
    "known_as",
    [["0:{number}"], ["1:{imsi}"], ["2:sip:+{number}@" + IMS], ["2:sip:+{number}@" + IMS + ";user=phone"],
     ["2:sips:+{number};phone-context=x@" + IMS], ["2:tel:+{number}"], ["1:{imsi}", "0:{number}", "2:tel:+{number}"],
     ["2:sip:+{number}@" + IMS, "1:{imsi}"], ["2:sip:somebody@" + IMS, "1:{imsi}"], ["1:460009999999999", "0:{number}"],
     ["0:{number}", "2:sip:+8613900719999@" + IMS], ["2:sip:+8613900719999@" + IMS, "0:{number}"]],
)  # fmt: skip
def test_whoever_a_network_names_by_number_card_or_address_pays(gy, known_as):
    user = gy.new_user(10_000)
    said = [one.format(number=user.number, imsi=user.imsi).split(":", 1) for one in known_as]
    session = gy.session(known_as=[(int(kind), data) for kind, data in said])
    assert session.ask(INITIAL, service(100)).result_code == 2001
    session.ask(TERMINATION, last(100, {"cc_total_octets": MB}))
    assert gy.wallet(user) == (9_710, 0)
    assert gy.detail(user)["served_number"].to_list() == [user.number]


def test_a_number_is_read_as_networks_write_it():
    international = 2 * 10**18 + 8613900000002
    read = {
        "+8613900000002": international, "tel:+86-139.0000-0002": international, "tel:+86(139)00000002": international,
        "sip:+8613900000002@" + IMS: international, "sips:+8613900000002;user=phone@x": international,
        "008613900000002": international, "tel:057188880000": 10**18 + 57188880000, "sip:13900000002@x": 13900000002,
        "10086": 10086, "sip:somebody@" + IMS: 0, "+": 0, "": 0, "12345678901234567": 0, "139a": 0,
    }  # fmt: skip
    for text, number in read.items():
        data = np.frombuffer(text.encode(), np.uint8)
        assert coded_number(data, 0, len(data), False) == number, text
    data = np.frombuffer(b"8613900000002", np.uint8)
    assert coded_number(data, 0, len(data), True) == international


@pytest.mark.parametrize(
    "known_as",
    [[NOBODY], [(1, "460009999999999")], [(2, "sip:+8613900719999@" + IMS)], [(2, "tel:+8613900719999")],
     [(2, "sip:somebody@" + IMS)], []],
)  # fmt: skip
def test_whoever_nobody_knows_is_refused_and_nothing_is_begun(gy, known_as):
    before = gy.engine.owner.state.digest()
    session = gy.session(known_as=known_as)
    answer = session.ask(INITIAL, service(100))
    assert (answer.result_code, answer.multiple_services_credit_control) == (5030, [])
    assert session.ask(UPDATE, service(100)).result_code == 5002
    assert gy.engine.owner.state.digest() == before


def test_a_card_pays_from_the_minute_it_is_given_on_and_the_old_one_no_more(gy):
    user = gy.new_user(10_000)
    changed = image({user.subscriber_id: {"number": user.number}})
    since, swapped, last_s = local_s("2000-01-01"), local_s("2026-10-05 09:00:00"), local_s("2099-01-01")
    cards = [(user.imsi, user.subscriber_id, since, swapped), (user.imsi + 500, user.subscriber_id, swapped, last_s)]
    cards = pl.DataFrame(cards, schema=changed.imsis.schema, orient="row")
    gy.engine.order("IMAGE", **image_payload(changed._replace(imsis=cards)))

    def opened(at: str, imsi: int) -> int:
        gy.at(f"2026-10-05 {at}")
        session = gy.session(known_as=[(1, str(imsi))])
        result = session.ask(INITIAL, service(100)).result_code
        session.ask(TERMINATION, last(100))
        return result

    assert [opened("08:59:59", user.imsi), opened("08:59:59", user.imsi + 500)] == [2001, 5030]
    assert [opened("09:00:00", user.imsi), opened("09:00:00", user.imsi + 500)] == [5030, 2001]


def ims(role: int, *media: str, forwards: int | None = None) -> ServiceInformation:
    """A call as IMS tells of it: who is served (caller, called, forwarding), and its streams."""
    streams = [SdpMediaComponent(sdp_media_name=name) for name in media]
    call = ImsInformation(role_of_node=role, calling_party_address=[f"tel:{OTHER}"],
                          called_party_address=f"tel:{OTHER}", sdp_media_component=streams)  # fmt: skip
    circuit = VcsInformation(forwarding_pending=forwards) if forwards is not None else None
    return ServiceInformation(ims_information=call, vcs_information=circuit)


def text() -> ServiceInformation:
    to = RecipientAddress(address_type=1, address_data=OTHER)
    return ServiceInformation(sms_information=SmsInformation(recipient_info=[RecipientInfo(recipient_address=[to])]))


def picture_message() -> ServiceInformation:
    to = RecipientAddress(address_type=1, address_data=OTHER)
    return ServiceInformation(mms_information=MmsInformation(recipient_address=[to]))


AUDIO, PICTURE, ENDED = "m=audio 49170 RTP/AVP 0", "m=video 51372 RTP/AVP 31", "m=video 0 RTP/AVP 31"
MINUTE, MESSAGE = {"cc_time": 60}, {"cc_service_specific_units": 1}


@pytest.mark.parametrize(
    ("context", "about", "used", "kind", "costs_li"),
    [
        ("32260@3gpp.org", ims(0, AUDIO), MINUTE, RecordType.MOC, 400),
        ("32260@3gpp.org", ims(0, AUDIO, PICTURE), MINUTE, RecordType.VIDEO_CALL, 600),
        ("32260@3gpp.org", ims(0, "VIDEO 51372 RTP/AVP 31", AUDIO), MINUTE, RecordType.VIDEO_CALL, 600),
        ("32260@3gpp.org", ims(0, AUDIO, ENDED), MINUTE, RecordType.MOC, 400),
        ("32260@3gpp.org", ims(1, AUDIO, PICTURE), MINUTE, RecordType.MTC, 400),  # as any received call here
        ("32260@3gpp.org", ims(2, AUDIO, PICTURE), MINUTE, RecordType.CALL_FORWARD, 400),
        ("32276@3gpp.org", ims(0), MINUTE, RecordType.MOC, 400),
        ("32276@3gpp.org", ims(1), MINUTE, RecordType.MTC, 400),
        ("32276@3gpp.org", ims(1, forwards=0), MINUTE, RecordType.MTC, 400),
        ("32276@3gpp.org", ims(1, forwards=1), MINUTE, RecordType.CALL_FORWARD, 400),
        ("32274@3gpp.org", text(), MESSAGE, RecordType.SMS_MO, 100),
        ("32270@3gpp.org", picture_message(), MESSAGE, RecordType.MMS, 300),
    ],
)
def test_what_is_used_is_what_its_context_role_and_streams_say_and_costs_that(gy, context, about, used, kind, costs_li):
    user = gy.new_user(10_000)
    session = gy.session(user, context, service_information=about)
    assert session.ask(INITIAL, service(1)).result_code == 2001
    session.ask(TERMINATION, last(1, used))
    row = gy.detail(user).row(0, named=True)
    assert (row["record_type"], row["other_number"], gy.wallet(user)) == (kind, 8613900719998, (10_000 - costs_li, 0))


def test_a_video_call_of_61_s_costs_1_20_over_gy_and_is_priced_in_the_tariff_alone(gy):
    user = gy.new_user(10_000)
    session = gy.session(user, "32260@3gpp.org", service_information=ims(0, AUDIO, PICTURE))
    granted = of(session.ask(INITIAL, service(1)))[1]
    assert granted.granted_service_unit.cc_time == 60
    session.ask(UPDATE, service(1, MINUTE))
    session.ask(TERMINATION, last(1, {"cc_time": 1}))
    assert gy.wallet(user) == (8_800, 0)


# --- amounts beyond what can be ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("context", "wants", "granted"),
    [(VOICE, {"cc_time": 2**32 - 1}, {"cc_time": 60}), (DATA, {"cc_total_octets": 2**63}, {"cc_total_octets": 10 * MB}),
     (DATA, {"cc_total_octets": 2**64 - 1}, {"cc_total_octets": 10 * MB})],
)  # fmt: skip
def test_who_wants_as_much_as_there_may_be_is_granted_what_others_are(gy, context, wants, granted):
    user = gy.new_user(10_000)
    about = {"service_information": call_to(OTHER)} if context == VOICE else {}
    answer = gy.session(user, context, **about).ask(INITIAL, service(100, wants=wants))
    unit = of(answer)[100].granted_service_unit
    assert (answer.result_code, {name: getattr(unit, name) for name in granted}) == (2001, granted)


@pytest.mark.parametrize("used", [(2**63 - 1, 2**63 - 1), (2**63 - 1, 2**63 - 1, 3 * MB + 2), (2**64 - 1,), (2**50, 1)])
def test_use_that_adds_up_to_more_than_can_be_is_refused_whole_and_nothing_of_it_is_charged(gy, used):
    user = gy.new_user(10_000)
    session = gy.session(user)
    session.ask(INITIAL, service(100))
    reported = MultipleServicesCreditControl(
        rating_group=100, requested_service_unit=RequestedServiceUnit(),
        used_service_unit=[UsedServiceUnit(cc_total_octets=octets) for octets in used],
    )  # fmt: skip
    refused = session.ask(UPDATE, reported)
    assert (refused.result_code, refused.failed_avp[0].additional_avps[0].code) == (5004, 446)
    assert gy.wallet(user) == (10_000, 2_900)
    session.ask(TERMINATION, last(100, {"cc_total_octets": MB}))
    assert gy.wallet(user) == (9_710, 0)


def test_a_debit_of_more_than_can_be_is_refused(gy):
    user = gy.new_user(10_000)
    debit = service(100, wants={"cc_total_octets": 2**63})
    assert gy.session(user).ask(EVENT, debit, requested_action=0).result_code == 5004
    assert gy.wallet(user) == (10_000, 0)


def test_data_whose_use_is_said_in_seconds_alone_are_refused_and_counted_and_with_octets_too_they_are_charged(gy):
    user = gy.new_user(10_000)
    session, meter = gy.session(user), gy.doors.nodes["TERMINATE"].meter
    session.ask(INITIAL, service(100), service(200))
    before = meter.turned_down["5031"]
    refused = session.ask(UPDATE, service(100, {"cc_time": 600}), service(200, {"cc_total_octets": 1024}))
    assert (refused.result_code, refused.failed_avp[0].additional_avps[0].code) == (5031, 421)
    assert (meter.turned_down["5031"] - before, gy.wallet(user)[0]) == (1, 10_000)
    idle = session.ask(UPDATE, service(100, {"cc_time": 600, "cc_total_octets": 0}))
    assert (idle.result_code, gy.wallet(user)[0]) == (2001, 10_000)
    session.ask(TERMINATION, last(100, {"cc_time": 5}, {"cc_total_octets": MB}))
    assert gy.wallet(user) == (9_710, 0)
    call = gy.session(user, VOICE, service_information=call_to(OTHER))
    call.ask(INITIAL, service(1))
    assert call.ask(TERMINATION, last(1, {"cc_time": 60})).result_code == 2001
