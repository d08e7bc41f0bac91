"""Charged in slices as it happens, or rated whole in one piece: the same to the li (issue 4 section 3)."""

import csv
import os
import random
from datetime import date
from pathlib import Path
from shutil import copy
from typing import Any

import numpy as np
import polars as pl
import pytest
import yaml

from openboss.kernel.state import LANES
from openboss.modules.charging.engine.rating import rate_chunk
from openboss.modules.charging.engine.state import EngineState
from openboss.modules.charging.engine.totals import free_use_of, totals_of
from openboss.modules.charging.schema import NORMALISED
from openboss.processes.quote import OpenQuote
from openboss.processes.quote.tariffs import tariffs_of
from tests.reference.random_market import random_market
from tests.reference.slow_quote import slow_answer

from .session_market import PLENTY_LI, Play, Session

ROOT = Path(__file__).parents[4]
REFERENCE, VECTORS, EXAMPLE = ROOT / "example" / "reference", ROOT / "tests" / "vectors" / "tariffs", ROOT / "example"
HOLIDAYS = {date.fromisoformat(row["date"]) for row in csv.DictReader((REFERENCE / "holidays.csv").open())}
MONTHS = (202609, 202610, 202611)
PLAYS, SOAK_PLAYS = 2, int(os.environ.get("OPENBOSS_SOAK_PLAYS", "1500"))
AMOUNTS = ("act_basic_li", "act_ld_li", "act_info_li", "std_basic_li", "std_ld_li", "free_units_1", "free_units_2")


def own_only(market: dict[str, Any]) -> dict[str, Any]:
    """A market in which nobody shares a resource or a counter: who reports first does not matter."""
    for offer in market["tariffs"][1:]:
        for version in offer["versions"]:
            for rule in version["prices"] + list(version["counters"].values()):
                if "counts" in rule:
                    rule["counts"] = "USER"
            for free in version["free"]:
                free.pop("share", None)
                if free.get("overflow") == "BLOCK":
                    del free["overflow"]  # of what is blocked nothing is used
    market["events"] = [event for event in market["events"] if "close" not in event]
    return market


