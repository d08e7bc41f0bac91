"""Free resources and caps: from the document to rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any

from openboss.kernel import tariffs
from openboss.kernel.usage import Unit
from openboss.modules.catalog.compiler.measures import TariffRefused, li, listed, parse_measure
from openboss.modules.catalog.compiler.prices import BASES, LARGEST, counter_id

UNITS = {  # as granted and shown, what is measured, how much of it is in one
    "s": (Unit.SECOND, Unit.SECOND, 1),
    "MIN": (Unit.MIN, Unit.SECOND, 60),
    "HOUR": (Unit.HOUR, Unit.SECOND, 3600),
    "MSG": (Unit.MSG, Unit.MSG, 1),
    "KB": (Unit.KB, Unit.KB, 1),
    "MB": (Unit.MB, Unit.KB, 1024),
    "GB": (Unit.GB, Unit.KB, 1024 * 1024),
    "EVENT": (Unit.EVENT, Unit.EVENT, 1),
    "YUAN": (Unit.MONEY, Unit.MONEY, 1),
}
UNLIMITED = tariffs.FOREVER
LARGEST_FACTOR = 1000


@dataclass
class FreeResource:
    """A free resource as read."""

    unit: Unit
    granted: int
    columns: dict[int, int]
    scope: list[tuple[Mapping[str, Any], Fraction]]
    speeds: list[tuple[int, int]]


def read_free(rule: Mapping[str, Any], where: str) -> FreeResource:
    """Read one free resource. Raises TariffRefused. Source: docs/formats/tariffs.md, D6.3-D6.5, CHG-30."""
    word = rule.get("unit")
    if word not in UNITS:
        raise TariffRefused("unknown_word", where, name="unit", value=word, known=", ".join(UNITS))
    unit, measure, size = UNITS[word]
    share = rule.get("share") or {}
    if share and share.get("by") != "POOL":
        raise TariffRefused("share_by_pool", where, value=share.get("by"))
    overflow = _one_of(rule.get("overflow", "CHARGE"), ("CHARGE", "BLOCK"), "overflow", where)
    columns = {
        tariffs.FREE_MEASURE: int(measure),
        tariffs.FREE_SIZE: size,
        tariffs.FREE_PRIORITY: _whole(rule.get("priority", 50), "priority", where),
        tariffs.FREE_CARRIES: _carries(rule.get("carry_over", False), where),
        tariffs.FREE_ONCE: int(_one_of(rule.get("grant", "CYCLE"), ("CYCLE", "ONCE"), "grant", where) == "ONCE"),
        tariffs.FREE_INSTALMENTS: _whole(rule.get("instalments", 0), "instalments", where),
        tariffs.FREE_SHARED: int(bool(share)),
        tariffs.FREE_PER_USER: _whole(share["per_user"], "per_user", where) if "per_user" in share else -1,
        tariffs.FREE_BLOCKS: int(overflow == "BLOCK"),
        tariffs.FREE_PRORATES: int(bool(rule.get("prorate", True))),
        **_validity(rule.get("valid"), where),
    }
    scope = [(part, _factor(part, where)) for part in listed(rule.get("scope") or {})]
    speeds = [
        (_whole(row.get("from"), "speed from", where), _whole(row.get("kbps"), "kbps", where))
        for row in rule.get("speed") or []
    ]
    if speeds != sorted(speeds):
        raise TariffRefused("speeds_rise", where)
    return FreeResource(unit, _granted(rule.get("granted"), unit, where), columns, scope, speeds)


def _whole(value: Any, name: str, where: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**50:
        raise TariffRefused("not_a_count", where, name=name, value=value)
    return value


def _one_of(word: Any, words: Sequence[str], name: str, where: str) -> str:
    if word not in words:
        raise TariffRefused("not_one_of", f"{where}: {name}", value=word, known=", ".join(words))
    return str(word)


def _granted(granted: Any, unit: Unit, where: str) -> int:
    if granted == "UNLIMITED":
        return UNLIMITED
    if unit == Unit.MONEY:
        return li(granted, f"{where} granted")
    if not isinstance(granted, int) or isinstance(granted, bool) or not 0 <= granted < LARGEST[Unit.KB]:
        raise TariffRefused("wrong_grant", where, value=granted)
    return granted


def _carries(carry_over: Any, where: str) -> int:
    if isinstance(carry_over, bool):
        return int(carry_over)
    if not isinstance(carry_over, dict) or set(carry_over) != {"cycles"}:
        raise TariffRefused("wrong_carry_over", where, value=carry_over)
    return _whole(carry_over["cycles"], "carry_over cycles", where)


def _validity(valid: Any, where: str) -> dict[int, int]:
    columns = {tariffs.FREE_CYCLES: 0, tariffs.FREE_DAYS: 0, tariffs.FREE_MONTHS: 0}
    if valid is None:
        return columns
    names = {"cycles": tariffs.FREE_CYCLES, "days": tariffs.FREE_DAYS, "months": tariffs.FREE_MONTHS}
    if not isinstance(valid, dict) or len(valid) != 1 or not set(valid) <= set(names):
        raise TariffRefused("wrong_validity", where, value=valid)
    ((name, number),) = valid.items()
    if not isinstance(number, int) or not 1 <= number <= 1200:
        raise TariffRefused("wrong_validity_count", where, name=name, value=number)
    columns[names[name]] = number
    return columns


def _factor(part: Mapping[str, Any], where: str) -> Fraction:
    text = part.get("factor", "1")
    try:
        factor = Decimal(text) if isinstance(text, str) else Decimal(0)
    except InvalidOperation:
        factor = Decimal(0)
    if not 0 < factor <= LARGEST_FACTOR or factor * 1000 % 1:
        raise TariffRefused("wrong_factor", where, value=text, most=LARGEST_FACTOR)
    return Fraction(factor)


def read_cap(
    rule: Mapping[str, Any], offer: str, rule_id: int, item_ids: Mapping[str, int], where: str
) -> tuple[dict[int, int], list[int]]:
    """Read one cap as columns and the items it is about. Raises TariffRefused. Source: D6.6."""
    for code in listed(rule["items"]):
        if code not in item_ids:
            raise TariffRefused("unknown_item", where, value=code)
    over = _one_of(rule.get("over", "CYCLE"), ("DAY", "CYCLE", "QUARTER", "YEAR"), "over", where)
    if "cap" not in rule and "closes_at" not in rule:
        raise TariffRefused("cap_of_nothing", where)
    if rule.get("by", "VISITED") != "VISITED":
        raise TariffRefused("by_visited_only", where, value=rule["by"])
    counts = over != "CYCLE" or "by" in rule or "closes_at" in rule
    columns = {
        tariffs.CAP_RULE: rule_id,
        tariffs.CAP_LI: li(rule["cap"], where) if "cap" in rule else -1,
        tariffs.CAP_BASIS: BASES[over],
        tariffs.CAP_BY_PLACE: int("by" in rule),
        tariffs.CAP_COUNTER: counter_id(offer, rule["rule"]) if counts else 0,
        tariffs.CAP_CLOSES_AT: parse_measure(rule["closes_at"], where)[1] if "closes_at" in rule else -1,
    }
    return columns, [item_ids[code] for code in listed(rule["items"])]
