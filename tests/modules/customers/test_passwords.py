"""Customers' passwords: six digits, ten minutes, three tries, and who may do what with which (PWD, D14)."""

from datetime import UTC, datetime, timedelta

import pytest

from openboss.modules.customers import functions as customers
from openboss.modules.customers.functions import Proof
from openboss.modules.customers.models import DynamicCode, Password
from openboss.modules.system.models import Outbox
from tests.modules.customers.conftest import AT

pytestmark = pytest.mark.usefixtures("loaded")

USER = 1001
TEN = datetime(2026, 11, 2, 2, 0, 0, tzinfo=UTC)  # 10:00:00 in Shanghai


def set_password(digits: str, *, kind: str = "SERVICE", is_initial: bool = False, at: datetime = AT) -> None:
    customers.set_password(
        subscriber_id=USER, kind=kind, digits=digits, channel="HALL", is_initial=is_initial, at=at, staff_id=7
    )


def check(digits: str, at: datetime = AT, kind: str = "SERVICE") -> Proof:
    return customers.check_password_of(subscriber_id=USER, kind=kind, digits=digits, at=at)


def code_sent() -> str:
    return (
        Outbox.objects.filter(topic="sms", payload__template="DYNAMIC_CODE")
        .latest("outbox_id")
        .payload["secret"]["digits"]
    )


@pytest.mark.requirement("PWD-01")
def test_a_service_password_is_six_digits_and_lets_its_holder_read_the_detail_list() -> None:
    for wrong in ("12345", "12a456", "1234567", "１２３９５６"):
        with pytest.raises(customers.PasswordNotSixDigits):
            set_password(wrong)
    assert not Password.objects.exists()
    set_password("258014")
    proof = check("258014")
    customers.refuse_unproved("QUERY_DETAIL", [proof])
    assert "258014" not in Password.objects.get().hashed


@pytest.mark.parametrize("trivial", ["000000", "777777", "123456", "654321", "890123", "011001", "800101"])
def test_a_password_that_anybody_would_guess_is_refused(trivial: str) -> None:
    with pytest.raises(customers.PasswordTrivial):  # 011001 ends the number, 800101 is the birthday
        set_password(trivial)
    assert not Password.objects.exists()


@pytest.mark.requirement("PWD-02")
def test_an_electronic_password_set_from_the_handset_changes_a_plan_on_the_web() -> None:
    customers.set_password(
        subscriber_id=USER, kind="ELECTRONIC", digits="258014", channel="SMS", is_initial=False, at=AT, staff_id=None
    )
    proof = check("258014", kind="ELECTRONIC")
    customers.refuse_unproved("CHANGE_PRODUCTS", [proof])
    with pytest.raises(customers.NotEntitled):
        customers.refuse_unproved("QUERY_DETAIL", [proof])


@pytest.mark.requirement("PWD-03")
def test_a_dynamic_code_works_at_9_minutes_59_and_not_at_10_minutes_01_and_never_twice() -> None:
    customers.issue_dynamic_code(subscriber_id=USER, at=TEN)
    late = TEN + timedelta(minutes=10, seconds=1)
    digits = code_sent()
    with pytest.raises(customers.PasswordWrong):
        customers.use_dynamic_code(subscriber_id=USER, digits=digits, at=late)
    in_time = TEN + timedelta(minutes=9, seconds=59)
    assert customers.use_dynamic_code(subscriber_id=USER, digits=digits, at=in_time) is Proof.DYNAMIC
    with pytest.raises(customers.PasswordWrong):
        customers.use_dynamic_code(subscriber_id=USER, digits=digits, at=in_time)
    assert digits not in DynamicCode.objects.get().hashed


def test_a_newer_code_makes_the_one_before_it_void_and_guessing_is_stopped() -> None:
    customers.issue_dynamic_code(subscriber_id=USER, at=TEN)
    first = code_sent()
    customers.issue_dynamic_code(subscriber_id=USER, at=TEN + timedelta(minutes=1))
    newest, now = code_sent(), TEN + timedelta(minutes=2)
    wrong = "100000" if newest != "100000" else "200000"
    if first != newest:
        with pytest.raises(customers.PasswordWrong):
            customers.use_dynamic_code(subscriber_id=USER, digits=first, at=now)
    for _ in range(5):
        with pytest.raises(customers.PasswordWrong):
            customers.use_dynamic_code(subscriber_id=USER, digits=wrong, at=now)
    with pytest.raises(customers.PasswordWrong):
        customers.use_dynamic_code(subscriber_id=USER, digits=newest, at=now)


@pytest.mark.requirement("PWD-04")
def test_a_login_without_the_verification_code_is_refused_before_the_password_is_looked_at() -> None:
    set_password("258014")
    login = {"subscriber_id": USER, "digits": "258014", "at": AT}
    with pytest.raises(customers.ChallengeMissing):
        customers.log_in_to_web_hall(**login, challenge_id=None, answer="")
    shown = customers.issue_challenge(at=AT)
    with pytest.raises(customers.ChallengeMissing):
        customers.log_in_to_web_hall(**login, challenge_id=shown.challenge_id, answer="nonsense")
    with pytest.raises(customers.ChallengeMissing):  # a code is taken once, right or wrong
        customers.log_in_to_web_hall(**login, challenge_id=shown.challenge_id, answer=shown.answer)
    shown = customers.issue_challenge(at=AT)
    proof = customers.log_in_to_web_hall(**login, challenge_id=shown.challenge_id, answer=shown.answer.lower())
    assert proof is Proof.SERVICE
    assert Password.objects.get().wrong_since_reset == 0


