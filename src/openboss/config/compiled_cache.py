"""Where numba keeps the compiled kernel: a folder that changes with anything that could change the code.

numba looks only at the file of the function it compiles, not at the functions that one calls: with its own
cache, an edited leaf under an unchanged caller went on running with old prices. Here the folder's name is a hash
of all kernel sources, the interpreter, numba and the processor, so a change of any of them starts afresh.
"""

from __future__ import annotations

import os
import shutil
import sys
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

_KEPT = 4
_PREFIX = "kernel-"


def use_compiled_cache() -> Path:
    """Point numba at the folder of this kernel. Must run before numba is imported."""
    folder = _cache_home() / f"{_PREFIX}{kernel_hash()}"
    os.environ["NUMBA_CACHE_DIR"] = str(folder)
    return folder


def kernel_hash() -> str:
    """Name the compiled kernel: its sources, Python, numba and the processor (16 hex digits)."""
    digest = sha256()
    for source in _kernel_sources():
        digest.update(source.name.encode() + b"\0" + source.read_bytes() + b"\0")
    digest.update(f"{sys.version}|{version('numba')}|{version('llvmlite')}|{_processor()}".encode())
    return digest.hexdigest()[:16]


def forget_old_kernels() -> None:
    """Delete all but the newest few compiled kernels (run by the warm-up)."""
    found = sorted(_cache_home().glob(f"{_PREFIX}*"), key=lambda folder: folder.stat().st_mtime, reverse=True)
    for folder in found[_KEPT:]:
        shutil.rmtree(folder, ignore_errors=True)


def _kernel_sources() -> list[Path]:
    """Every file that may hold compiled functions: the kernel, and the charging module that drives it."""
    package = Path(__file__).resolve().parents[1]
    return sorted([*package.glob("kernel/**/*.py"), *package.glob("modules/charging/**/*.py")])


def _cache_home() -> Path:
    base = os.environ.get("OPENBOSS_CACHE_DIR") or os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "openboss"


def _processor() -> str:
    """The processor's model and abilities: code compiled for one may not run on another."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return os.uname().machine
    kept = {line for line in lines if line.startswith(("model name", "flags", "Features", "CPU part"))}
    return os.uname().machine + "|".join(sorted(kept))
