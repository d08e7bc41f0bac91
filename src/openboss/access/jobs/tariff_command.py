"""`openboss tariff`: tariff documents checked, compiled, compared, read into the catalog and written out of it."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
import yaml

from openboss.access.jobs import clock
from openboss.access.jobs.generate_base import EXAMPLE
from openboss.access.jobs.installation import open_installation, set_up_django
from openboss.access.jobs.refusals import Refused, language_of_terminal

if TYPE_CHECKING:
    from openboss.modules.catalog.functions import OfferDocument, Problem

Reference = Annotated[Path, typer.Option(help="The operator's reference tables (bill items, limits).")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Language = Annotated[str, typer.Option(help="zh or en: the language of problems; else that of the terminal.")]
Documents = Annotated[list[Path], typer.Argument(help="Tariff documents, or folders of them.")]


class TariffsWrong(Refused):
    """Some tariff documents cannot be used; each line says where, what stands there and what would be right."""


class TariffsNotCompiled(Refused):
    """The tariff documents are well formed, but cannot be compiled together; the message says why."""


class TariffsNotImported(Refused):
    """The tariffs were not read into the catalog; nothing was changed."""


class NoSuchOffer(Refused):
    """The catalog has no offer of this code; `openboss tariff export --all` writes all of them."""


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    tariff = typer.Typer(help="Tariff documents (docs/formats/tariffs.md).", no_args_is_help=True)
    for command, name in (
        (check, ""),
        (compile_, "compile"),
        (diff, ""),
        (import_, "import"),
        (export, ""),
        (schema, ""),
    ):
        tariff.command(name or None)(command)
    app.add_typer(tariff, name="tariff")


def check(
    documents: Documents,
    reference: Reference = EXAMPLE / "reference",
    as_json: AsJson = False,
    language: Language = "",
) -> None:
    """Check documents against grammar, bill items and regulated limits; exit 1 and all problems if any is wrong."""
    set_up_django()
    read, problems = _read(documents, reference)
    if as_json:
        told = [_as_json(problem) for problem in problems]
        print(json.dumps({"documents": len(read), "problems": told}, ensure_ascii=False, indent=1))
        if problems:
            sys.exit(1)
        return
    if problems:
        raise TariffsWrong(_lines(problems, language))
    print(f"{len(read)} documents with {sum(len(one.versions) for one in read)} versions are right")


def _lines(problems: list[Problem], language: str = "") -> str:
    return "\n  ".join(problem.of(language or language_of_terminal()) for problem in problems)


def _as_json(problem: Problem) -> dict[str, Any]:
    place = {"file": problem.file, "line": problem.line, "section": problem.section, "rule": problem.rule}
    return {**place, "code": problem.code, "zh": problem.sentence("zh"), "en": problem.sentence("en")}


def _read(documents: list[Path], reference: Path) -> tuple[list[OfferDocument], list[Problem]]:
    """Read all documents named; what is right, and every problem of the others."""
    from openboss.modules.catalog.functions import DocumentRefused, Problem, limits_of_file, read_document, read_items

    codes, limits = {item.code for item in read_items(reference)}, limits_of_file(reference)
    read: list[OfferDocument] = []
    problems: list[Problem] = []
    for path in _files(documents):
        try:
            read.append(read_document(path, item_codes=codes, limits=limits))
        except DocumentRefused as refused:
            problems += refused.problems
        except OSError as refused:
            problems.append(Problem("no_file", {"error": refused.strerror}, str(path)))
    return read, problems


def _files(documents: list[Path]) -> list[Path]:
    return [file for path in documents for file in (sorted(path.glob("*.yaml")) if path.is_dir() else [path])]


def compile_(documents: Documents, reference: Reference = EXAMPLE / "reference", as_json: AsJson = False) -> None:
    """Check documents and compile them together into the engine's tables; say what they came to."""
    set_up_django()
    from openboss.modules.catalog.functions import TariffRefused, compile_tariffs, hash_of_tables, read_items
    from openboss.processes.quote.tariffs import numbered

    read, problems = _read(documents, reference)
    if problems:
        raise TariffsWrong(_lines(problems))
    try:
        tables = compile_tariffs(numbered(read), read_items(reference))
    except TariffRefused as refused:
        raise TariffsNotCompiled(refused.of(language_of_terminal())) from refused
    facts = {
        "offers": len(read),
        "versions": len(tables.version_from_s),
        "prices": len(tables.price),
        "free_resources": len(tables.free_rule),
        "bytes": sum(getattr(array, "nbytes", 0) for array in tables),
        "sha256": hash_of_tables(tables),
    }
    print(json.dumps(facts, indent=1) if as_json else "\n".join(f"{name:<15} {value}" for name, value in facts.items()))


