"""`openboss demo`: from nothing to explained bills in the browser."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
import yaml

from openboss.access.jobs import demo as demos
from openboss.access.jobs.installation import migrate, open_installation
from openboss.access.jobs.up_command import console_address, run_everything
from openboss.access.jobs.warm_up_command import warming
from openboss.config.options import options

_PORTS_TRIED = 50


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command()(demo)


def demo(
    example: Annotated[Path, typer.Option(help="The operator's documents.")] = Path("example"),
    users: Annotated[int, typer.Option(min=100, help="How many customers.")] = demos.USERS,
    prepare_only: Annotated[bool, typer.Option(help="Make the data and end.")] = False,
    day: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Let it be this day, such as 2026-12-02 to close November."),
    ] = None,
    forget: Annotated[bool, typer.Option(help="Delete the demo's data and end.")] = False,
) -> None:
    """Make an example operator with two billed months (once), serve it, and say where to look. Ctrl-C stops it."""
    if forget:
        demos.forget()
        return
    say = _progress()
    os.environ.setdefault("OPENBOSS_WEB_PAYMENTS", "sandbox")
    os.environ.setdefault("OPENBOSS_TEST_NUMBERS", '["86"]')  # everybody of the example may be played with
    options.cache_clear()
    if not prepare_only:
        _choose_port()
        say(f"soon at {console_address()}")
    if not demos.is_ready():
        if options().data_dir.exists():
            demos.forget()  # what a broken-off attempt left
        demos.begin()
        say("starting the database")
    with open_installation():  # to the end: a server that is stopped may come back on another port than Django knows
        if not demos.is_ready():
            with warming() as compiled:
                migrate(verbosity=0)
                demos.prepare(example=example, say=say, compiled=compiled, users=users)
        if day is not None:
            demos.let_it_be(day.date())
        if prepare_only:
            return
        say("starting the console and the engine")
        run_everything(quiet=True, announce=lambda address: _welcome(address, example))


def _progress() -> Callable[[str], None]:
    started_s = time.monotonic()

    def say(line: str) -> None:
        print(f"[{time.monotonic() - started_s:5.1f} s] {line}", flush=True)

    return say


def _choose_port() -> None:
    """Take the next free port where the configured one is busy."""
    first = options().web_port
    for port in range(first, first + _PORTS_TRIED):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((options().web_host, port))
            except OSError:
                continue
        os.environ["OPENBOSS_WEB_PORT"] = str(port)
        options.cache_clear()
        return


def _welcome(address: str, example: Path) -> None:
    people = yaml.safe_load((example / "reference" / "staff.yaml").read_text(encoding="utf-8"))
    roles = {role["role"]: role["names"] for role in people["roles"]}
    print(f"\n  OpenBOSS is ready:  {address}\n\n  Log in as one of these, password {people['demo_password']}:")
    for person in people["staff"]:
        names = roles[person["role"]]
        print(f"    {person['login']:<10}{names['en']} / {names['zh']}")
    print(f"\n  Customers pay by themselves at  {address}my/pay/  (a sandbox: no money moves).")
    print("\n  Try: search 张雨桐 (zyt), open the October bill, ask why it is higher.")
    left = demos.file_for_the_tour()
    if left.exists():
        print(f"  Drop a file and watch it being rated:  mv {left} {options().inbox_dir / demos.LEFT_FOR_THE_TOUR[0]}/")
    print(f"  Logs: {options().data_dir / 'logs'}.   Stop with Ctrl-C.\n", flush=True)
