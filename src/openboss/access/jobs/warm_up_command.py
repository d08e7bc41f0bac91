"""`openboss warm-up`: compile beforehand what otherwise the first file and the first bill would wait for."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from openboss.access.jobs.installation import set_up_django
from openboss.access.jobs.refusals import Refused
from openboss.config.compiled_cache import forget_old_code

_COMMAND = (sys.executable, "-m", "openboss.access.jobs.cli", "warm-up")
_LANES = (("rating", "online"), ("collecting", "billing", "wire"))  # what calls compiled code of another part, after it


class NotCompiled(Refused):
    """Something could not be compiled; the lines above say what. The programs themselves would fail in the same way."""


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command()(warm_up)


def warm_up(
    part: Annotated[
        list[str] | None, typer.Option(help="rating, online, collecting, billing or wire; all if none is named.")
    ] = None,
) -> None:
    """Compile the engine, the collector and the bill run for this machine (done by itself when they first run)."""
    if not part:
        with warming() as compiled:
            compiled()
        return
    set_up_django()
    from openboss.access.network.diameter.node import warm_wire
    from openboss.processes.warm_up import PARTS

    for name in part:
        {**PARTS, "wire": warm_wire}[name]()


@contextmanager
def warming() -> Iterator[Callable[[], None]]:
    """Compile in processes beside this one during a block, which is given a function that waits for the end.

    The function raises NotCompiled. Compiled already, it takes a second. What runs at the end of the block is ended.
    """
    running = [
        subprocess.Popen([*_COMMAND, *_options(lane)], stdin=subprocess.DEVNULL, start_new_session=True)
        for lane in _LANES
    ]

    def wait() -> None:
        codes = [process.wait() for process in running]
        if any(codes):
            raise NotCompiled(f"exit codes {codes}")
        forget_old_code()

    try:
        yield wait
    finally:
        for process in running:
            process.terminate()
            process.wait()


def _options(lane: tuple[str, ...]) -> list[str]:
    return [word for name in lane for word in ("--part", name)]
