"""Work of several people: who decides, what is then done and when, and what is never done twice or by one alone."""

from __future__ import annotations

import os
import signal
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.db import connection, transaction

from openboss.modules.receivables.functions import proposals
from openboss.modules.receivables.models import Entry
from openboss.modules.system.atomic import put_org_nodes, put_role, put_staff
from openboss.modules.system.atomic.organisation import OrgNodeView
from openboss.modules.system.functions import list_audit
from openboss.modules.system.models import Outbox
from openboss.modules.workflow.functions import authority, definitions, work
from openboss.modules.workflow.functions.definitions import DiagramRefused
from openboss.processes import multi_person
from openboss.processes.multi_person import beginnings, inbox
from tests.modules.receivables.conftest import Desk, check_books, desk, on

__all__ = ["desk"]
EXAMPLE = Path(__file__).parents[2] / "example" / "workflows"
AT = on(11, 12)
HOUR = timedelta(hours=1)
OUTLET = "P.1"


@dataclass
class Team:
    """A desk with managers above it, and the flows of the example."""

    desk: Desk
    staff: dict[str, int]

    def ask(self, amount_fen: int, *, account_id: int | None = None, at: datetime = AT) -> int:
        """A clerk asks to give money back; return the work."""
        return beginnings.begin_exception(
            kind="REFUND", account_id=account_id or self.rich(), amount_fen=amount_fen, means="CASH",
            reason="moved away", serial_no=self.desk.no(), at=at, staff_id=self.staff["clerk"],
        )  # fmt: skip

    def rich(self) -> int:
        """An account with 5,000 yuan of advances."""
        account = self.desk.account()
        self.desk.pay(account, 500_000, on(11, 1))
        return account

    def task(self, instance_id: int) -> work.TaskView:
        """The one task that is open in a piece of work."""
        (found,) = [one for one in work.tasks_of_instance(instance_id=instance_id) if one.state == "OPEN"]
        return found

    def decide(self, instance_id: int, who: str, decision: str, *, at: datetime = AT, reason: str = "seen"):
        """Somebody decides on what is open."""
        task_id = self.task(instance_id).task_id
        return multi_person.decide(task_id=task_id, decision=decision, reason=reason, at=at, staff_id=self.staff[who])

    def sees(self, who: str, *, at: datetime = AT) -> list[str]:
        """The elements somebody finds in their inbox."""
        return [task.element for task, _whose in work.tasks_for(staff_id=self.staff[who], at=at)]


PEOPLE = {
    "hall": ("HALL_MANAGER", OUTLET), "hall2": ("HALL_MANAGER", "P.2"), "city": ("CITY_MANAGER", "P"),
    "city2": ("CITY_MANAGER", "P"), "sales": ("ACCOUNT_MANAGER", "P"), "admin": ("ADMINISTRATOR", "P"),
    "admin2": ("ADMINISTRATOR", "P"),
}  # fmt: skip
APPROVER = ["receivables.adjust", "receivables.approve"]


@pytest.fixture
def team(desk: Desk) -> Team:
    """The people of a small branch and the example's flows."""
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    outlets = [OrgNodeView(code, "OUTLET", "P", code, code) for code in (OUTLET, "P.2")]
    put_org_nodes(nodes=outlets, at=long_ago)
    rights = {"ADMINISTRATOR": ["workflow.edit", "workflow.publish"], "ACCOUNT_MANAGER": []}
    for role in {role for role, _ in PEOPLE.values()}:
        put_role(code=role, name_zh=role, name_en=role, rights=rights.get(role, APPROVER), at=long_ago)
    common = {"name_zh": "李", "name_en": "Li", "password": "not-a-secret", "language": "en", "at": long_ago}
    staff = {
        login: put_staff(login=login, roles=[role], org_code=org, **common) for login, (role, org) in PEOPLE.items()
    }
    clerk = put_staff(login="clerk", roles=["SHOP_CLERK"], org_code=OUTLET, **common)
    assert multi_person.import_flows(EXAMPLE, at=long_ago) == 3
    return Team(desk, {**desk.staff, **staff, "clerk": clerk})


