"""What a month's bills add up to, by kind of fee and by what a kind counts as.

Every figure is a sum of bill items, so that it agrees with the bills to the fen. Source: CHG-26, CHG-28, D7.6, D20.4.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from openboss.modules.billing import atomic
from openboss.modules.billing.functions.views import Names
from openboss.modules.catalog.atomic import bill_item_types


@dataclass(frozen=True)
class ItemRevenue:
    """One kind of bill item in the chosen months: standard fee, what was saved, what is due."""

    item_id: int
    code: str
    names: Names
    group_code: str
    report_group: str
    is_comm: bool  # for using the network
    is_voice: bool
    is_vas: bool
    is_third: bool  # collected for others
    std_fen: int
    due_fen: int

    @property
    def discount_fen(self) -> int:
        """What was saved against the national tariff (IND-07)."""
        return self.std_fen - self.due_fen


@dataclass(frozen=True)
class Revenue:
    """The bill items of some months, by kind."""

    items: tuple[ItemRevenue, ...]

    @property
    def communication_fen(self) -> int:
        """Fees for using the network, voice and data, without content fees (CHG-26, IND-13)."""
        return sum(item.due_fen for item in self.items if item.is_comm)

    @property
    def voice_fen(self) -> int:
        """Fees for voice calls (CHG-28, IND-32)."""
        return sum(item.due_fen for item in self.items if item.is_voice)

    @property
    def third_party_fen(self) -> int:
        """What is collected for others (IND-04)."""
        return sum(item.due_fen for item in self.items if item.is_third)

    @property
    def rent_fen(self) -> int:
        """The monthly rent alone, without fees of packs and services (IND-38)."""
        return sum(item.due_fen for item in self.items if item.code == "RENT")

    @property
    def by_report_group(self) -> dict[str, int]:
        """What is due, by statistical bill item type (ACP-06, IND-39)."""
        sums: dict[str, int] = {}
        for item in self.items:
            sums[item.report_group] = sums.get(item.report_group, 0) + item.due_fen
        return sums


def revenue(cycles: Iterable[int]) -> Revenue:
    """Add up the bills of some cycles (202610), trial or released, by kind of fee."""
    kinds = {kind.item_id: kind for kind in bill_item_types()}
    sums: dict[int, list[int]] = {}
    for cycle in cycles:
        for row in atomic.item_totals(cycle=cycle).iter_rows(named=True):
            figures = sums.setdefault(row["item_id"], [0, 0])
            figures[0] += row["std_fen"]
            figures[1] += row["due_fen"]
    items = []
    for item_id in sorted(sums, key=lambda one: kinds[one].sort_order):
        kind, (std_fen, due_fen) = kinds[item_id], sums[item_id]
        items.append(
            ItemRevenue(
                item_id=item_id,
                code=kind.code,
                names=Names(kind.name_zh, kind.name_en),
                group_code=kind.group_code,
                report_group=kind.report_group,
                is_comm=kind.is_comm,
                is_voice=kind.is_voice,
                is_vas=kind.is_vas,
                is_third=kind.is_third,
                std_fen=std_fen,
                due_fen=due_fen,
            )
        )
    return Revenue(tuple(items))
