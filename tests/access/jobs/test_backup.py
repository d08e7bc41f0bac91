"""The drill: back up, lose everything, restore, and compare."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

_FILL = (
    """
from openboss.modules.system.keys import encrypt
cursor.execute("CREATE TABLE drill (number int, secret bytea)")
cursor.execute("INSERT INTO drill SELECT n, %s FROM generate_series(1, 5000) AS n", [encrypt("张三")])
import polars, deltalake
from django.conf import settings
frame = polars.DataFrame({{"position": range(1000)}})
deltalake.write_deltalake(str(settings.LAKE_DIR / "drill"), frame.to_arrow())
""".replace("\n", "\n    ")
    .replace("{{", "{")
    .replace("}}", "}")
)
_READ = """
from openboss.modules.system.keys import decrypt
cursor.execute("SELECT count(*), sum(number), min(secret) FROM drill")
count, total, secret = cursor.fetchone()
import deltalake
from django.conf import settings
rows = deltalake.DeltaTable(str(settings.LAKE_DIR / "drill")).to_pyarrow_table().num_rows
cursor.execute("SELECT timeline FROM charging_engineowner")
print(count, total, decrypt(secret), rows, cursor.fetchone()[0])
""".replace("\n", "\n    ")


def _filled(new_installation: Callable[..., Any]) -> Any:
    old = new_installation()
    assert old.run("migrate", "--quiet").returncode == 0
    old.python(_FILL)
    return old


def test_a_restored_backup_has_every_row_every_file_and_a_new_timeline(
    new_installation: Callable[..., Any], tmp_path: Path
) -> None:
    old = _filled(new_installation)
    (old.data_dir / "engine").mkdir(exist_ok=True)
    os.mkfifo(old.data_dir / "engine" / "query.sock")  # a running engine has a socket among its files
    made = old.run("backup", str(tmp_path / "backup"), "--json")
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["files"] >= 3
    assert "keys.json" not in {path.name for path in (tmp_path / "backup").rglob("*")}

    new = new_installation()
    new.data_dir.mkdir(parents=True)
    shutil.copy(old.data_dir / "keys.json", new.data_dir / "keys.json")
    shutil.rmtree(old.data_dir / "lake")
    restored = new.run("restore", str(tmp_path / "backup"))
    assert restored.returncode == 0, restored.stderr
    assert new.python(_READ) == "5000 12502500 张三 1000 2"

    again = new.run("restore", str(tmp_path / "backup"))
    assert again.returncode == 1
    assert "has data already" in again.stderr
    assert new.python(_READ) == "5000 12502500 张三 1000 2"

    more = old.run("backup", str(tmp_path / "backup"))
    assert more.returncode == 1
    assert "choose an empty or a new one" in more.stderr


def test_a_backup_is_not_restored_when_damaged_or_with_other_keys(
    new_installation: Callable[..., Any], tmp_path: Path
) -> None:
    old = _filled(new_installation)
    backup = tmp_path / "backup"
    assert old.run("backup", str(backup)).returncode == 0
    new = new_installation()

    no_keys = new.run("restore", str(backup))
    assert (no_keys.returncode, "put that one in its place" in no_keys.stderr) == (1, True)
    assert not (new.data_dir / "lake").exists()

    with (backup / "database.dump").open("r+b") as dump:
        dump.seek(2000)
        dump.write(b"\0\0\0\0")
    checked = new.run("restore", "--check", str(backup))
    assert (checked.returncode, "database.dump has changed" in checked.stderr) == (1, True)
    (backup / "manifest.json").unlink()
    assert new.run("restore", str(backup)).returncode == 1
    assert not (new.data_dir / "lake").exists()
