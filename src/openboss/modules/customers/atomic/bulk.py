"""The whole base at once: loading it, and reading it for the charging engine and the bill run."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from typing import NamedTuple

import polars as pl
from django.conf import settings
from django.db import connection, transaction

from openboss.kernel.proration import FirstMonth
from openboss.kernel.state import SHORT_NUMBER_BASE, SHORT_NUMBERS
from openboss.kernel.usage import ClosedGroup
from openboss.modules.catalog.atomic import offer_ids, offers_at
from openboss.modules.customers import schema
from openboss.modules.customers.atomic.subscribers import operator_day
from openboss.modules.customers.models import Customer
from openboss.modules.customers.stop_reasons import BY_CODE, STOP_REASONS
from openboss.modules.system.atomic import record_audit
from openboss.modules.system.copying import checked, copy_in, copy_out, range_text
from openboss.modules.system.keys import blind_index, encrypt
from openboss.modules.system.statements import ask

FOREVER_S = 2**62
REWRITE_STEP = 10_000
TABLES = {
    "customers": "customers_customer",
    "subscribers": "customers_subscriber",
    "numbers": "customers_numberperiod",
    "sims": "customers_simperiod",
    "holdings": "customers_holding",
    "accounts": "customers_account",
    "relations": "customers_paymentrelation",
    "groups": "customers_closedgroup",
    "group_members": "customers_groupmember",
    "stops": "customers_stopperiod",
    "listed_numbers": "customers_listednumber",
    "certificates": "customers_certificate",
}
REASON_CODES = {reason.stop_reason_id: reason.code for reason in STOP_REASONS}
SPANS = (("from_at", "to_at"), ("from_cycle", "to_cycle"), ("opened_at", "closed_at"))


class BaseRefused(ValueError):
    """The customer base contradicts itself; the message says how. Nothing was loaded."""


class EngineImage(NamedTuple):
    """What the charging engine must know of users; times are operator-local seconds, an open end is 2**62.

    subscribers(subscriber_id)
    numbers(number, subscriber_id, from_local_s, to_local_s), imsis(imsi, ...)
    holdings(subscriber_id, offer_id, first_month: kernel.proration.FirstMonth, from_local_s, to_local_s)
    groups(subscriber_id, group_id, kind: kernel.usage.ClosedGroup, from_local_s, to_local_s); kind ACCOUNT: those whose
    rest one account pays, where it pays that of several
    friends(subscriber_id, number, from_local_s, to_local_s): numbers of the user's own choice
    """

    subscribers: pl.DataFrame
    numbers: pl.DataFrame
    imsis: pl.DataFrame
    holdings: pl.DataFrame
    groups: pl.DataFrame
    friends: pl.DataFrame


class BillingImage(NamedTuple):
    """What the bill run must know of users in a cycle; days are operator-local, an open end is null.

    attributes(subscriber_id, customer_id, born_on, opened_on, closed_on, customer_class, vip_level, brand, star,
    home_area, certificates: those of the customer that are valid on the last day, with commas),
    members(subscriber_id, group_id, kind): closed groups on the last day,
    holdings(holding_id, subscriber_id, offer_id, first_month, from_on, to_on),
    stops(subscriber_id, reason, from_on, to_on),
    relations(relation_id, subscriber_id, account_id, item_scope, mode, value, priority),
    accounts(account_id, customer_id, language, layout, pay_method)
    """

    attributes: pl.DataFrame
    holdings: pl.DataFrame
    stops: pl.DataFrame
    relations: pl.DataFrame
    accounts: pl.DataFrame
    members: pl.DataFrame


# --- loading ---------------------------------------------------------------------------------------------------------


@transaction.atomic
def load_base(*, frames: Mapping[str, pl.DataFrame], at: datetime, staff_id: int | None = None) -> dict[str, int]:
    """Load a customer base by COPY; return the rows by table.

    frames  as in customers/schema.py; a frame that is absent is empty
    Into empty tables, indexes and constraints are made after the rows, which is several times faster.
    Raises WrongColumns, BaseRefused; a broken constraint (two users of a number, two main offers) raises
    django.db.IntegrityError. In each case nothing was loaded.
    """
    known = {name: frames.get(name, pl.DataFrame(schema=kind)) for name, kind in schema.FRAMES.items()}
    base = {name: checked(frame, schema.FRAMES[name], name=name) for name, frame in known.items()}
    _check_base(base)
    _check_products(base["holdings"], operator_day(at))
    ready = {TABLES[name]: _stored(name, frame) for name, frame in base.items()}
    with _constraints_after([*ready, "customers_statechange"]):
        rows = {table: copy_in(table, frame) for table, frame in ready.items()}
        copy_in("customers_statechange", _opening_history(base["subscribers"]))
    _move_sequences()
    counts = {name: rows[table] for name, table in TABLES.items()}
    record_audit(
        staff_id=staff_id, action="customers.load_base", object_kind="customers", object_id="", at=at, after=counts
    )
    return counts


def _check_base(base: Mapping[str, pl.DataFrame]) -> None:
    """Refuse what no constraint of the tables can see."""
    rest = base["relations"].filter(pl.col("mode") == "REST")
    unpaid = base["subscribers"].join(rest, on="subscriber_id", how="anti")
    if unpaid.height:
        raise BaseRefused(f"user {unpaid['subscriber_id'][0]} has no REST relation: somebody must pay what is left")
    for name, frame in base.items():
        first, last = next(((a, b) for a, b in SPANS if a in frame.columns), ("", ""))
        backwards = frame.filter(pl.col(first) > pl.col(last)) if first else frame.clear()
        if backwards.height:
            raise BaseRefused(f"{name}: {backwards.row(0, named=True)} ends before it begins")
    unknown = base["holdings"].filter(~pl.col("offer_id").is_in(list(offer_ids())))
    if unknown.height:
        raise BaseRefused(f"offer {unknown['offer_id'][0]} is not in the catalog: load the tariffs first")


def _check_products(holdings: pl.DataFrame, on: date) -> None:
    """Refuse offers that exclude one another in the hands of one user at one time, as at the counter (D13.1)."""
    versions = offers_at(on)
    ids = {version.code: version.offer_id for version in versions}
    pairs = [
        (version.offer_id, ids[code])
        for version in versions
        for code in (version.document.get("relations") or {}).get("excludes", [])
        if code in ids
    ]
    kinds = {"offer_id": pl.Int64, "offer_id_other": pl.Int64}
    both = (
        holdings.join(pl.DataFrame(pairs, schema=kinds, orient="row"), on="offer_id")
        .join(
            holdings, left_on=["subscriber_id", "offer_id_other"], right_on=["subscriber_id", "offer_id"], suffix="_2"
        )
        .filter(pl.col("to_at_2").is_null() | (pl.col("from_at") < pl.col("to_at_2")))
        .filter(pl.col("to_at").is_null() | (pl.col("from_at_2") < pl.col("to_at")))
    )
    if both.height:
        user, offer, other = both.select("subscriber_id", "offer_id", "offer_id_other").row(0)
        raise BaseRefused(f"user {user} holds offers {offer} and {other} at once, which exclude one another")


def _stored(name: str, frame: pl.DataFrame) -> pl.DataFrame:
    """Turn an agreed frame into the columns of its table."""
    if name == "customers":
        return _sealed(frame)
    if name == "subscribers":
        closed = pl.col("closed_at").is_not_null()
        return frame.with_columns(pl.when(closed).then(pl.lit("TERMINATED")).otherwise(pl.lit("ACTIVE")).alias("life"))
    if name == "relations":
        cycles = range_text("from_cycle", "to_cycle").alias("cycles")
        return frame.with_columns(cycles).drop("from_cycle", "to_cycle")
    if name == "holdings":
        kinds = offer_ids()
        frame = frame.with_columns(pl.col("offer_id").replace_strict(kinds, return_dtype=pl.String).alias("kind"))
    if name == "stops":
        ids = {code: reason.stop_reason_id for code, reason in BY_CODE.items()}
        reason = pl.col("reason").replace_strict(ids, return_dtype=pl.Int16).alias("stop_reason_id")
        frame = frame.with_columns(reason).drop("reason")
    if "from_at" in frame.columns:
        return frame.with_columns(range_text("from_at", "to_at").alias("period")).drop("from_at", "to_at")
    return frame


def _sealed(customers: pl.DataFrame) -> pl.DataFrame:
    """Encrypt the documents' numbers and add the blind index by which equal ones are found."""
    clear = customers["cert_no"].to_list()
    kinds = customers["cert_type"].to_list()
    sealed = [None if number is None else "\\x" + encrypt(number).hex() for number in clear]
    index = [
        None if number is None else "\\x" + blind_index(f"{kind}:{number}").hex()
        for kind, number in zip(kinds, clear, strict=True)
    ]
    return customers.with_columns(
        pl.Series("cert_no_sealed", sealed, pl.String), pl.Series("cert_no_index", index, pl.String)
    ).drop("cert_no")


