"""The Django app of the system module."""

from django.apps import AppConfig


class SystemConfig(AppConfig):
    """Registers the tables of system under the label `system`, and its encrypted columns for key rotation."""

    name = "openboss.modules.system"
    label = "system"

    def ready(self) -> None:
        """Let the rotation of keys reach the secrets of second factors."""
        from openboss.modules.system.atomic.second_factors import re_encrypt_factors
        from openboss.modules.system.keys import register_rewriter

        register_rewriter("system_second_factors", re_encrypt_factors)
