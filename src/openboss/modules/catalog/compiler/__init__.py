"""From tariff documents to the kernel's tables: the only reader of what a document says about rating.

measures.py    words that stand for numbers: measures, money, times of day
conditions.py  `when`: classes of use, and tests on ranges
prices.py      prices, steps, bands, tiers
free.py        free resources and caps
tables.py      everything together, as arrays
Money leaves here as numerators over one denominator a price, all integers, so that nothing behind can lose a digit.
"""

from openboss.modules.catalog.compiler.conditions import AXES, WHEN_KEYS, class_mask
from openboss.modules.catalog.compiler.measures import TariffRefused, li, parse_measure, yuan
from openboss.modules.catalog.compiler.prices import read_price
from openboss.modules.catalog.compiler.tables import COMPONENTS, ItemType, Version, check_rule, compile_tariffs
from openboss.modules.catalog.compiler.tax import with_tax

__all__ = [
    "AXES",
    "COMPONENTS",
    "WHEN_KEYS",
    "ItemType",
    "TariffRefused",
    "Version",
    "check_rule",
    "class_mask",
    "compile_tariffs",
    "li",
    "parse_measure",
    "read_price",
    "with_tax",
    "yuan",
]
