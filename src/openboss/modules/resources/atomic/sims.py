"""SIM cards: a vendor's file, stock, pairing with a number, use, replacement, codes (BMR-06, BMR-07, D12.3)."""

import hashlib
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO

import polars as pl
from django.db import IntegrityError, transaction
from django.db.models import Count

from openboss.modules.resources.atomic.stock import (
    ReasonNeeded,
    announce_resource,
    audit_stock,
    item_of_kind,
    note_move,
    note_transfer,
    refuse_foreign,
)
from openboss.modules.resources.models import SimBatch, SimCard
from openboss.modules.resources.states import NUMBER_AND_SIM_STOCK, SIM, MoveForbidden, refuse_move
from openboss.modules.system.copying import copy_in
from openboss.modules.system.keys import decrypt, encrypt
from openboss.modules.system.rows import change_row, row_of

COLUMNS = ("iccid", "imsi", "pin1", "puk1", "pin2", "puk2", "ki_reference")
OWN_PREFIXES = ("898600", "898602", "898604", "898607")
OWN_NETWORKS = ("46000", "46002", "46004", "46007", "46008")
REWRITE_STEP = 10_000


class FileKnown(Exception):
    """This vendor file was imported before; nothing was changed."""


class FileWrong(ValueError):
    """The vendor file cannot be read; the message says which columns it needs. Nothing was imported."""


class SimUnknown(LookupError):
    """There is no such card in our stock."""


class SimNotFree(Exception):
    """This card is paired with another number, in use, or gone; take another one."""


@dataclass(frozen=True)
class SimImport:
    """What came of a vendor's file; `errors` are (line, ICCID, what is wrong)."""

    batch_id: int
    accepted: int
    errors: tuple[tuple[int, str, str], ...]


@dataclass(frozen=True)
class SimView:
    """A card without its codes."""

    iccid: str
    imsi: int
    item_code: str
    state: str
    org_code: str
    hlr_code: str
    number: int | None
    subscriber_id: int | None


@transaction.atomic
def import_sims(
    *,
    content: bytes,
    file_name: str,
    item_code: str,
    hlr_code: str,
    org_code: str,
    at: datetime,
    staff_id: int | None,
) -> SimImport:
    """Take a vendor's file of cards into stock: good lines are taken, bad ones are named with line and reason.

    content  CSV in UTF-8 with a heading: iccid, imsi, pin1, puk1, pin2, puk2, ki_reference
    Raises ItemUnknown, FileKnown, FileWrong. Source: BMR-06, D12.3.
    """
    item = item_of_kind(item_code, "SIM")
    sha256 = hashlib.sha256(content).hexdigest()
    if SimBatch.objects.filter(sha256=sha256).exists():
        raise FileKnown(file_name)
    read = _checked(_read(content))
    bad, good = read.filter(pl.col("wrong") != ""), read.filter(pl.col("wrong") == "")
    batch = SimBatch.objects.create(
        item_type=item,
        file_name=file_name,
        sha256=sha256,
        accepted=good.height,
        rejected=bad.height,
        received_at=at,
    )
    copy_in(
        "resources_simcard",
        good.select(
            "iccid",
            pl.col("imsi").cast(pl.Int64),
            item_type_id=pl.lit(item_code),
            batch_id=pl.lit(batch.batch_id),
            state=pl.lit("IN_STOCK"),
            org_id=pl.lit(org_code),
            hlr_code=pl.lit(hlr_code),
            ki_reference="ki_reference",
            codes_sealed=_sealed_codes(good),
        ),
    )
    if good.height:
        note_move(org_code=org_code, item_code=item_code, cause="IN", pieces=good.height, at=at, staff_id=staff_id)
    after = {"file": file_name, "accepted": good.height, "rejected": bad.height}
    audit_stock("resources.import_sims", "batch", batch.batch_id, at, staff_id, after=after)
    return SimImport(batch.batch_id, good.height, tuple(bad.select("line", "iccid", "wrong").iter_rows()))


