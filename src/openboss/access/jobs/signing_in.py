"""Who gives a command: the login named in it, proved by the password."""

from __future__ import annotations

import getpass
import sys
from typing import TYPE_CHECKING

from openboss.access.jobs import clock
from openboss.access.jobs.refusals import Refused

if TYPE_CHECKING:
    from openboss.modules.system.functions import StaffView


class NotSignedIn(Refused):
    """The login or the password is wrong, or the person may not do this; nothing was changed."""


def sign_in(login: str, *, right: str) -> StaffView:
    """Let a member of staff with a right in; the password is asked for, a script writes it to standard input.

    Raises NotSignedIn. Source: D21.6.
    """
    from openboss.modules.system.functions import LoginLocked, LoginRefused, authenticate_staff

    password = getpass.getpass(f"Password of {login}: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    try:
        staff = authenticate_staff(login=login, password=password, at=clock.now())
    except (LoginLocked, LoginRefused) as refused:
        raise NotSignedIn((type(refused).__doc__ or "").strip()) from refused
    if right not in staff.rights:
        raise NotSignedIn(f"{login} lacks the right {right}")
    return staff
