"""What the open interfaces ask about listeners of events."""

from openboss.modules.system.atomic.clients import staff_of_client
from openboss.modules.system.atomic.listeners import (
    TOPIC,
    ListenerKnown,
    ListenersFull,
    ListenerUnknown,
    ListenerView,
    add_listener,
    listener,
    remove_listener,
)

__all__ = [
    "TOPIC",
    "ListenerKnown",
    "ListenerUnknown",
    "ListenerView",
    "ListenersFull",
    "add_listener",
    "listener",
    "remove_listener",
    "staff_of_client",
]
