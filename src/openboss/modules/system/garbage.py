"""Python's search for objects that hold each other: paused while work makes many rows that do not, rare in a server.

The search walks over everything alive each time some thousands of rows were made, which for a batch of payments took
as long as the work itself. What nobody refers to any more is freed at once all the same.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_paused() -> Iterator[None]:
    """Do not search during this work (also a decorator). For batches: one after the other, the search runs between."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def search_not_yet() -> None:
    """For a process that begins: what it loads is there to stay. `search_rarely` ends this.

    Measured in the charging engine: a quarter of the time it took to load its modules went into searching.
    """
    gc.disable()


def search_rarely() -> None:
    """For a process that serves: leave alone what it has by now, and search what comes once in a hundred thousand.

    Measured in the charging engine under Nchf: a third of its time went into searching through what it had loaded.
    """
    gc.freeze()
    gc.set_threshold(100_000, 20, 100)
    gc.enable()
