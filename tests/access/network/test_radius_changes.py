"""A top-up, a charge or a stop reaches running sessions at access servers: how long they may last now, or their end."""

# ruff: noqa: F811 - fixtures

import socket
import threading
import time
from datetime import UTC, datetime
from types import SimpleNamespace

import polars as pl
from tests.access.console.small_operator import clock_at
from tests.access.network.network_operator import reference
from tests.access.network.online_door import free_port, play_beside, waited_for
from tests.access.network.test_radius import (  # noqa: F401 - fixtures
    AT,
    SECRET,
    USER,
    Aaa,
    aaa,
    account,
    both_services,
    login,
    nas,
    network,
    pytestmark,
    servers,
    service,
)
from tests.modules.customers.conftest import loaded, offers  # noqa: F401

from openboss.access.jobs.charge_loop import ChargeLoop
from openboss.access.network.radius.packets import Code
from openboss.config.options import options
from openboss.modules.catalog.atomic import replace_reference
from openboss.modules.charging.atomic import engine as journal
from openboss.modules.charging.functions.peers import PeerWish, put_peer
from openboss.modules.charging.models import AccessSession

NOW = datetime(2026, 10, 5, tzinfo=UTC)
DEFAULT, ASK_AGAIN = 0, 1  # Termination-Action


def top_up(network, aaa, amount_li: int) -> None:
    """A payment, and what the engine's loop does when it has taken it."""
    number = int(time.monotonic_ns())
    aaa.call(lambda: network.order("TOP_UP", f"P-{number}", account_id=5, amount_li=amount_li))
    keys = list(AccessSession.objects.values_list("session_key", flat=True))
    aaa.call(lambda: aaa.accounting.heed([*keys, "0" * 32], is_stop=False))


def limit(told: dict) -> tuple:
    return told["code"], told["Session-Timeout"], told["Termination-Action"]


@both_services
def test_who_logs_in_with_two_minutes_of_money_and_pays_after_one_is_not_cut_after_two(network, aaa, nas):
    accepted = login(aaa)
    assert (accepted["Session-Timeout"], "Termination-Action" in accepted) == ("120", False)
    named = {"Class": accepted["Class"]}
    account(aaa, "Start", **named)
    aaa.later(60)
    top_up(network, aaa, 100)
    assert limit(nas.next()) == (Code.COA_REQUEST, 240, DEFAULT)  # in all: nothing was reported yet
    account(aaa, "Interim-Update", 60, **named)
    top_up(network, aaa, 5000)
    told = nas.next()
    assert limit(told) == (Code.COA_REQUEST, 60 + 3600, ASK_AGAIN)
    assert (told["User-Name"], told["Acct-Session-Id"], len(told["State"])) == (aaa.login, "s-1", 32)
    aaa.later(180)
    account(aaa, "Stop", 180, **named)
    assert (network.wallet()["balance_li"], network.wallet()["reserved_li"]) == (120 + 5100 - 3 * 50, 0)
    assert nas.taken.empty()


def test_money_that_is_taken_back_shortens_a_session_and_none_ends_it(network, aaa, nas):
    network.order("TOP_UP", "P-0", account_id=5, amount_li=380)  # ten minutes
    named = {"Class": login(aaa)["Class"]}
    account(aaa, "Start", **named)
    top_up(network, aaa, -300)
    assert limit(nas.next()) == (Code.COA_REQUEST, 240, DEFAULT)
    top_up(network, aaa, -200)
    assert nas.next()["code"] == Code.DISCONNECT_REQUEST


def test_what_was_paid_between_a_login_and_its_start_is_told_at_the_start_and_no_change_is_not(network, aaa, nas):
    named = {"Class": login(aaa)["Class"]}
    top_up(network, aaa, 50)
    account(aaa, "Start", **named)
    assert limit(nas.next()) == (Code.COA_REQUEST, 180, DEFAULT)
    top_up(network, aaa, 0)
    account(aaa, "Interim-Update", 30, **named)
    top_up(network, aaa, 50)
    assert limit(nas.next()) == (Code.COA_REQUEST, 240, DEFAULT)


