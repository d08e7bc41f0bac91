"""The main job whole: from nothing to released, explained bills, through the command line.

`example/golden/demo_USERS.csv` holds what every account of the demo must pay: 200 users always, the default 2,000 in
`make soak`. When a rule is changed on purpose, write the files anew with OPENBOSS_WRITE_GOLDEN=1 and read what
changed before committing it.
"""

from __future__ import annotations

import json
import os
import re
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.access.console.conftest import CHROMIUM, Tab, chromium_path
from tests.access.console.test_browser import PHONE, SHOP_PC, faults
from tests.access.network.dissection import complaints, needs_tshark
from tests.access.network.online_door import waited_for

from .conftest import Installation, installations
from .networks import CHARGING_DATA, Gateway, RunningDemo, SessionFunction, recorded

_BILL_OF = "2026100000000{:03}"
_GOLDEN = Path(__file__).parents[3] / "example" / "golden"
_TOTALS = (
    'cursor.execute("SELECT cycle, account_id, total_fen FROM billing_bill ORDER BY cycle, account_id"); '
    'print("cycle,account_id,total_fen", *(",".join(map(str, row)) for row in cursor.fetchall()), sep=chr(10))'
)


def compare_with_golden(installation: Any, users: int) -> None:
    """Say that every bill of the demo is what it was known to be."""
    found = installation.python(_TOTALS) + "\n"
    path = _GOLDEN / f"demo_{users}.csv"
    if "OPENBOSS_WRITE_GOLDEN" in os.environ:
        path.write_text(found, encoding="ascii")
    assert found == path.read_text(encoding="ascii")


@pytest.mark.parametrize("options", [("--prepare-only",), ("--forget",)], ids=["make", "forget"])
def test_the_demo_touches_no_folder_that_it_did_not_make(
    new_installation: Callable[..., Any], options: tuple[str, ...]
) -> None:
    installation = new_installation()
    mine = installation.data_dir / "lake" / "mine.parquet"
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"an operator's data")

    refused = installation.run("demo", *options)

    assert refused.returncode == 1
    assert "The folder holds something that no demo made; nothing was touched." in refused.stderr
    assert "Traceback" not in refused.stderr
    assert [path for path in installation.data_dir.rglob("*") if path.is_file()] == [mine]
    assert mine.read_bytes() == b"an operator's data"


@pytest.mark.soak
def test_the_default_demo_yields_the_bills_known_beforehand(new_installation: Callable[..., Any]) -> None:
    installation = new_installation()
    made = installation.run("demo", "--prepare-only")
    assert made.returncode == 0, made.stderr[-2000:]
    compare_with_golden(installation, 2000)


@pytest.fixture(scope="module")
def demo() -> Iterator[Installation]:
    """The demo with 200 users, prepared."""
    with installations() as new:
        installation = new()
        made = installation.run("demo", "--prepare-only", "--users", "200")
        assert made.returncode == 0, made.stderr[-2000:]
        yield installation


def test_the_demo_makes_two_released_months_whose_bills_can_be_explained(demo: Installation) -> None:
    installation = demo
    for cycle in ("202609", "202610"):
        status = json.loads(installation.run("bill", cycle, "--status", "--json").stdout)
        assert (status["state"], status["unsigned"]) == ("RELEASED", 0)
    totals = {}
    for account in (1, 4, 5):
        said = installation.run("explain", _BILL_OF.format(account), "--json").stdout
        explained = json.loads(said)
        totals[account] = explained["bill"]["total_fen"]
        assert sum(reason["delta_fen"] for reason in explained["reasons"]) == explained["delta_fen"]
    assert totals[1] == 14708  # 58.00 + 5.00 + 51 x 0.60 + 160 x 0.07 + (180.39 - 30.00 - 4.61 of September) MB x 0.29
    assert totals[4] == 50000  # data worth 812.30, capped at 500.00
    assert totals[5] == 11600  # GoTone 98: 116.00
    compare_with_golden(installation, 200)
    again = installation.run("demo", "--prepare-only")
    assert (again.returncode, again.stdout) == (0, "")


# --- a newcomer at the running demo -----------------------------------------------------------------------------------

LI_XIUYING, WANG_GUILAN = 2, 3  # prepaid, 46.20 each, no free data left: 0.29 a MB
MB = 1 << 20


@pytest.fixture(scope="module")
def running(demo: Installation) -> Iterator[RunningDemo]:
    """The demo as `make demo` serves it."""
    one = RunningDemo(demo)
    yield one
    one.stop()


