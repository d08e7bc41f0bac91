"""How accounts want their bills, and how far each bill is on its way to them (ACP-17).

A released bill is on its way once for every wish of its account, on the web where there is no wish; the ways are
settled when the delivery of a month begins and do not follow a wish that changes later.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction

from openboss.modules.billing.atomic.cycles import CycleStateRefused, CycleUnknown
from openboss.modules.billing.atomic.tables import BILL_ID_STEP
from openboss.modules.billing.models import BillCycle, BillDelivery, DeliveryWish, Means
from openboss.modules.system.atomic import record_audit
from openboss.modules.system.keys import decrypt, encrypt
from openboss.modules.system.statements import ask, run

TRIES_MAX = 5
AT_ONCE = (Means.WEB, Means.APP, Means.KIOSK)  # there the bill is delivered as soon as it is released
HANDSETS = (Means.SMS, Means.MMS)
ADDRESS_MAX = 200
WHOLE = 10_000

_BEGIN = f"""
INSERT INTO billing_billdelivery (bill_id, account_id, cycle, means, state, tries, reason, sent_at)
SELECT bill.bill_id, bill.account_id, bill.cycle, way.means,
       CASE WHEN way.at_once THEN 'SENT' ELSE 'WAITING' END, 0, '', CASE WHEN way.at_once THEN %s::timestamptz END
FROM billing_bill bill
LEFT JOIN billing_deliverywish wish ON wish.account_id = bill.account_id
CROSS JOIN LATERAL (
    SELECT coalesce(wish.means, 'WEB') AS means, coalesce(wish.means, 'WEB') = ANY(%s::text[]) AS at_once
) way
WHERE bill.bill_id >= %s::bigint * {BILL_ID_STEP} AND bill.bill_id < (%s::bigint + 1) * {BILL_ID_STEP}
  AND NOT EXISTS (SELECT 1 FROM billing_billdelivery old WHERE old.bill_id = bill.bill_id)
ON CONFLICT (bill_id, means) DO NOTHING
"""


class AddressWrong(ValueError):
    """Post needs an address, e-mail one with an @, SMS and MMS a number of 11 digits; nothing was changed."""


class WishUnknown(LookupError):
    """The account has no such wish, or it was ended already."""


@dataclass(frozen=True)
class Wish:
    """A wish of an account with its address in clear: for functions that mask it or send to it."""

    means: str
    address: str = field(repr=False)


@dataclass(frozen=True)
class Delivery:
    """A bill on its way by one means. tries: how often it failed; address: empty if the wish was ended meanwhile."""

    delivery_id: int
    bill_id: int
    account_id: int
    cycle: int
    means: str
    tries: int
    due_fen: int
    address: str = field(repr=False)


@dataclass(frozen=True)
class DeliveryRate:
    """What became of a month's bills by one means; rate: those sent of all, in ten-thousandths."""

    means: str
    total: int
    sent: int
    failed: int
    waiting: int
    rate: int


@transaction.atomic
def put_wish(*, account_id: int, means: str, address: str, at: datetime, staff_id: int | None) -> None:
    """Let an account get its bills by a means too; a wish it has gets the new address.

    Web, app and kiosk take no address. Raises AddressWrong. Source: ACP-17.
    """
    address = read_address(means, address)
    DeliveryWish.objects.update_or_create(
        account_id=account_id, means=means, defaults={"address_sealed": encrypt(address)}
    )
    _audit("billing.put_wish", account_id, means, at, staff_id)


@transaction.atomic
def end_wish(*, account_id: int, means: str, at: datetime, staff_id: int | None) -> None:
    """End a wish; without any, bills are on the web. Raises WishUnknown."""
    ended, _ = DeliveryWish.objects.filter(account_id=account_id, means=means).delete()
    if not ended:
        raise WishUnknown(f"{account_id} {means}")
    _audit("billing.end_wish", account_id, means, at, staff_id)


def wishes(*, account_id: int) -> list[Wish]:
    """The wishes of an account."""
    rows = DeliveryWish.objects.filter(account_id=account_id).order_by("means")
    return [Wish(row.means, decrypt(bytes(row.address_sealed))) for row in rows]


def read_address(means: str, address: str) -> str:
    """Read an address as a means needs it. Raises AddressWrong."""
    address = address.strip()
    if means in AT_ONCE:
        return ""
    pattern = r"1\d{10}" if means in HANDSETS else r"[^@\s]+@[^@\s]+" if means == Means.EMAIL else r".+"
    if means not in Means.values or len(address) > ADDRESS_MAX or not re.fullmatch(pattern, address):
        raise AddressWrong(means)
    return address