def _opening_history(subscribers: pl.DataFrame) -> pl.DataFrame:
    """The history that a loaded user starts with: opened, and perhaps closed."""
    opened = subscribers.select(
        "subscriber_id", pl.lit("ACTIVE").alias("state"), pl.lit("OPEN").alias("event"), pl.col("opened_at").alias("at")
    )
    closed = subscribers.filter(pl.col("closed_at").is_not_null()).select(
        "subscriber_id",
        pl.lit("TERMINATED").alias("state"),
        pl.lit("CLOSE").alias("event"),
        pl.col("closed_at").alias("at"),
    )
    return pl.concat([opened, closed])


@contextmanager
def _constraints_after(tables: list[str]) -> Iterator[None]:
    """Take constraints and secondary indexes away while empty tables are filled, and put them back as they were."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM customers_customer)")
        if cursor.fetchone()[0]:
            yield
            return
        cursor.execute(_CONSTRAINTS, [tables])
        constraints = cursor.fetchall()
        for table, name, _ in constraints:
            cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
        cursor.execute(_INDEXES, [tables])
        indexes = cursor.fetchall()
        for name, _ in indexes:
            cursor.execute(f'DROP INDEX "{name}"')
    yield
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL maintenance_work_mem = '256MB'")
        for _, definition in indexes:
            cursor.execute(definition)
        for table, name, definition in constraints:
            cursor.execute(f'ALTER TABLE {table} ADD CONSTRAINT "{name}" {definition}')
        for table in tables:
            cursor.execute(f"ANALYZE {table}")


# Foreign keys last: they lean on nothing that is made here, and the rows are in cache by then.
_CONSTRAINTS = """
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)
FROM pg_constraint
WHERE contype IN ('f', 'x', 'u') AND conrelid = ANY (%s::regclass[])
ORDER BY contype DESC, conname
"""
_INDEXES = """
SELECT i.relname, pg_get_indexdef(i.oid)
FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
WHERE x.indrelid = ANY (%s::regclass[]) AND NOT x.indisprimary
"""


def _move_sequences() -> None:
    """Let new rows be numbered after the loaded ones."""
    with connection.cursor() as cursor:
        for table in TABLES.values():
            cursor.execute(_KEY_COLUMN, [table])
            (column,) = cursor.fetchone()
            cursor.execute(
                f"SELECT setval(pg_get_serial_sequence('{table}', '{column}'), coalesce(max({column}), 0) + 1, false)"
                f" FROM {table}"
            )


_KEY_COLUMN = """
SELECT a.attname FROM pg_index x JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = x.indkey[0]
WHERE x.indrelid = %s::regclass AND x.indisprimary
"""


def re_encrypt_documents(re_encrypt: Callable[[bytes], bytes]) -> int:
    """Bring every document's number to the newest key, in repeatable steps; return how many were rewritten."""
    rewritten, last = 0, 0
    while True:
        step = Customer.objects.filter(customer_id__gt=last, cert_no_sealed__isnull=False).order_by("customer_id")
        rows = list(step.only("cert_no_sealed")[:REWRITE_STEP])
        if not rows:
            return rewritten
        changed = []
        for row in rows:
            sealed = bytes(row.cert_no_sealed)
            row.cert_no_sealed = re_encrypt(sealed)
            if row.cert_no_sealed != sealed:
                changed.append(row)
        Customer.objects.bulk_update(changed, ["cert_no_sealed"], batch_size=1000)
        rewritten, last = rewritten + len(changed), rows[-1].customer_id


