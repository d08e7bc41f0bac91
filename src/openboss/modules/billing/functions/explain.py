"""Why a bill is what it is: against the same account's bill of the month before, down to rules and records.

Every fen of the difference is in exactly one reason; reasons add up to the difference.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta

from openboss.kernel import periods
from openboss.kernel.discounts import Phase
from openboss.kernel.rounding import LI_PER_FEN, fen_of_li
from openboss.modules.billing import atomic
from openboss.modules.billing.atomic import BillNotFound, BillRow, ChoiceRow, FreeRow, ItemRow, LineRow, Source
from openboss.modules.billing.functions import words
from openboss.modules.billing.functions.views import Names, rule_text
from openboss.modules.billing.functions.words import Cause
from openboss.modules.catalog.atomic import BillItemTypeView, RuleView, all_versions, bill_item_types, rule_names
from openboss.modules.customers import functions as customers

ROAMING = ("ROAM_CALL", "ROAM_LD", "ROAM_INTL", "DATA_INTL")
MAIN_REASONS = 2


@dataclass(frozen=True)
class RuleRef:
    """The rule behind a reason: its offer and the day its tariff version is in force from."""

    rule_id: int
    names: Names
    offer: Names
    version_from_on: date


@dataclass(frozen=True)
class RecordsOf:
    """Where the usage records of a reason are: filters of the detail list (rule 0 = all of the item)."""

    subscriber_id: int
    cycle: int
    item_id: int
    rule_id: int


@dataclass(frozen=True)
class Reason:
    """One cause of a change, in a sentence, with what it changed."""

    cause: Cause
    sentence: Names
    delta_fen: int
    subscriber_id: int
    number: int
    item_id: int
    item: Names
    rule: RuleRef | None
    records: RecordsOf | None


@dataclass(frozen=True)
class Bar:
    """One bar of the waterfall: a total (start, end) or the change of a group of items."""

    names: Names
    group_code: str  # "" for a total
    from_fen: int
    to_fen: int


@dataclass(frozen=True)
class TraceStep:
    """One rule at work on a user's fees, in the order of the phases (D6.1, ACP-22)."""

    subscriber_id: int
    phase: int
    phase_names: Names
    rule: RuleRef | None
    item_id: int
    chosen: bool
    free_units: int
    effect_li: int
    payable_li: int


@dataclass(frozen=True)
class Explanation:
    """Why a bill differs from the one before; previous is None for the first bill of an account."""

    bill: BillRow
    previous: BillRow | None
    delta_fen: int
    summary: Names
    bars: tuple[Bar, ...]
    reasons: tuple[Reason, ...]  # the largest change first
    trace: tuple[TraceStep, ...]


@dataclass(frozen=True)
class _Month:
    """What one bill rests on."""

    cycle: int
    items: list[ItemRow]
    lines: list[LineRow]
    choices: list[ChoiceRow]
    free: list[FreeRow]


@dataclass(frozen=True)
class _Case:
    """Everything the reasons are found in."""

    now: _Month
    before: _Month
    types: dict[int, BillItemTypeView]
    rules: dict[int, RuleView]
    numbers: dict[int, int]
    notes: dict[int, str]
    unit_s: dict[int, int]  # by rule: seconds in a charged unit


def explain_bill(bill_id: int) -> Explanation:
    """Explain a bill against the month before. Raises BillNotFound. Source: ACP-22, issue of the spine section 6."""
    row = atomic.bill_row(bill_id=bill_id)
    try:
        previous = atomic.bill_row(bill_id=_same_account_before(row))
    except BillNotFound:
        previous = None
    case = _case_of(row, previous)
    before_fen = previous.total_fen if previous else 0
    delta_fen = row.total_fen - before_fen
    reasons = _reasons(case)
    return Explanation(
        bill=row,
        previous=previous,
        delta_fen=delta_fen,
        summary=words.summary(
            row.total_fen, previous.total_fen if previous else None, _largest(reasons, row.total_fen - before_fen)
        ),
        bars=_bars(case, before_fen, row.total_fen),
        reasons=tuple(reasons),
        trace=tuple(_trace(case)),
    )


