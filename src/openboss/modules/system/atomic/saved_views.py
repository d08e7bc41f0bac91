"""Views of lists that people save: their own, and those of their team (everybody of a role)."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import F, Q

from openboss.modules.system.atomic.audit import record_audit
from openboss.modules.system.models import Role, SavedView


class ViewUnknown(LookupError):
    """There is no such saved view, or it belongs to somebody else; nothing was changed."""


class NotOfTheTeam(Exception):
    """A view can be shared only with a team one belongs to; nothing was changed."""


@dataclass(frozen=True)
class SavedViewRow:
    """One saved view as its owner or their team sees it; `team` is a role's code, empty for the owner's alone."""

    saved_view_id: int
    staff_id: int
    team: str
    title: str
    address: str
    is_pinned: bool
    saved_at: datetime


@transaction.atomic
def save_view(*, staff_id: int, title: str, address: str, team: str = "", is_pinned: bool = True, at: datetime) -> int:
    """Save a list's address under a name; the same name again replaces what it stood for. Returns its id.

    team   code of a role of this person, to show it to everybody of that role
    Raises NotOfTheTeam.
    """
    role = Role.objects.filter(code=team, staff=staff_id).first()
    if team and role is None:
        raise NotOfTheTeam(team)
    values = {"address": address, "team": role, "is_pinned": is_pinned, "saved_at": at}
    view, _ = SavedView.objects.update_or_create(staff_id=staff_id, title=title, defaults=values)
    record_audit(
        staff_id=staff_id,
        action="system.save_view",
        object_kind="saved_view",
        object_id=view.saved_view_id,
        at=at,
        after={"title": title, "address": address, "team": team, "is_pinned": is_pinned},
    )
    return view.saved_view_id


def saved_views(*, staff_id: int) -> list[SavedViewRow]:
    """Show a person's own views, then those their teams share, each by name."""
    found = SavedView.objects.filter(Q(staff_id=staff_id) | Q(team__staff=staff_id)).distinct()
    rows = found.order_by("title").annotate(team_code=F("team__code"))
    shown = [
        SavedViewRow(v.saved_view_id, v.staff_id, v.team_code or "", v.title, v.address, v.is_pinned, v.saved_at)
        for v in rows
    ]
    return sorted(shown, key=lambda view: view.staff_id != staff_id)


@transaction.atomic
def pin_view(*, staff_id: int, saved_view_id: int, is_pinned: bool) -> None:
    """Pin one's own view to the side bar, or take it from there. Raises ViewUnknown."""
    if not SavedView.objects.filter(saved_view_id=saved_view_id, staff_id=staff_id).update(is_pinned=is_pinned):
        raise ViewUnknown(saved_view_id)


@transaction.atomic
def remove_view(*, staff_id: int, saved_view_id: int, at: datetime) -> None:
    """Forget one's own view, for the team too. Raises ViewUnknown."""
    view = SavedView.objects.filter(saved_view_id=saved_view_id, staff_id=staff_id).first()
    if view is None:
        raise ViewUnknown(saved_view_id)
    before = {"title": view.title, "address": view.address}
    view.delete()
    record_audit(
        staff_id=staff_id,
        action="system.remove_view",
        object_kind="saved_view",
        object_id=saved_view_id,
        at=at,
        before=before,
    )
