"""What a power cut leaves of a folder: what was fsynced, under names that were.

A small library is preloaded into the engine (synced.c) and notes every fsync. At a cut a file that was written to
since its last fsync is empty, and a name is gone that was not there when its folder was last fsynced: the most that
POSIX lets a machine lose, more than a journalling file system does. Not simulated: names that come back. What
PostgreSQL does for its own files is trusted.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_name("synced.c")


def why_not_here() -> str:
    """Why the library cannot be made on this machine; empty if it can."""
    return "" if shutil.which("cc") else "no C compiler: what an engine has fsynced is not known"


class Power:
    """What is durable below a folder, since all of it was."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.notes = folder / "synced.txt"
        self._library = folder / "synced.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", self._library, SOURCE], check=True)
        self.lost: list[str] = []
        self._look()

    def environment(self) -> dict[str, str]:
        """What a process needs so that its fsyncs are noted."""
        below = {"SYNCED_NOTES": str(self.notes), "SYNCED_BELOW": str(self.folder) + "/"}
        return {**below, "LD_PRELOAD": str(self._library)}

    def cut(self, places: list[Path]) -> None:
        """Take from some folders what was not durable; what is left is."""
        self._read()
        for place in places:
            if place.exists():
                self._keep_durable(place)
        self._look()

    def _look(self) -> None:
        """Take everything there is as durable."""
        self.notes.write_bytes(b"")
        self._written_at = dict[int, int]()
        self._names_in = dict[str, set[tuple[str, int]]]()
        for name, folders, files in os.walk(self.folder):
            entries = [(one, os.lstat(Path(name, one))) for one in (*folders, *files)]
            self._names_in[name] = {(one, found.st_ino) for one, found in entries}
            self._written_at.update((found.st_ino, found.st_mtime_ns) for _, found in entries)

    def _read(self) -> None:
        for line in self.notes.read_text().splitlines():
            kind, *words = line.split("\t")
            if kind == "file":
                self._written_at[int(words[0])] = int(words[1])
            else:
                self._names_in[words[0]] = set(zip(words[1::2], map(int, words[2::2]), strict=True))

    def _keep_durable(self, folder: Path) -> None:
        durable = self._names_in.get(str(folder), set())
        for path in list(folder.iterdir()):
            found = path.lstat()
            if path.is_socket():
                continue
            if (path.name, found.st_ino) not in durable:
                self.lost.append(str(path.relative_to(self.folder)))
                shutil.rmtree(path) if path.is_dir() else path.unlink()
            elif path.is_dir():
                self._keep_durable(path)
            elif path.is_file() and found.st_mtime_ns != self._written_at.get(found.st_ino):
                self.lost.append(f"{path.relative_to(self.folder)}: what it held")
                os.truncate(path, 0)
