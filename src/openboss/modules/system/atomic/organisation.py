"""The organisation tree."""

from dataclasses import asdict, dataclass
from datetime import datetime

from django.db import transaction

from openboss.modules.system.atomic.audit import record_audit
from openboss.modules.system.models import OrgNode
from openboss.modules.system.statements import kept_until_written


@dataclass(frozen=True)
class OrgNodeView:
    """One node: an outlet, a district, a city or the province."""

    code: str
    kind: str
    parent_code: str | None
    name_zh: str
    name_en: str


@kept_until_written("system_orgnode")
def org_nodes() -> list[OrgNodeView]:
    """List the whole tree, in the order of codes. Shared: leave it as it is."""
    return [
        OrgNodeView(node.code, node.kind, node.parent_id, node.name_zh, node.name_en)
        for node in OrgNode.objects.order_by("code")
    ]


def org_subtree(*, code: str) -> set[str]:
    """Name a node and everything below it (whose customers its staff may see)."""
    below: dict[str | None, list[str]] = {}
    for node in org_nodes():
        below.setdefault(node.parent_code, []).append(node.code)
    found, waiting = set(), [code]
    while waiting:
        here = waiting.pop()
        found.add(here)
        waiting.extend(below.get(here, []))
    return found


@transaction.atomic
def put_org_nodes(*, nodes: list[OrgNodeView], at: datetime, staff_id: int | None = None) -> int:
    """Add or rename nodes, parents first; return how many were new or changed, each with an audit entry (SYS-01)."""
    known = {node.code: node for node in org_nodes()}
    changed = [node for node in nodes if known.get(node.code) != node]
    for node in changed:
        before = known.get(node.code)
        values = {
            "kind": node.kind,
            "parent_id": node.parent_code,
            "name_zh": node.name_zh,
            "name_en": node.name_en,
        }
        OrgNode.objects.update_or_create(code=node.code, defaults=values)
        record_audit(
            staff_id=staff_id,
            action="system.put_org_node",
            object_kind="organisation",
            object_id=node.code,
            at=at,
            before=asdict(before) if before else None,
            after=asdict(node),
        )
    return len(changed)
