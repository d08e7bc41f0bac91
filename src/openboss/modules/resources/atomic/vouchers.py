"""Recharge vouchers: made, printed, issued, activated, used once, frozen, void, expired (BMR-09, D12.4)."""

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import polars as pl
from django.db import transaction
from django.db.models import Count, F, QuerySet

from openboss.modules.customers.atomic import operator_day
from openboss.modules.resources.atomic.stock import (
    OnePerson,
    ReasonNeeded,
    audit_stock,
    item_of_kind,
    note_move,
    note_transfer,
    refuse_foreign,
)
from openboss.modules.resources.models import Voucher, VoucherTries
from openboss.modules.resources.states import VOUCHER, MoveForbidden
from openboss.modules.system.copying import copy_in
from openboss.modules.system.keys import blind_index

PIN_DIGITS = 18
WRONG_PINS_MAX = 5
LOCK = timedelta(hours=24)


class VoucherUnknown(LookupError):
    """There is no voucher with this PIN, or no voucher with this serial number."""


class VoucherUsed(Exception):
    """This voucher was used before (BMR-09)."""


class VoucherNotActive(Exception):
    """This voucher cannot be used: it was not activated, is frozen, void, or past its last day."""


class RechargeLocked(Exception):
    """Five wrong PINs came from this number: it cannot recharge by voucher for 24 hours (D12.4)."""


@dataclass(frozen=True)
class VoucherMade:
    """A voucher as the printer gets it: the only place where the PIN can be read."""

    serial_no: str
    pin: str
    face_fen: int
    expires_on: date


@dataclass(frozen=True)
class VoucherSpent:
    """A voucher that was just used: what it is worth."""

    serial_no: str
    face_fen: int
    item_code: str


@transaction.atomic
def generate_vouchers(
    *,
    item_code: str,
    count: int,
    first_serial: int,
    province: str,
    org_code: str,
    expires_on: date,
    at: datetime,
    staff_id: int | None,
) -> list[VoucherMade]:
    """Make vouchers and hand their PINs to the printer's order, once; the database keeps a keyed hash only.

    first_serial  the last 10 digits of the first serial number; `province` stands in serial digits 6-7 and begins PINs
    Raises ItemUnknown. Source: D12.4.
    """
    item = item_of_kind(item_code, "VOUCHER")
    year = f"{at.year % 100:02d}"
    made = [
        VoucherMade(
            f"898{year}{province}{first_serial + place:010d}",
            province + "".join(secrets.choice("0123456789") for _ in range(PIN_DIGITS - len(province))),
            item.face_fen,
            expires_on,
        )
        for place in range(count)
    ]
    frame = pl.DataFrame(
        {
            "serial_no": [one.serial_no for one in made],
            "pin_index": ["\\x" + pin_index(one.pin).hex() for one in made],
        }
    ).with_columns(
        item_type_id=pl.lit(item_code),
        face_fen=pl.lit(item.face_fen),
        state=pl.lit("GENERATED"),
        org_id=pl.lit(org_code),
        expires_on=pl.lit(expires_on),
    )
    copy_in("resources_voucher", frame)
    after = {"count": count, "first": made[0].serial_no, "last": made[-1].serial_no}
    audit_stock("resources.generate_vouchers", "voucher", item_code, at, staff_id, after=after)
    return made


def pin_index(pin: str) -> bytes:
    """The keyed hash by which a PIN is found: HMAC with the key of the key file, so a stolen table tells no PIN.

    A salted hash beside it would only help a thief, who could try PINs against it without the key.
    """
    return blind_index(f"VOUCHER:{pin}")


@transaction.atomic
def move_vouchers(
    *,
    first: str,
    last: str,
    state: str,
    at: datetime,
    staff_id: int | None,
    to_org: str | None = None,
    reason: str = "",
    approved_by: int | None = None,
    within: Collection[str] | None = None,
) -> int:
    """Bring a range of vouchers into a state, all of them or none; return how many.

    PRINTED, IN_STOCK (they arrive), ISSUED (to `to_org`), ACTIVE, FROZEN, THAWED (back to what they were), VOID (with
    a reason and a second person). Raises VoucherUnknown, NotYourStock, MoveForbidden, ReasonNeeded, OnePerson.
    """
    rows = Voucher.objects.filter(serial_no__gte=first, serial_no__lte=last)
    groups = _groups(rows)
    if not groups:
        raise VoucherUnknown(first)
    if state == "VOID" and (not reason or approved_by is None):
        raise ReasonNeeded(state)
    if state == "VOID" and approved_by == staff_id:
        raise OnePerson(state)
    for org_code, _, before, _ in groups:
        refuse_foreign(org_code, within)
        allowed = before == "FROZEN" if state == "THAWED" else state in VOUCHER[before] and before != "FROZEN"
        if not (allowed or (state == "VOID" and before == "FROZEN")):
            raise MoveForbidden(f"{before} > {state}")
    if state == "THAWED":
        rows.update(state=F("before_frozen"), before_frozen=None)
    elif state == "FROZEN":
        rows.update(before_frozen=F("state"), state=state)
    else:
        rows.update(state=state, before_frozen=None, **({"org_id": to_org} if to_org else {}))
    _note_voucher_moves(groups, state, to_org, reason, at, staff_id)
    count = sum(pieces for *_, pieces in groups)
    after = {"first": first, "last": last, "count": count, "state": state, "approved_by": approved_by}
    audit_stock("resources.move_vouchers", "voucher", first, at, staff_id, reason=reason, after=after)
    return count


