"""What was charged online against what the gateways' own files say of the same sessions (assurance, issue of doubt).

Source: TS 32.299 (a charging number joins both), CHG-37.
"""

import hashlib
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
from django.conf import settings
from django.db import transaction

from openboss.kernel.usage import RecordType
from openboss.modules.charging.atomic import session_records
from openboss.modules.charging.atomic.session_records import SESSIONS
from openboss.modules.charging.chunks import chunk_path, write_chunk
from openboss.modules.charging.engine.duplicates import DAY_S
from openboss.modules.charging.engine.lake import Lake
from openboss.modules.charging.engine.online.kinds import MESSAGES
from openboss.modules.charging.engine.twins import DAYS_BACK, DAYS_LATE, TIMED, read_twins
from openboss.modules.charging.functions.watching import NoAnswer, find_sessions
from openboss.modules.charging.schema import NORMALISED

__all__ = ["NotSure", "NothingLeft", "charge_rest", "compared_sessions", "daily_sums"]


class NothingLeft(Exception):
    """By now the files tell of no more than was charged online, or it is on its way; nothing was charged."""


class NotSure(Exception):
    """What is left is not sure: the session may still report, or its records lie days apart; nothing was charged."""


_NAMED = ("subscriber_id", "record_type", "call_ref")
_SESSION = (*_NAMED, "at_s")  # by its number, or else by when it began
COMPARED = pl.Schema(
    {"subscriber_id": pl.Int64(), "record_type": pl.Int8(), "call_ref": pl.Int64(), "at_s": pl.Int64(),
     "unit": pl.String(), "online": pl.Int64(), "filed": pl.Int64(), "act_li": pl.Int64()}
)  # fmt: skip
_COUNTED = (
    "online", "online_li", "online_records", "online_use", "filed", "filed_li", "filed_records", "filed_use", "matched",
    "otherwise", "only_online", "only_online_li", "only_filed", "only_filed_li", "difference", "difference_li",
)  # fmt: skip
DAILY = pl.Schema({"used_on": pl.Date(), "record_type": pl.Int8(), **dict.fromkeys(_COUNTED, pl.Int64())})
_LI = pl.sum_horizontal("act_basic_li", "act_ld_li", "act_info_li").sum()
_AROUND_S = (DAYS_BACK + DAYS_LATE) * DAY_S  # a session of these days has all its records within so much of them
_ONLINE = pl.col("file_id") <= 0  # below zero: what a session closed and nobody could rate at once


def compared_sessions(*, from_local_s: int, to_local_s: int) -> pl.DataFrame:
    """Sessions charged online that began between two local seconds, each with what the files say of it.

    Gives subscriber_id, record_type, call_ref (the charging number; 0 = none, then at_s says when it began), unit (KB,
    S or MSG), online and filed in it, and act_li, what was charged. A session of which no file tells has nothing filed.
    What one user began without a number in one second is one. Data without a number is compared with nothing.
    """
    lake = Lake(Path(settings.LAKE_DIR))
    around = from_local_s - _AROUND_S, to_local_s + _AROUND_S
    detail = _detail(lake, *around)
    if detail is None:
        return pl.DataFrame(schema=COMPARED)
    known = _online(detail).filter((pl.col("call_ref") != 0) | pl.col("record_type").is_in(TIMED))
    began_s = pl.col("start_local_s").min().alias("began_s")
    online = known.group_by(_SESSION).agg(_amount("online"), _LI.alias("act_li"), began_s).collect()
    online = online.filter(pl.col("began_s").is_between(from_local_s, to_local_s, closed="left"))
    twins = _twins_near(lake, *around)
    filed = _sessions_of(twins, known).group_by(_SESSION).agg(_amount("filed"))
    both = online.join(filed, on=_SESSION, how="left").with_columns(pl.col("filed").fill_null(0), unit=_unit())
    return both.select(pl.col(name).cast(kind) for name, kind in COMPARED.items())


