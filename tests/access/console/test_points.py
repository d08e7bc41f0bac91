"""Points on the screen: the balance and how it came about; turned into phone money once."""

import pytest

from openboss.access.jobs import clock
from openboss.modules.customers import functions as customers
from openboss.modules.receivables.functions import points
from openboss.modules.receivables.functions.owed import has_arrears, owed
from openboss.processes import take_payment

from .conftest import signed_in

pytestmark = pytest.mark.usefixtures("operator")


def test_points_become_phone_money_where_enough_was_shown_and_arrears_come_first() -> None:
    clerk = signed_in("clerk")
    user = next(user for user in range(2, 100) if has_arrears(subscriber_id=user, at=clock.now()))
    points.adjust(subscriber_id=user, points=500, reason="opening", serial_no="P-1", at=clock.now(), staff_id=1)
    shown = clerk.get(f"/users/{user}/points/").content.decode()
    assert ">500<" in shown
    address = f"/users/{user}/points/redeem/"
    nothing = clerk.post(address, {"points": "100", "serial_no": "P-2"}, follow=True).content.decode()
    assert "What the customer showed is not enough" in nothing
    too_many = clerk.post(address, {"points": "501", "serial_no": "P-3", "proof": "ID_AT_HALL"}, follow=True)
    assert "has not so many points" in too_many.content.decode()
    assert points.points_of(subscriber_id=user) == 500
    refused = clerk.post(address, {"points": "150", "serial_no": "P-4", "proof": "ID_AT_HALL"}, follow=True)
    assert "let the customer pay first" in refused.content.decode()
    _pay_for(user)
    for _ in range(2):
        done = clerk.post(address, {"points": "150", "serial_no": "P-4", "proof": "ID_AT_HALL"}, follow=True)
        assert "¥1.50 of phone money" in done.content.decode()
    assert points.points_of(subscriber_id=user) == 350
    assert signed_in("analyst").post(address, {"points": "1"}).status_code == 403
    assert clerk.get("/users/99999999/points/").status_code == 404


def _pay_for(user: int) -> None:
    """Pay what every account that pays something of the user owes."""
    for account_id in set(customers.relations_of(subscriber_id=user, cycle=202609)["account_id"]):
        if open_fen := owed(account_id=account_id, at=clock.now()).owed_fen:
            paid = {"account_id": account_id, "paid_fen": open_fen, "means": "CARD", "channel": "HALL"}
            take_payment.take(**paid, serial_no=f"P-{account_id}", at=clock.now())
