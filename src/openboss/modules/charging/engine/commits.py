"""Groups of requests between their decision and the end of their commit.

The state runs ahead of the journal by the groups that are on their way: the next ones are decided meanwhile, and wait
for the same line. Nothing that ran ahead is seen by a network before it is safe; if a commit fails the process ends,
and its successor knows nothing of it. Everything else that journals, saves or hands on waits first (`settle`).
"""

from collections.abc import Sequence

from openboss.modules.charging.atomic.engine import Ownership
from openboss.modules.charging.atomic.journal_line import JournalGroup, JournalLine


class Commits:
    """Brings groups to the journal in their order: those decided while some are on their way go in one commit."""

    def __init__(self, line: JournalLine) -> None:
        self.line = line
        self._decided: list[JournalGroup] = []
        self._on_their_way: Sequence[JournalGroup] = ()

    @property
    def requests_ahead(self) -> int:
        """How many requests were decided and are not safe yet."""
        return sum(group.requests for group in (*self._decided, *self._on_their_way))

    @property
    def oldest(self) -> int | None:
        """The position of the oldest group that is not safe yet; None if everything is."""
        groups = self._on_their_way or self._decided
        return groups[0].position if groups else None

    def add(self, group: JournalGroup) -> None:
        """Let a group wait for the line."""
        self._decided.append(group)

    def send(self, owner: Ownership) -> None:
        """Send what was decided, unless something is on its way; on a line that others use, wait for its end.

        Raises OwnershipLost, and what the database says.
        """
        if self._decided and not self._on_their_way:
            self._on_their_way, self._decided = self._decided, []
            self.line.send(owner, self._on_their_way)
            if not self.line.is_its_own:
                self._wait()

    def look(self) -> bool:
        """Whether what was on its way has just become safe. Raises OwnershipLost, and what the database says."""
        is_done = self.line.is_done()
        if is_done:
            self._on_their_way = ()
        return is_done

    def settle(self, owner: Ownership) -> None:
        """Return when every group decided so far is safe. Raises OwnershipLost, and what the database says."""
        while self._decided or self._on_their_way:
            self.send(owner)
            if self._on_their_way:
                self._wait()

    def _wait(self) -> None:
        self.line.wait()
        self._on_their_way = ()
