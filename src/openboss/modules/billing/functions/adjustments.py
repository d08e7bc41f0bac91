"""What correcting a closed month needs of billing: the tariff its bills were made with, and adjustments (CHG-36)."""

from openboss.modules.billing import atomic
from openboss.modules.billing.atomic.adjustments import ADJUSTMENTS, post_adjustments
from openboss.modules.billing.functions.run_files import RunFiles
from openboss.modules.billing.functions.tariff_of_run import RunTariff, from_json

__all__ = ["ADJUSTMENTS", "post_adjustments", "tariff_of_cycle"]


def tariff_of_cycle(cycle: int) -> RunTariff | None:
    """The part of the catalog that the run of a month has worked with; None if it has no run yet."""
    try:
        run = atomic.live_run(cycle=cycle)
        return from_json(RunFiles(run.cycle, run.run_id).get_catalog())
    except (atomic.NoRun, FileNotFoundError):
        return None
