"""Kiosks as a Django app: templates."""

from django.apps import AppConfig


class KioskConfig(AppConfig):
    """The machines' pages."""

    name = "openboss.access.kiosk"
    label = "kiosk"
