"""What is asked of the base one customer at a time: search, the whole picture, lists, revealing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl
from django.db import transaction
from django.db.models import Count, Q

from openboss.modules.catalog.atomic import OfferView, offers
from openboss.modules.customers.atomic.effective import SubscriberUnknown, effective_state
from openboss.modules.customers.atomic.payment import AccountUnknown
from openboss.modules.customers.masking import mask_document, mask_name, mask_number, national_number
from openboss.modules.customers.models import (
    Account,
    Customer,
    CustomerAlias,
    GroupMember,
    Holding,
    NumberPeriod,
    PaymentRelation,
    SimPeriod,
    StateChange,
    StopPeriod,
    Subscriber,
)
from openboss.modules.customers.stop_reasons import BY_ID
from openboss.modules.system.atomic import record_audit
from openboss.modules.system.copying import copy_out
from openboss.modules.system.keys import decrypt
from openboss.modules.system.rows import row_of
from openboss.modules.system.statements import ask


class CustomerUnknown(LookupError):
    """There is no such customer."""


class ReasonMissing(ValueError):
    """Personal data is shown only for a reason; say why it is needed."""


@dataclass(frozen=True)
class CustomerView:
    """A customer with personal data masked."""

    customer_id: int
    kind: str
    name_masked: str
    cert_type: str | None
    cert_no_masked: str
    born_year: int | None
    customer_class: str
    vip_level: str
    org_code: str
    created_on: date


@dataclass(frozen=True)
class Revealed:
    """Personal data in clear, shown for a reason that was written down."""

    name: str
    cert_no: str
    born_on: date | None
    numbers: dict[int, str]


@dataclass(frozen=True)
class HoldingView:
    """An offer held by a user."""

    holding_id: int
    offer_id: int
    offer_code: str
    kind: str
    name_zh: str
    name_en: str
    from_at: datetime
    to_at: datetime | None


@dataclass(frozen=True)
class StopView:
    """A stop reason that is active."""

    reason: str
    level: str
    name_zh: str
    name_en: str
    from_at: datetime


@dataclass(frozen=True)
class StateView:
    """One line of the history of states."""

    state: str
    event: str
    remove_tag: int | None
    at: datetime


@dataclass(frozen=True)
class RelationView:
    """Who pays which part."""

    relation_id: int
    subscriber_id: int
    account_id: int
    payer_id: int
    payer_masked: str
    item_scope: str
    mode: str
    value: int
    priority: int
    from_cycle: int
    to_cycle: int | None


@dataclass(frozen=True)
class GroupView:
    """A closed group a user belongs to."""

    group_id: int
    kind: str
    name_zh: str
    name_en: str
    short_number: int | None


@dataclass(frozen=True)
class SubscriberView:
    """A user: number masked, state derived, what it holds and who pays."""

    subscriber_id: int
    number_masked: str
    service_type: str
    brand: str
    home_area: int
    pay_type: str
    state: str
    star: int
    opened_at: datetime
    closed_at: datetime | None
    stops: tuple[StopView, ...]
    holdings: tuple[HoldingView, ...]
    relations: tuple[RelationView, ...]
    groups: tuple[GroupView, ...]
    states: tuple[StateView, ...]


@dataclass(frozen=True)
class AccountView:
    """An account of a customer."""

    account_id: int
    pay_method: str
    language: str
    layout: str


@dataclass(frozen=True)
class Customer360:
    """Everything the base knows of one customer, masked."""

    customer: CustomerView
    subscribers: tuple[SubscriberView, ...]
    accounts: tuple[AccountView, ...]


def customer_360(*, customer_id: int, at: datetime) -> Customer360:
    """Show everything the base knows of a customer at a moment, masked; a merged id shows the one it became.

    Raises CustomerUnknown. Source: ARC-09, D23.2.
    """
    customer = _customer(customer_id)
    subscribers = Subscriber.objects.filter(customer=customer).order_by("closed_at", "subscriber_id")
    catalog = {offer.offer_id: offer for offer in offers()}
    return Customer360(
        _customer_view(customer),
        tuple(_subscriber_view(subscriber, at, catalog) for subscriber in subscribers[:200]),
        tuple(
            AccountView(account.account_id, account.pay_method, account.language, account.layout)
            for account in Account.objects.filter(customer=customer).order_by("account_id")
        ),
    )


def _customer(customer_id: int) -> Customer:
    alias = CustomerAlias.objects.filter(alias_id=customer_id).first()
    customer = Customer.objects.filter(customer_id=alias.customer_id if alias else customer_id).first()
    if customer is None:
        raise CustomerUnknown(customer_id)
    return customer


def _customer_view(customer: Customer) -> CustomerView:
    cert_no = mask_document(decrypt(customer.cert_no_sealed)) if customer.cert_no_sealed else ""
    return CustomerView(
        customer.customer_id,
        customer.kind,
        mask_name(customer.name, kind=customer.kind),
        customer.cert_type,
        cert_no,
        customer.born_on.year if customer.born_on else None,
        customer.customer_class,
        customer.vip_level,
        customer.org_code,
        customer.created_on,
    )


def _subscriber_view(subscriber: Subscriber, at: datetime, catalog: Mapping[int, OfferView]) -> SubscriberView:
    own = {"subscriber_id": subscriber.subscriber_id}
    number = NumberPeriod.objects.filter(**own).order_by("-period").first()
    stops = StopPeriod.objects.filter(**own, period__contains=at).order_by("period")
    holdings = Holding.objects.filter(**own).filter(Q(period__endswith__gt=at) | Q(period__endswith__isnull=True))
    members = GroupMember.objects.filter(**own, period__contains=at).select_related("group")
    relations = PaymentRelation.objects.filter(**own).select_related("account__customer")
    return SubscriberView(
        subscriber_id=subscriber.subscriber_id,
        number_masked=mask_number(number.number) if number else "",
        service_type=subscriber.service_type,
        brand=subscriber.brand,
        home_area=subscriber.home_area,
        pay_type=subscriber.pay_type,
        state=effective_state(subscriber_id=subscriber.subscriber_id, at=at),
        star=subscriber.star,
        opened_at=subscriber.opened_at,
        closed_at=subscriber.closed_at,
        stops=tuple(_stop_view(stop) for stop in stops),
        holdings=tuple(_holding_view(held, catalog) for held in holdings.order_by("-kind", "offer_id")),
        relations=tuple(_relation_view(row) for row in relations.order_by("-cycles", "priority")),
        groups=tuple(
            GroupView(m.group_id, m.group.kind, m.group.name_zh, m.group.name_en, m.short_number) for m in members
        ),
        states=tuple(
            StateView(change.state, change.event, change.remove_tag, change.at)
            for change in StateChange.objects.filter(**own).order_by("-at", "-state_change_id")[:20]
        ),
    )


def _stop_view(stop: StopPeriod) -> StopView:
    reason = BY_ID[stop.stop_reason_id]
    return StopView(reason.code, reason.level, reason.name_zh, reason.name_en, stop.period.lower)


def _holding_view(held: Holding, catalog: Mapping[int, OfferView]) -> HoldingView:
    offer = catalog[held.offer_id]
    period = held.period
    return HoldingView(
        held.holding_id, offer.offer_id, offer.code, held.kind, offer.name_zh, offer.name_en, period.lower, period.upper
    )


def _relation_view(row: PaymentRelation) -> RelationView:
    payer = row.account.customer
    return RelationView(
        row.relation_id,
        row.subscriber_id,
        row.account_id,
        payer.customer_id,
        mask_name(payer.name, kind=payer.kind),
        row.item_scope,
        row.mode,
        row.value,
        row.priority,
        row.cycles.lower,
        row.cycles.upper,
    )


@dataclass(frozen=True)
class Person:
    """What rules ask of a customer: nothing of it names them."""

    customer_id: int
    kind: str
    born_on: date | None
    customer_class: str
    vip_level: str


def person_of(*, customer_id: int) -> Person:
    """Say what rules ask of a customer; a merged id gives the one it became. Raises CustomerUnknown."""
    found = people_of(customer_ids=[customer_id])
    if not found:
        raise CustomerUnknown(customer_id)
    return found[customer_id]


def people_of(*, customer_ids: list[int]) -> dict[int, Person]:
    """Say the same of several customers, by the ids that were asked; who is unknown is missing."""
    rows = ask(
        "SELECT asked.id, c.customer_id, c.kind, c.born_on, c.customer_class, c.vip_level"
        " FROM unnest(%s::bigint[]) AS asked (id) LEFT JOIN customers_customeralias AS a ON a.alias_id = asked.id"
        " JOIN customers_customer AS c ON c.customer_id = coalesce(a.customer_id, asked.id)",
        [customer_ids],
    )
    return {customer_id: Person(*row) for customer_id, *row in rows}


def offers_held(*, subscriber_id: int, at: datetime) -> dict[int, int]:
    """Name the offers a user holds at a moment: holding -> offer."""
    return dict(
        ask(
            "SELECT holding_id, offer_id FROM customers_holding WHERE subscriber_id = %s::bigint"
            " AND period @> %s::timestamptz ORDER BY holding_id",
            [subscriber_id, at],
        )
    )


@dataclass(frozen=True)
class LineView:
    """A user as orders need it: whose, in which state, with which number and card."""

    subscriber_id: int
    customer_id: int
    brand: str
    home_area: int
    pay_type: str
    life: str
    remove_tag: int
    number: int | None
    iccid: str | None
    imsi: int | None
    opened_at: datetime


def line_of(*, subscriber_id: int, at: datetime) -> LineView:
    """Show a user with the number and card of a moment. Raises CustomerUnknown."""
    found = ask(_LINE, [at, at, subscriber_id])
    if not found:
        raise CustomerUnknown(f"user {subscriber_id}")
    return LineView(*found[0])


# Asked several times with every order: one statement instead of three.
_LINE = """
SELECT s.subscriber_id, s.customer_id, s.brand, s.home_area, s.pay_type, s.life, coalesce(s.remove_tag, 0),
    n.number, c.iccid, c.imsi, s.opened_at
