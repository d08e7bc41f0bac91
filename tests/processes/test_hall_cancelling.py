"""Leaving: in person, the month paid and something ahead, three months of waiting, money to the fen (HAL-06 to 09)."""

from datetime import UTC, datetime, timedelta

import pytest

from openboss.modules.charging.models import EngineCommand
from openboss.modules.customers import functions as customers
from openboss.modules.customers.functions import Proof
from openboss.modules.receivables.functions.owed import owed
from openboss.modules.resources import functions as resources
from openboss.modules.system.atomic import put_parameter
from openboss.processes import hall, waiting_times
from openboss.processes.cancel_user import CancellationDesk, NotDesignated, desk_of, pre_cancellation_price
from openboss.processes.transfer_user import FeesOpen
from tests.modules.receivables.conftest import check_books, desk
from tests.processes.hall_office import (
    AT,
    DAY,
    HALL,
    ORDINARY,
    Office,
    line,
    network,
    number_state,
    office,
    state,
)

__all__ = ["desk", "office"]

AUGUST = datetime(2026, 8, 10, 2, tzinfo=UTC)
NOVEMBER = datetime(2026, 11, 10, 2, tzinfo=UTC)
PRE_STEPS = ("REASON", "RETENTION", "IDENTITY")


def barred(user: int) -> int:
    """How far the engine was told last to bar a user (0 not, 2 everything)."""
    told = EngineCommand.objects.filter(kind="STATE", payload__subscriber_id=user).order_by("command_id")
    return told.last().payload["barred"]


def pre_cancel(office: Office, user: int, *, at: datetime = AUGUST, **more):
    request = {"reason": "搬家", "retention": "神州行", "current_fen": 0, **more}
    return office.do("PRE_CANCEL", user, at=at, steps=PRE_STEPS, documents=("HOLDER_ID",), **request)


def cancel(office: Office, user: int, *, at: datetime):
    return office.do("CANCEL", user, at=at, steps=("IDENTITY",), documents=("HOLDER_ID",))


@pytest.mark.requirement("HAL-06")
def test_a_proxy_for_a_private_user_is_refused_and_a_unit_sends_its_clerk_with_papers(office: Office) -> None:
    user = office.open_user(at=AUGUST)
    with pytest.raises(customers.NotEntitled):
        office.place("PRE_CANCEL", user=user, at=AUGUST, reason="搬家", current_fen=0, proofs=[Proof.ID_AT_HALL])
    assert state(user, AUGUST) == "ACTIVE"
    unit_id = customers.find_or_create_customer(
        kind="UNIT", name="楚江机械厂", cert_type="LICENCE", cert_no="914201000A", org_code=HALL, at=AUGUST, staff_id=7
    )
    account_id = customers.open_account(
        customer_id=unit_id, pay_method="CASH", language="zh", layout="STANDARD", at=AUGUST, staff_id=7
    )
    order = office.place(
        "OPEN", at=AUGUST, **office.open_request(customer_id=unit_id, account_id=account_id, number=ORDINARY + 1)
    )
    steps = ("INTRODUCE", "FORM_FREE", "IDENTITY", "PAY_METHOD", "OFFER")
    office.fill_in(order, *steps, documents=("CERTIFICATE", "LICENCE"))
    unit_user = office.confirm(order, at=AUGUST, service_password="258014").subscriber_id
    order = office.place("PRE_CANCEL", user=unit_user, at=AUGUST, reason="撤点", current_fen=0)
    office.fill_in(order, *PRE_STEPS, documents=("CERTIFICATE", "LICENCE"))
    assert office.confirm(order, at=AUGUST).state == "COMPLETED"


def test_only_designated_halls_take_it_and_reason_and_retention_come_first(office: Office) -> None:
    user = office.open_user(at=AUGUST)
    put_parameter(key="hall.designated_outlets", value=["17.027.05.02"], from_on=AUGUST.date(), at=AUGUST)
    with pytest.raises(NotDesignated, match="17.027.05.02"):
        pre_cancel(office, user)
    put_parameter(key="hall.designated_outlets", value=[HALL], from_on=AUGUST.date(), at=AUGUST)
    order = office.place("PRE_CANCEL", user=user, at=AUGUST, reason="搬家", current_fen=0)
    office.fill_in(order, "REASON", "IDENTITY")
    with pytest.raises(hall.OrderIncomplete, match="RETENTION"):
        office.confirm(order, at=AUGUST)
    office.fill_in(order, "RETENTION")
    assert office.confirm(order, at=AUGUST).state == "COMPLETED"
    assert state(user, AUGUST) == "PRE_TERMINATED"
    assert (network()[-1]["voice_in"], number_state(ORDINARY)) == (False, "OCCUPIED")


@pytest.mark.requirement("HAL-07")
def test_with_an_average_of_310_the_current_86_and_200_ahead_are_collected(office: Office) -> None:
    user = office.open_user(at=AUGUST)
    for cycle, total_fen in ((202605, 30_000), (202606, 31_000), (202607, 32_000)):
        office.desk.bill(office.account_id, cycle, user=user, RENT=total_fen)
    office.desk.pay(office.account_id, 150_000, AUGUST)
    left_fen = owed(account_id=office.account_id, at=AUGUST).advance_fen
    order = pre_cancel(office, user, current_fen=8_600)
    assert {one.code: one.fee_fen for one in order.fees} == {"CURRENT_MONTH": 8_600, "PREPAYMENT": 20_000}
    assert owed(account_id=office.account_id, at=AUGUST).advance_fen == left_fen + 28_600


