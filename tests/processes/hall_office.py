"""A business hall with stock, clerks and customers: what tests of the hall's flows share."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from openboss.modules.catalog.atomic import put_offer
from openboss.modules.catalog.documents import OfferDocument, VersionDocument
from openboss.modules.customers import functions as customers
from openboss.modules.customers.functions import Proof
from openboss.modules.orders.functions import OrderView
from openboss.modules.resources import functions as resources
from openboss.modules.system.atomic import OrgNodeView, put_org_nodes
from openboss.modules.system.models import Outbox
from openboss.processes import hall
from openboss.processes.hall import Tender
from tests.modules.receivables.conftest import Desk

AT = datetime(2026, 11, 2, 2, 0, tzinfo=UTC)  # 10:00 in Shanghai
DAY = timedelta(days=1)
HALL = "17.027.05.01"
SEGMENTS = ((8613900001200, 8613900001299), (8613900005670, 8613900005679))
NUMBERS = 110
ORDINARY, VANITY_G4 = 8613900001290, 8613900005678
OFFERS = {  # id: (kind, brand, monthly fee, relations)
    102: ("MAIN", "GOTONE", "30.00", {}),
    103: ("MAIN", "GOTONE", "58.00", {}),
    110: ("MAIN", "GOTONE", "198.00", {}),
    202: ("MAIN", "EASYOWN", None, {}),
    305: ("ADDON", "", "5.00", {}),
    306: ("ADDON", "", "5.00", {"excludes": ["OFFER_305"]}),
    404: ("ADDON", "", "5.00", {}),
}
HOLDER = [Proof.HOLDER_AT_HALL]
CLERK_STEPS = ("INTRODUCE", "FORM_FREE", "IDENTITY", "PAY_METHOD", "OFFER")
CASH = Tender("CASH")


@dataclass
class Office:
    """One clerk's day: orders with running serial numbers."""

    desk: Desk
    customer_id: int
    account_id: int
    serial: int = 0

    @property
    def clerk(self) -> int:
        """Who sits at the counter."""
        return self.desk.staff["clerk"]

    def no(self) -> str:
        """The next serial number."""
        self.serial += 1
        return f"H{self.serial}"

    def place(self, kind: str, *, user: int | None = None, at: datetime = AT, **more: Any) -> OrderView:
        """Take an order down; `request` fields by name, the rest of `hall.place` too."""
        known = {"serial_no", "proofs", "effective", "date_at", "customer_id", "channel", "within", "org_code"}
        rest = {name: value for name, value in more.items() if name in known}
        request = {name: value for name, value in more.items() if name not in known}
        defaults = {"serial_no": rest.pop("serial_no", None) or self.no(), "channel": "HALL", "proofs": HOLDER}
        return hall.place(
            kind=kind,
            request=request,
            subscriber_id=user,
            at=at,
            staff_id=self.clerk,
            **{"org_code": HALL, **defaults, **rest},
        )

    def open_request(self, **changes: Any) -> dict[str, Any]:
        """What an opening asks for: an ordinary number, the first free card, a plan of 30.00."""
        card = resources.free_sims(org_codes=[HALL], limit=1)[0].iccid
        request = {
            "customer_id": self.customer_id, "number": ORDINARY, "iccid": card, "main_offer_id": 102, "brand": "GOTONE",
            "home_area": 27, "pay_type": "POSTPAID", "account_id": self.account_id,
        }  # fmt: skip
        return {**request, **changes}

    def fill_in(self, order: OrderView, *steps: str, documents: tuple[str, ...] = ("HOLDER_ID",), at=AT) -> None:
        """Go through the list: steps ticked, documents compared and kept."""
        hall.tick(order_id=order.order_id, notes=dict.fromkeys(steps, ""), at=at, staff_id=self.clerk)
        for kind in documents:
            hall.attach(order_id=order.order_id, kind=kind, content=kind.encode(), at=at, staff_id=self.clerk)

    def confirm(self, order: OrderView, *, at: datetime = AT, tender: Tender | None = CASH, **more: Any) -> OrderView:
        """Carry an order out."""
        return hall.confirm(order_id=order.order_id, at=at, staff_id=self.clerk, tender=tender, **more)

    def open_user(self, *, at: datetime = AT, **changes: Any) -> int:
        """A user opened at the counter."""
        order = self.place("OPEN", at=at, **self.open_request(**changes))
        self.fill_in(order, *CLERK_STEPS, at=at)
        done = self.confirm(order, at=at, service_password="258014")
        assert done.subscriber_id is not None
        return done.subscriber_id

    def do(self, kind: str, user: int, *, steps=(), documents=(), at: datetime = AT, **more: Any) -> OrderView:
        """An order from the first word to the end."""
        order = self.place(kind, user=user, at=at, **more)
        self.fill_in(order, *steps, documents=documents, at=at)
        return self.confirm(order, at=at)


