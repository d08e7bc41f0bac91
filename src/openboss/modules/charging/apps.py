from django.apps import AppConfig


class ChargingConfig(AppConfig):
    """Usage from the files of the network to rated detail."""

    name = "openboss.modules.charging"
    label = "charging"
    default_auto_field = "django.db.models.BigAutoField"
