"""Offers, their dated versions, the stable rule ids and the publications of compiled tariffs."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.db.models import Q

from openboss.modules.catalog.documents import OfferDocument, VersionDocument
from openboss.modules.catalog.models import Offer, OfferVersion, Publication, TariffRule
from openboss.modules.system.atomic import record_audit
from openboss.modules.system.statements import kept_until_written


class VersionPublished(Exception):
    """This version is in use already, or is being approved; a change needs a new version with a later day (D13.2)."""


FILED_BEFORE = "BEFORE"  # filing number of tariffs that were in force before they came into this catalog


class OfferIdTaken(Exception):
    """The offer id or code belongs to another offer; ids are never used again."""


@dataclass(frozen=True)
class OfferView:
    """An offer without its rules."""

    offer_id: int
    code: str
    kind: str
    brand: str
    name_zh: str
    name_en: str
    life: str


@dataclass(frozen=True)
class OfferVersionView:
    """A version of an offer: its document and the ids of its rules by their codes."""

    offer_id: int
    code: str
    kind: str
    brand: str
    names: dict[str, str]
    from_on: date
    document: dict[str, Any]
    rule_ids: dict[str, int]
    source: str = ""


@dataclass(frozen=True)
class RuleView:
    """A rule as bills and explanations name it."""

    rule_id: int
    code: str
    kind: str
    name_zh: str
    name_en: str
    offer_id: int
    offer_code: str
    offer_zh: str
    offer_en: str
    from_on: date


@dataclass(frozen=True)
class PublicationView:
    """Compiled tariffs as they were published; `path` is relative to the lake."""

    publication_id: int
    sha256: str
    path: str
    published_at: datetime


@kept_until_written("catalog_offer")
def offers() -> list[OfferView]:
    """List all offers in the order of their ids. Shared: leave it as it is."""
    fields = list(OfferView.__dataclass_fields__)
    return [OfferView(**row) for row in Offer.objects.order_by("offer_id").values(*fields)]


def offer_ids() -> dict[int, str]:
    """Give the kind of every offer by id."""
    return {offer.offer_id: offer.kind for offer in offers()}


def all_versions() -> list[OfferVersionView]:
    """List every version of every offer, in the order of offer ids and days."""
    return _views(OfferVersion.objects.all())


def versions_in_use(on: date) -> list[OfferVersionView]:
    """List the versions that are published, or approved and filed and due for publication by a day."""
    return _views(OfferVersion.objects.filter(_in_use(on)))


def _in_use(on: date) -> Q:
    due = Q(publish_on=None) | Q(publish_on__lte=on)
    return Q(state=OfferVersion.State.PUBLISHED) | Q(state=OfferVersion.State.APPROVED) & ~Q(filing_no="") & due


def offers_at(on: date) -> list[OfferVersionView]:
    """List the version of each offer that is in force on a day; drafts are not. Documents are shared: leave them."""
    newest: dict[int, OfferVersionView] = {}
    for version, due_on in _versions_for_use():
        if version.from_on <= on and (due_on is None or due_on <= on):
            newest[version.offer_id] = version
    return list(newest.values())


@kept_until_written("catalog_offer", "catalog_offerversion")
def _versions_for_use() -> list[tuple[OfferVersionView, date | None]]:
    """Versions that are published or wait for their day, with that day; asked many times an order."""
    dues = {
        (row.offer_id, row.from_on): None if row.state == OfferVersion.State.PUBLISHED else row.publish_on
        for row in OfferVersion.objects.filter(_in_use(date.max)).only("offer_id", "from_on", "state", "publish_on")
    }
    views = _views(OfferVersion.objects.filter(_in_use(date.max)))
    return [(view, dues[view.offer_id, view.from_on]) for view in views]


def offers_in_force(cycle: int) -> list[OfferVersionView]:
    """List every version that is in force on at least one day of a cycle (202610), the earlier ones first."""
    first_on = date(cycle // 100, cycle % 100, 1)
    next_on = date(cycle // 100 + cycle % 100 // 12, cycle % 100 % 12 + 1, 1)
    before = {(version.offer_id, version.from_on) for version in offers_at(first_on)}
    return [
        version
        for version in _views(OfferVersion.objects.filter(_in_use(next_on), from_on__lt=next_on))
        if version.from_on >= first_on or (version.offer_id, version.from_on) in before
    ]


def _views(found: Any) -> list[OfferVersionView]:
    rows = list(found.select_related("offer").prefetch_related("rules").order_by("offer_id", "from_on"))
    return [
        OfferVersionView(
            row.offer_id,
            row.offer.code,
            row.offer.kind,
            row.offer.brand,
            {"zh": row.offer.name_zh, "en": row.offer.name_en},
            row.from_on,
            row.document,
            {rule.code: rule.rule_id for rule in row.rules.all()},
            row.source,
        )
        for row in rows
    ]


def rule_names(rule_ids: Iterable[int] | None = None) -> dict[int, RuleView]:
    """Name rules by their ids; None = all of them."""
    found = TariffRule.objects.select_related("version__offer").order_by("rule_id")
    if rule_ids is not None:
        found = found.filter(rule_id__in=list(rule_ids))
    return {
        rule.rule_id: RuleView(
            rule.rule_id,
            rule.code,
            rule.kind,
            rule.name_zh,
            rule.name_en,
            rule.version.offer_id,
            rule.version.offer.code,
            rule.version.offer.name_zh,
            rule.version.offer.name_en,
            rule.version.from_on,
        )
        for rule in found
    }


def rule_documents(rule_ids: Iterable[int]) -> dict[int, dict[str, Any]]:
    """Rules as their documents have them, by their ids."""
    found = TariffRule.objects.select_related("version").filter(rule_id__in=list(rule_ids))
    return {
        rule.rule_id: part
        for rule in found
        for section in rule.version.document.values()
        if isinstance(section, list)
        for part in section
        if isinstance(part, dict) and part.get("rule") == rule.code
    }


@transaction.atomic
def put_offer(*, offer: OfferDocument, at: datetime, staff_id: int | None = None, is_draft: bool = False) -> int:
    """Store an offer with its versions; the same document again changes nothing. Returns the versions written.

    is_draft  written at the desk: it waits for approval and filing, a new offer begins its life; else the document
              is one the operator has in force: approved and filed before, its offer on sale
    Raises VersionPublished, OfferIdTaken. Source: D13.2, CHG-14.
    """
    held = Offer.objects.filter(offer_id=offer.offer_id).first() or Offer.objects.filter(code=offer.code).first()
    if held and (held.offer_id, held.code, held.kind) != (offer.offer_id, offer.code, offer.kind):
        raise OfferIdTaken(f"{offer.offer_id} {offer.code}: {held.offer_id} {held.code} {held.kind} exists")
    values = {
        "code": offer.code,
        "kind": offer.kind,
        "brand": offer.brand,
        "name_zh": offer.name_zh,
        "name_en": offer.name_en,
    }
    if held is None:
        life = Offer.Life.DRAFT if is_draft else Offer.Life.ON_SALE
        Offer.objects.create(offer_id=offer.offer_id, life=life, **values)
    else:
        Offer.objects.filter(offer_id=offer.offer_id).update(**values)
    state = OfferVersion.State.DRAFT if is_draft else OfferVersion.State.APPROVED
    filing = {"state": state, "written_by": staff_id, "filing_no": "" if is_draft else FILED_BEFORE}
    written = [version.from_on for version in offer.versions if _put_version(offer, version, filing)]
    if written:
        record_audit(
            staff_id=staff_id,
            action="catalog.put_offer",
            object_kind="offer",
            object_id=offer.offer_id,
            at=at,
            after={"code": offer.code, "versions": [day.isoformat() for day in written]},
        )
    return len(written)


def _put_version(offer: OfferDocument, version: VersionDocument, filing: dict[str, Any]) -> bool:
    place = {"offer_id": offer.offer_id, "from_on": version.from_on}
    held = OfferVersion.objects.filter(**place).first()
    if held and held.sha256 == version.sha256:
        return False
    if held and held.state == OfferVersion.State.PUBLISHED:
        raise VersionPublished(f"{offer.code} from {version.from_on}")
    if held and held.state != filing["state"]:
        raise VersionPublished(f"{offer.code} from {version.from_on} is {held.state}")
    content = {"document": version.document, "sha256": version.sha256, "source": offer.source, **filing}
    row, _ = OfferVersion.objects.update_or_create(**place, defaults=content)
    kept = [code for code, *_ in version.rules]
    TariffRule.objects.filter(version=row).exclude(code__in=kept).delete()
    for code, kind, name_zh, name_en in version.rules:
        names = {"kind": kind, "name_zh": name_zh, "name_en": name_en}
        TariffRule.objects.update_or_create(version=row, code=code, defaults=names)
    return True


def has_unpublished(on: date) -> bool:
    """Say whether a version is due for publication on a day."""
    return OfferVersion.objects.filter(_in_use(on), state=OfferVersion.State.APPROVED).exists()


@transaction.atomic
def mark_published(*, sha256: str, path: str, at: datetime, staff_id: int | None = None) -> PublicationView:
    """Note that the tariffs due were compiled and given out; their versions never change from now on."""
    due = OfferVersion.objects.filter(_in_use(at.date()), state=OfferVersion.State.APPROVED)
    due.update(state=OfferVersion.State.PUBLISHED)
    row = Publication.objects.create(sha256=sha256, path=path, published_at=at)
    record_audit(
        staff_id=staff_id,
        action="catalog.publish",
        object_kind="publication",
        object_id=row.publication_id,
        at=at,
        after={"sha256": sha256, "path": path},
    )
    return PublicationView(row.publication_id, sha256, path, at)


def latest_publication() -> PublicationView | None:
    """Give the newest publication, if there is one."""
    row = Publication.objects.order_by("-publication_id").first()
    return row and PublicationView(row.publication_id, row.sha256, row.path, row.published_at)
