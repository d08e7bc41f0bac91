"""Personal data and payers change by order (HAL-13, D1.3); what a change of payers means is shown before."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from openboss.kernel.periods import next_cycle
from openboss.modules.billing.functions import split_of_bill
from openboss.modules.customers import functions as customers
from openboss.modules.orders.functions import Item
from openboss.modules.receivables.functions import credit_watch
from openboss.modules.system.keys import decrypt, encrypt
from openboss.processes import class_offers, keep_wallets
from openboss.processes.order_flow import Asked, Flow, Plan, Result, tell_engine

PAYER_FIELDS = ("mode", "item_scope", "value", "priority")


@dataclass(frozen=True)
class SplitPreview:
    """How a user's bill of a past cycle was shared, and how it would have been (account -> fen)."""

    cycle: int
    before_fen: Mapping[int, int]
    after_fen: Mapping[int, int]


def sealed_request(changes: Mapping[str, str], *, reason: str) -> dict[str, Any]:
    """Write personal data into a request so that orders never hold them in clear."""
    return {"fields": sorted(changes), "reason": reason, "sealed": encrypt(json.dumps(dict(changes))).hex()}


def plan_data(asked: Asked) -> Plan:
    """Say which personal data change. request: from `sealed_request`.
    Raises RequestIncomplete, DocumentWrong, ClassUnknown.
    """
    changes = _changes(asked)
    if "cert_no" in changes:
        customers.read_document(changes.get("cert_type", ""), changes["cert_no"])
    if "customer_class" in changes:
        customers.refuse_unknown_class(changes["customer_class"])
    return Plan([Item("modify", "CUSTOMER", {"fields": asked.need("fields")})], documents=frozenset({"HOLDER_ID"}))


def carry_out_data(asked: Asked) -> Result:
    """Change the customer's record; what a new class gives is held from now on (BMC-07)."""
    assert asked.customer_id is not None
    changes = _changes(asked)
    customers.change_customer(
        customer_id=asked.customer_id,
        changes=changes,
        reason=asked.request.get("reason", ""),
        at=asked.at,
        staff_id=asked.staff_id,
    )
    if "customer_class" in changes:
        users = customers.users_of_class_members(customer_id=asked.customer_id)
        if class_offers.follow(subscriber_ids=users, at=asked.at, staff_id=asked.staff_id):
            tell_engine(*users)
    return {"fields": asked.request["fields"]}


def _changes(asked: Asked) -> dict[str, str]:
    return json.loads(decrypt(bytes.fromhex(asked.need("sealed"))))


def plan_payer(asked: Asked) -> Plan:
    """Say who will pay what from which cycle. request: account_id, mode; item_scope, value, priority.

    From the next cycle; NOW = from the open bill (D1.3). Raises RequestIncomplete, AccountUnknown, StateForbids,
    PayerPaysByBill.
    """
    line = customers.line_of(subscriber_id=asked.user, at=asked.at)
    if line.life == "TERMINATED":
        raise customers.StateForbids(line.life)
    customers.account_view(account_id=asked.need("account_id"))
    values = {name: asked.request[name] for name in PAYER_FIELDS if name in asked.request}
    values |= {"account_id": asked.request["account_id"], "from_cycle": customers.cycle_of(asked.effective_at)}
    if asked.need("mode") == "REST" and line.pay_type == "PREPAID":
        credit_watch.refuse_prepaid(account_id=asked.request["account_id"])
    return Plan([Item("add", "PAYER", values)])


def carry_out_payer(asked: Asked) -> Result:
    """Write the relation; it counts from its cycle on."""
    relation_id = customers.put_payment_relation(
        subscriber_id=asked.user,
        account_id=asked.need("account_id"),
        from_cycle=customers.cycle_of(asked.effective_at),
        at=asked.at,
        staff_id=asked.staff_id,
        **{name: asked.request[name] for name in PAYER_FIELDS if name in asked.request},
    )
    tell_engine(asked.user)  # who shares free resources with whom
    return {"relation_id": relation_id}


def payer_takes_effect(asked: Asked) -> None:
    """Let the user's wallet be the payer's from the cycle on (D8.1), for sessions that run too."""
    keep_wallets.follow_payers([asked.user], at=asked.at, staff_id=asked.staff_id)


def undo_payer(asked: Asked, result: Result) -> None:
    """End the relation with the cycle that runs; a REST is replaced by another order instead (D1.3)."""
    to_cycle = max(next_cycle(customers.cycle_of(asked.at)), customers.cycle_of(asked.effective_at))
    customers.end_payment_relation(
        relation_id=result["relation_id"], to_cycle=to_cycle, at=asked.at, staff_id=asked.staff_id
    )


def preview_split(
    *,
    subscriber_id: int,
    cycle: int,
    account_id: int,
    mode: str,
    item_scope: str = "ALL",
    value: int = 0,
    priority: int = 100,
) -> SplitPreview:
    """Show how a user's bill of a cycle would have split with one relation more (a REST instead of the one there).

    The same kernel function as the bill run shares the same rounded items (D1.1). Raises RelationWrong.
    """
    customers.check_relation(mode=mode, value=value, item_scope=item_scope)
    now = customers.relations_of(subscriber_id=subscriber_id, cycle=cycle)
    kept = now.filter(now["mode"] != "REST") if mode == "REST" else now
    wanted = customers.relation_frame(
        subscriber_id=subscriber_id,
        account_id=account_id,
        item_scope=item_scope,
        mode=mode,
        value=value,
        priority=priority,
    )
    before = split_of_bill(cycle=cycle, subscriber_id=subscriber_id, relations=now)
    after = split_of_bill(cycle=cycle, subscriber_id=subscriber_id, relations=kept.vstack(wanted))
    return SplitPreview(cycle, before, after)


CHANGE_CUSTOMER = Flow("CHANGE_CUSTOMER", "PRIVATE_DATA", plan_data, carry_out_data)
CHANGE_PAYER = Flow(
    "CHANGE_PAYER",
    "CHANGE_PAYER",
    plan_payer,
    carry_out_payer,
    undo_payer,
    writes_ahead=True,
    take_effect=payer_takes_effect,
    effective="NEXT_CYCLE",
)
FLOWS = (CHANGE_CUSTOMER, CHANGE_PAYER)
