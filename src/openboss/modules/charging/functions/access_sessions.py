"""What access asks of broadband and WLAN sessions."""

from openboss.modules.charging.atomic.access_sessions import (
    AccessSessionView,
    access_session,
    access_sessions,
    end_access_session,
    forget_access_sessions,
    open_access_sessions,
    put_access_sessions,
)

__all__ = [
    "AccessSessionView",
    "access_session",
    "access_sessions",
    "end_access_session",
    "forget_access_sessions",
    "open_access_sessions",
    "put_access_sessions",
]
