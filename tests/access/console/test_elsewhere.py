"""Paying for a number of another province at the counter: what was shown, refusals in words, months and the end."""

from datetime import timedelta

import pytest

from openboss.access.hub import asking
from openboss.access.jobs import clock
from openboss.modules.customers import functions as customers
from openboss.modules.receivables.functions import elsewhere
from openboss.processes import ask_province, pay_elsewhere, take_payment

from .conftest import posted, signed_in
from .small_operator import NOW

pytestmark = pytest.mark.usefixtures("operator")


def test_a_user_pays_for_a_number_elsewhere_and_sees_what_was_paid_month_by_month() -> None:
    user = next(
        one
        for one in range(40, 100)
        if customers.customer_of_account(account_id=customers.paying_account(subscriber_id=one, cycle=202611))
        == customers.customer_of_subscriber(subscriber_id=one)
        and customers.line_of(subscriber_id=one, at=NOW).life == "ACTIVE"
    )
    clerk, address = signed_in("clerk"), f"/users/{user}/elsewhere/"
    form = {"number": "13712340009", "home": "19", "trans_id": "EL-1", "proof": "ID_AT_HALL"}
    assert "What the customer showed is not enough" in posted(clerk, address, **(form | {"proof": ""}))
    assert "is at home here" in posted(clerk, address, **(form | {"home": "17"}))
    assert "are needed" in posted(clerk, address, **(form | {"home": "99"}))
    assert elsewhere.relations() == []
    assert "is being asked" in posted(clerk, address, **form)
    assert "pays for this number already" in posted(clerk, address, **(form | {"trans_id": "EL-2"}))
    asking.deliver(peers=None, now=clock.now)
    (relation,) = elsewhere.relations()
    account = relation.account_id
    take_payment.take(
        account_id=account, paid_fen=10_000_000, means="CARD", channel="HALL", serial_no="EL-CASH", at=NOW
    )  # fmt: skip
    december = NOW + timedelta(days=31)
    for _ in range(2):
        pay_elsewhere.run(at=december)
        asking.deliver(peers=None, now=lambda: december)
    shown = clerk.get(address).content.decode()
    assert "35.00" in shown and "Paid for" in shown and "13712340009" not in shown
    assert [(one.cycle, one.state) for one in elsewhere.months()] == [(202611, "PAID")]
    january = NOW + timedelta(days=62)
    pay_elsewhere.run(at=january)
    asking.deliver(peers=None, now=lambda: january)
    pay_elsewhere.run(at=january)
    sent = elsewhere.months()[0].trans_id
    for activity in ("PAY", *("REVERSE",) * 4):
        ask_province.no_answer(trans_id=sent, activity=activity, at=january + timedelta(minutes=2))
    asked = {"month": f"{relation.relation_id}.202612", "decision": "paid"}
    assert "It was paid there" in clerk.get(address).content.decode()
    assert "second person" in posted(clerk, f"{address}decide/", **asked)
    assert "ended already" in posted(clerk, f"{address}decide/", **(asked | {"month": "0.202612"}))
    second = {"second_login": "billing2", "second_password": "openboss-demo"}
    assert "the other province has this payment" in posted(clerk, f"{address}decide/", **asked, **second)
    assert "decided on this already" in posted(clerk, f"{address}decide/", **asked, **second)
    assert [one.state for one in elsewhere.months()] == ["PAID", "PAID"]
    end = {"relation": str(relation.relation_id)}
    assert "not paid for any more" in posted(clerk, f"{address}end/", **end)
    assert "ended already" in posted(clerk, f"{address}end/", **end)
    assert signed_in("analyst").get(address).status_code == 403
