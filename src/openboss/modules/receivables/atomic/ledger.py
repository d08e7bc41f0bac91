"""Entries of the ledger: written once, balanced, and corrected only by an entry that reverses them (D0.4, D22.4)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import polars as pl
from django.db import transaction

from openboss.modules.receivables.atomic.wallets import tell_engine
from openboss.modules.receivables.models import BusinessDay, ChartAccount, Entry, Posting
from openboss.modules.system.atomic import record_audit
from openboss.modules.system.copying import copy_in
from openboss.modules.system.statements import ask, kept_until_written, put_rows, run

POSTINGS = pl.Schema(
    {
        "entry_id": pl.Int64,
        "line_no": pl.Int16,
        "chart_no": pl.Int32,
        "amount_fen": pl.Int64,
        "business_on": pl.Date,
        "account_id": pl.Int64,
        "subscriber_id": pl.Int64,
        "item_id": pl.Int16,
        "bill_id": pl.Int64,
        "bucket_id": pl.Int64,
    }
)
ENTRY_COLUMNS = {
    "entry_id": "bigint",
    "serial_no": "text",
    "cause": "text",
    "business_on": "date",
    "period": "int",
    "currency": "text",
    "staff_id": "bigint",
    "channel": "text",
    "at": "timestamptz",
    "reverses_id": "bigint",
    "note": "text",
}
POSTING_TYPES: dict[Any, str] = {pl.Int64: "bigint", pl.Int32: "int", pl.Int16: "smallint", pl.Date: "date"}
POSTING_COLUMNS = {name: POSTING_TYPES[kind] for name, kind in POSTINGS.items()}
INSTEAD = {"COMPENSATION": "WAIVED"}  # roles that charts made before them lack: their sums stand under another
DIMENSIONS = ("account_id", "subscriber_id", "item_id", "bill_id", "bucket_id")


class ChartRefused(ValueError):
    """The chart of accounts cannot be used; the message says what an entry lacks. Nothing was changed."""


class EntryUnknown(LookupError):
    """There is no such entry in the ledger."""


class AlreadyReversed(Exception):
    """This entry was reversed before; nothing was changed."""


@dataclass(frozen=True)
class ChartView:
    """An account of the chart of accounts."""

    chart_no: int
    role: str
    kind: str
    name_zh: str
    name_en: str
    group_code: str
    means: tuple[str, ...]


@dataclass(frozen=True)
class Chart:
    """The chart of accounts, to be asked by role, by display group and by means of payment."""

    accounts: tuple[ChartView, ...]

    def no_of(self, role: str) -> int:
        """The number finance gave to what the code calls by this role, or to what an older chart has instead."""
        by_role = {one.role: one.chart_no for one in reversed(self.accounts)}
        return by_role[role if role in by_role else INSTEAD[role]]

    def of_group(self, group_code: str) -> int:
        """Where bill items of a display group are credited."""
        return next(one.chart_no for one in self.accounts if one.group_code == group_code)

    def of_means(self, means: str) -> int | None:
        """Where money that comes in by a means is debited; None: there is no such means."""
        return next((one.chart_no for one in self.accounts if means in one.means), None)


@dataclass(frozen=True)
class Act:
    """Who does something to money, through which channel, when, and in which day's books."""

    at: datetime
    business_on: date
    staff_id: int | None
    channel: str
    currency: str


@dataclass(frozen=True)
class Line:
    """A line of an entry: debit above zero, credit below."""

    chart_no: int
    amount_fen: int
    account_id: int | None = None
    subscriber_id: int | None = None
    item_id: int | None = None
    bill_id: int | None = None
    bucket_id: int | None = None


@dataclass(frozen=True)
class EntryView:
    """An entry with its lines."""

    entry_id: int
    serial_no: str
    cause: str
    business_on: date
    currency: str
    staff_id: int | None
    channel: str
    at: datetime
    reverses_id: int | None
    note: str
    lines: tuple[Line, ...]


@kept_until_written("receivables_chartaccount")
def chart() -> Chart:
    """Read the chart of accounts."""
    rows = ChartAccount.objects.order_by("chart_no")
    return Chart(
        tuple(
            ChartView(row.chart_no, row.role, row.kind, row.name_zh, row.name_en, row.group_code, tuple(row.means))
            for row in rows
        )
    )


