"""A number or a handset that is put on the black list is refused within a second, what runs with it is ended, and
staff hear of it: in the engine's own loop, over Diameter (CHG-32)."""

import time

import pytest

from openboss.access.jobs import clock
from openboss.access.network.diameter.avps import avp
from openboss.modules.charging.functions import black_list
from openboss.modules.system.models import Outbox
from tests.access.network.diameter_mutations import data_request
from tests.access.network.gy_exchanges import with_avps
from tests.access.network.online_door import waited_for
from tests.modules.receivables.conftest import desk
from tests.processes.hall_office import ORDINARY, office
from tests.processes.test_running_sessions import ABORTED, DENIED, GRANTED, INITIAL, MB, TERMINATION, UPDATE, played

__all__ = ["desk", "office", "played"]
pytestmark = pytest.mark.django_db(transaction=True)
STOLEN, IMEI = 35_175_605_152_399, b"351756051523993"


def ask(session, name: str, kind: int, number: int, imei: bytes = b"", octets: int = 0) -> int:
    """The result of a request that says its handset."""
    request = data_request(name, kind, number, user=str(ORDINARY), octets=octets)
    said = avp(458, avp(459, 0) + avp(460, imei)) if imei else b""
    session.wire.send(with_avps(request, said))
    return session.wire.answer().result_code


def test_a_stolen_handset_is_refused_what_runs_in_it_is_ended_and_staff_hear_of_it_once(played) -> None:  # noqa: F811
    def part(session) -> None:
        assert ask(session, "gw;1", INITIAL, 0, IMEI) == GRANTED
        assert ask(session, "gw;2", INITIAL, 0, b"351756051523044") == GRANTED
        since_s = time.monotonic()
        entry = black_list.enter(kind="IMEI", number=STOLEN, reason="stolen", to_at=None, staff_id=None, at=clock.now())
        assert session.told() == (ABORTED, "gw;1")
        assert time.monotonic() - since_s < 1
        assert ask(session, "gw;3", INITIAL, 0, IMEI) == ask(session, "gw;4", INITIAL, 0, IMEI) == DENIED
        assert ask(session, "gw;2", UPDATE, 1, b"351756051523044", octets=MB) == GRANTED
        assert ask(session, "gw;1", TERMINATION, 1, octets=MB) == GRANTED
        assert session.balance_li() == 100_000 - 2 * 290
        assert waited_for(lambda: black_list.entry_by_id(black_entry_id=entry)[0].refused == 2)  # noted once a second
        assert black_list.entry_by_id(black_entry_id=entry)[0].users == 1
        alerts = Outbox.objects.filter(topic="manager.alert", payload__kind="BLACK_LIST")
        assert [one["black_entry_id"] for one in alerts.values_list("payload", flat=True)] == [entry]
        black_list.end(black_entry_id=entry, staff_id=None, at=clock.now())
        until_s = time.monotonic() + 2
        number = 0
        while (result := ask(session, f"gw;again;{number}", INITIAL, 0, IMEI)) != GRANTED:
            assert result == DENIED and time.monotonic() < until_s
            number += 1

    played(part)


def test_an_engine_that_begins_again_knows_the_list_and_ends_what_says_its_handset_then(played) -> None:  # noqa: F811
    def before(session) -> None:
        assert ask(session, "gw;1", INITIAL, 0, IMEI) == GRANTED

    def after(session) -> None:
        assert ask(session, "gw;2", INITIAL, 0, IMEI) == DENIED
        assert ask(session, "gw;1", UPDATE, 1, IMEI, octets=MB) == GRANTED  # it is running: its network ends it
        assert session.told() == (ABORTED, "gw;1")

    played(before)
    black_list.enter(kind="IMEI", number=STOLEN, reason="stolen", to_at=None, staff_id=None, at=clock.now())
    played(after)
