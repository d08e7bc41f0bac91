"""`openboss client`: other systems that may call the open interfaces."""

from __future__ import annotations

from typing import Annotated

import typer

from openboss.access.jobs import clock
from openboss.access.jobs.installation import open_installation
from openboss.access.jobs.refusals import Refused

client_app = typer.Typer(help="Other systems that call the open interfaces.", no_args_is_help=True)


class ClientRefused(Refused):
    """The client was not registered: the login is unknown, or does not hold every right that was named."""


class ClientMissing(Refused):
    """There is no such client; `openboss client list` shows those there are."""


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.add_typer(client_app, name="client")


@client_app.callback()
def client() -> None:
    """Other systems that call the open interfaces."""


@client_app.command("add")
def add(
    name: Annotated[str, typer.Argument(help="What the other system is called.")],
    login: Annotated[str, typer.Option(help="The member of staff in whose name it acts.")],
    right: Annotated[list[str], typer.Option(help="A right it may use, such as customers.view; repeat for more.")],
) -> None:
    """Register a system and print its id and secret, the secret this once."""
    with open_installation():
        from openboss.modules.system.functions import ScopeBeyondRights, StaffUnknown, add_client

        try:
            added, secret = add_client(name=name, staff_login=login, scopes=right, at=clock.now())
        except (StaffUnknown, ScopeBeyondRights) as refused:
            raise ClientRefused(str(refused)) from refused
    print(f"client_id      {added.client_id}\nclient_secret  {secret}")


@client_app.command("list")
def show() -> None:
    """List the registered systems and their rights."""
    with open_installation():
        from openboss.modules.system.functions import list_clients

        for one in list_clients():
            print(f"{one.client_id}  {one.name}  as {one.staff_login}: {', '.join(one.scopes)}")


@client_app.command("remove")
def remove(client_id: Annotated[str, typer.Argument(help="The id that `add` printed.")]) -> None:
    """Take a system's access away at once."""
    with open_installation():
        from openboss.modules.system.functions import ClientUnknown, remove_client

        try:
            remove_client(client_id=client_id, at=clock.now())
        except ClientUnknown as unknown:
            raise ClientMissing(client_id) from unknown
    print(f"{client_id} may not call any more")
