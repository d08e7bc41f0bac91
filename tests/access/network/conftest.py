"""The numbering plan of the example operator, loaded where a test asks for it."""

import pytest
from tests.access.network.network_operator import NOW, reference

from openboss.modules.catalog.atomic import replace_reference


@pytest.fixture
def numbering(db: None) -> None:
    """Load the reference tables that collection needs."""
    for name, frame in reference().items():
        replace_reference(name=name, frame=frame, at=NOW)
