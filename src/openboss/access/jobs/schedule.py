"""What runs by the clock: the worker starts these, one at a time each, and shows them on the job page."""

from __future__ import annotations

from datetime import timedelta

import structlog
from procrastinate.contrib.django import app

from openboss.access.jobs import clock
from openboss.config.options import options
from openboss.kernel.periods import previous_cycle
from openboss.modules.charging.functions import alarms
from openboss.modules.customers import functions as customers
from openboss.modules.receivables.functions import points
from openboss.modules.system import functions as system
from openboss.processes import (
    abandoned_orders,
    clear_error_pool,
    collect_debt,
    emergency_opening,
    hall,
    keep_books,
    keep_limits,
    keep_validity,
    keep_wallets,
    pay_elsewhere,
    queue_hall,
    rate_stars,
    re_rate,
    release_gifts,
    roaming_use,
    waiting_times,
    watch_use,
)

# Whoever looks once a day looks a little further back: a look may be late, and what was seen before is not said again.
_A_DAY = timedelta(hours=26)

log = structlog.get_logger("worker")


@app.periodic(cron="*/5 * * * *")
@app.task(name="openboss.seal_audit", queueing_lock="seal_audit")
def seal_audit(timestamp: int) -> int:  # noqa: ARG001 (the worker says for which tick it calls)
    """Chain the audit entries of the last minutes, so that a later change of one is noticed (D21.7)."""
    return system.seal_audit()


@app.periodic(cron="*/5 * * * *")
@app.task(name="openboss.check_balances", queueing_lock="check_balances")
def check_balances(timestamp: int) -> int:  # noqa: ARG001
    """Raise or clear the alarms of files whose records do not add up (D4.5)."""
    return alarms.check_balances(at=clock.now())


@app.periodic(cron="*/5 * * * *")
@app.task(name="openboss.recycle_after_new_tables", queueing_lock="recycle_after_new_tables", lock="error_pool")
def recycle_after_new_tables(timestamp: int) -> int:  # noqa: ARG001
    """Try records of the error pool again whose number, cell or partner may be known now (D4.4)."""
    chosen = options()
    done = clear_error_pool.try_again_after_new_tables(
        timezone=chosen.timezone, lake_dir=chosen.lake_dir, now=clock.now()
    )
    return done.recycled


@app.periodic(cron="10 3 * * *")
@app.task(name="openboss.recycle_error_pool", queueing_lock="recycle_error_pool", lock="error_pool")
def recycle_error_pool(timestamp: int) -> int:  # noqa: ARG001
    """Try every record of the error pool again, once a day (D4.4)."""
    chosen = options()
    done = clear_error_pool.try_all_again(timezone=chosen.timezone, lake_dir=chosen.lake_dir, now=clock.now())
    return done.recycled


@app.periodic(cron="40 3 * * *")
@app.task(name="openboss.propose_write_offs", queueing_lock="propose_write_offs", lock="error_pool")
def propose_write_offs(timestamp: int) -> int:  # noqa: ARG001
    """Propose to write off what has been in the error pool for 90 days; a person decides (D4.4)."""
    return clear_error_pool.propose_write_offs(now=clock.now())


@app.periodic(cron="20 4 * * *")
@app.task(name="openboss.check_overlaps", queueing_lock="check_overlaps")
def check_overlaps(timestamp: int) -> int:  # noqa: ARG001
    """Warn of users who talked at two switches at once in the usage of the last day (E402)."""
    now = clock.now()
    return alarms.check_overlaps(since=now - _A_DAY, at=now, lake_dir=options().lake_dir)


@app.periodic(cron="*/5 * * * *")
@app.task(name="openboss.due_orders", queueing_lock="due_orders")
def due_orders(timestamp: int) -> int:  # noqa: ARG001
    """Carry out the orders of the hall whose day has come (D13.4); give up those nobody goes on with (D12.1)."""
    at = clock.now()
    return sum(hall.run_due(at=at).values()) + abandoned_orders.run(at=at)


@app.periodic(cron="* * * * *")
@app.task(name="openboss.re_rate", queueing_lock="re_rate", lock="re_rate", queue="billing")
def re_rate_waiting(timestamp: int) -> int:  # noqa: ARG001
    """Work out and carry out re-ratings that were asked for or approved; what a kill left goes on (CHG-36)."""
    return re_rate.run_waiting(at=clock.now())


@app.periodic(cron="5 * * * *")
@app.task(name="openboss.waiting_times", queueing_lock="waiting_times")
def run_waiting_times(timestamp: int) -> int:  # noqa: ARG001
    """Let happen what waits for its time: unused openings, long arrears, numbers that rested (D2.3, D12.1)."""
    return sum(vars(waiting_times.run(at=clock.now())).values())


