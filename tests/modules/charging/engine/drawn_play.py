"""Plays drawn by Hypothesis: a market, and step by step what its users, networks, files and business do.

A step is drawn without knowing what came before; numbers count round what there is. So any step may be left out of a
play that fails, and the smallest one that still does is what is shown.
"""

import random
from collections.abc import Callable
from typing import Any

import yaml
from hypothesis import strategies as st

from openboss.processes.quote.parties import local_s
from tests.reference.random_market import drawn_event, drawn_market

from .play import CALLS, PLENTY_LI, Play, Report, Session

STEPS = 36
WAYS = ("nothing", "use", "use", "use", "use", "begin", "begin", "begin", "event", "event", "refund", "again", "file",
        "publish", "publish", "top_up", "limit", "hold", "end_hold", "bar", "change_payer", "change_plan",
        "close_month", "crash", "save", "silence")  # fmt: skip
Step = tuple[Any, ...]


class Drawn(random.Random):
    """Dice whose throws Hypothesis draws, and makes smaller when a play fails: then what may be absent is."""

    def __init__(self, draw: Callable[..., Any]) -> None:
        super().__init__()
        self._draw = draw

    def random(self) -> float:
        return float((999 - self._draw(st.integers(0, 999))) / 1000)

    def _randbelow(self, n: int) -> int:
        return int(self._draw(st.integers(0, n - 1)))


@st.composite
def markets(draw: Callable[..., Any], *, shares: bool) -> dict[str, Any]:
    """A market whose users share free resources and counters, or none."""
    market = drawn_market(Drawn(draw), late=0.8)
    if not shares:
        own_only(market)
    return market


def own_only(market: dict[str, Any]) -> None:
    """Nobody shares a resource or a counter: who reports first does not matter."""
    for offer in market["tariffs"][1:]:
        for version in offer["versions"]:
            for rule in version["prices"] + list(version["counters"].values()):
                if "counts" in rule:
                    rule["counts"] = "USER"
            for free in version["free"]:
                free.pop("share", None)


@st.composite
def steps(draw: Callable[..., Any]) -> Step:
    """One step: how long after the one before, what, and all that could matter to it."""
    dice = Drawn(draw)
    way = dice.choice(WAYS)
    wait_s = dice.choice([1, dice.randrange(1, 1500), dice.randrange(1, 90_000), -dice.randrange(1, 900)])
    return way, wait_s, _ABOUT.get(way, lambda _: ())(dice)


def _about_use(dice: random.Random) -> tuple[Any, ...]:
    fault = dice.choice(["", "", "", "", "LOST", "UNHEARD"])
    return [(dice.randrange(8), [_about_report(dice) for _ in range(dice.choice([1, 3]))], dice.random() < 0.25)
            for _ in range(dice.choice([1, 1, 2, 4]))], fault, dice.choice([0, 0, 0, 0, 0, 1, 2, 3, 4])  # fmt: skip


def _about_report(dice: random.Random) -> tuple[int, int, int, bool]:
    """Thousandths of the most that is used in one go, before and after a change; money; whether it is the last."""
    used = [dice.choice([0, 1, dice.randrange(1001)]) for _ in range(2)]
    return *used, dice.choice([0, 0, 0, 250]), dice.random() < 0.05


_ABOUT: dict[str, Callable[[random.Random], tuple[Any, ...]]] = {
    "use": _about_use,
    "begin": lambda dice: (drawn_event(dice), dice.choice([1, 1, 2, 3])),
    "event": lambda dice: (drawn_event(dice), dice.randrange(1, 5)),
    "refund": lambda dice: (dice.randrange(8), dice.randrange(1, 7)),
    "again": lambda dice: (dice.randrange(8), dice.choice([1, 1, 2, 3])),
    "file": lambda dice: ([drawn_event(dice) for _ in range(dice.randrange(1, 4))], dice.randrange(16)),
    "publish": lambda dice: (
        dice.randrange(4),
        dice.choice([1, 1, 1, 3]),
        {**drawn_event(dice), "record": "DATA"},
        dice.randrange(1, 90_000),
        _about_report(dice),
    ),
    "top_up": lambda dice: (dice.randrange(3), dice.randrange(1, 20_000)),
    "limit": lambda dice: (dice.randrange(3), dice.choice([0, dice.randrange(1, 20_000)])),
    "hold": lambda dice: (dice.randrange(3), dice.randrange(1, 20_000)),
    "end_hold": lambda dice: (dice.randrange(4), dice.random() < 0.5),
    "change_payer": lambda dice: (dice.randrange(3), dice.choice([1, 2])),
    "bar": lambda dice: (dice.randrange(3), dice.choice([0, 1, 2])),
    "change_plan": lambda dice: (dice.randrange(3), dice.randrange(4), dice.random() < 0.6),
}
BALANCES = st.tuples(*2 * [st.sampled_from([PLENTY_LI, PLENTY_LI, 30_000, 1_000])])
LIMITS = st.tuples(*2 * [st.sampled_from([0, 0, 500, 20_000])])


