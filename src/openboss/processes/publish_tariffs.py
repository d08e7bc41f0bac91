"""Filed tariffs become prices: the catalog publishes what is due, and the charging engine rates by it from then on."""

from datetime import date, datetime

from django.db import transaction

from openboss.modules.catalog.functions import PublicationView, corrections, publish_filed
from openboss.modules.charging.functions.engine import publish_tariffs


def publish(*, at: datetime, staff_id: int | None = None) -> PublicationView:
    """Publish every approved and filed version that is due and hand the tables to the engine.

    Raises NotEntitled, DocumentRefused, TariffRefused, EngineRefused, EngineSilent. Done again it changes nothing.
    """
    publication = publish_filed(at=at, staff_id=staff_id)
    publish_tariffs(publication.path, publication.sha256)
    return publication


def correct(text: str, *, reason: str, staff_id: int, approved_by: int, at: datetime) -> list[date]:
    """Put published versions of an offer right and hand the tables to the engine; return the versions' days (CHG-36).

    What does not fit the other tariffs changes nothing. Raises what `corrections.correct` and TariffRefused say; and
    EngineRefused, EngineSilent where the catalog is right and charging waits for `publish`.
    """
    with transaction.atomic():
        days = corrections.correct(text, reason=reason, staff_id=staff_id, approved_by=approved_by, at=at)
        publication = publish_filed(at=at)
    publish_tariffs(publication.path, publication.sha256)
    return days
