"""What a user has is one figure, whatever channel is asked, and the user may ask over every channel."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from openboss.access.jobs import clock
from openboss.access.network import handsets
from openboss.access.network.delivery import deliver_texts
from openboss.kernel.usage import Unit
from openboss.modules.charging.engine.online.requests import Kind
from openboss.modules.charging.functions.engine import answering, recover_engine
from openboss.modules.customers import functions as customers
from openboss.modules.orders import functions as orders
from openboss.modules.orders.functions import ON_BILL, Fee
from openboss.modules.receivables.functions import wallets
from openboss.modules.system.functions import add_client
from openboss.modules.system.keys import key_for
from openboss.modules.system.signing import sign
from openboss.processes import change_products

from .conftest import signed_in
from .small_operator import NOW
from .test_charging_live import MB, Session
from .test_kiosk import _machine

pytestmark = pytest.mark.usefixtures("operator")
OTHER, PASSWORD = 44, "482913"


def gateway(kind: str, **sent: Any) -> Any:
    """What a gateway that signs is answered."""
    body = json.dumps(sent, ensure_ascii=False).encode()
    signature = sign(body, key=key_for(kind), at=clock.now())
    return Client().post(f"/handset/{kind}/", body, content_type="application/json", headers={"X-Signature": signature})


def number_of(user: int) -> str:
    return str(customers.numbers_of_subscribers(subscriber_ids=[user], at=NOW)[user])[2:]


def with_password(user: int) -> None:
    own = {"subscriber_id": user, "kind": "SERVICE", "channel": "HALL", "is_initial": False, "staff_id": 1}
    customers.set_password(digits=PASSWORD, at=clock.now(), **own)


def web_hall(user: int, monkeypatch: pytest.MonkeyPatch, *, wap: bool = False) -> tuple[Client, Any]:
    """A customer at the web hall who reads the picture; and what the login leads to."""
    shown: list[Any] = []
    issue = customers.issue_challenge
    monkeypatch.setattr(customers, "issue_challenge", lambda **at: shown.append(issue(**at)) or shown[-1])
    client, address = Client(headers={"accept-language": "en"}), "/my/login/?wap" if wap else "/my/login/"
    assert client.get(address).status_code == 200
    form = {"number": number_of(user), "password": PASSWORD, "challenge": str(shown[0].challenge_id)}
    return client, client.post(address, {**form, "answer": shown[0].answer}, follow=True)


def texts_sent(folder: Path) -> list[str]:
    """What the simulated message centre has sent to handsets, in the order in which it was sent."""
    deliver_texts(handsets.Sandbox(folder), now=clock.now)
    lines = (folder / handsets.FILE).read_text(encoding="utf-8").splitlines()[1:]
    return [one["text"] for one in map(json.loads, lines) if "text" in one]  # words to staff may have waited as well


def first_amount(text: str) -> str:
    """The first amount with three decimals that a text names."""
    found = re.search(r"[-−¥]*\d[\d,]*\.\d{3}", text)
    assert found is not None, text
    return found[0].translate(str.maketrans({",": "", "¥": "", "−": "-"}))


def of_tmf(account_id: int) -> str:
    client, secret = add_client(name="an app", staff_login="billing", scopes=("receivables.view",), at=NOW)
    form = {"grant_type": "client_credentials", "client_id": client.client_id, "client_secret": secret}
    bearer = Client().post("/oauth/token", form).json()["access_token"]
    asked = Client(headers={"authorization": f"Bearer {bearer}"})
    (row,) = asked.get("/tmf-api/prepayBalanceManagement/v4/accumulatedBalance", {"partyAccount.id": account_id}).json()
    return f"{row['totalBalance']['amount']:.3f}"


def by_every_channel(user: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The balance of a user as each channel tells it."""
    number, account_id = number_of(user), customers.paying_account(subscriber_id=user, cycle=202611)
    with_password(user)
    told = {"telephone hall": signed_in("clerk").get(f"/users/{user}/money/").content.decode().split("<dd")[1]}
    web, page = web_hall(user, monkeypatch)
    told["web hall"] = page.content.decode().split("big-sum")[1]
    told["handheld hall"] = f"{web.get('/my/balance.json').json()['balance_li'] / 1000:.3f}"
    told["WAP hall"] = web_hall(user, monkeypatch, wap=True)[1].content.decode().split("<b>")[1]
    kiosk = _machine().post("/kiosk/login/", {"number": number, "password": PASSWORD}, follow=True)
    told["self-service terminal"] = kiosk.content.decode().split('class="value')[1]
    turn = f"{user}-{number}-{len(texts_sent(tmp_path))}"
    assert gateway("sms", message_no=turn, number=number, text="cxye").status_code == 202
    told["SMS hall"] = texts_sent(tmp_path)[-1]
    told["USSD hall"] = gateway("ussd", turn_no=turn, number=number, keys="1").json()["say"]
    told["IVR"] = gateway("ivr", turn_no=turn, number=number, keys="1").json()["say"]
    told["TMF654"] = of_tmf(account_id)
    return {channel: first_amount(text) for channel, text in told.items()}


