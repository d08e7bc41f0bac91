"""The Django app of the orders module."""

from django.apps import AppConfig


class OrdersConfig(AppConfig):
    """Registers the tables of orders under the label `orders`."""

    name = "openboss.modules.orders"
    label = "orders"
    default_auto_field = "django.db.models.BigAutoField"
