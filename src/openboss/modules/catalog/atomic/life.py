"""The life of an offer (D13.2), and of each of its versions: written, sent for approval, approved, filed, published."""

from dataclasses import dataclass
from datetime import date, datetime

from django.db import transaction

from openboss.modules.catalog.models import Offer, OfferVersion
from openboss.modules.system.atomic import record_audit
from openboss.modules.system.atomic.listeners import announce
from openboss.modules.system.statements import kept_until_written

Life, State = Offer.Life, OfferVersion.State

MOVES: dict[str, tuple[str, ...]] = {
    Life.DRAFT: (Life.TEST,),
    Life.TEST: (Life.DRAFT, Life.FILED),
    Life.FILED: (Life.TEST, Life.ON_SALE),
    Life.ON_SALE: (Life.OFF_SALE,),
    Life.OFF_SALE: (Life.ON_SALE, Life.RETIRED),
    Life.RETIRED: (),
}

LIFE_OUTSIDE: dict[str, str] = {
    Life.DRAFT: "In design",
    Life.TEST: "In test",
    Life.FILED: "Active",
    Life.ON_SALE: "Launched",
    Life.OFF_SALE: "Retired",
    Life.RETIRED: "Obsolete",
}
"""The life of an offer in TM Forum's words (TMF620, lifecycleStatus)."""


class OfferNotFound(Exception):
    """There is no such offer, or it has no version of that day."""


