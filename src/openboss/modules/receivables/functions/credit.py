"""Credit control: where accounts stand against their limits and due days, and which steps of the plans are due (D9).

Decides only; the process collect_debt stops, resumes and reminds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl
from django.utils import timezone

from openboss.modules.customers.atomic.owners import users_paid_by
from openboss.modules.receivables.atomic import debts, standing
from openboss.modules.receivables.functions.clearing import with_late_fees
from openboss.modules.receivables.functions.rules import Rules, of_star, rules_at

PLANS = standing.BY_EXPOSURE
STOPS = ("ARREARS_1", "ARREARS_2")


@dataclass(frozen=True)
class PaidUser:
    """A user whose rest an account pays."""

    subscriber_id: int
    star: int
    pay_type: str
    life: str
    is_stopped: bool  # for whatever reason


@dataclass(frozen=True)
class Position:
    """Where an account stands (D9.1): exposure = unpaid bills + late fees + unbilled - usable money.

    What the engine took for use that is not billed yet pays that use: the two fall out.
    """

    account_id: int
    exposure_fen: int
    limit_fen: int
    oldest_due_on: date | None
    oldest_bill_id: int
    crossed_at: datetime | None
    is_exempt: bool
    is_disputed: bool
    users: tuple[PaidUser, ...]

    @property
    def is_prepaid(self) -> bool:
        """Whether all its users pay before use."""
        return bool(self.users) and all(user.pay_type == "PREPAID" for user in self.users)


@dataclass(frozen=True)
class CreditView:
    """An account's credit: the limit with a temporary addition that still holds, what of it is used, what is left."""

    account_id: int
    limit_fen: int
    used_fen: int
    left_fen: int


@dataclass(frozen=True)
class Step:
    """A step of a plan that an account has reached; action REMIND, ARREARS_1, ARREARS_2 or COLLECTION."""

    account_id: int
    plan: str
    step: str
    action: str
    bill_id: int


def positions(
    *,
    account_ids: list[int],
    at: datetime,
    unbilled_fen: Mapping[int, int],
    shared_fen: Mapping[int, int] | None = None,
) -> list[Position]:
    """Where some accounts stand at a moment.

    unbilled_fen  by user, of whom the account pays the rest; users that are missing have nothing unbilled
    shared_fen    by account, its share of the unbilled use of users whose rest another pays (D9.10)
    """
    rules = rules_at(at)
    facts = standing.exposures(account_ids=account_ids, kinds=rules.value("bucket_order"), on=rules.on)
    late = with_late_fees(debts.open_principals(account_ids, on=rules.on), on=rules.on, rules=rules)
    late_fen = dict(late.group_by("account_id").agg(pl.col("fee_fen").sum()).iter_rows())
    users: dict[int, list[PaidUser]] = {}
    cycle = rules.on.year * 100 + rules.on.month
    for account_id, *user in users_paid_by(account_ids=account_ids, cycle=cycle, at=at).iter_rows():
        users.setdefault(account_id, []).append(PaidUser(*user))
    return [
        _position(
            row,
            late_fen.get(row["account_id"], 0) + (shared_fen or {}).get(row["account_id"], 0),
            users.get(row["account_id"], []),
            unbilled_fen,
            rules,
            at,
        )
        for row in facts.iter_rows(named=True)
    ]


def credit_of(
    *, account_id: int, at: datetime, unbilled_fen: Mapping[int, int], shared_fen: Mapping[int, int] | None = None
) -> CreditView:
    """An account's credit limit and how much of it is used, with what is not billed yet (ACM-21, BMC-02); see
    positions."""
    (position,) = positions(account_ids=[account_id], at=at, unbilled_fen=unbilled_fen, shared_fen=shared_fen)
    used_fen = max(position.exposure_fen, 0)
    return CreditView(account_id, position.limit_fen, used_fen, position.limit_fen - used_fen)


