"""An empty database with all tables, made once for each state of the migrations and copied for every test run.

Migrating takes seconds of each process that tests; a copy takes a fraction of one. Django still asks every migration
whether it is applied, so a template that lacks one would be brought up to date, not believed.
"""

import contextlib
import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg.sql import SQL, Identifier

_SOURCE = Path(__file__).parents[1] / "src" / "openboss"
_PREFIX = "openboss_template_"
_LOCK = 8_122_026
_KEPT = 6  # other trees on this machine have theirs


def migrated_template(fields: dict[str, Any]) -> str:
    """Name the template of these migrations on a server, making it if nobody has."""
    name = _PREFIX + _state_of_migrations()
    with session_of(fields, "postgres") as session:
        session.execute("SELECT pg_advisory_lock(%s)", [_LOCK])  # until this session ends
        found = [row[0] for row in session.execute(
            "SELECT datname FROM pg_database WHERE starts_with(datname, %s) ORDER BY oid DESC", [_PREFIX]
        )]  # fmt: skip
        if name not in found:
            _make(session, fields, name)
        for old in [other for other in found if other != name][_KEPT - 1 :]:
            with contextlib.suppress(psycopg.Error):
                session.execute(SQL("DROP DATABASE IF EXISTS {}").format(Identifier(old)))
    return name


def _make(session: psycopg.Connection, fields: dict[str, Any], name: str) -> None:
    draft = f"{name}_draft"
    session.execute(SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(Identifier(draft)))
    session.execute(SQL("CREATE DATABASE {}").format(Identifier(draft)))
    environment = {**os.environ, "DATABASE_URL": url_of(fields, draft)}
    command = [sys.executable, "-W", "ignore", "-m", "django", "migrate", "--verbosity", "0"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    session.execute(SQL("ALTER DATABASE {} RENAME TO {}").format(Identifier(draft), Identifier(name)))


def _state_of_migrations() -> str:
    digest = hashlib.sha256()
    for path in sorted(_SOURCE.glob("modules/*/migrations/*.py")):
        digest.update(path.relative_to(_SOURCE).as_posix().encode() + path.read_bytes())
    digest.update((_SOURCE / "config" / "settings.py").read_bytes())
    return digest.hexdigest()[:16]


def session_of(fields: dict[str, Any], database: str) -> psycopg.Connection:
    """Open a connection of one's own to a database of the server of this run."""
    return psycopg.connect(
        host=fields["HOST"],
        port=fields["PORT"] or None,
        user=fields["USER"],
        password=fields["PASSWORD"],
        dbname=database,
        autocommit=True,
    )


def url_of(fields: dict[str, Any], database: str) -> str:
    """Name a database of the server of this run as DATABASE_URL does."""
    host, user, password = (quote(str(fields[name]), safe="") for name in ("HOST", "USER", "PASSWORD"))
    if str(fields["HOST"]).startswith("/"):
        return f"postgresql://{user}:{password}@/{database}?host={host}"
    return f"postgresql://{user}:{password}@{host}:{fields['PORT']}/{database}"
