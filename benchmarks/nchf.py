"""How fast session functions of a 5G core are answered, durably: Nchf over 4 HTTP/2 connections against a real
`openboss charge` on a real PostgreSQL with fsync and synchronous_commit on.

    python -m benchmarks.nchf [--users N] [--rates 5000,10000,...] [--seconds S] [--slots N]

Users, tariffs, wallets and processes are those of benchmarks.online; the generator (_nchf_load.py) is a process of its
own and opens sessions of create + 3 updates + release. A rate is one request; what succeeded is counted, and which
share of creates and updates granted something. Where nghttp2's h2load is installed, the same connections are asked for
something that does not reach the engine (a release of a session nobody opened), which shows what HTTP/2 takes alone.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from benchmarks._nchf_load import PATH, body_of
from benchmarks.online import PATIENCE_S, Engine, cpu_s, found_users, installation, server_cpu_s, show


def offered(engine: Engine, port: int, given: argparse.Namespace, rate: float, first: int) -> dict[str, object]:
    """Offer a rate; say what came back and what it took of the processors."""
    before, journal = (cpu_s(engine.process.pid), server_cpu_s(), time.monotonic()), _groups()
    words = ["--port", str(port), "--users", str(given.users), "--rate", str(rate), "--seconds", str(given.seconds),
             "--slots", str(given.slots), "--first-session", str(first)]  # fmt: skip
    child = subprocess.run(
        [sys.executable, "-m", "benchmarks._nchf_load", *words], capture_output=True, text=True, timeout=PATIENCE_S,
        cwd=Path(__file__).parents[1], check=False,
    )  # fmt: skip
    assert child.returncode == 0, child.stderr[-2000:] + engine.log.read_text()[-2000:]
    elapsed, found = time.monotonic() - before[2], json.loads(child.stdout)
    requests = max(found.pop("answered_in_all"), 1)
    engine_s, server_s = cpu_s(engine.process.pid) - before[0], server_cpu_s() - before[1]
    groups, taken = (now - then for now, then in zip(_groups(), journal, strict=True))
    return found | {
        "requests_a_group": round(taken / max(groups, 1), 1),
        "engine_cpu": round(engine_s / elapsed, 2),
        "server_cpu": round(server_s / elapsed, 2),
        "engine_us_a_request": round(engine_s / requests * 1e6, 1),
        "server_us_a_request": round(server_s / requests * 1e6, 1),
        "load_1m": round(os.getloadavg()[0], 1),
    }


def _groups() -> tuple[int, int]:
    """Groups that were journalled, and the requests in them."""
    from django.db.models import Count, Sum

    from openboss.modules.charging.models import EngineJournal

    found = EngineJournal.objects.filter(kind="ONLINE").aggregate(groups=Count("position"), taken=Sum("requests"))
    return found["groups"], found["taken"] or 0


def without_engine(port: int, folder: Path, seconds: float) -> dict[str, object]:
    """What HTTP/2, reading and refusing take: releases with a name that cannot be one, by h2load."""
    body = folder / "body.json"
    body.write_bytes(body_of(8613900710001, 4, datetime.now(UTC).isoformat()))
    told = subprocess.run(
        ["h2load", "-D", str(int(seconds)), "-c", "4", "-m", "64", "-d", str(body), "-H",
         "content-type: application/json", f"http://127.0.0.1:{port}{PATH}/x/release"],
        capture_output=True, text=True, timeout=PATIENCE_S, check=True,
    ).stdout  # fmt: skip
    rate = re.search(r"([\d.]+) req/s", told)
    return {"answered_per_s": round(float(rate[1])) if rate else 0}


def measure(given: argparse.Namespace, folder: Path) -> None:
    """Make an installation, measure in it."""
    found_users(given.users, datetime.now(UTC))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    os.environ["OPENBOSS_NCHF_PORT"] = str(port)
    engine = Engine(folder)
    try:
        offered(engine, port, argparse.Namespace(**{**vars(given), "seconds": 1}), 1_000, 0)  # compiled code is read in
        for number, rate in enumerate(given.rates, 1):
            found = offered(engine, port, given, rate, number * 5_000_000)
            show(f"Nchf: {rate:,.0f}/s offered, {given.users:,} users", found)
        if shutil.which("h2load"):
            show("HTTP/2 alone, by h2load", without_engine(port, folder, given.seconds))
    finally:
        engine.stop()


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=1_000_000)
    parser.add_argument(
        "--rates", type=lambda text: [float(rate) for rate in text.split(",")], default="5000,10000,20000,30000"
    )
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--slots", type=int, default=256, help="requests on their way on one connection")
    given = parser.parse_args()
    with installation() as folder:
        measure(given, folder)


if __name__ == "__main__":
    main()
