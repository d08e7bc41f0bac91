"""Tables of charging: files on their way (files), the engine's journal and commands (engine)."""

from .engine import EngineCommand, EngineJournal, EngineOwner, EngineSnapshot
from .files import Alarm, ErrorBatch, ErrorRecord, Source, StageCounter, UsageChunk, UsageFile

__all__ = [
    "Alarm",
    "EngineCommand",
    "EngineJournal",
    "EngineOwner",
    "EngineSnapshot",
    "ErrorBatch",
    "ErrorRecord",
    "Source",
    "StageCounter",
    "UsageChunk",
    "UsageFile",
]
