"""Tariff documents of an operator's folder, checked and stored."""

from datetime import datetime
from pathlib import Path

from django.db import transaction

from openboss.modules.catalog import atomic
from openboss.modules.catalog.atomic import bill_item_types
from openboss.modules.catalog.documents import DocumentRefused, OfferDocument, read_document
from openboss.modules.catalog.functions.reference import tariff_limits
from openboss.modules.catalog.problems import Problem


@transaction.atomic
def import_tariffs(folder: Path, *, at: datetime, staff_id: int | None = None) -> dict[str, int]:
    """Load every tariff file of a folder; say of each offer how many versions are new or changed.

    The same files again change nothing. Offers are stored in the order of their ids, so that the same folder gives
    the same rule ids everywhere. Raises DocumentRefused with every problem of every file, VersionPublished,
    OfferIdTaken; then nothing was changed. Source: CHG-14, CHG-23.
    """
    item_codes = {item.code for item in bill_item_types()}
    limits = tariff_limits()
    documents: list[OfferDocument] = []
    problems: list[Problem] = []
    for path in sorted(folder.glob("*.yaml")):
        try:
            documents.append(read_document(path, item_codes=item_codes, limits=limits))
        except DocumentRefused as refused:
            problems += refused.problems
    if problems:
        raise DocumentRefused(problems)
    documents.sort(key=lambda document: document.offer_id)
    return {document.code: atomic.put_offer(offer=document, at=at, staff_id=staff_id) for document in documents}
