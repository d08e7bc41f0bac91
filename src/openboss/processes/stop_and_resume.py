"""Loss and its release, a number kept on request and its return to service (HAL-12, D2.2)."""

from openboss.modules.customers import functions as customers
from openboss.modules.orders.functions import Item
from openboss.modules.receivables.functions.owed import has_arrears
from openboss.processes.order_flow import Asked, Flow, Plan, Result, bar_in_engine, offer_named, tell_engine

LOST, KEPT = "LOST", "REQ_HOLD"


def _plan_stop(asked: Asked, reason: str) -> Plan:
    state = customers.effective_state(subscriber_id=asked.user, at=asked.at)
    if state not in ("ACTIVE", "ONE_WAY_STOP", "TWO_WAY_STOP"):
        raise customers.StateForbids(state)
    if reason in customers.active_reasons(subscriber_id=asked.user, at=asked.at):
        raise customers.ReasonActive(reason)
    return Plan([Item("add", "STOP", {"reason": reason})])


def _plan_resume(asked: Asked, reason: str) -> Plan:
    if reason not in customers.active_reasons(subscriber_id=asked.user, at=asked.at):
        raise customers.ReasonNotActive(reason)
    return Plan([Item("delete", "STOP", {"reason": reason})])


def _stop(asked: Asked, reason: str) -> Result:
    own = {"subscriber_id": asked.user, "at": asked.at, "staff_id": asked.staff_id}
    state = customers.add_stop_reason(reason=reason, **own)
    bar_in_engine({asked.user: state})
    return {"state": state}


def _resume(asked: Asked, reason: str) -> Result:
    own = {"subscriber_id": asked.user, "at": asked.at, "staff_id": asked.staff_id}
    state = customers.clear_stop_reason(reason=reason, **own)
    bar_in_engine({asked.user: state})
    return {"state": state}


def plan_hold(asked: Asked) -> Plan:
    """Refuse to keep a number while something is owed, also before credit control stopped it (D2.3)."""
    if has_arrears(subscriber_id=asked.user, at=asked.at):
        raise customers.HoldWithArrears(asked.user)
    return _plan_stop(asked, KEPT)


def carry_out_hold(asked: Asked) -> Result:
    """Stop the user and let the keep-number fee take the place of the rent."""
    result = _stop(asked, KEPT)
    holding_id = customers.hold_product(
        subscriber_id=asked.user,
        offer_id=_keep_number_offer(asked),
        first_month="FULL",
        from_at=asked.at,
        at=asked.at,
        staff_id=asked.staff_id,
    )
    tell_engine(asked.user)
    return {**result, "holding_id": holding_id}


def _keep_number_offer(asked: Asked) -> int:
    code = customers.hall_rule("hall.keep_number_offer", on=customers.operator_day(asked.at))
    return offer_named(code).offer_id


def carry_out_resume(asked: Asked) -> Result:
    """Let a kept number go back into service; the keep-number fee ends."""
    offer_id = _keep_number_offer(asked)
    held = customers.offers_held(subscriber_id=asked.user, at=asked.at)
    result = _resume(asked, KEPT)
    for holding_id in [one for one, held_id in held.items() if held_id == offer_id]:
        customers.end_product(holding_id=holding_id, to_at=asked.at, at=asked.at, staff_id=asked.staff_id)
    tell_engine(asked.user)
    return result


REPORT_LOST = Flow(
    "REPORT_LOST",
    "REPORT_LOST",
    lambda asked: _plan_stop(asked, LOST),
    lambda asked: _stop(asked, LOST),
    lambda asked, _: _resume(asked, LOST),
)
RELEASE_LOST = Flow(
    "RELEASE_LOST",
    "RELEASE_LOST",
    lambda asked: _plan_resume(asked, LOST),
    lambda asked: _resume(asked, LOST),
    lambda asked, _: _stop(asked, LOST),
)
HOLD = Flow("HOLD", "HOLD_AND_RESUME", plan_hold, carry_out_hold, lambda asked, _: carry_out_resume(asked))
RESUME = Flow(
    "RESUME",
    "HOLD_AND_RESUME",
    lambda asked: _plan_resume(asked, KEPT),
    carry_out_resume,
    lambda asked, _: carry_out_hold(asked),
)
FLOWS = (REPORT_LOST, RELEASE_LOST, HOLD, RESUME)
