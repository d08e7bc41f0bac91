"""What processes and access ask of billing."""

from openboss.modules.billing.atomic import (
    ChargePosted,
    CycleNotOpen,
    CycleStateRefused,
    CycleUnknown,
    FindingSigned,
    FindingUnknown,
    NoRun,
    ReleasedBills,
    cut_cycle,
    cycle_view,
    list_cycles,
    open_cycle,
    post_charge,
)
from openboss.modules.billing.functions.audit import NotEntitled, NotSigned, audit_run, release_cycle, sign_finding
from openboss.modules.billing.functions.collect import UnbalancedFiles, UsersNotBillable
from openboss.modules.billing.functions.steps import (
    STEPS,
    InputsUnbalanced,
    RunStatus,
    StepProgress,
    calculate,
    collect_inputs,
    run_status,
    step_back,
)
from openboss.modules.billing.functions.tariff_of_run import DiscountRefused

__all__ = [
    "STEPS",
    "ChargePosted",
    "CycleNotOpen",
    "CycleStateRefused",
    "CycleUnknown",
    "DiscountRefused",
    "FindingSigned",
    "FindingUnknown",
    "InputsUnbalanced",
    "NoRun",
    "NotEntitled",
    "NotSigned",
    "ReleasedBills",
    "RunStatus",
    "StepProgress",
    "UnbalancedFiles",
    "UsersNotBillable",
    "audit_run",
    "calculate",
    "collect_inputs",
    "cut_cycle",
    "cycle_view",
    "list_cycles",
    "open_cycle",
    "post_charge",
    "release_cycle",
    "run_status",
    "sign_finding",
    "step_back",
]
