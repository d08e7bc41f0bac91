"""What a call of an hour costs the processor beside one of a minute: the same, for prices are closed forms (issue 3).

Calls of one user at 6-second pulses with night and weekend bands, rated by the engine's kernel.

    PYTHONPATH=src .venv/bin/python benchmarks/call_length.py
"""

import os
import time
from pathlib import Path

import django
import numpy as np
import polars as pl

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "openboss.config.settings")
django.setup()

from openboss.modules.charging.functions import what_if  # noqa: E402
from openboss.processes.quote.tariffs import tariffs_of  # noqa: E402

ROOT = Path(__file__).parents[1]
CALLS, ROUNDS = 50_000, 7
NAMES = {"zh": "话", "en": "Calls"}
PRICE = {
    "rule": "CALL", "component": "basic", "when": {"record": ["MOC"]}, "item": "LOCAL", "unit": "6 s",
    "price": "0.0002",
    "bands": [{"days": ["WEEKEND"], "price": "0.0001"}, {"from": "22:00", "to": "06:00", "price": "0.00015"}],
    "names": NAMES,
}  # fmt: skip
OFFER = {
    "offer": "T",
    "offer_id": 9,
    "names": NAMES,
    "kind": "ADDON",
    "versions": [{"from": "2020-01-01", "prices": [PRICE]}],
}


def seconds_for(duration_s: int) -> float:
    """CPU seconds for the calls, the best of some rounds."""
    documents = [str(ROOT / "tests/vectors/tariffs/documents/standard.yaml"), OFFER]
    tariffs = tariffs_of(documents, reference=ROOT / "example/reference", beside=ROOT)
    always = {"subscriber_id": 1, "from_local_s": 0, "to_local_s": 2**62}
    rows = {"subscribers": [always], "numbers": [always | {"number": 1}]}
    rows["holdings"] = [always | {"offer_id": tariffs.offer_ids["T"], "first_month": 0}]
    state = what_if.opened(tariffs.tables, what_if.image_of(rows), [202610])
    start = 1_790_812_800 + np.arange(CALLS) * 40  # over 23 days of October 2026, at every hour
    calls = pl.DataFrame({"subscriber_id": np.ones(CALLS, np.int64), "record_type": np.zeros(CALLS, np.int64),
                          "start_local_s": start, "duration_s": np.full(CALLS, duration_s)})  # fmt: skip
    best = float("inf")
    for _ in range(ROUNDS):
        begun = time.process_time()
        assert what_if.replay(state, calls, 1) == 0
        best = min(best, time.process_time() - begun)
    return best


if __name__ == "__main__":
    minute_s, hour_s = seconds_for(60), seconds_for(3600)
    each = [1e9 * seconds / CALLS for seconds in (minute_s, hour_s)]
    print(f"a call of a minute {each[0]:.0f} ns, of an hour {each[1]:.0f} ns: {hour_s / minute_s:.2f} times")
