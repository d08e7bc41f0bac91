"""`openboss tariff` and `openboss quote` as an operator types them: exit codes, JSON, messages; no database."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from openboss.access.jobs.cli import app
from openboss.access.jobs.quote_command import ExpectationFailed, QuoteNotWorkedOut
from openboss.access.jobs.tariff_command import TariffsWrong

EXAMPLE = Path(__file__).parents[3] / "example"
QUOTE = """\
format: 1
tariffs: [tariffs]
user: {products: [{offer: GOTONE_98}]}
events: [{at: "2026-10-05T10:00:00", record: MOC, duration_s: 61}]
expect: {events: [{free: [{rule: GOTONE_98/MIN, units: 2}], actual: "0.00"}]}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two documents."""
    (tmp_path / "tariffs").mkdir()
    for name in ("standard.yaml", "gotone_98.yaml"):
        shutil.copy(EXAMPLE / "tariffs" / name, tmp_path / "tariffs" / name)
    return tmp_path


def run(*arguments: str | Path, code: int = 0, given: str | None = None) -> str:
    result = CliRunner().invoke(app, [str(one) for one in arguments], input=given)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result.stdout


def change(folder: Path, before: str, after: str) -> None:
    document = folder / "tariffs" / "gotone_98.yaml"
    document.write_text(document.read_text(encoding="utf-8").replace(before, after), encoding="utf-8")


def test_right_documents_are_counted_and_compiled(folder: Path) -> None:
    assert run("tariff", "check", folder / "tariffs") == "2 documents with 5 versions are right\n"
    facts = json.loads(run("tariff", "compile", folder / "tariffs", "--json"))
    assert (facts["offers"], facts["versions"], facts["free_resources"]) == (2, 5, 1)


def test_a_wrong_document_is_named_with_line_field_and_remedy_in_the_language_of_the_reader(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    change(folder, "unit: 60 s", "unit: 60 x")
    with pytest.raises(TariffsWrong, match="gotone_98.yaml, line 16: .*60 x"):
        run("tariff", "check", folder / "tariffs")
    with pytest.raises(TariffsWrong, match="gotone_98.yaml 第 16 行：prices OVER: unit '60 x' 不是计量"):
        run("tariff", "check", folder / "tariffs", "--language", "zh")
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    with pytest.raises(TariffsWrong, match="第 16 行"):
        run("tariff", "check", folder / "tariffs")
    found = json.loads(run("tariff", "check", folder / "tariffs", "--json", code=1))
    assert (found["documents"], [one["code"] for one in found["problems"]]) == (1, ["not_measure"])


def test_a_comparison_names_the_version_the_rule_and_the_field(folder: Path) -> None:
    assert run("tariff", "diff", EXAMPLE / "tariffs" / "gotone_98.yaml", folder / "tariffs" / "gotone_98.yaml") == ""
    change(folder, 'price: "0.40"', 'price: "0.38"')
    said = run("tariff", "diff", EXAMPLE / "tariffs" / "gotone_98.yaml", folder / "tariffs" / "gotone_98.yaml", code=1)
    assert said == 'GOTONE_98\n  2003-01-01 prices OVER price: "0.40" -> "0.38"\n'


def test_a_quote_is_answered_and_compared(folder: Path) -> None:
    quote = folder / "quote.yaml"
    quote.write_text(QUOTE, encoding="utf-8")
    answer = json.loads(run("quote", quote))
    assert (answer["format"], answer["events"][0]["standard"]) == (1, "0.80")
    assert run("quote", quote, "--check") == "1 cases answer what they expect\n"
    quote.write_text(QUOTE.replace('actual: "0.00"', 'actual: "0.80"'), encoding="utf-8")
    with pytest.raises(ExpectationFailed, match=r"events\[0\].actual: '0.80' is expected, '0.00' answered"):
        run("quote", quote, "--check")


def test_a_wrong_quote_names_the_place_in_the_language_of_the_reader(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    quote = folder / "quote.yaml"
    quote.write_text(QUOTE.replace("duration_s: 61", "duration: 61"), encoding="utf-8")
    with pytest.raises(QuoteNotWorkedOut, match=r"events\[0\].duration: a event has no such field"):
        run("quote", quote)
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    with pytest.raises(QuoteNotWorkedOut, match=r"events\[0\].duration：event 没有这个字段；可用的字段有 user, at"):
        run("quote", quote)


def test_many_quotes_are_answered_line_by_line(folder: Path) -> None:
    one = {"format": 1, "tariffs": [str(folder / "tariffs")]}
    call = {"at": "2026-10-05T10:00:00", "record": "MOC", "duration_s": 61}
    lines = [json.dumps({**one, "events": [call]}), json.dumps({**one, "events": [{**call, "record": "TALK"}]})]
    answers = [json.loads(line) for line in run("quote", "-", "--lines", given="\n".join(lines)).splitlines()]
    assert answers[0]["events"][0]["actual"] == "0.80"
    assert answers[1]["refused"][0].startswith("events[0].record: 'TALK' is wrong; write one of MOC, MTC")


def test_the_form_of_a_document_is_published_as_a_json_schema() -> None:
    schema = json.loads(run("tariff", "schema"))
    assert schema["$schema"].startswith("https://json-schema.org/draft/2020-12")
    assert {"offer", "offer_id", "names", "kind", "versions"} <= schema["properties"].keys()


def test_the_form_of_a_quote_is_published_as_a_json_schema() -> None:
    schema = json.loads(run("quote", "-", "--schema"))
    assert schema["$defs"]["quote"]["required"] == ["format", "tariffs"]
    assert "GOTONE" not in json.dumps(schema)


def test_an_open_quote_answers_one_event_after_another_each_with_what_those_before_left(folder: Path) -> None:
    quote = folder / "quote.yaml"
    opening = "opening: {free: [{rule: GOTONE_98/MIN, left: 3}]}"
    user = f"user: {{products: [{{offer: GOTONE_98}}], {opening}}}"
    quote.write_text(f"format: 1\ntariffs: [tariffs]\ncycle: 202610\n{user}\n", encoding="utf-8")
    call = {"at": "2026-10-05T10:00:00", "record": "MOC", "duration_s": 61}
    lines = [call, {**call, "record": "TALK"}, call, {"at": "2026-11-01T02:00:00", "close": 202610},
             {**call, "at": "2026-11-05T10:00:00"}]  # fmt: skip
    said = run("quote", quote, "--events", given="\n".join(map(json.dumps, lines)))
    one, wrong, two, closed, next_month = map(json.loads, said.splitlines())
    assert (one["actual"], two["actual"], next_month["actual"]) == ("0.00", "0.40", "0.00")
    assert wrong["refused"][0].startswith("event.record: 'TALK' is wrong; write one of MOC, MTC")
    assert ([used["units"] for used in two["free"]], two["event"], closed["closed"]) == ([1], 2, 202610)
