"""Sessions charged over RADIUS that come again in FreeRADIUS's detail file: matched, compared, not charged again."""

# ruff: noqa: F811 - fixtures

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from tests.access.network.network_operator import define, drop, place, reference
from tests.access.network.test_radius import (  # noqa: F401 - fixtures
    WLAN,
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
from tests.modules.charging.engine.test_online import MB
from tests.modules.customers.conftest import loaded, offers  # noqa: F401

from openboss.access.network.collector import collect_once
from openboss.modules.catalog.atomic import replace_reference
from openboss.modules.charging.functions.gateways import compared_sessions, daily_sums
from openboss.modules.charging.models import StageCounter
from openboss.processes import assure_money

DAY = date(2026, 10, 5)
LATER = datetime(2026, 10, 7, tzinfo=UTC)
MIDNIGHT_S = 14 * 3600  # after moment(): it is ten


@pytest.fixture
def desk(network, aaa):
    """The door, the example's numbering plan with this user's prefix, and a source of detail files."""
    plan = reference()
    here = plan["number_prefixes"].filter(pl.col("prefix") == 1390071).with_columns(prefix=pl.lit(1390001, pl.Int64))
    plan["number_prefixes"] = pl.concat([plan["number_prefixes"], here])
    for name, frame in plan.items():
        replace_reference(name=name, frame=frame, at=LATER)
    define("DETAIL", "freeradius_detail")
    network.order("TOP_UP", "P-0", account_id=5, amount_li=10_000)
    return aaa


class Detail:
    """What FreeRADIUS writes down of each request, as its detail module does."""

    def __init__(self, desk, kind) -> None:
        self.desk, self.entries = desk, []
        self.port = "Wireless-802.11" if kind == WLAN[0] else "Ethernet"

    def note(self, status: str, seconds: int, down: int = 0, late_s: int = 0, **more: str) -> None:
        """A request that comes when the desk's time says, `late_s` after it was first sent."""
        lines = [
            f'User-Name = "{self.desk.login}"', "NAS-IP-Address = 127.0.0.1", f"NAS-Port-Type = {self.port}",
            f"Acct-Status-Type = {status}", f"Acct-Session-Time = {seconds}", "Acct-Input-Octets = 0",
            f"Acct-Output-Octets = {down}", f"Acct-Delay-Time = {late_s}", "Acct-Terminate-Cause = User-Request",
            *(f"{name.replace('_', '-')} = {value}" for name, value in more.items()),
            'Event-Timestamp = "Oct  5 2026 10:00:00 CST"',
            'Acct-Unique-Session-Id = "42180f90e99c06dac7e849e0dd2e3614"',
            f"Timestamp = {int(self.desk.at.at.timestamp()) + late_s}",
        ]  # fmt: skip
        self.entries.append("\n\t".join([f"{self.desk.at.at:%a %b %d %H:%M:%S %Y}", *lines]) + "\n\n")

    def filed(self, folder) -> tuple[int, int]:
        """Let the file come to its inbox and be rated; return how many were charged and how many were twins."""
        drop(folder, "DETAIL_000001.txt", "".join(self.entries).encode(), "DETAIL")
        assert collect_once(place=place(folder), now=lambda: LATER).taken == 1
        self.desk.call(lambda: (self.desk.engine.owner.drain(), self.desk.engine.owner.flush()))
        counter = StageCounter.objects.get(stage="RATE")
        return counter.rated + counter.free, counter.filtered


@both_services
def test_a_session_that_logged_in_here_is_not_charged_again_from_the_file_and_the_day_is_compared(
    network, desk, service, tmp_path
):
    detail, named = Detail(desk, service[0]), {"Class": login(desk)["Class"]}
    for status, seconds in (("Start", 0), ("Interim-Update", 300), ("Stop", 590)):
        desk.later(seconds)
        account(desk, status, seconds, seconds * 1000, **named)
        detail.note(status, seconds, seconds * 1000, Acct_Session_Id='"s-1"', **named)
    before = network.wallet()["balance_li"]
    assert before == 10_120 - 10 * 50
    assert detail.filed(tmp_path) == (0, 1)
    assert network.wallet()["balance_li"] == before
    (row,) = daily_sums(from_on=DAY, to_on=DAY).rows(named=True)
    told = ("record_type", "online", "filed", "matched", "otherwise", "online_li", "filed_li", "difference_li")
    assert tuple(row[name] for name in told) == (int(service[0]), 1, 1, 1, 0, 500, 500, 0)


@both_services
def test_sessions_let_in_by_others_are_matched_by_their_id_and_differences_are_shown(network, desk, service, tmp_path):
    detail = Detail(desk, service[0])
    told = (("s-1", 120, 120), ("8000002D", 120, 179), ("20261005", 120, None), ("s-4", None, 300))
    for name, online_s, filed_s in told:
        if online_s is not None:
            desk.later(online_s)
            account(desk, "Stop", online_s, MB, Acct_Session_Id=name)
        if filed_s is not None:
            desk.later(filed_s)
            detail.note("Stop", filed_s, MB, Acct_Session_Id=f'"{name}"')
    before = network.wallet()["balance_li"]
    assert before == 10_120 - 3 * 2 * 50
    assert detail.filed(tmp_path) == (1, 2)
    assert network.wallet()["balance_li"] == before - 5 * 50  # the session nobody told us of
    span = {"from_local_s": _local_s(DAY), "to_local_s": _local_s(DAY + timedelta(days=1))}
    found = sorted(compared_sessions(**span).select("online", "filed", "unit", "act_li").rows())
    assert found == [(120, 0, "S", 100), (120, 120, "S", 100), (120, 179, "S", 100)]
    (row,) = daily_sums(from_on=DAY, to_on=DAY).rows(named=True)
    assert [row[name] for name in ("online", "filed", "matched", "otherwise", "only_online", "only_filed")] == [
        3, 3, 2, 1, 1, 1]  # fmt: skip
    assert (row["difference"], row["difference_li"]) == (0, 100 - 250)
    (done,) = assure_money.run(on=date(2026, 10, 7), at=LATER, checks=("GATEWAYS",))
    assert (done.compared, done.found) == (3, 2)
    causes = sorted((one.cause, one.expected_fen, one.found_fen) for one in assure_money.differences(check="GATEWAYS"))
    assert causes == [("GATEWAY_NOT_ONLINE", 120, 179), ("GATEWAY_SILENT", 120, 0)]


def test_a_stop_on_its_way_for_hours_and_one_a_second_before_midnight_are_matched(network, desk, service, tmp_path):
    detail = Detail(desk, service[0])
    desk.later(120)
    account(desk, "Stop", 120, MB)
    detail.note("Stop", 120, MB, late_s=4 * 86_400, Acct_Session_Id='"s-1"')
    desk.later(MIDNIGHT_S)
    account(desk, "Start", Acct_Session_Id="s-2")
    desk.later(MIDNIGHT_S + 119)
    detail.note("Stop", 120, MB, Acct_Session_Id='"s-2"')  # to the server it began a second earlier
    account(desk, "Stop", 120, MB, Acct_Session_Id="s-2")
    assert detail.filed(tmp_path) == (0, 2)
    next_day = DAY + timedelta(days=1)
    span = {"from_local_s": _local_s(next_day), "to_local_s": _local_s(next_day + timedelta(days=1))}
    assert compared_sessions(**span).select("online", "filed").rows() == [(120, 120)]


def _local_s(day: date) -> int:
    return (day - date(1970, 1, 1)).days * 86_400
