"""Signed messages: `t=<unix seconds>,v1=<hex of HMAC-SHA-256 over "t.body">`, good for a quarter of an hour.

The stamp is signed with the body, so an old message cannot be sent again under a new one; within its life a message
that comes again is recognised by the number of its transaction.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime

LIFE_S = 900


class MessageForged(Exception):
    """The signature is missing, wrong or too old; nothing was believed."""


def sign(body: bytes, *, key: bytes, at: datetime) -> str:
    """Sign a message, as a partner who shares the key does."""
    stamp = int(at.timestamp())
    return f"t={stamp},v1={_digest(body, stamp, key)}"


def refuse_forged(signature: str, body: bytes, *, key: bytes, at: datetime) -> None:
    """Let through only what the holder of the key has signed lately. Raises MessageForged."""
    parts = dict(part.partition("=")[::2] for part in signature.split(","))
    stamp = parts.get("t", "")
    if not (stamp.isascii() and stamp.isdecimal() and len(stamp) <= 12):
        raise MessageForged("no stamp")
    if not hmac.compare_digest(_digest(body, int(stamp), key).encode(), parts.get("v1", "").encode()):
        raise MessageForged("signature")
    if abs(int(at.timestamp()) - int(stamp)) > LIFE_S:
        raise MessageForged("too old")


def _digest(body: bytes, stamp: int, key: bytes) -> str:
    return hmac.new(key, f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
