"""A release that is killed at random moments books every bill once, whatever was done when it died."""

import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from openboss.modules.billing import functions as billing
from openboss.modules.billing.models import Bill
from openboss.modules.receivables.functions.reconciliation import bill_differences
from openboss.modules.receivables.models import Entry, Receivable
from openboss.modules.system.atomic import put_role, put_staff
from openboss.processes import close_month, keep_books
from tests.modules.billing.operator import CYCLE, Operator, offer, rent
from tests.modules.billing.test_kills import environment
from tests.modules.receivables.conftest import LONG_AGO, Desk, check_books, on

USERS, PART_SIZE, KILLS = 400, 20, 5
SOMEBODY_ELSE = 4_711  # started the run
AT = on(12, 1, hour=9)
WORK = """
import sys
import django; django.setup()
from datetime import datetime
from openboss.processes import close_month
print("ready", flush=True)
close_month.release({cycle}, at=datetime.fromisoformat({at!r}), staff_id={staff_id})
"""


@pytest.fixture
def audited(desk: Desk, tmp_path: Path, settings: Any) -> int:
    """A month that waits for its release by the person who is returned."""
    settings.LAKE_DIR = tmp_path / "lake"
    operator = Operator([offer(98, recurring=[rent("98.00")])])
    for user in range(1, USERS + 1):
        operator.user(user)
        operator.holds(user, 98)
        operator.used(user, "LOCAL", 1_000 + 37 * user)
    billing.open_cycle(cycle=CYCLE)
    billing.cut_cycle(cycle=CYCLE, position=1, at=AT, staff_id=None)
    billing.collect_inputs(**operator.inputs(part_size=PART_SIZE), staff_id=SOMEBODY_ELSE)
    billing.calculate(cycle=CYCLE, at=AT, staff_id=None, progress=lambda *_: None)
    billing.audit_run(cycle=CYCLE, at=AT, staff_id=None)
    put_role(code="CHIEF", name_zh="主管", name_en="Chief", rights=["billing.release"], at=LONG_AGO)
    names = {"name_zh": "王", "name_en": "Wang", "org_code": "P", "password": "not-a-secret", "language": "en"}
    return put_staff(login="wang", roles=["CHIEF"], at=LONG_AGO, **names)


@pytest.mark.parametrize("seed", [3, *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(4, 13))])
@pytest.mark.django_db(transaction=True)
def test_a_release_killed_at_random_moments_books_every_bill_once(
    audited: int, tmp_path: Path, seed: int, record_property
) -> None:
    dice = random.Random(seed)
    program = WORK.format(cycle=CYCLE, at=AT.isoformat(), staff_id=audited)
    interrupted = 0
    for _ in range(KILLS):
        with subprocess.Popen(
            [sys.executable, "-c", program], env=environment(tmp_path), stdout=subprocess.PIPE
        ) as process:
            assert process.stdout
            assert process.stdout.readline() == b"ready\n"
            time.sleep(dice.uniform(0.05, 0.6))
            interrupted += process.poll() is None
            process.kill()
        _whole_parts_only()
    record_property("kills", KILLS)
    record_property("at work", interrupted)
    assert interrupted >= 1
    close_month.release(CYCLE, at=AT, staff_id=audited)
    assert close_month.release(CYCLE, at=AT, staff_id=audited) == 0
    assert Receivable.objects.count() == Bill.objects.count() == Entry.objects.filter(cause="BILL").count() == USERS
    assert not Bill.objects.filter(state="new").exists()
    assert bill_differences(cycle=CYCLE) == []
    check_books()
    keep_books.run(at=on(12, 4, hour=1))
    assert billing.cycle_view(cycle=CYCLE).state == "CLOSED"


def _whole_parts_only() -> None:
    """What is booked is whole parts: each payable bill is a debt, each debt a payable bill."""
    connection.close()
    payable = set(Bill.objects.exclude(state="new").values_list("bill_id", flat=True))
    assert payable == set(Receivable.objects.values_list("bill_id", flat=True))
    assert len(payable) % PART_SIZE == 0
