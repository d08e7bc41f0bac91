"""Second factors of staff and the places where they are logged in (AAA-19, D21.3)."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyotp
from django.db import transaction

from openboss.modules.system.atomic.audit import record_audit
from openboss.modules.system.atomic.staff import count_wrong
from openboss.modules.system.keys import blind_index, decrypt, encrypt
from openboss.modules.system.models import SecondFactor, Staff, StaffSession

STEP_S = 30  # RFC 6238
STEPS_APART = 1  # clocks of handsets differ


@dataclass(frozen=True)
class FactorView:
    """One second factor."""

    second_factor_id: int
    kind: str
    name: str
    created_at: datetime
    used_at: datetime | None


@dataclass(frozen=True)
class SessionView:
    """One place where somebody is logged in."""

    staff_session_id: int
    opened_at: datetime
    address: str
    agent: str


def factors_of(*, staff_id: int) -> list[FactorView]:
    """The apps, passkeys and unused paper codes of somebody."""
    rows = SecondFactor.objects.filter(staff_id=staff_id).exclude(kind="PAPER", used_at__isnull=False)
    names = list(FactorView.__dataclass_fields__)
    return [FactorView(**row) for row in rows.order_by("second_factor_id").values(*names)]


@transaction.atomic
def add_app(*, staff_id: int, secret: str, step: int, at: datetime) -> None:
    """Let an app that shares a secret make codes; one that was there before goes. `step`: of the code just shown."""
    SecondFactor.objects.filter(staff_id=staff_id, kind="TOTP").delete()
    SecondFactor.objects.create(
        staff_id=staff_id, kind="TOTP", name="", sealed=encrypt(secret), last_step=step, created_at=at
    )
    _audit("system.add_second_factor", staff_id, at, {"kind": "TOTP"})


@transaction.atomic
def add_passkey(*, staff_id: int, name: str, credential: dict[str, Any], at: datetime) -> None:
    """Keep a passkey's public credential."""
    sealed = encrypt(json.dumps(credential))
    SecondFactor.objects.create(staff_id=staff_id, kind="PASSKEY", name=name[:64], sealed=sealed, created_at=at)
    _audit("system.add_second_factor", staff_id, at, {"kind": "PASSKEY", "name": name[:64]})


@transaction.atomic
def put_paper_codes(*, staff_id: int, codes: Sequence[str], at: datetime) -> None:
    """Keep the indexes of new paper codes; those given before are void."""
    SecondFactor.objects.filter(staff_id=staff_id, kind="PAPER").delete()
    SecondFactor.objects.bulk_create(
        SecondFactor(staff_id=staff_id, kind="PAPER", name="", sealed=_index(staff_id, code), created_at=at)
        for code in codes
    )
    _audit("system.put_paper_codes", staff_id, at, {"codes": len(codes)})


@transaction.atomic
def remove_factor(*, staff_id: int, second_factor_id: int, at: datetime) -> bool:
    """Forget an app or a passkey; with the last of them the paper codes go too. False: there is none such."""
    gone, _ = SecondFactor.objects.filter(pk=second_factor_id, staff_id=staff_id).exclude(kind="PAPER").delete()
    if not SecondFactor.objects.filter(staff_id=staff_id).exclude(kind="PAPER").exists():
        SecondFactor.objects.filter(staff_id=staff_id).delete()
    if gone:
        _audit("system.remove_second_factor", staff_id, at, {"second_factor_id": second_factor_id})
    return bool(gone)


@transaction.atomic
def try_code(*, staff_id: int, code: str, world_at: datetime, at: datetime) -> bool:
    """Whether a code of the app or of paper is right; each is good once, wrong ones count like wrong passwords.

    world_at  the time the app goes by, wherever the operator's clock stands (a demo plays another day)
    """
    staff = Staff.objects.select_for_update().get(pk=staff_id)
    if staff.locked_until and at < staff.locked_until:
        return False
    if _app_says(staff_id, code, world_at, at) or _paper_says(staff_id, code, at):
        Staff.objects.filter(pk=staff_id).update(wrong_passwords=0)
        return True
    count_wrong(staff, at)
    return False


