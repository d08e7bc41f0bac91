"""Messages for the world outside: delivered in order, tried again ever later, dead letters are seen to by a person."""

from datetime import UTC, datetime, timedelta

import pytest

from openboss.modules.system import functions as system
from openboss.modules.system.functions import list_audit

pytestmark = pytest.mark.django_db

AT = datetime(2026, 11, 2, 2, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def send(order_key: str = "", topic: str = "network.HLR", **payload: object) -> int:
    return system.send_out(topic=topic, payload=payload, at=AT, order_key=order_key)


def claim(at: datetime = AT) -> list[int]:
    return [one.outbox_id for one in system.claim_messages(topics=["network.HLR"], at=at)]


def fail_until_dead(message: int) -> list[float]:
    """Let every try fail; return the seconds between them."""
    at, waits = AT, []
    while True:
        assert message in claim(at)
        state = system.message_failed(outbox_id=message, error="no answer", at=at)
        (row,), _ = system.list_messages(topic="network.HLR")
        waits.append((row.next_try_at - at).total_seconds())
        if state == "FAILED":
            return waits
        at = row.next_try_at


def test_messages_of_one_user_leave_one_after_the_other_and_those_of_others_at_once() -> None:
    first, second, other = send("1001"), send("1001"), send("1002")
    free = send(topic="sms")
    assert claim() == [first, other]
    system.message_sent(outbox_id=first, at=AT)
    assert claim() == [second]
    assert [one.outbox_id for one in system.claim_messages(topics=["sms"], at=AT)] == [free]


def test_a_message_that_was_taken_is_taken_again_after_a_minute_if_nobody_said_how_it_went() -> None:
    message = send("1001")
    assert claim() == [message]
    assert claim(AT + 59 * SECOND) == []
    assert claim(AT + 60 * SECOND) == [message]


def test_a_message_is_tried_after_1_2_4_seconds_and_after_ten_tries_it_is_dead() -> None:
    assert fail_until_dead(send("1001"))[:9] == [1, 2, 4, 8, 16, 32, 64, 128, 256]


def test_a_dead_letter_holds_back_what_is_behind_it_until_a_person_sends_it_again_or_drops_it() -> None:
    dead = send("1001", msisdn="wrong")
    fail_until_dead(dead)
    behind = send("1001")
    later = AT + timedelta(days=1)
    assert claim(later) == []
    system.send_again(outbox_id=dead, payload={"msisdn": "right"}, at=later, staff_id=7, reason="corrected")
    assert [one.payload for one in system.claim_messages(topics=["network.HLR"], at=later)] == [{"msisdn": "right"}]
    system.drop_message(outbox_id=dead, reason="user left", at=later, staff_id=7)
    assert claim(later) == [behind]
    assert {row.action for row in list_audit(object_kind="message")[0]} == {
        "system.message_again",
        "system.message_dropped",
    }


def test_a_message_that_was_sent_is_not_sent_again_and_forgets_its_secret() -> None:
    message = send(number=1, secret={"digits": "258014"})
    system.message_sent(outbox_id=message, at=AT)
    (row,), count = system.list_messages(state="SENT")
    assert (row.payload, count) == ({"number": 1}, 1)
    for attempt in (system.message_sent, system.drop_message):
        with pytest.raises(system.MessageUnknown):
            more = {"reason": "x", "staff_id": 7} if attempt is system.drop_message else {}
            attempt(outbox_id=message, at=AT, **more)
    assert system.count_messages() == {"SENT": 1}
