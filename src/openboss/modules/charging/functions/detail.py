"""Questions to the detail store: one user's records, month by month use, the six measures of traffic.

Read from the Delta table's files, which are sorted by user, so that one user's month touches little. Sums over months
are asked of DuckDB; a user's own records of polars, which is four times as quick with many columns (measured).
Source: CHG-21, CHG-38.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
from django.conf import settings

from openboss.kernel.usage import RecordType
from openboss.modules.charging.engine.lake import Lake

SORTS = ("start_at_s", "duration_s", "kb_units", "act_li", "std_li", "record_type", "other_number")
_CALLS = (RecordType.MOC, RecordType.MTC, RecordType.CALL_FORWARD, RecordType.VIDEO_CALL)
VOICE = ", ".join(str(int(kind)) for kind in _CALLS)
_SUMMED = ("duration_s", "kb_units", "act_li", "std_li")
_CONDITIONS: dict[str, Callable[[Any], pl.Expr]] = {
    "record_type": lambda value: pl.col("record_type") == int(value),
    "record_types": lambda values: pl.col("record_type").is_in(values),
    "roam_type": lambda value: pl.col("roam_type") == int(value),
    "ld_type": lambda value: pl.col("ld_type") == int(value),
    "item": lambda value: pl.any_horizontal(pl.col("item_basic", "item_ld", "item_info") == int(value)),
    "rule": lambda value: pl.any_horizontal(
        pl.col("rule_basic", "rule_ld", "free_rule_1", "free_rule_2") == int(value)
    ),
    "other_number": lambda value: pl.col("other_number").cast(pl.String).str.starts_with(str(value)),
    "from_s": lambda value: pl.col("start_local_s") >= int(value),
    "to_s": lambda value: pl.col("start_local_s") < int(value),
    "charged": lambda value: (pl.col("act_li") > 0) == (int(value) == 1),
}

_FREE_UNITS = {
    **dict.fromkeys(_CALLS, "MIN"),
    **dict.fromkeys((RecordType.SMS_MO, RecordType.SMS_MT, RecordType.MMS), "MSG"),
    **dict.fromkeys((RecordType.DATA, RecordType.WLAN, RecordType.BROADBAND), "KB"),
}

_session: duckdb.DuckDBPyConnection | None = None


def detail_list(
    subscriber_id: int,
    cycle: int,
    filters: Mapping[str, Any],
    sort: str = "-start_at_s",
    page: int = 1,
    page_size: int = 50,
) -> tuple[list[dict[str, Any]], int, dict[str, int]]:
    """List one user's rated records posted to a cycle: (rows of the page, how many in all, sums over all).

    filters  any of record_type, record_types (several), roam_type, ld_type, item, rule, other_number (first digits),
             from_s, to_s, charged
    sort     a column of SORTS, with - in front for the largest first
    """
    files = Lake(Path(settings.LAKE_DIR)).usage_files(cycle)
    if not files:
        return [], 0, {}
    # one user's month is small: the files are asked for the user only, the rest is done in memory
    month = pl.scan_parquet(files, hive_partitioning=True).filter(pl.col("subscriber_id") == subscriber_id).collect()
    month = month.with_columns(
        act_li=pl.col("act_basic_li") + pl.col("act_ld_li") + pl.col("act_info_li"),
        std_li=pl.col("std_basic_li") + pl.col("std_ld_li") + pl.col("std_info_li"),
    )
    known = {name: value for name, value in filters.items() if name in _CONDITIONS and value not in (None, "")}
    found = month.filter(*[_CONDITIONS[name](value) for name, value in known.items()])
    column = sort.removeprefix("-") if sort.removeprefix("-") in SORTS else "start_at_s"
    ordered = found.sort(column, "position", "row", descending=[sort.startswith("-"), False, False])
    sums = {name: int(found[name].sum()) for name in _SUMMED}
    return ordered.slice((page - 1) * page_size, page_size).to_dicts(), found.height, sums


def free_unit(record_type: int) -> str:
    """The unit in which a free resource gives to a record of a kind."""
    return _FREE_UNITS.get(RecordType(record_type), "EVENT")


def usage_by_month(subscriber_id: int, months: int = 12) -> list[dict[str, int]]:
    """Sum one user's use by cycle, oldest first: calls, seconds, messages, KB at home and roaming (CHG-21).

    Cycles without use are missing.
    """
    lake = Lake(Path(settings.LAKE_DIR))
    table = lake.open_usage()
    if table is None:
        return []
    cycles = sorted({int(part["cycle"]) for part in table.partitions()})[-months:]
    files = [name for cycle in cycles for name in lake.usage_files(cycle)]
    if not files:
        return []
    found = ask_lake(
        f"""
        SELECT CAST(cycle AS INTEGER) AS cycle,
               count(*) FILTER (record_type IN ({VOICE}) AND duration_s > 0) AS calls,
               sum(duration_s) FILTER (record_type IN ({VOICE})) AS seconds,
               sum(message_count) AS messages,
               sum(kb_units) FILTER (roam_type = 0) AS home_kb,
               sum(kb_units) FILTER (roam_type <> 0) AS roaming_kb,
               sum(basic_units) FILTER (status = 0 AND record_type IN ({VOICE})) AS charged_minutes,
               sum(ld_units) AS ld_units
        FROM read_parquet($files, hive_partitioning = true) WHERE subscriber_id = $subscriber_id
        GROUP BY 1 ORDER BY 1
        """,
        {"files": files, "subscriber_id": subscriber_id},
    )
    return [{name: int(value or 0) for name, value in row.items()} for row in found]


def ask_lake(sql: str, values: dict[str, Any]) -> list[dict[str, Any]]:
    """Run a question on a cursor of this process's session; nothing is ever loaded from outside."""
    global _session
    if _session is None:
        _session = duckdb.connect(
            config={"autoinstall_known_extensions": False, "autoload_known_extensions": False, "threads": 2}
        )
        _session.execute("SET parquet_metadata_cache = true")
    with _session.cursor() as cursor:
        cursor.execute(sql, values)
        names = [column[0] for column in cursor.description or []]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
