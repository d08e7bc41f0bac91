"""How long the tariff lab takes: `python -m benchmarks.tariff_lab [users] [records a user]`.

A month of made-up use (calls, long distance, messages, data; sorted by user as in the lake) is read from parquet,
rated once more under the example catalog with a draft of GoTone 98, billed under both, and compared:
`tariff_lab.lived_again`, which is all of `tariff_lab.run` but reading users and frozen totals. Two threads. CPU seconds
beside wall seconds, since other load lies in the latter only.
"""

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import django
import numpy as np
import polars as pl

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "openboss.config.settings")
os.environ.setdefault("OPENBOSS_DATA_DIR", tempfile.mkdtemp(prefix="openboss-bench-"))
django.setup()

from openboss.modules.catalog.functions import compile_tariffs  # noqa: E402 -- after Django
from openboss.modules.charging.functions import what_if  # noqa: E402
from openboss.modules.customers.functions import BillingImage  # noqa: E402
from openboss.processes.quote.bill import SCHEMAS  # noqa: E402
from openboss.processes.quote.tariffs import tariffs_of  # noqa: E402
from openboss.processes.replay_months import People, Tariffs, due_of_month, replay  # noqa: E402
from openboss.processes.tariff_lab import Lived, lived_again  # noqa: E402

ROOT = Path(__file__).parents[1]
CYCLE = 202609
FOREVER_S = 2**62


@contextmanager
def timed(name: str) -> Iterator[None]:
    """Print how long a step took."""
    wall, cpu = time.perf_counter(), time.process_time()
    yield
    print(f"{name:<34} {time.perf_counter() - wall:8.2f} s wall {time.process_time() - cpu:8.2f} s CPU", flush=True)


def month_of_use(users: int, each: int) -> pl.DataFrame:
    """Draw a month's records, a user's together."""
    dice = np.random.default_rng(7)
    count = users * each
    kind = dice.choice(np.array([0, 0, 0, 1, 3, 6, 6, 6]), count)
    start = int((datetime(2026, 9, 1) - datetime(1970, 1, 1)).total_seconds())
    return pl.DataFrame(
        {
            "subscriber_id": np.repeat(np.arange(1, users + 1), each),
            "position": np.ones(count, np.int64),
            "row": np.tile(np.arange(each), users),
            "record_type": kind.astype(np.int8),
            "start_local_s": start + np.tile(np.sort(dice.integers(0, 30 * 86_400, each)), users),
            "duration_s": np.where(kind < 2, dice.integers(1, 600, count), 0).astype(np.int32),
            "down_bytes": np.where(kind == 6, dice.integers(1, 2_000_000, count), 0),
            "ld_type": np.where((kind == 0) & (dice.random(count) < 0.2), 2, 0).astype(np.int8),
        }
    )


def base_of(users: int, plans: np.ndarray) -> People:
    """Make the users as the engine and the bill run know them: a number and a plan each."""
    ids = np.arange(1, users + 1)
    always = {"from_local_s": np.zeros(users, np.int64), "to_local_s": np.full(users, FOREVER_S)}
    own = {"subscriber_id": ids, **always}
    empty = {name: pl.DataFrame(schema=schema) for name, schema in what_if.IMAGE_SCHEMAS.items()}
    frames = {
        **empty,
        "subscribers": pl.DataFrame({"subscriber_id": ids}),
        "numbers": pl.DataFrame({"number": 8_613_500_000_000 + ids, **own}),
        "holdings": pl.DataFrame({**own, "offer_id": plans[ids % 4], "first_month": np.ones(users, np.int64)}),
    }
    day = pl.lit(date(2020, 1, 1))
    attributes = pl.DataFrame({"subscriber_id": ids}).with_columns(
        customer_id=pl.col("subscriber_id"), born_on=day, opened_on=day, closed_on=pl.lit(None, pl.Date),
        customer_class=pl.lit(""), vip_level=pl.lit(""), brand=pl.lit(""), star=pl.lit(0), home_area=pl.lit(0),
        certificates=pl.lit(""),
    )  # fmt: skip
    holdings = pl.DataFrame({"holding_id": ids, "subscriber_id": ids, "offer_id": plans[ids % 4]}).with_columns(
        first_month=pl.lit("PRORATE"), from_on=day, to_on=pl.lit(None, pl.Date)
    )
    whole = {name: pl.DataFrame(schema=SCHEMAS[name]) for name in BillingImage._fields if name in SCHEMAS}
    bill = BillingImage(
        **{
            **dict.fromkeys(BillingImage._fields, pl.DataFrame()),
            **whole,
            "attributes": attributes,
            "holdings": holdings,
        }
    )
    return People(pl.Series("subscriber_id", ids), what_if.Image(**frames), {CYCLE: bill})


def main(users: int, each: int) -> None:
    """Measure and print."""
    read = tariffs_of(["example/tariffs"], reference=ROOT / "example" / "reference", beside=ROOT)
    plans = np.array([read.offer_ids[code] for code in ("GOTONE_98", "GOTONE_LOCAL_88", "EASYOWN_HOME", "MZONE_20")])
    on = [one for one in read.versions if one.from_on <= date(2026, 9, 1)]
    now = Tariffs(read.tables, tuple(on), read.items)
    draft = [replace(one, document=cheaper(one.document)) if one.code == "GOTONE_98" else one for one in on]
    then = Tariffs(compile_tariffs(draft, read.items, holidays=[]), tuple(draft), read.items)
    people = base_of(users, plans)
    path = Path(tempfile.mkdtemp(prefix="openboss-bench-")) / "usage.parquet"
    month_of_use(users, each).write_parquet(path, compression="lz4", row_group_size=8_192)

    def usage_of(_: int, first: int, last: int) -> pl.DataFrame:
        mine = pl.col("subscriber_id").is_between(first, last)
        return pl.scan_parquet(path).filter(mine).sort("subscriber_id", "position", "row").collect()

    state = what_if.opened(now.tables, people.image, [CYCLE])
    what_if.replay(state, month_of_use(100, 20).drop("position", "row"), 2)  # compiled code is loaded here
    totals, _, _ = replay(now, people, [CYCLE], usage_of)
    with timed(f"rate {users * each:,} records anew"):
        replay(then, people, [CYCLE], usage_of)
    with timed("bill the month once"):
        due_of_month(now, CYCLE, totals[CYCLE], people.bills[CYCLE])
    with timed("the lab: rate, bill both, compare"):
        found = lived_again(Lived(now, people, totals), then, people, usage_of)
    print(f"{found.records:,} records of {found.users:,} users, {found.winners:,} pay less, {found.losers:,} more")
    path.unlink()


def cheaper(document: dict[str, Any]) -> dict[str, Any]:
    """A draft: calls beyond the plan at 0.30 in place of 0.40."""
    prices = [{**rule, "price": "0.30"} if rule["rule"] == "OVER" else rule for rule in document["prices"]]
    return {**document, "prices": prices}


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000, int(sys.argv[2]) if len(sys.argv) > 2 else 100)
