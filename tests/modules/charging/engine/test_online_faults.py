"""Records that sessions end and nobody can rate: in the error pool like any other, charged once when recycled."""

from pathlib import Path

import polars as pl
import pytest
from django.conf import settings
from django.db import connection

from openboss.kernel.usage import RecordType
from openboss.modules.catalog.publications import publication_text, write_publication
from openboss.modules.charging.atomic.monitor import file_balance
from openboss.modules.charging.engine.online.requests import Kind, Result
from openboss.modules.charging.functions import errors as pool
from openboss.modules.charging.functions.record import rated_again
from openboss.modules.charging.models import ErrorRecord, UsageFile
from openboss.modules.charging.normalise import operator_clock

from .conftest import ITEMS, record, versions
from .test_online import MB, NUMBERING, PREPAID, detail, moment, network, open_wallet  # noqa: F401 - a fixture
from .test_online_events import debit, refund, settle
from .test_owner import put_chunk, world  # noqa: F401 - a fixture

pytestmark = pytest.mark.django_db(transaction=True)
NOW = moment("2026-10-05 12:00:00").at


def publish(network, *, with_data: bool) -> None:  # noqa: F811
    made = versions()
    for version in made:
        if version.kind == "STANDARD" and not with_data:
            version.document["prices"] = [one for one in version.document["prices"] if one["rule"] != "DATA"]
    path, sha256 = write_publication(settings.LAKE_DIR / "tariffs", publication_text(made, ITEMS, []))
    network.order("PUBLICATION", path=f"tariffs/{path.name}", sha256=sha256)


def recycle(network) -> pool.Recycled:  # noqa: F811
    clock = operator_clock("Asia/Shanghai", int(NOW.timestamp()))
    done = pool.recycle(filters={}, tables=NUMBERING, clock=clock, lake_dir=Path(settings.LAKE_DIR), now=NOW)
    network.owner.drain()
    return done


@pytest.fixture
def unpriced(network):  # noqa: F811
    """A data session of which 3 MB were charged, then its price was gone; it ended with 5 MB."""
    open_wallet(network, 10_000)
    network.ask(1, 0, Kind.INITIAL, moment(), record_type=RecordType.DATA)
    network.owner.state.desk.uses["call_ref"][network.owner.state.desk.sessions["first_service"][0]] = 77
    network.ask(1, 1, Kind.UPDATE, moment("2026-10-05 10:01:00"), used_down=3 * MB)
    assert network.wallet()["balance_li"] == 10_000 - 870
    publish(network, with_data=False)
    _, quota = network.ask(1, 2, Kind.UPDATE, moment("2026-10-05 10:02:00"), used_down=MB)
    assert quota["result"] == Result.RATING_FAILED
    network.ask(1, 3, Kind.TERMINATION, moment("2026-10-05 10:03:00"), used_down=MB, asking=False)
    return network


def test_a_record_that_cannot_be_rated_when_its_session_ends_is_in_the_error_pool_and_costs_nothing_yet(unpriced):
    [waiting], count = pool.list_errors(filters={})
    assert (count, waiting["code"], waiting["stage"], waiting["state"]) == (1, "E501", "RATE", "OPEN")
    assert (waiting["served_number"], waiting["source"]) == (f"+{PREPAID}", "ONLINE")
    assert waiting["record"]["down_bytes"] == str(5 * MB)
    assert (unpriced.wallet()["balance_li"], unpriced.wallet()["reserved_li"]) == (10_000, 0)
    file = UsageFile.objects.get()
    assert (file.name, file.records) == ("ONLINE-20261005", 1)
    balance = file_balance(file_id=file.file_id)
    assert (balance.records_in, balance.error, balance.is_balanced) == (1, 1, True)


def test_it_is_recycled_and_charged_exactly_once_and_never_again_from_the_gateways_file(unpriced):
    publish(unpriced, with_data=True)
    assert recycle(unpriced) == pool.Recycled(1, 0)
    assert recycle(unpriced) == pool.Recycled(0, 0)
    gateway = record(PREPAID, "2026-10-05 10:00:00", RecordType.DATA, down_bytes=5 * MB, call_ref=77)
    put_chunk(gateway)
    unpriced.owner.drain()
    unpriced.crash()
    assert unpriced.wallet()["balance_li"] == 10_000 - 1450  # 5 MB at 0.29
    rows = detail(unpriced).select("kb_units", "act_basic_li", "subscriber_id").rows()
    assert rows == [(5 * 1024, 1450, 12)]
    assert file_balance(file_id=-20261005).is_balanced


def test_what_still_fails_stays_in_the_pool_under_its_place(unpriced):
    assert recycle(unpriced) == pool.Recycled(1, 0)
    assert list(ErrorRecord.objects.values_list("state", "code", "recycles")) == [("OPEN", "E501", 1)]
    assert file_balance(file_id=-20261005).is_balanced
    assert unpriced.wallet()["balance_li"] == 10_000


def test_a_second_record_of_the_day_stands_beside_the_first_even_after_a_crash(unpriced):
    unpriced.crash()
    publish(unpriced, with_data=True)
    unpriced.ask(2, 0, Kind.INITIAL, moment("2026-10-05 11:00:00"))
    publish(unpriced, with_data=False)
    unpriced.ask(2, 1, Kind.TERMINATION, moment("2026-10-05 11:01:00"), used_down=MB, asking=False)
    assert list(ErrorRecord.objects.order_by("error_id").values_list("seq_in_file", flat=True)) == [0, 1]
    assert UsageFile.objects.get().records == 2


