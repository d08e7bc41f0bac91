"""What credit control reads and writes: standings, steps done, the dunning list."""

from openboss.modules.receivables.atomic.debts import lock_accounts
from openboss.modules.receivables.atomic.standing import (
    StandingView,
    StepDone,
    accounts_begun,
    begin_steps,
    debtors,
    dunning_list,
    end_steps,
    note_exposures,
    open_steps,
    open_steps_of_plan,
    set_credit,
    standing_view,
    steps_of,
)

__all__ = [
    "StandingView",
    "StepDone",
    "begin_steps",
    "debtors",
    "dunning_list",
    "end_steps",
    "accounts_begun",
    "lock_accounts",
    "note_exposures",
    "open_steps",
    "open_steps_of_plan",
    "set_credit",
    "standing_view",
    "steps_of",
]
