"""The organisation tree."""

from dataclasses import dataclass

from django.db import transaction

from openboss.modules.system.models import OrgNode


@dataclass(frozen=True)
class OrgNodeView:
    """One node: an outlet, a district, a city or the province."""

    code: str
    kind: str
    parent_code: str | None
    name_zh: str
    name_en: str


def org_nodes() -> list[OrgNodeView]:
    """List the whole tree, in the order of codes."""
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
def put_org_nodes(*, nodes: list[OrgNodeView]) -> int:
    """Add or rename nodes, parents first; return how many were new or changed."""
    known = {node.code: node for node in org_nodes()}
    changed = [node for node in nodes if known.get(node.code) != node]
    for node in changed:
        values = {
            "kind": node.kind,
            "parent_id": node.parent_code,
            "name_zh": node.name_zh,
            "name_en": node.name_en,
        }
        OrgNode.objects.update_or_create(code=node.code, defaults=values)
    return len(changed)
