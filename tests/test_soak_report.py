"""The page about the last soak: a part that is run again changes its own row alone."""

from datetime import UTC, datetime

from tests.soak_report import PAGE, Line, page

AT, LATER = datetime(2026, 11, 22, 4, tzinfo=UTC), datetime(2026, 11, 23, 5, tzinfo=UTC)
KILLS, FUZZ = "tests/a.py::test_engines_are_killed", "tests/b.py::test_messages_are_spoilt"


def lines(*names: str, runs: int = 1) -> dict[str, Line]:
    found = {name: Line() for name in names}
    for line in found.values():
        line.outcomes["passed"] += runs
    return found


def test_a_soak_of_one_test_keeps_the_rows_of_the_others_with_their_day_and_the_notes() -> None:
    first = page(lines(KILLS, FUZZ), AT) + "\nNot run: the rest.\n"
    again = page(lines(FUZZ, runs=3), LATER, first)
    assert again.splitlines()[-4:] == [
        "| engines are killed (`tests/a.py`), 2026-11-22 | 1 | 1 passed | 0 |  |",
        "| messages are spoilt (`tests/b.py`), 2026-11-23 | 3 | 3 passed | 0 |  |",
        "", "Not run: the rest."]  # fmt: skip
    assert page(lines(FUZZ, runs=3), LATER, again) == again


def test_rows_and_notes_written_by_hand_are_kept_and_get_the_day_they_lack() -> None:
    killed, rest = "| engines are killed (`tests/a.py`)", "13:02 UTC at load 20 | 9 | 9 passed | 660 | kills 45 |"
    kept = page(lines(FUZZ), LATER, page({}, AT) + f"{killed}, {rest}\n")
    assert f"{killed}, 2026-11-22, {rest}\n" in kept


def test_the_page_as_it_stands_loses_nothing_when_another_test_is_run() -> None:
    before = PAGE.read_text(encoding="utf-8")
    after = page(lines(FUZZ), LATER, before)
    rows = [line for line in before.splitlines() if line.startswith("| ") and not line.startswith("| Test ")]
    assert sum(line.startswith("| ") for line in after.splitlines()) == len(rows) + 2
    assert all(line.rsplit(" (`", 1)[0] in after and line.split(" | ", 1)[1] in after for line in rows)
    assert before.split(rows[-1])[1].strip() in after
