"""The slow calculator of quotes: it agrees with every vector, and with the engine on tariffs drawn at random."""

import csv
import os
import random
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from openboss.processes.quote import cases_of, quote
from tests.reference.random_market import random_market
from tests.reference.slow_quote import slow_answer

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "example" / "reference"
VECTORS = ROOT / "tests" / "vectors" / "tariffs"
HOLIDAYS = {date.fromisoformat(row["date"]) for row in csv.DictReader((REFERENCE / "holidays.csv").open())}
WORLDS, MARKETS, EVENTS = 40, 24, 40
SOAK_EVENTS = int(os.environ.get("OPENBOSS_SOAK_EVENTS", "10000000"))


def plain(file: Path) -> list[dict[str, Any]]:
    found = cases_of(yaml.load(file.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
    return [case for case in found if case.get("events") and "refused" not in case["expect"]]


def fast(case: dict[str, Any], beside: Path, reference: Path = REFERENCE) -> list[dict[str, Any]]:
    """The engine's answer in the slow one's words; None stands for an event that was refused."""
    found: list[dict[str, Any]] = []
    for event in quote(case, reference=reference, beside=beside)["events"]:
        if "closed" in event:
            found.append({"closed": event["closed"]})
        elif "gave" in event:
            found.append({"left": event.get("left")})
        elif event["status"] == "ERROR":
            found.append({})
        else:
            free = [(one["rule"], one.get("carried", False), one["units"]) for one in event["free"]]
            found.append({"actual_li": event["actual_li"], "free": together(free)})
    return found


def slow(case: dict[str, Any], beside: Path) -> list[dict[str, Any]]:
    found = slow_answer(case, beside, HOLIDAYS)
    return [{**one, "free": together([used[1:] for used in one["free"]])} if "free" in one else one for one in found]


def together(used: list[tuple[str, bool, int]]) -> dict[tuple[str, bool], int]:
    """Units by resource: of two users' equal parts of a pool either may come first."""
    found: dict[tuple[str, bool], int] = {}
    for rule, carried, units in used:
        found[rule, carried] = found.get((rule, carried), 0) + units
    return found


def disagreements(case: dict[str, Any], beside: Path, reference: Path = REFERENCE) -> list[str]:
    said = zip(case["events"], fast(case, beside, reference), slow(case, beside), strict=True)
    return [f"{event}: engine {one}, slow {other}" for event, one, other in said if one and one != other]


@pytest.mark.parametrize("file", sorted(VECTORS.glob("*.yaml")), ids=lambda file: file.stem)
def test_both_calculators_agree_on_every_vector(file: Path) -> None:
    wrong = [f"{case['name']}: {line}" for case in plain(file) for line in disagreements(case, VECTORS)]
    assert not wrong, "\n".join(wrong)


def yuan(dice: random.Random, most_li: int) -> str:
    return f"{dice.randrange(1, most_li) / 1000:.{dice.choice((2, 3))}f}"


def random_price(dice: random.Random, code: str, when: dict[str, Any], kind: str) -> dict[str, Any]:
    """A price with some of everything, about calls, messages or data."""
    unit = dice.choice(
        {"s": ["1 s", "6 s", "30 s", "60 s", "1 MIN"], "MSG": ["1 MSG"], "KB": ["1 KB", "10 KB", "1 MB"]}[kind]
    )
    most = 6 if kind == "KB" else 120  # no event may come near the most a record can cost (E504)
    item = {"s": "LOCAL", "MSG": "SMS", "KB": "DATA_DOM"}[kind]
    rule: dict[str, Any] = {"rule": code, "component": "basic", "when": when, "item": item}
    rule |= {"unit": unit, "price": yuan(dice, most), "names": {"zh": "价", "en": "Price"}}
    shape = dice.choice(["plain", "steps", "bands", "tiers", "volume"])
    if shape == "steps" and kind == "s":
        first = dice.choice([30, 60, 180])
        rule["steps"] = [
            {"to": f"{first} s", "unit": f"{dice.choice([first, 10])} s", "price": yuan(dice, most)},
            {"unit": unit, "price": yuan(dice, most)},
        ]
        del rule["unit"], rule["price"]
    if shape == "bands":
        days = dice.choice([["SAT", "SUN"], ["WORKDAY"], ["HOLIDAY"], ["FRI"]])
        rule["bands"] = [
            {"days": days, "price": yuan(dice, most)},
            {"from": "22:00", "to": "06:30", "price": yuan(dice, most)},
        ]
    if shape in ("tiers", "volume"):
        rule["basis"] = dice.choice(["DAY", "CYCLE", "QUARTER", "YEAR", "CONTRACT"])
        rule["tiers"] = [
            {"from": 0, "price": yuan(dice, most)},
            {"from": dice.randrange(2, 40), "price": yuan(dice, most)},
        ]
        if shape == "volume":
            rule["tier_mode"] = "VOLUME"
        elif dice.random() < 0.4:
            rule["tiers"][1] = {
                "from": rule["tiers"][1]["from"],
                "block": dice.randrange(2, 9),
                "block_price": yuan(dice, most),
            }
        return rule
    if dice.random() < 0.4:
        rule["connect"] = yuan(dice, 100)
    if dice.random() < 0.3:
        rule["max_charge"] = "1.50"
    if dice.random() < 0.3:
        rule["min_charge"] = "0.05"
    if dice.random() < 0.4:
        rule["rounding"] = {
            "mode": dice.choice(["HALF_UP", "HALF_EVEN", "UP", "DOWN"]),
            "place": dice.choice(["0.001", "0.01"]),
        }
    return rule


def random_case(seed: int) -> dict[str, Any]:
    """A user with an offer drawn at random, and events drawn at random over two months."""
    dice = random.Random(seed)
    calls = {"record": ["MOC"], "roam": ["HOME"]}
    prices = [random_price(dice, "NIGHT", {**calls, "hours": ["20:00-08:00"]}, "s")] if dice.random() < 0.5 else []
    prices += [
        random_price(dice, "CALL", calls, "s"),
        random_price(dice, "SMS", {"record": ["SMS_MO"]}, "MSG"),
        random_price(dice, "DATA", {"record": ["DATA"]}, "KB"),
    ]
    home, away = {"record": ["DATA"], "roam": ["HOME"]}, {"record": ["DATA"], "roam": ["INTRA_PROV"], "factor": "2.5"}
    free: list[dict[str, Any]] = [
        {"rule": "F1", "unit": dice.choice(["MIN", "s"]), "scope": {"record": ["MOC"]}},
        {"rule": "F2", "unit": "MB", "scope": [home, away]},
        {"rule": "F3", "unit": "MSG", "scope": {"record": ["SMS_MO"]}, "carry_over": True},
    ]
    for rule in free:
        rule |= {"granted": dice.randrange(60 if rule["rule"] == "F1" else 8), "names": {"zh": "送", "en": "Free"}}
    caps = [{"rule": "CAP", "items": ["LOCAL", "SMS"], "cap": yuan(dice, 20_000), "over": dice.choice(["DAY", "CYCLE"]),
             "names": {"zh": "封顶", "en": "Cap"}}]  # fmt: skip
    version = {"from": "2020-01-01", "prices": prices, "free": free, "caps": caps if dice.random() < 0.5 else []}
    offer = {
        "offer": "T",
        "offer_id": 9,
        "names": {"zh": "随机", "en": "Random"},
        "kind": "ADDON",
        "versions": [version],
    }
    start = datetime(2026, 9, 1)
    events = []
    for seconds in sorted(dice.randrange(61 * 86_400) for _ in range(EVENTS)):
        at = (start + timedelta(seconds=seconds)).isoformat()
        kind = dice.choice(["MOC", "MOC", "SMS_MO", "DATA"])
        event = {"at": at, "record": kind}
        event |= {
            "MOC": {"duration_s": dice.choice([0, 1, 59, 60, 61, dice.randrange(1, 7200)])},
            "SMS_MO": {"messages": dice.randrange(1, 4)},
            "DATA": {"up_bytes": dice.randrange(5_000_000), "roam": dice.choice(["HOME", "INTRA_PROV"])},
        }[kind]
        events.append(event)
    held = {"offer": "T", "from": dice.choice(["2026-03-05", "2026-09-11T08:00:00"])}
    return {"format": 1, "tariffs": ["documents/standard.yaml", offer], "user": {"products": [held]}, "events": events}


@pytest.mark.parametrize("part", range(4))
def test_both_calculators_agree_on_tariffs_and_use_drawn_at_random(part: int) -> None:
    for seed in range(part, WORLDS, 4):
        assert not disagreements(random_case(seed), VECTORS), f"seed {seed}"


@pytest.mark.parametrize("part", range(2))
def test_both_calculators_agree_on_whole_markets_drawn_at_random(part: int, no_limits: Path) -> None:
    for seed in range(part, MARKETS, 2):
        assert not disagreements(random_market(seed), VECTORS, no_limits), f"seed {seed}"


@pytest.mark.soak
def test_both_calculators_agree_on_ten_million_events(no_limits: Path) -> None:
    for seed in range(WORLDS, WORLDS + SOAK_EVENTS // EVENTS // 2):
        assert not disagreements(random_case(seed), VECTORS), f"seed {seed}"
        assert not disagreements(random_market(seed), VECTORS, no_limits), f"market {seed}"
