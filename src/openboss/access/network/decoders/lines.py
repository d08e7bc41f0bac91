"""Log files line by line in bounded memory, and records gathered into pieces."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from openboss.modules.charging.canonical import LINE_LIMIT, Undecodable, UsageText, line_of

LOG_LINE_LIMIT = 65_536
PIECE_RECORDS = 20_000


def log_lines(file: Path) -> Iterator[str]:
    """Yield the lines of a log without their ends.

    Raises Undecodable if the file is empty, holds zero bytes or is not UTF-8, or a line has no end in sight.
    """
    with file.open("rb") as data:
        seen = False
        while line := data.readline(LOG_LINE_LIMIT):
            seen = True
            if len(line) == LOG_LINE_LIMIT and not line.endswith(b"\n"):
                raise Undecodable(f"a line is longer than {LOG_LINE_LIMIT} bytes")
            if b"\0" in line:
                raise Undecodable("not text: it holds zero bytes")
            try:
                yield line.rstrip(b"\r\n").decode("utf-8")
            except UnicodeDecodeError as fault:
                raise Undecodable(f"not UTF-8 text: {fault.reason}") from fault
    if not seen:
        raise Undecodable("the file is empty")


def pieces(found: Iterable[Mapping[str, object] | str | None]) -> Iterator[UsageText]:
    """Gather what a decoder found line by line: a record, text it could not read (an error), or None (filtered).

    Raises Undecodable.
    """
    lines: list[bytes] = []
    filtered = 0
    for entry in found:
        if entry is None:
            filtered += 1
            continue
        lines.append(line_of(entry) if isinstance(entry, Mapping) else _unread(entry))
        if len(lines) >= PIECE_RECORDS:
            yield UsageText(b"".join(lines), filtered)
            lines, filtered = [], 0
    if lines or filtered:
        yield UsageText(b"".join(lines), filtered)


def _unread(text: str) -> bytes:
    """A line the compiled reader refuses (E201) and the error pool shows as it was."""
    return text.replace("|", " ").replace("\n", " ").replace("\r", " ").encode()[:LINE_LIMIT] + b"\n"