def _read(content: bytes) -> pl.DataFrame:
    try:
        frame = pl.read_csv(BytesIO(content), infer_schema=False, truncate_ragged_lines=True)
    except pl.exceptions.PolarsError as broken:
        raise FileWrong(", ".join(COLUMNS)) from broken
    missing = set(COLUMNS) - set(frame.columns)
    if missing:
        raise FileWrong(", ".join(sorted(missing)))
    return frame.select(pl.col(COLUMNS).fill_null("").str.strip_chars()).with_row_index("line", offset=2)


def _checked(cards: pl.DataFrame) -> pl.DataFrame:
    """Say of each line what is wrong first; nothing = it is good."""
    known = SimCard.objects.filter(iccid__in=cards["iccid"].to_list()).values_list("iccid", flat=True)
    numbers = [int(imsi) for imsi in cards["imsi"].to_list() if imsi.isdecimal() and len(imsi) == 15]
    known_imsis = SimCard.objects.filter(imsi__in=numbers).values_list("imsi", flat=True)
    iccid, imsi = pl.col("iccid"), pl.col("imsi")
    own = pl.any_horizontal(iccid.str.starts_with(prefix) for prefix in OWN_PREFIXES)
    network = pl.any_horizontal(imsi.str.starts_with(prefix) for prefix in OWN_NETWORKS)
    reasons = {
        "an ICCID has 20 signs": ~iccid.str.contains(r"^[0-9A-F]{20}$"),
        "not a card of ours": ~own,
        "the check digit is wrong": ~luhn_is_right(iccid),
        "an IMSI has 15 digits": ~imsi.str.contains(r"^\d{15}$"),
        "not an IMSI of ours": ~network,
        "PIN has 4 to 8 digits, PUK 8": ~(
            pl.col("pin1").str.contains(r"^\d{4,8}$") & pl.col("puk1").str.contains(r"^\d{8}$")
        ),
        "twice in this file": iccid.is_first_distinct().not_() | imsi.is_first_distinct().not_(),
        "in stock already": iccid.is_in(list(known)) | imsi.is_in([str(one) for one in known_imsis]),
    }
    wrong = pl.lit("")
    for reason, fails in reversed(reasons.items()):
        wrong = pl.when(fails).then(pl.lit(reason)).otherwise(wrong)
    return cards.with_columns(wrong=wrong)


def luhn_is_right(digits: pl.Expr) -> pl.Expr:
    """Whether the last digit of a 20-digit text checks the others (Luhn); with letters in it nothing is checked."""
    return ~digits.str.contains(r"^\d{20}$") | (_luhn_total(digits) % 10 == 0)


def _luhn_total(digits: pl.Expr) -> pl.Expr:
    """Counted from the end every second digit is doubled: of 20 digits those in the even places from the start."""
    total = pl.lit(0, pl.Int32)
    for place in range(20):
        digit = digits.str.slice(place, 1).cast(pl.Int32, strict=False).fill_null(0)
        doubled = digit * 2
        total = total + (digit if place % 2 else pl.when(doubled > 9).then(doubled - 9).otherwise(doubled))
    return total


def _sealed_codes(cards: pl.DataFrame) -> pl.Series:
    rows = cards.select("pin1", "puk1", "pin2", "puk2").iter_rows()
    return pl.Series(["\\x" + encrypt(" ".join(row)).hex() for row in rows], dtype=pl.String)


def sim_view(*, iccid: str) -> SimView:
    """Show one card, without its codes. Raises SimUnknown."""
    row = row_of(SimCard, "iccid = %s::text", [iccid])
    if row is None:
        raise SimUnknown(iccid)
    return _view(row)


def _view(row: SimCard) -> SimView:
    return SimView(
        row.iccid,
        row.imsi,
        row.item_type_id,
        row.state,
        row.org_id,
        row.hlr_code,
        row.number,
        row.subscriber_id,
    )


def free_sims(*, org_codes: Collection[str], item_code: str | None = None, limit: int = 20) -> list[SimView]:
    """Show cards that can be sold at some places, in the order of their numbers."""
    rows = SimCard.objects.filter(org_id__in=org_codes, state__in=("IN_STOCK", "ISSUED")).order_by("iccid")
    return [_view(row) for row in (rows.filter(item_type_id=item_code) if item_code else rows)[:limit]]


