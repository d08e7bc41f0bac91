"""Rating alone: events a second on one core, with every offer of the example in force and a million users.

    python benchmarks/kernel.py [users] [events]

Events of random users in random order go through `rate_records` in one thread: as they come, and as the engine does it,
which first puts a chunk in the order of its users (that takes part of the time and is counted). Then the cost of each
thing a tariff can say: the same calls under offers that differ in one thing, on few users. Time is processor time of
this thread, best of three rounds.
"""

import sys
import time
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import yaml

import openboss  # noqa: F401 -- points numba at its cache first
from openboss.kernel.records import Rated, Usage, find_users, rate_records
from openboss.kernel.state import LANES
from openboss.kernel.tariffs import FOREVER_S, TariffTables
from openboss.kernel.trace import NO_TRACE
from openboss.kernel.usage import LdType, RecordType
from openboss.modules.catalog.compiler import compile_tariffs
from openboss.modules.charging.engine.rating import empty_rated, usage_of
from openboss.modules.charging.engine.state import EngineState, Image, month_start_s
from openboss.modules.charging.schema import NORMALISED

EXAMPLE = Path(__file__).parents[1] / "example"
CYCLE, FIRST_NUMBER = 202610, 8613900000000
MAINS = ("GOTONE_98", "GOTONE_LOCAL_88", "GOTONE_BUSINESS_88", "GOTONE_PREMIUM_288", "EASYOWN_STANDARD", "MZONE_20")
ADDONS = ("DATA_PACK_30", "DATA_STEP_10", "SMS_PACK_10")
ROUNDS = 3
CALLS = {"record": ["MOC"]}
FEATURES: dict[str, dict[str, Any]] = {
    "units x price": {"unit": "60 s", "price": "0.19"},
    "connect fee": {"unit": "60 s", "price": "0.19", "connect": "0.10"},
    "two steps": {"steps": [{"to": "180 s", "unit": "180 s", "price": "0.22"}, {"unit": "60 s", "price": "0.11"}]},
    "three time bands": {
        "unit": "60 s",
        "price": "0.40",
        "bands": [
            {"days": ["SAT", "SUN"], "price": "0.20"},
            {"from": "22:00", "to": "06:00", "price": "0.10"},
            {"from": "12:00", "to": "14:00", "price": "0.30"},
        ],
    },
    "tiers over a cycle": {
        "unit": "60 s",
        "price": "0.19",
        "basis": "CYCLE",
        "tiers": [{"from": 0, "price": "0.19"}, {"from": 100, "price": "0.15"}],
    },
    "tiers over a year": {
        "unit": "60 s",
        "price": "0.19",
        "basis": "YEAR",
        "tiers": [{"from": 0, "price": "0.19"}, {"from": 100, "price": "0.15"}],
    },
    "a zone of 200 prefixes": {"unit": "60 s", "price": "0.19", "when": {**CALLS, "zone": ["FAR"]}},
}
ZONES = {"FAR": ["86", *(f"86{prefix}" for prefix in range(1300, 1499))]}
FREE = {"rule": "F", "unit": "MIN", "granted": 10**6, "scope": CALLS}
MORE: dict[str, dict[str, Any]] = {
    "free minutes": {"free": [FREE]},
    "two free resources, one by hours": {
        "free": [{**FREE, "rule": "G", "scope": {**CALLS, "hours": ["00:00-00:01"]}, "priority": 1}, FREE]
    },
    "a cap of a day": {"caps": [{"rule": "CAP", "items": ["LOCAL"], "cap": "1000000.00", "over": "DAY"}]},
}


def example_versions() -> list[SimpleNamespace]:
    """Every version of every offer of the example, with rule ids."""
    found, next_id = [], 1
    for path in sorted((EXAMPLE / "tariffs").glob("*.yaml")):
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        for version in document["versions"]:
            sections = ("prices", "free", "caps")
            rules = [rule["rule"] for section in sections for rule in version.get(section) or []]
            found.append(
                SimpleNamespace(
                    offer_id=document["offer_id"],
                    code=document["offer"],
                    kind=document["kind"],
                    from_on=version["from"],
                    document=version,
                    rule_ids={rule: next_id + place for place, rule in enumerate(rules)},
                )
            )
            next_id += len(rules)
    return found


