"""Live charging on pages: a user's balance while it falls, the board, a number that is followed for a reason."""

import contextlib
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from django.conf import settings
from django.test import Client
from tests.access.network.test_nchf import start_chf

from openboss.config.options import options
from openboss.kernel.usage import RecordType
from openboss.modules.charging.engine.lake import Lake
from openboss.modules.charging.engine.online.requests import Kind, empty_requests
from openboss.modules.charging.engine.online.turns import Moment
from openboss.modules.charging.engine.online.watch import Watch
from openboss.modules.charging.functions.engine import answering, rate_waiting, recover_engine
from openboss.modules.charging.normalise import operator_clock
from openboss.modules.customers import functions as customers
from openboss.modules.receivables import functions as receivables
from openboss.modules.receivables.functions import wallets
from openboss.modules.system.functions import list_audit
from openboss.processes import take_payment
from openboss.processes.rate_usage import current_numbering

from .conftest import signed_in

pytestmark = [pytest.mark.usefixtures("operator")]
USER, MB = 40, 1024 * 1024  # nobody else asks about this user
AT = datetime(2026, 11, 12, 2, 0, tzinfo=UTC)


class Session:
    """A data session of a user with a wallet, at an engine that answers questions."""

    def __init__(self, user: int = USER, paid_fen: int = 100_000, key: int = 7) -> None:
        self.key = key
        wallets.open_wallets({user: [user]}, at=AT)
        paid = {"means": "CASH", "channel": "HALL", "serial_no": f"LIVE{user}", "at": AT}  # taken once
        take_payment.take(account_id=user, paid_fen=paid_fen, **paid)
        rate_waiting()
        self.owner, self.watch = recover_engine(), Watch()
        self.number = customers.numbers_of_subscribers(subscriber_ids=[user], at=AT)[user]

    def ask(self, number: int, kind: Kind, **used: int) -> None:
        """One request, ten minutes after the one before."""
        at = AT + timedelta(minutes=10 * number)
        requests, asks = empty_requests(1)
        requests["key_lo"], requests["served"], requests["kind"] = self.key, 2 * 10**18 + self.number, kind
        requests["number"], requests["record_type"], requests["asks"] = number, RecordType.DATA, 1
        asks["rating_group"], asks["is_asking"] = 1, kind != Kind.TERMINATION
        for name, value in used.items():
            asks[name] = value
        moment = Moment(at, operator_clock("Asia/Shanghai", int(at.timestamp())))
        self.watch.steps.look(self.owner.state)
        decided = self.owner.serve(requests, asks, numbering=current_numbering(), moment=moment)
        self.watch.steps.note(
            self.owner.state, requests, asks, decided, at_s=moment.now_s, position=self.owner.position
        )
        self.watch.note(requests, decided, at_s=moment.now_s, took_s=0.001)


def test_a_session_is_watched_while_it_goes_on_by_whoever_may_and_for_a_reason() -> None:
    session, clerk, billing = Session(), signed_in("clerk"), signed_in("billing")
    before = len(list_audit(action="charging.follow_user")[0])
    with answering(session.owner, Path(settings.DATA_DIR), session.watch):
        assert clerk.get("/live/follow/40/").status_code == 403
        found = billing.get("/live/follow/", {"number": str(session.number)[2:]})
        assert found.headers["location"] == f"/live/follow/{USER}/"
        billing.post(f"/live/follow/{USER}/start/", {"reason": ""})
        assert session.watch.steps.of(session.owner.state, USER)["is_followed"] is False
        billing.post(f"/live/follow/{USER}/start/", {"reason": "complaint 17"})
        assert len(list_audit(action="charging.follow_user")[0]) == before + 1
        balance_li = session.owner.user_now(USER)["money"]["balance_li"]
        session.ask(0, Kind.INITIAL)
        session.ask(1, Kind.UPDATE, used_down=5 * MB)
        money = clerk.get(f"/users/{USER}/money/").content.decode()
        left = balance_li - session.owner.user_now(USER)["services"][0]["act_li"]
        assert f"¥{left // 1000}.{left % 1000:03d}" in money and "5 MB" in money
        assert "Balance right now" in clerk.get(f"/users/{USER}/", follow=True).content.decode()
        steps = billing.get(f"/live/follow/{USER}/").content.decode()
        assert "used 5 MB" in steps and "granted 10 MB" in steps
        begun = f"{balance_li // 1000}.{balance_li % 1000:03d}"
        shown = re.findall(r'<td class="num">([\d.–]+)</td><td class="num strong">([\d.]+)</td>', steps)
        assert shown == [(begun, f"{left // 1000}.{left % 1000:03d}"), (begun, begun)]  # the newest first
        board = billing.get("/live/").content.decode()
        assert "271.2 MB left" in steps and "so far" in steps
        assert "Live charging" in board and "No network has asked since charging started" in board
        assert _sessions(clerk, billing, number=str(session.number)[2:]) == ["OPEN"]
        session.ask(2, Kind.TERMINATION)
        assert _sessions(clerk, billing, name=f"{7:032x}") == ["CLOSED"]
        assert _sessions(clerk, billing, life="OPEN") == _sessions(clerk, billing, number="13912345678") == []
        billing.post(f"/live/follow/{USER}/stop/")
        assert session.watch.steps.of(session.owner.state, USER)["is_followed"] is False
    assert "Charging does not answer" in billing.get("/live/").content.decode()


