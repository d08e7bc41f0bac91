"""Potential customers: found, spoken with, and converted when they open a user; the campaign stays (BMC-01)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl
from django.db import IntegrityError, transaction

from openboss.modules.customers.masking import mask_name, mask_number
from openboss.modules.customers.models import Lead, LeadVisit
from openboss.modules.system.atomic import record_audit
from openboss.modules.system.copying import copy_out
from openboss.modules.system.keys import blind_index, decrypt, encrypt

NEW, CONTACTED, INTERESTED, CONVERTED, LOST = "NEW", "CONTACTED", "INTERESTED", "CONVERTED", "LOST"
OPEN_STATES = (NEW, CONTACTED, INTERESTED)
SOURCES = ("CAMPAIGN", "WALK_IN", "WEB", "REFERRAL", "RIVAL")
MEANS = ("VISIT", "CALL", "SMS", "HALL")


class LeadUnknown(LookupError):
    """There is no such potential customer."""


class LeadExists(Exception):
    """Somebody looks after this number as a potential customer already."""


class LeadClosed(Exception):
    """This potential customer became a customer, or was given up."""


@dataclass(frozen=True)
class LeadView:
    """One potential customer, masked."""

    lead_id: int
    name_masked: str
    phone_masked: str
    kind: str
    source: str
    rival: str
    campaign: str
    wish: str
    state: str
    owner_id: int
    org_code: str
    created_at: datetime
    customer_id: int | None
    subscriber_id: int | None
    converted_at: datetime | None


@dataclass(frozen=True)
class LeadVisitView:
    """One time somebody spoke with them."""

    at: datetime
    staff_id: int
    means: str
    note: str
    state: str


@transaction.atomic
def add_lead(
    *,
    name: str,
    phone: str,
    kind: str,
    source: str,
    owner_id: int,
    org_code: str,
    at: datetime,
    rival: str = "",
    campaign: str = "",
    wish: str = "",
) -> int:
    """Write down a potential customer; name and number are sealed. Raises LeadExists. Source: BMC-01."""
    assert source in SOURCES, source
    digits = "".join(sign for sign in phone if sign.isdigit())
    lead = Lead(
        name_sealed=encrypt(name),
        name_masked=mask_name(name, kind=kind),
        phone_sealed=encrypt(digits),
        phone_masked=mask_number(int(digits)) if digits else "",
        phone_index=blind_index(f"LEAD:{digits or name}"),
        kind=kind,
        source=source,
        rival=rival,
        campaign=campaign,
        wish=wish,
        state=NEW,
        owner_id=owner_id,
        org_code=org_code,
        created_at=at,
    )
    try:
        with transaction.atomic():
            lead.save(force_insert=True)
    except IntegrityError as exists:
        raise LeadExists() from exists
    _audit("customers.add_lead", lead.lead_id, at, owner_id, {"source": source, "campaign": campaign})
    return lead.lead_id


@transaction.atomic
def visit_lead(*, lead_id: int, means: str, note: str, state: str, at: datetime, staff_id: int) -> None:
    """Note that somebody spoke with a potential customer, and how it stands now. Raises LeadUnknown, LeadClosed."""
    assert means in MEANS, means
    assert state in (CONTACTED, INTERESTED, LOST), state
    lead = _locked(lead_id)
    LeadVisit.objects.create(lead=lead, at=at, staff_id=staff_id, means=means, note=note, state=state)
    Lead.objects.filter(pk=lead_id).update(state=state)
    _audit("customers.visit_lead", lead_id, at, staff_id, {"means": means, "state": state})


@transaction.atomic
def convert_lead(*, lead_id: int, customer_id: int, subscriber_id: int, at: datetime, staff_id: int | None) -> str:
    """Note that a potential customer opened a user; return the campaign they came by. Raises as `visit_lead`."""
    lead = _locked(lead_id)
    Lead.objects.filter(pk=lead_id).update(
        state=CONVERTED, customer_id=customer_id, subscriber_id=subscriber_id, converted_at=at
    )
    _audit("customers.convert_lead", lead_id, at, staff_id, {"subscriber_id": subscriber_id})
    return lead.campaign


def lead_view(*, lead_id: int) -> LeadView:
    """Show one potential customer, masked. Raises LeadUnknown."""
    row = Lead.objects.filter(pk=lead_id).first()
    if row is None:
        raise LeadUnknown(lead_id)
    return _view(row)


def reveal_lead(*, lead_id: int, reason: str, at: datetime, staff_id: int) -> tuple[str, str]:
    """Show name and number in clear and write down who saw them and why (D23.2). Raises LeadUnknown."""
    row = Lead.objects.filter(pk=lead_id).first()
    if row is None:
        raise LeadUnknown(lead_id)
    _audit("customers.reveal_lead", lead_id, at, staff_id, {}, reason)
    return decrypt(bytes(row.name_sealed)), decrypt(bytes(row.phone_sealed))


def list_leads(
    *, state: str = "", source: str = "", campaign: str = "", owner_id: int | None = None, page: int = 1,
    page_size: int = 50,
) -> tuple[list[LeadView], int]:  # fmt: skip
    """Show potential customers, the newest first, with the number of all that match."""
    wanted = {"state": state, "source": source, "campaign": campaign, "owner_id": owner_id}
    found = Lead.objects.filter(**{name: value for name, value in wanted.items() if value})
    rows = found.order_by("-lead_id")[(page - 1) * page_size : page * page_size]
    return [_view(row) for row in rows], found.count()


def visits_of_lead(*, lead_id: int) -> list[LeadVisitView]:
    """When and how somebody spoke with a potential customer, the newest first."""
    rows = LeadVisit.objects.filter(lead_id=lead_id).order_by("-at", "-lead_visit_id")
    return [LeadVisitView(row.at, row.staff_id, row.means, row.note, row.state) for row in rows]


def leads_of_campaigns() -> pl.DataFrame:
    """Potential customers by campaign: campaign, leads, visited, lost, converted, and users: the subscriber_ids."""
    return copy_out(
        "SELECT l.campaign, count(*), count(*) FILTER (WHERE EXISTS (SELECT FROM customers_leadvisit v"
        " WHERE v.lead_id = l.lead_id)), count(*) FILTER (WHERE l.state = 'LOST'),"
        " count(l.subscriber_id), coalesce(string_agg(l.subscriber_id::text, ' '), '')"
        " FROM customers_lead l WHERE l.campaign <> '' GROUP BY 1 ORDER BY 1",
        {
            "campaign": pl.String(),
            **{name: pl.Int64() for name in ("leads", "visited", "lost", "converted")},
            "users": pl.String(),
        },
    )


def re_encrypt_leads(re_encrypt: Callable[[bytes], bytes]) -> int:
    """Bring names and numbers of potential customers to the newest key; return how many were rewritten."""
    rewritten = 0
    for row in Lead.objects.order_by("lead_id").only("name_sealed", "phone_sealed").iterator():
        sealed = bytes(row.name_sealed), bytes(row.phone_sealed)
        fresh = re_encrypt(sealed[0]), re_encrypt(sealed[1])
        if fresh != sealed:
            rewritten += Lead.objects.filter(pk=row.pk).update(name_sealed=fresh[0], phone_sealed=fresh[1])
    return rewritten


def _locked(lead_id: int) -> Lead:
    lead = Lead.objects.select_for_update().filter(pk=lead_id).first()
    if lead is None:
        raise LeadUnknown(lead_id)
    if lead.state not in OPEN_STATES:
        raise LeadClosed(lead.state)
    return lead


def _view(row: Lead) -> LeadView:
    return LeadView(**{name: getattr(row, name) for name in LeadView.__dataclass_fields__})


def _audit(
    action: str, lead_id: int, at: datetime, staff_id: int | None, after: dict[str, Any], reason: str = ""
) -> None:
    record_audit(
        staff_id=staff_id, action=action, object_kind="lead", object_id=lead_id, at=at, reason=reason, after=after
    )
