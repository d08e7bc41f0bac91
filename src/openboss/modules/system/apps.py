"""The Django app of the system module."""

from django.apps import AppConfig


class SystemConfig(AppConfig):
    """Registers the tables of system under the label `system`."""

    name = "openboss.modules.system"
    label = "system"