def _sessions(clerk: Client, billing: Client, **asked: str) -> list[str]:
    """The states of the sessions that a search finds, for whoever may look."""
    assert clerk.get("/live/sessions/", asked).status_code == 403
    found = billing.get("/live/sessions/", {**asked, "export": "csv"}).getvalue().decode("utf-8-sig").splitlines()
    states = {"Running": "OPEN", "Ended": "CLOSED", "Fell silent": "EXPIRED"}
    return [states[line.split(",")[1]] for line in found[1:]]


def test_the_days_of_gateways_are_shown_whatever_day_is_typed() -> None:
    billing = signed_in("billing")
    for days in ({"to": "9999-12-31"}, {"to": "0001-01-01"}, {"from": "2026-11-10", "to": "2026-11-01"}):
        assert billing.get("/assurance/gateways/", days).status_code == 200, days


def test_the_sums_of_days_on_the_page_are_those_of_the_detail_store() -> None:
    billing, day = signed_in("billing"), {"from": "2026-10-14", "to": "2026-10-15"}
    shown = billing.get("/assurance/gateways/", {**day, "export": "csv"}).getvalue().decode("utf-8-sig").splitlines()
    rows = [dict(zip(shown[0].split(","), line.split(","), strict=True)) for line in shown[1:]]
    first, last = (int(datetime(2026, 10, day, tzinfo=UTC).timestamp()) for day in (14, 16))  # of the operator's clock
    detail = pl.scan_parquet(Lake(Path(settings.LAKE_DIR)).usage_files(202610), hive_partitioning=True).filter(
        pl.col("start_local_s").is_between(first, last, closed="left")
    )
    li = pl.sum_horizontal("act_basic_li", "act_ld_li", "act_info_li").sum()
    sessions = pl.struct("subscriber_id", "record_type", "call_ref").n_unique()
    count, charged_li = detail.select(sessions, li).collect().row(0)
    assert count > 100
    assert sum(int(row["On file"]) for row in rows) == sum(int(row["Only on file"]) for row in rows) == count
    assert sum(round(float(row["Charge on file"]) * 1000) for row in rows) == charged_li
    page = billing.get("/assurance/gateways/", day).content.decode()
    assert f"{count:,}" in page.split("<tfoot")[1] and f"{charged_li / 1000:,.3f}" in page.split("<tfoot")[1]


def _steps_told(billing: Client) -> list[str]:
    """What the page of a trial says of its newest step, and of the one before."""
    return [" ".join(one["told"]) for one in billing.get("/live/trial/").context["steps"][:2]]


def _right_now(client: Client, user: int) -> str:
    """The balance that a customer's page shows."""
    return client.get(f"/users/{user}/money/").content.decode().split("<dd")[1].split("¥")[1].split("<")[0]


