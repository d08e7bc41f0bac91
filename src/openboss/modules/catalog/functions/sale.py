"""Who may take which offer: life, relations, eligibility (D13.1, D13.2, BMT-03, BMT-07)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from openboss.modules.catalog import atomic
from openboss.modules.catalog.atomic import OfferVersionView, offers_at
from openboss.modules.catalog.compiler.measures import listed

NOT_LISTED = ("STANDARD",)


@dataclass(frozen=True)
class Buyer:
    """What is known of who wants an offer, through which channel, where, and what they hold; None = not known."""

    held: tuple[str, ...] = ()  # codes of offers, each as often as it is held
    born_on: date | None = None
    customer_class: str | None = None
    classes_above: tuple[str, ...] = ()  # what is asked of a class is met by those below it
    channel: str | None = None
    area: int | None = None
    certificates: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Refusal:
    """Why an offer cannot be taken, in a sentence for the clerk in both languages; `code` is for programs."""

    code: str
    zh: str
    en: str


def offers_on_sale(on: date) -> list[OfferVersionView]:
    """List what can be sold on a day: on sale, with a version in force; the national tariff is not sold."""
    lives = atomic.lives()
    return [one for one in offers_at(on) if lives[one.offer_id] == "ON_SALE" and one.kind not in NOT_LISTED]


def refusals(*, code: str, buyer: Buyer, on: date) -> list[Refusal]:
    """Say why a buyer cannot take an offer on a day; nothing if they can.

    Relations with what is held count both ways; what the offer replaces does not stand in its way, since that ends.
    """
    found = [version for version in offers_at(on) if version.code == code]
    if not found or atomic.life_of(offer_id=found[0].offer_id) != "ON_SALE":
        return [Refusal("NOT_ON_SALE", f"{code} 不在售", f"{code} is not on sale")]
    return unfit(found[0], [version for version in offers_at(on) if version.code in buyer.held], buyer, on)


def unfit(wanted: OfferVersionView, others: Sequence[OfferVersionView], buyer: Buyer, on: date) -> list[Refusal]:
    """Say why a version of an offer does not go with the versions held or is not for such a buyer (D13.1)."""
    eligibility = wanted.document.get("eligibility") or {}
    return [*_relations(wanted, others, buyer), *_eligibility(eligibility, buyer, on, wanted.names)]


def _relations(wanted: OfferVersionView, others: Sequence[OfferVersionView], buyer: Buyer) -> list[Refusal]:
    relations = wanted.document.get("relations") or {}
    replaced = set(relations.get("replaces") or [])
    found = [
        Refusal("REQUIRES", f"须先订购 {needed}", f"{needed} has to be held first")
        for needed in relations.get("requires") or []
        if needed not in buyer.held
    ]
    for other in others:
        theirs = (other.document.get("relations") or {}).get("excludes") or []
        excluded = other.code in (relations.get("excludes") or []) or wanted.code in theirs
        if excluded and other.code not in replaced:
            found.append(Refusal("EXCLUDES", f"与 {other.code} 互斥", f"it does not go with {other.code}"))
    most = relations.get("at_most")
    if most is not None and buyer.held.count(wanted.code) >= int(most):
        found.append(Refusal("MAX_N", f"最多订购 {most} 份", f"it can be held at most {most} times"))
    return found


def _eligibility(rules: dict[str, Any], buyer: Buyer, on: date, names: dict[str, str]) -> list[Refusal]:
    age = None if buyer.born_on is None else _years(buyer.born_on, on)
    tests = {
        "age_min": lambda least: age is not None and age >= int(least),
        "age_max": lambda most: age is not None and age <= int(most),
        "customer_class": lambda wanted: not {buyer.customer_class, *buyer.classes_above}.isdisjoint(listed(wanted)),
        "channels": lambda wanted: buyer.channel in listed(wanted),
        "areas": lambda wanted: buyer.area in listed(wanted),
        "certificates": lambda wanted: set(listed(wanted)) <= buyer.certificates,
    }
    return [
        Refusal(
            f"ELIGIBILITY_{name.upper()}",
            f"{names['zh']} 要求 {_WORDS[name][0]}：{_listed(wanted)}",
            f"{names['en']} asks for {_WORDS[name][1]}: {_listed(wanted)}",
        )
        for name, wanted in rules.items()
        if not tests[name](wanted)
    ]


_WORDS = {
    "age_min": ("最低年龄", "an age of at least"),
    "age_max": ("最高年龄", "an age of at most"),
    "customer_class": ("客户类别", "customers of class"),
    "channels": ("办理渠道", "the channel"),
    "areas": ("归属地区", "a home area of"),
    "certificates": ("证件", "a certificate"),
}


def _listed(value: Any) -> str:
    return ", ".join(str(one) for one in value) if isinstance(value, list) else str(value)


def _years(born_on: date, on: date) -> int:
    return on.year - born_on.year - ((on.month, on.day) < (born_on.month, born_on.day))
