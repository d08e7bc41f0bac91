"""Who pays over Diameter Gy: users known by number, card or address, and whoever nobody knows."""

import numpy as np
import polars as pl
import pytest
from tests.access.network.gy_world import (
    INITIAL,
    MB,
    NOBODY,
    TERMINATION,
    UPDATE,
    last,
    service,
)
from tests.modules.charging.engine.conftest import image, local_s

from openboss.access.network.diameter.values import coded_number
from openboss.modules.charging.functions.engine import image_payload

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
