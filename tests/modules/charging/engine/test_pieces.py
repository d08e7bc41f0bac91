"""Usage rated a piece at a time between groups of requests: exactly what a whole chunk comes to, whatever happens."""

import pytest
from django.db import DatabaseError

from openboss.modules.charging.atomic import engine as journal
from openboss.modules.charging.engine.online.requests import Kind
from openboss.modules.charging.engine.rating import rate_chunk
from openboss.modules.charging.engine.state import EngineState
from openboss.modules.charging.engine.totals import free_use_of, totals_of
from openboss.modules.charging.models import EngineJournal, StageCounter, UsageChunk

from .conftest import chunk, record
from .test_online import MB, moment, network, open_wallet  # noqa: F401 - a fixture
from .test_owner import calls, detail, put_chunk, start, world  # noqa: F401 - a fixture

pytestmark = pytest.mark.django_db(transaction=True)


def some_usage():
    mine = [record(8613900000002, f"2026-10-{day:02} 12:00:00", duration_s=90) for day in range(1, 20)]
    nobody = [record(8613900009999, "2026-10-05 09:00:00", duration_s=60)]
    return [*calls(3), *mine, *nobody, *calls(4), mine[0]]


def by_pieces(owner, rows=7):
    """Turns of an engine that rates so many records at a time."""
    while owner.turn(rows) or owner._coming is not None:
        yield


def test_a_chunk_in_pieces_comes_to_what_it_comes_to_whole(world):  # noqa: F811
    usage = some_usage()
    put_chunk(*usage)
    owner = start(world)
    for _ in by_pieces(owner):
        pass
    owner.flush()
    totals = owner.totals(202610)
    assert EngineJournal.objects.filter(kind="CHUNK").count() == -(-len(usage) // 7)
    counter = StageCounter.objects.get(stage="RATE")
    assert (counter.records_in, counter.rated, counter.duplicate, counter.error) == (len(usage), 59, 1, 1)
    assert (UsageChunk.objects.get().state, UsageChunk.objects.get().position) == ("RATED", owner.position)
    whole = rated_whole(world, usage)
    assert totals.equals(totals_of(whole, 202610))
    assert owner.free_use(202610).equals(free_use_of(whole, 202610))
    assert detail(world)["act_basic_li"].sum() == totals["act_li"].sum()


def rated_whole(world, usage):  # noqa: F811
    """A state of its own that knows the same base data and rates the usage in one go."""
    fresh = start(world)
    fresh.state = EngineState()
    for entry in journal.journal_after(0):
        if entry.kind != "CHUNK":
            fresh.apply(entry.kind, entry.payload, entry.position)
    rate_chunk(fresh.state, chunk(*usage), 1, 1)
    return fresh.state


def test_an_engine_that_dies_between_pieces_goes_on_where_it_was(world):  # noqa: F811
    (world / "engine").mkdir()
    put_chunk(*some_usage())
    owner = start(world)
    for number, _ in enumerate(by_pieces(owner)):
        if number % 2:
            before, amid = owner.state.digest(), owner.amid
            owner.snapshot()  # not amid a chunk
            owner = start(world)
            assert owner.state.digest() == before
            assert (owner.amid and owner.amid.reached) == (amid and amid.reached)
            if owner.amid is None:
                break
    for _ in by_pieces(owner):
        pass
    owner.flush()
    counter = StageCounter.objects.get(stage="RATE")
    assert (counter.rated, counter.duplicate, counter.error) == (59, 1, 1)
    assert len(detail(world)) == 59


def test_networks_and_business_are_served_between_pieces_but_a_month_is_not_closed_amid_its_usage(network):  # noqa: F811
    open_wallet(network, 100_000)
    put_chunk(*some_usage())
    owner, number = network.owner, 0
    network.ask(1, 0, Kind.INITIAL, moment())
    frozen = None
    for number, _ in enumerate(by_pieces(owner, 3), 1):
        network.ask(1, number, Kind.UPDATE, moment(), used_down=MB // 10)
        if frozen is None and owner.amid is not None:
            topped = journal.send_command(kind="TOP_UP", payload={"account_id": 5, "amount_li": 1000})
            frozen = journal.send_command(kind="FREEZE", payload={"cycle": 202610})
        if owner.amid is not None:
            assert journal.command_state(frozen).state == "WAITING"
    assert (journal.command_state(topped).state, journal.command_state(frozen).state) == ("DONE", "DONE")
    assert UsageChunk.objects.get().state == "RATED"
    before = owner.state.digest()
    network.crash()
    assert network.owner.state.digest() == before


def test_a_piece_that_cannot_be_journalled_ends_the_process_and_is_rated_again(world):  # noqa: F811
    put_chunk(*some_usage())
    owner = start(world)
    turns = by_pieces(owner)
    next(turns)
    start(world)  # another process has taken over
    with pytest.raises((journal.OwnershipLost, DatabaseError)):
        for _ in turns:
            pass
    owner = start(world)
    for _ in by_pieces(owner):
        pass
    assert StageCounter.objects.get(stage="RATE").rated == 59
