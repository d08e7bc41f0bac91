"""Kamailio accounting log: `log_write_cdr()` lines are calls, the lines of single transactions are filtered.

One line: `... log_write_cdr(): start_time=S; end_time=E; duration=D; caller=A; callee=B; ci=CALL-ID`, seconds in UTC.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

from openboss.access.network.decoders.lines import log_lines, pieces
from openboss.modules.charging.canonical import Trailer, Undecodable, UsageText

_CALL = re.compile(
    r"log_write_cdr\(\): start_time=(?P<start>\d{1,11}\.?\d*); end_time=(?P<end>\d{1,11}\.?\d*);"
    r" duration=(?P<duration>\d{1,9}\.?\d*); caller=(?P<caller>[^;]*); callee=(?P<callee>[^;]*); ci=(?P<call_id>.+)"
)
_OURS = re.compile(r"acc \[acc\w*\.c:\d+\]")


def decode(file: Path, _source_code: str, _sequence: int | None) -> Iterator[UsageText | Trailer]:
    """Yield the calls of an accounting log. Raises Undecodable."""
    yield from pieces(_calls(file))


def _calls(file: Path) -> Iterator[Mapping[str, object] | str | None]:
    recognised = False
    for line in log_lines(file):
        recognised = recognised or _OURS.search(line) is not None
        if "log_write_cdr():" in line:
            yield _call(line) or line
        else:
            yield None
    if not recognised:
        raise Undecodable("not an accounting log of Kamailio")


def _call(line: str) -> Mapping[str, object] | None:
    found = _CALL.search(line)
    if found is None:
        return None
    return {
        "record_type": "MOC",
        "served_number": _user(found["caller"]),
        "other_party": _user(found["callee"]),
        "start_time": _moment(found["start"]),
        "end_time": _moment(found["end"]),
        "duration_s": int(Decimal(found["duration"]).quantize(Decimal(1), ROUND_HALF_UP)),
        "call_ref": found["call_id"],
    }


def _user(party: str) -> str:
    """The user part of a SIP or tel address."""
    return re.sub(r"^(sips?|tel):", "", party.strip()).split("@")[0].split(";")[0]


def _moment(seconds: str) -> str:
    return f"{datetime.fromtimestamp(int(seconds.split('.')[0]), UTC):%Y-%m-%dT%H:%M:%S}Z"
