"""Who pays what: accounts and payment relations (D1.1, ARC-19, ARC-20)."""

from collections.abc import Mapping
from datetime import datetime

import polars as pl
from django.db import transaction
from django.db.backends.postgresql.psycopg_any import NumericRange

from openboss.modules.customers.atomic.effective import SubscriberUnknown
from openboss.modules.customers.models import Account, PaymentRelation, Subscriber
from openboss.modules.system.atomic import record_audit
from openboss.modules.system.atomic.listeners import announce
from openboss.modules.system.statements import ask

_PAYS_THE_REST = (
    "SELECT account_id FROM customers_paymentrelation"
    " WHERE subscriber_id = %s::bigint AND mode = 'REST' AND cycles @> %s::int"
)


class AccountUnknown(LookupError):
    """There is no such account."""


class RelationUnknown(LookupError):
    """There is no such payment relation."""


class RestNeeded(Exception):
    """Somebody must pay what is left of a user's bill: this relation can be replaced, never removed (D1.3)."""


class RelationWrong(ValueError):
    """The share or limit does not fit the mode; the message says what would be right."""


@transaction.atomic
def open_account(
    *, customer_id: int, pay_method: str, language: str, layout: str, at: datetime, staff_id: int | None
) -> int:
    """Open an account of a customer; return its id."""
    account = Account.objects.create(customer_id=customer_id, pay_method=pay_method, language=language, layout=layout)
    _audit("customers.open_account", "account", account.account_id, at, staff_id, {"customer_id": customer_id})
    opened, payer = [account.account_id], [f"payer-{account.account_id}"]
    announce(kind="billingAccount", event="BillingAccountCreateEvent", object_ids=opened, state="", at=at)
    announce(kind="partyRole", event="PartyRoleCreateEvent", object_ids=payer, state="", at=at)
    return account.account_id


@transaction.atomic
def put_payment_relation(
    *,
    subscriber_id: int,
    account_id: int,
    mode: str,
    from_cycle: int,
    at: datetime,
    staff_id: int | None,
    item_scope: str = "ALL",
    value: int = 0,
    priority: int = 100,
) -> int:
    """Let an account pay a part of a user's items from a cycle on; return the relation's id.

    mode   FULL everything in the scope, RATIO value/10000 of it, LIMIT up to value fen a cycle, REST what is left;
           a new REST takes the place of the one there
    Raises SubscriberUnknown, AccountUnknown, RelationWrong. Source: D1.1, D1.3.
    """
    if not Subscriber.objects.select_for_update().filter(subscriber_id=subscriber_id).exists():
        raise SubscriberUnknown(subscriber_id)
    if not Account.objects.filter(account_id=account_id).exists():
        raise AccountUnknown(account_id)
    check_relation(mode=mode, value=value, item_scope=item_scope)
    if mode == "REST":
        _end_rest(subscriber_id, from_cycle)
    relation = PaymentRelation.objects.create(
        subscriber_id=subscriber_id,
        account_id=account_id,
        item_scope=item_scope,
        mode=mode,
        value=value,
        priority=priority,
        cycles=NumericRange(from_cycle, None),
    )
    after = {"account_id": account_id, "item_scope": item_scope, "mode": mode, "value": value, "from_cycle": from_cycle}
    _audit("customers.put_payment_relation", "subscriber", subscriber_id, at, staff_id, after)
    return relation.relation_id


def check_relation(*, mode: str, value: int, item_scope: str) -> None:
    """Refuse a share that makes no sense. Raises RelationWrong."""
    if mode == "RATIO" and not 0 < value <= 10_000:
        raise RelationWrong("a RATIO is given in ten-thousandths, 1 to 10000: 5000 is half")
    if mode == "LIMIT" and value <= 0:
        raise RelationWrong("a LIMIT is given in fen a cycle: 10000 is 100.00")
    if mode in ("FULL", "REST") and value:
        raise RelationWrong(f"{mode} takes no value")
    if mode == "REST" and item_scope != "ALL":
        raise RelationWrong("REST is what is left of all items")
    if mode not in PaymentRelation.Mode.values:
        raise RelationWrong("the mode is FULL, RATIO, LIMIT or REST")


def _end_rest(subscriber_id: int, from_cycle: int) -> None:
    """End the REST relation in force and drop one that was to begin later."""
    held = PaymentRelation.objects.filter(subscriber_id=subscriber_id, mode="REST")
    held.filter(cycles__startswith__gte=from_cycle).delete()  # was never in force
    for row in held.filter(cycles__contains=from_cycle):
        PaymentRelation.objects.filter(pk=row.pk).update(cycles=NumericRange(row.cycles.lower, from_cycle))


@transaction.atomic
def end_payment_relation(*, relation_id: int, to_cycle: int, at: datetime, staff_id: int | None) -> None:
    """End a payment relation before a cycle. Raises RelationUnknown, RestNeeded. Source: ARC-19, D1.3."""
    held = PaymentRelation.objects.select_for_update().filter(relation_id=relation_id).first()
    if held is None:
        raise RelationUnknown(relation_id)
    if held.mode == PaymentRelation.Mode.REST:
        raise RestNeeded(held.subscriber_id)
    PaymentRelation.objects.filter(pk=relation_id).update(cycles=NumericRange(held.cycles.lower, to_cycle))
    after = {"relation_id": relation_id, "to_cycle": to_cycle}
    _audit("customers.end_payment_relation", "subscriber", held.subscriber_id, at, staff_id, after)


def relations_of(*, subscriber_id: int, cycle: int) -> pl.DataFrame:
    """Read who pays what of a user in a cycle, with the columns of the billing image's relations."""
    fields = tuple(RELATION_COLUMNS)
    rows = PaymentRelation.objects.filter(subscriber_id=subscriber_id, cycles__contains=cycle)
    return pl.DataFrame(list(rows.order_by("relation_id").values_list(*fields)), schema=RELATION_COLUMNS, orient="row")


def relation_frame(
    *, subscriber_id: int, account_id: int, item_scope: str, mode: str, value: int, priority: int
) -> pl.DataFrame:
    """One relation that is not written down, as `relations_of` gives them: for a preview."""
    row = (NOT_WRITTEN, subscriber_id, account_id, item_scope, mode, value, priority)
    return pl.DataFrame([row], schema=RELATION_COLUMNS, orient="row")


RELATION_COLUMNS = {
    "relation_id": pl.Int64,
    "subscriber_id": pl.Int64,
    "account_id": pl.Int64,
    "item_scope": pl.String,
    "mode": pl.String,
    "value": pl.Int64,
    "priority": pl.Int32,
}
NOT_WRITTEN = 2**62


def paying_account(*, subscriber_id: int, cycle: int) -> int:
    """Name the account that pays the rest of a user's bill in a cycle. Raises SubscriberUnknown."""
    found = ask(_PAYS_THE_REST, [subscriber_id, cycle])
    if not found:
        raise SubscriberUnknown(subscriber_id)
    return int(found[0][0])


def _audit(
    action: str, object_kind: str, object_id: int, at: datetime, staff_id: int | None, after: Mapping[str, object]
) -> None:
    record_audit(staff_id=staff_id, action=action, object_kind=object_kind, object_id=object_id, at=at, after=after)
