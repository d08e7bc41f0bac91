"""One day's use of a block of generated subscribers, as frames in the columns of the delimited format.

Busy hours, long tails, nights full of data, holidays, trips, both ends of a call inside the network.
"""

from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from openboss.access.jobs.generate_base import DAY_S, Ints, Population
from openboss.access.jobs.generate_demo import PEOPLE, Act
from openboss.access.jobs.generate_parties import (
    CALL_SHARES,
    MESSAGE_SHARES,
    Parties,
    draw_parties,
    number_on,
    spread,
    switches,
    visited_areas,
)

SOURCES = ("GMSC01", "SMSC01", "PGW01", "SPGW01")
# Shares of the records drawn for a subscriber; a call made on-net adds its other end.
KINDS = ("MOC", "MTC", "CALL_FORWARD", "VIDEO_CALL", "SMS_MO", "SMS_MT", "MMS", "DATA", "WLAN", "SP_FEE")
SHARES = (0.25, 0.13, 0.004, 0.002, 0.12, 0.07, 0.006, 0.41, 0.004, 0.004)
DATA_SHARE = SHARES[KINDS.index("DATA")]
CALL_HOURS = (3, 2, 1, 1, 1, 2, 8, 25, 55, 78, 86, 80, 62, 54, 60, 66, 72, 82, 90, 88, 76, 55, 28, 10)
MESSAGE_HOURS = (6, 3, 2, 1, 1, 2, 8, 22, 45, 60, 66, 64, 60, 52, 50, 52, 56, 64, 72, 84, 90, 82, 55, 22)
DATA_HOURS = (40, 22, 12, 8, 6, 8, 18, 40, 48, 50, 52, 60, 74, 62, 52, 54, 58, 66, 76, 86, 96, 104, 98, 70)
SWITCH_OF_DAY = 1_000_000
FEES_LI = np.array([100, 500, 1000, 1000, 2000, 3000, 5000, 8000], np.int64)


def draw_block(
    population: Population, day: int, first: int, last: int, present: npt.NDArray[np.bool_], records_per_day: float
) -> dict[str, pl.DataFrame]:
    """Draw one day's records of the subscribers first..last, a frame a source.

    day      days since the population's start
    present  of every subscriber: may use the network that day
    """
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([population.seed, 10 + day, first])))
    users = first + np.flatnonzero(present[first:last])
    counts = rng.poisson(records_per_day * _day_factor(population, day) * population.activity[users])
    index = np.repeat(users, counts).astype(np.int64)
    kind = np.searchsorted(np.cumsum(SHARES) / sum(SHARES), rng.random(len(index)), side="right")
    calls = _calls(rng, population, day, index[kind <= 3], kind[kind <= 3], present)
    texts = (kind >= 4) & (kind <= 6)
    messages = _messages(rng, population, day, index[texts], kind[texts])
    online = (kind == 7) | (kind == 8)
    sessions = _sessions(rng, population, day, index[online], kind[online], records_per_day)
    content = _content(rng, population, day, index[kind == 9])
    frames = dict(zip(SOURCES, (calls, messages, sessions, content), strict=True))
    return {source: _referenced(frame, day, first, code) for code, (source, frame) in enumerate(frames.items())}


def _day_factor(population: Population, day: int) -> float:
    today = date.fromordinal(population.start.toordinal() + day)
    if today in population.catalogue.holidays:
        return 1.25
    return 0.92 if today.weekday() >= 5 else 1.0


def _times(rng: np.random.Generator, population: Population, day: int, hours: tuple[int, ...], many: int) -> Ints:
    """Draw local seconds since 1970 by the hours' weights."""
    hour = np.searchsorted(np.cumsum(hours) / sum(hours), rng.random(many), side="right")
    midnight = ((population.start - date(1970, 1, 1)).days + day) * DAY_S
    return midnight + hour * 3600 + rng.integers(0, 3600, many)


