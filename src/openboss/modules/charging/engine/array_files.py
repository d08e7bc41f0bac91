"""Arrays in files (.npy), written and read a block at a time, with the SHA-256 of each file.

A block is hashed and put in its place while it lies in the processor's cache: columns that lie side by side in memory
are never gathered into arrays of their own. Files are read, not mapped: a sector that cannot be read is an OSError
then, and not the end of the process.
"""

import hashlib
import os
from collections.abc import Mapping
from contextlib import ExitStack
from io import BytesIO, FileIO
from math import prod
from pathlib import Path
from tokenize import TokenError

import numpy as np
from numpy.lib import format as npy

AT_ONCE = 1 << 15  # values of each array: some hundred kilobytes
_READS_HEAD = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


class ArrayFileDamaged(ValueError):
    """A file does not hold what was written to it, or holds what this version cannot use."""


def write_array(path: Path, array: np.ndarray) -> str:
    """Write an array, fsynced; return the SHA-256 of the file."""
    head = BytesIO()
    said = {"shape": array.shape, "fortran_order": False, "descr": npy.dtype_to_descr(array.dtype)}
    npy.write_array_header_1_0(head, said)
    digest = hashlib.sha256(head.getvalue())
    with path.open("wb") as file:
        file.write(head.getvalue())
        for first in range(0, len(array), AT_ONCE):
            raw = _bytes_of(np.ascontiguousarray(array[first : first + AT_ONCE]))
            digest.update(raw)
            file.write(raw)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest()


class ArrayFile:
    """A file with an array, whose head was read. Not by several threads at once: Python 3.11 cannot parse so."""

    def __init__(self, path: Path) -> None:
        """Find the array's shape and type. Raises ArrayFileDamaged, OSError."""
        self.path = path
        with path.open("rb") as file:
            try:
                self.shape, _, self.dtype = _READS_HEAD[npy.read_magic(file)](file)
            except (SyntaxError, TokenError, TypeError, KeyError, ValueError) as unreadable:
                raise ArrayFileDamaged(f"{path} is damaged: it does not begin as an array does") from unreadable
            self.head_size = file.tell()
        self.size = self.head_size + self.dtype.itemsize * prod(self.shape)
        if path.stat().st_size != self.size:
            raise ArrayFileDamaged(f"{path} is damaged: it has another length")


def read_into(rooms: Mapping[str, np.ndarray], files: Mapping[str, ArrayFile], sha256: Mapping[str, str]) -> None:
    """Read arrays of one length to where they shall be.

    sha256  of the files as they were written; one that is not named is not looked at

    Raises OSError; ArrayFileDamaged for a file that does not hold what was written, or does not fit its room.
    """
    with ExitStack() as opened:
        sources = {name: _Source(opened.enter_context(FileIO(files[name].path)), files[name]) for name in rooms}
        for first in range(0, max(map(len, rooms.values())), AT_ONCE):
            for name, source in sources.items():
                room = rooms[name][first : first + AT_ONCE]
                room[...] = _fitting(source.next_block(len(room)), room.dtype)
    for name, source in sources.items():
        if name in sha256 and source.digest.hexdigest() != sha256[name]:
            raise ArrayFileDamaged(f"{files[name].path} is damaged: its bytes are not those that were written")


class _Source:
    """A file that is being read."""

    def __init__(self, opened: FileIO, file: ArrayFile) -> None:
        self._opened, self._file = opened, file
        self.digest = hashlib.sha256(opened.read(file.head_size))

    def next_block(self, count: int) -> np.ndarray:
        """Read so many more values."""
        block = np.empty((count, *self._file.shape[1:]), self._file.dtype)
        raw = _bytes_of(block)
        if self._opened.readinto(raw) != len(raw):
            raise ArrayFileDamaged(f"{self._file.path} is damaged: it ends too early")
        self.digest.update(raw)
        return block


def _bytes_of(array: np.ndarray) -> memoryview:
    return array.reshape(-1).view(np.uint8).data


def _fitting(block: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Values as arrays of this version hold them: narrower integers than before, whose largest stands for more.

    Of records, what was spare may have a name by now; it was zero.
    """
    if block.dtype == dtype:
        return block
    if block.dtype.itemsize == dtype.itemsize and dtype.fields and block.dtype.fields:
        named = {name: place for name, place in block.dtype.fields.items() if name != "spare"}
        if named.items() <= dict(dtype.fields).items():
            return block.view(dtype)
    if block.dtype.kind not in "iu" or dtype.kind not in "iu":
        raise ArrayFileDamaged(f"{block.dtype} is read where this version has {dtype}")
    limits = np.iinfo(dtype)
    return block.clip(limits.min, limits.max)
