"""Numbers: segments, grades, choosing with a lock, and every move of D12.1 (BMR-03 to BMR-05)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl
from django.db import IntegrityError, connection, transaction
from django.db.backends.postgresql.psycopg_any import NumericRange
from django.db.models import Count, Q, QuerySet, TextField
from django.db.models.functions import Cast, Reverse

from openboss.modules.customers.atomic import operator_day
from openboss.modules.customers.hall_rules import hall_rule
from openboss.modules.resources.atomic.stock import announce_resource, audit_stock, refuse_foreign
from openboss.modules.resources.grades import Grade, grade_of, grades_on
from openboss.modules.resources.models import NumberResource, NumberSegment
from openboss.modules.resources.states import NUMBER, MoveForbidden, refuse_move
from openboss.modules.system.copying import copy_in, copy_out
from openboss.modules.system.rows import change_row, row_of

IDLE, LOCKED, RESERVED, OCCUPIED, QUARANTINE = "IDLE", "LOCKED", "RESERVED", "OCCUPIED", "QUARANTINE"
SEGMENT_MAX = 1_000_000


class NumberUnknown(LookupError):
    """This number is not in our stock."""


class NumberChosen(Exception):
    """Somebody else has chosen this number just now, or it is in use; take another one (BMR-05)."""


class SegmentOverlaps(Exception):
    """Some of these numbers belong to a segment that was loaded before."""


class SegmentWrong(ValueError):
    """A segment runs from a first to a last number of the same length, at most a million."""


@dataclass(frozen=True)
class NumberOffer:
    """A number as a customer is shown it: with what it asks for."""

    number: int
    state: str
    grade: str
    deposit_fen: int
    minimum_fen: int
    org_code: str
    home_area: int
    hlr_code: str
    until_at: datetime | None


@transaction.atomic
def load_segment(
    *,
    first: int,
    last: int,
    hlr_code: str,
    home_area: int,
    org_code: str,
    at: datetime,
    staff_id: int | None,
    is_ready: bool = True,
) -> int:
    """Load all numbers of a segment, graded; return how many are new. Numbers taken over before are left as they are.

    is_ready  the home register knows the segment: IDLE; else PLANNED until `open_segment`
    Raises SegmentWrong, SegmentOverlaps. Source: BMR-03, D12.1.
    """
    if len(str(first)) != len(str(last)) or not 0 <= last - first < SEGMENT_MAX:
        raise SegmentWrong(f"{first}-{last}")
    try:
        with transaction.atomic():
            segment = NumberSegment.objects.create(
                numbers=NumericRange(first, last + 1), hlr_code=hlr_code, home_area=home_area, loaded_at=at
            )
    except IntegrityError as taken:
        raise SegmentOverlaps(f"{first}-{last}") from taken
    grades = grades_on(operator_day(at))
    known = set(NumberResource.objects.filter(number__range=(first, last)).values_list("number", flat=True))
    fresh = [number for number in range(first, last + 1) if number not in known]
    rows = pl.DataFrame(
        {"number": fresh, "grade": [grade_of(number, grades) for number in fresh]},
        schema={"number": pl.Int64, "grade": pl.String},
    ).with_columns(
        state=pl.lit("IDLE" if is_ready else "PLANNED"),
        org_id=pl.lit(org_code),
        hlr_code=pl.lit(hlr_code),
        home_area=pl.lit(home_area),
    )
    count = copy_in("resources_numberresource", rows)
    after = {"first": first, "last": last, "numbers": count, "org": org_code}
    audit_stock("resources.load_segment", "segment", segment.segment_id, at, staff_id, after=after)
    return count


@transaction.atomic
def open_segment(*, segment_id: int, at: datetime, staff_id: int | None) -> int:
    """Let the numbers of a planned segment be sold: the home register is ready. Return how many.

    Raises NumberUnknown.
    """
    segment = NumberSegment.objects.filter(segment_id=segment_id).first()
    if segment is None:
        raise NumberUnknown(f"segment {segment_id}")
    own = NumberResource.objects.filter(number__gte=segment.numbers.lower, number__lt=segment.numbers.upper)
    count = own.filter(state="PLANNED").update(state=IDLE)
    audit_stock("resources.open_segment", "segment", segment_id, at, staff_id, after={"numbers": count})
    return count


def count_numbers(*, org_codes: Collection[str] | None = None) -> dict[str, int]:
    """Count the numbers of some places, or all, by state; the counts add up to all there are."""
    rows = NumberResource.objects.all() if org_codes is None else NumberResource.objects.filter(org_id__in=org_codes)
    return dict(rows.values_list("state").annotate(numbers=Count("number")).order_by("state"))


def find_numbers(
    *,
    at: datetime,
    pattern: str = "",
    grade: str = "",
    home_area: int | None = None,
    org_codes: Collection[str] | None = None,
    limit: int = 50,
) -> list[NumberOffer]:
    """Show numbers that can be chosen now.

    pattern  digits with * for any digits and ? for one: `*5678`, `139*`, `*88*`, `1390721????`; only digits = the tail
    """
    free = NumberResource.objects.filter(Q(state=IDLE) | Q(state=LOCKED, until_at__lte=at))
    if grade:
        free = free.filter(grade=grade)
    if home_area is not None:
        free = free.filter(home_area=home_area)
    if org_codes is not None:
        free = free.filter(org_id__in=org_codes)
    if pattern.strip("*"):
        free = _fitting(free, pattern if set(pattern) & {"*", "?"} else f"*{pattern}")
    grades = {one.code: one for one in grades_on(operator_day(at))}
    return [_offer(row, grades) for row in free.order_by("number")[:limit]]


def _fitting(numbers: QuerySet[NumberResource], pattern: str) -> QuerySet[NumberResource]:
    """Match from the end where the end is known: the index is on the number read backwards."""
    signs = "".join(sign for sign in pattern if sign.isdecimal() or sign in "*?")
    text = Cast("number", TextField())
    if signs.startswith("*"):
        signs, text = signs[::-1], Reverse(text)
    elif not signs.startswith("86"):
        signs = f"86{signs}"
    like = signs.replace("*", ".*").replace("?", ".")
    return numbers.alias(read=text).filter(read__regex=f"^{like}$")


def _offer(row: NumberResource, grades: dict[str, Grade]) -> NumberOffer:
    grade = grades.get(row.grade) or grades["G0"]
    return NumberOffer(
        row.number,
        row.state,
        row.grade,
        grade.deposit_fen,
        grade.minimum_fen,
        row.org_id,
        row.home_area,
        row.hlr_code,
        row.until_at,
    )


def number_view(*, number: int, at: datetime) -> NumberOffer:
    """Show one number. Raises NumberUnknown."""
    row = row_of(NumberResource, "number = %s::bigint", [number])
    if row is None:
        raise NumberUnknown(number)
    return _offer(row, {one.code: one for one in grades_on(operator_day(at))})


@transaction.atomic
def lock_number(
    *, number: int, by: str, at: datetime, staff_id: int | None, within: Collection[str] | None = None
) -> datetime:
    """Keep a number for whoever is choosing it, for 30 minutes; return the end. Choosing it again begins anew.

    by  the clerk, session or order that chooses: only it may go on with the number
    Raises NumberUnknown, NumberChosen, NotYourStock. Source: BMR-05, D12.1.
    """
    row = _locked_row(number)
    refuse_foreign(row.org_id, within)
    if not (row.state == IDLE or _is_free(row, by, at)):
        raise NumberChosen(number)
    until_at = at + timedelta(minutes=hall_rule("hall.number_lock_minutes", on=operator_day(at)))
    _set(row, LOCKED, at, staff_id, again=row.state == LOCKED, locked_by=by, until_at=until_at)
    return until_at


def _is_free(row: NumberResource, by: str, at: datetime) -> bool:
    """Whether a locked number is the asker's own, or its lock has ended."""
    return row.state == LOCKED and (row.locked_by == by or (row.until_at is not None and row.until_at <= at))


