"""Money released month by month (D8.1): 120.00 given, 10.00 a month for twelve months."""

from datetime import date
from typing import Any

import pytest

from openboss.modules.receivables.functions import counter, monthly_gifts
from openboss.modules.receivables.functions.authority import NotEntitled, SecondPersonNeeded
from openboss.modules.receivables.functions.owed import owed
from openboss.modules.receivables.functions.payments import AmountWrong
from openboss.modules.receivables.models import Allocation, Bucket, Entry, MonthlyGift, Posting
from openboss.modules.system.atomic import SerialNumberUsed, put_role, put_staff
from openboss.modules.system.models import AuditEntry
from tests.modules.receivables.conftest import Desk, check_books, on


def promise(account: int, given_fen: int = 12_000, parts: int = 12, **changes: Any) -> monthly_gifts.MonthlyGiftView:
    known = {"reason": "stays for a year", "serial_no": f"G{account}", "at": on(1, 20), "staff_id": None}
    return monthly_gifts.promise(account_id=account, given_fen=given_fen, parts=parts, **(known | changes))


def release(gift: monthly_gifts.MonthlyGiftView, at: Any) -> int:
    return monthly_gifts.release_due(gift_id=gift.gift_id, account_id=gift.account_id, at=at)


def released_fen(account: int) -> int:
    return sum(Bucket.objects.filter(account_id=account, kind="RELEASED").values_list("balance_fen", flat=True))


def test_of_a_hundred_and_twenty_only_the_ten_of_this_month_are_money_of_the_user(desk: Desk) -> None:
    account = desk.account()
    gift = promise(account)
    assert (released_fen(account), owed(account_id=account, at=on(1, 20)).advance_fen) == (1000, 1000)
    assert (
        sum(Posting.objects.filter(account_id=account, amount_fen__gt=0).values_list("amount_fen", flat=True)) == 1000
    )
    assert (gift.next_on, gift.next_fen) == (date(2026, 2, 1), 1000)
    coming = monthly_gifts.coming_of_account(account_id=account)
    assert (coming[0], coming[-1], len(coming)) == ((date(2026, 2, 1), 1000), (date(2026, 12, 1), 1000), 11)
    assert release(gift, on(1, 31, 23)) == 0
    assert release(gift, on(2, 1, 0)) == 1
    assert [release(gift, on(2, 1, 0)) for _ in range(3)] == [0, 0, 0], (
        "done again: the same part is not released twice"
    )
    assert released_fen(account) == 2000
    numbers = Entry.objects.filter(cause="MONTHLY_GIFT").order_by("entry_id").values_list("serial_no", flat=True)
    assert list(numbers) == [f"MONTHLY_GIFT {gift.gift_id} 1", f"MONTHLY_GIFT {gift.gift_id} 2"]
    check_books()


def test_months_in_which_nothing_ran_are_made_up_for_and_all_parts_come_to_the_whole_gift(desk: Desk) -> None:
    account = desk.account()
    gift = promise(account, 10_000, 12)  # 8.33 eleven times, then 8.37
    assert release(gift, on(4, 2)) == 3
    assert released_fen(account) == 4 * 833
    assert monthly_gifts.coming_of_account(account_id=account)[-1] == (date(2026, 12, 1), 837)
    assert release(gift, on(3, 1, year=2027)) == 8
    assert (released_fen(account), monthly_gifts.gifts_of_account(account_id=account)[0].next_on) == (10_000, None)
    check_books()


def test_the_part_of_the_month_pays_after_gifts_for_some_items_and_before_other_gifts_and_cash(desk: Desk) -> None:
    account = desk.account()
    desk.pay(account, 1000, on(1, 20))
    counter.grant_gift(account_id=account, gift_fen=1000, serial_no="G", at=on(1, 20), staff_id=None)
    promise(account)
    known = {"account_id": account, "gift_fen": 300, "serial_no": "D", "at": on(1, 20), "staff_id": None}
    counter.grant_gift(item_codes=["RENT"], **known)
    bill = desk.bill(account, 202601, RENT=2000, at=on(2, 5))
    paid = Allocation.objects.filter(bill_id=bill).values_list("bucket_id", "paid_fen")
    kinds = dict(Bucket.objects.values_list("bucket_id", "kind"))
    assert {kinds[bucket]: fen for bucket, fen in paid} == {"DEDICATED": 300, "RELEASED": 1000, "GIFT": 700}
    assert (desk.open(bill), desk.cash(account)) == (0, 1000)
    check_books()


