"""Who is stopped for arrears opens the own service over whatever channel is at hand, by the same order (D9.7)."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from openboss.access.jobs import clock
from openboss.modules.customers import functions as customers
from openboss.modules.customers.models import Subscriber
from openboss.modules.orders import functions as orders

from .conftest import signed_in
from .test_counter import SHOWN
from .test_one_figure import gateway, number_of, texts_sent, web_hall, with_password

pytestmark = pytest.mark.usefixtures("operator")
USER = 47


def stopped(user: int, *, star: int = 2) -> str:
    """A user stopped for arrears; the number."""
    before = clock.now() - timedelta(hours=1)
    customers.add_stop_reason(subscriber_id=user, reason="ARREARS_2", at=before, staff_id=None)
    Subscriber.objects.filter(subscriber_id=user).update(star=star)
    return number_of(user)


def last_order(user: int) -> tuple[str, str, str]:
    """A user's newest order: channel, kind, state."""
    newest = orders.list_orders(subscriber_id=user)[0][0]
    return newest.channel, newest.kind, newest.state


def state(user: int) -> str:
    return customers.effective_state(subscriber_id=user, at=clock.now())


def test_a_short_message_opens_once_and_a_second_one_is_told_why_not(tmp_path: Path) -> None:
    number = stopped(45)
    for message_no in ("E1", "E1", "E2"):
        gateway("sms", message_no=message_no, number=number, text="jjkj")
    assert (last_order(45), state(45)) == (("SMS", "EMERGENCY", "COMPLETED"), "ACTIVE")
    told = [text for text in texts_sent(tmp_path) if "紧急开机" in text]
    assert [text[:6] for text in told] == ["紧急开机成功", "您的业务没有"]
    assert "最多可再使用20.00元" in told[0]


def test_a_menu_opens_and_says_until_when_and_refuses_who_has_too_few_stars() -> None:
    user = 51
    number = stopped(user, star=1)
    menu = gateway("ussd", turn_no="E1", number=number).json()["say"].splitlines()
    key = next(one[0] for one in menu if "紧急开机" in one)
    refused = gateway("ussd", turn_no="E2", number=number, keys=key).json()
    assert refused["say"] == "紧急开机需达到规定星级。请交费，业务将自动恢复。"
    assert state(user) == "TWO_WAY_STOP"
    Subscriber.objects.filter(subscriber_id=user).update(star=2)
    said = gateway("ussd", turn_no="E3", number=number, keys=key).json()["say"]
    assert said.startswith("紧急开机成功：至")
    assert (last_order(user), state(user)) == (("USSD", "EMERGENCY", "COMPLETED"), "ACTIVE")


def test_the_voice_menu_opens_and_says_until_when() -> None:
    user = 49
    number = stopped(user)
    menu = gateway("ivr", turn_no="E1", number=number).json()["say"].splitlines()
    key = next(one for one in menu if "紧急开机" in one).strip("。")[-1]
    assert gateway("ivr", turn_no="E2", number=number, keys=key).json()["say"].startswith("紧急开机成功：至")
    assert (last_order(user), state(user)) == (("IVR", "EMERGENCY", "COMPLETED"), "ACTIVE")


@pytest.mark.parametrize("is_wap", [False, True])
def test_the_web_hall_offers_it_to_who_may_and_says_until_when(is_wap: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    user = 42 + is_wap
    with_password(user)
    client, page = web_hall(user, monkeypatch, wap=is_wap)
    assert "Open it now" not in page.content.decode(), "nothing is stopped"
    stopped(user)
    address = "/my/wap/" if is_wap else "/my/"
    page = client.get(address)
    assert "Open it now" in page.content.decode()
    form = {"serial_no": page.context["serial_no"]}
    done = client.post("/my/emergency/" + "?wap" * is_wap, form, follow=True).content.decode()
    assert "for ¥20.00 at most" in done
    assert "Open it now" not in done
    assert (last_order(user), state(user)) == (("WEB", "EMERGENCY", "COMPLETED"), "ACTIVE")
    again = client.post("/my/emergency/", {"serial_no": "W-other"}, follow=True).content.decode()
    assert "Your service is not stopped for arrears" in again


def test_the_counter_opens_and_the_page_of_the_customer_says_until_when(clerk: Client) -> None:
    def place() -> Any:
        owner = customers.customer_of_subscriber(subscriber_id=USER)
        about = {"customer": str(owner), "user": str(USER), **SHOWN}
        return client.post("/orders/new/EMERGENCY/place/", about, follow=True)

    client = clerk
    assert "not stopped for arrears alone" in place().content.decode()
    stopped(USER, star=1)
    assert "of more stars, at least: 2" in place().content.decode()
    Subscriber.objects.filter(subscriber_id=USER).update(star=3)
    order = place().context["order"]
    client.post(f"/orders/{order.order_id}/confirm/", {}, follow=True)
    assert (last_order(USER), state(USER)) == (("HALL", "EMERGENCY", "COMPLETED"), "ACTIVE")
    owner = customers.customer_of_subscriber(subscriber_id=USER)
    shown = signed_in("clerk").get(f"/customers/{owner}/", {"user": USER}).content.decode()
    assert "Emergency opening" in shown
    assert "for ¥20.00 at most" in shown
