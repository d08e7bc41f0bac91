"""`openboss services`: the registry of atomic services, read from the code itself (ARC-10)."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer

import openboss
from openboss.access.jobs.refusals import Refused


@dataclass(frozen=True)
class Service:
    """One indivisible operation of the data core: CHANGE is one transaction, QUESTION changes nothing."""

    service: str
    module: str
    entity: str
    operation: str
    kind: str
    says: str


class NoSuchModule(Refused):
    """There is no such module; without a name all are listed."""


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command()(services)


def services(
    module: Annotated[str, typer.Argument(help="One module, such as customers; all if none is named.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the registry as JSON.")] = False,
) -> None:
    """List the atomic services: the only ways to the tables of each module."""
    found = [one for one in atomic_services() if module in ("", one.module)]
    if not found:
        raise NoSuchModule(module)
    if as_json:
        print(json.dumps([asdict(one) for one in found], ensure_ascii=False, indent=1))
        return
    for one in found:
        print(f"{one.service:60} {one.kind:8} {one.says}")


def atomic_services() -> Iterator[Service]:
    """Every public function of the atomic floor, by module and entity."""
    modules = Path(openboss.__file__).parent / "modules"
    for path in sorted([*modules.glob("*/atomic.py"), *modules.glob("*/atomic/**/*.py")]):
        module = path.relative_to(modules).parts[0]
        entity = path.stem if path.stem not in ("__init__", "atomic") else module
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                is_change = any("atomic" in ast.unparse(one) for one in node.decorator_list)
                says = (ast.get_docstring(node) or "").partition("\n")[0]
                kind = "CHANGE" if is_change else "QUESTION"
                yield Service(f"{module}.{entity}.{node.name}", module, entity, node.name, kind, says)