def _largest(reasons: list[Reason], delta_fen: int) -> list[tuple[Names, Names, int]]:
    """The main reasons that go the way the bill went."""
    same_way = [one for one in reasons if one.delta_fen * delta_fen > 0]
    return [(one.item, one.sentence, one.delta_fen) for one in same_way[:MAIN_REASONS]]


def _same_account_before(row: BillRow) -> int:
    return periods.previous_cycle(row.cycle) * atomic.BILL_ID_STEP + row.account_id


def _case_of(row: BillRow, previous: BillRow | None) -> _Case:
    items_now = atomic.items_of_bill(bill_id=row.bill_id)
    items_before = atomic.items_of_bill(bill_id=previous.bill_id) if previous else []
    users = sorted({item.subscriber_id for item in [*items_now, *items_before]})
    now = _month(row.cycle, items_now, users)
    before = _month(periods.previous_cycle(row.cycle), items_before, users)
    rows: list[LineRow | ChoiceRow | FreeRow] = []
    for month in (now, before):
        rows += [*month.lines, *month.choices, *month.free]
    last_moment = atomic.calendar_of(row.cycle).cut_at - timedelta(seconds=1)
    charges = [line.reference_id for line in now.lines if line.source in (Source.ONE_TIME, Source.ADJUSTMENT)]
    return _Case(
        now=now,
        before=before,
        types={one.item_id: one for one in bill_item_types()},
        rules=rule_names({one.rule_id for one in rows}),
        numbers=customers.numbers_of_subscribers(subscriber_ids=users, at=last_moment),
        notes=atomic.charge_notes(charge_ids=charges),
        unit_s=_unit_seconds(),
    )


def _unit_seconds() -> dict[int, int]:
    """How many seconds a unit of each price rule has, for those that count time."""
    found: dict[int, int] = {}
    for version in all_versions():
        for rule in version.document.get("prices") or []:
            count, _, unit = str(rule["unit"]).rpartition(" ")
            if unit == "s":
                found[version.rule_ids[rule["rule"]]] = int(count)
    return found


def _month(cycle: int, items: list[ItemRow], users: list[int]) -> _Month:
    return _Month(
        cycle,
        items,
        atomic.lines_of(cycle=cycle, subscriber_ids=users),
        atomic.choices_of(cycle=cycle, subscriber_ids=users),
        atomic.free_use_of(cycle=cycle, subscriber_ids=users),
    )


def _bars(case: _Case, before_fen: int, now_fen: int) -> tuple[Bar, ...]:
    """The waterfall: last month, the change of each group, this month."""
    names = {kind.group_code: Names(kind.group_zh, kind.group_en) for kind in case.types.values()}
    change = dict.fromkeys(sorted(names), 0)
    for sign, month in ((1, case.now), (-1, case.before)):
        for item in month.items:
            change[case.types[item.item_id].group_code] += sign * item.due_fen
    bars = [Bar(words.LAST_MONTH, "", 0, before_fen)]
    level = before_fen
    for code, delta in change.items():
        if delta:
            bars.append(Bar(names[code], code, level, level + delta))
            level += delta
    assert level == now_fen, "items add up to bills"
    return (*bars, Bar(words.THIS_MONTH, "", 0, now_fen))


def _reasons(case: _Case) -> list[Reason]:
    """Every change of every user and item, as causes that add up to it; the largest first."""
    found: list[Reason] = []
    places = {(item.subscriber_id, item.item_id) for item in [*case.now.items, *case.before.items]}
    for subscriber_id, item_id in sorted(places):
        delta_fen = _due(case.now, subscriber_id, item_id) - _due(case.before, subscriber_id, item_id)
        causes = [*_line_causes(case, subscriber_id, item_id), *_discount_causes(case, subscriber_id, item_id)]
        found += _adding_up([one for one in causes if one.delta_fen], delta_fen, case, subscriber_id, item_id)
    return sorted(found, key=lambda one: (-abs(one.delta_fen), one.subscriber_id, one.item_id))


