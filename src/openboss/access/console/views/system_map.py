"""The map of the system: screens by the eight modules or the four parts of a BOSS, and where each module stands."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from openboss.access.console import words
from openboss.access.console.page import page
from openboss.access.console.session import needs, staff_of
from openboss.access.console.system_map import PLACES, VIEWS, screens_by


@require_GET
@needs(None)
def system_map(request: HttpRequest) -> HttpResponse:
    """What there is, in either view; a screen one may not open is named without a link."""
    view = request.GET.get("view", "")
    view = view if view in VIEWS else VIEWS[0]
    rights = staff_of(request).rights
    found = screens_by(view)
    groups = [
        (code, text, [(one, one.right is None or one.right in rights) for one in found.get(code, [])])
        for code, text in words.choices(f"map_{view}")
    ]
    context = {
        "active": "console:system_map",
        "view": view,
        "views": [(one, words.word("map_view", one).text) for one in VIEWS],
        "groups": groups,
        "places": PLACES.items(),
    }
    return page(request, "system_map.html", context)
