"""One inbox for a person: tasks of flows, and whatever else waits for a second pair of eyes today.

Proposals of money, tariffs, re-ratings, stock, write-offs of the error pool and drawn flows keep their own functions
and their own rules of who may decide; here they are found together and decided through those functions, never beside
them. What waits elsewhere is due a day after it was asked for.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction

from openboss.modules.catalog.functions import life_cycle, waiting_versions
from openboss.modules.charging.functions import errors as pool
from openboss.modules.receivables.functions import proposals
from openboss.modules.resources import functions as resources
from openboss.modules.system.atomic import (
    SerialNumberUsed,
    StaffView,
    org_nodes,
    org_subtree,
    send_out,
    staff_by_id,
    take_serial_no,
)
from openboss.modules.workflow.functions import definitions, work
from openboss.processes import multi_person, re_rate

ANSWER_WITHIN = timedelta(days=1)


class WaitsNoMore(LookupError):
    """This was decided meanwhile, or never was in your inbox."""


@dataclass(frozen=True)
class InboxRow:
    """Something that waits for this person or a team of theirs.

    key           kind and number, as an address has it: task-12, tariff-102-2026-12-01
    about         what it is about: account:17, offer:102
    team          the role it was given to; empty: a person's own, or whoever has the right
    on_behalf_of  whose lent authority brought it here; None: one's own
    may_decide    False: one asked for it oneself
    """

    key: str
    kind: str
    name_zh: str
    name_en: str
    about: str
    amount_fen: int | None
    team: str
    asked_by: int | None
    asked_at: datetime | None
    due_at: datetime | None
    claimed_by: int | None = None
    on_behalf_of: int | None = None
    may_decide: bool = True
    is_personal: bool = False
    instance_id: int | None = None
    reason: str = ""


def inbox(*, staff_id: int, at: datetime) -> list[InboxRow]:
    """Everything somebody may have to decide on, the most urgent first; what is never due comes last."""
    staff = staff_by_id(staff_id=staff_id)
    rows = list(_tasks(staff, at))
    for source in SOURCES.values():
        if source.right in staff.rights and staff.is_active:
            rows += source.rows(staff)
    far = datetime.max.replace(tzinfo=at.tzinfo)
    return sorted(rows, key=lambda row: (row.due_at or far, row.key))


def inbox_row(*, key: str, staff_id: int, at: datetime) -> InboxRow:
    """One thing of somebody's inbox. Raises WaitsNoMore."""
    found = next((row for row in inbox(staff_id=staff_id, at=at) if row.key == key), None)
    if found is None:
        raise WaitsNoMore(key)
    return found


def decide(*, key: str, approves: bool, reason: str, at: datetime, staff_id: int) -> None:
    """Decide on what waits elsewhere, by the function it has there; tasks of flows are decided by `multi_person`.

    Raises WaitsNoMore, ReasonMissing, and the refusals of that function.
    """
    row = inbox_row(key=key, staff_id=staff_id, at=at)
    if row.kind not in SOURCES:
        raise WaitsNoMore(key)
    if not approves and not reason.strip():
        raise work.ReasonMissing()
    SOURCES[row.kind].decide(key.partition("-")[2], approves, reason, at, staff_by_id(staff_id=staff_id))


def _tasks(staff: StaffView, at: datetime) -> Iterable[InboxRow]:
    names = {}
    for task, whose in work.tasks_for(staff_id=staff.staff_id, at=at):
        if task.definition_id not in names:
            definition = definitions.definition_view(definition_id=task.definition_id)
            names[task.definition_id] = definitions.diagram_of(definition)
        element, flow = names[task.definition_id].elements[task.element], names[task.definition_id]
        yield InboxRow(
            key=f"task-{task.task_id}", kind="TASK", name_zh=f"{element.name_zh} · {flow.name_zh}",
            name_en=f"{element.name_en} · {flow.name_en}", about=task.business_key, amount_fen=task.amount_fen,
            team=task.team, asked_by=task.started_by, asked_at=task.opened_at, due_at=task.due_at,
            claimed_by=task.claimed_by, on_behalf_of=whose, instance_id=task.instance_id,
            may_decide=not task.is_approval or task.started_by not in (staff.staff_id, whose),
            is_personal=task.person_id is not None,
        )  # fmt: skip


@dataclass(frozen=True)
class Source:
    """Something of today that a second person decides on: who may, what waits, and how it is decided."""

    right: str
    rows: Callable[[StaffView], list[InboxRow]]
    decide: Callable[[str, bool, str, datetime, StaffView], object]


def _row(
    kind: str, number: object, names: tuple[str, str], about: str, staff: StaffView, asked_by: int | None,
    asked_at: datetime | None, **more: Any,
) -> InboxRow:  # fmt: skip
    return InboxRow(
        key=f"{kind.lower().replace('_', '')}-{number}", kind=kind, name_zh=names[0], name_en=names[1], about=about,
        amount_fen=more.get("amount_fen"), team="", asked_by=asked_by, asked_at=asked_at,
        due_at=asked_at + ANSWER_WITHIN if asked_at else None, may_decide=asked_by != staff.staff_id,
        reason=more.get("reason", ""),
    )  # fmt: skip


_PROPOSED = {
    proposals.REFUND: ("退款审批", "Refund"),
    proposals.TRANSFER: ("转账审批", "Transfer between accounts"),
    proposals.WAIVER: ("滞纳金减免审批", "Waiver of a late fee"),
    proposals.WRITE_OFF: ("坏账核销审批", "Write-off of a debt"),
}


def _proposals(staff: StaffView) -> list[InboxRow]:
    found = proposals.list_proposals(kinds=list(_PROPOSED), state="WAITING")
    return [
        _row("PROPOSAL", one.proposal_id, _PROPOSED[one.kind], f"account:{one.account_id}", staff, one.proposed_by,
             one.proposed_at, amount_fen=one.amount_fen, reason=one.reason)
        for one in found
    ]  # fmt: skip


