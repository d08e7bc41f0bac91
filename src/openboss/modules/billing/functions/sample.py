"""An independent simple calculator: works out one user's items again, in exact decimals, for the audit (D7.7).

It reads the same inputs as the bill run and shares no arithmetic with it: no kernel, no arrays, one user at a time.
Amounts are yuan as Decimal. The order of things is the one of docs/algorithms.
"""

import calendar
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal
from itertools import product
from typing import Any

import polars as pl

from openboss.modules.billing.functions.run_files import RunFiles
from openboss.modules.billing.functions.tariff_of_run import SUPPLEMENT, DiscountRule, RunTariff

FEN = Decimal("0.01")
PERCENT, AMOUNT, FIXED, CAP, TIERS, MINIMUM = 1, 2, 3, 4, 5, 6
FREE_BY_DAY, FREE_BY_MONTH = ("REQ_HOLD", "OPERATOR", "PRETERM"), ("ARREARS_2",)
Amounts = dict[str, Decimal]
Cell = tuple[str, int]  # item code, user
Cells = dict[Cell, Decimal]


@dataclass
class Part:
    """The inputs of one part as rows by user."""

    cycle: int
    tariff: RunTariff
    rows: dict[str, dict[int, list[dict[str, Any]]]]

    @property
    def month(self) -> list[date]:
        """Every day of the cycle."""
        year, month = divmod(self.cycle, 100)
        return [date(year, month, day) for day in range(1, calendar.monthrange(year, month)[1] + 1)]


def read_part(files: RunFiles, part: int, tariff: RunTariff, subscriber_ids: list[int]) -> Part:
    """Read the inputs of some users of a part, as COLLECT wrote them, and of those who share customer or account."""
    users, relations = files.get(part, "attributes"), files.get(part, "relations")
    customers = users.filter(pl.col("subscriber_id").is_in(subscriber_ids)).select("customer_id")
    rest = relations.filter(pl.col("mode") == "REST")
    accounts = rest.filter(pl.col("subscriber_id").is_in(subscriber_ids)).select("account_id")
    related = pl.concat(
        [
            users.join(customers, on="customer_id", how="semi").select("subscriber_id"),
            rest.join(accounts, on="account_id", how="semi").select("subscriber_id"),
        ]
    )
    groups = files.get(part, "members")
    if any(rule.to in ("FAMILY", "VPMN") for rule in tariff.discounts):  # each family of a part may tie further ones
        related = users.select("subscriber_id")
    frames = {"attributes": users, "relations": relations, "members": groups, "past": files.get(part, "past")}
    frames |= {name: files.get(part, name) for name in ("usage", "charges", "holdings", "stops")}
    chosen = {name: frame.join(related, on="subscriber_id", how="semi") for name, frame in frames.items()}
    return Part(files.cycle, tariff, {name: _by_user(frame) for name, frame in chosen.items()})


def _by_user(frame: pl.DataFrame) -> dict[int, list[dict[str, Any]]]:
    found: dict[int, list[dict[str, Any]]] = {}
    for row in frame.iter_rows(named=True):
        found.setdefault(row["subscriber_id"], []).append(row)
    return found


def due_of(part: Part, subscriber_id: int) -> dict[tuple[int, int], int]:
    """Work out what is due for a user: fen by account and item id; items of nothing are left out."""
    amounts = _discounted(part, subscriber_id)
    item_ids = {item.code: item.item_id for item in part.tariff.items}
    left_of_limits = {row["relation_id"]: Decimal(row["value"]) / 100 for row in _relations(part, subscriber_id)}
    due: dict[tuple[int, int], int] = {}
    for item in part.tariff.items:
        amount = amounts.get(item.code, Decimal(0)).quantize(FEN, ROUND_HALF_UP)
        for account_id, share in _shares(part, subscriber_id, item.code, item.group_code, amount, left_of_limits):
            place = account_id, item_ids[item.code]
            due[place] = due.get(place, 0) + int(share * 100)
    return {place: fen for place, fen in due.items() if fen}


