"""States of resources and the moves between them, as data (D12)."""

from collections.abc import Mapping

Moves = Mapping[str, frozenset[str]]


def _moves(**steps: str) -> Moves:
    return {state: frozenset(after.split()) for state, after in steps.items()}


NUMBER: Moves = _moves(
    PLANNED="IDLE",
    IDLE="LOCKED RESERVED FROZEN",
    LOCKED="IDLE RESERVED",
    RESERVED="IDLE OCCUPIED",
    OCCUPIED="QUARANTINE PORTED_OUT",
    PORTED_OUT="IDLE",
    QUARANTINE="IDLE OCCUPIED",  # OCCUPIED: a user taken back, a transfer or a reversal finds the number still there
    FROZEN="IDLE",
)
"""D12.1. The number of a user who waits for cancellation is still OCCUPIED: it is not free."""

SIM: Moves = _moves(
    ORDERED="IN_STOCK",
    IN_STOCK="ISSUED PAIRED WRITTEN SCRAPPED",
    ISSUED="IN_STOCK PAIRED WRITTEN SCRAPPED LOST",
    PAIRED="IN_USE IN_STOCK ISSUED SCRAPPED",
    WRITTEN="IN_USE PAIRED SCRAPPED",
    IN_USE="REPLACED LOST SCRAPPED",
    REPLACED="",
    LOST="",
    SCRAPPED="",
)
"""D12.3. A card that was in use is never used again."""

VOUCHER: Moves = _moves(
    GENERATED="PRINTED VOID",
    PRINTED="IN_STOCK VOID",
    IN_STOCK="ISSUED VOID",
    ISSUED="ACTIVE FROZEN VOID",
    ACTIVE="USED FROZEN EXPIRED VOID",
    FROZEN="ISSUED ACTIVE VOID",
    USED="",
    VOID="",
    EXPIRED="",
)
"""D12.4. A frozen voucher goes back to what it was."""

BOOK: Moves = _moves(
    RECEIVED="ISSUED DESTROYED", ISSUED="HELD RETURNED", HELD="RETURNED", RETURNED="DESTROYED", DESTROYED=""
)
"""D12.5."""

TERMINAL: Moves = _moves(
    IN_STOCK="ALLOCATED SOLD BUNDLED REPAIR SCRAPPED",
    ALLOCATED="IN_STOCK SOLD BUNDLED REPAIR SCRAPPED",
    SOLD="RETURNED REPAIR",
    BUNDLED="RETURNED REPAIR",
    RETURNED="IN_STOCK REPAIR SCRAPPED",
    REPAIR="IN_STOCK SCRAPPED SOLD BUNDLED",
    SCRAPPED="",
)
"""D12.6."""

REQUISITION: Moves = _moves(ASKED="APPROVED REFUSED", APPROVED="SHIPPED", SHIPPED="CONFIRMED", CONFIRMED="", REFUSED="")
"""BMR-13."""

NUMBER_AND_SIM_STOCK = frozenset({"IN_STOCK", "ISSUED", "PAIRED", "WRITTEN"})
"""Cards that lie at a place and can still be sold."""


class MoveForbidden(Exception):
    """A thing in this state is not brought into that one; the message names both (D12)."""


def refuse_move(moves: Moves, before: str, after: str) -> None:
    """Refuse a step that the table does not have. Raises MoveForbidden."""
    if after not in moves[before]:
        raise MoveForbidden(f"{before} > {after}")
