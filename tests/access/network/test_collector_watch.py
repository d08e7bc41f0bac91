"""The collecting process sees a file at once and stops when told to."""

import threading
import time
from pathlib import Path

import pytest
from django.db import connection
from tests.access.network.network_operator import CALL, NOW, define, drop, place, reference, usage_text

from openboss.access.network import collector
from openboss.modules.catalog.atomic import replace_reference
from openboss.modules.charging.models import UsageFile
from openboss.processes.warm_up import warm_collecting


@pytest.mark.django_db(transaction=True)
def test_a_file_dropped_into_a_watched_inbox_is_taken_within_seconds(tmp_path: Path) -> None:
    for name, frame in reference().items():
        replace_reference(name=name, frame=frame, at=NOW)
    define()
    warm_collecting()  # compiling is no part of seconds
    stopping = threading.Event()

    def watch() -> None:
        try:
            collector.run(stopping, place=place(tmp_path), now=lambda: NOW)
        finally:
            connection.close()

    process = threading.Thread(target=watch)
    process.start()
    try:
        drop(tmp_path, "GMSC01_000001.txt", usage_text(1, [CALL]))
        until = time.monotonic() + 20
        while time.monotonic() < until and not UsageFile.objects.filter(state="CHUNKED").exists():
            time.sleep(0.05)
    finally:
        stopping.set()
        process.join(timeout=10)
    assert not process.is_alive()
    assert UsageFile.objects.get().state == "CHUNKED"
    assert (tmp_path / "archive/GMSC01/202611/GMSC01_000001.txt").exists()
