"""From tariff documents to the kernel's tables.

The only reader of the price part of a document. Money leaves here as a fraction of li per unit, num / den, both
integers, so that nothing after this page can lose a digit. Format: docs/architecture.md section 4.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from math import gcd, lcm
from typing import Any, Protocol

import numpy as np

from openboss.kernel import proration, tariffs, usage

UNITS = {
    "s": usage.Unit.SECOND,
    "MIN": usage.Unit.MIN,
    "MSG": usage.Unit.MSG,
    "KB": usage.Unit.KB,
    "EVENT": usage.Unit.EVENT,
}
AXES = {
    "record": (usage.RecordType, usage.RECORD_TYPES),
    "roam": (usage.RoamType, usage.ROAM_TYPES),
    "ld": (usage.LdType, usage.LD_TYPES),
    "net": (usage.OtherNet, usage.OTHER_NETS),
    "group": (usage.ClosedGroup, usage.CLOSED_GROUPS),
}
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
UNLIMITED = 2**60
SANITY_LI = 1_000_000  # D4.2 E504: 1 000 yuan a record
LARGEST_QUANTITY = 2**40  # units no record or cycle exceeds: 2^40 KB, or 2^40 s
INFO_ITEMS = {"SP_FEE": "SP_INFO", "IN_PRERATED": "LOCAL"}  # where a fee worked out elsewhere is posted


class TariffRefused(Exception):
    """The tariff document cannot be compiled; the message names offer, rule, field and what would be right."""


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
class _Columns:
    """Growing columns of the tables, before they become arrays."""

    maps: list[np.ndarray] = field(default_factory=list)
    prices: list[dict[str, int]] = field(default_factory=list)
    bands: list[list[tuple[int, int, int]]] = field(default_factory=list)
    tiers: list[list[tuple[int, int, int, int, int]]] = field(default_factory=list)
    frees: list[dict[str, int]] = field(default_factory=list)
    scopes: list[np.ndarray] = field(default_factory=list)
    grants: list[tuple[int, int]] = field(default_factory=list)


def parse_measure(text: str, where: str) -> tuple[usage.Unit, int]:
    """Read '60 s' or '1024 KB' as a unit and a count of it. Raises TariffRefused."""
    count, _, name = str(text).strip().rpartition(" ")
    if name not in UNITS or not count.isdigit() or int(count) < 1:
        raise TariffRefused(f"{where}: '{text}' is no measure; write a count and one of {', '.join(UNITS)}: '60 s'")
    return UNITS[name], int(count)


def li_fraction(yuan: str, per: int) -> tuple[int, int]:
    """Turn a price in yuan (up to 6 decimals) for `per` units into li per unit as a reduced fraction."""
    micro = Decimal(str(yuan)) * 1_000_000
    if micro != micro.to_integral_value() or micro < 0:
        raise TariffRefused(f"price '{yuan}': write 0 or more yuan with at most 6 decimals")
    num, den = int(micro), 1000 * per
    divisor = gcd(num, den)
    return num // divisor, den // divisor


def class_mask(when: dict[str, Any], where: str) -> np.ndarray:
    """Mark the usage classes that a condition covers: u8[USAGE_CLASSES]. Raises TariffRefused."""
    chosen: list[Sequence[int]] = []
    for axis, (codes, width) in AXES.items():
        names = when.get(axis)
        if names is None:
            chosen.append(range(width))
            continue
        unknown = [name for name in _as_list(names) if name not in codes.__members__]
        if unknown:
            raise TariffRefused(f"{where}: {axis} '{unknown[0]}' is unknown; one of {', '.join(codes.__members__)}")
        chosen.append([int(codes[name]) for name in _as_list(names)])
    unknown_axes = set(when) - set(AXES) - {"component"}
    if unknown_axes:
        raise TariffRefused(f"{where}: '{unknown_axes.pop()}' is no condition; one of {', '.join(AXES)}")
    mask = np.zeros([width for _, width in AXES.values()], np.uint8)
    mask[np.ix_(*[list(axis) for axis in chosen])] = 1
    return mask.reshape(-1)


def compile_tariffs(
    versions: Iterable[Version], items: Sequence[ItemType], *, holidays: Iterable[date] = ()
) -> tariffs.TariffTables:
    """Compile every version of every offer. Raises TariffRefused, nothing is returned then.

    versions  in any order; those of kind STANDARD become the national tariff (offer 0 of the tables)
    Source: CHG-14, D4.7, D5, architecture section 2.
    """
    item_ids = {item.code: item.item_id for item in items}
    ordered = sorted(versions, key=lambda v: (0 if v.kind == "STANDARD" else v.offer_id, v.from_on))
    columns = _Columns()
    item_count = max(item_ids.values(), default=0) + 1
    version_rows = [_compile_version(version, item_ids, item_count, columns) for version in ordered]
    days = sorted({(day - EPOCH).days for day in holidays})
    return _tables(ordered, version_rows, item_ids, item_count, columns, days)


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _compile_version(
    version: Version, item_ids: dict[str, int], item_count: int, columns: _Columns
) -> tuple[int, list[int], int]:
    """Append one version's rules; return its price map row, its caps by item and where its grants end."""
    document = version.document
    map_row = -1
    if document.get("prices"):
        price_map = np.full((usage.USAGE_CLASSES, usage.COMPONENTS), -1, np.int16)
        for rule in document["prices"]:
            where = f"{version.code} {version.from_on} price {rule.get('rule')}"
            price = _add_price(rule, version, item_ids, columns, where)
            column = price_map[:, _component(rule, where)]
            column[(class_mask(rule.get("when") or {}, where) == 1) & (column < 0)] = price
        columns.maps.append(price_map)
        map_row = len(columns.maps) - 1
    for rule in document.get("free") or []:
        _add_free(rule, version, columns, f"{version.code} {version.from_on} free {rule.get('rule')}")
    caps = [-1] * item_count
    for rule in document.get("caps") or []:
        for code in rule["items"]:
            caps[_item(code, item_ids, f"{version.code} cap {rule.get('rule')}")] = int(
                Decimal(str(rule["cap"])) * 1000
            )
    return map_row, caps, len(columns.grants)


