"""Why one event of a quote costs what it costs, step by step, in Chinese and English."""

from typing import Any

from openboss.processes.quote.tariffs import Rule, Tariffs


def trace_of(found: dict[str, Any], tariffs: Tariffs) -> list[dict[str, str]]:
    """Tell the steps of an event's charge: price chosen, quantity, free resources, units and price, cap.

    found  the answer about the event so far (answer.rated_event)
    """
    rules = {rule.code + rule.version_on.isoformat(): rule for rule in tariffs.rules.values()}
    steps = []
    for charge in found["charges"]:
        rule = rules.get(charge.get("rule", "") + charge.get("version", ""))
        if rule is None:
            steps.append(_given_fee(charge))
            continue
        steps.append(_chosen(charge, rule))
        if charge["free_units"]:
            steps.append(_freed(found))
        steps.append(_priced(charge, rule))
    if "cap_saved" in found:
        steps.append(_step("cap", f"封顶少收 {found['cap_saved']} 元", f"the cap saves {found['cap_saved']}"))
    return steps


def _step(step: str, zh: str, en: str) -> dict[str, str]:
    return {"step": step, "zh": zh, "en": en}


def _given_fee(charge: dict[str, Any]) -> dict[str, str]:
    fee = charge["actual"]
    return _step("fee", f"{charge['item']}：按上报费用 {fee} 元", f"{charge['item']}: {fee} as reported")


def _chosen(charge: dict[str, Any], rule: Rule) -> dict[str, str]:
    names = rule.document["names"]
    return _step(
        "rule",
        f"适用资费 {charge['rule']}（{charge['version']} 起）：{names['zh']}",
        f"price {charge['rule']} in force from {charge['version']}: {names['en']}",
    )


def _freed(found: dict[str, Any]) -> dict[str, str]:
    used = "、".join(f"{one['rule']} {one['units']} {one['unit']}" for one in found["free"])
    return _step("free", f"先用免费资源：{used}", f"free resources first: {used.replace('、', ', ')}")


def _priced(charge: dict[str, Any], rule: Rule) -> dict[str, str]:
    unit = rule.document.get("unit", "")
    return _step(
        "charge",
        f"计费 {charge['units']} 个单位（每单位 {unit}），{charge['actual']} 元；标准资费 {charge['standard']} 元",
        f"{charge['units']} units of {unit} cost {charge['actual']}; the standard tariff asks {charge['standard']}",
    )
