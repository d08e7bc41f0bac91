"""Backup and restore: database and lake together, so that one never speaks of what the other has not.

    FOLDER/database.dump     pg_dump's custom format: one consistent moment
    FOLDER/lake/...          copied after that moment, so it has at least all that the database speaks of
    FOLDER/engine/...        the engine's snapshots (what is missing or too new is rebuilt from the journal)
    FOLDER/manifest.json     every file with size and SHA-256, written last: without it the backup is not one

The key file is not in it: whoever steals a backup must not get the keys with it. The manifest names the key file's
fingerprint; keep a copy of the key file in another safe place.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import openboss.access.jobs.installation as installation
from openboss.access.jobs.postgres.binaries import packaged_binaries
from openboss.access.jobs.refusals import Refused
from openboss.config.database import connection_of
from openboss.config.options import options
from openboss.modules.system.keys import KeyFileUnusable, read_keyring

MANIFEST = "manifest.json"
DUMP = "database.dump"
FORMAT = 1
_FOLDERS = ("lake", "engine")
_PIECE_BYTES = 1 << 20

Say = Callable[[str], None]


class BackupFolderNotEmpty(Refused):
    """The backup's folder has files in it; choose an empty or a new one. Nothing was written."""


class BackupDamaged(Refused):
    """The backup is not whole: a file is missing, changed, or the manifest was never written. Nothing was restored."""


class TargetNotEmpty(Refused):
    """This installation has data already; restore into an empty one (another data folder, an empty database)."""


class WrongKeyFile(Refused):
    """The key file here is not the one this backup was encrypted with; put that one in its place, then restore."""


class DatabaseToolFailed(Refused):
    """pg_dump or pg_restore failed; its own words follow. A restore that failed must be begun again from empty."""


@dataclass(frozen=True)
class Manifest:
    """What a backup consists of."""

    format: int
    made_at: str
    key_fingerprint: str
    migrations: list[str]
    files: dict[str, dict[str, Any]]


def make_backup(folder: Path, *, at: datetime, say: Say = lambda _line: None) -> Manifest:
    """Write a backup of the running or resting installation into an empty folder.

    Raises BackupFolderNotEmpty, DatabaseToolFailed, KeyFileUnusable.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise BackupFolderNotEmpty(str(folder))
    folder.chmod(0o700)
    chosen = options()
    with installation.open_installation():
        fingerprint = read_keyring(chosen.keys_file).fingerprint()
        migrations = _applied_migrations()
        say("database ...")
        _tool("pg_dump", ["--format=custom", "--no-owner", "--no-privileges", "--file", str(folder / DUMP)])
    for name in _FOLDERS:
        say(f"{name} ...")
        _copy_tree(chosen.data_dir / name, folder / name)
    manifest = Manifest(
        format=FORMAT,
        made_at=at.isoformat(),
        key_fingerprint=fingerprint,
        migrations=migrations,
        files={path: _facts(folder / path) for path in _files_below(folder)},
    )
    _write_durably(folder / MANIFEST, json.dumps(asdict(manifest), indent=1, ensure_ascii=False).encode())
    return manifest


def verify_backup(folder: Path) -> Manifest:
    """Check every file of a backup against its manifest. Raises BackupDamaged."""
    try:
        manifest = Manifest(**json.loads((folder / MANIFEST).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as broken:
        raise BackupDamaged(f"{folder / MANIFEST}: {broken}") from broken
    if manifest.format != FORMAT:
        raise BackupDamaged(f"format {manifest.format}: made by another version of OpenBOSS")
    for path, facts in manifest.files.items():
        if not (folder / path).is_file():
            raise BackupDamaged(f"{path} is missing")
        if _facts(folder / path) != facts:
            raise BackupDamaged(f"{path} has changed")
    return manifest


def restore_backup(folder: Path, *, say: Say = lambda _line: None) -> Manifest:
    """Bring a backup back into an empty installation and begin a new timeline of the engine.

    Raises BackupDamaged, TargetNotEmpty, WrongKeyFile, DatabaseToolFailed.
    """
    chosen = options()
    say("checking the backup ...")
    manifest = verify_backup(folder)
    _check_keys(chosen.keys_file, manifest)
    for name in _FOLDERS:
        if (chosen.data_dir / name).exists() and any((chosen.data_dir / name).iterdir()):
            raise TargetNotEmpty(str(chosen.data_dir / name))
    with installation.open_installation():
        _check_database_is_empty()
        for name in _FOLDERS:
            say(f"{name} ...")
            _copy_tree(folder / name, chosen.data_dir / name)
        say("database ...")
        _tool(
            "pg_restore",
            ["--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error", str(folder / DUMP)],
        )
        installation.migrate(verbosity=0)
        begin_timeline_after_restore()
    return manifest


def begin_timeline_after_restore() -> None:
    """Let the engine's next start hide what the lake has beyond the restored journal."""
    from openboss.modules.charging.functions.engine import begin_timeline

    begin_timeline()


