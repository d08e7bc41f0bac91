"""The only way to the tables of the customers module."""

from openboss.modules.customers.atomic.bulk import (
    BaseRefused,
    BillingImage,
    EngineImage,
    billing_image,
    engine_image,
    load_base,
)

__all__ = ["BaseRefused", "BillingImage", "EngineImage", "billing_image", "engine_image", "load_base"]
