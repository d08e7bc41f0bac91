"""The command line: `openboss COMMAND --help`.

Exit codes: 0 done, 1 refused or found something wrong (the message says what to do), 2 wrong usage,
3 the database could not be reached.
"""

from __future__ import annotations

import inspect
import sys
from typing import Annotated

import psycopg
import typer

from openboss.access.jobs import (
    backup_command,
    bench_command,
    bill_command,
    charge_command,
    collect_command,
    coverage_map_command,
    demo_command,
    doctor_command,
    explain_command,
    generate_command,
    keys_command,
    up_command,
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
    demo_command,
    generate_command,
    collect_command,
    charge_command,
    bill_command,
    explain_command,
    bench_command,
    doctor_command,
    backup_command,
    coverage_map_command,
    keys_command,
):
    _commands.register(app)


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
    except psycopg.OperationalError as refused:
        print(f"openboss: the database cannot be reached: {refused}. Try `openboss doctor`.", file=sys.stderr)
        sys.exit(EXIT_NO_DATABASE)
    except Refused as refused:
        _fail(refused, EXIT_REFUSED)


def _fail(refused: Exception, code: int) -> None:
    sentence = inspect.cleandoc(type(refused).__doc__ or type(refused).__name__)
    print(f"openboss: {sentence}\n  {refused}", file=sys.stderr)
    sys.exit(code)


if __name__ == "__main__":
    main()
