"""What business orders reaches sessions that run: the network is asked again, or told to end, and what follows is
charged and granted as ordered (issue 4 section 2). In the engine's own loop, over Diameter, by the hall's flows."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest
from django.conf import settings
from django.db import connection

from openboss.access.jobs import clock
from openboss.access.jobs.charge_loop import ChargeLoop
from openboss.config.options import options
from openboss.modules.catalog.atomic import replace_reference
from openboss.modules.catalog.publications import publication_text, write_publication
from openboss.modules.charging.atomic import engine as journal
from openboss.modules.charging.functions.engine import recover_engine
from openboss.modules.customers.functions import Proof
from openboss.processes import take_payment
from tests.access.network.diameter_mutations import data_request
from tests.access.network.network_operator import reference
from tests.access.network.online_door import free_port
from tests.access.network.test_diameter import Wire
from tests.modules.charging.engine.conftest import DATA_PRICE, ITEMS, Version
from tests.modules.receivables.conftest import desk
from tests.processes.hall_office import AT, ORDINARY, Office, office

__all__ = ["desk", "office"]
pytestmark = pytest.mark.django_db(transaction=True)

MB = 1024 * 1024
INITIAL, UPDATE, TERMINATION = 1, 2, 3
ASKED_AGAIN, ABORTED = 258, 274  # commands of Diameter
GRANTED, DENIED, NO_CREDIT = 2001, 4010, 4012
DEAR = {"rule": "DEAR", "when": {"record": ["DATA"]}, **DATA_PRICE, "price": "1.00"}


class Running:
    """A prepaid user with a data session at the engine's loop, a clerk, and the line to the gateway."""

    def __init__(self, office: Office, user: int, loop: ChargeLoop, port: int) -> None:  # noqa: F811
        self.office, self.user, self.loop, self.port = office, user, loop, port
        self.asked = 0

    def connect(self) -> None:
        """Introduce the gateway as soon as the loop listens."""
        until_s = time.monotonic() + 60
        while True:
            try:
                self.wire = Wire(self.port)
                return
            except ConnectionRefusedError:
                assert time.monotonic() < until_s
                time.sleep(0.01)

    def report(self, kind: int = UPDATE, used: int = 0) -> tuple[int, int]:
        """Report use; what the service is told, and how many octets it is granted."""
        self.wire.send(data_request("gw;1", kind, self.asked, user=str(ORDINARY), octets=used))
        self.asked += 1
        answer = self.wire.answer()
        service = answer.multiple_services_credit_control[0]
        granted = service.granted_service_unit
        return service.result_code, (granted.cc_total_octets or 0) if granted else 0

    def told(self) -> tuple[int, str]:
        """What the network hears next of itself: the command, and of which session."""
        message = self.wire.answer()
        assert message.header.is_request
        return message.header.command_code, message.session_id

    def pay(self, fen: int) -> None:
        take_payment.take(account_id=self.office.account_id, paid_fen=fen, means="CASH", channel="HALL",
                          serial_no=self.office.no(), at=clock.now(), staff_id=self.office.clerk)  # fmt: skip

    def order(self, kind: str, **request: Any) -> None:
        done = self.office.do(kind, self.user, at=clock.now().replace(microsecond=0), **request)
        assert done.state == "COMPLETED"

    def let_the_second_end(self) -> None:
        """Offers begin with a second: what was used before belongs to another one."""
        second = clock.now().replace(microsecond=0)
        while clock.now().replace(microsecond=0) == second:
            time.sleep(0.01)

    def balance_li(self) -> int:
        return int(self.loop.owner.state.desk.wallets["balance_li"][0])


