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
    frames = {"attributes": users, "relations": relations}
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


def _charges(part: Part, subscriber_id: int) -> tuple[Amounts, dict[str, int]]:
    """A user's fees before discounts at billing, and the units charged for, by item code."""
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
            if rule.offer_id == held["offer_id"]:
                code = codes[rule.item_id]
                fee = _fee(part, subscriber_id, held, rule)
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
    amounts, units = _charges(part, subscriber_id)
    rules = [rule for rule in part.tariff.discounts if _fulfils(part, subscriber_id, rule)]
    groups: dict[str, list[DiscountRule]] = {}
    for rule in sorted(rules, key=lambda rule: (rule.priority, rule.from_day, rule.rule_id)):
        if rule.group:
            groups.setdefault(rule.group, []).append(rule)
    best: Amounts | None = None
    for picked in product(*groups.values()):
        active = [rule for rule in rules if rule.effect != MINIMUM and (not rule.group or rule in picked)]
        tried = dict(amounts)
        for rule in active:
            _apply(rule, [part.tariff.items[column].code for column in sorted(rule.columns)], tried, units)
        if best is None or sum(tried.values()) < sum(best.values()):
            best = tried
    assert best is not None
    lacking = [
        Decimal(rule.value) / 1000 - sum(best.get(part.tariff.items[c].code, Decimal(0)) for c in rule.columns)
        for rule in rules
        if rule.effect == MINIMUM
    ]
    best[SUPPLEMENT] = best.get(SUPPLEMENT, Decimal(0)) + max([Decimal(0), *lacking])
    return best


def _apply(rule: DiscountRule, codes: list[str], amounts: Amounts, units: dict[str, int]) -> None:
    paid = [code for code in codes if amounts.get(code, Decimal(0)) > 0]
    value, total = Decimal(rule.value) / 1000, sum((amounts[code] for code in paid), Decimal(0))
    if rule.effect == CAP:
        if total > value:
            shares = {code: (amounts[code] * value / total).quantize(FEN, ROUND_FLOOR) for code in paid}
            left = value - sum(shares.values())
            for code in reversed(paid):
                back = min(left, amounts[code] - shares[code])
                shares[code] += back
                left -= back
            amounts.update(shares)
        return
    volume = Decimal(sum(units.get(code, 0) for code in codes)) if rule.tier_measure == 1 else total * 1000
    left = value
    for code in paid:
        off = Decimal(0)
        if rule.effect == PERCENT:
            off = (amounts[code] * rule.value / 1_000_000).quantize(FEN, ROUND_HALF_UP)
        elif rule.effect == AMOUNT:
            off = min(left, amounts[code])
            left -= off
        elif rule.effect == FIXED:
            off = max(amounts[code] - value, Decimal(0))
        elif rule.effect == TIERS and volume > 0:
            off = _tier_off(rule, amounts[code], volume)
        amounts[code] -= min(off, amounts[code])


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
    user = part.rows["attributes"][subscriber_id][0]
    cut_on = part.month[-1] + timedelta(days=1)
    last_on = (
        part.month[-1] if user["closed_on"] is None else min(part.month[-1], user["closed_on"] - timedelta(days=1))
    )
    holds = _holds_at(part, subscriber_id, rule.offer_id, last_on)
    when = rule.when
    return (rule.for_all or holds) and all(
        (
            "age_min" not in when or _years(user["born_on"], cut_on, -1) >= int(when["age_min"]),
            "age_max" not in when or _years(user["born_on"], cut_on, 10**6) <= int(when["age_max"]),
            "tenure_months_min" not in when or _months(user["opened_on"], cut_on) >= int(when["tenure_months_min"]),
            *(
                name not in when or user[name] in (when[name] if isinstance(when[name], list) else [when[name]])
                for name in ("customer_class", "vip_level", "brand")
            ),
            not when.get("birthday_month") or (user["born_on"] and user["born_on"].month == part.month[0].month),
            "holds" not in when or any(_holds_at(part, subscriber_id, offer_id, last_on) for offer_id in when["holds"]),
            "star_min" not in when or user["star"] >= int(when["star_min"]),
            "items_sum" not in when
            or _spent(part, subscriber_id, when["items_sum"]) >= Decimal(when["items_sum"]["min"]),
        )
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


def _spent(part: Part, subscriber_id: int, wanted: dict[str, Any]) -> Decimal:
    codes = wanted["items"] if isinstance(wanted["items"], list) else [wanted["items"]]

    def key(one: int) -> Any:
        if wanted.get("scope", "USER") == "USER":
            return one
        if wanted["scope"] == "CUSTOMER":
            return part.rows["attributes"][one][0]["customer_id"]
        return next(row["account_id"] for row in part.rows["relations"][one] if row["mode"] == "REST")

    related = [one for one in part.rows["attributes"] if key(one) == key(subscriber_id)]
    return sum((_charges(part, one)[0].get(code, Decimal(0)) for one in related for code in codes), Decimal(0))


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
