"""Value-added tax on an amount, to the fen: inside a price that contains it, or on top of one that does not."""

from openboss.kernel.compiled import compiled
from openboss.kernel.rounding import PPM, half_up_share


@compiled
def tax_inside_fen(gross_fen: int, rate_ppm: int) -> int:
    """The tax that an amount contains, half up to fen; rate in parts per million (60 000 = 6 %)."""
    return half_up_share(gross_fen, rate_ppm, PPM + rate_ppm)


@compiled
def tax_on_top_fen(net_fen: int, rate_ppm: int) -> int:
    """The tax that comes on top of an amount, half up to fen; rate in parts per million."""
    return half_up_share(net_fen, rate_ppm, PPM)
