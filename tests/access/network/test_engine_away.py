"""An engine that was away for longer than a session may be silent: its networks were not silent, it was not there."""

import threading
import time

import httpx
import polars as pl
import pytest
from tests.access.console.small_operator import clock_at
from tests.access.network.network_operator import NOW, reference
from tests.access.network.online_door import free_port, play_beside
from tests.access.network.test_nchf import data_request, used, wanted
from tests.modules.charging.engine.test_online import PREPAID, detail, moment, network, open_wallet  # noqa: F401
from tests.modules.charging.engine.test_owner import world  # noqa: F401

from openboss.access.jobs import charge_loop
from openboss.access.jobs.charge_loop import AWAY_S, USE_UNKNOWN, ChargeLoop
from openboss.access.network.nchf.node import PATH
from openboss.config.options import options
from openboss.modules.catalog.atomic import replace_reference
from openboss.modules.charging.engine.online.desk import Life
from openboss.modules.charging.engine.online.group import Rules
from openboss.modules.charging.engine.online.turns import Turns

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("numbering")]
SILENCE_S = 2
CALL = {"userInformation": {"servedGPSI": f"msisdn-{PREPAID}"}, "calledPartyAddress": "tel:+8613900719998"}


@pytest.fixture
def url(monkeypatch) -> str:
    """Where an engine's own loop listens to session functions."""
    prefixes = reference()["number_prefixes"]
    here = prefixes.filter(pl.col("prefix") == 1390071).with_columns(prefix=pl.lit(1390000, pl.Int64))
    replace_reference(name="number_prefixes", frame=pl.concat([prefixes, here]), at=NOW)
    port = free_port()
    monkeypatch.setenv("OPENBOSS_NCHF_PORT", str(port))
    monkeypatch.setenv("OPENBOSS_DIAMETER_PORT", "0")
    options.cache_clear()
    with clock_at(moment().at):  # there are prices for the months around it
        yield f"http://127.0.0.1:{port}{PATH}"
    options.cache_clear()


def about(number: int, *usage: dict) -> dict:
    said = data_request(number, multipleUnitUsage=list(usage), iMSChargingInformation=CALL)
    del said["pDUSessionChargingInformation"]
    return said


def at_work(network, part) -> ChargeLoop:  # noqa: F811
    """Let a process be the engine while a part is played with it."""
    network.owner.turns = Turns(Rules(time_slice_s=SILENCE_S // 2))
    loop = ChargeLoop(network.owner, threading.Event())
    patient = httpx.HTTPTransport(http1=False, http2=True, retries=8)

    def play() -> None:
        with httpx.Client(transport=patient, timeout=60) as function:
            part(function)

    play_beside(loop, play)
    return loop


def test_a_call_is_charged_as_if_its_engine_had_not_been_away_for_longer_than_it_may_be_silent(network, url):  # noqa: F811
    open_wallet(network, 100_000)
    session = []

    def begin(function: httpx.Client) -> None:
        session.append(function.post(url, json=about(1, wanted(1))).headers["location"])
        assert function.post(f"{session[0]}/update", json=about(2, used({"time": 31}, rating_group=1))).is_success

    def end(function: httpx.Client) -> None:
        time.sleep(2 * charge_loop.SWEEP_S)  # it has looked
        assert network.owner.state.desk.sessions["life"].tolist().count(Life.OPEN) == 1
        last = about(3, used({"time": 29}, rating_group=1, asking=False))
        assert function.post(f"{session[0]}/release", json=last).status_code == 204

    at_work(network, begin)
    network.crash()
    time.sleep(SILENCE_S + 1.5)
    at_work(network, end)
    assert network.wallet()["balance_li"] == 100_000 - 400
    assert detail(network).select("duration_s", "act_basic_li").rows() == [(60, 400)]


def test_a_session_whose_network_stays_away_after_that_is_settled_and_use_of_an_unknown_one_is_counted(
    network, url, monkeypatch, caplog  # noqa: F811
):  # fmt: skip
    monkeypatch.setenv("OPENBOSS_RECONNECT_S", "0")
    options.cache_clear()
    open_wallet(network, 100_000)

    def begin(function: httpx.Client) -> None:
        assert function.post(url, json=about(1, wanted(1))).status_code == 201
        until_s = time.monotonic() + 20
        while network.owner.state.desk.wallets[0]["reserved_li"] and time.monotonic() < until_s:
            time.sleep(0.05)
        for seconds in (0, 780):
            late = about(2, used({"time": seconds}, rating_group=1, asking=False))
            assert function.post(f"{url}/{'0' * 32}/release", json=late).status_code == 404

    loop = at_work(network, begin)
    assert network.wallet()["reserved_li"] == 0
    assert loop._lost == {("NCHF", USE_UNKNOWN): 1}
    assert "'seconds': 780" in caplog.text


def test_a_process_that_stood_still_waits_for_its_networks_as_one_that_started(monkeypatch):
    loop, now_s = ChargeLoop(None, threading.Event()), 1_791_165_600
    heard = []
    for passed_s in (0, 1, AWAY_S - 1, AWAY_S, 1):
        now_s += passed_s
        monkeypatch.setattr(loop, "_now_s", lambda now_s=now_s: now_s)
        loop._note_absence()
        heard.append(loop._heard_from_s - now_s)
    assert heard == [90, 89, 90 - AWAY_S, 90, 89]
