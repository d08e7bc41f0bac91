"""Tax inside a price and on top of one, to the fen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openboss.kernel.tax import tax_inside_fen, tax_on_top_fen

SIX_PERCENT = 60_000


@pytest.mark.parametrize(("gross_fen", "tax_fen"), [(11_600, 657), (10_600, 600), (1, 0), (9, 1), (-11_600, -657)])
def test_a_price_that_contains_tax_says_how_much(gross_fen: int, tax_fen: int) -> None:
    assert tax_inside_fen(gross_fen, SIX_PERCENT) == tax_fen


@pytest.mark.parametrize(("net_fen", "tax_fen"), [(10_000, 600), (8, 0), (9, 1), (0, 0)])
def test_tax_comes_on_top_of_a_price_without_it(net_fen: int, tax_fen: int) -> None:
    assert tax_on_top_fen(net_fen, SIX_PERCENT) == tax_fen


@given(st.integers(0, 10**12), st.integers(0, 1_000_000))
def test_taking_tax_out_of_what_it_was_added_to_gives_it_back_to_the_fen(net_fen: int, rate_ppm: int) -> None:
    tax_fen = tax_on_top_fen(net_fen, rate_ppm)
    assert abs(tax_inside_fen(net_fen + tax_fen, rate_ppm) - tax_fen) <= 1
