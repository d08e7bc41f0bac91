"""Keep validity: prepaid money that is valid up to a day (客户有效期). Read from top to bottom.

    remind    some days before the end, once: an SMS
    freeze    after the end the users stop (VALIDITY); the money stays, and counts for nothing until a recharge
    recycle   some days later the users end and their numbers rest; the money can be given back
    extend    a recharge gives days by its amount and ends the stop (called with the payment)

Who has been opened since the operator gave validity up has none. Source: BMC-03, D10.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import transaction

from openboss.modules.customers import functions as customers
from openboss.modules.customers.atomic.owners import users_paid_by
from openboss.modules.receivables.functions import credit_records as records
from openboss.modules.receivables.functions import validity
from openboss.modules.receivables.functions.rules import rules_at
from openboss.modules.system.functions import send_out
from openboss.processes.cancel_user import end_user
from openboss.processes.order_flow import bar_in_engine

PLAN, STOP, RECYCLED_TAG = "VALIDITY", "VALIDITY", 8


@dataclass(frozen=True)
class ValidityKept:
    """What a night did: users reminded, frozen, ended."""

    reminded: int
    frozen: int
    recycled: int


def run(*, at: datetime) -> ValidityKept:
    """Do a night's work on validity; done again it does what is left."""
    rule, on = rules_at(at).value("validity"), rules_at(at).on
    soon = validity.ending_accounts(before=on + timedelta(days=rule["remind_days"]), after=on)
    reminded = sum(_remind(account, ends_on, at) for account, ends_on in soon)
    frozen = recycled = 0
    for account, ended_on in validity.frozen_since(at=at):
        is_over = on >= ended_on + timedelta(days=rule["recycled_after_days"])
        frozen += _freeze(account, at)
        recycled += _recycle(account, at) if is_over else 0
    return ValidityKept(reminded, frozen, recycled)


@transaction.atomic
def _remind(account_id: int, ends_on: date, at: datetime) -> int:
    records.lock_accounts([account_id])
    step = f"ENDS_{ends_on:%Y%m%d}"
    if any(one.plan == PLAN and one.step == step for one in records.steps_of(account_id=account_id)):
        return 0
    _tell(account_id, "VALIDITY_ENDS", {"ends_on": ends_on.isoformat()}, at)
    records.begin_steps(steps=[(account_id, PLAN, step, 0)], at=at)
    return 1


@transaction.atomic
def _freeze(account_id: int, at: datetime) -> int:
    """Stop the users whose money is frozen; those who are stopped for it already are left alone."""
    count = 0
    for user in _users(account_id, at):
        if STOP in customers.active_reasons(subscriber_id=user, at=at):
            continue
        state = customers.add_stop_reason(subscriber_id=user, reason=STOP, at=at, staff_id=None)
        bar_in_engine({user: state})
        count += 1
    if count:
        _tell(account_id, "VALIDITY_ENDED", {}, at)
    return count


@transaction.atomic
def _recycle(account_id: int, at: datetime) -> int:
    """End the users for good; their numbers rest and are free later, their money stays refundable."""
    users = _users(account_id, at)
    for user in users:
        end_user(user, remove_tag=RECYCLED_TAG, at=at, staff_id=None)
    return len(users)


def extend(*, account_id: int, paid_fen: int, at: datetime) -> list[int]:
    """Extend validity, where money has one, by a recharge in the caller's transaction, and end the stop; return the
    users who resume."""
    if not validity.accounts_with_validity(account_ids=[account_id]):
        return []
    valid_to_on = validity.extend_validity(account_id=account_id, paid_fen=paid_fen, at=at)
    if valid_to_on is None or valid_to_on <= rules_at(at).on:
        return []
    resumed = []
    for user in _users(account_id, at):
        if STOP in customers.active_reasons(subscriber_id=user, at=at):
            state = customers.clear_stop_reason(subscriber_id=user, reason=STOP, at=at, staff_id=None)
            bar_in_engine({user: state})
            resumed.append(user)
    return resumed


def _users(account_id: int, at: datetime) -> list[int]:
    """Users in service whose rest the account pays."""
    paid = users_paid_by(account_ids=[account_id], cycle=customers.cycle_of(at), at=at)
    return [row["subscriber_id"] for row in paid.iter_rows(named=True) if row["life"] == "ACTIVE"]


def _tell(account_id: int, template: str, values: dict[str, object], at: datetime) -> None:
    numbers = customers.numbers_of_subscribers(subscriber_ids=_users(account_id, at), at=at)
    for number in sorted(numbers.values()):
        send_out(topic="sms", payload={"number": number, "template": template, "values": values}, at=at)
