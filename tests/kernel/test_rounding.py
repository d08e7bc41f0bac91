"""Rounding goes half up, away from zero, and never loses a digit."""

from decimal import ROUND_HALF_UP, Decimal

from hypothesis import given
from hypothesis import strategies as st

from openboss.kernel.rounding import fen_of_li, floor_share, half_up_share, whole_fen_share_li

AMOUNTS = st.integers(-(2**61), 2**61)


def test_half_a_fen_rounds_up_and_less_rounds_down() -> None:
    assert [fen_of_li(li) for li in (14, 15, 5, 4, -5, -4, -15)] == [1, 2, 1, 0, -1, 0, -2]


def test_a_percentage_is_rounded_half_up_to_whole_fen() -> None:
    assert whole_fen_share_li(50_000, 200_000, 1_000_000) == 10_000
    assert whole_fen_share_li(125, 200_000, 1_000_000) == 30  # 12.5 fen at 20 % = 2.5 fen, half up


@given(whole=AMOUNTS, part=st.integers(0, 10**9), extra=st.integers(0, 10**9))
def test_shares_are_exact_for_amounts_that_do_not_fit_when_multiplied(whole: int, part: int, extra: int) -> None:
    of = part + extra + 1
    exact = Decimal(whole) * part / of if abs(whole) < 10**12 else None
    assert floor_share(whole, part, of) == (abs(whole) * part // of) * (1 if whole >= 0 else -1)
    assert half_up_share(whole, part, of) == ((2 * abs(whole) * part + of) // (2 * of)) * (1 if whole >= 0 else -1)
    if exact is not None and exact == exact.quantize(Decimal("0.5")):
        assert half_up_share(whole, part, of) == int(exact.quantize(Decimal(1), ROUND_HALF_UP))
