"""Charged in slices as it happens, or rated whole in one piece: the same to the li (issue 4 section 3)."""

import csv
import os
import random
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, note, seed, settings
from hypothesis import strategies as st

from openboss.kernel.state import LANES
from openboss.modules.charging.engine.rating import rate_chunk
from openboss.modules.charging.engine.rerating import changed_rows, rate_again
from openboss.modules.charging.engine.state import EngineState
from openboss.modules.charging.engine.totals import free_use_of, totals_of
from openboss.modules.charging.schema import NORMALISED, RATED
from openboss.processes.quote import OpenQuote
from openboss.processes.quote.tariffs import Tariffs, compiled, tariffs_of
from tests.reference.slow_desk import SlowDesk

from .drawn_play import BALANCES, LIMITS, STEPS, Drawn, Step, carry_out, edges_of, markets, readable, steps
from .play import Play, column_of

ROOT = Path(__file__).parents[4]
REFERENCE, VECTORS, EXAMPLE = ROOT / "example" / "reference", ROOT / "tests" / "vectors" / "tariffs", ROOT / "example"
HOLIDAYS = {date.fromisoformat(row["date"]) for row in csv.DictReader((REFERENCE / "holidays.csv").open())}
FIRST_DAY = "2026-09-01"
MONTHS = (202609, 202610, 202611)
PLAYS, SOAK_PLAYS = 14, int(os.environ.get("OPENBOSS_SOAK_PLAYS", "1500"))
AMOUNTS = ("act_basic_li", "act_ld_li", "act_info_li", "std_basic_li", "std_ld_li", "free_units_1", "free_units_2")
MEMORY = Path("/dev/shm")  # snapshots wait for the disk at every file
QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example, HealthCheck.filter_too_much]
IS_SOAK = os.environ.get("OPENBOSS_SOAK") == "1"  # then others every day
SEED = int(os.environ.get("OPENBOSS_PLAYS_SEED") or (datetime.now(UTC).strftime("%Y%m%d") if IS_SOAK else 20261122))
IN_CI = settings(max_examples=PLAYS, database=None, suppress_health_check=QUIET,
                 phases=(Phase.generate,))  # fmt: skip
IN_SOAK = settings(IN_CI, max_examples=SOAK_PLAYS, phases=(Phase.generate, Phase.shrink))
WHOLE_STEPS = st.lists(steps(), min_size=STEPS, max_size=STEPS)


def documents_of(named: list[Any]) -> list[dict[str, Any]]:
    """Read the tariff documents of a market."""
    found = []
    for one in named:
        path = VECTORS / one if isinstance(one, str) else None
        files = [] if path is None else sorted(path.glob("*.yaml")) if path.is_dir() else [path]
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        found += [yaml.load(file.read_text(encoding="utf-8"), Loader=loader) for file in files] if path else [one]
    return found


DOCUMENTS = {name: documents_of([name]) for name in ("documents/standard.yaml", str(EXAMPLE / "tariffs"))}


def example_market(dice: random.Random) -> dict[str, Any]:
    """Users who hold offers of the example operator's catalog."""
    by_kind: dict[str, list[str]] = {}
    for document in DOCUMENTS[str(EXAMPLE / "tariffs")]:
        by_kind.setdefault(document["kind"], []).append(document["offer"])
    users = []
    for name in "ABC":
        chosen = [dice.choice(by_kind["MAIN"]), *dice.sample(by_kind["ADDON"], 3)]
        held = [{"offer": code, "from": f"2026-0{dice.randrange(3, 9)}-0{place + 1}"}
                for place, code in enumerate(chosen)]  # fmt: skip
        users.append({"user": name, "products": held, "groups": []})
    return {"format": 1, "tariffs": [str(EXAMPLE / "tariffs")], "users": users}


def published(market: dict[str, Any], reference: Path) -> Tariffs:
    """A market's tariffs with all their versions."""
    return tariffs_of(market["tariffs"], reference=reference, beside=VECTORS)


def opened(market: dict[str, Any], reference: Path) -> OpenQuote:
    """The first month of a market, with the versions of tariffs that have begun."""
    return OpenQuote({**market, "events": [{"at": f"{FIRST_DAY}T00:00:00"}]}, known_by(market, reference, {}))


def known_by(market: dict[str, Any], reference: Path, begin_on: dict[str, date]) -> Tariffs:
    """A market's tariffs with the versions that have begun, and those of the offers named, from their days on."""
    all_of_it = published(market, reference)
    known = []
    for version in all_of_it.versions:  # rules keep the numbers they have
        if version.from_on.isoformat() <= FIRST_DAY:
            known.append(version)
        elif version.code in begin_on:
            known.append(replace(version, from_on=begin_on[version.code]))
    if known == list(all_of_it.versions):
        return all_of_it
    return compiled(known, all_of_it.items, holidays=HOLIDAYS)