def carry_out(play: Play, step: Step, edges: list[int]) -> None:
    """Take a step, if there is something it could be about."""
    way, wait_s, about = step
    if wait_s < 0:  # until shortly before something changes
        edges = sorted(edges + [local_s(day.isoformat(), 0) for day in play.begin_on.values()])
        wait_s += next((edge for edge in edges if edge > play.now_s + 900), play.now_s + 901) - play.now_s
    play.now_s += max(wait_s, 1)
    _WAYS.get(way, lambda *_: None)(play, *about)
    play.check()


def edges_of(market: dict[str, Any]) -> list[int]:
    """The moments at which something begins or ends."""
    products = [product for user in market["users"] for product in user["products"]]
    found = {product[end] for product in products for end in ("from", "to") if end in product}
    found |= {str(version["from"]) for one in market["tariffs"] if not isinstance(one, str)
              for version in one["versions"]}  # fmt: skip
    found |= {"2026-10-01", "2026-11-01", "2026-09-14", "2026-09-20"}  # free resources of nine days expire
    return sorted(local_s(one, 0) for one in found)


def _round(things: list[Any], place: int) -> Any:
    return things[place % len(things)] if things else None


def _use(play: Play, reporting: list[tuple[Any, ...]], fault: str, change: int) -> None:
    wanted: dict[int, tuple[Session, list[Report], bool]] = {}
    for who, reports, ends in reporting:
        if session := _round(play.going(), who):
            most = {"SMS_MO": 2, "MMS": 2, "DATA": 900_000}.get(session.event["record"], 700)
            all_asks = [reports[ask % len(reports)] for ask in range(session.asks)]
            wanted[session.number] = session, [
                Report(used * most // 1000, after * most // 1000, fee_li, is_final)
                for used, after, fee_li, is_final in all_asks
            ], ends  # fmt: skip
    if wanted:
        play.use(list(wanted.values()), fault, change)


def _refund(play: Play, who: int, size: int) -> None:
    if session := _round([one for one in play.sessions if one.is_event and one.starts], who):
        play.refund(session, size)


def _again(play: Play, who: int, back: int) -> None:
    if session := _round(play.sessions, who):
        play.again(session, back)


def _file(play: Play, events: list[dict[str, Any]], who: int) -> None:
    closed = {key for kind, key in play.inputs if kind == "RECORD"}
    # a call of no second has no twin
    known = [one for one in play.sessions if (key := (one.number, 0, one.columns["start_local_s"])) in closed
             and (one.event["record"] not in CALLS or play.books[key][0])]  # fmt: skip
    play.file([dict(event) for event in events], _round(known, who) if who < len(known) else None)


def _change_plan(play: Play, who: int, place: int, takes: bool) -> None:
    if not play.slow:  # which knows of none
        play.change_plan(who, place, takes=takes)


def _publish(play: Play, place: int, days: int, event: dict[str, Any], wait_s: int, report: tuple[Any, ...]) -> None:
    """A version of an offer is published amid a session of somebody who holds it, and begins before the next report.

    The session is one that is running, or it begins now.
    """
    if not (document := _round(play.coming, place)):
        return
    holders = [user["user"] for user in play.parties.users
               if any(one["offer"] == document["offer"] for one in user["products"])]  # fmt: skip

    def amid() -> list[int]:
        return [who for who, one in enumerate(play.going()) if one.is_volume and one.event["user"] in holders]

    if holders and not amid():
        play.begin({**event, "user": _round(holders, place)}, 1)
    if amid():
        _use(play, [(amid()[-1], [(500, 0, 0, False)], False)], "", 0)
    play.publish(document, days)
    if amid():
        play.now_s += days * 86_400 + wait_s
        _use(play, [(amid()[-1], [report], False)], "", 0)


def _end_hold(play: Play, place: int, is_taken: bool) -> None:
    play.end_hold(place, is_taken=is_taken)


_WAYS: dict[str, Callable[..., None]] = {
    "use": _use, "begin": Play.begin, "event": Play.event, "refund": _refund, "again": _again, "file": _file,
    "top_up": Play.top_up, "limit": Play.limit, "hold": Play.hold, "end_hold": _end_hold, "bar": Play.bar,
    "change_payer": Play.change_payer, "change_plan": _change_plan, "close_month": Play.close_month,
    "crash": Play.crash, "save": Play.save, "silence": Play.silence, "publish": _publish,
}  # fmt: skip


def readable(market: dict[str, Any]) -> str:
    """A market's users and offers as documents."""
    return str(yaml.safe_dump({"users": market["users"], "offers": market["tariffs"][1:]}, allow_unicode=True))
