"""A cart is carried out whole for one payment; a signed form is kept with its picture, its hash checked (HAL-17)."""

import hashlib
import struct
import zlib
from dataclasses import replace
from functools import partial

import pytest

from openboss.modules.orders import functions as orders
from openboss.modules.orders.models import ProductOrder
from openboss.modules.receivables.models import Payment
from openboss.modules.resources import functions as resources
from openboss.processes import abandoned_orders, cart, hall, sign_form
from openboss.processes.hall import OrderIncomplete, Tender
from openboss.processes.order_flow import RequestIncomplete
from openboss.processes.sign_form import FormSaid, SignatureUnreadable
from openboss.processes.take_payment import TenderedTooLittle
from tests.modules.receivables.conftest import check_books, desk
from tests.processes.hall_office import AT, CLERK_STEPS, DAY, HALL, HOLDER, Office, line, office, state

__all__ = ["desk", "office"]
SAID = FormSaid("zh", [("客户", "李明"), ("受理单号", "7")], ["新增 用户"], [("SIM 卡", "50.00")], "50.00")


def picture(width: int = 60, height: int = 20) -> bytes:
    """A grey signature as PNG."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\x00" + bytes([90]) * width for _ in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return sign_form.PNG + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def put(office: Office, kind: str, user: int | None = None, **request):
    about = {"channel": "HALL", "at": AT, "staff_id": office.clerk, "org_code": HALL, "proofs": HOLDER}
    return cart.put(
        serial_no=office.no(), customer_id=office.customer_id, kind=kind, subscriber_id=user, request=request, **about
    )


def confirm(office: Office, order_id: int, **more):
    return cart.confirm(order_id=order_id, at=AT, staff_id=office.clerk, **more)


def test_a_cart_is_one_order_with_several_operations_and_one_payment(office: Office) -> None:
    user = office.open_user()
    card = resources.free_sims(org_codes=[HALL], limit=1)[0].iccid
    sim = put(office, "REPLACE_SIM", user, iccid=card)
    plan = put(office, "CHANGE_PLAN", user, offer_id=103)
    pack = put(office, "ADD_PRODUCT", user, offer_id=305)
    whole = cart.open_cart(customer_id=office.customer_id)
    assert whole is not None
    assert {sim.part_of_id, plan.part_of_id, pack.part_of_id} == {whole.order_id}
    assert cart.unpaid_fen(order_id=whole.order_id) == 6000  # card 50.00 and replacement 10.00
    before = Payment.objects.count(), line(user)
    with pytest.raises(TenderedTooLittle):
        confirm(office, whole.order_id, tender=Tender("CASH", None, 5999))
    with pytest.raises(OrderIncomplete):
        confirm(office, whole.order_id)
    assert (Payment.objects.count(), line(user)) == before
    assert orders.order_view(order_id=whole.order_id).state == "ACKNOWLEDGED"
    done = confirm(office, whole.order_id, tender=Tender("CASH", None, 10_000))
    assert confirm(office, whole.order_id, tender=Tender("CASH", None, 10_000)) == done
    assert [one.state for one in cart.parts_of(order_id=whole.order_id)] == ["COMPLETED", "PENDING", "COMPLETED"]
    assert resources.sim_view(iccid=card).subscriber_id == user
    assert sum(Payment.objects.values_list("paid_fen", flat=True)) == 15_000 + 6000
    assert cart.open_cart(customer_id=office.customer_id) is None
    check_books()


def test_one_part_that_cannot_be_carried_out_leaves_everything_in_the_cart(office: Office) -> None:
    user = office.open_user()
    put(office, "ADD_PRODUCT", user, offer_id=305)
    lost = put(office, "REPORT_LOST", user)
    office.do("REPORT_LOST", user)
    (whole,) = ProductOrder.objects.filter(kind="CART").values_list("order_id", flat=True)
    held = orders.order_view(order_id=lost.order_id).state
    with pytest.raises(hall.REFUSALS):
        confirm(office, whole)
    assert [one.state for one in cart.parts_of(order_id=whole)] == ["ACKNOWLEDGED", held]
    hall.cancel(order_id=lost.order_id, reason="twice", at=AT, staff_id=office.clerk)
    office.do("RELEASE_LOST", user)
    confirm(office, whole)
    assert [(one.kind, one.state) for one in cart.parts_of(order_id=whole)] == [("ADD_PRODUCT", "COMPLETED")]
    assert state(user) == "ACTIVE"


def test_a_cart_that_is_given_up_gives_back_what_it_kept(office: Office) -> None:
    request = {name: value for name, value in office.open_request().items() if name != "customer_id"}
    part = put(office, "OPEN", **request)
    assert resources.count_sims()["PAIRED"] == 1
    given_up = cart.cancel(order_id=part.part_of_id or 0, reason="gone", at=AT, staff_id=office.clerk)
    assert (given_up.state, resources.count_sims()) == ("CANCELLED", {"IN_STOCK": 20})
    with pytest.raises(RequestIncomplete):
        empty = orders.place_order(
            serial_no="E", kind="CART", channel="HALL", customer_id=office.customer_id, subscriber_id=None, request={},
            proofs=[], effective="NOW", effective_at=AT, items=[], steps=[], fees=[], at=AT, staff_id=1, org_code=HALL,
        )  # fmt: skip
        confirm(office, empty.order_id)


def test_a_cart_nobody_goes_on_with_is_given_up_with_what_lies_in_it(office: Office) -> None:
    request = {name: value for name, value in office.open_request().items() if name != "customer_id"}
    part = put(office, "OPEN", **request)
    assert abandoned_orders.run(at=AT + 6 * DAY) == 0
    assert abandoned_orders.run(at=AT + 7 * DAY) == 1
    states = [orders.order_view(order_id=one or 0).state for one in (part.part_of_id, part.order_id)]
    assert (states, resources.count_sims()) == (["CANCELLED", "CANCELLED"], {"IN_STOCK": 20})


def test_a_cart_is_refused_where_only_its_parts_can_go(office: Office) -> None:
    part = put(office, "REPORT_LOST", office.open_user())
    about = {"order_id": part.part_of_id or 0, "at": AT, "staff_id": office.clerk}
    for act in (hall.confirm, partial(hall.cancel, reason="x"), partial(hall.reject, reason="x")):
        with pytest.raises(RequestIncomplete):
            act(**about)
    assert orders.order_view(order_id=part.part_of_id or 0).state == "ACKNOWLEDGED"


@pytest.mark.requirement("HAL-17")
def test_form_and_signature_are_one_pdf_with_the_order_and_its_hash_verifies(office: Office) -> None:
    order = office.place("OPEN", **office.open_request())
    own = {"order_id": order.order_id, "at": AT, "staff_id": office.clerk}
    for unreadable in (b"", b"<svg>", picture(width=3000), picture()[:24] + b"broken"):
        with pytest.raises(SignatureUnreadable):
            sign_form.sign(said=SAID, signature_png=unreadable, **own)
    assert orders.order_view(order_id=order.order_id).documents == ()
    signed = sign_form.sign(said=SAID, signature_png=picture(), **own)
    found = orders.order_view(order_id=order.order_id)
    assert "FORM_FREE" not in found.open_steps
    assert [(one.kind, one.sha256) for one in found.documents] == [("SIGNED_FORM", signed.sha256)]
    paper = orders.read_document(order_id=order.order_id, sha256=signed.sha256, reason="客户要求", at=AT, staff_id=7)
    assert paper.startswith(b"%PDF")
    assert hashlib.sha256(paper).hexdigest() == signed.sha256
    assert sign_form.fingerprint_of(SAID, picture()) == signed.fingerprint
    assert sign_form.fingerprint_of(replace(SAID, total="51.00"), picture()) != signed.fingerprint
    assert sign_form.fingerprint_of(SAID, picture(width=61)) != signed.fingerprint
    office.fill_in(order, *[step for step in CLERK_STEPS if step != "FORM_FREE"])
    assert office.confirm(order, service_password="258014").state == "COMPLETED"
    with pytest.raises(orders.OrderStateForbids):
        sign_form.sign(said=SAID, signature_png=picture(), **own)


@pytest.mark.requirement("HAL-17")
def test_the_form_of_a_cart_is_signed_for_what_still_lies_in_it(office: Office) -> None:
    request = {name: value for name, value in office.open_request().items() if name != "customer_id"}
    taken_out = put(office, "OPEN", **request)
    hall.cancel(order_id=taken_out.order_id, reason="another number", at=AT, staff_id=office.clerk)
    kept = put(office, "OPEN", **request)
    sign_form.sign(order_id=kept.part_of_id or 0, said=SAID, signature_png=picture(), at=AT, staff_id=office.clerk)
    steps = ["FORM_FREE" in orders.order_view(order_id=one.order_id).open_steps for one in (taken_out, kept)]
    assert (kept.part_of_id, steps) == (taken_out.part_of_id, [True, False])
