"""The lines under the items of a bill: which rule made how much, and where its records are."""

from dataclasses import dataclass

from openboss.modules.billing import atomic
from openboss.modules.billing.atomic import Source
from openboss.modules.billing.functions.explain import RecordsOf, RuleRef
from openboss.modules.billing.functions.views import Names
from openboss.modules.catalog.atomic import RuleView, rule_names


@dataclass(frozen=True)
class LineView:
    """A fee of one user before discounts at billing: the rule that made it, and where its records are."""

    subscriber_id: int
    item_id: int
    source: str  # a name of Source
    calls: int
    units: int
    free_units: int
    std_li: int
    act_li: int
    rule: RuleRef | None
    records: RecordsOf | None


def lines_of_bill(bill_id: int) -> list[LineView]:
    """The lines under the items of a bill; where others pay a share of an item, its lines are still whole.

    Items of a user that are not on this bill stay out. Raises BillNotFound.
    """
    row = atomic.bill_row(bill_id=bill_id)
    places = {(item.subscriber_id, item.item_id) for item in atomic.items_of_bill(bill_id=bill_id)}
    found = atomic.lines_of(cycle=row.cycle, subscriber_ids=sorted({subscriber_id for subscriber_id, _ in places}))
    lines = [line for line in found if (line.subscriber_id, line.item_id) in places]
    rules = rule_names({line.rule_id for line in lines})
    return [
        LineView(
            subscriber_id=line.subscriber_id,
            item_id=line.item_id,
            source=Source(line.source).name,
            calls=line.calls,
            units=line.units,
            free_units=line.free_units,
            std_li=line.std_li,
            act_li=line.act_li,
            rule=_ref(rules.get(line.rule_id)),
            records=RecordsOf(line.subscriber_id, row.cycle, line.item_id, line.rule_id) if line.calls else None,
        )
        for line in lines
    ]


def _ref(rule: RuleView | None) -> RuleRef | None:
    if rule is None:
        return None
    names, offer = Names(rule.name_zh, rule.name_en), Names(rule.offer_zh, rule.offer_en)
    return RuleRef(rule.rule_id, names, offer, rule.from_on)
