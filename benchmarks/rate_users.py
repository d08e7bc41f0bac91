"""What a record costs the engine with one million users and with four: user found, duplicate looked for, rated, detail.

    python -m benchmarks.rate_users [RECORDS]

Chunks of random users under the offers of the example go through `rate_chunk`, as the engine does it; an engine that
knows more users reads further apart in memory. Processor time of the process. Wanted: within 20 % (issue 2, section 8).
"""

from __future__ import annotations

import os
import platform
import resource
import sys
import time
from datetime import date

import numpy as np
import polars as pl
from benchmarks import kernel

from openboss.modules.catalog.compiler import compile_tariffs
from openboss.modules.charging.engine.rating import rate_chunk
from openboss.modules.charging.schema import NORMALISED

SIZES = (1_000_000, 4_000_000)
CHUNK = 250_000


def cost_ns(users: int, records: int) -> float:
    """Processor nanoseconds a record of an engine that knows so many users, after one chunk to warm up."""
    versions = kernel.example_versions()
    ids = {version.code: version.offer_id for version in versions}
    tables = compile_tariffs(versions, kernel.items(), holidays=[date(2026, 10, 1)])
    addons = [ids[code] for code in kernel.ADDONS]
    state = kernel.state_of(tables, users, [ids[code] for code in kernel.MAINS], addons)
    columns = kernel.events(records + CHUNK, users, only_calls=False)
    columns["key_hi"], columns["key_lo"] = np.random.default_rng(1).integers(1, 2**63, (2, records + CHUNK), np.uint64)
    usage = pl.DataFrame(columns).cast(dict(NORMALISED))
    rate_chunk(state, usage[:CHUNK], 1, 1)
    began, rated = time.process_time(), 0
    for first in range(CHUNK, records + CHUNK, CHUNK):
        rated += len(rate_chunk(state, usage[first : first + CHUNK], 2, 1).detail)
    assert rated == records, rated
    return (time.process_time() - began) / records * 1e9


def main() -> None:
    """Measure both sizes and print."""
    records = int(sys.argv[1]) if len(sys.argv) > 1 else 2_000_000
    costs = {users: cost_ns(users, records) for users in SIZES}
    for users, cost in costs.items():
        print(f"{users:>9,} users: {cost:6,.0f} ns a record")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    print(f"ratio {costs[SIZES[1]] / costs[SIZES[0]]:.2f}; greatest memory {memory:,} MiB")
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
