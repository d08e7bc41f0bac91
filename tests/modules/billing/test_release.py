"""Audit, signatures, release, and taking back."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, transaction

from openboss.modules.billing import functions as billing
from openboss.modules.billing.models import Bill, BillCycle, BillItem, BillRunStep
from openboss.modules.system.atomic import OrgNodeView, put_org_nodes, put_role, put_staff
from tests.modules.billing.conftest import AT, Books
from tests.modules.billing.operator import CYCLE, ITEM_ID, Operator, offer, rent

Close = Callable[..., Books]
OTHER = 4_711  # whoever started a run that somebody else releases


@pytest.fixture
def boss(db: None) -> int:
    """Somebody who may sign and release."""
    put_org_nodes(nodes=[OrgNodeView("P", "PROVINCE", None, "省", "Province")], at=AT)
    put_role(code="CHIEF", name_zh="主管", name_en="Chief", rights=["billing.signoff", "billing.release"], at=AT)
    names = {"name_zh": "王", "name_en": "Wang", "org_code": "P", "password": "not-a-secret", "language": "en"}
    return put_staff(login="wang", roles=["CHIEF"], at=AT, **names)


@pytest.fixture
def clerk(boss: int) -> int:
    """Somebody who may not."""
    names = {"name_zh": "李", "name_en": "Li", "org_code": "P", "password": "not-a-secret", "language": "en"}
    return put_staff(login="li", roles=[], at=AT, **names)


def operator_of(calls_li: int, users: int = 3) -> Operator:
    operator = Operator([offer(98, recurring=[rent("98.00")])])
    for subscriber_id in range(1, users + 1):
        operator.user(subscriber_id)
        operator.holds(subscriber_id, 98)
        operator.used(subscriber_id, "LOCAL", calls_li)
    return operator


def close_cycle(operator: Operator, cycle: int, staff_id: int) -> None:
    """Close and release a month of its own, started by somebody else."""
    billing.open_cycle(cycle=cycle)
    billing.cut_cycle(cycle=cycle, position=1, at=AT, staff_id=None)
    billing.collect_inputs(**operator.inputs(cycle=cycle), staff_id=OTHER)
    billing.calculate(cycle=cycle, at=AT, staff_id=None, progress=lambda step, part: None)
    for finding in billing.audit_run(cycle=cycle, at=AT, staff_id=None):
        if finding.needs_sign_off:
            billing.sign_finding(finding_id=finding.finding_id, staff_id=staff_id, reason="checked", at=AT)
    billing.release_cycle(cycle=cycle, staff_id=staff_id, at=AT)


@pytest.mark.requirement("ACP-23")
def test_an_item_that_moved_by_more_than_a_fifth_needs_a_signature(bill: Close, boss: int) -> None:
    close_cycle(operator_of(10_000), 202610, boss)
    bill(operator_of(12_010), staff_id=OTHER)
    findings = {one.kind: one for one in billing.audit_run(cycle=CYCLE, at=AT, staff_id=None)}
    item = findings["ITEM"]
    assert (item.item_id, item.before, item.now, item.deviation_ppm) == (ITEM_ID["LOCAL"], 3_000, 3_603, 201_000)
    with pytest.raises(billing.NotSigned):
        billing.release_cycle(cycle=CYCLE, staff_id=boss, at=AT)
    assert not Bill.objects.filter(cycle=CYCLE).exclude(state="new").exists()
    billing.sign_finding(finding_id=item.finding_id, staff_id=boss, reason="new tariff", at=AT)
    assert billing.release_cycle(cycle=CYCLE, staff_id=boss, at=AT) == 3
    assert billing.cycle_view(cycle=CYCLE).state == "RELEASED"


def test_an_item_that_moved_by_a_fifth_needs_none(bill: Close, boss: int) -> None:
    close_cycle(operator_of(10_000), 202610, boss)
    bill(operator_of(12_000))
    assert not [one for one in billing.audit_run(cycle=CYCLE, at=AT, staff_id=None) if one.needs_sign_off]


def test_the_sample_is_recomputed_and_a_wrong_bill_is_found(bill: Close) -> None:
    bill(operator_of(10_000))
    BillItem.objects.filter(cycle=CYCLE, subscriber_id=2, item_id=ITEM_ID["LOCAL"]).update(due_fen=999, discount_fen=1)
    findings = billing.audit_run(cycle=CYCLE, at=AT, staff_id=None)
    wrong = [one for one in findings if one.kind == "SAMPLE"]
    assert [(one.subscriber_id, one.before, one.now, one.needs_sign_off) for one in wrong] == [
        (2, 10_800, 10_799, True)
    ]


def test_zero_bills_are_counted_and_negative_bills_need_a_signature(bill: Close) -> None:
    operator = Operator()
    for subscriber_id in (1, 2, 3):
        operator.user(subscriber_id)
    operator.used(3, "LOCAL", 5_000)
    post_credit(2, -1_000)
    bill(operator)
    findings = {one.kind: one for one in billing.audit_run(cycle=CYCLE, at=AT, staff_id=None)}
    assert findings["ZERO_BILLS"].now == 1
    assert (findings["NEGATIVE_BILL"].now, findings["NEGATIVE_BILL"].needs_sign_off) == (-100, True)


def post_credit(subscriber_id: int, charge_li: int) -> None:
    places = {"serial_no": "credit", "source": "ADJUSTMENT", "cycle": CYCLE, "note": "", "staff": "li", "at": AT}
    billing.post_charge(subscriber_id=subscriber_id, item_id=ITEM_ID["ADJUST"], charge_li=charge_li, **places)


def test_release_needs_the_right_to_release(bill: Close, clerk: int) -> None:
    bill(operator_of(10_000))
    billing.audit_run(cycle=CYCLE, at=AT, staff_id=None)
    with pytest.raises(billing.NotEntitled):
        billing.release_cycle(cycle=CYCLE, staff_id=clerk, at=AT)
    assert BillCycle.objects.get(cycle=CYCLE).state == "AUDITED"


def started_by(operator: Operator, staff_id: int | None) -> list[billing.FindingView]:
    """A month calculated and audited in somebody's name, that moved too far to be released unsigned."""
    billing.open_cycle(cycle=CYCLE)
    billing.cut_cycle(cycle=CYCLE, position=1, at=AT, staff_id=staff_id)
    billing.collect_inputs(**operator.inputs(), staff_id=staff_id)
    billing.calculate(cycle=CYCLE, at=AT, staff_id=staff_id, progress=lambda step, part: None)
    return [one for one in billing.audit_run(cycle=CYCLE, at=AT, staff_id=staff_id) if one.needs_sign_off]


