"""The black list of charging: what may stand on it, who was met, and that the engine keeps what it is told."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from openboss.modules.charging.atomic.engine import waiting_commands
from openboss.modules.charging.canonical import UsageText, line_of
from openboss.modules.charging.engine.online.black_list import BlackList
from openboss.modules.charging.engine.snapshots import load_snapshot, save_snapshot
from openboss.modules.charging.engine.state import EngineState
from openboss.modules.charging.functions import black_list
from openboss.modules.charging.functions.collection import take_usage
from openboss.modules.charging.models import BlackEntry, Source, UsageChunk, UsageFile
from openboss.modules.system.functions import list_audit
from openboss.modules.system.models import Outbox

from .collection.test_normalise import CALL, CLOCK, NOW_S, TABLES
from .engine.test_online import network  # noqa: F401 - a fixture
from .engine.test_owner import world  # noqa: F401 - a fixture

AT = datetime.fromtimestamp(NOW_S, UTC)
STOLEN = 35_175_605_152_303
FRAUD = 8613910012345


def enter(kind: str = "IMEI", number: int = STOLEN, at: datetime = AT, **more) -> int:
    said = {"reason": "stolen, police report 17", "to_at": None, **more}
    return black_list.enter(kind=kind, number=number, staff_id=None, at=at, **said)


def orders() -> list[tuple[str, int, int]]:
    return [tuple(one.payload[name] for name in ("what", "number", "until_s")) for one in waiting_commands(limit=99)]


@pytest.mark.django_db
def test_an_entry_is_told_to_the_engine_and_stands_in_the_audit_until_it_is_ended() -> None:
    until = AT + timedelta(days=30)
    first, second = enter(), enter("NUMBER", FRAUD, to_at=until)
    assert orders() == [("IMEI", STOLEN, 1 << 62), ("NUMBER", FRAUD, int(until.timestamp()))]
    black_list.end(black_entry_id=first, staff_id=None, at=AT + timedelta(hours=1))
    assert orders()[2:] == [("IMEI", STOLEN, 0)]
    assert [len(list_audit(action=f"charging.{what}_black_list")[0]) for what in ("enter", "end")] == [2, 1]
    rows, total = black_list.list_entries(
        filters={"state": "LISTED"}, sort="number", offset=0, limit=9, at=AT + timedelta(hours=2)
    )
    assert ([row.black_entry_id for row in rows], total) == ([second], 1)
    assert enter(at=AT + timedelta(hours=1)) > second  # ended, so it may be entered again


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("wrong", "refusal"),
    [({"number": 0}, black_list.EntryWrong), ({"number": 10**14}, black_list.EntryWrong),
     ({"kind": "NAME"}, black_list.EntryWrong), ({"reason": " "}, black_list.EntryWrong),
     ({"to_at": AT}, black_list.EntryWrong), ({}, black_list.EntryKnown)],
)  # fmt: skip
def test_what_cannot_be_on_the_list_or_is_there_already_is_refused_and_nothing_changes(wrong, refusal) -> None:
    enter()
    with pytest.raises(refusal):
        enter(**wrong)
    assert (BlackEntry.objects.count(), len(orders())) == (1, 1)


@pytest.mark.django_db
def test_what_has_ended_is_not_ended_twice() -> None:
    entry = enter()
    black_list.end(black_entry_id=entry, staff_id=None, at=AT)
    with pytest.raises(black_list.EntryEnded):
        black_list.end(black_entry_id=entry, staff_id=None, at=AT + timedelta(hours=1))
    assert BlackEntry.objects.get().to_at == AT and len(orders()) == 2


@pytest.mark.django_db
def test_staff_hear_once_of_each_user_and_entry_however_often_it_is_tried() -> None:
    entry = enter()
    for hours, often in ((1, 3), (2, 4)):
        black_list.note_uses(
            uses=Counter({("IMEI", STOLEN, 8613900000001): often, ("IMEI", 1, 2): 1}),
            at=AT + timedelta(hours=hours), is_file=False,
        )  # fmt: skip
    view, (use,) = black_list.entry_by_id(black_entry_id=entry)
    assert (view.users, view.refused, view.in_files, view.last_at) == (1, 7, 0, AT + timedelta(hours=2))
    assert (use.served_number, use.refused, use.first_at) == (8613900000001, 7, AT + timedelta(hours=1))
    (alert,) = Outbox.objects.filter(topic="manager.alert").values_list("payload", flat=True)
    assert (alert["kind"], alert["what"], alert["reason"], alert["how"]) == (
        "BLACK_LIST", "IMEI", "stolen, police report 17", "REFUSED")  # fmt: skip


@pytest.mark.django_db
def test_calls_with_a_listed_number_that_come_in_a_file_are_rated_and_told(tmp_path: Path) -> None:
    called = 8613900210002
    enter("NUMBER", called, at=AT - timedelta(days=30))
    source = Source.objects.create(code="msc", decoder="delimited", file_name_pattern="")
    file = UsageFile.objects.create(
        source=source, inbox="msc", name="f1", sha256="1" * 64, size_bytes=1, arrived_at=AT, state="RECEIVED"
    )
    calls = [{**CALL, "other_party": "13900210002", "call_ref": str(k)} for k in (1, 2)]
    others = {**CALL, "other_party": "13900210004", "call_ref": "3"}
    text = UsageText(b"".join(line_of(one) for one in [*calls, others]))
    take_usage(file_id=file.file_id, pieces=[text], tables=TABLES, clock=CLOCK, lake_dir=tmp_path, now=AT)
    (entry,), _total = black_list.list_entries(filters={}, sort="number", offset=0, limit=9, at=AT)
    assert (entry.users, entry.refused, entry.in_files) == (1, 0, 2)
    assert UsageChunk.objects.get().rows == 3
    assert Outbox.objects.get(topic="manager.alert").payload["how"] == "FILE"


def test_a_snapshot_keeps_the_list_and_one_of_before_has_none(tmp_path: Path) -> None:
    state = EngineState()
    empty = state.digest()
    state.black_list.put("IMEI", STOLEN, 5_000)
    state.black_list.put("NUMBER", FRAUD, 1 << 62)
    state.black_list.put("NUMBER", 7, 1 << 62)
    state.black_list.put("NUMBER", 7, 0)
    assert state.digest() != empty
    save_snapshot(state, tmp_path / "whole", 1)
    found = load_snapshot(tmp_path / "whole").black_list
    assert found.until_s == {f"IMEI {STOLEN}": 5_000, f"NUMBER {FRAUD}": 1 << 62}
    numbers = np.array([STOLEN, FRAUD, 0, 7])
    assert found.has("IMEI", numbers, 4_999).tolist() == [True, False, False, False]
    assert found.has("IMEI", numbers, 5_000).tolist() == [False] * 4
    assert found.has("NUMBER", numbers, 4_999).tolist() == [False, True, False, False]
    assert BlackList(None).until_s == {}


@pytest.mark.django_db(transaction=True)
def test_an_engine_rebuilt_from_its_journal_or_from_a_snapshot_knows_the_list(network) -> None:  # noqa: F811
    network.order("BLACK_LIST", what="IMEI", number=STOLEN, until_s=5_000)
    network.order("BLACK_LIST", what="NUMBER", number=FRAUD, until_s=1 << 62)
    told, digest = network.owner.state.black_list.until_s, network.owner.state.digest()
    network.crash()
    assert (network.owner.state.black_list.until_s, network.owner.state.digest()) == (told, digest)
    network.owner.snapshot()
    network.order("BLACK_LIST", what="NUMBER", number=FRAUD, until_s=0)
    network.crash()
    assert network.owner.state.black_list.until_s == {f"IMEI {STOLEN}": 5_000}


@pytest.mark.parametrize(
    ("written", "is_right"),
    [("351756051523993", True), ("35-175605-152399-3", True), ("351756051523998", False), ("35175605152399", True),
     ("3517560515239901", True), ("13900000001", False), ("", False), ("35175605152399X", False)],
)  # fmt: skip
def test_an_imei_of_fifteen_digits_is_checked_by_its_last(written: str, is_right: bool) -> None:
    assert black_list.is_imei(written) is is_right
    assert black_list.imei_of(written) == (35_175_605_152_399 if is_right or written.endswith("998") else 0)
