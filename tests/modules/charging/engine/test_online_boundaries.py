"""Sessions over the boundaries at which other prices begin: what was used before and after is charged apart."""

from copy import deepcopy
from datetime import date

import polars as pl
import pytest
from django.conf import settings

from openboss.kernel.usage import RecordType
from openboss.modules.catalog.publications import publication_text, write_publication
from openboss.modules.charging.engine.online.requests import Kind
from openboss.modules.charging.functions.engine import image_payload

from .conftest import ITEMS, Version, image, rule_id_of, versions
from .test_online import MB, moment, network, open_wallet  # noqa: F401 - a fixture
from .test_online_events import debit
from .test_owner import USERS, world  # noqa: F401 - a fixture

pytestmark = pytest.mark.django_db(transaction=True)


def publish(network, change, rule: str = "DATA") -> None:  # noqa: F811
    """Publish the small world's tariffs with another version of the standard ones, in which `change` makes a price."""
    made = versions()
    standard = [one for one in made if one.kind == "STANDARD"][-1]
    document = deepcopy(standard.document)
    ids = {rule: 800 + place for place, rule in enumerate(standard.rule_ids)}
    change(next(one for one in document["prices"] if one["rule"] == rule))
    made.append(Version(0, "STANDARD", "STANDARD", date(2026, 10, 6), document, ids))
    path, sha256 = write_publication(settings.LAKE_DIR / "tariffs", publication_text(made, ITEMS, []))
    network.order("PUBLICATION", path=f"tariffs/{path.name}", sha256=sha256)


def records(network, *months: int) -> list[tuple]:  # noqa: F811
    network.owner.flush()
    files = [name for month in months for name in network.owner.lake.usage_files(month)]
    rows = pl.read_parquet(files, hive_partitioning=True).sort("position", "row")
    return rows.select("cycle", "start_local_s", "kb_units", "act_basic_li").rows()


def use_around(network, begin: str, change: str, after: str) -> None:  # noqa: F811
    """A data session of 2 MB before a change and 1 MB after it, which is told in its grant and reported apart."""
    _, quota = network.ask(1, 0, Kind.INITIAL, moment(begin))
    assert quota["change_at_s"] == moment(change).now_s
    network.ask(1, 1, Kind.UPDATE, moment(after), used_down=2 * MB, after_down=MB)
    network.ask(1, 2, Kind.TERMINATION, moment(after), asking=False)


def test_use_before_the_end_of_a_month_belongs_to_it_and_use_after_it_to_the_next(network):  # noqa: F811
    open_wallet(network, 10_000)
    use_around(network, "2026-10-31 23:50:00", "2026-11-01 00:00:00", "2026-11-01 00:05:00")
    assert records(network, 202610, 202611) == [
        (202610, moment("2026-10-31 23:50:00").local_s, 2048, 580),
        (202611, moment("2026-11-01 00:00:00").local_s, 1024, 290),
    ]
    assert network.wallet()["balance_li"] == 10_000 - 870


def test_a_network_whose_clock_is_ahead_over_the_end_of_a_month_is_charged_in_the_month_it_says(network):  # noqa: F811
    open_wallet(network, 10_000)
    at, says = moment("2026-10-31 23:59:58"), moment("2026-11-01 00:00:02")
    answer, _ = debit(network, 1, 1, at="2026-10-31 23:59:58", at_s=says.now_s)
    assert (answer["result"], network.wallet()["balance_li"]) == (2001, 9_900)
    for number, (kind, use) in enumerate(((Kind.INITIAL, 0), (Kind.UPDATE, MB), (Kind.TERMINATION, MB))):
        wish = {"asking": kind != Kind.TERMINATION, "used_down": use, "at_s": says.now_s}
        answer, quota = network.ask(2, number, kind, at, **wish)
        assert (answer["result"], quota["result"]) == (2001, 2001)
    debit(network, 3, 1, at="2026-10-31 23:59:58")
    network.owner.sweep(moment("2026-11-01 00:10:00"))
    assert sorted(records(network, 202610, 202611)) == [
        (202610, at.local_s, 0, 100), (202611, says.local_s, 0, 100), (202611, says.local_s, 2048, 580),
    ]  # fmt: skip
    assert network.wallet()["balance_li"] == 10_000 - 780


