"""Objections to bills: taken for five months, decided by staff, returned double if it was our fault (D8.12)."""

from typing import Any

import pytest

from openboss.modules.receivables.functions import objections
from openboss.modules.receivables.functions.authority import NotEntitled, SecondPersonNeeded
from openboss.modules.receivables.functions.deferred import earn
from openboss.modules.receivables.functions.payments import AmountWrong
from openboss.modules.receivables.functions.reconciliation import trial_balance
from openboss.modules.receivables.models import Entry, Objection
from openboss.modules.system.atomic import SerialNumberUsed
from openboss.modules.system.models import AuditEntry, Outbox
from openboss.processes import collect_debt
from openboss.processes import objections as process
from tests.modules.receivables.conftest import NUMBERS, Desk, check_books, desk, on
from tests.processes.test_collect_debt import messages, state, user_of

__all__ = ["desk"]
ISSUED = on(11, 5)


def billed(desk: Desk, **items: int) -> tuple[int, int, int]:
    """An account, its user, and a bill of October that was issued on 5 November."""
    account = desk.account()
    user = user_of(account)
    return account, user, desk.bill(account, 202610, user=user, at=ISSUED, **items)


def take(desk: Desk, bill: int, user: int, objected_fen: int, at: Any, **changes: Any) -> objections.ObjectionView:
    known = {"item_id": NUMBERS["LOCAL"], "reason": "was not at home", "serial_no": desk.no(), "at": at}
    staff = {"staff_id": desk.staff["clerk2"]}
    return process.take(bill_id=bill, subscriber_id=user, objected_fen=objected_fen, **(known | staff | changes))


def confirm(desk: Desk, objection: objections.ObjectionView, over_fen: int, **changes: Any) -> objections.ObjectionView:
    known = {"answer": "switch fault", "at": on(11, 12), "staff_id": desk.staff["clerk"]}
    return process.confirm(objection_id=objection.objection_id, over_fen=over_fen, **(known | changes))


def revenue() -> dict[str, int]:
    rows = trial_balance().select("role", "balance_fen").iter_rows()
    return {role: fen for role, fen in rows if role in ("REVENUE_VOICE", "COMPENSATION", "PREPAYMENT")}


def test_what_was_charged_too_much_by_our_fault_is_returned_double_once(desk: Desk) -> None:
    account, user, bill = billed(desk, LOCAL=8000, RENT=3000)
    desk.pay(account, 11_000, on(11, 8))
    taken = take(desk, bill, user, 5000, on(11, 10))
    done = confirm(desk, taken, 4000)
    assert (done.state, done.over_fen, done.returned_fen) == ("CONFIRMED", 4000, 8000)
    assert desk.cash(account) == 8000
    assert revenue() == {"REVENUE_VOICE": -4000, "COMPENSATION": 4000, "PREPAYMENT": -8000}
    entries = Entry.objects.count()
    with pytest.raises(objections.ObjectionDecided):
        confirm(desk, taken, 4000)
    with pytest.raises(objections.ObjectionExists):
        take(desk, bill, user, 1000, on(11, 13))
    assert (Entry.objects.count(), Objection.objects.count(), desk.cash(account)) == (entries, 1, 8000)
    assert messages() == ["OBJECTION_TAKEN", "OBJECTION_CONFIRMED"]
    told = Outbox.objects.filter(topic="sms").order_by("outbox_id").last().payload["values"]
    assert told == {"month": "2026-10", "item": "本地通话费", "over_fen": 4000, "returned_fen": 8000}
    actions = list(AuditEntry.objects.filter(object_kind="bill").values_list("action", flat=True))
    assert actions == ["receivables.object", "receivables.objection_confirmed"]
    check_books()


def test_what_is_owed_to_others_stays_and_of_a_fee_not_earned_yet_the_rest_is_earned(desk: Desk) -> None:
    account, user, bill = billed(desk, SP_INFO=900, PACK_HALF=6000)
    desk.pay(account, 6900, on(11, 8))
    earn(at=on(11, 8))
    confirm(desk, take(desk, bill, user, 900, on(11, 10), item_id=NUMBERS["SP_INFO"]), 900)
    roles = ("THIRD_PARTY", "COMPENSATION", "DEFERRED", "REVENUE_FIXED")

    def books() -> list[int]:
        rows = dict(trial_balance().select("role", "balance_fen").iter_rows())
        return [rows.get(role, 0) for role in roles]

    assert books() == [-900, 1800, -5000, -1000]
    confirm(desk, take(desk, bill, user, 3000, on(11, 10), item_id=NUMBERS["PACK_HALF"]), 3000)
    assert books() == [-900, 4800, -2000, -1000]
    earn(at=on(12, 8))  # two months of 30.00 over six
    assert books() == [-900, 4800, -2000, -1000]
    earn(at=on(4, 8, year=2027))
    assert (books(), desk.cash(account)) == ([-900, 4800, 0, -3000], 7800)
    check_books()


