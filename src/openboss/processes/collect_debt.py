"""Collect debt: look at accounts, remind, stop, and resume who has paid. Read from top to bottom.

    look       exposure against the limit, and days since the oldest bill was due; of what users have used that several
               accounts pay for, each account has its share (D9.10)
    remind     each step of a plan once a crossing: an SMS in the outbox
    stop       ARREARS_1 or ARREARS_2 as one more stop reason, which the network is told; never at night, on a
               holiday, during a complaint, or for the exempt
    hand over  COLLECTION and LEGAL give the debt to an agency or to court, in their next file; what is paid meanwhile
               is taken back
    resume     when what stopped the service is over: only the reasons of arrears end, a lost phone stays stopped
    emergency  an opening of who was stopped (emergency_opening) ends when its credit or its time is over, and the user
               is stopped again; or when nothing stops the user any more. Other stops of the account wait for its end

A look at an account is one transaction; looking again changes nothing. Source: BMC-04, CHG-11, CHG-12, D9, D2.2.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction

from openboss.modules.customers import functions as customers
from openboss.modules.customers.atomic.owners import accounts_that_share, accounts_with_stopped_users
from openboss.modules.receivables.functions import credit, emergency
from openboss.modules.receivables.functions import credit_records as records
from openboss.modules.receivables.functions.collection_cases import open_case, withdraw_paid
from openboss.modules.receivables.functions.credit import STOPS, Position, Step
from openboss.modules.receivables.functions.credit_at_once import accounts_to_look_at
from openboss.modules.receivables.functions.emergency import EmergencyView
from openboss.modules.receivables.functions.rules import Rules, rules_at
from openboss.modules.system.atomic import send_out, send_out_many
from openboss.modules.system.garbage import collector_paused
from openboss.processes.order_flow import bar_in_engine
from openboss.processes.unbilled import Everybody, Use, shared, shares_of

CHUNK = 1000
OVER = "EMERGENCY_OVER"  # to who is stopped again
CASES = {"COLLECTION": "AGENCY", "LEGAL": "LEGAL"}  # steps of a plan that give the debt to somebody else
ACCOUNTS_AT_ONCE = 50_000

Unbilled = Callable[[list[int]], Mapping[int, int]]


@dataclass
class Tally:
    """What a run of credit control did."""

    accounts: int = 0
    reminded: int = 0
    stopped: int = 0
    resumed: list[int] = field(default_factory=list)  # users
    managers_told: int = 0


Told = Callable[[int, Tally], None]


def not_told(_account_id: int, _tally: Tally) -> None:
    """Where nobody follows a run."""


def run_with_use(*, at: datetime, after: int = 0, told: Told = not_told) -> Tally:
    """Look at every account that owes, uses up its limit, or runs low, by what everybody has used (D9.1, D9.4).

    after, told  see run
    """
    rules, everybody = rules_at(at), Everybody(at)
    least_fen = min(rules.value("credit_limits_fen").values())
    percent = min(one["at_percent"] for one in rules.value("plan.LIMIT"))
    low_fen = max(one["below_fen"] for one in rules.value("plan.PREPAID"))
    also = everybody.accounts_from(used_fen=least_fen * percent // 100, balance_fen=low_fen)
    also = sorted({*also, *accounts_that_share(cycle=customers.cycle_of(at))})

    def used(accounts: list[int]) -> Use:
        shares = shares_of(accounts, at=at)
        by_user = {**everybody.by_user, **shares.unbilled_fen} if shares.unbilled_fen else everybody.by_user
        return Use(by_user, shares.shared_fen)

    return run(at=at, used=used, also=also, after=after, told=told)


def run(
    *,
    at: datetime,
    used: Callable[[list[int]], Use] | None = None,
    also: Sequence[int] = (),
    after: int = 0,
    told: Told = not_told,
) -> Tally:
    """Look at every account that owes something or is in dunning; those with something to do are taken one by one.

    used      says what some accounts pay of use that was not billed yet; without it shares of other users alone count
    also      accounts to look at although they owe nothing on bills
    after     the account up to which a run that was stopped had come
    told      is told after each part how far the run is: the last account, and the tally
    """
    withdraw_paid(at=at)
    tally, last = Tally(), after
    while accounts := _next_accounts(last, also):
        use = used(accounts) if used else Use({}, shared(accounts, at=at))
        at_work = accounts_to_look_at(account_ids=accounts, at=at, **use._asdict())
        for start in range(0, len(at_work), CHUNK):
            with transaction.atomic():
                look_at(at_work[start : start + CHUNK], at=at, unbilled_fen=use.unbilled_fen, tally=tally)
        tally.accounts += len(accounts)
        last = accounts[-1]
        told(last, tally)
    return tally


def _next_accounts(after: int, also: Sequence[int]) -> list[int]:
    """The next accounts in order: those in debt or dunning, and others that were named."""
    found = records.debtors(after_account_id=after, limit=ACCOUNTS_AT_ONCE)
    last = found[-1] if len(found) == ACCOUNTS_AT_ONCE else None
    named = [one for one in also if one > after and (last is None or one <= last)]
    return sorted({*found, *named})


@collector_paused()
def look_at(
    account_ids: list[int],
    *,
    at: datetime,
    unbilled_fen: Mapping[int, int] | None = None,
    shared_fen: Mapping[int, int] | None = None,
    tally: Tally | None = None,
    may_begin: bool = True,
    spent: Collection[int] = (),
) -> Tally:
    """Look at some accounts in the caller's transaction: do the steps that are due, undo those that are over.

    shared_fen  see credit.positions; it is asked for where the caller has not
    may_begin   False undoes only: who has just paid is not stopped for having paid too little
    spent       accounts of which the engine says that the credit of an emergency opening is used up
    """
    tally = tally or Tally()
    rules = rules_at(at)
    records.lock_accounts(account_ids)
    used_fen = unbilled_fen or {}
    shared_fen = shared(account_ids, at=at) if shared_fen is None else shared_fen
    positions = credit.positions(account_ids=account_ids, at=at, unbilled_fen=used_fen, shared_fen=shared_fen)
    records.note_exposures(seen=[(one.account_id, one.exposure_fen, _crossed_at(one, at)) for one in positions])
    may_begin = may_begin and not credit.is_quiet(at=at, rules=rules)
    known, begun, ended = records.open_steps(account_ids=account_ids), [], []
    openings, over = emergency.open_emergencies(account_ids=account_ids), list[Over]()
    resuming: list[int] = []
    for position in positions:
        done = known.get(position.account_id, {})
        reached = credit.steps_reached(position, rules=rules, at=at)
        now = {(step.plan, step.step) for step in reached}
        ended += [message_id for (plan, step, _), message_id in done.items() if (plan, step) not in now]
        if not any(step.action in STOPS for step in reached):
            resuming += [user.subscriber_id for user in position.users if user.life == "ACTIVE" and user.is_stopped]
        opening = openings.get(position.account_id)
        if opening and (found := _over(opening, position, reached, position.account_id in spent, rules, may_begin, at)):
            over.append(found)
            opening = None
        due = reached if may_begin else []
        new = [step for step in due if (step.plan, step.step, step.bill_id) not in done]
        waits = opening is not None or _is_put_off(position, rules)
        begun += [(position, step) for step in new if _do(position, step, waits, at, tally)]
    _resume(resuming, at, tally)
    _stop(begun, at, tally)
    _end_openings(over, used_fen, at, tally)
    records.end_steps(message_ids=ended, at=at)
    records.begin_steps(steps=[(one.account_id, one.plan, one.step, one.bill_id) for _, one in begun], at=at)
    _remind(begun, at, tally, but={one.opening.subscriber_id for one in over if one.stops})
    return tally


def begun(account_ids: Sequence[int], *, at: datetime) -> list[int]:
    """Of some accounts those with which something of credit control goes on: a step, a used limit, a stopped user."""
    stopped = accounts_with_stopped_users(account_ids=account_ids, at=at)
    return sorted(records.accounts_begun(account_ids=account_ids) | stopped)


def _crossed_at(position: Position, at: datetime) -> datetime | None:
    """Since when the limit is used up."""
    return (position.crossed_at or at) if position.exposure_fen >= position.limit_fen else None


@dataclass(frozen=True)
class Over:
    """An emergency opening that is over, by what, and for what its user is stopped again: for nothing if PAID."""

    opening: EmergencyView
    by: str
    stops: frozenset[str] = frozenset()
    values: Mapping[str, int] = field(default_factory=dict)


def _is_put_off(position: Position, rules: Rules) -> bool:
    """Whether a stop has to wait for the end of a complaint or of a holiday (D9.6)."""
    return position.is_disputed or (rules.is_holiday and not position.is_prepaid)


def _over(
    opening: EmergencyView,
    position: Position,
    reached: list[Step],
    is_spent: bool,
    rules: Rules,
    may_begin: bool,
    at: datetime,
) -> Over | None:
    """Whether an opening is over: nothing stops its user any more, or its end has come and the user may be stopped.

    A user for whom another account pays by now is none of this one's: nobody stops that user for its debts.
    """
    stops = frozenset(step.action for step in reached if step.action in STOPS)
    if not stops or all(user.subscriber_id != opening.subscriber_id for user in position.users):
        return Over(opening, "PAID")
    by = emergency.ended_by(opening, position=position, is_spent=is_spent, at=at)
    if not by or not may_begin or position.is_exempt or _is_put_off(position, rules):
        return None
    return Over(opening, by, stops, {"owed_fen": position.exposure_fen})


def _end_openings(over: list[Over], used_fen: Mapping[int, int], at: datetime, tally: Tally) -> None:
    """End openings; who would be stopped without one is stopped again and told so once."""
    if not over:
        return
    emergency.end_emergencies({one.opening.emergency_id: one.by for one in over}, at=at)
    states: dict[int, str] = {}
    for reason in STOPS:
        users = {one.opening.subscriber_id: one.opening.opened_at for one in over if reason in one.stops}
        states |= customers.stop_users(subscriber_ids=users, reason=reason, at=at, staff_id=None, interrupted_at=users)
    tally.stopped += len(states)
    bar_in_engine(states)
    emergency.tell_engine([one.opening.account_id for one in over], used_fen=used_fen, at=at)
    told = {one.opening.subscriber_id: one.values for one in over if one.stops}
    numbers = customers.numbers_of_subscribers(subscriber_ids=sorted(told), at=at)
    payloads = [{"number": numbers[user], "template": OVER, "values": told[user]} for user in sorted(numbers)]
    send_out_many(topic="sms", payloads=payloads, at=at)


def _do(position: Position, step: Step, waits: bool, at: datetime, tally: Tally) -> bool:
    """Do what a step does for an account alone; False if it is a stop and has to wait. Stops are made for everybody
    together, see _stop."""
    if step.action in STOPS and waits:
        return False
    if step.action in STOPS and position.is_exempt:
        _tell_manager(position, step, at, tally)
    elif step.action in CASES:
        open_case(stage=CASES[step.action], account_id=position.account_id, bill_id=step.bill_id, at=at)
    return True


def _stop(begun: list[tuple[Position, Step]], at: datetime, tally: Tally) -> None:
    """Give every user of the accounts whose stop has begun one more stop reason; the exempt are left alone."""
    states: dict[int, str] = {}
    for reason in STOPS:
        accounts = [position for position, step in begun if step.action == reason and not position.is_exempt]
        users = [user.subscriber_id for position in accounts for user in position.users if user.life == "ACTIVE"]
        if users:
            stopped = customers.stop_users(subscriber_ids=users, reason=reason, at=at, staff_id=None)
            tally.stopped += len(stopped)
            states |= stopped
    bar_in_engine(states)


def _resume(users: list[int], at: datetime, tally: Tally) -> None:
    """End the reasons of arrears of users; all other reasons stay (D2.2)."""
    if not users:
        return
    states: dict[int, str] = {}
    for reason in STOPS:
        states |= customers.resume_users(subscriber_ids=users, reason=reason, at=at, staff_id=None)
    bar_in_engine(states)
    tally.resumed += states


def _tell_manager(position: Position, step: Step, at: datetime, tally: Tally) -> None:
    payload = {"account_id": position.account_id, "step": step.step, "exposure_fen": position.exposure_fen}
    send_out(topic="manager.alert", payload=payload, at=at)
    tally.managers_told += 1


def _remind(steps: list[tuple[Position, Step]], at: datetime, tally: Tally, *, but: Collection[int]) -> None:
    """One SMS a user for each step that was done, but to some; the templates say it in both languages."""
    users = {user.subscriber_id for position, _ in steps for user in position.users} - set(but)
    numbers = customers.numbers_of_subscribers(subscriber_ids=sorted(users), at=at)
    payloads = []
    for position, step in steps:
        values = {"owed_fen": position.exposure_fen, "limit_fen": position.limit_fen}
        told = sorted(numbers[user.subscriber_id] for user in position.users if user.subscriber_id in numbers)
        payloads += [{"number": one, "template": f"{step.plan}_{step.step}", "values": values} for one in told]
        tally.reminded += bool(position.users)
    send_out_many(topic="sms", payloads=payloads, at=at)
