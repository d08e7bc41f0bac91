"""`openboss explain`: why a bill is what it is."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from openboss.access.jobs.installation import open_installation
from openboss.access.jobs.refusals import Refused


class NoSuchBill(Refused):
    """There is no bill with this number; the console's search finds bills by customer, phone number or bill number."""


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command()(explain)


def explain(
    bill_id: Annotated[int, typer.Argument(help="The bill's number.")],
    language: Annotated[str, typer.Option(help="zh or en.")] = "en",
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Explain a bill against the month before, down to rules and records."""
    with open_installation():
        from openboss.modules.billing.functions import BillNotFound, explain_bill

        try:
            explained = explain_bill(bill_id)
        except BillNotFound as missing:
            raise NoSuchBill(str(bill_id)) from missing
    if as_json:
        print(json.dumps(asdict(explained), ensure_ascii=False, indent=1, default=str))
        return
    print(explained.summary.of(language))
    for reason in explained.reasons:
        yuan, fen = divmod(abs(reason.delta_fen), 100)
        change = f"{'-' if reason.delta_fen < 0 else '+'}{yuan}.{fen:02}"
        sentence = f"{reason.item.of(language)}: {reason.sentence.of(language)}"
        print(f"  {change:>10}  {sentence}")
