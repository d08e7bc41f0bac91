"""Finding customers: by what a clerk has in hand, and as a list."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from django.db import connection
from django.db.models import Count, Q, QuerySet, Value
from django.db.models.fields import TextField
from django.db.models.functions import Cast, Replace, Reverse

from openboss.modules.customers.masking import COUNTRY, OWN_NUMBER, mask_name, mask_number
from openboss.modules.customers.models import Customer, NumberPeriod, Subscriber
from openboss.modules.system.keys import blind_index
from openboss.modules.system.statements import ask

TAIL_DIGITS_MIN = 4


@dataclass(frozen=True)
class SearchHit:
    """One customer found; title and subtitle are masked. `kind` is INDIVIDUAL or UNIT, `object_id` the customer's."""

    kind: str
    object_id: int
    customer_id: int
    subscriber_id: int | None
    title: str
    subtitle: str


@dataclass(frozen=True)
class CustomerRow:
    """A line of the customers' list."""

    customer_id: int
    kind: str
    name_masked: str
    vip_level: str
    customer_class: str
    org_code: str
    created_on: date
    subscribers: int

    @property
    def vip_type(self) -> str:
        """Which key customer this is, GROUP or INDIVIDUAL; empty for one who is none (BMV-02)."""
        return VIP_TYPES[self.kind] if self.vip_level != "NONE" else ""


def search(text: str, *, limit: int = 8) -> list[SearchHit]:
    """Find customers by number (from its start, or its last digits), document, name, pinyin or its initials.

    Every way is one range of one index, so that the answer takes as long at a million users as at a thousand.
    """
    wanted = text.strip()
    if not wanted:
        return []
    if wanted.isascii() and wanted.isdecimal():
        return _by_number(wanted, limit)
    if len(wanted) >= 15 and wanted.isascii() and wanted[:-1].isdecimal():
        return _hits(Customer.objects.filter(cert_no_index=blind_index(f"ID_CARD:{wanted.upper()}")), limit)
    if wanted.isascii():
        return _by_latin(wanted.lower().replace(" ", "").replace("'", ""), limit)
    return _hits(Customer.objects.filter(name__startswith=wanted).order_by("name"), limit)


def _by_number(digits: str, limit: int) -> list[SearchHit]:
    found: dict[int, NumberPeriod] = {}
    for rows in (_from_start(digits), _from_end(digits)):
        if rows is not None and len(found) < limit:
            current_first = rows.select_related("subscriber__customer")[: limit * 2]
            for row in sorted(current_first, key=lambda row: row.period.upper is not None):
                found.setdefault(row.subscriber.customer_id, row)
    hits = [_number_hit(row) for row in list(found.values())[:limit]]
    if len(digits) == 18:
        hits += _hits(Customer.objects.filter(cert_no_index=blind_index(f"ID_CARD:{digits}")), limit)
    return hits


def _from_start(digits: str) -> QuerySet[NumberPeriod] | None:
    """Numbers that begin with these digits, as a range of integers."""
    full = digits if digits.startswith(COUNTRY) and len(digits) > OWN_NUMBER else COUNTRY + digits
    rest = len(COUNTRY) + OWN_NUMBER - len(full)
    if rest < 0 or (rest > 0 and digits[0] != "1"):
        return None
    first = int(full) * 10**rest
    return NumberPeriod.objects.filter(number__gte=first, number__lt=first + 10**rest).order_by("number")


def _from_end(digits: str) -> QuerySet[NumberPeriod] | None:
    """Numbers that end with these digits, by the index on the number read backwards."""
    if not TAIL_DIGITS_MIN <= len(digits) < OWN_NUMBER:
        return None
    backwards = Reverse(Cast("number", TextField()))
    return NumberPeriod.objects.alias(backwards=backwards).filter(backwards__startswith=digits[::-1])


def _number_hit(row: NumberPeriod) -> SearchHit:
    customer = row.subscriber.customer
    return SearchHit(
        customer.kind,
        customer.customer_id,
        customer.customer_id,
        row.subscriber_id,
        mask_name(customer.name, kind=customer.kind),
        mask_number(row.number),
    )


