"""Kinds of use as online charging tells them apart (calls, messages, being connected, data); whether any is told of."""

import numpy as np

from openboss.kernel.compiled import compiled
from openboss.kernel.usage import RecordType

VOICE = (RecordType.MOC, RecordType.MTC, RecordType.CALL_FORWARD, RecordType.VIDEO_CALL)
MESSAGES = (RecordType.SMS_MO, RecordType.SMS_MT, RecordType.MMS)
ACCESS = (RecordType.WLAN, RecordType.BROADBAND)  # granted by time

_VOICE, _MESSAGES, _ACCESS = (tuple(int(kind) for kind in kinds) for kinds in (VOICE, MESSAGES, ACCESS))


@compiled
def is_voice(record_type: int) -> bool:
    """Say whether a kind of use is a call."""
    return record_type in _VOICE


@compiled
def is_message(record_type: int) -> bool:
    """Say whether a kind of use is a message."""
    return record_type in _MESSAGES


@compiled
def is_access(record_type: int) -> bool:
    """Say whether a kind of use is being connected, which is granted by time."""
    return record_type in _ACCESS


@compiled
def is_only_begun(use: np.ndarray) -> bool:
    """Say whether a record is of a call or message that has used nothing: it began then, whenever that is reported."""
    is_timed = is_voice(use.record_type) or is_message(use.record_type)
    return is_timed and use.duration_s == 0 and use.message_count == 0 and use.info_fee_li == 0


@compiled
def reports_use(ask: np.ndarray) -> bool:
    """Say whether an ask tells of anything that was used."""
    used = ask.used_s | ask.used_up | ask.used_down | ask.used_units | ask.used_li
    return (used | ask.after_s | ask.after_up | ask.after_down | ask.after_units | ask.after_li) != 0
