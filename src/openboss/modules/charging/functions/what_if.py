"""What a product manager's desk asks of charging: rate some users in memory, without the engine and its journal."""

from openboss.modules.charging.engine.state import CycleNotReady, EngineState
from openboss.modules.charging.engine.what_if import (
    EventRated,
    FreeUsed,
    TotalGrown,
    closing,
    image_of,
    opened,
    rate_event,
    set_free,
    set_total,
)

__all__ = [
    "CycleNotReady",
    "EngineState",
    "EventRated",
    "FreeUsed",
    "TotalGrown",
    "closing",
    "image_of",
    "opened",
    "rate_event",
    "set_free",
    "set_total",
]