def _by_latin(letters: str, limit: int) -> list[SearchHit]:
    """Initials first (zw), then the whole reading (zhangwei), then names written in Latin letters."""
    joined = Replace("pinyin", Value(" "), Value(""))
    ways = (
        Customer.objects.filter(initials__startswith=letters).order_by("initials"),
        Customer.objects.alias(joined=joined).filter(joined__startswith=letters),
    )
    found: dict[int, SearchHit] = {}
    for way in ways:
        if len(found) < limit:
            found |= {hit.customer_id: hit for hit in _hits(way, limit) if hit.customer_id not in found}
    return list(found.values())[:limit]


def _hits(found: QuerySet[Customer], limit: int) -> list[SearchHit]:
    customers = list(found.filter(merged_into=None)[:limit])
    numbers = _current_numbers([customer.customer_id for customer in customers])
    return [
        SearchHit(
            customer.kind,
            customer.customer_id,
            customer.customer_id,
            None,
            mask_name(customer.name, kind=customer.kind),
            ", ".join(mask_number(number) for number in numbers.get(customer.customer_id, [])[:3]),
        )
        for customer in customers
    ]


def _current_numbers(customer_ids: list[int]) -> dict[int, list[int]]:
    rows = NumberPeriod.objects.filter(subscriber__customer_id__in=customer_ids, period__endswith__isnull=True)
    numbers: dict[int, list[int]] = {}
    for customer_id, number in rows.values_list("subscriber__customer_id", "number").order_by("number"):
        numbers.setdefault(customer_id, []).append(number)
    return numbers


SORTS = {
    "name": ("pinyin", "customer_id"),
    "-name": ("-pinyin", "-customer_id"),
    "customer_id": ("customer_id",),
    "-customer_id": ("-customer_id",),
    "created_on": ("created_on", "customer_id"),
    "-created_on": ("-created_on", "-customer_id"),
}
VIP_TYPES = {"INDIVIDUAL": "INDIVIDUAL", "UNIT": "GROUP"}
"""Which key customer a customer of a kind is: every kind is one of the two (BMV-02)."""
EQUALS = ("customer_id", "kind", "vip_level", "customer_class", "org_code")


def list_customers(
    *,
    filters: Mapping[str, str] | None = None,
    org_codes: set[str] | None = None,
    sort: str = "name",
    page: int = 1,
    page_size: int = 50,
) -> tuple[list[CustomerRow], int, dict[str, int]]:
    """List customers, masked: one page of rows, how many there are, and sums over all of them.

    filters    customer_id, kind, vip_level, customer_class, org_code: equal; name: begins with (signs, pinyin or
               initials); vip_type GROUP or INDIVIDUAL: key customers of a type; is_vip: key customers of any
    org_codes  only customers of these places (what the asker may see)
    The number is exact up to 100,000; beyond, it is the database's estimate, so that a page is there at once.
    """
    wanted = {name: value for name, value in (filters or {}).items() if value}
    text = wanted.get("name", "").strip()
    if text and text.isascii() and org_codes is None and sort == "name" and set(wanted) == {"name"}:
        shown, total = _begun_so(text.lower(), page, page_size)
        return shown, total, {"customers": total}
    found = Customer.objects.filter(merged_into=None, **{name: wanted[name] for name in EQUALS if name in wanted})
    if org_codes is not None:
        found = found.filter(org_code__in=org_codes)
    if "vip_type" in wanted or "is_vip" in wanted:
        found = found.exclude(vip_level="NONE")
    if "vip_type" in wanted:
        found = found.filter(kind__in=[kind for kind, name in VIP_TYPES.items() if name == wanted["vip_type"]])
    if "name" in wanted:
        found = found.filter(_latin(text.lower()) if text.isascii() else Q(name__startswith=text))
    rows = list(found.order_by(*SORTS.get(sort, SORTS["name"]))[(page - 1) * page_size : page * page_size])
    users = _users_of([row.customer_id for row in rows])
    total = _count(found)
    shown = [
        CustomerRow(
            row.customer_id,
            row.kind,
            mask_name(row.name, kind=row.kind),
            row.vip_level,
            row.customer_class,
            row.org_code,
            row.created_on,
            users.get(row.customer_id, 0),
        )
        for row in rows
    ]
    return shown, total, {"customers": total}