def test_a_version_that_begins_inside_a_session_prices_what_is_used_from_then_on(network):  # noqa: F811
    publish(network, lambda data: data.update(price="1.00"))
    open_wallet(network, 10_000)
    use_around(network, "2026-10-05 23:50:00", "2026-10-06 00:00:00", "2026-10-06 00:05:00")
    assert [row[2:] for row in records(network, 202610)] == [(2048, 580), (1024, 1000)]
    assert network.wallet()["balance_li"] == 10_000 - 1580


@pytest.mark.parametrize(("change", "after_li", "is_told"), [
    pytest.param(lambda data: data.update(price="1.00"), 1_000, True, id="another price"),
    pytest.param(lambda data: data.update(price="1.00"), 1_000, False, id="another price, not told"),
    pytest.param(lambda data: data.update(basis="RECORD", max_charge="0.10"), 100, True, id="a most"),
    pytest.param(lambda data: data.update(tiers=[{"from": 0, "price": "0.29", "per": "1024 KB"},
                                                 {"from": 512, "price": "1.00", "per": "1024 KB"}]), 645, True,
                 id="a threshold"),
])  # fmt: skip
def test_a_version_published_inside_a_session_prices_what_is_used_from_its_beginning_on(
    network,  # noqa: F811
    change,
    after_li,
    is_told,
):
    """The session was priced, and knew of no change, before the version was published; it may hear of it or not."""
    open_wallet(network, 10_000)
    _, quota = network.ask(1, 0, Kind.INITIAL, moment("2026-10-05 23:20:00"))
    _, quota = network.ask(1, 1, Kind.UPDATE, moment("2026-10-05 23:40:00"), used_down=MB)
    assert quota["change_at_s"] == 0
    publish(network, change)
    if is_told:
        _, quota = network.ask(1, 2, Kind.UPDATE, moment("2026-10-05 23:50:00"), used_down=MB)
        assert quota["change_at_s"] == moment("2026-10-06 00:00:00").now_s
        network.ask(1, 3, Kind.UPDATE, moment("2026-10-06 00:05:00"), used_down=MB, after_down=MB)
    else:  # it tells nothing apart: all of it was before; what it uses from then on is of the version's record
        network.ask(1, 3, Kind.UPDATE, moment("2026-10-06 00:05:00"), used_down=2 * MB)
        network.ask(1, 4, Kind.UPDATE, moment("2026-10-06 00:10:00"), used_down=MB)
    network.crash()
    network.ask(1, 5, Kind.TERMINATION, moment("2026-10-06 00:15:00"), asking=False)
    assert records(network, 202610) == [
        (202610, moment("2026-10-05 23:20:00").local_s, 3072, 870),
        (202610, moment("2026-10-06 00:00:00").local_s, 1024, after_li),
    ]
    assert network.wallet()["balance_li"] == 10_000 - 870 - after_li


def test_a_free_resource_that_ends_with_its_offer_inside_a_session_pays_for_what_was_used_before(network):  # noqa: F811
    users = image({12: USERS[12] | {"offers": [4, 2]}})  # 1 GB a month with offer 2
    ends_s = moment("2026-10-07 10:00:00").local_s
    ending = pl.when(pl.col("offer_id") == 2).then(ends_s).otherwise("to_local_s")
    users = users._replace(holdings=users.holdings.with_columns(to_local_s=ending))
    network.order("IMAGE", **image_payload(users))
    open_wallet(network, 10_000)
    use_around(network, "2026-10-07 09:50:00", "2026-10-07 10:00:00", "2026-10-07 10:05:00")
    assert records(network, 202610) == [
        (202610, moment("2026-10-07 09:50:00").local_s, 2048, 0),
        (202610, ends_s, 1024, 290),
    ]
    assert network.wallet()["balance_li"] == 10_000 - 290


