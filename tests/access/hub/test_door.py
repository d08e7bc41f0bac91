"""Another province serves our user: asked, paid once, taken back when it waited in vain, and both reports agree."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import polars as pl
import pytest
from django.db import connection
from django.test import Client
from tests.modules.receivables.conftest import Desk, check_books, desk, on
from tests.processes.test_collect_debt import state, user_of

from openboss.access.hub.envelope import SIGNATURE
from openboss.access.jobs import clock
from openboss.modules.receivables.functions.remote import HubPaymentView, mirror_differences
from openboss.modules.receivables.models import HubPayment, Payment
from openboss.modules.system.keys import key_for
from openboss.modules.system.signing import refuse_forged, sign
from openboss.processes import collect_debt, remote_payments

__all__ = ["desk"]
NOW = on(11, 10)


@pytest.fixture
def owing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> tuple[int, int]:
    """An account of province 17 that owes 70.00 for October, and its user; it is the morning of 10 November."""
    monkeypatch.setattr(clock, "now", lambda: NOW)
    account = desk.account()
    user = user_of(account)
    desk.bill(account, 202610, RENT=7000, user=user)
    return account, user


def envelope(activity: str, user: int, *, trans_id: str = "O1", home: str = "17", **content: Any) -> dict[str, Any]:
    """A message of province 09 about a user."""
    return {
        "Version": "0100",
        "TestFlag": "0",
        "BIPType": {"BIPCode": "REMOTE_PAYMENT", "ActivityCode": activity, "ActionCode": "0"},
        "RoutingInfo": {
            "OrigDomain": "09",
            "RouteType": "01",
            "Routing": {"HomeDomain": home, "RouteValue": str(13900000000 + user)},
        },
        "TransInfo": {"SessionID": "S1", "TransIDO": trans_id},
        "TransIDC": "C1",
        "ProcessTime": "20261110100000",
        "SvcCont": content,
    }


def send(said: dict[str, Any], *, partner: str = "hub 09") -> Any:
    body = json.dumps(said).encode()
    headers = {SIGNATURE: sign(body, key=key_for(partner), at=NOW)}
    return Client(headers=headers).post("/hub/", body, content_type="application/json")


def told(activity: str, user: int, **changes: Any) -> tuple[str, dict[str, Any], str]:
    """Send a message; the code, the content and our number of the answer, whose signature is ours."""
    answer = send(envelope(activity, user, **changes))
    refuse_forged(answer.headers[SIGNATURE], answer.content, key=key_for("hub 09"), at=NOW)
    said = answer.json()
    assert (said["BIPType"]["ActionCode"], said["TransIDC"]) == ("1", "C1")
    return said["Response"]["RspCode"], said["SvcCont"], said["TransInfo"]["TransIDH"]


def test_a_user_pays_in_another_province_once_and_service_goes_on(desk: Desk, owing: tuple[int, int]) -> None:
    account, user = owing
    collect_debt.run(at=on(11, 9))  # 70.00 of a limit of 50.00
    assert state(user, NOW) == "TWO_WAY_STOP"
    assert told("QUERY", user) == ("0000", {"OwedFen": 7000, "AdvanceFen": 0}, "")
    first = told("PAY", user, PaidFen=7000)
    assert first[:2] == ("0000", {"PaidFen": 7000})
    assert told("PAY", user, PaidFen=7000) == first, "the same again is the same answer"
    payment = Payment.objects.get()
    assert (payment.means, payment.channel, payment.reference, payment.account_id) == (
        "REMOTE", "REMOTE", "09 O1", account,
    )  # fmt: skip
    assert state(user, NOW.replace(minute=1)) == "ACTIVE"
    assert told("QUERY", user)[1]["OwedFen"] == 0
    code, content, _ = told("REPORT", user, Day="2026-11-10")
    theirs = pl.DataFrame({"collected_by": ["09"], "home": ["17"], "collected_fen": [7000]})
    assert (code, mirror_differences(pl.DataFrame(content["Collected"]), theirs)) == ("0000", [])
    check_books()


def test_a_payment_without_answer_is_taken_back_and_never_posted_late(desk: Desk, owing: tuple[int, int]) -> None:
    _, user = owing
    assert told("PAY", user, PaidFen=7000)[0] == "0000"
    back = told("REVERSE", user)
    assert (back[0], told("REVERSE", user)) == ("0000", back)
    assert told("QUERY", user)[1] == {"OwedFen": 7000, "AdvanceFen": 0}
    assert told("REVERSE", user, trans_id="O2")[0] == "0000", "it was still on its way"
    for trans_id in ("O1", "O2"):
        assert told("PAY", user, trans_id=trans_id, PaidFen=7000)[0] == "2004"
    assert told("QUERY", user)[1]["OwedFen"] == 7000
    assert told("PAY", user, trans_id="O3", PaidFen=7000)[0] == "0000"
    _, content, _ = told("REPORT", user, Day="2026-11-10")
    assert [(row["collected_by"], row["collected_fen"]) for row in content["Collected"]] == [("09", 7000)]
    check_books()


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("2001", {"RouteValue": "13999999999"}),
        ("2001", {"RouteValue": ""}),
        ("2002", {"PaidFen": 0}),
        ("1002", {"HomeDomain": "16"}),
        ("2003", {"TransIDO": "PAID"}),
    ],
    ids=["nobody's number", "no number", "nothing paid", "another home", "another payment's number"],
)
def test_what_cannot_be_posted_is_refused_by_a_code(owing: tuple[int, int], code: str, change: dict[str, Any]) -> None:
    _, user = owing
    told("PAY", user, trans_id="PAID", PaidFen=100)
    said = envelope("PAY", user, PaidFen=7000)
    for part in (said["RoutingInfo"]["Routing"], said["TransInfo"], said["SvcCont"]):
        part.update({name: value for name, value in change.items() if name in part})
    assert send(said).json()["Response"]["RspCode"] == code
    assert (Payment.objects.count(), HubPayment.objects.count()) == (1, 1)


def test_only_the_province_itself_is_believed_and_only_whole_envelopes(owing: tuple[int, int]) -> None:
    _, user = owing
    said = envelope("PAY", user, PaidFen=7000)
    assert [send(said, partner=partner).status_code for partner in ("hub 16", "bank 09")] == [403, 403]
    for spoilt in ({"Version": "0200"}, {"TestFlag": "1"}, {"SvcCont": {"PaidFen": -1}}, {"More": 1}):
        assert send(said | spoilt).status_code == 400
    assert Client().get("/hub/").status_code == 405
    assert Payment.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_the_same_message_from_eight_threads_at_once_is_one_payment(desk: Desk) -> None:
    account = desk.account()
    user = user_of(account)
    number = 8613900000000 + user

    def take(_: int) -> HubPaymentView:
        try:
            return remote_payments.take(province="09", trans_id="O1", number=number, paid_fen=500, at=NOW)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(take, range(8)))
    assert len({one.payment_id for one in answers}) == 1
    assert (Payment.objects.count(), desk.cash(account)) == (1, 500)
    check_books()
