"""What can be wrong with a tariff document: a code with values, and its sentence in both languages.

Who finds a problem names the code and the values; who shows it chooses the language. `{what}` is always the place
inside the document: section, rule and field.
"""

from dataclasses import dataclass, field
from typing import Any

SENTENCES: dict[str, tuple[str, str]] = {  # code: English, Chinese
    # the shape of a field
    "not_one_of": ("{what} is {value!r}; one of {known}", "{what} 是 {value!r}；只能是 {known} 之一"),
    "not_text": ("{what} is {value!r}; write text, such as {example}", "{what} 是 {value!r}；请写文字，例如 {example}"),
    "not_whole": (
        "{what} is {value!r}; write a whole number from {least} to {most}",
        "{what} 是 {value!r}；请写 {least} 到 {most} 之间的整数",
    ),
    "not_flag": ("{what} is {value!r}; write true or false", "{what} 是 {value!r}；请写 true 或 false"),
    "money_not_quoted": (
        '{what} is {value!r}; write it in quotes, such as "0.40"',
        '{what} 是 {value!r}；金额要写在引号里，例如 "0.40"',
    ),
    "not_money": (
        "{what} '{value}' is no amount; write yuan with at most 6 decimals",
        "{what} '{value}' 不是金额；请写元，最多 6 位小数",
    ),
    "not_measure": (
        "{what} '{value}' is no measure; write a count and one of {known}: '60 s'",
        "{what} '{value}' 不是计量；请写数量和单位（{known} 之一），例如 '60 s'",
    ),
    "not_day": (
        "{what} is {value!r}; write a day such as 2026-10-01",
        "{what} 是 {value!r}；请写日期，例如 2026-10-01",
    ),
    "not_list": ("{what} is {value!r}; write a list: [..., ...]", "{what} 是 {value!r}；请写列表：[..., ...]"),
    "not_fields": ("{what} is {value!r}; write fields: {known}", "{what} 是 {value!r}；请写字段：{known}"),
    "lacks": ("{what} lacks {missing}", "{what} 缺少 {missing}"),
    "unknown_field": (
        "{what} has the unknown field {field}; known are {known}",
        "{what} 有未知字段 {field}；可用的字段是 {known}",
    ),
    "not_named": (
        "{what} is {value!r}; write names and what they stand for",
        "{what} 是 {value!r}；请写名称和它代表的内容",
    ),
    "not_both_languages": (
        "{what} must be given in both languages, {{zh: ..., en: ...}}",
        "{what} 必须有中英文两种名称，{{zh: ..., en: ...}}",
    ),
    # the document as a whole
    "unreadable": ("this is not readable as UTF-8 YAML: {error}", "无法按 UTF-8 YAML 读取：{error}"),
    "no_file": ("the file cannot be read: {error}", "无法读取文件：{error}"),
    "no_offer": ("a tariff file begins with 'offer: CODE'", "资费文件要以 'offer: 代码' 开头"),
    "versions_out_of_order": (
        "versions must be given in the order of their days, at least one, no day twice",
        "版本要按生效日先后排列，至少一个，同一天不能有两个",
    ),
    "not_a_version": (
        "a version is {value!r}; write its fields, beginning with from",
        "版本是 {value!r}；请写它的字段，以 from 开头",
    ),
    "not_a_rule": (
        "{what}: {value!r} is not a rule; a rule is a mapping with rule, names ...",
        "{what}：{value!r} 不是规则；规则由 rule、names 等字段组成",
    ),
    "rule_twice": (
        "rule {rule} stands twice in the version of {day}",
        "规则 {rule} 在 {day} 的版本里出现两次",
    ),
    "no_such_item": (
        "{what}: there is no bill item {value!r}; see bill_items.csv",
        "{what}：没有账目 {value!r}；见 bill_items.csv",
    ),
    "above_cap": (
        "{what}: {price} is above the cap of {limit} per {per} ({name})",
        "{what}：{price} 高于上限 {limit}（每 {per}，{name}）",
    ),
    "above_cap_with_connect": (
        "{what}: {price} with the connect fee of {connect} is above the cap of {limit} per {per} ({name})",
        "{what}：{price} 加接续费 {connect} 高于上限 {limit}（每 {per}，{name}）",
    ),
    "below_floor": (
        "{what}: {price} is below the floor of {limit} per {per} ({name})",
        "{what}：{price} 低于下限 {limit}（每 {per}，{name}）",
    ),
    # measures, money, times
    "wrong_measure": (
        "{what}: '{value}' is no measure; write a count and one of {known}: '60 s'",
        "{what}：'{value}' 不是计量；请写数量和单位（{known} 之一），例如 '60 s'",
    ),
    "not_whole_units": (
        "{what}: '{value}' is no whole number of the units of the price; write a count of units",
        "{what}：'{value}' 不是计费单位的整数倍；请写单位数",
    ),
    "wrong_money": (
        "{what}: '{value}' is no amount; write yuan in quotes, at most 6 decimals: \"0.40\"",
        "{what}：'{value}' 不是金额；请在引号里写元，最多 6 位小数：\"0.40\"",
    ),
    "not_whole_li": (
        "{what}: '{value}' is no whole number of li; write yuan with at most 3 decimals",
        "{what}：'{value}' 不是整厘；请写元，最多 3 位小数",
    ),
    "not_a_time": (
        "{what}: '{value}' is no time of day; write \"07:00\" in quotes",
        "{what}：'{value}' 不是一天中的时刻；请在引号里写 \"07:00\"",
    ),
    "not_a_weekday": ("{what}: '{value}' is no day; one of {known}", "{what}：'{value}' 不是星期；只能是 {known} 之一"),
    # conditions
    "unknown_word": (
        "{what}: {name} '{value}' is unknown; one of {known}",
        "{what}：{name} '{value}' 未知；只能是 {known} 之一",
    ),
    "not_a_condition": (
        "{what}: '{value}' is no condition; one of {known}",
        "{what}：'{value}' 不是条件；只能是 {known} 之一",
    ),
    "friends_not_true": (
        "{what}: friends is {value!r}; write true or leave it out",
        "{what}：friends 是 {value!r}；请写 true 或不写",
    ),
    "no_such_zone": (
        "{what}: there is no zone '{value}' in this version; one of {known}",
        "{what}：本版本没有区域 '{value}'；只能是 {known} 之一",
    ),
    "prefix_in_two_zones": (
        "{what}: a prefix stands in the zones {one} and {other}; it can be in one",
        "{what}：有号码前缀同时在区域 {one} 和 {other} 里；只能在其中一个",
    ),
    "not_a_prefix": (
        "{what}: {name} '{value}' is no prefix; write E.164 digits without + in quotes: \"8610\"",
        "{what}：{name} '{value}' 不是号码前缀；请在引号里写不带 + 的 E.164 数字：\"8610\"",
    ),
    "not_a_number": (
        "{what}: {name} '{value}' is no number; write digits",
        "{what}：{name} '{value}' 不是号码；请写数字",
    ),
    "not_a_country": (
        "{what}: {name} '{value}' is no country code; write 1 to 3 digits, such as 852",
        "{what}：{name} '{value}' 不是国家代码；请写 1 到 3 位数字，例如 852",
    ),
    # prices
    "steps_stand_alone": (
        "{what}: with steps, unit, price, per and bands stand in each step; give one at least",
        "{what}：有 steps 时，unit、price、per 和 bands 写在每一段里；至少写一段",
    ),
    "step_ends_wrong": (
        "{what}: step {number} ends at '{value}': too early, or in other units",
        "{what}：第 {number} 段止于 '{value}'：过早，或单位不同",
    ),
    "last_step_ends": ("{what}: the last step has no end; leave 'to' out", "{what}：最后一段没有终点；不要写 'to'"),
    "steps_of_one_kind": (
        "{what}: the units of all steps are of one kind: all seconds, or all KB",
        "{what}：各段的单位必须同类：都是秒，或都是 KB",
    ),
    "counter_says_it": (
        "{what}: counter '{value}' gives basis and counts itself; counters here: {known}",
        "{what}：累积量 '{value}' 自带 basis 和 counts；这里的累积量：{known}",
    ),
    "by_visited_only": ("{what}: by is {value!r}; VISITED or nothing", "{what}：by 是 {value!r}；写 VISITED 或不写"),
    "basis_needed": (
        "{what}: counts, counter and by are about a period; write a basis such as CYCLE",
        "{what}：counts、counter 和 by 是针对周期的；请写 basis，例如 CYCLE",
    ),
    "due_once": (
        "{what}: a price for {value} is due once; it has no tiers, bands, steps, basis",
        "{what}：按 {value} 的价格只收一次；没有 tiers、bands、steps 和 basis",
    ),
    "no_bands_over_period": (
        "{what}: a price over a {value} has no time bands and no steps; leave basis out",
        "{what}：按周期 {value} 累计的价格没有时段和分段；不要写 basis",
    ),
    "tiers_need_period": (
        "{what}: tiers count over a period; write basis: CYCLE, DAY, QUARTER, YEAR or CONTRACT",
        "{what}：阶梯是按周期累计的；请写 basis：CYCLE、DAY、QUARTER、YEAR 或 CONTRACT",
    ),
    "tiers_rise": (
        "{what}: tiers rise, and the first is from 0; they are from {value}",
        "{what}：阶梯要递增，第一级从 0 开始；现在从 {value} 开始",
    ),
    "volume_is_plain": (
        "{what}: tier_mode VOLUME has no blocks and no min_charge; write price and flat only",
        "{what}：tier_mode VOLUME 没有块计价和最低收费；只写 price 和 flat",
    ),
    "at_least_of_other_kind": (
        "{what}: at_least '{value}' is of another kind than the unit of the price",
        "{what}：at_least '{value}' 与计费单位不同类",
    ),
    "place_is_zero": (
        '{what}: rounding place is 0; write the place in yuan, from "0.001"',
        '{what}：舍入位是 0；请写以元计的舍入位，从 "0.001" 起',
    ),
    "per_not_whole": (
        "{what}: per '{value}' must be a whole number of units",
        "{what}：per '{value}' 必须是计费单位的整数倍",
    ),
    "tier_price_or_block": (
        "{what}: a tier has either price (with block and block_cap if wished) or block and block_price",
        "{what}：阶梯要么有 price（可加 block 和 block_cap），要么有 block 和 block_price",
    ),
    "does_not_fit": (
        "{what}: a price of {value:g} yuan a unit is too fine or too high to be summed in 64 bits; "
        "write fewer decimals, a larger unit or a lower price",
        "{what}：每单位 {value:g} 元过细或过高，64 位整数无法累加；请减少小数位、加大单位或降低价格",
    ),
    "unknown_component": (
        "{what}: component '{value}' is unknown; basic or ld",
        "{what}：component '{value}' 未知；写 basic 或 ld",
    ),
    "unknown_item": (
        "{what}: bill item '{value}' is unknown; see the bill items of the catalog",
        "{what}：账目 '{value}' 未知；见目录里的账目",
    ),
    "counter_collides": (
        "{what}: its counter collides with {value}; give the rule another code",
        "{what}：它的累积量与 {value} 冲突；请换一个规则代码",
    ),
    "too_many_rules": (
        "{what}: more than {value} rules in force; retire offers that nobody holds",
        "{what}：生效的规则超过 {value} 条；请退役无人持有的套餐",
    ),
    # free resources and caps
    "share_by_pool": (
        "{what}: share is by {value!r}; write {{by: POOL}}, with per_user if wished",
        "{what}：share 的 by 是 {value!r}；请写 {{by: POOL}}，可加 per_user",
    ),
    "speeds_rise": (
        "{what}: speeds are given from the least use to the most",
        "{what}：限速档要按用量从小到大排列",
    ),
    "not_a_count": (
        "{what}: {name} is {value!r}; write a whole number, 0 or more",
        "{what}：{name} 是 {value!r}；请写不小于 0 的整数",
    ),
    "wrong_grant": (
        "{what}: granted is {value!r}; write a whole number of units, or UNLIMITED",
        "{what}：granted 是 {value!r}；请写单位的整数，或 UNLIMITED",
    ),
    "wrong_carry_over": (
        "{what}: carry_over is {value!r}; true, false or {{cycles: 3}}",
        "{what}：carry_over 是 {value!r}；写 true、false 或 {{cycles: 3}}",
    ),
    "wrong_validity": (
        "{what}: valid is {value!r}; one of {{cycles: 1}}, {{days: 7}}, {{months: 6}}",
        "{what}：valid 是 {value!r}；只能是 {{cycles: 1}}、{{days: 7}}、{{months: 6}} 之一",
    ),
    "wrong_validity_count": (
        "{what}: valid {name} is {value!r}; a whole number from 1 to 1200",
        "{what}：valid 的 {name} 是 {value!r}；写 1 到 1200 的整数",
    ),
    "wrong_factor": (
        "{what}: factor is {value!r}; write it in quotes, above 0 up to {most}, at most 3 decimals",
        "{what}：factor 是 {value!r}；请写在引号里，大于 0 且不超过 {most}，最多 3 位小数",
    ),
    "cap_of_nothing": ("{what}: a cap has cap, closes_at or both", "{what}：封顶要有 cap、closes_at 或两者"),
}


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a tariff document.

    values  fill the sentence of the code; `what` is the place as the document's own words say it
    file, line, section, rule  where it stands, as far as known ("" and 0 are unknown)
    """

    code: str
    values: dict[str, Any] = field(default_factory=dict)
    file: str = ""
    line: int = 0
    section: str = ""
    rule: str = ""

    def sentence(self, language: str, **words: str) -> str:
        """Say what is wrong and what would be right, without the file; `words` go before the values."""
        return SENTENCES[self.code][language.startswith("zh")].format(**{**self.values, **words})

    def of(self, language: str) -> str:
        """Say where in which file what is wrong, for zh or en."""
        sentence = self.sentence(language)
        if not self.file:
            return sentence
        if language.startswith("zh"):
            return f"{self.file}{f' 第 {self.line} 行' if self.line else ''}：{sentence}"
        return f"{self.file}{f', line {self.line}' if self.line else ''}: {sentence}"

    def __str__(self) -> str:
        return self.of("en")