@pytest.mark.requirement("CHN-01")
def test_eight_channels_and_the_open_interface_tell_the_same_balance_to_the_li_while_it_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = _who_pays_for_data()
    session = Session(user, key=user)
    with answering(session.owner, Path(settings.DATA_DIR)):
        session.ask(0, Kind.INITIAL)
        session.ask(1, Kind.UPDATE, used_down=5 * MB + 301 * 1024)
        li = session.owner.user_now(user)["money"]["balance_li"]
        told = by_every_channel(user, tmp_path, monkeypatch)
        assert (len(told), li % 10 > 0) == (9, True)
        assert told == dict.fromkeys(told, f"{li / 1000:.3f}")
        session.ask(2, Kind.TERMINATION, used_down=MB)
        after = by_every_channel(user, tmp_path, monkeypatch)
        assert set(after.values()) == {f"{session.owner.user_now(user)['money']['balance_li'] / 1000:.3f}"}
        assert after["IVR"] != told["IVR"]


def test_who_pays_by_bill_is_told_the_same_everywhere_too_less_what_is_owed_and_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from openboss.modules.receivables.functions import owed
    from openboss.processes import unbilled

    user = next(one for one in range(60, 100) if not wallets.accounts_with_wallets([_account(one)]))
    session = Session(OTHER)
    with answering(session.owner, Path(settings.DATA_DIR)):
        told = by_every_channel(user, tmp_path, monkeypatch)
        state = owed(account_id=_account(user), at=clock.now())
        spent_li = sum(unbilled.li_of_users([user], at=clock.now()).values())
    li = (state.advance_fen - state.open_fen - state.late_fee_fen) * 10 - spent_li
    assert set(told.values()) == {f"{li / 1000:.3f}"}


def _who_pays_for_data() -> int:
    """A user to whom no free resource gives data."""
    owner = recover_engine()
    free = {one: owner.user_now(one)["cycles"][-1]["free"] for one in range(53, 100)}
    return next(one for one, held in free.items() if all(part["unit"] != Unit.KB for part in held))


def _account(user: int) -> int:
    return customers.paying_account(subscriber_id=user, cycle=202611)


def test_the_page_of_a_customer_shows_what_was_charged_last_as_soon_as_it_is_charged(tmp_path: Path) -> None:
    del tmp_path
    session, clerk = Session(51, key=51), signed_in("billing")
    with answering(session.owner, Path(settings.DATA_DIR)):
        before = clerk.get("/users/51/events/").context["events"]
        assert "Charged last" in clerk.get("/users/51/", follow=True).content.decode()
        session.ask(0, Kind.INITIAL)
        seen = clerk.get("/users/51/money/").context["standing"]
        assert "HX-Trigger" not in clerk.get("/users/51/money/", {"standing": seen}).headers
        session.ask(1, Kind.TERMINATION, used_down=5 * MB)
        assert clerk.get("/users/51/money/", {"standing": seen}).headers["HX-Trigger"] == "charged"
        page = clerk.get("/users/51/events/")
        event, *others = page.context["events"]
        assert (event.used_kb, [one.position for one in others]) == (5 * 1024, [one.position for one in before][:19])
        assert "5 MB" in page.content.decode()


