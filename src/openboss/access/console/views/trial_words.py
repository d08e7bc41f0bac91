"""What a step of a trial did, in sentences for somebody who sees online charging for the first time."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from openboss.access.console import formats, words
from openboss.access.console.trial_network import Played
from openboss.access.console.views.live_services import quota_text

_MEASURES = (("totalVolume", "OCTETS"), ("time", "SECONDS"), ("serviceSpecificUnits", "UNITS"))


def amount_in(units: dict[str, Any]) -> str:
    """How much a message says was used or is granted; empty = it says nothing."""
    return next((quota_text(measure, units[name]) for name, measure in _MEASURES if units.get(name)), "")


def explained(step: Played, *, charged_li: int, money: dict[str, int] | None) -> list[str]:
    """Say what was asked and used, what it cost, what may still be used, and why not more."""
    if step.status >= 300:
        why = words.word("nchf_result", step.answer.get("cause", "")).text
        return [_("Refused: %(why)s. The network does not let the user through.") % {"why": why}]
    used = [amount_in(one) for usage in step.sent.get("multipleUnitUsage", []) for one in _containers(usage)]
    told = {"used": ", ".join(filter(None, used)), "charged": formats.yuan_of_li(charged_li)}
    if step.operation == "end":
        said = _("The session ends with %(used)s used since; charged %(charged)s. Nothing is kept any more.")
        return [said % told if told["used"] else _("The session ends. Nothing is kept any more.")]
    if step.sent.get("oneTimeEvent"):
        return [_("Charged at once, before it is delivered: %(charged)s.") % told]
    found = [_("The network reports %(used)s used; charged %(charged)s.") % told] if told["used"] else []
    return found + [_granted(one, money) for one in step.answer.get("multipleUnitInformation", [])]


def _containers(usage: dict[str, Any]) -> list[dict[str, Any]]:
    return list(usage.get("usedUnitContainer", []))


def _granted(one: dict[str, Any], money: dict[str, int] | None) -> str:
    granted = amount_in(one.get("grantedUnit", {}))
    if not granted:
        why = words.word("nchf_result", one.get("resultCode", "")).text
        return _("Nothing more is granted: %(why)s. The session stays, and goes on once there is money.") % {"why": why}
    told = {"granted": granted, "kept": formats.yuan_of_li(money["reserved_li"]) if money else ""}
    change = one["grantedUnit"].get("tariffTimeChange")
    if change:
        told["change"] = formats.moment(datetime.fromisoformat(change))
        said = _("%(granted)s may be used; other prices begin at %(change)s: use before and after is reported apart.")
        return said % told
    if "finalUnitIndication" in one:
        return _("%(granted)s is the last that the money buys: then the network ends the service.") % told
    if money and money["reserved_li"]:
        return _("%(granted)s may be used; %(kept)s of the balance is kept for it.") % told
    return _("%(granted)s may be used; nothing of the balance is needed for it.") % told
