"""Filed tariffs become prices: the catalog publishes what is due, and the charging engine rates by it from then on."""

from datetime import datetime

from openboss.modules.catalog.functions import PublicationView, publish_filed
from openboss.modules.charging.functions.engine import publish_tariffs


def publish(*, at: datetime, staff_id: int | None = None) -> PublicationView:
    """Publish every approved and filed version that is due and hand the tables to the engine.

    Raises NotEntitled, DocumentRefused, TariffRefused, EngineRefused, EngineSilent. Done again it changes nothing.
    """
    publication = publish_filed(at=at, staff_id=staff_id)
    publish_tariffs(publication.path, publication.sha256)
    return publication