def _component(rule: dict[str, Any], where: str) -> int:
    name = rule.get("component", "basic")
    if name not in COMPONENTS:
        raise TariffRefused(f"{where}: component '{name}' is unknown; basic or ld")
    return int(COMPONENTS[name])


def _item(code: str, item_ids: dict[str, int], where: str) -> int:
    if code not in item_ids:
        raise TariffRefused(f"{where}: bill item '{code}' is unknown; see the bill items of the catalog")
    return item_ids[code]


def _add_price(rule: dict[str, Any], version: Version, item_ids: dict[str, int], columns: _Columns, where: str) -> int:
    unit, size = parse_measure(rule["unit"], where)
    _, per = parse_measure(rule.get("per", rule["unit"]), where)
    if per % size:
        raise TariffRefused(f"{where}: per '{rule['per']}' must be a whole number of units of {rule['unit']}")
    per_units = per // size
    fractions = [li_fraction(rule["price"], per_units)]
    bands = rule.get("bands") or []
    fractions += [li_fraction(band["price"], per_units) for band in bands]
    den = lcm(*[fraction[1] for fraction in fractions])
    nums = [num * (den // own) for num, own in fractions]
    if max(nums) * LARGEST_QUANTITY >= 2**62:
        raise TariffRefused(f"{where}: price {rule['price']} is too fine or too high to be summed in 64 bits")
    basis = rule.get("basis", "RECORD")
    if basis not in ("RECORD", "CYCLE") or (basis == "CYCLE" and bands):
        raise TariffRefused(f"{where}: basis is RECORD or CYCLE, and a price over a cycle has no time bands")
    if rule.get("tiers") and basis != "CYCLE":
        raise TariffRefused(f"{where}: tiers count over a cycle; write basis: CYCLE")
    columns.prices.append(
        {
            "rule": version.rule_ids[rule["rule"]],
            "item": _item(rule["item"], item_ids, where),
            "unit": int(unit),
            "size": size,
            "basis": tariffs.BASIS_CYCLE if basis == "CYCLE" else tariffs.BASIS_RECORD,
            "num": nums[0],
            "den": den,
        }
    )
    columns.bands.append([part for band, num in zip(bands, nums[1:], strict=True) for part in _band(band, num, where)])
    columns.tiers.append([_tier(tier, size, where) for tier in rule.get("tiers") or []])
    return len(columns.prices) - 1


def _second_of_day(text: str, where: str) -> int:
    hour, _, minute = str(text).partition(":")
    if not (hour.isdigit() and minute.isdigit() and int(hour) * 60 + int(minute) <= 24 * 60):
        raise TariffRefused(f"{where}: '{text}' is no time of day; write \"07:00\" in quotes")
    return int(hour) * 3600 + int(minute) * 60


def _band(band: dict[str, Any], num: int, where: str) -> list[tuple[int, int, int]]:
    """Read one band; one that crosses midnight becomes two."""
    from_s, to_s = _second_of_day(band["from"], where), _second_of_day(band["to"], where)
    if from_s < to_s:
        return [(from_s, to_s, num)]
    return [(from_s, 86_400, num), (0, to_s, num)]


def _tier(tier: dict[str, Any], size: int, where: str) -> tuple[int, int, int, int, int]:
    _, per = parse_measure(tier["per"], where) if "per" in tier else (None, size)
    num, den = li_fraction(tier["price"], per // size)
    block = int(tier.get("block", 0))
    cap_li = int(Decimal(str(tier["block_cap"])) * 1000) if block else 0
    if num * LARGEST_QUANTITY >= 2**62 or cap_li * LARGEST_QUANTITY >= 2**62:
        raise TariffRefused(f"{where}: price {tier['price']} is too fine or too high to be summed in 64 bits")
    return int(tier["from"]), num, den, block, cap_li


def _add_free(rule: dict[str, Any], version: Version, columns: _Columns, where: str) -> None:
    if rule.get("unit") not in UNITS:
        raise TariffRefused(f"{where}: unit '{rule.get('unit')}' is unknown; one of {', '.join(UNITS)}")
    scope = np.zeros((usage.USAGE_CLASSES, usage.COMPONENTS), np.uint8)
    for part in _as_list(rule.get("scope") or {}):
        mask = class_mask(part, where)
        for name in _as_list(part.get("component", "basic")):
            scope[:, _component({"component": name}, where)] |= mask
    granted = rule["granted"]
    columns.frees.append(
        {
            "rule": version.rule_ids[rule["rule"]],
            "unit": int(UNITS[rule["unit"]]),
            "priority": int(rule.get("priority", 50)),
            "width": int(scope.sum()),
            "carries": int(bool(rule.get("carry_over", False))),
        }
    )
    columns.scopes.append(scope)
    units = UNLIMITED if granted == "UNLIMITED" else int(granted)
    columns.grants.append((len(columns.frees) - 1, units))


def _offer_index(ordered: Sequence[Version]) -> tuple[np.ndarray, np.ndarray]:
    """Number the versions of each offer id; gaps between ids are offers without versions."""
    keys = [0 if version.kind == "STANDARD" else version.offer_id for version in ordered]
    largest = max(keys, default=0)
    first = np.searchsorted(np.array(keys, np.int64), np.arange(largest + 2)).astype(np.int32)
    rank = np.full(largest + 1, tariffs.RANK_MAIN, np.int8)
    for key, version in zip(keys, ordered, strict=True):
        rank[key] = RANKS[version.kind]
    return first, rank


def _starts(lists: Sequence[Sequence[Any]]) -> np.ndarray:
    return np.concatenate([[0], np.cumsum([len(part) for part in lists])]).astype(np.int32)


def _flat(lists: Iterable[Iterable[tuple[int, ...]]], width: int) -> np.ndarray:
    rows = [row for part in lists for row in part]
    return np.ascontiguousarray(np.array(rows, np.int64).reshape(-1, width).T)


def _first_month(document: dict[str, Any]) -> int:
    """What a first month is given: the word of the offer's first fee, or (PRORATE, no fee) that of the holding.

    The bill run reads the word the same way, so that fee and free resources never disagree (D7.4).
    """
    fees = document.get("recurring") or []
    return FIRST_MONTHS[fees[0].get("first_month", "PRORATE")] if fees else proration.FIRST_MONTH_AS_HELD


def _tables(
    ordered: Sequence[Version],
    version_rows: Sequence[tuple[int, list[int], int]],
    item_ids: dict[str, int],
    item_count: int,
    columns: _Columns,
    holidays: Sequence[int],
) -> tariffs.TariffTables:
    """Turn the collected columns into arrays."""
    offer_first, offer_rank = _offer_index(ordered)
    bands, tiers = _flat(columns.bands, 3), _flat(columns.tiers, 5)
    price = {name: np.array([row[name] for row in columns.prices], np.int64) for name in _PRICE_FIELDS}
    free = {name: np.array([row[name] for row in columns.frees], np.int64) for name in _FREE_FIELDS}
    free_of_rule = np.full(int(free["rule"].max(initial=0)) + 1, -1, np.int32)
    free_of_rule[free["rule"]] = np.arange(len(columns.frees))
    info = np.zeros(usage.RECORD_TYPES, np.int16)
    for record in usage.RecordType:
        info[record] = item_ids.get(INFO_ITEMS.get(record.name, "SP_INFO"), 0)
    empty_map = np.full((0, usage.USAGE_CLASSES, usage.COMPONENTS), -1, np.int16)
    empty_scope = np.zeros((0, usage.USAGE_CLASSES, usage.COMPONENTS), np.uint8)
    return tariffs.TariffTables(
        offer_first=offer_first,
        offer_rank=offer_rank,
        version_from_s=np.array([(v.from_on - EPOCH).days * 86_400 for v in ordered], np.int64),
        version_map=np.array([row[0] for row in version_rows], np.int32),
        version_first_month=np.array([_first_month(v.document) for v in ordered], np.int8),
        version_grant_first=np.array([0] + [row[2] for row in version_rows], np.int32),
        version_cap_li=np.array([row[1] for row in version_rows], np.int64).reshape(-1, item_count),
        price_map=np.stack(columns.maps) if columns.maps else empty_map,
        price_rule=price["rule"].astype(np.int32),
        price_item=price["item"].astype(np.int16),
        price_unit=price["unit"].astype(np.int8),
        price_unit_size=price["size"],
        price_basis=price["basis"].astype(np.int8),
        price_num=price["num"],
        price_den=price["den"],
        band_first=_starts(columns.bands),
        band_from_s=bands[0],
        band_to_s=bands[1],
        band_num=bands[2],
        tier_first=_starts(columns.tiers),
        tier_from=tiers[0],
        tier_num=tiers[1],
        tier_den=tiers[2],
        tier_block=tiers[3],
        tier_block_cap_li=tiers[4],
        free_rule=free["rule"].astype(np.int32),
        free_unit=free["unit"].astype(np.int8),
        free_priority=free["priority"].astype(np.int32),
        free_width=free["width"].astype(np.int32),
        free_carries=free["carries"].astype(np.int8),
        free_scope=np.stack(columns.scopes) if columns.scopes else empty_scope,
        free_of_rule=free_of_rule,
        grant_free=np.array([grant[0] for grant in columns.grants], np.int32),
        grant_units=np.array([grant[1] for grant in columns.grants], np.int64),
        info_item=info,
        holiday=np.array(holidays, np.int64),
        item_count=item_count,
        sanity_li=SANITY_LI,
    )


_PRICE_FIELDS = ("rule", "item", "unit", "size", "basis", "num", "den")
_FREE_FIELDS = ("rule", "unit", "priority", "width", "carries")
