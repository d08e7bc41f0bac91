"""Install the project into a virtual environment: with uv if it can be had, else with pip.

uv does not read pip's configuration, so indexes and constraints are handed over from it.
"""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

PROJECT = ".[embedded-db,test]"
_FLAGS = {"index-url": "--index-url", "extra-index-url": "--extra-index-url", "find-links": "--find-links"}


def main(venv: Path) -> int:
    """Install; return the exit code of the installer that had the last word."""
    python = venv / "bin" / "python"
    uv = _uv(python)
    if uv is not None:
        done = subprocess.run(
            [
                uv,
                "pip",
                "install",
                "--quiet",
                "--index-strategy",
                "unsafe-best-match",
                *_uv_flags(python),
                "-e",
                PROJECT,
            ],
            env={**os.environ, "VIRTUAL_ENV": str(venv.resolve()), **_uv_environment(python)},
            check=False,
        )
        if done.returncode == 0:
            return 0
        print("set-up: uv could not install, trying pip", file=sys.stderr)
    return subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-e", PROJECT], check=False
    ).returncode


def _uv(python: Path) -> str | None:
    """Find uv, or install it into the environment; None where neither works."""
    if os.environ.get("OPENBOSS_NO_UV"):
        return None
    inside = python.with_name("uv")
    if not inside.exists() and not (found := shutil.which("uv")):
        command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "uv~=0.13.9"]
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    elif not inside.exists():
        return found
    return str(inside) if inside.exists() else None


def _pip_configuration(python: Path) -> dict[str, str]:
    """Pip's settings by bare name, the environment's last (they win)."""
    said = subprocess.run(
        [python, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    ).stdout.splitlines()
    found: dict[str, str] = {}
    for line in sorted(said, key=lambda line: line.startswith(":env:")):
        name, separator, value = line.partition("=")
        if separator:
            found[name.rpartition(".")[2]] = str(ast.literal_eval(value))
    return found


def _uv_flags(python: Path) -> list[str]:
    configuration = _pip_configuration(python)
    flags = [
        part for name, flag in _FLAGS.items() for each in configuration.get(name, "").split() for part in (flag, each)
    ]
    for path in configuration.get("constraint", "").split():
        flags += ["--constraint", path]
    return flags


def _uv_environment(python: Path) -> dict[str, str]:
    certificates = _pip_configuration(python).get("cert")
    return {"SSL_CERT_FILE": certificates} if certificates and "SSL_CERT_FILE" not in os.environ else {}


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
