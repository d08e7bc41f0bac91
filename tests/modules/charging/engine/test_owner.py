"""The owner of the stream: journalled once, rebuilt to the bit, nothing lost or doubled when it dies."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from django.conf import settings
from django.db import DatabaseError, connection, transaction

from openboss.modules.catalog.publications import publication_text, write_publication
from openboss.modules.charging.atomic import engine as journal
from openboss.modules.charging.chunks import write_chunk
from openboss.modules.charging.engine.lake import FILES_A_MERGE, Lake
from openboss.modules.charging.engine.query import NoAnswer, answering, ask
from openboss.modules.charging.engine.recovery import recover
from openboss.modules.charging.functions.engine import image_payload
from openboss.modules.charging.models import EngineJournal, Source, StageCounter, UsageChunk, UsageFile

from .conftest import ITEMS, chunk, image, record, versions

pytestmark = pytest.mark.django_db(transaction=True)
AT = datetime(2026, 11, 1, tzinfo=UTC)
USERS = {11: {"number": 8613900000001, "offers": [1]}, 12: {"number": 8613900000002}}


@pytest.fixture
def world(tmp_path, settings):
    """Folders of an installation; commands for tariffs, users and one open cycle wait for the engine."""
    settings.LAKE_DIR, settings.DATA_DIR = tmp_path / "lake", tmp_path
    path, sha256 = write_publication(settings.LAKE_DIR / "tariffs", publication_text(versions(), ITEMS, []))
    journal.send_command(kind="PUBLICATION", payload={"path": f"tariffs/{path.name}", "sha256": sha256})
    journal.send_command(kind="IMAGE", payload=image_payload(image(USERS)))
    journal.send_command(kind="OPEN_CYCLE", payload={"cycle": 202610})
    return tmp_path


def put_chunk(*rows):
    """Leave a chunk for the engine as the collector would."""
    source, _ = Source.objects.get_or_create(code="msc", defaults={"decoder": "delimited"})
    number = UsageFile.objects.count() + 1
    file = UsageFile.objects.create(
        source=source,
        inbox="msc",
        name=f"f{number}",
        sequence=number,
        sha256=hashlib.sha256(str(number).encode()).hexdigest(),
        size_bytes=1,
        state="CHUNKED",
        arrived_at=AT,
    )
    written = write_chunk(chunk(*rows), lake_dir=Path(settings.LAKE_DIR), name=f"msc/{number}")
    return UsageChunk.objects.create(
        file=file, path=written.path, sha256=written.sha256, rows=written.rows, created_at=AT
    )


def calls(day, count=20):
    return [record(8613900000001, f"2026-10-{day:02} 10:{m:02}:00", duration_s=600 + m) for m in range(count)]


def start(world):
    return recover(lake_dir=world / "lake", snapshot_dir=world / "engine", threads=2)


def detail(world):
    return pl.read_parquet(Lake(world / "lake").usage_files(202610), hive_partitioning=True)


def test_inputs_are_journalled_in_order_and_detail_reaches_the_lake(world):
    put_chunk(*calls(1))
    owner = start(world)
    assert owner.drain() == 4
    kinds = list(EngineJournal.objects.order_by("position").values_list("kind", flat=True))
    assert kinds == ["PUBLICATION", "IMAGE", "OPEN_CYCLE", "CHUNK"]
    assert detail(world)["act_basic_li"].sum() == 19_600  # 219 minutes, 170 of them free
    counter = StageCounter.objects.get(stage="RATE")
    assert (counter.records_in, counter.rated) == (20, 20)


def test_an_owner_that_dies_is_rebuilt_to_the_bit_from_the_journal(world):
    (world / "engine").mkdir()
    for day in (1, 2, 3):
        put_chunk(*calls(day))
    first = start(world)
    first.drain()
    first.snapshot()
    for day in (4, 5):
        put_chunk(*calls(day))
    first.drain()
    second = start(world)
    assert (second.position, second.state.digest()) == (first.position, first.state.digest())
    assert len(detail(world)) == 100


def test_detail_that_did_not_reach_the_lake_is_made_again_once(world):
    for day in (1, 2):
        put_chunk(*calls(day))
    first = start(world)
    while first.turn():
        pass  # journalled and committed, but never flushed: the process dies here
    assert Lake(world / "lake").open_usage() is None
    start(world)
    start(world)
    assert len(detail(world)) == 40
    assert detail(world).select("position", "row").is_unique().all()


def test_an_owner_that_was_replaced_can_write_nothing(world):
    first = start(world)
    first.drain()
    start(world)
    put_chunk(*calls(1))
    with pytest.raises(journal.OwnershipLost):
        first.turn()
    assert UsageChunk.objects.get().state == "READY"


def test_a_command_that_cannot_be_carried_out_is_refused_and_changes_nothing(world):
    owner = start(world)
    owner.drain()
    before = owner.state.digest(), owner.position
    command_id = journal.send_command(kind="FREEZE", payload={"cycle": 202609})
    owner.drain()
    outcome = journal.command_state(command_id)
    assert outcome.state == "REFUSED"
    assert "202609 is not open" in outcome.answer["refusal"]
    assert (owner.state.digest(), owner.position) == before


def test_a_freeze_publishes_totals_that_a_replay_publishes_again(world):
    put_chunk(*calls(1))
    owner = start(world)
    owner.drain()
    command_id = journal.send_command(kind="FREEZE", payload={"cycle": 202610})
    owner.drain()
    answer = journal.command_state(command_id).answer
    path = world / "lake" / answer["paths"]["totals"]
    assert pl.read_parquet(path)["calls"].sum() == 20
    content = path.read_bytes()
    path.unlink()
    start(world)
    assert path.read_bytes() == content


def test_the_journal_cannot_be_changed(world):
    start(world).drain()
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        EngineJournal.objects.filter(position=1).delete()


def test_a_lake_ahead_of_a_restored_journal_is_cut_back(world):
    put_chunk(*calls(1))
    owner = start(world)
    owner.drain()
    put_chunk(*calls(2))
    owner.drain()
    with connection.cursor() as cursor:  # what a restore of an older database leaves
        cursor.execute("ALTER TABLE charging_enginejournal DISABLE TRIGGER USER")
        cursor.execute("DELETE FROM charging_enginejournal WHERE position = 5")
        cursor.execute("UPDATE charging_usagechunk SET state='READY', position=NULL WHERE position = 5")
        cursor.execute("DELETE FROM charging_stagecounter")
        cursor.execute("ALTER TABLE charging_enginejournal ENABLE TRIGGER USER")
    restored = start(world)
    assert (restored.ownership.timeline, len(detail(world))) == (2, 20)
    restored.drain()
    assert len(detail(world)) == 40


def test_detail_lost_after_a_snapshot_is_made_again_from_an_older_one(world):
    (world / "engine").mkdir()
    put_chunk(*calls(1))
    owner = start(world)
    owner.drain()
    owner.snapshot()
    put_chunk(*calls(2))
    owner.drain()
    owner.snapshot()
    max((world / "lake" / "usage" / "_delta_log").glob("*.json")).unlink()  # a power cut took the last commit
    assert len(detail(world)) == 20
    again = start(world)
    assert len(detail(world)) == 40
    assert again.state.digest() == owner.state.digest()


def test_an_engine_restarts_after_an_upgrade_that_changed_the_layout_of_compiled_tariffs(world):
    put_chunk(*calls(1))
    owner = start(world)
    owner.drain()
    owner.snapshot()
    put_chunk(*calls(2))
    owner.drain()
    (tables,) = (world / "lake" / "tariffs").glob("*.npz")
    tables.write_bytes(b"tables of another layout")
    assert start(world).state.digest() == owner.state.digest()
    tables.unlink()
    assert start(world).state.digest() == owner.state.digest()


def test_old_snapshots_go_even_those_a_kill_left_half_made(world):
    half_made = world / "engine" / "0001-000000000001-1"
    half_made.mkdir(parents=True)
    (half_made / "row_of.npy").write_bytes(b"cut off")
    owner = start(world)
    for day in range(1, 8):
        put_chunk(*calls(day))
        owner.drain()
        owner.snapshot()
    named = owner.state.duplicates.files()
    left = {f"{path.parent.name}/{path.stem}" for path in (world / "engine").glob("*/*")}
    kept = {folder for _, folder in journal.snapshots()}
    assert len(kept) == 3
    assert {path for path in left if path.split("/")[0] not in kept} <= named
    assert not half_made.exists()
    assert start(world).state.digest() == owner.state.digest()


def test_many_small_files_become_one_with_the_same_rows(world):
    owner = start(world)
    for day in range(1, FILES_A_MERGE):
        put_chunk(*calls(day))
        owner.drain()
    before = detail(world).sort("position", "row")
    assert len(Lake(world / "lake").usage_files(202610)) == FILES_A_MERGE - 1
    put_chunk(*calls(FILES_A_MERGE))
    owner.drain()
    owner.writer.merge().result()
    assert len(Lake(world / "lake").usage_files(202610)) == 1
    after = detail(world).sort("position", "row")
    assert after.select(before.columns).head(len(before)).equals(before)
    assert len(after) == 20 * FILES_A_MERGE
    assert Lake(world / "lake").position(1) == owner.position


def test_a_running_engine_tells_what_one_user_owes_and_has_left(world):
    put_chunk(*calls(1))
    owner = start(world)
    owner.drain()
    with answering(owner, world):
        answer = ask("users/11", world)
    (cycle,) = answer["cycles"]
    assert (cycle["cycle"], cycle["is_open"]) == (202610, True)
    assert sum(item["act_li"] for item in cycle["items"]) == 19_600
    assert [(free["granted"], free["used"]) for free in cycle["free"]] == [(170, 170)]
    with pytest.raises(NoAnswer):
        ask("users/11", world)
