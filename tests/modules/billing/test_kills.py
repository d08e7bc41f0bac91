"""A bill run that is killed at random moments comes to the totals of an undisturbed one."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from django.db import connection

from openboss.modules.billing import functions as billing
from openboss.modules.billing.models import Bill, BillItem, BillLine
from tests.modules.billing.conftest import AT
from tests.modules.billing.operator import CYCLE, Operator, offer, rent

USERS, PART_SIZE, KILLS = 600, 40, 5
WORK = f"""
import django; django.setup()
from datetime import UTC, datetime
from openboss.modules.billing import functions as billing
print("ready", flush=True)
billing.calculate(cycle={CYCLE}, at=datetime(2026, 12, 1, tzinfo=UTC), staff_id=None, progress=lambda *_: None)
"""


def month() -> Operator:
    """Enough users for fifteen parts."""
    operator = Operator([offer(98, recurring=[rent("98.00")])])
    for subscriber_id in range(1, USERS + 1):
        operator.user(subscriber_id)
        operator.holds(subscriber_id, 98)
        operator.used(subscriber_id, "LOCAL", 1_000 + 37 * subscriber_id)
    return operator


def environment(folder: Path) -> dict[str, str]:
    """Where another process finds this test's database and lake."""
    known = connection.settings_dict
    user = f"{quote(known['USER'])}:{quote(known['PASSWORD'])}" if known["PASSWORD"] else quote(known["USER"])
    place = urlencode({"host": known["HOST"]})
    port = f":{known['PORT']}" if known["PORT"] else ""
    host = "" if known["HOST"].startswith("/") else known["HOST"]
    url = f"postgresql://{user}@{host}{port if host else ''}/{known['NAME']}?{place}"
    if port and not host:
        url += f"&port={known['PORT']}"
    return {**os.environ, "OPENBOSS_DATA_DIR": str(folder), "OPENBOSS_DATABASE_URL": url, "DATABASE_URL": url}


def totals() -> tuple[int, int, int, int]:
    """Bills, items, lines, and what they add up to."""
    items = BillItem.objects.filter(cycle=CYCLE)
    return (
        Bill.objects.filter(cycle=CYCLE).count(),
        items.count(),
        BillLine.objects.filter(cycle=CYCLE).count(),
        sum(items.values_list("due_fen", flat=True)),
    )


@pytest.mark.django_db(transaction=True)
def test_a_run_killed_at_random_moments_bills_everybody_once(lake: Path) -> None:
    dice = random.Random(7)
    billing.open_cycle(cycle=CYCLE)
    billing.cut_cycle(cycle=CYCLE, position=1, at=AT, staff_id=None)
    billing.collect_inputs(**month().inputs(part_size=PART_SIZE))
    interrupted = 0
    for _ in range(KILLS):
        with subprocess.Popen(
            [sys.executable, "-c", WORK], env=environment(lake.parent), stdout=subprocess.PIPE
        ) as process:
            assert process.stdout
            assert process.stdout.readline() == b"ready\n"
            time.sleep(dice.uniform(0.05, 0.5))
            interrupted += process.poll() is None
            process.kill()
    assert interrupted >= 1
    billing.calculate(cycle=CYCLE, at=AT, staff_id=None, progress=lambda *_: None)
    disturbed = totals()
    assert disturbed[:3] == (USERS, 2 * USERS, 2 * USERS)
    billing.step_back(cycle=CYCLE, at=AT, staff_id=None)
    billing.collect_inputs(**month().inputs(part_size=PART_SIZE))
    billing.calculate(cycle=CYCLE, at=AT, staff_id=None, progress=lambda *_: None)
    assert totals() == disturbed