def test_a_session_runs_dry_its_user_pays_at_the_counter_and_it_goes_on(
    monkeypatch: pytest.MonkeyPatch, clerk: Client
) -> None:
    user = 41
    owed_fen = receivables.owed(account_id=user, at=AT).owed_fen  # of earlier bills, which a payment pays first
    session, billing = Session(user, owed_fen + 300), signed_in("billing")
    door = start_chf(session)
    door.numbering, door.at = current_numbering(), Moment(AT, operator_clock("Asia/Shanghai", int(AT.timestamp())))
    try:
        monkeypatch.setattr(options(), "nchf_port", door.port)
        monkeypatch.setattr(options(), "test_numbers", ["86"])
        with answering(session.owner, Path(settings.DATA_DIR)):
            before = _right_now(clerk, user)
            assert f"/live/trial/?user={user}" in billing.get(f"/users/{user}/money/").content.decode()
            billing.post("/live/trial/begin/", {"user": user, "kind": "DATA"})
            billing.post("/live/trial/use/", {"amount": "500"})
            dry, last = _steps_told(billing)
            assert "Nothing more is granted: No money left" in dry and "the last that the money buys" in last
            assert (before, _right_now(clerk, user)) == ("3.000", "0.000")
            form = clerk.get("/pay/", {"account": user}).context
            assert form["balance"].balance_li == 0
            money = {"account": user, "serial_no": form["serial_no"], "paid": "50", "means": "CASH", "tendered": "50"}
            clerk.post("/pay/take/", money)
            door.call(session.owner.turn)
            assert _right_now(clerk, user) == "50.000"
            billing.post("/live/trial/use/", {"amount": "10"})
            used, asked = _steps_told(billing)
            assert "may be used" in asked and "10 MB used" in used and float(_right_now(clerk, user)) < 50
            billing.post("/live/trial/forget/")
    finally:
        door.stop()


def test_a_trial_is_played_over_the_real_interface_by_users_of_the_test_tenant_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    session, billing = Session(), signed_in("billing")
    door = start_chf(session)
    door.numbering = current_numbering()  # the operator's, not the small test world's
    door.at = Moment(AT, operator_clock("Asia/Shanghai", int(AT.timestamp())))
    try:
        monkeypatch.setattr(options(), "nchf_port", door.port)
        with answering(session.owner, Path(settings.DATA_DIR)):
            begin = {"number": str(session.number)[2:], "kind": "DATA"}
            billing.post("/live/trial/begin/", begin)
            assert "test tenant may be played" in billing.get("/live/trial/").content.decode()
            assert session.owner.user_now(USER)["services"] == []
            monkeypatch.setattr(options(), "test_numbers", ["86"])
            billing.post("/live/trial/begin/", begin)
            billing.post("/live/trial/use/", {"amount": "25"})
            page = billing.get("/live/trial/")
            assert [one["step"].operation for one in page.context["steps"]] == ["use", "use", "use", "begin"]
            (service,) = session.owner.user_now(USER)["services"]
            assert service["used_octets"] == 25 * MB
            billing.post("/live/trial/use/", {"amount": "1", "end": "1"})
            assert session.owner.user_now(USER)["services"] == []
            assert "The session is over" in billing.get("/live/trial/").content.decode()
            billing.post("/live/trial/forget/")
            assert "What to play" in billing.get("/live/trial/").content.decode()
    finally:
        door.stop()


