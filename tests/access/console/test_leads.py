"""Potential customers on their pages: written down, spoken with, revealed for a reason, opened with their campaign."""

from __future__ import annotations

import pytest
from django.test import Client

from openboss.access.jobs import clock
from openboss.modules.customers import functions as customers
from openboss.modules.orders import functions as orders
from openboss.modules.resources import functions as resources
from openboss.modules.system import functions as system

from .conftest import signed_in
from .small_operator import NOW

pytestmark = pytest.mark.usefixtures("operator", "stock")
HALL = "17.027.05.01"
LEAD = {"name": "赵敏", "phone": "13055556666", "source": "RIVAL", "kind": "INDIVIDUAL", "campaign": "SWITCH-11"}


def test_a_lead_is_written_down_spoken_with_and_opened_as_a_user_with_the_campaign_kept(clerk: Client) -> None:
    page = clerk.post("/leads/add/", {**LEAD, "rival": "UNICOM"}, follow=True)
    lead = page.context["lead"]
    assert ("赵敏" in page.content.decode(), lead.name_masked) == (False, "赵*")
    again = clerk.post("/leads/add/", LEAD, follow=True)
    assert "Somebody looks after this number already." in again.content.decode()
    assert "are needed" in clerk.post("/leads/add/", {"name": "x"}, follow=True).content.decode()
    spoken = clerk.post(
        f"/leads/{lead.lead_id}/visit/", {"means": "CALL", "state": "INTERESTED", "note": "likes 98"}, follow=True
    )
    assert "likes 98" in spoken.content.decode()
    seen = clerk.post(f"/leads/{lead.lead_id}/reveal/", {"reason": "call back"}).content.decode()
    assert ("赵敏" in seen, "13055556666" in seen) == (True, True)
    assert system.list_audit(action="customers.reveal_lead")[0][0].reason == "call back"
    assert clerk.post(f"/leads/{lead.lead_id}/reveal/", {"reason": "why " * 150}).status_code == 200
    assert len(system.list_audit(action="customers.reveal_lead")[0][0].reason) == 200
    entered = {"name": "赵敏", "kind": "INDIVIDUAL", "cert_type": "PASSPORT", "cert_no": "E88112233"}
    form = clerk.post(
        "/customers/new/enter/", {**entered, "pay_method": "CASH", "lead": str(lead.lead_id)}, follow=True
    )
    customer_id = form.context["who"].customer_id
    plain = [one for one in resources.find_numbers(at=NOW, org_codes=[HALL]) if not one.deposit_fen + one.minimum_fen]
    (account,) = customers.accounts_of_customer(customer_id=customer_id)
    asked = {
        "customer": str(customer_id),
        "number": str(plain[0].number),
        "iccid": resources.free_sims(org_codes=[HALL])[0].iccid,
        "main_offer_id": "102",
        "account_id": str(account.account_id),
        "pay_type": "POSTPAID",
        "lead": form.context["lead"],
    }
    order = clerk.post("/orders/new/OPEN/place/", asked, follow=True).context["order"]
    steps = {"step": list(order.open_steps), "document_kind": "HOLDER_ID", "document-HOLDER_ID": "E88112233"}
    clerk.post(f"/orders/{order.order_id}/check/", steps)
    clerk.post(f"/orders/{order.order_id}/confirm/", {"means": "CASH", "service_password": "482913"})
    done = orders.order_view(order_id=order.order_id)
    assert (done.state, (done.result or {}).get("campaign")) == ("COMPLETED", "SWITCH-11")
    assert customers.effective_state(subscriber_id=done.subscriber_id or 0, at=clock.now()) == "ACTIVE"
    rows = clerk.get("/leads/campaigns/").context["list"]["rows"]
    assert len(rows) == 1
    assert customers.list_leads(state="CONVERTED", campaign="SWITCH-11")[1] == 1
    assert signed_in("analyst").post(f"/leads/{lead.lead_id}/reveal/", {"reason": "curious"}).status_code == 403
