"""The line of groups of requests and pieces of usage to the journal: some are on their way while others are decided.

What the networks wait for is this commit, so it goes past Django's cursor (measured: 300 us of CPU a group with it,
40 without), and nobody sits waiting for it: whoever sent looks, or is told by the socket, when it is done.
"""

import hashlib
import json
import select
from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any, NamedTuple

import psycopg
from django.db import connection, connections
from psycopg.pq import ConnStatus, ExecStatus

from openboss.modules.charging.atomic.engine import (
    ONLINE,
    Ownership,
    OwnershipLost,
    checksum,
    make_journal_room,
)

_APPEND = b"""
INSERT INTO charging_enginejournal (stream, position, timeline, kind, payload, images, requests, sha256)
SELECT $1::smallint, $2::bigint, $3::integer, $4::varchar, $5::jsonb, $6::bytea, $7::integer, $8::varchar
FROM charging_engineowner WHERE stream = $1::smallint AND epoch = $9::integer FOR SHARE
"""
_FORMATS = (0, 0, 0, 0, 0, 1, 0, 0, 0)  # the images as they are, the rest as text
_names = count()


class JournalGroup(NamedTuple):
    """A group of requests by what it changed, or a piece of usage by where it stands, at its place in the journal."""

    position: int
    images: bytes = b""
    requests: int = 0
    piece: Mapping[str, Any] | None = None

    def words(self) -> tuple[Any, ...]:
        """Kind, payload, images, count and checksum."""
        if self.piece is not None:
            return "CHUNK", json.dumps(self.piece), None, 0, checksum("CHUNK", self.piece)
        return ONLINE, None, self.images, self.requests, hashlib.sha256(self.images).hexdigest()


class JournalLine:
    """A connection that groups are appended on: Django's of the thread, within its transaction, or one of its own."""

    def __init__(self, *, of_its_own: bool = False) -> None:
        self._own = connections.create_connection("default") if of_its_own else None
        self._name = f"journal_group_{next(_names)}".encode()
        self._prepared: Any = None  # the connection that knows the statement
        self._line: Any = None  # the connection on which groups are on their way
        self._fault: Exception | None = None  # of what is on its way: raised when all of it was heard

    @property
    def is_its_own(self) -> bool:
        """Whether nobody else uses the connection: then something may be on its way while others work."""
        return self._own is not None

    def send(self, owner: Ownership, groups: Sequence[JournalGroup]) -> None:
        """Append groups in one commit, or in the transaction the connection is in; `is_done` says when it is done."""
        assert self._line is None
        for group in groups:
            make_journal_room(group.position)
        line = self._connected()
        line.enter_pipeline_mode()
        self._line = line
        for group in groups:
            words = (owner.stream, group.position, owner.timeline, *group.words(), owner.epoch)
            values = [word if word is None or isinstance(word, bytes) else str(word).encode() for word in words]
            line.send_query_prepared(self._name, values, _FORMATS)
        line.pipeline_sync()
        while line.flush():  # more than the socket holds: the rest as the database reads it, or nobody would send it
            select.select([], [line.socket], [])

    def _connected(self) -> Any:
        wrapper = self._own or connection
        wrapper.ensure_connection()
        line = wrapper.connection.pgconn
        if line is not self._prepared:
            prepared = line.prepare(self._name, _APPEND)
            if prepared.status != ExecStatus.COMMAND_OK:
                raise psycopg.errors.error_from_result(prepared)
            self._prepared = line
        return line

    def is_done(self) -> bool:
        """Whether what was sent is in the journal. Raises OwnershipLost, and what the database says; then it is not."""
        line = self._line or self._connected()
        line.consume_input()
        while self._line is not None and not line.is_busy():
            result = line.get_result()
            if result is None and line.status == ConnStatus.BAD:
                raise self._fault or psycopg.OperationalError("the journal's connection was lost")
            if result is None:
                continue  # between one group and the next
            if result.status == ExecStatus.PIPELINE_SYNC:
                line.exit_pipeline_mode()
                self._line, fault, self._fault = None, self._fault, None
                if fault is not None:
                    raise fault
                return True
            self._fault = self._fault or _fault_of(result)
        return False

    def wait(self) -> None:
        """Return when what was sent is in the journal. Raises what `is_done` does."""
        while not self.is_done():
            select.select([self._line.socket], [], [])

    def socket(self) -> int:
        """The socket that has something to read when groups are done; of a line of its own."""
        return int(self._connected().socket)

    def close(self) -> None:
        """Close a line of its own."""
        if self._own is not None:
            self._own.close()


def _fault_of(result: Any) -> Exception | None:
    if result.status != ExecStatus.COMMAND_OK:
        return psycopg.errors.error_from_result(result)
    if result.command_tuples != 1:
        return OwnershipLost("the charging engine was taken over by another process")
    return None
