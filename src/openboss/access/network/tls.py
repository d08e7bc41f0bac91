"""TLS at the doors of charging, the same for every interface."""

from __future__ import annotations

import ssl
from pathlib import Path


def server_context(certificate: Path | str, key: Path | str | None, clients: Path | str | None) -> ssl.SSLContext:
    """TLS 1.2 or newer with our certificate.

    clients  certificates of authorities: who connects must show one they vouch for; None = nobody need show any.
    Raises OSError if a file is not there or not what it should be.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    if clients is not None:
        context.load_verify_locations(clients)
        context.verify_mode = ssl.CERT_REQUIRED
    return context
