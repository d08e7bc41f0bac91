"""An objection at the console: taken on the page of the bill, decided on its list (D8.12)."""

import pytest
from django.test import Client

from openboss.modules.billing import functions as billing
from openboss.modules.receivables import functions as receivables
from openboss.modules.receivables.functions.objections import list_objections

from .conftest import posted, signed_in
from .small_operator import NOW
from .test_monthly_gifts import SECOND

pytestmark = pytest.mark.usefixtures("operator")


def test_an_objection_is_taken_at_the_bill_and_given_back_double_on_the_list(clerk: Client) -> None:
    rows, _total, _sums = billing.list_bills(filters={"cycle": 202609, "min_fen": 5000}, page_size=1)
    bill = rows[0]
    user = billing.bill(bill.bill_id).users[0]
    item = max((one for group in user.groups for one in group.items), key=lambda one: one.due_fen)
    address, chosen = f"/bills/{bill.bill_id}/object/", f"{user.subscriber_id}-{item.item_id}"
    assert f'value="{chosen}"' in clerk.get(f"/bills/{bill.bill_id}/").content.decode()
    too_much = posted(clerk, address, item=chosen, amount="99999", reason="x", serial_no="OB-1")
    assert "No more can be too much" in too_much
    for _ in range(2):
        assert "Nobody is stopped" in posted(clerk, address, item=chosen, amount="1", reason="never", serial_no="OB-1")
    (waiting,) = list_objections(bill_id=bill.bill_id)
    assert signed_in("analyst").post(f"/objections/{waiting.objection_id}/", {"answer": "x"}).status_code == 403
    decide = f"/objections/{waiting.objection_id}/"
    assert decide in clerk.get("/objections/").content.decode()
    assert "Say what was found" in posted(clerk, decide, over="1", decision="confirm")

    def left_to_pay() -> int:
        owed = receivables.owed(account_id=bill.account_id, at=NOW)
        return owed.owed_fen - owed.advance_fen

    before_fen = left_to_pay()
    confirmed = {"over": "1", "decision": "confirm", "answer": "switch fault"}
    assert "A second person must agree" in posted(clerk, decide, **confirmed), "who took it"
    assert "¥2.00 were put into" in posted(clerk, decide, **confirmed, **SECOND)
    assert before_fen - left_to_pay() == 200
    assert "decided on this already" in posted(clerk, decide, over="1", decision="reject", answer="x")
    assert "Given back" in clerk.get(f"/bills/{bill.bill_id}/").content.decode()