# --- reading ---------------------------------------------------------------------------------------------------------


def engine_image(*, subscriber_ids: Iterable[int] | None = None) -> EngineImage:
    """Read what the charging engine must know of some users, or of all; who is only pre-opened is not in service.

    Source: architecture section 5, CHG-25, D2.1.
    """
    zone = settings.TIME_ZONE
    chosen = None if subscriber_ids is None else _in_service(list(subscriber_ids))

    def read(columns: str, table: str, kinds: dict[str, pl.DataType]) -> pl.DataFrame:
        if chosen is None:
            return copy_out(f"SELECT {columns} FROM {table} WHERE {_IN_SERVICE}", kinds)
        statement = f"SELECT {columns} FROM {table} WHERE {_CHOSEN}"
        return pl.DataFrame(ask(statement, [chosen] * statement.count("%s")), schema=kinds, orient="row")

    shared = _SHARED_ACCOUNTS.format("" if chosen is None else f"AND account_id IN ({_THEIR_ACCOUNTS})")

    span = f"{_local_s('lower(period)', zone)}, {_local_s('upper(period)', zone)}"
    first_month = "CASE first_month " + "".join(f"WHEN '{mode.name}' THEN {mode.value} " for mode in FirstMonth) + "END"
    kind = "CASE g.kind " + "".join(f"WHEN '{group.name}' THEN {group.value} " for group in ClosedGroup) + "ELSE 0 END"
    spans = {"from_local_s": pl.Int64(), "to_local_s": pl.Int64()}
    user: dict[str, pl.DataType] = {"subscriber_id": pl.Int64()}
    return EngineImage(
        subscribers=read("subscriber_id", "customers_subscriber", user),
        numbers=read(
            f"number, subscriber_id, {span}",
            f"(SELECT number, subscriber_id, period FROM customers_numberperiod UNION ALL SELECT {_SHORT_KEY},"
            " subscriber_id, period FROM customers_groupmember WHERE short_number IS NOT NULL) n",
            {"number": pl.Int64(), **user, **spans},
        ),
        imsis=read(f"imsi, subscriber_id, {span}", "customers_simperiod", {"imsi": pl.Int64(), **user, **spans}),
        holdings=read(
            f"subscriber_id, offer_id, {first_month}, {span}",
            "customers_holding",
            {**user, "offer_id": pl.Int64(), "first_month": pl.Int8(), **spans},
        ),
        groups=read(
            "subscriber_id, group_id, kind, from_local_s, to_local_s",
            f"(SELECT m.subscriber_id, m.group_id, {kind} AS kind, {_local_s('lower(period)', zone)} AS from_local_s,"
            f" {_local_s('upper(period)', zone)} AS to_local_s"
            f" FROM customers_groupmember m JOIN customers_closedgroup g USING (group_id)"
            f" UNION ALL SELECT subscriber_id, account_id, {int(ClosedGroup.ACCOUNT)},"
            f" {_cycle_start_s('lower(cycles)')}, {_cycle_start_s('upper(cycles)')}"
            f" FROM customers_paymentrelation WHERE mode = 'REST' AND account_id IN ({shared})) shared",
            {**user, "group_id": pl.Int64(), "kind": pl.Int8(), **spans},
        ),
        friends=read(
            f"subscriber_id, number, {span}", "customers_listednumber", {**user, "number": pl.Int64(), **spans}
        ),
    )