class Played:
    """A trial of a user of the operator, at a session function's real door, by somebody who may."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, user: int, at: datetime = AT) -> None:
        self.user, self.billing, self.session = user, signed_in("billing"), Session(user)
        self.door = start_chf(self.session)
        self.door.numbering = current_numbering()
        self.go_on_at(at)
        monkeypatch.setattr(options(), "nchf_port", self.door.port)
        monkeypatch.setattr(options(), "test_numbers", ["86"])

    def go_on_at(self, at: datetime) -> None:
        """Let time go by at the engine."""
        self.door.at = Moment(at, operator_clock("Asia/Shanghai", int(at.timestamp())))

    def begin(self, kind: str, other: str) -> None:
        self.billing.post("/live/trial/begin/", {"user": self.user, "kind": kind, "other": other})

    def use(self, amount: int, **more: str) -> None:
        self.billing.post("/live/trial/use/", {"amount": str(amount), **more})

    def newest(self) -> dict[str, Any]:
        """The newest step as its page shows it."""
        step: dict[str, Any] = self.billing.get("/live/trial/").context["steps"][0]
        return step

    def balance_li(self) -> int:
        return int(self.session.owner.user_now(self.user)["money"]["balance_li"])


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Played]]:
    """Begins trials, and ends them."""
    with contextlib.ExitStack() as ends:

        def one(user: int, at: datetime = AT) -> Played:
            played = Played(monkeypatch, user, at)
            ends.callback(played.door.stop)
            ends.enter_context(answering(played.session.owner, Path(settings.DATA_DIR)))
            ends.callback(lambda: played.billing.post("/live/trial/forget/"))
            return played

        yield one


def test_a_call_is_played_and_each_step_names_the_price_and_what_was_free(play: Callable[..., Played]) -> None:
    played = play(43)
    before_li = played.balance_li()
    played.begin("CALL", "13900000001")
    played.use(60, end="1")
    step = played.newest()
    assert (step["charged_li"], played.balance_li()) == (0, before_li)
    assert step["free"] == [("Local minutes", "1 min")]
    assert step["prices"] == [
        "Calls at home (Easyown Home Card, version of 2006-01-01) · ¥0.12 / minute · 23:00–07:00 ¥0.10"
    ]
    assert "The session ends with 0:01:00 used since" in step["told"][0]


def test_a_message_is_played_and_charged_at_once(play: Callable[..., Played]) -> None:
    played = play(44)
    before_li = played.balance_li()
    played.begin("SMS", "13900000001")
    step = played.newest()
    assert (step["charged_li"], before_li - played.balance_li()) == (100, 100)
    assert step["told"] == ["Charged at once, before it is delivered: 0.100."]
    assert step["prices"] == ["Messages on-net (National standard tariff, version of 2014-01-01) · ¥0.10 / message"]


def test_a_call_across_midnight_is_played_and_its_units_have_the_prices_of_their_time(
    play: Callable[..., Played],
) -> None:
    played = play(45, datetime(2026, 11, 12, 15, 59, 30, tzinfo=UTC))  # half a minute to midnight
    played.begin("CALL", "01062345678")
    played.go_on_at(datetime(2026, 11, 12, 16, 0, 30, tzinfo=UTC))
    played.use(60, end="1")
    step = played.newest()
    assert step["charged_li"] == 5 * 70 + 5 * 40  # ten units of 6 s, half of them by night
    assert step["prices"] == [
        "Domestic long distance (National standard tariff, version of 2014-01-01)"
        " · ¥0.07 / 6 seconds · 00:00–07:00 ¥0.04"
    ]


def test_data_across_a_change_of_prices_are_played_with_what_was_used_before_and_after_it(
    play: Callable[..., Played],
) -> None:
    played = play(46, datetime(2026, 11, 30, 15, 50, tzinfo=UTC))  # ten minutes to December
    played.begin("DATA", "")
    assert "other prices begin at 2026-12-01 00:00:00" in played.newest()["told"][-1]
    assert 'name="across"' in played.billing.get("/live/trial/").content.decode()
    played.go_on_at(datetime(2026, 11, 30, 16, 5, tzinfo=UTC))
    played.use(10, across="1")
    assert played.newest()["told"][0].startswith("The network reports 5 MB, 5 MB used")
    (service,) = played.session.owner.user_now(46)["services"]
    assert service["used_octets"] == 5 * MB  # what was used before is November's, in a record of its own
    assert service["began_at_s"] == int(datetime(2026, 11, 30, 16, 0, tzinfo=UTC).timestamp())


def test_gifts_are_in_the_balance_on_every_page_of_live_charging(play: Callable[..., Played]) -> None:
    session, billing = Session(57, key=57), signed_in("billing")
    session.owner.state.desk.wallets["limit_li"] = 5_000
    with answering(session.owner, Path(settings.DATA_DIR), session.watch):
        session.ask(0, Kind.INITIAL)
        billing.post("/live/follow/57/start/", {"reason": "complaint 18"})
        session.ask(1, Kind.UPDATE, used_down=5 * MB)
        money = session.owner.user_now(57)["money"]
        page = billing.get("/live/follow/57/")
        newest, earlier = page.context["steps"]
        assert _right_now(billing, 57) == f"{(money['balance_li'] + 5_000) / 1000:.3f}"
        assert f"¥{_right_now(billing, 57)}<" in page.content.decode()
        assert [one["money"]["left_li"] - one["money"]["balance_li"] for one in (newest, earlier)] == [5_000, 5_000]
    played = play(58)
    played.session.owner.state.desk.wallets["limit_li"] = 5_000
    played.begin("DATA", "")
    assert played.newest()["money"]["balance_li"] == played.balance_li() + 5_000