def step_of(*, secret: str, code: str, at: datetime) -> int | None:
    """The step of the app's clock whose code this is, one step before or after at most; None: a wrong code."""
    app, now = pyotp.TOTP(secret, interval=STEP_S), int(at.timestamp()) // STEP_S
    steps = range(now - STEPS_APART, now + STEPS_APART + 1)
    return next((step for step in steps if pyotp.utils.strings_equal(app.generate_otp(step), code)), None)


def _app_says(staff_id: int, code: str, world_at: datetime, at: datetime) -> bool:
    app = SecondFactor.objects.filter(staff_id=staff_id, kind="TOTP").first()
    step = step_of(secret=decrypt(bytes(app.sealed)), code=code, at=world_at) if app else None
    if app is None or step is None or step <= app.last_step:
        return False
    SecondFactor.objects.filter(pk=app.pk).update(last_step=step, used_at=at)
    return True


def _paper_says(staff_id: int, code: str, at: datetime) -> bool:
    unused = SecondFactor.objects.filter(staff_id=staff_id, kind="PAPER", used_at=None)
    return bool(unused.filter(sealed=_index(staff_id, code)).update(used_at=at))


def _index(staff_id: int, code: str) -> bytes:
    return blind_index(f"paper code {staff_id} {code}")


def passkeys_of(*, staff_id: int) -> list[tuple[int, dict[str, Any]]]:
    """The passkeys of somebody: id, public credential."""
    rows = SecondFactor.objects.filter(staff_id=staff_id, kind="PASSKEY").order_by("second_factor_id")
    return [(row.second_factor_id, json.loads(decrypt(bytes(row.sealed)))) for row in rows]


def passkey_used(*, second_factor_id: int, at: datetime) -> None:
    """Note when a passkey was shown."""
    SecondFactor.objects.filter(pk=second_factor_id).update(used_at=at)


def re_encrypt_factors(re_encrypt: Callable[[bytes], bytes]) -> int:
    """Bring every secret to the newest key; return how many were rewritten. Paper codes are only indexes."""
    rewritten = 0
    for row in SecondFactor.objects.exclude(kind="PAPER").order_by("second_factor_id"):
        sealed = bytes(row.sealed)
        fresh = re_encrypt(sealed)
        if fresh != sealed:
            rewritten += SecondFactor.objects.filter(pk=row.pk).update(sealed=fresh)
    return rewritten


def open_session(*, staff_id: int, address: str, agent: str, at: datetime) -> int:
    """Note where somebody logged in; return the session's id."""
    session = StaffSession.objects.create(staff_id=staff_id, address=address[:64], agent=agent[:200], opened_at=at)
    return session.staff_session_id


def session_is_open(*, staff_session_id: int, staff_id: int, since: datetime) -> bool:
    """Whether a session of somebody goes on: not ended, and opened after a moment."""
    sessions = StaffSession.objects.filter(pk=staff_session_id, staff_id=staff_id)
    return sessions.filter(ended_at=None, opened_at__gt=since).exists()


def sessions_of(*, staff_id: int, since: datetime) -> list[SessionView]:
    """Where somebody is logged in, the latest first."""
    rows = StaffSession.objects.filter(staff_id=staff_id, ended_at=None, opened_at__gt=since)
    return [SessionView(**row) for row in rows.order_by("-opened_at").values(*SessionView.__dataclass_fields__)]


@transaction.atomic
def end_sessions(*, staff_id: int, at: datetime, only: int | None = None, but: int | None = None) -> int:
    """End one session of somebody, or all, or all but one; return how many."""
    found = StaffSession.objects.filter(staff_id=staff_id, ended_at=None)
    found = found.filter(pk=only) if only else found.exclude(pk=but) if but else found
    ended = found.update(ended_at=at)
    if ended:
        _audit("system.end_sessions", staff_id, at, {"sessions": ended})
    return ended


def _audit(action: str, staff_id: int, at: datetime, after: Any) -> None:
    record_audit(staff_id=staff_id, action=action, object_kind="staff", object_id=staff_id, at=at, after=after)
