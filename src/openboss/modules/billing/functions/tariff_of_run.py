"""The part of the catalog a bill run needs: bill items in settlement order, recurring fees, discount rules.

Read from the tariff documents in force at the bill cut and kept with the run, so that a restart, the audit and an
explanation work with the same rules.
"""

from dataclasses import asdict, dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from openboss.kernel.discounts import Effect, Measure, Phase, TierMode
from openboss.kernel.proration import FirstMonth
from openboss.kernel.rounding import PPM
from openboss.modules.catalog.compiler import with_tax

SETTLEMENT_ORDER = ("G1_FIXED", "G2_VOICE", "G3_DATA", "G4_MSG", "G5_VAS", "G7_OTHER", "G6_THIRD")
SUPPLEMENT = "MIN_SUPPLEMENT"
ALL_ITEMS = "ALL"


class DiscountRefused(ValueError):
    """A discount, cap or recurring fee of a tariff cannot be billed; the message names the offer, rule and field."""


@dataclass(frozen=True)
class Item:
    """A kind of bill item; its place in the list of items is its column."""

    item_id: int
    code: str
    group_code: str
    third: bool
    no_discount: bool


@dataclass(frozen=True)
class RecurringRule:
    """A monthly fee of an offer."""

    rule_id: int
    offer_id: int
    item_id: int
    fee_li: int
    first_month: int
    in_stops: bool  # charged whatever stops the service, such as the keep-number fee
    every: int = 1  # due every so many cycles of the product
    cycles: int = 0  # due in the first so many cycles only; 0 = in all
    when: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class OneTimeRule:
    """A fee of an offer that is due on the bill of the cycle in which a product begins."""

    rule_id: int
    offer_id: int
    item_id: int
    fee_li: int


@dataclass(frozen=True)
class DiscountRule:
    """A discount, cap or minimum of an offer; value as in kernel.discounts.Effect, conditions as in the document."""

    rule_id: int
    offer_id: int
    for_all: bool
    phase: int
    effect: int
    value: int
    columns: list[int]
    priority: int
    from_day: int
    group: str
    tier_mode: int
    tier_measure: int
    tiers: list[tuple[int, int]]
    when: dict[str, Any] = field(default_factory=dict)
    to: str = "USER"  # whose items it acts on together: USER, ACCOUNT, FAMILY, VPMN


@dataclass(frozen=True)
class RunTariff:
    """Everything of the catalog that a run uses."""

    items: list[Item]
    recurring: list[RecurringRule]
    discounts: list[DiscountRule]
    one_time: list[OneTimeRule] = field(default_factory=list)

    @property
    def past_cycles(self) -> int:
        """How many cycles back some rule asks for what was spent."""
        asked = [rule.when.get("past_sum") for rule in self.discounts]
        asked += [rule.when.get("past_sum") for rule in self.recurring]
        return max((int(one["cycles"]) for one in asked if one), default=0)

    @property
    def columns(self) -> dict[str, int]:
        """The column of each item code."""
        return {item.code: column for column, item in enumerate(self.items)}


def tariff_of(versions: list[Any], item_types: list[Any]) -> RunTariff:
    """Read the rules for billing from offers in force.

    versions    catalog.atomic.OfferVersionView; of each offer the last of the cycle counts: fees are due at the cut
    item_types  catalog.atomic.BillItemTypeView
    Raises DiscountRefused.
    """
    items = sorted(
        (Item(one.item_id, one.code, one.group_code, one.is_third, one.no_discount) for one in item_types),
        key=lambda item: (
            item.code != "LATE_FEE",
            SETTLEMENT_ORDER.index(item.group_code),
            next(one.sort_order for one in item_types if one.item_id == item.item_id),
        ),
    )
    tariff = RunTariff(items, [], [])
    newest = {version.offer_id: version for version in sorted(versions, key=lambda version: version.from_on)}
    for version in newest.values():
        _read_version(version, tariff, {one.code: one.offer_id for one in newest.values()})
    _refuse_mixed_groups(tariff.discounts)
    tariff.discounts.sort(key=lambda rule: (rule.phase, rule.priority, rule.from_day, rule.rule_id))
    return tariff


