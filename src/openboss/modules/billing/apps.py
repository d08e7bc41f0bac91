"""Billing as a Django app."""

from django.apps import AppConfig


class BillingConfig(AppConfig):
    name = "openboss.modules.billing"
    label = "billing"
    default_auto_field = "django.db.models.BigAutoField"
