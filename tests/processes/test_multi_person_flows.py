"""The flows that are shipped beside the exception at the counter: keeping a key customer, and a batch for a unit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from openboss.modules.customers import functions as customers
from openboss.modules.customers.models import Subscriber
from openboss.modules.orders.models import ProductOrder
from openboss.modules.receivables.functions import monthly_gifts
from openboss.modules.receivables.models import Bucket
from openboss.modules.resources import functions as resources
from openboss.modules.system.atomic import put_role, put_staff
from openboss.modules.workflow.functions import work
from openboss.processes import multi_person
from openboss.processes.multi_person import beginnings, calls
from tests.modules.receivables.conftest import desk
from tests.processes.hall_office import AT, HALL, ORDINARY, Office, number_state, office, state

__all__ = ["desk", "office"]
EXAMPLE = Path(__file__).parents[2] / "example" / "workflows"
PEOPLE = {
    "shop": ("SHOP_CLERK", HALL), "hall": ("HALL_MANAGER", HALL), "city": ("CITY_MANAGER", "17.027"),
    "sales": ("ACCOUNT_MANAGER", "17.027"), "books": ("BILLING", "17"),
}  # fmt: skip


@dataclass
class Branch:
    """The office with its managers, and the flows of the example."""

    office: Office
    staff: dict[str, int]

    def open_elements(self, instance_id: int) -> dict[str, int]:
        """What waits for people: element -> task."""
        found = work.tasks_of_instance(instance_id=instance_id)
        return {one.element: one.task_id for one in found if one.state == "OPEN"}

    def decide(self, instance_id: int, element: str, who: str, decision: str) -> work.InstanceView:
        """Somebody decides on one of the open tasks."""
        task_id = self.open_elements(instance_id)[element]
        return multi_person.decide(task_id=task_id, decision=decision, reason="seen", at=AT, staff_id=self.staff[who])


@pytest.fixture
def branch(office: Office) -> Branch:
    """The people of the branch."""
    for role in {role for role, _ in PEOPLE.values()} - {"SHOP_CLERK", "BILLING"}:
        put_role(code=role, name_zh=role, name_en=role, rights=["receivables.approve"], at=AT)
    common = {"name_zh": "李", "name_en": "Li", "password": "not-a-secret", "language": "en", "at": AT}
    staff = {
        login: put_staff(login=login, roles=[role], org_code=org, **common) for login, (role, org) in PEOPLE.items()
    }
    multi_person.import_flows(EXAMPLE, at=AT)
    return Branch(office, staff)


def leaving(branch: Branch, gift_fen: int, serial_no: str = "L1", gift_parts: int = 1) -> int:
    """A key customer wants to leave; return the work."""
    user = branch.office.open_user()
    return beginnings.begin_retention(
        subscriber_id=user, gift_fen=gift_fen, gift_parts=gift_parts, reason="dear", serial_no=serial_no, at=AT,
        staff_id=branch.staff["shop"],
    )  # fmt: skip


def gifts_fen() -> list[int]:
    """Money given away, by bucket."""
    return list(Bucket.objects.filter(kind="GIFT").values_list("balance_fen", flat=True))


def test_two_teams_work_on_a_key_customer_at_once_and_the_kept_one_gets_what_was_agreed(branch: Branch) -> None:
    work_id = leaving(branch, 5_000)
    assert set(branch.open_elements(work_id)) == {"Talk", "Check"}
    branch.decide(work_id, "Talk", "sales", "kept")
    assert set(branch.open_elements(work_id)) == {"Check"}
    branch.decide(work_id, "Check", "books", "done")
    assert (set(branch.open_elements(work_id)), gifts_fen()) == ({"Gift"}, [])
    ended = branch.decide(work_id, "Gift", "hall", "approve")
    assert (ended.outcome, gifts_fen()) == ("Kept", [5_000])


def test_who_is_kept_may_get_the_credit_month_by_month(branch: Branch) -> None:
    with pytest.raises(beginnings.BeginningRefused, match="parts"):
        leaving(branch, 12_000, gift_parts=61)
    user = Subscriber.objects.get().subscriber_id
    known = {"reason": "dear", "serial_no": "L2", "at": AT, "staff_id": branch.staff["shop"]}
    work_id = beginnings.begin_retention(subscriber_id=user, gift_fen=12_000, gift_parts=12, **known)
    branch.decide(work_id, "Talk", "sales", "kept")
    branch.decide(work_id, "Check", "books", "done")
    assert branch.decide(work_id, "Gift", "hall", "approve").outcome == "Kept"
    (gift,) = monthly_gifts.gifts_of_account(account_id=branch.office.account_id)
    assert (gift.given_fen, gift.parts, gift.released_fen) == (12_000, 12, 1_000)
    assert dict(Bucket.objects.filter(kind="RELEASED").values_list("account_id", "balance_fen")) == {
        branch.office.account_id: 1_000
    }


def test_who_leaves_all_the_same_is_pre_cancelled_at_the_hall_that_asked(branch: Branch) -> None:
    work_id = leaving(branch, 5_000)
    branch.decide(work_id, "Check", "books", "done")
    branch.decide(work_id, "Talk", "sales", "leaves")
    assert set(branch.open_elements(work_id)) == {"Counter"}
    ended = branch.decide(work_id, "Counter", "shop", "done")
    assert (ended.outcome, gifts_fen()) == ("Left", [])


def batch(branch: Branch, count: int) -> int:
    """A unit wants numbers with cards, one of which is not there; return the work."""
    customer_id = customers.find_or_create_customer(
        kind="UNIT", name="楚江机械厂", cert_type="LICENCE", cert_no="914201000A", org_code=HALL, at=AT, staff_id=None
    )
    account_id = customers.open_account(
        customer_id=customer_id, pay_method="CASH", language="zh", layout="STANDARD", at=AT, staff_id=None
    )
    cards = resources.free_sims(org_codes=[HALL], limit=count)
    lines = [(ORDINARY + place, card.iccid) for place, card in enumerate(cards)]
    return beginnings.begin_batch(
        account_id=account_id, main_offer_id=102, home_area=27, lines=[*lines, (8613800000000, "8986")], org_code=HALL,
        reason="new staff", serial_no="B1", at=AT, staff_id=branch.staff["sales"],
    )  # fmt: skip


def test_a_batch_is_agreed_prepared_and_opened_in_parts_by_the_job_and_looked_at(
    branch: Branch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "LINES_AT_ONCE", 2)
    monkeypatch.setattr(multi_person, "AT_ONCE", 0)  # nobody waits for the page: the job does it all
    work_id = batch(branch, 5)
    branch.decide(work_id, "Approve", "city", "approve")
    branch.decide(work_id, "Hall", "hall", "accept")
    assert (list(multi_person.waiting()), ProductOrder.objects.filter(kind="PRE_OPEN").count()) == ([work_id], 0)
    assert multi_person.carry_on(work_id, at=AT, at_most=1) == 1  # then the worker is killed
    assert ProductOrder.objects.filter(kind="PRE_OPEN").count() == 2
    assert multi_person.carry_on(work_id, at=AT) == 2
    values = work.instance_view(instance_id=work_id).values
    assert (values["opened_count"], values["refused_count"]) == (5, 1)
    assert values["refused_lines"] == [[6, "NumberUnknown"]]
    opened = ProductOrder.objects.filter(kind="PRE_OPEN").values_list("subscriber_id", flat=True)
    assert ({state(user) for user in opened}, number_state(ORDINARY + 4)) == ({"PREOPENED"}, "RESERVED")
    assert branch.decide(work_id, "Look", "sales", "done").outcome == "Opened"


def test_a_batch_that_is_refused_or_not_ready_opens_nothing(branch: Branch) -> None:
    work_id = batch(branch, 2)
    branch.decide(work_id, "Approve", "city", "approve")
    assert branch.decide(work_id, "Hall", "hall", "decline").outcome == "Refused"
    assert ProductOrder.objects.filter(kind="PRE_OPEN").count() == 0


def test_a_list_that_is_empty_too_long_or_names_something_twice_is_not_begun(branch: Branch) -> None:
    too_long = [(number, str(number)) for number in range(beginnings.MOST_LINES + 1)]
    for lines in ([], [(1, "a"), (1, "b")], [(1, "a"), (2, "a")], too_long):
        with pytest.raises(beginnings.BeginningRefused, match="lines"):
            beginnings.begin_batch(
                account_id=branch.office.account_id, main_offer_id=102, home_area=27, lines=lines, org_code=HALL,
                reason="x", serial_no="B2", at=AT, staff_id=branch.staff["sales"],
            )  # fmt: skip
    assert work.list_instances()[1] == 0
