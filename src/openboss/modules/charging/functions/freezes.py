"""Close a cycle to usage once, and read its totals as often as needed."""

from typing import Any

import polars as pl

from openboss.modules.charging.atomic.freezes import freeze_answer
from openboss.modules.charging.functions.engine import EngineRefused, cycle_totals, freeze_cycle


def freeze_once(cycle: int) -> int:
    """Freeze a cycle unless it is frozen; return the position it was frozen at. Raises EngineRefused."""
    answer = freeze_answer(cycle=cycle)
    if answer is None:
        try:
            answer = freeze_cycle(cycle)
        except EngineRefused:
            answer = freeze_answer(cycle=cycle)  # a run killed while it waited had asked for the same before
            if answer is None:
                raise
    return int(answer["position"])


def frozen_totals(cycle: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Read the totals and free resources (schema TOTALS, FREE_USE) of a frozen cycle."""
    answer: dict[str, Any] | None = freeze_answer(cycle=cycle)
    assert answer is not None, f"{cycle} is not frozen"
    return cycle_totals(answer["paths"], answer["sha256"])
