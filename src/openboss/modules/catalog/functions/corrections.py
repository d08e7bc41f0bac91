"""A price that was wrong from its first day: the published version is corrected, not followed by another (CHG-36).

Its bills do not change by this: usage is rated again by a proposal of its own (processes/re_rate.py).
"""

from datetime import date, datetime

from openboss.modules.catalog.atomic.corrections import (
    GrantMissing,
    NothingToCorrect,
    ReplacedView,
    correct_versions,
    replaced_documents,
)
from openboss.modules.catalog.functions.life_cycle import APPROVE, EDIT, NotEntitled, check_text
from openboss.modules.system.functions import staff_by_id

__all__ = ["APPROVE", "EDIT", "GrantMissing", "NothingToCorrect", "ReplacedView", "correct", "replaced_documents"]


def correct(text: str, *, reason: str, staff_id: int, approved_by: int, at: datetime) -> list[date]:
    """Correct the published versions of an offer that differ from a document; return their days.

    The document is checked as any other, regulated limits too (CHG-23). Publish afterwards.
    Raises NotEntitled, SamePerson, DocumentRefused, NothingToCorrect, GrantMissing; then nothing was changed.
    """
    for person, right in ((staff_id, EDIT), (approved_by, APPROVE)):
        staff = staff_by_id(staff_id=person)
        if right not in staff.rights:
            raise NotEntitled(f"{staff.login}: {right}")
    offer = check_text(text, name="correction")
    return correct_versions(offer=offer, reason=reason, staff_id=staff_id, approved_by=approved_by, at=at)
