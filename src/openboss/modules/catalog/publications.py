"""Publications of tariffs as files: the documents that were in force, and tables compiled from them.

The documents are the publication; its name is the hash of their text. Tables are made from them and kept beside them
under a name that changes with the compiler, so an upgrade that changes their layout compiles them anew from the same
documents, and a replay rates with what was in force.
"""

import gzip
import hashlib
import json
import os
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from openboss.kernel import conditions, tariffs, usage
from openboss.kernel.tariffs import TariffTables
from openboss.modules.catalog import compiler
from openboss.modules.catalog.compiler import ItemType, Version, compile_tariffs

FORMAT = 1


class PublicationRefused(ValueError):
    """A stored publication of tariffs cannot be used; the message says why and what to do. Nothing was changed."""


@dataclass(frozen=True)
class PublishedVersion:
    """A version of an offer as it was published."""

    offer_id: int
    code: str
    kind: str
    from_on: date
    document: dict[str, Any]
    rule_ids: dict[str, int]


@dataclass(frozen=True)
class PublishedItem:
    """A kind of bill item as it was when tariffs were published."""

    item_id: int
    code: str


def publication_text(versions: Iterable[Version], items: Sequence[ItemType], holidays: Iterable[date]) -> bytes:
    """Write everything tables are compiled from as one text, the same for the same content."""
    content = {
        "format": FORMAT,
        "versions": [
            {
                "offer_id": version.offer_id,
                "code": version.code,
                "kind": version.kind,
                "from_on": version.from_on.isoformat(),
                "document": version.document,
                "rule_ids": version.rule_ids,
            }
            for version in sorted(versions, key=lambda version: (version.offer_id, version.from_on))
        ],
        "items": [{"item_id": item.item_id, "code": item.code} for item in sorted(items, key=lambda i: i.item_id)],
        "holidays": sorted(day.isoformat() for day in holidays),
    }
    return json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def write_publication(folder: Path, text: bytes) -> tuple[Path, str]:
    """Keep a publication's documents and compiled tables; return the path and the hash that names it.

    Raises compiler.TariffRefused before anything is written.
    """
    sha256 = hashlib.sha256(text).hexdigest()
    tables = _compiled(json.loads(text))
    path = folder / f"{sha256}.json.gz"
    _write_tables(_tables_path(folder, sha256), tables)
    _write(path, gzip.compress(text, mtime=0))
    return path, sha256


def read_publication(folder: Path, sha256: str) -> TariffTables:
    """Give the tables of a publication, compiled anew if they were made by another compiler.

    Raises PublicationRefused if the documents are gone or are not those that were published.
    """
    path = folder / f"{sha256}.json.gz"
    try:
        text = gzip.decompress(path.read_bytes())
    except (OSError, EOFError) as lost:
        raise PublicationRefused(
            f"{path.name}: the published tariffs cannot be read ({lost}); bring the file back from a backup"
        ) from lost
    if hashlib.sha256(text).hexdigest() != sha256:
        raise PublicationRefused(f"{path.name} was changed after it was published; bring it back, or publish again")
    kept = _tables_path(folder, sha256)
    tables = _read_tables(kept)
    if tables is None:
        tables = _compiled(json.loads(text))
        _write_tables(kept, tables)
    return tables


def hash_of_tables(tables: TariffTables) -> str:
    """Hash the content of compiled tariffs: names, types, shapes and bytes."""
    digest = hashlib.sha256()
    for name, value in tables._asdict().items():
        array = np.ascontiguousarray(value)
        digest.update(f"{name} {array.dtype.str} {np.shape(value)}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def compiler_hash() -> str:
    """Name the compiler and the layout of its tables (16 hex digits): tables of another name are made anew."""
    digest = hashlib.sha256()
    sources = [Path(str(module.__file__)) for module in (tariffs, usage, conditions)]
    for source in [*sources, *sorted(Path(str(compiler.__file__)).parent.glob("*.py"))]:
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


def _compiled(content: dict[str, Any]) -> TariffTables:
    if content["format"] != FORMAT:
        raise PublicationRefused(f"the published tariffs have format {content['format']}, this program reads {FORMAT}")
    versions = [
        PublishedVersion(**{**version, "from_on": date.fromisoformat(version["from_on"])})
        for version in content["versions"]
    ]
    items = [PublishedItem(**item) for item in content["items"]]
    return compile_tariffs(versions, items, holidays=[date.fromisoformat(day) for day in content["holidays"]])


def _tables_path(folder: Path, sha256: str) -> Path:
    return folder / f"{sha256}-{compiler_hash()}.npz"


def _write_tables(path: Path, tables: TariffTables) -> None:
    draft = path.with_suffix(f".{os.getpid()}.tmp")
    path.parent.mkdir(parents=True, exist_ok=True)
    with draft.open("wb") as stream:
        np.savez_compressed(stream, allow_pickle=False, **tables._asdict(), own_hash=np.array(hash_of_tables(tables)))
    draft.replace(path)


def _read_tables(path: Path) -> TariffTables | None:
    """Read kept tables; None if there are none or a byte differs, since they can be made again."""
    try:
        with np.load(path, allow_pickle=False) as held:
            values = {name: held[name] if held[name].ndim else held[name].item() for name in TariffTables._fields}
            own_hash = held["own_hash"].item()
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    tables = TariffTables(**values)
    return tables if hash_of_tables(tables) == own_hash else None


def _write(path: Path, content: bytes) -> None:
    """Write a file so that its name never stands for half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}.tmp")
    with draft.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(path)
