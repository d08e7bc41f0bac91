"""The only way to the tables of the system module."""

from openboss.modules.system.atomic.audit import (
    AuditCheck,
    AuditRow,
    list_audit,
    record_audit,
    seal_audit,
    verify_audit,
)
from openboss.modules.system.atomic.organisation import OrgNodeView, org_nodes, org_subtree, put_org_nodes
from openboss.modules.system.atomic.parameters import (
    OverrideForbidden,
    ParameterMissing,
    parameter_at,
    parameters_under,
    put_parameter,
)
from openboss.modules.system.atomic.saved_views import (
    NotOfTheTeam,
    SavedViewRow,
    ViewUnknown,
    pin_view,
    remove_view,
    save_view,
    saved_views,
)
from openboss.modules.system.atomic.staff import (
    LoginOutcome,
    StaffUnknown,
    StaffView,
    put_role,
    put_staff,
    set_password,
    set_preferences,
    staff_by_id,
    staff_by_login,
    try_password,
)
from openboss.modules.system.atomic.work import SerialNumberUsed, send_out, take_serial_no

__all__ = [
    "NotOfTheTeam",
    "SavedViewRow",
    "ViewUnknown",
    "pin_view",
    "remove_view",
    "save_view",
    "saved_views",
    "AuditCheck",
    "AuditRow",
    "LoginOutcome",
    "OrgNodeView",
    "OverrideForbidden",
    "ParameterMissing",
    "SerialNumberUsed",
    "StaffUnknown",
    "StaffView",
    "list_audit",
    "org_nodes",
    "org_subtree",
    "parameter_at",
    "parameters_under",
    "put_org_nodes",
    "put_parameter",
    "put_role",
    "put_staff",
    "record_audit",
    "seal_audit",
    "send_out",
    "set_password",
    "set_preferences",
    "staff_by_id",
    "staff_by_login",
    "take_serial_no",
    "try_password",
    "verify_audit",
]
