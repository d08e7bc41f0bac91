"""AUDIT: compare the trial bills with the last cycle and with themselves before anybody sees them (ACP-23, D7.7)."""

from collections.abc import Callable
from datetime import datetime

import polars as pl

from openboss.kernel.periods import previous_cycle
from openboss.kernel.rounding import LI_PER_FEN, PPM
from openboss.modules.billing import atomic
from openboss.modules.billing.atomic import Finding
from openboss.modules.billing.functions.run_files import RunFiles
from openboss.modules.billing.functions.sample import due_of, read_part
from openboss.modules.billing.functions.steps import working
from openboss.modules.billing.functions.tariff_of_run import RunTariff, from_json
from openboss.modules.system.atomic import staff_by_id

ACCOUNTS_MAY_DIFFER_PPM = 50_000
ITEMS_MAY_DIFFER_PPM = 200_000
SAMPLE_USERS = 30
TOP_BILLS = 100
LISTED = 100  # single cases listed of a kind

Booking = Callable[[pl.DataFrame, pl.DataFrame], None]


class NotSigned(Exception):
    """Some findings of the audit still need a signature; sign them off or take the run back."""


class NotEntitled(Exception):
    """You do not have the right for this step; ask somebody who may release bills."""


def audit_run(*, cycle: int, at: datetime, staff_id: int | None) -> list[atomic.FindingView]:
    """Audit the trial bills of a calculated cycle and store the findings; the cycle is AUDITED then.

    Raises CycleStateRefused.
    """
    run = atomic.live_run(cycle=cycle)
    if atomic.cycle_view(cycle=cycle).state == "CALCULATED":
        with working(run.run_id, "AUDIT") as figures:
            found = _findings(cycle, run)
            figures["row_count"] = atomic.replace_findings(run_id=run.run_id, findings=found)
            atomic.move_cycle(cycle=cycle, state_before="CALCULATED", state_after="AUDITED", at=at, staff_id=staff_id)
    return atomic.list_findings(run_id=run.run_id)


def findings_of(*, cycle: int) -> list[atomic.FindingView]:
    """List the findings of a cycle's run, those that need a signature first; none before its audit."""
    try:
        run = atomic.live_run(cycle=cycle)
    except atomic.NoRun:
        return []
    return atomic.list_findings(run_id=run.run_id)


def sign_finding(*, finding_id: int, staff_id: int, reason: str, at: datetime) -> None:
    """Accept a finding under one's name. Raises FindingUnknown, FindingSigned, NotEntitled, OwnRun."""
    staff = staff_by_id(staff_id=staff_id)
    if "billing.signoff" not in staff.rights:
        raise NotEntitled(staff.login)
    atomic.sign_finding(finding_id=finding_id, staff_id=staff_id, login=staff.login, reason=reason, at=at)


def release_cycle(*, cycle: int, staff_id: int, at: datetime, book: Booking = lambda _bills, _items: None) -> int:
    """Make the bills of an audited month final and payable; return how many became payable now.

    The decision is one transaction. Then each part is one: its bills become payable and are booked. Started again
    after a kill, the parts that are not done follow; when all are, releasing again changes nothing.
    book  takes the bills and items of a part into the books, see atomic.validate_part
    Four eyes (D21.7): whoever started the run signs nothing, and behind a release stand two people, the one who
    releases and another who started the run or signed one of its findings.
    Raises NotEntitled, NotSigned, OwnRun, CycleStateRefused.
    """
    staff = staff_by_id(staff_id=staff_id)
    if "billing.release" not in staff.rights:
        raise NotEntitled(staff.login)
    run = atomic.live_run(cycle=cycle)
    state = atomic.cycle_view(cycle=cycle).state
    if state not in ("AUDITED", "RELEASED", "CLOSED"):
        raise atomic.CycleStateRefused(f"{cycle} is {state}, release starts from AUDITED")
    if state == "AUDITED":
        findings = atomic.list_findings(run_id=run.run_id)
        unsigned = [one for one in findings if one.needs_sign_off and not one.signed_by]
        if unsigned:
            raise NotSigned(", ".join(sorted({one.kind for one in unsigned})))
        others = {one.signed_by for one in findings if one.signed_by} - {staff.login}
        if run.started_by in (None, staff_id) and not others:
            raise atomic.OwnRun(staff.login)
        atomic.begin_release(cycle=cycle, at=at, staff_id=staff_id, login=staff.login)
    return _release_parts(cycle, run, book)


def close_cycle(*, cycle: int, at: datetime, staff_id: int | None) -> None:
    """Close a released cycle for good, once all its parts are booked (D7.2, D7.3). Raises CycleStateRefused."""
    run = atomic.live_run(cycle=cycle)
    left = set(range(run.part_count)) - atomic.done_parts(run_id=run.run_id, step="RELEASE")
    if left:
        raise atomic.CycleStateRefused(f"{cycle}: {len(left)} parts are not released yet")
    atomic.move_cycle(cycle=cycle, state_before="RELEASED", state_after="CLOSED", at=at, staff_id=staff_id)


def _release_parts(cycle: int, run: atomic.RunView, book: Booking) -> int:
    done = atomic.done_parts(run_id=run.run_id, step="RELEASE")
    count = 0
    for part in sorted(set(range(run.part_count)) - done):
        with working(run.run_id, "RELEASE", part) as figures:
            bills, items = atomic.validate_part(cycle=cycle, part=part)
            book(bills, items)
            figures |= {"row_count": bills.height, "total_li": int(bills["total_fen"].sum()) * LI_PER_FEN}
        count += bills.height
    RunFiles(cycle, run.run_id).remove_parts()
    return count