def _check_keys(keys_file: Path, manifest: Manifest) -> None:
    try:
        found = read_keyring(keys_file).fingerprint()
    except KeyFileUnusable as missing:
        raise WrongKeyFile(f"{keys_file} is missing or unreadable; needed: {manifest.key_fingerprint}") from missing
    if found != manifest.key_fingerprint:
        raise WrongKeyFile(f"{keys_file} is {found}; needed: {manifest.key_fingerprint}")


def _check_database_is_empty() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        (tables,) = cursor.fetchone()
    if tables:
        raise TargetNotEmpty(f"the database has {tables} tables")


def _applied_migrations() -> list[str]:
    from django.db import connection
    from django.db.migrations.recorder import MigrationRecorder

    return sorted(f"{app}.{name}" for app, name in MigrationRecorder(connection).applied_migrations())


def _tool(name: str, arguments: list[str]) -> None:
    chosen = options()
    fields = connection_of(database_url=chosen.database_url, cluster_dir=chosen.cluster_dir)
    target = ["--dbname", fields["NAME"]] if name == "pg_restore" else [fields["NAME"]]
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        **{
            variable: fields[key]
            for variable, key in (
                ("PGHOST", "HOST"),
                ("PGPORT", "PORT"),
                ("PGUSER", "USER"),
                ("PGPASSWORD", "PASSWORD"),
            )
            if fields[key]
        },
    }
    done = subprocess.run(
        [_program(name), *arguments, *target], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise DatabaseToolFailed(f"{name}: {done.stderr[-2000:]}")


def _program(name: str) -> str:
    """Find a client program of the server's own version: newer ones write what older servers refuse."""
    if options().database_url is None:
        return str(packaged_binaries() / name)
    from django.db import connection

    connection.ensure_connection()
    major = connection.pg_version // 10_000
    candidates = [Path(f"/usr/lib/postgresql/{major}/bin/{name}"), Path(shutil.which(name) or "/nonexistent")]
    for candidate in candidates:
        if candidate.is_file() and f") {major}." in _version_of(candidate):
            return str(candidate)
    raise DatabaseToolFailed(f"install PostgreSQL's client programs of version {major}: no {name} of it was found")


def _version_of(program: Path) -> str:
    return subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout


def _copy_tree(source: Path, target: Path) -> None:
    """Copy a folder that may be growing: tables' logs first, so that all files they name exist by then."""
    if not source.exists():
        return
    files = sorted(_files_below(source), key=lambda path: ("_delta_log" not in path, path))
    for path in files:
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copyfile(source / path, target / path)
        except FileNotFoundError:
            continue  # a draft that was renamed, or a snapshot that was retired, since we listed the folder


def _files_below(folder: Path) -> list[str]:
    """Name the files below a folder; the engine's socket is none."""
    found = (Path(parent, name) for parent, _, names in os.walk(folder) for name in names)
    return sorted(str(path.relative_to(folder)) for path in found if path.is_file())


def _facts(path: Path) -> dict[str, Any]:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        for piece in iter(lambda: stream.read(_PIECE_BYTES), b""):
            digest.update(piece)
    return {"bytes": path.stat().st_size, "sha256": digest.hexdigest()}


def _write_durably(path: Path, content: bytes) -> None:
    draft = path.with_name(f".{path.name}")
    with draft.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(draft, path)


def total_bytes(facts: Iterable[dict[str, Any]]) -> int:
    """How large the files of a manifest are together."""
    return sum(each["bytes"] for each in facts)