def example_market(seed: int) -> dict[str, Any]:
    """Users who hold offers of the example operator's catalog, and a random market's use."""
    market = random_market(seed)
    by_kind: dict[str, list[str]] = {}
    for file in sorted((EXAMPLE / "tariffs").glob("*.yaml")):
        document = yaml.load(file.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        by_kind.setdefault(document["kind"], []).append(document["offer"])
    dice = random.Random(seed)
    for user in market["users"]:
        chosen = [dice.choice(by_kind["MAIN"]), *dice.sample(by_kind["ADDON"], 3)]
        user["products"] = [{"offer": code, "from": f"2026-0{dice.randrange(3, 9)}-0{place + 1}"}
                            for place, code in enumerate(chosen)]  # fmt: skip
        user["groups"] = []
    market["tariffs"] = [str(EXAMPLE / "tariffs")]
    market["events"] = [event for event in market["events"] if "close" not in event]
    return market


@pytest.fixture(scope="session")
def no_limits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The operator's tables without the regulator's limits, which few prices drawn at random keep."""
    folder = tmp_path_factory.mktemp("reference")
    for name in ("bill_items.csv", "holidays.csv"):
        copy(REFERENCE / name, folder)
    (folder / "tariff_limits.yaml").write_text("[]")
    return folder


def opened(market: dict[str, Any], reference: Path) -> OpenQuote:
    months = [{"at": f"{month // 100}-{month % 100:02}-01T00:00:00"} for month in MONTHS]
    return OpenQuote({**market, "events": months}, tariffs_of(market["tariffs"], reference=reference, beside=VECTORS))


def records_of(play: Play, detail: pl.DataFrame) -> list[tuple[Session, int, int, int]]:
    """The network's own books, in the order in which the engine closed the records: session, ask, start, used."""
    books = {(one.number, ask, start): (one, ask, start, used) for one in play.sessions
             for (ask, start), used in one.parts.items()}  # fmt: skip
    found = []
    for number, group, start in detail.select("call_ref", "rating_group", "start_local_s").iter_rows():
        record = play.sessions[number - 1].event["record"]
        found.append(books.pop((number, group - 1 if record == "DATA" else 0, start)))
    for session, _ask, _start, used in books.values():  # calls leave a record however short; what has no price none
        assert used == 0 or session.last[2]["result"] != 2001 or (session.last[3]["result"] != 2001).any(), session
    return found


def column_of(record: str) -> str:
    return {"SMS_MO": "message_count", "DATA": "up_bytes"}.get(record, "duration_s")


def rated_whole(fresh: EngineState, records: list[tuple[Session, int, int, int]]) -> tuple[EngineState, Any]:
    """The same use as one file."""
    rows = []
    for place, (session, ask, start, used) in enumerate(records):
        row = dict.fromkeys(NORMALISED, 0) | session.columns
        row |= {"start_local_s": start, "key_hi": place + 1, "key_lo": 5}
        if session.event["record"] == "DATA":
            row["rating_group"] = ask + 1
        rows.append(row | dict.fromkeys(("duration_s", "up_bytes", "message_count"), 0) | {
            column_of(session.event["record"]): used})  # fmt: skip
    return fresh, rate_chunk(fresh, pl.DataFrame(rows, schema=NORMALISED), 1, 1)


def slowly(market: dict[str, Any], records: list[tuple[Session, int, int, int]]) -> list[int | None]:
    """What the slow calculator says of each record."""
    events = []
    for session, ask, start, used in records:
        event = {key: value for key, value in session.event.items() if key not in ("duration_s", "messages")}
        event |= {"at": np.datetime64(start, "s").astype(str)}
        event |= {{"SMS_MO": "messages", "DATA": "up_bytes"}.get(event["record"], "duration_s"): used}
        events.append(event | ({"rating_group": ask + 1} if event["record"] == "DATA" else {}))
    return [one.get("actual_li") for one in slow_answer({**market, "events": events}, VECTORS, HOLIDAYS)]


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


def assert_equal(market: dict[str, Any], seed: int, folder: Path, *, reference: Path, slow: bool) -> int:
    """Play a market and compare; return how many records it came to."""
    folder.mkdir(exist_ok=True)
    play = Play(opened(market, reference), seed, folder)
    play.run(market["events"])
    detail = pl.concat(play.detail)
    records = records_of(play, detail)
    fresh, whole = rated_whole(opened(market, reference).state, records)
    assert len(whole.errors) == 0
    at_once = whole.detail.sort("row")
    for name in AMOUNTS:
        assert detail[name].to_list() == at_once[name].to_list(), name
    for month in MONTHS:
        assert used_totals(play.state, month).equals(used_totals(fresh, month))
        assert free_use_of(play.state, month).equals(free_use_of(fresh, month))
    assert counters_of(play.state) == counters_of(fresh)
    paid = detail.select(pl.sum_horizontal("act_basic_li", "act_ld_li", "act_info_li")).to_series()
    purses = play.state.desk.wallets
    assert (2 * PLENTY_LI - purses["balance_li"].sum(), purses["reserved_li"].sum()) == (paid.sum(), 0)
    if slow:
        assert slowly(market, records) == paid.to_list()
    return len(records)


@pytest.mark.parametrize("seed", range(PLAYS))
def test_a_session_in_slices_ends_as_if_it_was_rated_once(seed: int, tmp_path: Path, no_limits: Path) -> None:
    assert assert_equal(own_only(random_market(seed)), seed, tmp_path, reference=no_limits, slow=True) > 10


@pytest.mark.parametrize("seed", range(PLAYS))
def test_sessions_over_the_example_catalog_end_as_if_they_were_rated_once(seed: int, tmp_path: Path) -> None:
    assert assert_equal(example_market(seed), seed, tmp_path, reference=REFERENCE, slow=False) > 10


@pytest.mark.soak
def test_many_markets_in_slices_and_whole(tmp_path: Path, no_limits: Path) -> None:
    for seed in range(1000, 1000 + SOAK_PLAYS):
        assert_equal(own_only(random_market(seed)), seed, tmp_path / f"r{seed}", reference=no_limits, slow=True)
        assert_equal(example_market(seed), seed, tmp_path / f"e{seed}", reference=REFERENCE, slow=False)


def test_users_who_share_minutes_take_them_in_the_order_in_which_their_networks_report(tmp_path: Path) -> None:
    """Beside a plain model: what an open call has taken stays taken until it reports again, then it takes anew."""
    names, minutes, price_li = {"zh": "亲情", "en": "Kin"}, 40, 100
    free = {"rule": "F", "unit": "MIN", "granted": minutes, "scope": {"record": ["MOC"]}, "names": names}
    kin = {"offer": "KIN", "offer_id": 30, "names": names, "kind": "FAMILY", "versions": [{
        "from": "2020-01-01",
        "prices": [{"rule": "P", "component": "basic", "when": {"record": ["MOC"]}, "item": "LOCAL", "unit": "60 s",
                    "price": "0.10", "names": names}],
        "free": [{**free, "share": {"by": "POOL"}}]}]}  # fmt: skip
    users = [{"user": name, "products": [{"offer": "KIN", "from": "2026-03-05"}],
              "groups": [{"group": "F", "kind": "FAMILY"}]} for name in "ABC"]  # fmt: skip
    market = {"format": 1, "tariffs": ["documents/standard.yaml", kin], "users": users, "events": []}
    play = Play(opened(market, REFERENCE), 1, tmp_path)
    granted = 3 * minutes  # each of them brings some
    taken, used_s = dict.fromkeys(range(9), 0), dict.fromkeys(range(9), 0)
    at_s = int(np.datetime64("2026-09-10T10:00:00", "s").astype(np.int64))
    for call in range(3):  # each user three calls, one after the other; users side by side
        sessions = [play.begin({"user": name, "at": np.datetime64(at_s, "s").astype(str), "record": "MOC",
                                "number": 8613911111111}) for name in "ABC"]  # fmt: skip
        for step in range(6):
            at_s += 60
            for place in play.dice.sample(range(3), 3):
                session, one = sessions[place], call * 3 + place
                more_s = play.dice.randrange(400)
                play._send([play.use(session, at_s, [more_s], ends=step == 5)], at_s)
                used_s[one] += more_s
                others = sum(taken.values()) - taken[one]
                taken[one] = min(-(-used_s[one] // 60), granted - others)
    paid = sum(-(-used_s[one] // 60) - taken[one] for one in taken) * price_li
    purses = play.state.desk.wallets
    assert 2 * PLENTY_LI - purses["balance_li"].sum() == paid > 0
    assert totals_of(play.state, 202609)["free_units"].sum() == sum(taken.values()) == granted