def _charges(part: Part, subscriber_id: int, *, sure: bool = False) -> tuple[Amounts, dict[str, int]]:
    """A user's fees before discounts at billing, and the units charged for, by item code.

    sure  leave out fees that ask something: what they ask is counted without them
    """
    codes = {item.item_id: item.code for item in part.tariff.items}
    amounts: Amounts = {}
    units: dict[str, int] = {}
    for row in part.rows["usage"].get(subscriber_id, []):
        code = codes[row["item_id"]]
        amounts[code] = amounts.get(code, Decimal(0)) + Decimal(row["act_li"]) / 1000
        units[code] = units.get(code, 0) + row["units"]
    for row in part.rows["charges"].get(subscriber_id, []):
        code = codes[row["item_id"]]
        amounts[code] = amounts.get(code, Decimal(0)) + Decimal(row["charge_li"]) / 1000
    for held in part.rows["holdings"].get(subscriber_id, []):
        for rule in part.tariff.recurring:
            asked = not rule.when or (not sure and _meets(part, subscriber_id, rule.when, sure=True))
            if rule.offer_id == held["offer_id"] and asked:
                code = codes[rule.item_id]
                fee = _fee(part, subscriber_id, held, rule)
                amounts[code] = amounts.get(code, Decimal(0)) + fee
        for once in part.tariff.one_time:
            taken_back = held["to_on"] is not None and held["to_on"] <= held["from_on"]
            if once.offer_id == held["offer_id"] and part.month[0] <= held["from_on"] <= part.month[-1]:
                code = codes[once.item_id]
                fee = Decimal(0) if taken_back else Decimal(once.fee_li) / 1000
                amounts[code] = amounts.get(code, Decimal(0)) + fee
    return amounts, units


def _fee(part: Part, subscriber_id: int, held: dict[str, Any], rule: Any) -> Decimal:
    month, full = part.month, Decimal(rule.fee_li) / 1000
    age = (month[0].year - held["from_on"].year) * 12 + month[0].month - held["from_on"].month
    if age % rule.every or (rule.cycles and age >= rule.cycles):
        return Decimal(0)
    stopped = set() if rule.in_stops else _days_without_rent(part, subscriber_id)
    until = held["to_on"] or date.max
    charged = [day for day in month if held["from_on"] <= day < until and day not in stopped]
    if not charged:
        return Decimal(0)
    if held["from_on"] >= month[0]:
        chosen = held["first_month"] if rule.first_month == 1 else ("FULL", "", "HALF", "NONE")[rule.first_month]
        if chosen == "FULL":
            return full
        if chosen == "HALF":
            return (full / 2).quantize(FEN, ROUND_HALF_UP)
        if chosen != "PRORATE":
            return Decimal(0)
    return (full * len(charged) / len(month)).quantize(FEN, ROUND_HALF_UP)


def _days_without_rent(part: Part, subscriber_id: int) -> set[date]:
    free: set[date] = set()
    for stop in part.rows["stops"].get(subscriber_id, []):
        until = stop["to_on"] or date.max
        days = {day for day in part.month if stop["from_on"] <= day < until}
        if stop["reason"] in FREE_BY_DAY or (stop["reason"] in FREE_BY_MONTH and len(days) == len(part.month)):
            free |= days
    return free


def _discounted(part: Part, subscriber_id: int) -> Amounts:
    """Try every allowed set of rules and keep the cheapest; then fill up to the minimum."""
    users = _billed_together(part, subscriber_id)
    amounts: Cells = {}
    units: dict[Cell, int] = {}
    for user in users:
        own, counted = _charges(part, user)
        amounts |= {(code, user): amount for code, amount in own.items()}
        units |= {(code, user): count for code, count in counted.items()}
    acting = [one for rule in part.tariff.discounts for one in _acting(part, rule, users)]
    groups: dict[str, list[Acting]] = {}
    for one in sorted(acting, key=lambda one: (one.rule.priority, one.rule.from_day, one.rule.rule_id)):
        if one.rule.group:
            groups.setdefault(f"{one.rule.group}/{one.key}", []).append(one)
    best: Cells | None = None
    for picked in product(*(groups[name] for name in sorted(groups))):
        tried = dict(amounts)
        for one in acting:
            if one.rule.effect != MINIMUM and (not one.rule.group or one in picked):
                _apply(one.rule, one.cells(part), tried, units)
        if best is None or sum(tried.values()) < sum(best.values()):
            best = tried
    assert best is not None
    _fill_up(part, [one for one in acting if one.rule.effect == MINIMUM and one.rule.to == "USER"], best)
    _fill_up(part, [one for one in acting if one.rule.effect == MINIMUM and one.rule.to != "USER"], best)
    return {code: amount for (code, user), amount in best.items() if user == subscriber_id}


@dataclass(frozen=True)
class Acting:
    """A rule that acts on some users' items as on one's."""

    rule: DiscountRule
    users: tuple[int, ...]
    key: int

    def cells(self, part: Part) -> list[Cell]:
        """The items it acts on, in settlement order."""
        return [(part.tariff.items[column].code, user) for column in sorted(self.rule.columns) for user in self.users]


def _acting(part: Part, rule: DiscountRule, users: list[int]) -> list[Acting]:
    if rule.to == "USER":
        return [Acting(rule, (user,), place) for place, user in enumerate(users) if _fulfils(part, user, rule)]
    keys = {user: _key(part, user, rule.to) for user in users}
    brought = sorted({keys[user] for user in users if _fulfils(part, user, rule)})
    return [Acting(rule, tuple(user for user in users if keys[user] == key), key) for key in brought]