def items() -> list[SimpleNamespace]:
    """The bill items of the example."""
    frame = pl.read_csv(EXAMPLE / "reference" / "bill_items.csv")
    return [SimpleNamespace(item_id=row[0], code=row[1]) for row in frame.select("item_id", "code").iter_rows()]


def state_of(tables: TariffTables, users: int, mains: list[int], addons: list[int]) -> EngineState:
    """An engine that knows so many users, each with a main plan and one in three with an add-on."""
    ids = np.arange(1, users + 1)
    span = {"from_local_s": pl.lit(0, pl.Int64), "to_local_s": pl.lit(FOREVER_S, pl.Int64)}
    main = pl.DataFrame({"subscriber_id": ids, "offer_id": np.array(mains)[ids % len(mains)]})
    more = ids[ids % 3 == 0]
    addon = (
        pl.DataFrame({"subscriber_id": more, "offer_id": np.array(addons)[more % len(addons)]}) if addons else main[:0]
    )
    first_month = pl.lit(0, pl.Int8).alias("first_month")
    holdings = pl.concat([main, addon]).with_columns(first_month, **span)
    numbers = pl.DataFrame({"number": ids + FIRST_NUMBER, "subscriber_id": ids}).with_columns(**span)
    kinds = {"subscriber_id": pl.Int64, "from_local_s": pl.Int64, "to_local_s": pl.Int64}
    state = EngineState(tables=tables)
    state.apply_image(
        Image(
            subscribers=pl.DataFrame({"subscriber_id": ids}),
            numbers=numbers,
            imsis=pl.DataFrame(schema={"imsi": pl.Int64, **kinds}),
            holdings=holdings.select("subscriber_id", "offer_id", "first_month", "from_local_s", "to_local_s"),
            groups=pl.DataFrame(schema={"group_id": pl.Int64, "kind": pl.Int8, **kinds}),
        )
    )
    state.open_cycle(CYCLE)
    return state


def events(count: int, users: int, *, only_calls: bool) -> dict[str, np.ndarray]:
    """Columns of usage: 60 % calls (one in eight long distance), 15 % messages, 25 % data; all calls if wished."""
    random = np.random.default_rng(7)
    columns = {name: np.zeros(count, str(kind).lower()) for name, kind in NORMALISED.items()}
    kind = random.choice([RecordType.MOC, RecordType.SMS_MO, RecordType.DATA], count, p=[0.6, 0.15, 0.25])
    columns["record_type"][:] = RecordType.MOC if only_calls else kind
    columns["served_number"][:] = FIRST_NUMBER + random.integers(1, users + 1, count)
    columns["other_number"][:] = 8613000000000 + random.integers(0, 10**9, count)
    columns["start_local_s"][:] = month_start_s(CYCLE) + random.integers(0, 30 * 86_400, count)
    calls = columns["record_type"] == RecordType.MOC
    columns["duration_s"][calls] = random.integers(1, 600, int(calls.sum()))
    columns["down_bytes"][columns["record_type"] == RecordType.DATA] = 700_000
    columns["message_count"][:] = 1
    if not only_calls:
        columns["ld_type"][calls & (random.integers(0, 8, count) == 0)] = LdType.INTER_PROV_LD
    return columns


def seconds_for(state: EngineState, columns: dict[str, np.ndarray], *, by_user: bool) -> tuple[float, Rated]:
    """Processor seconds of rating all events once, best of several rounds."""
    found = users_of(state, columns)
    if by_user:  # as the engine hands them to the kernel
        places = np.argsort(found.row, kind="stable")
        columns = {name: column[places] for name, column in columns.items()}
        found = users_of(state, columns)
    usage, order = usage_of(columns), np.arange(len(found.row))
    best, rated = float("inf"), found
    for _ in range(ROUNDS):
        rated = Rated(*[column.copy() for column in empty_rated(len(found.row))])  # memory that was touched before
        rated.row[:] = found.row
        state.make_room(np.bincount(found.row % LANES, minlength=LANES).tolist())
        for number in range(LANES):
            state.make_counter_room(number)
        done, spent = 0, 0.0
        while done < len(order):
            lanes, part = tuple(state.lanes), order[done:]
            begun = time.thread_time()
            done += rate_records(state.tables, state.directory, lanes, state.cycles, usage, rated, part, NO_TRACE, 1)
            spent += time.thread_time() - begun
            if done < len(order):
                state.make_counter_room(int(rated.row[order[done]]))
        best = min(best, spent)
    return best, rated


