"""The command line: `openboss COMMAND --help`.

Exit codes: 0 done, 1 refused or found something wrong (the message says what to do), 2 wrong usage,
3 the database could not be reached, or was lost while the command ran.
"""

from __future__ import annotations

import errno
import inspect
import os
import sys
from typing import Annotated

import psycopg
import typer
from django.db import InterfaceError, OperationalError, ProgrammingError

from openboss.access.jobs import (
    backup_command,
    bench_command,
    best_plan_command,
    bill_command,
    charge_command,
    client_command,
    collect_command,
    coverage_map_command,
    demo_command,
    doctor_command,
    explain_command,
    figures_command,
    generate_command,
    keys_command,
    network_command,
    quote_command,
    rerate_command,
    services_command,
    staff_command,
    tariff_command,
    up_command,
    warm_up_command,
)
from openboss.access.jobs.installation import migrate as run_migrations
from openboss.access.jobs.installation import open_installation
from openboss.access.jobs.postgres import DatabaseNotStarted
from openboss.access.jobs.postgres.binaries import NoPostgresBinaries
from openboss.access.jobs.refusals import Refused

EXIT_REFUSED = 1
EXIT_NO_DATABASE = 3

app = typer.Typer(
    name="openboss",
    help="OpenBOSS: collect usage, rate it, bill it, and explain every bill.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
for _commands in (
    up_command,
    warm_up_command,
    demo_command,
    generate_command,
    collect_command,
    charge_command,
    bill_command,
    explain_command,
    figures_command,
    bench_command,
    best_plan_command,
    doctor_command,
    backup_command,
    coverage_map_command,
    keys_command,
    network_command,
    quote_command,
    client_command,
    staff_command,
    tariff_command,
    rerate_command,
    services_command,
):
    _commands.register(app)


class NoTables(Refused):
    """The database has not all tables of this version: run `openboss migrate` (`openboss up` does it too)."""


@app.command()
def migrate(quiet: Annotated[bool, typer.Option(help="Say nothing when all goes well.")] = False) -> None:
    """Bring the database's tables to this version."""
    with open_installation():
        run_migrations(verbosity=0 if quiet else 1)


def main() -> None:
    """Run the command line; expected refusals become one sentence and an exit code, bugs keep their traceback."""
    try:
        app()
    except (DatabaseNotStarted, NoPostgresBinaries) as refused:
        _fail(refused, EXIT_NO_DATABASE)
    except (psycopg.OperationalError, OperationalError, InterfaceError) as refused:
        _stop_without_database(refused)
    except ProgrammingError as fault:
        if not isinstance(fault.__cause__, psycopg.errors.UndefinedTable):
            raise
        _fail(NoTables(str(fault.__cause__).splitlines()[0]), EXIT_REFUSED)
    except Refused as refused:
        _fail(refused, EXIT_REFUSED)
    except OSError as fault:
        if not _is_disk_full(fault):
            raise
        _stop_on_full_disk(fault)


def _fail(refused: Exception, code: int) -> None:
    sentence = inspect.cleandoc(type(refused).__doc__ or type(refused).__name__)
    print(f"openboss: {sentence}\n  {refused}", file=sys.stderr)
    sys.exit(code)


def _stop_without_database(fault: Exception) -> None:
    if isinstance(fault.__cause__ or fault, psycopg.errors.DiskFull):
        _stop_on_full_disk(fault)
    print(f"openboss: the database cannot be reached: {fault}. Try `openboss doctor`.", file=sys.stderr)
    sys.exit(EXIT_NO_DATABASE)


def _is_disk_full(fault: OSError) -> bool:
    """The lake's library reports the system's words without its number."""
    full = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    return fault.errno in full or any(os.strerror(number) in str(fault) for number in full)


def _stop_on_full_disk(fault: Exception) -> None:
    print(
        f"openboss: the disk is full: {fault}\n  Make room and run the command again: it goes on where it stopped, "
        "nothing is lost and nothing is done twice.",
        file=sys.stderr,
    )
    sys.exit(EXIT_REFUSED)


if __name__ == "__main__":
    main()
