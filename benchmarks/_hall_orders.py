"""What a shop's or a web site's system sends to the open interfaces: orders of the hall, payments, and questions.

A job is one order or payment with everything it needs; the same job sent again is carried out once. Pure: whoever
sends (locust, or a test that kills servers) brings the connection.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

PRODUCT_ORDERS = "/tmf-api/productOrderingManagement/v4/productOrder"
SERVICE_ORDERS = "/tmf-api/serviceOrdering/v4/serviceOrder"
PAYMENTS = "/tmf-api/paymentManagement/v4/payment"
PAPER = base64.b64encode(b"a copy of the document that was shown " * 200).decode()
CASH = [{"id": "till", "@referredType": "cash"}]
SCOPES = ("customers.view", "customers.edit", "receivables.view", "receivables.collect", "catalog.view")

Job = Mapping[str, Any]
Sent = tuple[str, str, dict[str, Any]]  # method, path, body


def first(job: Job) -> Sent:
    """The request that begins a job."""
    kind = job["kind"]
    if kind == "PAYMENT":
        body = {
            "correlatorId": job["serial"],
            "account": {"id": str(job["account"])},
            "paymentMethod": {"@type": "cash"},
            "totalAmount": {"unit": "CNY", "value": 30.00},
        }
        return "POST", PAYMENTS, body
    if kind in ("REPORT_LOST", "RELEASE_LOST"):
        item = {"id": "1", "action": "modify", "service": {"id": str(job["user"])}}
        asked = {"externalId": job["serial"], "category": kind, "proof": ["SERVICE"], "serviceOrderItem": [item]}
        return "POST", SERVICE_ORDERS, asked
    return "POST", PRODUCT_ORDERS, _product_order(job)


def _product_order(job: Job) -> dict[str, Any]:
    kind, item = job["kind"], {"id": "1", "action": "add" if job["kind"] in ("OPEN", "ADD_PRODUCT") else "modify"}
    body: dict[str, Any] = {"externalId": job["serial"], "productOrderItem": [item]}
    if kind == "REPLACE_SIM":
        item["product"] = _told(iccid=job["iccid"])
        body |= {"category": kind, "proof": ["HOLDER_AT_HALL"], "channel": [{"id": "HALL"}]}
    elif kind == "OPEN":
        item["product"] = _told(number=job["number"], iccid=job["iccid"], payType="POSTPAID")
        item["productOffering"] = {"id": str(job["offer"])}
        body |= {"proof": ["ID_AT_HALL"], "channel": [{"id": "AGENT"}], "billingAccount": {"id": str(job["account"])}}
    else:
        item["productOffering"] = {"id": str(job["offer"])}
        body["proof"] = ["SERVICE"]
    if kind == "CHANGE_PLAN":
        item["product"] = _told(changeBrand="true")
    who = ("customer", job["customer"]) if kind == "OPEN" else ("user", job["user"])
    return {**body, "relatedParty": [{"role": who[0], "id": str(who[1])}]}


def _told(**characteristics: object) -> dict[str, Any]:
    return {"productCharacteristic": [{"name": name, "value": str(value)} for name, value in characteristics.items()]}


def next_step(job: Job, answer: Mapping[str, Any]) -> Sent | None:
    """What an order still needs after the answer to the last request; None: it is done."""
    if answer.get("state") != "acknowledged":
        return None
    body: dict[str, Any] = {"state": "inProgress", "payment": CASH}
    steps = [{"name": one["name"], "isDone": True} for one in answer.get("checklist") or [] if not one["isDone"]]
    if job["kind"] == "OPEN":
        papers = ("HOLDER_ID", "BANK_BOOK")  # the second where a bank pays the account's bills
        body["attachment"] = [{"attachmentType": kind, "content": PAPER} for kind in papers]
        body["servicePassword"] = "258014"
    return "PATCH", answer["href"], {**body, "checklist": steps}


def is_done(job: Job, answer: Mapping[str, Any]) -> bool:
    """Whether an answer says that the job is done, today or on its day."""
    if job["kind"] == "PAYMENT":
        return answer.get("status") == "done"
    return answer.get("state") in ("completed", "pending")


def question(kind: str, subject: Mapping[str, Any]) -> str:
    """The address of one question about a customer, a user, an account, or what is on sale."""
    customer, account = subject["customer"], subject["account"]
    return {
        "customer": f"/tmf-api/customerManagement/v4/customer/{customer}",
        "find by name": f"/tmf-api/customerManagement/v4/customer?name={subject['initials']}&limit=10",
        "party": f"/tmf-api/party/v4/individual/{customer}",
        "products": f"/tmf-api/productInventory/v4/product?relatedParty.id={customer}",
        "account": f"/tmf-api/accountManagement/v4/billingAccount/{account}",
        "balance": f"/tmf-api/prepayBalanceManagement/v4/bucket?partyAccount.id={account}",
        "payments": f"/tmf-api/paymentManagement/v4/payment?account.id={account}&limit=10",
        "orders": f"{PRODUCT_ORDERS}?relatedParty.id={customer}&limit=10",
        "free numbers": "/tmf-api/resourceInventoryManagement/v4/resource?category=MSISDN&limit=20",
        "offering": f"/tmf-api/productCatalogManagement/v4/productOffering/{subject['offer']}",
    }[kind]


ORDER_MIX = {"CHANGE_PLAN": 20, "ADD_PRODUCT": 15, "OPEN": 10, "REPLACE_SIM": 10, "LOSS": 20, "PAYMENT": 25}
"""Of 100 orders; LOSS is a report of a loss and, with the next order of that user, its release."""
QUERY_MIX = {
    "customer": 28, "find by name": 2, "party": 5, "products": 15, "account": 10, "balance": 15, "payments": 5,
    "orders": 10, "free numbers": 5, "offering": 5,
}  # fmt: skip
"""Of 100 queries."""

MUST_BE_ZERO = {
    "orders half done": "SELECT count(*) FROM orders_order WHERE state = 'IN_PROGRESS'",
    "orders carried out without their money": (
        "SELECT count(*) FROM orders_order o JOIN orders_fee f USING (order_id) WHERE o.state IN ('COMPLETED',"
        " 'PENDING') AND f.serial_no IS NULL"
    ),
    "money of no order, or not the fee's": (
        "SELECT count(*) FROM orders_fee f LEFT JOIN receivables_payment p ON p.payment_id = f.payment_id"
        " WHERE f.payment_id IS NOT NULL AND p.paid_fen IS DISTINCT FROM f.fee_fen"
    ),
    "numbers in use that no user has": (
        "SELECT count(*) FROM resources_numberresource n WHERE n.state = 'OCCUPIED' AND NOT EXISTS (SELECT 1 FROM"
        " customers_numberperiod p WHERE p.number = n.number AND p.subscriber_id = n.subscriber_id AND p.period @>"
        " now())"
    ),
    "cards in use that no user has": (
        "SELECT count(*) FROM resources_simcard s WHERE s.state = 'IN_USE' AND NOT EXISTS (SELECT 1 FROM"
        " customers_simperiod p WHERE p.iccid = s.iccid AND p.subscriber_id = s.subscriber_id AND p.period @> now())"
    ),
    "the trial balance": "SELECT coalesce(sum(amount_fen), 0) FROM receivables_posting",
}
