"""Questions to the detail store: one user's records, month by month use, the six measures of traffic.

Read with DuckDB from the Delta table's files; files are sorted by subscriber, so one user's month touches little.
Source: CHG-21, CHG-38.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
from django.conf import settings

from openboss.kernel.usage import RecordType
from openboss.modules.charging.engine.lake import Lake

SORTS = ("start_at_s", "duration_s", "kb_units", "act_li", "std_li", "record_type", "other_number")
_ACT = "act_basic_li + act_ld_li + act_info_li"
_STD = "std_basic_li + std_ld_li + std_info_li"
_CALLS = (RecordType.MOC, RecordType.MTC, RecordType.CALL_FORWARD, RecordType.VIDEO_CALL)
VOICE = ", ".join(str(int(kind)) for kind in _CALLS)
_CONDITIONS = {
    "record_type": "record_type = $record_type",
    "roam_type": "roam_type = $roam_type",
    "ld_type": "ld_type = $ld_type",
    "item": "(item_basic = $item OR item_ld = $item OR item_info = $item)",
    "rule": "(rule_basic = $rule OR rule_ld = $rule OR free_rule_1 = $rule OR free_rule_2 = $rule)",
    "other_number": "CAST(other_number AS VARCHAR) LIKE $other_number || '%'",
    "from_s": "start_local_s >= $from_s",
    "to_s": "start_local_s < $to_s",
    "charged": f"(({_ACT}) > 0) = ($charged = 1)",
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

    filters  any of record_type, roam_type, ld_type, item, rule, other_number (first digits), from_s, to_s, charged
    sort     a column of SORTS, with - in front for the largest first
    """
    files = Lake(Path(settings.LAKE_DIR)).usage_files(cycle)
    if not files:
        return [], 0, {}
    known = {name: value for name, value in filters.items() if name in _CONDITIONS and value not in (None, "")}
    where = " AND ".join(["subscriber_id = $subscriber_id", *(_CONDITIONS[name] for name in known)])
    values = {"files": files, "subscriber_id": subscriber_id, **known}
    column = sort.removeprefix("-")
    order = f"{column if column in SORTS else 'start_at_s'} {'DESC' if sort.startswith('-') else 'ASC'}, position, row"
    rows = ask_lake(
        f"SELECT *, {_ACT} AS act_li, {_STD} AS std_li FROM read_parquet($files, hive_partitioning = true) "
        f"WHERE {where} ORDER BY {order} LIMIT {int(page_size)} OFFSET {(int(page) - 1) * int(page_size)}",
        values,
    )
    (sums,) = ask_lake(
        f"SELECT count(*) AS records, sum(duration_s) AS duration_s, sum(kb_units) AS kb_units, sum({_ACT}) AS act_li, "
        f"sum({_STD}) AS std_li FROM read_parquet($files, hive_partitioning = true) WHERE {where}",
        values,
    )
    total = int(sums.pop("records"))
    return rows, total, {name: int(value or 0) for name, value in sums.items()}


def usage_by_month(subscriber_id: int, months: int = 12) -> list[dict[str, int]]:
    """Sum one user's use by cycle, oldest first: calls, seconds, messages, KB at home and roaming (CHG-21).

    Cycles without use are missing.
    """
    table = Lake(Path(settings.LAKE_DIR)).open_usage()
    if table is None:
        return []
    cycles = sorted({int(part["cycle"]) for part in table.partitions()})[-months:]
    files = [name for cycle in cycles for name in table.file_uris([("cycle", "=", str(cycle))])]
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
