"""Options, database address, masked logs, clock, compiled cache."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from openboss.access.jobs import clock
from openboss.config import compiled_cache
from openboss.config.database import NotAPostgresUrl, connection_of
from openboss.config.logs import masked
from openboss.config.options import Options, options


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("OPENBOSS_DATA_DIR", "OPENBOSS_DATABASE_URL", "DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_without_anything_set_the_data_is_below_the_working_folder_and_the_database_embedded(folder: Path) -> None:
    chosen = Options()
    assert (chosen.data_dir, chosen.database_url) == (folder / "var", None)
    assert (chosen.timezone, chosen.shards) == ("Asia/Shanghai", 64)


def test_the_environment_wins_over_the_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "openboss.toml").write_text('web_port = 8100\nlanguage = "en"\ndatabase_url = "postgresql://file/x"\n')
    assert (Options().web_port, Options().database_url) == (8100, "postgresql://file/x")
    monkeypatch.setenv("OPENBOSS_WEB_PORT", "8200")
    monkeypatch.setenv("DATABASE_URL", "postgresql://environment/x")
    assert (Options().web_port, Options().language) == (8200, "en")
    assert Options().database_url == "postgresql://environment/x"


def test_a_misspelt_option_is_refused(folder: Path) -> None:
    (folder / "openboss.toml").write_text("web_prot = 8100\n")
    with pytest.raises(ValidationError, match="web_prot"):
        Options()


def test_a_database_url_becomes_the_fields_of_a_connection(tmp_path: Path) -> None:
    fields = connection_of(
        database_url="postgresql://boss:p%40ss@db.example:6432/prod?sslmode=require", cluster_dir=tmp_path
    )
    assert fields == {
        "NAME": "prod",
        "USER": "boss",
        "PASSWORD": "p@ss",
        "HOST": "db.example",
        "PORT": "6432",
        "OPTIONS": {"sslmode": "require"},
    }
    with pytest.raises(NotAPostgresUrl):
        connection_of(database_url="mysql://u:p@h/x", cluster_dir=tmp_path)


@pytest.mark.parametrize(
    ("written", "logged"),
    [
        ("call from 13900001234 ended", "call from 139****1234 ended"),
        ("+8613900001234", "+86139****1234"),
        ("id 42010619900101123X", "id 420106********123X"),
        ("position 123456789, bill 20261000000001", "position 123456789, bill 20261000000001"),
    ],
)
def test_logs_hide_the_middle_of_phone_and_identity_numbers(written: str, logged: str) -> None:
    assert masked(written) == logged


def test_a_traceback_in_the_log_is_masked_too(folder: Path) -> None:
    program = (
        "import logging; from openboss.config.logs import configure_logs; configure_logs(as_json=False, debug=False)\n"
        "try: raise ValueError('no user 13900001234')\n"
        "except ValueError: logging.getLogger('x').exception('failed for %s', '13900001234')"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stderr
    assert "139****1234" in said
    assert "13900001234" not in said


def test_a_pinned_clock_runs_on_from_there_for_every_process(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENBOSS_DATA_DIR", str(folder / "pinned"))
    options.cache_clear()
    clock.shift.cache_clear()
    try:
        assert not clock.is_pinned()
        assert abs(clock.now() - datetime.now(UTC)) < timedelta(seconds=5)
        moment = datetime(2026, 11, 12, 1, 0, tzinfo=UTC)
        for _ in range(20):  # what was written down at the moment is never in the future
            clock.pin(moment)
            assert timedelta(0) <= clock.now() - moment < timedelta(seconds=5)
        assert clock.today().isoformat() == "2026-11-12"
        said = subprocess.run(
            [sys.executable, "-c", "from openboss.access.jobs import clock; print(clock.now().isoformat())"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        assert timedelta(0) <= datetime.fromisoformat(said.strip()) - moment < timedelta(minutes=2)
    finally:
        options.cache_clear()
        clock.shift.cache_clear()


def test_local_seconds_count_on_the_operators_wall_clock() -> None:
    assert clock.local_s(datetime(1969, 12, 31, 16, 0, tzinfo=UTC)) == 0
    assert clock.local_s(datetime(2026, 10, 1, 0, 0, tzinfo=clock.operator_timezone())) == 20727 * 86400


def test_what_a_file_imports_is_in_the_name_of_the_folder_of_its_compiled_code() -> None:
    sources = Path(compiled_cache.__file__).resolve().parents[1]
    under = compiled_cache.sources_under(sources / "kernel" / "records.py")
    assert {sources / "kernel" / name for name in ("records.py", "rating.py", "usage.py", "tariffs.py")} <= under
    assert sources / "modules" / "charging" / "canonical.py" not in under


def test_the_folder_of_compiled_code_changes_with_what_its_file_imports_and_with_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "openboss"
    package.mkdir()
    files = {"leaf": "PRICE = 1\n", "other": "X = 1\n", "caller": "from openboss.leaf import (\n    PRICE,\n)\n"}
    for name, text in files.items():
        (package / f"{name}.py").write_text(text)
    monkeypatch.setattr(compiled_cache, "_SOURCES", tmp_path)
    before = _folder_now(package / "caller.py")
    (package / "other.py").write_text("X = 2\n")
    assert _folder_now(package / "caller.py") == before
    (package / "leaf.py").write_text("PRICE = 2\n")
    assert _folder_now(package / "caller.py") != before


def _folder_now(source: Path) -> Path:
    """As another process would name it."""
    compiled_cache._hash_of.cache_clear()
    compiled_cache._imported_by.cache_clear()
    return compiled_cache.folder_of(source)
