"""`openboss keys`: the keys of encrypted columns, and their rotation."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from openboss.access.jobs.installation import open_installation
from openboss.config.options import options
from openboss.modules.system import keys

keys_app = typer.Typer(help="Keys of encrypted columns.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.add_typer(keys_app, name="keys")


@keys_app.command()
def show(as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """Say where the key file is, which versions it has and its fingerprint (never the keys)."""
    path = options().keys_file
    ring = keys.open_keyring(path)
    facts = {"file": str(path), "versions": sorted(ring.by_version), "fingerprint": ring.fingerprint()}
    print(json.dumps(facts) if as_json else "\n".join(f"{name}: {value}" for name, value in facts.items()))


@keys_app.command()
def rotate(
    retire: Annotated[bool, typer.Option(help="Forget the old keys afterwards; older backups need their own.")] = False,
) -> None:
    """Add a new key, re-encrypt every column with it, and keep the old keys for reading unless told to forget them."""
    with open_installation():
        ring = keys.add_key_version(options().keys_file)
        print(f"new key version {ring.newest}")
        for name, rows in keys.rewrite_all().items():
            print(f"{name}: {rows} rows re-encrypted")
        if retire:
            keys.retire_old_versions(options().keys_file)
            print("older keys forgotten")


@keys_app.command()
def partner(name: Annotated[str, typer.Argument(help='For example "query", "bank ICBC" or "collector POST".')]) -> None:
    """Print the key shared with a partner, in hexadecimal: hand it over in a safe way, it proves who sends."""
    with open_installation():
        print(keys.key_for(name).hex())
