"""The OS account PostgreSQL runs as: it refuses root, so root lends it another one."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SERVICE_USER = "openboss"
_FALLBACK_USER = "nobody"


@dataclass(frozen=True)
class Account:
    """A user and group to run a program as; `switch` is false when we are that user already."""

    uid: int
    gid: int
    switch: bool

    def run(self, command: list[str], **kwargs: Any) -> subprocess.CompletedProcess[str]:
        """Run a program as this account, from `/`, with a plain environment and no controlling input."""
        kwargs.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.run(
            command, cwd="/", env=_plain_environment(), text=True, check=False, **self._identity(), **kwargs
        )

    def _identity(self) -> dict[str, Any]:
        if not self.switch:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def reaches(self, path: Path) -> bool:
        """Whether this account may walk through a folder and all its parents."""
        if not self.switch:
            return os.access(path, os.X_OK)
        return self.run(["test", "-x", str(path)]).returncode == 0

    def own(self, path: Path) -> None:
        """Give a file or folder we just made to this account."""
        if self.switch:
            os.chown(path, self.uid, self.gid)


def _plain_environment() -> dict[str, str]:
    # Nothing of PG* may leak in: PGDATA, PGPORT or PGHOST of somebody else's server would mislead pg_ctl.
    kept = {name: os.environ[name] for name in ("PATH", "TZ", "TMPDIR") if name in os.environ}
    return {"PATH": os.defpath, **kept, "LC_ALL": "C"}


def account_for(pgdata: Path) -> Account:
    """Choose who runs the server of a data folder: its owner if it exists, else ourselves, as root a service user."""
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid(), switch=False)
    if pgdata.exists() and pgdata.stat().st_uid != 0:
        owner = pgdata.stat()
        return Account(owner.st_uid, owner.st_gid, switch=True)
    user = _service_user()
    return Account(user.pw_uid, user.pw_gid, switch=True)


def _service_user() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(SERVICE_USER)
    except KeyError:
        pass
    if useradd := shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin"):
        subprocess.run(
            [useradd, "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", SERVICE_USER],
            capture_output=True,
            check=False,  # two first starts at once: the loser finds the winner's user
        )
    try:
        return pwd.getpwnam(SERVICE_USER)
    except KeyError:
        return pwd.getpwnam(_FALLBACK_USER)
