"""The desk of the product manager: drafts, approval by a second person, filing, publication, sale (D13.2, BMT-05)."""

import json
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import transaction

from openboss.modules.catalog import atomic
from openboss.modules.catalog.atomic import OfferNotFound, OfferVersionView, PublicationView, all_versions
from openboss.modules.catalog.documents import DocumentRefused, OfferDocument, read_text
from openboss.modules.catalog.functions.publication import publish
from openboss.modules.catalog.functions.reference import tariff_limits
from openboss.modules.catalog.problems import Problem
from openboss.modules.system.functions import staff_by_id

EDIT, APPROVE = "catalog.edit", "catalog.approve"


class NotEntitled(Exception):
    """You do not have the right to do this with tariffs: ask for catalog.edit or catalog.approve."""


@dataclass(frozen=True)
class DraftSaved:
    """A draft as it was stored."""

    offer_id: int
    code: str
    versions_written: int


def _entitled(staff_id: int, right: str) -> None:
    staff = staff_by_id(staff_id=staff_id)
    if right not in staff.rights:
        raise NotEntitled(f"{staff.login}: {right}")


def check_text(text: str, *, name: str) -> OfferDocument:
    """Check a tariff document (YAML or JSON) against this catalog's items and limits. Raises DocumentRefused."""
    item_codes = {item.code for item in atomic.bill_item_types()}
    return read_text(text, name=name, item_codes=item_codes, limits=tariff_limits())


def document_of(offer_id: int) -> dict[str, Any]:
    """Give an offer with all its versions as the document it could be read from. Raises OfferNotFound."""
    versions = [version for version in all_versions() if version.offer_id == offer_id]
    if not versions:
        raise OfferNotFound(offer_id)
    return document_from(versions)


def document_from(versions: list[OfferVersionView]) -> dict[str, Any]:
    """Put versions of one offer together as a document."""
    first = versions[0]
    return {
        "offer": first.code,
        "offer_id": first.offer_id,
        "names": first.names,
        "kind": first.kind,
        "brand": first.brand or None,
        "source": first.source or None,
        "versions": [{"from": version.from_on, **version.document} for version in versions],
    }


def next_offer_id() -> int:
    """Give the number a new offer takes: beyond all there are."""
    return max(atomic.offer_ids(), default=0) + 1


@transaction.atomic
def save_draft(text: str, *, at: datetime, staff_id: int) -> DraftSaved:
    """Store a document written at the desk; its versions that are new or changed wait for approval.

    Versions that stand in the document unchanged stay as they are, whatever their state.
    Raises NotEntitled, DocumentRefused, VersionPublished, OfferIdTaken; then nothing was changed.
    """
    _entitled(staff_id, EDIT)
    document = check_text(text, name="draft")
    written = atomic.put_offer(offer=document, at=at, staff_id=staff_id, is_draft=True)
    return DraftSaved(document.offer_id, document.code, written)


def submit(*, offer_id: int, from_on: date, at: datetime, staff_id: int) -> None:
    """Send a draft for approval; what breaks a regulated limit is not sent (CHG-23).

    Raises NotEntitled, DocumentRefused, OfferNotFound, VersionStateRefused.
    """
    _entitled(staff_id, EDIT)
    refuse_unlawful(offer_id, from_on)
    atomic.submit_version(offer_id=offer_id, from_on=from_on, at=at, staff_id=staff_id)


def approve(*, offer_id: int, from_on: date, at: datetime, staff_id: int, reason: str = "") -> None:
    """Approve a version somebody else wrote. Raises NotEntitled, SamePerson, DocumentRefused, VersionStateRefused."""
    _entitled(staff_id, APPROVE)
    refuse_unlawful(offer_id, from_on)
    atomic.approve_version(offer_id=offer_id, from_on=from_on, at=at, staff_id=staff_id, reason=reason)


def send_back(*, offer_id: int, from_on: date, reason: str, at: datetime, staff_id: int) -> None:
    """Give a version back to its writer, with what is to be changed. Raises NotEntitled, VersionStateRefused."""
    _entitled(staff_id, APPROVE)
    atomic.return_version(offer_id=offer_id, from_on=from_on, at=at, staff_id=staff_id, reason=reason)


def file_with_regulator(
    *, offer_id: int, from_on: date, filing_no: str, at: datetime, staff_id: int, publish_on: date | None = None
) -> None:
    """Note the filing number of an approved version, and from which day it may be published (BMT-05).

    Raises NotEntitled, VersionStateRefused, OfferNotFound.
    """
    _entitled(staff_id, APPROVE)
    atomic.file_version(
        offer_id=offer_id, from_on=from_on, filing_no=filing_no, publish_on=publish_on, at=at, staff_id=staff_id
    )


@transaction.atomic
def publish_filed(*, at: datetime, staff_id: int | None = None) -> PublicationView:
    """Publish what is approved, filed and due, if none of it breaks a limit as they stand today (CHG-23).

    Raises NotEntitled, DocumentRefused, TariffRefused; then nothing was published. staff_id None = the schedule.
    """
    if staff_id is not None:
        _entitled(staff_id, APPROVE)
    for offer_id in atomic.offer_ids():
        for version in atomic.versions_of(offer_id=offer_id):
            due = version.publish_on is None or version.publish_on <= at.date()
            if version.state == "APPROVED" and version.filing_no and due:
                refuse_unlawful(offer_id, version.from_on)
    return publish(at=at, staff_id=staff_id)


def move(*, offer_id: int, life: str, at: datetime, staff_id: int, holders: int = 0, reason: str = "") -> None:
    """Take an offer to its next state of life. Raises NotEntitled, OfferNotFound, LifeRefused (D13.2)."""
    _entitled(staff_id, APPROVE if life in ("ON_SALE", "OFF_SALE", "RETIRED", "FILED") else EDIT)
    atomic.move_offer(offer_id=offer_id, life=life, at=at, staff_id=staff_id, holders=holders, reason=reason)


def moves_from(*, offer_id: int) -> tuple[str, ...]:
    """Name the states of life an offer may go to next. Raises OfferNotFound."""
    return tuple(str(life) for life in atomic.MOVES[atomic.life_of(offer_id=offer_id)])


def refuse_unlawful(offer_id: int, from_on: date) -> None:
    """Check a stored version against the grammar and the limits as they stand now. Raises DocumentRefused."""
    found = [v for v in all_versions() if v.offer_id == offer_id and v.from_on == from_on]
    if not found:
        raise OfferNotFound(f"{offer_id} from {from_on}")
    text = json.dumps(document_from(found), ensure_ascii=False, default=str)
    check_text(text, name=found[0].code)


def problems_of(text: str, *, name: str = "") -> list[Problem]:
    """Say what is wrong with a document, for live validation; nothing if all is well."""
    try:
        check_text(text, name=name)
    except DocumentRefused as refused:
        return refused.problems
    return []
