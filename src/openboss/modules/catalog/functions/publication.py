"""Tariffs given to the engine: compiled, hashed, saved, read back."""

import hashlib
import os
from datetime import datetime
from pathlib import Path

import numpy as np
from django.conf import settings
from django.db import transaction

from openboss.kernel.tariffs import TariffTables
from openboss.modules.catalog import atomic
from openboss.modules.catalog.atomic import PublicationView, all_versions, bill_item_types, latest_publication
from openboss.modules.catalog.compiler import compile_tariffs
from openboss.modules.catalog.functions.reference import ReferenceRefused


@transaction.atomic
def publish(*, at: datetime, staff_id: int | None = None) -> PublicationView:
    """Compile the tariffs as they stand, save them for the engine, and close their versions to changes.

    Nothing new to publish gives the publication there is. Raises compiler.TariffRefused.
    """
    tables = compile_tariffs(all_versions(), bill_item_types())
    sha256 = hash_of_tables(tables)
    newest = latest_publication()
    is_current = newest and newest.sha256 == sha256 and (settings.LAKE_DIR / newest.path).exists()
    if newest and is_current and not atomic.has_drafts():
        return newest
    path = f"tariffs/{sha256}.npz"
    _save(tables, settings.LAKE_DIR / path)
    return atomic.mark_published(sha256=sha256, path=path, at=at, staff_id=staff_id)


def load_publication(path: Path, sha256: str) -> TariffTables:
    """Read compiled tariffs back. Raises FileNotFoundError, or ReferenceRefused if it is not what was published."""
    with np.load(path, allow_pickle=False) as held:
        values = {name: held[name] if held[name].ndim else held[name].item() for name in TariffTables._fields}
    tables = TariffTables(**values)
    if hash_of_tables(tables) != sha256:
        raise ReferenceRefused(f"{path.name} was changed after it was published; publish again")
    return tables


def hash_of_tables(tables: TariffTables) -> str:
    """Hash the content of compiled tariffs: names, types, shapes and bytes."""
    digest = hashlib.sha256()
    for name, value in tables._asdict().items():
        array = np.ascontiguousarray(value)
        digest.update(f"{name} {array.dtype.str} {np.shape(value)}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _save(tables: TariffTables, path: Path) -> None:
    """Write the tables so that the name never stands for half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}.tmp")
    with draft.open("wb") as stream:
        np.savez_compressed(stream, allow_pickle=False, **tables._asdict())
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(path)
