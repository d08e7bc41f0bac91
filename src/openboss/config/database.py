"""Which database this process talks to: the operator's own by URL, or the embedded one by its connection file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

CONNECTION_FILE = "connection.json"
_POOL = {"min_size": 1, "max_size": 8, "timeout": 10}
# Django's own statements are never prepared; those of system.statements are, at once, and planned only once.
_PREPARED = {"prepare_threshold": 0, "options": "-c plan_cache_mode=force_generic_plan"}


class NotAPostgresUrl(ValueError):
    """DATABASE_URL must look like postgresql://user:password@host:5432/name."""


def connection_of(*, database_url: str | None, cluster_dir: Path) -> dict[str, Any]:
    """Say how to reach the database, as Django's connection fields.

    Without a URL and before the embedded server ever ran, the fields point at a socket that does not exist,
    so that the first query fails with a connection error and not with a guess at somebody else's server.
    """
    if database_url is not None:
        return _from_url(database_url)
    connection_file = cluster_dir / CONNECTION_FILE
    if connection_file.is_file():
        found = json.loads(connection_file.read_text(encoding="utf-8"))
        return {
            "NAME": found["database"],
            "USER": found["user"],
            "PASSWORD": found["password"],
            "HOST": found["host"],
            "PORT": str(found["port"]),
        }
    return {"NAME": "openboss", "USER": "openboss", "PASSWORD": "", "HOST": str(cluster_dir), "PORT": "5432"}


def _from_url(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    if parts.scheme not in ("postgres", "postgresql"):
        raise NotAPostgresUrl(url.split("@")[-1])
    query = dict(parse_qsl(parts.query))
    return {
        "NAME": unquote(parts.path.lstrip("/")) or "openboss",
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": query.pop("host", unquote(parts.hostname or "")),
        "PORT": str(parts.port or ""),
        "OPTIONS": query,
    }


def django_databases(*, database_url: str | None, cluster_dir: Path) -> dict[str, Any]:
    """Build Django's DATABASES: one database, a small pool a process, checked connections."""
    fields = connection_of(database_url=database_url, cluster_dir=cluster_dir)
    extra = fields.pop("OPTIONS", {})
    return {
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            **fields,
            "CONN_HEALTH_CHECKS": True,
            "OPTIONS": {"pool": dict(_POOL), "application_name": "openboss", **_PREPARED, **extra},
        }
    }
