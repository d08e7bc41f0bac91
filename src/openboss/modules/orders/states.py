"""States of an order (D13.3, TM Forum) and the moves between them, as data."""

ACKNOWLEDGED, PENDING, HELD, IN_PROGRESS = "ACKNOWLEDGED", "PENDING", "HELD", "IN_PROGRESS"
COMPLETED, FAILED, PARTIAL, CANCELLED, REJECTED = "COMPLETED", "FAILED", "PARTIAL", "CANCELLED", "REJECTED"

MOVES: dict[str, frozenset[str]] = {
    ACKNOWLEDGED: frozenset({PENDING, HELD, IN_PROGRESS, CANCELLED, REJECTED}),
    PENDING: frozenset({IN_PROGRESS, HELD, CANCELLED, FAILED}),
    HELD: frozenset({ACKNOWLEDGED, PENDING, CANCELLED}),
    IN_PROGRESS: frozenset({COMPLETED, PARTIAL, PENDING, FAILED}),
    PARTIAL: frozenset({COMPLETED, FAILED}),
    FAILED: frozenset({PENDING, CANCELLED}),
    COMPLETED: frozenset(),
    CANCELLED: frozenset(),
    REJECTED: frozenset(),
}
"""ACKNOWLEDGED: being put together, on any channel; PENDING: confirmed, waits for its day."""

OPEN_STATES = (ACKNOWLEDGED, PENDING, HELD, IN_PROGRESS, PARTIAL, FAILED)
EFFECTIVE = ("NOW", "NEXT_DAY", "NEXT_CYCLE", "DATE")
