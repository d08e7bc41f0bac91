"""The golden record of a customer: made once a document, changed, merged, listed, graded (D1.5, D17.1, BMC-06)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.db.backends.postgresql.psycopg_any import DateRange, DateTimeTZRange

from openboss.modules.customers.atomic.questions import CustomerUnknown
from openboss.modules.customers.atomic.subscribers import operator_day
from openboss.modules.customers.documents import DocumentRead, read_document
from openboss.modules.customers.masking import mask_document
from openboss.modules.customers.models import (
    Account,
    Contact,
    Customer,
    CustomerAlias,
    Interaction,
    ListEntry,
    Subscriber,
    VipGrade,
)
from openboss.modules.system.atomic import record_audit
from openboss.modules.system.atomic.listeners import announce
from openboss.modules.system.keys import blind_index, decrypt, encrypt
from openboss.modules.system.statements import ask

SILVER_FEN, GOLD_FEN, DIAMOND_FEN = 66_600, 150_000, 300_000  # ARPU, closed lower bounds (D17.1)
CONTACT_KINDS = ("PHONE", "EMAIL", "ADDRESS", "FAMILY", "PREFERENCE", "CONSENT")


class DocumentTaken(Exception):
    """Another customer is registered with this document; merge the two records instead (D1.5)."""


class DocumentDiffers(Exception):
    """The document in hand is not the one this customer is registered with; ask whose it is (D14.2)."""


class NotMergeable(ValueError):
    """These two records are not merged: a record is not merged with itself, nor a person with a unit."""


class NothingChanged(ValueError):
    """The customer's data is this already; there is nothing to write down."""


@dataclass(frozen=True)
class ContactView:
    """One contact, wish or consent of a customer, in clear: shown after `reveal` only."""

    contact_id: int
    kind: str
    label: str
    value: str
    from_at: datetime


@transaction.atomic
def find_or_create_customer(
    *,
    kind: str,
    name: str,
    cert_type: str,
    cert_no: str,
    org_code: str,
    at: datetime,
    staff_id: int | None,
    customer_class: str = "ORDINARY",
) -> int:
    """Give the one customer with this document, made now if there is none yet; return the id (D1.5).

    Raises DocumentWrong. A customer found keeps their name: changing it is an act of its own.
    """
    document = read_document(cert_type, cert_no)
    index = document_index(document)
    told = {
        "kind": kind,
        "name": name,
        **_readings(name),
        "cert_type": document.cert_type,
        "cert_no_sealed": encrypt(document.cert_no),
        "born_on": document.born_on,
        "customer_class": customer_class,
        "vip_level": "NONE",
        "org_code": org_code,
        "created_on": operator_day(at),
    }
    customer, is_new = Customer.objects.get_or_create(cert_no_index=index, defaults=told)
    if not is_new:
        return customer.merged_into_id or customer.customer_id
    after = {"kind": kind, "cert_type": cert_type, "org_code": org_code}
    _audit("customers.create_customer", customer.customer_id, at, staff_id, after=after)
    _announce("CreateEvent", customer.customer_id, kind, at)
    return customer.customer_id


@transaction.atomic
def check_holder(*, customer_id: int, cert_no: str, at: datetime, staff_id: int | None) -> None:
    """Write down that the document in hand is the one the customer is registered with (D14.2).

    cert_no  as the reader gave it or a clerk typed it. Raises CustomerUnknown, DocumentDiffers.
    """
    customer = Customer.objects.filter(customer_id=customer_id, merged_into=None).first()
    if customer is None:
        raise CustomerUnknown(customer_id)
    document = DocumentRead(customer.cert_type or "", cert_no.strip().upper().replace(" ", ""), None)
    if customer.cert_no_index is None or bytes(customer.cert_no_index) != document_index(document):
        raise DocumentDiffers()
    _audit("customers.check_holder", customer_id, at, staff_id)


def document_index(document: DocumentRead) -> bytes:
    """The value by which equal documents are found without being read."""
    return blind_index(f"{document.cert_type}:{document.cert_no}")


def _readings(name: str) -> dict[str, str]:
    from pypinyin import lazy_pinyin  # here: its dictionary takes half a second of every start

    syllables = [part.lower() for part in lazy_pinyin(name) if part.strip()]
    return {"pinyin": " ".join(syllables)[:240], "initials": "".join(part[0] for part in syllables)[:64]}