def test_at_an_average_of_300_nothing_is_paid_ahead(office: Office) -> None:
    user = office.open_user(at=AUGUST)
    for cycle, total_fen in ((202605, 29_000), (202606, 30_000), (202607, 31_000)):
        office.desk.bill(office.account_id, cycle, user=user, RENT=total_fen)
    assert pre_cancellation_price(user, AUGUST, current_fen=8_600) == {"CURRENT_MONTH": 8_600, "PREPAYMENT": 0}


def test_nobody_leaves_with_open_bills(office: Office) -> None:
    user = office.open_user(at=AT)
    office.desk.bill(office.account_id, 202610, user=user, RENT=12_000)
    with pytest.raises(FeesOpen, match="2000"):  # 100.00 of the pre-deposit cleared the rest
        pre_cancel(office, user, at=AT)


@pytest.mark.requirement("HAL-08")
def test_three_months_later_the_holder_gets_back_what_is_left(office: Office) -> None:
    user = office.open_user(at=AUGUST)
    pre_cancel(office, user)
    assert desk_of(user, at=NOVEMBER - DAY) == CancellationDesk("WAIT", 0, NOVEMBER.date())
    with pytest.raises(customers.TooEarly, match="2026-11-10"):
        cancel(office, user, at=NOVEMBER - DAY)
    office.desk.bill(office.account_id, 202608, user=user, RENT=2_500)
    done = cancel(office, user, at=NOVEMBER)
    assert (done.result["refundable_fen"], done.result["short_fen"]) == (7_500, 0)
    assert (state(user, NOVEMBER), line(user, NOVEMBER).remove_tag) == ("TERMINATED", 2)
    assert (number_state(ORDINARY), network()[-1]["verb"]) == ("QUARANTINE", "DELETE")
    assert resources.count_sims()["SCRAPPED"] == 1
    check_books()


@pytest.mark.requirement("HAL-09")
def test_an_already_cancelled_number_that_owes_23_opens_only_the_recovery_of_it(office: Office) -> None:
    user = office.open_user(at=AUGUST)
    pre_cancel(office, user)
    assert desk_of(user, at=NOVEMBER).action == "CANCEL"
    cancel(office, user, at=NOVEMBER)
    assert desk_of(user, at=NOVEMBER) == CancellationDesk("NOTHING", 0, None)
    office.desk.bill(office.account_id, 202610, user=user, RENT=12_300)
    assert desk_of(user, at=NOVEMBER) == CancellationDesk("RECOVER", 2_300, None)
    for kind in ("CANCEL", "RE_INSTATE", "PRE_CANCEL", "RESUME"):
        with pytest.raises((customers.StateForbids, customers.ReasonNotActive)):
            office.place(kind, user=user, at=NOVEMBER, reason="x")


def test_who_changes_their_mind_comes_back_within_three_months_and_not_later(office: Office) -> None:
    user, other = office.open_user(at=AUGUST), office.open_user(at=AUGUST, number=ORDINARY + 1)
    for one in (user, other):
        pre_cancel(office, one)
    late = NOVEMBER + DAY
    assert (barred(user), barred(other)) == (2, 2)
    office.do("RE_INSTATE", user, at=NOVEMBER, steps=("IDENTITY",))
    assert (state(user, NOVEMBER), network()[-1]["voice_out"]) == ("ACTIVE", True)
    assert (barred(user), barred(other)) == (0, 2)
    with pytest.raises(customers.TooLate):
        office.do("RE_INSTATE", other, at=late, steps=("IDENTITY",))
    assert state(other, late) == "PRE_TERMINATED"


def test_arrears_bring_a_user_to_the_end_by_themselves_and_the_debt_stays(office: Office) -> None:
    user = office.open_user(at=AT)
    office.desk.bill(office.account_id, 202609, user=user, RENT=50_000)
    customers.add_stop_reason(subscriber_id=user, reason="ARREARS_2", at=AT, staff_id=None)
    at = AT
    seen = []
    for day in (29, 30, 59, 60, 61):
        at = AT + day * DAY
        waiting_times.run(at=at)
        seen.append(state(user, at))
    assert seen == ["TWO_WAY_STOP", "PRE_TERMINATED", "PRE_TERMINATED", "TERMINATED", "TERMINATED"]
    assert line(user, at).remove_tag == 4
    assert desk_of(user, at=at).action == "RECOVER"
    assert waiting_times.run(at=at) == waiting_times.WaitingOver(0, 0, 0, 0)
    assert number_state(ORDINARY) == "QUARANTINE"
    waiting_times.run(at=AT + timedelta(days=60 + 90))
    assert number_state(ORDINARY) == "IDLE"


def test_a_user_gone_for_arrears_comes_back_only_with_everything_paid(office: Office) -> None:
    user = office.open_user(at=AT)
    customers.add_stop_reason(subscriber_id=user, reason="ARREARS_2", at=AT, staff_id=None)
    office.desk.bill(office.account_id, 202610, user=user, RENT=50_000)
    at = AT + 31 * DAY
    waiting_times.run(at=at)
    assert barred(user) == 2
    with pytest.raises(FeesOpen):
        office.do("RE_INSTATE", user, at=at, steps=("IDENTITY",))
    open_fen = owed(account_id=office.account_id, at=at).owed_fen
    office.desk.pay(office.account_id, open_fen, at)
    office.do("RE_INSTATE", user, at=at, steps=("IDENTITY",))
    assert (state(user, at), barred(user)) == ("ACTIVE", 0)
