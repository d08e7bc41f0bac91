"""The life of a user as data: every move that D2.3 allows, and nothing else."""

from dataclasses import dataclass

PREOPENED, ACTIVE, PRE_TERMINATED, TERMINATED = "PREOPENED", "ACTIVE", "PRE_TERMINATED", "TERMINATED"
ARREARS = frozenset({"ARREARS_1", "ARREARS_2"})

# what a move asks of the stop reasons
ANY, NONE, NO_ARREARS, FULL_ARREARS = "any", "none", "no arrears", "stopped both ways for arrears"
OUT_OF_VALIDITY = "stopped because prepaid money is not valid any more"


@dataclass(frozen=True)
class LifeMove:
    """One move; `from_tag` is the remove tag a user must carry, `wait` the rule that says how long before."""

    event: str
    from_life: tuple[str, ...]
    to_life: str
    remove_tag: int | None
    stops: str
    from_tag: int | None = None
    wait: str | None = None
    until: str | None = None


MOVES = (
    LifeMove("ACTIVATE", (PREOPENED,), ACTIVE, 0, ANY),
    LifeMove("REVERSE_OPENING", (PREOPENED, ACTIVE), TERMINATED, 5, NONE),
    LifeMove("PRE_TERMINATE", (ACTIVE,), PRE_TERMINATED, 1, NO_ARREARS),
    LifeMove("PRE_TERMINATE", (ACTIVE,), PRE_TERMINATED, 3, FULL_ARREARS, wait="hall.arrears_stop_days"),
    LifeMove("RE_INSTATE", (PRE_TERMINATED,), ACTIVE, 0, ANY, from_tag=1, until="hall.cancel_waiting_months"),
    LifeMove("RE_INSTATE", (PRE_TERMINATED,), ACTIVE, 0, ANY, from_tag=3),
    LifeMove("TERMINATE", (PRE_TERMINATED,), TERMINATED, 2, ANY, from_tag=1, wait="hall.cancel_waiting_months"),
    LifeMove("TERMINATE", (PRE_TERMINATED,), TERMINATED, 4, ANY, from_tag=3, wait="hall.arrears_waiting_days"),
    LifeMove("TRANSFER", (ACTIVE,), TERMINATED, 6, NONE),
    LifeMove("PORT_OUT", (ACTIVE,), TERMINATED, 7, NONE),
    LifeMove("RECYCLE", (ACTIVE,), TERMINATED, 8, OUT_OF_VALIDITY),
)
"""Opening and pre-opening make a user; stop reasons come and go while ACTIVE (D2.2). TERMINATED is final."""

REMOVE_TAGS = {
    0: ("正常", "In service"),
    1: ("主动预销号", "Pre-cancelled on request"),
    2: ("主动销号", "Cancelled on request"),
    3: ("欠费预销号", "Pre-cancelled for arrears"),
    4: ("欠费销号", "Cancelled for arrears"),
    5: ("开户返销", "Opening reversed"),
    6: ("过户注销", "Transferred"),
    7: ("携号转出", "Ported out"),
    8: ("过期销号", "Cancelled after validity ended"),
}
"""National codes 0 to 6 (D2.1); ours are 7 for a number that went to another carrier and 8 for one recycled (D10.2)."""


def stops_fit(move: LifeMove, reasons: set[str]) -> bool:
    """Say whether a user with these active stop reasons may make this move."""
    return {
        ANY: True,
        NONE: not reasons,
        NO_ARREARS: not reasons & ARREARS,
        FULL_ARREARS: "ARREARS_2" in reasons,
        OUT_OF_VALIDITY: "VALIDITY" in reasons,
    }[move.stops]
