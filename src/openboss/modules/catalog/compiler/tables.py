"""All versions of all offers as the arrays of the kernel."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Protocol

import numpy as np

from openboss.kernel import proration, tariffs, usage
from openboss.modules.catalog.compiler.conditions import Conditions, class_mask, tests_of
from openboss.modules.catalog.compiler.free import FreeResource, read_cap, read_free
from openboss.modules.catalog.compiler.measures import TariffRefused, listed
from openboss.modules.catalog.compiler.prices import OFF, Price, denominator, prove_it_fits, read_price, safe_quantity
from openboss.modules.catalog.compiler.tax import rule_with_tax, with_tax

COMPONENTS = {"basic": usage.Component.BASIC, "ld": usage.Component.LD}
RANKS = {
    "FAMILY": tariffs.RANK_GROUP,
    "GROUP": tariffs.RANK_GROUP,
    "ADDON": tariffs.RANK_ADDON,
    "MAIN": tariffs.RANK_MAIN,
    "STANDARD": tariffs.RANK_MAIN,
}
FIRST_MONTHS = {
    "PRORATE": proration.FIRST_MONTH_AS_HELD,
    "FULL": int(proration.FirstMonth.FULL),
    "HALF": int(proration.FirstMonth.HALF),
    "PAY_AS_YOU_GO": int(proration.FirstMonth.PAY_AS_YOU_GO),
}
EPOCH = date(1970, 1, 1)
SANITY_LI = 1_000_000  # D4.2 E504: 1 000 yuan a record
INFO_ITEMS = {"SP_FEE": "SP_INFO", "IN_PRERATED": "LOCAL"}  # where a fee worked out elsewhere is posted
NARROW = 2**15 - 2  # how many prices, choices and covers the maps can tell apart


class Version(Protocol):
    """What is read of a version of an offer (catalog.atomic.OfferVersionView)."""

    @property
    def offer_id(self) -> int: ...

    @property
    def code(self) -> str: ...

    @property
    def kind(self) -> str: ...

    @property
    def from_on(self) -> date: ...

    @property
    def document(self) -> dict[str, Any]: ...

    @property
    def rule_ids(self) -> dict[str, int]: ...


class ItemType(Protocol):
    """What is read of a kind of bill item."""

    @property
    def item_id(self) -> int: ...

    @property
    def code(self) -> str: ...


@dataclass
class _Rows:
    """Growing rows of the tables, before they become arrays."""

    items: dict[str, int]
    conditions: Conditions = field(default_factory=Conditions)
    maps: list[np.ndarray] = field(default_factory=list)
    choices: dict[tuple[int, int, int], int] = field(default_factory=dict)
    prices: list[list[int]] = field(default_factory=list)
    steps: list[list[int]] = field(default_factory=list)
    bands: list[list[int]] = field(default_factory=list)
    tiers: list[list[int]] = field(default_factory=list)
    caps: list[list[int]] = field(default_factory=list)
    cap_items: list[list[int]] = field(default_factory=list)
    frees: list[list[int]] = field(default_factory=list)
    free_rules: list[int] = field(default_factory=list)
    free_units: list[int] = field(default_factory=list)
    scopes: list[np.ndarray] = field(default_factory=list)
    covers: dict[tuple[int, int, int, int], int] = field(default_factory=dict)
    speeds: list[tuple[int, int]] = field(default_factory=list)
    grants: list[tuple[int, int]] = field(default_factory=list)
    counters: dict[int, str] = field(default_factory=dict)


def compile_tariffs(
    versions: Iterable[Version], items: Sequence[ItemType], *, holidays: Iterable[date] = ()
) -> tariffs.TariffTables:
    """Compile every version of every offer. Raises TariffRefused, nothing is returned then.

    versions  in any order; those of kind STANDARD become the national tariff (offer 0 of the tables)
    Source: CHG-14, D4.7, D5, docs/formats/tariffs.md.
    """
    ordered = sorted(versions, key=lambda v: (0 if v.kind == "STANDARD" else v.offer_id, v.from_on))
    rows = _Rows({item.code: item.item_id for item in items})
    version_map, grant_first, cap_first = [], [0], [0]
    for version in ordered:
        version_map.append(_add_version(version, rows))
        grant_first.append(len(rows.grants))
        cap_first.append(len(rows.caps))
    offer_first, offer_rank = _offer_index(ordered)
    return tariffs.TariffTables(
        offer_first=offer_first,
        offer_rank=offer_rank,
        offer_shares=_offers_that_share(ordered, len(offer_rank)),
        version_from_s=np.array([(v.from_on - EPOCH).days * 86_400 for v in ordered], np.int64),
        version_map=np.array(version_map, np.int32),
        version_first_month=np.array([_first_month(v.document) for v in ordered], np.int8),
        version_grant_first=np.array(grant_first, np.int32),
        version_cap_first=np.array(cap_first, np.int32),
        holiday=np.array(sorted({(day - EPOCH).days for day in holidays}), np.int64),
        **_arrays(rows),
    )


def check_rule(
    section: str, rule: Mapping[str, Any], version: Mapping[str, Any], offer: str, items: Mapping[str, int], where: str
) -> None:
    """Read one rule as the compiler would, for a message beside its line. Raises TariffRefused."""
    zones = version.get("zones") or {}
    rule = rule_with_tax(rule, version, where)
    if section == "prices":
        price = read_price(rule, offer, version.get("counters") or {}, where)
        price_den = denominator(price)
        prove_it_fits(price, price_den, where)
        class_mask(rule.get("when") or {}, where)
        tests_of(rule.get("when") or {}, zones, where)
    elif section == "free":
        for part, _ in read_free(rule, where).scope:
            class_mask(part, where)
            tests_of(part, zones, where)
            _components(part, where)
    elif section == "caps":
        read_cap(rule, offer, 0, items, where)


def _add_version(version: Version, rows: _Rows) -> int:
    """Append one version's rules; return the row of its price map."""
    document = with_tax(version.document, f"{version.code} {version.from_on}")
    zones = document.get("zones") or {}
    map_row = -1
    if document.get("prices"):
        price_map = np.full((usage.USAGE_CLASSES, usage.COMPONENTS), -1, np.int32)
        placed = []
        for rule in document["prices"]:
            where = f"{version.code} {version.from_on} price {rule.get('rule')}"
            read = read_price(rule, version.code, document.get("counters") or {}, where)
            placed.append((rule, _add_price(rule, read, version, rows, where), where))
        for rule, price, where in reversed(placed):  # the first rule that matches wins: it is laid on top
            when = rule.get("when") or {}
            condition = rows.conditions.add(when, zones, where)
            for component in _components(rule, where):
                column = price_map[:, component]
                _lay_over(column, class_mask(when, where) == 1, price, condition, rows.choices)
        rows.maps.append(_narrowed(price_map, f"{version.code}: prices"))
        map_row = len(rows.maps) - 1
    for rule in document.get("free") or []:
        _add_free(rule, version, rows, zones, f"{version.code} {version.from_on} free {rule.get('rule')}")
    for rule in document.get("caps") or []:
        where = f"{version.code} {version.from_on} cap {rule.get('rule')}"
        columns, items = read_cap(rule, version.code, version.rule_ids[rule["rule"]], rows.items, where)
        _claim(rows, columns[tariffs.CAP_COUNTER], f"{version.code}/{rule['rule']}", where)
        rows.caps.append([columns[column] for column in range(tariffs.CAP_COLUMNS)])
        rows.cap_items.append(items)
    return map_row