FROM customers_subscriber s
LEFT JOIN customers_numberperiod n ON n.subscriber_id = s.subscriber_id AND n.period @> %s::timestamptz
LEFT JOIN customers_simperiod c ON c.subscriber_id = s.subscriber_id AND c.period @> %s::timestamptz
WHERE s.subscriber_id = %s::bigint LIMIT 1
"""


def customer_of_subscriber(*, subscriber_id: int) -> int:
    """Say whose user this is. Raises CustomerUnknown."""
    found = ask("SELECT customer_id FROM customers_subscriber WHERE subscriber_id = %s::bigint", [subscriber_id])
    if not found:
        raise CustomerUnknown(f"user {subscriber_id}")
    return int(found[0][0])


def customer_of_account(*, account_id: int) -> int:
    """Say whose account this is. Raises CustomerUnknown."""
    found = Account.objects.filter(account_id=account_id).values_list("customer_id", flat=True).first()
    if found is None:
        raise CustomerUnknown(f"account {account_id}")
    return found


def accounts_of_customer(*, customer_id: int) -> list[AccountView]:
    """List the accounts of a customer, the oldest first."""
    rows = Account.objects.filter(customer_id=customer_id).order_by("account_id")
    return [AccountView(row.account_id, row.pay_method, row.language, row.layout) for row in rows]


def account_view(*, account_id: int) -> AccountView:
    """Show one account: how it pays, and the language and layout of its bills. Raises AccountUnknown."""
    row = row_of(Account, "account_id = %s::bigint", [account_id])
    if row is None:
        raise AccountUnknown(f"account {account_id}")
    return AccountView(row.account_id, row.pay_method, row.language, row.layout)


def languages_of_accounts(*, account_ids: list[int]) -> dict[int, str]:
    """Give the language of the bills of some accounts."""
    return dict(Account.objects.filter(account_id__in=account_ids).values_list("account_id", "language"))


def names_of_customers(*, customer_ids: list[int]) -> dict[int, str]:
    """Give the masked names of some customers."""
    rows = Customer.objects.filter(customer_id__in=customer_ids).values_list("customer_id", "name", "kind")
    return {customer_id: mask_name(name, kind=kind) for customer_id, name, kind in rows}


def name_on_bill(*, customer_id: int) -> str:
    """Give a customer's name in clear for a document that is addressed to them. Raises CustomerUnknown."""
    return _customer(customer_id).name


