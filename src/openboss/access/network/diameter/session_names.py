"""What the engine calls a Diameter session: a Session-Id of any length as 128 bits."""

import numpy as np

from openboss.access.network.diameter.values import hashed


def key_of(session_id: str) -> str:
    """The engine's name of a session by its Session-Id: 32 hexadecimal digits."""
    data = np.frombuffer(session_id.encode(), np.uint8)
    high, low = hashed(data, 0, len(data))
    return f"{int(high):016x}{int(low):016x}"
