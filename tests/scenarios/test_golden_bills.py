"""Two months of the demo, from usage files to audited bills, yield the bills known beforehand.

`example/golden/bills_USERS.csv` holds a line an account. When a rule is changed on purpose, write the file anew:
OPENBOSS_WRITE_GOLDEN=1 pytest tests/scenarios/test_golden_bills.py, and read what changed before committing it.
The 2,000 users of the default demo are compared with OPENBOSS_SOAK=1; 200 always.
"""

import csv
import os
import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from django.db.models import Count, F, Max, Sum

from openboss.access.jobs.generate import Manifest, generate_operator
from openboss.access.jobs.generate_frames import FIRST_UNIT
from openboss.access.network.collector import Place, collect_once
from openboss.modules.billing.models import Bill
from openboss.modules.charging.functions.engine import rate_waiting
from openboss.modules.charging.models import ErrorRecord, StageCounter, UsageFile
from openboss.processes import close_month, warm_up
from openboss.processes.open_operator import open_operator, take_customers_over

EXAMPLE = Path(__file__).parents[2] / "example"
CYCLES = (202609, 202610)
NOW = datetime(2026, 11, 2, 0, 0, tzinfo=UTC)

# account: total of each of the two months in fen, as the plans and the domain rules say
TOUR = {
    1: (6_300, 14_841),  # 58.00 + 5.00; October: + 51 x 0.60 + 160 x 0.07 + 150.39 MB x 0.29
    2: (4_500, 4_500),  # 5.00 + 50.00 - 20 % (ACP-09)
    3: (5_500, 5_500),  # 59 years old
    4: (50_000, 50_000),  # 812.30 capped (ACP-11)
    5: (11_600, 11_600),  # D5.2
    6: (9_470, 9_470),  # D5.3
    7: (1_986, 1_986),  # D5.5
    8: (9_800, 9_800),  # rent 48.00 + broadband 50.00 (ACP-12)
    9: (14_000, 14_000),  # rent 50.00 + 90.00 (ACP-13)
    10: (19_000, 19_000),  # rent 50.00 + 140.00 (ACP-08)
    11: (3_000, 3_000),  # D1.2
    12: (0, 0),  # D1.2: a zero bill is produced
    FIRST_UNIT: (28_000, 28_000),  # D1.2
    13: (9_800, 9_800),  # rent 88.00 + 5 members x 2.00
    18: (10_800, 10_800),  # 98.00 + 10.00; 900 minutes of incoming calls at nothing (ACP-25)
    19: (43_050, 43_050),  # 388.00 + 200 x 0.25 - 15 %
    20: (3_087, 3_087),  # 30.00 + 3 x 0.29 (D3.11)
}


def run_two_months(users: int, folder: Path, settings) -> Manifest:
    """Take two months of `users` subscribers from files to trial bills; return what was generated."""
    settings.DATA_DIR, settings.LAKE_DIR = folder, folder / "lake"
    for part in ("collecting", "rating"):  # compiling is no part of a record's way
        warm_up.PARTS[part]()
    manifest = generate_operator(users=users, days=61, seed=1, start=date(2026, 9, 1), out=folder / "generated")
    open_operator(EXAMPLE, at=NOW)
    take_customers_over(folder / "generated" / "base", first_cycle=CYCLES[0], at=NOW)
    place = Place(data_dir=folder, lake_dir=settings.LAKE_DIR, timezone=settings.TIME_ZONE)
    for delivery in ("usage", "usage_late"):
        shutil.copytree(folder / "generated" / delivery, place.inbox_dir, dirs_exist_ok=True)
        collect_once(place=place, now=lambda: NOW)
    rate_waiting()
    for cycle in CYCLES:
        close_month.run(cycle, at=NOW)
    return manifest


def bills() -> dict[int, tuple[int, int]]:
    """Totals of both months in fen by account."""
    totals = {cycle: dict(Bill.objects.filter(cycle=cycle).values_list("account_id", "total_fen")) for cycle in CYCLES}
    accounts = sorted(set().union(*totals.values()))
    return {account: tuple(totals[cycle].get(account, 0) for cycle in CYCLES) for account in accounts}


def golden(path: Path) -> dict[int, tuple[int, int]]:
    with path.open(encoding="utf-8", newline="") as file:
        return {int(row[0]): (int(row[1]), int(row[2])) for row in list(csv.reader(file))[1:]}


def write_golden(path: Path, bills: dict[int, tuple[int, int]]) -> None:
    path.parent.mkdir(exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["account_id", *(f"total_{cycle}_fen" for cycle in CYCLES)])
        writer.writerows((account, *totals) for account, totals in bills.items())


def error_counts() -> dict[str, int]:
    return dict(ErrorRecord.objects.values_list("code").annotate(Count("pk")))


@pytest.mark.requirement("CHG-09", "ACP-25")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "users",
    [200, pytest.param(2000, marks=pytest.mark.skipif("OPENBOSS_SOAK" not in os.environ, reason="OPENBOSS_SOAK=1"))],
)
def test_two_months_of_the_demo_yield_the_golden_bills(users, tmp_path, settings):
    manifest = run_two_months(users, tmp_path, settings)
    found = bills()
    assert {account: found[account] for account in TOUR} == TOUR
    path = EXAMPLE / "golden" / f"bills_{users}.csv"
    if "OPENBOSS_WRITE_GOLDEN" in os.environ:
        write_golden(path, found)
    assert found == golden(path)
    # Everything that was spoilt on purpose lies in the error pool under its code, and every copy was dropped.
    spoilt = {code: many for code, many in manifest.spoilt.items() if code.startswith("E") and many}
    assert {code: many for code, many in error_counts().items() if code != "E504"} == spoilt
    duplicates = StageCounter.objects.aggregate(found=Sum("duplicate"))["found"]
    assert duplicates == manifest.spoilt["DUPLICATE"]
    # Every record was rated within five minutes of the arrival of its file, and not 95 of 100 only.
    rated = UsageFile.objects.filter(state="RATED")
    slowest = rated.aggregate(slowest=Max(F("rated_at") - F("arrived_at")))["slowest"]
    assert rated.count() > 100
    assert slowest <= timedelta(minutes=5)