def _due(month: _Month, subscriber_id: int, item_id: int) -> int:
    places = (subscriber_id, item_id)
    return sum(item.due_fen for item in month.items if (item.subscriber_id, item.item_id) == places)


def _adding_up(causes: list[Reason], delta_fen: int, case: _Case, subscriber_id: int, item_id: int) -> list[Reason]:
    """Give what the causes leave over a cause of its own, or to the largest if only fractions of a fen are left."""
    left_fen = delta_fen - sum(one.delta_fen for one in causes)
    if left_fen and causes and abs(left_fen) <= len(causes):
        largest = max(causes, key=lambda one: abs(one.delta_fen))
        causes[causes.index(largest)] = replace(largest, delta_fen=largest.delta_fen + left_fen)
    elif left_fen and not delta_fen:
        return []  # others pay the difference: nothing changed on this bill
    elif left_fen:
        causes.append(_reason(case, Cause.SHARE, words.share(), left_fen, subscriber_id, item_id, 0))
    return causes


def _reason(
    case: _Case, cause: Cause, sentence: Names, delta_fen: int, subscriber_id: int, item_id: int, rule_id: int
) -> Reason:
    kind, rule = case.types[item_id], case.rules.get(rule_id)
    is_usage = cause in words.USAGE_CAUSES
    return Reason(
        cause=cause,
        sentence=sentence,
        delta_fen=delta_fen,
        subscriber_id=subscriber_id,
        number=case.numbers.get(subscriber_id, 0),
        item_id=item_id,
        item=Names(kind.name_zh, kind.name_en),
        rule=_ref(rule),
        records=RecordsOf(subscriber_id, case.now.cycle, item_id, rule_id) if is_usage else None,
    )


def _ref(rule: RuleView | None) -> RuleRef | None:
    if rule is None:
        return None
    names, offer = Names(rule.name_zh, rule.name_en), Names(rule.offer_zh, rule.offer_en)
    return RuleRef(rule.rule_id, names, offer, rule.from_on)


def _line_causes(case: _Case, subscriber_id: int, item_id: int) -> list[Reason]:
    """Pair the lines of both months by offer and rule code, whatever the version, and say what changed."""
    now, before = _by_rule(case, case.now, subscriber_id, item_id), _by_rule(case, case.before, subscriber_id, item_id)
    causes: list[Reason] = []
    for key in sorted(now | before):
        line, was = now.get(key), before.get(key)
        source = (line or was).source  # type: ignore[union-attr]
        if source in (Source.USAGE, Source.THIRD_PARTY):
            causes += _usage_causes(case, line, was)
        elif source == Source.RECURRING:
            causes += _fee_causes(case, line, was)
        else:
            causes += _one_time_causes(case, line, was)
    return causes


def _by_rule(case: _Case, month: _Month, subscriber_id: int, item_id: int) -> dict[tuple[str, str, int, int], LineRow]:
    found: dict[tuple[str, str, int, int], LineRow] = {}
    for line in month.lines:
        if (line.subscriber_id, line.item_id) != (subscriber_id, item_id):
            continue
        rule = case.rules.get(line.rule_id)
        # One-time charges are each their own; everything else is compared rule by rule.
        own = line.reference_id if line.source in (Source.ONE_TIME, Source.ADJUSTMENT) else 0
        key = (rule.offer_code if rule else "", rule.code if rule else str(line.rule_id), line.source, own)
        found[key] = _sum_of(found[key], line) if key in found else line
    return found


def _sum_of(one: LineRow, other: LineRow) -> LineRow:
    added = ("calls", "seconds", "units", "free_units", "std_li", "act_li")
    return replace(other, **{name: getattr(one, name) + getattr(other, name) for name in added})


