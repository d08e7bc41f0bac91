"""A drawn population as the frames that `customers.functions.load_base` takes (customers/schema.py).

Ids: subscriber_id = index + 1; a person's customer_id and account_id are the same number; the u-th unit is customer
and account 100_000_001 + u. Unit 0 and family 0 are those of the tour.
"""

from collections.abc import Iterator
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from openboss.access.jobs.generate_base import (
    BRANDS,
    DAY_S,
    NEVER,
    UTC_OFFSET_S,
    VIP_LEVELS,
    Ints,
    Population,
)
from openboss.access.jobs.generate_demo import FAMILY_NAME, PEOPLE, UNIT_NAME
from openboss.access.jobs.generate_names import draw_person_names, spell, unit_name
from openboss.modules.customers.schema import FRAMES

FIRST_UNIT = 100_000_001
STOP_REASONS = ("ARREARS_2", "REQ_HOLD", "LOST")
PACKS = ("DATA_PACK_5", "DATA_PACK_10", "DATA_PACK_20", "DATA_PACK_30", "DATA_PACK_50", "DATA_PACK_2")
PACK_SHARES = (0.34, 0.28, 0.18, 0.1, 0.04, 0.06)
TEST_AREA = 99  # no province's code: an invented identity number begins with it
WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)  # ISO 7064, as GB 11643 prescribes
CHECK_SIGNS = "10X98765432"
ONE_LISTS, ONE_HOLDS_CERTIFICATE = 50, 200  # one user, customer in so many
UNIT_SIGNS = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # GB 32100


def base_frames(population: Population) -> Iterator[tuple[str, pl.DataFrame]]:
    """Give the frames of a base one by one, named and typed as customers.schema.FRAMES says."""
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([population.seed, 1])))
    yield _framed("customers", _customers(rng, population))
    yield _framed("subscribers", _subscribers(rng, population))
    yield _framed("numbers", _numbers(population))
    yield _framed("sims", _sims(population))
    yield _framed("holdings", _holdings(rng, population))
    yield _framed("accounts", _accounts(rng, population))
    yield _framed("relations", _relations(population))
    yield _framed("groups", _groups(population))
    yield _framed("group_members", _group_members(population))
    yield _framed("stops", _stops(population))
    yield _framed("listed_numbers", _listed_numbers(population))
    yield _framed("certificates", _certificates(population))


def _framed(name: str, columns: dict[str, Any] | pl.DataFrame) -> tuple[str, pl.DataFrame]:
    frame = columns if isinstance(columns, pl.DataFrame) else pl.DataFrame(columns)
    schema = FRAMES[name]
    return name, frame.select([pl.col(column).cast(kind) for column, kind in schema.items()])


def _moments(population: Population, days: npt.ArrayLike, at_s: npt.ArrayLike = 0) -> pl.Series:
    """Local days counted from the start, and seconds of the day, as UTC moments; NEVER becomes null."""
    day = np.asarray(days, np.int64)
    epoch_s = (population.start - date(1970, 1, 1)).days * DAY_S - UTC_OFFSET_S
    moments = pl.Series((epoch_s + day * DAY_S + np.asarray(at_s, np.int64)) * 1_000_000).cast(pl.Datetime("us", "UTC"))
    return moments.set(pl.Series(np.abs(day) >= NEVER), None)


def _dates(days_since_1970: npt.ArrayLike) -> pl.Series:
    return pl.Series(np.asarray(days_since_1970, np.int32)).cast(pl.Date)


def _texts(table: tuple[str, ...] | list[str], indices: npt.ArrayLike) -> pl.Series:
    return pl.Series(list(table)).gather(pl.Series(np.asarray(indices, np.int64)))


def _opening_s(index: Ints) -> Ints:
    """Second of the day at which an agreement begins: shop hours, from the index alone so that frames agree."""
    return 9 * 3600 + (index * 7919) % (8 * 3600)


def _owns_line(population: Population) -> npt.NDArray[np.bool_]:
    """Mark subscribers that belong to a person; the others belong to their unit."""
    return (population.unit < 0) | population.unit_pays_part[population.unit]