def paid_out(desk: Desk) -> list[str]:
    """The serial numbers under which money was given back."""
    return list(Entry.objects.filter(cause="REFUND").order_by("entry_id").values_list("serial_no", flat=True))


# --- two levels by amount ---


def test_up_to_1000_yuan_the_hall_manager_alone_agrees_and_the_money_goes_in_the_name_of_both(team: Team) -> None:
    work_id = team.ask(60_000)
    assert (team.sees("hall"), team.sees("hall2"), team.sees("city"), paid_out(team.desk)) == (
        ["HallManager"],
        [],
        [],
        [],
    )
    ended = team.decide(work_id, "hall", "approve")
    assert (ended.state, ended.outcome) == ("ENDED", "Booked")
    (number,) = paid_out(team.desk)
    entry = Entry.objects.get(serial_no=number)
    assert entry.staff_id == team.staff["clerk"]
    assert ended.values["approved_by"] == team.staff["hall"]
    kinds = [one.kind for one in work.happenings(instance_id=work_id)]
    assert kinds == ["BEGUN", "OPENED", "DECIDED", "CALLED", "ENDED"]
    check_books()


def test_above_1000_yuan_the_city_company_agrees_too(team: Team) -> None:
    work_id = team.ask(100_001)
    team.decide(work_id, "hall", "approve")
    assert (team.sees("hall"), team.sees("city"), paid_out(team.desk)) == ([], ["CityManager"], [])
    assert team.decide(work_id, "city", "approve").outcome == "Booked"
    assert len(paid_out(team.desk)) == 1


def test_a_refusal_ends_the_work_with_a_reason_and_moves_nothing(team: Team) -> None:
    work_id = team.ask(60_000)
    with pytest.raises(work.ReasonMissing):
        team.decide(work_id, "hall", "refuse", reason=" ")
    ended = team.decide(work_id, "hall", "refuse", reason="no such claim")
    assert (ended.state, ended.outcome, paid_out(team.desk)) == ("ENDED", "Refused", [])
    assert work.tasks_of_instance(instance_id=work_id)[0].reason == "no such claim"


def test_what_is_sent_back_goes_to_who_asked_and_comes_again(team: Team) -> None:
    work_id = team.ask(60_000)
    team.decide(work_id, "hall", "send_back", reason="which number?")
    assert (team.sees("clerk"), team.sees("hall")) == (["Complete"], [])
    team.decide(work_id, "clerk", "done")
    assert team.decide(work_id, "hall", "approve").outcome == "Booked"


# --- four eyes ---


def test_nobody_agrees_to_what_they_asked_for(team: Team) -> None:
    work_id = beginnings.begin_exception(
        kind="REFUND", account_id=team.rich(), amount_fen=60_000, means="CASH", reason="mine", serial_no="own", at=AT,
        staff_id=team.staff["hall"],
    )  # fmt: skip
    with pytest.raises(authority.SamePerson):
        team.decide(work_id, "hall", "approve")
    assert (team.task(work_id).state, paid_out(team.desk)) == ("OPEN", [])


def test_nobody_agrees_twice_to_the_same_thing_even_where_a_task_came_up_to_them(team: Team) -> None:
    work_id = team.ask(200_000)
    assert multi_person.escalate_due(at=AT + 4 * HOUR) == 1
    team.decide(work_id, "city", "approve", at=AT + 5 * HOUR)
    with pytest.raises(authority.SamePerson):
        team.decide(work_id, "city", "approve", at=AT + 6 * HOUR)
    assert team.decide(work_id, "city2", "approve", at=AT + 6 * HOUR).outcome == "Booked"


def test_another_teams_task_is_not_decided_and_a_claimed_one_not_by_others(team: Team) -> None:
    work_id = team.ask(60_000)
    for who in ("clerk2", "hall2", "sales"):
        with pytest.raises(authority.NotYours):
            team.decide(work_id, who, "approve")
    escalated = team.ask(60_000)
    multi_person.escalate_due(at=AT + 4 * HOUR)
    work.claim(task_id=team.task(escalated).task_id, at=AT + 5 * HOUR, staff_id=team.staff["city"])
    with pytest.raises(work.TaskClaimed):
        team.decide(escalated, "city2", "approve", at=AT + 5 * HOUR)
    with pytest.raises(work.DecisionUnknown):
        team.decide(escalated, "city", "kept", at=AT + 5 * HOUR)


