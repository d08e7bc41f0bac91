"""How much was used in a month, of all users or of one: read from the rated detail, by DuckDB.

Each figure is defined once, here, as the indicator dictionary words it: a valid record is a rated or a free one, a
call that lasted no time is none. Source: CHG-19 to CHG-21, CHG-27, D3.6, D20.4.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings

from openboss.kernel.usage import OtherNet, RecordType, RoamType, Status
from openboss.modules.charging.engine.lake import Lake
from openboss.modules.charging.functions.detail import VOICE, ask_lake

_RATED = int(Status.RATED)
_ACT = "act_basic_li + act_ld_li + act_info_li"
_STD = "std_basic_li + std_ld_li + std_info_li"
_IS_CALL = f"record_type IN ({VOICE}) AND duration_s > 0"


@dataclass(frozen=True)
class Measures:
    """The six measures of use of one service (CHG-21), data also by direction, with what it cost."""

    record_type: RecordType
    users: int  # who used it at least once
    calls: int
    call_s: int
    charged_minutes: int
    ld_units: int  # of 6 s
    messages: int
    up_kb: int
    down_kb: int
    kb_units: int  # as charged: a begun KB of both directions together
    std_li: int
    act_li: int


@dataclass(frozen=True)
class RoamUse:
    """Use at home or away: how many users, how long they called, what all of it cost (IND-06)."""

    roam_type: RoamType
    users: int
    call_s: int
    act_li: int


def measures_of_use(cycles: Iterable[int], subscriber_id: int | None = None) -> list[Measures]:
    """Measure what was used in cycles (202610), a row a service; of one user or of all. Source: CHG-21, D20.4."""
    found = _read(
        f"""
        SELECT record_type, count(DISTINCT subscriber_id) AS users,
               count(*) FILTER ({_IS_CALL}) AS calls,
               sum(duration_s) FILTER ({_IS_CALL}) AS call_s,
               sum(basic_units) FILTER ({_IS_CALL} AND status = {_RATED}) AS charged_minutes,
               sum(ld_units) FILTER ({_IS_CALL}) AS ld_units,
               sum(message_count) FILTER (record_type IN ({_MESSAGES})) AS messages,
               (sum(up_bytes) + 1023) // 1024 AS up_kb, (sum(down_bytes) + 1023) // 1024 AS down_kb,
               sum(kb_units) AS kb_units, sum({_STD}) AS std_li, sum({_ACT}) AS act_li
        """,
        "record_type",
        cycles,
        subscriber_id,
    )
    return [Measures(RecordType(row.pop("record_type")), **row) for row in found]


def call_fees_by_net(cycles: Iterable[int], subscriber_id: int | None = None) -> dict[OtherNet, int]:
    """Add up what calls cost by the network of the other party, in li; calls to service numbers are not calls to it.

    Off-net is every network but OWN_MOBILE. Source: CHG-27, D20.4.
    """
    where = f"record_type IN ({VOICE}) AND status = {_RATED}"
    found = _read(f"SELECT other_net, sum({_ACT}) AS act_li", "other_net", cycles, subscriber_id, where)
    return {OtherNet(row["other_net"]): row["act_li"] for row in found}


def off_net_fee_li(cycles: Iterable[int], subscriber_id: int | None = None) -> int:
    """Add up what calls with users of other operators cost. Source: CHG-27, IND-35."""
    fees = call_fees_by_net(cycles, subscriber_id)
    return sum(act_li for net, act_li in fees.items() if net != OtherNet.OWN_MOBILE)


def roaming_use(cycles: Iterable[int]) -> list[RoamUse]:
    """Count users, seconds of calls and fees by where the user was, whatever was used. Source: CHG-24, IND-06."""
    users, call_s = "count(DISTINCT subscriber_id) AS users", f"sum(duration_s) FILTER ({_IS_CALL}) AS call_s"
    found = _read(f"SELECT roam_type, {users}, {call_s}, sum({_ACT}) AS act_li", "roam_type", cycles, None)
    return [RoamUse(RoamType(row.pop("roam_type")), **row) for row in found]


_MESSAGES = ", ".join(str(int(kind)) for kind in (RecordType.SMS_MO, RecordType.SMS_MT, RecordType.MMS))


def _read(
    select: str, by: str, cycles: Iterable[int], subscriber_id: int | None, where: str = "true"
) -> list[dict[str, Any]]:
    lake = Lake(Path(settings.LAKE_DIR))
    values: dict[str, Any] = {"files": [name for cycle in cycles for name in lake.usage_files(cycle)]}
    if not values["files"]:
        return []
    if subscriber_id is not None:
        where, values["subscriber_id"] = f"{where} AND subscriber_id = $subscriber_id", subscriber_id
    sql = f"{select} FROM read_parquet($files, hive_partitioning = true) WHERE {where} GROUP BY {by} ORDER BY {by}"
    return [{name: int(value or 0) for name, value in row.items()} for row in ask_lake(sql, values)]
