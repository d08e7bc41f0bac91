"""States of an order (D13.3, TM Forum) and the moves between them, as data."""

ACKNOWLEDGED, PENDING, HELD, IN_PROGRESS = "ACKNOWLEDGED", "PENDING", "HELD", "IN_PROGRESS"
COMPLETED, FAILED, CANCELLED, REJECTED = "COMPLETED", "FAILED", "CANCELLED", "REJECTED"

MOVES: dict[str, frozenset[str]] = {
    ACKNOWLEDGED: frozenset({PENDING, HELD, IN_PROGRESS, CANCELLED, REJECTED}),
    PENDING: frozenset({IN_PROGRESS, CANCELLED, FAILED}),
    HELD: frozenset({ACKNOWLEDGED, CANCELLED}),
    IN_PROGRESS: frozenset({COMPLETED, PENDING}),
    FAILED: frozenset(),
    COMPLETED: frozenset(),
    CANCELLED: frozenset(),
    REJECTED: frozenset(),
}
"""ACKNOWLEDGED: being put together, on any channel; PENDING: confirmed, waits for its day; HELD: set aside by a clerk.

An order is carried out whole or not at all: TM Forum's `partial` never occurs, and `IN_PROGRESS` is seen by nobody
outside the transaction that carries the order out.
"""

EFFECTIVE = ("NOW", "NEXT_DAY", "NEXT_CYCLE", "DATE")

SERVICE_KINDS = frozenset(
    {
        "OPEN",
        "PRE_OPEN",
        "ACTIVATE",
        "REPORT_LOST",
        "RELEASE_LOST",
        "HOLD",
        "RESUME",
        "EMERGENCY",
        "CHANGE_NUMBER",
        "REPLACE_SIM",
        "PRE_CANCEL",
        "RE_INSTATE",
        "CANCEL",
    }
)
"""Kinds of orders that change what a line does: told and shown as service orders too (TMF641)."""
