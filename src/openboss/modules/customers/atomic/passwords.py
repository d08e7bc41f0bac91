"""Customers' passwords: service, electronic, dynamic, and the verification code of a page (PWD-01 to 09, D14.3)."""

import secrets
import uuid
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.contrib.auth.hashers import check_password, get_hashers, make_password
from django.db import transaction

from openboss.modules.customers.atomic.subscribers import audit_subscriber, locked, operator_day
from openboss.modules.customers.authority import Proof
from openboss.modules.customers.life import TERMINATED
from openboss.modules.customers.messages import sms
from openboss.modules.customers.models import Challenge, DynamicCode, Password, Subscriber
from openboss.modules.system.atomic import send_out
from openboss.modules.system.keys import blind_index
from openboss.modules.system.statements import ask, run

DIGITS = 6
DYNAMIC_LASTS = timedelta(minutes=10)
CHALLENGE_LASTS = timedelta(minutes=5)
WRONG_A_DAY_MAX = 3
WRONG_IN_TOTAL_MAX = 10
DYNAMIC_WRONG_MAX = 5
CHALLENGE_SIGNS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # without 0 1 I O, which look alike
CHALLENGE_LENGTH = 5


_NUMBER_AND_BIRTHDAY = """
SELECT coalesce((SELECT n.number FROM customers_numberperiod n WHERE n.subscriber_id = s.subscriber_id
  ORDER BY n.period DESC LIMIT 1), 0), c.born_on
FROM customers_subscriber s JOIN customers_customer c USING (customer_id) WHERE s.subscriber_id = %s::bigint
"""
_PUT = """
INSERT INTO customers_password (subscriber_id, kind, hashed, is_initial, channel, set_at, wrong_on, wrong_that_day,
 wrong_since_reset) VALUES (%s::bigint, %s::text, %s::text, %s::boolean, %s::text, %s::timestamptz, NULL, 0, 0)
ON CONFLICT (subscriber_id, kind) DO UPDATE SET hashed = excluded.hashed, is_initial = excluded.is_initial,
 channel = excluded.channel, set_at = excluded.set_at, wrong_on = NULL, wrong_that_day = 0, wrong_since_reset = 0
"""


class PasswordNotSixDigits(ValueError):
    """A customer's password is exactly six digits; nothing was changed (PWD-01)."""


class PasswordTrivial(ValueError):
    """This password is too easy to guess: equal or counting digits, the number's end or the birthday (D14.3)."""


class PasswordMissing(LookupError):
    """The customer has not set this password yet; it is set at the counter with the document."""


class PasswordWrong(Exception):
    """The password or code is wrong, was used before, or has expired."""


class PasswordLocked(Exception):
    """Too many wrong passwords: locked until midnight, or after ten until it is reset with the document (D14.3)."""


class PasswordInitial(Exception):
    """The first password has to be changed before it is used in electronic channels (PWD-06)."""


class ChallengeMissing(Exception):
    """The verification code on the page is missing, wrong or too old; ask for another (PWD-04)."""


@dataclass(frozen=True)
class ChallengeShown:
    """A verification code for a page to draw; `answer` is shown as a picture and never sent as text."""

    challenge_id: uuid.UUID
    answer: str


@transaction.atomic
def set_password(
    *,
    subscriber_id: int,
    kind: str,
    digits: str,
    channel: str,
    is_initial: bool,
    at: datetime,
    staff_id: int | None,
) -> None:
    """Give a user a service or electronic password and clear its locks; the number is told by SMS (PWD-08, PWD-09).

    The caller has checked who asks (matrix row RESET_PASSWORD or OPEN, or the old password: `change_password`).
    Raises SubscriberUnknown, PasswordNotSixDigits, PasswordTrivial. Source: D14.3, PWD-01, PWD-06, PWD-08.
    """
    locked(subscriber_id)
    ((number, born_on),) = ask(_NUMBER_AND_BIRTHDAY, [subscriber_id])
    refuse_weak(digits, number=number, born_on=born_on)
    run(_PUT, [subscriber_id, kind, _hashed(digits), is_initial, channel, at])
    audit_subscriber("customers.set_password", subscriber_id, at, staff_id, after={"kind": kind, "channel": channel})
    send_out(topic="sms", payload=sms(number, "PASSWORD_SET"), at=at)


def _hashed(digits: str) -> str:
    return make_password(digits, hasher=get_hashers()[-1])  # settings: the one for customers is the last


def refuse_weak(digits: str, *, number: int, born_on: date | None) -> None:
    """Refuse a password that is not six digits or easy to guess. Raises PasswordNotSixDigits, PasswordTrivial."""
    if len(digits) != DIGITS or not (digits.isascii() and digits.isdecimal()):
        raise PasswordNotSixDigits()
    steps = {(int(after) - int(before)) % 10 for before, after in zip(digits, digits[1:], strict=False)}
    birthdays = {born_on.strftime("%y%m%d"), born_on.strftime("%m%d%y")} if born_on else set()
    if steps in ({0}, {1}, {9}) or str(number).endswith(digits) or digits in birthdays:
        raise PasswordTrivial()


def _number_of(subscriber: Subscriber) -> int:
    return int(ask(_NUMBER_AND_BIRTHDAY, [subscriber.pk])[0][0])


def check_password_of(*, subscriber_id: int, kind: str, digits: str, at: datetime) -> Proof:
    """Let a service or electronic password prove a customer; count wrong ones (three a day, ten in all).

    Raises SubscriberUnknown, PasswordMissing, PasswordLocked, PasswordWrong, PasswordInitial. Source: D14.3, PWD-02.
    """
    verdict, row = _try_password(subscriber_id, kind, digits, at)
    if verdict is not None:
        raise verdict
    if row.is_initial:
        raise PasswordInitial()
    return Proof.SERVICE if kind == Password.Kind.SERVICE else Proof.DYNAMIC


