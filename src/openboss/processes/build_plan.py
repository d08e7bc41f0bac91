"""The plan builder: a customer says how much of each they want, and gets the packs that give it and one price.

Packs are the add-ons on sale with one free resource and one monthly fee; of all their combinations, each pack once, the
cheapest that gives enough. Source: BMT-06.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from openboss.kernel.rounding import fen_of_li
from openboss.modules.catalog.compiler import with_tax
from openboss.modules.catalog.functions import OfferVersionView, offers_on_sale

KINDS = {"MIN": ("minutes", 1), "MSG": ("messages", 1), "KB": ("kb", 1), "MB": ("kb", 1024), "GB": ("kb", 1024 * 1024)}
KB_OF_MB, LI_PER_YUAN = 1024, 1000


class TooMuchWanted(Exception):
    """All packs on sale together do not give so much: ask for less, or take a larger main plan."""


@dataclass(frozen=True)
class Pack:
    """One pack: what it gives (minutes, messages or KB) for how much a month."""

    offer_id: int
    code: str
    names: dict[str, str]
    kind: str
    size: int
    fee_fen: int


@dataclass(frozen=True)
class BuiltPlan:
    """The packs of a plan that somebody put together, and its one price a month."""

    packs: tuple[Pack, ...]
    fee_fen: int


def build_plan(*, minutes: int, messages: int, mb: int, on: date) -> BuiltPlan:
    """Find the cheapest packs that give so many minutes, messages and MB a month. Raises TooMuchWanted."""
    packs = [pack for version in offers_on_sale(on) if (pack := _pack(version))]
    wanted = {"minutes": minutes, "messages": messages, "kb": mb * KB_OF_MB}
    chosen = [pack for kind, least in wanted.items() for pack in _cheapest([p for p in packs if p.kind == kind], least)]
    return BuiltPlan(tuple(chosen), sum(pack.fee_fen for pack in chosen))


def _pack(version: OfferVersionView) -> Pack | None:
    """Read an add-on as a pack; None if it is something else."""
    document = with_tax(version.document, version.code)
    free, fees = document.get("free") or [], document.get("recurring") or []
    if version.kind != "ADDON" or len(free) != 1 or len(fees) != 1 or document.get("eligibility"):
        return None
    if free[0]["unit"] not in KINDS or free[0]["granted"] == "UNLIMITED":
        return None
    kind, size = KINDS[free[0]["unit"]]
    fee_fen = int(fen_of_li(int(Decimal(fees[0]["fee"]) * LI_PER_YUAN)))
    return Pack(version.offer_id, version.code, version.names, kind, free[0]["granted"] * size, fee_fen)


def _cheapest(packs: Sequence[Pack], least: int) -> tuple[Pack, ...]:
    """The combination of the lowest fee that gives at least so much; of those the one with the most in it."""
    best: dict[int, tuple[int, tuple[Pack, ...]]] = {0: (0, ())}  # by fee: how much, of what
    for pack in packs:
        for fee_fen, (size, held) in list(best.items()):
            fee, more = fee_fen + pack.fee_fen, size + pack.size
            if more > best.get(fee, (-1, ()))[0]:
                best[fee] = (more, (*held, pack))
    enough = [fee for fee, (size, _) in best.items() if size >= least]
    if not enough:
        raise TooMuchWanted(f"{least} of {packs[0].kind if packs else 'what no pack gives'}")
    return best[min(enough)][1]