def _served(population: Population, day: int, index: Ints, salt: Ints) -> dict[str, Any]:
    """The columns that say who was served, and where: on one day in one area a user stays with one switch (E402)."""
    visited = visited_areas(population, day, index)
    of_the_day = (spread(index, population.seed * 8191 + SWITCH_OF_DAY + day) >> np.uint64(8)).astype(np.int64)
    msc, lac = switches(population.catalogue, visited, of_the_day)
    return {
        "served_number": 8_600_000_000_000 + number_on(population, day, index),
        "served_imsi": population.imsi[index],
        "msc_id": msc,
        "lac": lac,
        "cell_id": 10_000 + salt % 900,
    }


def _calls(
    rng: np.random.Generator, population: Population, day: int, index: Ints, kind: Ints, present: npt.NDArray[np.bool_]
) -> pl.DataFrame:
    many = len(index)
    parties = draw_parties(rng, population, day, index, CALL_SHARES)
    shown = draw_parties(rng, population, day, index, (0.0, 0.4, 0.35, 0.0, 0.1, 0.1, 0.05, 0.0, 0.0, 0.0, 0.0))
    start = _times(rng, population, day, CALL_HOURS, many)
    duration = np.minimum(rng.lognormal(3.9, 1.15, many), 3 * 3600).astype(np.int64)
    duration = np.where(rng.random(many) < 0.01, 0, duration)
    salt = rng.integers(0, 2**30, many)
    incoming, forwarded = kind == 1, kind == 2
    frame = pl.DataFrame(
        {
            "record_type": pl.Series(list(KINDS)).gather(kind),
            **_served(population, day, index, salt),
            "other_party": pl.select(
                pl.when(pl.Series(incoming | forwarded)).then(shown.written()).otherwise(parties.written())
            ).to_series(),
            "third_party": pl.select(pl.when(pl.Series(forwarded)).then(parties.written())).to_series(),
            "start_s": start,
            "duration_s": duration,
            "cause_close": np.where(rng.random(many) < 0.02, 4, 0),
            "pair": np.arange(many),
        }
    )
    return pl.concat([frame, _other_ends(population, day, index, kind, parties, frame, present)])


def _other_ends(
    population: Population,
    day: int,
    index: Ints,
    kind: Ints,
    parties: Parties,
    calls: pl.DataFrame,
    present: npt.NDArray[np.bool_],
) -> pl.DataFrame:
    """The called side of calls made inside the network, as its own switch saw it."""
    at = np.flatnonzero((kind == 0) & (parties.own >= 0) & present[np.maximum(parties.own, 0)])
    served = _served(population, day, parties.own[at], at)
    caller = pl.Series(number_on(population, day, index[at])).cast(pl.String)
    return (
        calls[at]
        .with_columns(
            pl.lit("MTC").alias("record_type"),
            caller.alias("other_party"),
            *[pl.Series(name, values) for name, values in served.items()],
        )
        .select(calls.columns)
    )


def _messages(rng: np.random.Generator, population: Population, day: int, index: Ints, kind: Ints) -> pl.DataFrame:
    many = len(index)
    return pl.DataFrame(
        {
            "record_type": pl.Series(list(KINDS)).gather(kind),
            **_served(population, day, index, rng.integers(0, 2**30, many)),
            "other_party": draw_parties(rng, population, day, index, MESSAGE_SHARES).written(),
            "start_s": _times(rng, population, day, MESSAGE_HOURS, many),
            "message_count": np.minimum(rng.geometric(0.88, many), 5),
        }
    )


