"""What a quote answers, in plain values: every amount in li and as yuan text, every rule by its name."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from openboss.modules.charging.functions import what_if
from openboss.processes.quote.parties import EPOCH, FOREVER_S, Parties
from openboss.processes.quote.tariffs import Rule, Tariffs
from openboss.processes.quote.trace import trace_of, yuan

COMPONENTS = ("basic", "ld", "info")
REFUSALS = {
    501: ("没有适用的标准资费", "No price of a STANDARD document is for this kind of use"),
    504: ("单条费用超过限额", "The event would cost more than one record may"),
    505: ("账期未开放", "The month of the event is not open: close comes after the events of a month"),
}


def money(name: str, li: int) -> dict[str, Any]:
    """An amount twice: `name_li` for programs, `name` for people."""
    return {f"{name}_li": li, name: yuan(li)}


def refusal(code: int) -> dict[str, Any]:
    """Say in both languages why an event was not rated (D4.2)."""
    zh, en = REFUSALS.get(code, ("话单有误", "The event cannot be rated"))
    return {"reason": {"zh": zh, "en": en}}


def rated_event(rated: what_if.EventRated, parties: Parties, tariffs: Tariffs) -> dict[str, Any]:
    """Say what one event cost, what it used up, and why."""
    charges = [
        charge
        for component, values in zip(COMPONENTS, rated.components, strict=True)
        if (charge := _charge(component, values, rated, tariffs))
    ]
    std_li = sum(values[3] for values in rated.components)
    act_li = sum(values[4] for values in rated.components)
    found: dict[str, Any] = {"cycle": rated.cycle, **money("standard", std_li), **money("actual", act_li)}
    found |= {"charges": charges, "free": [_free_used(one, parties, tariffs) for one in rated.free]}
    if rated.cap_saved_li:
        found |= money("cap_saved", rated.cap_saved_li)
    if rated.money_li:
        found |= money("free_money", rated.money_li)
    if rated.is_blocked:
        found["blocked"] = True
    return found | {"trace": trace_of(rated.trace, tariffs.rules)}


def _charge(
    component: str, values: tuple[int, int, int, int, int], rated: what_if.EventRated, tariffs: Tariffs
) -> dict[str, Any] | None:
    item_id, rule_id, std_units, std_li, act_li = values
    if not item_id:
        return None
    rule = tariffs.rules.get(rule_id)
    grown = [one for one in rated.totals if (one.item_id, one.rule_id) == (item_id, rule_id)]
    charge: dict[str, Any] = {"component": component, "item": item_code(tariffs, item_id)}
    if rule:
        charge |= {"rule": rule.code, "version": rule.version_on.isoformat()}
        charge |= {"units": sum(one.units for one in grown), "free_units": sum(one.free_units for one in grown)}
        charge |= {"standard_units": std_units}
    return charge | money("standard", std_li) | money("actual", act_li)


def item_code(tariffs: Tariffs, item_id: int) -> str:
    """Name a bill item."""
    return next(item.code for item in tariffs.items if item.item_id == item_id)


def rule_code(tariffs: Tariffs, rule_id: int) -> str:
    """Name a rule as OFFER/RULE; rule 0 stands for what no price charges."""
    rule = tariffs.rules.get(rule_id)
    return rule.code if rule else ""


def _free_used(used: what_if.FreeUsed, parties: Parties, tariffs: Tariffs) -> dict[str, Any]:
    rule = tariffs.rules[used.rule_id]
    found: dict[str, Any] = {"rule": rule.code, "units": used.units, "unit": unit_of(rule)}
    if used.carried:
        found["carried"] = True
    return found if len(parties.ids) == 1 else {"user": parties.names[used.subscriber_id], **found}


def unit_of(rule: Rule) -> str:
    """The unit a free resource is counted in."""
    return str(rule.document["unit"])


def closing(
    state: what_if.EngineState,
    cycles: Sequence[int],
    parties: Parties,
    tariffs: Tariffs,
    events: Sequence[dict[str, Any]],
) -> list[dict[str, Any]]:
    """What stands at the end for each user: free resources, totals of each month, balance."""
    found = []
    by_cycle = {cycle: what_if.closing(state, cycle) for cycle in cycles}
    for user in parties.users:
        subscriber_id = parties.ids[user["user"]]
        months = [
            {
                "cycle": cycle,
                "free": [_free_left(row, tariffs) for row in free if row["subscriber_id"] == subscriber_id],
                "totals": sorted(
                    (_total(row, tariffs) for row in totals if row["subscriber_id"] == subscriber_id),
                    key=lambda total: (total["item"], total["rule"]),
                ),
            }
            for cycle, (free, totals) in by_cycle.items()
        ]
        one: dict[str, Any] = {"user": user["user"], "months": months}
        opening = (user.get("opening") or {}).get("balance")
        if opening is not None:
            spent_li = sum(event.get("actual_li", 0) for event in events if event.get("user") == user["user"])
            one |= money("balance", _li_of(opening) - spent_li)
        found.append(one)
    return found


def _li_of(text: str) -> int:
    whole, _, rest = text.lstrip("-").partition(".")
    return (-1 if text.startswith("-") else 1) * (int(whole) * 1000 + int((rest + "000")[:3]))


def _free_left(row: dict[str, int], tariffs: Tariffs) -> dict[str, Any]:
    rule = tariffs.rules[row["rule"]]
    left = row["granted"] - row["used"]
    found: dict[str, Any] = {"rule": rule.code, "unit": unit_of(rule)}
    found |= {"granted": row["granted"], "used": row["used"], "left": left, "carried": row["carried"]}
    return found | {"from": _at(row["from_s"]), "to": _at(row["to_s"])}


def _at(local_s: int) -> str | None:
    return None if local_s >= FOREVER_S else _moment(local_s).isoformat()


def _moment(local_s: int) -> datetime:
    return EPOCH + timedelta(seconds=local_s)


def _total(row: dict[str, int], tariffs: Tariffs) -> dict[str, Any]:
    found: dict[str, Any] = {"item": item_code(tariffs, row["item"]), "rule": rule_code(tariffs, row["rule"])}
    found |= {name: row[name] for name in ("calls", "seconds", "units", "free_units")}
    return found | money("standard", row["std_li"]) | money("actual", row["act_li"])
