"""Billing cycles and days as integers.

A cycle is a natural month written 202610 (D0.1, D7.1). A day is the number of days since 1970-01-01.
Periods are half-open: the end day is the first day outside.
"""

from openboss.kernel.compiled import allocating

OPEN_END = 2_000_000  # the day of an end nobody knows yet


@allocating
def day_number(year: int, month: int, day: int) -> int:
    """Days from 1970-01-01 to a date of the Gregorian calendar."""
    shifted_year = year - 1 if month <= 2 else year
    month_from_march = (month + 9) % 12
    era = shifted_year // 400
    year_of_era = shifted_year - era * 400
    day_of_year = (153 * month_from_march + 2) // 5 + day - 1
    return era * 146_097 + year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year - 719_468


@allocating
def next_cycle(cycle: int) -> int:
    """The cycle after this one: 202612 is followed by 202701."""
    return cycle + 89 if cycle % 100 == 12 else cycle + 1


@allocating
def previous_cycle(cycle: int) -> int:
    """The cycle before this one."""
    return cycle - 89 if cycle % 100 == 1 else cycle - 1


@allocating
def first_day(cycle: int) -> int:
    """The day number of the first of the month."""
    return day_number(cycle // 100, cycle % 100, 1)


@allocating
def days_in(cycle: int) -> int:
    """How many days the month has: 28 to 31."""
    return first_day(next_cycle(cycle)) - first_day(cycle)


@allocating
def civil(day: int) -> tuple[int, int, int]:
    """Year, month and day of a day number: the inverse of day_number."""
    shifted = day + 719_468
    era = shifted // 146_097
    day_of_era = shifted - era * 146_097
    year_of_era = (day_of_era - day_of_era // 1_460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    month_from_march = (5 * day_of_year + 2) // 153
    month = month_from_march + 3 if month_from_march < 10 else month_from_march - 9
    year = year_of_era + era * 400 + (1 if month <= 2 else 0)
    return year, month, day_of_year - (153 * month_from_march + 2) // 5 + 1


@allocating
def month_of(at_s: int) -> int:
    """Number the month of a local second, one after another."""
    year, month, _ = civil(at_s // 86_400)
    return year * 12 + month - 1


@allocating
def month_start_s(month: int) -> int:
    """Local second at which a month (month_of) begins."""
    return day_number(month // 12, month % 12 + 1, 1) * 86_400


@allocating
def months_later_s(at_s: int, months: int) -> int:
    """The same day and second so many months later; the last day of a month that has no such day."""
    _, _, day = civil(at_s // 86_400)
    first = month_start_s(month_of(at_s) + months)
    last = month_start_s(month_of(at_s) + months + 1) - 86_400
    return min(first + (day - 1) * 86_400, last) + at_s % 86_400


@allocating
def day_mask(from_day: int, to_day: int, month_first_day: int, month_days: int) -> int:
    """Which days of a month lie in [from_day, to_day): bit 0 is the first of the month."""
    first = max(from_day - month_first_day, 0)
    last = min(to_day - month_first_day, month_days)
    if last <= first:
        return 0
    return ((1 << last) - 1) & ~((1 << first) - 1)


@allocating
def days_set(mask: int) -> int:
    """Count the days of a day mask."""
    count = 0
    while mask:
        mask &= mask - 1
        count += 1
    return count
