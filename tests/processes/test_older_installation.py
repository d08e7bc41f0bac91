"""An installation whose rules of money and chart were loaded by an earlier version goes on working (D0.2)."""

import shutil
from pathlib import Path

import pytest

from openboss.modules.receivables.functions.rules import DEFAULTS, PREFIX, rules_at
from openboss.modules.receivables.functions.set_up import CHART_FILE, RULES_FILE, import_money
from openboss.modules.receivables.models import ChartAccount, Posting
from openboss.modules.system.models import Parameter
from openboss.processes import rate_stars
from tests.modules.receivables.conftest import EXAMPLE, LONG_AGO, Desk, check_books, desk, on
from tests.processes.test_collect_debt import state
from tests.processes.test_emergency_opening import opened, stopped
from tests.processes.test_objections import billed, confirm, revenue, take
from tests.processes.test_rate_stars import rated

__all__ = ["desk"]
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def older(desk: Desk) -> Desk:
    """A desk where nobody has loaded what is new."""
    Parameter.objects.filter(key__in=[PREFIX + key for key in DEFAULTS]).delete()
    ChartAccount.objects.filter(role="COMPENSATION").delete()
    return desk


def test_the_defaults_are_the_values_of_the_example(desk: Desk) -> None:
    values = rules_at(LONG_AGO).values
    assert {key: values[PREFIX + key] for key in DEFAULTS} == DEFAULTS


def test_stars_are_rated_every_night(older: Desk) -> None:
    rated(older, opened=on(11, 15, year=2016), spend_fen=20_000)
    assert rate_stars.run(at=on(11, 15)) == rate_stars.Rated(1, 1)


def test_a_stopped_user_opens_for_a_day(older: Desk) -> None:
    _account, user = stopped(older)
    assert opened(user, on(11, 9), channel="SMS").result["until"] == "2026-11-10 10:00"
    assert state(user, on(11, 9, 11)) == "ACTIVE"


def test_a_confirmed_objection_is_returned_double_under_the_waivers_of_the_older_chart(older: Desk) -> None:
    account, user, bill = billed(older, LOCAL=8000)
    older.pay(account, 8000, on(11, 8))
    assert confirm(older, take(older, bill, user, 4000, on(11, 10)), 4000).returned_fen == 8000
    waived = ChartAccount.objects.get(role="WAIVED").chart_no
    assert Posting.objects.filter(chart_no=waived).get().amount_fen == 4000
    assert (older.cash(account), revenue()) == (8000, {"REVENUE_VOICE": -4000, "PREPAYMENT": -8000})
    check_books()


def test_its_chart_and_its_rules_load_again(older: Desk, tmp_path: Path) -> None:
    for name in (CHART_FILE, RULES_FILE):
        shutil.copy(EXAMPLE / name, tmp_path / name)
    chart = tmp_path / CHART_FILE
    lines = chart.read_text(encoding="utf-8").splitlines(keepends=True)
    chart.write_text("".join(one for one in lines if ",COMPENSATION," not in one), encoding="utf-8")
    assert import_money(tmp_path, at=on(11, 10)) == {"chart": 0, "rules": len(DEFAULTS)}
