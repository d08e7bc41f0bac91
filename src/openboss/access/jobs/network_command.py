"""`openboss network`: bring waiting changes to the network, compare it with the database, repair what differs."""

from __future__ import annotations

from typing import Annotated

import typer

from openboss.access.jobs import clock
from openboss.access.jobs.installation import open_installation
from openboss.config.options import options

_SHOWN = 50


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    network = typer.Typer(help="The network and what it is to hold of our users.", no_args_is_help=True)
    network.command()(deliver)
    network.command()(compare)
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