def _refuse_mixed_groups(rules: list[DiscountRule]) -> None:
    """Rules that exclude one another must act on the same: which would a user's rule exclude of three users' own?"""
    scopes: dict[str, str] = {}
    for rule in rules:
        if rule.group and scopes.setdefault(rule.group, rule.to) != rule.to:
            both = f"{scopes[rule.group]} and to {rule.to}"
            raise DiscountRefused(f"exclusion group {rule.group} has rules to {both}; write a group for each")


def as_json(tariff: RunTariff) -> dict[str, Any]:
    """Turn a run's tariff into plain values for keeping."""
    return asdict(tariff)


def from_json(kept: dict[str, Any]) -> RunTariff:
    """Turn kept values into a run's tariff again."""
    return RunTariff(
        [Item(**item) for item in kept["items"]],
        [RecurringRule(**rule) for rule in kept["recurring"]],
        [DiscountRule(**{**rule, "tiers": [tuple(step) for step in rule["tiers"]]}) for rule in kept["discounts"]],
        [OneTimeRule(**rule) for rule in kept.get("one_time", [])],
    )


def _read_version(version: Any, tariff: RunTariff, offer_ids: dict[str, int]) -> None:
    columns = tariff.columns
    document = with_tax(version.document, version.code)
    for fee in document.get("one_time") or []:
        if fee.get("paid", "BILL") != "BILL":
            continue  # at the counter, as a line of the order
        where = f"{version.code} {fee['rule']}"
        item_id = tariff.items[_column(columns, fee["item"], where)].item_id
        tariff.one_time.append(
            OneTimeRule(version.rule_ids[fee["rule"]], version.offer_id, item_id, _li(fee["fee"], where))
        )
    for fee in document.get("recurring") or []:
        where = f"{version.code} {fee['rule']}"
        tariff.recurring.append(
            RecurringRule(
                rule_id=version.rule_ids[fee["rule"]],
                offer_id=version.offer_id,
                item_id=tariff.items[_column(columns, fee["item"], where)].item_id,
                fee_li=_li(fee["fee"], where),
                first_month=FirstMonth[fee.get("first_month", "PRORATE")],
                in_stops=fee["item"] == "KEEP_NO",
                every=fee.get("every") or 1,
                cycles=fee.get("cycles") or 0,
                when=_with_offer_ids(fee.get("when") or {}, offer_ids, where),
            )
        )
    for cap in version.document.get("caps") or []:
        if cap.get("over", "CYCLE") != "CYCLE" or "by" in cap or "cap" not in cap:
            continue  # bounds a day, a place or a volume: rating has applied it, and a month's sum cannot show it again
        rule = {**cap, "phase": "P6", "effect": {"cap": cap["cap"]}}
        tariff.discounts.append(_read_discount(version, rule, tariff, offer_ids))
    for rule in version.document.get("discounts") or []:
        tariff.discounts.append(_read_discount(version, rule, tariff, offer_ids))


