"""The work list of dunning: who is at which step of which plan, what comes next, and who is spared (D9.4 to D9.9)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from openboss.modules.receivables.atomic import standing
from openboss.modules.receivables.functions import credit
from openboss.modules.receivables.functions.authority import require
from openboss.modules.receivables.functions.credit import Position
from openboss.modules.receivables.functions.rules import Rules, rules_at

MOST = 5000  # rows of the list; filters narrow it


@dataclass(frozen=True)
class DunningRow:
    """An account at a step of a plan; next_on is None where the next step waits for an amount and not for a day.

    held_until_on  of a hold by hand; an objection to a bill holds until it is decided (D8.12)
    exposure_fen  as the last look at the account found it, with what was not billed then
    """

    account_id: int
    plan: str
    step: str
    bill_id: int
    sent_at: datetime
    exposure_fen: int
    limit_fen: int
    oldest_due_on: date | None
    next_step: str
    next_on: date | None
    is_exempt: bool
    is_disputed: bool
    held_until_on: date | None

    @property
    def how(self) -> str:
        """Whether dunning goes on (ACTIVE), waits for the end of a complaint (HELD) or for a manager (MANAGER)."""
        return "HELD" if self.is_disputed else "MANAGER" if self.is_exempt else "ACTIVE"


def work_list(*, at: datetime) -> list[DunningRow]:
    """Accounts in dunning with the last step of each plan and the next one, the newest first."""
    rules = rules_at(at)
    steps = standing.dunning_list(limit=MOST).unique(["account_id", "plan"], keep="first", maintain_order=True)
    accounts = steps["account_id"].unique().sort().to_list()
    positions = {one.account_id: one for one in credit.positions(account_ids=accounts, at=at, unbilled_fen={})}
    return [
        _row(row, positions[row["account_id"]], rules)
        for row in steps.iter_rows(named=True)
        if row["account_id"] in positions
    ]


def _row(row: Mapping[str, Any], position: Position, rules: Rules) -> DunningRow:
    step, on = _next(row["plan"], row["step"], position, rules)
    held = standing.standing_view(account_id=position.account_id).disputed_until_on if position.is_disputed else None
    return DunningRow(
        account_id=position.account_id,
        plan=row["plan"],
        step=row["step"],
        bill_id=row["bill_id"],
        sent_at=row["sent_at"],
        exposure_fen=row["exposure_fen"],
        limit_fen=position.limit_fen,
        oldest_due_on=position.oldest_due_on,
        next_step=step,
        next_on=on,
        is_exempt=position.is_exempt,
        is_disputed=position.is_disputed,
        held_until_on=held,
    )


def _next(plan: str, step: str, position: Position, rules: Rules) -> tuple[str, date | None]:
    """The step after one of a plan, and its day if the plan counts days; none after what no plan of exposure has."""
    if plan not in credit.PLANS:
        return "", None
    steps = rules.value(f"plan.{plan}")
    codes = [one["step"] for one in steps]
    if step not in codes or codes.index(step) + 1 == len(codes):
        return "", None
    after = steps[codes.index(step) + 1]
    if "days" in after and position.oldest_due_on is not None:
        return after["step"], position.oldest_due_on + timedelta(days=after["days"])
    return after["step"], None


def hold(*, account_id: int, until_on: date | None, at: datetime, staff_id: int) -> None:
    """Let dunning of an account wait until a day, while a complaint is looked at; None ends it. Raises NotEntitled."""
    _change(account_id, at, staff_id, disputed_until_on=until_on)


def spare(*, account_id: int, is_exempt: bool, at: datetime, staff_id: int) -> None:
    """Spare an account: a manager is told instead of stopping it; or end that. Raises NotEntitled (BMC-04)."""
    _change(account_id, at, staff_id, is_exempt=is_exempt)


def _change(account_id: int, at: datetime, staff_id: int, **changes: Any) -> None:
    """Change a part of an account's standing and keep the rest."""
    require(staff_id=staff_id, right="receivables.credit")
    known = standing.standing_view(account_id=account_id)
    names = ("limit_fen", "extra_fen", "extra_until_at", "is_exempt", "disputed_until_on")
    kept: dict[str, Any] = {name: getattr(known, name) for name in names}
    standing.set_credit(account_id=account_id, at=at, staff_id=staff_id, **(kept | changes))