@transaction.atomic
def begin_delivery(*, cycle: int, at: datetime) -> int:
    """Set the released bills of a month on their ways; those begun before stay as they are. Returns how many are new.

    Raises CycleUnknown, CycleStateRefused. Source: ACP-17.
    """
    row = BillCycle.objects.filter(cycle=cycle).first()
    if row is None:
        raise CycleUnknown(cycle)
    if row.state not in (BillCycle.State.RELEASED, BillCycle.State.CLOSED):
        raise CycleStateRefused(f"{cycle} is {row.state}, bills are delivered once they are RELEASED")
    begun = run(_BEGIN, [at, list(AT_ONCE), cycle, cycle])
    if begun:
        after = {"deliveries": begun}
        record_audit(staff_id=None, action="billing.begin_delivery", object_kind="billcycle", object_id=cycle, at=at,
                     after=after)  # fmt: skip
    return begun


def waiting(*, after_id: int, limit: int) -> list[Delivery]:
    """The next deliveries that wait, of whatever month, beyond an id: so a run tries each of them once."""
    rows = ask(
        "SELECT d.delivery_id, d.bill_id, d.account_id, d.cycle, d.means, d.tries, b.total_fen, w.address_sealed"
        " FROM billing_billdelivery d JOIN billing_bill b USING (bill_id)"
        " LEFT JOIN billing_deliverywish w ON w.account_id = d.account_id AND w.means = d.means"
        " WHERE d.state = 'WAITING' AND d.delivery_id > %s ORDER BY d.delivery_id LIMIT %s",
        [after_id, limit],
    )
    return [Delivery(*(*known, decrypt(bytes(sealed)) if sealed else "")) for *known, sealed in rows]


def delivered(*, delivery_ids: Sequence[int], at: datetime) -> int:
    """Note deliveries that are done; return how many were waiting. The row itself says what happened and when."""
    return run(
        "UPDATE billing_billdelivery SET state = 'SENT', tries = tries + 1, reason = '', sent_at = %s"
        " WHERE delivery_id = ANY(%s::bigint[]) AND state = 'WAITING'",
        [at, list(delivery_ids)],
    )


def failed(*, reasons: Mapping[int, str]) -> int:
    """Note why deliveries failed, by id: they wait for the next run, FAILED after TRIES_MAX. Returns how many."""
    return run(
        "UPDATE billing_billdelivery d SET tries = d.tries + 1, reason = left(f.reason, 200),"
        " state = CASE WHEN d.tries + 1 >= %s THEN 'FAILED' ELSE 'WAITING' END"
        " FROM unnest(%s::bigint[], %s::text[]) f(delivery_id, reason)"
        " WHERE d.delivery_id = f.delivery_id AND d.state = 'WAITING'",
        [TRIES_MAX, list(reasons), list(reasons.values())],
    )


def delivery_rates(*, cycle: int) -> list[DeliveryRate]:
    """What became of the bills of a month, by means."""
    rows = ask(
        "SELECT means, count(*), count(*) FILTER (WHERE state = 'SENT'), count(*) FILTER (WHERE state = 'FAILED')"
        " FROM billing_billdelivery WHERE cycle = %s GROUP BY means ORDER BY means",
        [cycle],
    )
    return [
        DeliveryRate(means, total, sent, lost, total - sent - lost, sent * WHOLE // total)
        for means, total, sent, lost in rows
    ]


def newest_delivered() -> int | None:
    """The newest month of which bills were set on their ways."""
    return BillDelivery.objects.order_by("-cycle").values_list("cycle", flat=True).first()


def re_encrypt_addresses(re_encrypt: Callable[[bytes], bytes]) -> int:
    """Bring every address of a wish to the newest key; return how many were rewritten."""
    rewritten = 0
    for row in DeliveryWish.objects.order_by("wish_id").iterator(chunk_size=1000):
        sealed = bytes(row.address_sealed)
        fresh = re_encrypt(sealed)
        if fresh != sealed:
            rewritten += DeliveryWish.objects.filter(pk=row.pk).update(address_sealed=fresh)
    return rewritten


def _audit(action: str, account_id: int, means: str, at: datetime, staff_id: int | None) -> None:
    record_audit(staff_id=staff_id, action=action, object_kind="account", object_id=account_id, at=at,
                 after={"means": means})  # fmt: skip
