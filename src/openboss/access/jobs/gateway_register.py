"""What is written down of Diameter sessions, so that it outlives the process (access/network/diameter/homes)."""

from collections.abc import Callable, Collection

from django.db import connections

from openboss.modules.charging.functions import addresses
from openboss.modules.charging.session_homes import GatewayAddress


class GatewayRegister:
    """The register in the database: read by the engine's loop, written by a thread that has a connection of its own.

    use_connection  of the engine's thread: what a peer says is heard in a callback, which would take and keep another
    """

    keep_gateways = staticmethod(addresses.keep_gateways)

    def __init__(self, use_connection: Callable[[], None]) -> None:
        self._use_connection = use_connection

    def gateways_of(self, session_keys: Collection[str]) -> dict[str, GatewayAddress]:
        """Where some sessions live."""
        self._use_connection()
        return addresses.gateways_of(session_keys)

    def gateways_before(self, *, host: str, state_id: int) -> list[str]:
        """The sessions that a gateway opened in an earlier life."""
        self._use_connection()
        return addresses.gateways_before(host=host, state_id=state_id)

    def close(self) -> None:
        """Let the connection of the thread go that writes."""
        connections.close_all()
