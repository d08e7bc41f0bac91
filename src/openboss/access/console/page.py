"""One page: a template inside the shell with the rail, the top bar and the choices of whoever looks at it."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from openboss.access.console.formats import named
from openboss.access.console.menu import sections_for
from openboss.access.console.session import signed, tabs_of
from openboss.modules.system import functions as system

THEMES = ("light", "dark", "auto")
DENSITIES = ("normal", "compact")
PAPERS = ("58", "80", "a4")  # widths of receipts


def _choice(request: HttpRequest, name: str, allowed: tuple[str, ...], otherwise: str) -> str:
    value = request.COOKIES.get(name, otherwise)
    return value if value in allowed else otherwise


def shell_of(request: HttpRequest) -> dict[str, Any]:
    """What the frame around every page needs."""
    staff = signed(request)
    return {
        "staff": staff,
        "place": named(request.session.get("place", {})) if staff else "",
        "rights": staff.rights if staff else frozenset(),
        "sections": sections_for(staff.rights) if staff else [],
        "pinned": [view for view in system.saved_views(staff_id=staff.staff_id) if view.is_pinned] if staff else [],
        "tabs": tabs_of(request) if staff and "customers.view" in staff.rights else [],
        "theme": _choice(request, "theme", THEMES, "auto"),
        "density": _choice(request, "density", DENSITIES, "normal"),
        "paper_size": _choice(request, "paper", PAPERS, "80"),
    }


def page(
    request: HttpRequest, template: str, context: dict[str, Any] | None = None, *, status: int = 200
) -> HttpResponse:
    """Answer with a whole page. `active` in the context names the route to mark in the rail."""
    shell, own = shell_of(request), context or {}
    assert not shell.keys() & own.keys(), f"{template} takes names of the frame: {shell.keys() & own.keys()}"
    return render(request, f"console/{template}", {**shell, **own}, status=status)


def part(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    """Answer with a part of a page, for htmx."""
    staff = signed(request)
    rights = staff.rights if staff else frozenset()
    return render(request, f"console/{template}", {"staff": staff, "rights": rights, **context})
