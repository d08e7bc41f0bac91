"""Billing as a Django app."""

from django.apps import AppConfig


class BillingConfig(AppConfig):
    """Registers the tables of billing, and its encrypted column for key rotation."""

    name = "openboss.modules.billing"
    label = "billing"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Let the rotation of keys reach the addresses to which bills are sent."""
        from openboss.modules.billing.atomic.deliveries import re_encrypt_addresses
        from openboss.modules.system.keys import register_rewriter

        register_rewriter("billing", re_encrypt_addresses)