class Reader:
    """Somebody who reads the console's pages without a browser."""

    def __init__(self, address: str, login: str = "billing") -> None:
        self._client = httpx.Client(base_url=address, follow_redirects=True, timeout=60, trust_env=False)
        self._client.cookies.set("django_language", "en")
        token = re.search(r'csrfmiddlewaretoken" value="([^"]+)', self._client.get("/login/").text)
        assert token is not None
        form = {"login": login, "password": "openboss-demo", "csrfmiddlewaretoken": token[1]}
        assert self._client.post("/login/", data=form).status_code == 200

    def page(self, path: str) -> str:
        """A page's text."""
        return self._client.get(path).text

    def newest_explanation(self, user: int) -> dict[str, Any]:
        """Why the newest record of a user's detail list cost what it did, once online charging has brought it there."""
        for _try in range(120):
            places = re.findall(rf"/users/{user}/why/202611/\d+/\d+/", self.page(f"/users/{user}/detail/?cycle=202611"))
            why = json.loads(self._client.get(places[0], params={"json": ""}).text)
            if why["record"] == "DATA":
                return dict(why)
            time.sleep(0.25)
        pytest.fail("no record of the session in the detail list")


def _paid(why: dict[str, Any]) -> tuple[str, str, bool]:
    """What a record cost, by which rule, and whether it costs the same when it is rated again."""
    (charge,) = why["charges"]
    return charge["actual"], charge["rule"], why["is_same"]


def _the_board_shows_who_asks_and_what_was_refused(running: RunningDemo, reader: Reader) -> None:
    """While a peer is connected: its messages, results and what doors turned down, on the board's page."""
    no_json = {"content": b"{", "headers": {"content-type": "application/json"}}
    with httpx.Client(http1=False, http2=True, trust_env=False) as broken:
        assert broken.post(f"http://127.0.0.1:{running.ports['NCHF']}{CHARGING_DATA}", **no_json).status_code == 400
    with socket.create_connection(("127.0.0.1", running.ports["DIAMETER"])) as stranger:
        stranger.sendall(b"GET / HTTP/1.1\r\n\r\n" + bytes(60))
        assert stranger.recv(1) == b""

    def board() -> str:
        return re.sub(r"<[^>]*>|\s+", " ", reader.page("/live/"))

    for told in (  # doors are counted once a second, and the running second is not shown
        r"Granted +2001 +3 +3 ",
        r"Session unknown +5002 +1 +0 ",
        "The message is no JSON +5G session function +1 +1 ",
        "No Diameter: the line was cut +Diameter peer +1 +1 ",
        r"gw\.newcomer +newcomer +Diameter peer +127\.0\.0\.1 +4 +connected",
    ):
        assert waited_for(lambda told=told: re.search(told, board())), (told, board())


@needs_tshark
def test_networks_nobody_here_wrote_complete_sessions_at_the_running_demo(running: RunningDemo, tmp_path: Path) -> None:
    reader = Reader(running.address)
    numbers = {user: running.number_of(user) for user in (LI_XIUYING, WANG_GUILAN)}
    with recorded(running.ports["DIAMETER"]) as gy, recorded(running.ports["NCHF"]) as nchf:
        gateway = Gateway(gy.port, numbers[LI_XIUYING])
        assert gateway.ask("newcomer;1", 1, 0) == (2001, 10 * MB)
        assert gateway.ask("newcomer;1", 2, 1, 10 * MB) == (2001, 10 * MB)
        assert running.balance_li(LI_XIUYING) == 46_200 - 2_900
        assert gateway.ask("newcomer;1", 3, 2, MB) == (2001, None)
        assert gateway.ask("nobody;1", 2, 1)[0] == 5002
        _the_board_shows_who_asks_and_what_was_refused(running, reader)
        gateway.stop()
        function = SessionFunction(nchf.port, numbers[WANG_GUILAN])
        assert function.ask("", 0) == (201, 10 * MB)
        assert function.ask("update", 1, 10 * MB) == (200, 10 * MB)
        assert running.balance_li(WANG_GUILAN) == 46_200 - 2_900
        assert function.ask("release", 2, 2 * MB) == (204, None)
        function.stop()
    assert (running.balance_li(LI_XIUYING), running.balance_li(WANG_GUILAN)) == (46_200 - 3_190, 46_200 - 3_480)
    assert running.user(LI_XIUYING)["services"] == running.user(WANG_GUILAN)["services"] == []
    assert _paid(reader.newest_explanation(LI_XIUYING)) == ("3.19", "STANDARD/DATA", True)
    assert _paid(reader.newest_explanation(WANG_GUILAN)) == ("3.48", "STANDARD/DATA", True)
    wrong, seen = complaints(gy.sent, tmp_path, transport="-T", port=3868, protocol="diameter")
    assert (wrong, len([one for one in seen if "Credit-Control" in one])) == ("", 4)
    wrong, seen = complaints(nchf.sent, tmp_path, transport="-T", port=3867, protocol="http2")
    assert (wrong, [one for one in seen if "201 Created" in one] != []) == ("", True)


