"""Validity of prepaid money (客户有效期): extended by every recharge, frozen when it ends, never lost (D10, BMC-03)."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from django.db import transaction

from openboss.modules.receivables.atomic import debts
from openboss.modules.receivables.functions.rules import Rules, rules_at


def extended(*, valid_to_on: date | None, days: int, on: date, longest_days: int) -> date:
    """The last day of validity after a recharge: from the later of today and the end before, at most so long ahead.

    A 90-day voucher on day 60 of 90 leaves 120 days (BMC-03); the days are counted from today.
    """
    begins = max(on, valid_to_on) if valid_to_on else on
    return min(begins + timedelta(days=days), on + timedelta(days=longest_days))


def days_of(*, paid_fen: int, rules: Rules) -> int:
    """The days a recharge of an amount gives: those of the highest face value that it reaches; less gives none."""
    faces = {int(face): days for face, days in rules.value("validity_days").items()}
    return max((days for face, days in faces.items() if paid_fen >= face), default=0)


@transaction.atomic
def extend_validity(*, account_id: int, paid_fen: int, at: datetime) -> date | None:
    """Extend the validity of an account's cash after a recharge; money that was frozen can be used again.

    Returns the last day. For brands with validity only; others have none. Source: D10.1, D10.2.
    """
    rules = rules_at(at)
    debts.lock_accounts([account_id])
    before = debts.cash_valid_to(account_id=account_id)
    days = days_of(paid_fen=paid_fen, rules=rules)
    if not days:
        return before
    longest = rules.value("validity_longest_days")
    valid_to_on = extended(valid_to_on=before, days=days, on=rules.on, longest_days=longest)
    debts.set_cash_validity(account_id=account_id, valid_to_on=valid_to_on)
    return valid_to_on


def frozen_since(*, at: datetime) -> list[tuple[int, date]]:
    """Accounts whose prepaid money is frozen, and since which day: their users are stopped (VALIDITY)."""
    return debts.validity_ends(from_on=None, to_on=rules_at(at).on)


def ending_accounts(*, after: date, before: date) -> list[tuple[int, date]]:
    """Accounts whose prepaid money stops being valid between two days, the first not counted, and on which day."""
    return debts.validity_ends(from_on=after, to_on=before)


def accounts_with_validity(*, account_ids: Sequence[int]) -> set[int]:
    """Of some accounts those whose prepaid money has an end at all (D10.3)."""
    return debts.accounts_with_validity(account_ids=account_ids)
