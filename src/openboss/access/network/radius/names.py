"""What a session of an access server is known by wherever its records come from: our own, or a file of theirs."""

import re

_OURS = re.compile(r"[0-9a-f]{32}")  # a session's key, as a login is told it in Class


def record_name(session_class: str, acct_session_id: str) -> str:
    """Name a session: what its login was told in Class, which its access server repeats; else Acct-Session-Id."""
    return session_class if _OURS.fullmatch(session_class) else acct_session_id
