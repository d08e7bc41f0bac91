"""Re-rating: whatever was wrong, the engine ends where a first-time right rating would have put it (CHG-36)."""

import random
from datetime import date

import numpy as np
import polars as pl
import pytest
from django.conf import settings
from django.db import DatabaseError, connection

from openboss.kernel.usage import RecordType
from openboss.modules.catalog.compiler import compile_tariffs
from openboss.modules.catalog.publications import publication_text, write_publication
from openboss.modules.charging.atomic import engine as journal
from openboss.modules.charging.engine.lake import Lake
from openboss.modules.charging.engine.rating import rate_chunk
from openboss.modules.charging.engine.recovery import recover
from openboss.modules.charging.engine.rerating import RATED_AGAIN, with_pools, write_down
from openboss.modules.charging.engine.state import EngineState
from openboss.modules.charging.engine.totals import free_use_of, totals_of
from openboss.modules.charging.functions import rerating
from openboss.modules.charging.functions.engine import EngineRefused, ask_engine, image_payload
from openboss.modules.charging.models import EngineJournal
from tests.kernel.test_worked_tables import table

from .conftest import ITEMS, Version, chunk, image, record, versions
from .test_online import MB, Kind, Network, moment, open_wallet
from .test_owner import put_chunk

pytestmark = pytest.mark.django_db(transaction=True)

SEPTEMBER, OCTOBER = 202609, 202610
NUMBERS = {user: 8613900000000 + user for user in range(11, 19)}
BASE = {user: {"number": number, "offers": [1] if user % 2 else [4, 2]} for user, number in NUMBERS.items()}
for _member in (15, 16, 17):  # a pool of data and minutes, with a limit for each
    BASE[_member] |= {"offers": [1, 5], "groups": [700]}
SCOPE = {"record": ["MOC", "SMS_MO", "DATA"]}


def tariffs(over="0.40", minutes=170, sms="0.10", pool=200, data="0.29"):
    """The tariffs of the engine's tests and a shared pack; the ids of rules are the same whatever the prices."""
    made = versions()
    plan = next(version for version in made if version.code == "GOTONE_98")
    plan.document["prices"][0]["price"] = over
    plan.document["free"][0]["granted"] = minutes
    tiers = [{"from": 0, "price": sms}, {"from": 5, "price": "0.01"}]
    for version in made[:2]:
        rule = next(rule for rule in version.document["prices"] if rule["rule"] == "SMS")
        rule |= {"price": sms, "basis": "QUARTER", "tiers": tiers}
        next(rule for rule in version.document["prices"] if rule["rule"] == "DATA")["price"] = data
    shared = {"rule": "TOGETHER", "unit": "MIN", "granted": pool, "share": {"by": "POOL", "per_user": 90}}
    pack = {"free": [{**shared, "priority": 10, "scope": {"record": ["MOC"]}}]}
    made.append(Version(5, "TOGETHER", "ADDON", date(2003, 1, 1), pack, {"TOGETHER": 900}))
    return made


WRONG = {"over": "0.55", "minutes": 20, "sms": "0.15", "pool": 35}


@pytest.fixture
def world(tmp_path, settings):
    settings.LAKE_DIR, settings.DATA_DIR = tmp_path / "lake", tmp_path
    (tmp_path / "engine").mkdir()
    return tmp_path


def publish(**wrong):
    path, sha256 = write_publication(settings.LAKE_DIR / "tariffs", publication_text(tariffs(**wrong), ITEMS, []))
    ask_engine("PUBLICATION", {"path": f"tariffs/{path.name}", "sha256": sha256})
    return sha256


def some_use(seed, month, count):
    """Calls, messages and data of everybody in a month, in the order of their beginning."""
    chance, rows = random.Random(seed), []
    for _ in range(count):
        user = chance.choice(list(NUMBERS))
        moment = f"2026-{month:02}-{chance.randint(1, 28):02} {chance.randint(0, 23):02}:{chance.randint(0, 59):02}:00"
        kind = chance.choice([RecordType.MOC, RecordType.MOC, RecordType.SMS_MO, RecordType.DATA])
        known = {"duration_s": chance.randint(1, 1500)} if kind == RecordType.MOC else {"message_count": 1}
        if kind == RecordType.DATA:
            known = {"down_bytes": chance.randint(1, 200 * 1024 * 1024)}
        rows.append(record(NUMBERS[user], moment, kind, **known))
    return sorted(rows, key=lambda row: row["start_local_s"])


def first_time_right(steps, **right):
    """The same inputs by an engine that had the right tariffs from the beginning, in memory."""
    state = EngineState()
    state.tables = compile_tariffs(tariffs(**right), ITEMS)
    details, published = [], {}
    for position, (kind, content) in enumerate(steps, 2):
        if kind == "IMAGE":
            state.apply_image(image(content))
        elif kind == "OPEN_CYCLE":
            state.open_cycle(content)
        elif kind == "FREEZE":
            state.freeze_cycle(content)
            published[content] = totals_of(state, content), free_use_of(state, content)
        else:
            details.append(rate_chunk(state, chunk(*content), position, 1).detail)
    return state, pl.concat(details).sort("position", "row"), published


