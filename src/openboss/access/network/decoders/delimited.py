"""The delimited format (docs/formats/delimited.md): frame checked here, records read by the compiled reader."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from openboss.modules.charging.canonical import LINE_LIMIT, Trailer, TrailerMismatch, Undecodable, UsageText

BLOCK_BYTES = 4 << 20


def decode(file: Path, source_code: str, sequence: int | None) -> Iterator[UsageText | Trailer]:
    """Yield the records of a delimited file in blocks, then its trailer.

    Raises Undecodable for a wrong header, an endless line or text that is not UTF-8, TrailerMismatch for a missing
    trailer. Source: CHG-02, CHG-03.
    """
    with file.open("rb") as data:
        begin = _check_header(data, source_code, sequence)
        end, trailer = _read_trailer(data, begin)
        data.seek(begin)
        yield from _blocks(data, end - begin)
    yield trailer


def _check_header(data: BinaryIO, source_code: str, sequence: int | None) -> int:
    """Check the first line and skip the column names; return where records begin."""
    head = data.readline(LINE_LIMIT)
    parts = head.rstrip(b"\r\n").split(b"|")
    if not head.endswith(b"\n") or len(parts) != 6 or parts[:3] != [b"H", b"OPENBOSS-USAGE", b"1"]:
        raise Undecodable("the first line is not a header of format OPENBOSS-USAGE version 1")
    if parts[3] != source_code.encode():
        raise Undecodable(f"the header names source {parts[3][:40].decode('utf-8', 'replace')}, not {source_code}")
    if sequence is not None and (not parts[4].isdigit() or int(parts[4]) != sequence):
        raise Undecodable(f"the header's sequence is {parts[4][:40].decode('utf-8', 'replace')}, the name's {sequence}")
    begin = data.tell()
    if data.read(1) == b"#":
        if not data.readline(LINE_LIMIT).endswith(b"\n"):
            raise Undecodable(f"the line of column names is longer than {LINE_LIMIT} bytes")
        begin = data.tell()
    return begin


def _read_trailer(data: BinaryIO, begin: int) -> tuple[int, Trailer]:
    """Read the last line; return where it begins, and what it says."""
    size = data.seek(0, os.SEEK_END)
    tail_at = max(begin, size - LINE_LIMIT)
    data.seek(tail_at)
    tail = data.read()
    last = tail.rstrip(b"\r\n").rsplit(b"\n", 1)[-1]
    end = tail_at + (tail.rfind(last) if last else 0)
    parts = last.split(b"|")
    if len(parts) != 3 or parts[0] != b"T" or not (parts[1].isdigit() and parts[2].isdigit()):
        raise TrailerMismatch("the last line is not a trailer: the file was cut off")
    return end, Trailer(int(parts[1]), int(parts[2]))


def _blocks(data: BinaryIO, left: int) -> Iterator[UsageText]:
    """Yield `left` bytes as pieces of whole lines."""
    rest = b""
    while left:
        read = data.read(min(BLOCK_BYTES, left))
        if not read:
            raise Undecodable("the file became shorter while it was read")
        left -= len(read)
        cut = read.rfind(b"\n") + 1
        if not cut and len(read) == BLOCK_BYTES:
            raise Undecodable(f"a line is longer than {BLOCK_BYTES} bytes")
        if cut:
            yield _checked(rest + read[:cut])
            rest = read[cut:]
        else:
            rest += read
    if rest:
        raise Undecodable("the line before the trailer does not end")


def _checked(text: bytes) -> UsageText:
    if not text.isascii():
        try:
            text.decode("utf-8")
        except UnicodeDecodeError as fault:
            raise Undecodable(f"not UTF-8 text: {fault.reason}") from fault
    return UsageText(text)