def test_who_took_an_objection_does_not_confirm_it_alone(desk: Desk) -> None:
    account, user, bill = billed(desk, LOCAL=8000)
    taken = take(desk, bill, user, 500, on(11, 10), staff_id=desk.staff["clerk"])
    for refusal, second in ((SecondPersonNeeded, None), (SecondPersonNeeded, "clerk")):
        with pytest.raises(refusal):
            confirm(desk, taken, 500, approved_by=desk.staff.get(second or ""))
    assert (Objection.objects.get().state, desk.cash(account)) == ("OPEN", 0)
    assert confirm(desk, taken, 500, approved_by=desk.staff["chief"]).returned_fen == 1000


def test_an_objection_is_accepted_for_five_months_after_the_bill_was_issued(desk: Desk) -> None:
    _account, user, bill = billed(desk, LOCAL=8000, RENT=3000)
    with pytest.raises(objections.ObjectionTooLate, match="2027-04-05"):
        take(desk, bill, user, 100, on(4, 6, 0, year=2027))
    assert (Objection.objects.count(), messages()) == (0, [])
    assert take(desk, bill, user, 100, on(4, 5, 23, year=2027)).state == "OPEN"


def test_an_objection_names_an_item_and_no_more_than_was_charged_and_is_taken_once(desk: Desk) -> None:
    _account, user, bill = billed(desk, LOCAL=8000, ADJUST=-500)
    for refusal, changes in (
        (objections.ItemUnknown, {"item_id": NUMBERS["RENT"]}),
        (objections.ItemUnknown, {"item_id": NUMBERS["ADJUST"]}),
        (objections.ItemUnknown, {"bill_id": bill + 1}),
        (objections.MoreThanCharged, {"objected_fen": 8001}),
        (AmountWrong, {"objected_fen": 0}),
    ):
        with pytest.raises(refusal):
            process.take(
                **(
                    {"bill_id": bill, "subscriber_id": user, "item_id": NUMBERS["LOCAL"], "objected_fen": 100}
                    | {"reason": "x", "serial_no": "O1", "at": on(11, 10), "staff_id": desk.staff["clerk"]}
                    | changes
                )
            )
    first = take(desk, bill, user, 100, on(11, 10), serial_no="O1")
    assert take(desk, bill, user, 100, on(11, 11), serial_no="O1") == first
    with pytest.raises(SerialNumberUsed):
        take(desk, bill, user, 200, on(11, 11), serial_no="O1")
    with pytest.raises(objections.ObjectionExists):
        take(desk, bill, user, 100, on(11, 11), serial_no="O2")
    assert (Objection.objects.count(), messages()) == (1, ["OBJECTION_TAKEN"])


def test_a_return_above_the_limit_needs_a_second_person(desk: Desk) -> None:
    account, user, bill = billed(desk, LOCAL=60_000)
    taken = take(desk, bill, user, 30_000, on(11, 10))
    for refusal, second in ((SecondPersonNeeded, None), (SecondPersonNeeded, "clerk"), (NotEntitled, "clerk2")):
        with pytest.raises(refusal):  # 600.00 would be returned, 500.00 may be alone
            confirm(desk, taken, 30_000, approved_by=desk.staff.get(second or ""))
    assert (Objection.objects.get().state, Entry.objects.filter(cause="OVERCHARGE").count()) == ("OPEN", 0)
    assert confirm(desk, taken, 30_000, approved_by=desk.staff["chief"]).returned_fen == 60_000
    assert (desk.open(bill), desk.cash(account)) == (0, 0), "the return has paid what was still open"
    check_books()
    _account, user, bill = billed(desk, LOCAL=60_000)
    assert confirm(desk, take(desk, bill, user, 25_000, on(11, 10)), 25_000).returned_fen == 50_000


def test_an_open_objection_keeps_its_account_from_being_stopped_and_a_rejected_one_does_not(desk: Desk) -> None:
    account, user, bill = billed(desk, LOCAL=3000)
    other, theirs, _bill = billed(desk, LOCAL=3000)
    taken = take(desk, bill, user, 3000, on(11, 10))
    collect_debt.run(at=on(12, 8))
    assert [state(one, on(12, 8, 11)) for one in (user, theirs)] == ["ACTIVE", "ONE_WAY_STOP"]
    process.reject(
        objection_id=taken.objection_id, answer="the calls were made", at=on(12, 9), staff_id=desk.staff["clerk"]
    )
    collect_debt.run(at=on(12, 9, 11))
    assert state(user, on(12, 9, 12)) == "ONE_WAY_STOP"
    assert (desk.open(bill), desk.cash(account), desk.cash(other)) == (3000, 0, 0)
    assert "OBJECTION_REJECTED" in messages()
    again = take(desk, bill, user, 3000, on(12, 10))
    confirm(desk, again, 3000, at=on(12, 10, 12))  # 60.00 pay 30.00 and the late fee
    assert (state(user, on(12, 10, 13)), desk.open(bill)) == ("ACTIVE", 0)
    check_books()
