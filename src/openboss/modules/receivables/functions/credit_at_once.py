"""Credit control of very many accounts: which of them a look would change, found in columns (D9.1).

The rules are those of credit.steps_reached, said for columns; a test compares both. Who is not named here is left
alone: nothing of a plan begins or ends for them.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

from openboss.modules.customers.atomic.owners import users_paid_by
from openboss.modules.receivables.atomic import debts, standing
from openboss.modules.receivables.functions.clearing import with_late_fees
from openboss.modules.receivables.functions.credit import PLANS, STOPS, is_quiet
from openboss.modules.receivables.functions.rules import Rules, of_star, rules_at

UNKNOWN_STEP = 1 << 60  # a step that stands in no plan any more


def accounts_to_look_at(
    *,
    account_ids: list[int],
    at: datetime,
    unbilled_fen: Mapping[int, int],
    shared_fen: Mapping[int, int] | None = None,
) -> list[int]:
    """Of many accounts those for which a step begins or ends, the limit is crossed, or a stop may be over; see
    credit.positions."""
    rules = rules_at(at)
    seen = positions_of_many(account_ids, at, unbilled_fen, rules, shared_fen)
    seen = seen.join(_steps_open(seen, rules), on="account_id", how="left").with_columns(
        pl.col("open_mask").fill_null(0),
        pl.col("other_bill").fill_null(value=False),
        reached_mask=sum((_mask(plan, rules, at) for plan in PLANS), pl.lit(0, pl.Int64)),
    )
    begins = pl.lit(0, pl.Int64) if is_quiet(at=at, rules=rules) else pl.col("reached_mask") & ~pl.col("open_mask")
    ends = pl.col("open_mask") & ~pl.col("reached_mask")
    is_over = pl.col("is_stopped") & (pl.col("reached_mask") & _stops(rules) == 0)
    crossed = (pl.col("exposure_fen") >= pl.col("limit_fen")) != pl.col("crossed_at").is_not_null()
    is_open = pl.col("ceiling_fen").is_not_null()  # an emergency opening may be over
    at_work = seen.filter((begins != 0) | (ends != 0) | is_over | crossed | pl.col("other_bill") | is_open)
    return at_work["account_id"].to_list()


def positions_of_many(
    account_ids: list[int],
    at: datetime,
    unbilled_fen: Mapping[int, int],
    rules: Rules,
    shared_fen: Mapping[int, int] | None = None,
) -> pl.DataFrame:
    """Where accounts stand, see credit.Position: exposure, limit, oldest due day and bill, users."""
    facts = standing.exposures(account_ids=account_ids, kinds=rules.value("bucket_order"), on=rules.on)
    late = with_late_fees(debts.open_principals(account_ids, on=rules.on), on=rules.on, rules=rules)
    late = late.group_by("account_id").agg(late_fen=pl.col("fee_fen").sum())
    by_star: dict[str, int] = rules.value("credit_limits_fen")
    seen = (
        facts.join(late, on="account_id", how="left")
        .join(_users(account_ids, at, unbilled_fen, by_star, rules.on), on="account_id", how="left")
        .with_columns(pl.col("late_fen", "used_fen").fill_null(0), pl.col("is_prepaid", "is_stopped").fill_null(False))
    )
    shared = pl.col("account_id").replace_strict(shared_fen or {}, default=0, return_dtype=pl.Int64)
    extra = pl.when(pl.col("extra_until_at") > at.timestamp()).then("extra_fen").otherwise(0)
    return seen.with_columns(
        exposure_fen=pl.col("open_fen")
        + pl.col("late_fen")
        + shared
        + pl.max_horizontal("used_fen", "charged_fen")
        + pl.col("overdrawn_fen")
        - pl.col("usable_fen")
        - pl.col("charged_fen"),
        limit_fen=pl.coalesce("limit_fen", "own_limit_fen", pl.lit(of_star(by_star, 0), pl.Int64)) + extra,
        days=(pl.lit(rules.on) - pl.col("oldest_due_on")).dt.total_days(),
    )


def _users(
    account_ids: list[int], at: datetime, unbilled_fen: Mapping[int, int], by_star: Mapping[str, int], on: date
) -> pl.DataFrame:
    """Of each account's users: the limit of the best star, what is unbilled, whether all prepay, whether one stands."""
    users = users_paid_by(account_ids=account_ids, cycle=on.year * 100 + on.month, at=at)
    used = pl.DataFrame(
        {"subscriber_id": list(unbilled_fen), "used_fen": list(unbilled_fen.values())},
        schema={"subscriber_id": pl.Int64, "used_fen": pl.Int64},
    )
    limits_fen = {star: of_star(by_star, star) for star in users["star"].unique()}
    limit_fen = pl.col("star").replace_strict(limits_fen, return_dtype=pl.Int64)
    return (
        users.join(used, on="subscriber_id", how="left")
        .group_by("account_id")
        .agg(
            own_limit_fen=limit_fen.max(),
            used_fen=pl.col("used_fen").sum(),
            is_prepaid=(pl.col("pay_type") == "PREPAID").all(),
            is_stopped=(pl.col("is_stopped") & (pl.col("life") == "ACTIVE")).any(),
        )
    )


