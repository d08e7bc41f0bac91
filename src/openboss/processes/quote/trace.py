"""Why one event of a quote costs what it costs: the rows that rating leaves behind, in Chinese, English and numbers."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from openboss.kernel.trace import (
    STANDARD_PART,
    TRACE_BAND,
    TRACE_CAP,
    TRACE_CONNECT,
    TRACE_FREE,
    TRACE_LEAST,
    TRACE_MONEY,
    TRACE_PERIOD,
    TRACE_PRICE,
    TRACE_REFUSED,
    TRACE_ROUND,
    TRACE_SLOW,
    TRACE_STANDARD,
    TRACE_STEP,
    TRACE_TIER,
)
from openboss.processes.quote.tariffs import Tariffs

Row = Sequence[int]
COMPONENTS = {0: "basic", 1: "ld"}


def yuan(li: int) -> str:
    """Write li as yuan: 400 is 0.40, 1235 is 1.235."""
    whole, rest = divmod(abs(li), 1000)
    text = f"{whole}.{rest:03}"
    return ("-" if li < 0 else "") + (text[:-1] if text.endswith("0") else text)


def exact(num: int, den: int) -> str:
    """Write a fraction of li as yuan, exactly: as a decimal if it is one, else as a fraction."""
    value = Fraction(num, den * 1000)
    for places in range(2, 10):
        scaled = value * 10**places
        if scaled.denominator == 1:
            digits = f"{abs(scaled.numerator):0{places + 1}}"
            return f"{'-' if value < 0 else ''}{digits[:-places]}.{digits[-places:]}"
    return f"{value.numerator}/{value.denominator}"


def trace_of(rows: Sequence[Row], tariffs: Tariffs) -> list[dict[str, Any]]:
    """Turn the rows of one event into steps: what was done, the numbers, and a sentence in both languages.

    The steps of the standard fee are left out but for its sum.
    """
    found = []
    for place, row in enumerate(rows):
        component, kind = int(row[1]), int(row[2])
        if component >= STANDARD_PART or kind not in _STEPS:
            continue
        name, told = _STEPS[kind]
        numbers, zh, en = told([int(value) for value in row[3:7]], tariffs, _den(rows[place:], component))
        found.append({"step": name, "component": COMPONENTS[component], **numbers, "zh": zh, "en": en})
    return found


def _den(rows: Sequence[Row], component: int) -> int:
    """The denominator of the sum that the rows of a component are parts of."""
    return next((int(row[4]) for row in rows if row[1] == component and row[2] == TRACE_ROUND), 1)


Told = tuple[dict[str, Any], str, str]


def _price(values: Row, tariffs: Tariffs, _: int) -> Told:
    rule = tariffs.rules[values[0]]
    names, day = rule.document["names"], rule.version_on.isoformat()
    return (
        {"rule": rule.code, "version": day, "quantity": values[3]},
        f"用量 {values[3]}，适用资费 {rule.code}（{day} 起）：{names['zh']}",
        f"{values[3]} used, priced by {rule.code} in force from {day}: {names['en']}",
    )


def _free(values: Row, tariffs: Tariffs, _: int) -> Told:
    rule = tariffs.rules[values[0]]
    unit = rule.document["unit"]
    return (
        {"rule": rule.code, "units": values[1], "unit": unit, "covered": values[2], "left": values[3]},
        f"免费资源 {rule.code} 抵扣 {values[1]} {unit}，剩余 {values[3]} {unit}",
        f"{values[1]} {unit} of {rule.code} cover {values[2]}, {values[3]} {unit} are left",
    )


def _step(values: Row, _: Tariffs, den: int) -> Told:
    price = exact(values[3], den)
    return (
        {"from": values[0], "to": values[1], "units": values[2], "unit_price": price},
        f"从 {values[0]} 到 {values[1]}：{values[2]} 个单位，每单位 {price} 元",
        f"from {values[0]} to {values[1]}: {values[2]} units at {price}",
    )


def _band(values: Row, _: Tariffs, den: int) -> Told:
    price = exact(values[2], den)
    return (
        {"units": values[1], "unit_price": price},
        f"其中 {values[1]} 个单位在时段内起算，每单位 {price} 元",
        f"of these {values[1]} units begin inside a time band, at {price}",
    )


def _period(values: Row, _: Tariffs, __: int) -> Told:
    return (
        {"before": values[0], "after": values[1], "before_li": values[2], "after_li": values[3]},
        f"累计从 {values[0]} 到 {values[1]} 个单位：{yuan(values[3])} 元减 {yuan(values[2])} 元",
        f"the period's units go from {values[0]} to {values[1]}: {yuan(values[3])} less {yuan(values[2])}",
    )


def _tier(values: Row, _: Tariffs, __: int) -> Told:
    return ({"units": values[1]}, f"其中一档 {values[1]} 个单位", f"{values[1]} units of them fall into a tier")


def _connect(values: Row, _: Tariffs, __: int) -> Told:
    fee = exact(values[0], values[1])
    return {"fee": fee}, f"接续费 {fee} 元", f"connect fee {fee}"


def _round(values: Row, _: Tariffs, __: int) -> Told:
    sum_, place = exact(values[0], values[1]), yuan(values[2])
    return (
        {"exact": sum_, "place": place, "rounded_li": values[3]},
        f"精确值 {sum_} 元，取整到 {place} 元：{yuan(values[3])} 元",
        f"exactly {sum_}, rounded to {place}: {yuan(values[3])}",
    )


def _least(values: Row, _: Tariffs, __: int) -> Told:
    numbers = {"before_li": values[0], "after_li": values[1]}
    return numbers, f"最低或最高收费：{yuan(values[1])} 元", f"least or most charge of an event: {yuan(values[1])}"


def _cap(values: Row, tariffs: Tariffs, __: int) -> Told:
    rule = tariffs.rules.get(values[0])
    code = rule.code if rule else ""
    return (
        {"rule": code, "before_li": values[1], "after_li": values[2]},
        f"封顶 {code}：{yuan(values[1])} 元减至 {yuan(values[2])} 元",
        f"cap {code}: {yuan(values[1])} becomes {yuan(values[2])}",
    )


def _money(values: Row, _: Tariffs, __: int) -> Told:
    numbers = {"taken_li": values[1], "after_li": values[3]}
    return numbers, f"赠送金抵扣 {yuan(values[1])} 元", f"free money pays {yuan(values[1])}"


def _standard(values: Row, _: Tariffs, __: int) -> Told:
    numbers = {"units": values[0], "standard_li": values[1], "actual_li": values[2]}
    return (
        numbers,
        f"标准资费 {yuan(values[1])} 元，实收 {yuan(values[2])} 元",
        f"the standard tariff asks {yuan(values[1])}, charged are {yuan(values[2])}",
    )


def _slow(values: Row, tariffs: Tariffs, __: int) -> Told:
    rule = tariffs.rules[values[0]].code
    return (
        {"rule": rule, "used": values[1], "kbps": values[2]},
        f"{rule} 已用 {values[1]}，限速 {values[2]} kbit/s",
        f"{values[1]} of {rule} are used: the network slows to {values[2]} kbit/s (0 = full speed)",
    )


def _refused(values: Row, _: Tariffs, __: int) -> Told:
    return {"code": values[0]}, f"未计费，代码 E{values[0]}", f"not rated, code E{values[0]}"


_STEPS: dict[int, tuple[str, Callable[[Row, Tariffs, int], Told]]] = {
    TRACE_PRICE: ("price", _price),
    TRACE_FREE: ("free", _free),
    TRACE_STEP: ("step", _step),
    TRACE_BAND: ("band", _band),
    TRACE_PERIOD: ("period", _period),
    TRACE_TIER: ("tier", _tier),
    TRACE_CONNECT: ("connect", _connect),
    TRACE_ROUND: ("round", _round),
    TRACE_LEAST: ("least", _least),
    TRACE_CAP: ("cap", _cap),
    TRACE_MONEY: ("money", _money),
    TRACE_STANDARD: ("sum", _standard),
    TRACE_REFUSED: ("refused", _refused),
    TRACE_SLOW: ("slow", _slow),
}
