"""Rounding of money, in one place.

Li are 1/1000 yuan, fen 1/100 yuan. Ties go away from zero (ROUND_HALF_UP of D3.2-D3.4).
Products are exact: a product that does not fit in 64 bits is divided bit by bit.
"""

import numpy as np

from openboss.kernel.compiled import allocating

LI_PER_FEN = 10
PPM = 1_000_000
_FITS = 3_037_000_499  # the square root of 2^63 - 1: two factors up to here multiply without overflow


@allocating
def _divide_product(a: int, b: int, c: int) -> tuple[int, int]:
    """Quotient and remainder of a * b / c for non-negative a, b and positive c; the quotient must fit in 63 bits."""
    if a <= _FITS and b <= _FITS:
        product = a * b
        return product // c, product % c
    quotient, remainder = np.int64(0), np.int64(0)
    step, step_rest = a // c, a % c
    for bit in range(62, -1, -1):
        # Everything stays below 2 c, hence below 2^63 as long as c < 2^62.
        quotient, remainder = 2 * quotient, 2 * remainder
        if remainder >= c:
            quotient, remainder = quotient + 1, remainder - c
        if (b >> bit) & 1:
            quotient, remainder = quotient + step, remainder + step_rest
            if remainder >= c:
                quotient, remainder = quotient + 1, remainder - c
    return int(quotient), int(remainder)


@allocating
def floor_share(whole: int, part: int, of: int) -> int:
    """Take part/of of a whole and drop the fraction, towards zero; part >= 0, of > 0."""
    quotient, _ = _divide_product(abs(whole), part, of)
    return quotient if whole >= 0 else -quotient


@allocating
def half_up_share(whole: int, part: int, of: int) -> int:
    """Take part/of of a whole and round a half away from zero; part >= 0, of > 0."""
    quotient, remainder = _divide_product(abs(whole), part, of)
    if remainder >= of - remainder:
        quotient += 1
    return quotient if whole >= 0 else -quotient


@allocating
def fen_of_li(amount_li: int) -> int:
    """Round li to fen, a half up: the one step from rated money to billed money (D3.3)."""
    if amount_li >= 0:
        return (amount_li + 5) // LI_PER_FEN
    return -((5 - amount_li) // LI_PER_FEN)


@allocating
def whole_fen_share_li(whole_li: int, part: int, of: int) -> int:
    """Take part/of of an amount, rounded half up to whole fen, expressed in li (percentages and proration: D3.4)."""
    return half_up_share(whole_li, part, of * LI_PER_FEN) * LI_PER_FEN