@pytest.mark.requirement("CHN-05")
def test_a_short_message_is_answered_with_the_balance_and_an_order_only_begins_when_y_comes(tmp_path: Path) -> None:
    user, number = 47, number_of(47)

    def send(message_no: str, text: str) -> str:
        answer = gateway("sms", message_no=message_no, number=number, text=text)
        assert answer.status_code == 202, answer.content
        return texts_sent(tmp_path)[-1]

    texts_sent(tmp_path)
    assert send("a1", "CXYE").startswith("您的余额为")
    held = customers.offers_held(subscriber_id=user, at=clock.now())
    assert "没有待确认的业务" in send("a2", "Y")
    asked = send("a3", "kt data_pack_10")
    assert "回复Y" in asked and "月费10.00元" in asked
    assert customers.offers_held(subscriber_id=user, at=clock.now()) == held
    assert "订购" in send("a4", "y")
    (new,) = set(customers.offers_held(subscriber_id=user, at=clock.now())) - set(held)
    rows = len(texts_sent(tmp_path))
    repeated = gateway("sms", message_no="a4", number=number, text="y").json()
    assert (repeated["is_repeat"], len(texts_sent(tmp_path))) == (True, rows)
    send("a5", "Y")  # again: the order there is
    assert set(customers.offers_held(subscriber_id=user, at=clock.now())) - set(held) == {new}
    said, _ = customers.interactions_of(customer_id=customers.customer_of_subscriber(subscriber_id=user), page_size=50)
    of_sms = [(one.direction, one.note) for one in said if one.channel == "SMS"][::-1]
    assert [direction for direction, _ in of_sms] == ["IN", "OUT"] * 5
    assert [note for direction, note in of_sms if direction == "IN"] == [
        "BALANCE", "CONFIRM", "ORDER DATA_PACK_10", "CONFIRM", "CONFIRM"]  # fmt: skip


def test_a_y_that_comes_after_ten_minutes_orders_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts_sent(tmp_path)
    number, now = number_of(48), clock.now()
    held = customers.offers_held(subscriber_id=48, at=now)
    gateway("sms", message_no="b1", number=number, text="KT DATA_PACK_10")
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(minutes=10, seconds=1))
    gateway("sms", message_no="b2", number=number, text="Y")
    assert "没有待确认的业务" in texts_sent(tmp_path)[-1]
    assert customers.offers_held(subscriber_id=48, at=clock.now()) == held


def test_an_add_on_that_is_paid_at_once_is_ordered_neither_by_y_nor_on_the_web(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts_sent(tmp_path)
    with_password(54)
    client, page = web_hall(54, monkeypatch)
    number, held = number_of(54), customers.offers_held(subscriber_id=54, at=clock.now())
    for booking in ("FEE", ON_BILL):  # paid with the order, or on the next bill
        fee = Fee("OFFER_FEE", booking, 5_000)
        monkeypatch.setattr(change_products, "fees_at_counter", lambda _offers, fee=fee, **_on: [fee])
        for message_no, text in ((f"p1{booking}", "KT DATA_PACK_10"), (f"p2{booking}", "Y")):
            assert gateway("sms", message_no=message_no, number=number, text=text).status_code == 202
            assert "无法通过短信办理" in texts_sent(tmp_path)[-1]
    monkeypatch.setattr(change_products, "fees_at_counter", lambda _offers, **_on: [Fee("OFFER_FEE", "FEE", 5_000)])
    form = {"offer_id": page.context["offer"].offer.offer_id, "serial_no": "W-fee"}
    assert "This cannot be ordered here" in client.post("/my/order/", form, follow=True).content.decode()
    assert customers.offers_held(subscriber_id=54, at=clock.now()) == held


def test_who_did_nothing_for_a_quarter_of_an_hour_is_led_to_the_login_that_was_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with_password(55)
    (client, _page), now = web_hall(55, monkeypatch), clock.now()
    part = {"headers": {"HX-Request": "true"}}
    assert client.get("/my/", **part).status_code == 200
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(minutes=15))
    asked = client.get("/my/", **part)  # what the page asks by itself is no visit, and takes no login page in
    assert (asked.status_code, asked.headers["HX-Redirect"], asked.content) == (204, "/my/login/", b"")
    assert (client.get("/my/").url, client.get("/my/wap/").url) == ("/my/login/", "/my/login/?wap")
    assert (client.post("/my/leave/").url, client.post("/my/leave/?wap").url) == ("/my/login/", "/my/login/?wap")