def may_be_taken(*, number: int, by: str, at: datetime) -> bool:
    """Whether somebody could choose or reserve a number now, or has done so. Raises NumberUnknown."""
    row = row_of(NumberResource, "number = %s::bigint", [number])
    if row is None:
        raise NumberUnknown(number)
    return row.state == IDLE or _is_free(row, by, at) or (row.state == RESERVED and row.locked_by == by)


@transaction.atomic
def reserve_number(
    *, number: int, by: str, at: datetime, staff_id: int | None, until_at: datetime | None = None
) -> datetime:
    """Hold a chosen number for an order, for 7 days or until a moment; return the end.

    Raises NumberUnknown, NumberChosen. Source: D12.1.
    """
    row = _locked_row(number)
    if not (row.state == IDLE or _is_free(row, by, at) or (row.state == RESERVED and row.locked_by == by)):
        raise NumberChosen(number)
    until_at = until_at or at + timedelta(days=hall_rule("hall.number_reserve_days", on=operator_day(at)))
    _set(row, RESERVED, at, staff_id, again=row.state == RESERVED, locked_by=by, until_at=until_at)
    return until_at


@transaction.atomic
def occupy_number(*, number: int, by: str, subscriber_id: int, at: datetime, staff_id: int | None) -> None:
    """Give a reserved number to a user. Raises NumberUnknown, NumberChosen if another holds it, MoveForbidden."""
    row = _locked_row(number)
    if row.state == RESERVED and row.locked_by != by:
        raise NumberChosen(number)
    _set(row, OCCUPIED, at, staff_id, subscriber_id=subscriber_id)


