"""Groups that were decided while others were on their way are safe in their order, or none of them is."""

import pytest

from openboss.modules.charging.atomic import engine as journal
from openboss.modules.charging.atomic.journal_line import JournalGroup, JournalLine
from openboss.modules.charging.engine.commits import Commits
from openboss.modules.charging.engine.online.desk import empty_desk, with_places
from openboss.modules.charging.models import EngineJournal

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def line():
    found = JournalLine(of_its_own=True)
    yield found
    found.close()


def positions() -> list[int]:
    return list(EngineJournal.objects.order_by("position").values_list("position", flat=True))


def test_groups_decided_while_one_is_on_its_way_wait_and_go_in_one_commit(line):
    owner, commits = journal.take_ownership(), Commits(line)
    for position in (1, 2, 3):
        commits.add(JournalGroup(position, b"images", 10))
        commits.send(owner)
    assert (commits.oldest, commits.requests_ahead) == (1, 30)
    line.wait()
    commits._on_their_way = ()
    assert (positions(), commits.oldest, commits.requests_ahead) == ([1], 2, 20)
    commits.settle(owner)
    assert (positions(), commits.oldest, commits.requests_ahead) == ([1, 2, 3], None, 0)


def test_whoever_was_taken_over_from_commits_none_of_its_groups_and_hears_of_it(line):
    owner, commits = journal.take_ownership(), Commits(line)
    journal.take_ownership()
    for position in (1, 2):
        commits.add(JournalGroup(position, b"images", 1))
    with pytest.raises(journal.OwnershipLost):
        commits.settle(owner)
    assert positions() == []


def test_on_a_line_that_others_use_nothing_is_left_on_its_way():
    owner, commits = journal.take_ownership(), Commits(JournalLine())
    commits.add(JournalGroup(1, piece={"first": 0}))
    commits.send(owner)
    assert (positions(), commits.oldest) == ([1], None)
    assert EngineJournal.objects.get().kind == "CHUNK"


def test_a_desk_gets_more_places_where_it_is_and_keeps_what_it_has():
    desk = with_places(empty_desk(), 100, 100)
    desk.sessions["key_lo"], address = range(len(desk.sessions)), desk.sessions.ctypes.data
    larger = with_places(desk, 1000, 1000)
    assert larger.sessions.ctypes.data == address
    assert larger.sessions["key_lo"][: len(desk.sessions)].tolist() == list(range(len(desk.sessions)))
    free = larger.free_sessions[: larger.taken[0]]
    assert sorted(free.tolist()) == list(range(len(larger.sessions)))


def test_groups_larger_than_what_the_socket_holds_get_to_the_journal_too(line):
    owner = journal.take_ownership()
    for own, first in ((line, 1), (JournalLine(), 11)):
        commits = Commits(own)
        for position in range(first, first + 10):
            commits.add(JournalGroup(position, bytes(3_000_000), 1))
        commits.settle(owner)
    assert positions() == list(range(1, 21))
