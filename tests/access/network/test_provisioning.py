"""The network obeys: a user opened at the counter is in the register, stopped is barred, and differences are found.

With osmo-hlr where it is installed (Debian: apt-get install osmo-hlr), and always with the simulated register.
"""

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from tests.modules.customers.conftest import AT, loaded, offers
from tests.modules.receivables.conftest import desk
from tests.processes.hall_office import AT as OPENED_AT
from tests.processes.hall_office import ORDINARY, Office, line, office, state

from openboss.access.network import delivery, hlr, simulated_hlr
from openboss.modules.customers import functions as customers
from openboss.modules.customers.functions import NetworkProfile
from openboss.modules.orders import functions as orders
from openboss.modules.system import functions as system
from openboss.modules.system.atomic import put_parameter
from openboss.processes import provision
from openboss.processes.provision import HLR, Connector, NotDelivered

__all__ = ["desk", "loaded", "offers", "office"]

USER, NUMBER, IMSI = 1001, 8613900011001, 460000000001001
OTHER_IMSI = 460000000009999
ADDRESS = "127.0.82.1"  # a loopback address of our own: several runs need not share a port
CONFIG = """
log stderr
 logging level set-all error
line vty
 bind {address}
ctrl
 bind {address}
hlr
 gsup
  bind ip {address}
"""


@pytest.fixture
def register(tmp_path: Path) -> Iterator[hlr.Hlr]:
    """A real register, started for one test."""
    program = shutil.which("osmo-hlr")
    if program is None:
        pytest.skip("osmo-hlr is not installed (Debian: apt-get install osmo-hlr)")
    address = f"127.0.{82 + hash(str(tmp_path)) % 100}.{1 + hash(tmp_path.name) % 200}"
    (tmp_path / "hlr.cfg").write_text(CONFIG.format(address=address), encoding="ascii")
    command = [program, "-c", str(tmp_path / "hlr.cfg"), "-l", str(tmp_path / "hlr.db")]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL) as process:
        try:
            _wait_for(address)
            with hlr.Hlr(address) as connection:
                yield connection
        finally:
            process.terminate()


