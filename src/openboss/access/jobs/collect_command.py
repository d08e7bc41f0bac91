"""`openboss collect`: take the usage files that lie in the inboxes, once or for ever."""

from __future__ import annotations

import json
import signal
import threading
from typing import Annotated

import typer

from openboss.access.jobs import clock
from openboss.access.jobs.installation import open_installation
from openboss.config.options import options


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command()(collect)


def collect(
    watch: Annotated[bool, typer.Option(help="Keep watching the inboxes until stopped.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Take usage files from DATA_DIR/inbox/SOURCE: check, decode, classify, de-duplicate into chunks for the engine."""
    with open_installation():
        from openboss.access.network import collector

        chosen = options()
        place = collector.Place(data_dir=chosen.data_dir, lake_dir=chosen.lake_dir, timezone=chosen.timezone)
        if watch:
            stopping = threading.Event()
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda _number, _frame: stopping.set())
            collector.run(stopping, place=place, now=clock.now)
            return
        done = collector.collect_once(place=place, now=clock.now)
    if as_json:
        print(json.dumps(vars(done), ensure_ascii=False))
        return
    print(f"files taken {done.taken}, records {done.records}, held {done.held}, refused {done.refused}")
    for message in done.messages:
        print(f"  {message}")
    if done.held or done.refused:
        raise typer.Exit(1)
