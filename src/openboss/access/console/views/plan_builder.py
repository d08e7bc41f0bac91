"""The plan builder at the counter: how much of each the customer wants, and the packs that give it for one price."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from openboss.access.console import formats
from openboss.access.console.page import page
from openboss.access.console.session import needs
from openboss.access.jobs import clock
from openboss.processes.build_plan import Pack, TooMuchWanted, build_plan

ASKED = ("minutes", "messages", "mb")
UNITS = {"minutes": "MIN", "messages": "MSG", "kb": "KB"}


@require_GET
@needs("catalog.view")
def builder(request: HttpRequest) -> HttpResponse:
    """The form and, once it is filled, the one price with its packs; the address holds the whole wish (BMT-06)."""
    given = {name: request.GET.get(name, "").strip() for name in ASKED}
    context: dict[str, Any] = {"active": "console:offers", "given": given}
    if not any(given.values()):
        return page(request, "plan_builder.html", context)
    if not all(value.isdecimal() for value in given.values() if value):
        context["problem"] = _("Write whole numbers.")
        return page(request, "plan_builder.html", context, status=422)
    wanted = {name: int(value or 0) for name, value in given.items()}
    try:
        built = build_plan(**wanted, on=clock.today())
    except TooMuchWanted:
        context["problem"] = _("The packs on sale do not give so much. Ask for less, or take a larger plan.")
        return page(request, "plan_builder.html", context, status=422)
    context |= {"built": built, "packs": [{"pack": pack, "gives": _gives(pack)} for pack in built.packs]}
    return page(request, "plan_builder.html", context)


def _gives(pack: Pack) -> str:
    return formats.amount_of_unit(pack.size, UNITS[pack.kind])