@pytest.mark.requirement("PWD-05")
def test_a_dynamic_password_changes_a_plan_and_neither_shows_details_nor_replaces_a_card() -> None:
    shown = [Proof.DYNAMIC]
    for allowed in ("CHANGE_PRODUCTS", "QUERY_BILL", "REDEEM_POINTS", "QUERY_BALANCE", "PAY", "HOLD_AND_RESUME"):
        customers.refuse_unproved(allowed, shown)
    for refused in ("QUERY_DETAIL", "QUERY_LOCATION", "PRIVATE_DATA", "REPLACE_SIM", "TRANSFER", "CANCEL", "OPEN"):
        with pytest.raises(customers.NotEntitled):
            customers.refuse_unproved(refused, shown)


@pytest.mark.parametrize(
    ("operation", "shown", "enough"),
    [
        ("PAY", [], True),
        ("QUERY_BALANCE", [], False),
        ("QUERY_BALANCE", [Proof.OWN_HANDSET], True),
        ("CHANGE_PRODUCTS", [Proof.OWN_HANDSET], False),
        ("CHANGE_PRODUCTS", [Proof.OWN_HANDSET, Proof.CONFIRMED], True),
        ("REPLACE_SIM", [Proof.SERVICE], False),
        ("REPLACE_SIM", [Proof.ID_AT_HALL], False),
        ("REPLACE_SIM", [Proof.SERVICE, Proof.ID_AT_HALL], True),
        ("REPLACE_SIM", [Proof.HOLDER_AT_HALL], True),
        ("TRANSFER", [Proof.SERVICE, Proof.ID_AT_HALL], False),
        ("REPORT_LOST", [Proof.DYNAMIC], False),
        ("REPORT_LOST", [Proof.SERVICE], True),
        ("CANCEL", [Proof.SERVICE, Proof.ID_AT_HALL], False),
        ("CANCEL", [Proof.HOLDER_AT_HALL], True),
        ("OPEN", [Proof.SERVICE, Proof.DYNAMIC], False),
        ("OPEN", [Proof.HOLDER_AT_HALL], True),
    ],
)
def test_the_matrix_of_rights_is_as_the_table_of_the_hall_says(operation, shown, enough) -> None:
    if enough:
        customers.refuse_unproved(operation, shown)
    else:
        with pytest.raises(customers.NotEntitled):
            customers.refuse_unproved(operation, shown)


@pytest.mark.requirement("PWD-06")
def test_a_first_password_is_changed_before_it_is_used() -> None:
    set_password("258014", is_initial=True)
    with pytest.raises(customers.PasswordInitial):
        check("258014")
    customers.change_password(subscriber_id=USER, kind="SERVICE", old="258014", new="903817", channel="SMS", at=AT)
    assert check("903817") is Proof.SERVICE


@pytest.mark.requirement("PWD-07")
def test_three_wrong_passwords_lock_until_midnight_and_ten_until_a_reset() -> None:
    set_password("258014")
    for refusal in (customers.PasswordWrong, customers.PasswordWrong, customers.PasswordLocked):
        with pytest.raises(refusal):
            customers.change_password(
                subscriber_id=USER, kind="SERVICE", old="258015", new="903817", channel="WEB", at=AT
            )
    with pytest.raises(customers.PasswordLocked):
        check("258014", AT + timedelta(hours=6, minutes=59))  # 23:59 that day
    assert check("258014", AT + timedelta(hours=7)) is Proof.SERVICE  # midnight
    for day in range(1, 4):
        for _ in range(3):
            with pytest.raises((customers.PasswordWrong, customers.PasswordLocked)):
                check("258015", AT + timedelta(days=day))
    with pytest.raises(customers.PasswordLocked):
        check("258014", AT + timedelta(days=9))


@pytest.mark.requirement("PWD-08")
def test_a_reset_at_the_hall_unlocks_and_tells_the_number() -> None:
    set_password("258014")
    Password.objects.update(wrong_since_reset=10)
    set_password("903817")
    assert check("903817") is Proof.SERVICE
    told = [row.payload for row in Outbox.objects.filter(topic="sms")]
    assert [one["template"] for one in told] == ["PASSWORD_SET", "PASSWORD_SET"]
    assert {one["number"] for one in told} == {8613900011001}
    assert "903817" not in repr(told)
    with pytest.raises(customers.NotEntitled):
        customers.refuse_unproved("RESET_PASSWORD", [Proof.DYNAMIC])
    customers.refuse_unproved("RESET_PASSWORD", [Proof.ID_AT_HALL])


@pytest.mark.requirement("PWD-09")
@pytest.mark.parametrize(
    ("language", "notice"), [("zh", "遗失可能泄露您的个人信息"), ("en", "may reveal your personal data")]
)
def test_the_welcome_says_that_losing_the_password_may_leak_personal_data(language: str, notice: str) -> None:
    assert notice in customers.sms(8613900011001, "WELCOME", language=language)["text"]


def test_a_code_is_told_only_in_the_part_of_the_message_that_is_forgotten() -> None:
    customers.issue_dynamic_code(subscriber_id=USER, at=TEN)
    payload = Outbox.objects.get(payload__template="DYNAMIC_CODE").payload
    digits = payload["secret"]["digits"]
    assert digits in payload["secret"]["text"]
    assert digits not in repr({name: value for name, value in payload.items() if name != "secret"})
