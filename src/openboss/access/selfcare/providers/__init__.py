"""Providers of payment on the web: what each has to be able to do, and which one this installation uses.

A provider shows the customer its own page and tells us by signed notices what became of the order. What it sends is
believed only for its signature; the customer's browser coming back proves nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from openboss.access.selfcare.providers import sandbox
from openboss.modules.receivables.functions.web_payments import WebOrderView
from openboss.processes.pay_by_web import Notice


class Provider(Protocol):
    """What a provider of payment has to be able to do: a module of this package."""

    NAME: str

    def page_of(self, order: WebOrderView) -> str:
        """Where the customer pays an order."""

    def read_notice(self, headers: Mapping[str, str], body: bytes, at: datetime) -> Notice:
        """What a message says, after its signature was checked. Raises MessageForged, NoticeMalformed."""


PROVIDERS: dict[str, Provider] = {sandbox.NAME: sandbox}


def provider_named(name: str) -> Provider | None:
    """The provider of a name, if this installation has it."""
    return PROVIDERS.get(name)