@transaction.atomic
def take_reserved_number(*, number: int, subscriber_id: int, at: datetime, staff_id: int | None) -> None:
    """Let the pre-opened user for whom a number is reserved have it. Raises NumberUnknown, MoveForbidden."""
    _set(_locked_row(number), OCCUPIED, at, staff_id, subscriber_id=subscriber_id)


@transaction.atomic
def give_reserved_number_back(*, number: int, at: datetime, staff_id: int | None) -> None:
    """Free a number whose pre-opening was reversed; one that rests or is free already is left as it is.

    Raises NumberUnknown.
    """
    row = _locked_row(number)
    if row.state == RESERVED:
        _set(row, IDLE, at, staff_id)


@transaction.atomic
def pass_number(*, number: int, subscriber_id: int, at: datetime, staff_id: int | None) -> None:
    """Let a number in use, or one that rests after its user left, go to another user: transfer, return, reversal.

    Raises NumberUnknown, MoveForbidden.
    """
    row = _locked_row(number)
    if row.state not in (OCCUPIED, QUARANTINE):
        raise MoveForbidden(f"{row.state} > {OCCUPIED}")
    _set(row, OCCUPIED, at, staff_id, again=row.state == OCCUPIED, subscriber_id=subscriber_id)


@transaction.atomic
def quarantine_number(*, number: int, at: datetime, staff_id: int | None) -> datetime:
    """Let a number rest for 90 days after its user left; return the end. Raises NumberUnknown, MoveForbidden."""
    row = _locked_row(number)
    until_at = at + timedelta(days=hall_rule("hall.number_quarantine_days", on=operator_day(at)))
    _set(row, QUARANTINE, at, staff_id, subscriber_id=row.subscriber_id, until_at=until_at)
    return until_at


@transaction.atomic
def release_number(*, number: int, by: str, at: datetime, staff_id: int | None) -> None:
    """Give back a number that was chosen or reserved. Raises NumberUnknown, NumberChosen, MoveForbidden."""
    row = _locked_row(number)
    if row.locked_by is not None and row.locked_by != by:
        raise NumberChosen(number)
    _set(row, IDLE, at, staff_id)