def live(steps):
    """Give the inputs to the real engine, one after the other."""
    for kind, content in steps:
        if kind == "CHUNK":
            put_chunk(*content)
            rerating.rate_waiting()
        else:
            ask_engine(kind, image_payload(image(content)) if kind == "IMAGE" else {"cycle": content})


def re_rate(sha256, first_cycle, users=tuple(NUMBERS), check=lambda _: None):
    part = rerating.users_file(np.array(users), "rerate/1")
    return rerating.put_right(
        rerating_id=1, folder="rerate/1", users=part, first_cycle=first_cycle, sha256=sha256, check=check
    )


def started(world):
    return recover(lake_dir=world / "lake", snapshot_dir=world / "engine", threads=1)


def detail(world):
    files = Lake(world / "lake").open_usage().file_uris()
    return pl.read_parquet(files, hive_partitioning=True).sort("position", "row")


def use_of(state):
    rows = with_pools(state, np.array(list(NUMBERS)))
    written = write_down(state, rows)
    return [frame.sort("owner", "cycle", *frame.columns[3:]).drop("place") for frame in written]


def assert_same_use(found, right):
    for ours, theirs in zip(use_of(found), use_of(right), strict=True):
        assert ours.equals(theirs), (ours.join(theirs, on=ours.columns, how="anti"), theirs.height)


def two_months(seed):
    """A month that is closed and one that is open, with a user who takes an offer in between."""
    late = some_use(seed + 50, 9, 6)
    later = {**BASE, 12: {"number": NUMBERS[12], "offers": [4, 1]}}
    return [
        ("IMAGE", BASE),
        ("OPEN_CYCLE", SEPTEMBER),
        ("CHUNK", some_use(seed, 9, 90)),
        ("CHUNK", some_use(seed + 1, 9, 60)),
        ("CHUNK", some_use(seed + 2, 10, 40)),
        ("FREEZE", SEPTEMBER),
        ("IMAGE", {12: later[12]}),
        ("CHUNK", [*late, *some_use(seed + 3, 10, 90)]),
        ("CHUNK", some_use(seed + 4, 10, 70)),
    ]


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(2, 12))])
def test_a_re_rating_ends_where_rating_right_at_once_would_have_ended(world, seed):
    publish(**WRONG)
    steps = two_months(seed)
    live(steps)
    sha256 = publish()
    right, should, published = first_time_right(steps)
    replays = []
    answer = re_rate(sha256, SEPTEMBER, check=replays.append)
    assert answer["corrected"] > 20 and len(replays[-1].changed) > 1
    found = started(world)
    assert_same_use(found.state, right)
    for ours, theirs in zip(replays[-1].frozen[SEPTEMBER], published[SEPTEMBER], strict=True):
        assert ours.equals(theirs)
    october = detail(world).filter(pl.col("cycle") == OCTOBER)
    wanted = should.filter(pl.col("cycle") == OCTOBER)
    assert october.select(RATED_AGAIN).rows() == wanted.select(RATED_AGAIN).rows()
    assert totals_of(found.state, OCTOBER).equals(totals_of(right, OCTOBER))
    live([("CHUNK", some_use(seed + 9, 10, 30))])  # and goes on from there as the other would
    rate_chunk(right, chunk(*some_use(seed + 9, 10, 30)), 99, 1)
    assert totals_of(started(world).state, OCTOBER)["act_li"].sum() == totals_of(right, OCTOBER)["act_li"].sum()


def worked_calls():
    """The three calls of docs/algorithms/re-rating.md."""
    number = NUMBERS[11]
    return [record(number, f"2026-10-0{day} 10:00:00", duration_s=60 * int(row[1]))
            for day, row in enumerate(table("re-rating", "call"), 1)]  # fmt: skip


