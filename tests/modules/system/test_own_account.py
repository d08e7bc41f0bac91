"""A member of staff's own login: the password's rules, codes that are good once, sessions that can be ended (D21)."""

from datetime import UTC, datetime, timedelta

import pyotp
import pytest

from openboss.modules.system.atomic import OrgNodeView, put_org_nodes, put_parameter, put_role, put_staff
from openboss.modules.system.atomic.second_factors import re_encrypt_factors
from openboss.modules.system.functions import LoginLocked, authenticate_staff, own_account, staff_by_id
from openboss.modules.system.keys import decrypt, encrypt, re_encrypt

AT = datetime(2026, 11, 1, 8, 0, 10, tzinfo=UTC)
FIRST, SECOND = "Correct-horse-1", "Correct-horse-2"


@pytest.fixture
def person(db: None) -> int:  # noqa: ARG001
    """Somebody who works here."""
    put_org_nodes(nodes=[OrgNodeView("P", "PROVINCE", None, "省", "Province")], at=AT)
    put_role(code="CLERK", name_zh="营业员", name_en="Clerk", rights=["customers.view"], at=AT)
    names = {"name_zh": "李", "name_en": "Li", "org_code": "P", "language": "en"}
    return put_staff(login="li", roles=["CLERK"], password=FIRST, at=AT, **names)


def change(person: int, old: str, new: str) -> None:
    own_account.change_password(staff_id=person, old=old, new=new, at=AT)


@pytest.mark.requirement("AAA-12")
def test_a_password_is_long_of_three_kinds_not_one_of_the_last_five_and_good_for_ninety_days(person: int) -> None:
    for weak in ("Short-1", "correct-horse", "CORRECTHORSE1"):
        with pytest.raises(own_account.PasswordWeak):
            change(person, FIRST, weak)
    with pytest.raises(own_account.PasswordNotYours):
        change(person, SECOND, "Correct-horse-3")
    past = [FIRST]
    for number in range(2, 8):
        change(person, past[-1], f"Correct-horse-{number}")
        past.append(f"Correct-horse-{number}")
        with pytest.raises(own_account.PasswordUsedBefore):
            change(person, past[-1], past[-2])
    for used in past[-6:-1]:
        with pytest.raises(own_account.PasswordUsedBefore):
            change(person, past[-1], used)
    change(person, past[-1], FIRST)  # the sixth before is free again
    staff = staff_by_id(staff_id=person)
    assert not own_account.password_is_over(staff, AT + timedelta(days=90))
    assert own_account.password_is_over(staff, AT + timedelta(days=91))
    put_parameter(key="security.password", value={"days": 0}, from_on=AT.date(), source="test", at=AT)
    assert not own_account.password_is_over(staff, AT + timedelta(days=9_999))


def app_of(person: int, at: datetime = AT) -> tuple[pyotp.TOTP, list[str]]:
    secret, address = own_account.new_secret(login="li")
    assert address.startswith("otpauth://totp/OpenBOSS:li?")
    app = pyotp.TOTP(secret)
    return app, own_account.add_app(staff_id=person, secret=secret, code=app.at(at), world_at=at, at=at)


def shows(person: int, code: str, at: datetime) -> bool:
    try:
        own_account.refuse_wrong_code(staff_id=person, code=code, world_at=at, at=at)
    except own_account.CodeWrong:
        return False
    return True


def test_a_code_of_the_app_is_good_once_and_for_a_clock_half_a_minute_off(person: int) -> None:
    app, _ = app_of(person)
    later = AT + timedelta(minutes=5)
    assert own_account.has_second_factor(staff_id=person)
    assert not shows(person, app.at(AT), AT)  # the code that was shown to begin with
    assert shows(person, app.at(later - timedelta(seconds=30)), later)
    assert shows(person, app.at(later), later)
    assert not shows(person, app.at(later), later)
    assert not shows(person, app.at(later - timedelta(seconds=30)), later)
    assert not shows(person, app.at(later + timedelta(seconds=90)), later)


def test_an_app_that_shows_a_wrong_code_is_not_kept(person: int) -> None:
    secret, _ = own_account.new_secret(login="li")
    with pytest.raises(own_account.CodeWrong):
        own_account.add_app(staff_id=person, secret=secret, code="000000", world_at=AT, at=AT)
    assert not own_account.has_second_factor(staff_id=person)


def test_a_code_of_paper_is_good_once_and_new_ones_make_the_old_void(person: int) -> None:
    _, paper = app_of(person)
    assert len(set(paper)) == 10
    assert shows(person, paper[0], AT)
    assert not shows(person, paper[0], AT)
    fresh = own_account.new_paper_codes(staff_id=person, at=AT)
    assert not shows(person, paper[1], AT)
    assert shows(person, f"{fresh[0][:4]} {fresh[0][4:]}", AT)
    app = next(one for one in own_account.factors_of(staff_id=person) if one.kind == "TOTP")
    assert own_account.remove_factor(staff_id=person, second_factor_id=app.second_factor_id, at=AT)
    assert own_account.factors_of(staff_id=person) == []


def test_five_wrong_codes_lock_the_login(person: int) -> None:
    app, _ = app_of(person)
    later = AT + timedelta(minutes=5)
    for _ in range(5):
        assert not shows(person, "000000", later)
    assert not shows(person, app.at(later), later)
    with pytest.raises(LoginLocked):
        authenticate_staff(login="li", password=FIRST, at=later)


def test_sessions_end_by_time_by_hand_and_with_a_new_password(person: int) -> None:
    place = {"staff_id": person, "address": "10.0.0.1", "agent": "Firefox"}
    one, two = (own_account.open_session(at=AT, **place) for _ in range(2))

    def goes_on(number: int, at: datetime = AT) -> bool:
        return own_account.session_is_open(staff_session_id=number, staff_id=person, at=at)

    assert goes_on(one)
    assert not goes_on(one, AT + timedelta(hours=8))
    assert own_account.end_sessions(staff_id=person, at=AT, only=two) == 1
    assert [row.staff_session_id for row in own_account.sessions_of(staff_id=person, at=AT)] == [one]
    three = own_account.open_session(at=AT, **place)
    own_account.change_password(staff_id=person, old=FIRST, new=SECOND, at=AT, keep_session=three)
    assert (goes_on(one), goes_on(two), goes_on(three)) == (False, False, True)


def test_the_rotation_of_keys_reaches_the_secrets_of_apps(person: int) -> None:
    app, _ = app_of(person)
    assert re_encrypt_factors(re_encrypt) == 0
    assert re_encrypt_factors(lambda token: encrypt(decrypt(token))) == 1
    assert shows(person, app.at(AT + timedelta(minutes=2)), AT + timedelta(minutes=2))
