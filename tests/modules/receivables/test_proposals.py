"""Four eyes on paper: what waits moves nothing, and what is approved is done once, in the name of both."""

from datetime import timedelta

import pytest

from openboss.modules.receivables.functions import authority, bad_debt, proposals
from openboss.modules.receivables.functions.owed import owed
from openboss.modules.receivables.models import Entry, Message, Proposal, Receivable
from tests.modules.receivables.conftest import Desk, check_books, on

LATER = on(11, 30, year=2027)


def _doubtful(desk: Desk, *, reminders: int = 3) -> tuple[int, int]:
    """An account with a bill of 45 yuan that nobody paid for a year; returns account and bill."""
    account = desk.account()
    bill = desk.bill(account, 202609, RENT=4500)
    bad_debt.mark_doubtful(at=on(3, 1, year=2027))
    for number in range(reminders):
        Message.objects.create(account_id=account, plan="OVERDUE", step=f"S{number}", bill_id=bill, sent_at=on(12, 1))
    return account, bill


def _propose(desk: Desk, account: int, bill: int, **changes: object) -> proposals.ProposalView:
    known = {
        "kind": proposals.WRITE_OFF, "account_id": account, "bill_id": bill, "amount_fen": 4500, "reason": "gone",
        "serial_no": desk.no(), "at": LATER, "staff_id": desk.staff["clerk"],
    }  # fmt: skip
    return proposals.propose(**(known | changes))


def test_a_write_off_waits_for_the_second_person_and_is_then_off_the_ledger(desk: Desk) -> None:
    account, bill = _doubtful(desk)
    (ready,) = proposals.bad_debts(at=LATER).iter_rows(named=True)
    assert (ready["bill_id"], ready["reminders"], ready["may_be_bad"]) == (bill, 3, True)
    waiting = _propose(desk, account, bill)
    assert desk.open(bill) == 4500
    with pytest.raises(proposals.ProposalExists):
        _propose(desk, account, bill)
    decided = proposals.approve(proposal_id=waiting.proposal_id, at=LATER, staff_id=desk.staff["chief"])
    assert (decided.state, decided.proposed_by, decided.decided_by) == (
        "APPROVED", desk.staff["clerk"], desk.staff["chief"],
    )  # fmt: skip
    assert (desk.open(bill), desk.state(bill)) == (0, "writtenOff")
    assert Receivable.objects.get(bill_id=bill).written_off_fen == 4500
    assert proposals.bad_debts(at=LATER).is_empty()
    check_books()


def test_a_debt_that_is_too_young_or_was_not_dunned_enough_waits_on_when_it_is_approved(desk: Desk) -> None:
    account, bill = _doubtful(desk, reminders=2)
    assert proposals.bad_debts(at=LATER)["may_be_bad"].to_list() == [False]
    waiting = _propose(desk, account, bill)
    with pytest.raises(bad_debt.NotYetBad):
        proposals.approve(proposal_id=waiting.proposal_id, at=LATER, staff_id=desk.staff["chief"])
    assert Proposal.objects.get().state == "WAITING"
    assert desk.open(bill) == 4500


@pytest.mark.parametrize("who", ["clerk", "clerk2"])
def test_nobody_approves_alone_or_without_the_right(desk: Desk, who: str) -> None:
    account, bill = _doubtful(desk)
    waiting = _propose(desk, account, bill)
    before = Entry.objects.count()
    with pytest.raises((authority.SecondPersonNeeded, authority.NotEntitled)):
        proposals.approve(proposal_id=waiting.proposal_id, at=LATER, staff_id=desk.staff[who])
    assert (Proposal.objects.get().state, Entry.objects.count()) == ("WAITING", before)


def test_a_waiver_is_done_within_the_limit_of_who_approves_it(desk: Desk) -> None:
    account = desk.account()
    bill = desk.bill(account, 202609, RENT=100_000)
    at = on(12, 10)
    late_fen = owed(account_id=account, at=at).late_fee_fen
    assert late_fen > 1200
    with pytest.raises(bad_debt.WaiverTooHigh):
        bad_debt.waive_late_fee(
            bill_id=bill, waived_fen=1200, reason="ill", serial_no=desk.no(), at=at, staff_id=desk.staff["clerk"]
        )
    waiting = _propose(desk, account, bill, kind="WAIVER", amount_fen=1200, at=at)
    proposals.approve(proposal_id=waiting.proposal_id, at=at, staff_id=desk.staff["chief"])
    assert owed(account_id=account, at=at).open_fen == 100_000 + late_fen - 1200
    check_books()


def test_a_refusal_is_kept_with_its_reason_and_the_same_may_be_proposed_again(desk: Desk) -> None:
    account, bill = _doubtful(desk)
    waiting = _propose(desk, account, bill)
    proposals.refuse(proposal_id=waiting.proposal_id, answer="ask once more", at=LATER, staff_id=desk.staff["chief"])
    with pytest.raises(proposals.ProposalDecided):
        proposals.approve(proposal_id=waiting.proposal_id, at=LATER + timedelta(days=1), staff_id=desk.staff["chief"])
    assert _propose(desk, account, bill).state == "WAITING"
    assert desk.open(bill) == 4500
