"""Published versions put right, with the documents they had before (CHG-36)."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import transaction

from openboss.modules.catalog.atomic.life import SamePerson
from openboss.modules.catalog.documents import OfferDocument, VersionDocument
from openboss.modules.catalog.models import OfferVersion, ReplacedDocument, TariffRule
from openboss.modules.system.atomic import record_audit


class NothingToCorrect(Exception):
    """No published version of the offer differs from this document: a new version is written at the tariff desk."""


class GrantMissing(Exception):
    """A correction keeps every free resource of the version, if need be with nothing granted: users have it already."""


@dataclass(frozen=True)
class ReplacedView:
    """A document that a published version had until it was corrected."""

    from_on: date
    document: dict[str, Any]
    reason: str
    replaced_by: int
    approved_by: int
    replaced_at: datetime


@transaction.atomic
def correct_versions(*, offer: OfferDocument, reason: str, staff_id: int, approved_by: int, at: datetime) -> list[date]:
    """Put published versions right that differ from a document; return their days.

    Rules keep their ids by their codes, because records, bills and the engine's state name them. What the document says
    of days that are not published is passed over. Raises NothingToCorrect, GrantMissing, SamePerson.
    """
    if staff_id == approved_by:
        raise SamePerson(str(staff_id))
    corrected = []
    for version in offer.versions:
        published = {"offer_id": offer.offer_id, "from_on": version.from_on, "state": OfferVersion.State.PUBLISHED}
        row = OfferVersion.objects.select_for_update().filter(**published).first()
        if row is not None and row.sha256 != version.sha256:
            _correct(row, version, reason, staff_id, approved_by, at)
            corrected.append(version.from_on)
    if not corrected:
        raise NothingToCorrect(offer.code)
    record_audit(
        staff_id=staff_id,
        action="catalog.correct_offer",
        object_kind="offer",
        object_id=offer.offer_id,
        at=at,
        reason=reason,
        after={"versions": [day.isoformat() for day in corrected], "approved_by": approved_by},
    )
    return corrected


def _correct(
    row: OfferVersion, version: VersionDocument, reason: str, staff_id: int, approved_by: int, at: datetime
) -> None:
    codes = {code for code, *_ in version.rules}
    lost = [rule.code for rule in row.rules.all() if rule.kind == TariffRule.Kind.FREE and rule.code not in codes]
    if lost:
        raise GrantMissing(", ".join(lost))
    ReplacedDocument.objects.create(
        version=row,
        document=row.document,
        sha256=row.sha256,
        reason=reason,
        replaced_by=staff_id,
        approved_by=approved_by,
        replaced_at=at,
    )
    row.document, row.sha256 = version.document, version.sha256
    row.written_by, row.approved_by, row.approved_at = staff_id, approved_by, at
    row.save()
    for code, kind, name_zh, name_en in version.rules:
        names = {"kind": kind, "name_zh": name_zh, "name_en": name_en}
        TariffRule.objects.update_or_create(version=row, code=code, defaults=names)


def replaced_documents(*, offer_id: int) -> list[ReplacedView]:
    """List the documents of an offer that were corrected, the newest first."""
    rows = ReplacedDocument.objects.filter(version__offer_id=offer_id).select_related("version")
    return [
        ReplacedView(row.version.from_on, row.document, row.reason, row.replaced_by, row.approved_by, row.replaced_at)
        for row in rows.order_by("-replaced_id")
    ]