def second_boss() -> int:
    names = {"name_zh": "赵", "name_en": "Zhao", "org_code": "P", "password": "not-a-secret", "language": "en"}
    return put_staff(login="zhao", roles=["CHIEF"], at=AT, **names)


@pytest.mark.requirement("ACP-23")
def test_whoever_started_a_run_signs_none_of_its_findings_and_may_release_it_once_another_has(boss: int) -> None:
    close_cycle(operator_of(10_000), 202610, boss)
    (finding,) = started_by(operator_of(12_010), boss)
    with pytest.raises(billing.OwnRun):
        billing.sign_finding(finding_id=finding.finding_id, staff_id=boss, reason="mine", at=AT)
    with pytest.raises(billing.NotSigned):
        billing.release_cycle(cycle=CYCLE, staff_id=boss, at=AT)
    assert [one.signed_by for one in billing.findings_of(cycle=CYCLE)] == [""] * len(billing.findings_of(cycle=CYCLE))

    billing.sign_finding(finding_id=finding.finding_id, staff_id=second_boss(), reason="new tariff", at=AT)
    assert billing.release_cycle(cycle=CYCLE, staff_id=boss, at=AT) == 3


def test_a_month_without_findings_is_released_by_another_than_started_it(boss: int) -> None:
    close_cycle(operator_of(10_000), 202610, boss)
    assert started_by(operator_of(12_000), boss) == []
    with pytest.raises(billing.OwnRun):
        billing.release_cycle(cycle=CYCLE, staff_id=boss, at=AT)
    assert BillCycle.objects.get(cycle=CYCLE).state == "AUDITED"
    assert not Bill.objects.filter(cycle=CYCLE).exclude(state="new").exists()
    assert billing.release_cycle(cycle=CYCLE, staff_id=second_boss(), at=AT) == 3


def test_a_run_nobody_stands_for_is_released_by_one_person_after_another_has_signed(boss: int) -> None:
    close_cycle(operator_of(10_000), 202610, boss)
    (finding,) = started_by(operator_of(12_010), None)
    billing.sign_finding(finding_id=finding.finding_id, staff_id=boss, reason="new tariff", at=AT)
    with pytest.raises(billing.OwnRun):  # one person would have signed and released
        billing.release_cycle(cycle=CYCLE, staff_id=boss, at=AT)
    assert BillCycle.objects.get(cycle=CYCLE).state == "AUDITED"
    assert billing.release_cycle(cycle=CYCLE, staff_id=second_boss(), at=AT) == 3