# --- due times ---


def test_what_nobody_answers_goes_one_level_up_once_and_is_told(team: Team) -> None:
    work_id = team.ask(60_000)
    assert team.task(work_id).due_at == AT + 4 * HOUR
    assert multi_person.escalate_due(at=AT + 4 * HOUR - timedelta(seconds=1)) == 0
    assert multi_person.escalate_due(at=AT + 4 * HOUR) == 1
    assert multi_person.escalate_due(at=AT + 4 * HOUR) == 0
    task = team.task(work_id)
    assert (task.team, task.escalations, task.due_at) == ("CITY_MANAGER", 1, AT + 8 * HOUR)
    assert (team.sees("hall"), team.sees("city")) == ([], ["HallManager"])
    told = Outbox.objects.get(topic="staff").payload
    assert told == {"org": OUTLET, "alarm": "TASK_OVERDUE", "team": "CITY_MANAGER", "work": work_id}
    assert multi_person.escalate_due(at=AT + 100 * HOUR) == 0  # nobody is above the city company here


def test_a_proposal_that_nobody_decides_on_within_a_day_is_told_of_above_once_a_day_until_it_is_decided(
    team: Team,
) -> None:
    one = proposals.propose(
        kind="REFUND", account_id=team.rich(), amount_fen=500, means="CASH", reason="moved", serial_no=team.desk.no(),
        at=AT, staff_id=team.staff["clerk"],
    )  # fmt: skip
    assert inbox.tell_overdue(at=AT + 23 * HOUR) == 0
    assert [inbox.tell_overdue(at=AT + hours * HOUR) for hours in (24, 25, 48)] == [1, 0, 1]
    told = Outbox.objects.filter(topic="staff").order_by("outbox_id")[0].payload
    wanted = {"org": "P", "alarm": "PROPOSAL_OVERDUE", "team": "receivables.approve", "proposal": one.proposal_id}
    assert told == wanted
    proposals.refuse(proposal_id=one.proposal_id, answer="no", at=AT + 49 * HOUR, staff_id=team.staff["hall"])
    assert inbox.tell_overdue(at=AT + 90 * HOUR) == 0


def test_the_place_above_is_the_one_in_the_tree_and_not_in_the_code(team: Team) -> None:
    put_org_nodes(nodes=[OrgNodeView("NORTH", "OUTLET", "P", "北厅", "North")], at=AT)
    asker = put_staff(
        login="north", name_zh="王", name_en="Wang", roles=["SHOP_CLERK"], org_code="NORTH", password="not-a-secret",
        language="en", at=AT,
    )  # fmt: skip
    proposals.propose(
        kind="REFUND", account_id=team.rich(), amount_fen=500, means="CASH", reason="moved", serial_no=team.desk.no(),
        at=AT, staff_id=asker,
    )  # fmt: skip
    assert inbox.tell_overdue(at=AT + 24 * HOUR) == 1
    assert Outbox.objects.get(topic="staff").payload["org"] == "P"


# --- lent authority ---


def lend(of: Team, who: str, to: str, **changes: object) -> authority.DelegationView:
    known = {"from_at": AT, "to_at": AT + 24 * HOUR, "reason": "on leave", "at": AT}
    return authority.lend(staff_id=of.staff[who], to_staff_id=of.staff[to], **(known | changes))


def test_lent_authority_reaches_to_its_limit_and_ends_at_its_moment(team: Team) -> None:
    lend(team, "hall", "sales", limit_fen=80_000)
    small, large = team.ask(80_000), team.ask(80_001)
    assert team.sees("sales", at=AT) == ["HallManager"]
    assert team.sees("sales", at=AT + 24 * HOUR) == []
    with pytest.raises(authority.NotYours):
        team.decide(large, "sales", "approve")
    with pytest.raises(authority.NotYours):
        team.decide(small, "sales", "approve", at=AT + 24 * HOUR)
    ended = team.decide(small, "sales", "approve", at=AT + 24 * HOUR - timedelta(seconds=1))
    (task,) = work.tasks_of_instance(instance_id=small)
    assert (task.decided_by, task.on_behalf_of) == (team.staff["sales"], team.staff["hall"])
    assert (ended.outcome, ended.values["approved_by"]) == ("Booked", team.staff["hall"])
    said = list_audit(action="workflow.lend")[0]
    assert [(row.staff_id, row.object_id, row.after["limit_fen"]) for row in said] == [
        (team.staff["hall"], str(team.staff["sales"]), 80_000)
    ]


