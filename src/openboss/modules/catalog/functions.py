"""What product managers, the engine and the bill run ask of the catalog."""

import hashlib
import json
import os
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import yaml
from django.conf import settings
from django.db import transaction

from openboss.kernel.tariffs import TariffTables
from openboss.modules.catalog import atomic
from openboss.modules.catalog.atomic import (
    OfferVersionView,
    PublicationView,
    RuleView,
    all_versions,
    bill_item_types,
    latest_publication,
    offers,
    offers_at,
    offers_in_force,
    reference_frames,
    rule_names,
)
from openboss.modules.catalog.compiler import compile_tariffs
from openboss.modules.catalog.documents import DocumentRefused, Limit, OfferDocument, read_document
from openboss.modules.system.atomic import ParameterMissing, parameter_at, put_parameter

__all__ = [
    "DocumentRefused",
    "OfferVersionView",
    "PublicationView",
    "ReferenceRefused",
    "RuleView",
    "all_versions",
    "bill_item_types",
    "import_reference",
    "import_tariffs",
    "latest_publication",
    "load_publication",
    "offers",
    "offers_at",
    "offers_in_force",
    "publish",
    "reference_frames",
    "rule_names",
]

LIMITS_FILE = "tariff_limits.yaml"
LIMITS_KEY = "catalog.tariff_limits"
SINCE = date(1994, 1, 1)  # when the parameter itself begins; each limit carries its own days


class ReferenceRefused(ValueError):
    """A reference file cannot be used; the message names the file and what would be right. Nothing was changed."""


@transaction.atomic
def import_reference(folder: Path, *, at: datetime, staff_id: int | None = None) -> dict[str, bool]:
    """Load the reference tables of a folder, one CSV each; say of each whether it changed.

    A table without a file stays as it is. Raises ReferenceRefused, and then nothing was changed.
    """
    changed = {}
    for name, (_, schema) in atomic.REFERENCE.items():
        path = folder / f"{name}.csv"
        if path.exists():
            try:
                frame = pl.read_csv(path, schema_overrides=dict(schema), encoding="utf8")
                changed[name] = atomic.replace_reference(name=name, frame=frame, at=at, staff_id=staff_id)
            except (pl.exceptions.PolarsError, ValueError) as broken:
                raise ReferenceRefused(f"{path.name}: {broken}; the columns are {', '.join(schema)}") from broken
    limits = folder / LIMITS_FILE
    if limits.exists():
        value = json.loads(json.dumps(yaml.safe_load(limits.read_text(encoding="utf-8")), default=str))
        changed["tariff_limits"] = put_parameter(
            key=LIMITS_KEY, value=value, from_on=SINCE, at=at, override_allowed=False, staff_id=staff_id
        )
    return changed


def tariff_limits() -> list[Limit]:
    """Read the regulated caps and approved floors of prices (CHG-23); none if the operator has set none."""
    try:
        rows = parameter_at(key=LIMITS_KEY, on=date.max)
    except ParameterMissing:
        return []
    return [_limit(row) for row in rows]


def _limit(row: dict[str, Any]) -> Limit:
    to_on = row.get("to")
    return Limit(
        row["name"],
        row["component"],
        row["when"],
        row["per"],
        row.get("max"),
        row.get("min"),
        date.fromisoformat(row["from"]),
        date.fromisoformat(to_on) if to_on else None,
    )


@transaction.atomic
def import_tariffs(folder: Path, *, at: datetime, staff_id: int | None = None) -> dict[str, int]:
    """Load every tariff file of a folder; say of each offer how many versions are new or changed.

    The same files again change nothing. Offers are stored in the order of their ids, so that the same folder gives
    the same rule ids everywhere. Raises DocumentRefused with every problem of every file, VersionPublished,
    OfferIdTaken; then nothing was changed. Source: CHG-14, CHG-23.
    """
    item_codes = {item.code for item in bill_item_types()}
    limits = tariff_limits()
    documents: list[OfferDocument] = []
    problems: list[str] = []
    for path in sorted(folder.glob("*.yaml")):
        try:
            documents.append(read_document(path, item_codes=item_codes, limits=limits))
        except DocumentRefused as refused:
            problems += refused.problems
    if problems:
        raise DocumentRefused(problems)
    documents.sort(key=lambda document: document.offer_id)
    return {document.code: atomic.put_offer(offer=document, at=at, staff_id=staff_id) for document in documents}


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
