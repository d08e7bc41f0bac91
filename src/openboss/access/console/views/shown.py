"""What a customer at the counter showed of who they are: what an operation asks, what was proved, and for how long.

A proof lasts a quarter of an hour at one counter, so that a document is read once for everything that is done; it is
forgotten with the session. The document is compared with the one on record, the service password is checked: a tick
alone says only that a clerk has seen a document.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _

from openboss.access.console import words
from openboss.access.console.session import staff_of
from openboss.access.jobs import clock
from openboss.modules.customers import functions as customers
from openboss.modules.customers.functions import MATRIX, Proof

LASTS = timedelta(minutes=15)
TICKED = (Proof.HOLDER_AT_HALL, Proof.ID_AT_HALL)
PROOFS_REFUSED = (
    customers.NotEntitled,
    customers.DocumentDiffers,
    customers.PasswordInitial,
    customers.PasswordLocked,
    customers.PasswordMissing,
    customers.PasswordWrong,
)
AT_COUNTER = {Proof.HOLDER_AT_HALL, Proof.ID_AT_HALL, Proof.SERVICE}


@dataclass(frozen=True)
class Shown:
    """What a customer proved here within the last quarter of an hour, in words, and until when it counts."""

    proofs: tuple[Proof, ...]
    text: str
    until_at: datetime


def shown_by(request: HttpRequest, customer_id: int) -> Shown | None:
    """What this customer has proved at this counter; None if nothing, or too long ago."""
    kept = request.session.get("shown", {}).get(str(customer_id))
    if not kept or clock.now() >= datetime.fromisoformat(kept["until_at"]):
        return None
    proofs = tuple(Proof(code) for code in kept["proofs"])
    text = " · ".join(str(words.word("proof", one).text) for one in proofs)
    return Shown(proofs, text, datetime.fromisoformat(kept["until_at"]))


def note_shown(request: HttpRequest, customer_id: int, proofs: Iterable[Proof]) -> None:
    """Let what was proved now count for the next quarter of an hour, beside what was proved before."""
    before = shown_by(request, customer_id)
    both = sorted({*proofs, *(before.proofs if before else ())})
    if both:
        kept = {"proofs": both, "until_at": (clock.now() + LASTS).isoformat()}
        request.session["shown"] = {**request.session.get("shown", {}), str(customer_id): kept}


def proofs_of(request: HttpRequest, customer_id: int, subscriber_id: int | None) -> list[Proof]:
    """Check what a form says the customer showed, and give it with what was proved before.

    Raises DocumentDiffers, PasswordMissing, PasswordWrong, PasswordLocked, PasswordInitial.
    """
    found = {proof for proof in TICKED if proof in request.POST.getlist("proof")}
    if cert_no := request.POST.get("holder_document", "").strip():
        staff_id = staff_of(request).staff_id
        customers.check_holder(customer_id=customer_id, cert_no=cert_no, at=clock.now(), staff_id=staff_id)
        found.add(Proof.HOLDER_AT_HALL)
    if digits := request.POST.get("shown_password", "").strip():
        if subscriber_id is None:
            raise customers.PasswordMissing("SERVICE")
        found.add(
            customers.check_password_of(subscriber_id=subscriber_id, kind="SERVICE", digits=digits, at=clock.now())
        )
    note_shown(request, customer_id, found)
    before = shown_by(request, customer_id)
    return list(before.proofs) if before else []


def asked_in(request: HttpRequest, customer_id: int, operation: str) -> dict[str, Any]:
    """What the part of a form needs in which a customer shows who they are for an operation."""
    shown = shown_by(request, customer_id)
    return {
        "shown": shown,
        "asked_for": _asked_for(operation),
        "is_enough": _is_enough(operation, shown.proofs if shown else ()),
        "ticks": [(str(proof), words.word("proof", proof).text) for proof in TICKED],
    }


def _asked_for(operation: str) -> str:
    """What an operation asks to be shown at a counter, in words: one way or another (D14.2)."""
    ways = [way for way in MATRIX[operation] if way <= AT_COUNTER]
    if not ways or frozenset() in ways:
        return _("nothing")
    said = [_(" and ").join(str(words.word("proof", one).text) for one in sorted(way)) for way in ways]
    return _("; or ").join(said)


def _is_enough(operation: str, proofs: Iterable[Proof]) -> bool:
    """Whether this is enough for an operation."""
    try:
        customers.refuse_unproved(operation, set(proofs))
    except customers.NotEntitled:
        return False
    return True
