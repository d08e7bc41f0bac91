"""Tables of charging: files on their way (files), the engine's journal and commands (engine)."""

from .files import Alarm, ErrorBatch, ErrorRecord, Source, StageCounter, UsageChunk, UsageFile

__all__ = ["Alarm", "ErrorBatch", "ErrorRecord", "Source", "StageCounter", "UsageChunk", "UsageFile"]
