from django.apps import AppConfig


class ChargingConfig(AppConfig):
    """Usage from the files of the network to rated detail."""

    name = "openboss.modules.charging"
    label = "charging"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Let the rotation of keys reach the secrets shared with access servers."""
        from openboss.modules.charging.atomic.peers import re_encrypt_peers
        from openboss.modules.system.keys import register_rewriter

        register_rewriter("charging_peers", re_encrypt_peers)