@transaction.atomic
def set_number_state(
    *, number: int, state: str, reason: str, at: datetime, staff_id: int | None, within: Collection[str] | None = None
) -> None:
    """Freeze or free a number, or note that it was ported out or came back, by an administrator's word.

    Raises NumberUnknown, NotYourStock, MoveForbidden. Source: D12.1.
    """
    row = _locked_row(number)
    refuse_foreign(row.org_id, within)
    if state not in ("FROZEN", "PORTED_OUT", "IDLE") or row.state in (LOCKED, RESERVED, QUARANTINE):
        raise MoveForbidden(f"{row.state} > {state}")
    keeps = row.subscriber_id if state == "PORTED_OUT" else None
    _set(row, state, at, staff_id, reason=reason, subscriber_id=keeps)


@transaction.atomic
def free_numbers_due(*, at: datetime) -> dict[str, int]:
    """Free every number whose lock, reservation or quarantine has ended; return how many by what ended (D12.1)."""
    due = NumberResource.objects.filter(until_at__lte=at)
    counts = dict(due.values_list("state").annotate(numbers=Count("number")))
    if counts:
        due.update(state=IDLE, locked_by=None, until_at=None, subscriber_id=None)
        audit_stock("resources.free_numbers", "number", "", at, None, after=counts)
    return counts


@transaction.atomic
def move_numbers(
    *, first: int, last: int, to_org: str, at: datetime, staff_id: int | None, within: Collection[str] | None = None
) -> int:
    """Give the idle numbers of a range to another place; return how many. Raises NotYourStock. Source: BMR-03."""
    idle = NumberResource.objects.filter(number__range=(first, last), state=IDLE)
    for org_code in idle.values_list("org_id", flat=True).distinct():
        refuse_foreign(org_code, within)
    count = idle.update(org_id=to_org)
    after = {"first": first, "last": last, "numbers": count, "to": to_org}
    audit_stock("resources.move_numbers", "number", first, at, staff_id, after=after)
    return count


def _locked_row(number: int) -> NumberResource:
    row = row_of(NumberResource, "number = %s::bigint FOR UPDATE", [number])
    if row is None:
        raise NumberUnknown(number)
    return row


def _set(
    row: NumberResource,
    state: str,
    at: datetime,
    staff_id: int | None,
    *,
    again: bool = False,
    reason: str = "",
    subscriber_id: int | None = None,
    locked_by: str | None = None,
    until_at: datetime | None = None,
) -> None:
    """Make one move of the table of states, with its audit row."""
    if not again:
        refuse_move(NUMBER, row.state, state)
    kept = {"locked_by": locked_by, "until_at": until_at}
    change_row(NumberResource, row.pk, state=state, subscriber_id=subscriber_id, **kept)
    before, after = {"state": row.state}, {"state": state}
    audit_stock("resources.number", "number", row.number, at, staff_id, reason=reason, before=before, after=after)
    announce_resource(f"MSISDN-{row.number}", at)


def numbers_in_use(numbers: list[int]) -> pl.DataFrame:
    """Read state and user of some numbers: number, state, subscriber_id. For reconciliation."""
    return copy_out(
        "SELECT number, state, subscriber_id FROM resources_numberresource WHERE number = ANY (%s) ORDER BY number",
        {"number": pl.Int64, "state": pl.String, "subscriber_id": pl.Int64},
        [numbers],
    )


def take_numbers_over(*, frame: pl.DataFrame, at: datetime) -> int:
    """Take over numbers in use or at rest by COPY: number, subscriber_id, org_id, hlr_code, home_area, until_at.

    until_at empty = OCCUPIED, else the number rests until then. Returns how many.
    """
    grades = grades_on(operator_day(at))
    graded = [grade_of(number, grades) for number in frame["number"].to_list()]
    resting = pl.col("until_at").is_not_null()
    rows = frame.with_columns(
        grade=pl.Series(graded, dtype=pl.String),
        state=pl.when(resting).then(pl.lit(QUARANTINE)).otherwise(pl.lit(OCCUPIED)),
    )
    count = copy_in("resources_numberresource", rows)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE resources_numberresource")
    audit_stock("resources.take_numbers_over", "number", "", at, None, after={"numbers": count})
    return count