def numbers_of_subscribers(*, subscriber_ids: list[int], at: datetime) -> dict[int, int]:
    """Give the number of each user at a moment (or the last one before), as an integer in E.164."""
    rows = NumberPeriod.objects.filter(subscriber_id__in=subscriber_ids, period__startswith__lte=at)
    return dict(rows.order_by("period").values_list("subscriber_id", "number"))


def subscriber_of_number(*, number: int, at: datetime) -> int:
    """Name the user who has a number at a moment. Raises SubscriberUnknown."""
    row = NumberPeriod.objects.filter(number=number, period__contains=at).first()
    if row is None:
        raise SubscriberUnknown(number)
    return row.subscriber_id


_NUMBERS_OF_IMSIS = """
SELECT s.imsi, n.number,
       floor(extract(epoch FROM greatest(lower(s.period), lower(n.period))))::bigint,
       floor(extract(epoch FROM least(upper(s.period), upper(n.period))))::bigint
  FROM customers_simperiod s JOIN customers_numberperiod n USING (subscriber_id)
 WHERE s.imsi = ANY(%s) AND s.period && n.period
 ORDER BY 1, 3
"""


def numbers_of_imsis(imsis: Sequence[int]) -> pl.DataFrame:
    """Say which number each of some IMSIs had, and from when to when: for records that name the IMSI alone.

    Returns imsi, number, from_s (i64, UTC seconds) and to_s (null = still). IMSIs nobody ever had are missing.
    """
    schema = {"imsi": pl.Int64, "number": pl.Int64, "from_s": pl.Int64, "to_s": pl.Int64}
    return copy_out(_NUMBERS_OF_IMSIS, schema, [list(imsis)])


