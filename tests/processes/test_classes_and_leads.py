"""A class of customers decides prices from the next record on; a lead keeps its campaign when it opens (BMC-01, 07)."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from shutil import copytree

import polars as pl
import pytest
import yaml

from openboss.modules.catalog.functions import OfferVersionView
from openboss.modules.catalog.functions.sale import Buyer, Refusal, unfit
from openboss.modules.charging.engine.rating import rate_chunk
from openboss.modules.charging.functions.engine import engine_lock, recover_engine
from openboss.modules.customers import functions as customers
from openboss.modules.customers.functions import Proof
from openboss.modules.customers.models import Customer, Lead
from openboss.modules.customers.schema import FRAMES
from openboss.processes import campaign_return, hall
from openboss.processes.change_customer import sealed_request
from openboss.processes.open_operator import open_operator, take_customers_over
from openboss.processes.order_flow import OfferRefused
from tests.modules.charging.engine.conftest import chunk, record
from tests.modules.receivables.conftest import desk
from tests.processes.hall_office import AT, CLERK_STEPS, Office, office
from tests.processes.test_change_products import BASE, NUMBER, OPENED, USER

__all__ = ["desk", "office"]
EXAMPLE = Path(__file__).parents[2] / "example"
TEN = datetime(2026, 10, 15, 2, 0, tzinfo=UTC)  # 10:00 in Shanghai
CLASS_OFFER = {
    "offer": "CLASS_A_PRICES",
    "offer_id": 991,
    "names": {"zh": "A类集团资费", "en": "Prices of class A"},
    "kind": "ADDON",
    "versions": [
        {
            "from": "2020-01-01",
            "prices": [
                {"rule": "CALLS", "component": "basic", "when": {"record": ["MOC"]}, "item": "LOCAL", "unit": "60 s",
                 "price": "0.11", "names": {"zh": "通话", "en": "Calls"}}
            ],
        }
    ],
}  # fmt: skip


@pytest.fixture
def operator(tmp_path, settings):
    settings.DATA_DIR, settings.LAKE_DIR = tmp_path, tmp_path / "lake"
    (tmp_path / "base").mkdir()
    for name, columns in BASE.items():
        pl.DataFrame(columns, schema=FRAMES[name]).write_parquet(tmp_path / "base" / f"{name}.parquet")
    copytree(EXAMPLE, tmp_path / "example")
    (tmp_path / "example/tariffs/class.yaml").write_text(yaml.safe_dump(CLASS_OFFER, allow_unicode=True))
    open_operator(tmp_path / "example", at=OPENED)
    take_customers_over(tmp_path / "base", first_cycle=202610, at=OPENED)


def cost_of_calls(*at: str) -> list[int]:
    """What calls of a minute cost, after the engine has taken what waits."""
    rows = [record(NUMBER, f"2026-10-15 {moment}", duration_s=60, other_number=8613907119999) for moment in at]
    with engine_lock() as mine:
        assert mine
        owner = recover_engine()
        owner.drain()
        found = rate_chunk(owner.state, chunk(*rows), position=owner.position + 1, threads=1).detail.sort("row")
        return found["act_basic_li"].to_list()


def change_class(code: str, at: datetime, serial_no: str) -> None:
    customer_id = customers.customer_of_subscriber(subscriber_id=USER)
    about = {"channel": "HALL", "staff_id": 1, "at": at}
    order = hall.place(
        kind="CHANGE_CUSTOMER", request=sealed_request({"customer_class": code}, reason="grown"), serial_no=serial_no,
        proofs=[Proof.HOLDER_AT_HALL], org_code="", customer_id=customer_id, **about,
    )  # fmt: skip
    hall.attach(order_id=order.order_id, kind="HOLDER_ID", content=b"x", at=at, staff_id=1)
    assert hall.confirm(order_id=order.order_id, at=at, staff_id=1).state == "COMPLETED"


@pytest.mark.requirement("BMC-07")
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("operator")
def test_a_change_of_class_takes_effect_from_the_next_rating_event_and_holds_for_classes_below() -> None:
    customers.put_class(code="GROUP", name_zh="集团", name_en="Group", offer_id=991, at=OPENED)
    calls = ("09:59:59", "10:00:00", "10:29:59", "10:30:00")
    assert cost_of_calls(*calls) == [600, 600, 600, 600]
    change_class("A", TEN, "C1")  # A stands below GROUP
    assert cost_of_calls(*calls) == [600, 110, 110, 110]
    change_class("ORDINARY", TEN + timedelta(minutes=30), "C2")
    assert cost_of_calls(*calls) == [600, 110, 110, 600]
    for offer_id in (991, 1):  # what a class gives, and the national tariff, are held without an order
        with pytest.raises(OfferRefused):
            hall.preview(kind="ADD_PRODUCT", request={"offer_id": offer_id}, at=TEN, subscriber_id=USER)
    before = Customer.objects.values_list("customer_class", flat=True).get()
    with pytest.raises(customers.ClassUnknown):
        change_class("PLATINUM", TEN + timedelta(minutes=40), "C3")
    assert Customer.objects.values_list("customer_class", flat=True).get() == before


@pytest.mark.django_db
def test_the_tree_of_classes_has_no_circle_and_what_is_asked_of_a_class_is_met_below_it() -> None:
    put = {"name_zh": "x", "name_en": "x", "at": AT}
    assert customers.put_class(code="GROUP", **put)
    assert not customers.put_class(code="GROUP", **put)
    customers.put_class(code="A", parent="GROUP", **put)
    customers.put_class(code="A1", parent="A", **put)
    assert customers.class_path("A1") == ("A1", "A", "GROUP")
    with pytest.raises(customers.ClassWrong):
        customers.put_class(code="GROUP", parent="A1", **put)
    with pytest.raises(customers.ClassUnknown):
        customers.put_class(code="B", parent="NONE", **put)
    with pytest.raises(customers.OfferUnknown):
        customers.put_class(code="B", offer_id=999_999, **put)
    assert set(customers.classes()) == {"GROUP", "A", "A1"}
    wanted = _version({"customer_class": "GROUP"})
    for code, is_fit in (("A1", True), ("GROUP", True), ("ORDINARY", False)):
        buyer = Buyer(customer_class=code, classes_above=customers.class_path(code))
        refused: list[Refusal] = unfit(wanted, [], buyer, date(2026, 11, 2))
        assert (refused == []) is is_fit


def _version(eligibility: dict[str, str]) -> OfferVersionView:
    """A version of an offer that asks something of its buyers."""
    known = {"code": "X", "names": {"zh": "x", "en": "x"}, "document": {"eligibility": eligibility}}
    return OfferVersionView(**{**dict.fromkeys(OfferVersionView.__dataclass_fields__), **known})


def lead(office: Office, phone: str, campaign: str = "SPRING", **more: str) -> int:
    known = {"name": "李明", "kind": "INDIVIDUAL", "source": "CAMPAIGN", "org_code": "17", "rival": "UNICOM"}
    return customers.add_lead(phone=phone, campaign=campaign, owner_id=office.clerk, at=AT, **{**known, **more})


@pytest.mark.requirement("BMC-01")
def test_a_lead_converted_at_opening_keeps_its_campaign_for_the_return_on_the_campaign(
    office: Office,
) -> None:
    won, lost = lead(office, "13011112222"), lead(office, "13011113333")
    with pytest.raises(customers.LeadExists):
        lead(office, "130-1111-2222", name="王芳")
    assert customers.lead_view(lead_id=won).name_masked == "李*"
    assert b"13011112222" not in bytes(Lead.objects.get(pk=won).phone_sealed)
    own = {"at": AT, "staff_id": office.clerk}
    customers.visit_lead(lead_id=won, means="CALL", note="wants more data", state="INTERESTED", **own)
    customers.visit_lead(lead_id=lost, means="VISIT", note="stays where he is", state="LOST", **own)
    with pytest.raises(customers.LeadClosed):
        customers.visit_lead(lead_id=lost, means="CALL", note="again", state="CONTACTED", **own)
    order = office.place("OPEN", **office.open_request(lead_id=won))
    office.fill_in(order, *CLERK_STEPS)
    done = office.confirm(order, service_password="258014")
    found = customers.lead_view(lead_id=won)
    assert (done.result or {})["campaign"] == "SPRING"
    assert (found.state, found.subscriber_id, found.campaign) == ("CONVERTED", done.subscriber_id, "SPRING")
    assert [one.means for one in customers.visits_of_lead(lead_id=won)] == ["CALL"]
    assert customers.list_leads(state="LOST")[1] == 1
    office.desk.bill(office.account_id, 202611, user=done.subscriber_id or 0, RENT=8800)
    (spring,) = campaign_return.returns(cost_fen={"SPRING": 4400})
    assert (spring.leads, spring.visited, spring.lost, spring.converted) == (2, 2, 1, 1)
    assert (spring.billed_fen, spring.converted_ppm, spring.return_ppm) == (8800, 500_000, 1_000_000)
    lead(office, "13011112222", campaign="AUTUMN")  # who was won once may be a lead again
    assert [one.campaign for one in campaign_return.returns()] == ["AUTUMN", "SPRING"]
