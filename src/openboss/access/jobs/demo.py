"""The demo: an operator with two closed months and a running one, made from nothing the way a real one comes to be.

Usage files of each month are dropped into the inboxes, collected, rated, and the month is closed and released, with
the clock handed in as it was then. At the end the installation's clock is pinned to the demo's business date, so
that "this month" and the 90 days of late records (E207) mean the same on whatever day the demo is run.
"""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from openboss.access.jobs import clock
from openboss.access.jobs.installation import embedded_cluster
from openboss.access.jobs.refusals import Refused
from openboss.config.options import options

USERS = 2000
SEED = 1
FIRST_DAY = date(2026, 9, 1)
BUSINESS_DAY = date(2026, 11, 12)
CLOSED_CYCLES = (202609, 202610)
RUNNING_CYCLE = 202611
BILLING_LOGIN, SIGNING_LOGIN, CLERK_LOGIN = "billing", "billing2", "clerk"
_BEGUN_FILE = "demo.begun"
LEFT_FOR_THE_TOUR = ("GMSC01", "GMSC01_000071.txt")  # calls of 10 November: its gap alarm waits for somebody to drop it
_READY_FILE = "demo.json"
VOUCHERS = 100
_SIGNED_BECAUSE = "演示数据：新运营商的头两个账期 / Demo data: first months of a new operator"

Say = Callable[[str], None]


class NotADemo(Refused):
    """The folder holds something that no demo made; nothing was touched. Name another with OPENBOSS_DATA_DIR."""


@dataclass(frozen=True)
class _Day:
    """Moments of the demo's past, on the operator's wall clock."""

    @staticmethod
    def at(day: date, hour: int) -> datetime:
        return datetime(day.year, day.month, day.day, hour, tzinfo=clock.operator_timezone())


def is_ready() -> bool:
    """Whether the demo's data is there, whole."""
    return (options().data_dir / _READY_FILE).exists()


def begin() -> None:
    """Take the data folder for a demo, before anything is put into it. Raises NotADemo."""
    _refuse_what_is_no_demo()
    options().data_dir.mkdir(parents=True, exist_ok=True)
    (options().data_dir / _BEGUN_FILE).touch()


def forget() -> None:
    """Delete the demo's data, its database included. Raises NotADemo."""
    _refuse_what_is_no_demo()
    if cluster := embedded_cluster():
        cluster.destroy()
    shutil.rmtree(options().data_dir, ignore_errors=True)


def _refuse_what_is_no_demo() -> None:
    folder = options().data_dir
    ours = (folder / _BEGUN_FILE).exists() or (folder / _READY_FILE).exists()
    if not ours and folder.exists() and any(folder.iterdir()):
        raise NotADemo(str(folder))


def prepare(*, example: Path, say: Say, compiled: Callable[[], None], users: int = USERS) -> None:
    """Make the demo's data in an open and migrated installation; what a broken-off attempt left must be gone.

    compiled   waits until the engine is compiled, which goes on while the usage is generated
    """
    from openboss.access.jobs.generate import generate_operator

    data_dir = options().data_dir
    source = data_dir / "generated"
    say(f"generating {users} customers and their usage of {(BUSINESS_DAY - FIRST_DAY).days} days")
    generate_operator(
        users=users,
        days=(BUSINESS_DAY - FIRST_DAY).days,
        seed=SEED,
        start=FIRST_DAY,
        out=source,
        example=example,
    )
    logging.getLogger("collect").setLevel(logging.WARNING)  # hundreds of files: the progress lines say enough
    say("compiling the engine for this machine (the first time only)")
    compiled()
    say("loading organisation, tables, tariffs and customers")
    _open(example, source / "base")
    _leave_for_the_tour(source / "usage")
    for cycle in CLOSED_CYCLES:
        _live_month(cycle, source, say)
    _open_wallets()
    _live_month(RUNNING_CYCLE, source, say)
    say("prepaid users recharge, looking after debts, comparing the books")
    _recharge()
    _look_after_debts()
    _compare_books()
    _leave_work()
    let_it_be(BUSINESS_DAY)
    shutil.rmtree(source / "usage")
    (data_dir / _READY_FILE).write_text(json.dumps({"users": users, "seed": SEED}), encoding="ascii")


def let_it_be(day: date) -> None:
    """Pin the demo's clock to nine in the morning of a day; the months that were closed stay closed."""
    clock.pin(_Day.at(day, 9))


def file_for_the_tour() -> Path:
    """The usage file that the demo keeps back, for somebody to drop into its inbox."""
    return options().data_dir / "try" / LEFT_FOR_THE_TOUR[1]


def _leave_for_the_tour(usage: Path) -> None:
    target = file_for_the_tour()
    target.parent.mkdir(parents=True, exist_ok=True)
    usage.joinpath(*LEFT_FOR_THE_TOUR).rename(target)


def _open(example: Path, base: Path) -> None:
    from openboss.processes.open_operator import open_operator, take_customers_over

    opened_at = _Day.at(FIRST_DAY, 0)
    open_operator(example, at=opened_at)
    take_customers_over(base, first_cycle=CLOSED_CYCLES[0], at=opened_at)
    _stock(example, opened_at)