def _bits(rules: Rules) -> dict[tuple[str, str], int]:
    """A bit for every step of every plan."""
    names = [(plan, one["step"]) for plan in PLANS for one in rules.value(f"plan.{plan}")]
    return {name: 1 << place for place, name in enumerate(names)}


def _stops(rules: Rules) -> int:
    bits = _bits(rules)
    return sum(
        bits[plan, one["step"]] for plan in PLANS for one in rules.value(f"plan.{plan}") if one["action"] in STOPS
    )


def _mask(plan: str, rules: Rules, at: datetime) -> pl.Expr:
    """The bits of a plan's steps that are reached."""
    bits = _bits(rules)
    return sum(
        (
            pl.when(_is_reached(plan, one, at)).then(bits[plan, one["step"]]).otherwise(0).cast(pl.Int64)
            for one in rules.value(f"plan.{plan}")
        ),
        pl.lit(0, pl.Int64),
    )


def _is_reached(plan: str, step: Mapping[str, Any], at: datetime) -> pl.Expr:
    """Whether an account has reached a step, see credit.steps_reached."""
    exposure, limit = pl.col("exposure_fen"), pl.col("limit_fen")
    if plan == "PREPAID":
        return pl.col("is_prepaid") & (-exposure < step["below_fen"])
    postpaid_owes = ~pl.col("is_prepaid") & (exposure > 0)
    if plan == "OVERDUE":
        return postpaid_owes & (pl.col("days") >= step["days"]).fill_null(value=False)
    reached = exposure * 100 >= limit * step["at_percent"]
    if "or_hours" in step:
        since = int((at - timedelta(hours=step["or_hours"])).timestamp())
        reached |= (exposure >= limit) & (pl.col("crossed_at") <= since).fill_null(value=False)
    return postpaid_owes & reached


def _steps_open(seen: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    """The bits of the steps that go on, and whether one of them is about another bill than the oldest."""
    bits = pl.DataFrame(
        [(plan, step, bit) for (plan, step), bit in _bits(rules).items()], schema=["plan", "step", "bit"], orient="row"
    )
    rows = standing.open_step_rows(account_ids=seen["account_id"].to_list()).join(bits, on=["plan", "step"], how="left")

    return (
        rows.join(seen.select("account_id", "oldest_bill_id"), on="account_id", how="left")
        .group_by("account_id")
        .agg(
            open_mask=pl.col("bit").fill_null(UNKNOWN_STEP).unique().sum().cast(pl.Int64),
            other_bill=((pl.col("plan") == "OVERDUE") & (pl.col("bill_id") != pl.col("oldest_bill_id"))).any(),
        )
    )
