"""The rail: which screens there are and which right opens each."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class Screen:
    """One screen of the menu and of the palette; `right` None opens to everybody who is logged in."""

    route: str
    title: str | Promise
    icon: str
    right: str | None
    words: str = ""  # further words the palette finds it by

    @property
    def url(self) -> str:
        """Where it is."""
        return reverse(self.route)


@dataclass(frozen=True)
class Section:
    """A heading of the rail with its screens."""

    title: str | Promise
    screens: tuple[Screen, ...]


SECTIONS = (
    Section(
        _("Service desk"),
        (
            Screen("console:home", _("Home"), "home", None, "dashboard shouye sy"),
            Screen("console:customers", _("Customers"), "user-circle", "customers.view", "subscriber kehu kh"),
            Screen("console:orders", _("Orders"), "clipboard-list", "customers.view", "dingdan dd order"),
        ),
    ),
    Section(
        _("Charging"),
        (
            Screen("console:collection", _("Collection"), "database-import", "charging.monitor", "caiji cj source gap"),
            Screen("console:files", _("Usage files"), "file-text", "charging.monitor", "wenjian wj cdr"),
            Screen("console:alarms", _("Alarms"), "alert-circle", "charging.monitor", "gaojing gj alarm gap"),
            Screen("console:errors", _("Error pool"), "alert-triangle", "charging.errors", "cuodan cd recycle"),
            Screen("console:reratings", _("Re-rating"), "refresh", "charging.rerate", "chongpi cp rerate"),
        ),
    ),
    Section(
        _("Billing"),
        (
            Screen("console:bills", _("Bills"), "file-dollar", "billing.view", "zhangdan zd invoice"),
            Screen("console:runs", _("Bill runs"), "calculator", "billing.run", "chuzhang cz close release"),
        ),
    ),
    Section(
        _("Money"),
        (
            Screen("console:pay", _("Payment desk"), "cash", "receivables.collect", "jiaofei jf shoufei sf pay"),
            Screen("console:till", _("My till"), "cash-register", "receivables.collect", "shouyin sy cashier"),
            Screen("console:suspense", _("Payments to attribute"), "zoom-question", "receivables.view", "zangua zg"),
            Screen("console:ageing", _("Ageing of debts"), "chart-bar", "receivables.view", "zhangling zl qianfei"),
            Screen("console:ledger", _("Ledger"), "book-2", "receivables.view", "zongzhang zz journal"),
            Screen("console:balance", _("Trial balance"), "scale", "receivables.view", "shisuan ss"),
        ),
    ),
    Section(
        _("Products"),
        (
            Screen(
                "console:offers", _("Offers and tariffs"), "package", "catalog.view", "zifei zf taocan tc plan price"
            ),
            Screen("console:waiting", _("Tariffs to approve"), "clipboard-list", "catalog.view", "shenpi sp approve"),
        ),
    ),
    Section(
        _("System"),
        (
            Screen("console:jobs", _("Jobs"), "activity", "jobs.view", "renwu rw queue"),
            Screen("console:audit", _("Audit log"), "shield-check", "audit.view", "shenji sj log"),
            Screen("console:saved", _("Saved views"), "bookmark", None, "shitu st view"),
            Screen("console:help", _("Help and keys"), "help-circle", None, "bangzhu bz about"),
        ),
    ),
)


def sections_for(rights: frozenset[str]) -> list[Section]:
    """The part of the rail these rights open; a section without a screen is left out."""
    shown = []
    for section in SECTIONS:
        screens = tuple(screen for screen in section.screens if screen.right is None or screen.right in rights)
        if screens:
            shown.append(Section(section.title, screens))
    return shown