_SHORT = "merged_into_id IS NULL AND initials >= %s::text AND initials < %s::text"
_FULL = "merged_into_id IS NULL AND pinyin >= %s::text AND pinyin < %s::text"
_FIRST = "ORDER BY pinyin, customer_id LIMIT %s::bigint"
# The first of each initials, which lie in the index in the order of the page: common ones fit tens of thousands.
_BEGUN_SO = f"""
WITH RECURSIVE short AS (
 (SELECT initials FROM customers_customer WHERE initials >= %s::text AND initials < %s::text ORDER BY initials LIMIT 1)
 UNION ALL SELECT (SELECT n.initials FROM customers_customer n WHERE n.initials > short.initials
  AND n.initials < %s::text ORDER BY n.initials LIMIT 1) FROM short WHERE short.initials IS NOT NULL)
SELECT customer_id, kind, name, vip_level, customer_class, org_code, created_on, (SELECT count(*)
 FROM customers_subscriber s WHERE s.customer_id = c.customer_id AND s.closed_at IS NULL)
FROM ((SELECT customer_id, pinyin FROM short, LATERAL (SELECT o.customer_id, o.pinyin FROM customers_customer o
  WHERE o.initials = short.initials AND o.merged_into_id IS NULL {_FIRST}) AS own) UNION
 (SELECT customer_id, pinyin FROM customers_customer WHERE {_FULL} {_FIRST}) {_FIRST} OFFSET %s::bigint) AS found
JOIN customers_customer c USING (customer_id, pinyin) ORDER BY c.pinyin, c.customer_id
"""
_HOW_MANY = f"""
SELECT (SELECT count(*) FROM (SELECT FROM customers_customer WHERE {_SHORT} LIMIT %s::bigint) AS short)
 + (SELECT count(*) FROM (SELECT FROM customers_customer WHERE {_FULL} AND NOT (initials >= %s::text
  AND initials < %s::text) LIMIT %s::bigint) AS whole)
"""
_AFTER_ALL = "\U0010ffff"  # in the columns' collation no sign comes after it


def _begun_so(letters: str, page: int, page_size: int) -> tuple[list[CustomerRow], int]:
    """One page of those whose initials or reading begin so, by two ranges of two indexes, and how many there are."""
    so, skipped = [letters, letters + _AFTER_ALL], (page - 1) * page_size
    found = ask(_BEGUN_SO, [*so, so[1], skipped + page_size, *so, skipped + page_size, page_size, skipped])
    rows = [CustomerRow(key, kind, mask_name(name, kind=kind), *rest) for key, kind, name, *rest in found]
    if len(rows) < page_size and (rows or not skipped):
        return rows, skipped + len(rows)
    with connection.cursor() as cursor:  # planned anew: which index counts quickly hangs on the letters
        cursor.execute(_HOW_MANY, [*so, LARGE, *so, *so, LARGE])
        (total,) = cursor.fetchone()
    return rows, total if total < LARGE else _count(Customer.objects.filter(_latin(letters), merged_into=None))


def _latin(letters: str) -> Q:
    """Customers by initials or reading: two ranges of two indexes first, then the order of the page."""
    by_initials = Customer.objects.filter(initials__startswith=letters).values("customer_id")
    by_reading = Customer.objects.filter(pinyin__startswith=letters).values("customer_id")
    return Q(customer_id__in=by_initials.union(by_reading))


def _count(found: QuerySet[Customer]) -> int:
    counted = found.order_by()[: LARGE + 1].count()
    if counted <= LARGE:
        return counted
    (plan,) = json.loads(found.order_by().explain(format="json"))
    return max(counted, plan["Plan"]["Plan Rows"])


def _users_of(customer_ids: list[int]) -> dict[int, int]:
    counted = Subscriber.objects.filter(customer_id__in=customer_ids, closed_at__isnull=True)
    return dict(counted.values_list("customer_id").annotate(users=Count("subscriber_id")))


def count_base() -> dict[str, int]:
    """Count customers, users and accounts, nearly (from the statistics of the database, at once at any size)."""
    counts = {}
    with connection.cursor() as cursor:
        for name, table in _COUNTED.items():
            cursor.execute("SELECT reltuples::bigint FROM pg_class WHERE oid = %s::regclass", [table])
            (estimate,) = cursor.fetchone()
            if estimate < LARGE:
                cursor.execute(f"SELECT count(*) FROM {table}")
                (estimate,) = cursor.fetchone()
            counts[name] = estimate
    return counts


_COUNTED = {"customers": "customers_customer", "subscribers": "customers_subscriber", "accounts": "customers_account"}
LARGE = 100_000