@transaction.atomic
def _try_password(subscriber_id: int, kind: str, digits: str, at: datetime) -> tuple[Exception | None, Password]:
    """Check and count in one transaction that stays even when the answer is a refusal."""
    subscriber = locked(subscriber_id)
    row = Password.objects.select_for_update().filter(subscriber_id=subscriber_id, kind=kind).first()
    if row is None or subscriber.life == TERMINATED:
        raise PasswordMissing(kind)
    today = operator_day(at)
    wrong_today = row.wrong_that_day if row.wrong_on == today else 0
    if wrong_today >= WRONG_A_DAY_MAX or row.wrong_since_reset >= WRONG_IN_TOTAL_MAX:
        return PasswordLocked(), row
    own = Password.objects.filter(pk=row.pk)
    if check_password(digits, row.hashed):
        own.update(wrong_that_day=0)
        return None, row
    own.update(wrong_on=today, wrong_that_day=wrong_today + 1, wrong_since_reset=row.wrong_since_reset + 1)
    audit_subscriber("customers.wrong_password", subscriber_id, at, None, after={"kind": kind})
    locks = wrong_today + 1 >= WRONG_A_DAY_MAX or row.wrong_since_reset + 1 >= WRONG_IN_TOTAL_MAX
    return (PasswordLocked() if locks else PasswordWrong()), row


def change_password(*, subscriber_id: int, kind: str, old: str, new: str, channel: str, at: datetime) -> None:
    """Let a customer who knows the old password choose a new one (PWD-07); it is no longer an initial one.

    Raises what check_password_of and set_password raise, but not PasswordInitial.
    """
    verdict, _ = _try_password(subscriber_id, kind, old, at)
    if verdict is not None:
        raise verdict
    set_password(
        subscriber_id=subscriber_id, kind=kind, digits=new, channel=channel, is_initial=False, at=at, staff_id=None
    )


@transaction.atomic
def issue_dynamic_code(*, subscriber_id: int, at: datetime) -> None:
    """Send six random digits to the user's handset: valid ten minutes, once; an earlier code is void (PWD-03).

    Raises SubscriberUnknown.
    """
    subscriber = locked(subscriber_id)
    digits = f"{secrets.randbelow(10**DIGITS):0{DIGITS}d}"
    DynamicCode.objects.create(subscriber=subscriber, hashed=_hashed(digits), issued_at=at)
    payload = sms(_number_of(subscriber), "DYNAMIC_CODE", secret={"digits": digits})
    send_out(topic="sms", payload=payload, at=at)  # the secret is taken out of the row when it has been sent
    audit_subscriber("customers.issue_dynamic_code", subscriber_id, at, None)


def use_dynamic_code(*, subscriber_id: int, digits: str, at: datetime) -> Proof:
    """Let the newest code prove a customer, once, within ten minutes. Raises PasswordWrong. Source: PWD-03."""
    if not _spend_dynamic_code(subscriber_id, digits, at):
        raise PasswordWrong()
    return Proof.DYNAMIC


@transaction.atomic
def _spend_dynamic_code(subscriber_id: int, digits: str, at: datetime) -> bool:
    codes = DynamicCode.objects.select_for_update().filter(subscriber_id=subscriber_id)
    newest = codes.order_by("-issued_at", "-dynamic_code_id").first()
    if newest is None or newest.used_at or newest.wrong >= DYNAMIC_WRONG_MAX:
        return False
    if at >= newest.issued_at + DYNAMIC_LASTS:
        return False
    right = check_password(digits, newest.hashed)
    own = DynamicCode.objects.filter(pk=newest.pk)
    own.update(**({"used_at": at} if right else {"wrong": newest.wrong + 1}))
    return right


def issue_challenge(*, at: datetime) -> ChallengeShown:
    """Make a random verification code for a page that asks for a service password (PWD-04)."""
    answer = "".join(secrets.choice(CHALLENGE_SIGNS) for _ in range(CHALLENGE_LENGTH))
    challenge_id = uuid.uuid4()
    index = blind_index(f"CHALLENGE:{challenge_id}:{answer}")
    Challenge.objects.create(challenge_id=challenge_id, answer_index=index, issued_at=at)
    return ChallengeShown(challenge_id, answer)


def spend_challenge(*, challenge_id: uuid.UUID | None, answer: str, at: datetime) -> None:
    """Take a verification code, right or wrong, once. Raises ChallengeMissing. Source: PWD-04."""
    if challenge_id is None or not _spend_challenge(challenge_id, answer, at):
        raise ChallengeMissing()


@transaction.atomic
def _spend_challenge(challenge_id: uuid.UUID, answer: str, at: datetime) -> bool:
    row = Challenge.objects.select_for_update().filter(challenge_id=challenge_id, used_at__isnull=True).first()
    if row is None:
        return False
    Challenge.objects.filter(pk=row.pk).update(used_at=at)
    right = bytes(row.answer_index) == blind_index(f"CHALLENGE:{challenge_id}:{answer.upper()}")
    return right and at < row.issued_at + CHALLENGE_LASTS


def log_in_to_web_hall(
    *, subscriber_id: int, digits: str, challenge_id: uuid.UUID | None, answer: str, at: datetime
) -> Proof:
    """Let a customer into the web hall: the service password together with the verification code (PWD-01, PWD-04).

    Raises ChallengeMissing before the password is looked at, then what check_password_of raises.
    """
    spend_challenge(challenge_id=challenge_id, answer=answer, at=at)
    return check_password_of(subscriber_id=subscriber_id, kind=Password.Kind.SERVICE, digits=digits, at=at)
