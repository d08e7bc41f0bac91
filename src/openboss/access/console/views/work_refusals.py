"""What work of several people refuses, in words, and the names it goes by: roles, people, what it is about."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from openboss.access.console import formats
from openboss.access.console.views import money, stock
from openboss.modules.catalog import functions as catalog
from openboss.modules.catalog.functions import life_cycle
from openboss.modules.charging.functions import errors as pool
from openboss.modules.customers.functions import SubscriberUnknown
from openboss.modules.system.functions import StaffUnknown
from openboss.modules.system.functions.people import list_roles
from openboss.modules.workflow.functions import authority, definitions, work
from openboss.processes import re_rate
from openboss.processes.multi_person import beginnings, inbox
from openboss.processes.order_flow import OfferRefused

_MEANWHILE = _("Somebody has decided on this already. Load the page again.")
REFUSALS: dict[type[Exception], str | Promise] = {
    **money.REFUSALS,
    **stock.REFUSALS,
    authority.NotYours: _("This is another team's or person's, or above what was lent to you."),
    authority.SamePerson: _("Nobody agrees to what they asked for or agreed to before: another person decides."),
    authority.LendingRefused: _(
        "Authority is lent to somebody else, of a team of yours, from now on, for 92 days at most, with a reason."
    ),
    authority.DelegationUnknown: _("This authority has ended already."),
    work.TaskClaimed: _("Somebody else has taken this task."),
    work.TaskDecided: _MEANWHILE,
    work.TaskUnknown: _("There is no such task."),
    work.DecisionUnknown: _("This cannot be decided here."),
    work.ReasonMissing: _("Say why; who asked for it reads it."),
    work.InstanceStateForbids: _("This work has ended or is held. Load the page again."),
    work.InstanceExists: _("This form was sent already with other content. Load the page again."),
    definitions.DefinitionUnknown: _("There is no version of this flow in force."),
    definitions.DefinitionStateForbids: _("This version waits for a second person or is published. Load the page."),
    definitions.SameDrawer: _("You drew this version yourself: another person publishes it."),
    definitions.RightMissing: _("The right for this is missing."),
    definitions.FlowRenamed: _("The id of the process is the flow's and stays as it is."),
    definitions.FromThePast: _("A version begins now or later."),
    definitions.DiagramRefused: _("The drawing cannot be carried out: look at what is wrong."),
    beginnings.BeginningRefused: _("Still to be filled in or wrong:"),
    inbox.WaitsNoMore: _MEANWHILE,
    StaffUnknown: _("Choose a colleague from the list."),
    SubscriberUnknown: _("Nobody has this number."),
    OfferRefused: _("There is no such offer."),
    life_cycle.NotEntitled: _("The right for this is missing."),
    catalog.SamePerson: _("Nobody agrees to what they asked for or agreed to before: another person decides."),
    catalog.VersionStateRefused: _MEANWHILE,
    catalog.DocumentRefused: _("The tariff breaks a limit as it stands today: look at its page."),
    re_rate.NotEntitled: _("The right for this is missing."),
    re_rate.OwnProposal: _("You asked for this re-rating yourself; another person must decide."),
    re_rate.NotWaiting: _MEANWHILE,
    pool.OwnRequest: _("You asked for this write-off yourself; another person must decide."),
    pool.NotRequested: _MEANWHILE,
}

_FIELDS = {  # what a beginning lacks, as its form calls it
    "kind": _("What"),
    "means": _("Means (of a refund)"),
    "to_account_id": _("To account (of a transfer)"),
    "bill_id": _("Bill (of a waiver)"),
    "user": _("User"),
    "parts": _("Monthly parts"),
    "lines": _("Numbers and cards, one pair a line: number, ICCID"),
    "unit": _("Account of the unit"),
    "org_code": _("Out of the stock of"),
    "about": _("About"),
    "flow": _("Workflow"),
    "reason": _("Reason"),
}


def carried_out(request: HttpRequest, act: Callable[[], Any]) -> Any:
    """Do something to work; what is refused is said in words and gives None."""
    try:
        return act()
    except tuple(REFUSALS) as refused:
        said = str(REFUSALS[type(refused)])
        if isinstance(refused, beginnings.BeginningRefused):
            said += " " + _now(", ").join(str(_FIELDS[name]) for name in str(refused).split(", "))
        messages.error(request, said)
        return None


def role_names() -> dict[str, str]:
    """What each role is called."""
    return {role.code: formats.named(role) for role in list_roles()}


_PLACES = {
    "account": ("console:account", _("Account")),
    "user": ("console:by_user", _("User")),
    "offer": ("console:offer", _("Offer")),
    "rerating": ("console:rerating", _("Re-rating")),
    "stock": ("console:stock_requests", _("Stock item")),
    "errors": ("console:errors", _("Records")),
    "flow": ("console:workflows", _("Workflow")),
}


def about(key: str) -> tuple[str, str | None]:
    """What work is about, as people read it, and where that is."""
    kind, _colon, number = key.partition(":")
    takes_number = kind in ("account", "user", "offer", "rerating")
    if kind not in _PLACES or not number or (takes_number and not number.isdecimal()):
        return key, None
    route, name = _PLACES[kind]
    return f"{name} {number}", reverse(route, args=[int(number)] if takes_number else [])
