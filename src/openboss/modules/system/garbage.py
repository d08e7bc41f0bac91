"""Python's search for objects that hold each other: paused while work makes many rows that do not.

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