@transaction.atomic
def put_chart(*, accounts: Iterable[ChartView], at: datetime, staff_id: int | None = None) -> int:
    """Add accounts to the chart or rename them; return how many changed. Raises ChartRefused."""
    known = {one.chart_no: one for one in chart().accounts}
    changed = [one for one in accounts if known.get(one.chart_no) != one]
    for one in changed:
        before = known.get(one.chart_no)
        if before and before.role != one.role and Posting.objects.filter(chart_no=one.chart_no).exists():
            raise ChartRefused(f"{one.chart_no} has postings as {before.role}; give {one.role} a new number")
        values = {
            "role": one.role,
            "kind": one.kind,
            "name_zh": one.name_zh,
            "name_en": one.name_en,
            "group_code": one.group_code,
            "means": list(one.means),
        }
        ChartAccount.objects.update_or_create(chart_no=one.chart_no, defaults=values)
    if changed:
        record_audit(
            staff_id=staff_id,
            action="receivables.put_chart",
            object_kind="chart",
            object_id="",
            at=at,
            after={"accounts": [one.chart_no for one in changed]},
        )
    return len(changed)


def new_ids(table: str, column: str, count: int) -> list[int]:
    """Take ids of a table ahead, for rows that name each other."""
    sequence = f"SELECT pg_get_serial_sequence('{table}', '{column}')::regclass AS name"
    statement = f"WITH s AS MATERIALIZED ({sequence}) SELECT nextval(name) FROM s, generate_series(1, %s::bigint)"
    return [row[0] for row in ask(statement, [count])]


def hold_day(business_on: date) -> None:
    """Keep a business day from being closed until this transaction ends."""
    run("SELECT pg_advisory_xact_lock_shared(20001, extract(epoch FROM %s::date)::int / 86400)", [business_on])


def is_closed(business_on: date) -> bool:
    """Whether a business day is closed."""
    return BusinessDay.objects.filter(business_on=business_on, state="CLOSED").exists()


def put_entries(*, entries: pl.DataFrame, postings: pl.DataFrame, act: Act, is_told: bool = False) -> None:
    """Write many entries at once in the caller's transaction; the engine is told what they change of wallets.

    is_told   the engine knows already
    entries   entry_id, serial_no, cause, and perhaps note and reverses_id
    postings  columns of POSTINGS without business_on; lines are numbered here
    """
    facts = entries.with_columns(
        business_on=pl.lit(act.business_on),
        period=pl.lit(act.business_on.year * 100 + act.business_on.month),
        currency=pl.lit(act.currency),
        staff_id=pl.lit(act.staff_id, pl.Int64),
        channel=pl.lit(act.channel),
        at=pl.lit(act.at),
    )
    if "note" not in facts.columns:
        facts = facts.with_columns(note=pl.lit(""))
    copy_in("receivables_entry", facts)
    missing = [pl.lit(None, POSTINGS[name]).alias(name) for name in DIMENSIONS if name not in postings.columns]
    lines = postings.with_columns(
        *missing,
        business_on=pl.lit(act.business_on),
        line_no=pl.int_range(pl.len(), dtype=pl.Int16).over("entry_id") + 1,
    )
    copy_in("receivables_posting", lines.select(pl.col(name).cast(kind) for name, kind in POSTINGS.items()))
    if not is_told and entries.height:
        tell_engine(entries["entry_id"].to_list())


class Draft:
    """Entries on their way into the ledger, written in one go in the caller's transaction."""

    def __init__(self, act: Act) -> None:
        self._act = act
        self._entries: list[tuple[Any, ...]] = []
        self._postings: list[tuple[object, ...]] = []

    def add(
        self,
        entry_id: int,
        *,
        serial_no: str,
        cause: str,
        lines: Iterable[Line],
        note: str = "",
        reverses_id: int | None = None,
    ) -> None:
        """Add an entry; lines of nothing are left out."""
        act = self._act
        period = act.business_on.year * 100 + act.business_on.month
        self._entries.append(
            (entry_id, serial_no, cause, act.business_on, period, act.currency, act.staff_id, act.channel, act.at,
             reverses_id, note)
        )  # fmt: skip
        self._postings += [
            (entry_id, number, line.chart_no, line.amount_fen, act.business_on, line.account_id, line.subscriber_id,
             line.item_id, line.bill_id, line.bucket_id)
            for number, line in enumerate((line for line in lines if line.amount_fen), 1)
        ]  # fmt: skip

    def write(self) -> None:
        """Write the entries with their postings; the engine is told what they change of wallets."""
        put_rows("receivables_entry", ENTRY_COLUMNS, self._entries)
        put_rows("receivables_posting", POSTING_COLUMNS, self._postings)
        if self._entries:
            tell_engine([entry[0] for entry in self._entries])


