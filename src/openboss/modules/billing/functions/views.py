"""Bills as pages and documents show them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from openboss.modules.billing import atomic
from openboss.modules.billing.atomic import BillNotFound, BillRow, ChoiceRow
from openboss.modules.catalog.atomic import BillItemTypeView, bill_item_types, rule_names
from openboss.modules.customers import functions as customers


@dataclass(frozen=True)
class Names:
    """A text in both languages."""

    zh: str
    en: str

    def of(self, language: str) -> str:
        """The text in a language, zh or en."""
        return self.zh if language.startswith("zh") else self.en


NO_NAMES = Names("", "")


@dataclass(frozen=True)
class ItemView:
    """One kind of fee of one user on a bill; discount_fen is what was saved against the standard fee (D6.12)."""

    item_id: int
    code: str
    names: Names
    std_fen: int
    discount_fen: int
    due_fen: int


@dataclass(frozen=True)
class GroupView:
    """A display group of items (D7.6)."""

    code: str
    names: Names
    items: tuple[ItemView, ...]
    due_fen: int


@dataclass(frozen=True)
class FreeView:
    """A free resource with what was used of it; carried is the part of granted that came from last month."""

    rule_id: int
    names: Names
    unit: int
    granted: int
    carried: int
    used: int


@dataclass(frozen=True)
class DiscountView:
    """A discount rule that acted on a user's fees: money off is negative. A rejected alternative was not applied."""

    rule_id: int
    names: Names
    offer: Names
    phase: int
    chosen: bool
    effect_li: int
    payable_li: int


@dataclass(frozen=True)
class UserPart:
    """What a bill says about one user; number is an int in E.164, 0 if unknown."""

    subscriber_id: int
    number: int
    groups: tuple[GroupView, ...]
    free: tuple[FreeView, ...]
    discounts: tuple[DiscountView, ...]
    due_fen: int


@dataclass(frozen=True)
class BillView:
    """A bill with everything on it; groups add up all users."""

    row: BillRow
    customer_name: str  # in clear: mask it where the law asks
    users: tuple[UserPart, ...]
    groups: tuple[GroupView, ...]
    released: bool


@dataclass(frozen=True)
class FeeView:
    """A fee of a user that is no use: before discounts at billing, and before it is shared."""

    source: str  # RECURRING, ONE_TIME, THIRD_PARTY, ADJUSTMENT
    item_id: int
    rule_id: int
    std_li: int
    act_li: int


def fees_of(*, cycle: int, subscriber_id: int) -> list[FeeView]:
    """List the fees of a user's month beside use, once its bills are calculated (CHG-38)."""
    return [
        FeeView(atomic.Source(line.source).name, line.item_id, line.rule_id, line.std_li, line.act_li)
        for line in atomic.lines_of(cycle=cycle, subscriber_ids=[subscriber_id])
        if line.reference_id  # of use there is none
    ]


def list_bills(
    *, filters: Mapping[str, Any], sort: str = "-bill_id", page: int = 1, page_size: int = 50
) -> tuple[list[BillRow], int, dict[str, int]]:
    """One page of bills, how many match in all, and sums over all that match (std_fen, discount_fen, total_fen).

    filters  any of cycle, state, account_id, customer_id, bill_id, min_fen, max_fen
    """
    return atomic.bill_rows(filters=filters, sort=sort, page=page, page_size=page_size)


def find_bill(bill_no: str) -> BillRow:
    """Find a bill by the number printed on it. Raises BillNotFound."""
    if not bill_no.strip().isdecimal():
        raise BillNotFound(bill_no)
    return atomic.bill_row(bill_id=int(bill_no))


def bill_exists(*, bill_id: int) -> bool:
    """Say whether there is a bill with this id or number."""
    try:
        atomic.bill_row(bill_id=bill_id)
    except BillNotFound:
        return False
    return True


def bills_of_customer(*, customer_id: int, months: int) -> list[BillRow]:
    """The bills of a customer's accounts in the newest months, newest first."""
    accounts = [account.account_id for account in customers.accounts_of_customer(customer_id=customer_id)]
    return atomic.bills_of_accounts(account_ids=accounts, months=months)


