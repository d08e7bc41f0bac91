"""A user chooses the numbers that cost less (friends): they count from the moment of the order, or a later day.

Which price they have, and whether any, the offers held decide (`when: {friends: true}`). Source: issue 3 section 1.
"""

from openboss.modules.customers import functions as customers
from openboss.modules.orders.functions import Item
from openboss.processes.change_number import refuse_stopped
from openboss.processes.order_flow import Asked, Flow, Plan, RequestIncomplete, Result, tell_engine


def plan(asked: Asked) -> Plan:
    """Say which numbers will stand on the list. request: add, remove (lists of E.164 numbers).

    Raises RequestIncomplete, StateForbids, StopsForbid, NumberNotListable, TooManyListed.
    """
    refuse_stopped(asked)
    add, remove = asked.request.get("add") or [], asked.request.get("remove") or []
    if not add and not remove:
        raise RequestIncomplete("add")
    customers.refuse_listing(
        subscriber_id=asked.user, add=add, remove=remove, at_most=_most(asked), at=asked.effective_at
    )
    return Plan([Item("modify", "LISTED_NUMBERS", {"add": add, "remove": remove})])


def carry_out(asked: Asked) -> Result:
    """Write the list from its moment on, and tell the engine."""
    before = customers.listed_numbers(subscriber_id=asked.user, at=asked.effective_at)
    after = _write(asked, asked.request.get("add") or [], asked.request.get("remove") or [])
    return {"before": before, "after": after}


def undo(asked: Asked, result: Result) -> None:
    """Put what the change changed back, from now on."""
    before, after = set(result["before"]), set(result["after"])
    _write(asked, sorted(before - after), sorted(after - before))


def _write(asked: Asked, add: list[int], remove: list[int]) -> list[int]:
    after = customers.change_listed_numbers(
        subscriber_id=asked.user,
        add=add,
        remove=remove,
        at_most=_most(asked),
        from_at=asked.effective_at,
        at=asked.at,
        staff_id=asked.staff_id,
    )
    tell_engine(asked.user)
    return after


def _most(asked: Asked) -> int:
    return int(customers.hall_rule("hall.listed_numbers", on=customers.operator_day(asked.effective_at)))


FLOW = Flow("CHANGE_LIST", "CHANGE_PRODUCTS", plan, carry_out, undo, writes_ahead=True)
