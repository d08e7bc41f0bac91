"""A user gets another card for the same number: the old one is dead before the new one lives (HAL-11, D12.3)."""

from openboss.modules.customers import functions as customers
from openboss.modules.orders.functions import ON_BILL, Item
from openboss.modules.resources import functions as resources
from openboss.processes.open_user import NotOneRegister
from openboss.processes.order_flow import Asked, Flow, Plan, Result, fee, tell_engine


def plan(asked: Asked) -> Plan:
    """Say what another card costs. request: iccid. A user who reported loss may have one.

    Raises RequestIncomplete, StateForbids, SimUnknown, SimNotFree, NotOneRegister, NumberUnknown.
    """
    line = customers.line_of(subscriber_id=asked.user, at=asked.at)
    if line.life != "ACTIVE" or line.number is None:
        raise customers.StateForbids(line.life)
    card = resources.sim_view(iccid=asked.need("iccid"))
    if card.state not in ("IN_STOCK", "ISSUED", "WRITTEN"):
        raise resources.SimNotFree(card.iccid)
    register = resources.number_view(number=line.number, at=asked.at).hlr_code
    if card.hlr_code != register:
        raise NotOneRegister(f"{register}, {card.hlr_code}")
    card_fen = {item.code: item.price_fen for item in resources.item_types(kind="SIM")}[card.item_code]
    today = customers.operator_day(asked.at)
    booking = ON_BILL if asked.channel == "REMOTE" else "FEE"  # served in another province: no money crosses for it
    price = fee("SIM_CARD", card_fen, booking=booking)
    replacement_fen = customers.hall_rule("hall.sim_replacement_fee_fen", on=today)
    price += fee("SIM_REPLACEMENT", replacement_fen, booking=booking)
    return Plan([Item("modify", "SIM", {"iccid": card.iccid})], price)


def carry_out(asked: Asked) -> Result:
    """Replace the card: the old IMSI leaves the network first, and the old card is never used again."""
    own = {"at": asked.at, "staff_id": asked.staff_id}
    line = customers.line_of(subscriber_id=asked.user, at=asked.at)
    assert line.number is not None
    card = resources.sim_view(iccid=asked.need("iccid"))
    before, _ = customers.replace_sim(subscriber_id=asked.user, iccid=card.iccid, imsi=card.imsi, **own)
    lost = "LOST" in customers.active_reasons(subscriber_id=asked.user, at=asked.at)
    resources.retire_sim(iccid=before, state="LOST" if lost else "REPLACED", reason="", **own)
    resources.pair_sim(iccid=card.iccid, number=line.number, within=asked.within, **own)
    resources.use_sim(iccid=card.iccid, subscriber_id=asked.user, **own)
    tell_engine(asked.user)
    return {"before": before}


FLOW = Flow("REPLACE_SIM", "REPLACE_SIM", plan, carry_out)
"""Not reversible: a card that was replaced is never used again (D12.3)."""
