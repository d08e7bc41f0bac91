"""The Django app of the orders module."""

from django.apps import AppConfig


class OrdersConfig(AppConfig):
    """Registers the tables of orders under the label `orders`."""

    name = "openboss.modules.orders"
    label = "orders"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Let the rotation of keys reach the documents kept with orders."""
        from openboss.modules.orders.atomic.documents import re_encrypt_kept
        from openboss.modules.system.keys import register_rewriter

        register_rewriter("orders", re_encrypt_kept)