def ordering_seconds(state: EngineState, columns: dict[str, np.ndarray]) -> float:
    """Processor seconds of putting all events in the order of their users, best of several rounds."""
    rows, best = users_of(state, columns).row.astype(np.int64), float("inf")
    into = {name: np.empty_like(column) for name, column in columns.items()}  # memory that was touched before
    for _ in range(ROUNDS):
        begun = time.thread_time()
        both = rows << 32 | np.arange(len(rows))
        both.sort()
        places = both & 0xFFFFFFFF
        for name, column in columns.items():
            np.take(column, places, out=into[name], mode="clip")
        best = min(best, time.thread_time() - begun)
    return best


def users_of(state: EngineState, columns: dict[str, np.ndarray]) -> Rated:
    """Find whose events they are."""
    usage = usage_of(columns)
    found = empty_rated(len(usage.record_type))
    find_users(state.directory, Usage(*[_fixed(column) for column in usage]), found, 0, len(found.row))
    return found


def _fixed(column: np.ndarray) -> np.ndarray:
    """The same column as polars hands it over, so that no second variant is compiled."""
    return pl.Series(column).to_numpy()


def main() -> None:
    """Measure and print."""
    users = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 2_000_000
    versions = example_versions()
    ids = {version.code: version.offer_id for version in versions}
    tables = compile_tariffs(versions, items(), holidays=[date(2026, 10, 1)])
    state = state_of(tables, users, [ids[code] for code in MAINS], [ids[code] for code in ADDONS])
    columns = events(count, users, only_calls=False)
    ordering = ordering_seconds(state, columns)
    for by_user in (True, False):
        spent, rated = seconds_for(state, columns, by_user=by_user)
        assert not rated.error.any(), np.unique(rated.error)
        how, whole = ("put in order and rated", spent + ordering) if by_user else ("rated as they come", spent)
        print(f"{count} events of {users} users in random order, {how}: {count / whole / 1e6:.2f} M/s", end=", ")
        print(f"{whole / count * 1e9:.0f} ns" + (f" of which {ordering / count * 1e9:.0f} ordering" if by_user else ""))
    print_features(min(users, 1_000), count)


def print_features(users: int, count: int) -> None:
    """Print what each thing a tariff can say costs, on few users so that memory does not hide it."""
    national = {"rule": "N", "component": "basic", "when": CALLS, "item": "LOCAL", "unit": "60 s", "price": "0.40"}
    plain = {"rule": "P", "component": "basic", "when": CALLS, "item": "LOCAL", **FEATURES["units x price"]}
    documents = {name: {"zones": ZONES, "prices": [{**plain, **fields}]} for name, fields in FEATURES.items()}
    for name, fields in FEATURES.items():
        if "steps" in fields:
            rule = {key: value for key, value in plain.items() if key not in ("unit", "price")}
            documents[name] = {"prices": [{**rule, **fields}]}
    documents |= {name: {"prices": [plain], **sections} for name, sections in MORE.items()}
    columns = events(count, users, only_calls=True)
    for name, document in documents.items():
        rules = [rule["rule"] for section in ("prices", "free", "caps") for rule in document.get(section) or []]
        offers = [
            SimpleNamespace(offer_id=0, code="S", kind="STANDARD", from_on=date(2000, 1, 1),
                            document={"prices": [national]}, rule_ids={"N": 1}),
            SimpleNamespace(offer_id=1, code="O", kind="MAIN", from_on=date(2000, 1, 1), document=document,
                            rule_ids={rule: place for place, rule in enumerate(rules, 2)}),
        ]  # fmt: skip
        state = state_of(compile_tariffs(offers, items()), users, [1], [])
        spent, rated = seconds_for(state, columns, by_user=True)
        assert not rated.error.any()
        print(f"  {name}: {spent / count * 1e9:.0f} ns an event")


if __name__ == "__main__":
    main()