def _usage_causes(case: _Case, line: LineRow | None, was: LineRow | None) -> list[Reason]:
    """More or less use at last month's price, and the price itself if the tariff changed."""
    some = line or was
    assert some is not None
    quantity = words.Quantity(case.types[some.item_id].group_code, case.unit_s.get(some.rule_id, 0))

    def reason(cause: Cause, sentence: Names, delta_li: int) -> Reason:
        return _reason(case, cause, sentence, fen_of_li(delta_li), some.subscriber_id, some.item_id, some.rule_id)

    if line is None or was is None:
        sign = 1 if line else -1
        is_roaming = case.types[some.item_id].code in ROAMING
        cause = Cause.ROAMING if is_roaming and line else Cause.NEW_USE if line else Cause.NO_USE
        return [reason(cause, words.first_use(cause, some, quantity), sign * some.act_li)]
    charged, charged_was = line.units, was.units
    if line.rule_id != was.rule_id and charged_was and was.act_li:
        at_old_price_li = charged * was.act_li // charged_was
        causes = [reason(Cause.PRICE, words.price(case.rules[line.rule_id].from_on), line.act_li - at_old_price_li)]
    else:
        at_old_price_li, causes = line.act_li, []
    delta_li = at_old_price_li - was.act_li
    used_up = delta_li > 0 and _used_up(case, line)
    if used_up:
        cause = Cause.FREE_USED_UP
    elif (charged - charged_was) * delta_li > 0:
        cause = Cause.MORE_USE if delta_li > 0 else Cause.LESS_USE
    else:
        cause = Cause.MIX
    sentence = words.use(cause, line, was, quantity, rule_text(case.rules, used_up) if used_up else None)
    return [*causes, reason(cause, sentence, delta_li)]


def _used_up(case: _Case, line: LineRow) -> int:
    """The rule of a free resource this user has used up now and had not the month before; 0 if none."""
    if not line.free_units:
        return 0
    full_before = {
        free.rule_id for free in case.before.free if free.subscriber_id == line.subscriber_id and _is_empty(free)
    }
    for free in case.now.free:
        is_own = free.subscriber_id == line.subscriber_id
        if is_own and _is_empty(free) and free.rule_id not in full_before:
            return free.rule_id
    return 0


def _is_empty(free: FreeRow) -> bool:
    return free.used >= free.granted > 0


def _fee_causes(case: _Case, line: LineRow | None, was: LineRow | None) -> list[Reason]:
    """A product added, removed, charged for another number of days, or at another price."""
    some = line or was
    assert some is not None
    rule = case.rules.get(some.rule_id)
    offer = Names(rule.offer_zh, rule.offer_en) if rule else words.A_PRODUCT
    delta_li = (line.act_li if line else 0) - (was.act_li if was else 0)
    if line and was and line.rule_id != was.rule_id:
        cause, sentence = Cause.PRICE, words.new_fee(offer, was.act_li, line.act_li, case.rules[line.rule_id].from_on)
    elif line and was:
        cause, sentence = Cause.PRORATION, words.days(offer, was.units, line.units)
    elif line:
        cause, sentence = Cause.PRODUCT_ADDED, words.added(offer, line.units, periods.days_in(case.now.cycle))
    else:
        cause, sentence = Cause.PRODUCT_REMOVED, words.removed(offer)
    return [_reason(case, cause, sentence, fen_of_li(delta_li), some.subscriber_id, some.item_id, some.rule_id)]


def _one_time_causes(case: _Case, line: LineRow | None, was: LineRow | None) -> list[Reason]:
    some = line or was
    assert some is not None
    sign = 1 if line else -1
    cause = Cause.ONE_TIME if some.source == Source.ONE_TIME else Cause.ADJUSTMENT
    sentence = words.one_time(cause, case.notes.get(some.reference_id, ""), is_now=line is not None)
    return [_reason(case, cause, sentence, sign * fen_of_li(some.act_li), some.subscriber_id, some.item_id, 0)]


