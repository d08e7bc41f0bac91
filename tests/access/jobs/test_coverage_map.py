"""The map of requirements: complete, honest and current."""

import json
from pathlib import Path

import pytest

from openboss.access.jobs.coverage_map import UnknownRow, as_json, as_markdown, coverage_map, requirement_rows

ROOT = Path(__file__).parents[3]


def _project(folder: Path, test_text: str) -> Path:
    (folder / "tests").mkdir()
    (folder / "src").mkdir()
    (folder / "tests" / "test_a.py").write_text(test_text, encoding="utf-8")
    (folder / "src" / "rating.py").write_text('"""Source: CHG-15."""', encoding="utf-8")
    return folder


def test_every_row_of_the_catalogue_is_known_once() -> None:
    rows = requirement_rows()
    assert len(rows) == 595
    assert all(rows.values())


def test_the_rows_are_those_of_the_specification() -> None:
    specification = ROOT.parent / "shared" / "spec" / "requirements.md"
    if not specification.exists():
        pytest.skip("the specification is not on this machine")
    lines = specification.read_text(encoding="utf-8").splitlines()
    ids = [line[2:8] for line in lines if line[:2] == "| " and line[5:6] == "-" and line[6:8].isdigit()]
    assert list(requirement_rows()) == ids


def test_a_row_is_proved_by_marked_tests_alone(tmp_path: Path) -> None:
    text = '@pytest.mark.requirement("CHG-15", "CHG-16")\ndef test_units(): ...\n\ndef test_plain(): """CHG-07"""\n'
    rows = {row.row_id: row for row in coverage_map(_project(tmp_path, text))}
    assert rows["CHG-15"].tests == ("tests/test_a.py::test_units",)
    assert rows["CHG-15"].files == ("src/rating.py",)
    assert rows["CHG-16"].tests == ("tests/test_a.py::test_units",)
    assert rows["CHG-07"].tests == ()


def test_a_mark_on_a_class_counts_for_its_tests(tmp_path: Path) -> None:
    text = '@pytest.mark.requirement("ACP-03")\nclass TestRun:\n    def test_restart(self): ...\n'
    rows = {row.row_id: row for row in coverage_map(_project(tmp_path, text))}
    assert rows["ACP-03"].tests == ("tests/test_a.py::TestRun::test_restart",)


def test_a_claim_of_a_row_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownRow, match="CHG-99"):
        coverage_map(_project(tmp_path, '@pytest.mark.requirement("CHG-99")\ndef test_a(): ...\n'))


def test_the_json_says_title_tests_and_files_of_each_row(tmp_path: Path) -> None:
    text = '@pytest.mark.requirement("CHG-15")\ndef test_units(): ...\n'
    found = json.loads(as_json(coverage_map(_project(tmp_path, text))))
    assert len(found) == 595
    assert found["CHG-15"] == {
        "title": "Charged duration",
        "tests": ["tests/test_a.py::test_units"],
        "files": ["src/rating.py"],
    }


def test_the_committed_map_is_current() -> None:
    rows = coverage_map(ROOT)
    assert (ROOT / "docs" / "map.json").read_text(encoding="utf-8") == as_json(rows), "run: make map"
    assert (ROOT / "docs" / "map.md").read_text(encoding="utf-8") == as_markdown(rows), "run: make map"
