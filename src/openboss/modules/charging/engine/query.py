"""The engine's small question desk: what one user has used and owes right now, over a local socket.

A line each way: the caller writes a subscriber id, or U and several ids, and the engine answers in JSON what the user
has used and owes, or what each of several has used in each month.
Only the operating-system user of the installation can open the socket.
"""

import contextlib
import hashlib
import json
import os
import socket
import socketserver
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from openboss.modules.charging.engine.owner import Owner

ANSWER_WITHIN_S = 2.0
LONGEST_LINE = 1 << 20
LONGEST_PATH = 100  # sockets refuse longer ones


class NoAnswer(Exception):
    """No engine answers now: what was published last is the best there is."""


def socket_path(data_dir: Path) -> Path:
    """Where the engine of an installation listens; deep folders get a short place of their own."""
    path = data_dir / "engine" / "query.sock"
    if len(str(path)) <= LONGEST_PATH:
        return path
    short = hashlib.sha256(str(data_dir).encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"openboss-{os.getuid()}-{short}" / "query.sock"


@contextlib.contextmanager
def answering(owner: Owner, data_dir: Path) -> Iterator[None]:
    """Answer questions from a thread while the block runs."""

    class Desk(socketserver.StreamRequestHandler):
        timeout = ANSWER_WITHIN_S

        def handle(self) -> None:
            line = self.rfile.readline(LONGEST_LINE).strip()
            if line.isdigit():
                self.wfile.write(json.dumps(owner.user_now(int(line))).encode() + b"\n")
            elif line.startswith(b"U "):
                users = [int(one) for one in line[2:].split()]
                self.wfile.write(json.dumps(owner.unbilled_of(users)).encode() + b"\n")

    path = socket_path(data_dir)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    server = socketserver.ThreadingUnixStreamServer(str(path), Desk)
    server.daemon_threads = True
    path.chmod(0o600)
    thread = threading.Thread(target=server.serve_forever, name="engine-questions", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        path.unlink(missing_ok=True)


def ask(subscriber_id: int, data_dir: Path) -> dict[str, Any]:
    """Ask the running engine about one user. Raises NoAnswer at once if none runs, or after 2 seconds."""
    return _asked(f"{subscriber_id}", data_dir)


def ask_unbilled(subscriber_ids: list[int], data_dir: Path) -> dict[str, dict[str, int]]:
    """Ask the running engine what users have used, in li by user and cycle. Raises NoAnswer."""
    return _asked(f"U {' '.join(map(str, subscriber_ids))}", data_dir)


def _asked(question: str, data_dir: Path) -> dict[str, Any]:
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.settimeout(ANSWER_WITHIN_S)
            line.connect(str(socket_path(data_dir)))
            line.sendall(f"{question}\n".encode())
            with line.makefile("rb") as reader:
                return dict(json.loads(reader.readline()))
    except (OSError, ValueError) as broken:
        raise NoAnswer(str(broken)) from broken
