"""An operator just opened, on a database server of its own, which tests may copy, disturb and kill."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from openboss.access.jobs.postgres import Cluster
from tests.scenarios.fire_world import networked
from tests.scenarios.worlds import World, found_world


@pytest.fixture(scope="session")
def opened() -> Iterator[tuple[World, list[list[Path]]]]:
    """The world every disturbed one is a copy of, and the portions in which its usage is delivered."""
    folder = Path(tempfile.mkdtemp(prefix="openboss-worlds-"))
    folder.chmod(0o755)  # the account of the database walks through it
    cluster = Cluster(folder / "postgres", fsync=False)
    lease = cluster.lease()
    try:
        yield found_world(folder, cluster)
    finally:
        lease.release()
        cluster.destroy()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def stage(opened: tuple[World, list[list[Path]]]) -> World:
    """The world in which networks are charged, for runs that begin from it: nobody is at work in it.

    The usage files of its September wait: networks are charged in October, so neither takes the other's free units,
    whichever comes first.
    """
    return networked(opened[0], sum(opened[1][:10:2], []))
