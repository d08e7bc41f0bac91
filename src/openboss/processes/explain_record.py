"""Why a rated record cost what it did: in sentences a customer understands, in both languages, and as plain values.

    together  whoever shares free resources with the user, for what they used counts
    rated     the record once more, in the state in which it came (charging)
    told      the steps in words, with document, version and rule

Source: issue 3 section 5, CHG-38.
"""

from typing import Any

from openboss.kernel.usage import RecordType, Status
from openboss.modules.catalog.functions import all_versions, bill_item_types
from openboss.modules.charging.functions.record import RecordRated, RecordUnknown, rated_again
from openboss.modules.customers.atomic.owners import users_together
from openboss.processes.quote.tariffs import Rule, rules_of
from openboss.processes.quote.trace import trace_of, yuan
from openboss.processes.re_rate import history_of

__all__ = ["RecordUnknown", "explain_record"]

COMPONENTS = {
    "basic": ("基本费", "basic charge"),
    "ld": ("长途费", "long-distance charge"),
    "info": ("信息费", "information fee"),
}
SAME = ("与详单一致", "as in the detail list")
OTHER = (
    "与详单不一致：此记录后来更正过，或当时的状态不同",
    "not as in the detail list: the record was corrected later, or came in another state",
)
FREE_NUMBER = ("此号码免费", "This number is free of charge")


def explain_record(*, subscriber_id: int, cycle: int, position: int, row: int) -> dict[str, Any]:
    """Explain one record of a user's detail list; position and row name it. Raises RecordUnknown.

    Gives charges (item, rule, standard and actual fee), free resources taken, the steps of rating, the documents with
    version and source, and whether the record costs today what it cost then.
    """
    found = rated_again(
        subscriber_id=subscriber_id,
        cycle=cycle,
        position=position,
        row=row,
        together=users_together(subscriber_id=subscriber_id),
    )
    versions = all_versions()
    rules = {rule.rule_id: rule for version in versions for rule in rules_of(version)}
    steps = trace_of(found.rated.trace, rules)
    if not steps and found.record["status"] == Status.FREE:
        steps = [{"step": "free_number", "component": "basic", "zh": FREE_NUMBER[0], "en": FREE_NUMBER[1]}]
    used = {step["rule"] for step in steps if step.get("rule")}
    documents = {
        version.code: {
            "offer": version.code,
            "names": version.names,
            "source": version.source,
        }
        for version in versions
        if version.code in {code.split("/")[0] for code in used}
    }
    named = [rule for rule in rules.values() if rule.code in used and _is_meant(rule, steps)]
    return {
        "subscriber_id": subscriber_id,
        "cycle": cycle,
        "position": position,
        "row": row,
        "record": RecordType(found.record["record_type"]).name,
        "start_local_s": found.record["start_local_s"],
        "status": Status(found.record["status"]).name,
        "charges": _charges(found, rules),
        "free": [_free(rule_id, units, rules) for rule_id, units in _free_units(found)],
        "cap_saved": yuan(found.rated.cap_saved_li),
        "steps": steps,
        "rules": [
            {**documents[rule.code.split("/")[0]], "rule": rule.code, "rule_names": rule.document["names"],
             "version": rule.version_on.isoformat()}
            for rule in named
        ],
        "re_rated": history_of(subscriber_id=subscriber_id, position=position, row=row),
        "is_same": found.is_same,
        "zh": SAME[0] if found.is_same else OTHER[0],
        "en": SAME[1] if found.is_same else OTHER[1],
    }  # fmt: skip


def _is_meant(rule: Rule, steps: list[dict[str, Any]]) -> bool:
    """Whether a rule of this version is one that a step names."""
    return any(
        step.get("rule") == rule.code
        and step.get("version", rule.version_on.isoformat()) == rule.version_on.isoformat()
        for step in steps
    )


def _charges(found: RecordRated, rules: dict[int, Rule]) -> list[dict[str, Any]]:
    items = {item.item_id: item for item in bill_item_types()}
    charges = []
    for name, (item_id, rule_id, _, std_li, act_li) in zip(COMPONENTS, found.rated.components, strict=True):
        if item_id:
            item, rule = items[item_id], rules.get(rule_id)
            charges.append(
                {
                    "component": name,
                    "item": item.code,
                    "item_names": {"zh": item.name_zh, "en": item.name_en},
                    "rule": rule.code if rule else None,
                    "standard": yuan(std_li),
                    "actual": yuan(act_li),
                }
            )
    return charges


def _free_units(found: RecordRated) -> list[tuple[int, int]]:
    pairs = [(found.record[f"free_rule_{place}"], found.record[f"free_units_{place}"]) for place in (1, 2)]
    return [(rule_id, units) for rule_id, units in pairs if rule_id]


def _free(rule_id: int, units: int, rules: dict[int, Rule]) -> dict[str, Any]:
    rule = rules[rule_id]
    return {"rule": rule.code, "names": rule.document["names"], "units": units, "unit": rule.document["unit"]}