def _groups(rows: QuerySet[Voucher]) -> list[tuple[str, str, str, int]]:
    """Lock vouchers in the order of their numbers, then count them by place, item and state."""
    list(rows.order_by("serial_no").select_for_update().values_list("pk"))
    counted = rows.order_by().values_list("org_id", "item_type_id", "state").annotate(n=Count("serial_no"))
    return list(counted)


def _note_voucher_moves(
    groups: list[tuple[str, str, str, int]],
    state: str,
    to_org: str | None,
    reason: str,
    at: datetime,
    staff_id: int | None,
) -> None:
    for org_code, item_code, before, pieces in groups:
        about = {"item_code": item_code, "pieces": pieces, "at": at, "staff_id": staff_id, "reason": reason}
        if state == "IN_STOCK":
            note_move(org_code=to_org or org_code, cause="IN", **about)  # type: ignore[arg-type]
        elif to_org and to_org != org_code:
            note_transfer(from_org=org_code, to_org=to_org, **about)  # type: ignore[arg-type]
        elif state == "VOID" and before not in ("GENERATED", "PRINTED"):
            note_move(org_code=org_code, cause="LOST", **about)  # type: ignore[arg-type]


def use_voucher(*, pin: str, number: int, at: datetime, staff_id: int | None = None) -> VoucherSpent:
    """Spend a voucher for a number, once; the caller puts the money into the account in the same transaction.

    Five wrong PINs from a number lock it for 24 hours. Raises RechargeLocked, VoucherUnknown, VoucherUsed,
    VoucherNotActive. Source: BMR-09, D12.4.
    """
    _refuse_locked(number, at)
    refusal, spent = _spend(pin, number, at, staff_id)
    if isinstance(refusal, VoucherUnknown) and _count_wrong(number, at) >= WRONG_PINS_MAX:
        raise RechargeLocked(number)
    if refusal is not None:
        raise refusal
    assert spent is not None
    return spent


def _refuse_locked(number: int, at: datetime) -> None:
    tries = VoucherTries.objects.filter(number=number).first()
    if tries and tries.locked_until_at and at < tries.locked_until_at:
        raise RechargeLocked(number)


@transaction.atomic
def _spend(pin: str, number: int, at: datetime, staff_id: int | None) -> tuple[Exception | None, VoucherSpent | None]:
    row = Voucher.objects.select_for_update().filter(pin_index=pin_index(pin)).first()
    if row is None:
        return VoucherUnknown(), None
    if row.state == "USED":
        return VoucherUsed(row.serial_no), None
    if row.state != "ACTIVE" or operator_day(at) > row.expires_on:
        return VoucherNotActive(row.state), None
    Voucher.objects.filter(pk=row.pk).update(state="USED", used_for=number, used_at=at)
    VoucherTries.objects.filter(number=number).delete()
    note_move(org_code=row.org_id, item_code=row.item_type_id, cause="USED", pieces=1, at=at, staff_id=staff_id)
    after = {"state": "USED", "face_fen": row.face_fen}
    audit_stock("resources.use_voucher", "voucher", row.serial_no, at, staff_id, after=after)
    return None, VoucherSpent(row.serial_no, row.face_fen, row.item_type_id)


@transaction.atomic
def _count_wrong(number: int, at: datetime) -> int:
    tries, _ = VoucherTries.objects.select_for_update().get_or_create(number=number, defaults={"wrong": 0})
    wrong = 1 if tries.locked_until_at else tries.wrong + 1  # an earlier lock has ended
    until_at = at + LOCK if wrong >= WRONG_PINS_MAX else None
    VoucherTries.objects.filter(pk=number).update(wrong=wrong, locked_until_at=until_at)
    return wrong


@transaction.atomic
def expire_vouchers(*, at: datetime) -> int:
    """Let active vouchers whose last day is over expire; return their value in fen (income after approval, D12.4)."""
    due = Voucher.objects.filter(state="ACTIVE", expires_on__lt=operator_day(at))
    groups = _groups(due)
    value_fen = sum(due.values_list("face_fen", flat=True))
    for org_code, item_code, _, pieces in groups:
        note_move(
            org_code=org_code, item_code=item_code, cause="LOST", pieces=pieces, at=at, staff_id=None, reason="EXPIRED"
        )
    if due.update(state="EXPIRED"):
        audit_stock("resources.expire_vouchers", "voucher", "", at, None, after={"value_fen": value_fen})
    return value_fen


def count_vouchers(*, org_codes: Collection[str] | None = None) -> dict[str, int]:
    """Count the vouchers of some places, or all, by state."""
    rows = Voucher.objects.all() if org_codes is None else Voucher.objects.filter(org_id__in=org_codes)
    return dict(rows.values_list("state").annotate(vouchers=Count("serial_no")).order_by("state"))