def test_lent_authority_agrees_neither_to_ones_own_request_nor_to_the_lenders(team: Team) -> None:
    lend(team, "hall", "clerk")
    own = team.ask(60_000)
    with pytest.raises(authority.SamePerson):
        team.decide(own, "clerk", "approve")
    lend(team, "hall", "sales")
    lenders = beginnings.begin_exception(
        kind="REFUND", account_id=team.rich(), amount_fen=60_000, means="CASH", reason="mine", serial_no="own", at=AT,
        staff_id=team.staff["hall"],
    )  # fmt: skip
    with pytest.raises(authority.SamePerson):
        team.decide(lenders, "sales", "approve")
    assert paid_out(team.desk) == []


def test_lent_authority_is_not_lent_on_and_is_taken_back_at_once(team: Team) -> None:
    lent = lend(team, "hall", "sales")
    lend(team, "sales", "clerk2")
    team.ask(60_000)
    assert (team.sees("sales"), team.sees("clerk2")) == (["HallManager"], [])
    with pytest.raises(authority.DelegationUnknown):
        authority.withdraw(delegation_id=lent.delegation_id, at=AT, staff_id=team.staff["sales"])
    authority.withdraw(delegation_id=lent.delegation_id, at=AT, staff_id=team.staff["hall"])
    assert team.sees("sales") == []


def test_authority_one_has_not_or_that_does_not_end_is_not_lent(team: Team) -> None:
    wrong: list[tuple[str, dict]] = [
        ("hall", {}), ("sales", {"team": "CITY_MANAGER"}), ("sales", {"to_at": AT}),
        ("sales", {"to_at": AT + timedelta(days=93)}), ("sales", {"from_at": AT - timedelta(days=1)}),
        ("sales", {"limit_fen": 0}), ("sales", {"reason": ""}),
    ]  # fmt: skip
    for to, changes in wrong:
        with pytest.raises(authority.LendingRefused):
            lend(team, "hall", to, **changes)
    assert authority.lent_by_or_to(staff_id=team.staff["hall"]) == []


def test_a_task_is_handed_over_to_a_colleague_of_the_team_only(team: Team) -> None:
    work_id = team.ask(60_000)
    multi_person.escalate_due(at=AT + 4 * HOUR)
    known = {
        "task_id": team.task(work_id).task_id,
        "reason": "yours",
        "at": AT + 4 * HOUR,
        "staff_id": team.staff["city"],
    }
    with pytest.raises(authority.NotYours):
        work.hand_over(to_staff_id=team.staff["sales"], **known)
    work.hand_over(to_staff_id=team.staff["city2"], **known)
    assert (team.sees("city"), team.sees("city2")) == ([], ["HallManager"])


def test_a_task_is_not_handed_over_to_who_asked_for_it_and_could_not_decide(team: Team) -> None:
    work_id = beginnings.begin_exception(
        kind="REFUND", account_id=team.rich(), amount_fen=60_000, means="CASH", reason="moved away",
        serial_no=team.desk.no(), at=AT, staff_id=team.staff["city"],
    )  # fmt: skip
    multi_person.escalate_due(at=AT + 4 * HOUR)
    known = {"task_id": team.task(work_id).task_id, "reason": "yours", "at": AT + 4 * HOUR}
    with pytest.raises(authority.SamePerson):
        work.hand_over(to_staff_id=team.staff["city"], staff_id=team.staff["city2"], **known)
    assert team.task(work_id).person_id is None
    assert team.sees("city2") == ["HallManager"]


# --- kills and refusals ---