@app.periodic(cron="10 * * * *")
@app.task(name="openboss.keep_wallets", queueing_lock="keep_wallets", lock="money")
def run_keep_wallets(timestamp: int) -> int:  # noqa: ARG001
    """Post what wallets were used for since the last hour, and bring limits the engine watches up to date (D4.8)."""
    posted = keep_wallets.run(at=clock.now())
    keep_limits.run(at=clock.now())
    return posted.entries if posted else 0


@app.periodic(cron="15 * * * *")
@app.task(name="openboss.collect_debt", queueing_lock="collect_debt", lock="money")
def run_credit_control(timestamp: int) -> int:  # noqa: ARG001
    """Look at every account that owes, uses up its limit or runs low: remind, stop, resume (D9.1)."""
    return collect_debt.run_with_use(at=clock.now()).accounts


@app.periodic(cron="* * * * *")
@app.task(name="openboss.end_emergencies", queueing_lock="end_emergencies")
def run_end_emergencies(timestamp: int) -> int:  # noqa: ARG001
    """Stop who opened in an emergency again when the time is over (D9.7)."""
    return emergency_opening.run(at=clock.now())


@app.periodic(cron="50 2 * * *")
@app.task(name="openboss.rate_stars", queueing_lock="rate_stars", lock="rate_stars")
def run_rate_stars(timestamp: int) -> int:  # noqa: ARG001
    """Rate users by stars whose rating is over, or who have been here long enough for the first (D9.3)."""
    return rate_stars.run(at=clock.now()).users


@app.periodic(cron="* 8-20 * * *")
@app.task(name="openboss.watch_queue", queueing_lock="watch_queue")
def run_watch_queue(timestamp: int) -> int:  # noqa: ARG001
    """Tell managers who waits too long in a hall (HAL-15)."""
    return len(queue_hall.alarm(at=clock.now()))


@app.periodic(cron="20 * * * *")
@app.task(name="openboss.watch_use", queueing_lock="watch_use", lock="money")
def run_watch_use(timestamp: int) -> int:  # noqa: ARG001
    """Look for users who suddenly use far more than before, or much just after activation (CHG-32)."""
    return watch_use.run(at=clock.now()).alerted


@app.periodic(cron="*/10 * * * *")
@app.task(name="openboss.report_visitors", queueing_lock="report_visitors")
def run_report_visitors(timestamp: int) -> int:  # noqa: ARG001
    """Tell other provinces of their users who use much here (CHG-33)."""
    done = roaming_use.report(at=clock.now())
    if done.late:
        log.warning("reports of visitors were late: see what holds their files up", late=done.late)
    return done.reports


@app.periodic(cron="10 9 * * *")
@app.task(name="openboss.keep_validity", queueing_lock="keep_validity", lock="money")
def run_keep_validity(timestamp: int) -> int:  # noqa: ARG001
    """Remind of, freeze after and recycle long after the end of prepaid validity (D10)."""
    return sum(vars(keep_validity.run(at=clock.now())).values())


@app.periodic(cron="40 * * * *")
@app.task(name="openboss.pay_elsewhere", queueing_lock="pay_elsewhere", lock="money")
def run_pay_elsewhere(timestamp: int) -> int:  # noqa: ARG001
    """Ask other provinces for last month's bills of numbers our users pay for, and pay what is due (D8.13)."""
    return pay_elsewhere.run(at=clock.now())


@app.periodic(cron="20 0 * * *")
@app.task(name="openboss.release_gifts", queueing_lock="release_gifts", lock="money")
def run_release_gifts(timestamp: int) -> int:  # noqa: ARG001
    """Release the monthly parts of gifts whose month has begun; a first of the month that was missed is made up for
    the next night (D8.1)."""
    return release_gifts.run(at=clock.now())


@app.periodic(cron="30 0 * * *")
@app.task(name="openboss.keep_books", queueing_lock="keep_books", lock="money")
def run_keep_books(timestamp: int) -> int:  # noqa: ARG001
    """Close and seal the books of yesterday, move old debts, compare what is told twice (D22.1)."""
    return len(keep_books.run(at=clock.now()).differences)


@app.periodic(cron="30 5 10 * *")
@app.task(name="openboss.credit_points", queueing_lock="credit_points")
def credit_points(timestamp: int) -> int:  # noqa: ARG001
    """Give users the points for what was paid last month, and end those whose time is over (D11.1, D11.4)."""
    now = clock.now()
    points.expire(at=now)
    return points.credit_month(month=previous_cycle(customers.cycle_of(now)), at=now)
