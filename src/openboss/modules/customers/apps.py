"""The Django app of the customers module."""

from django.apps import AppConfig


class CustomersConfig(AppConfig):
    """Registers the tables of customers under the label `customers`."""

    name = "openboss.modules.customers"
    label = "customers"