def diff(
    before: Annotated[Path, typer.Argument(help="A document, or a folder of them.")],
    after: Annotated[Path, typer.Argument(help="A document, or a folder of them.")],
    as_json: AsJson = False,
) -> None:
    """Compare documents rule by rule; exit 1 if they differ, 0 if they do not."""
    set_up_django()
    from openboss.modules.catalog.functions import differences

    older, newer = _by_offer(before), _by_offer(after)
    changes = {code: differences(older.get(code), newer.get(code)) for code in sorted(older.keys() | newer.keys())}
    found = {code: [asdict(one) for one in rows] for code, rows in changes.items() if rows}
    if as_json:
        print(json.dumps(found, ensure_ascii=False, indent=1, default=str))
    for code, rows in {} if as_json else found.items():
        print(code)
        for row in rows:
            place = " ".join(part for part in (row["version"], row["section"], row["rule"], row["field"]) if part)
            print(f"  {place}: {_short(row['before'])} -> {_short(row['after'])}")
    sys.exit(1 if found else 0)


def _short(value: Any) -> str:
    text = "-" if value is None else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 100 else f"{text[:97]}..."


def _by_offer(path: Path) -> dict[str, dict[str, Any]]:
    try:
        read = [yaml.safe_load(file.read_text(encoding="utf-8")) for file in _files([path])]
    except (OSError, yaml.YAMLError) as refused:
        raise TariffsWrong(f"{path}: {refused}") from refused
    wrong = [one for one in read if not isinstance(one, dict) or "offer" not in one]
    if wrong:
        raise TariffsWrong(f"{path}: a tariff document begins with 'offer: CODE'")
    return {one["offer"]: one for one in read}


def import_(
    folder: Annotated[Path, typer.Argument(help="The folder of documents.")],
    publish: Annotated[bool, typer.Option("--publish", help="Publish them and give them to the engine.")] = False,
    as_json: AsJson = False,
) -> None:
    """Read documents that are in force elsewhere into the catalog, as approved and filed before; all or none."""
    with open_installation():
        from openboss.modules.catalog import functions as catalog
        from openboss.modules.charging.functions.engine import publish_tariffs

        try:
            written = catalog.import_tariffs(folder, at=clock.now())
            if publish:
                publication = catalog.publish(at=clock.now())
                publish_tariffs(publication.path, publication.sha256)
        except (
            catalog.DocumentRefused,
            catalog.TariffRefused,
            catalog.VersionPublished,
            catalog.OfferIdTaken,
        ) as refused:
            raise TariffsNotImported(f"{(type(refused).__doc__ or '').strip()}\n  {refused}") from refused
    changed = {code: versions for code, versions in written.items() if versions}
    if as_json:
        print(json.dumps({"documents": len(written), "versions_written": changed}, ensure_ascii=False))
        return
    print(
        f"{len(written)} documents read, {sum(changed.values())} versions new or changed: {', '.join(changed) or '-'}"
    )


def export(
    code: Annotated[str, typer.Argument(help="The offer's code.")] = "",
    to: Annotated[Path | None, typer.Option(help="Write into this folder, one file an offer.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All offers of the catalog.")] = False,
) -> None:
    """Write offers with all their versions as documents."""
    with open_installation():
        from openboss.modules.catalog import functions as catalog

        wanted = {offer.code: offer.offer_id for offer in catalog.offers() if everything or offer.code == code}
        if not wanted:
            raise NoSuchOffer(code or "name an offer, or --all")
        texts = {
            name: yaml.safe_dump(catalog.document_of(offer_id), allow_unicode=True, sort_keys=False, width=110)
            for name, offer_id in wanted.items()
        }
    for name, text in texts.items():
        if to is None:
            print(text)
        else:
            to.mkdir(parents=True, exist_ok=True)
            (to / f"{name.lower()}.yaml").write_text(text, encoding="utf-8")


def schema() -> None:
    """Print the JSON Schema of a tariff document, for editors: they complete and check while one types."""
    set_up_django()
    from openboss.modules.catalog.functions import document_schema

    print(json.dumps(document_schema(), ensure_ascii=False, indent=1))
