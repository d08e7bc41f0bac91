"""The sentences of an explanation, in Chinese and English."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from openboss.kernel.discounts import Phase
from openboss.modules.billing.atomic import LineRow
from openboss.modules.billing.functions.views import Names


class Cause(StrEnum):
    """Why a fee changed."""

    MORE_USE = "MORE_USE"
    LESS_USE = "LESS_USE"
    NEW_USE = "NEW_USE"
    NO_USE = "NO_USE"
    ROAMING = "ROAMING"
    FREE_USED_UP = "FREE_USED_UP"
    MIX = "MIX"
    PRICE = "PRICE"
    PRODUCT_ADDED = "PRODUCT_ADDED"
    PRODUCT_REMOVED = "PRODUCT_REMOVED"
    PRORATION = "PRORATION"
    ONE_TIME = "ONE_TIME"
    ADJUSTMENT = "ADJUSTMENT"
    DISCOUNT_GAINED = "DISCOUNT_GAINED"
    DISCOUNT_LOST = "DISCOUNT_LOST"
    DISCOUNT_CHANGED = "DISCOUNT_CHANGED"
    SHARE = "SHARE"


USAGE_CAUSES = (
    Cause.MORE_USE,
    Cause.LESS_USE,
    Cause.NEW_USE,
    Cause.ROAMING,
    Cause.FREE_USED_UP,
    Cause.MIX,
    Cause.PRICE,
)
LAST_MONTH, THIS_MONTH = Names("上月账单", "Last month"), Names("本月账单", "This month")
A_PRODUCT = Names("产品", "a product")
PHASES = {
    Phase.FREE_RESOURCE: Names("免费资源", "Free resources"),
    Phase.UNIT_PRICE: Names("单价优惠", "Unit prices"),
    Phase.ITEM: Names("账目优惠", "Item discounts"),
    Phase.CROSS: Names("多业务交叉优惠", "Cross-service discounts"),
    Phase.BILL: Names("账单优惠", "Bill discounts"),
    Phase.CAP: Names("费用封顶", "Caps"),
    Phase.MINIMUM: Names("最低消费补差", "Minimum spend"),
    Phase.ROUNDING: Names("取整到分", "Rounding to fen"),
}
KB_IN_MB = 1024


@dataclass(frozen=True)
class Quantity:
    """How an amount of use under a rule is said: in minutes, megabytes, messages or times."""

    group_code: str
    unit_s: int  # seconds in a unit of the rule; 0 if it does not count time

    def of(self, line: LineRow) -> Names:
        """All that was used."""
        used = self.counted(line.units + line.free_units)
        if self.group_code == "G2_VOICE" and line.calls:
            return Names(f"{line.calls} 次、{used.zh}", f"{line.calls} calls, {used.en}")
        return used

    def charged(self, line: LineRow) -> Names:
        """What had to be paid for, beyond free resources."""
        return self.counted(line.units)

    def counted(self, units: int) -> Names:
        """A number of units."""
        if self.unit_s:
            tenths = units * self.unit_s * 10 // 60
            minutes = f"{tenths // 10}" if tenths % 10 == 0 else f"{tenths // 10}.{tenths % 10}"
            return Names(f"{minutes} 分钟", f"{minutes} min")
        if self.group_code == "G3_DATA":
            megabytes = f"{units // KB_IN_MB}.{units % KB_IN_MB * 100 // KB_IN_MB:02d} MB"
            return Names(megabytes, megabytes)
        if self.group_code == "G4_MSG":
            return Names(f"{units} 条", f"{units} messages")
        return Names(f"{units} 次", f"{units} times")


def yuan(li: int) -> str:
    """Li as yuan with two decimals, half up."""
    fen = (abs(li) + 5) // 10
    return f"{'-' if li < 0 else ''}{fen // 100}.{fen % 100:02d}"


def summary(now_fen: int, before_fen: int | None, largest: list[tuple[Names, Names, int]]) -> Names:
    """One sentence for the whole bill; largest holds the item, the sentence and the fen of the main reasons."""
    if before_fen is None:
        return Names("这是该账户的第一张账单。", "This is the first bill of the account.")
    if now_fen == before_fen:
        return Names("与上月相同。", "The same as last month.")
    amount = yuan(abs(now_fen - before_fen) * 10)
    more = now_fen > before_fen
    zh = "；".join(f"{item.zh} {signed(fen)} 元（{sentence.zh}）" for item, sentence, fen in largest)
    en = "; ".join(f"{item.en} {signed(fen)} ({sentence.en})" for item, sentence, fen in largest)
    return Names(
        f"比上月{'多' if more else '少'} {amount} 元，主要原因：{zh}。",
        f"{amount} yuan {'more' if more else 'less'} than last month, mainly: {en}.",
    )


def signed(fen: int) -> str:
    """Fen as yuan with its sign."""
    return f"{'+' if fen > 0 else ''}{yuan(fen * 10)}"


def first_use(cause: Cause, line: LineRow, quantity: Quantity) -> Names:
    """Use there was not last month, or is not any more."""
    used = quantity.of(line)
    if cause == Cause.NO_USE:
        return Names(f"本月未使用（上月 {used.zh}）", f"not used this month (last month {used.en})")
    if cause == Cause.ROAMING:
        return Names(f"本月有漫游使用：{used.zh}", f"used while roaming this month: {used.en}")
    return Names(f"本月新增使用：{used.zh}，上月没有", f"used this month and not last month: {used.en}")


def use(cause: Cause, line: LineRow, was: LineRow, quantity: Quantity, free: Names | None) -> Names:
    """More or less use than last month, use of another kind, or a free resource that is used up."""
    now, before = quantity.of(line), quantity.of(was)
    if cause == Cause.FREE_USED_UP and free is not None:
        over = quantity.charged(line)
        return Names(
            f"“{free.zh}”已用完，超出 {over.zh}（本月共 {now.zh}，上月 {before.zh}）",
            f'"{free.en}" is used up, {over.en} beyond it (this month {now.en}, last month {before.en})',
        )
    zh, en = {
        Cause.MORE_USE: ("使用增加", "more use"),
        Cause.LESS_USE: ("使用减少", "less use"),
    }.get(cause, ("每次费用或时段不同", "another price a time, by kind or time of day"))
    zh, en = f"{zh}：本月 {now.zh}，上月 {before.zh}", f"{en}: {now.en}, last month {before.en}"
    if line.free_units or was.free_units:
        over, over_before = quantity.charged(line), quantity.charged(was)
        zh += f"；其中套餐外 {over.zh}，上月 {over_before.zh}"
        en += f"; beyond what is included {over.en}, last month {over_before.en}"
    return Names(zh, en)


def price(from_on: date) -> Names:
    """A new price of the same rule."""
    return Names(f"资费自 {from_on} 起调整", f"a new price since {from_on}")


def new_fee(offer: Names, before_li: int, now_li: int, from_on: date) -> Names:
    """A new monthly fee of the same product."""
    return Names(
        f"{offer.zh} 月费自 {from_on} 起由 {yuan(before_li)} 元调整为 {yuan(now_li)} 元",
        f"the monthly fee of {offer.en} is {yuan(now_li)} since {from_on}, it was {yuan(before_li)}",
    )


def days(offer: Names, before_days: int, now_days: int) -> Names:
    """The same product charged for another number of days."""
    return Names(
        f"{offer.zh} 本月按 {now_days} 天计费，上月 {before_days} 天（首月、停机或退订折算）",
        f"{offer.en} is charged for {now_days} days, last month for {before_days} (first month, stop or end)",
    )


def added(offer: Names, charged_days: int, month_days: int) -> Names:
    """A product taken since last month."""
    if charged_days < month_days:
        return Names(
            f"新订购 {offer.zh}，按 {charged_days} 天计费", f"{offer.en} was taken, {charged_days} days charged"
        )
    return Names(f"新订购 {offer.zh}", f"{offer.en} was taken")


def removed(offer: Names) -> Names:
    """A product that is not held any more."""
    return Names(f"已退订 {offer.zh}", f"{offer.en} was given up")


def one_time(cause: Cause, note: str, *, is_now: bool) -> Names:
    """A one-time fee or an adjustment, this month or last."""
    zh, en = ("一次性费用", "a one-time fee") if cause == Cause.ONE_TIME else ("调账", "an adjustment")
    if not is_now:
        return Names(f"上月有{zh}，本月没有", f"{en} last month, none this month")
    return Names(f"{zh}：{note}" if note else f"本月有{zh}", f"{en}: {note}" if note else f"{en} this month")


def discount(cause: Cause, name: Names, before_li: int, now_li: int) -> Names:
    """A discount, cap or minimum that came, went or changed."""
    if cause == Cause.DISCOUNT_GAINED:
        return Names(f"享受“{name.zh}”，{yuan(now_li)} 元", f'"{name.en}" applies: {yuan(now_li)}')
    if cause == Cause.DISCOUNT_LOST:
        return Names(
            f"不再适用“{name.zh}”（上月 {yuan(before_li)} 元）",
            f'"{name.en}" no longer applies (it was {yuan(before_li)})',
        )
    return Names(
        f"“{name.zh}”本月 {yuan(now_li)} 元，上月 {yuan(before_li)} 元",
        f'"{name.en}" is {yuan(now_li)}, it was {yuan(before_li)}',
    )


def share() -> Names:
    """What another account pays, or no longer pays, of the item."""
    return Names("付费分摊变化：其他账户承担的部分不同", "other accounts pay another part of this fee")
