"""Money of users and how much of their services it buys, as plainly as docs/algorithms/online.md says it.

Of what is granted: the rule is asked of a quota, not how the engine finds one. No code shared with the product.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

KB = 1024
SLICES = {"DATA": 10 * 1024 * KB, "WLAN": 3600, "MOC": 60, "MTC": 60, "SMS_MO": 1, "MMS": 1}  # bytes, s or messages
LAST_SLICES = {"DATA": 1024 * KB}  # of what is left of others a slice is bought as it comes
SMALLEST = {"DATA": KB}


@dataclass
class SlowPurse:
    """Money that some users pay from, with what they may spend beyond it."""

    account_id: int
    users: list[str]
    paid_in_li: int
    limit_li: int = 0
    held_li: dict[str, int] = field(default_factory=dict)  # what business has set aside, by name

    def take_held(self, name: str, *, is_taken: bool) -> None:
        """What was set aside is taken, or there again."""
        self.paid_in_li -= is_taken * self.held_li.pop(name)

    def left_li(self, charged_li: int) -> int:
        """What may still be spent after so much was charged, whatever is reserved or set aside."""
        return self.paid_in_li + self.limit_li - charged_li

    def free_li(self, charged_li: int, reserved_li: int) -> int:
        """What of it is neither reserved nor set aside."""
        return self.left_li(charged_li) - reserved_li - sum(self.held_li.values())


def is_rightly_granted(
    record: str, granted: int, *, is_last: bool, left_li: int, free_li: int, costs_li: Callable[[int], int]
) -> bool:
    """Say whether a service is granted what the rule says, 0 = refused, when nobody else of its user holds anything.

    left_li   what may be spent;  free_li  of it neither reserved nor set aside
    costs_li  what so much more use costs
    """
    if left_li < 0:
        return granted == 0
    money_li, step = max(free_li, 0), SMALLEST.get(record, 1)
    wanted, less = SLICES[record], LAST_SLICES.get(record, SLICES[record])
    if costs_li(wanted) <= money_li:
        return granted == wanted and not is_last
    if record in ("SMS_MO", "MMS"):
        return granted == 0
    if less < wanted and costs_li(less) <= money_li:
        return granted == less and not is_last
    if granted == 0:
        return free_li <= 0 and (left_li == 0 or costs_li(step) > 0)  # with nothing left, units beyond free ones
    if granted == step and costs_li(step) > money_li:
        return is_last and free_li > 0  # the last slice may go below zero
    more_is_too_dear = granted + step >= less or left_li == 0 or costs_li(granted + step) > money_li
    return is_last and granted % step == 0 and costs_li(granted) <= money_li and more_is_too_dear
