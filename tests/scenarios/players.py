"""What plays networks while engines die: it begins, is told to finish, and is left at once if the test fails."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod


class Player(ABC):
    """Plays in a thread until told to finish."""

    def __init__(self) -> None:
        self._finishing, self._ended = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    @abstractmethod
    def _run(self) -> None:
        """Play until all ended orderly after `finish`, or at once after `abandon`."""

    def begin(self) -> None:
        """Let it play."""
        self._thread.start()

    def finish(self) -> None:
        """End all that is under way orderly."""
        self._finishing.set()

    def has_ended(self) -> bool:
        """Whether all that was under way has."""
        return not self._thread.is_alive()

    def abandon(self) -> None:
        """Stop whatever is under way."""
        self._ended.set()
        if self._thread.ident is not None:
            self._thread.join(30)
