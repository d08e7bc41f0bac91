"""The engine's small question desk: what one user has used and owes right now, over a local socket.

A datagram-sized protocol: the caller writes a subscriber id and a newline, the engine answers one line of JSON.
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
            line = self.rfile.readline(32).strip()
            if line.isdigit():
                self.wfile.write(json.dumps(owner.user_now(int(line))).encode() + b"\n")

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
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.settimeout(ANSWER_WITHIN_S)
            line.connect(str(socket_path(data_dir)))
            line.sendall(f"{subscriber_id}\n".encode())
            with line.makefile("rb") as reader:
                return dict(json.loads(reader.readline()))
    except (OSError, ValueError) as broken:
        raise NoAnswer(str(broken)) from broken
