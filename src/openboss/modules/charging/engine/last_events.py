"""The newest charged events of one user: what waits for the detail store in the engine's memory, and what is in it.

Read in the thread of whoever asks, from copies of lists. The engine's loop never waits for it: the scan of what waits
lets go of the interpreter again and again, and one question at a time reads the store. Source: issue 4 section 1.
"""

import threading
import time
from typing import Any

import numpy as np
import polars as pl

from openboss.modules.charging.engine.lake import Lake
from openboss.modules.charging.engine.online.closed import Closed
from openboss.modules.charging.engine.rating import detail_of_closed
from openboss.modules.charging.schema import RATED
from openboss.modules.customers.functions import mask_number

MOST = 20
MONTHS_LOOKED_AT = 3
_BY_AGE = ("start_at_s", "position", "row")
_LI = ("basic", "ld", "info")
_SHOWN = ("position", "row", "cycle", "record_type", "start_at_s", "other_number", "duration_s",
          "up_bytes", "down_bytes", "message_count", "rule_basic", "rule_ld", "free_rule_1", "free_units_1",
          "free_rule_2", "free_units_2", *(f"{kind}_{part}_li" for kind in ("std", "act") for part in _LI))  # fmt: skip
_reading = threading.Lock()


def last_events(
    lake: Lake, subscriber_id: int, details: list[pl.DataFrame], closed: list[Closed]
) -> list[dict[str, Any]]:
    """The newest charged events of a user by when they began, MOST of them; the other party's number is masked.

    details, closed  what is not in the lake yet, taken before the lake is read: what reaches it meanwhile is in both
    """
    mine = pl.col("subscriber_id") == subscriber_id
    waiting = [frame.filter(mine) for frame in [*details, *_closed_of(closed, subscriber_id)]]
    with _reading:
        known = pl.concat([_in_lake(lake, subscriber_id), *(one.select(_SHOWN) for one in waiting)], rechunk=False)
    newest = known.unique(["position", "row"], keep="first").sort(_BY_AGE).tail(MOST).reverse()
    return [_event(row) for row in newest.iter_rows(named=True)]


def _closed_of(closed: list[Closed], subscriber_id: int) -> list[pl.DataFrame]:
    """What sessions closed in groups in which a user has something, laid out; the newest groups, MOST at most."""
    found: list[Closed] = []
    groups = 0
    for positions, records in reversed(closed):
        mine = np.unique(positions[records["subscriber_id"] == subscriber_id])[groups - MOST :]
        if len(mine):
            is_wanted = np.isin(positions, mine)
            found.append((positions[is_wanted], records[is_wanted]))
            groups += len(mine)
            if groups == MOST:
                break
        time.sleep(0)  # let the engine's thread go on
    return [detail_of_closed(found[::-1])] if found else []


def _in_lake(lake: Lake, subscriber_id: int) -> pl.DataFrame:
    """A user's newest events in the newest months of the detail store."""
    table, found, count = lake.open_usage(), [_NOTHING], 0
    cycles = sorted((int(part["cycle"]) for part in table.partitions()), reverse=True) if table else []
    for cycle in cycles[:MONTHS_LOOKED_AT]:
        month = pl.scan_parquet(lake.usage_files(cycle), hive_partitioning=True)
        mine = month.filter(pl.col("subscriber_id") == subscriber_id).with_columns(cycle=pl.lit(cycle, pl.Int32))
        found.append(mine.select(_SHOWN).collect().sort(_BY_AGE).tail(MOST))
        count += len(found[-1])
        if count >= MOST:
            break
    return pl.concat(found)


def _event(row: dict[str, Any]) -> dict[str, Any]:
    free = [(row["free_rule_1"], row["free_units_1"]), (row["free_rule_2"], row["free_units_2"])]
    return {
        "position": row["position"],
        "row": row["row"],
        "cycle": row["cycle"],
        "record_type": row["record_type"],
        "began_at_s": row["start_at_s"],
        "other": mask_number(row["other_number"]) if row["other_number"] else "",
        "used_s": row["duration_s"],
        "used_octets": row["up_bytes"] + row["down_bytes"],
        "used_units": row["message_count"],
        "std_li": sum(row[f"std_{part}_li"] for part in _LI),
        "act_li": sum(row[f"act_{part}_li"] for part in _LI),
        "rule": row["rule_basic"] or row["rule_ld"],
        "free": [{"rule": rule, "units": units} for rule, units in free if rule],
    }


_NOTHING = pl.DataFrame(schema={name: RATED[name] for name in _SHOWN})