def _wait_for(address: str) -> None:
    for _ in range(100):
        try:
            socket.create_connection((address, hlr.PORT), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    pytest.fail("osmo-hlr did not open its control interface")


@pytest.fixture(params=["simulated", "osmo-hlr"])
def element(request: pytest.FixtureRequest, tmp_path: Path) -> Connector:
    """Each register in turn."""
    if request.param == "simulated":
        return simulated_hlr.SimulatedHlr(tmp_path)
    return request.getfixturevalue("register")


def held(element: Connector) -> Callable[[NetworkProfile], NetworkProfile]:
    return hlr.held if isinstance(element, hlr.Hlr) else simulated_hlr.held


def bring(element: Connector, at: datetime = AT) -> tuple[int, int]:
    done = delivery.deliver_all(element, now=lambda: at)
    return done.sent, done.failed


def services(element: Connector, imsi: int = IMSI) -> tuple[bool, bool] | None:
    """Whether calls come in and data pass; None = the register does not know the card."""
    found = element.read(imsi)
    return (found.voice_in, found.data) if found else None


@pytest.mark.usefixtures("loaded")
def test_stop_bars_resume_unbars_and_the_end_deletes(element: Connector) -> None:
    stop = {"subscriber_id": USER, "reason": "ARREARS_1", "staff_id": None}
    customers.add_stop_reason(**stop, at=AT)
    assert bring(element) == (1, 0)
    assert services(element) == (True, False)  # one way: still called, no data
    customers.add_stop_reason(**{**stop, "reason": "ARREARS_2"}, at=AT)
    bring(element)
    assert services(element) == (False, False)
    for reason in ("ARREARS_1", "ARREARS_2"):
        customers.clear_stop_reason(**{**stop, "reason": reason}, at=AT)
    assert bring(element) == (2, 0)
    assert element.read(IMSI) == NetworkProfile(IMSI, NUMBER, True, True, True)
    customers.terminate(subscriber_id=USER, remove_tag=7, at=AT, staff_id=None)
    bring(element)
    assert services(element) is None


def test_a_user_opened_at_the_counter_is_in_the_register_stopped_is_barred_and_resumed_is_not(
    office: Office, element: Connector
) -> None:
    user = office.open_user()
    assert bring(element, OPENED_AT) == (1, 0)
    imsi = line(user).imsi
    assert imsi is not None
    assert element.read(imsi) == NetworkProfile(imsi, ORDINARY, True, True, True)
    office.do("REPORT_LOST", user)
    bring(element, OPENED_AT)
    assert services(element, imsi) == (False, False)
    office.do("RELEASE_LOST", user)
    bring(element, OPENED_AT)
    assert services(element, imsi) == (True, True)


@pytest.mark.usefixtures("loaded")
def test_a_replaced_card_is_dead_in_the_register_and_the_new_one_has_the_number(element: Connector) -> None:
    customers.replace_sim(subscriber_id=USER, iccid="89860000000000009999", imsi=OTHER_IMSI, at=AT, staff_id=7)
    assert [one.payload["verb"] for one in system.list_messages(topic=HLR)[0]] == ["SET", "DELETE"]  # newest first
    assert bring(element) == (2, 0)
    assert services(element) is None
    assert element.read(OTHER_IMSI) == NetworkProfile(OTHER_IMSI, NUMBER, True, True, True)


@pytest.mark.django_db
def test_a_number_goes_from_one_card_to_another_and_every_word_may_come_twice(element: Connector) -> None:
    first, second = (NetworkProfile(imsi, NUMBER, True, True, True) for imsi in (IMSI, OTHER_IMSI))
    for profile in (first, first, second, second):
        element.put(profile)
    assert element.read(OTHER_IMSI) == second
    found = element.read(IMSI)
    assert found is not None
    assert found.msisdn == 0
    for _ in range(2):
        element.delete(IMSI)
    assert element.read(IMSI) is None


@pytest.mark.usefixtures("loaded")
def test_what_differs_is_found_and_repaired(element: Connector) -> None:
    def difference() -> list[tuple[int, str]]:
        return [(one.imsi - 460000000000000, one.kind) for one in provision.compare(element, at=AT, held=held(element))]

    assert difference() == [(1001, "MISSING"), (1002, "MISSING"), (1003, "MISSING")]
    provision.repair(provision.compare(element, at=AT, held=held(element)), at=AT, staff_id=7)
    assert bring(element) == (3, 0)
    assert difference() == []
    element.put(NetworkProfile(IMSI, NUMBER, False, False, False))  # somebody barred it by hand
    customers.terminate(subscriber_id=1002, remove_tag=7, at=AT, staff_id=None)
    system.drop_message(
        outbox_id=system.list_messages(topic=HLR, state="WAITING")[0][0].outbox_id, reason="x", at=AT, staff_id=7
    )
    assert difference() == [(1001, "DIFFERENT"), (1002, "TOO_MUCH")]
    provision.repair(provision.compare(element, at=AT, held=held(element)), at=AT, staff_id=7)
    bring(element)
    assert difference() == []


class Deaf(simulated_hlr.SimulatedHlr):
    """A register that does not answer."""

    def put(self, profile: NetworkProfile) -> None:
        raise NotDelivered("no answer")


@pytest.mark.usefixtures("loaded")
def test_what_the_register_does_not_take_waits_its_turn_and_holds_back_what_follows(tmp_path: Path) -> None:
    customers.add_stop_reason(subscriber_id=USER, reason="LOST", at=AT, staff_id=7)
    customers.clear_stop_reason(subscriber_id=USER, reason="LOST", at=AT, staff_id=7)
    assert bring(Deaf(tmp_path)) == (0, 1)
    assert bring(simulated_hlr.SimulatedHlr(tmp_path)) == (0, 0)  # not before its second is over
    element = simulated_hlr.SimulatedHlr(tmp_path)
    assert bring(element, AT + timedelta(seconds=1)) == (2, 0)
    assert services(element) == (True, True)
    log = tmp_path / "simulated_hlr.log"
    note, *told = log.read_text(encoding="ascii").splitlines()
    assert "simulated" in note
    assert ['"voice_in": false' in line for line in told] == [True, False]
    with log.open("a", encoding="ascii") as torn:
        torn.write('{"verb": "DEL')
    assert services(simulated_hlr.SimulatedHlr(tmp_path)) == (True, True)
    assert log.read_text(encoding="ascii").splitlines() == [note, *told]


@pytest.mark.requirement("OSS-05")
def test_a_register_that_times_out_is_tried_three_times_more_then_a_person_sends_it_and_the_order_stays_whole(
    office: Office, tmp_path: Path
) -> None:
    put_parameter(key="outbox.tries", value={HLR: 4}, from_on=OPENED_AT.date(), at=OPENED_AT)
    element, user = simulated_hlr.SimulatedHlr(tmp_path), office.open_user()
    bring(element, OPENED_AT)
    order, imsi = office.do("REPORT_LOST", user), line(user).imsi
    assert imsi is not None
    for seconds in (0, 1, 3, 7):
        assert bring(Deaf(tmp_path), OPENED_AT + timedelta(seconds=seconds)) == (0, 1)
    later = OPENED_AT + timedelta(hours=2)
    assert bring(element, later) == (0, 0), "it waits for a person now"
    (message,), _ = system.list_messages(topic=HLR, state="FAILED")
    assert (message.attempts, message.last_error) == (4, "no answer")
    assert services(element, imsi) == (True, True)
    assert (orders.order_view(order_id=order.order_id).state, state(user)) == ("COMPLETED", "TWO_WAY_STOP")
    system.send_again(outbox_id=message.outbox_id, at=later, staff_id=office.clerk)
    assert bring(element, later) == (1, 0)
    assert services(element, imsi) == (False, False)


@pytest.mark.usefixtures("loaded")
def test_a_message_spoilt_by_hand_is_refused_with_a_reason_and_mended(tmp_path: Path) -> None:
    system.send_out(topic=HLR, order_key="1", payload={"verb": "SET", "imsi": IMSI}, at=AT)
    element = simulated_hlr.SimulatedHlr(tmp_path)
    assert bring(element) == (0, 1)
    (message,), _ = system.list_messages(topic=HLR)
    assert "lacks or spoils" in message.last_error
    system.send_again(outbox_id=message.outbox_id, payload={"verb": "DELETE", "imsi": IMSI}, at=AT, staff_id=7)
    assert bring(element) == (1, 0)


def test_a_register_that_is_not_there_is_said_by_name() -> None:
    with pytest.raises(NotDelivered, match="127.0.0.1:9: "):
        hlr.Hlr("127.0.0.1", 9).read(IMSI)


def test_the_address_says_which_register(tmp_path: Path) -> None:
    assert isinstance(delivery.connector("simulated", tmp_path), simulated_hlr.SimulatedHlr)
    assert isinstance(delivery.connector("10.0.0.1:4259", tmp_path), hlr.Hlr)
