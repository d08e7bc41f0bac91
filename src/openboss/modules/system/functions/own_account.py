"""A member of staff's own account: password, second factors, and where they are logged in (AAA-12, AAA-19, D21)."""

import secrets
from datetime import date, datetime, timedelta
from typing import Any

import pyotp
from fido2.server import Fido2Server
from fido2.webauthn import (
    AttestedCredentialData,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialUserEntity,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from openboss.modules.system.atomic import second_factors as atomic
from openboss.modules.system.atomic.parameters import parameters_under
from openboss.modules.system.atomic.second_factors import SessionView, end_sessions, factors_of
from openboss.modules.system.atomic.staff import StaffView, set_password, staff_by_id, try_password, was_used

ISSUER = "OpenBOSS"
PAPER_CODES = 10
SESSION = timedelta(hours=8)  # D21.3
POLICY = {"shortest": 10, "kinds": 3, "days": 90, "remembered": 5}  # D21.6; parameter security.password


SENSITIVE = frozenset(
    {"customers.reveal", "billing.release", "catalog.approve", "charging.rerate_approve", "receivables.approve",
     "receivables.close", "system.admin", "workflow.publish"}
)  # fmt: skip
"""Rights for which an operator may ask two factors, by name in the parameter security.two_factors (AAA-19)."""


class PasswordWeak(ValueError):
    """The new password is too short, or made of too few kinds of signs; nothing was changed."""


class PasswordUsedBefore(ValueError):
    """The new password is one of the last ones; nothing was changed."""


class PasswordNotYours(Exception):
    """The password given as the present one is wrong; nothing was changed."""


class CodeWrong(Exception):
    """The code is wrong, or was used already; nothing was changed."""


class PasskeyRefused(Exception):
    """The passkey could not be read or is not one of this person's."""


def password_policy(on: date) -> dict[str, int]:
    """Shortest length, kinds of signs, days it is good for (0: no end), how many old ones are remembered."""
    return POLICY | parameters_under(prefix="security.password", on=on).get("security.password", {})


def refuse_weak(password: str, *, on: date) -> None:
    """Refuse a password that is easy to guess. Raises PasswordWeak. Source: D21.6."""
    policy = password_policy(on)
    tests = (str.islower, str.isupper, str.isdigit, lambda sign: not sign.isalnum())
    kinds = sum(any(test(sign) for sign in password) for test in tests)
    if len(password) < policy["shortest"] or kinds < policy["kinds"]:
        raise PasswordWeak(f"{policy['shortest']} {policy['kinds']}")


def change_password(*, staff_id: int, old: str, new: str, at: datetime, keep_session: int | None = None) -> None:
    """Take a new password for oneself; every other place where one is logged in is ended.

    Raises PasswordNotYours, PasswordWeak, PasswordUsedBefore. Source: AAA-12.
    """
    staff = staff_by_id(staff_id=staff_id)
    if try_password(login=staff.login, password=old, at=at)[1] is None:
        raise PasswordNotYours(staff.login)
    refuse_weak(new, on=at.date())
    if was_used(staff_id=staff_id, password=new, remembered=password_policy(at.date())["remembered"]):
        raise PasswordUsedBefore(staff.login)
    set_password(login=staff.login, password=new, at=at, staff_id=staff_id)
    end_sessions(staff_id=staff_id, at=at, but=keep_session)


def asks_two_factors(right: str, *, on: date) -> bool:
    """Whether this right is used only by who showed a second factor at login; by default none is (AAA-19)."""
    if right not in SENSITIVE:
        return False
    return right in parameters_under(prefix="security.two_factors", on=on).get("security.two_factors", ())


def password_is_over(staff: StaffView, at: datetime) -> bool:
    """Whether a password is older than it may be."""
    days = password_policy(at.date())["days"]
    return bool(days and staff.password_at and at - staff.password_at > timedelta(days=days))


def new_secret(*, login: str) -> tuple[str, str]:
    """Begin with an app that makes codes: the secret, and the address its QR code holds (RFC 6238)."""
    secret = pyotp.random_base32()
    return secret, pyotp.TOTP(secret).provisioning_uri(name=login, issuer_name=ISSUER)


def add_app(*, staff_id: int, secret: str, code: str, world_at: datetime, at: datetime) -> list[str]:
    """Keep an app that shows the right code; return paper codes if there were none. Raises CodeWrong.

    world_at  the time the app goes by
    """
    step = atomic.step_of(secret=secret, code=code.strip(), at=world_at)
    if step is None:
        raise CodeWrong(staff_id)
    atomic.add_app(staff_id=staff_id, secret=secret, step=step, at=at)
    return _first_paper_codes(staff_id, at)


def new_paper_codes(*, staff_id: int, at: datetime) -> list[str]:
    """Give codes to write down, each good once; those given before are void."""
    codes = [f"{secrets.randbelow(10**8):08d}" for _ in range(PAPER_CODES)]
    atomic.put_paper_codes(staff_id=staff_id, codes=codes, at=at)
    return codes


def _first_paper_codes(staff_id: int, at: datetime) -> list[str]:
    has_paper = any(one.kind == "PAPER" for one in factors_of(staff_id=staff_id))
    return [] if has_paper else new_paper_codes(staff_id=staff_id, at=at)


def has_second_factor(*, staff_id: int) -> bool:
    """Whether somebody shows a second factor when they log in."""
    return any(one.kind != "PAPER" for one in factors_of(staff_id=staff_id))


def refuse_wrong_code(*, staff_id: int, code: str, world_at: datetime, at: datetime) -> None:
    """Take a code of the app or of paper. Raises CodeWrong; five wrong ones lock the login.

    world_at  the time the app goes by
    """
    if not atomic.try_code(staff_id=staff_id, code=code.strip().replace(" ", ""), world_at=world_at, at=at):
        raise CodeWrong(staff_id)


def _server(host: str) -> Fido2Server:
    return Fido2Server(PublicKeyCredentialRpEntity(id=host, name=ISSUER))


def _keys(staff_id: int) -> list[tuple[int, AttestedCredentialData]]:
    known = atomic.passkeys_of(staff_id=staff_id)
    return [(number, AttestedCredentialData(bytes.fromhex(kept["credential"]))) for number, kept in known]


def begin_passkey(*, staff_id: int, host: str) -> tuple[dict[str, Any], Any]:
    """Begin to add a passkey: what the browser is asked, and what to keep until its answer (WebAuthn)."""
    staff = staff_by_id(staff_id=staff_id)
    user = PublicKeyCredentialUserEntity(id=str(staff_id).encode(), name=staff.login, display_name=staff.name_en)
    options, state = _server(host).register_begin(
        user,
        [key for _, key in _keys(staff_id)],
        resident_key_requirement=ResidentKeyRequirement.DISCOURAGED,
        user_verification=UserVerificationRequirement.PREFERRED,
    )
    return dict(options.public_key), state


def add_passkey(*, staff_id: int, host: str, state: Any, answer: dict[str, Any], name: str, at: datetime) -> list[str]:
    """Keep a passkey; return paper codes if there were none. Raises PasskeyRefused."""
    try:
        found = _server(host).register_complete(state, answer)
    except (ValueError, TypeError, KeyError) as wrong:
        raise PasskeyRefused(str(wrong)) from wrong
    if found.credential_data is None:
        raise PasskeyRefused("no credential")
    credential = {"credential": bytes(found.credential_data).hex()}
    atomic.add_passkey(staff_id=staff_id, name=name or host, credential=credential, at=at)
    return _first_paper_codes(staff_id, at)


def ask_for_passkey(*, staff_id: int, host: str) -> tuple[dict[str, Any], Any] | None:
    """Begin to log in with a passkey: what the browser is asked, and what to keep. None: there is no passkey."""
    keys = [key for _, key in _keys(staff_id)]
    if not keys:
        return None
    options, state = _server(host).authenticate_begin(keys, UserVerificationRequirement.PREFERRED)
    return dict(options.public_key), state


def refuse_wrong_passkey(*, staff_id: int, host: str, state: Any, answer: dict[str, Any], at: datetime) -> None:
    """Take a passkey's answer. Raises PasskeyRefused."""
    keys = _keys(staff_id)
    try:
        shown = _server(host).authenticate_complete(state, [key for _, key in keys], answer)
    except (ValueError, TypeError, KeyError) as wrong:
        raise PasskeyRefused(str(wrong)) from wrong
    number = next(number for number, key in keys if key.credential_id == shown.credential_id)
    atomic.passkey_used(second_factor_id=number, at=at)


def open_session(*, staff_id: int, address: str, agent: str, at: datetime) -> int:
    """Note where somebody logged in; return the session's id."""
    return atomic.open_session(staff_id=staff_id, address=address, agent=agent, at=at)


def session_is_open(*, staff_session_id: int, staff_id: int, at: datetime) -> bool:
    """Whether somebody is still logged in there: not ended, and not for more than eight hours (D21.3)."""
    return atomic.session_is_open(staff_session_id=staff_session_id, staff_id=staff_id, since=at - SESSION)


def sessions_of(*, staff_id: int, at: datetime) -> list[SessionView]:
    """Where somebody is logged in."""
    return atomic.sessions_of(staff_id=staff_id, since=at - SESSION)


def remove_factor(*, staff_id: int, second_factor_id: int, at: datetime) -> bool:
    """Forget an app or a passkey. False: there is none such."""
    return atomic.remove_factor(staff_id=staff_id, second_factor_id=second_factor_id, at=at)


__all__ = [
    "CodeWrong",
    "PasskeyRefused",
    "PasswordNotYours",
    "PasswordUsedBefore",
    "PasswordWeak",
    "SENSITIVE",
    "SessionView",
    "add_app",
    "add_passkey",
    "asks_two_factors",
    "ask_for_passkey",
    "begin_passkey",
    "change_password",
    "end_sessions",
    "factors_of",
    "has_second_factor",
    "new_paper_codes",
    "new_secret",
    "open_session",
    "password_is_over",
    "password_policy",
    "refuse_weak",
    "refuse_wrong_code",
    "refuse_wrong_passkey",
    "remove_factor",
    "session_is_open",
    "sessions_of",
]