@pytest.fixture
def people(running: RunningDemo) -> Iterator[Callable[[str], Tab]]:
    """Opens the console of the running demo for one of its people, in a real browser."""
    if (path := chromium_path()) is None:
        pytest.skip("no Chromium here: browser tests not run")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=CHROMIUM)

        def at_work(login: str) -> Tab:
            context = chromium.new_context(viewport={"width": 1366, "height": 768}, reduced_motion="reduce")
            context.add_cookies([{"name": "django_language", "value": "en", "url": running.address}])
            tab = Tab(context, running.address)
            tab.log_in(login)
            return tab

        yield at_work
        chromium.close()


def _money_left(tab: Tab) -> float:
    return float(tab.page.inner_text("#live-money dd.big").removeprefix("¥").replace(",", ""))


def _left(yuan: float) -> str:
    """Where a page shows so much money left."""
    return f"#live-money dd.big:text-is('¥{yuan:.3f}')"


def _top_up(clerk: Tab, yuan: str) -> None:
    """A clerk opens the till and takes cash, by the keys the pages name."""
    clerk.open(f"/customers/{LI_XIUYING}/")
    clerk.press("F2")
    clerk.page.wait_for_url("**/pay/**")
    clerk.press("F7")
    clerk.page.fill("[name=float]", "500")
    clerk.press("F8")
    clerk.page.wait_for_selector("[name=counted]")
    clerk.open(f"/pay/?account={LI_XIUYING}")
    clerk.page.fill("[name=paid]", yuan)
    clerk.page.fill("[name=tendered]", yuan)
    clerk.press("F8")
    clerk.page.wait_for_url("**/payments/**")


@pytest.mark.browser
def test_a_newcomer_plays_a_session_sees_the_balance_fall_tops_up_at_the_counter_and_the_session_goes_on(
    running: RunningDemo, people: Callable[[str], Tab]
) -> None:
    network, beside, clerk = people("billing"), people("billing"), people("clerk")
    for tab in (network, beside):
        tab.press("Control+k")
        tab.page.keyboard.type("lxy", delay=10)
        tab.page.wait_for_selector('[role="option"]:has-text("135")')
        tab.press("Enter")
        tab.page.wait_for_selector("#live-money")
    before = _money_left(beside)
    network.page.click("text=Play a session")
    network.page.wait_for_selector("[name=kind]")
    network.press("F8")
    network.page.click("button:text-is('100 MB')")
    network.page.wait_for_selector("text=100 MB >> nth=1")
    beside.page.wait_for_selector(_left(before - 29))  # the page asks by itself: nobody loaded it anew
    network.page.click("button:text-is('100 MB')")
    network.page.wait_for_selector("text=Nothing more is granted: No money left")
    beside.page.wait_for_selector(_left(0))
    _top_up(clerk, "50")
    beside.page.wait_for_selector(_left(50))
    network.page.click("button:text-is('10 MB')")  # asks again, is granted, uses it
    beside.page.wait_for_selector(_left(47.1))
    assert network.complaints + beside.complaints + clerk.complaints == []
    beside.open(f"/live/follow/{LI_XIUYING}/")
    beside.page.fill("[name=reason]", "the newcomer wants to see it")
    beside.press("Enter")
    beside.page.wait_for_selector("text=before somebody followed")
    for language, theme, viewport in (("zh-hans", "dark", PHONE), ("en", "light", SHOP_PC)):
        beside.page.context.add_cookies(
            [{"name": name, "value": value, "url": running.address}
             for name, value in (("django_language", language), ("theme", theme))]
        )  # fmt: skip
        beside.page.set_viewport_size(viewport)
        assert faults(beside, ["/live/", "/live/sessions/", f"/live/follow/{LI_XIUYING}/", "/live/peers/"]) == []
        network.page.context.add_cookies([{"name": "django_language", "value": language, "url": running.address}])
        network.page.set_viewport_size(viewport)
        assert faults(network, ["/live/trial/"]) == []
