"""Certificates and areas at the counter; one-time fees and contracts through orders onto the bill."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from openboss.modules.billing.models import OneTimeCharge
from openboss.modules.catalog.atomic import put_offer
from openboss.modules.catalog.documents import OfferDocument, VersionDocument
from openboss.modules.customers import functions as customers
from openboss.modules.orders.models import ProductOrder
from openboss.processes import hall
from openboss.processes.order_flow import OfferRefused
from tests.modules.receivables.conftest import desk  # noqa: F401
from tests.processes.hall_office import AT, Office, office  # noqa: F401

pytestmark = pytest.mark.django_db
CARE, PHONE, LOCAL_ONLY = 601, 602, 603
MARCH = datetime(2027, 3, 5, 2, 0, tzinfo=UTC)


def on_sale(offer_id: int, **document: Any) -> None:
    """An add-on on sale."""
    rules = [(rule["rule"], "ONE_TIME", "费", "fee") for rule in document.get("one_time", [])]
    version = VersionDocument(date(2003, 1, 1), document, str(offer_id), tuple(rules))
    put_offer(offer=OfferDocument(offer_id, f"OFFER_{offer_id}", "ADDON", "", "包", "Pack", "", (version,)), at=AT)


@pytest.fixture
def user(office: Office) -> int:  # noqa: F811
    on_sale(CARE, eligibility={"certificates": ["DISABILITY"]})
    on_sale(LOCAL_ONLY, eligibility={"areas": [571], "channels": ["WEB"]})
    names = {"zh": "费", "en": "fee"}
    setup = {"rule": "SETUP", "item": "ONE_TIME", "fee": "50.00", "paid": "COUNTER", "names": names}
    on_sale(PHONE, one_time=[setup], contract={"cycles": 12, "end_early": {"fee": "600.00", "mode": "REMAINING"}})
    return office.open_user()


@pytest.mark.requirement("BMT-07")
def test_a_care_card_is_refused_without_a_certificate_of_disability_and_given_with_one(office: Office, user: int):  # noqa: F811
    orders = ProductOrder.objects.count()
    with pytest.raises(OfferRefused, match="asks for a certificate: DISABILITY"):
        office.place("ADD_PRODUCT", user=user, offer_id=CARE)
    assert ProductOrder.objects.count() == orders
    shown = {"customer_id": office.customer_id, "kind": "DISABILITY", "number": "4201-1234567", "at": AT}
    customers.add_certificate(**shown, from_on=date(2026, 1, 1), to_on=None, staff_id=office.clerk)
    assert office.do("ADD_PRODUCT", user, offer_id=CARE).state == "COMPLETED"


def test_a_certificate_that_has_ended_opens_nothing(office: Office, user: int):  # noqa: F811
    shown = {"customer_id": office.customer_id, "kind": "DISABILITY", "number": "4201-1234567", "at": AT}
    customers.add_certificate(**shown, from_on=date(2026, 1, 1), to_on=date(2026, 11, 2), staff_id=office.clerk)
    with pytest.raises(OfferRefused, match="DISABILITY"):
        office.place("ADD_PRODUCT", user=user, offer_id=CARE)
    with pytest.raises(customers.CertificateWrong):
        customers.add_certificate(**shown, from_on=date(2026, 1, 1), to_on=None, staff_id=office.clerk)


def test_an_offer_of_another_area_and_channel_is_refused_with_both_reasons(office: Office, user: int):  # noqa: F811
    with pytest.raises(OfferRefused, match="a home area of: 571; .*the channel: WEB"):
        office.place("ADD_PRODUCT", user=user, offer_id=LOCAL_ONLY)


def test_a_one_time_fee_is_collected_with_the_order_and_the_contract_ended_early_goes_on_the_bill(
    office: Office,  # noqa: F811
    user: int,
):
    taken = office.do("ADD_PRODUCT", user, offer_id=PHONE)
    assert [(fee.code, fee.booking, fee.fee_fen) for fee in taken.fees] == [("OFFER_FEE", "FEE", 5_000)]
    holding_id = next(iter(taken.result.values()))
    plan = hall.preview(kind="END_PRODUCT", request={"holding_id": holding_id}, at=MARCH, subscriber_id=user)
    assert [(fee.code, fee.booking, fee.fee_fen) for fee in plan.fees] == [("EARLY_END", "BILL", 40_000)]
    ended = office.do("END_PRODUCT", user, holding_id=holding_id, at=MARCH)
    assert (ended.state, ended.unpaid_fen) == ("COMPLETED", 0)
    charge = OneTimeCharge.objects.get()
    assert (charge.cycle, charge.subscriber_id, charge.charge_li, charge.note) == (202703, user, 400_000, "EARLY_END")


def test_a_product_kept_for_its_term_ends_for_nothing(office: Office, user: int):  # noqa: F811
    taken = office.do("ADD_PRODUCT", user, offer_id=PHONE)
    at = datetime(2027, 11, 2, 4, 0, tzinfo=UTC)
    plan = hall.preview(kind="END_PRODUCT", request=dict(taken.result), at=at, subscriber_id=user)
    assert list(plan.fees) == []


def test_who_leaves_for_good_pays_the_contract_at_the_counter(office: Office, user: int):  # noqa: F811
    office.do("ADD_PRODUCT", user, offer_id=PHONE)
    steps, documents = ("REASON", "RETENTION", "IDENTITY"), ("HOLDER_ID",)
    office.do("PRE_CANCEL", user, steps=steps, documents=documents, reason="moves", current_fen=0)
    day = datetime(2027, 2, 10, 2, 0, tzinfo=UTC)
    plan = hall.preview(kind="CANCEL", request={}, at=day, subscriber_id=user)
    assert [(fee.code, fee.booking, fee.fee_fen) for fee in plan.fees] == [("EARLY_END", "FEE", 45_000)]
