"""What access asks of the addresses of Nchf sessions."""

from openboss.modules.charging.atomic.addresses import addresses_of, keep_addresses

__all__ = ["addresses_of", "keep_addresses"]
