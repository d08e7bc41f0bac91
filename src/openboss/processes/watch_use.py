"""Watch use: who suddenly uses far more than before, or much within a day of activation. Read from top to bottom.

    lines   what the engine watches for as it charges: the operator's parameters
    hear    whoever went past a line, online or by file, is looked at within a second; everybody every hour
    find    unbilled above the operator's line, against the user's own average and what was used a day ago
    alert   once a crossing: an SMS to the user, at night when the quiet hours end; an alert to staff with what was
            found
    stop    who is new and above the line is stopped for outgoing use (HIGH_USE_1); a VIP is a manager's task instead
    over    the month is billed or the use explained: the crossing ends, the stop with it

Source: CHG-32, D9.9, D7.8.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from openboss.modules.charging.functions.heavy_use import TOPIC
from openboss.modules.customers import functions as customers
from openboss.modules.customers.atomic.owners import opened_at, paying_accounts
from openboss.modules.receivables.functions import credit_records as records
from openboss.modules.receivables.functions.credit import is_high_use, told_from
from openboss.modules.receivables.functions.owed import average_bills
from openboss.modules.receivables.functions.rules import rules_at
from openboss.modules.system.functions import claim_messages, message_sent, send_out
from openboss.processes.order_flow import bar_in_engine
from openboss.processes.unbilled import LI, Everybody, of_users, since_yesterday

PLAN, STOP = "HIGH_USE", "HIGH_USE_1"
AT_ONCE = 20  # messages of the engine, of some hundred users at most


@dataclass(frozen=True)
class Watched:
    """What a look found: users above the line now, alerts given, users stopped, crossings that are over."""

    high: tuple[int, ...]
    alerted: int
    stopped: int
    over: int


def lines_li(*, at: datetime) -> tuple[tuple[int, ...], int]:
    """The lines of use in the open months that the engine tells of, and the steps above the first of them, in li.

    None where the operator has no rule of it.
    """
    rule = rules_at(at).values.get("money.high_use")
    if rule is None:
        return (), 1
    step_fen = rule.get("told_every_fen", rule["above_fen"])  # who wrote the rule before there were steps has none
    return tuple(sorted({rule["above_fen"] * LI, rule["new_user_fen"] * LI})), step_fen * LI


def hear(*, now: Callable[[], datetime]) -> int:
    """Look at the users of whom the engine says that they went past a line; return how many messages were heard."""
    heard = 0
    while messages := claim_messages(topics=[TOPIC], at=now(), limit=AT_ONCE):
        at = now()
        used_fen = of_users(sorted({user for one in messages for user in one.payload["subscriber_ids"]}), at=at)
        with transaction.atomic():
            _look(used_fen, at, is_everybody=False)
            for message in messages:
                message_sent(outbox_id=message.outbox_id, at=at)
        heard += len(messages)
    return heard


def run(*, at: datetime, used_fen: Mapping[int, int] | None = None) -> Watched:
    """Look at everybody's unbilled use; by default as the engine last published it.

    used_fen  unbilled of users now, in fen
    """
    with transaction.atomic():
        return _look(Everybody(at).by_user if used_fen is None else used_fen, at, is_everybody=True)


def _look(used_fen: Mapping[int, int], at: datetime, *, is_everybody: bool) -> Watched:
    """Look at users; who is not among everybody's is not above the line any more."""
    rule = rules_at(at).value("high_use")
    least_fen = min(rule["above_fen"], rule["new_user_fen"])
    suspects = {user: fen for user, fen in used_fen.items() if fen > least_fen}
    day_fen = since_yesterday(suspects, at=at) if suspects else {}
    since = opened_at(subscriber_ids=list(suspects))
    averages = average_bills(subscriber_ids=list(suspects), at=at) if suspects else {}
    high = {
        user: since[user]
        for user, fen in suspects.items()
        if is_high_use(
            unbilled_fen=fen,
            day_fen=day_fen[user],
            average_fen=averages.get(user, 0),
            opened_at=since[user],
            at=at,
        )
    }
    payers = dict(paying_accounts(subscriber_ids=list(high), cycle=customers.cycle_of(at)).iter_rows())
    return _act(high, suspects, payers, at, is_everybody=is_everybody)


def _act(
    high: Mapping[int, datetime],
    used_fen: Mapping[int, int],
    payers: Mapping[int, int],
    at: datetime,
    *,
    is_everybody: bool,
) -> Watched:
    """Alert, stop and tell. high: users above the line, and when they were opened."""
    records.lock_accounts(sorted(set(payers.values())))
    known = records.open_steps_of_plan(plan=PLAN)  # by account and user
    new = [user for user in high if (payers[user], user) not in known]
    stopped = 0
    for user in new:
        send_out(topic="manager.alert", payload=_alert(user, payers[user], used_fen[user]), at=at)
        stopped += _stop(user, payers[user], high[user], at)
    _tell(new, used_fen, at)
    records.begin_steps(steps=[(payers[user], PLAN, "ALERT", user) for user in new], at=at)
    over = {key: message_id for key, message_id in known.items() if is_everybody and key[1] not in high}
    for _, user in over:
        _resume(user, at)
    records.end_steps(message_ids=list(over.values()), at=at)
    return Watched(tuple(high), len(new), stopped, len(over))


def _alert(user: int, account_id: int, used_fen: int) -> dict[str, object]:
    return {"kind": PLAN, "subscriber_id": user, "account_id": account_id, "unbilled_fen": used_fen}


def _tell(users: Collection[int], used_fen: Mapping[int, int], at: datetime) -> None:
    """Tell users how much they have used; at night the messages wait in the outbox for the morning."""
    numbers = customers.numbers_of_subscribers(subscriber_ids=list(users), at=at)
    told_at = told_from(at=at, rules=rules_at(at))
    for user, number in sorted(numbers.items()):
        values = {"used_fen": used_fen[user]}
        send_out(topic="sms", payload={"number": number, "template": PLAN, "values": values}, at=told_at)


def _stop(user: int, account_id: int, since: datetime, at: datetime) -> bool:
    """Stop a new user's outgoing use; who is exempt, or has been here for long, is left to the manager."""
    rule = rules_at(at).value("high_use")
    is_new = (at - since).days < rule["new_user_days"]
    if not is_new or records.standing_view(account_id=account_id).is_exempt:
        return False
    try:
        state = customers.add_stop_reason(subscriber_id=user, reason=STOP, at=at, staff_id=None)
    except (customers.ReasonActive, customers.StateForbids):
        return False
    bar_in_engine({user: state})
    return True


def _resume(user: int, at: datetime) -> None:
    try:
        state = customers.clear_stop_reason(subscriber_id=user, reason=STOP, at=at, staff_id=None)
    except customers.ReasonNotActive:
        return
    bar_in_engine({user: state})
