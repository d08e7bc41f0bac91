"""Every text is in both languages, and nothing on a page comes from elsewhere or runs inline."""

import io
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import BinaryIO

import pytest
from babel.messages.mofile import read_mo, write_mo

ROOT = Path(__file__).parents[3]
CONSOLE = ROOT / "src/openboss/access/console"
TEMPLATES = sorted((CONSOLE / "templates").rglob("*.html"))


def _script(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "scripts" / name), *arguments], capture_output=True, text=True, check=False
    )


def test_every_text_of_the_console_is_translated() -> None:
    done = _script("console_messages.py", "--check")
    assert done.returncode == 0, done.stdout


def _texts(compiled: BinaryIO) -> dict[str, str]:
    return {str(message.id): str(message.string) for message in read_mo(compiled) if message.id}


def test_the_compiled_texts_are_those_of_the_source() -> None:
    sys.path.insert(0, str(ROOT / "scripts"))
    import console_messages

    with (console_messages.FOLDER / "django.mo").open("rb") as compiled:
        shipped = _texts(compiled)
    fresh = io.BytesIO()
    write_mo(fresh, console_messages.update())
    fresh.seek(0)
    assert shipped == _texts(fresh)


def test_vendored_files_are_those_of_the_manifest() -> None:
    done = _script("vendor_assets.py", "--check")
    assert done.returncode == 0, done.stdout


def test_the_notice_names_every_vendored_package() -> None:
    manifest = json.loads((CONSOLE / "static/console/vendor/manifest.json").read_text(encoding="utf-8"))
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8")
    assert [entry["package"] for entry in manifest["packages"] if entry["version"] not in notice] == []


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_a_page_has_nothing_inline_and_nothing_from_elsewhere(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert re.findall(r"\sstyle=|\son\w+=|<style|https?://(?!www\.w3\.org)|<script(?![^>]*\bsrc=)", source) == []
