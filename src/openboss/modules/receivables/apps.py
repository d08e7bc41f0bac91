"""Receivables as a Django app."""

from django.apps import AppConfig


class ReceivablesConfig(AppConfig):
    """Registers the tables of receivables, and their encrypted columns for key rotation."""

    name = "openboss.modules.receivables"
    label = "receivables"

    def ready(self) -> None:
        """Let the rotation of keys reach the bank accounts of mandates."""
        from openboss.modules.receivables.atomic.direct_debit import re_encrypt_mandates
        from openboss.modules.system.keys import register_rewriter

        register_rewriter("receivables", re_encrypt_mandates)