def count_sims(*, org_codes: Collection[str] | None = None) -> dict[str, int]:
    """Count the cards of some places, or all, by state."""
    rows = SimCard.objects.all() if org_codes is None else SimCard.objects.filter(org_id__in=org_codes)
    return dict(rows.values_list("state").annotate(cards=Count("iccid")).order_by("state"))


@transaction.atomic
def issue_sims(
    *,
    first: str,
    last: str,
    to_org: str,
    at: datetime,
    staff_id: int | None,
    within: Collection[str] | None = None,
    from_org: str | None = None,
    item_code: str | None = None,
) -> int:
    """Give the cards of a range of ICCIDs to another place, which may sell them; return how many.

    from_org, item_code  only the cards of the range that lie at this place and are of this kind
    Raises NotYourStock. Source: BMR-06, ARC-26.
    """
    rows = SimCard.objects.filter(iccid__gte=first, iccid__lte=last)
    rows = rows.filter(state__in=("IN_STOCK", "ISSUED")).exclude(org_id=to_org)
    rows = rows.filter(org_id=from_org) if from_org else rows
    rows = rows.filter(item_type_id=item_code) if item_code else rows
    list(rows.order_by("iccid").select_for_update().values_list("pk"))
    groups = list(rows.order_by().values_list("org_id", "item_type_id").annotate(cards=Count("iccid")))
    for org_code, item_code, cards in groups:
        refuse_foreign(org_code, within)
        note_transfer(from_org=org_code, to_org=to_org, item_code=item_code, pieces=cards, at=at, staff_id=staff_id)
    count = rows.update(org_id=to_org, state="ISSUED")
    after = {"first": first, "last": last, "cards": count, "to": to_org}
    audit_stock("resources.issue_sims", "sim", first, at, staff_id, after=after)
    return count


@transaction.atomic
def pair_sim(
    *, iccid: str, number: int, at: datetime, staff_id: int | None, within: Collection[str] | None = None
) -> SimView:
    """Pair a free card with a number, one to one; return the card. Raises SimUnknown, NotYourStock, SimNotFree."""
    row = _locked(iccid)
    refuse_foreign(row.org_id, within)
    if row.state not in ("IN_STOCK", "ISSUED", "WRITTEN"):
        raise SimNotFree(iccid)
    try:
        with transaction.atomic():
            _set(row, "PAIRED", at, staff_id, number=number)
    except IntegrityError as taken:
        raise SimNotFree(f"{number} has a card") from taken
    return _view(row)


@transaction.atomic
def write_sim(*, iccid: str, at: datetime, staff_id: int | None) -> None:
    """Note that a blank card was written at the counter. Raises SimUnknown, MoveForbidden."""
    _set(_locked(iccid), "WRITTEN", at, staff_id, number=None)


@transaction.atomic
def unpair_sim(*, iccid: str, at: datetime, staff_id: int | None) -> None:
    """Put a paired card back into stock. Raises SimUnknown, MoveForbidden."""
    row = _locked(iccid)
    if row.state != "PAIRED":
        raise MoveForbidden(f"{row.state} > IN_STOCK")
    _set(row, "IN_STOCK", at, staff_id, number=None)


@transaction.atomic
def use_sim(*, iccid: str, subscriber_id: int, at: datetime, staff_id: int | None) -> None:
    """Give a paired card to a user: it leaves stock as used. Raises SimUnknown, MoveForbidden."""
    row = _locked(iccid)
    _set(row, "IN_USE", at, staff_id, number=row.number, subscriber_id=subscriber_id)
    note_move(org_code=row.org_id, item_code=row.item_type_id, cause="USED", pieces=1, at=at, staff_id=staff_id)


