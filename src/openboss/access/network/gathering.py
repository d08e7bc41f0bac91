"""Requests that arrive one at a time, over Nchf or RADIUS, put together into groups for the charging engine.

While a group is on its way to the journal the next one gathers, and is decided if there is much of it: the busier it
is, the larger the groups. An answer leaves when everything decided up to it is committed. An interface knows requests
and answers as objects; the columns are made here, a whole group at once.
"""

from __future__ import annotations

import asyncio
import re
from collections import namedtuple
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, Protocol

import numpy as np

from openboss.modules.charging.engine.online.meter import Meter
from openboss.modules.charging.engine.online.requests import ANSWER, ASK, QUOTA, REQUEST, Kind

MOST_REQUESTS = 4096  # in one group; the rest is the next group
MOST_AHEAD = 2 * MOST_REQUESTS  # decided and not committed; then the next ones wait
WORTH_A_GROUP = 256  # so many are decided while others are on their way to the journal; fewer wait for these
MANY, PATIENCE_S = 16, 0.001  # after so many at once the next ones are waited for: a commit costs more than that
MOST_WAITING = 16_384  # then even running sessions are told to come later; half of it for new ones
MOST_ASKS = 64  # services one request may name
PLUS = 2 * 10**18  # how an international number is coded (charging.numbering)

_ADDRESS = re.compile(r"(?:tel:|sips?:)?(\+|0*)([0-9]{1,16})(?:[;@].*)?", re.IGNORECASE)

Quota = namedtuple("Quota", QUOTA.names or ())  # type: ignore[misc]


