"""Markets drawn at random: several users, offers of every rank, everything a price and a free resource can say.

Each draw is a quote; the engine and the slow calculator must say the same of every event. What is drawn stands in
docs/algorithms/rating.md ("What is compared"); a feature that a document can have and this file never draws is a gap.
"""

import random
from datetime import datetime, timedelta
from typing import Any

NAMES = {"zh": "随机", "en": "Random"}
NUMBERS = [8613911111111, 861062345678, 8618877776666, 85291234567, 10086, 661, 662]
START = datetime(2026, 9, 1)
DAYS, EVENTS = 61, 40
ASKS: dict[str, list[Any]] = {
    "number": [["86139"], ["8610", "852"]],
    "numbers": [[10086], [8618877776666, 10086]],
    "zone": [["NEAR"], ["FAR", "NEAR"]],
    "area": [[10], [10, 571]],
    "country": [[852]],
    "home": [[27]],
    "visited": [[10], [571, 27]],
    "visited_country": [[81, 852]],
    "partner": [["45400"], ["44010", "45400"]],
    "apn": [["cmnet"], ["CMWAP"]],
    "rating_group": [[1], [2, 3]],
    "sp": [[9001]],
    "service": [["V1"], ["V1", "77"]],
    "friends": [True],
    "days": [["WEEKEND"], ["WORKDAY"], ["HOLIDAY", "MON"]],
    "hours": [["20:00-08:00"], ["07:30-09:15", "18:00-19:00"]],
    "group": [["FAMILY"], ["FAMILY", "VPMN"]],
    "net": [["CUCC", "CTCC"]],
    "roam": [["HOME"], ["INTRA_PROV", "INTER_PROV_OUT"]],
}
KINDS = {"MOC": ("s", "LOCAL"), "MTC": ("s", "LOCAL"), "SMS_MO": ("MSG", "SMS"), "MMS": ("MSG", "MMS"),
         "DATA": ("KB", "DATA_DOM"), "WLAN": ("s", "WLAN")}  # fmt: skip
UNITS = {"s": ["1 s", "6 s", "30 s", "60 s"], "MSG": ["1 MSG"], "KB": ["1 KB", "10 KB", "1 MB"]}
PERIODS = ["DAY", "CYCLE", "QUARTER", "YEAR", "CONTRACT"]
Dice = random.Random


def random_market(seed: int) -> dict[str, Any]:
    """A quote of three users and four offers over two months, with closed months, late records and gifts."""
    return drawn_market(Dice(seed))


def drawn_market(dice: Dice, *, late: float = 0.4) -> dict[str, Any]:
    """A market as the dice fall: those of a seed, or of Hypothesis, which can make it smaller.

    late  how likely an offer has a version that begins later
    """
    offers = [_offer(dice, code, place, kind, late) for place, (code, kind) in enumerate(
        (("PACK", "ADDON"), ("PLAN", "MAIN"), ("KIN", "FAMILY"), ("UNIT", "GROUP")), 20)]  # fmt: skip
    users = [_user(dice, name, offers) for name in "ABC"]
    events = sorted((drawn_event(dice) for _ in range(EVENTS)), key=lambda event: event["at"])
    if dice.random() < 0.5:
        october = next((i for i, one in enumerate(events) if one["at"] >= "2026-10"), EVENTS)
        late = {**drawn_event(dice), "at": (START + timedelta(seconds=dice.randrange(86_400 * 29))).isoformat()}
        events[october:october] = [{"at": "2026-10-01T00:00:00", "close": 202609}, late]
    return {"format": 1, "tariffs": ["documents/standard.yaml", *offers], "users": users, "events": events}


def _yuan(dice: Dice, most_li: int) -> str:
    return f"{dice.randrange(1, most_li) / 1000:.{dice.choice((2, 3)) if most_li > 20 else 3}f}"


def _offer(dice: Dice, code: str, offer_id: int, kind: str, late: float) -> dict[str, Any]:
    versions = [{"from": "2020-01-01", **_version(dice, code)}]
    if dice.random() < late:
        versions.append({"from": dice.choice(["2026-09-20", "2026-10-01"]), **_version(dice, code)})
    return {"offer": code, "offer_id": offer_id, "names": NAMES, "kind": kind, "versions": versions}


def _version(dice: Dice, code: str) -> dict[str, Any]:
    counts = "POOL" if code in ("KIN", "UNIT") and dice.random() < 0.5 else "USER"
    version: dict[str, Any] = {
        "zones": {"NEAR": ["86"], "FAR": ["852", "8613911"]},
        "counters": {"BOTH": {"over": dice.choice(PERIODS), "counts": counts}},
        "prices": [_price(dice, f"P{i}", counts) for i in range(dice.randrange(1, 6))],
        "free": [_free(dice, code, i) for i in range(dice.randrange(4))],
        "caps": [_cap(dice, i) for i in range(dice.randrange(3))],
    }
    if dice.random() < 0.3:
        version["tax"] = {"prices": "EXCLUSIVE", "percent": dice.choice(["6", "9.5"])}
    return version


