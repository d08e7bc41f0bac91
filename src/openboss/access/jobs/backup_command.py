"""`openboss backup` and `openboss restore`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from openboss.access.jobs import backup as backups
from openboss.access.jobs import clock

FolderArgument = Annotated[Path, typer.Argument(help="Folder of the backup.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command()(backup)
    app.command()(restore)


def backup(folder: FolderArgument, as_json: JsonOption = False) -> None:
    """Back up database and lake into a new folder; works while everything runs."""
    _tell(backups.make_backup(folder.resolve(), at=clock.now(), say=_progress), as_json=as_json)
    print("The key file is not in the backup: keep a copy of it in another safe place.", file=sys.stderr)


def restore(
    folder: FolderArgument,
    check_only: Annotated[bool, typer.Option("--check", help="Only check that the backup is whole.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Restore a backup into an empty installation; put its key file into DATA_DIR first."""
    if check_only:
        _tell(backups.verify_backup(folder.resolve()), as_json=as_json)
        return
    _tell(backups.restore_backup(folder.resolve(), say=_progress), as_json=as_json)


def _progress(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _tell(manifest: backups.Manifest, *, as_json: bool) -> None:
    size = backups.total_bytes(manifest.files.values())
    facts = {
        "made_at": manifest.made_at,
        "files": len(manifest.files),
        "bytes": size,
        "key_fingerprint": manifest.key_fingerprint,
    }
    print(json.dumps(facts) if as_json else "\n".join(f"{name}: {value}" for name, value in facts.items()))
