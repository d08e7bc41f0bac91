"""The console as a Django app: templates, static files and translations."""

from django.apps import AppConfig


class ConsoleConfig(AppConfig):
    """The staff's screens."""

    name = "openboss.access.console"
    label = "console"
