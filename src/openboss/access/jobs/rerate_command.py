"""`openboss rerate`: a published tariff corrected, usage rated again, decided by a second person (CHG-36)."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from openboss.access.jobs import clock
from openboss.access.jobs.installation import open_installation
from openboss.access.jobs.refusals import Refused
from openboss.access.jobs.signing_in import sign_in

if TYPE_CHECKING:
    from openboss.processes.re_rate import ReratingView

As = Annotated[str, typer.Option("--as", help="Your login; the password is asked for, or read from standard input.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Number = Annotated[int, typer.Argument(help="The number of the re-rating.")]


class RerateRefused(Refused):
    """This could not be done; nothing was changed."""


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    rerate = typer.Typer(help="Rate usage again (docs/operating/re-rating.md).", no_args_is_help=True)
    for command, name in (
        (correct, ""),
        (ask, ""),
        (run, ""),
        (list_, "list"),
        (show, ""),
        (approve, ""),
        (refuse, ""),
    ):
        rerate.command(name or None)(command)
    app.add_typer(rerate, name="rerate")


def correct(
    document: Annotated[Path, typer.Argument(help="The offer's document as it should have been.")],
    reason: Annotated[str, typer.Option(help="What was wrong.")],
    login: As,
    approved_by: Annotated[str, typer.Option("--with", help="The second person's login.")],
) -> None:
    """Correct published versions of an offer from their first day, and give the tariffs to charging."""
    with open_installation():
        from openboss.modules.catalog.functions import (
            DocumentRefused,
            NotEntitled,
            SamePerson,
            TariffRefused,
            corrections,
        )
        from openboss.processes import publish_tariffs

        writer, second = sign_in(login, right=corrections.EDIT), sign_in(approved_by, right=corrections.APPROVE)
        try:
            days = publish_tariffs.correct(
                document.read_text(encoding="utf-8"),
                reason=reason,
                staff_id=writer.staff_id,
                approved_by=second.staff_id,
                at=clock.now(),
            )
        except (
            DocumentRefused,
            NotEntitled,
            SamePerson,
            TariffRefused,
            corrections.NothingToCorrect,
            corrections.GrantMissing,
        ) as refused:
            raise _said(refused) from refused
    print(f"corrected from {', '.join(day.isoformat() for day in days)}; now ask for a re-rating")


def ask(
    cause: Annotated[str, typer.Option(help="What was wrong; it stands on the adjustments.")],
    from_on: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="First day of use.")],
    to_on: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day of use.")],
    login: As,
    offer: Annotated[str, typer.Option(help="Charged or covered by this offer (code).")] = "",
    source: Annotated[str, typer.Option(help="From this source (code).")] = "",
    file_id: Annotated[int, typer.Option(help="From this usage file.")] = 0,
    brand: Annotated[str, typer.Option(help="Users of this brand.")] = "",
    customer_class: Annotated[str, typer.Option(help="Users of customers of this class.")] = "",
    home_area: Annotated[int, typer.Option(help="Users of this home area.")] = 0,
    user: Annotated[list[int] | None, typer.Option(help="This user; may be given often.")] = None,
) -> None:
    """Ask for a re-rating by the tariffs in force now; `openboss rerate run` or the worker works it out."""
    with open_installation():
        from openboss.processes import re_rate

        chosen = re_rate.Chosen(
            from_on.date(),
            to_on.date(),
            offer=offer or None,
            source=source or None,
            file_id=file_id or None,
            brand=brand or None,
            customer_class=customer_class or None,
            home_area=home_area or None,
            subscriber_ids=tuple(user or ()),
        )
        staff = sign_in(login, right=re_rate.ASK)
        print(re_rate.ask(chosen=chosen, cause=cause, staff_id=staff.staff_id, at=clock.now()))


def run() -> None:
    """Work out what was asked for and carry out what was approved; what a kill left goes on."""
    with open_installation():
        from openboss.processes import re_rate

        print(f"{re_rate.run_waiting(at=clock.now())} taken")


def list_(as_json: AsJson = False) -> None:
    """List all re-ratings, the newest first."""
    with open_installation():
        from openboss.processes import re_rate

        found = re_rate.list_reratings()
    if as_json:
        print(json.dumps([_facts(view) for view in found], ensure_ascii=False, default=str, indent=1))
        return
    for view in found:
        print(_line(view))


def show(
    number: Number,
    as_json: AsJson = False,
    csv: Annotated[Path | None, typer.Option(help="Write before and after by user into this file.")] = None,
) -> None:
    """Show one re-rating with what it would change, or has changed, by user."""
    with open_installation():
        from openboss.processes import re_rate

        try:
            view = re_rate.rerating(rerating_id=number)
        except re_rate.ReratingUnknown as unknown:
            raise _said(unknown) from unknown
        users = re_rate.by_user(view) if "by_item" in view.found else None
    if csv is not None and users is not None:
        users.write_csv(csv)
    if as_json:
        rows = users.to_dicts() if users is not None else []
        print(json.dumps({**_facts(view), "by_user": rows}, ensure_ascii=False, default=str, indent=1))
        return
    print(_line(view))
    for row in users.head(50).to_dicts() if users is not None else []:
        print(f"  user {row['subscriber_id']}: {row['before_fen']} -> {row['after_fen']} fen, {row['records']} records")


def approve(number: Number, login: As, reason: Annotated[str, typer.Option(help="A note.")] = "") -> None:
    """Approve a re-rating as the second person; `openboss rerate run` or the worker carries it out."""
    _decide("approve", number, login, reason)


def refuse(number: Number, login: As, reason: Annotated[str, typer.Option(help="Why not.")]) -> None:
    """Refuse a re-rating as the second person."""
    _decide("refuse", number, login, reason)


def _decide(decision: str, number: int, login: str, reason: str) -> None:
    with open_installation():
        from openboss.processes import re_rate

        staff = sign_in(login, right=re_rate.APPROVE)
        step = re_rate.approve if decision == "approve" else re_rate.refuse
        try:
            step(rerating_id=number, reason=reason, staff_id=staff.staff_id, at=clock.now())
        except (re_rate.NotWaiting, re_rate.OwnProposal, re_rate.ReratingUnknown) as refused:
            raise _said(refused) from refused


def _said(refused: Exception) -> RerateRefused:
    return RerateRefused(f"{(type(refused).__doc__ or '').strip()} ({refused})")


def _facts(view: ReratingView) -> dict[str, object]:
    return {name: value for name, value in vars(view).items() if name != "found"}


def _line(view: ReratingView) -> str:
    change = f"{view.before_fen} -> {view.after_fen} fen, of it {view.posted_fen} as adjustments"
    return (
        f"{view.rerating_id} {view.state:<9} {view.users} users, {view.changed_records} records, {change}: {view.cause}"
    )