def test_what_is_not_used_in_its_month_stays_and_a_released_part_pays_what_is_open(desk: Desk) -> None:
    account = desk.account()
    gift = promise(account)
    release(gift, on(3, 1))
    first = desk.bill(account, 202602, RENT=2500, at=on(3, 5))  # of three parts
    assert (desk.open(first), released_fen(account)) == (0, 500)
    second = desk.bill(account, 202603, RENT=1200, at=on(4, 1, 0))
    assert (desk.open(second), released_fen(account)) == (700, 0)
    release(gift, on(4, 1, 1))
    assert (desk.open(second), released_fen(account)) == (0, 300)
    check_books()


def test_released_money_is_never_paid_out_or_moved(desk: Desk) -> None:
    account, other = desk.account(), desk.account()
    promise(account)
    before = list(Entry.objects.values_list("entry_id", flat=True))
    known = {"serial_no": desk.no(), "at": on(1, 21), "staff_id": desk.staff["clerk"]}
    with pytest.raises(counter.NotEnoughMoney):
        counter.pay_out(account_id=account, paid_fen=100, means="CASH", **known)
    with pytest.raises(counter.NotEnoughMoney):
        counter.transfer_balance(from_account_id=account, to_account_id=other, moved_fen=100, reason="x", **known)
    settled = counter.settle_finally(account_id=account, serial_no="F", at=on(1, 22), staff_id=None)
    assert (settled.refundable_fen, released_fen(account)) == (0, 1000)
    assert list(Entry.objects.values_list("entry_id", flat=True)) == before


def test_a_gift_that_was_ended_releases_nothing_more_and_keeps_what_was_released(desk: Desk) -> None:
    account = desk.account()
    gift = promise(account)
    known = {"gift_id": gift.gift_id, "reason": "left the plan", "at": on(1, 25)}
    put_role(code="LOOKER", name_zh="看", name_en="Looks", rights=["receivables.view"], at=on(1, 1))
    names = {"name_zh": "李", "name_en": "Li", "org_code": "P", "password": "not-a-secret", "language": "en"}
    with pytest.raises(NotEntitled):
        monthly_gifts.end(staff_id=put_staff(login="looker", roles=["LOOKER"], at=on(1, 1), **names), **known)
    monthly_gifts.end(staff_id=desk.staff["clerk"], **known)
    assert (release(gift, on(6, 1)), released_fen(account)) == (0, 1000)
    assert monthly_gifts.coming_of_account(account_id=account) == []
    with pytest.raises(monthly_gifts.MonthlyGiftUnknown):
        monthly_gifts.end(staff_id=desk.staff["clerk"], **known)
    told = list(AuditEntry.objects.filter(object_kind="account").values_list("action", flat=True))
    assert told[-2:] == ["receivables.promise_gift", "receivables.end_gift"]


def test_a_gift_at_the_counter_needs_a_second_person_and_is_promised_once(desk: Desk) -> None:
    account = desk.account()
    known = {"account_id": account, "given_fen": 12_000, "reason": "x", "serial_no": "C1", "at": on(1, 20)}
    alone = {"staff_id": desk.staff["clerk"], "approved_by": None}
    for refusal, changes in (
        (SecondPersonNeeded, {}),
        (SecondPersonNeeded, {"approved_by": desk.staff["clerk"]}),
        (NotEntitled, {"approved_by": desk.staff["clerk2"]}),
        (monthly_gifts.PartsWrong, {"approved_by": desk.staff["chief"], "parts": 1}),
        (monthly_gifts.PartsWrong, {"approved_by": desk.staff["chief"], "parts": 61}),
        (AmountWrong, {"approved_by": desk.staff["chief"], "given_fen": 0}),
    ):
        with pytest.raises(refusal):
            monthly_gifts.give_monthly(**(known | alone | {"parts": 12} | changes))
    assert (MonthlyGift.objects.count(), Entry.objects.count()) == (0, 0)
    both = known | {"staff_id": desk.staff["clerk"], "approved_by": desk.staff["chief"]}
    first = monthly_gifts.give_monthly(parts=12, **both)
    assert monthly_gifts.give_monthly(parts=12, **both) == first
    with pytest.raises(SerialNumberUsed):
        monthly_gifts.give_monthly(parts=6, **both)
    assert (MonthlyGift.objects.count(), released_fen(account)) == (1, 1000)
