"""A collector that is killed at any moment loses nothing and takes nothing twice (CHG-02)."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import quote

import polars as pl
import pytest
from django.db import connection
from tests.access.network.network_operator import CALL, NOW, define, drop, reference, usage_text

from openboss.modules.catalog.atomic import replace_reference
from openboss.modules.charging.functions.monitor import list_files
from openboss.modules.charging.models import StageCounter, UsageChunk, UsageFile

FILES, CALLS = 40, 300
COLLECTOR = """
import sys
from datetime import datetime
from pathlib import Path
import django
django.setup()
from openboss.access.network.collector import Place, collect_once
from openboss.processes.rate_usage import current_numbering
folder, moment = Path(sys.argv[1]), datetime.fromisoformat(sys.argv[2])
current_numbering()
print("ready", flush=True)
sys.stdin.readline()
collect_once(place=Place(folder, folder / "lake", "Asia/Shanghai"), now=lambda: moment)
"""


def database_url() -> str:
    fields = connection.settings_dict
    host, user, password = (quote(str(fields[name]), safe="") for name in ("HOST", "USER", "PASSWORD"))
    if fields["HOST"].startswith("/"):
        return f"postgresql://{user}:{password}@/{fields['NAME']}?host={host}"
    return f"postgresql://{user}:{password}@{host}:{fields['PORT']}/{fields['NAME']}"


def start(folder: Path) -> subprocess.Popen[str]:
    settings = {"DATABASE_URL": database_url(), "DJANGO_SETTINGS_MODULE": "openboss.config.settings"}
    return subprocess.Popen(
        [sys.executable, "-c", COLLECTOR, str(folder), NOW.isoformat()],
        env={**os.environ, **settings, "OPENBOSS_DATA_DIR": str(folder / "data")},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def wait_until_ready(collector: subprocess.Popen[str]) -> None:
    assert collector.stdout is not None
    assert collector.stdout.readline() == "ready\n"


def go(collector: subprocess.Popen[str]) -> None:
    assert collector.stdin is not None
    collector.stdin.write("\n")
    collector.stdin.flush()


def collect_under_fire(folder: Path, kills: int, seed: int) -> int:
    """Start collectors and kill each after a random while; return how many died at work. The last one may finish."""
    chance, died = random.Random(seed), 0
    for _ in range(kills):
        collector = start(folder)
        wait_until_ready(collector)
        go(collector)
        time.sleep(chance.uniform(0.005, 0.15))
        collector.send_signal(signal.SIGKILL)
        died += collector.wait() == -signal.SIGKILL
    collector = start(folder)
    wait_until_ready(collector)
    go(collector)
    assert collector.wait(timeout=60) == 0
    return died


def check_nothing_lost(folder: Path) -> None:
    rows, total = list_files(filters={}, page_size=1000)
    assert (total, {row["state"] for row in rows}) == (FILES, {"CHUNKED"})
    assert all(row["is_balanced"] for row in rows)
    usage = pl.concat([pl.read_ipc(folder / "lake" / chunk.path) for chunk in UsageChunk.objects.all()])
    assert usage.height == usage["call_ref"].n_unique() == FILES * CALLS
    assert sum(StageCounter.objects.filter(stage="DECODE").values_list("records_in", flat=True)) == FILES * CALLS
    assert len(list((folder / "archive" / "GMSC01").rglob("*.txt"))) == FILES
    assert not list((folder / "inbox" / "GMSC01").glob("*.txt"))
    assert UsageFile.objects.filter(state__in=("HELD", "REFUSED")).count() == 0


def run_case(folder: Path, kills: int, seed: int) -> None:
    for name, frame in reference().items():
        replace_reference(name=name, frame=frame, at=NOW)
    define()
    for n in range(1, FILES + 1):
        calls = [{**CALL, "call_ref": n * CALLS + i, "other_party": "10086"} for i in range(CALLS)]
        drop(folder, f"GMSC01_{n:06d}.txt", usage_text(n, calls))
    died = collect_under_fire(folder, kills, seed)
    check_nothing_lost(folder)
    assert died > 0  # otherwise this test proved nothing


@pytest.mark.django_db(transaction=True)
def test_a_collector_killed_at_work_loses_nothing_and_takes_nothing_twice(tmp_path: Path) -> None:
    run_case(tmp_path, kills=3, seed=1)


@pytest.mark.soak
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("seed", range(2, 7))
def test_a_collector_killed_very_often_loses_nothing(tmp_path: Path, seed: int) -> None:
    run_case(tmp_path, kills=10, seed=seed)
