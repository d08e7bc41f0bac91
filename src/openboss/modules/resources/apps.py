"""The Django app of the resources module."""

from django.apps import AppConfig


class ResourcesConfig(AppConfig):
    """Registers the tables of resources under the label `resources`."""

    name = "openboss.modules.resources"
    label = "resources"
    default_auto_field = "django.db.models.BigAutoField"
