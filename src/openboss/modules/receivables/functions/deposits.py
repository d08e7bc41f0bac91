"""How much deposit is asked at opening (ACM-16, D8.9)."""

from datetime import datetime

from openboss.modules.receivables.functions.rules import rules_at


def opening_deposit(*, pay_method: str, customer_kind: str, at: datetime) -> int:
    """The deposit a new user pays, in fen; a unit that pays by direct debit pays none. Source: ACM-16, D8.7."""
    asked = rules_at(at).value("opening_deposit_fen")
    return asked.get(f"{pay_method}_{customer_kind}", asked["CASH"])
