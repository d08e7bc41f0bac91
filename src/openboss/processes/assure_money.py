"""Assure money: what is told twice must be the same, every day, by seven checks. Read from top to bottom.

    TAKINGS      tills, boxes and channels against payments and their entries; documents against payments; payments for
                 other provinces that nobody answered
    BANK_FILES   files of banks and collectors against payments
    WALLETS      the engine's balances against the ledger, to the li; whose wallet users draw on against who pays
    DETAIL       fees of use on bills against rated detail, to the li
    RECEIVABLES  bills against their items, debts, clearing and late fees
    LEDGER       entries balance, buckets are what the ledger says, the chain of days holds
    GATEWAYS     sessions charged online against the gateways' own files, in KB, seconds or messages

Each check compares whole tables, keeps what it found by day, and proposes a repair where a machine may do it.
Source: D22.1 to D22.4, D22.6, issue 6 section 5.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta

import polars as pl
from django.db import transaction

from openboss.modules.billing.atomic import fees_of_use, item_dues, list_cycles, released_totals
from openboss.modules.charging.functions.gateways import NothingLeft, NotSure, charge_rest, compared_sessions
from openboss.modules.charging.functions.rated import rated_sums
from openboss.modules.receivables.atomic import assurance, collector_files, crosschecks, debts, wallets
from openboss.modules.receivables.atomic.assurance import CheckDone, DifferenceUnknown, DifferenceView
from openboss.modules.receivables.atomic.crosschecks import LI, Compared, Found
from openboss.modules.receivables.atomic.days import verify_seals
from openboss.modules.receivables.functions.authority import require, require_second
from openboss.modules.receivables.functions.wallets import wallet_differences
from openboss.processes import keep_wallets

__all__ = [
    "CAUSES",
    "CHECKS",
    "REPAIRS",
    "CheckDone",
    "DifferenceUnknown",
    "DifferenceView",
    "NotRepairable",
    "NotSure",
    "NothingLeft",
    "differences",
    "explain",
    "repair",
    "results",
    "run",
    "take_collector_file",
]

CHECKS = ("TAKINGS", "BANK_FILES", "WALLETS", "DETAIL", "RECEIVABLES", "LEDGER", "GATEWAYS")
LOOKED_BACK = timedelta(days=62)  # payments older than that are in closed periods
COMPARED_CYCLES = 3  # released ones, the newest
GATEWAY_DAYS = 4  # of use that are compared with files
GATEWAY_LATE = 1  # days a gateway's file may come late

CAUSES = {
    "PAYMENT_NOT_ITS_ENTRY": "The payment is not what its entry says.",
    "LEDGER_NOT_THE_PAYMENTS": "The ledger has another sum for this means of payment than the payments of the day.",
    "TILL_NOT_ITS_PAYMENTS": "What the till should hold is not what its payments come to.",
    "TILL_COUNT_NOT_BOOKED": "What was over or short at the count is not in the ledger.",
    "DOCUMENT_NOT_ITS_PAYMENT": "The receipt or invoice names another sum than what it is for.",
    "ELSEWHERE_UNANSWERED": "Money is set aside, and nobody knows whether the other province has it.",
    "BANK_FILE_NOT_THE_PAYMENT": "The bank's answer and our payment differ.",
    "COLLECTOR_FILE_NOT_THE_PAYMENT": "The collector's file and our payments differ.",
    "WALLET_NOT_THE_LEDGER": "The wallet's overdraft or charge is not what the ledger says.",
    "ENGINE_NOT_THE_LEDGER": "The engine's balance is not what the ledger says.",
    "WALLET_NOT_THE_PAYERS": "The user draws on another account's wallet than the payer's, or on none.",
    "FEES_NOT_THE_DETAIL": "The fees of use on the bill are not what the rated records come to.",
    "OPEN_NOT_THE_LEDGER": "What is open on the bill is not what the ledger says.",
    "ITEMS_NOT_THE_BILL": "The items do not add up to the bill.",
    "PAID_NOT_THE_CLEARING": "What is paid of the items is not what clearing says.",
    "CLEARING_NOT_ITS_ENTRY": "What the clearing paid is not what its entry says.",
    "LATE_FEE_NOT_THE_LEDGER": "The late fee is not what the ledger says.",
    "GIVEN_UP_NOT_THE_LEDGER": "What was written off is not what the ledger says.",
    "BILL_NOT_ITS_ENTRY": "The debt is not what its entry says.",
    "BILL_NOT_THE_DEBT": "The released bill and the debt it became differ.",
    "BILL_ITEM_NOT_THE_DEBT": "An item of the bill and the open item it became differ.",
    "BUCKET_NOT_THE_LEDGER": "The money in the bucket is not what the ledger says.",
    "ENTRY_DOES_NOT_BALANCE": "Debit does not equal credit.",
    "GATEWAY_NOT_ONLINE": "The gateway's file tells of another use than was charged online.",
    "GATEWAY_SILENT": "No file of a gateway tells of what was charged online.",
    "CHAIN_BROKEN": "The chain of closed days breaks here: an entry was changed after it was sealed.",
}
REPAIRS = {
    "LOOK": "A person has to look.",
    "TELL_ENGINE": "Bring the engine's balance to the ledger's.",
    "BUCKET_TO_LEDGER": "Set the bucket to what the ledger says.",
    "CHARGE_FILE": "Charge what the files tell beyond what was charged online.",
}


class NotRepairable(Exception):
    """No machine may repair this: look at the entries under it and post what is missing, or explain it."""


def run(*, on: date, at: datetime, checks: Sequence[str] = CHECKS) -> list[CheckDone]:
    """Run checks for a day and keep what they found."""
    return [_run(check, on, at) for check in checks]


def _run(check: str, on: date, at: datetime) -> CheckDone:
    compared = list(_QUESTIONS[check](on))
    found = [one for part in compared for one in part.found]
    objects, fen = sum(part.objects for part in compared), sum(part.fen for part in compared)
    return assurance.keep_run(check=check, on=on, at=at, compared=objects, fen=fen, found=found)


def results(*, on: date | None = None, limit: int = 200) -> list[CheckDone]:
    """The newest run of each check on each day, the newest day first."""
    return assurance.check_runs(on=on, limit=limit)


def differences(*, check: str | None = None, state: str | None = "OPEN", limit: int = 500) -> list[DifferenceView]:
    """Differences of a check or all, in a state (None: any), the newest first."""
    return assurance.differences(check=check, state=state, limit=limit)


@transaction.atomic
def repair(*, difference_id: int, at: datetime, staff_id: int, approved_by: int | None = None) -> DifferenceView:
    """Do the repair that a check proposes; two people stand behind it.

    Raises DifferenceUnknown, NotRepairable, NothingLeft, NotSure, NotEntitled, SecondPersonNeeded.
    """
    one = assurance.open_difference(difference_id=difference_id)
    if one.repair == "LOOK":
        raise NotRepairable(one.cause)
    require(staff_id=staff_id, right="receivables.adjust")
    require_second(staff_id=staff_id, approved_by=approved_by)
    if one.repair == "TELL_ENGINE":
        amount_li = one.expected_fen - one.found_fen
        wallets.send_amounts([(int(one.object_id), amount_li)], serial_no=f"REPAIR {difference_id}")
    elif one.repair == "CHARGE_FILE":
        subscriber_id, session = one.object_id.split()
        from_s, to_s = _gateway_span(one.last_on)
        charge_rest(subscriber_id=int(subscriber_id), session=session, from_local_s=from_s, to_local_s=to_s, at=at)
    else:
        debts.change_buckets(bucket_ids=[int(one.object_id)], amounts_fen=[one.expected_fen - one.found_fen])
    return assurance.settle(
        difference_id=difference_id, state="REPAIRED", note=f"{one.repair} {approved_by}", at=at, staff_id=staff_id
    )


@transaction.atomic
def explain(*, difference_id: int, note: str, at: datetime, staff_id: int) -> DifferenceView:
    """Say why a difference is right as it is; it is not opened again. Raises DifferenceUnknown, NotEntitled."""
    require(staff_id=staff_id, right="receivables.adjust")
    assurance.open_difference(difference_id=difference_id)
    return assurance.settle(difference_id=difference_id, state="EXPLAINED", note=note, at=at, staff_id=staff_id)


def take_collector_file(
    *, channel: str, business_on: date, items: Iterable[tuple[str, int]], sequence: int | None = None
) -> int:
    """Keep a collector's file of a day, serial number and fen of each payment, for the check of BANK_FILES.

    sequence  the number of the payment file these come from: they are added to the day's, each under its first file;
              without one the list is the whole day and takes the place of what was known of it
    """
    if sequence is not None:
        return collector_files.add_items(channel=channel, sequence=sequence, business_on=business_on, items=list(items))
    return assurance.put_collector_items(channel=channel, business_on=business_on, items=items)


def _takings(on: date) -> Iterable[Compared]:
    since = on - LOOKED_BACK
    yield crosschecks.payments_and_entries(since=since)
    yield crosschecks.means_and_payments(since=since)
    yield crosschecks.tills_and_payments()
    yield crosschecks.tills_and_ledger()
    yield crosschecks.documents_and_payments()
    yield crosschecks.unanswered_elsewhere(before=on)


def _bank_files(_: date) -> Iterable[Compared]:
    yield crosschecks.debits_and_payments()
    yield crosschecks.collectors_and_payments()


def _wallets(_: date) -> Iterable[Compared]:
    yield crosschecks.wallets_and_ledger()
    differing, compared = wallet_differences()
    found = [
        Found("WALLET", "account", str(account_id), expected, found, "ENGINE_NOT_THE_LEDGER", "TELL_ENGINE", LI)
        for account_id, expected, found in differing.iter_rows()
    ]
    yield Compared(compared, 0, tuple(found))
    published = wallets.last_range()
    misplaced = [] if published is None else keep_wallets.misplaced(at=published.published_at)
    yield Compared(0, 0, tuple(
        Found("PAYER", "user", str(one.subscriber_id), one.account_id, one.draws_on, "WALLET_NOT_THE_PAYERS", unit="NO")
        for one in misplaced
    ))  # fmt: skip


def _detail(_: date) -> Iterable[Compared]:
    for cycle in _released():
        keys = ["subscriber_id", "item_id"]
        billed = fees_of_use(cycle=cycle)
        both = billed.join(rated_sums(cycle), on=keys, how="full", coalesce=True, suffix="_rated")
        both = both.with_columns(pl.col("act_li", "act_li_rated").fill_null(0))
        name = pl.format(f"{cycle} {{}} {{}}", *keys)
        rows = both.select(name, "act_li_rated", "act_li")
        yield _differing(rows, "FEES_DETAIL", "fee", "FEES_NOT_THE_DETAIL", LI)


def _receivables(_: date) -> Iterable[Compared]:
    for cycle in _released():
        billed = released_totals(cycle=cycle)
        booked = debts.bills_of_cycle(cycle).select("bill_id", "total_fen")
        both = billed.join(booked, on="bill_id", how="full", coalesce=True, suffix="_booked").fill_null(0)
        yield _differing(both, "BILL_DEBT", "bill", "BILL_NOT_THE_DEBT")
        yield _items(cycle)
    yield crosschecks.booked_bills()
    yield crosschecks.bills_and_ledger()
    yield crosschecks.items_and_bills()
    yield crosschecks.items_and_allocations()
    yield crosschecks.clearings_and_ledger()
    yield crosschecks.late_fees_and_ledger()
    yield crosschecks.given_up_and_ledger()


def _items(cycle: int) -> Compared:
    """Items of released bills against the open items they became; late fees came later and are left out."""
    keys = ["bill_id", "subscriber_id", "item_id"]
    became = debts.items_of_cycle(cycle).select(*keys, "due_fen")
    both = item_dues(cycle=cycle).join(became, on=keys, how="full", coalesce=True, suffix="_open")
    both = both.with_columns(pl.col("due_fen", "due_fen_open").fill_null(0))
    rows = both.select(pl.format("{} {} {}", *keys), "due_fen", "due_fen_open")
    return _differing(rows, "BILL_ITEM", "item", "BILL_ITEM_NOT_THE_DEBT")


def _ledger(_: date) -> Iterable[Compared]:
    yield crosschecks.entries_balance()
    buckets = crosschecks.buckets_and_ledger()
    fixable = [Found(**{**vars(one), "repair": "BUCKET_TO_LEDGER"}) for one in buckets.found]
    yield Compared(buckets.objects, buckets.fen, tuple(fixable))
    chain = verify_seals()
    broken = Found("CHAIN", "day", str(chain.broken_on), 0, 1, "CHAIN_BROKEN")
    yield Compared(chain.sealed_days, 0, () if chain.broken_on is None else (broken,))


def _gateways(on: date) -> Iterable[Compared]:
    """Sessions of some days against the files, which may come a day late."""
    from_s, to_s = _gateway_span(on)
    sessions = compared_sessions(from_local_s=from_s, to_local_s=to_s)
    name = pl.when(pl.col("call_ref") != 0).then(pl.format("{}", "call_ref"))
    named = sessions.with_columns(name=name.otherwise(pl.format("{}-{}", "record_type", "at_s")))
    differing = named.filter(pl.col("online") != pl.col("filed"))
    differing = differing.sort("subscriber_id", "call_ref", "at_s").head(10_000)
    found = [
        Found(
            "GATEWAY", "session", f"{one['subscriber_id']} {one['name']}", one["online"], one["filed"],
            "GATEWAY_NOT_ONLINE" if one["filed"] else "GATEWAY_SILENT",
            "CHARGE_FILE" if one["filed"] > one["online"] else "LOOK", one["unit"],
        )
        for one in differing.iter_rows(named=True)
    ]  # fmt: skip
    yield Compared(len(sessions), int(sessions["act_li"].sum()) // 10, tuple(found))


def _gateway_span(on: date) -> tuple[int, int]:
    """The local seconds of the days that a run compares with files."""
    to_s = int(datetime.combine(on - timedelta(days=GATEWAY_LATE), time(), UTC).timestamp())
    return to_s - GATEWAY_DAYS * 86_400, to_s


def _released() -> list[int]:
    return [one.cycle for one in list_cycles() if one.state in ("RELEASED", "CLOSED")][:COMPARED_CYCLES]


def _differing(rows: pl.DataFrame, kind: str, object_kind: str, cause: str, unit: str = "FEN") -> Compared:
    """rows: what it is about, expected, found."""
    key, expected, found = rows.columns
    fen = int(rows[expected].abs().sum())
    differing = rows.filter(pl.col(expected) != pl.col(found)).sort(key).head(10_000)
    return Compared(
        rows.height,
        fen if unit == "FEN" else fen // 10,
        tuple(Found(kind, object_kind, str(k), x, y, cause, unit=unit) for k, x, y in differing.iter_rows()),
    )


_QUESTIONS: dict[str, Callable[[date], Iterable[Compared]]] = {
    "TAKINGS": _takings,
    "BANK_FILES": _bank_files,
    "WALLETS": _wallets,
    "DETAIL": _detail,
    "RECEIVABLES": _receivables,
    "LEDGER": _ledger,
    "GATEWAYS": _gateways,
}
