"""Debits that were settled: one that is sent again hours later had its success, and is never charged again.

A session is known until its debit is settled, and Rules.remembered_s longer. Of a debit its key is known for
REMEMBERED_S more, among those of duplicates, in a table an hour: an hour that has passed leaves memory for a snapshot's
file. Journalled are no keys but sessions, settled: replay finds them there. Source: RFC 6733 section 3 (T flag).
"""

import numpy as np

from openboss.modules.charging.engine.duplicates import Duplicates
from openboss.modules.charging.engine.online.desk import SESSION, Life
from openboss.modules.charging.engine.online.requests import (
    REMEMBERED_S,
    REQUEST,
    Action,
    Kind,
    Measure,
    Result,
)

HOUR_S = 3600
_HOURS = 1 << 32  # tables of hours are numbered behind those of days
_KEPT = REMEMBERED_S // HOUR_S  # hours before the one that runs
NOT_AGAIN = 0
_WANTED_IN = ((Measure.LI, "want_li"), (Measure.UNITS, "want_units"), (Measure.SECONDS, "want_s"),
              (Measure.OCTETS, "want_octets"))  # fmt: skip


def remember(duplicates: Duplicates, sessions: np.ndarray) -> None:
    """Remember the debits among some sessions (SESSION) that a group has changed: events that were settled.

    Of what was refused or only asked for no record stays open: such an event is closed, not settled.
    """
    settled = sessions[(sessions["kind"] == Kind.EVENT) & (sessions["life"] == Life.EXPIRED)]
    if not len(settled):
        return
    hours = _HOURS + settled["touched_at_s"] // HOUR_S
    high, low = settled["key_hi"].copy(), settled["key_lo"].copy()
    duplicates.claim(hours, high, low, np.arange(len(settled)))
    for old in [hour for hour in duplicates.days if _HOURS <= hour < int(hours.max()) - _KEPT]:
        del duplicates.days[old]


def results_before(duplicates: Duplicates, requests: np.ndarray, now_s: int) -> np.ndarray:
    """Say how debits among requests fared that may be no new ones, whose sessions are not known any more: i32[n].

    SUCCESS of one that was settled; UNABLE_TO_COMPLY of one that was sent before and is older than what is remembered;
    else NOT_AGAIN.
    """
    found = np.full(len(requests), NOT_AGAIN, np.int32)
    is_debit = np.isin(requests["action"], (Action.DEBIT, Action.OVER)) & (requests["kind"] == Kind.EVENT)
    places = np.flatnonzero(is_debit)
    if not len(places):
        return found
    debits = requests[places]
    is_old = (debits["is_repeated"] == 1) & (debits["at_s"] != 0) & (debits["at_s"] < now_s - REMEMBERED_S)
    found[places[is_old]] = Result.UNABLE_TO_COMPLY
    high, low = debits["key_hi"].copy(), debits["key_lo"].copy()
    newest = _HOURS + now_s // HOUR_S
    for hour in range(newest - _KEPT, newest + 1):
        if hour in duplicates.days:
            found[places[duplicates.has(np.full(len(places), hour), high, low)]] = Result.SUCCESS
    return found


def answer_again(
    before: np.ndarray, requests: np.ndarray, asks: np.ndarray, answers: np.ndarray, quotas: np.ndarray
) -> None:
    """Answer debits as `results_before` found, but those whose session is known: a debit is granted whole or not.

    What it cost is not known any more.
    """
    for m in np.flatnonzero((before != NOT_AGAIN) & (answers["place"] < 0)):
        request = requests[m]
        own = slice(request["first_ask"], request["first_ask"] + request["asks"])
        answers["result"][m], answers["is_repeat"][m] = before[m], before[m] == Result.SUCCESS
        quotas["result"][own] = before[m]
        if before[m] == Result.SUCCESS and request["action"] == Action.DEBIT:
            services = asks[own][["rating_group", "service_id"]]
            for number, quota in enumerate(quotas[own]):
                mine = np.flatnonzero(services == services[number])
                if mine[0] == number:  # a service named twice is answered once, with all of it
                    wanted = {name: int(asks[own][name][mine].sum()) for _, name in _WANTED_IN}
                    said = ((measure, wanted[name]) for measure, name in _WANTED_IN if wanted[name])
                    quota["measure"], quota["granted"] = next(said, (Measure.NONE, 0))


def warm() -> None:
    """Have the compiled code ready."""
    nothing, session, request = Duplicates(), np.zeros(1, SESSION), np.zeros(1, REQUEST)
    session["kind"], session["life"], request["kind"] = Kind.EVENT, Life.EXPIRED, Kind.EVENT
    remember(nothing, session)
    results_before(nothing, request, 0)
