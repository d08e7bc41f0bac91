"""From a posted payment to service: how long a user waits who was stopped for arrears (D9.8, issue 6 section 4)."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.access.network.test_provisioning import register
from tests.modules.receivables.conftest import Desk, desk, on
from tests.processes.hall_office import Office, line, office
from tests.processes.test_collect_debt import state, user_of

from openboss.access.network import delivery, hlr
from openboss.modules.customers.models import SimPeriod
from openboss.modules.system.models import Outbox
from openboss.processes import collect_debt, take_payment

__all__ = ["desk", "office", "register"]
STOPPED_AT, PAID_AT = on(1, 20, year=2027), on(1, 21, year=2027)
WITHIN_S, WITHIN_AT_LOAD_S = 5.0, 60.0
PAYERS = 300


@contextmanager
def deliverer(address: str, folder: Path, moment: datetime | None) -> Iterator[None]:
    """The worker's thread that brings changes to the network, at a moment or now."""
    stopping = threading.Event()
    told = {"stopping": stopping, "hlr": address, "data_dir": folder, "now": lambda: moment or datetime.now(UTC)}
    thread = threading.Thread(target=delivery.run, kwargs=told, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join(timeout=10)


def wait_until(element: hlr.Hlr, imsi: int, *, passes: bool) -> float:
    """How long it takes until data pass in the register, or do not."""
    began = time.monotonic()
    while time.monotonic() - began < 2 * WITHIN_S:
        found = element.read(imsi)
        if found is not None and found.data is passes:
            return time.monotonic() - began
        time.sleep(0.02)
    pytest.fail(f"after {2 * WITHIN_S} s the register still says {found}")


@pytest.mark.django_db(transaction=True)
def test_from_a_posted_payment_to_service_in_the_register_is_under_five_seconds(
    office: Office, register: hlr.Hlr, tmp_path: Path
) -> None:
    user = office.open_user()
    imsi = line(user).imsi
    assert imsi is not None
    office.desk.bill(office.account_id, 202611, RENT=50_000, user=user)  # due 31 December
    host, port = register._address
    with deliverer(f"{host}:{port}", tmp_path, PAID_AT):
        wait_until(register, imsi, passes=True)
        collect_debt.run(at=STOPPED_AT)
        assert state(user, PAID_AT) == "TWO_WAY_STOP"
        wait_until(register, imsi, passes=False)
        began = time.monotonic()
        taken = take_payment.take(
            account_id=office.account_id, paid_fen=60_000, means="CASH", channel="HALL", serial_no="P", at=PAID_AT,
            staff_id=office.desk.staff["clerk"],
        )  # fmt: skip
        waited_s = time.monotonic() - began + wait_until(register, imsi, passes=True)
    assert taken.resumed == (user,)
    assert waited_s < WITHIN_S


@pytest.mark.soak
@pytest.mark.django_db(transaction=True)
def test_at_load_nobody_waits_longer_than_a_minute(desk: Desk, tmp_path: Path) -> None:
    accounts = [desk.account() for _ in range(PAYERS)]
    users = [user_of(account) for account in accounts]
    SimPeriod.objects.bulk_create(
        SimPeriod(subscriber_id=user, iccid=str(user), imsi=460000000000000 + user, period=(on(1, 1), None))
        for user in users
    )
    desk.bills(202609, [(account, user, {"RENT": 3000}) for account, user in zip(accounts, users, strict=True)])
    collect_debt.run(at=on(11, 20))
    Outbox.objects.filter(topic="network.hlr").delete()
    began = time.monotonic()
    with deliverer(delivery.SIMULATED, tmp_path, None):
        for number, account in enumerate(accounts):
            take_payment.take(
                account_id=account, paid_fen=10_000, means="CASH", channel="HALL", serial_no=f"P{number}",
                at=datetime.now(UTC), staff_id=desk.staff["clerk"],
            )  # fmt: skip
        paid_s = time.monotonic() - began
        while Outbox.objects.filter(topic="network.hlr", state="WAITING").exists():
            time.sleep(0.1)
    opening = Outbox.objects.filter(topic="network.hlr", payload__data=True)  # behind one for each reason that falls
    rows = opening.values_list("created_at", "sent_at")
    waited_s = sorted((sent_at - created_at).total_seconds() for created_at, sent_at in rows)
    print(f"\n{PAYERS} payments in {paid_s:.1f} s; to service p50 {waited_s[len(waited_s) // 2]:.2f} s,"
          f" longest {waited_s[-1]:.2f} s")  # fmt: skip
    assert len(waited_s) == PAYERS
    assert waited_s[-1] < WITHIN_AT_LOAD_S