class Server(Protocol):
    """The engine as an interface sees it."""

    def decide(self, requests: np.ndarray, asks: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Decide a group: which were taken, the answers, the quotas. What it changed is on its way to the journal."""

    def when_safe(self, answer: Callable[[], None]) -> None:
        """Have this done when everything decided so far is committed, or now if it is."""

    def requests_ahead(self) -> int:
        """How many requests were decided and are not committed yet."""

    def serves_data(self, key: str) -> bool:
        """Whether the session of a name is known, and of data."""


Decide = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray, np.ndarray]]
"""Decides a group: which requests were taken, the answers and the quotas."""


@dataclass(slots=True)
class Ask:
    """One service a request is about: the columns of ASK."""

    rating_group: int = -1
    service_id: int = -1
    want_s: int = 0
    want_octets: int = 0
    want_units: int = 0
    used_s: int = 0
    used_up: int = 0
    used_down: int = 0
    used_units: int = 0
    after_s: int = 0
    after_up: int = 0
    after_down: int = 0
    after_units: int = 0
    is_asking: bool = False
    is_final: bool = False
    is_changed: bool = False


@dataclass(slots=True)
class Request:
    """One request: the columns of REQUEST, and its asks."""

    key_hi: int
    key_lo: int
    kind: Kind
    number: int
    record_type: int
    served: int = 0
    imsi: int = 0
    other: int = 0
    at_s: int = 0
    call_ref: int = 0
    apn: int = 0
    network: int = 0
    tracking_area: int = 0
    imei: int = 0
    action: int = 0
    is_repeated: bool = False
    asks: list[Ask] = field(default_factory=list)


@dataclass(slots=True)
class Answer:
    """How a request fared, and what each of its asks was given."""

    result: int
    is_repeat: bool
    cost_li: int
    quotas: list[Any]  # Quota


class TooBusy(Exception):
    """More requests wait than can be answered in time: come again in a moment."""


Answered = Callable[[list[Answer]], None]

_REQUEST_COLUMNS = [(name, attrgetter(name)) for name in Request.__dataclass_fields__ if name != "asks"]
_ASK_COLUMNS = [(name, attrgetter(name)) for name in Ask.__dataclass_fields__]


def coded(address: str) -> int:
    """Read a telephone number, a tel: or a sip: address as charging.numbering codes it; 0 = none."""
    found = _ADDRESS.fullmatch(address)
    if found is None:
        return 0
    prefix, digits = found.groups()
    return (2 if prefix == "+" else min(len(prefix), 8)) * 10**18 + int(digits)


def columns_of(requests: list[Request]) -> tuple[np.ndarray, np.ndarray]:
    """Lay requests and their asks out in the columns the engine reads."""
    asks = [ask for request in requests for ask in request.asks]
    request_rows, ask_rows = np.zeros(len(requests), REQUEST), np.zeros(len(asks), ASK)
    _fill(request_rows, _REQUEST_COLUMNS, requests)
    _fill(ask_rows, _ASK_COLUMNS, asks)
    counts = np.array([len(request.asks) for request in requests], np.int32)
    request_rows["asks"], request_rows["first_ask"] = counts, np.cumsum(counts) - counts
    return request_rows, ask_rows


def _fill(rows: np.ndarray, columns: list[tuple[str, attrgetter]], things: Iterable[Any]) -> None:
    for name, read in columns:
        rows[name] = list(map(read, things))


def decide(
    some_of: Decide, requests: np.ndarray, asks: np.ndarray, some: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Have all requests decided, or those at some places, in more than one group if one cannot hold what they change.

    Answers and quotas of the others stay zero.
    """
    if some is None:
        taken, answers, quotas = some_of(requests, asks)
        left = np.flatnonzero(~taken)
    else:
        answers, quotas, left = np.zeros(len(requests), ANSWER), np.zeros(len(asks), QUOTA), some
    while len(left):
        taken, more_answers, more_quotas = some_of(requests[left], asks)
        for place, answer in zip(left[taken], more_answers[taken], strict=True):
            own = slice(requests["first_ask"][place], requests["first_ask"][place] + requests["asks"][place])
            answers[place], quotas[own] = answer, more_quotas[own]
        left = left[~taken]
    return answers, quotas


def answers_of(requests: list[Request], answers: np.ndarray, quotas: np.ndarray) -> list[Answer]:
    """Read the engine's columns as answers."""
    granted = [Quota._make(row) for row in quotas.tolist()]
    found, first = [], 0
    for request, result, is_repeat, cost_li in zip(
        requests, answers["result"].tolist(), answers["is_repeat"].tolist(), answers["cost_li"].tolist(), strict=True
    ):
        last = first + len(request.asks)
        found.append(Answer(result, bool(is_repeat), cost_li, granted[first:last]))
        first = last
    return found


class Gathering:
    """What waits for the engine."""

    def __init__(
        self, *, server: Server, fail: Callable[[BaseException], None], loop: asyncio.AbstractEventLoop
    ) -> None:
        self.server, self.fail, self.loop = server, fail, loop
        self.meter = Meter()
        self._arrived_s = 0.0  # when the first of those that wait came
        self._waiting: list[tuple[list[Request], Answered]] = []
        self._is_due = False
        self._last_group = 0

    def ask(self, requests: list[Request], answered: Answered) -> None:
        """Have some requests decided in their order; `answered` is called when they are committed. Raises TooBusy."""
        limit = MOST_WAITING if requests[0].kind in (Kind.UPDATE, Kind.TERMINATION) else MOST_WAITING // 2
        if len(self._waiting) >= limit:
            raise TooBusy
        if not self._waiting:
            self._arrived_s = self.loop.time()
        self._waiting.append((requests, answered))
        if not self._is_due:
            self._is_due = True
            self.loop.call_later(PATIENCE_S if self._last_group >= MANY else 0, self._turn)

    def go_on(self) -> None:
        """A commit has ended: decide what waited for it."""
        if self._waiting and not self._is_due:
            self._turn()

    def _turn(self) -> None:
        self._is_due = False
        try:
            if not self._should_wait():
                self._take_group()
        except BaseException as fault:  # noqa: BLE001 - the edge: whatever it is, the process must end unanswered
            self.fail(fault)

    def _should_wait(self) -> bool:
        """Say whether what has arrived should wait for the commit that is under way."""
        ahead = self.server.requests_ahead()
        return ahead > 0 and (len(self._waiting) < WORTH_A_GROUP or ahead > MOST_AHEAD)

    def _take_group(self) -> None:
        group, self._waiting = self._waiting[:MOST_REQUESTS], self._waiting[MOST_REQUESTS:]
        if self._waiting:
            self._is_due = True
            self.loop.call_soon(self._turn)
        self._last_group = len(group)
        requests, arrived_s = [request for some, _answered in group for request in some], self._arrived_s
        rows, asks = columns_of(requests)
        answers, quotas = decide(self.server.decide, rows, asks)
        self.server.when_safe(lambda: self._tell(group, answers_of(requests, answers, quotas), arrived_s))

    def _tell(self, group: list[tuple[list[Request], Answered]], found: list[Answer], arrived_s: float) -> None:
        first = 0
        for some, answered in group:
            answered(found[first : first + len(some)])
            first += len(some)
        self.meter.answered(len(found), self.loop.time() - arrived_s)
