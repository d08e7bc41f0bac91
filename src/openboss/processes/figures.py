"""The figures of a month or a quarter: what was used, what was billed, who holds what; each defined in its module.

A statistics period is made of whole billing cycles and changes nothing about them. Source: CHG-21, CHG-26 to CHG-28,
D20.4.
"""

from dataclasses import dataclass
from datetime import timedelta

from openboss.kernel.periods import next_cycle
from openboss.modules.billing.functions import calendar_of
from openboss.modules.billing.functions.revenue import Revenue, revenue
from openboss.modules.catalog.functions import offers
from openboss.modules.charging.functions import traffic
from openboss.modules.customers.functions import holders_by_offer

MONTHS_OF = {"MONTH": 1, "QUARTER": 3}


@dataclass(frozen=True)
class Figures:
    """What was used in the cycles of a period, and what their bills add up to."""

    cycles: tuple[int, ...]
    use: list[traffic.Measures]
    roaming: list[traffic.RoamUse]
    off_net_li: int
    revenue: Revenue
    users_by_offer: dict[str, int]  # at the last second of the period


def cycles_of(period: str, cycle: int) -> tuple[int, ...]:
    """Name the cycles of the MONTH or QUARTER in which a cycle (202611) lies: of a quarter 202610, 202611, 202612."""
    year, month = divmod(cycle, 100)
    months = MONTHS_OF[period]
    cycles = [year * 100 + (month - 1) // months * months + 1]
    while len(cycles) < months:
        cycles.append(next_cycle(cycles[-1]))
    return tuple(cycles)


def figures(cycle: int, *, period: str | None = None) -> Figures:
    """Gather the figures of the period in which a cycle lies; a cycle without usage or bills adds nothing.

    period   MONTH or QUARTER; None = what the operator's calendar says for that cycle (ACP-05)
    """
    cycles = cycles_of(period or calendar_of(cycle).statistics, cycle)
    held = holders_by_offer(at=calendar_of(cycles[-1]).cut_at - timedelta(seconds=1))
    return Figures(
        cycles=cycles,
        use=traffic.measures_of_use(cycles),
        roaming=traffic.roaming_use(cycles),
        off_net_li=traffic.off_net_fee_li(cycles),
        revenue=revenue(cycles),
        users_by_offer={offer.code: held[offer.offer_id] for offer in offers() if offer.offer_id in held},
    )
