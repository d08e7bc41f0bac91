"""Work of several people at the console: the inbox, the page of a piece of work, lent authority, drawing of flows."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from openboss.access.jobs import clock
from openboss.access.jobs.people_work import go_on
from openboss.modules.receivables import functions as receivables
from openboss.modules.receivables.functions import proposals
from openboss.modules.workflow.functions import definitions, work
from openboss.processes import multi_person
from openboss.processes.multi_person import beginnings

from .conftest import signed_in
from .small_operator import NOW, clock_at, staff_id_of

pytestmark = [pytest.mark.usefixtures("operator")]
FLOW = "COUNTER_EXCEPTION"
DRAWN = Path(__file__).parents[3] / "example" / "workflows" / "counter_exception.bpmn"


def _asked(amount: str, *, serial_no: str, account: int = 5) -> int:
    """A clerk asks at the counter for a refund beyond their limit; return the work."""
    clerk = signed_in("clerk")
    receivables.post_payment(
        account_id=account, paid_fen=500_000, means="CASH", channel="HALL", serial_no=f"rich {serial_no}", at=NOW,
        staff_id=staff_id_of("clerk"),
    )  # fmt: skip
    form = {"kind": "REFUND", "account": str(account), "amount": amount, "means": "CASH", "reason": "moved away",
            "serial_no": serial_no}  # fmt: skip
    answer = clerk.post(f"/work/new/{FLOW}/begin/", form)
    assert answer.url != f"/work/new/{FLOW}/", _said(clerk.get(answer.url))[-3000:]
    return int(answer.url.strip("/").rpartition("/")[2])


def _open_task(instance_id: int) -> work.TaskView:
    (found,) = [one for one in work.tasks_of_instance(instance_id=instance_id) if one.state == "OPEN"]
    return found


def _said(answer: Any) -> str:
    return str(answer.content.decode())


def test_an_exception_goes_from_the_counter_through_two_inboxes_to_the_ledger() -> None:
    instance_id = _asked("1500", serial_no="two levels")
    hall, city = signed_in("hall"), signed_in("city")
    assert f"/work/{instance_id}/" in _said(hall.get("/tasks/"))
    assert f"/work/{instance_id}/" not in _said(city.get("/tasks/"))
    for client, next_said in ((hall, "the work goes on"), (city, "come to its end")):
        form = {"decision": "approve", "reason": "seen"}
        answer = client.post(f"/work/tasks/{_open_task(instance_id).task_id}/decide/", form, follow=True)
        assert next_said in _said(answer)
    assert work.instance_view(instance_id=instance_id).outcome == "Booked"
    newest = receivables.statement(account_id=5)[0:50]
    assert any(line.cause == "REFUND" and line.amount_fen == 150_000 for line in newest)


def test_who_asked_sees_the_work_but_no_decision_and_a_stranger_is_refused() -> None:
    instance_id = _asked("700", serial_no="own")
    row = f'data-href="/work/{instance_id}/"'
    assert row in _said(signed_in("clerk").get("/work/?by=me"))
    assert row not in _said(signed_in("hall").get("/work/?by=me"))
    seen = _said(signed_in("clerk").get(f"/work/{instance_id}/"))
    assert "Hall manager decides" in seen
    assert 'name="decision"' not in seen
    task_id = _open_task(instance_id).task_id
    answer = signed_in("sales").post(f"/work/tasks/{task_id}/decide/", {"decision": "approve"}, follow=True)
    assert "another team" in _said(answer)
    assert _open_task(instance_id).task_id == task_id


def test_what_waits_for_a_second_person_today_is_in_the_inbox_and_decided_by_its_own_function() -> None:
    clerk = staff_id_of("clerk")
    receivables.post_payment(
        account_id=6, paid_fen=90_000, means="CASH", channel="HALL", serial_no="rich 6", at=NOW, staff_id=clerk
    )
    waiting = proposals.propose(
        kind=proposals.REFUND, account_id=6, amount_fen=70_000, reason="left", serial_no="box", at=NOW,
        staff_id=clerk, means="CASH",
    )  # fmt: skip
    key = f"proposal-{waiting.proposal_id}"
    billing = signed_in("billing")
    assert f"/tasks/{key}/" in _said(billing.get("/tasks/"))
    assert signed_in("analyst").get(f"/tasks/{key}/").status_code == 404
    refused = billing.post(f"/tasks/{key}/decide/", {"decision": "refuse"}, follow=True)
    assert "Say why" in _said(refused)
    billing.post(f"/tasks/{key}/decide/", {"decision": "approve"})
    (decided,) = [one for one in proposals.list_proposals(kinds=["REFUND"], state="") if one.serial_no == "box"]
    assert (decided.state, decided.decided_by) == ("APPROVED", staff_id_of("billing"))
    assert billing.get(f"/tasks/{key}/").status_code == 404


def test_a_task_is_taken_given_back_and_shown_overdue_until_it_goes_up() -> None:
    instance_id = _asked("800", serial_no="late")
    hall, task_id = signed_in("hall"), _open_task(instance_id).task_id
    hall.post(f"/tasks/{task_id}/take/", {"how": "claim"})
    assert _open_task(instance_id).claimed_by == staff_id_of("hall")
    hall.post(f"/tasks/{task_id}/take/", {"how": "give_back"})
    assert _open_task(instance_id).claimed_by is None
    unchosen = hall.post(f"/tasks/{task_id}/take/", {"how": "hand_over", "to": ""}, follow=True)
    assert "Choose a colleague" in _said(unchosen)
    elsewhere = hall.post(f"/tasks/task-{task_id}/decide/", {"decision": "approve"}, follow=True)
    assert "Somebody has decided on this already" in _said(elsewhere)  # a flow's task has its own page
    assert (_open_task(instance_id).claimed_by, _open_task(instance_id).decision) == (None, "")
    with clock_at(_open_task(instance_id).due_at + timedelta(minutes=1)):
        assert f"/work/{instance_id}/" in _said(hall.get("/tasks/?whose=late"))
        assert go_on.func(0) >= 1
    assert _open_task(instance_id).team == "CITY_MANAGER"
    assert f"/work/{instance_id}/" not in _said(hall.get("/tasks/"))


def test_authority_lent_at_the_console_brings_the_task_to_another_inbox_and_back() -> None:
    instance_id = _asked("900", serial_no="lent")
    hall, sales = signed_in("hall"), signed_in("sales")
    form = {"to": str(staff_id_of("sales")), "from": "2026-11-02", "until": "2026-11-03", "limit": "1000",
            "reason": "training"}  # fmt: skip
    assert "it ends by itself" in _said(hall.post("/authority/lend/", form, follow=True))
    assert f"/work/{instance_id}/" in _said(sales.get("/tasks/"))
    assert "by the authority of" in _said(sales.get(f"/work/{instance_id}/"))
    with clock_at(NOW + timedelta(days=2)):
        assert f"/work/{instance_id}/" not in _said(sales.get("/tasks/"))
    lent = hall.get("/authority/").context["lendings"][0]["row"].delegation_id
    hall.post("/authority/lend/", {"end": str(lent)})
    assert f"/work/{instance_id}/" not in _said(sales.get("/tasks/"))


def test_an_administrator_draws_a_version_and_only_another_one_publishes_it() -> None:
    admin, admin2 = signed_in("admin"), signed_in("admin2")
    before = definitions.definition_in_force(flow=FLOW, at=clock.now())
    xml = before.xml.replace("100000", "300000")
    wrong = admin.post("/workflows/check/", {"xml": xml.replace("ADJUST_ACCOUNT", "rm -rf")}).json()["problems"]
    assert [(one["element"], "no function rm -rf" in one["text"]) for one in wrong] == [("Adjust", True)]
    script = xml.replace("serviceTask", "scriptTask")
    assert "scripts are never run" in _said(admin.post("/workflows/save/", {"xml": script, "flow": FLOW}))
    saved = admin.post("/workflows/save/", {"xml": xml, "flow": FLOW})
    draft = f"{saved.url}act/"
    admin.post(draft, {"how": "submit"})
    assert "another person publishes" in _said(admin.post(draft, {"how": "publish"}, follow=True))
    assert definitions.definition_in_force(flow=FLOW, at=clock.now()).version == before.version
    assert f"/tasks/flow-{saved.url.strip('/').rpartition('/')[2]}/" in _said(admin2.get("/tasks/"))
    admin2.post(draft, {"how": "publish"})
    now = definitions.definition_in_force(flow=FLOW, at=clock.now())
    assert (now.version, now.drawn_by, now.published_by) == (2, staff_id_of("admin"), staff_id_of("admin2"))
    assert signed_in("clerk").get("/workflows/").status_code == 403


def test_a_flow_drawn_from_nothing_is_begun_and_decided() -> None:
    admin = signed_in("admin")
    blank = admin.get("/workflows/new/").context["drawing"]["xml"]
    drawn = (
        blank.replace("NEW_FLOW", "LEAVE").replace('id="LEAVE"', 'id="LEAVE" name="请假" openboss:name_en="Leave"')
        .replace('id="Agree"', 'id="Agree" name="审批" openboss:name_en="Agree" openboss:team="PRODUCT"')
        .replace('id="Ended"', 'id="Ended" name="完" openboss:name_en="Ended"')
    )  # fmt: skip
    saved = admin.post("/workflows/save/", {"xml": drawn, "flow": ""})
    admin.post(f"{saved.url}act/", {"how": "submit"})
    signed_in("admin2").post(f"{saved.url}act/", {"how": "publish"})
    answer = signed_in("clerk").post("/work/new/LEAVE/begin/", {"about": "account:x", "reason": "tired"})
    instance_id = int(answer.url.strip("/").rpartition("/")[2])
    task_id = _open_task(instance_id).task_id
    product = signed_in("product")  # may see no customers, but what was given to the team
    assert "account:x" in _said(product.get(f"/work/{instance_id}/"))
    product.post(f"/work/tasks/{task_id}/decide/", {"decision": "approve"})
    assert work.instance_view(instance_id=instance_id).outcome == "Ended"


def test_a_fault_in_one_piece_of_work_holds_that_one_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    broken, whole = _asked("600", serial_no="broken"), _asked("610", serial_no="whole")
    for instance_id in (broken, whole):
        task_id = _open_task(instance_id).task_id
        work.decide(task_id=task_id, decision="approve", reason="", at=NOW, staff_id=staff_id_of("hall"))
    carry_on = multi_person.carry_on
    monkeypatch.setattr(
        multi_person, "carry_on", lambda one, **rest: 1 // 0 if one == broken else carry_on(one, **rest)
    )
    assert go_on.func(0) >= 1
    held = work.instance_view(instance_id=broken)
    assert (held.state, held.problem) == ("HELD", "ZeroDivisionError")
    assert work.instance_view(instance_id=whole).outcome == "Booked"
    monkeypatch.undo()
    clerk = signed_in("clerk")
    assert "come to its end" in _said(clerk.post(f"/work/{broken}/act/", {"how": "go_on"}, follow=True))


def test_work_that_is_held_says_why_in_words_and_goes_on_when_it_can() -> None:
    instance_id = _asked("6000", serial_no="held", account=8)  # there are 5,000.00
    for login in ("hall", "city"):
        task_id = _open_task(instance_id).task_id
        signed_in(login).post(f"/work/tasks/{task_id}/decide/", {"decision": "approve"})
    clerk = signed_in("clerk")
    assert "The account has not that much cash" in _said(clerk.get(f"/work/{instance_id}/"))
    receivables.post_payment(
        account_id=8, paid_fen=300_000, means="CASH", channel="HALL", serial_no="more", at=NOW,
        staff_id=staff_id_of("clerk"),
    )  # fmt: skip
    assert "come to its end" in _said(clerk.post(f"/work/{instance_id}/act/", {"how": "go_on"}, follow=True))


def test_the_forms_of_the_shipped_flows_begin_them() -> None:
    for flow in (beginnings.EXCEPTION, beginnings.RETENTION, beginnings.BATCH):
        assert signed_in("sales").get(f"/work/new/{flow}/").status_code == 200
    clerk = signed_in("clerk")
    answer = clerk.post(f"/work/new/{beginnings.RETENTION}/begin/", {"number": "1", "reason": "x"}, follow=True)
    assert "Nobody has this number." in _said(answer)
    at_the_desk = _said(clerk.get("/orders/new/PRE_CANCEL/?customer=2"))
    assert f"/work/new/{beginnings.RETENTION}/?user=2" in at_the_desk
    answer = clerk.post(f"/work/new/{beginnings.RETENTION}/begin/", {"user": "2", "reason": "leaves"}, follow=True)
    assert "Account manager talks to the customer" in _said(answer)
    answer = clerk.post(f"/work/new/{FLOW}/begin/", {"kind": "REFUND", "account": "5", "amount": "1.5"}, follow=True)
    assert "Still to be filled in or wrong: Means (of a refund), Reason" in _said(answer)
