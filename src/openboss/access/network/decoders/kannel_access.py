"""Kannel access log: `Receive SMS` is a message from a user, `Sent SMS` one to a user; reports are filtered.

The time is the gateway's wall clock, taken to be the operator's.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from openboss.access.network.decoders.lines import log_lines, pieces
from openboss.modules.charging.canonical import Trailer, Undecodable, UsageText

_LINE = re.compile(r"(?P<day>\d{4}-\d\d-\d\d) (?P<time>\d\d:\d\d:\d\d) (?P<what>\S+ \S+)")
_MESSAGE = re.compile(
    r".*? \[FID:(?P<id>[^\]]*)\].*? \[from:(?P<sender>[^\]]*)\] \[to:(?P<receiver>[^\]]*)\]"
    r" \[flags:-?\d+:(?P<coding>-?\d+):[-\d:]*\] \[msg:(?P<length>\d{1,6}):"
)
_RECORDS = {"Receive SMS": ("SMS_MO", "sender", "receiver"), "Sent SMS": ("SMS_MT", "receiver", "sender")}
SEVEN_BIT = "0"


def decode(file: Path, _source_code: str, _sequence: int | None) -> Iterator[UsageText | Trailer]:
    """Yield the messages of an access log. Raises Undecodable."""
    yield from pieces(_messages(file))


def _messages(file: Path) -> Iterator[Mapping[str, object] | str | None]:
    recognised = False
    for line in log_lines(file):
        head = _LINE.match(line)
        recognised = recognised or head is not None
        if head is None or head["what"] not in _RECORDS:
            yield None  # log begins and ends, reports, the further lines of a message with line breaks
            continue
        yield _message(line, head) or line
    if not recognised:
        raise Undecodable("not an access log of Kannel")


def _message(line: str, head: re.Match[str]) -> Mapping[str, object] | None:
    found = _MESSAGE.match(line)
    if found is None:
        return None
    record_type, served, other = _RECORDS[head["what"]]
    return {
        "record_type": record_type,
        "served_number": found[served],
        "other_party": found[other],
        "start_time": f"{head['day']}T{head['time']}",
        "message_count": _segments(int(found["length"]), found["coding"]),
        "call_ref": found["id"],
    }


def _segments(length: int, coding: str) -> int:
    """Pieces of a long message (D3.5): 160 characters or 140 octets in one, 153 or 134 in each of many."""
    one, many = (160, 153) if coding in (SEVEN_BIT, "-1") else (140, 134)
    return 1 if length <= one else -(-length // many)