def test_a_worker_killed_between_decision_and_deed_is_continued_by_the_job_and_pays_once(team: Team) -> None:
    work_id = team.ask(60_000)
    task_id = team.task(work_id).task_id
    decided = work.decide(task_id=task_id, decision="approve", reason="", at=AT, staff_id=team.staff["hall"])
    assert (decided.state, decided.has_step, paid_out(team.desk)) == ("RUNNING", True, [])
    assert list(multi_person.waiting()) == [work_id]
    assert [multi_person.carry_on(one, at=AT) for one in multi_person.waiting()] == [1]
    assert list(multi_person.waiting()) == []
    assert multi_person.carry_on(work_id, at=AT) == 0
    assert len(paid_out(team.desk)) == 1


@pytest.mark.django_db(transaction=True)
def test_a_process_killed_in_the_middle_of_a_step_leaves_nothing_and_the_next_one_does_it_once(team: Team) -> None:
    work_id = team.ask(60_000)
    work.decide(task_id=team.task(work_id).task_id, decision="approve", reason="", at=AT, staff_id=team.staff["hall"])
    connection.close()
    child = os.fork()
    if child == 0:
        with transaction.atomic():
            step = work.next_step(instance_id=work_id)
            assert step is not None
            done = multi_person.CALLS[step.call].carry_out(step, AT)
            work.step_done(step, values=done.values, at=AT)
            os.kill(os.getpid(), signal.SIGKILL)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    assert (paid_out(team.desk), list(multi_person.waiting())) == ([], [work_id])
    assert multi_person.carry_on(work_id, at=AT) == 1
    assert (len(paid_out(team.desk)), work.instance_view(instance_id=work_id).outcome) == (1, "Booked")
    check_books()


