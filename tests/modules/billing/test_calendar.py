"""Three calendars, each a dated parameter of its own: billing cycle, payment period, statistics period (ACP-05)."""

from datetime import date
from pathlib import Path

import pytest

from openboss.modules.billing import functions as billing
from openboss.modules.billing.models import BillCycle
from openboss.modules.system.models import Parameter
from openboss.processes import close_month
from openboss.processes.figures import figures
from openboss.processes.open_operator import import_calendar
from tests.modules.billing.conftest import AT

pytestmark = pytest.mark.django_db
EXAMPLE = Path(__file__).parents[3] / "example" / "reference" / "calendar.yaml"


def set_from(from_on: date, **values: object) -> int:
    return billing.set_calendar(values=values, from_on=from_on, at=AT)


def dates_of(cycle: int) -> tuple[str, str, str]:
    calendar = billing.calendar_of(cycle)
    return calendar.closable_at.isoformat(), calendar.payable_at.isoformat(), calendar.due_on.isoformat()


USUAL = ("2026-11-01T00:00:00+08:00", "2026-11-01T08:00:00+08:00", "2026-11-30")


def test_without_a_calendar_a_month_is_payable_at_eight_and_due_at_the_end_of_the_next() -> None:
    assert dates_of(202610) == USUAL


def test_the_example_operator_has_the_usual_calendar_as_parameters() -> None:
    assert import_calendar(EXAMPLE, at=AT) == 4
    assert import_calendar(EXAMPLE, at=AT) == 0
    assert (dates_of(202610), Parameter.objects.count()) == (USUAL, 4)


def test_a_value_holds_for_the_months_cut_from_its_day_on() -> None:
    set_from(date(2027, 1, 1), closable="02:00", payable="09:30", payment_months=2)
    assert dates_of(202611) == ("2026-12-01T00:00:00+08:00", "2026-12-01T08:00:00+08:00", "2026-12-31")
    assert dates_of(202612) == ("2027-01-01T02:00:00+08:00", "2027-01-01T09:30:00+08:00", "2027-02-28")
    billing.open_cycle(cycle=202612)
    assert BillCycle.objects.get(cycle=202612).due_on == date(2027, 2, 28)


@pytest.mark.requirement("ACP-05")
def test_a_quarterly_statistics_period_does_not_change_monthly_bills() -> None:
    before = [billing.calendar_of(cycle) for cycle in (202610, 202611, 202612)]
    assert figures(202611).cycles == (202611,)

    set_from(date(2026, 11, 1), statistics="QUARTER")

    assert figures(202611).cycles == (202610, 202611, 202612)
    assert figures(202609).cycles == (202609,)  # it was not quarterly then
    for cycle, was in zip((202610, 202611, 202612), before, strict=True):
        now = billing.calendar_of(cycle)
        assert (now.cut_at, now.payable_at, now.due_on) == (was.cut_at, was.payable_at, was.due_on)


def test_a_month_is_not_closed_before_the_time_its_calendar_says() -> None:
    set_from(date(2026, 1, 1), closable="02:00")
    with pytest.raises(close_month.MonthNotOver):
        close_month.run(202610, at=billing.calendar_of(202610).cut_at)


@pytest.mark.parametrize(
    "wrong",
    [{"closable": "24:00"}, {"payable": 8}, {"payment_months": 0}, {"payment_months": 13}, {"statistics": "YEAR"},
     {"cycle": "WEEK"}],
)  # fmt: skip
def test_a_value_no_calendar_can_have_is_refused_and_changes_nothing(wrong: dict[str, object]) -> None:
    with pytest.raises(billing.CalendarWrong):
        set_from(date(2026, 1, 1), payable="09:00", **wrong) if "payable" not in wrong else set_from(
            date(2026, 1, 1), **wrong
        )
    assert (Parameter.objects.count(), dates_of(202610)) == (0, USUAL)