def _billed_together(part: Part, subscriber_id: int) -> list[int]:
    """Everybody tied to a user by the accounts and groups that some rule gives one discount."""
    scopes = {
        rule.to
        for rule in part.tariff.discounts
        if rule.to != "USER" and any(_fulfils(part, user, rule) for user in part.rows["attributes"])
    }
    found = {subscriber_id}
    while True:
        keys = {(scope, _key(part, user, scope)) for scope in scopes for user in found}
        more = {u for u in part.rows["attributes"] for scope in scopes if (scope, _key(part, u, scope)) in keys}
        if more <= found:
            return sorted(found)
        found |= more


def _fill_up(part: Part, minimums: list[Acting], amounts: Cells) -> None:
    lacking: dict[tuple[int, ...], Decimal] = {}
    for one in minimums:
        counted = one.cells(part)
        if one.rule.to != "USER":
            counted = [*counted, *((SUPPLEMENT, user) for user in one.users)]
        missing = Decimal(one.rule.value) / 1000 - sum(amounts.get(cell, Decimal(0)) for cell in counted)
        lacking[one.users] = max(lacking.get(one.users, Decimal(0)), missing)
    for users, missing in lacking.items():
        place = SUPPLEMENT, users[0]
        amounts[place] = amounts.get(place, Decimal(0)) + missing


def _apply(rule: DiscountRule, cells: list[Cell], amounts: Cells, units: dict[Cell, int]) -> None:
    paid = [cell for cell in cells if amounts.get(cell, Decimal(0)) > 0]
    value, total = Decimal(rule.value) / 1000, sum((amounts[cell] for cell in paid), Decimal(0))
    if rule.effect == CAP:
        if total > value:
            shares = {cell: (amounts[cell] * value / total).quantize(FEN, ROUND_FLOOR) for cell in paid}
            left = value - sum(shares.values())
            for cell in reversed(paid):
                back = min(left, amounts[cell] - shares[cell])
                shares[cell] += back
                left -= back
            amounts.update(shares)
        return
    volume = Decimal(sum(units.get(cell, 0) for cell in cells)) if rule.tier_measure == 1 else total * 1000
    left = value
    for cell in paid:
        off = Decimal(0)
        if rule.effect == PERCENT:
            off = (amounts[cell] * rule.value / 1_000_000).quantize(FEN, ROUND_HALF_UP)
        elif rule.effect == AMOUNT:
            off = min(left, amounts[cell])
            left -= off
        elif rule.effect == FIXED:
            off = max(amounts[cell] - value, Decimal(0))
        elif rule.effect == TIERS and volume > 0:
            off = _tier_off(rule, amounts[cell], volume)
        amounts[cell] -= min(off, amounts[cell])


def _tier_off(rule: DiscountRule, full_yuan: Decimal, measured: Decimal) -> Decimal:
    off = Decimal(0)
    for place, (above, ppm) in enumerate(rule.tiers):
        if measured <= above:
            break
        if rule.tier_mode == 2:
            off = (full_yuan * ppm / 1_000_000).quantize(FEN, ROUND_HALF_UP)
            continue
        upper = min(measured, Decimal(rule.tiers[place + 1][0])) if place + 1 < len(rule.tiers) else measured
        in_step = (full_yuan * (upper - above) / measured).quantize(Decimal("0.001"), ROUND_HALF_UP)
        off += (in_step * ppm / 1_000_000).quantize(FEN, ROUND_HALF_UP)
    return off


def _fulfils(part: Part, subscriber_id: int, rule: DiscountRule) -> bool:
    holds = _holds_at(part, subscriber_id, rule.offer_id, _last_on(part, subscriber_id))
    return (rule.for_all or holds) and _meets(part, subscriber_id, rule.when)


def _last_on(part: Part, subscriber_id: int) -> date:
    closed_on = part.rows["attributes"][subscriber_id][0]["closed_on"]
    return part.month[-1] if closed_on is None else min(part.month[-1], closed_on - timedelta(days=1))


