"""Receivables as a Django app."""

from django.apps import AppConfig


class ReceivablesConfig(AppConfig):
    name = "openboss.modules.receivables"
    label = "receivables"
    default_auto_field = "django.db.models.BigAutoField"
