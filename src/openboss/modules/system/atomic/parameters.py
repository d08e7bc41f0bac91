"""Values of the operator's rules, by scope and day (D0.2, ARC-07)."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.db.models import Q

from openboss.modules.system.atomic.audit import record_audit
from openboss.modules.system.models import Parameter
from openboss.modules.system.statements import kept_until_written

SCOPES = ("GROUP", "PROVINCE", "CITY", "BRAND", "OFFER")  # from the most general to the most specific


class ParameterMissing(LookupError):
    """This parameter has no value on that day; an administrator has to set it."""


class OverrideForbidden(Exception):
    """A higher level fixed this value and does not allow a lower level to change it (ARC-07)."""


def parameter_at(*, key: str, on: date, scopes: Mapping[str, str] | None = None) -> Any:
    """Read the most specific value valid on a day.

    scopes  which city, brand, offer ... the question is about: {"CITY": "WH", "BRAND": "GOTONE"}
    Raises ParameterMissing. Source: D0.2.
    """
    found = parameters_under(prefix=key, on=on, scopes=scopes)
    if key not in found:
        raise ParameterMissing(f"{key} on {on}")
    return found[key]


@kept_until_written("system_parameter")
def parameters_under(*, prefix: str, on: date, scopes: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Read the most specific value valid on a day of every parameter whose key begins so, in one question."""
    asked = {"GROUP": "", **(scopes or {})}
    in_force = Parameter.objects.filter(Q(to_on__isnull=True) | Q(to_on__gt=on), key__startswith=prefix)
    best: dict[str, tuple[int, date]] = {}
    values: dict[str, Any] = {}
    for row in in_force.filter(from_on__lte=on):
        rank = (SCOPES.index(row.scope), row.from_on)
        if asked.get(row.scope) == row.scope_code and (row.key not in best or rank > best[row.key]):
            best[row.key], values[row.key] = rank, row.value
    return values


@transaction.atomic
def put_parameter(
    *,
    key: str,
    value: Any,
    from_on: date,
    at: datetime,
    scope: str = "GROUP",
    scope_code: str = "",
    override_allowed: bool = True,
    source: str = "",
    staff_id: int | None = None,
) -> bool:
    """Set a value for a scope from a day on; say whether anything changed. Raises OverrideForbidden."""
    higher = SCOPES[: SCOPES.index(scope)]
    if Parameter.objects.filter(key=key, scope__in=higher, override_allowed=False, from_on__lte=from_on).exists():
        raise OverrideForbidden(key)
    place = {"key": key, "scope": scope, "scope_code": scope_code, "from_on": from_on}
    before = Parameter.objects.filter(**place).values("value", "override_allowed", "source").first()
    after = {"value": value, "override_allowed": override_allowed, "source": source}
    if before == after:
        return False
    Parameter.objects.update_or_create(**place, defaults=after)
    record_audit(
        staff_id=staff_id,
        action="system.put_parameter",
        object_kind="parameter",
        object_id=f"{key} {scope} {scope_code}".strip(),
        at=at,
        before=before,
        after={**after, "from_on": from_on.isoformat()},
    )
    return True
