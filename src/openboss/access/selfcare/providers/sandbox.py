"""The sandbox: a provider for trials that lives in this installation. No money moves; whoever opens its page pays.

It signs its notices like a real one, with a key made from the key file, and they take the same way in.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime

from django.urls import reverse
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from openboss.modules.receivables.functions.web_payments import WebOrderView
from openboss.modules.system.keys import key_for
from openboss.modules.system.signing import refuse_forged, sign
from openboss.processes.pay_by_web import Notice, NoticeMalformed

NAME = "sandbox"
SIGNATURE = "X-Sandbox-Signature"


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    order_no: str = Field(min_length=1, max_length=32, pattern=r"^[A-Za-z0-9]+$")
    transaction_no: str = Field(min_length=1, max_length=40, pattern=r"^[A-Za-z0-9-]+$")
    outcome: str = Field(pattern="^(PAID|FAILED)$")
    paid_fen: int = Field(gt=0, le=10**12)
    currency: str = Field(min_length=3, max_length=3)
    paid_at: AwareDatetime = Field(strict=False)


def page_of(order: WebOrderView) -> str:
    """Where the customer pays: the sandbox's own page."""
    return reverse("selfcare:sandbox", args=[order.order_no])


def read_notice(headers: Mapping[str, str], body: bytes, at: datetime) -> Notice:
    """What a message says. Raises MessageForged, NoticeMalformed."""
    refuse_forged(headers.get(SIGNATURE, ""), body, key=key_for(NAME), at=at)
    try:
        message = _Message.model_validate_json(body)
    except ValidationError as wrong:
        raise NoticeMalformed(str(wrong.error_count())) from wrong
    return Notice(provider=NAME, **message.model_dump())


def write_notice(
    order: WebOrderView, *, outcome: str, transaction_no: str, paid_fen: int, at: datetime
) -> tuple[dict[str, str], bytes]:
    """The headers and the body by which the sandbox tells what a visitor of its page chose."""
    message = {
        "order_no": order.order_no,
        "transaction_no": transaction_no,
        "outcome": outcome,
        "paid_fen": paid_fen,
        "currency": order.currency,
        "paid_at": at.isoformat(),
    }
    body = json.dumps(message).encode()
    return {SIGNATURE: sign(body, key=key_for(NAME), at=at)}, body