@pytest.fixture
def played(office: Office, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Callable[[Running], None]], None]]:  # noqa: F811
    """Plays a part of network and business beside the engine's loop, which runs in the main thread as in a process."""
    port = free_port()
    for name, value in {"DATA_DIR": str(settings.DATA_DIR), "DIAMETER_PORT": str(port), "NCHF_PORT": "0"}.items():
        monkeypatch.setenv(f"OPENBOSS_{name}", value)
    options.cache_clear()
    clock.pin(AT + timedelta(hours=2))
    prefixes = reference()["number_prefixes"]
    here = prefixes.filter(pl.col("prefix") == 1390071).with_columns(prefix=pl.lit(1390000, pl.Int64))
    replace_reference(name="number_prefixes", frame=pl.concat([prefixes, here]), at=AT)
    prices = [("STANDARD", "STANDARD", {"rule": "DATA", "when": {"record": ["DATA"]}, **DATA_PRICE}),
              ("OFFER_103", "MAIN", DEAR)]  # fmt: skip
    tariffs = [
        Version(103 * (kind == "MAIN"), code, kind, date(2010, 1, 1), {"prices": [price]}, {price["rule"]: place})
        for place, (code, kind, price) in enumerate(prices, 1)
    ]
    tariffs.append(Version(102, "OFFER_102", "MAIN", date(2010, 1, 1), {}))
    path, sha256 = write_publication(settings.LAKE_DIR / "tariffs", publication_text(tariffs, ITEMS, []))
    journal.send_command(kind="PUBLICATION", payload={"path": f"tariffs/{path.name}", "sha256": sha256})
    user = office.open_user(pay_type="PREPAID")
    journal.send_command(kind="OPEN_CYCLE", payload={"cycle": 202611})
    stopping = threading.Event()
    owner = recover_engine(threads=1)
    owner.drain()
    running = Running(office, user, ChargeLoop(owner, stopping), port)

    def play(part: Callable[[Running], None]) -> None:
        faults: list[BaseException] = []

        def work() -> None:
            try:
                running.connect()
                part(running)
            except BaseException as fault:  # noqa: BLE001 - said in the test's own thread
                faults.append(fault)
            finally:
                connection.close()
                stopping.set()

        thread = threading.Thread(target=work)
        thread.start()
        running.loop.run()
        thread.join(10)
        if faults:
            raise faults[0]

    yield play
    monkeypatch.undo()
    options.cache_clear()
    clock.shift.cache_clear()


def test_a_payment_makes_the_network_ask_again_and_a_session_without_money_is_granted_again(played) -> None:
    def part(session: Running) -> None:
        assert session.report(INITIAL) == (GRANTED, 10 * MB)
        assert session.report(used=345 * MB) == (NO_CREDIT, 0)
        assert session.balance_li() == 100_000 - 345 * 290  # below zero by the last slice
        session.pay(1_000)
        assert session.told() == (ASKED_AGAIN, "gw;1")
        assert session.report() == (GRANTED, 10 * MB)
        assert session.report(TERMINATION, used=MB) == (GRANTED, 0)
        assert session.balance_li() == 110_000 - 346 * 290

    played(part)


def test_a_change_of_plan_makes_the_network_report_and_what_is_used_after_it_costs_as_in_the_new_plan(played) -> None:
    def part(session: Running) -> None:
        session.report(INITIAL)
        session.report(used=2 * MB)
        session.let_the_second_end()
        session.order("CHANGE_PLAN", offer_id=103, effective="NOW", proofs=[Proof.DYNAMIC])
        assert session.told() == (ASKED_AGAIN, "gw;1")
        assert session.report(used=MB) == (GRANTED, 10 * MB)  # used before the change
        assert session.balance_li() == 100_000 - 3 * 290
        session.report(TERMINATION, used=MB)
        assert session.balance_li() == 100_000 - 3 * 290 - 1_000

    played(part)


def test_a_stop_makes_the_network_end_a_session_whose_use_is_charged_and_a_resumption_grants_again(played) -> None:
    def part(session: Running) -> None:
        session.report(INITIAL)
        session.order("REPORT_LOST")
        assert session.told() == (ABORTED, "gw;1")
        assert session.report(used=MB) == (DENIED, 0)
        assert session.balance_li() == 100_000 - 290
        session.order("RELEASE_LOST")
        assert session.told() == (ASKED_AGAIN, "gw;1")
        assert session.report() == (GRANTED, 10 * MB)
        session.report(TERMINATION, used=2 * MB)
        assert session.balance_li() == 100_000 - 3 * 290

    played(part)
