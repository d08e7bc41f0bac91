"""`openboss explain`: why a bill is what it is; `openboss explain-record`: why a record cost what it did."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from openboss.access.jobs.installation import open_installation
from openboss.access.jobs.refusals import Refused, language_of_terminal


class NoSuchBill(Refused):
    """There is no bill with this number; the console's search finds bills by customer, phone number or bill number."""


class NoSuchRecord(Refused):
    """The user has no such record in this month; month, position and row stand in the detail list."""


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command()(explain)
    app.command()(explain_record)


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


def explain_record(
    user: Annotated[int, typer.Argument(help="The user's number in the system.")],
    cycle: Annotated[int, typer.Argument(help="The month the record was charged in, such as 202610.")],
    position: Annotated[int, typer.Argument(help="The record's position in the journal.")],
    row: Annotated[int, typer.Argument(help="Its row at that position.")],
    language: Annotated[str, typer.Option(help="zh or en.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Explain a rated record: what was charged by which rule of which version, step by step."""
    with open_installation():
        from openboss.processes.explain_record import RecordUnknown
        from openboss.processes.explain_record import explain_record as explained

        try:
            why = explained(subscriber_id=user, cycle=cycle, position=position, row=row)
        except RecordUnknown as missing:
            raise NoSuchRecord(str(missing)) from missing
    if as_json:
        print(json.dumps(why, ensure_ascii=False, indent=1))
        return
    spoken = language or language_of_terminal()
    for charge in why["charges"]:
        print(f"{charge['actual']:>10}  {charge['item_names'][spoken]}")
    for step in why["steps"]:
        print(f"  {step[spoken]}")
    print(f"  {why[spoken]}")
