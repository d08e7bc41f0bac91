"""Orders of payment on the web, as the process and the desk ask for them."""

from openboss.modules.receivables.atomic.payments import PaymentView, payments_by_serial
from openboss.modules.receivables.atomic.web_orders import (
    WebOrderUnknown,
    WebOrderView,
    list_web_orders,
    lock_web_order,
    make_web_order,
    open_orders,
    settle_web_order,
    web_order,
)

__all__ = [
    "WebOrderUnknown",
    "WebOrderView",
    "list_web_orders",
    "lock_web_order",
    "make_web_order",
    "open_orders",
    "payment_of_serial",
    "settle_web_order",
    "web_order",
]


def payment_of_serial(*, serial_no: str) -> PaymentView | None:
    """The payment that was taken under a serial number, if there is one."""
    return payments_by_serial(serial_nos=[serial_no]).get(serial_no)
