"""What an offer itself costs when it is taken, and what leaving it before its term costs (D13.3, issue 3 section 1).

A one-time fee says where it is paid: `BILL` is a line of the bill of the month in which the product begins, and the
bill run finds it by itself; `COUNTER` is a line of the order. The fee of a contract ended early goes onto the bill of
the month in which it ends, or is collected at the counter by whoever leaves for good.
"""

from collections.abc import Iterable
from datetime import date, datetime
from fractions import Fraction
from typing import Any

from openboss.kernel.proration import early_end_fee_li
from openboss.kernel.rounding import LI_PER_FEN, fen_of_li
from openboss.modules.billing.functions import post_charge
from openboss.modules.catalog.atomic import offers_at
from openboss.modules.catalog.compiler import with_tax
from openboss.modules.catalog.functions import bill_item_types
from openboss.modules.customers import functions as customers
from openboss.modules.orders.functions import ON_BILL, Fee

LI_PER_YUAN = 1000
EARLY_END, OFFER_FEE = "EARLY_END", "OFFER_FEE"


def fees_at_counter(offer_ids: Iterable[int], *, on: date) -> list[Fee]:
    """The one-time fees of offers that are collected with the order, as one line."""
    wanted = set(offer_ids)
    rules = [
        rule
        for version in offers_at(on)
        if version.offer_id in wanted
        for rule in with_tax(version.document, version.code).get("one_time") or []
        if rule.get("paid") == "COUNTER"
    ]
    fee_li = sum(int(Fraction(rule["fee"]) * LI_PER_YUAN) for rule in rules)
    return [Fee(OFFER_FEE, "FEE", fen_of_li(fee_li))] if fee_li else []


def early_end_fees(holding_ids: Iterable[int], *, end_at: datetime, booking: str = ON_BILL) -> list[Fee]:
    """What ending products before the term of their contracts costs, as one line; as the contract said at its begin."""
    fee_li = 0
    for holding_id in holding_ids:
        row = customers.holding_row(holding_id=holding_id)
        from_on = customers.operator_day(row.from_at)
        version = next((one for one in offers_at(from_on) if one.offer_id == row.offer_id), None)
        if version is not None:
            fee_li += contract_fee_li(version.document, from_on, customers.operator_day(end_at))
    return [Fee(EARLY_END, booking, fen_of_li(fee_li))] if fee_li else []


def contract_fee_li(document: dict[str, Any], from_on: date, end_on: date) -> int:
    """What a product of a document costs its holder who ends it on a day; whole months since the begin were kept."""
    contract = with_tax(document, "contract").get("contract") or {}
    end_early = contract.get("end_early")
    if end_early is None:
        return 0
    kept = (end_on.year - from_on.year) * 12 + end_on.month - from_on.month - (end_on.day < from_on.day)
    left = contract["cycles"] - kept
    if left <= 0:
        return 0
    fee_li = int(Fraction(end_early["fee"]) * LI_PER_YUAN)
    return fee_li if end_early["mode"] == "FULL" else int(early_end_fee_li(fee_li, left, contract["cycles"]))


def put_on_bill(
    fees: Iterable[Fee], *, key: str, subscriber_id: int, due_at: datetime, at: datetime, staff: str
) -> None:
    """Put lines of an order onto the bill of a month, once for each key. Raises CycleNotOpen."""
    lines = list(fees)
    if not lines:
        return
    item_id = next(item.item_id for item in bill_item_types() if item.code == "ONE_TIME")
    for line in lines:
        post_charge(
            serial_no=f"{key}.{line.code}",
            source="ONE_TIME",
            cycle=customers.cycle_of(due_at),
            subscriber_id=subscriber_id,
            item_id=item_id,
            charge_li=line.fee_fen * LI_PER_FEN,
            note=line.code,
            staff=staff,
            at=at,
        )