def _when(dice: Dice, record: str, most: int) -> dict[str, Any]:
    asked = dice.sample(sorted(ASKS), dice.randrange(most + 1))
    return {"record": [record], **{name: dice.choice(ASKS[name]) for name in asked}}


def _price(dice: Dice, code: str, counts: str) -> dict[str, Any]:
    record = dice.choice(sorted(KINDS))
    kind, item = KINDS[record]
    component = "ld" if record == "MOC" and dice.random() < 0.2 else "basic"
    item = "LD_DOM" if component == "ld" else item
    rule: dict[str, Any] = {"rule": code, "component": component, "when": _when(dice, record, 2), "item": item}
    rule |= {"names": NAMES, "unit": dice.choice(UNITS[kind]), "price": _yuan(dice, 6 if kind == "KB" else 120)}
    shape = dice.choice(["plain", "plain", "steps", "bands", "period", "tiers", "volume", "counter", "once"])
    if shape == "once":
        return rule | {"unit": dice.choice(["1 DAY", "1 CYCLE"])}
    if shape in ("period", "tiers", "volume"):
        rule |= {"basis": dice.choice(PERIODS), "counts": counts}
        if dice.random() < 0.3:
            rule["by"] = "VISITED"
    if shape == "counter":
        rule["counter"] = "BOTH"
    if shape in ("tiers", "volume", "counter"):
        return rule | _tiers(dice, kind, shape)
    _shaped(dice, rule, kind, shape)
    for key, odds in (("connect", 0.3), ("max_charge", 0.2), ("min_charge", 0.2)):
        if dice.random() < odds:
            rule[key] = {"connect": _yuan(dice, 100), "max_charge": "1.50", "min_charge": "0.05"}[key]
    if kind == "s" and shape in ("plain", "bands") and dice.random() < 0.2:
        rule["at_least"] = "30 s"
    if dice.random() < 0.3:
        rule["rounding"] = {"mode": dice.choice(["HALF_UP", "HALF_EVEN", "UP", "DOWN"]), "place": "0.01"}
    return rule


def _shaped(dice: Dice, rule: dict[str, Any], kind: str, shape: str) -> None:
    if shape == "plain" and kind == "KB" and rule["unit"] == "1 KB":
        rule |= {"per": "1 MB", "price": _yuan(dice, 3000)}
    if shape == "steps" and kind == "s":
        rounding = {"rounding": {"mode": "UP", "place": "0.01"}} if dice.random() < 0.3 else {}
        rule["steps"] = [
            {"to": "60 s", "unit": dice.choice(["60 s", "10 s"]), "price": _yuan(dice, 120), **rounding},
            {"unit": rule.pop("unit"), "price": rule.pop("price")},
        ]
    if shape == "bands":
        rule["bands"] = [
            {"days": dice.choice([["SAT", "SUN"], ["WORKDAY"], ["HOLIDAY"]]), "price": _yuan(dice, 6)},
            {"from": "22:00", "to": "06:30", "price": _yuan(dice, 6)},
        ]


def _tiers(dice: Dice, kind: str, shape: str) -> dict[str, Any]:
    most = 6 if kind == "KB" else 120
    first, second = {"from": 0, "price": _yuan(dice, most)}, {"from": dice.randrange(2, 40), "price": _yuan(dice, most)}
    if shape == "volume":
        return {"tier_mode": "VOLUME", "tiers": [first, {**second, "flat": _yuan(dice, 100)}]}
    form = dice.choice(["price", "flat", "block", "cap"])
    if form == "flat":
        second["flat"] = _yuan(dice, 100)
    elif form == "block":
        second = {"from": second["from"], "block": dice.randrange(2, 9), "block_price": _yuan(dice, most)}
    elif form == "cap":
        second |= {"block": dice.randrange(2, 9), "block_cap": _yuan(dice, most)}
    return {"tiers": [first, second]}


