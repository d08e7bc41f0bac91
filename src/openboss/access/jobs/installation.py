"""Makes this installation usable for a command: its database reachable, Django set up, and both let go at the end."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg

from openboss.access.jobs.postgres import Cluster
from openboss.config.database import connection_of
from openboss.config.options import options

_CONNECT_TIMEOUT_S = 5


def embedded_cluster() -> Cluster | None:
    """The embedded database of this installation, or None when it uses one of its own by URL."""
    chosen = options()
    if chosen.database_url is not None:
        return None
    return Cluster(chosen.cluster_dir, fsync=chosen.database_fsync)


@contextmanager
def open_installation() -> Iterator[None]:
    """Hold the database and have Django ready for the length of a block.

    Raises DatabaseNotStarted, NoPostgresBinaries, psycopg.OperationalError.
    """
    cluster = embedded_cluster()
    lease = cluster.lease() if cluster else None
    if cluster is None:
        connect().close()  # at once and clearly, before a pool waits for it
    try:
        set_up_django()
        yield
    finally:
        close_connections()
        if cluster and lease:
            cluster.release_and_stop(lease)


def connect() -> psycopg.Connection:
    """Open a connection of one's own, beside Django's. Raises psycopg.OperationalError within seconds."""
    chosen = options()
    fields = connection_of(database_url=chosen.database_url, cluster_dir=chosen.cluster_dir)
    return psycopg.connect(
        host=fields["HOST"],
        port=fields["PORT"] or None,
        user=fields["USER"],
        password=fields["PASSWORD"],
        dbname=fields["NAME"],
        connect_timeout=_CONNECT_TIMEOUT_S,
        **fields.get("OPTIONS", {}),
    )


def set_up_django() -> None:
    """Read the settings; the database's address is read here, so the server must have been started before."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "openboss.config.settings")
    import django

    django.setup()


def close_connections() -> None:
    """Close this process's connections and pools, so that the server can stop without waiting for them."""
    from django.conf import settings

    if not settings.configured:
        return
    from django.db import connections

    for connection in connections.all(initialized_only=True):
        connection.close()
        if close_pool := getattr(connection, "close_pool", None):
            close_pool()


def one_connection() -> Callable[[], None]:
    """Return what lets a callback of an event loop work on this thread's connection: call it first in each.

    Django keeps a connection for every callback where a loop runs, and never gives it back.
    """
    from django.db import connections

    mine = connections["default"]

    def use() -> None:
        connections["default"] = mine

    return use


def migrate(*, verbosity: int = 1) -> None:
    """Bring the database's tables to this version."""
    from django.core.management import call_command

    call_command("migrate", interactive=False, verbosity=verbosity)


def unapplied_migrations() -> list[str]:
    """Name the migrations this version has and the database has not."""
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _backwards in plan]