@pytest.mark.parametrize("change", ["UPDATE billing_billitem SET due_fen = 0, discount_fen = std_fen",
                                    "DELETE FROM billing_billline",
                                    "UPDATE billing_bill SET total_fen = 0, discount_fen = std_fen",
                                    "DELETE FROM billing_bill"])  # fmt: skip
def test_released_bills_cannot_be_changed_by_anybody(bill: Close, boss: int, change: str) -> None:
    bill(operator_of(10_000), staff_id=OTHER)
    billing.audit_run(cycle=CYCLE, at=AT, staff_id=None)
    billing.release_cycle(cycle=CYCLE, staff_id=boss, at=AT)
    with pytest.raises(DatabaseError, match="released"), transaction.atomic():
        run_sql(change)
    with pytest.raises(billing.CycleStateRefused):
        billing.step_back(cycle=CYCLE, at=AT, staff_id=boss)


def run_sql(statement: str) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(statement)


def test_a_trial_is_taken_back_step_by_step_and_made_again_with_the_same_totals(bill: Close) -> None:
    operator = operator_of(10_000)
    bill(operator)
    first = rows()
    billing.audit_run(cycle=CYCLE, at=AT, staff_id=None)
    assert billing.step_back(cycle=CYCLE, at=AT, staff_id=None) == "CALCULATED"
    assert billing.step_back(cycle=CYCLE, at=AT, staff_id=None) == "CUT"
    assert not Bill.objects.filter(cycle=CYCLE).exists()
    billing.collect_inputs(**operator.inputs())
    billing.calculate(cycle=CYCLE, at=AT, staff_id=None, progress=lambda step, part: None)
    assert rows() == first


@pytest.mark.requirement("ACP-03")
def test_a_run_goes_on_at_the_step_that_failed_and_comes_to_the_same_totals(
    bill: Close, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator = operator_of(10_000, users=9)
    bill(operator, part_size=3)
    undisturbed = rows()
    for _ in range(1):
        billing.step_back(cycle=CYCLE, at=AT, staff_id=None)
    billing.collect_inputs(**operator.inputs(part_size=3))
    stop_at = {"BILL": 1}

    def full_disk(step: str, part: int) -> None:
        if stop_at.get(step) == part:
            raise OSError("no space left")

    with pytest.raises(OSError, match="no space"):
        billing.calculate(cycle=CYCLE, at=AT, staff_id=None, progress=full_disk)
    half = {step.step: step.parts_done for step in billing.run_status(CYCLE).steps}
    assert (half["DISCOUNT"], half["BILL"]) == (2, 2)
    begun = dict(BillRunStep.objects.filter(step="BILL").values_list("step_id", "started_at"))
    billing.calculate(cycle=CYCLE, at=AT, staff_id=None, progress=lambda step, part: None)
    assert rows() == undisturbed
    after = dict(BillRunStep.objects.filter(step="BILL").values_list("step_id", "started_at"))
    assert begun.items() <= after.items(), "parts that were done are not done again"


def rows() -> list[tuple[Any, ...]]:
    items = BillItem.objects.filter(cycle=CYCLE).values_list("bill_id", "subscriber_id", "item_id", "due_fen")
    return sorted(items)


@pytest.mark.requirement("IND-16", "IND-18")
def test_the_cycle_of_october_is_its_31_days_and_is_paid_in_november(db: None) -> None:
    from openboss.kernel.periods import day_number, days_in, first_day
    from openboss.modules.billing.atomic import calendar_of

    assert (first_day(202610), days_in(202610)) == (day_number(2026, 10, 1), 31)
    assert calendar_of(202610).cut_at.date() == date(2026, 11, 1)
    assert (calendar_of(202610).payable_at.date(), calendar_of(202610).due_on) == (
        date(2026, 11, 1),
        date(2026, 11, 30),
    )


@pytest.mark.requirement("ACP-04")
def test_october_is_cut_at_midnight_and_payable_at_eight_on_the_first_of_november(db: None) -> None:
    from openboss.modules.billing.atomic import calendar_of

    calendar = calendar_of(202610)
    assert calendar.cut_at.isoformat() == "2026-11-01T00:00:00+08:00"
    assert calendar.payable_at.isoformat() == "2026-11-01T08:00:00+08:00"
    assert calendar.due_on == date(2026, 11, 30)
    assert calendar_of(202612).due_on == date(2027, 1, 31)
    assert calendar.payable_at - calendar.cut_at == timedelta(hours=8)
