"""Paperless: what is to be done stands on a form, the customer signs it, both are kept with the order (HAL-17).

said          the words of the form, as access says them in the customer's language
signature     a picture: drawn with a finger, a stylus or a mouse, or a name that was typed
fingerprint   SHA-256 over the words and the picture; it stands on the paper
kept          the PDF, encrypted, with a SHA-256 of its own that is checked whenever it is shown
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from django.db import transaction
from django.utils import timezone

from openboss.modules.billing.functions.bill_document import operator_names, print_paper
from openboss.modules.orders import functions as orders
from openboss.modules.orders.states import ACKNOWLEDGED, HELD
from openboss.processes import cart

DOCUMENT = Path(__file__).resolve().parent / "documents" / "order_form.typ"
KIND, STEP = "SIGNED_FORM", "FORM_FREE"
PNG = b"\x89PNG\r\n\x1a\n"
PICTURE_BYTES, PICTURE_SIDE = 300_000, 2000
ZH, EN = 0, 1
WORDS = {
    "title": ("业务受理单", "Order form"),
    "what": ("办理内容", "What is to be done"),
    "fee": ("费用", "Fee"),
    "amount": ("金额（元）", "Amount (yuan)"),
    "sum": ("合计", "Total"),
    "signature": ("客户签名", "Signature of the customer"),
    "fingerprint": ("表单与签名指纹 SHA-256", "Fingerprint of form and signature, SHA-256"),
}
TERMS = (
    (
        "本人已了解所办业务的内容、资费、生效时间和退订方式，确认以上信息属实。",
        "I know what this service is, what it costs, from when it counts and how to end it; what stands above is true.",
    ),
    (
        "请妥善保管服务密码；凭服务密码办理的业务视为本人办理。",
        "Keep your service password safe: what is done with it counts as done by yourself.",
    ),
)


class SignatureUnreadable(ValueError):
    """The signature did not arrive as a picture: sign again, or type the name."""


@dataclass(frozen=True)
class FormSaid:
    """What a form says: facts and fees as pairs of a name and a value, items line by line; language zh or en."""

    language: str
    facts: Sequence[tuple[str, str]]
    items: Sequence[str]
    fees: Sequence[tuple[str, str]]
    total: str


@dataclass(frozen=True)
class SignedForm:
    """A form that was signed: the SHA-256 of the kept PDF, and the fingerprint printed on it."""

    sha256: str
    fingerprint: str


def fingerprint_of(said: FormSaid, signature_png: bytes) -> str:
    """SHA-256 over the words of a form and the picture of its signature: the same again gives the same."""
    words = json.dumps(asdict(said), ensure_ascii=False, sort_keys=True).encode()
    return hashlib.sha256(words + signature_png).hexdigest()


@transaction.atomic
def sign(*, order_id: int, said: FormSaid, signature_png: bytes, at: datetime, staff_id: int | None) -> SignedForm:
    """Keep an order's form with its signature, and note the step of the checklist it stands for.

    Raises OrderUnknown, OrderStateForbids (carried out or given up already), SignatureUnreadable. Source: HAL-17.
    """
    order = orders.lock_order(order_id=order_id)
    if order.state not in (ACKNOWLEDGED, HELD):
        raise orders.OrderStateForbids(order.state)
    _refuse_unreadable(signature_png)
    fingerprint = fingerprint_of(said, signature_png)
    paper = _printed(said, signature_png, fingerprint, at)
    own = {"order_id": order_id, "at": at, "staff_id": staff_id}
    sha256 = orders.attach_document(kind=KIND, content=paper, verified_by=staff_id, **own)
    for one in (order, *cart.parts_of(order_id=order_id)):
        if STEP in one.open_steps:
            orders.tick_steps(order_id=one.order_id, notes={STEP: fingerprint[:16]}, at=at, staff_id=staff_id)
    return SignedForm(sha256, fingerprint)


def _refuse_unreadable(picture: bytes) -> None:
    sides = [int.from_bytes(picture[16:20], "big"), int.from_bytes(picture[20:24], "big")]
    fits = len(picture) <= PICTURE_BYTES and all(0 < side <= PICTURE_SIDE for side in sides)
    if not (picture.startswith(PNG) and fits):
        raise SignatureUnreadable(f"{len(picture)} bytes")


def _printed(said: FormSaid, picture: bytes, fingerprint: str, at: datetime) -> bytes:
    tongue = ZH if said.language == "zh" else EN
    content = {
        **asdict(said),
        "operator": operator_names().of(said.language),
        "words": {key: both[tongue] for key, both in WORDS.items()},
        "terms": [both[tongue] for both in TERMS],
        "signature": list(picture),
        "fingerprint": fingerprint,
        "signed": at.astimezone(timezone.get_default_timezone()).strftime("%Y-%m-%d %H:%M"),
    }
    try:
        return print_paper(DOCUMENT, form=content)
    except RuntimeError as unreadable:  # typst could not decode the picture
        raise SignatureUnreadable(str(unreadable)[:200]) from unreadable