def _position(
    row: dict[str, Any],
    beside_fen: int,
    users: list[PaidUser],
    unbilled_fen: Mapping[int, int],
    rules: Rules,
    at: datetime,
) -> Position:
    used = max(sum(unbilled_fen.get(user.subscriber_id, 0) for user in users), row["charged_fen"])
    by_star = rules.value("credit_limits_fen")
    own = max(of_star(by_star, user.star) for user in users) if users else of_star(by_star, 0)
    limit_fen = own if row["limit_fen"] is None else row["limit_fen"]
    if row["extra_until_at"] is not None and row["extra_until_at"] > at.timestamp():
        limit_fen += row["extra_fen"]
    crossed = row["crossed_at"]
    return Position(
        account_id=row["account_id"],
        exposure_fen=row["open_fen"]
        + beside_fen
        + used
        + row["overdrawn_fen"]
        - row["usable_fen"]
        - row["charged_fen"],
        limit_fen=limit_fen,
        oldest_due_on=row["oldest_due_on"],
        oldest_bill_id=row["oldest_bill_id"] or 0,
        crossed_at=None if crossed is None else datetime.fromtimestamp(crossed, at.tzinfo),
        is_exempt=bool(row["is_exempt"]),
        is_disputed=row["disputed_until_on"] is not None and row["disputed_until_on"] >= rules.on,
        users=tuple(users),
    )


def steps_reached(position: Position, *, rules: Rules, at: datetime) -> list[Step]:
    """Every step of every plan that an account has reached now, whether done before or not (D9.4, D9.5)."""
    if position.is_prepaid:
        balance_fen = -position.exposure_fen
        return [
            Step(position.account_id, "PREPAID", one["step"], one["action"], 0)
            for one in rules.value("plan.PREPAID")
            if balance_fen < one["below_fen"]
        ]
    return [*_limit_steps(position, rules, at), *_overdue_steps(position, rules)]


def _limit_steps(position: Position, rules: Rules, at: datetime) -> list[Step]:
    found = []
    for one in rules.value("plan.LIMIT"):
        reached = position.exposure_fen * 100 >= position.limit_fen * one["at_percent"] and position.exposure_fen > 0
        long_over = (
            "or_hours" in one
            and position.crossed_at is not None
            and position.exposure_fen >= position.limit_fen
            and at - position.crossed_at >= timedelta(hours=one["or_hours"])
        )
        if reached or long_over:
            found.append(Step(position.account_id, "LIMIT", one["step"], one["action"], 0))
    return found


def _overdue_steps(position: Position, rules: Rules) -> list[Step]:
    if position.oldest_due_on is None or position.exposure_fen <= 0:
        return []
    days = (rules.on - position.oldest_due_on).days
    return [
        Step(position.account_id, "OVERDUE", one["step"], one["action"], position.oldest_bill_id)
        for one in rules.value("plan.OVERDUE")
        if days >= one["days"]
    ]


def is_quiet(*, at: datetime, rules: Rules) -> bool:
    """Whether nobody is stopped or reminded at this hour (D9.6)."""
    hours, hour = rules.value("quiet_hours"), at.astimezone(timezone.get_default_timezone()).hour
    return hour >= hours["from"] or hour < hours["to"]


def told_from(*, at: datetime, rules: Rules) -> datetime:
    """When people are told what is found at a moment: at once, or when the quiet hours end (D9.6)."""
    if not is_quiet(at=at, rules=rules):
        return at
    local = at.astimezone(timezone.get_default_timezone())
    ends_at = local.replace(hour=rules.value("quiet_hours")["to"], minute=0, second=0, microsecond=0)
    return ends_at if ends_at > local else ends_at + timedelta(days=1)


def level_of_score(*, score: int, at: datetime) -> tuple[int, int]:
    """The credit level and limit in fen that a score gives (BMC-02)."""
    for one in sorted(rules_at(at).value("credit_levels"), key=lambda one: -one["from_score"]):
        if score >= one["from_score"]:
            return one["level"], one["limit_fen"]
    return 0, 0


def is_high_use(
    *, unbilled_fen: int, average_fen: int, opened_at: datetime, at: datetime, day_fen: int | None = None
) -> bool:
    """Whether a user's unbilled charges call for a look: a new user above the limit within a day, or anybody far above
    their own average (CHG-32, D9.9).

    day_fen  what of it is of the last 24 hours; all, if it is not known
    """
    rule = rules_at(at).value("high_use")
    is_new = at - opened_at < timedelta(days=rule["new_user_days"])
    if is_new and (unbilled_fen if day_fen is None else day_fen) > rule["new_user_fen"]:
        return True
    far_above = unbilled_fen > rule["factor"] * average_fen and unbilled_fen > rule["above_fen"]
    return far_above and not is_new