@pytest.mark.django_db(transaction=True)
def test_two_who_decide_at_the_same_moment_are_one_decision(team: Team) -> None:
    work_id = team.ask(200_000)
    multi_person.escalate_due(at=AT + 4 * HOUR)  # to two city managers
    task_id, both = team.task(work_id).task_id, threading.Barrier(2)
    said: list[str] = []

    def decide(who: str) -> None:
        both.wait()
        try:
            about = {"task_id": task_id, "reason": "seen", "at": AT + 5 * HOUR, "staff_id": team.staff[who]}
            multi_person.decide(decision="approve", **about)
            said.append("decided")
        except work.TaskDecided:
            said.append("too late")
        finally:
            connection.close()

    threads = [threading.Thread(target=decide, args=(who,)) for who in ("city", "city2")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(said) == ["decided", "too late"]
    assert [one.kind for one in work.happenings(instance_id=work_id)].count("DECIDED") == 1


@pytest.mark.django_db(transaction=True)
def test_a_task_is_taken_while_its_work_is_held_by_somebody_who_then_waits_for_the_task(team: Team) -> None:
    work_id = team.ask(60_000)
    about = {"task_id": team.task(work_id).task_id, "at": AT, "staff_id": team.staff["hall"]}

    def take() -> None:
        work.claim(**about)
        connection.close()

    thread = threading.Thread(target=take)
    with transaction.atomic():
        assert work.next_step(instance_id=work_id) is None  # holds the work, as a decision does before its task
        thread.start()
        thread.join(timeout=10)
        assert not thread.is_alive()
    assert team.task(work_id).claimed_by == team.staff["hall"]


def test_a_refused_step_holds_the_work_until_it_can_be_done(team: Team) -> None:
    account = team.desk.account()
    work_id = team.ask(60_000, account_id=account)
    held = team.decide(work_id, "hall", "approve")
    assert (held.state, held.problem.partition(":")[0], paid_out(team.desk)) == ("HELD", "NotEnoughMoney", [])
    with pytest.raises(authority.NotYours):
        multi_person.let_go_on(instance_id=work_id, at=AT, staff_id=team.staff["sales"])
    team.desk.pay(account, 60_000, AT)
    assert multi_person.let_go_on(instance_id=work_id, at=AT, staff_id=team.staff["clerk"]).outcome == "Booked"
    assert len(paid_out(team.desk)) == 1


def test_the_same_form_twice_begins_one_work_and_another_content_is_refused(team: Team) -> None:
    form = {"kind": "REFUND", "amount_fen": 60_000, "means": "CASH", "reason": "r", "serial_no": "F1", "at": AT}
    account, other = team.rich(), team.rich()
    first = beginnings.begin_exception(account_id=account, staff_id=team.staff["clerk"], **form)
    assert beginnings.begin_exception(account_id=account, staff_id=team.staff["clerk"], **form) == first
    with pytest.raises(work.InstanceExists):
        beginnings.begin_exception(account_id=other, staff_id=team.staff["clerk"], **form)


def test_who_asked_may_give_it_up_and_nobody_decides_any_more(team: Team) -> None:
    work_id = team.ask(60_000)
    with pytest.raises(authority.NotYours):
        work.stop(instance_id=work_id, reason="x", at=AT, staff_id=team.staff["sales"])
    task_id = team.task(work_id).task_id
    work.stop(instance_id=work_id, reason="paid elsewhere", at=AT, staff_id=team.staff["clerk"])
    with pytest.raises(work.TaskDecided):
        multi_person.decide(task_id=task_id, decision="approve", reason="", at=AT, staff_id=team.staff["hall"])
    assert (work.instance_view(instance_id=work_id).state, team.sees("hall")) == ("STOPPED", [])


# --- versions ---


def drawn_lower(limit: str = "50000") -> str:
    """The example's flow with another amount from which the city company decides."""
    return (EXAMPLE / "counter_exception.bpmn").read_text(encoding="utf-8").replace("100000", limit)


def test_a_new_version_is_published_by_a_second_person_and_running_work_stays_on_its_own(team: Team) -> None:
    before = team.ask(60_000)
    known = multi_person.known()
    draft = definitions.save_draft(
        drawn_lower(), flow="COUNTER_EXCEPTION", known=known, at=AT, staff_id=team.staff["admin"]
    )
    about = {"definition_id": draft.definition_id, "at": AT}
    definitions.submit(staff_id=team.staff["admin"], **about)
    with pytest.raises(definitions.SameDrawer):
        definitions.publish(known=known, staff_id=team.staff["admin"], **about)
    with pytest.raises(definitions.RightMissing):
        definitions.publish(known=known, staff_id=team.staff["sales"], **about)
    definitions.publish(known=known, staff_id=team.staff["admin2"], from_at=AT + HOUR, **about)
    still = team.ask(60_000, at=AT)
    after = team.ask(60_000, at=AT + HOUR)
    versions = [work.instance_view(instance_id=one).version for one in (before, still, after)]
    assert versions == [1, 1, 2]
    assert team.decide(before, "hall", "approve", at=AT + 2 * HOUR).outcome == "Booked"
    assert team.decide(after, "hall", "approve", at=AT + 2 * HOUR).state == "RUNNING"
    assert team.task(after).element == "CityManager"


def test_a_published_version_is_never_changed_and_one_draft_is_drawn_at_a_time(team: Team) -> None:
    known, admin = multi_person.known(), team.staff["admin"]
    draft = definitions.save_draft(drawn_lower(), known=known, at=AT, staff_id=admin)
    again = definitions.save_draft(drawn_lower("70000"), known=known, at=AT, staff_id=team.staff["admin2"])
    assert (draft.definition_id, again.version) == (again.definition_id, 2)
    definitions.submit(definition_id=draft.definition_id, at=AT, staff_id=admin)
    with pytest.raises(definitions.DefinitionStateForbids):
        definitions.save_draft(drawn_lower(), known=known, at=AT, staff_id=admin)
    with pytest.raises(definitions.FlowRenamed):
        definitions.save_draft(drawn_lower(), flow="KEY_RETENTION", known=known, at=AT, staff_id=admin)
    with pytest.raises(DiagramRefused):
        definitions.save_draft(drawn_lower().replace("HALL_MANAGER", "GONE"), known=known, at=AT, staff_id=admin)
    with pytest.raises(Exception, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE workflow_definition SET xml = '' WHERE state = 'PUBLISHED'")
    assert multi_person.import_flows(EXAMPLE, at=AT) == 0
