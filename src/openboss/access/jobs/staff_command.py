"""`openboss staff`: what an administrator does for the people who log in."""

from __future__ import annotations

from typing import Annotated

import typer

from openboss.access.jobs import clock
from openboss.access.jobs.installation import open_installation
from openboss.access.jobs.refusals import Refused

staff_app = typer.Typer(help="People who log in.", no_args_is_help=True)


class PasswordRefused(Refused):
    """The password was not changed: the login is unknown, or the password is too easy to guess."""


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.add_typer(staff_app, name="staff")


@staff_app.callback()
def staff() -> None:
    """People who log in."""


@staff_app.command()
def password(login: Annotated[str, typer.Argument(help="Who gets a new password.")]) -> None:
    """Give a person a new password, asked for twice and never shown; a locked login is open again."""
    chosen = typer.prompt("New password", hide_input=True, confirmation_prompt=True)
    with open_installation():
        from openboss.modules.system.functions import StaffUnknown, own_account, set_password

        at = clock.now()
        try:
            set_password(login=login, password=chosen, at=at)
        except StaffUnknown as refused:
            raise PasswordRefused(f"nobody logs in as {login}") from refused
        except own_account.PasswordWeak as refused:
            policy = own_account.password_policy(at.date())
            asked = "at least {shortest} signs of {kinds} kinds (small, capital, figure, other)".format(**policy)
            raise PasswordRefused(asked) from refused
    print(f"{login} has a new password")