def test_a_session_that_was_told_no_limit_is_told_none_while_the_money_lasts(network, aaa, nas):
    network.order("TOP_UP", "P-0", account_id=5, amount_li=10_000)
    account(aaa, "Start")
    top_up(network, aaa, 100)
    aaa.later(60)
    account(aaa, "Interim-Update", 60)
    top_up(network, aaa, -10_070)  # 0.100 are left after the first minute
    assert limit(nas.next()) == (Code.COA_REQUEST, 60 + 120, DEFAULT)


def test_after_a_crash_a_running_session_is_told_what_was_paid_since(network, aaa, nas, servers):
    named = {"Class": login(aaa)["Class"]}
    account(aaa, "Start", **named)
    aaa.later(60)
    account(aaa, "Interim-Update", 60, **named)
    aaa.stop()
    network.crash()
    second = Aaa(network, servers, aaa.login)
    second.later(70)
    top_up(network, second, 100)
    assert limit(nas.next()) == (Code.COA_REQUEST, 60 + 60 + 120, DEFAULT)
    second.later(120)
    account(second, "Stop", 120, **named)
    assert network.wallet()["balance_li"] == 120 + 100 - 2 * 50
    second.stop()


def is_free(port: int) -> bool:
    with socket.socket(type=socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


@both_services
def test_in_the_engines_own_loop_a_payment_and_a_stop_reach_the_access_server(network, nas, service, monkeypatch):
    """As a process does: with its commands, its clock and the list of who may ask."""
    prefixes = reference()["number_prefixes"]
    here = prefixes.filter(pl.col("prefix") == 1390071).with_columns(prefix=pl.lit(1390001, pl.Int64))
    plan = {**reference(), "number_prefixes": pl.concat([prefixes, here])}
    for name, frame in plan.items():
        replace_reference(name=name, frame=frame, at=NOW)
    wish = PeerWish(
        interface="RADIUS", name="ac1", addresses=("127.0.0.1",), service=service[0].name, secret=SECRET,
        change_port=nas.port,
    )  # fmt: skip
    put_peer(peer_id=None, wish=wish, staff_id=None, at=NOW)
    ports = [free_port(socket.SOCK_DGRAM) for _ in range(2)]
    chosen = {"RADIUS_PORT": ports[0], "RADIUS_ACCOUNTING_PORT": ports[1], "NCHF_PORT": 0, "DIAMETER_PORT": 0}
    for name, value in chosen.items():
        monkeypatch.setenv(f"OPENBOSS_{name}", str(value))
    options.cache_clear()
    desk = SimpleNamespace(login=service[2], login_port=ports[0], accounting_port=ports[1])
    seen, waits = [], []

    def order(kind: str, **payload) -> None:
        sent_s = time.monotonic()
        journal.send_command(kind=kind, payload=payload, serial_no=f"P-{len(seen)}")
        seen.append(nas.next())
        waits.append(time.monotonic() - sent_s)

    def access_server() -> None:
        assert waited_for(lambda: not any(map(is_free, ports)), 60)
        accepted = login(desk)
        account(desk, "Start", Class=accepted["Class"])
        seen.append(accepted)
        order("TOP_UP", account_id=5, amount_li=1000)
        order("STATE", subscriber_id=USER, barred=2)

    with clock_at(AT):  # there are prices for the months around it
        play_beside(ChargeLoop(network.owner, threading.Event()), access_server)
    options.cache_clear()
    accepted, paid, stopped = seen
    assert (accepted["code"], accepted["Session-Timeout"]) == ("Access-Accept", "120")
    assert limit(paid) == (Code.COA_REQUEST, (120 + 1000) // 50 * 60, DEFAULT)
    assert (stopped["code"], stopped["User-Name"], stopped["Acct-Session-Id"]) == (
        Code.DISCONNECT_REQUEST, service[2], "s-1")  # fmt: skip
    print("from the order to the access server, s:", [round(one, 3) for one in waits])  # noqa: T201 - shown by -s
    assert max(waits) < 5  # within a second on a machine that has nothing else to do