def holders_by_offer(*, at: datetime) -> dict[int, int]:
    """Count the users who hold each offer at a moment; an offer nobody holds is missing. Source: IND-41."""
    held = Holding.objects.filter(period__contains=at)
    return dict(held.values_list("offer_id").annotate(users=Count("subscriber_id", distinct=True)))


@transaction.atomic
def reveal(*, customer_id: int, staff_id: int, reason: str, at: datetime) -> Revealed:
    """Show a customer's personal data in clear and write down who saw it and why.

    Raises CustomerUnknown, ReasonMissing. Source: D23.2, D21.7.
    """
    if len(reason.strip()) < 2:
        raise ReasonMissing()
    customer = _customer(customer_id)
    record_audit(
        staff_id=staff_id,
        action="customers.reveal",
        object_kind="customer",
        object_id=customer.customer_id,
        at=at,
        reason=reason.strip(),
    )
    numbers = NumberPeriod.objects.filter(subscriber__customer=customer).order_by("period")
    return Revealed(
        customer.name,
        decrypt(customer.cert_no_sealed) if customer.cert_no_sealed else "",
        customer.born_on,
        {row.subscriber_id: national_number(row.number) for row in numbers},
    )


def sims_of_subscriber(*, subscriber_id: int) -> list[tuple[str, int, datetime, datetime | None]]:
    """List a user's SIM cards over time: ICCID, IMSI, from, to."""
    rows = SimPeriod.objects.filter(subscriber_id=subscriber_id).order_by("-period")
    return [(row.iccid, row.imsi, row.period.lower, row.period.upper) for row in rows]
