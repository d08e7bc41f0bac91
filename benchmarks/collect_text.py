"""How fast delimited usage text becomes durable chunks, next to polars reading the same text.

    python -m benchmarks.collect_text [RECORDS]

Both sides read the same file of the page cache and write the same columns as Parquet; ours also checks, classifies,
hashes and fsyncs. Reported: records/s of both, their ratio (aim: at most 2), and the process's greatest memory.
"""

import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "openboss.config.settings")

NOW = datetime(2026, 11, 1, 2, 0, tzinfo=UTC)
REFERENCE = Path(__file__).parents[1] / "example" / "reference"
ROUNDS = 3


def write_usage(file: Path, records: int) -> None:
    """Write a file of calls, messages and sessions of one switch."""
    rng = np.random.default_rng(1)
    day = np.datetime64("2026-10-31T00:00:00") + rng.integers(0, 86_000, records).astype("timedelta64[s]")
    kind = rng.choice(np.array(["MOC", "MTC", "SMS_MO", "DATA"]), records)
    talked = np.where(kind == "DATA", 600, np.where(kind == "SMS_MO", 0, rng.integers(1, 900, records)))
    other = rng.choice(np.array(["86139007", "0106234", "86130099"]), records)
    frame = pl.DataFrame(
        {
            "record_type": kind,
            "served_number": pl.Series(8_613_900_710_000 + rng.integers(0, 10_000, records)),
            "served_imsi": pl.Series(460_000_000_000_000 + rng.integers(0, 10**6, records)),
            "other_party": pl.Series(other) + pl.Series(rng.integers(10_000, 99_999, records)).cast(pl.String),
            "third_party": "",
            "start_time": pl.Series(day.astype("datetime64[ms]")).dt.strftime("%Y-%m-%dT%H:%M:%S"),
            "end_time": "",
            "duration_s": talked,
            "msc_id": 861374027010,
            "lac": 1992,
            "cell_id": rng.integers(1, 60_000, records),
            "up_bytes": np.where(kind == "DATA", rng.integers(0, 10**6, records), 0),
            "down_bytes": np.where(kind == "DATA", rng.integers(0, 10**7, records), 0),
            "message_count": 1,
            "apn": "",
            "call_ref": np.arange(records),
            "partial_seq": 0,
            "cause_close": 0,
            **dict.fromkeys(("sp_code", "service_code", "info_fee", "visited_area", "rating_group"), ""),
        }
    )
    with file.open("wb") as out:
        out.write(b"H|OPENBOSS-USAGE|1|BENCH|000001|2026-11-01T00:00:00+08:00\n")
        frame.write_csv(out, separator="|", include_header=False, quote_style="never")
        out.write(f"T|{records}|{int(talked.sum())}\n".encode())


def best_of(rounds: int, work: Callable[[], None]) -> tuple[float, float]:
    """Seconds by the clock and of the processors, each of the best round."""
    seconds = []
    for _ in range(rounds):
        begin, cpu = time.perf_counter(), time.process_time()
        work()
        seconds.append((time.perf_counter() - begin, time.process_time() - cpu))
    return min(took_s for took_s, _ in seconds), min(cpu_s for _, cpu_s in seconds)


def measure(records: int) -> dict[str, float]:
    """Run both sides; return what was measured."""
    import django

    django.setup()
    from openboss.access.network.decoders import DECODERS
    from openboss.modules.charging.canonical import FIELDS
    from openboss.modules.charging.functions.collection import chunk_usage
    from openboss.modules.charging.normalise import operator_clock
    from openboss.modules.charging.numbering import build_numbering

    names = ("areas", "number_prefixes", "countries", "special_numbers", "cells", "providers")
    tables = build_numbering({name: pl.read_csv(REFERENCE / f"{name}.csv") for name in names})
    clock = operator_clock("Asia/Shanghai", int(NOW.timestamp()))
    with tempfile.TemporaryDirectory() as folder:
        file, lake = Path(folder, "BENCH_000001.txt"), Path(folder, "lake")
        write_usage(file, records)

        def ours() -> None:
            pieces = DECODERS["delimited"](file, "BENCH", 1)
            tally = chunk_usage(file_id=1, pieces=pieces, tables=tables, clock=clock, lake_dir=lake, now=NOW)
            assert (tally.records, len(tally.errors)) == (records, 0), tally.errors[:2]

        ours_s, ours_cpu_s = best_of(ROUNDS, ours)
        usage = pl.concat([pl.read_ipc(chunk) for chunk in sorted(lake.rglob("*.arrow"))])

        def theirs() -> None:
            pl.read_csv(
                file, separator="|", has_header=False, new_columns=list(FIELDS), skip_rows=1,
                truncate_ragged_lines=True, schema_overrides={"column_2": pl.String, "column_4": pl.String},
                infer_schema_length=1000,
            )  # fmt: skip
            usage.write_parquet(lake / "theirs.parquet", compression="lz4", statistics=False)

        theirs_s, theirs_cpu_s = best_of(ROUNDS, theirs)
        size = file.stat().st_size
    return {
        "records": records,
        "text_bytes": size,
        "records_per_s": round(records / ours_s),
        "polars_records_per_s": round(records / theirs_s),
        "ratio": round(ours_s / theirs_s, 2),
        "cpu_ns_a_record": round(ours_cpu_s / records * 1e9),
        "cpu_ratio": round(ours_cpu_s / theirs_cpu_s, 2),
        "peak_memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10,
    }


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000), indent=2))