def test_what_was_used_before_a_first_request_was_refused_is_not_lost(network):  # noqa: F811
    open_wallet(network, 10_000)
    publish(network, with_data=False)
    answer, _ = network.ask(1, 0, Kind.INITIAL, moment(), used_down=2 * MB, asking=False)
    assert answer["result"] == Result.RATING_FAILED
    assert ErrorRecord.objects.get().record["down_bytes"] == str(2 * MB)
    publish(network, with_data=True)
    recycle(network)
    assert network.wallet()["balance_li"] == 10_000 - 580
    assert detail(network).select(pl.col("act_basic_li").sum()).item() == 580


def test_an_online_record_is_explained_like_any_other_and_no_group_of_requests_is_read_for_it(network):  # noqa: F811
    open_wallet(network, 10_000)
    call = {"record_type": RecordType.MOC, "other": 13900000001, "rating_group": -1}
    network.ask(1, 0, Kind.INITIAL, moment(), **call)
    network.ask(1, 1, Kind.UPDATE, moment("2026-10-05 10:01:00"), used_s=60, **call)
    network.ask(1, 2, Kind.TERMINATION, moment("2026-10-05 10:01:01"), used_s=1, asking=False, **call)
    row = detail(network).row(0, named=True)
    place = {name: row[name] for name in ("subscriber_id", "cycle", "position", "row")}
    read = []

    def listen(execute, sql, params, many, context):
        read.append(sql % params if 'FROM "charging_enginejournal"' in sql else "")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(listen):
        found = rated_again(**place, together=[])
    assert (found.is_same, found.rated.components[0][4]) == (True, 800)
    assert found.rated.trace
    assert all("ONLINE" in sql for sql in read if "images" in sql), "groups are left out"


def explained(row):
    """What the explanation of a record finds, after it was said that it finds the same."""
    place = {name: row[name] for name in ("subscriber_id", "cycle", "position", "row")}
    found = rated_again(**place, together=[])
    assert (found.is_same, bool(found.rated.trace)) == (True, True)
    return found.rated.components[0][4]


def test_each_part_of_a_session_that_a_month_and_other_circumstances_cut_is_explained(network):  # noqa: F811
    open_wallet(network, 10_000)
    network.ask(1, 0, Kind.INITIAL, moment("2026-10-31 23:50:00"))
    network.ask(1, 1, Kind.UPDATE, moment("2026-10-31 23:55:00"), used_down=2 * MB, is_changed=1)
    network.ask(1, 2, Kind.UPDATE, moment("2026-10-31 23:58:00"), used_down=3 * MB)
    network.ask(1, 3, Kind.UPDATE, moment("2026-11-01 00:01:00"), used_down=0)
    network.ask(1, 4, Kind.TERMINATION, moment("2026-11-01 00:05:00"), used_down=MB, asking=False)
    network.owner.flush()
    files = [file for cycle in (202610, 202611) for file in network.owner.lake.usage_files(cycle)]
    rows = pl.read_parquet(files, hive_partitioning=True).sort("start_local_s").rows(named=True)
    assert [(row["cycle"], row["partial_seq"], explained(row)) for row in rows] == [
        (202610, 0, 580), (202610, 1, 870), (202611, 2, 290)]  # fmt: skip


def test_an_event_of_which_some_was_refunded_is_explained_as_what_was_kept(network):  # noqa: F811
    open_wallet(network, 1000)
    debit(network, 1, 3)
    refund(network, 2, 1, want_units=1)
    settle(network)
    (row,) = detail(network).rows(named=True)
    assert (row["message_count"], explained(row), network.wallet()["balance_li"]) == (2, 200, 800)


def test_a_session_that_was_settled_in_silence_and_what_it_used_after_it_are_explained(network):  # noqa: F811
    open_wallet(network, 10_000)
    network.ask(1, 0, Kind.INITIAL, moment())
    network.ask(1, 1, Kind.UPDATE, moment(), used_down=2 * MB)
    network.owner.sweep(moment("2026-10-05 11:01:00"))
    assert [explained(row) for row in detail(network).rows(named=True)] == [580]
    network.ask(1, 2, Kind.TERMINATION, moment("2026-10-05 11:02:00"), used_down=MB, asking=False)
    rows = detail(network).sort("partial_seq").rows(named=True)
    assert [explained(row) for row in rows] == [580, 290]


def test_what_all_services_of_a_request_used_is_paid_before_any_is_granted_more(network):  # noqa: F811
    """The reserve of a rating group is free in the turn that settles it, and no money is granted that another used."""
    open_wallet(network, 5_800)  # 20 MB
    for place, rating_group in enumerate((1, 2)):
        network.ask(1, place, Kind.UPDATE if place else Kind.INITIAL, moment(), rating_group=rating_group)
    assert network.wallet()["reserved_li"] == 5_800
    first, second = network.ask_both(1, 2, moment("2026-10-05 10:01:00"), [(1, 0), (2, 4 * MB)])
    assert (first["granted"], first["is_last"]) == (10 * MB, 0)
    assert (second["granted"], second["is_last"]) == (MB, 0)  # near the end a smaller slice
    first, second = network.ask_both(1, 3, moment("2026-10-05 10:02:00"), [(1, 10 * MB), (2, 6 * MB)])
    assert [first["result"], second["result"]] == [Result.CREDIT_LIMIT_REACHED] * 2
    assert (network.wallet()["balance_li"], network.wallet()["reserved_li"]) == (0, 0)