def _customers(rng: np.random.Generator, population: Population) -> pl.DataFrame:
    index = np.arange(population.users, dtype=np.int64)
    names = draw_person_names(rng, population.is_male)
    tour = pl.DataFrame([(p.name, *spell(p.name)) for p in PEOPLE], ["name", "pinyin", "initials"], orient="row")
    rest = slice(population.scripted, None)
    start_day = (population.start - date(1970, 1, 1)).days
    people = pl.DataFrame(
        {
            "customer_id": index + 1,
            "kind": pl.repeat("INDIVIDUAL", population.users, eager=True),
            "name": pl.concat([tour["name"], names.name[rest]]),
            "pinyin": pl.concat([tour["pinyin"], names.pinyin[rest]]),
            "initials": pl.concat([tour["initials"], names.initials[rest]]),
            "cert_type": pl.repeat("ID_CARD", population.users, eager=True),
            "cert_no": identity_numbers(index, population.born_day, population.is_male),
            "born_on": _dates(population.born_day),
            "customer_class": pl.repeat("ORDINARY", population.users, eager=True),
            "vip_level": _texts(VIP_LEVELS, population.vip),
            "org_code": _outlets(population, index),
            "created_on": _dates(start_day + population.open_day),
        }
    ).filter(pl.Series(_owns_line(population)))
    return pl.concat([people, _units(population)], how="vertical_relaxed")


def _units(population: Population) -> pl.DataFrame:
    heads = _first_members(population.unit)
    sizes = np.bincount(population.unit[population.unit >= 0], minlength=len(heads))
    rows = []
    for unit, head in enumerate(heads.tolist()):
        zh, en = UNIT_NAME if unit == 0 else unit_name(unit)
        pinyin, initials = spell(zh)
        rows.append(
            {
                "customer_id": FIRST_UNIT + unit, "kind": "UNIT", "name": zh, "pinyin": pinyin, "initials": initials,
                "cert_type": "LICENCE", "cert_no": unit_code(unit), "born_on": None,
                "customer_class": "A" if sizes[unit] >= 200 else "B" if sizes[unit] >= 50 else "C",
                "vip_level": "NONE", "org_code": _outlet(population, head),
                "created_on": date.fromordinal(population.start.toordinal() - 2_000 - unit % 2_000),
            }
        )  # fmt: skip
    return pl.DataFrame(rows, schema=FRAMES["customers"])