def _discount_causes(case: _Case, subscriber_id: int, item_id: int) -> list[Reason]:
    """Discounts, caps and minimums that came, went or took another amount off."""
    now = _effects(case, case.now, subscriber_id, item_id)
    before = _effects(case, case.before, subscriber_id, item_id)
    causes = []
    for key in sorted(now | before):
        rule_id, effect_li = now.get(key, (0, 0))
        rule_was, effect_was_li = before.get(key, (0, 0))
        if key not in before:
            cause = Cause.DISCOUNT_GAINED
        else:
            cause = Cause.DISCOUNT_CHANGED if key in now else Cause.DISCOUNT_LOST
        name = rule_text(case.rules, rule_id or rule_was)
        delta_fen = fen_of_li(effect_li - effect_was_li)
        sentence = words.discount(cause, name, effect_was_li, effect_li)
        causes.append(_reason(case, cause, sentence, delta_fen, subscriber_id, item_id, rule_id or rule_was))
    return causes


def _effects(case: _Case, month: _Month, subscriber_id: int, item_id: int) -> dict[tuple[str, str], tuple[int, int]]:
    return {
        _rule_key(case.rules, one.rule_id): (one.rule_id, one.effect_li)
        for one in month.choices
        if one.chosen and (one.subscriber_id, one.item_id) == (subscriber_id, item_id)
    }


def _rule_key(rules: dict[int, RuleView], rule_id: int) -> tuple[str, str]:
    rule = rules.get(rule_id)
    return (rule.offer_code, rule.code) if rule else ("", str(rule_id))


def _trace(case: _Case) -> Iterable[TraceStep]:
    """The phases of this month in order, user by user: free resources, unit prices, discounts, caps, rounding."""
    for subscriber_id in sorted({line.subscriber_id for line in case.now.lines}):
        steps = [*_free_steps(case, subscriber_id), *_price_steps(case, subscriber_id)]
        steps += [_choice_step(case, one) for one in case.now.choices if one.subscriber_id == subscriber_id]
        exact_li = atomic.due_by_item(cycle=case.now.cycle, subscriber_ids=[subscriber_id])
        rounding_li = sum(fen_of_li(li) * LI_PER_FEN - li for li in exact_li.values())
        end = TraceStep(subscriber_id, Phase.ROUNDING, words.PHASES[Phase.ROUNDING], None, 0, True, 0, rounding_li, 0)
        yield from [*steps, end]


def _free_steps(case: _Case, subscriber_id: int) -> list[TraceStep]:
    return [
        TraceStep(
            subscriber_id,
            Phase.FREE_RESOURCE,
            words.PHASES[Phase.FREE_RESOURCE],
            _ref(case.rules.get(free.rule_id)),
            0,
            True,
            free.used,
            0,
            0,
        )
        for free in case.now.free
        if free.subscriber_id == subscriber_id and free.used
    ]


def _price_steps(case: _Case, subscriber_id: int) -> list[TraceStep]:
    return [
        TraceStep(
            subscriber_id,
            Phase.UNIT_PRICE,
            words.PHASES[Phase.UNIT_PRICE],
            _ref(case.rules.get(line.rule_id)),
            line.item_id,
            True,
            line.free_units,
            line.act_li - line.std_li,
            0,
        )
        for line in case.now.lines
        if line.subscriber_id == subscriber_id and line.source == Source.USAGE
    ]


def _choice_step(case: _Case, one: ChoiceRow) -> TraceStep:
    return TraceStep(
        one.subscriber_id,
        one.phase,
        words.PHASES[Phase(one.phase)],
        _ref(case.rules.get(one.rule_id)),
        one.item_id,
        one.chosen,
        0,
        one.effect_li,
        one.payable_li,
    )
