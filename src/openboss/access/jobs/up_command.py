"""`openboss up` and the processes it runs, each startable alone (`openboss web`, `worker`, `charge`, `collect`)."""

from __future__ import annotations

import os
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from openboss.access.jobs import clock
from openboss.access.jobs.installation import (
    close_connections,
    embedded_cluster,
    migrate,
    open_installation,
    set_up_django,
    unapplied_migrations,
)
from openboss.access.jobs.supervisor import Service, Supervisor
from openboss.config.options import options

_COLOURS = {"web": 36, "worker": 35, "charge": 32, "collect": 33, "postgres": 34, "supervisor": 31}
_WEB_READY_TIMEOUT_S = 60.0
_DELIVERER_ENDS_S = 3.0


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command()(up)
    app.command()(web)
    app.command()(worker)


def up(
    quiet: Annotated[bool, typer.Option(help="Write the processes' logs to files in DATA_DIR/logs only.")] = False,
) -> None:
    """Start everything on this machine and keep it running until Ctrl-C."""
    run_everything(quiet=quiet, announce=lambda address: print(f"OpenBOSS is ready: {address}", flush=True))


def run_everything(*, quiet: bool, announce: Callable[[str], None], until: Callable[[], bool] | None = None) -> None:
    """Start database and processes, say the address once the console answers, stop all at the end."""
    cluster = embedded_cluster()
    lease = cluster.lease() if cluster else None
    try:
        set_up_django()
        if unapplied_migrations():  # a whole `migrate` costs a second or two even where nothing is to be done
            migrate(verbosity=0)
        close_connections()
        say = _log_writer(None if not quiet else options().data_dir / "logs")
        supervisor = Supervisor(services(), cluster=cluster, say=say)
        threading.Thread(target=_announce_when_ready, args=(announce, supervisor), daemon=True).start()
        supervisor.run(until=until)
    finally:
        if cluster and lease:
            cluster.release_and_stop(lease)


def services() -> list[Service]:
    """The processes of one machine, beside the database."""
    python = sys.executable
    return [Service(words[0], (python, "-m", "openboss.access.jobs.cli", *words)) for words in _SERVICES]


_SERVICES = (("web",), ("worker",), ("charge",), ("collect", "--watch"))


def console_address() -> str:
    """Where a browser on this machine finds the console."""
    chosen = options()
    host = "127.0.0.1" if chosen.web_host in ("0.0.0.0", "::") else chosen.web_host  # noqa: S104
    return f"http://{host}:{chosen.web_port}/"


def web() -> None:
    """Serve the console (this process only)."""
    chosen = options()
    if cluster := embedded_cluster():
        cluster.lease().keep_across_exec()
    arguments = [
        *(sys.executable, "-m", "granian", "--interface", "wsgi", "--no-ws"),
        *("--host", chosen.web_host, "--port", str(chosen.web_port), "--workers", str(chosen.web_workers)),
        *("--blocking-threads", "4", "--workers-kill-timeout", "5", "--respawn-failed-workers"),
        *("--log-level", "warning", "openboss.config.wsgi:application"),
    ]
    os.execv(sys.executable, arguments)


def worker() -> None:
    """Run jobs and schedules, bring changes of users to the network and events to listeners (this process only)."""
    with open_installation():
        from django.core.management import call_command

        from openboss.access.hub import asking
        from openboss.access.network import delivery
        from openboss.access.openapi import hub

        stopping = threading.Event()
        every: dict[str, Any] = {"stopping": stopping, "now": clock.now}
        register = {**every, "hlr": options().hlr, "data_dir": options().data_dir}
        deliverers = [
            threading.Thread(target=delivery.run, kwargs=register, daemon=True),
            threading.Thread(target=delivery.run_changes, kwargs=every, daemon=True),
            threading.Thread(target=hub.run, kwargs=every, daemon=True),
            threading.Thread(target=asking.run, kwargs={**every, "data_dir": options().data_dir}, daemon=True),
        ]
        for one in deliverers:
            one.start()
        try:
            call_command("procrastinate", "worker", "--shutdown-graceful-timeout", "5")
        finally:
            stopping.set()
            for one in deliverers:
                one.join(timeout=_DELIVERER_ENDS_S)


def _announce_when_ready(announce: Callable[[str], None], supervisor: Supervisor) -> None:
    address = console_address()
    deadline_s = time.monotonic() + _WEB_READY_TIMEOUT_S
    while time.monotonic() < deadline_s:
        if "web" in supervisor.pids() and _responds(address):
            announce(address)
            return
        time.sleep(0.1)
    print(f"The console does not answer at {address}; see the log of `web`.", file=sys.stderr, flush=True)


def _responds(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5):
            return True
    except urllib.error.HTTPError as answer:
        return answer.code < 500
    except OSError:
        return False


def _log_writer(folder: Path | None) -> Callable[[str, str], None]:
    lock = threading.Lock()
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    coloured = sys.stdout.isatty()

    def say(name: str, line: str) -> None:
        with lock:
            if folder is not None:
                with (folder / f"{name}.log").open("a", encoding="utf-8") as log:
                    log.write(line + "\n")
                return
            label = f"\x1b[{_COLOURS.get(name, 37)}m{name:<10}\x1b[0m" if coloured else f"{name:<10}"
            print(f"{label}| {line}", flush=True)

    return say
