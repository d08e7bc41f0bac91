"""Recurring fees of a month that was not used whole (D7.4, D2.2, D3.4)."""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from openboss.kernel.compiled import allocating, compiled
from openboss.kernel.periods import day_mask, days_set
from openboss.kernel.rounding import whole_fen_share_li
from openboss.kernel.tariffs import FOREVER


class FirstMonth(IntEnum):
    """What the month of opening costs and is given; chosen when the product is taken (D7.4). Stored: never renumber."""

    FULL = 0
    PRORATE = 1
    HALF = 2
    PAY_AS_YOU_GO = 3


FIRST_MONTH_AS_HELD = -1  # of a tariff: what was chosen when the offer was taken decides


@allocating
def prorated_li(fee_li: int, used_days: int, month_days: int) -> int:
    """The part of a monthly fee for some of its days, rounded half up to fen (30.00 from the 15th of 30 = 16.00)."""
    return whole_fen_share_li(fee_li, used_days, month_days)


@compiled
def first_month_grant(granted: int, mode: int, days_left: int, days_in_month: int) -> int:
    """Count what a first month is given: prorated by day or halved, rounded up; unlimited stays it (D3.4, D7.4)."""
    if granted >= FOREVER and mode != FirstMonth.PAY_AS_YOU_GO:
        return granted
    if mode == FirstMonth.PRORATE:
        return (granted * days_left + days_in_month - 1) // days_in_month
    if mode == FirstMonth.HALF:
        return (granted + 1) // 2
    if mode == FirstMonth.PAY_AS_YOU_GO:
        return 0
    return granted


@allocating
def early_end_fee_li(fee_li: int, cycles_left: int, cycles: int) -> int:
    """What ending a contract early costs where the fee falls with every cycle that was kept, half up to fen."""
    return whole_fen_share_li(fee_li, min(max(cycles_left, 0), cycles), cycles)


@allocating
def fee_of_month_li(
    fee_li: int, mode: int, from_day: int, to_day: int, rent_free: int, month_first_day: int, month_days: int
) -> int:
    """One recurring fee of one product for one month, in li.

    from_day, to_day  the days the product is held, half-open
    rent_free         day mask of the days without rent because of a stop (D2.2)
    mode              a FirstMonth, used only in the month the product begins
    A product that ends or rests inside the month pays for the days left.
    """
    charged_days = days_set(day_mask(from_day, to_day, month_first_day, month_days) & ~rent_free)
    if charged_days == 0:
        return 0
    begins_here = from_day >= month_first_day
    if begins_here:
        if mode == FirstMonth.FULL:
            return fee_li
        if mode == FirstMonth.HALF:
            return whole_fen_share_li(fee_li, 1, 2)
        if mode == FirstMonth.PAY_AS_YOU_GO:
            return 0
    return prorated_li(fee_li, charged_days, month_days)


@allocating
def recurring_fees_li(
    fee_li: NDArray[np.int64],
    mode: NDArray[np.int64],
    from_day: NDArray[np.int64],
    to_day: NDArray[np.int64],
    rent_free: NDArray[np.int64],
    month_first_day: int,
    month_days: int,
) -> NDArray[np.int64]:
    """Every recurring fee of a month, in li; all arrays are one entry a product held, see fee_of_month_li."""
    charged = np.empty(len(fee_li), np.int64)
    for row in range(len(fee_li)):
        charged[row] = fee_of_month_li(
            fee_li[row], mode[row], from_day[row], to_day[row], rent_free[row], month_first_day, month_days
        )
    return charged


@allocating
def rent_free_days(
    user: NDArray[np.int64],
    whole_month_only: NDArray[np.bool_],
    from_day: NDArray[np.int64],
    to_day: NDArray[np.int64],
    user_count: int,
    month_first_day: int,
    month_days: int,
) -> NDArray[np.int64]:
    """Per user the days of the month without rent, as a day mask; one entry a stop that frees rent (D2.2).

    whole_month_only  free only if the stop covers the whole month (arrears: the months of stop and of resumption
                      are charged as usual)
    """
    rent_free = np.zeros(user_count, np.int64)
    whole_month = (1 << month_days) - 1
    for row in range(len(user)):
        mask = day_mask(from_day[row], to_day[row], month_first_day, month_days)
        if not whole_month_only[row] or mask == whole_month:
            rent_free[user[row]] |= mask
    return rent_free