def identity_numbers(index: Ints, born_day: npt.ArrayLike, is_male: npt.NDArray[np.bool_]) -> pl.Series:
    """Write identity numbers that pass the check digit but begin with a province code nobody has."""
    birth = _dates(born_day).dt.strftime("%Y%m%d").cast(pl.Int64).to_numpy()
    serial = (index % 500) * 2 + is_male  # odd = male
    body = (TEST_AREA * 10_000 + index // 500 % 10_000) * 10**11 + birth * 1_000 + serial
    total = np.zeros(len(index), np.int64)
    for place, weight in enumerate(WEIGHTS):
        total += body // 10 ** (16 - place) % 10 * weight
    return pl.select(pl.concat_str(pl.Series(body).cast(pl.String), _texts(list(CHECK_SIGNS), total % 11))).to_series()


def unit_code(unit: int) -> str:
    """Write an invented social credit code of a unit with a right check sign."""
    body = f"91990000MA{unit:07d}"
    total = sum(UNIT_SIGNS.index(sign) * pow(3, place, 31) for place, sign in enumerate(body))
    return body + UNIT_SIGNS[(31 - total % 31) % 31]


def _first_members(group: npt.NDArray[np.int32]) -> Ints:
    """Index of the first member of each group 0..last."""
    _, first = np.unique(group[group >= 0], return_index=True)
    return np.flatnonzero(group >= 0)[first]


def _outlet(population: Population, index: int) -> str:
    codes = population.catalogue.outlets[int(population.area[index])]
    return codes[index % len(codes)]


def _outlets(population: Population, index: Ints) -> pl.Series:
    flat: list[str] = []
    first, count = np.zeros(1_000, np.int64), np.ones(1_000, np.int64)
    for area, codes in population.catalogue.outlets.items():
        first[area], count[area] = len(flat), len(codes)
        flat += codes
    return _texts(flat, first[population.area] + index % count[population.area])


def _subscribers(rng: np.random.Generator, population: Population) -> dict[str, Any]:
    index = np.arange(population.users, dtype=np.int64)
    customer = np.where(_owns_line(population), index + 1, FIRST_UNIT + population.unit)
    return {
        "subscriber_id": index + 1,
        "customer_id": customer,
        "service_type": pl.repeat("MOBILE", population.users, eager=True),
        "brand": _texts(BRANDS, population.brand),
        "home_area": population.area,
        "pay_type": _texts(["POSTPAID", "PREPAID"], population.brand > 0),
        "opened_at": _moments(population, population.open_day, _opening_s(index)),
        "closed_at": _moments(population, population.close_day, _opening_s(index)),
        "star": np.minimum(rng.geometric(0.4, population.users) - 1 + population.vip, 5),
    }


def _numbers(population: Population) -> pl.DataFrame:
    index = np.arange(population.users, dtype=np.int64)
    changed = population.change_day >= 0
    opened = _moments(population, population.open_day, _opening_s(index))
    closed = _moments(population, population.close_day, _opening_s(index))
    switched = _moments(population, population.change_day)
    today = pl.DataFrame(
        {
            "subscriber_id": index + 1,
            "number": 8_600_000_000_000 + population.number,
            "from_at": opened,
            "to_at": closed,
        }
    ).with_columns(from_at=pl.when(pl.Series(changed)).then(switched).otherwise(pl.col("from_at")))
    earlier = pl.DataFrame(
        {
            "subscriber_id": index + 1,
            "number": 8_600_000_000_000 + population.earlier_number,
            "from_at": opened,
            "to_at": switched,
        }
    ).filter(pl.Series(changed))
    return pl.concat([earlier, today])


def _listed_numbers(population: Population) -> pl.DataFrame:
    """A few users have chosen the number of the user before them."""
    numbers = _numbers(population)
    chosen = numbers.with_columns(subscriber_id=pl.col("subscriber_id") + 1)
    wanted = (pl.col("subscriber_id") % ONE_LISTS == 0) & (pl.col("subscriber_id") <= population.users)
    return chosen.filter(wanted & pl.col("to_at").is_null())


def _certificates(population: Population) -> pl.DataFrame:
    """A few customers have shown a certificate of disability, all of them long ago."""
    owners = np.arange(1, population.users + 1, dtype=np.int64)[_owns_line(population)]
    holders = owners[owners % ONE_HOLDS_CERTIFICATE == 0]
    return pl.DataFrame({"customer_id": holders}).with_columns(
        kind=pl.lit("DISABILITY"),
        number_masked=pl.format("{}***", pl.col("customer_id")),
        from_on=pl.lit(date(2020, 1, 1)),
        to_on=pl.lit(None, pl.Date),
    )


def _sims(population: Population) -> dict[str, Any]:
    index = np.arange(population.users, dtype=np.int64)
    return {
        "subscriber_id": index + 1,
        "iccid": card_numbers(index, population.number, population.open_day // 365 + 26),
        "imsi": population.imsi,
        "from_at": _moments(population, population.open_day, _opening_s(index)),
        "to_at": _moments(population, population.close_day, _opening_s(index)),
    }


def card_numbers(index: Ints, number: Ints, year: npt.ArrayLike) -> pl.Series:
    """Write ICCIDs `898600 M F SS YY G XXXXXX P` of Hubei (SS = 17) with a Luhn check digit (D12.3)."""
    codes = np.full(1_000, -1, np.int64)
    for network, code in {159: 0, 158: 1, 150: 2, 151: 3}.items():
        codes[network] = code
    codes[134:140] = np.arange(4, 10)
    network_code, fourth = codes[number // 10**8], number // 10**7 % 10
    year_code = np.maximum(np.asarray(year, np.int64), 3)
    tail = (fourth * 10_000 + 1_700 + year_code) * 10**7 + index // 10**6 % 10 * 10**6 + index % 10**6
    body = (898_600 * 10 + np.maximum(network_code, 0)) * 10**12 + tail
    total = np.zeros(len(index), np.int64)
    for place in range(19):
        digit = body // 10**place % 10 * (2 if place % 2 == 0 else 1)
        total += digit // 10 + digit % 10
    all_digits = network_code >= 0
    check = np.where(all_digits, (10 - total % 10) % 10, 0)
    frame = pl.DataFrame({"sign": np.where(all_digits, network_code, 10), "tail": tail, "check": check})
    signs = _texts(list("0123456789E"), frame["sign"].to_numpy())
    return frame.select(
        pl.concat_str(
            pl.lit("898600"), signs, pl.col("tail").cast(pl.String).str.zfill(12), pl.col("check").cast(pl.String)
        )
    ).to_series()


def _holdings(rng: np.random.Generator, population: Population) -> pl.DataFrame:
    index = np.arange(population.users, dtype=np.int64)
    opened = _moments(population, population.open_day, _opening_s(index))
    closed = _moments(population, population.close_day, _opening_s(index))
    planned = _moments(population, population.plan_day)
    main = pl.DataFrame({"index": index, "offer_id": population.main, "from_at": opened, "to_at": closed})
    changes = pl.Series(population.plan_day < NEVER) & (closed.is_null() | (planned < closed))
    before = main.with_columns(to_at=pl.when(changes).then(planned).otherwise(pl.col("to_at")))
    after = main.with_columns(offer_id=pl.Series(population.next_main), from_at=planned).filter(changes)
    parts = [before, after, *_addons(rng, population, opened, closed)]
    frame = pl.concat(
        [
            part.select(pl.col("index").cast(pl.Int64), pl.col("offer_id").cast(pl.Int64), "from_at", "to_at")
            for part in parts
        ]
    )
    frame = frame.sort("index", "from_at", "offer_id", maintain_order=True)
    whole = sorted(population.catalogue.full_first_month)
    return frame.select(
        holding_id=pl.int_range(1, pl.len() + 1),
        subscriber_id=pl.col("index") + 1,
        offer_id="offer_id",
        first_month=pl.when(pl.col("offer_id").is_in(whole)).then(pl.lit("FULL")).otherwise(pl.lit("PRORATE")),
        from_at="from_at",
        to_at="to_at",
    )


def _addons(
    rng: np.random.Generator, population: Population, opened: pl.Series, closed: pl.Series
) -> Iterator[pl.DataFrame]:
    """What is held beside the main plan: functions, packs, discounts, membership in groups."""
    offers, users = population.catalogue.offers, population.users
    ordinary = np.arange(users) >= population.scripted
    individual = ordinary & (population.unit < 0)
    gotone, age_60 = population.brand == 0, population.born_day < (population.start.year - 1970 - 60) * 365
    pack = rng.random(users)
    choose = {
        "CALLER_DISPLAY": ordinary & (rng.random(users) < 0.55),
        "RING_BACK_TONE": ordinary & (rng.random(users) < 0.2),
        "VOICE_MAILBOX": ordinary & (rng.random(users) < 0.01),
        "DATA_STEP_10": individual & (pack >= 0.45) & (pack < 0.5),
        "SMS_PACK_10": individual & (rng.random(users) < 0.03),
        "UNLIMITED_INCOMING": individual & np.isin(population.main, [offers["EASYOWN_STANDARD"], offers["GOTONE_98"]])
        & (rng.random(users) < 0.4),
        "VOLUME_300_MARGINAL": individual & (rng.random(users) < 0.01),
        "BEST_OF_THREE": individual & gotone & (rng.random(users) < 0.01),
        "MINIMUM_68": individual & (population.number % 100 % 11 == 0) & (rng.random(users) < 0.2),
        "VIP_CLUB": ordinary & (population.vip > 0),
        "VPMN_5": population.unit > 0,
        "FAMILY_HAPPY": population.family > 0,
    }  # fmt: skip
    broadband = individual & ~age_60 & (rng.random(users) < 0.12)
    fast = rng.random(users) < 0.3
    choose |= {"BROADBAND_50": broadband & ~fast, "BROADBAND_80": broadband & fast, "FUSION_RENT": broadband & gotone}
    kinds = rng.choice(len(PACKS), users, p=PACK_SHARES)
    choose |= {code: individual & (pack < 0.45) & (kinds == kind) for kind, code in enumerate(PACKS)}
    for index, person in enumerate(PEOPLE):
        for code in person.addons:
            choose[code][index] = True
    fresh = rng.random(users) < 0.03  # ordered within the days generated
    order_day = rng.integers(0, population.days, users)
    for code, mask in choose.items():
        at = np.flatnonzero(mask)
        frame = pl.DataFrame({"index": at, "from_at": opened.gather(at), "to_at": closed.gather(at)})
        ordered = _moments(population, order_day[at], _opening_s(at))
        late = pl.Series((fresh & ordinary & (population.open_day < 0))[at]) & (
            frame["to_at"].is_null() | (ordered < frame["to_at"])
        )
        frame = frame.with_columns(from_at=pl.when(late).then(ordered).otherwise(pl.col("from_at")))
        yield frame.with_columns(offer_id=pl.lit(offers[code]))
    held = np.flatnonzero((population.stop_from_day < NEVER) & (population.stop_reason == 1))
    yield pl.DataFrame(
        {
            "index": held,
            "offer_id": np.full(len(held), offers["KEEP_NUMBER"]),
            "from_at": _moments(population, population.stop_from_day[held]),
            "to_at": _moments(population, population.stop_to_day[held]),
        }
    )


def _accounts(rng: np.random.Generator, population: Population) -> pl.DataFrame:
    people = np.flatnonzero(_owns_line(population)) + 1
    units = FIRST_UNIT + np.arange(int(population.unit.max()) + 1)
    owner = np.concatenate([people, units])
    pay = np.where(rng.random(len(owner)) < 0.4, 1, 0)
    pay[len(people) :] = 2
    layout = rng.choice(3, len(owner), p=[0.8, 0.12, 0.08])
    language = (rng.random(len(owner)) < 0.03).astype(np.int64)
    layout[: population.scripted] = language[: population.scripted] = 0
    return pl.DataFrame(
        {
            "account_id": owner,
            "customer_id": owner,
            "pay_method": _texts(["CASH", "DIRECT_DEBIT", "GROUP"], pay),
            "language": _texts(["zh", "en"], language),
            "layout": _texts(["STANDARD", "BRIEF", "DETAILED"], layout),
        }
    )


def _relations(population: Population) -> pl.DataFrame:
    """Exactly one REST relation a subscriber; units pay rent and 100.00 of calls of their part-paid members (D1.2)."""
    index = np.arange(population.users, dtype=np.int64)
    unit_account = FIRST_UNIT + population.unit.astype(np.int64)
    owns = _owns_line(population)
    parts = [_relation(index, np.where(owns, index + 1, unit_account), "ALL", "REST", 0, 900)]
    shared = np.flatnonzero((population.unit >= 0) & owns)
    parts.append(_relation(shared, unit_account[shared], "RENT", "FULL", 0, 10))
    parts.append(_relation(shared, unit_account[shared], "G2_VOICE", "LIMIT", 10_000, 20))
    guests = np.flatnonzero(population.family >= 0)
    payer = _first_members(population.family)[population.family[guests]]
    parts.append(_relation(guests[payer != guests], payer[payer != guests] + 1, "GROUP_FEE", "FULL", 0, 5))
    return pl.concat(parts).sort("subscriber_id", "priority").select(
        relation_id=pl.int_range(1, pl.len() + 1),
        subscriber_id="subscriber_id", account_id="account_id", item_scope="item_scope", mode="mode", value="value",
        priority="priority", from_cycle=pl.lit(200301), to_cycle=pl.lit(None, pl.Int32),
    )  # fmt: skip


def _relation(index: Ints, account: Ints, scope: str, mode: str, value: int, priority: int) -> pl.DataFrame:
    return pl.DataFrame({"subscriber_id": index + 1, "account_id": account}).with_columns(
        item_scope=pl.lit(scope), mode=pl.lit(mode), value=pl.lit(value), priority=pl.lit(priority)
    )


def _groups(population: Population) -> pl.DataFrame:
    families, units = _first_members(population.family), _first_members(population.unit)
    rows = []
    for family, head in enumerate(families.tolist()):
        zh, en = FAMILY_NAME if family == 0 else (f"家庭网{family}", f"Family {family}")
        rows.append((1 + family, "FAMILY", zh, en, head + 1))
    for unit in range(1, len(units)):
        zh, en = unit_name(unit)
        rows.append((FIRST_UNIT + unit, "VPMN", zh, en, None))
    return pl.DataFrame(rows, schema=FRAMES["groups"], orient="row")


def _group_members(population: Population) -> pl.DataFrame:
    parts = []
    for group, first_id, first_short, skip in (
        (population.family, 1, 551, 0),
        (population.unit, FIRST_UNIT, 61_000, 1),
    ):
        at = np.flatnonzero(group >= skip)
        head = _first_members(group)[group[at]]
        parts.append(
            pl.DataFrame(
                {
                    "group_id": first_id + group[at].astype(np.int64),
                    "subscriber_id": at + 1,
                    "short_number": first_short + at - head,
                    "from_at": _moments(population, population.open_day[at], _opening_s(at)),
                    "to_at": _moments(population, population.close_day[at], _opening_s(at)),
                }
            )
        )
    return pl.concat(parts)


def _stops(population: Population) -> dict[str, Any]:
    at = np.flatnonzero(population.stop_from_day < NEVER)
    return {
        "subscriber_id": at + 1,
        "reason": _texts(STOP_REASONS, population.stop_reason[at]),
        "from_at": _moments(population, population.stop_from_day[at]),
        "to_at": _moments(population, population.stop_to_day[at]),
    }