def test_a_free_resource_given_for_a_time_pays_for_records_that_began_within_it_to_their_end(network):  # noqa: F811
    open_wallet(network, 10_000)
    given = {"rule_id": rule_id_of("DATA_1GB", "KB"), "units": 1024 * 1024, "subscriber_id": 12}
    since_s, ends_s = moment("2026-10-07 09:00:00").local_s, moment("2026-10-07 10:00:00").local_s
    network.order("GRANT", **given, from_local_s=since_s, to_local_s=ends_s)
    network.ask(1, 0, Kind.INITIAL, moment("2026-10-07 09:50:00"))
    network.ask(1, 1, Kind.UPDATE, moment("2026-10-07 10:05:00"), used_down=3 * MB)
    network.ask(1, 2, Kind.TERMINATION, moment("2026-10-07 10:06:00"), used_down=MB, asking=False)
    network.ask(2, 0, Kind.INITIAL, moment("2026-10-07 10:00:00"))
    network.ask(2, 1, Kind.TERMINATION, moment("2026-10-07 10:07:00"), used_down=MB, asking=False)
    assert [row[2:] for row in records(network, 202610)] == [(4096, 0), (1024, 290)]
    assert network.wallet()["balance_li"] == 10_000 - 290


def test_a_call_over_the_edge_of_a_time_band_pays_each_unit_by_the_band_it_starts_in(network):  # noqa: F811
    night = [{"from": "00:00", "to": "07:00", "price": "0.10"}]
    publish(network, lambda local: local.update(bands=night), "LOCAL")
    open_wallet(network, 10_000)
    call = {"record_type": RecordType.MOC, "other": 13900000001}
    network.ask(1, 0, Kind.INITIAL, moment("2026-10-07 06:58:30"), **call)
    paid_li = []
    for number, at in enumerate(("06:59:30", "07:00:30", "07:01:30"), 1):
        network.ask(1, number, Kind.UPDATE, moment(f"2026-10-07 {at}"), used_s=60, **call)
        paid_li.append(10_000 - network.wallet()["balance_li"])
    network.ask(1, 4, Kind.TERMINATION, moment("2026-10-07 07:01:31"), used_s=1, asking=False, **call)
    assert paid_li == [100, 200, 600]  # the third minute starts at 07:00:30
    network.owner.flush()
    found = pl.read_parquet(network.owner.lake.usage_files(202610), hive_partitioning=True)
    assert found.select("duration_s", "act_basic_li").rows() == [(181, 1000)]
    assert network.wallet()["balance_li"] == 10_000 - 1000


def test_a_time_band_of_the_day_does_not_cut_a_volume_it_belongs_to_the_band_its_record_began_in(network):  # noqa: F811
    night = [{"from": "00:00", "to": "07:00", "price": "0.04"}]
    publish(network, lambda data: data.update(bands=night, basis="RECORD"))
    open_wallet(network, 10_000)
    for session, begin, ends in ((1, "06:50:00", "07:10:00"), (2, "07:00:00", "07:20:00")):
        _, quota = network.ask(session, 0, Kind.INITIAL, moment(f"2026-10-07 {begin}"))
        assert quota["change_at_s"] == 0
        network.ask(session, 1, Kind.UPDATE, moment(f"2026-10-07 {ends}"), used_down=2 * MB, after_down=MB)
        network.ask(session, 2, Kind.TERMINATION, moment(f"2026-10-07 {ends}"), asking=False)
    assert [row[2:] for row in records(network, 202610)] == [(3072, 120), (3072, 870)]
    assert network.wallet()["balance_li"] == 10_000 - 990


def test_a_minimum_is_of_a_record_once_however_often_it_is_reported_and_again_after_a_cut(network):  # noqa: F811
    publish(network, lambda data: data.update(min_charge="2.00", basis="RECORD"))
    open_wallet(network, 10_000)
    network.ask(1, 0, Kind.INITIAL, moment("2026-10-07 10:00:00"))
    for number in (1, 2, 3):
        network.ask(1, number, Kind.UPDATE, moment(f"2026-10-07 10:0{number}:00"), used_down=MB)
        assert network.wallet()["balance_li"] == 8_000  # 0.29, 0.58, 0.87: the minimum, once
    network.ask(1, 4, Kind.UPDATE, moment("2026-10-07 10:04:00"), used_down=MB, is_changed=1)
    network.ask(1, 5, Kind.TERMINATION, moment("2026-10-07 10:05:00"), used_down=MB, asking=False)
    assert [row[2:] for row in records(network, 202610)] == [(4096, 2000), (1024, 2000)]
    assert network.wallet()["balance_li"] == 6_000