def begun_versions(documents: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**one, "versions": [version for version in one["versions"] if str(version["from"]) <= FIRST_DAY]}
            for one in documents]  # fmt: skip


def rated_whole(fresh: EngineState, play: Play, pieces: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The same as files: what sessions used, in the order in which their records ended, with the files and commands
    between them. Gives the detail of the sessions' records and of the files'."""
    found: dict[str, list[pl.DataFrame]] = {"RECORD": [], "FILE": []}
    waiting: list[dict[str, int]] = []

    def rate_waiting() -> None:
        for first in range(0, len(waiting), pieces):
            piece = pl.DataFrame(waiting[first : first + pieces], schema=NORMALISED)
            whole = rate_chunk(fresh, piece, len(found["RECORD"]), 1)
            assert len(whole.errors) == 0
            found["RECORD"].append(whole.detail.sort("row"))
        waiting.clear()

    for place, (kind, what) in enumerate(play.inputs):
        if kind == "RECORD":
            waiting.append(row_of(play, what) | {"key_hi": place + 1, "key_lo": 5})
            continue
        rate_waiting()
        if kind == "FILE":
            found["FILE"].append(rate_chunk(fresh, what, 1, 1).detail)
        else:
            command, about = what
            command(fresh, about)
    rate_waiting()
    return joined(found["RECORD"]), joined(found["FILE"])


def joined(frames: list[pl.DataFrame]) -> pl.DataFrame:
    return pl.concat(frames) if frames else pl.DataFrame(schema=dict.fromkeys(AMOUNTS, pl.Int64))


def row_of(play: Play, key: tuple[int, int, int]) -> dict[str, int]:
    """A record of a session as a file has it, by its network's books."""
    session, (used, fee_li) = play.sessions[key[0] - 1], play.books[key]
    row = (
        dict.fromkeys(NORMALISED, 0)
        | session.columns
        | play.places[key][0]
        | dict.fromkeys(("duration_s", "up_bytes", "message_count"), 0)
    )
    if session.is_data and not session.is_event:
        row["rating_group"] = key[1] + 1
    return row | {"start_local_s": key[2], column_of(session.event["record"]): used, "info_fee_li": fee_li}


def counters_of(state: EngineState) -> list[tuple[int, ...]]:
    found = []
    for row in range(state.used["rows"]):
        lane = state.lanes[row % LANES]
        node = int(lane.counter_head[row // LANES, 0])
        while node >= 0:
            if lane.counter_value[node]:
                found.append((row, int(lane.counter_key[node]), int(lane.counter_period[node]),
                              int(lane.counter_value[node])))  # fmt: skip
            node = int(lane.counter_next[node])
    return sorted(found)


def used_totals(state: EngineState, month: int) -> pl.DataFrame:
    said = pl.any_horizontal(pl.exclude("subscriber_id", "item_id", "rule_id") != 0)
    return totals_of(state, month).filter(said)


def assert_as_files(play: Play, fresh: EngineState, pieces: int) -> None:
    """The play has come to what the same use rated as files comes to."""
    whole, filed = rated_whole(fresh, play, pieces)
    for online, at_once in ((joined(play.detail), whole), (joined(play.filed), filed)):
        for name in AMOUNTS:
            assert online[name].to_list() == at_once[name].to_list(), name
    for month in MONTHS[: MONTHS.index(play.newest_month) + 1]:
        assert used_totals(play.state, month).equals(used_totals(fresh, month))
        assert free_use_of(play.state, month).equals(free_use_of(fresh, month))
    assert counters_of(play.state) == counters_of(fresh)


def assert_re_rating_changes_nothing(play: Play, fresh: EngineState) -> None:
    """Rated again from the detail store, with the commands between them, all records cost what they cost."""
    online, filed = joined(play.detail).iter_slices(1), iter(play.filed)
    waiting: list[pl.DataFrame] = []

    def rate_waiting() -> None:
        if waiting:
            stored = pl.concat(
                frame.select(pl.col(name).cast(kind) for name, kind in RATED.items()) for frame in waiting
            )
            assert changed_rows(stored, rate_again(fresh, stored)).is_empty()
        waiting.clear()

    for kind, what in play.inputs:
        if kind == "ORDER":
            rate_waiting()
            command, about = what
            command(fresh, about)
        else:
            waiting.append(next(online if kind == "RECORD" else filed))
    rate_waiting()
    for month in MONTHS[: MONTHS.index(play.newest_month) + 1]:
        assert used_totals(play.state, month).equals(used_totals(fresh, month))
        assert free_use_of(play.state, month).equals(free_use_of(fresh, month))


def assert_nothing_is_lost(play: Play) -> None:
    """Every record of the networks' books has ended as one; money left wallets for what is on them, and no more."""
    ended = [key for kind, key in play.inputs if kind == "RECORD"]
    used = [key for key in play.books if not play.is_unused(key)]
    assert sorted(ended) == sorted(used)
    paid = [frame.select(pl.sum_horizontal("act_basic_li", "act_ld_li", "act_info_li")).to_series().sum()
            for frame in (joined(play.detail), joined(play.filed)) if len(frame)]  # fmt: skip
    assert (play.paid_li, play.state.desk.wallets["reserved_li"].sum()) == (sum(paid), 0)


def begun(market: dict[str, Any], reference: Path, folder: Path, *, slowly: bool) -> Play:
    """A play of a market before its first step."""
    documents = [document for one in market["tariffs"]
                 for document in (DOCUMENTS[one] if isinstance(one, str) else [one])]  # fmt: skip
    coming = [one for one in documents if str(one["versions"][-1]["from"]) > FIRST_DAY]
    market = {**market, "documents": begun_versions(documents)}
    case = {**market, "tariffs": market["documents"], "events": [{"at": FIRST_DAY}]}
    slow = SlowDesk(case, VECTORS, HOLIDAYS) if slowly else None
    return Play(opened(market, reference), market, folder, slow=slow, coming=coming,
                compile=lambda begin_on: known_by(market, reference, begin_on).tables)  # fmt: skip


def act_out(
    market: dict[str, Any], taken: list[Step], balances_li: tuple[int, int], *, limits_li: tuple[int, int],
    reference: Path, slowly: bool, pieces: int, is_known: bool,
) -> Play:  # fmt: skip
    """Play a market and compare with both calculators; a play that fails tells its story."""
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        play = begun(market, reference, Path(folder), slowly=slowly)
        edges = edges_of(market)
        try:
            play.open_wallets(balances_li, limits_li)
            if is_known:
                play.publish_all()
            for step in taken:
                carry_out(play, step, edges)
            play.silence()
            play.check()
            assert_nothing_is_lost(play)
            if not np.any(play.state.draws_on_pool):
                assert_as_files(play, opened(market, reference).state, pieces)
                assert_re_rating_changes_nothing(play, opened(market, reference).state)
        finally:
            if sys.exc_info()[0]:
                note(readable(market) + "\n".join(play.story))
    return play


@st.composite
def drawn_plays(draw: Callable[..., Any], kind: str) -> dict[str, Any]:
    """A market, what happens in it, the money there is, and in how large pieces files are rated."""
    return {
        "market": example_market(Drawn(draw)) if kind == "EXAMPLE" else draw(markets(shares=kind == "SHARED")),
        "taken": draw(WHOLE_STEPS),
        "balances_li": draw(BALANCES),
        "limits_li": draw(LIMITS),
        "is_known": draw(st.booleans()),  # from the beginning, which versions of tariffs will begin
        "pieces": draw(st.sampled_from([10**6, 3, 1])),
        "slowly": kind == "SHARED" or (kind == "OWN" and draw(st.sampled_from([True, True, False]))),
    }


def tried(what: Callable[[dict[str, Any]], object], drawn: st.SearchStrategy[dict[str, Any]], how: settings) -> None:
    """Try something with what Hypothesis draws, by the day's seed; a failure says how to draw it again."""

    def told(one: dict[str, Any]) -> None:
        try:
            what(one)
        finally:
            if sys.exc_info()[0]:
                note(f"OPENBOSS_PLAYS_SEED={SEED} draws this again")

    seed(SEED)(how(given(drawn)(told)))()


def prove(kind: str, how: settings, no_limits: Path) -> None:
    """Let Hypothesis look for a play of one kind that does not end as it should."""
    folder = REFERENCE if kind == "EXAMPLE" else no_limits
    tried(lambda drawn: act_out(**drawn, reference=folder), drawn_plays(kind), how)


@pytest.mark.parametrize("kind", ["OWN", "SHARED", "EXAMPLE"])
def test_a_session_in_slices_ends_as_if_it_was_rated_once(kind: str, no_limits: Path) -> None:
    prove(kind, IN_CI, no_limits)


@pytest.mark.soak
@pytest.mark.parametrize("kind", ["OWN", "SHARED", "EXAMPLE"])
def test_many_sessions_in_slices_end_as_if_they_were_rated_once(kind: str, no_limits: Path) -> None:
    prove(kind, IN_SOAK, no_limits)