_IN_SERVICE = "subscriber_id NOT IN (SELECT subscriber_id FROM customers_subscriber WHERE life = 'PREOPENED')"
# as kernel.state.short_number_key
_SHORT_KEY = f"{SHORT_NUMBER_BASE} + group_id * {SHORT_NUMBERS} + short_number"


_CHOSEN = "subscriber_id = ANY (%s::bigint[])"
_THEIR_ACCOUNTS = f"SELECT account_id FROM customers_paymentrelation WHERE {_CHOSEN}"
_SHARED_ACCOUNTS = """SELECT account_id FROM customers_paymentrelation WHERE mode = 'REST' {}
GROUP BY account_id HAVING count(DISTINCT subscriber_id) > 1"""


def _in_service(subscriber_ids: list[int]) -> list[int]:
    """Leave out who is only pre-opened."""
    statement = f"SELECT subscriber_id FROM customers_subscriber WHERE {_CHOSEN} AND life <> 'PREOPENED'"
    found = ask(statement, [subscriber_ids])
    return sorted(subscriber_id for (subscriber_id,) in found)


def _cycle_start_s(cycle: str) -> str:
    """SQL for the local second at which a cycle begins; null = for ever."""
    return f"coalesce(extract(epoch FROM to_date(({cycle})::text, 'YYYYMM'))::bigint, {FOREVER_S})"


