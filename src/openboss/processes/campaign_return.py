"""What campaigns brought: who was spoken with, who came, and what they were billed since (BMC-01)."""

from collections.abc import Mapping
from dataclasses import dataclass

from openboss.modules.customers import functions as customers
from openboss.modules.receivables.functions.owed import billed_of_users


@dataclass(frozen=True)
class CampaignReturn:
    """One campaign: potential customers, how many were spoken with, given up and won, and what these were billed.

    cost_fen  what the campaign cost, if it was said; return_ppm then is (billed - cost) / cost in millionths
    """

    campaign: str
    leads: int
    visited: int
    lost: int
    converted: int
    billed_fen: int
    cost_fen: int | None = None

    @property
    def converted_ppm(self) -> int:
        """Won of all, in millionths."""
        return self.converted * 1_000_000 // self.leads if self.leads else 0

    @property
    def return_ppm(self) -> int | None:
        """What came back for what was spent, in millionths."""
        if not self.cost_fen:
            return None
        return (self.billed_fen - self.cost_fen) * 1_000_000 // self.cost_fen


def returns(*, cost_fen: Mapping[str, int] | None = None) -> list[CampaignReturn]:
    """Every campaign by name; cost_fen says what some of them cost."""
    costs = cost_fen or {}
    rows = customers.leads_of_campaigns().to_dicts()
    users = {row["campaign"]: [int(one) for one in row.pop("users").split()] for row in rows}
    billed = billed_of_users(subscriber_ids=[one for found in users.values() for one in found])
    return [
        CampaignReturn(
            **row,
            billed_fen=sum(billed.get(one, 0) for one in users[row["campaign"]]),
            cost_fen=costs.get(row["campaign"]),
        )
        for row in rows
    ]
