"""The Django app of the resources module."""

from django.apps import AppConfig


class ResourcesConfig(AppConfig):
    """Registers the tables of resources under the label `resources`."""

    name = "openboss.modules.resources"
    label = "resources"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Let the rotation of keys reach the cards' codes."""
        from openboss.modules.resources.atomic.sims import re_encrypt_codes
        from openboss.modules.system.keys import register_rewriter

        register_rewriter("resources", re_encrypt_codes)
