"""Closing a month of the example operator, from usage files to audited bills."""

import shutil
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from openboss.access.jobs.generate import generate_operator
from openboss.access.network.collector import Place, collect_once
from openboss.modules.billing import functions as billing
from openboss.modules.charging.functions.engine import rate_waiting
from openboss.processes import close_month
from openboss.processes.open_operator import open_operator, take_customers_over

EXAMPLE = Path(__file__).parents[2] / "example"
CYCLE = 202610
BEFORE_THE_CUT = datetime(2026, 10, 31, 15, 59, 59, tzinfo=UTC)  # 23:59:59 in Shanghai
AFTER_THE_CUT = datetime(2026, 10, 31, 18, 0, tzinfo=UTC)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def place(tmp_path: Path, settings) -> Place:
    """An operator of 100 users with two days of usage, collected and rated."""
    settings.DATA_DIR, settings.LAKE_DIR = tmp_path, tmp_path / "lake"
    out = tmp_path / "generated"
    generate_operator(users=100, days=2, seed=3, start=date(2026, 10, 29), out=out, records_per_day=3.0)
    open_operator(EXAMPLE, at=AFTER_THE_CUT)
    take_customers_over(out / "base", first_cycle=CYCLE, at=AFTER_THE_CUT)
    place = Place(data_dir=tmp_path, lake_dir=settings.LAKE_DIR, timezone=settings.TIME_ZONE)
    shutil.copytree(out / "usage", place.inbox_dir, dirs_exist_ok=True)
    collect_once(place=place, now=lambda: AFTER_THE_CUT)
    rate_waiting()
    return place


def figures() -> tuple[int, dict[str, int]]:
    _, bills, sums = billing.list_bills(filters={"cycle": CYCLE})
    return bills, sums


@pytest.mark.requirement("ACP-01")
def test_a_month_is_closed_step_by_step_and_reports_accounts_items_total_and_errors(place: Place) -> None:
    with pytest.raises(close_month.MonthNotOver):
        close_month.run(CYCLE, at=BEFORE_THE_CUT)
    states = []
    for until in close_month.UNTIL:
        status = close_month.run(CYCLE, at=AFTER_THE_CUT, until=until)
        states.append(status.cycle.state)
    assert states == ["CUT", "CUT", "CALCULATED", "AUDITED"]
    bills, sums = figures()
    assert bills >= 100
    assert sums["total_fen"] > 0
    steps = {step.step: step for step in status.steps}
    assert [steps[name].state for name in ("COLLECT", "RECURRING", "DISCOUNT", "BILL", "AUDIT")] == ["DONE"] * 5
    assert steps["BILL"].total_li == 10 * sums["total_fen"]
    assert steps["BILL"].row_count > bills
    assert not any(step.error for step in status.steps)
    kinds = {one.kind for one in billing.findings_of(cycle=CYCLE)}
    assert kinds <= {"FIRST_CYCLE", "TOP_BILL", "SAMPLE_CHECKED", "ZERO_BILLS"}
    close_month.run(CYCLE, at=AFTER_THE_CUT)
    assert figures() == (bills, sums), "closing it again changes nothing"


@pytest.mark.requirement("CHG-37")
def test_a_usage_file_that_is_not_settled_stops_the_month(place: Place) -> None:
    folder = place.inbox_dir / "GMSC01"
    broken = b"H|OPENBOSS-USAGE|1|GMSC01|000003|2026-10-31T00:00:00+08:00\nT|5|0\n"
    (folder / "GMSC01_000003.txt").write_bytes(broken)
    collect_once(place=place, now=lambda: AFTER_THE_CUT)
    with pytest.raises(billing.UnbalancedFiles):
        close_month.run(CYCLE, at=AFTER_THE_CUT)
    assert billing.cycle_view(cycle=CYCLE).state == "OPEN"


def test_a_month_is_taken_back_and_closed_again_with_the_same_totals(place: Place) -> None:
    close_month.run(CYCLE, at=AFTER_THE_CUT)
    first = figures()
    assert close_month.cancel(CYCLE, at=AFTER_THE_CUT, staff_id=None) == "CALCULATED"
    assert close_month.cancel(CYCLE, at=AFTER_THE_CUT, staff_id=None) == "CUT"
    assert figures()[0] == 0
    close_month.run(CYCLE, at=AFTER_THE_CUT, part_size=20)
    assert figures() == first
