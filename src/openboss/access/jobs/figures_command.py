"""`openboss figures`: what was used and billed in a month or a quarter."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from openboss.access.jobs.installation import open_installation
from openboss.access.jobs.refusals import Refused

if TYPE_CHECKING:
    from openboss.processes.figures import Figures


class NoSuchPeriod(Refused):
    """A month is written 202610, and a period is MONTH or QUARTER."""


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command()(figures)


def figures(
    cycle: Annotated[int, typer.Argument(help="A month of the period, such as 202610.")],
    period: Annotated[str | None, typer.Option(help="MONTH or QUARTER; otherwise as the calendar says.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Show the traffic and the revenue of a period; trial bills count, as they stand."""
    with open_installation():
        from openboss.processes.figures import MONTHS_OF
        from openboss.processes.figures import figures as gather

        if (period is not None and period not in MONTHS_OF) or not 1 <= cycle % 100 <= 12:
            raise NoSuchPeriod(f"{cycle} {period}")
        found = gather(cycle, period=period)
    if as_json:
        print(json.dumps(as_document(found), ensure_ascii=False, indent=1))
    else:
        show(found)


def as_document(found: Figures) -> dict[str, Any]:
    """The figures as plain values with names for codes."""
    revenue = found.revenue
    return {
        "cycles": list(found.cycles),
        "use": [{**asdict(row), "record_type": row.record_type.name} for row in found.use],
        "roaming": [{**asdict(row), "roam_type": row.roam_type.name} for row in found.roaming],
        "off_net_li": found.off_net_li,
        "communication_fen": revenue.communication_fen,
        "voice_fen": revenue.voice_fen,
        "third_party_fen": revenue.third_party_fen,
        "rent_fen": revenue.rent_fen,
        "users_by_offer": found.users_by_offer,
        "by_report_group_fen": revenue.by_report_group,
        "items": [
            {"code": item.code, "std_fen": item.std_fen, "discount_fen": item.discount_fen, "due_fen": item.due_fen}
            for item in revenue.items
        ],
    }


def show(found: Figures) -> None:
    """Print the figures as two tables and a line of sums."""
    print("months " + ", ".join(str(cycle) for cycle in found.cycles))
    print(f"{'service':14}{'users':>9}{'calls':>11}{'minutes':>11}{'messages':>11}{'MB':>13}{'yuan':>15}")
    for row in found.use:
        measured = f"{row.users:9,}{row.calls:11,}{row.charged_minutes:11,}{row.messages:11,}{row.kb_units // 1024:13,}"
        print(f"{row.record_type.name:14}{measured}{_yuan(row.act_li // 10):>15}")
    print(f"\n{'bill item':16}{'standard':>15}{'saved':>15}{'due':>15}")
    for item in found.revenue.items:
        print(
            f"{item.code:16}" + "".join(f"{_yuan(fen):>15}" for fen in (item.std_fen, item.discount_fen, item.due_fen))
        )
    revenue = found.revenue
    sums = {
        "communication": revenue.communication_fen,
        "voice": revenue.voice_fen,
        "off-net calls": found.off_net_li // 10,
        "for others": revenue.third_party_fen,
    }
    print("\n" + "  ".join(f"{name} {_yuan(fen)}" for name, fen in sums.items()))


def _yuan(fen: int) -> str:
    whole, rest = divmod(abs(fen), 100)
    return f"{'-' if fen < 0 else ''}{whole:,}.{rest:02}"
