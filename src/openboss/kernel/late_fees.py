"""Late fees: simple, by the day, on principal only, never more than it (D8.5, docs/algorithms/late-fees.md)."""

import numpy as np
from numpy.typing import NDArray

from openboss.kernel.compiled import allocating
from openboss.kernel.rounding import PPM, half_up_share


@allocating
def late_fee_fen(principal_fen: int, rate_ppm: int, days: int, left_fen: int) -> int:
    """The late fee of one bill for some days, rounded half up once, in fen.

    principal_fen  unpaid, without late fees and without what is collected for others; 0 or more
    rate_ppm       a day: 3000 is 3 per mille
    days           from the day after the due day up to and including the day before payment; 0 or more
    left_fen       what the cap still allows: the principal at the due day less late fees booked before
    """
    return min(half_up_share(principal_fen, rate_ppm * days, PPM), left_fen)


@allocating
def late_fees_fen(
    principal_fen: NDArray[np.int64], rate_ppm: int, days: NDArray[np.int64], left_fen: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The late fees of many bills, one entry a bill; see late_fee_fen. Days below 0 count as none."""
    fees = np.empty(len(principal_fen), np.int64)
    for bill in range(len(principal_fen)):
        fees[bill] = late_fee_fen(principal_fen[bill], rate_ppm, max(days[bill], 0), left_fen[bill])
    return fees
