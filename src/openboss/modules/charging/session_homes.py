"""Where a Diameter session lives, as it is written down."""

from typing import NamedTuple


class GatewayAddress(NamedTuple):
    """Whose a session is, and by which peer it is reached. Columns: `models.GatewaySession`."""

    session_id: bytes
    host: str
    realm: str
    via: str
    state_id: int
