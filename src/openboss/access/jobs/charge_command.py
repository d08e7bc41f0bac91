"""`openboss charge` (the charging engine's process) and `openboss rate` (rate what waits, then end)."""

from __future__ import annotations

import json
import signal
import threading
from typing import Annotated

import structlog
import typer

from openboss.access.jobs.installation import open_installation
from openboss.config.options import options
from openboss.modules.system.garbage import search_not_yet, search_rarely

_STANDBY_S = 2.0

log = structlog.get_logger("charge")


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command()(charge)
    app.command()(rate)


def charge() -> None:
    """Own the charging engine: take commands and chunks of usage as they come (this process only)."""
    search_not_yet()
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stopping.set())
    with open_installation():
        from openboss.modules.charging.functions.engine import engine_lock

        while not stopping.is_set():
            with engine_lock() as mine:
                if mine:
                    _own(stopping)
                    return
            search_rarely()
            stopping.wait(_STANDBY_S)  # another process is the engine; take over when it ends


def _own(stopping: threading.Event) -> None:
    """Be the engine until told to stop; a fault ends the process and its successor recovers."""
    from openboss.access.jobs.charge_loop import ChargeLoop
    from openboss.modules.charging.functions.engine import answering, recover_engine
    from openboss.modules.system.keys import key_for

    owner = recover_engine()
    search_rarely()
    log.info("engine ready", position=owner.position)
    loop, chosen = ChargeLoop(owner, stopping), options()
    at = (chosen.query_host, chosen.query_port) if chosen.query_port else None
    with answering(owner, chosen.data_dir, loop.watch, at=at, token=key_for("query").hex()):
        loop.run()
    owner.snapshot()
    log.info("engine stopped", position=owner.position)


def rate(as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False) -> None:
    """Rate all usage that waits; where `openboss charge` runs, wait until it has."""
    with open_installation():
        from openboss.modules.charging.functions.engine import rate_waiting

        taken = rate_waiting()
    print(json.dumps({"inputs": taken}) if as_json else f"inputs taken: {taken}")
