"""Ctrl+K: one field that finds customers, numbers, bills and screens; what a person may not open is not found."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from openboss.access.console.menu import sections_for
from openboss.access.console.page import part
from openboss.access.console.session import needs, staff_of
from openboss.modules.billing import functions as billing
from openboss.modules.customers import functions as customers

HITS = 8
SHORTEST = 2
BILL_NO_DIGITS = 16


@dataclass(frozen=True)
class Entry:
    """One line of the palette."""

    url: str
    title: str
    hint: str
    icon: str


def _recent(request: HttpRequest) -> list[Entry]:
    icons = {"customer": "user-circle", "bill": "file-dollar"}
    return [
        Entry(entry["url"], entry["title"], "", icons.get(entry["kind"], "clock"))
        for entry in request.session.get("recent", [])
    ]


def _customers(text: str) -> list[Entry]:
    hits = customers.search(text, limit=HITS)
    return [
        Entry(
            reverse("console:customer", args=[hit.customer_id]),
            hit.title,
            hit.subtitle,
            "building-bank" if hit.kind == "UNIT" else "user-circle",
        )
        for hit in hits
    ]


def _bills(text: str) -> list[Entry]:
    if not text.isdecimal() or len(text) > BILL_NO_DIGITS or not billing.bill_exists(bill_id=int(text)):
        return []
    return [Entry(reverse("console:bill", args=[int(text)]), _("Bill %s") % text, "", "file-dollar")]


def _screens(text: str, rights: frozenset[str]) -> list[Entry]:
    wanted = text.casefold()
    return [
        Entry(screen.url, str(screen.title), str(section.title), screen.icon)
        for section in sections_for(rights)
        for screen in section.everything
        if wanted in str(screen.title).casefold() or any(word.startswith(wanted) for word in screen.words.split())
    ]


@needs()
def search(request: HttpRequest) -> HttpResponse:
    """Answer the palette's question with groups of links."""
    text = request.GET.get("q", "").strip()[:60]
    rights = staff_of(request).rights
    groups = []
    if not text:
        groups.append((_("Recent"), _recent(request)))
    if "customers.view" in rights and len(text) >= SHORTEST:
        groups.append((_("Customers"), _customers(text)))
    if "billing.view" in rights and len(text) >= SHORTEST:
        groups.append((_("Bills"), _bills(text)))
    groups.append((_("Screens"), _screens(text, rights)))
    shown = [(title, entries) for title, entries in groups if entries]
    return part(request, "palette.html", {"groups": shown, "text": text})
