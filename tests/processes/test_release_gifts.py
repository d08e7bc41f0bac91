"""The monthly parts of gifts are released by the clock, each once, for accounts that still have somebody (D8.1)."""

from datetime import UTC, datetime
from typing import Any

import pytest

from openboss.modules.customers.models import Subscriber
from openboss.modules.receivables.functions import monthly_gifts
from openboss.modules.receivables.models import Bucket
from openboss.processes import release_gifts
from tests.modules.receivables.conftest import check_books, desk
from tests.processes.hall_office import AT, DAY, ORDINARY, Office, office

__all__ = ["desk", "office"]
FIRST = datetime(2026, 11, 30, 16, 20, tzinfo=UTC)  # 00:20 of 1 December in Shanghai


class Killed(BaseException):
    """The worker is gone."""


def released() -> list[int]:
    return list(Bucket.objects.filter(kind="RELEASED").order_by("bucket_id").values_list("balance_fen", flat=True))


def test_a_release_that_was_killed_goes_on_and_releases_each_part_once(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.open_user()
    for number in range(3):
        monthly_gifts.promise(
            account_id=office.account_id, given_fen=12_000, parts=12, reason="x", serial_no=f"G{number}", at=AT,
            staff_id=None,
        )  # fmt: skip
    assert (release_gifts.run(at=FIRST - DAY), released()) == (0, [1000] * 3)
    done, first = [], monthly_gifts.clear_from_advances

    def killed_at_the_second(*accounts: object, **about: object) -> None:
        if done:
            raise Killed  # its part is entered and not committed
        done.append(1)
        first(*accounts, **about)

    monkeypatch.setattr(monthly_gifts, "clear_from_advances", killed_at_the_second)
    with pytest.raises(Killed):
        release_gifts.run(at=FIRST)
    monkeypatch.undo()
    assert released() == [2000, 1000, 1000]
    assert (release_gifts.run(at=FIRST), released()) == (2, [2000] * 3)
    assert (release_gifts.run(at=FIRST + DAY), released()) == (0, [2000] * 3)
    check_books()


def test_a_gift_that_somebody_ends_while_the_run_goes_on_holds_nothing_up(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = {"account_id": office.account_id, "reason": "x", "at": AT, "staff_id": None}
    for number in range(2):
        monthly_gifts.promise(given_fen=12_000, parts=12, serial_no=f"G{number}", **account)
    gifts = [one.gift_id for one in monthly_gifts.gifts_of_account(account_id=office.account_id)]
    due = monthly_gifts.gifts_due

    def ended_meanwhile(**asked: Any) -> list[tuple[int, int]]:
        found = due(**asked)
        for gift_id, _account in found[:1]:
            monthly_gifts.end_gift(gift_id=gift_id, reason="by hand", at=FIRST, staff_id=None)
        return found

    monkeypatch.setattr(monthly_gifts, "gifts_due", ended_meanwhile)
    assert (release_gifts.run(at=FIRST), len(gifts)) == (0, 2)
    assert all(one.ended_at for one in monthly_gifts.gifts_of_account(account_id=office.account_id))


def test_an_account_nobody_is_left_on_gets_no_further_part(office: Office) -> None:
    user = office.open_user(number=ORDINARY)
    known = {"account_id": office.account_id, "reason": "x", "serial_no": "G", "at": AT, "staff_id": None}
    monthly_gifts.promise(given_fen=12_000, parts=12, **known)
    Subscriber.objects.filter(subscriber_id=user).update(life="TERMINATED", remove_tag=2, closed_at=AT + DAY)
    assert (release_gifts.run(at=FIRST), released()) == (0, [1000])
    (gift,) = monthly_gifts.gifts_of_account(account_id=office.account_id)
    assert (gift.ended_at, gift.next_on) == (FIRST, None)
