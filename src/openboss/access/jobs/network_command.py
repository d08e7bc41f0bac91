"""`openboss network`: bring waiting changes to the network, compare it with the database, repair what differs."""

from __future__ import annotations

from typing import Annotated

import typer

from openboss.access.jobs import clock
from openboss.access.jobs.installation import open_installation
from openboss.access.jobs.refusals import Refused
from openboss.config.options import options

_SHOWN = 50


class AccessLineRefused(Refused):
    """The access line was not changed: nobody has the number, or the password is not 8 to 64 signs without blanks."""


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    network = typer.Typer(help="The network and what it is to hold of our users.", no_args_is_help=True)
    network.command()(deliver)
    network.command()(compare)
    network.command(name="access-line")(access_line)
    app.add_typer(network, name="network")


def deliver() -> None:
    """Bring everything that is due to the network now; the worker does this by itself twice a second."""
    with open_installation():
        from openboss.access.network import delivery
        from openboss.modules.system.functions import count_messages

        chosen = options()
        done = delivery.deliver_all(delivery.connector(chosen.hlr, chosen.data_dir), now=clock.now)
        counts = count_messages(topic="network.")
    print(f"register {chosen.hlr}: delivered {done.sent}, failed {done.failed}")
    print(", ".join(f"{state} {count}" for state, count in counts.items()) or "no messages")
    if done.failed:
        raise typer.Exit(1)


def compare(
    repair: Annotated[bool, typer.Option(help="Send what brings the network to what the database wants.")] = False,
) -> None:
    """Compare the network with the database, card by card."""
    with open_installation():
        from openboss.access.network import delivery
        from openboss.processes import provision

        chosen = options()
        found = delivery.differences(chosen.hlr, chosen.data_dir, at=clock.now())
        for one in found[:_SHOWN]:
            print(f"{one.imsi}  {one.kind}  wanted {one.wanted}  found {one.found}")
        sent = provision.repair(found, at=clock.now(), staff_id=None) if repair else 0
    print(f"{len(found)} differences" + (f", {sent} messages left for the worker" if repair else ""))
    if found and not repair:
        raise typer.Exit(1)


def access_line(
    number: Annotated[int, typer.Argument(help="The user's number with its country code, without +.")],
    down_kbps: Annotated[int | None, typer.Option(min=0, help="Fastest way to the user; 0 = not limited.")] = None,
    up_kbps: Annotated[int | None, typer.Option(min=0, help="Fastest way from the user; 0 = not limited.")] = None,
    password: Annotated[bool, typer.Option(help="Ask for a new password, twice.")] = False,
) -> None:
    """Give a broadband or WLAN user a password for access servers, or another speed; running sessions follow."""
    chosen = typer.prompt("New password", hide_input=True, confirmation_prompt=True) if password else None
    with open_installation():
        from openboss.processes.access_lines import AccessPasswordWrong, set_access_line, user_of

        user = user_of(number=number, at=clock.now())
        if user is None:
            raise AccessLineRefused(f"nobody has the number {number}")
        try:
            set_access_line(
                subscriber_id=user, password=chosen, down_kbps=down_kbps, up_kbps=up_kbps, at=clock.now(), staff_id=None
            )
        except AccessPasswordWrong as refused:
            words = "a password has 8 to 64 signs without blanks; a new line needs one (--password)"
            raise AccessLineRefused(words) from refused
    print(f"{number} has an access line")
