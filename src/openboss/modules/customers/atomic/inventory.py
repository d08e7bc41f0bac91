"""What is held and who pays, one thing at a time: the view of other systems."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from openboss.modules.customers.atomic.finding import CustomerRow
from openboss.modules.customers.atomic.payment import AccountUnknown
from openboss.modules.customers.atomic.questions import CustomerUnknown
from openboss.modules.customers.masking import mask_name
from openboss.modules.customers.models import Account, Holding
from openboss.modules.system.statements import ask


class HoldingUnknown(LookupError):
    """There is no such product of a user."""


@dataclass(frozen=True)
class HoldingRow:
    """A product held by a user, now or before."""

    holding_id: int
    offer_id: int
    kind: str
    subscriber_id: int
    customer_id: int
    from_at: datetime
    to_at: datetime | None


@dataclass(frozen=True)
class AccountRow:
    """An account with the masked name of its owner."""

    account_id: int
    customer_id: int
    customer_kind: str
    name_masked: str
    pay_method: str


HELD = {"LATER": "period__startswith__gt", "NOW": "period__contains", "BEFORE": "period__endswith__lte"}
HOLDING_FILTERS = {"customer_id": "subscriber__customer_id", "subscriber_id": "subscriber_id", "offer_id": "offer_id"}


def list_holdings(*, filters: Mapping[str, Any], page: int, page_size: int) -> tuple[list[HoldingRow], int]:
    """One page of products held, the oldest first, and how many there are.

    filters  customer_id, subscriber_id, offer_id; held: (LATER, NOW or BEFORE, the moment)
    """
    given = {HOLDING_FILTERS[name]: value for name, value in filters.items() if name != "held" and value is not None}
    if filters.get("held"):
        when, at = filters["held"]
        given[HELD[when]] = at
    found = Holding.objects.filter(**given)
    rows = list(found.select_related("subscriber").order_by("holding_id")[(page - 1) * page_size : page * page_size])
    is_all = page == 1 and len(rows) < page_size  # of one user or customer: then there is nothing to count
    return [_holding(row) for row in rows], len(rows) if is_all else found.count()


def holding_row(*, holding_id: int) -> HoldingRow:
    """Read one product of a user. Raises HoldingUnknown."""
    found = ask(
        "SELECT holding_id, offer_id, kind, subscriber_id, customer_id, lower(period), upper(period)"
        " FROM customers_holding JOIN customers_subscriber USING (subscriber_id) WHERE holding_id = %s::bigint",
        [holding_id],
    )
    if not found:
        raise HoldingUnknown(holding_id)
    return HoldingRow(*found[0])


def list_accounts(
    *, customer_id: int | None, page: int, page_size: int, pay_method: str | None = None
) -> tuple[list[AccountRow], int]:
    """One page of accounts, of one customer, of one means of payment, or of all, and how many there are."""
    wanted = {"customer_id": customer_id, "pay_method": pay_method}
    found = Account.objects.filter(**{name: value for name, value in wanted.items() if value is not None})
    rows = found.select_related("customer").order_by("account_id")[(page - 1) * page_size : page * page_size]
    return [_account(row) for row in rows], found.count()


def customer_row(*, customer_id: int) -> CustomerRow:
    """Read one customer, masked; a merged id shows the customer it became. Raises CustomerUnknown."""
    found = ask(
        "SELECT customer_id, kind, name, vip_level, customer_class, org_code, created_on, (SELECT count(*) FROM"
        " customers_subscriber s WHERE s.customer_id = c.customer_id) FROM customers_customer c WHERE customer_id ="
        " coalesce((SELECT customer_id FROM customers_customeralias WHERE alias_id = %s::bigint), %s::bigint)",
        [customer_id, customer_id],
    )
    if not found:
        raise CustomerUnknown(customer_id)
    number, kind, name, *rest = found[0]
    return CustomerRow(number, kind, mask_name(name, kind=kind), *rest)


def account_ids_of(*, customer_id: int) -> list[int]:
    """Name the accounts of a customer."""
    found = ask(
        "SELECT account_id FROM customers_account WHERE customer_id = %s::bigint ORDER BY account_id", [customer_id]
    )
    return [account_id for (account_id,) in found]


def account_row(*, account_id: int) -> AccountRow:
    """Read one account with its owner. Raises AccountUnknown."""
    found = Account.objects.select_related("customer").filter(account_id=account_id).first()
    if found is None:
        raise AccountUnknown(f"account {account_id}")
    return _account(found)


def _holding(row: Holding) -> HoldingRow:
    return HoldingRow(
        row.holding_id,
        row.offer_id,
        row.kind,
        row.subscriber_id,
        row.subscriber.customer_id,
        row.period.lower,
        row.period.upper,
    )


def _account(row: Account) -> AccountRow:
    owner = row.customer
    return AccountRow(
        row.account_id, owner.customer_id, owner.kind, mask_name(owner.name, kind=owner.kind), row.pay_method
    )