def users_who_share(*, subscriber_ids: Iterable[int]) -> list[int]:
    """Name those whose rest the same accounts pay, if these are few: they begin to share when a user joins.

    In larger accounts everybody was told before. Source: issue 3 section 1 (counters and free resources by account).
    """
    with connection.cursor() as cursor:
        cursor.execute(_SHARERS, [list(subscriber_ids), TOLD_AGAIN])
        return [subscriber_id for (subscriber_id,) in cursor.fetchall()]


TOLD_AGAIN = 10  # users of an account who are told to the engine anew when one of them changes
_SHARERS = """
WITH shared AS (
    SELECT account_id FROM customers_paymentrelation WHERE mode = 'REST' AND account_id IN (
        SELECT account_id FROM customers_paymentrelation WHERE mode = 'REST' AND subscriber_id = ANY (%s))
    GROUP BY account_id HAVING count(DISTINCT subscriber_id) BETWEEN 2 AND %s
)
SELECT DISTINCT subscriber_id FROM customers_paymentrelation JOIN shared USING (account_id) WHERE mode = 'REST'
ORDER BY 1
"""


def _local_s(moment: str, zone: str) -> str:
    """SQL for a moment as seconds of the operator's wall clock; null = for ever."""
    return f"coalesce(extract(epoch FROM ({moment} AT TIME ZONE '{zone}'))::bigint, {FOREVER_S})"


def resources_in_use() -> tuple[pl.DataFrame, pl.DataFrame]:
    """Read which numbers and cards users have or had last, for taking them over as resources (D12).

    numbers(number, subscriber_id, org_code, home_area, to_at), cards(iccid, imsi, subscriber_id, org_code, number,
    to_at); to_at empty = in use. Of a number with several users the last one counts.
    """
    owner = "JOIN customers_subscriber s USING (subscriber_id) JOIN customers_customer c USING (customer_id)"
    numbers = copy_out(
        "SELECT DISTINCT ON (n.number) n.number, n.subscriber_id, c.org_code, s.home_area, upper(n.period)"
        f" FROM customers_numberperiod n {owner} ORDER BY n.number, lower(n.period) DESC",
        {
            "number": pl.Int64,
            "subscriber_id": pl.Int64,
            "org_code": pl.String,
            "home_area": pl.Int32,
            "to_at": pl.String,
        },
    )
    cards = copy_out(
        "SELECT m.iccid, m.imsi, m.subscriber_id, c.org_code, n.number, upper(m.period)"
        f" FROM customers_simperiod m {owner} LEFT JOIN customers_numberperiod n"
        " ON n.subscriber_id = m.subscriber_id AND upper_inf(n.period) ORDER BY m.iccid",
        {
            "iccid": pl.String,
            "imsi": pl.Int64,
            "subscriber_id": pl.Int64,
            "org_code": pl.String,
            "number": pl.Int64,
            "to_at": pl.String,
        },
    )
    moment = pl.col("to_at").str.to_datetime("%Y-%m-%d %H:%M:%S%#z", time_unit="us", time_zone="UTC")
    return numbers.with_columns(moment), cards.with_columns(moment)