def _free(dice: Dice, code: str, place: int) -> dict[str, Any]:
    """A free resource; no two have one priority, and none two holders in two parts: what comes first must be plain."""
    record = dice.choice(sorted(KINDS))
    unit = {"s": ["MIN", "s", "HOUR"], "MSG": ["MSG"], "KB": ["MB", "KB"]}[KINDS[record][0]]
    scope: Any = {**_when(dice, record, 1), "component": dice.choice(["basic", ["basic", "ld"]])}
    shares = code in ("KIN", "UNIT") and dice.random() < 0.6
    if dice.random() < 0.3 and not shares:
        scope = [scope, {"record": [record], "factor": dice.choice(["2.5", "3", "0.5"])}]
    rule: dict[str, Any] = {"rule": f"F{place}", "unit": dice.choice(unit), "granted": dice.randrange(1, 60)}
    if dice.random() < 0.15:
        rule |= {"unit": "YUAN", "granted": _yuan(dice, 2000)}
    elif dice.random() < 0.1:
        rule |= {"granted": "UNLIMITED"}
    own = ("PACK", "PLAN", "KIN", "UNIT").index(code)
    rule |= {"scope": scope, "names": NAMES, "priority": 30 * place + 7 * own + dice.randrange(7)}
    if dice.random() < 0.3:
        rule |= {"grant": "ONCE", "valid": dice.choice([{"days": 9}, {"cycles": 2}])}
    elif dice.random() < 0.3:
        rule["valid"] = {"cycles": 2}
    elif dice.random() < 0.4 and rule["granted"] != "UNLIMITED":
        rule["carry_over"] = dice.choice([True, {"cycles": 2}])
    if dice.random() < 0.2:
        rule["instalments"] = 1
    if dice.random() < 0.2:
        rule["prorate"] = False
    if shares:
        rule["share"] = {"by": "POOL", **({"per_user": dice.randrange(1, 20)} if dice.random() < 0.5 else {})}
    if dice.random() < 0.1:
        rule |= {"overflow": "BLOCK", "prorate": False}  # of nothing given nothing is blocked
    return rule


def _cap(dice: Dice, place: int) -> dict[str, Any]:
    items = dice.choice([["LOCAL", "SMS"], ["DATA_DOM"], ["LOCAL", "LD_DOM"], ["WLAN", "MMS"]])
    over = dice.choice(["DAY", "CYCLE", "QUARTER", "YEAR"])
    return {"rule": f"C{place}", "items": items, "cap": _yuan(dice, 20_000), "over": over, "names": NAMES}


def _user(dice: Dice, name: str, offers: list[dict[str, Any]]) -> dict[str, Any]:
    products = [
        {
            "offer": offer["offer"],
            # two offers of one rank must not begin together: which is newer decides
            "from": dice.choice([f"2026-03-{5 + place:02d}", f"2026-09-{1 + place:02d}", f"2026-09-1{place}T08:00:00"]),
            "first_month": dice.choice(["PRORATE", "FULL", "HALF", "PAY_AS_YOU_GO"]),
            **({"to": "2026-10-15T12:00:00"} if dice.random() < 0.2 else {}),
        }
        for place, offer in enumerate(offers)
        if dice.random() < 0.7
    ]
    groups = [{"group": "F", "kind": "FAMILY"}] if name in "AB" else []
    groups += [{"group": "U", "kind": "VPMN", "short_number": 661 + "BC".index(name)}] if name in "BC" else []
    # one pool at a time: who is in two groups draws on the one joined last, which a quote's groups do not say
    return {"user": name, "products": products, "groups": groups[-1:], "friends": dice.sample(NUMBERS[:4], 2)}


def drawn_event(dice: Dice) -> dict[str, Any]:
    at = (START + timedelta(seconds=dice.randrange(DAYS * 86_400))).isoformat()
    record = dice.choice(["MOC", "MOC", "MTC", "SMS_MO", "MMS", "DATA", "DATA", "WLAN"])
    event: dict[str, Any] = {"user": dice.choice("ABC"), "at": at, "record": record}
    event["roam"] = dice.choice(["HOME", "HOME", "INTRA_PROV", "INTER_PROV_OUT"])
    if record in ("MOC", "MTC"):
        event |= {"duration_s": dice.choice([0, 1, 59, 60, 61, dice.randrange(1, 3600)])}
        event |= {"net": dice.choice(["OWN_MOBILE", "CUCC"]), "ld": dice.choice(["LOCAL", "LOCAL", "INTER_PROV_LD"])}
    if record == "WLAN":
        event |= {"duration_s": dice.randrange(1, 3600), "sp": dice.choice([9001, 9002])}
    if record in ("SMS_MO", "MMS"):
        event["messages"] = dice.randrange(1, 4)
    if record == "DATA":
        event |= {"up_bytes": dice.randrange(3_000_000), "apn": dice.choice(["cmnet", "CMNET", "cmwap"])}
        event |= {"rating_group": dice.randrange(4), "service": dice.choice(["V1", "77", "x"])}
        event |= {"sp": dice.choice([9001, 9002]), "partner": dice.choice(["45400", "46000"])}
    elif record != "WLAN":
        event["number"] = dice.choice(NUMBERS)
    event |= {"home": dice.choice([27, 10]), "band_shift_s": dice.choice([0, 0, 7200])}
    event |= dice.choice([{"area": 10}, {"area": 571}, {"country": 852}, {}])
    event |= dice.choice([{"visited": 10}, {"visited": 571}, {"visited_country": 81}])
    return event
