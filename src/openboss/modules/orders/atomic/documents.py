"""Documents of orders: shown, compared, kept encrypted under their hash, read again for a reason (HAL-02, HAL-17)."""

import hashlib
from collections.abc import Callable
from datetime import datetime

from django.db import transaction

from openboss.modules.orders.atomic.orders import audit_order, locked_order
from openboss.modules.orders.atomic.shown import DocumentShown
from openboss.modules.orders.models import OrderDocument
from openboss.modules.system.keys import decrypt, encrypt
from openboss.modules.system.statements import run

_KEEP = """
INSERT INTO orders_document (order_id, kind, sha256, content_sealed, verified_by, at)
VALUES (%s::bigint, %s::text, %s::text, %s::bytea, %s::bigint, %s::timestamptz)
ON CONFLICT (order_id, kind, sha256) DO NOTHING
"""


class DocumentUnknown(LookupError):
    """No document with this hash is kept with this order."""


class DocumentChanged(Exception):
    """What is kept is not what was signed or shown: its hash differs. Tell the auditor (HAL-17)."""


@transaction.atomic
def attach_document(
    *, order_id: int, kind: str, content: bytes, at: datetime, staff_id: int | None, verified_by: int | None = None
) -> str:
    """Keep a document that was shown, encrypted, with its hash (HAL-02, HAL-17); return the hash.

    verified_by  the clerk who compared it with the original. Raises OrderUnknown.
    """
    locked_order(order_id)
    sha256 = hashlib.sha256(content).hexdigest()
    run(_KEEP, [order_id, kind, sha256, encrypt(content.hex()), verified_by, at])
    audit_order("orders.attach", order_id, at, staff_id, after={"kind": kind, "sha256": sha256})
    return sha256


@transaction.atomic
def read_document(*, order_id: int, sha256: str, reason: str, at: datetime, staff_id: int) -> bytes:
    """Show a kept document again and write down who saw it and why; its content is checked against its hash.

    Raises DocumentUnknown, DocumentChanged. Source: HAL-17, D23.2.
    """
    row = OrderDocument.objects.filter(order_id=order_id, sha256=sha256).first()
    if row is None or row.content_sealed is None:
        raise DocumentUnknown(sha256)
    content = bytes.fromhex(decrypt(row.content_sealed))
    if hashlib.sha256(content).hexdigest() != sha256:
        raise DocumentChanged(sha256)
    audit_order(
        "orders.read_document", order_id, at, staff_id, reason=reason, after={"kind": row.kind, "sha256": sha256}
    )
    return content


def re_encrypt_kept(re_encrypt: Callable[[bytes], bytes]) -> int:
    """Bring every kept document to the newest key, one by one; return how many were rewritten."""
    rewritten = 0
    rows = OrderDocument.objects.filter(content_sealed__isnull=False).order_by("order_document_id")
    for key in list(rows.values_list("pk", flat=True)):
        sealed = bytes(OrderDocument.objects.values_list("content_sealed", flat=True).get(pk=key) or b"")
        fresh = re_encrypt(sealed)
        if fresh != sealed:
            rewritten += OrderDocument.objects.filter(pk=key).update(content_sealed=fresh)
    return rewritten


def documents_of_customer(*, customer_id: int, limit: int = 50) -> list[tuple[int, str, DocumentShown]]:
    """The documents kept with a customer's orders, the newest first: order, its kind, and the document."""
    rows = OrderDocument.objects.filter(order__customer_id=customer_id).select_related("order")
    return [
        (row.order_id, row.order.kind, DocumentShown(row.kind, row.sha256, row.verified_by, row.at))
        for row in rows.order_by("-order_document_id")[:limit]
    ]
