"""Reports of access servers that come again, late or in another order, and servers that count from the beginning."""

# ruff: noqa: F811 - fixtures

from datetime import timedelta

import polars as pl
import pytest
from tests.access.network.test_radius import (  # noqa: F401 - fixtures
    BROADBAND,
    USER,
    Aaa,
    aaa,
    account,
    nas,
    network,
    pytestmark,
    servers,
)
from tests.modules.charging.engine.test_online import MB, detail
from tests.modules.customers.conftest import loaded, offers  # noqa: F401

from openboss.access.network.radius import accounting
from openboss.access.network.radius.accounting import NOT_CHARGED
from openboss.access.network.radius.packets import Code
from openboss.modules.charging.functions.access_sessions import put_access_sessions
from openboss.modules.charging.models import AccessSession, EngineJournal

MINUTE_LI = 50
BEFORE_LI = 10_120
LATE = (301, 4000, 10 * 86_400)  # the engine remembers what ended for 300 s


@pytest.fixture
def service():
    return BROADBAND


@pytest.fixture
def desk(network, aaa):
    """The door, and a user with money enough."""
    network.order("TOP_UP", "P-0", account_id=5, amount_li=10_000)
    return aaa


def spent_minutes(network) -> float:
    return (BEFORE_LI - network.wallet()["balance_li"]) / MINUTE_LI


def begun(desk, seconds: int = 90, down: int = MB, session: str = "s-1") -> None:
    """A session from 0 to `seconds`, reported at its start and its end."""
    account(desk, "Start", Acct_Session_Id=session)
    desk.later(seconds)
    assert account(desk, "Stop", seconds, down, Acct_Session_Id=session)["code"] == "Accounting-Response"


def swept(desk, after_s: int) -> None:
    """Some time later, when the engine has forgotten what ended."""
    desk.later(after_s)
    while desk.engine.owner.sweep(desk.at):
        pass


@pytest.mark.parametrize("says_delay", [True, False])
@pytest.mark.parametrize("down", [MB, 0])
def test_a_stop_sent_again_after_minutes_hours_or_days_is_charged_once(network, desk, says_delay, down):
    begun(desk, 90, down)
    for after_s in LATE:
        desk.call(lambda after_s=after_s: swept(desk, 90 + after_s))
        delay = {"Acct_Delay_Time": after_s} if says_delay else {}
        assert account(desk, "Stop", 90, down, **delay)["code"] == "Accounting-Response"
    assert spent_minutes(network) == 2
    assert detail(network).height == 1
    assert desk.accounting.counts["again"] == len(LATE)


def test_a_stop_sent_again_to_an_engine_that_died_and_forgot_the_session_is_charged_once(network, desk, servers):
    account(desk, "Start")
    desk.later(60)
    account(desk, "Interim-Update", 60, MB)
    desk.later(90)
    account(desk, "Stop", 90, 2 * MB)
    for after_s in LATE:
        desk.stop()
        network.crash()
        desk = Aaa(network, servers, desk.login)
        desk.call(lambda after_s=after_s, desk=desk: swept(desk, 90 + after_s))
        rows = EngineJournal.objects.count()
        for _again in range(2):
            assert account(desk, "Stop", 90, 2 * MB)["code"] == "Accounting-Response"
        assert (spent_minutes(network), EngineJournal.objects.count()) == (2, rows)
    desk.stop()


def test_a_stop_whose_engine_died_before_it_was_committed_is_charged_when_it_comes_again(network, desk, servers):
    account(desk, "Start")
    desk.later(90)
    desk.stop()
    (session,) = AccessSession.objects.all()
    known = desk.accounting.sessions.find(session.session_key)
    known.total_s, known.report_no, known.report_kind, known.ended_at = 90, 2, 3, desk.at.at
    put_access_sessions([known])  # this far the door came
    network.crash()
    second = Aaa(network, servers, desk.login)
    second.later(100)
    for _again in range(2):
        assert account(second, "Stop", 90, Acct_Delay_Time=10)["code"] == "Accounting-Response"
        assert spent_minutes(network) == 2
    second.stop()


