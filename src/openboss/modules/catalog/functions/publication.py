"""Tariffs given to the engine: their documents kept, compiled, read back."""

from datetime import date, datetime
from pathlib import Path

from django.conf import settings
from django.db import transaction

from openboss.kernel.tariffs import TariffTables
from openboss.modules.catalog import atomic
from openboss.modules.catalog.atomic import (
    PublicationView,
    bill_item_types,
    latest_publication,
    reference_frames,
    versions_in_use,
)
from openboss.modules.catalog.publications import publication_text, read_publication, write_publication


@transaction.atomic
def publish(*, at: datetime, staff_id: int | None = None) -> PublicationView:
    """Compile the tariffs approved, filed and due, save them for the engine, and close their versions to changes.

    Nothing new to publish gives the publication there is. Raises compiler.TariffRefused.
    """
    text = _text_of(at.date())
    path, sha256 = write_publication(settings.LAKE_DIR / "tariffs", text)
    newest = latest_publication()
    if newest and newest.sha256 == sha256 and not atomic.has_unpublished(at.date()):
        return newest
    return atomic.mark_published(sha256=sha256, path=f"tariffs/{path.name}", at=at, staff_id=staff_id)


def load_publication(folder: Path, sha256: str) -> TariffTables:
    """Read published tariffs of a folder as this program's tables, compiled anew from their documents if need be.

    A publication from before documents were kept beside the tables is compiled from the versions in the database.
    Raises PublicationRefused if the documents are gone or are not what was published.
    """
    if not (folder / f"{sha256}.json.gz").exists() and (folder / f"{sha256}.npz").exists():
        _, sha256 = write_publication(folder, _text_of(date.min))
    return read_publication(folder, sha256)


def _text_of(on: date) -> bytes:
    """The documents published, and those due by a day."""
    return publication_text(versions_in_use(on), bill_item_types(), reference_frames()["holidays"]["date"])
