"""Access sessions written down before the engine is asked, and found again afterwards."""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import datetime

from openboss.modules.charging.models import AccessSession
from openboss.modules.system.statements import ask


@dataclass(slots=True)
class AccessSessionView:
    """One session as `models.access` has it."""

    session_key: str
    nas: str
    login: str
    subscriber_id: int | None
    served: int
    record_type: int
    started_at: datetime
    reported_at: datetime
    record_name: str = ""
    acct_session_id: str = ""
    framed_ip: str = ""
    ended_at: datetime | None = None
    report_no: int = 0
    report_kind: int = 1
    before_s: int = 0
    before_up: int = 0
    before_down: int = 0
    total_s: int = 0
    total_up: int = 0
    total_down: int = 0
    went_on_s: int = 0
    authorised_s: int = 0


_NAMES = tuple(AccessSessionView.__dataclass_fields__)
_UPDATED = [name for name in _NAMES if name != "session_key"]


def put_access_sessions(sessions: Collection[AccessSessionView]) -> None:
    """Write down what is about to be asked of the engine about some sessions, in one statement.

    No audit row: a session is the network's doing, and its use stands in the engine's journal.
    """
    newest = {one.session_key: one for one in sessions}
    AccessSession.objects.bulk_create(
        [AccessSession(**asdict(one)) for one in newest.values()],
        update_conflicts=True,
        unique_fields=["session_key"],
        update_fields=_UPDATED,
    )


def access_session(session_key: str) -> AccessSessionView | None:
    """One session by the engine's name of it."""
    found = AccessSession.objects.filter(pk=session_key).values(*_NAMES).first()
    return AccessSessionView(**found) if found else None


def access_sessions(session_keys: Collection[str]) -> list[AccessSessionView]:
    """Those of some names that are sessions."""
    if not session_keys:
        return []
    return [AccessSessionView(**row) for row in AccessSession.objects.filter(pk__in=session_keys).values(*_NAMES)]


def open_access_sessions(*, nas: str | None = None, subscriber_id: int | None = None) -> list[AccessSessionView]:
    """The running sessions of an access server, or of a user."""
    asked = {"nas": nas} if nas is not None else {"subscriber_id": subscriber_id}
    rows = AccessSession.objects.filter(ended_at=None, **asked).order_by("session_key").values(*_NAMES)
    return [AccessSessionView(**row) for row in rows]


def end_access_session(*, session_key: str, at: datetime) -> None:
    """Note that a session is over; one that is stays as it was."""
    AccessSession.objects.filter(pk=session_key, ended_at=None).update(ended_at=at)


def forget_access_sessions(*, before: datetime, limit: int = 10_000) -> int:
    """Forget sessions that ended long ago; return how many. Their use stands in the rated detail."""
    gone = ask(
        "WITH gone AS (DELETE FROM charging_accesssession WHERE session_key IN (SELECT session_key"
        " FROM charging_accesssession WHERE ended_at < %s LIMIT %s) RETURNING 1) SELECT count(*) FROM gone",
        [before, limit],
    )
    return int(gone[0][0])
