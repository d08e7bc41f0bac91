"""What is written down of Diameter sessions, so that it outlives the process (access/network/diameter/homes)."""

from django.db import connections

from openboss.modules.charging.functions import addresses


class GatewayRegister:
    """The register in the database; it is written by a thread of its own, which has a connection of its own."""

    keep_gateways = staticmethod(addresses.keep_gateways)
    gateways_of = staticmethod(addresses.gateways_of)
    gateways_before = staticmethod(addresses.gateways_before)

    def close(self) -> None:
        """Let the connection of this thread go."""
        connections.close_all()