def state(user: int, at: datetime = AT) -> str:
    """The effective state of a user."""
    return customers.effective_state(subscriber_id=user, at=at)


def line(user: int, at: datetime = AT) -> customers.LineView:
    """A user with number and card."""
    return customers.line_of(subscriber_id=user, at=at)


def number_state(number: int, at: datetime = AT) -> str:
    """The state of a number."""
    return resources.number_view(number=number, at=at).state


def network() -> list[dict[str, Any]]:
    """What the network was told, in order."""
    rows = Outbox.objects.filter(topic="network.hlr").order_by("outbox_id")
    return [row.payload for row in rows]


def sms() -> list[str]:
    """The templates of the messages to handsets, in order."""
    rows = Outbox.objects.filter(topic="sms").order_by("outbox_id")
    return [row.payload["template"] for row in rows]


@pytest.fixture
def office(desk: Desk, tmp_path, settings) -> Office:
    """A furnished hall."""
    settings.DATA_DIR, settings.LAKE_DIR = tmp_path, tmp_path / "lake"
    return furnish(desk)


def furnish(desk: Desk) -> Office:
    """A hall with 110 numbers, twenty cards, seven offers and one customer with an account."""
    from tests.modules.resources.conftest import ITEMS, card_lines, import_cards

    nodes = [
        OrgNodeView("17", "PROVINCE", None, "湖北", "Hubei"),
        OrgNodeView("17.027", "CITY", "17", "武汉", "Wuhan"),
        OrgNodeView(HALL, "OUTLET", "17.027", "江汉路厅", "Jianghan Road"),
    ]
    put_org_nodes(nodes=nodes, at=AT)
    for offer_id, (kind, brand, fee, relations) in OFFERS.items():
        code = "KEEP_NUMBER" if offer_id == 404 else f"OFFER_{offer_id}"
        names = {"zh": "月费", "en": "Monthly fee"}
        fees = [{"rule": "RENT", "item": "RENT", "fee": fee, "first_month": "FULL", "names": names}] if fee else []
        version = VersionDocument(
            date(2003, 1, 1), {"relations": relations, "recurring": fees}, str(offer_id), ("RENT",) if fee else ()
        )
        document = OfferDocument(offer_id, code, kind, brand, code, code, "test", (version,))
        put_offer(offer=document, at=AT)
    resources.put_item_types(rows=ITEMS, at=AT)
    for first, last in SEGMENTS:
        wanted = {"first": first, "last": last, "hlr_code": "HLR1", "home_area": 27, "org_code": HALL}
        resources.load_segment(**wanted, at=AT, staff_id=None)
    import_cards(card_lines(20), org_code=HALL)
    customer_id = customers.find_or_create_customer(
        kind="INDIVIDUAL", name="李明", cert_type="ID_CARD", cert_no="11010519491231002X", org_code=HALL, at=AT,
        staff_id=None,
    )  # fmt: skip
    account_id = customers.open_account(
        customer_id=customer_id, pay_method="CASH", language="zh", layout="STANDARD", at=AT, staff_id=None
    )
    return Office(desk, customer_id, account_id)