def post_entry(
    *,
    serial_no: str,
    cause: str,
    lines: Iterable[Line],
    act: Act,
    note: str = "",
    reverses_id: int | None = None,
    entry_id: int | None = None,
) -> int:
    """Write one entry in the caller's transaction; return its id. Lines of nothing are left out."""
    draft = Draft(act)
    number = entry_id or new_ids("receivables_entry", "entry_id", 1)[0]
    draft.add(number, serial_no=serial_no, cause=cause, lines=lines, note=note, reverses_id=reverses_id)
    draft.write()
    return number


def reverse_entry(*, entry_id: int, act: Act, note: str = "") -> int:
    """Write the entry that takes another one back; return its id. Raises EntryUnknown, AlreadyReversed."""
    found = entry_view(entry_id=entry_id)
    if Entry.objects.filter(reverses_id=entry_id).exists():
        raise AlreadyReversed(found.serial_no)
    lines = [
        Line(line.chart_no, -line.amount_fen, **{name: getattr(line, name) for name in DIMENSIONS})
        for line in found.lines
    ]
    return post_entry(
        serial_no=f"REVERSE {found.serial_no}"[:80],
        cause=f"{found.cause}_REVERSED"[:24],
        lines=lines,
        act=act,
        note=note,
        reverses_id=entry_id,
    )


@dataclass(frozen=True)
class DeferredFee:
    """A fee that is earned over months: what was billed and when, and what of it is booked as revenue."""

    bill_id: int
    account_id: int
    subscriber_id: int
    item_id: int
    billed_on: date
    billed_fen: int
    earned_fen: int


def deferred_fees(*, chart_no: int) -> list[DeferredFee]:
    """The fees of a deferral account that are not earned whole, less what was charged too much of them."""
    rows = ask(
        "SELECT bill_id, account_id, subscriber_id, item_id, min(p.business_on),"
        " -coalesce(sum(amount_fen) FILTER (WHERE cause <> 'EARNED'), 0)::bigint,"
        " coalesce(sum(amount_fen) FILTER (WHERE cause = 'EARNED'), 0)::bigint"
        " FROM receivables_posting p JOIN receivables_entry USING (entry_id)"
        " WHERE chart_no = %s::int GROUP BY 1, 2, 3, 4 HAVING sum(amount_fen) <> 0 ORDER BY 1, 3, 4",
        [chart_no],
    )
    return [DeferredFee(*row) for row in rows]


def not_earned(*, chart_no: int, account_id: int, bill_id: int, subscriber_id: int, item_id: int) -> int:
    """What of an item of a bill is still on a deferral account, in fen."""
    ((fen,),) = ask(
        "SELECT -coalesce(sum(amount_fen), 0)::bigint FROM receivables_posting WHERE chart_no = %s::int"
        " AND account_id = %s::bigint AND bill_id = %s::bigint"
        " AND subscriber_id = %s::bigint AND item_id = %s::smallint",
        [chart_no, account_id, bill_id, subscriber_id, item_id],
    )
    return int(fen)


def entry_by_serial(*, serial_no: str) -> EntryView | None:
    """Read the entry with a serial number, if there is one."""
    row = Entry.objects.filter(serial_no=serial_no).first()
    return _views([row])[0] if row else None


def entry_view(*, entry_id: int) -> EntryView:
    """Read one entry with its lines. Raises EntryUnknown."""
    row = Entry.objects.filter(entry_id=entry_id).first()
    if row is None:
        raise EntryUnknown(entry_id)
    return _views([row])[0]


def entries_of(*, entry_ids: list[int]) -> list[EntryView]:
    """Read entries with their lines, in order."""
    return _views(list(Entry.objects.filter(entry_id__in=entry_ids).order_by("entry_id")))


def _views(rows: list[Entry]) -> list[EntryView]:
    lines: dict[int, list[Line]] = {}
    found = Posting.objects.filter(entry_id__in=[row.entry_id for row in rows]).order_by("entry_id", "line_no")
    for line in found.values("entry_id", "chart_no", "amount_fen", *DIMENSIONS):
        lines.setdefault(line.pop("entry_id"), []).append(Line(**line))
    names = [name for name in EntryView.__dataclass_fields__ if name != "lines"]
    values: list[dict[str, Any]] = [{name: getattr(row, name) for name in names} for row in rows]
    return [EntryView(**one, lines=tuple(lines.get(one["entry_id"], []))) for one in values]