def test_the_worked_example_and_what_a_death_at_any_place_leaves_of_it(world):
    """Allowances cascade; the engine dies before, while and after it is told, or is rebuilt without a snapshot."""
    publish(over="0.60", minutes=50)
    live([("IMAGE", BASE), ("OPEN_CYCLE", OCTOBER), ("CHUNK", worked_calls())])
    sha256 = publish(over="0.40", minutes=100)
    part = rerating.users_file(np.array([11]), "rerate/1")
    looked = rerating.look(folder="rerate/1", users=part)
    replay = rerating.replay_from(users=part, first_cycle=OCTOBER, sha256=sha256)
    replay.run_to(looked.position)
    before, after = replay.corrections()
    columns = ["free_units_1", "act_basic_li"]
    found = [
        (*was, *is_, is_[1] - was[1]) for was, is_ in zip(before[columns].rows(), after[columns].rows(), strict=True)
    ]
    assert found == [tuple(map(int, row[2:])) for row in table("re-rating", "call")]
    charged = started(world)
    assert detail(world)["act_basic_li"].sum() == 54_000  # a replay that dies has changed nothing
    journal.send_command(kind="RERATE", payload=rerating._command(1, "rerate/1", part, replay, looked))
    digest = charged.state.digest()
    with pytest.raises(DatabaseError), connection.execute_wrapper(_dies_at_the_journal):
        charged.turn()  # dies in the middle of the turn
    assert EngineJournal.objects.filter(kind="RERATE").count() == 0
    assert started(world).state.digest() == digest
    told = started(world)
    told.turn()  # dies after the commit, before the detail store
    right = told.state.digest()
    assert detail(world)["act_basic_li"].sum() == 54_000
    again = started(world)
    assert again.state.digest() == right
    assert detail(world)["act_basic_li"].to_list() == [0, 4_000, 12_000]
    assert totals_of(again.state, OCTOBER).filter(pl.col("subscriber_id") == 11)["act_li"].sum() == 16_000
    for folder in (world / "engine").iterdir():
        (folder / "manifest.json").unlink(missing_ok=True)  # every snapshot is lost: the journal has it all
    assert started(world).state.digest() == right
    assert detail(world)["act_basic_li"].to_list() == [0, 4_000, 12_000]


def _dies_at_the_journal(execute, sql, params, many, context):
    if "INSERT INTO" in sql and "charging_enginejournal" in sql:
        raise DatabaseError("the machine died here")
    return execute(sql, params, many, context)


def test_the_engine_refuses_what_has_moved_on_and_a_restore_puts_back_what_it_takes_back(world):
    publish(over="0.60", minutes=50)
    live([("IMAGE", BASE), ("OPEN_CYCLE", OCTOBER), ("CHUNK", worked_calls())])
    sha256 = publish(over="0.40", minutes=100)
    part = rerating.users_file(np.array([11]), "rerate/1")
    looked = rerating.look(folder="rerate/1", users=part)
    replay = rerating.replay_from(users=part, first_cycle=OCTOBER, sha256=sha256)
    replay.run_to(looked.position)
    command = rerating._command(1, "rerate/1", part, replay, looked)
    live([("IMAGE", {11: {"number": NUMBERS[11], "offers": [4]}})])
    digest = started(world).state.digest()
    with pytest.raises(EngineRefused, match="have changed since the replay"):
        ask_engine("RERATE", command)
    assert started(world).state.digest() == digest
    done = re_rate(sha256, OCTOBER, users=(11,))  # replays what came, and asks again
    assert done["corrected"] == 3
    assert re_rate(sha256, OCTOBER, users=(11,)) == done  # done again it is found, not done
    lake = Lake(world / "lake")
    lake.hide_after(done["position"] - 1)  # the journal was restored to just before
    assert detail(world)["act_basic_li"].to_list() == [6_000, 30_000, 18_000]


def test_a_wallet_gets_back_what_was_too_much_and_an_open_session_goes_on_at_the_right_price(world):
    publish(data="0.29")
    live([("IMAGE", {12: {"number": NUMBERS[12]}}), ("OPEN_CYCLE", OCTOBER)])
    network = Network(world)
    open_wallet(network, 10_000)
    served = {"served": NUMBERS[12]}
    network.ask(1, 0, Kind.INITIAL, moment(), **served)
    network.ask(1, 1, Kind.TERMINATION, moment(), used_down=10 * MB, asking=False, **served)
    network.ask(2, 0, Kind.INITIAL, moment(), **served)
    network.ask(2, 1, Kind.UPDATE, moment(), used_down=5 * MB, **served)
    assert network.wallet()["balance_li"] == 10_000 - 2_900 - 1_450
    sha256 = publish(data="0.10")
    assert re_rate(sha256, OCTOBER, users=(12,))["corrected"] == 1
    network.crash()
    assert network.wallet()["balance_li"] == 10_000 - 1_000 - 1_450  # what still grows is paid for with its next step
    assert totals_of(network.owner.state, OCTOBER)["act_li"].sum() == 1_500
    network.ask(2, 2, Kind.UPDATE, moment(), used_down=5 * MB, **served)
    assert network.wallet()["balance_li"] == 10_000 - 2_000
    network.ask(2, 3, Kind.TERMINATION, moment(), asking=False, **served)
    network.crash()
    network.owner.flush()
    assert detail(world)["act_basic_li"].to_list() == [1_000, 1_000]
    assert totals_of(network.owner.state, OCTOBER)["act_li"].sum() == 2_000


def test_a_re_rating_by_the_tariffs_that_were_in_force_changes_nothing(world):
    sha256 = publish()
    live(two_months(5))
    before, rows = started(world).state, detail(world)
    replays = []
    answer = re_rate(sha256, SEPTEMBER, check=replays.append)
    assert answer["corrected"] == 0
    assert not replays[-1].changed
    assert_same_use(started(world).state, before)
    assert detail(world).equals(rows)