def _findings(cycle: int, run: atomic.RunView) -> list[Finding]:
    files = RunFiles(cycle, run.run_id)
    tariff = from_json(files.get_catalog())
    return [
        *_against_last_cycle(cycle),
        *_unusual_bills(cycle),
        *_plans_without_fee(files, run.part_count, tariff),
        *_sample(files, run.part_count, tariff),
    ]


def _against_last_cycle(cycle: int) -> list[Finding]:
    """Accounts within 5 %, each item within 20 % of the last cycle; nothing to compare is said too."""
    now, before = atomic.bill_totals(cycle=cycle), atomic.bill_totals(cycle=previous_cycle(cycle))
    found = []
    if before.bills == 0:
        return [Finding("FIRST_CYCLE", "INFO", now=now.bills)]
    off = _deviation_ppm(before.bills, now.bills)
    if abs(off) > ACCOUNTS_MAY_DIFFER_PPM:
        found.append(Finding("ACCOUNTS", "SERIOUS", 0, 0, 0, before.bills, now.bills, off, needs_sign_off=True))
    items_now = dict(atomic.item_totals(cycle=cycle).select("item_id", "due_fen").iter_rows())
    items_before = dict(atomic.item_totals(cycle=previous_cycle(cycle)).select("item_id", "due_fen").iter_rows())
    for item_id in sorted(items_now | items_before):
        was, now_fen = items_before.get(item_id, 0), items_now.get(item_id, 0)
        off = _deviation_ppm(was, now_fen)
        if abs(off) > ITEMS_MAY_DIFFER_PPM:
            found.append(Finding("ITEM", "SERIOUS", item_id, 0, 0, was, now_fen, off, needs_sign_off=True))
    return found


def _deviation_ppm(before: int, now: int) -> int:
    """How far a figure moved, in parts per million of what it was; from nothing to something counts as doubled."""
    if before == 0:
        return PPM if now else 0
    return (now - before) * PPM // abs(before)


def _unusual_bills(cycle: int) -> list[Finding]:
    """Bills to look at: the highest, nothing to pay, negative, five times the usual (D7.7, D7.8)."""
    totals = atomic.bill_totals(cycle=cycle)
    found = [
        Finding("TOP_BILL", "INFO", bill_id=bill_id, now=total_fen)
        for bill_id, total_fen in atomic.highest_bills(cycle=cycle, limit=TOP_BILLS)
    ]
    if totals.zero:
        found.append(Finding("ZERO_BILLS", "INFO", now=totals.zero))
    found += [
        Finding("NEGATIVE_BILL", "SERIOUS", bill_id=bill_id, now=total_fen, needs_sign_off=True)
        for bill_id, total_fen in atomic.negative_bills(cycle=cycle, limit=LISTED)
    ]
    found += [
        Finding("JUMP", "WARNING", bill_id=bill_id, before=usual_fen, now=total_fen)
        for bill_id, usual_fen, total_fen in atomic.jumping_bills(cycle=cycle, limit=LISTED)
    ]
    return found


def _plans_without_fee(files: RunFiles, part_count: int, tariff: RunTariff) -> list[Finding]:
    """Users whose product has a monthly fee of which nothing was charged, other than stopped or first months."""
    with_fee = [rule.offer_id for rule in tariff.recurring if rule.fee_li > 0]
    missing: list[int] = []
    for part in range(part_count):
        lines = files.get(part, "lines").filter(
            (pl.col("source") == int(atomic.Source.RECURRING)) & (pl.col("act_li") > 0)
        )
        held = files.get(part, "holdings").filter(pl.col("offer_id").is_in(with_fee))
        held = held.filter(pl.col("first_month") != "PAY_AS_YOU_GO")
        held = held.join(files.get(part, "stops"), on="subscriber_id", how="anti")
        unpaid = held.join(lines, left_on="holding_id", right_on="reference_id", how="anti")
        missing += unpaid["subscriber_id"].unique().sort().to_list()
    if not missing:
        return []
    return [
        Finding("PLAN_WITHOUT_FEE", "WARNING", now=len(missing)),
        *(Finding("PLAN_WITHOUT_FEE", "WARNING", subscriber_id=one) for one in missing[:LISTED]),
    ]


def _sample(files: RunFiles, part_count: int, tariff: RunTariff) -> list[Finding]:
    """Recompute some users with the simple calculator; a difference blocks the release until somebody signs."""
    found = []
    checked = 0
    for part in range(part_count):
        users = files.get(part, "attributes")["subscriber_id"].sort()
        wanted = -(-SAMPLE_USERS // part_count)
        chosen = users.gather_every(max(len(users) // wanted, 1)).to_list()[:wanted]
        inputs = read_part(files, part, tariff, chosen)
        for subscriber_id in chosen:
            expected = due_of(inputs, subscriber_id)
            payers = [row["account_id"] for row in inputs.rows["relations"][subscriber_id]]
            stored = atomic.due_of_subscriber(cycle=files.cycle, subscriber_id=subscriber_id, account_ids=payers)
            if expected != stored:
                sums = sum(expected.values()), sum(stored.values())
                off = _deviation_ppm(*sums)
                found.append(Finding("SAMPLE", "SERIOUS", 0, 0, subscriber_id, *sums, off, needs_sign_off=True))
        checked += len(chosen)
    return [Finding("SAMPLE_CHECKED", "INFO", now=checked), *found]
