"""What stands on the black list is refused over Gy: listed numbers on either side, listed handsets (CHG-32)."""

import numpy as np
import pytest
from diameter.message.avp.grouped import UserEquipmentInfo
from tests.access.network.gy_exchanges import LOCAL, call_to, text_to
from tests.access.network.gy_world import EVENT, INITIAL, MB, SMS, TERMINATION, VOICE, last, service

from openboss.access.network.diameter.values import imei

STOLEN = 35_175_605_152_303  # 14 digits; written as IMEI with 5 as its check digit, as IMEISV with version 01
DENIED, SERVED = 4010, 2001
FOR_EVER_S = 1 << 62


@pytest.fixture
def listed(gy):
    """Puts numbers and handsets on the engine's list, and takes them off at the end."""
    entered = []

    def enter(kind: str, number: int, until_s: int = FOR_EVER_S) -> None:
        entered.append((kind, number))
        assert gy.engine.order("BLACK_LIST", what=kind, number=number, until_s=until_s).state == "DONE"

    yield enter
    for kind, number in entered:
        gy.engine.order("BLACK_LIST", what=kind, number=number, until_s=0)
    assert gy.engine.owner.state.black_list.until_s == {}


def handset(value: bytes, kind: int = 0) -> dict:
    return {"user_equipment_info": UserEquipmentInfo(user_equipment_info_type=kind, user_equipment_info_value=value)}


def opened(gy, user, context="8.32251@3gpp.org", **more) -> int:
    session = gy.session(user, context, **more)
    result = session.ask(INITIAL, service(100)).result_code
    if result == SERVED:
        session.ask(TERMINATION, last(100))
    return result


def test_an_imei_is_read_as_networks_write_it():
    packed = bytes.fromhex("5371655051323010")
    for text, number in {
        b"351756051523035": STOLEN, b"35175605152303": STOLEN, b"3517560515230301": STOLEN, packed: STOLEN,
        b"": 0, b"3517560515230": 0, b"35175605152303511": 0, b"35175605O523031": 0, b"\xff" * 8: 0,
    }.items():  # fmt: skip
        assert imei(np.frombuffer(text + b"\0", np.uint8), 0, len(text)) == number, text


def test_a_session_in_a_listed_handset_is_refused_before_anything_is_begun_and_others_are_not(gy, listed):
    user = gy.new_user(10_000)
    listed("IMEI", STOLEN)
    before = gy.engine.owner.state.digest()
    for value in (b"351756051523035", b"3517560515230301", bytes.fromhex("5371655051323010")):
        assert opened(gy, user, **handset(value)) == DENIED
    assert (gy.engine.owner.state.digest(), gy.wallet(user)) == (before, (10_000, 0))
    assert opened(gy, user, **handset(b"351756051523049")) == SERVED
    assert opened(gy, user, **handset(bytes.fromhex("5371655051323010"), kind=2)) == SERVED  # not an IMEI: EUI-64
    assert opened(gy, user) == SERVED
    gy.engine.order("BLACK_LIST", what="IMEI", number=STOLEN, until_s=0)
    assert opened(gy, user, **handset(b"351756051523035")) == SERVED


def test_a_listed_number_can_neither_be_called_nor_written_to_nor_be_served(gy, listed):
    user, other = gy.new_user(10_000), gy.new_user(10_000)
    listed("NUMBER", int(LOCAL[1:]))
    assert opened(gy, user, VOICE, service_information=call_to(LOCAL)) == DENIED
    assert opened(gy, user, VOICE, service_information=call_to("+861062345678")) == SERVED
    text = gy.session(user, SMS, service_information=text_to(int(LOCAL[1:])))
    assert text.ask(EVENT, service(None), requested_action=0).result_code == DENIED
    assert gy.wallet(user) == (10_000, 0)
    listed("NUMBER", other.number)
    assert (opened(gy, other), opened(gy, user)) == (DENIED, SERVED)


def test_a_message_that_was_paid_before_its_number_was_listed_is_paid_back(gy, listed):
    user, to = gy.new_user(10_000), text_to(int(LOCAL[1:]))
    text = gy.session(user, SMS, service_information=to, name="gw.test;before")
    assert (
        text.ask(EVENT, service(None, wants={"cc_service_specific_units": 1}), requested_action=0).result_code == 2001
    )
    assert gy.wallet(user) == (9_900, 0)
    listed("NUMBER", int(LOCAL[1:]))
    back = gy.session(user, SMS, service_information=to)
    assert back.ask(EVENT, requested_action=1, cc_correlation_id=b"gw.test;before").result_code == 2001
    assert gy.wallet(user) == (10_000, 0)


def test_an_entry_with_an_end_counts_until_then_and_a_repeated_request_is_answered_as_before(gy, listed):
    user = gy.new_user(10_000)
    gy.at("2026-10-05 10:00:00")
    session = gy.session(user, **handset(b"351756051523035"))
    request = session.request(INITIAL, service(100))
    session.wire.send(request)
    first = session.wire.read()
    listed("IMEI", STOLEN, int(gy.doors.at.at.timestamp()) + 60)
    session.wire.send(request[:4] + bytes([request[4] | 0x10]) + request[5:])
    assert session.wire.read()[20:] == first[20:]
    assert opened(gy, user, **handset(b"351756051523035")) == DENIED
    gy.at("2026-10-05 10:01:00")
    assert opened(gy, user, **handset(b"351756051523035")) == SERVED
    session.ask(TERMINATION, last(100, {"cc_total_octets": MB}))
    assert gy.wallet(user) == (9_710, 0)
