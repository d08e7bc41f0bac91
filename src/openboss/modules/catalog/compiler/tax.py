"""Prices without tax become prices with it, before anything else reads them: one way of counting behind this point.

Unit prices stay exact; what must be whole li (fees, least and most charges) is rounded half up to the li.
"""

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

from openboss.modules.catalog.compiler.measures import LI_PER_YUAN, yuan

EXACT = ("price", "connect", "flat", "block_cap", "block_price")
WHOLE_LI = ("min_charge", "max_charge", "fee")
TAXED = ("prices", "recurring", "one_time", "contract")


def with_tax(document: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    """Give a version's document with every price and fee as the customer pays it. Raises TariffRefused.

    Caps, discounts, minimums and free money are amounts of bills: they contain the tax whatever the prices do.
    """
    factor = tax_factor(document, where)
    if factor == 1:
        return document
    return {key: _taxed(value, factor, where) if key in TAXED else value for key, value in document.items()}


def rule_with_tax(rule: Mapping[str, Any], document: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    """Give one rule of a version's document with its amounts as the customer pays them. Raises TariffRefused."""
    factor = tax_factor(document, where)
    return rule if factor == 1 else _taxed(rule, factor, where)


def tax_factor(document: Mapping[str, Any], where: str) -> Fraction:
    """By what the prices of a version are multiplied: 1 where they contain the tax."""
    tax = document.get("tax") or {}
    if tax.get("prices", "INCLUSIVE") == "INCLUSIVE":
        return Fraction(1)
    return 1 + yuan(tax.get("percent"), f"{where} tax percent") / 100


def _taxed(value: Any, factor: Fraction, where: str) -> Any:
    if isinstance(value, list):
        return [_taxed(one, factor, where) for one in value]
    if not isinstance(value, Mapping):
        return value
    found = dict(value)
    for key, one in value.items():
        if key in EXACT and isinstance(one, str):
            found[key] = yuan(one, where) * factor
        elif key in WHOLE_LI and isinstance(one, str):
            found[key] = _whole_li(yuan(one, where) * factor)
        elif key not in ("names", "when"):
            found[key] = _taxed(one, factor, where)
    return found


def _whole_li(taxed_yuan: Fraction) -> str:
    li = int(taxed_yuan * LI_PER_YUAN + Fraction(1, 2))
    return str(Decimal(li) / LI_PER_YUAN)