@transaction.atomic
def change_customer(
    *, customer_id: int, changes: Mapping[str, str], reason: str, at: datetime, staff_id: int | None
) -> None:
    """Change a customer's personal data: `name`, `customer_class`, `org_code`, or `cert_type` with `cert_no`.

    The audit says which fields changed, and personal values masked. Raises CustomerUnknown, DocumentWrong,
    DocumentTaken, NothingChanged. Source: HAL-13, BMC-07.
    """
    customer = Customer.objects.select_for_update().filter(customer_id=customer_id, merged_into=None).first()
    if customer is None:
        raise CustomerUnknown(customer_id)
    values: dict[str, Any] = {
        field: changes[field] for field in ("name", "customer_class", "org_code") if field in changes
    }
    values = {field: value for field, value in values.items() if getattr(customer, field) != value}
    if "name" in values:
        values |= _readings(values["name"])
    if "cert_no" in changes:
        values |= _new_document(customer, read_document(changes["cert_type"], changes["cert_no"]))
    if not values:
        raise NothingChanged(customer_id)
    Customer.objects.filter(pk=customer_id).update(**values)
    fields = sorted(set(values) - {"pinyin", "initials", "cert_no_index", "cert_no_sealed"})
    shown = {field: str(values[field]) for field in fields if field in ("customer_class", "org_code")}
    after = {"fields": fields, **shown}
    _audit("customers.change_customer", customer_id, at, staff_id, reason=reason, after=after)
    _announce("AttributeValueChangeEvent", customer_id, customer.kind, at)


def _new_document(customer: Customer, document: DocumentRead) -> dict[str, Any]:
    index = document_index(document)
    if customer.cert_no_index is not None and bytes(customer.cert_no_index) == index:
        return {}
    if Customer.objects.filter(cert_no_index=index).exists():
        raise DocumentTaken()
    return {
        "cert_type": document.cert_type,
        "cert_no_sealed": encrypt(document.cert_no),
        "cert_no_index": index,
        "born_on": document.born_on or customer.born_on,
    }


@transaction.atomic
def merge_customers(*, keep_id: int, alias_id: int, reason: str, at: datetime, staff_id: int | None) -> dict[str, int]:
    """Let two records of one person become one: users and accounts go to the kept one, the other id stays an alias.

    Returns how many users and accounts moved. Raises CustomerUnknown, NotMergeable. Source: D1.5.
    """
    rows = {
        row.customer_id: row
        for row in Customer.objects.select_for_update()
        .filter(customer_id__in=(keep_id, alias_id), merged_into=None)
        .order_by("customer_id")
    }
    if len(rows) < 2:
        raise NotMergeable("itself") if keep_id == alias_id else CustomerUnknown(f"{keep_id} or {alias_id}")
    kept, alias = rows[keep_id], rows[alias_id]
    if kept.kind != alias.kind:
        raise NotMergeable(f"{kept.kind} and {alias.kind}")
    moved = {
        "subscribers": Subscriber.objects.filter(customer=alias).update(customer=kept),
        "accounts": Account.objects.filter(customer=alias).update(customer=kept),
    }
    Contact.objects.filter(customer=alias).update(customer=kept)
    Interaction.objects.filter(customer=alias).update(customer=kept)
    CustomerAlias.objects.filter(customer=alias).update(customer=kept)
    CustomerAlias.objects.create(alias_id=alias_id, customer=kept, merged_at=at)
    document = {name: getattr(alias, name) for name in ("cert_type", "cert_no_sealed", "cert_no_index", "born_on")}
    Customer.objects.filter(pk=alias_id).update(merged_into=kept)
    Customer.objects.filter(merged_into=alias).update(merged_into=kept)
    if kept.cert_no_index is None and document["cert_no_index"] is not None:
        Customer.objects.filter(pk=alias_id).update(cert_no_index=None)  # a document names one record
        Customer.objects.filter(pk=keep_id).update(**document)
    _audit("customers.merge", keep_id, at, staff_id, reason=reason, after={"alias_id": alias_id, **moved})
    return moved


# --- lists ---


@transaction.atomic
def put_on_list(
    *,
    list_kind: str,
    cert_type: str,
    cert_no: str,
    reason: str,
    until_at: datetime | None,
    at: datetime,
    staff_id: int | None,
) -> int:
    """Put a document on the BLACK or WHITE list until a moment; its holder need not be a customer (BMC-06).

    Raises DocumentWrong.
    """
    document = read_document(cert_type, cert_no)
    masked = mask_document(document.cert_no)
    entry = ListEntry.objects.create(
        list_kind=list_kind,
        cert_no_index=document_index(document),
        cert_no_masked=masked,
        reason=reason,
        period=DateTimeTZRange(at, until_at),
    )
    after = {"list_kind": list_kind, "cert_no": masked}
    _audit("customers.put_on_list", entry.list_entry_id, at, staff_id, object_kind="list", reason=reason, after=after)
    return entry.list_entry_id