def _lay_over(
    column: np.ndarray, mask: np.ndarray, price_row: int, condition: int, choices: dict[tuple[int, int, int], int]
) -> None:
    """Put a price on top of what already stands for some classes; with a condition, what stood there stays below."""
    if condition < 0:
        column[mask] = price_row
        return
    before = column.copy()
    for below in np.unique(before[mask]):
        choice = choices.setdefault((price_row, condition, int(below)), len(choices))
        column[mask & (before == below)] = -2 - choice


def _narrowed(wide: np.ndarray, what: str) -> np.ndarray:
    if wide.max(initial=0) > NARROW or wide.min(initial=0) < -NARROW:
        raise TariffRefused("too_many_rules", what, value=NARROW)
    return wide.astype(np.int16)


def _components(rule: Mapping[str, Any], where: str) -> list[int]:
    names = listed(rule.get("component", "basic"))
    for name in names:
        if name not in COMPONENTS:
            raise TariffRefused("unknown_component", where, value=name)
    return [int(COMPONENTS[name]) for name in names]


def _claim(rows: _Rows, counter: int, name: str, where: str) -> None:
    """Note whose counter a number is, and refuse the rare case that two names give one number."""
    if counter and rows.counters.setdefault(counter, name) != name:
        raise TariffRefused("counter_collides", where, value=rows.counters[counter])