class LifeRefused(Exception):
    """The offer cannot take this step now; the message says what has to come first (D13.2)."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.zh, self.en = zh, en

    def of(self, language: str) -> str:
        """Say what has to come first, for zh or en."""
        return self.zh if language.startswith("zh") else self.en


class VersionStateRefused(Exception):
    """The version cannot take this step now; the message says what it is and what it would have to be."""


class SamePerson(Exception):
    """Who wrote a tariff does not approve it: ask a second person (BMT-05)."""


@dataclass(frozen=True)
class VersionLife:
    """How far a version of an offer is: who wrote it, who approved it, its filing number, when it is published."""

    offer_id: int
    from_on: date
    state: str
    written_by: int | None
    approved_by: int | None
    approved_at: datetime | None
    filing_no: str
    publish_on: date | None


def life_of(*, offer_id: int) -> str:
    """Say where an offer is in its life. Raises OfferNotFound."""
    known = lives()
    if offer_id not in known:
        raise OfferNotFound(offer_id)
    return known[offer_id]


@kept_until_written("catalog_offer")
def lives() -> dict[int, str]:
    """Say of every offer where it is in its life. Shared: leave it as it is."""
    return dict(Offer.objects.values_list("offer_id", "life"))


def versions_of(*, offer_id: int) -> list[VersionLife]:
    """Say of every version of an offer how far it is, the oldest first."""
    return _rows(offer_id=offer_id)


def waiting_versions() -> list[VersionLife]:
    """List the versions that wait for approval, the oldest first."""
    return _rows(state=State.SUBMITTED)


def _rows(**which: object) -> list[VersionLife]:
    found = OfferVersion.objects.filter(**which).order_by("from_on", "offer_id")
    return [VersionLife(**row) for row in found.values(*VersionLife.__dataclass_fields__)]


def _version(offer_id: int, from_on: date, *states: str) -> OfferVersion:
    row = OfferVersion.objects.select_for_update().filter(offer_id=offer_id, from_on=from_on).first()
    if row is None:
        raise OfferNotFound(f"{offer_id} from {from_on}")
    if row.state not in states:
        raise VersionStateRefused(f"{offer_id} from {from_on} is {row.state}, not {' or '.join(states)}")
    return row


@transaction.atomic
def submit_version(*, offer_id: int, from_on: date, at: datetime, staff_id: int) -> None:
    """Send a draft for approval; from now on it is not changed. Raises OfferNotFound, VersionStateRefused."""
    row = _version(offer_id, from_on, State.DRAFT)
    _move(row, State.SUBMITTED, "catalog.submit", at, staff_id)


@transaction.atomic
def approve_version(*, offer_id: int, from_on: date, at: datetime, staff_id: int, reason: str = "") -> None:
    """Approve a version that somebody else wrote. Raises OfferNotFound, VersionStateRefused, SamePerson."""
    row = _version(offer_id, from_on, State.SUBMITTED)
    if row.written_by == staff_id:
        raise SamePerson(f"{offer_id} from {from_on}")
    row.approved_by, row.approved_at = staff_id, at
    _move(row, State.APPROVED, "catalog.approve", at, staff_id, reason)


@transaction.atomic
def return_version(*, offer_id: int, from_on: date, at: datetime, staff_id: int, reason: str) -> None:
    """Give a version back to who wrote it, with what is to be changed. Raises OfferNotFound, VersionStateRefused."""
    row = _version(offer_id, from_on, State.SUBMITTED, State.APPROVED)
    row.approved_by = row.approved_at = None
    row.filing_no = ""
    _move(row, State.DRAFT, "catalog.return", at, staff_id, reason)


@transaction.atomic
def file_version(
    *, offer_id: int, from_on: date, filing_no: str, at: datetime, staff_id: int, publish_on: date | None = None
) -> None:
    """Note the number under which the regulator filed an approved version, and the day of its publication.

    publish_on  not before this day; None = with the next publication
    Raises OfferNotFound, VersionStateRefused. Source: BMT-05.
    """
    row = _version(offer_id, from_on, State.APPROVED)
    if not filing_no.strip():
        raise VersionStateRefused(f"{offer_id} from {from_on}: a filing number has at least one character")
    row.filing_no, row.publish_on = filing_no.strip(), publish_on
    _move(row, State.APPROVED, "catalog.file", at, staff_id)


def _move(row: OfferVersion, state: str, action: str, at: datetime, staff_id: int, reason: str = "") -> None:
    before, row.state = row.state, state
    row.save()
    record_audit(
        staff_id=staff_id,
        action=action,
        object_kind="offer",
        object_id=row.offer_id,
        at=at,
        reason=reason,
        before={"from_on": row.from_on.isoformat(), "state": before},
        after={"from_on": row.from_on.isoformat(), "state": state, "filing_no": row.filing_no},
    )


@transaction.atomic
def move_offer(*, offer_id: int, life: str, at: datetime, staff_id: int, holders: int = 0, reason: str = "") -> None:
    """Take an offer to its next state of life (D13.2).

    holders  how many users hold it: an offer with holders is not retired
    FILED needs a version with a filing number, ON_SALE one that is published. Raises OfferNotFound, LifeRefused.
    """
    row = Offer.objects.select_for_update().filter(offer_id=offer_id).first()
    if row is None:
        raise OfferNotFound(offer_id)
    if life not in MOVES[row.life]:
        following = ", ".join(MOVES[row.life])
        raise LifeRefused(
            f"{row.code} 现为 {row.life}；之后只能是 {following or '（无）'}",
            f"{row.code} is {row.life}; from there it goes to {following or 'nothing'}",
        )
    versions = OfferVersion.objects.filter(offer=row)
    if life == Life.FILED and not versions.exclude(filing_no="").exists():
        raise LifeRefused(
            f"{row.code} 没有报备文号：请先审批并报备一个版本",
            f"{row.code} has no filing number: get a version approved and filed first",
        )
    if life == Life.ON_SALE and not versions.filter(state=State.PUBLISHED).exists():
        raise LifeRefused(
            f"{row.code} 没有已发布的版本：请先发布", f"{row.code} has no published version: publish it first"
        )
    if life == Life.RETIRED and holders:
        raise LifeRefused(
            f"{row.code} 仍有 {holders} 个用户持有：请先迁到其他套餐",
            f"{row.code} is still held by {holders} users: move them to another offer first",
        )
    before, row.life = row.life, life
    row.save(update_fields=["life"])
    event, state = "ProductOfferingStateChangeEvent", LIFE_OUTSIDE[life]
    announce(kind="productOffering", event=event, object_ids=[offer_id], state=state, at=at)
    record_audit(
        staff_id=staff_id,
        action="catalog.move_offer",
        object_kind="offer",
        object_id=offer_id,
        at=at,
        reason=reason,
        before={"life": before},
        after={"life": life},
    )