def _sessions(
    rng: np.random.Generator, population: Population, day: int, index: Ints, kind: Ints, records_per_day: float
) -> pl.DataFrame:
    many = len(index)
    per_day = records_per_day * DATA_SHARE * np.maximum(population.activity[index], 0.02)
    typical_bytes = population.data_mb[index] * 1_048_576 / 30 / per_day
    total = np.minimum(typical_bytes * rng.lognormal(-1.125, 1.5, many), 4e9).astype(np.int64)
    up = total * rng.integers(3, 25, many) // 100
    frame = pl.DataFrame(
        {
            "record_type": pl.Series(list(KINDS)).gather(kind),
            "served_number": 8_600_000_000_000 + number_on(population, day, index),
            "served_imsi": population.imsi[index],
            "start_s": _times(rng, population, day, DATA_HOURS, many),
            "duration_s": np.minimum(rng.lognormal(5.5, 1.3, many), 6 * 3600).astype(np.int64) + 1,
            "up_bytes": up,
            "down_bytes": total - up,
            "apn": pl.Series(["cmnet", "cmwap"]).gather((rng.random(many) < 0.2).astype(np.int64)),
            "partial_seq": np.where(rng.random(many) < 0.02, 1, 0),
            "visited_area": visited_areas(population, day, index),
            "pair": np.arange(many),
        }
    ).with_columns(msc_id=pl.lit("PGW01"))
    goes_on = frame.filter(pl.col("partial_seq") == 1).with_columns(
        pl.lit(2, pl.Int64).alias("partial_seq"),
        pl.col("start_s") + pl.col("duration_s"),
        pl.col("down_bytes") // 3,
    )
    return pl.concat([frame, goes_on])


def _content(rng: np.random.Generator, population: Population, day: int, index: Ints) -> pl.DataFrame:
    many = len(index)
    providers = np.array(population.catalogue.providers, np.int64)
    chosen = rng.integers(0, len(providers), many)
    return pl.DataFrame(
        {
            "record_type": pl.repeat("SP_FEE", many, eager=True),
            "served_number": 8_600_000_000_000 + number_on(population, day, index),
            "served_imsi": population.imsi[index],
            "start_s": _times(rng, population, day, MESSAGE_HOURS, many),
            "sp_code": providers[chosen, 0],
            "service_code": providers[chosen, 1],
            "info_fee": FEES_LI[rng.integers(0, len(FEES_LI), many)],
        }
    )


def _referenced(frame: pl.DataFrame, day: int, first: int, source: int) -> pl.DataFrame:
    """Give every record its call reference; both ends of a call and parts of a session share one."""
    start = ((day * 4 + source) * 10**7 + first + 1) * 10**7
    if "pair" in frame.columns:
        return frame.with_columns(call_ref=start + pl.col("pair")).drop("pair")
    return frame.with_columns(call_ref=start + pl.int_range(pl.len()))


def tour_records(population: Population, day: int) -> dict[str, pl.DataFrame]:
    """What the people of the tour do on a day, to the second."""
    today = date.fromordinal(population.start.toordinal() + day)
    acts = [
        (index, act)
        for index, person in enumerate(PEOPLE)
        for act in person.acts
        if today.day in act.days and (act.months is None or today.month in act.months)
    ]
    frames = {}
    for code, source, records in ((0, "GMSC01", ("MOC", "MTC")), (2, "PGW01", ("DATA",))):
        rows = [_tour_row(population, day, index, act) for index, act in acts if act.record in records]
        if rows:
            references = pl.int_range(1, pl.len() + 1) + (day * 4 + code) * 10**14
            frames[source] = pl.DataFrame(rows).with_columns(call_ref=references)
    return frames


def _tour_row(population: Population, day: int, index: int, act: Act) -> dict[str, object]:
    midnight = ((population.start - date(1970, 1, 1)).days + day) * DAY_S
    hour, minute, second = (int(part) for part in act.at.split(":"))
    visited = act.visited or int(population.area[index])
    row: dict[str, object] = {
        "record_type": act.record,
        "served_number": 8_600_000_000_000 + int(population.number[index]),
        "served_imsi": int(population.imsi[index]),
        "start_s": midnight + hour * 3600 + minute * 60 + second,
        "duration_s": act.duration_s,
    }
    if act.record == "DATA":
        up = act.volume_kb * 1024 // 10
        return row | {
            "up_bytes": up, "down_bytes": act.volume_kb * 1024 - up, "apn": "cmnet", "visited_area": visited,
            "msc_id": "PGW01",
        }  # fmt: skip
    msc, lac = population.catalogue.mscs[visited][0]
    return row | {"other_party": act.other, "msc_id": str(msc), "lac": lac, "cell_id": 10_001}
