"""Bring the console's translations up to date: collect the English texts, keep the Chinese, compile.

    python scripts/console_messages.py           update django.po and compile django.mo
    python scripts/console_messages.py --check   say what is missing or stale, change nothing (exit 1)

Needs only Babel; the compiled file is committed, so that nothing is compiled on an operator's machine.
"""

import argparse
import io
import re
import sys
from pathlib import Path

from babel.messages import Catalog
from babel.messages.extract import extract_python
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

CONSOLE = Path(__file__).resolve().parent.parent / "src/openboss/access/console"
SELFCARE, KIOSK = CONSOLE.parent / "selfcare", CONSOLE.parent / "kiosk"
FOLDER = CONSOLE / "locale/zh_Hans/LC_MESSAGES"
KEYWORDS = {"_": None, "gettext": None, "gettext_lazy": None, "ngettext": (1, 2), "pgettext": ((1, "c"), 2)}
TAG = re.compile(
    r"""\{%\s*trans\s+(?P<quote>["'])(?P<text>.*?)(?P=quote).*?%\}"""
    r"""|\{%\s*blocktrans\b(?P<head>.*?)%\}(?P<body>.*?)\{%\s*endblocktrans\s*%\}""",
    re.S,
)
VARIABLE = re.compile(r"\{\{\s*(\w+)\s*\}\}")


def _block(body: str) -> str | tuple[str, str]:
    """The message of a blocktrans as Django asks for it: %(name)s for variables, % doubled."""
    parts = re.split(r"\{%\s*plural\s*%\}", body)
    texts = [VARIABLE.sub(r"%(\1)s", part.replace("%", "%%")) for part in parts]
    return (texts[0], texts[1]) if len(texts) == 2 else texts[0]


def _files(pattern: str) -> list[tuple[Path, str]]:
    """The files of the console, of self-care and of kiosks, which share one catalog, each with its name."""
    folders = (CONSOLE, SELFCARE, KIOSK)
    return [(path, path.relative_to(folder).as_posix()) for folder in folders for path in sorted(folder.rglob(pattern))]


def collect() -> Catalog:
    """Every text of the code and templates people see, with where it stands."""
    found = Catalog(charset="utf-8")
    for path, where in _files("*.py"):
        for line, _function, messages, _comments in extract_python(io.BytesIO(path.read_bytes()), KEYWORDS, [], {}):
            texts = [messages] if isinstance(messages, str) else [text for text in messages if text]
            if texts:
                found.add(texts[0] if len(texts) == 1 else tuple(texts[:2]), locations=[(where, line)])
    for path, where in _files("*.html"):
        source = path.read_text(encoding="utf-8")
        for match in TAG.finditer(source):
            line = source.count("\n", 0, match.start()) + 1
            message = match["text"] if match["text"] is not None else _block(match["body"])
            found.add(message, locations=[(where, line)])
    return found


def update() -> Catalog:
    """The Chinese catalog with the texts of today; texts that are gone are dropped."""
    path = FOLDER / "django.po"
    kept = read_po(io.BytesIO(path.read_bytes()), locale="zh_Hans") if path.exists() else Catalog(locale="zh_Hans")
    fresh = Catalog(locale="zh_Hans", project="OpenBOSS", version="0.1", charset="utf-8", fuzzy=False)
    for message in collect():
        if message.id:
            old = kept.get(message.id)
            is_format = {"python-format"} & message.flags
            fresh.add(
                message.id,
                old.string if old else "",
                flags=is_format,
                locations=[(name, 0) for name, _ in message.locations[:1]],
            )
    return fresh


def untranslated(catalog: Catalog) -> list[str]:
    """Texts without a translation."""
    return [str(m.id) for m in catalog if m.id and not (all(m.string) if isinstance(m.string, tuple) else m.string)]


def main() -> int:
    """Update or check; say how many texts there are and which are missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    catalog = update()
    missing = untranslated(catalog)
    if not parser.parse_args().check:
        FOLDER.mkdir(parents=True, exist_ok=True)
        with (FOLDER / "django.po").open("wb") as po:
            write_po(po, catalog, sort_output=True, width=110, omit_header=False)
        with (FOLDER / "django.mo").open("wb") as mo:
            write_mo(mo, catalog)
    print(f"{len(catalog)} texts, {len(missing)} not translated")
    for text in missing:
        print(f"  {text!r}")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
