"""`openboss quote`: what use costs under some tariff documents; no database."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from openboss.access.jobs.generate_base import EXAMPLE
from openboss.access.jobs.installation import set_up_django
from openboss.access.jobs.refusals import Refused, language_of_terminal


class QuoteNotWorkedOut(Refused):
    """The quote cannot be worked out; each line says where in it, what stands there and what would be right."""


class ExpectationFailed(Refused):
    """The answer is not what the file expects; each line says where."""


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command()(quote)


def quote(
    file: Annotated[Path, typer.Argument(help="The quote, JSON or YAML; - reads it from the standard input.")],
    lines: Annotated[bool, typer.Option("--lines", help="One quote a line (JSON), one answer a line.")] = False,
    events: Annotated[
        bool, typer.Option("--events", help="Open the quote, then answer events from the standard input, one a line.")
    ] = False,
    check: Annotated[bool, typer.Option("--check", help="Only compare with what the file expects.")] = False,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON Schema; FILE is not read.")] = False,
    reference: Annotated[Path, typer.Option(help="The operator's reference tables.")] = EXAMPLE / "reference",
) -> None:
    """Say what events cost under tariff documents, what they use up, and the month's bill (docs/formats/quote.md)."""
    set_up_django()
    from openboss.processes import quote as quotes

    if schema:
        print(json.dumps(quotes.json_schema(), indent=1))
        return
    if lines:
        _answer_lines(sys.stdin if str(file) == "-" else file.open(encoding="utf-8"), reference)
        return
    if events:
        _answer_events(file, reference)
        return
    text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    beside = Path() if str(file) == "-" else file.parent
    try:
        cases = quotes.cases_of(_parsed(text))
        answers = [_answer(case, reference, beside) for case in cases]
    except quotes.QuoteRefused as refused:
        raise QuoteNotWorkedOut(f"{file.name}: {refused.of(language_of_terminal())}") from refused
    except yaml.YAMLError as refused:
        raise QuoteNotWorkedOut(f"{file.name}: {refused}") from refused
    if check:
        _compare(cases, answers)
        return
    print(json.dumps(answers[0] if len(answers) == 1 else answers, ensure_ascii=False, indent=1))


def _parsed(text: str) -> Any:
    """Read JSON fast, anything else as YAML."""
    try:
        return json.loads(text)
    except ValueError:
        return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def _answer(case: dict[str, Any], reference: Path, beside: Path) -> dict[str, Any]:
    """Work one case out; a case that expects to be refused is answered by the refusal."""
    from openboss.processes import quote as quotes

    try:
        return quotes.quote(case, reference=reference, beside=beside)
    except quotes.QuoteRefused as refused:
        if not isinstance(case, dict) or "refused" not in (case.get("expect") or {}):
            raise
        return {"refused": refused.problems}


def _compare(cases: list[dict[str, Any]], answers: list[dict[str, Any]]) -> None:
    from openboss.processes import quote as quotes

    wrong = [
        f"{case.get('name') or number}: {line}"
        for number, (case, answer) in enumerate(zip(cases, answers, strict=True), 1)
        for line in quotes.differences(case.get("expect") or {}, answer)
    ]
    if wrong:
        raise ExpectationFailed("\n  ".join(wrong))
    print(f"{len(cases)} cases answer what they expect")


def _answer_events(file: Path, reference: Path) -> None:
    """Answer event after event of users whose quote is open; each finds what those before it left."""
    from openboss.processes import quote as quotes

    try:
        opened = quotes.open_quote(_parsed(file.read_text(encoding="utf-8")), reference=reference, beside=file.parent)
    except quotes.QuoteRefused as refused:
        raise QuoteNotWorkedOut(f"{file.name}: {refused.of(language_of_terminal())}") from refused
    except yaml.YAMLError as refused:
        raise QuoteNotWorkedOut(f"{file.name}: {refused}") from refused
    _answer_each(sys.stdin, opened.answer)


def _answer_lines(incoming: Iterator[str], reference: Path) -> None:
    """Answer quote after quote."""
    from openboss.processes import quote as quotes

    _answer_each(incoming, lambda case: quotes.quote(case, reference=reference, beside=Path()))


def _answer_each(incoming: Iterator[str], work_out: Callable[[Any], dict[str, Any]]) -> None:
    """Answer line after line at once; one that cannot be worked out gets its refusal as its answer."""
    for line in incoming:
        if not line.strip():
            continue
        try:
            answer = work_out(json.loads(line))
        except ValueError as refused:  # QuoteRefused, or a line that is no JSON
            answer = {"refused": getattr(refused, "problems", [str(refused)])}
        print(json.dumps(answer, ensure_ascii=False), flush=True)
