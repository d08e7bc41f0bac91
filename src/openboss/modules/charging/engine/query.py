"""The engine's small question desk: what one user has, uses and owes right now, and how the engine fares (CHG-13).

HTTP with JSON over a local socket that only the operating-system user of the installation can open, and over TCP for
channels on other machines that hold the key of the partner `query` (`openboss keys partner query`). Whatever is
asked changes nothing that is charged.

    GET /users/7             charges, free resources, money, open sessions
    GET /events/7            the events that were charged last, newest first
    POST /unbilled [7, 8]    what users have used, in li by user and month
    GET /board/1760000000    counts of the two minutes before a UTC second
    POST /sessions {"subscriber_id"} | {"name"} | {"life"}   sessions that are known, those heard of last first
    GET, POST, DELETE /steps/7   what networks asked for a user who is followed; follow {"number"}; follow no more
"""

import contextlib
import hashlib
import hmac
import http.client
import json
import os
import re
import socket
import socketserver
import tempfile
import threading
from collections.abc import Callable, Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from openboss.modules.charging.engine.last_events import last_events
from openboss.modules.charging.engine.online.finding import find_sessions
from openboss.modules.charging.engine.online.watch import Watch
from openboss.modules.charging.engine.owner import Owner

ANSWER_WITHIN_S = 2.0
LONGEST_QUESTION = 1 << 20
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


# --- the engine's side --------------------------------------------------------------------------------------------


def _routes(owner: Owner, watch: Watch) -> dict[tuple[str, str], Callable[[int, Any], Any]]:
    """What can be asked: method and first word of the path, with the number in the path and the body."""
    return {
        ("GET", "users"): lambda number, _body: owner.user_now(number),
        ("GET", "events"): lambda number, _body: last_events(owner.lake, number, *owner.not_in_lake()),
        ("POST", "unbilled"): lambda _number, body: owner.unbilled_of([int(one) for one in body]),
        ("GET", "board"): lambda number, _body: {
            **watch.board(owner.state, now_s=number),
            "journal": {
                "position": owner.position,
                "behind_snapshot": owner.position - owner.snapshot_position,
                "rows_waiting": owner.rows_waiting(),
            },
        },
        ("POST", "sessions"): lambda _number, body: find_sessions(
            owner.state,
            subscriber_id=None if body.get("subscriber_id") is None else int(body["subscriber_id"]),
            keys=watch.keys_of(str(body["name"])) if body.get("name") else None,
            life=str(body.get("life", "")),
        ),
        ("GET", "steps"): lambda number, _body: watch.steps.of(owner.state, number),
        ("POST", "steps"): lambda number, body: watch.steps.follow(number, str(body["number"])),
        ("DELETE", "steps"): lambda number, _body: watch.steps.give_up(number),
    }


def _handler(owner: Owner, watch: Watch, token: str) -> type[BaseHTTPRequestHandler]:
    routes = _routes(owner, watch)

    class Desk(BaseHTTPRequestHandler):
        timeout = ANSWER_WITHIN_S
        protocol_version = "HTTP/1.1"
        server_version, sys_version = "OpenBOSS", ""

        def _answer(self) -> None:
            allowed = hmac.compare_digest(self.headers.get("Authorization", ""), f"Bearer {token}" if token else "")
            if not allowed:
                self._say(HTTPStatus.UNAUTHORIZED, {"error": "send the key of the partner query as Bearer"})
                return
            found = re.fullmatch(r"/([a-z]+)(?:/(\d{1,18}))?", self.path)
            route = routes.get((self.command, found[1])) if found else None
            if found is None or route is None:
                self._say(
                    HTTPStatus.NOT_FOUND,
                    {"error": "ask /users/7, /events/7, /unbilled, /board/1760000000, /sessions or /steps/7"},
                )
                return
            try:
                body = json.loads(self._body() or b"null")
                said = route(int(found[2] or 0), body)
            except (ValueError, TypeError, KeyError, AttributeError):
                self._say(HTTPStatus.BAD_REQUEST, {"error": "the body is not what this question needs"})
                return
            self._say(HTTPStatus.OK, said)

        def _body(self) -> bytes:
            length = int(self.headers.get("Content-Length", "0"))
            if not 0 <= length <= LONGEST_QUESTION:
                raise ValueError("too long")
            return self.rfile.read(length)

        def _say(self, status: HTTPStatus, content: Any) -> None:
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            if status != HTTPStatus.OK:
                self.send_header("Connection", "close")  # what is left of a wrong question is not read
                self.close_connection = True
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_DELETE = _answer  # noqa: N815 - the names http.server looks for

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as in http.server
            """Questions are not logged."""

        def address_string(self) -> str:
            """A local socket has no address."""
            return "local"

    return Desk


class _LocalServer(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


@contextlib.contextmanager
def answering(
    owner: Owner, data_dir: Path, watch: Watch | None = None, *, at: tuple[str, int] | None = None, token: str = ""
) -> Iterator[None]:
    """Answer questions from threads while the block runs; `at` a host and port too, to whoever knows the token."""
    watch = watch or Watch()
    path = socket_path(data_dir)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    servers: list[socketserver.BaseServer] = [_LocalServer(str(path), _handler(owner, watch, ""))]
    path.chmod(0o600)
    if at is not None and token:
        servers.append(ThreadingHTTPServer(at, _handler(owner, watch, token)))
    for server in servers:
        threading.Thread(target=server.serve_forever, name="engine-questions", daemon=True).start()
    try:
        yield
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()
        path.unlink(missing_ok=True)


# --- the side of whoever asks -------------------------------------------------------------------------------------


class _LocalConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("local", timeout=ANSWER_WITHIN_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(ANSWER_WITHIN_S)
        self.sock.connect(str(self._path))


def ask(question: str, data_dir: Path, *, method: str = "GET", body: Any = None) -> Any:
    """Ask the running engine, for example "users/7". Raises NoAnswer at once if none runs, or after 2 seconds."""
    try:
        with contextlib.closing(_LocalConnection(socket_path(data_dir))) as line:
            line.request(method, f"/{question}", None if body is None else json.dumps(body))
            answer = line.getresponse()
            said = json.loads(answer.read())
    except (OSError, ValueError, http.client.HTTPException) as broken:
        raise NoAnswer(str(broken)) from broken
    if answer.status != HTTPStatus.OK:
        raise NoAnswer(said["error"])
    return said
