"""Tables of charging: files on their way (files), the engine's journal and commands (engine), re-rating (rerating),
sessions of access servers (access), who may ask (peers), where networks are told of sessions (addresses), use
away from home (visitors), numbers and handsets nobody may use (black_list)."""

from .access import AccessSession
from .addresses import GatewaySession, NotifyAddress
from .black_list import BlackEntry, BlackUse
from .engine import EngineCommand, EngineJournal, EngineOwner, EngineSnapshot
from .files import Alarm, ErrorBatch, ErrorRecord, Source, StageCounter, UsageChunk, UsageFile
from .peers import Peer
from .rerating import Rerating
from .visitors import RoamerReport, VisitorUse

__all__ = [
    "AccessSession",
    "Alarm",
    "BlackEntry",
    "BlackUse",
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
    "RoamerReport",
    "Source",
    "StageCounter",
    "UsageChunk",
    "UsageFile",
    "VisitorUse",
]