@transaction.atomic
def take_off_list(*, list_entry_id: int, reason: str, at: datetime, staff_id: int | None) -> None:
    """End an entry of a list. Raises CustomerUnknown if there is no such entry in force."""
    entry = ListEntry.objects.filter(pk=list_entry_id, period__contains=at).first()
    if entry is None:
        raise CustomerUnknown(f"entry {list_entry_id}")
    ListEntry.objects.filter(pk=list_entry_id).update(period=DateTimeTZRange(entry.period.lower, at))
    _audit("customers.take_off_list", list_entry_id, at, staff_id, object_kind="list", reason=reason)


@dataclass(frozen=True)
class ListedDocument:
    """A document on a list: masked, since when and until when, why."""

    list_entry_id: int
    list_kind: str
    cert_no_masked: str
    reason: str
    from_at: datetime
    until_at: datetime | None


def listed_documents(*, at: datetime, limit: int = 500) -> list[ListedDocument]:
    """The documents that stand on the black or the white list at a moment, the newest first (BMC-06)."""
    rows = ListEntry.objects.filter(period__contains=at).order_by("-list_entry_id")[:limit]
    return [
        ListedDocument(
            row.list_entry_id, row.list_kind, row.cert_no_masked, row.reason, row.period.lower, row.period.upper
        )
        for row in rows
    ]


def lists_of_document(*, cert_type: str, cert_no: str, at: datetime) -> set[str]:
    """Name the lists (BLACK, WHITE) on which a document stands at a moment. Raises DocumentWrong."""
    index = document_index(read_document(cert_type, cert_no))
    return set(ListEntry.objects.filter(cert_no_index=index, period__contains=at).values_list("list_kind", flat=True))


def lists_of_customer(*, customer_id: int, at: datetime) -> set[str]:
    """Name the lists on which a customer's document stands at a moment."""
    listed = (
        "SELECT list_kind FROM customers_listentry JOIN customers_customer USING (cert_no_index)"
        " WHERE customer_id = %s::bigint AND period @> %s::timestamptz"
    )
    return {kind for (kind,) in ask(listed, [customer_id, at])}


def numbers_of_document(*, customer_id: int) -> int:
    """Count the users in service that a customer has: at most five for one document (D14.1)."""
    users = "SELECT count(*) FROM customers_subscriber WHERE customer_id = %s::bigint AND closed_at IS NULL"
    return int(ask(users, [customer_id])[0][0])


# --- grades ---


def vip_level_of(arpu_fen: int) -> str:
    """Grade a person by the average revenue of a month (D17.1, BMV-03)."""
    if arpu_fen >= DIAMOND_FEN:
        return "DIAMOND"
    if arpu_fen >= GOLD_FEN:
        return "GOLD"
    return "SILVER" if arpu_fen >= SILVER_FEN else "NONE"


@transaction.atomic
def grade_vips(*, arpu_fen: Mapping[int, int], at: datetime) -> dict[int, str]:
    """Grade persons by the rule of the month; a grade given by hand stays until its end. Return who changed.

    arpu_fen  customer_id -> average monthly revenue; persons who are not named keep their grade
    Source: D17.1, D17.2, BMV-01.
    """
    today = operator_day(at)
    people = Customer.objects.filter(customer_id__in=arpu_fen, kind="INDIVIDUAL", merged_into=None)
    by_hand = set(
        VipGrade.objects.filter(by_hand=True, days__contains=today, customer_id__in=arpu_fen).values_list(
            "customer_id", flat=True
        )
    )
    changed = {}
    for customer_id, level in people.order_by("customer_id").values_list("customer_id", "vip_level"):
        wanted = vip_level_of(arpu_fen[customer_id])
        if wanted != level and customer_id not in by_hand:
            _put_grade(customer_id, wanted, DateRange(today, None), by_hand=False, reason="")
            changed[customer_id] = wanted
    if changed:
        after = {level: sum(one == level for one in changed.values()) for level in sorted(set(changed.values()))}
        _audit("customers.grade_vips", "", at, None, object_kind="customers", after=after)
    return changed