def _add_price(rule: Mapping[str, Any], read: Price, version: Version, rows: _Rows, where: str) -> int:
    den = denominator(read)
    prove_it_fits(read, den, where)
    if rule["item"] not in rows.items:
        raise TariffRefused("unknown_item", where, value=rule["item"])
    _claim(rows, read.counter, f"{version.code}/{rule.get('counter') or rule['rule']}", where)
    row = [0] * tariffs.PRICE_COLUMNS
    row[tariffs.PRICE_STEP], row[tariffs.PRICE_TIER] = len(rows.steps), len(rows.tiers)
    _add_steps(read, den, rows)
    rows.tiers += [
        [
            tier.from_,
            int(tier.price * den),
            int(tier.flat * den),
            tier.block,
            OFF if tier.block_cap is None else int(tier.block_cap * den),
            OFF if tier.block_price is None else int(tier.block_price * den),
        ]
        for tier in read.tiers
    ]
    row[tariffs.PRICE_STEP_END], row[tariffs.PRICE_TIER_END] = len(rows.steps), len(rows.tiers)
    row[tariffs.PRICE_RULE] = version.rule_ids[rule["rule"]]
    row[tariffs.PRICE_ITEM] = rows.items[rule["item"]]
    row[tariffs.PRICE_UNIT] = int(read.unit)
    row[tariffs.PRICE_SIZE] = read.steps[0].size
    row[tariffs.PRICE_NUM] = int(read.steps[0].price * den)
    row[tariffs.PRICE_DEN] = den
    row[tariffs.PRICE_CONNECT] = int(read.connect * den)
    row[tariffs.PRICE_SAFE] = safe_quantity(read, SANITY_LI // 2)
    row[tariffs.PRICE_OFFER] = version.offer_id
    for column, value in read.fields.items():
        row[column] = value
    row[tariffs.PRICE_PLAIN] = int(_is_plain(read, row))
    rows.prices.append(row)
    return len(rows.prices) - 1


def _is_plain(read: Price, row: Sequence[int]) -> bool:
    """Say whether a price is units x price of one record and nothing else."""
    rounding = (row[tariffs.PRICE_PLACE_LI], row[tariffs.PRICE_ROUNDING]) == (1, tariffs.ROUND_HALF_UP)
    limits = (row[tariffs.PRICE_AT_LEAST], row[tariffs.PRICE_LEAST_LI], row[tariffs.PRICE_MOST_LI]) == (0, 0, OFF)
    single = len(read.steps) == 1 and not read.steps[0].bands and not read.connect
    return read.basis == "RECORD" and single and rounding and limits


def _add_steps(read: Price, den: int, rows: _Rows) -> None:
    for step in read.steps:
        first = len(rows.bands)
        rows.bands += [[mask, from_s, to_s, int(part * den)] for mask, from_s, to_s, part in step.bands]
        row = [0] * tariffs.STEP_COLUMNS
        row[tariffs.STEP_FROM], row[tariffs.STEP_TO], row[tariffs.STEP_SIZE] = step.from_, step.to, step.size
        row[tariffs.STEP_NUM] = int(step.price * den)
        row[tariffs.STEP_BAND], row[tariffs.STEP_BAND_END] = first, len(rows.bands)
        row[tariffs.STEP_BY_DAY] = int(any(mask != tariffs.EVERY_DAY for mask, *_ in step.bands))
        row[tariffs.STEP_PLACE_LI], row[tariffs.STEP_ROUNDING] = step.place_li, step.rounding
        rows.steps.append(row)


def _add_free(
    rule: Mapping[str, Any], version: Version, rows: _Rows, zones: Mapping[str, Sequence[str]], where: str
) -> None:
    read = read_free(rule, where)
    scope = np.full((usage.USAGE_CLASSES, usage.COMPONENTS), -1, np.int32)
    conditional = True
    for part, factor in reversed(read.scope):
        condition = rows.conditions.add(part, zones, where)
        conditional = conditional and condition >= 0
        mask = class_mask(part, where) == 1
        for component in _components(part, where):
            column = scope[:, component]
            before = column.copy()
            for below in np.unique(before[mask]) if condition >= 0 else [-1]:
                key = (condition, factor.numerator, factor.denominator, int(below))
                cover = rows.covers.setdefault(key, len(rows.covers))
                column[mask & (before == below) if condition >= 0 else mask] = cover
    row = _free_row(read, rows, scope, conditional)
    rows.frees.append(row)
    rows.scopes.append(_narrowed(scope, f"{where}: scope"))
    rows.free_rules.append(version.rule_ids[rule["rule"]])
    rows.free_units.append(int(read.unit))
    rows.grants.append((len(rows.frees) - 1, read.granted))


def _free_row(read: FreeResource, rows: _Rows, scope: np.ndarray, conditional: bool) -> list[int]:
    row = [0] * tariffs.FREE_COLUMNS
    for column, value in read.columns.items():
        row[column] = value
    # Of two scopes over the same classes, the one that always asks for more is the narrower.
    row[tariffs.FREE_WIDTH] = 2 * int((scope >= 0).sum()) - int(conditional)
    row[tariffs.FREE_SPEED] = len(rows.speeds)
    rows.speeds += read.speeds
    row[tariffs.FREE_SPEED_END] = len(rows.speeds)
    return row


def _offer_index(ordered: Sequence[Version]) -> tuple[np.ndarray, np.ndarray]:
    """Number the versions of each offer id; gaps between ids are offers without versions."""
    keys = [tariffs.STANDARD if version.kind == "STANDARD" else version.offer_id for version in ordered]
    largest = max(keys, default=0)
    first = np.searchsorted(np.array(keys, np.int64), np.arange(largest + 2)).astype(np.int32)
    rank = np.full(largest + 1, tariffs.RANK_MAIN, np.int8)
    for key, version in zip(keys, ordered, strict=True):
        rank[key] = RANKS[version.kind]
    return first, rank


def _offers_that_share(ordered: Sequence[Version], count: int) -> np.ndarray:
    """Mark offers that give something to all users of a pool, or count what they use together."""
    shares = np.zeros(count, np.uint8)
    for version in ordered:
        gives = any(rule.get("share") for rule in version.document.get("free") or [])
        counters = (version.document.get("counters") or {}).values()
        together = [*(version.document.get("prices") or []), *counters]
        if gives or any(part.get("counts") == "POOL" for part in together):
            shares[tariffs.STANDARD if version.kind == "STANDARD" else version.offer_id] = 1
    return shares


def _first_month(document: dict[str, Any]) -> int:
    """What a first month is given: the word of the offer's first fee, or (PRORATE, no fee) that of the holding.

    The bill run reads the word the same way, so that fee and free resources never disagree (D7.4).
    """
    fees = document.get("recurring") or []
    return FIRST_MONTHS[fees[0].get("first_month", "PRORATE")] if fees else proration.FIRST_MONTH_AS_HELD


def _table(rows: Sequence[Sequence[int]], width: int) -> np.ndarray:
    return np.array(rows, np.int64).reshape(-1, width)


def _arrays(rows: _Rows) -> dict[str, Any]:
    """Turn the collected rows into arrays."""
    item_count = max(rows.items.values(), default=0) + 1
    cap_has = np.zeros((len(rows.caps), item_count), np.uint8)
    for cap, items in enumerate(rows.cap_items):
        cap_has[cap, items] = 1
    free_of_rule = np.full(max(rows.free_rules, default=0) + 1, -1, np.int32)
    free_of_rule[rows.free_rules] = np.arange(len(rows.frees))
    info = np.zeros(usage.RECORD_TYPES, np.int16)
    for record in usage.RecordType:
        info[record] = rows.items.get(INFO_ITEMS.get(record.name, "SP_INFO"), 0)
    counted_caps = sum(1 for row in rows.caps if row[tariffs.CAP_COUNTER])
    counts = any(row[tariffs.PRICE_COUNTER] for row in rows.prices) or any(
        row[tariffs.FREE_PER_USER] >= 0 for row in rows.frees
    )
    limited = sum(1 for row in rows.frees if row[tariffs.FREE_PER_USER] >= 0)
    shape = (usage.USAGE_CLASSES, usage.COMPONENTS)
    return {
        **rows.conditions.arrays(),
        "price_map": np.stack(rows.maps) if rows.maps else np.full((0, *shape), -1, np.int16),
        "choice": _table(list(rows.choices), tariffs.CHOICE_COLUMNS),
        "price": _table(rows.prices, tariffs.PRICE_COLUMNS),
        "step": _table(rows.steps, tariffs.STEP_COLUMNS),
        "band": _table(rows.bands, tariffs.BAND_COLUMNS),
        "tier": _table(rows.tiers, tariffs.TIER_COLUMNS),
        "cap": _table(rows.caps, tariffs.CAP_COLUMNS),
        "cap_has": cap_has,
        "item_capped": cap_has.max(axis=0, initial=0),
        "free": _table(rows.frees, tariffs.FREE_COLUMNS),
        "free_rule": np.array(rows.free_rules, np.int32),
        "free_unit": np.array(rows.free_units, np.int8),
        "free_scope": np.stack(rows.scopes) if rows.scopes else np.full((0, *shape), -1, np.int16),
        "cover": _table(list(rows.covers), tariffs.COVER_COLUMNS),
        "speed_from": np.array([row[0] for row in rows.speeds], np.int64),
        "speed_kbps": np.array([row[1] for row in rows.speeds], np.int64),
        "free_of_rule": free_of_rule,
        "grant_free": np.array([grant[0] for grant in rows.grants], np.int32),
        "grant_units": np.array([grant[1] for grant in rows.grants], np.int64),
        "info_item": info,
        "item_count": item_count,
        "counted_caps": int(counted_caps > 0),
        "free_money": int(any(row[tariffs.FREE_MEASURE] == int(usage.Unit.MONEY) for row in rows.frees)),
        # Two components: each its price's counter, money and volume of every cap, every user's limit.
        "counter_room": 2 * (int(counts) + 2 * counted_caps + 2 * limited),
        "sanity_li": SANITY_LI,
    }
