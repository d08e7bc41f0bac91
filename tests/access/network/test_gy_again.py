"""What a gateway says again over Gy: requests sent twice, events of one session, services named twice."""

from typing import Any

from diameter.message import Message
from tests.access.network.gy_exchanges import FAR, call_to, text_to
from tests.access.network.gy_world import EVENT, INITIAL, MB, SMS, TERMINATION, UPDATE, VOICE, last, service

TOLD = text_to(8613900719998)
THREE = {"cc_service_specific_units": 3}
DEBIT, REFUND, CHECK_BALANCE, PRICE = range(4)
REPEATED = 0x10  # the T flag


def sent_twice(session, kind: int, *services, **more) -> Any:
    """Send a request, and again with the T flag: the answers are alike to the byte."""
    request = session.request(kind, *services, **more)
    session.wire.send(request)
    first = session.wire.read()
    session.wire.send(request[:4] + bytes([request[4] | REPEATED]) + request[5:])
    assert session.wire.read() == first
    return Message.from_bytes(first)


def event(session, action: int, number: int = 0):
    return sent_twice(session, EVENT, service(7, wants=THREE), requested_action=action, cc_request_number=number)


def cost(answer) -> int:
    return answer.cost_information.unit_value.value_digits


def test_a_refund_in_its_debits_session_may_have_the_number_of_the_debit_and_gives_back(gy):
    """RFC 8506, 8.2: an event may always have CC-Request-Number 0; what it wants tells it from the one before."""
    user = gy.new_user(1_000)
    session = gy.session(user, SMS, service_information=TOLD)
    debited = event(session, DEBIT)
    assert (debited.result_code, cost(debited), gy.wallet(user)) == (2001, 300, (700, 0))
    for _again in range(2):
        refunded = event(session, REFUND)
        assert (refunded.result_code, cost(refunded), gy.wallet(user)) == (2001, 300, (1_000, 0))
    assert event(session, DEBIT).result_code == 5012  # what was given back is not debited, nor is it said to be
    assert gy.wallet(user) == (1_000, 0)


def test_who_asked_for_a_price_or_about_money_may_debit_in_that_session(gy):
    user = gy.new_user(1_000)
    for paid, (asked, numbers) in enumerate(((PRICE, (0, 0)), (CHECK_BALANCE, (0, 0)), (PRICE, (0, 1))), 1):
        session = gy.session(user, SMS, service_information=TOLD)
        assert event(session, asked, numbers[0]).result_code == 2001
        assert gy.wallet(user) == (1_300 - 300 * paid, 0)
        for _again in range(2):
            debited = event(session, DEBIT, numbers[1])
            assert (debited.result_code, cost(debited), gy.wallet(user)) == (2001, 300, (1_000 - 300 * paid, 0))
        assert event(session, asked, numbers[1]).result_code == 5012  # a debit is there now
    assert event(gy.session(user, SMS, service_information=TOLD), REFUND).result_code == 5012  # of nothing
    back = event(session, REFUND, 2)
    assert (back.result_code, cost(back), gy.wallet(user)) == (2001, 300, (400, 0))


def test_a_service_named_twice_is_carried_out_once_and_the_request_sent_again_is_answered_to_the_byte(gy):
    user = gy.new_user(10_000)
    session = gy.session(user)
    sent_twice(session, INITIAL, service(100), service(100))
    assert gy.wallet(user) == (10_000, 2_900)  # 10 MB, once
    five = {"cc_total_octets": 5 * MB}
    sent_twice(session, UPDATE, service(100, {"cc_total_octets": MB}, wants=five), service(100, wants=five))
    assert gy.wallet(user) == (9_710, 2_900)
    sent_twice(session, TERMINATION, last(100, {"cc_total_octets": MB}), last(100, {"cc_total_octets": MB}))
    assert gy.wallet(user) == (9_130, 0)


def test_a_debit_of_two_of_one_service_debits_both(gy):
    user = gy.new_user(10_000)
    call = gy.session(user, VOICE, service_information=call_to(FAR))
    minute = service(1, wants={"cc_time": 60})
    answer = call.ask(EVENT, minute, minute, requested_action=DEBIT)
    granted, nothing = answer.multiple_services_credit_control
    assert (answer.result_code, granted.granted_service_unit.cc_time, cost(answer)) == (2001, 120, 1_400)
    assert (nothing.result_code, nothing.granted_service_unit) == (2001, None)
    assert gy.wallet(user) == (8_600, 0)


def test_a_service_named_twice_cannot_have_used_more_than_can_be_and_the_request_is_refused_as_a_whole(gy):
    user = gy.new_user(10_000)
    session = gy.session(user)
    session.ask(INITIAL, service(100))
    before = gy.wallet(user)
    half = {"cc_output_octets": 1 << 49}
    for some in ((half, half, {"cc_output_octets": 1}), ({"cc_time": 1 << 29}, {"cc_time": 1 << 29})):
        assert session.ask(UPDATE, *(service(100, one) for one in some)).result_code == 5004
        assert gy.wallet(user) == before
    apart = session.ask(UPDATE, service(100, {"cc_total_octets": MB}), service(7, {"cc_total_octets": MB}))
    assert (apart.result_code, gy.wallet(user)[0]) == (2001, 10_000 - 580)