def _meets(part: Part, subscriber_id: int, when: dict[str, Any], *, sure: bool = False) -> bool:
    user = part.rows["attributes"][subscriber_id][0]
    cut_on, last_on = part.month[-1] + timedelta(days=1), _last_on(part, subscriber_id)
    groups = {row["kind"] for row in part.rows["members"].get(subscriber_id, [])}
    return all(
        (
            "age_min" not in when or _years(user["born_on"], cut_on, -1) >= int(when["age_min"]),
            "age_max" not in when or _years(user["born_on"], cut_on, 10**6) <= int(when["age_max"]),
            "tenure_months_min" not in when or _months(user["opened_on"], cut_on) >= int(when["tenure_months_min"]),
            *(name not in when or user[name] in _list(when[name]) for name in ("customer_class", "vip_level", "brand")),
            not when.get("birthday_month") or (user["born_on"] and user["born_on"].month == part.month[0].month),
            "holds" not in when or any(_holds_at(part, subscriber_id, offer_id, last_on) for offer_id in when["holds"]),
            "star_min" not in when or user["star"] >= int(when["star_min"]),
            "certificates" not in when or set(user["certificates"].split(",")) & set(_list(when["certificates"])),
            "groups" not in when or groups & set(_list(when["groups"])),
            "items_sum" not in when
            or _between(_spent(part, subscriber_id, when["items_sum"], sure=sure), when["items_sum"]),
            "past_sum" not in when or _between(_spent_before(part, subscriber_id, when["past_sum"]), when["past_sum"]),
        )
    )


def _between(spent: Decimal, wanted: dict[str, Any]) -> bool:
    enough = "min" not in wanted or spent >= Decimal(wanted["min"])
    return enough and ("below" not in wanted or spent < Decimal(wanted["below"]))


def _spent_before(part: Part, subscriber_id: int, wanted: dict[str, Any]) -> Decimal:
    codes = {item.item_id: item.code for item in part.tariff.items}
    first_on = part.month[0]
    for _ in range(int(wanted["cycles"])):
        first_on = (first_on - timedelta(days=1)).replace(day=1)
    since = first_on.year * 100 + first_on.month
    return sum(
        (
            Decimal(row["due_fen"]) / 100
            for row in part.rows["past"].get(subscriber_id, [])
            if since <= row["cycle"] < part.cycle and codes[row["item_id"]] in _list(wanted["items"])
        ),
        Decimal(0),
    )


def _holds_at(part: Part, subscriber_id: int, offer_id: int, last_on: date) -> bool:
    cut_on = part.month[-1] + timedelta(days=1)
    return any(
        held["offer_id"] == offer_id and held["from_on"] < cut_on and (held["to_on"] or date.max) > last_on
        for held in part.rows["holdings"].get(subscriber_id, [])
    )


def _months(since: date, until: date) -> int:
    return (until.year - since.year) * 12 + until.month - since.month - (since.day > until.day)


def _years(since: date | None, until: date, unknown: int) -> int:
    return unknown if since is None else _months(since, until) // 12


def _spent(part: Part, subscriber_id: int, wanted: dict[str, Any], *, sure: bool) -> Decimal:
    scope = wanted.get("scope", "USER")
    mine = _key(part, subscriber_id, scope)
    related = [one for one in part.rows["attributes"] if _key(part, one, scope) == mine]
    charges = [_charges(part, one, sure=sure)[0] for one in related]
    return sum((own.get(code, Decimal(0)) for own in charges for code in _list(wanted["items"])), Decimal(0))


def _key(part: Part, subscriber_id: int, scope: str) -> int:
    """What users of a scope have in common; a negative number of their own where there is nothing."""
    if scope == "CUSTOMER":
        return int(part.rows["attributes"][subscriber_id][0]["customer_id"])
    if scope == "ACCOUNT":
        rest = [row["account_id"] for row in part.rows["relations"][subscriber_id] if row["mode"] == "REST"]
        return int(min(rest))
    groups = [row["group_id"] for row in part.rows["members"].get(subscriber_id, []) if row["kind"] == scope]
    return min(groups, default=-1 - subscriber_id)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _relations(part: Part, subscriber_id: int) -> list[dict[str, Any]]:
    return sorted(part.rows["relations"][subscriber_id], key=lambda row: (row["priority"], row["relation_id"]))


def _shares(
    part: Part, subscriber_id: int, code: str, group: str, due_yuan: Decimal, left_of_limits: dict[int, Decimal]
) -> list[tuple[int, Decimal]]:
    """Who pays how much of one item."""
    relations = _relations(part, subscriber_id)
    shares, left = [], due_yuan
    for scope in (code, group, "ALL"):
        for row in relations:
            if row["item_scope"] != scope or row["mode"] == "REST" or not left:
                continue
            taken = left
            if row["mode"] == "RATIO":
                share = (abs(due_yuan) * row["value"] / 10_000).quantize(FEN, ROUND_FLOOR)
                taken = min(share, left) if due_yuan > 0 else max(-share, left)
            elif row["mode"] == "LIMIT":
                taken = max(min(left, left_of_limits[row["relation_id"]]), Decimal(0))
                left_of_limits[row["relation_id"]] -= taken
            shares.append((row["account_id"], taken))
            left -= taken
    return [*shares, *((row["account_id"], left) for row in relations if row["mode"] == "REST")]
