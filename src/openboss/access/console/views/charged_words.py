"""By which rules online charging charges, in words: the price with its times of day, its offer and its version."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.utils.translation import gettext as _

from openboss.access.console import formats
from openboss.access.console.views.offer_words import price_text
from openboss.kernel.usage import Unit
from openboss.modules.catalog import functions as catalog


def price_words(rule_ids: Iterable[int]) -> dict[int, str]:
    """What each rule is called, whose it is, since when it is in force, and its price with every band."""
    wanted = sorted(set(rule_ids))
    documents = catalog.rule_documents(wanted)
    found = {}
    for rule_id, rule in catalog.rule_names(wanted).items():
        told = {
            "name": formats.named({"zh": rule.name_zh, "en": rule.name_en}),
            "offer": formats.named({"zh": rule.offer_zh, "en": rule.offer_en}),
            "day": rule.from_on.isoformat(),
        }
        said = _("%(name)s (%(offer)s, version of %(day)s)") % told
        found[rule_id] = " · ".join(filter(None, (said, price_text(documents.get(rule_id, {})))))
    return found


def decisions(steps: list[dict[str, Any]]) -> list[dict[str, list[Any]]]:
    """What was decided in each step of a user who is followed: by which price, what of free resources, what is left."""
    used = [part for step in steps for one in _parts(step) for part in (*one["prices"], *one["free"])]
    words = price_words(part["rule"] for part in used)
    names = {rule_id: formats.named({"zh": rule.name_zh, "en": rule.name_en}) for rule_id, rule in
             catalog.rule_names(sorted({part["rule"] for part in used})).items()}  # fmt: skip
    return [
        {
            "prices": [(words.get(part["rule"], ""), part["act_li"]) for one in _parts(step) for part in one["prices"]],
            "free": [
                (names.get(part["rule"], ""), _amount(part, "units"), _amount(part, "left") if "left" in part else "")
                for one in _parts(step)
                for part in one["free"]
            ],
        }
        for step in steps
    ]


def _parts(step: dict[str, Any]) -> list[dict[str, Any]]:
    """What open services cost so far, and what records cost that the step has closed."""
    return [*step["charged"], *step["records"]]


def _amount(part: dict[str, Any], name: str) -> str:
    return formats.amount_of_unit(part[name], Unit(part["unit"]).name)
