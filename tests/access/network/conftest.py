"""The numbering plan of the example operator, and an operator who is asked over Gy, where a test asks for them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from tests.access.network.network_operator import NOW, reference

from openboss.modules.catalog.atomic import replace_reference

if TYPE_CHECKING:
    from tests.access.network.gy_world import World


@pytest.fixture
def numbering(db: None) -> None:
    """Load the reference tables that collection needs."""
    for name, frame in reference().items():
        replace_reference(name=name, frame=frame, at=NOW)


@pytest.fixture(scope="module")
def gy_world(
    database_fields: dict[str, Any], django_db_setup: None, django_db_blocker: Any, tmp_path_factory: Any
) -> Iterator[World]:
    """The world that all tests of a module ask over Gy."""
    from tests.access.network.gy_world import opened_world

    del django_db_setup
    with django_db_blocker.unblock(), opened_world(database_fields, tmp_path_factory.mktemp("gy")) as found:
        yield found


@pytest.fixture
def gy(gy_world: World, django_db_blocker: Any) -> Iterator[World]:
    """That world at ten in the morning; nothing may have gone wrong in it when a test ends."""
    from tests.access.network.gy_world import MORNING

    with django_db_blocker.unblock():
        gy_world.at(MORNING)
        yield gy_world
    assert gy_world.doors.faults == []
