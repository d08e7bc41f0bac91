"""What the engine answered when it froze a cycle."""

from typing import Any

from openboss.modules.charging.models import EngineCommand


def freeze_answer(*, cycle: int) -> dict[str, Any] | None:
    """Give the engine's answer to the FREEZE of a cycle with its position; None if it was not frozen yet."""
    done = EngineCommand.objects.filter(kind="FREEZE", state="DONE", payload__cycle=cycle).order_by("command_id")
    row = done.last()
    return row and {**(row.answer or {}), "position": row.position}
