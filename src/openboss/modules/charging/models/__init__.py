"""Tables of charging: files on their way (files), the engine's journal and commands (engine), re-rating (rerating),
sessions of access servers (access), who may ask (peers), where networks are told of sessions (addresses)."""

from .access import AccessSession
from .addresses import GatewaySession, NotifyAddress
from .engine import EngineCommand, EngineJournal, EngineOwner, EngineSnapshot
from .files import Alarm, ErrorBatch, ErrorRecord, Source, StageCounter, UsageChunk, UsageFile
from .peers import Peer
from .rerating import Rerating

__all__ = [
    "AccessSession",
    "Alarm",
    "EngineCommand",
    "EngineJournal",
    "EngineOwner",
    "EngineSnapshot",
    "ErrorBatch",
    "ErrorRecord",
    "GatewaySession",
    "NotifyAddress",
    "Peer",
    "Rerating",
    "Source",
    "StageCounter",
    "UsageChunk",
    "UsageFile",
]
