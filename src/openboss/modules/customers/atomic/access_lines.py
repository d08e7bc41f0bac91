"""Access lines: the password and the speed with which a broadband or WLAN user is let in by an access server."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from openboss.modules.customers.atomic.effective import reasons_of_users, state_of
from openboss.modules.customers.atomic.network import tell_access_servers
from openboss.modules.customers.atomic.subscribers import audit_subscriber, locked
from openboss.modules.customers.models import AccessLine, NumberPeriod
from openboss.modules.system.keys import decrypt, encrypt

SHORTEST, LONGEST = 8, 64


class AccessPasswordWrong(ValueError):
    """A password of an access line has 8 to 64 printable characters without spaces; nothing was changed."""


@dataclass(frozen=True)
class AccessLineView:
    """What decides whether a login is let in. `password` is in clear: it stays in the process that asks."""

    subscriber_id: int
    number: int
    password: str
    state: str
    down_kbps: int
    up_kbps: int


@transaction.atomic
def set_access_line(
    *,
    subscriber_id: int,
    at: datetime,
    staff_id: int | None,
    password: str | None = None,
    down_kbps: int | None = None,
    up_kbps: int | None = None,
) -> None:
    """Give a user an access line, or change its password or speed; running sessions are told of a new speed.

    None leaves a part as it is. Raises SubscriberUnknown, AccessPasswordWrong. Source: issue of the hall, section 4.
    """
    subscriber = locked(subscriber_id)
    line = AccessLine.objects.filter(subscriber=subscriber).first()
    if password is not None:
        is_printable = password.isascii() and password.isprintable() and " " not in password
        if not (is_printable and SHORTEST <= len(password) <= LONGEST):
            raise AccessPasswordWrong()
    elif line is None:
        raise AccessPasswordWrong()
    before = (line.down_kbps, line.up_kbps) if line else (0, 0)
    speed = tuple(old if new is None else new for old, new in zip(before, (down_kbps, up_kbps), strict=True))
    changed = {"down_kbps": speed[0], "up_kbps": speed[1], "set_at": at}
    if password is not None:
        changed["password_sealed"] = encrypt(password)
    AccessLine.objects.update_or_create(subscriber=subscriber, defaults=changed)
    after = {"password": password is not None, "down_kbps": speed[0], "up_kbps": speed[1]}
    audit_subscriber("customers.set_access_line", subscriber_id, at, staff_id, after=after)
    if line is not None and speed != before:
        tell_access_servers([subscriber_id], at=at)


def access_line_of(*, number: int, at: datetime) -> AccessLineView | None:
    """The access line of whoever has a number at a moment; None = nobody has it, or without such a line."""
    held = NumberPeriod.objects.filter(number=number, period__contains=at).first()
    line = (
        AccessLine.objects.select_related("subscriber").filter(subscriber_id=held.subscriber_id).first()
        if held
        else None
    )
    if line is None:
        return None
    user = line.subscriber_id
    state = state_of(life=line.subscriber.life, reasons=reasons_of_users(subscriber_ids=[user], at=at)[user])
    return AccessLineView(user, number, decrypt(line.password_sealed), state, line.down_kbps, line.up_kbps)


def re_encrypt_access_lines(re_encrypt: Callable[[bytes], bytes]) -> int:
    """Bring every password to the newest key; return how many were rewritten."""
    rewritten = 0
    for line in AccessLine.objects.order_by("pk").only("password_sealed").iterator():
        sealed = bytes(line.password_sealed)
        fresh = re_encrypt(sealed)
        if fresh != sealed:
            rewritten += AccessLine.objects.filter(pk=line.pk).update(password_sealed=fresh)
    return rewritten
