"""Where numba keeps what it compiled: a folder for each source file, named by everything that could change its code.

numba looks only at the file of the function it compiles, not at the functions that one calls: with its own cache, an
edited leaf under an unchanged caller went on running with old prices. Here the folder's name is a hash of the file
and of every file of ours it imports, directly or not, of the interpreter, numba and the processor. A change compiles
again what depends on it and nothing else, and two checkouts with the same sources share what one of them compiled.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

_KEPT = 4  # versions of a file
_SOURCES = Path(__file__).resolve().parents[2]
_IMPORT = re.compile(r"^[ \t]*from[ \t]+(openboss[\w.]*)[ \t]+import[ \t]+(\([^)]*\)|[^\n#]*)", re.MULTILINE)


def use_compiled_cache() -> None:
    """Make numba ask `compiled_places` where things are. Must run before numba is imported."""
    os.environ["NUMBA_CACHE_LOCATOR_CLASSES"] = "openboss.config.compiled_places.CompiledPlace"


def folder_of(source: Path) -> Path:
    """Name the folder for the compiled functions of one file of ours."""
    module = ".".join(source.resolve().relative_to(_SOURCES).with_suffix("").parts)
    return _home() / module / _hash_of(source.resolve())


def forget_old_code() -> None:
    """Delete all but the few versions of each file that were used last (run by the warm-up)."""
    for module in _home().glob("*"):
        found = sorted(module.iterdir(), key=lambda folder: folder.stat().st_mtime, reverse=True)
        for folder in found[_KEPT:]:
            shutil.rmtree(folder, ignore_errors=True)


@cache
def _hash_of(source: Path) -> str:
    digest = sha256(f"{sys.version}|{version('numba')}|{version('llvmlite')}|{_processor()}".encode())
    for path in sorted(sources_under(source)):
        digest.update(str(path.relative_to(_SOURCES)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def sources_under(source: Path) -> set[Path]:
    """Find a file and every file of ours it imports, directly or not."""
    found: set[Path] = set()
    waiting = [source]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += _imported_by(path)
    return found


@cache
def _imported_by(source: Path) -> tuple[Path, ...]:
    return tuple(path for name in _names_imported_by(source) for path in _files_of(name))


def _names_imported_by(source: Path) -> Iterator[str]:
    """`from a.b import c` may mean the file a/b.py or the file a/b/c.py."""
    for module, names in _IMPORT.findall(source.read_text(encoding="utf-8")):
        yield module
        yield from (f"{module}.{name}" for name in re.findall(r"\w+", re.sub(r"#[^\n]*", "", names)))


def _files_of(name: str) -> Iterator[Path]:
    place = _SOURCES.joinpath(*name.split("."))
    return (path for path in (place.with_suffix(".py"), place / "__init__.py") if path.is_file())


def _home() -> Path:
    base = os.environ.get("OPENBOSS_CACHE_DIR") or os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "openboss" / "compiled"


@cache
def _processor() -> str:
    """The processor's model and abilities: code compiled for one may not run on another."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return os.uname().machine
    kept = {line for line in lines if line.startswith(("model name", "flags", "Features", "CPU part"))}
    return os.uname().machine + "|".join(sorted(kept))
