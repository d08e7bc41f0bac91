"""Who there is to give work to."""

from openboss.modules.system.atomic.people import Colleague, RoleRow, list_colleagues, list_roles

__all__ = ["Colleague", "RoleRow", "list_colleagues", "list_roles"]