def bill(bill_id: int) -> BillView:
    """Read a bill with its users, groups, items, free resources and discounts. Raises BillNotFound."""
    row = atomic.bill_row(bill_id=bill_id)
    items = atomic.items_of_bill(bill_id=bill_id)
    types = {one.item_id: one for one in bill_item_types()}
    subscriber_ids = sorted({item.subscriber_id for item in items})
    free = atomic.free_use_of(cycle=row.cycle, subscriber_ids=subscriber_ids)
    choices = atomic.choices_of(cycle=row.cycle, subscriber_ids=subscriber_ids)
    rules = rule_names({one.rule_id for one in free} | {one.rule_id for one in choices})
    cycle = atomic.cycle_view(cycle=row.cycle)
    last_moment = atomic.calendar_of(row.cycle).cut_at - timedelta(seconds=1)
    numbers = customers.numbers_of_subscribers(subscriber_ids=subscriber_ids, at=last_moment)
    users = []
    for subscriber_id in subscriber_ids:
        own = [item for item in items if item.subscriber_id == subscriber_id]
        users.append(
            UserPart(
                subscriber_id=subscriber_id,
                number=numbers.get(subscriber_id, 0),
                groups=grouped(own, types),
                free=tuple(
                    FreeView(one.rule_id, rule_text(rules, one.rule_id), one.unit, one.granted, one.carried, one.used)
                    for one in free
                    if one.subscriber_id == subscriber_id
                ),
                discounts=_discounts([one for one in choices if one.subscriber_id == subscriber_id], rules),
                due_fen=sum(item.due_fen for item in own),
            )
        )
    return BillView(
        row=row,
        customer_name=customers.name_on_bill(customer_id=row.customer_id),
        users=tuple(users),
        groups=grouped(items, types),
        released=cycle.state in ("RELEASED", "CLOSED"),
    )


def grouped(items: list[atomic.ItemRow], types: dict[int, BillItemTypeView]) -> tuple[GroupView, ...]:
    """Add items up by kind and put them into their display groups, in the order of a bill."""
    sums: dict[int, list[int]] = {}
    for item in items:
        figures = sums.setdefault(item.item_id, [0, 0, 0])
        for place, fen in enumerate((item.std_fen, item.discount_fen, item.due_fen)):
            figures[place] += fen
    views: dict[str, list[ItemView]] = {}
    for item_id in sorted(sums, key=lambda one: types[one].sort_order):
        kind = types[item_id]
        view = ItemView(item_id, kind.code, Names(kind.name_zh, kind.name_en), *sums[item_id])
        views.setdefault(kind.group_code, []).append(view)
    named = {kind.group_code: Names(kind.group_zh, kind.group_en) for kind in types.values()}
    return tuple(
        GroupView(code, named[code], tuple(views[code]), sum(item.due_fen for item in views[code]))
        for code in sorted(views)
    )


def rule_text(rules: Mapping[int, Any], rule_id: int) -> Names:
    """The names of a rule, with nothing for an unknown one."""
    rule = rules.get(rule_id)
    return Names(rule.name_zh, rule.name_en) if rule else NO_NAMES


def _discounts(choices: list[ChoiceRow], rules: Mapping[int, Any]) -> tuple[DiscountView, ...]:
    """Add a user's choices up by rule, in the order of the phases."""
    sums: dict[int, int] = {}
    first: dict[int, ChoiceRow] = {}
    for one in choices:
        sums[one.rule_id] = sums.get(one.rule_id, 0) + one.effect_li
        first.setdefault(one.rule_id, one)
    return tuple(
        DiscountView(
            rule_id,
            rule_text(rules, rule_id),
            Names(rules[rule_id].offer_zh, rules[rule_id].offer_en) if rule_id in rules else NO_NAMES,
            one.phase,
            one.chosen,
            sums[rule_id],
            one.payable_li,
        )
        for rule_id, one in first.items()
    )