def billing_image(*, cycle: int, also: Iterable[int] = ()) -> BillingImage:
    """Read what the bill run must know of everybody who was a user in a cycle (202610). Source: ACP-03, D7.4, D1.1.

    also  users that left before and still have something to pay, such as late records (D4.6)
    """
    gone = ", ".join(str(int(subscriber_id)) for subscriber_id in also) or "0"
    first_on = date(cycle // 100, cycle % 100, 1)
    next_on = date(cycle // 100 + cycle % 100 // 12, cycle % 100 % 12 + 1, 1)
    zone = settings.TIME_ZONE
    month = f"tstzrange('{first_on}'::timestamp AT TIME ZONE '{zone}', '{next_on}'::timestamp AT TIME ZONE '{zone}')"
    days = f"{_local_day('lower(period)', zone)}, {_local_day('upper(period)', zone)}"
    user: dict[str, pl.DataType] = {"subscriber_id": pl.Int64()}
    span = {"from_on": pl.Date(), "to_on": pl.Date()}
    return BillingImage(
        attributes=copy_out(
            f"""SELECT s.subscriber_id, s.customer_id, c.born_on, {_local_day("s.opened_at", zone)},
                {_local_day("s.closed_at", zone)}, c.customer_class, c.vip_level, s.brand, s.star, s.home_area,
                coalesce(p.kinds, '')
            FROM customers_subscriber s JOIN customers_customer c USING (customer_id)
            LEFT JOIN (SELECT customer_id, string_agg(DISTINCT kind, ',') AS kinds FROM customers_certificate
                WHERE from_on < '{next_on}' AND (to_on IS NULL OR to_on >= '{next_on}')
                GROUP BY customer_id) p USING (customer_id)
            WHERE s.life <> 'PREOPENED'
                AND (tstzrange(s.opened_at, s.closed_at) && {month} OR s.subscriber_id IN ({gone}))
            ORDER BY s.subscriber_id""",
            {**user, **_ATTRIBUTES},
        ),
        holdings=copy_out(
            f"""SELECT holding_id, subscriber_id, offer_id, first_month, {days} FROM customers_holding
            WHERE period && {month} ORDER BY subscriber_id, holding_id""",
            {"holding_id": pl.Int64(), **user, "offer_id": pl.Int64(), "first_month": pl.String(), **span},
        ),
        stops=copy_out(
            f"""SELECT subscriber_id, stop_reason_id, {days} FROM customers_stopperiod
            WHERE period && {month} ORDER BY subscriber_id, lower(period)""",
            {**user, "reason": pl.Int16(), **span},
        ).with_columns(pl.col("reason").replace_strict(REASON_CODES, return_dtype=pl.String())),
        relations=copy_out(
            f"""SELECT relation_id, subscriber_id, account_id, item_scope, mode, value, priority
            FROM customers_paymentrelation WHERE cycles @> {cycle} ORDER BY subscriber_id, relation_id""",
            {"relation_id": pl.Int64(), **user, "account_id": pl.Int64(), **_RELATION},
        ),
        accounts=copy_out(
            "SELECT account_id, customer_id, language, layout, pay_method FROM customers_account ORDER BY account_id",
            {"account_id": pl.Int64(), "customer_id": pl.Int64(), **_ACCOUNT},
        ),
        members=copy_out(
            f"""SELECT m.subscriber_id, m.group_id, g.kind FROM customers_groupmember m
            JOIN customers_closedgroup g USING (group_id)
            WHERE m.period @> (('{next_on}'::timestamp AT TIME ZONE '{zone}') - interval '1 second')
            ORDER BY m.subscriber_id, m.group_id""",
            {**user, "group_id": pl.Int64(), "kind": pl.String()},
        ),
    )


_ATTRIBUTES = {
    "customer_id": pl.Int64(),
    "born_on": pl.Date(),
    "opened_on": pl.Date(),
    "closed_on": pl.Date(),
    "customer_class": pl.String(),
    "vip_level": pl.String(),
    "brand": pl.String(),
    "star": pl.Int8(),
    "home_area": pl.Int32(),
    "certificates": pl.String(),
}
_RELATION = {"item_scope": pl.String(), "mode": pl.String(), "value": pl.Int64(), "priority": pl.Int32()}
_ACCOUNT = {"language": pl.String(), "layout": pl.String(), "pay_method": pl.String()}


def _local_day(moment: str, zone: str) -> str:
    """SQL for the day of a moment on the operator's calendar; null stays null."""
    return f"({moment} AT TIME ZONE '{zone}')::date"