@transaction.atomic
def set_vip_by_hand(
    *, customer_id: int, level: str, until_on: date, reason: str, at: datetime, staff_id: int | None
) -> None:
    """Give a customer a VIP grade by hand until a day; the rule of the month waits so long (BMV-01).

    Raises CustomerUnknown.
    """
    customer = Customer.objects.select_for_update().filter(customer_id=customer_id, merged_into=None).first()
    if customer is None:
        raise CustomerUnknown(customer_id)
    _put_grade(customer_id, level, DateRange(operator_day(at), until_on), by_hand=True, reason=reason)
    before, after = {"vip_level": customer.vip_level}, {"vip_level": level, "until_on": until_on.isoformat()}
    _audit("customers.set_vip", customer_id, at, staff_id, reason=reason, before=before, after=after)


def _put_grade(customer_id: int, level: str, days: DateRange, *, by_hand: bool, reason: str) -> None:
    """Let a grade begin: the one in force ends the day before, one that began today is replaced."""
    own = VipGrade.objects.filter(customer_id=customer_id)
    own.filter(days__startswith__gte=days.lower).delete()
    for row in own.filter(days__contains=days.lower):
        VipGrade.objects.filter(pk=row.pk).update(days=DateRange(row.days.lower, days.lower))
    VipGrade.objects.create(customer_id=customer_id, level=level, days=days, by_hand=by_hand, reason=reason)
    Customer.objects.filter(pk=customer_id).update(vip_level=level)


# --- contacts ---


@transaction.atomic
def put_contact(*, customer_id: int, kind: str, label: str, value: str, at: datetime, staff_id: int | None) -> int:
    """Write down a way to reach a customer, a wish or a consent; one with the same label is ended (BMV-04)."""
    assert kind in CONTACT_KINDS, kind
    held = Contact.objects.filter(customer_id=customer_id, kind=kind, label=label)
    for row in held.filter(period__contains=at):
        Contact.objects.filter(pk=row.pk).update(period=DateTimeTZRange(row.period.lower, at))
    row = Contact.objects.create(
        customer_id=customer_id, kind=kind, label=label, value_sealed=encrypt(value), period=DateTimeTZRange(at, None)
    )
    _audit("customers.put_contact", customer_id, at, staff_id, after={"kind": kind, "label": label})
    owner_kind = Customer.objects.values_list("kind", flat=True).get(customer_id=customer_id)
    _announce("AttributeValueChangeEvent", customer_id, owner_kind, at)
    return row.contact_id


def contact_labels_of(*, customer_id: int, at: datetime) -> list[tuple[str, str, datetime]]:
    """Which contacts, wishes and consents a customer has: kind, label and since when, without what they say."""
    rows = Contact.objects.filter(customer_id=customer_id, period__contains=at).order_by("kind", "contact_id")
    return [(row.kind, row.label, row.period.lower) for row in rows.only("kind", "label", "period")]


def contacts_of(*, customer_id: int, reason: str, at: datetime, staff_id: int) -> list[ContactView]:
    """Show a customer's contacts in clear and write down who saw them and why (D23.2)."""
    _audit("customers.reveal_contacts", customer_id, at, staff_id, reason=reason)
    rows = Contact.objects.filter(customer_id=customer_id, period__contains=at).order_by("kind", "contact_id")
    return [
        ContactView(row.contact_id, row.kind, row.label, decrypt(row.value_sealed), row.period.lower) for row in rows
    ]


def re_encrypt_contacts(re_encrypt: Callable[[bytes], bytes]) -> int:
    """Bring every contact to the newest key; return how many were rewritten."""
    rewritten = 0
    for row in Contact.objects.order_by("contact_id").only("value_sealed").iterator():
        sealed = bytes(row.value_sealed)
        fresh = re_encrypt(sealed)
        if fresh != sealed:
            rewritten += Contact.objects.filter(pk=row.pk).update(value_sealed=fresh)
    return rewritten


def _announce(event: str, customer_id: int, kind: str, at: datetime) -> None:
    """Tell whoever listens: a customer is a party and a role as well (TMF629, TMF632, TMF669)."""
    party = "Individual" if kind == "INDIVIDUAL" else "Organization"
    announce(kind="customer", event=f"Customer{event}", object_ids=[customer_id], state="", at=at)
    announce(kind="party", event=f"{party}{event}", object_ids=[customer_id], state="", at=at)
    announce(kind="partyRole", event=f"PartyRole{event}", object_ids=[f"customer-{customer_id}"], state="", at=at)


def _audit(
    action: str,
    object_id: object,
    at: datetime,
    staff_id: int | None,
    *,
    object_kind: str = "customer",
    reason: str = "",
    before: object = None,
    after: object = None,
) -> None:
    record_audit(
        staff_id=staff_id,
        action=action,
        object_kind=object_kind,
        object_id=object_id,
        at=at,
        reason=reason,
        before=before,
        after=after,
    )
