"""Every adapter of the access layer: by which protocol it speaks, in which direction, and where its code is (ARC-14).

A new folder of `access` gets its line here; a test asks for it.
"""

from __future__ import annotations

from dataclasses import dataclass

BOTH, IN, OUT = "BOTH", "IN", "OUT"


@dataclass(frozen=True)
class Adapter:
    """One way in or out.

    code  the channel's id, as orders, payments and talks bear it; of systems outside a name of its own
    kind  CUSTOMERS, PARTNERS or NETWORK;  door  its folder or file below `openboss.access`
    counted  where its messages are: LOG (one by one) or BOARD (counted while the engine serves them)
    """

    code: str
    kind: str
    protocol: str
    direction: str
    door: str
    counted: str = "LOG"


ADAPTERS = (
    Adapter("HALL", "CUSTOMERS", "HTTP, HTML", BOTH, "console"),
    Adapter("WEB", "CUSTOMERS", "HTTP, HTML, JSON", BOTH, "selfcare"),
    Adapter("SMS", "CUSTOMERS", "HTTP, JSON", BOTH, "handset"),
    Adapter("USSD", "CUSTOMERS", "HTTP, JSON", BOTH, "handset"),
    Adapter("IVR", "CUSTOMERS", "HTTP, JSON", BOTH, "handset"),
    Adapter("HOTLINE", "CUSTOMERS", "HTTP, JSON (TMF683)", BOTH, "openapi"),
    Adapter("KIOSK", "CUSTOMERS", "HTTP, HTML", BOTH, "kiosk"),
    Adapter("AGENT", "PARTNERS", "HTTP, JSON", IN, "openapi"),
    Adapter("BANK", "PARTNERS", "CSV, ISO 20022", BOTH, "bank"),
    Adapter("REMOTE", "PARTNERS", "HTTPS, JSON", BOTH, "hub"),
    Adapter("STAFF", "PARTNERS", "SMS", OUT, "network/handsets.py"),
    Adapter("USAGE_FILES", "NETWORK", "ASN.1 BER, CSV", IN, "network/decoders"),
    Adapter("HLR", "NETWORK", "IPA (TCP)", OUT, "network/hlr.py"),
    Adapter("RADIUS", "NETWORK", "RADIUS (UDP)", BOTH, "network/radius", "BOARD"),
    Adapter("DIAMETER", "NETWORK", "Diameter Gy, Ro (TCP, TLS)", BOTH, "network/diameter", "BOARD"),
    Adapter("NCHF", "NETWORK", "Nchf (HTTP/2)", BOTH, "network/nchf", "BOARD"),
    Adapter("SYSTEM", "PARTNERS", "–", BOTH, "jobs"),  # no door: what is done on schedule
)

BY_CODE = {one.code: one for one in ADAPTERS}