def test_a_gateway_that_does_not_sign_a_stranger_and_who_asks_too_often_learn_nothing(tmp_path: Path) -> None:
    texts_sent(tmp_path)
    number, rows = number_of(49), len(texts_sent(tmp_path))
    forged = Client().post("/handset/sms/", b"{}", content_type="application/json", headers={"X-Signature": "t=1,v1=0"})
    assert (forged.status_code, forged.json()) == (403, {"refused": "signature"})
    assert gateway("sms", message_no="c0", number="13900000000", text="CXYE").status_code == 404
    assert gateway("sms", message_no="c0", number=number, text="CXYE", more=1).status_code == 400
    assert len(texts_sent(tmp_path)) == rows
    answers = [gateway("ussd", turn_no=f"c{place}", number=number, keys="1").status_code for place in range(1, 12)]
    assert answers == [200] * 10 + [429]
    assert gateway("ussd", turn_no="c1", number=number, keys="1").status_code == 200  # the first, sent again


@pytest.mark.requirement("CHN-06")
def test_the_balance_is_two_steps_away_on_ussd_and_wap(monkeypatch: pytest.MonkeyPatch) -> None:
    number = number_of(50)
    first = gateway("ussd", turn_no="d1", number=number, keys="*100#").json()
    assert first["say"].splitlines() == ["1 余额", "2 免费资源", "3 紧急开机"] and first["goes_on"]
    second = gateway("ussd", turn_no="d2", number=number, keys="1").json()
    assert second["say"].startswith("您的余额为") and not second["goes_on"]
    with_password(50)
    _, page = web_hall(50, monkeypatch, wap=True)
    assert (page.redirect_chain, "Balance" in page.content.decode()) == ([("/my/wap/", 302)], True)
    assert "<script" not in page.content.decode() and "stylesheet" not in page.content.decode()


@pytest.mark.requirement("CHN-03")
def test_what_was_chosen_most_in_the_month_before_comes_first_in_the_voice_menu(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    number = number_of(51)

    def menu(turn_no: str) -> str:
        return str(gateway("ivr", turn_no=turn_no, number=number).json()["say"])

    assert menu("e1") == "余额请按1。\n免费资源请按2。\n紧急开机请按3。\n人工服务请按0。"
    for place in range(6):  # more often than other tests have asked for a balance
        assert "免费资源" in gateway("ivr", turn_no=f"f{place}", number=number, keys="2").json()["say"]
    assert menu("e2").startswith("余额请按1。")  # within the month nothing moves under anybody's fingers
    monkeypatch.setattr(clock, "now", lambda: NOW + timedelta(days=30))
    assert menu("e3") == "免费资源请按1。\n余额请按2。\n紧急开机请按3。\n人工服务请按0。"
    assert gateway("ivr", turn_no="e4", number=number, keys="0").json()["what"] == "PERSON"


@pytest.mark.requirement("CHN-04")
def test_an_order_of_the_web_hall_stands_in_the_same_table_as_one_of_a_counter(monkeypatch: pytest.MonkeyPatch) -> None:
    with_password(52)
    client = Client(headers={"accept-language": "en"})
    form = {"number": number_of(52), "password": PASSWORD}
    for number in (form["number"], "13900000000"):  # nobody learns here which numbers there are
        wrong = client.post("/my/login/", {**form, "number": number, "answer": "ABCDE"})
        assert "Here is another" in wrong.content.decode()
    assert client.get("/my/").url == "/my/login/" and client.get("/my/balance.json").status_code == 401
    client, page = web_hall(52, monkeypatch)
    offer, bills = page.context["offer"].offer, page.context["bills"]
    assert client.get(f"/my/bills/{bills[0].bill_id}.pdf").content.startswith(b"%PDF")
    assert client.get("/my/bills/2026100000000001.pdf").status_code == 404  # somebody else's
    done = client.post("/my/order/", {"offer_id": offer.offer_id, "serial_no": "W-1"}, follow=True)
    assert "It is ordered." in done.content.decode()
    order = orders.order_by_serial(serial_no="W-1")
    assert (order.channel, order.kind, order.state, order.subscriber_id) == ("WEB", "ADD_PRODUCT", "COMPLETED", 52)
    assert offer.offer_id in customers.offers_held(subscriber_id=52, at=clock.now()).values()
    client.post("/my/leave/")
    assert client.get("/my/").url == "/my/login/"
