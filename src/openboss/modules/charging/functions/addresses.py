"""What access asks of where networks are told of their sessions."""

from openboss.modules.charging.atomic.addresses import (
    addresses_of,
    gateways_before,
    gateways_of,
    keep_addresses,
    keep_gateways,
)

__all__ = [
    "addresses_of",
    "gateways_before",
    "gateways_of",
    "keep_addresses",
    "keep_gateways",
]