def _stock(example: Path, at: datetime) -> None:
    """Numbers and cards of everybody, stock for a hall in each city, and vouchers to try out."""
    from openboss.access.jobs.generate_stock import generate_stock
    from openboss.processes import stock_halls

    register, _ = stock_halls.import_items(example / "reference" / stock_halls.STOCK_FILE, at=at)
    stock_halls.take_resources_over(register=register, at=at)
    halls = generate_stock(example)
    stock_halls.fill_halls(halls, register=register, at=at)
    made = stock_halls.sell_vouchers(
        item_code="VOUCHER_50",
        count=VOUCHERS,
        first_serial=1,
        province="17",
        org_code=halls[0].org_code,
        expires_on=date(2028, 12, 31),
        at=at,
    )
    lines = [f"{one.serial_no},{one.pin},{one.face_fen}" for one in made]
    order = options().data_dir / "try" / "vouchers.csv"
    order.parent.mkdir(parents=True, exist_ok=True)
    order.write_text("\n".join(["serial_no,pin,face_fen", *lines, ""]), encoding="ascii")


def _live_month(cycle: int, source: Path, say: Say) -> None:
    """Let a month pass: its files arrive, two of the first month late or twice, and are rated; then it is closed."""
    from openboss.access.network import collector
    from openboss.kernel.periods import next_cycle
    from openboss.modules.charging.functions.engine import rate_waiting

    chosen = options()
    month_end = _first_day(next_cycle(cycle))
    collected_at = _Day.at(min(month_end, BUSINESS_DAY), 6)
    files = _deliver(source / "usage", before=month_end, inbox=chosen.inbox_dir)
    say(f"{cycle}: collecting {files} usage files")
    place = collector.Place(data_dir=chosen.data_dir, lake_dir=chosen.lake_dir, timezone=chosen.timezone)
    done = collector.collect_once(place=place, now=lambda: collected_at)
    records = done.records
    if _deliver(source / "usage_late", before=month_end, inbox=chosen.inbox_dir):
        records += collector.collect_once(place=place, now=lambda: collected_at).records
    say(f"{cycle}: rating {records} records")
    rate_waiting()
    if cycle in CLOSED_CYCLES:
        say(f"{cycle}: closing the month and releasing its bills")
        _close(cycle, at=_Day.at(month_end + timedelta(days=2), 3))
        _pay(cycle)


def _pay(cycle: int) -> None:
    from openboss.access.jobs.demo_money import let_customers_pay
    from openboss.modules.system.functions import staff_by_login

    let_customers_pay(cycle, moment=_Day.at, cashier_id=staff_by_login(login=CLERK_LOGIN).staff_id)


def _look_after_debts() -> None:
    from openboss.access.jobs.demo_money import look_after_debts
    from openboss.modules.system.functions import staff_by_login

    look_after_debts(BUSINESS_DAY, moment=_Day.at, staff_id=staff_by_login(login=BILLING_LOGIN).staff_id)


def _open_wallets() -> None:
    """Prepaid users pay for every call of the running month at once: nothing of it may be used before."""
    from openboss.processes import keep_wallets

    keep_wallets.open_missing(at=_Day.at(BUSINESS_DAY, 5))


def _recharge() -> None:
    """Prepaid users recharge what they used; others' limits are watched."""
    from openboss.access.jobs.demo_money import let_prepaid_users_recharge
    from openboss.processes import keep_limits, keep_wallets

    at = _Day.at(BUSINESS_DAY, 7)
    keep_wallets.run(at=at)
    let_prepaid_users_recharge(at)
    keep_wallets.run(at=at)
    keep_limits.run(at=at)


def _compare_books() -> None:
    """The daily assurance: every book of money against the others."""
    from openboss.processes import assure_money

    assure_money.run(on=BUSINESS_DAY, at=_Day.at(BUSINESS_DAY, 9))


def _leave_work() -> None:
    """What waits for several people on the demo's morning: a refund beyond the limit, a customer who wants to leave."""
    from openboss.modules.system.functions import staff_by_login
    from openboss.processes.multi_person import beginnings

    asked: dict[str, Any] = {"at": _Day.at(BUSINESS_DAY, 8), "staff_id": staff_by_login(login=CLERK_LOGIN).staff_id}
    beginnings.begin_exception(
        kind="REFUND", account_id=4, amount_fen=150_000, means="CASH", reason="账单争议 / disputed bill",
        serial_no="DEMO-WORK-1", **asked,
    )  # fmt: skip
    beginnings.begin_retention(
        subscriber_id=5, gift_fen=5_000, reason="要转网 / wants to leave", serial_no="DEMO-WORK-2", **asked
    )


def _deliver(usage: Path, *, before: date, inbox: Path) -> int:
    """Drop the files of the days before a day into the inboxes; return how many."""
    count = 0
    for path in sorted(usage.glob("*/*")):
        if _written_on(path) <= before:  # a day's files are written just after midnight
            (inbox / path.parent.name).mkdir(parents=True, exist_ok=True)
            path.rename(inbox / path.parent.name / path.name)
            count += 1
    return count


def _written_on(path: Path) -> date:
    """The local day a usage file was written."""
    return datetime.fromtimestamp(path.stat().st_mtime, clock.operator_timezone()).date()


def _close(cycle: int, *, at: datetime) -> None:
    from openboss.modules.billing import functions as billing
    from openboss.modules.system.functions import staff_by_login
    from openboss.processes import close_month

    clerk, signer = (staff_by_login(login=login).staff_id for login in (BILLING_LOGIN, SIGNING_LOGIN))
    close_month.run(cycle, at=at, staff_id=clerk)
    for finding in billing.audit_run(cycle=cycle, at=at, staff_id=clerk):
        if finding.needs_sign_off and not finding.signed_by:
            billing.sign_finding(finding_id=finding.finding_id, staff_id=signer, reason=_SIGNED_BECAUSE, at=at)
    close_month.release(cycle, at=at, staff_id=signer)


def _first_day(cycle: int) -> date:
    return date(cycle // 100, cycle % 100, 1)