def _read_discount(version: Any, rule: dict[str, Any], tariff: RunTariff, offer_ids: dict[str, int]) -> DiscountRule:
    where = f"{version.code} {rule['rule']}"
    effect, value, tiers = _effect(rule["effect"], where)
    try:
        phase = Phase(int(str(rule["phase"]).removeprefix("P")))
    except ValueError:
        raise DiscountRefused(f"{where}: phase {rule['phase']} is unknown; P3 to P7") from None
    if (phase == Phase.MINIMUM) != (effect == Effect.MINIMUM) or phase < Phase.ITEM:
        raise DiscountRefused(f"{where}: phase {rule['phase']} does not suit the effect; a minimum is P7, others P3-P6")
    spec = rule["effect"].get("tiers") or {}
    return DiscountRule(
        rule_id=version.rule_ids[rule["rule"]],
        offer_id=version.offer_id,
        for_all=version.kind == "STANDARD",
        phase=phase,
        effect=effect,
        value=value,
        columns=_targets(rule, effect, tariff, where),
        priority=int(rule.get("priority", 50)),
        from_day=(version.from_on - date(1970, 1, 1)).days,
        group=rule.get("exclusion_group") or "",
        tier_mode=TierMode[spec.get("mode", "MARGINAL")],
        tier_measure=Measure[str(spec.get("measure", "units")).upper()],
        tiers=tiers,
        when=_with_offer_ids(rule.get("when") or {}, offer_ids, where),
        to=rule.get("to") or "USER",
    )


def _with_offer_ids(when: dict[str, Any], offer_ids: dict[str, int], where: str) -> dict[str, Any]:
    """Turn the offers a condition names by code into their ids."""
    if "holds" not in when:
        return when
    codes = when["holds"] if isinstance(when["holds"], list) else [when["holds"]]
    for code in codes:
        if code not in offer_ids:
            raise DiscountRefused(f"{where}: holds names {code}, and there is no such offer in force")
    return {**when, "holds": [offer_ids[code] for code in codes]}


def _effect(effect: dict[str, Any], where: str) -> tuple[Effect, int, list[tuple[int, int]]]:
    """Read the effect of a discount as the kernel's kind, value and steps."""
    if len(effect) != 1:
        raise DiscountRefused(f"{where}: write exactly one effect")
    ((kind, value),) = effect.items()
    if kind == "percent":
        return Effect.PERCENT, _ppm(value, where), []
    if kind == "waiver":
        return Effect.PERCENT, PPM, []
    if kind == "tiers":
        steps = sorted((int(step["from"]), _ppm(step["percent"], where)) for step in value["steps"])
        if value.get("measure") == "amount":
            steps = [(above * 1000, off) for above, off in steps]
        return Effect.TIERS, 0, steps
    if kind in ("amount", "fixed", "cap", "minimum"):
        return Effect[kind.upper()], _li(value, where), []
    raise DiscountRefused(f"{where}: effect {kind} is unknown; percent, amount, fixed, cap, waiver, tiers or minimum")


def _targets(rule: dict[str, Any], effect: Effect, tariff: RunTariff, where: str) -> list[int]:
    """The columns a rule acts on; a minimum that names only the supplement counts everything of our own."""
    codes = rule["items"] if isinstance(rule["items"], list) else [rule["items"]]
    free = [column for column, item in enumerate(tariff.items) if not item.no_discount and item.code != SUPPLEMENT]
    if codes == [ALL_ITEMS] or (effect == Effect.MINIMUM and codes == [SUPPLEMENT]):
        return free
    columns = [_column(tariff.columns, code, where) for code in codes]
    refused = [tariff.items[column].code for column in columns if column not in free]
    if refused:
        raise DiscountRefused(f"{where}: {refused[0]} takes no discount (D6.2)")
    return columns


def _column(columns: dict[str, int], code: str, where: str) -> int:
    if code not in columns:
        raise DiscountRefused(f"{where}: there is no bill item {code}")
    return columns[code]


def _li(yuan: str, where: str) -> int:
    li = Decimal(str(yuan)) * 1000
    if li != li.to_integral_value() or li < 0 or li > 10**12:
        raise DiscountRefused(f"{where}: '{yuan}' is no amount; write yuan with at most 3 decimals")
    return int(li)


def _ppm(percent: str, where: str) -> int:
    ppm = Decimal(str(percent)) * 10_000
    if ppm != ppm.to_integral_value() or not 0 <= ppm <= PPM:
        raise DiscountRefused(f"{where}: '{percent}' is no percentage; 0 to 100 with at most 4 decimals")
    return int(ppm)