def _decide_proposal(number: str, approves: bool, reason: str, at: datetime, staff: StaffView) -> object:
    who: dict[str, Any] = {"proposal_id": int(number), "at": at, "staff_id": staff.staff_id}
    return proposals.approve(**who) if approves else proposals.refuse(answer=reason, **who)


def tell_overdue(*, at: datetime) -> int:
    """Tell the place above the asker's of proposals of money that nobody has decided on within a day; once a day each.

    Returns how many were told of. Tasks of flows go up themselves (work.escalate_due).
    """
    told, above = 0, {node.code: node.parent_code for node in org_nodes()}
    for one in proposals.list_proposals(kinds=list(_PROPOSED), state="WAITING"):
        if one.proposed_at + ANSWER_WITHIN > at:
            continue
        place = staff_by_id(staff_id=one.proposed_by).org_code
        payload = {
            "org": above[place] or place,
            "alarm": "PROPOSAL_OVERDUE",
            "team": SOURCES["PROPOSAL"].right,
            "proposal": one.proposal_id,
        }
        with suppress(SerialNumberUsed), transaction.atomic():
            take_serial_no(serial_no=f"OVERDUE {one.proposal_id} {at:%Y%m%d}", purpose="alarm", at=at)
            send_out(topic="staff", payload=payload, at=at)
            told += 1
    return told


def _tariffs(staff: StaffView) -> list[InboxRow]:
    return [
        _row("TARIFF", f"{one.offer_id}-{one.from_on}", ("资费审批", "Tariff"), f"offer:{one.offer_id}", staff,
             one.written_by, None)
        for one in waiting_versions()
    ]  # fmt: skip


def _decide_tariff(number: str, approves: bool, reason: str, at: datetime, staff: StaffView) -> object:
    offer_id, _, from_on = number.partition("-")
    act = life_cycle.approve if approves else life_cycle.send_back
    about = {"offer_id": int(offer_id), "from_on": date.fromisoformat(from_on)}
    return act(**about, reason=reason, at=at, staff_id=staff.staff_id)  # type: ignore[arg-type]


def _reratings(staff: StaffView) -> list[InboxRow]:
    return [
        _row("RERATING", one.rerating_id, ("重批审批", "Re-rating"), f"rerating:{one.rerating_id}", staff, one.asked_by,
             one.asked_at, amount_fen=abs(one.after_fen - one.before_fen), reason=one.cause)
        for one in re_rate.list_reratings(states=("PROPOSED",))
    ]  # fmt: skip


def _decide_rerating(number: str, approves: bool, reason: str, at: datetime, staff: StaffView) -> object:
    act = re_rate.approve if approves else re_rate.refuse
    return act(rerating_id=int(number), reason=reason, staff_id=staff.staff_id, at=at)


def _requisitions(staff: StaffView) -> list[InboxRow]:
    own = org_subtree(code=staff.org_code)
    return [
        _row("STOCK", one.requisition_id, ("库存申领审批", "Request for stock"), f"stock:{one.item_code}", staff,
             one.asked_by, one.asked_at, reason=f"{one.from_org} > {one.org_code}: {one.asked}")
        for one in resources.requisitions(org_codes=own)
        if one.state == "ASKED" and {one.org_code, one.from_org} <= own
    ]  # fmt: skip


def _decide_requisition(number: str, approves: bool, reason: str, at: datetime, staff: StaffView) -> object:  # noqa: ARG001
    row = resources.requisition_view(requisition_id=int(number))
    return resources.decide_move(
        requisition_id=row.requisition_id, approved=row.asked if approves else 0, at=at, staff_id=staff.staff_id,
        staff_org=staff.org_code,
    )  # fmt: skip


def _write_offs(staff: StaffView) -> list[InboxRow]:
    return [
        _row("WRITE_OFF", one["batch_id"], ("错单核销审批", "Write-off of errors"), f"errors:{one['records']}", staff,
             one["requested_by"], one["requested_at"],
             reason=one["reason"])
        for one in pool.list_batches(state="REQUESTED")
    ]  # fmt: skip


def _decide_write_off(number: str, approves: bool, reason: str, at: datetime, staff: StaffView) -> object:  # noqa: ARG001
    return pool.decide_write_off(batch_id=int(number), approved=approves, staff_id=staff.staff_id, at=at)


def _flows(staff: StaffView) -> list[InboxRow]:
    return [
        _row("FLOW", one.definition_id, (f"流程发布：{one.name_zh}", f"Workflow: {one.name_en}"), f"flow:{one.flow}",
             staff, one.drawn_by, one.drawn_at)
        for one in definitions.definitions()
        if one.state == "SUBMITTED"
    ]  # fmt: skip


def _decide_flow(number: str, approves: bool, reason: str, at: datetime, staff: StaffView) -> object:
    who: dict[str, Any] = {"definition_id": int(number), "at": at, "staff_id": staff.staff_id}
    if approves:
        return definitions.publish(known=multi_person.known(), **who)
    return definitions.send_back(reason=reason, **who)


SOURCES: dict[str, Source] = {
    "PROPOSAL": Source("receivables.approve", _proposals, _decide_proposal),
    "TARIFF": Source("catalog.approve", _tariffs, _decide_tariff),
    "RERATING": Source("charging.rerate_approve", _reratings, _decide_rerating),
    "STOCK": Source("resources.approve", _requisitions, _decide_requisition),
    "WRITE_OFF": Source("charging.writeoff", _write_offs, _decide_write_off),
    "FLOW": Source("workflow.publish", _flows, _decide_flow),
}
