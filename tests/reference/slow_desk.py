"""Online charging as slowly and plainly as docs/algorithms/online.md says it, over the slow calculator of quotes.

Records that grow, rated whole whenever their network reports: what a user's open records did is taken back, the record
that ends is rated on what stands, the user's other open ones follow in the order in which they began, the one that
reported comes last. What other users' open records have taken meanwhile stays taken. No code shared with the product.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from tests.reference.slow_quote import World, _cycle_day, _documents, _event, _grant_month, open_world

Event = dict[str, Any]


@dataclass
class Growing:
    """A record of use that has not ended, what it costs now, and what it did to the world."""

    event: Event
    cost_li: int = 0
    did: list[tuple[Any, Any, int]] = field(default_factory=list)  # a dictionary or bucket, where in it, how much


class SlowDesk:
    """Users with records that grow. `closed`: what ended records cost, in the order in which they ended."""

    def __init__(self, case: dict[str, Any], beside: Path, holidays: set[date]) -> None:
        self.world: World = open_world(case, beside, holidays)
        self.beside = beside
        self.open: dict[Any, Growing] = {}
        self.closed: list[tuple[Any, str, int]] = []  # with whose it is

    def charged_li(self, users: Collection[str]) -> int:
        """What all that some users have used by now costs."""
        closed_li = sum(li for _, user, li in self.closed if user in users)
        return closed_li + sum(one.cost_li for one in self.open.values() if one.event["user"] in users)

    def begin(self, key: Any, event: Event) -> None:
        """A record begins; nothing is used yet."""
        self.open[key] = Growing(event)

    def report(self, key: Any, event: Event, *, ends: bool = False) -> None:
        """A record has grown to what an event says, and ends with it or goes on."""
        one = self.open[key]
        one.event = event
        others = [other for other in self.open.values() if other is not one and other.event["user"] == event["user"]]
        for undone in [one, *others]:
            self._take_back(undone)
        if ends:
            self._rate(one)
            self.closed.append((key, event["user"], one.cost_li))
            del self.open[key]
        for other in others:
            self._rate(other)
        if not ends:
            self._rate(one)

    def more_li(self, key: Any, event: Event) -> int:
        """What a record would cost more if it had grown to what an event says. Nothing changes."""
        one = self.open[key]
        now, now_li = one.event, one.cost_li
        self._take_back(one)
        one.event = event
        self._rate(one)
        more_li = one.cost_li - now_li
        self._take_back(one)
        one.event = now
        self._rate(one)
        assert one.cost_li == now_li
        return more_li

    def blocks(self, user: str) -> bool:
        """Whether a resource of a user lets nothing be used beyond it."""
        return any(one.owner == user and one.rule.get("overflow") == "BLOCK" for one in self.world.buckets)

    def begin_later(self, key: Any, new: Any, event: Event) -> None:
        """A record of nothing begins where other prices do; it stays where it is among its user's others."""
        self._take_back(self.open[key])
        self.open = {(new if one == key else one): known for one, known in self.open.items()}
        self.open[new].event = event

    def forget(self, key: Any) -> None:
        """A record under which nothing was used leaves none."""
        self._take_back(self.open.pop(key))

    def file(self, event: Event) -> None:
        """A record comes by file: as if what its user has open had not begun."""
        own = [one for one in self.open.values() if one.event["user"] == event["user"]]
        for one in own:
            self._take_back(one)
        filed = Growing(event)
        self._rate(filed)
        self.closed.append((None, event["user"], filed.cost_li))
        for one in own:
            self._rate(one)

    def ask_in_vain(self, user: str) -> None:
        """A request of a user is refused: what is open takes anew from what is shared, as at every request."""
        own = [one for one in self.open.values() if one.event["user"] == user]
        for one in own:
            self._take_back(one)
        for one in own:
            self._rate(one)

    def open_month(self, cycle: int) -> None:
        """A month begins: its free resources are there."""
        month = _cycle_day(cycle)
        assert month is not None
        _grant_month(self.world, month)

    def publish(self, documents: list[dict[str, Any]]) -> None:
        """Tariffs have new versions."""
        self.world.documents = _documents(documents, self.beside)

    def close_month(self, cycle: int) -> None:
        """A month is closed."""
        _event(self.world, {"close": cycle})

    def _rate(self, one: Growing) -> None:
        if one.event.get("is_unused"):
            return  # a record of nothing is none, whatever a day costs
        before = self._known()
        one.cost_li = _event(self.world, one.event).get("actual_li") or 0
        for (place, values), (_, old) in zip(self._known(), before, strict=True):
            one.did += [(place, name, value - old.get(name, 0)) for name, value in values.items()
                        if value is not None and value != old.get(name, 0)]  # fmt: skip

    def _take_back(self, one: Growing) -> None:
        for place, name, more in one.did:
            if isinstance(place, dict):
                place[name] -= more
            else:
                setattr(place, name, getattr(place, name) - more)
        one.did, one.cost_li = [], 0

    def _known(self) -> list[tuple[Any, dict[Any, Any]]]:
        world = self.world
        found: list[tuple[Any, dict[Any, Any]]] = [(known, dict(known)) for known in
                                                   (world.counted, world.spent_li, world.drawn)]  # fmt: skip
        return found + [(bucket, {"left": bucket.left}) for bucket in world.buckets]