def daily_sums(*, from_on: date, to_on: date) -> pl.DataFrame:
    """The report of days: per day of use (the operator's wall clock) and kind, what was charged online and is on file.

    Sessions are counted, on the day they began: all that one user's gateway tells under one charging number; a record
    without a number stands alone. Columns beside used_on and record_type, money in li:

    online, online_li, online_records, online_use  charged online (use in KB, seconds or messages)
    filed, filed_li, filed_records, filed_use      told by files: with the charge that was made online, or of the file
    matched, otherwise                             known to both; those of them of which files tell another use
    only_online, only_online_li                    of which no file tells
    only_filed, only_filed_li                      that nobody asked for online: charged from the file
    difference, difference_li                      online less on file

    Sessions that still run are left out. A number that one user's gateway uses again within the days counts once.
    """
    from_s, to_s = ((day - date(1970, 1, 1)).days * DAY_S for day in (from_on, to_on + timedelta(days=1)))
    lake, around_s = Lake(Path(settings.LAKE_DIR)), DAYS_BACK * DAY_S
    detail = _detail(lake, from_s - around_s, to_s + around_s)
    if detail is None:
        return pl.DataFrame(schema=DAILY)
    twins = read_twins(lake.folder, from_local_s=from_s - around_s, to_local_s=to_s + around_s)
    known = _online(detail)
    told = _sessions_of(twins, known).group_by(_SESSION).agg(_amount("filed_use"), filed_records=pl.len())
    online = _sessions(known, "online").join(told, on=_SESSION, how="left")
    online = online.with_columns(filed_li=pl.when(pl.col("filed_records") > 0).then("online_li"))
    alone = pl.col("position") * 2**32 + pl.col("row")
    files = detail.filter(~_ONLINE).with_columns(at_s=pl.when(pl.col("call_ref") == 0).then(alone).otherwise(0))
    both = pl.concat([online, _sessions(files, "filed")], how="diagonal_relaxed")
    both = both.filter(pl.col("began_s").is_between(from_s, to_s, closed="left"))
    days = both.with_columns(used_on=pl.from_epoch(pl.col("began_s") // DAY_S, time_unit="d"))
    return days.group_by("used_on", "record_type").agg(_sums()).select(DAILY.names()).cast(DAILY)


@transaction.atomic
def charge_rest(*, subscriber_id: int, session: str, from_local_s: int, to_local_s: int, at: datetime) -> None:
    """Have charged what the files tell of a session beyond what was charged online, as a further record of it.

    As a late report of its network would be: rated from the beginning of its last record, with rounding of its own.
    What the same files tell is charged once, however often it is asked for.

    session  its charging number; without one `kind-second`, its record type and when it began

    Raises NothingLeft, NotSure. Source: CHG-37; docs/algorithms/twins.md.
    """
    first, _, second = session.partition("-")
    wanted = {"record_type": int(first), "call_ref": 0, "at_s": int(second)} if second else {"call_ref": int(first)}
    if _may_report(subscriber_id, wanted):
        raise NotSure(session)
    lake = Lake(Path(settings.LAKE_DIR))
    around = from_local_s - 2 * _AROUND_S, to_local_s + 2 * _AROUND_S
    detail = _detail(lake, *around)
    if detail is None:
        raise NothingLeft(session)
    known = _online(detail.filter(pl.col("subscriber_id") == subscriber_id))
    own = known.filter(**wanted).sort("start_local_s", "partial_seq").collect()
    filed = _sessions_of(_twins_near(lake, *around), known).filter(**wanted, subscriber_id=subscriber_id)
    if not _is_whole(known, own, filed, from_local_s, to_local_s):
        raise NotSure(session)
    told, charged = _used(filed), _used(own)
    more = {name: max(0, told[name] - charged[name]) for name in told}
    if not own.height or not any(more.values()):
        raise NothingLeft(session)
    key = hashlib.blake2b(repr((subscriber_id, session, told)).encode(), digest_size=16).digest()
    name = f"{SESSIONS.lower()}/{key.hex()}"
    if session_records.is_on_its_way(path=chunk_path(name)):
        raise NothingLeft(session)
    file_id, place = session_records.take_places(count=1, at=at)
    said = {"file_id": file_id, "seq_in_file": place, "up_bytes": 0, **more, "info_fee_li": 0,
            "key_hi": int.from_bytes(key[:8]), "key_lo": int.from_bytes(key[8:])}  # fmt: skip
    usage = own.tail(1).with_columns(pl.col("partial_seq") + 1, **{name: pl.lit(value) for name, value in said.items()})
    usage = usage.select(pl.col(name).cast(kind) for name, kind in NORMALISED.items())
    chunk = write_chunk(usage, lake_dir=lake.folder, name=name)
    session_records.add_session_chunk(file_id=file_id, chunk=chunk, at=at)


def _may_report(subscriber_id: int, wanted: dict[str, int]) -> bool:
    """Whether the engine knows the session still, or does not answer: what is reported then would be charged again."""
    try:
        known = find_sessions(subscriber_id=subscriber_id)
    except NoAnswer:
        return True
    about = {name: wanted[name] for name in ("record_type", "call_ref") if name in wanted}
    found = [one for one in known["sessions"] if all(one[name] == value for name, value in about.items())]
    return len(found) > 0 or known["total"] > len(known["sessions"])


def _is_whole(known: pl.LazyFrame, own: pl.DataFrame, filed: pl.DataFrame, from_local_s: int, to_local_s: int) -> bool:
    """Whether a session began between two local seconds and all of it is known: none of it further than _AROUND_S.

    Of one without a number a late report stands alone, as a record that goes on from one that began at another time.
    """
    if not own.height:
        return True
    began_s, far = int(own["start_local_s"][0]), own["far"][0]  # in the order in which they began
    near = pl.col("start_local_s").is_between(from_local_s - _AROUND_S, to_local_s + _AROUND_S, closed="left")
    if own["at_s"][0]:
        later = known.filter(
            pl.col("at_s").is_between(own["at_s"][0] + 1, own["at_s"][0] + _AROUND_S),
            record_type=own["record_type"][0], far=far,
        )  # fmt: skip
        parts = later.group_by("at_s").agg(pl.col("partial_seq").min()).collect()
        if (parts["partial_seq"] > 0).any():
            return False
    return from_local_s <= began_s < to_local_s and all(one.filter(near).height == one.height for one in (own, filed))


def _used(records: pl.DataFrame) -> dict[str, int]:
    """What records used in all; octets of both ways as received: not every network says which."""
    octets = int(records["up_bytes"].sum()) + int(records["down_bytes"].sum())
    counted = {name: int(records[name].sum()) for name in ("duration_s", "message_count")}
    return {**counted, "down_bytes": octets}


def _twins_near(lake: Lake, from_local_s: int, to_local_s: int) -> pl.DataFrame:
    """Twins of what began online between two local seconds."""
    return read_twins(
        lake.folder, from_local_s=from_local_s - DAYS_LATE * DAY_S, to_local_s=to_local_s + DAYS_BACK * DAY_S
    )


def _detail(lake: Lake, from_local_s: int, to_local_s: int) -> pl.LazyFrame | None:
    """Rated detail that began between two local seconds; None where there is none at all."""
    files = [name for cycle in _cycles(from_local_s, to_local_s) for name in lake.usage_files(cycle)]
    began = pl.col("start_local_s")
    if not files:
        return None
    return pl.scan_parquet(files, hive_partitioning=True).filter(began >= from_local_s, began < to_local_s)


def _online(detail: pl.LazyFrame) -> pl.LazyFrame:
    """What was charged online, with `at_s`, when it began if it has no number, and `far`, the other party."""
    is_forwarded = (pl.col("record_type") == RecordType.CALL_FORWARD) & (pl.col("third_number") != 0)
    return detail.filter(_ONLINE).with_columns(
        far=pl.when(is_forwarded).then("third_number").otherwise("other_number"),
        at_s=pl.when(pl.col("call_ref") == 0).then("start_local_s").otherwise(0),
    )


def _sessions_of(twins: pl.DataFrame, online: pl.LazyFrame) -> pl.DataFrame:
    """Twins as records of the sessions that were charged online, whatever number the file gives them."""
    by_number = twins.filter(pl.col("online_local_s") == 0).with_columns(at_s=pl.lit(0, pl.Int64))
    by_moment = twins.filter(pl.col("online_local_s") > 0)
    if not len(by_moment):
        return by_number
    began = online.select(*_NAMED, "at_s", online_local_s="start_local_s", other_number="far")
    moment = ["subscriber_id", "record_type", "other_number", "online_local_s"]
    known = began.filter(pl.col("record_type").is_in(TIMED)).unique(moment, keep="first", maintain_order=True).collect()
    met = by_moment.rename({"call_ref": "file_ref"}).join(known, on=moment)
    numbers = met.filter(pl.col("file_ref") != 0).unique(["subscriber_id", "record_type", "file_ref"])
    further = (
        by_number.drop("at_s")
        .rename({"call_ref": "file_ref"})
        .join(
            numbers.select("subscriber_id", "record_type", "file_ref", "call_ref", "at_s"),
            on=["subscriber_id", "record_type", "file_ref"],
        )
    )
    return pl.concat([by_number, met.select(by_number.columns), further.select(by_number.columns)])


def _sessions(detail: pl.LazyFrame, side: str) -> pl.DataFrame:
    """Detail by session: began_s, and of a side (online or filed) its records, use and charge."""
    li, records = _LI.alias(f"{side}_li"), pl.len().alias(f"{side}_records")
    began = pl.col("start_local_s").min().alias("began_s")
    return detail.group_by(_SESSION).agg(began, li, records, _amount(f"{side}_use")).collect()


def _sums() -> list[pl.Expr]:
    """What _COUNTED says of sessions; records of a side that has none are null."""
    on, filed = pl.col("online_records") > 0, pl.col("filed_records") > 0
    on, filed = on.fill_null(False), filed.fill_null(False)
    online_li, filed_li = pl.col("online_li").fill_null(0), pl.col("filed_li").fill_null(0)
    plain = ("online_li", "online_records", "online_use", "filed_li", "filed_records", "filed_use")
    return [
        *(pl.col(name).sum() for name in plain),
        on.sum().alias("online"),
        filed.sum().alias("filed"),
        (on & filed).sum().alias("matched"),
        (on & filed & (pl.col("online_use") != pl.col("filed_use"))).sum().alias("otherwise"),
        (on & ~filed).sum().alias("only_online"),
        (filed & ~on).sum().alias("only_filed"),
        online_li.filter(on & ~filed).sum().alias("only_online_li"),
        filed_li.filter(filed & ~on).sum().alias("only_filed_li"),
        (on.cast(pl.Int64).sum() - filed.cast(pl.Int64).sum()).alias("difference"),
        (online_li.sum() - filed_li.sum()).alias("difference_li"),
    ]


def _cycles(from_local_s: int, to_local_s: int) -> list[int]:
    """The months in which use of a span may be posted: its own and the one after (D4.6)."""
    days = range(from_local_s // DAY_S, to_local_s // DAY_S + 32)
    months = {datetime.fromtimestamp(day * DAY_S, UTC) for day in days}
    return sorted({one.year * 100 + one.month for one in months})


def _amount(name: str) -> pl.Expr:
    kind = pl.col("record_type").first()
    octets = pl.col("up_bytes").sum() + pl.col("down_bytes").sum()
    return (
        pl.when(kind == RecordType.DATA)
        .then((octets + 1023) // 1024)
        .when(kind.is_in(MESSAGES))
        .then(pl.col("message_count").sum())
        .otherwise(pl.col("duration_s").sum())
        .cast(pl.Int64)
        .alias(name)
    )


def _unit() -> pl.Expr:
    kind = pl.col("record_type")
    is_message = kind.is_in(MESSAGES)
    data = pl.when(kind == RecordType.DATA).then(pl.lit("KB"))
    return data.when(is_message).then(pl.lit("MSG")).otherwise(pl.lit("S"))
