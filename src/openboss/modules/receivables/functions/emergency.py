"""Emergency opening: who was stopped for arrears may have a small credit for a day, once a calendar month (D9.7).

While it goes on, what the account owes and has used may grow by that credit, to the ceiling of the opening. The engine
is told the ceiling as how far the account's wallet may go, whoever of the account's users asks.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from openboss.modules.customers.functions import active_reasons, cycle_of
from openboss.modules.customers.life import ARREARS
from openboss.modules.receivables.atomic import credit_watch as watch
from openboss.modules.receivables.atomic import emergencies, wallets
from openboss.modules.receivables.atomic.emergencies import (
    EmergencyView,
    emergencies_due,
    end_emergencies,
    last_emergency,
    open_emergencies,
)
from openboss.modules.receivables.functions.credit import Position
from openboss.modules.receivables.functions.credit_watch import move_lines
from openboss.modules.receivables.functions.rules import day_of, rules_at

__all__ = [
    "EmergencyView",
    "begin",
    "emergencies_due",
    "end_emergencies",
    "ended_by",
    "last_emergency",
    "open_emergencies",
    "refuse",
    "spent",
    "tell_engine",
]


class NotStoppedForArrears(Exception):
    """The service is not stopped for arrears, so there is nothing to open; other stops are not opened this way."""


class StarTooLow(Exception):
    """An emergency opening is for users of more stars; the message says how many are needed. Paying opens too."""


class EmergencyUsed(Exception):
    """The user has had an emergency opening this calendar month; the next is possible in the next month, or pay."""


class EmergencyElsewhere(Exception):
    """Another user of the same account has an emergency opening just now; wait for its end, or pay."""


def refuse(*, subscriber_id: int, position: Position, at: datetime) -> None:
    """Refuse an emergency opening that a user may not have.

    position  of the account that pays the user's rest
    Raises NotStoppedForArrears, StarTooLow, EmergencyUsed, EmergencyElsewhere. Source: D9.7.
    """
    reasons = active_reasons(subscriber_id=subscriber_id, at=at)
    user = next((one for one in position.users if one.subscriber_id == subscriber_id), None)
    if user is None or user.life != "ACTIVE" or not reasons or not reasons <= ARREARS:
        raise NotStoppedForArrears(subscriber_id)
    least = rules_at(at).value("emergency")["from_star"]
    if user.star < least:
        raise StarTooLow(least)
    last = last_emergency(subscriber_id=subscriber_id)
    if last is not None and last.month == cycle_of(at):
        raise EmergencyUsed(subscriber_id)
    if open_emergencies(account_ids=[position.account_id]):
        raise EmergencyElsewhere(position.account_id)


def begin(
    *, subscriber_id: int, position: Position, serial_no: str, at: datetime, staff_id: int | None
) -> EmergencyView:
    """Begin an opening that was not refused, in the caller's transaction, which holds the account's lock."""
    rule = rules_at(at).value("emergency")
    return emergencies.begin_emergency(
        account_id=position.account_id,
        subscriber_id=subscriber_id,
        month=cycle_of(at),
        until_at=at + timedelta(hours=rule["hours"]),
        credit_fen=rule["credit_fen"],
        ceiling_fen=max(position.exposure_fen, 0) + rule["credit_fen"],
        serial_no=serial_no,
        at=at,
        staff_id=staff_id,
    )


def ended_by(opening: EmergencyView, *, position: Position, is_spent: bool, at: datetime) -> str:
    """By what an opening is over for who would be stopped without it: CREDIT, TIME, or nothing."""
    if is_spent or position.exposure_fen >= opening.ceiling_fen:
        return "CREDIT"
    return "TIME" if at >= opening.until_at else ""


def spent(balances_li: Mapping[int, int], *, at: datetime) -> set[int]:
    """Of accounts whose wallets are said to stand at so much, those that have used up the credit of an opening."""
    openings = open_emergencies(account_ids=list(balances_li))
    limits_fen = {one: opening.ceiling_fen for one, opening in openings.items()}
    prepaid = wallets.accounts_with_wallets(list(openings))
    limits_fen |= wallets.limits_of(sorted(prepaid), on=day_of(at)) if prepaid else {}
    return {one for one, fen in limits_fen.items() if balances_li[one] <= -fen * wallets.LI}


def tell_engine(account_ids: Sequence[int], *, used_fen: Mapping[int, int], at: datetime) -> None:
    """Tell the engine how far accounts may go from now on, as an opening begins or ends, in the caller's transaction.

    used_fen  unbilled by user
    """
    prepaid = wallets.accounts_with_wallets(account_ids)
    if prepaid:
        wallets.send_limits(wallets.limits_of(sorted(prepaid), on=day_of(at)))
    if watched := watch.watched_of(account_ids):
        move_lines(watched, used_fen=used_fen, at=at)