def test_an_end_is_acknowledged_only_when_it_is_written_down_that_its_use_was_taken(network, desk, monkeypatch):
    account(desk, "Start")
    desk.later(90)
    written = []

    def writing(sessions):
        written.append([(one.total_s, one.before_s) for one in sessions])
        put_access_sessions(sessions)

    monkeypatch.setattr(accounting, "put_access_sessions", writing)
    account(desk, "Stop", 90)
    assert written == [[(90, 0)], [(90, 90)]]
    assert AccessSession.objects.values_list("total_s", "before_s").get() == (90, 90)


def test_an_interim_or_a_start_that_comes_after_its_stop_opens_nothing_and_costs_nothing(network, desk):
    begun(desk)
    rows = EngineJournal.objects.count()
    for after_s in LATE:
        desk.call(lambda after_s=after_s: swept(desk, 90 + after_s))
        rows = EngineJournal.objects.count()
        account(desk, "Interim-Update", 60, MB // 2)
        account(desk, "Interim-Update", 60, MB // 2, Acct_Delay_Time=after_s + 30)
        account(desk, "Start", Acct_Delay_Time=after_s + 90)
        assert EngineJournal.objects.count() == rows
    assert (spent_minutes(network), AccessSession.objects.count()) == (2, 1)
    assert desk.accounting.counts["late"] == 3 * len(LATE)


def test_a_start_with_a_used_id_is_a_session_of_its_own_and_each_stop_sent_again_is_known(network, desk):
    begun(desk, 90, MB)  # two minutes
    desk.later(500)
    account(desk, "Start")
    desk.later(500 + 150)
    account(desk, "Stop", 150, 2 * MB)  # three minutes
    assert spent_minutes(network) == 5
    for after_s in (700, 5000):
        desk.later(after_s)
        account(desk, "Stop", 90, MB)
        account(desk, "Stop", 90, MB, Acct_Delay_Time=after_s - 90)
        account(desk, "Stop", 150, 2 * MB, Acct_Delay_Time=after_s - 650)
    assert (spent_minutes(network), AccessSession.objects.count()) == (5, 2)


def test_while_a_session_runs_under_a_used_id_the_old_ones_reports_are_known_and_its_own_are_charged(network, desk):
    begun(desk, 90, MB)
    desk.later(400)
    account(desk, "Start")
    account(desk, "Stop", 90, MB)  # the old one again
    account(desk, "Stop", 90, MB, Acct_Delay_Time=310)
    account(desk, "Interim-Update", 60, MB // 2, Acct_Delay_Time=340)
    assert spent_minutes(network) == 2
    desk.later(460)
    account(desk, "Interim-Update", 60, MB // 2)
    assert spent_minutes(network) == 3
    desk.later(490)
    account(desk, "Stop", 90, MB // 2)
    assert spent_minutes(network) == 4


def test_a_stop_whose_start_was_lost_is_charged_once_under_a_used_id_too(network, desk):
    desk.later(60)
    for _again in range(2):
        account(desk, "Stop", 60, MB)
    assert spent_minutes(network) == 1
    desk.later(900)
    for after_s in (0, 100, 9000):  # the server counts from the beginning again
        desk.later(900 + after_s)
        account(desk, "Stop", 120, 2 * MB)
    assert spent_minutes(network) == 3
    assert sorted(detail(network)["duration_s"]) == [60, 120]


def test_what_was_used_after_a_server_said_all_had_ended_is_charged_and_nothing_before_it_again(network, desk):
    account(desk, "Start")
    desk.later(60)
    account(desk, "Interim-Update", 60, MB)
    account(desk, "Accounting-On", Acct_Session_Id="boot")
    assert spent_minutes(network) == 1
    desk.later(180)
    account(desk, "Interim-Update", 180, 2 * MB)  # it was no end
    assert spent_minutes(network) == 3
    desk.later(240)
    for _again in range(2):
        account(desk, "Stop", 240, 2 * MB)
    assert spent_minutes(network) == 4
    assert AccessSession.objects.filter(ended_at=None).count() == 0
    ends = AccessSession.objects.order_by("ended_at").values_list("ended_at", flat=True)
    assert ends[1] - ends[0] == timedelta(seconds=180)


def forgotten(desk, after_s: int) -> None:
    """Some time later, when the engine has settled what was silent and has forgotten that too."""
    for later_s in (after_s, after_s + 2 * 86_400):
        desk.call(lambda later_s=later_s: swept(desk, later_s))
    assert not desk.engine.owner.state.desk.sessions["life"].any()


def test_what_was_used_is_charged_to_who_was_stopped_while_the_access_server_was_silent(network, desk):
    account(desk, "Start")
    forgotten(desk, 3 * 3600)
    network.order("STATE", subscriber_id=USER, barred=2)
    for _again in range(2):
        assert account(desk, "Stop", 11_200, 5 * MB)["code"] == "Accounting-Response"
        assert spent_minutes(network) == 187
    assert detail(network).select("duration_s", "down_bytes").rows() == [(11_200, 5 * MB)]
    assert desk.accounting.counts[NOT_CHARGED] == 0


def test_what_runs_on_of_who_was_stopped_while_the_access_server_was_silent_is_charged_and_ended(network, desk, nas):
    account(desk, "Start")
    forgotten(desk, 3 * 3600)
    network.order("STATE", subscriber_id=USER, barred=2)
    account(desk, "Interim-Update", 600, MB)
    assert spent_minutes(network) == 10
    assert nas.next()["code"] == Code.DISCONNECT_REQUEST
    account(desk, "Stop", 660, MB)
    assert (spent_minutes(network), network.wallet()["reserved_li"]) == (11, 0)


def test_what_nobody_known_has_used_is_counted_for_operators_and_named_in_the_log(network, desk, caplog):
    assert account(desk, "Stop", 90, MB, User_Name="057199999999@home")["code"] == "Accounting-Response"
    assert (spent_minutes(network), desk.accounting.counts[NOT_CHARGED]) == (0, 1)
    assert all(said in caplog.text for said in ("use not charged", "5030", "90", str(MB)))


def test_a_server_that_restarts_without_a_word_and_uses_a_running_id_again_is_charged_for_both_sessions(network, desk):
    account(desk, "Start")
    desk.later(300)
    account(desk, "Interim-Update", 300, 4 * MB)
    desk.later(600)
    account(desk, "Interim-Update", 600, 10 * MB)
    assert spent_minutes(network) == 10
    account(desk, "Interim-Update", 300, 4 * MB)  # the one before again
    desk.later(1200)
    account(desk, "Start")
    assert spent_minutes(network) == 10
    desk.later(1500)
    account(desk, "Interim-Update", 300, 3 * MB)
    assert spent_minutes(network) == 15
    desk.later(1700)
    account(desk, "Stop", 500, 5 * MB)
    assert spent_minutes(network) == 10 + 9
    for after_s in (1800, 9000):
        desk.later(after_s)
        account(desk, "Stop", 500, 5 * MB)
    assert spent_minutes(network) == 10 + 9
    used = detail(network).sort("duration_s").select("duration_s", pl.col("up_bytes") + pl.col("down_bytes"))
    assert used.rows() == [(500, 5 * MB), (600, 10 * MB)]
    assert AccessSession.objects.filter(ended_at=None).count() == 0


def test_a_server_that_restarts_without_a_word_after_a_session_went_on_is_charged_for_both_sessions(network, desk):
    account(desk, "Start")
    desk.later(600)
    account(desk, "Interim-Update", 600, 4 * MB)
    account(desk, "Accounting-On", Acct_Session_Id="boot")
    desk.later(700)
    account(desk, "Interim-Update", 700, 5 * MB)  # it was no end
    assert spent_minutes(network) == 10 + 2
    desk.later(1000)
    account(desk, "Interim-Update", 60, MB)  # began at 940, after the 700 s of the other one
    assert spent_minutes(network) == 12 + 1
    desk.later(1030)
    account(desk, "Stop", 90, MB)
    assert spent_minutes(network) == 12 + 2
    assert AccessSession.objects.filter(ended_at=None).count() == 0


def test_a_report_that_says_more_than_is_known_is_of_the_running_session_whenever_it_seems_to_have_begun(network, desk):
    account(desk, "Start")
    desk.later(60)
    account(desk, "Interim-Update", 60, MB)
    desk.later(4000)
    account(desk, "Interim-Update", 120, 2 * MB)  # sent again after an hour, without Acct-Delay-Time
    assert (spent_minutes(network), AccessSession.objects.count()) == (2, 1)
