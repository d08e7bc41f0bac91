"""Who may ask for what: the authorisation matrix of D14.2 and PWD-05 as data."""

from collections.abc import Collection
from enum import StrEnum


class Proof(StrEnum):
    """One thing a customer has shown of who they are."""

    OWN_HANDSET = "OWN_HANDSET"  # the request came from the user's own number
    CONFIRMED = "CONFIRMED"  # and was confirmed by a second message (D13.5)
    DYNAMIC = "DYNAMIC"  # a random code by SMS, or the electronic password: the same rights (PWD-02)
    SERVICE = "SERVICE"  # the service password
    ID_AT_HALL = "ID_AT_HALL"  # an original document at the counter: the holder's, or the holder's and an agent's
    HOLDER_AT_HALL = "HOLDER_AT_HALL"  # the holder in person; of a unit, its clerk with the unit's papers


class NotEntitled(Exception):
    """What the customer showed is not enough for this; the message says what would be (D14.2)."""


_ANYBODY: tuple[frozenset[Proof], ...] = (frozenset(),)


def _any_of(*ways: Proof | tuple[Proof, ...]) -> tuple[frozenset[Proof], ...]:
    return tuple(frozenset((way,) if isinstance(way, Proof) else way) for way in ways)


MATRIX: dict[str, tuple[frozenset[Proof], ...]] = {
    "PAY": _ANYBODY,
    "QUERY_BALANCE": _any_of(Proof.OWN_HANDSET, Proof.DYNAMIC, Proof.SERVICE, Proof.ID_AT_HALL),
    "QUERY_BILL": _any_of(Proof.DYNAMIC, Proof.SERVICE, Proof.ID_AT_HALL),
    "REDEEM_POINTS": _any_of(Proof.DYNAMIC, Proof.SERVICE, Proof.ID_AT_HALL),
    "CHANGE_PRODUCTS": _any_of((Proof.OWN_HANDSET, Proof.CONFIRMED), Proof.DYNAMIC, Proof.SERVICE, Proof.ID_AT_HALL),
    "QUERY_DETAIL": _any_of(Proof.SERVICE, Proof.ID_AT_HALL),
    "QUERY_LOCATION": _any_of(Proof.SERVICE, Proof.ID_AT_HALL),
    "PRIVATE_DATA": _any_of(Proof.SERVICE, Proof.ID_AT_HALL),
    "CHANGE_PAYER": _any_of(Proof.SERVICE, Proof.ID_AT_HALL),
    "REPLACE_SIM": _any_of(Proof.HOLDER_AT_HALL, (Proof.SERVICE, Proof.ID_AT_HALL)),
    "TRANSFER": _any_of(Proof.HOLDER_AT_HALL),
    "REPORT_LOST": _any_of(Proof.SERVICE, Proof.ID_AT_HALL),
    "RELEASE_LOST": _any_of(Proof.SERVICE, Proof.ID_AT_HALL),
    "HOLD_AND_RESUME": _any_of(Proof.DYNAMIC, Proof.SERVICE, Proof.ID_AT_HALL),
    "EMERGENCY": _any_of(Proof.OWN_HANDSET, Proof.DYNAMIC, Proof.SERVICE, Proof.ID_AT_HALL),
    "CHANGE_NUMBER": _any_of(Proof.ID_AT_HALL),
    "CANCEL": _any_of(Proof.HOLDER_AT_HALL),
    "OPEN": _any_of(Proof.ID_AT_HALL),
    "RESET_PASSWORD": _any_of(Proof.ID_AT_HALL),
    "BY_OPERATOR": _ANYBODY,  # what staff with the right, or a job, does of its own
}
"""Operation -> each set of proofs that is enough. Add a row here and the new operation is guarded."""


def refuse_unproved(operation: str, shown: Collection[Proof]) -> None:
    """Refuse an operation for which too little was shown. Raises NotEntitled. Source: D14.2, PWD-05."""
    proofs = set(shown)
    if Proof.HOLDER_AT_HALL in proofs:
        proofs.add(Proof.ID_AT_HALL)
    enough = MATRIX[operation]
    if not any(way <= proofs for way in enough):
        ways = " or ".join(" + ".join(sorted(way)) for way in enough)
        raise NotEntitled(f"{operation} needs {ways}")
