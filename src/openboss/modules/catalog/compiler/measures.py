"""Words of a tariff document that stand for numbers: measures, money, times of day. Exact, with helpful refusals."""

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any

from openboss.kernel.usage import Unit
from openboss.modules.catalog.problems import Problem

MEASURES: Mapping[str, tuple[Unit, int]] = {
    "s": (Unit.SECOND, 1),
    "MIN": (Unit.SECOND, 60),
    "HOUR": (Unit.SECOND, 3600),
    "MSG": (Unit.MSG, 1),
    "KB": (Unit.KB, 1),
    "MB": (Unit.KB, 1024),
    "GB": (Unit.KB, 1024 * 1024),
    "EVENT": (Unit.EVENT, 1),
}
DAY_S = 86_400
_MEASURE = re.compile(r"(\d+) (\w+)")
_CLOCK = re.compile(r"(\d{1,2}):(\d\d)")
LI_PER_YUAN = 1000


class TariffRefused(Exception):
    """The tariff document cannot be compiled; the message names offer, rule, field and what would be right."""

    def __init__(self, code: str, what: str, **values: Any) -> None:
        self.problem = Problem(code, {"what": what, **values})
        super().__init__(str(self.problem))

    def of(self, language: str) -> str:
        """Say what is wrong, for zh or en."""
        return self.problem.of(language)


def parse_measure(text: Any, where: str) -> tuple[Unit, int]:
    """Read '60 s' or '1 GB' as seconds, messages, KB or events, and how many of them. Raises TariffRefused."""
    found = _MEASURE.fullmatch(str(text).strip())
    if not found or found[2] not in MEASURES or int(found[1]) < 1:
        raise TariffRefused("wrong_measure", where, value=text, known=", ".join(MEASURES))
    unit, size = MEASURES[found[2]]
    return unit, int(found[1]) * size


def units_of(value: Any, unit: Unit, size: int, where: str) -> int:
    """Read a count of units, or a measure of the same kind, as units of `size`. Raises TariffRefused."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    own, quantity = parse_measure(value, where)
    if own != unit or quantity % size:
        raise TariffRefused("not_whole_units", where, value=value)
    return quantity // size


def yuan(text: Any, where: str) -> Fraction:
    """Read an amount in yuan with at most 6 decimals, exactly; tax may have made it finer. Raises TariffRefused."""
    if isinstance(text, Fraction):
        return text
    try:
        amount = Decimal(text) if isinstance(text, str) else None
    except InvalidOperation:
        amount = None
    if amount is None or not amount.is_finite() or amount < 0 or amount * 1_000_000 % 1:
        raise TariffRefused("wrong_money", where, value=text)
    return Fraction(amount)


def li(text: Any, where: str) -> int:
    """Read an amount that must be whole li: caps, least and most charges. Raises TariffRefused."""
    amount = yuan(text, where) * LI_PER_YUAN
    if amount.denominator != 1 or amount > 10**12:
        raise TariffRefused("not_whole_li", where, value=text)
    return int(amount)


def second_of_day(text: Any, where: str) -> int:
    """Read '07:00' as a second of the day, '24:00' as its end. Raises TariffRefused."""
    found = _CLOCK.fullmatch(str(text))
    second = int(found[1]) * 3600 + int(found[2]) * 60 if found and int(found[2]) < 60 else DAY_S + 1
    if second > DAY_S:
        raise TariffRefused("not_a_time", where, value=text)
    return second


def stretch(from_text: Any, to_text: Any, where: str) -> list[tuple[int, int]]:
    """Read a stretch of the day in seconds; one that crosses midnight becomes two."""
    from_s, to_s = second_of_day(from_text, where), second_of_day(to_text, where)
    if from_s < to_s:
        return [(from_s, to_s)]
    return [part for part in ((from_s, DAY_S), (0, to_s)) if part[0] < part[1]]


def listed(value: Any) -> list[Any]:
    """Take one for a list of one."""
    return value if isinstance(value, list) else [value]
