"""One's own login: a second factor is asked for, a password that is over must be changed, sessions end elsewhere."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pyotp
import pytest
from django.contrib.messages.storage.fallback import FallbackStorage
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from openboss.access.console.session import needs
from openboss.access.jobs import clock
from openboss.modules.system import functions as system
from openboss.modules.system.atomic import set_password
from openboss.modules.system.atomic.parameters import put_parameter
from openboss.modules.system.functions import own_account

from .conftest import Tab, signed_in

pytestmark = pytest.mark.usefixtures("operator")
PASSWORD = {"login": "product2", "password": "openboss-demo"}


def _staff_id() -> int:
    return system.staff_by_login(login="product2").staff_id


@pytest.fixture
def forgetful() -> Any:
    """Whatever factors the person took are gone afterwards."""
    yield
    for one in own_account.factors_of(staff_id=_staff_id()):
        own_account.remove_factor(staff_id=_staff_id(), second_factor_id=one.second_factor_id, at=clock.now())


@pytest.mark.usefixtures("forgetful")
def test_who_has_an_app_is_asked_for_its_code_before_anything_opens() -> None:
    client = signed_in("product2")
    client.get("/me/")
    app = pyotp.TOTP(client.session["app_secret"])
    wrong = client.post("/me/app/", {"code": "000000"}, follow=True)
    assert "The code is wrong" in wrong.content.decode()
    app = pyotp.TOTP(client.session["app_secret"])
    kept = client.post("/me/app/", {"code": app.at(clock.world_now())}, follow=True).content.decode()
    assert "Codes on paper" in kept
    paper = kept.split('id="paper-codes">')[1].split("<")[0].split(" · ")
    fresh = Client(headers={"accept-language": "en"})
    assert fresh.post("/login/", PASSWORD).url == "/login/second/"
    assert fresh.get("/").status_code == 302
    assert fresh.post("/login/second/", {"code": "000000"}).status_code == 401
    assert fresh.get("/me/").status_code == 302
    assert fresh.post("/login/second/", {"code": paper[0]}).status_code == 302
    assert fresh.get("/me/").status_code == 200


@pytest.fixture
def _strict() -> Iterator[None]:
    """For a while, tariffs are approved only by who showed two factors."""
    about = {"key": "security.two_factors", "from_on": date(2026, 1, 1), "at": clock.now()}
    put_parameter(value=["catalog.approve", "catalog.view"], **about)
    yield
    put_parameter(value=[], **about)


@pytest.mark.requirement("AAA-19")
@pytest.mark.usefixtures("forgetful", "_strict")
def test_a_sensitive_operation_needs_two_factors_and_any_other_does_not() -> None:
    @needs("catalog.approve")
    def approve(_request: HttpRequest) -> HttpResponse:
        return HttpResponse("approved")

    def tried(client: Client) -> HttpResponse:
        request = RequestFactory().get("/offers/")
        request.session = client.session  # type: ignore[assignment]
        request._messages = FallbackStorage(request)  # type: ignore[attr-defined]
        return approve(request)

    client = signed_in("product2")
    refused = tried(client)
    assert (refused.status_code, refused["Location"]) == (302, "/me/")
    assert client.get("/offers/").status_code == 200  # not sensitive, whatever the parameter says
    client.get("/me/")
    code = pyotp.TOTP(client.session["app_secret"]).at(clock.world_now())
    kept = client.post("/me/app/", {"code": code}, follow=True).content.decode()
    paper = kept.split('id="paper-codes">')[1].split("<")[0].split(" · ")
    fresh = Client(headers={"accept-language": "en"})
    fresh.post("/login/", PASSWORD)
    fresh.post("/login/second/", {"code": paper[1]})
    assert tried(fresh).content == b"approved"
    assert tried(client).status_code == 302  # the session that began with a password alone


def test_a_session_ended_from_elsewhere_opens_nothing_more() -> None:
    here, there = signed_in("product2"), signed_in("product2")
    assert there.get("/").status_code == 200
    here.post("/me/sessions/end/")
    assert there.get("/").status_code == 302
    assert here.get("/").status_code == 200
    here.post("/logout/")
    assert own_account.sessions_of(staff_id=_staff_id(), at=clock.now()) == []


def test_a_password_that_is_over_is_changed_before_anything_else(monkeypatch: pytest.MonkeyPatch) -> None:
    later = clock.now() + timedelta(days=120)
    monkeypatch.setattr(clock, "now", lambda: later)
    client = signed_in("product2")
    assert client.get("/offers/").url == "/me/"
    assert "older than 90 days" in client.get("/me/").content.decode()
    weak = client.post("/me/password/", {"old": "openboss-demo", "new": "openboss"}, follow=True).content.decode()
    assert "Too easy to guess" in weak
    same = client.post("/me/password/", {"old": "openboss-demo", "new": "Openboss-demo1"}, follow=True)
    assert "The password is changed" in same.content.decode()
    assert client.get("/offers/").status_code == 200
    set_password(login="product2", password="openboss-demo", at=later)  # noqa: S106 (weak: the demo's own)


@pytest.mark.browser
@pytest.mark.usefixtures("forgetful")
def test_a_passkey_opens_the_console(browser: Any, address: str) -> None:
    address = address.replace("127.0.0.1", "localhost")  # passkeys are of names, not of addresses
    context = browser.new_context(viewport={"width": 1366, "height": 768}, reduced_motion="reduce")
    context.add_cookies([{"name": "django_language", "value": "en", "url": address}])
    tab = Tab(context, address)
    keys = context.new_cdp_session(tab.page)
    keys.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "internal", "hasUserVerification": True, "isUserVerified": True}
    keys.send("WebAuthn.addVirtualAuthenticator", {"options": {**options, "hasResidentKey": True}})
    tab.log_in("product2")
    tab.open("/me/")
    tab.page.click("summary:has-text('Passkey')")
    tab.page.fill("[name=name]", "my laptop")
    tab.page.click("text=Add a passkey")
    tab.page.wait_for_selector("text=Codes on paper")
    tab.page.click("[aria-label='Log out']")
    tab.page.wait_for_url("**/login/**")
    tab.page.fill("[name=login]", "product2")
    tab.page.fill("[name=password]", "openboss-demo")
    tab.press("Enter")
    tab.page.wait_for_url("**/login/second/")
    tab.page.click("text=Use a passkey")
    tab.page.wait_for_url(f"{address}/")
    assert tab.complaints == []
    context.close()
