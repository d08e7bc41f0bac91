"""What one user has used and owes right now (CHG-13): from the running engine, else from the detail store.

Charges are always the engine's own figures; the detail store lags by the records that wait for a commit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings

from openboss.modules.catalog.functions import rule_names
from openboss.modules.charging.atomic.backlog import Backlog, engine_backlog
from openboss.modules.charging.engine import last_events as stored
from openboss.modules.charging.engine.lake import Lake
from openboss.modules.charging.engine.query import NoAnswer, ask
from openboss.modules.charging.functions.detail import free_unit
from openboss.modules.charging.functions.engine import last_known_user

__all__ = [
    "Backlog",
    "LiveEvent",
    "LiveFree",
    "LiveItem",
    "LiveMoney",
    "LiveService",
    "LiveUsage",
    "engine_answers",
    "engine_backlog",
    "last_events",
    "live_usage",
    "used_now",
]

USERS_A_QUESTION = 100


@dataclass(frozen=True)
class LiveItem:
    """What a bill item has cost so far at one price."""

    item_id: int
    rule_id: int
    calls: int
    units: int
    free_units: int
    std_li: int
    act_li: int


@dataclass(frozen=True)
class LiveFree:
    """A free resource and what is used of it; `unit` as in kernel.usage.Unit."""

    rule_id: int
    names: dict[str, str]
    unit: int
    granted: int
    used: int
    carried: int


@dataclass(frozen=True)
class LiveMoney:
    """The wallet that pays for a user, perhaps for others too: `limit_li` is how far below zero it may go."""

    account_id: int
    balance_li: int
    limit_li: int
    reserved_li: int
    held_li: int

    @property
    def left_li(self) -> int:
        """What may still be spent: cash, and the gifts that are how far below zero it may fall."""
        return self.balance_li + self.limit_li


@dataclass(frozen=True)
class LiveService:
    """A service that is in use: what was used and charged so far, the quota that is out (`measure` of it)."""

    session: str
    life: str
    record_type: int
    rating_group: int
    service_id: int
    began_at_s: int
    touched_at_s: int
    used_s: int
    used_octets: int
    used_units: int
    act_li: int
    reserved_li: int
    measure: str
    granted: int
    is_last: bool


@dataclass(frozen=True)
class LiveEvent:
    """One charged event: a call, message or data record, or what an open session was charged for; `other` is masked.

    position, row  its place in the detail store
    free           units it took from free resources, by the resource's names
    """

    position: int
    row: int
    cycle: int
    record_type: int
    began_at_s: int
    other: str
    used_s: int
    used_octets: int
    used_units: int
    std_li: int
    act_li: int
    rule: dict[str, str]
    free: list[tuple[dict[str, str], int]]

    @property
    def began_at(self) -> datetime:
        """When it began."""
        return datetime.fromtimestamp(self.began_at_s, UTC)

    @property
    def used_kb(self) -> int:
        """Its volume in whole KB."""
        return -(-self.used_octets // 1024)

    @property
    def unit(self) -> str:
        """What free resources give to such an event."""
        return free_unit(self.record_type)


@dataclass(frozen=True)
class LiveUsage:
    """One user's open cycle, money and services. `is_live` is false when a saved state was read: no engine answered."""

    cycle: int
    unbilled_li: int
    items: list[LiveItem]
    free: list[LiveFree]
    money: LiveMoney | None
    services: list[LiveService]
    is_live: bool


def live_usage(subscriber_id: int, cycle: int | None = None) -> LiveUsage | None:
    """Say what a user has used and owes in a cycle, by default the newest open one; None if nothing is known."""
    try:
        answer, is_live = ask(f"users/{subscriber_id}", Path(settings.DATA_DIR)), True
    except NoAnswer:
        answer, is_live = last_known_user(subscriber_id), False
    chosen = _choose(answer["cycles"], cycle)
    if chosen is None:
        return None
    items = [
        LiveItem(n["item"], n["rule"], n["calls"], n["units"], n["free_units"], n["std_li"], n["act_li"])
        for n in chosen["items"]
    ]
    names = rule_names([node["rule"] for node in chosen["free"]])
    free = [
        LiveFree(n["rule"], _names(names, n["rule"]), n["unit"], n["granted"], n["used"], n["carried"])
        for n in chosen["free"]
    ]
    return LiveUsage(
        cycle=chosen["cycle"],
        unbilled_li=sum(item.act_li for item in items),
        items=items,
        free=free,
        money=LiveMoney(**answer["money"]) if answer["money"] else None,
        services=[LiveService(**service) for service in answer["services"]],
        is_live=is_live,
    )


def last_events(subscriber_id: int) -> list[LiveEvent]:
    """What a user was charged for last, newest first; without an engine, what the detail store has."""
    try:
        told = ask(f"events/{subscriber_id}", Path(settings.DATA_DIR))
    except NoAnswer:
        told = stored.last_events(Lake(Path(settings.LAKE_DIR)), subscriber_id, [], [])
    ids = {event["rule"] for event in told} | {free["rule"] for event in told for free in event["free"]}
    names = rule_names(ids)
    return [
        LiveEvent(
            **event
            | {
                "rule": _names(names, event["rule"]),
                "free": [(_names(names, free["rule"]), free["units"]) for free in event["free"]],
            }
        )
        for event in told
    ]


def used_now(subscriber_ids: list[int]) -> dict[int, dict[int, int]] | None:
    """What users have used, in li by user and cycle, of every month the running engine holds; None: it is silent.

    Many users are asked for a few at a time, so that networks never wait for the answer.
    """
    found: dict[int, dict[int, int]] = {}
    try:
        for start in range(0, max(1, len(subscriber_ids)), USERS_A_QUESTION):
            some = subscriber_ids[start : start + USERS_A_QUESTION]
            answer = ask("unbilled", Path(settings.DATA_DIR), method="POST", body=some)
            found |= {int(user): {int(cycle): li for cycle, li in months.items()} for user, months in answer.items()}
    except NoAnswer:
        return None
    return found


def used_by_item(subscriber_ids: Sequence[int]) -> dict[int, dict[int, dict[int, int]]]:
    """What users have used, in li by user, cycle and bill item; if no engine answers, as the newest snapshot has it."""
    found: dict[int, dict[int, dict[int, int]]] = {}
    for user in subscriber_ids:
        try:
            answer = ask(f"users/{user}", Path(settings.DATA_DIR))
        except NoAnswer:
            answer = last_known_user(user)
        for month in answer["cycles"]:
            items = found.setdefault(user, {}).setdefault(month["cycle"], {})
            for one in month["items"]:
                items[one["item"]] = items.get(one["item"], 0) + one["act_li"]
    return found


def engine_answers() -> bool:
    """Whether the running engine answers a question right now, for whoever watches over it."""
    try:
        ask("users/0", Path(settings.DATA_DIR))  # no user has the number 0
    except NoAnswer:
        return False
    return True


def _choose(cycles: list[dict[str, Any]], wanted: int | None) -> dict[str, Any] | None:
    fitting = [c for c in cycles if (c["cycle"] == wanted if wanted else c["is_open"])]
    in_use = [c for c in fitting if c["items"]] or fitting
    return in_use[-1] if in_use else None


def _names(known: dict[int, Any], rule_id: int) -> dict[str, str]:
    rule = known.get(rule_id)
    return {"zh": rule.name_zh, "en": rule.name_en} if rule else {"zh": str(rule_id), "en": str(rule_id)}
