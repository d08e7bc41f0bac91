"""Why one event of a quote costs what it costs: the rows that rating leaves behind, in Chinese, English and numbers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
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
from openboss.processes.quote.tariffs import Rule

Row = Sequence[int]
COMPONENTS = {0: "basic", 1: "ld"}
UNLIMITED = 2**59  # a free resource of which more is left has no limit
MEASURED = {"MIN": "s", "HOUR": "s", "MB": "KB", "GB": "KB", "DAY": "EVENT", "CYCLE": "EVENT"}  # what events have of it
QUANTITIES = {  # of a unit as documents write it: what one counts, in Chinese and English
    "s": ("秒", "s"),
    "MIN": ("分钟", "min"),
    "HOUR": ("小时", "h"),
    "MSG": ("条", "messages"),
    "EVENT": ("次", "events"),
    "KB": ("KB", "KB"),
    "MB": ("MB", "MB"),
    "GB": ("GB", "GB"),
}


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


@dataclass(frozen=True)
class _Told:
    """What a step is told with: all rules, the price that was chosen, and the denominator of the sum."""

    rules: Mapping[int, Rule]
    price: Rule | None
    den: int

    @property
    def unit(self) -> str:
        """The unit of the price as documents write it, such as 60 s."""
        document = self.price.document if self.price else {}
        steps = document.get("steps") or [document]
        return str(steps[0].get("unit", ""))

    @property
    def pulse(self) -> tuple[str, str]:
        """The unit of the price in Chinese and English."""
        count, _, word = self.unit.partition(" ")
        zh, en = QUANTITIES.get(word, (word, word))
        return f"{count} {zh}", f"{count} {en}"

    def quantity(self, count: int) -> tuple[str, str]:
        """Seconds, messages, KB or events of the price, in Chinese and English."""
        word = self.unit.rpartition(" ")[2]
        zh, en = QUANTITIES.get(MEASURED.get(word, word), ("个", "units"))
        return f"{count} {zh}", f"{count} {en}"


def trace_of(rows: Sequence[Row], rules: Mapping[int, Rule]) -> list[dict[str, Any]]:
    """Turn the rows of one event into steps: what was done, the numbers, and a sentence in both languages.

    rules  by id. The steps of the standard fee are left out but for its sum.
    """
    found, price = [], dict[int, Rule]()
    for place, row in enumerate(rows):
        component, kind = int(row[1]), int(row[2])
        if component >= STANDARD_PART or kind not in _STEPS:
            continue
        if kind == TRACE_PRICE:
            price[component] = rules[int(row[3])]
        name, told = _STEPS[kind]
        with_what = _Told(rules, price.get(component), _den(rows[place:], component))
        numbers, zh, en = told([int(value) for value in row[3:7]], with_what)
        found.append({"step": name, "component": COMPONENTS[component], **numbers, "zh": zh, "en": en})
    return found


def _den(rows: Sequence[Row], component: int) -> int:
    """The denominator of the sum that the rows of a component are parts of."""
    return next((int(row[4]) for row in rows if row[1] == component and row[2] == TRACE_ROUND), 1)


Sentences = tuple[dict[str, Any], str, str]


def _price(values: Row, told: _Told) -> Sentences:
    rule = told.rules[values[0]]
    names, day = rule.document["names"], rule.version_on.isoformat()
    zh, en = told.quantity(values[3])
    return (
        {"rule": rule.code, "version": day, "quantity": values[3]},
        f"用量 {zh}，按“{names['zh']}”计费（{rule.code}，{day} 版）",
        f"{en} used, priced by “{names['en']}” ({rule.code}, version of {day})",
    )


def _free(values: Row, told: _Told) -> Sentences:
    rule = told.rules[values[0]]
    names, unit = rule.document["names"], rule.document["unit"]
    word_zh, word_en = QUANTITIES.get(unit, (unit, unit))
    zh, en = told.quantity(values[2])
    left = None if values[3] >= UNLIMITED else values[3]
    left_zh = "不限量" if left is None else f"剩余 {left} {word_zh}"
    left_en = "it has no limit" if left is None else f"{left} {word_en} are left"
    return (
        {"rule": rule.code, "units": values[1], "unit": unit, "covered": values[2], "left": values[3]},
        f"“{names['zh']}”抵扣 {values[1]} {word_zh}（覆盖 {zh}），{left_zh}（{rule.code}）",
        f"{values[1]} {word_en} of “{names['en']}” cover {en}; {left_en} ({rule.code})",
    )


def _step(values: Row, told: _Told) -> Sentences:
    price = exact(values[3], told.den)
    zh, en = told.quantity(values[1])
    return (
        {"from": values[0], "to": values[1], "units": values[2], "unit_price": price},
        f"从 {values[0]} 到 {zh}：{values[2]} 个计费单位（每单位 {told.pulse[0]}），每单位 {price} 元",
        f"from {values[0]} to {en}: {values[2]} units of {told.pulse[1]} at {price}",
    )


def _band(values: Row, told: _Told) -> Sentences:
    price = exact(values[2], told.den)
    return (
        {"units": values[1], "unit_price": price},
        f"其中 {values[1]} 个单位在优惠时段内起算，每单位 {price} 元",
        f"of these {values[1]} units begin inside a time band, at {price}",
    )


def _period(values: Row, _: _Told) -> Sentences:
    return (
        {"before": values[0], "after": values[1], "before_li": values[2], "after_li": values[3]},
        f"周期累计从 {values[0]} 到 {values[1]} 个单位：{yuan(values[3])} 元减 {yuan(values[2])} 元",
        f"the period's units go from {values[0]} to {values[1]}: {yuan(values[3])} less {yuan(values[2])}",
    )


def _tier(values: Row, _: _Told) -> Sentences:
    return (
        {"units": values[1]},
        f"其中 {values[1]} 个单位落在一个阶梯内",
        f"{values[1]} units of them fall into a tier",
    )


def _connect(values: Row, _: _Told) -> Sentences:
    fee = exact(values[0], values[1])
    return {"fee": fee}, f"接续费 {fee} 元", f"connect fee {fee}"


def _round(values: Row, _: _Told) -> Sentences:
    sum_, place = exact(values[0], values[1]), yuan(values[2])
    return (
        {"exact": sum_, "place": place, "rounded_li": values[3]},
        f"精确值 {sum_} 元，取整到 {place} 元：{yuan(values[3])} 元",
        f"exactly {sum_}, rounded to {place}: {yuan(values[3])}",
    )


def _least(values: Row, _: _Told) -> Sentences:
    numbers = {"before_li": values[0], "after_li": values[1]}
    return numbers, f"最低或最高收费：{yuan(values[1])} 元", f"least or most charge of an event: {yuan(values[1])}"


def _cap(values: Row, told: _Told) -> Sentences:
    rule = told.rules.get(values[0])
    code = rule.code if rule else ""
    names = rule.document["names"] if rule else {"zh": "", "en": ""}
    return (
        {"rule": code, "before_li": values[1], "after_li": values[2]},
        f"封顶“{names['zh']}”（{code}）：{yuan(values[1])} 元减至 {yuan(values[2])} 元",
        f"cap “{names['en']}” ({code}): {yuan(values[1])} becomes {yuan(values[2])}",
    )


def _money(values: Row, _: _Told) -> Sentences:
    numbers = {"taken_li": values[1], "after_li": values[3]}
    return numbers, f"赠送金抵扣 {yuan(values[1])} 元", f"free money pays {yuan(values[1])}"


def _standard(values: Row, _: _Told) -> Sentences:
    numbers = {"units": values[0], "standard_li": values[1], "actual_li": values[2]}
    return (
        numbers,
        f"标准资费 {yuan(values[1])} 元，实收 {yuan(values[2])} 元",
        f"the standard tariff asks {yuan(values[1])}, charged are {yuan(values[2])}",
    )


def _slow(values: Row, told: _Told) -> Sentences:
    rule = told.rules[values[0]].code
    return (
        {"rule": rule, "used": values[1], "kbps": values[2]},
        f"{rule} 已用 {values[1]}，限速 {values[2]} kbit/s",
        f"{values[1]} of {rule} are used: the network slows to {values[2]} kbit/s (0 = full speed)",
    )


def _refused(values: Row, _: _Told) -> Sentences:
    return {"code": values[0]}, f"未计费，代码 E{values[0]}", f"not rated, code E{values[0]}"


_STEPS: dict[int, tuple[str, Callable[[Row, _Told], Sentences]]] = {
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
