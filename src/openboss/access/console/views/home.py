"""The first screen: what this person has to look at today."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from openboss.access.console.page import page
from openboss.access.console.session import needs


@require_GET
@needs()
def home(request: HttpRequest) -> HttpResponse:
    """Show the numbers this role works with."""
    return page(request, "home.html", {"active": "console:home"})