@transaction.atomic
def pass_sim(
    *, iccid: str, at: datetime, staff_id: int | None, number: int | None = None, subscriber_id: int | None = None
) -> None:
    """Let a card in use serve another number or another user (change of number, transfer).

    Raises SimUnknown, SimNotFree.
    """
    row = _locked(iccid)
    if row.state != "IN_USE":
        raise SimNotFree(iccid)
    values = {"number": number or row.number, "subscriber_id": subscriber_id or row.subscriber_id}
    change_row(SimCard, iccid, **values)
    audit_stock("resources.pass_sim", "sim", iccid, at, staff_id, after=values)


@transaction.atomic
def retire_sim(*, iccid: str, state: str, reason: str, at: datetime, staff_id: int | None) -> None:
    """Take a card out of use for good: REPLACED, LOST or SCRAPPED; one lost or spoilt in stock needs a reason.

    Raises SimUnknown, MoveForbidden, ReasonNeeded. Source: D12.3.
    """
    row = _locked(iccid)
    in_stock = row.state in NUMBER_AND_SIM_STOCK
    if in_stock and not reason:
        raise ReasonNeeded(iccid)
    _set(row, state, at, staff_id, number=row.number, subscriber_id=row.subscriber_id, reason=reason)
    if in_stock:
        about = {"org_code": row.org_id, "item_code": row.item_type_id, "reason": reason}
        note_move(**about, cause="LOST", pieces=1, at=at, staff_id=staff_id)


@transaction.atomic
def unlock_codes(*, iccid: str, reason: str, at: datetime, staff_id: int | None) -> tuple[str, str]:
    """Tell PIN and PUK of a card and write down who asked and why; the caller has checked the customer (D12.3).

    Raises SimUnknown, ReasonNeeded.
    """
    row = _locked(iccid)
    if not reason.strip():
        raise ReasonNeeded(iccid)
    audit_stock("resources.unlock_codes", "sim", iccid, at, staff_id, reason=reason)
    pin, puk = decrypt(row.codes_sealed).split(" ")[:2] if row.codes_sealed else ("", "")
    return pin, puk


def _locked(iccid: str) -> SimCard:
    row = row_of(SimCard, "iccid = %s::text FOR UPDATE", [iccid])
    if row is None:
        raise SimUnknown(iccid)
    return row


def _set(
    row: SimCard,
    state: str,
    at: datetime,
    staff_id: int | None,
    *,
    number: int | None,
    subscriber_id: int | None = None,
    reason: str = "",
) -> None:
    refuse_move(SIM, row.state, state)
    before, after = {"state": row.state}, {"state": state, "number": number}
    change_row(SimCard, row.pk, state=state, number=number, subscriber_id=subscriber_id)
    row.state, row.number, row.subscriber_id = state, number, subscriber_id
    audit_stock("resources.sim", "sim", row.iccid, at, staff_id, reason=reason, before=before, after=after)
    announce_resource(f"SIM-{row.iccid}", at)


def take_sims_over(*, frame: pl.DataFrame, item_code: str, at: datetime) -> int:
    """Take over cards in use or gone by COPY: iccid, imsi, state, org_id, hlr_code, number, subscriber_id.

    Returns how many. They never were stock of ours: no stock move.
    """
    count = copy_in("resources_simcard", frame.with_columns(item_type_id=pl.lit(item_code)))
    audit_stock("resources.take_sims_over", "sim", "", at, None, after={"cards": count})
    return count


def re_encrypt_codes(re_encrypt: Callable[[bytes], bytes]) -> int:
    """Bring the codes of all cards to the newest key, in repeatable steps; return how many were rewritten."""
    rewritten, last = 0, ""
    while True:
        step = SimCard.objects.filter(iccid__gt=last, codes_sealed__isnull=False).order_by("iccid")
        rows = list(step.only("codes_sealed")[:REWRITE_STEP])
        if not rows:
            return rewritten
        changed = []
        for row in rows:
            sealed = bytes(row.codes_sealed or b"")
            row.codes_sealed = re_encrypt(sealed)
            if row.codes_sealed != sealed:
                changed.append(row)
        SimCard.objects.bulk_update(changed, ["codes_sealed"], batch_size=1000)
        rewritten, last = rewritten + len(changed), rows[-1].iccid
