"""Every job of the worker and every action of the audit log has a word in the reader's language."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from django.utils import translation

from openboss.access.console.words import WORDS
from openboss.access.jobs.online_doors import DROPS
from openboss.access.network.diameter import avps, wire
from openboss.access.network.diameter.peers import NONSENSE, TOO_MANY

SOURCE = Path(__file__).parents[3] / "src" / "openboss"


def _calls(*folders: str) -> Iterator[ast.Call]:
    for folder in folders:
        for path in sorted((SOURCE / folder).rglob("*.py")):
            yield from (
                node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)
            )


def _texts(values: list[ast.expr]) -> set[str]:
    return {one.value for one in values if isinstance(one, ast.Constant) and isinstance(one.value, str)}


def tasks() -> set[str]:
    """The names of the worker's tasks."""
    made = [call for call in _calls("access") if ast.unparse(call.func) == "app.task"]
    return _texts([given.value for call in made for given in call.keywords if given.arg == "name"])


def actions() -> set[str]:
    """What is written into the audit log: `action="..."`, or the first value given to a function that writes audit."""
    found: set[str] = set()
    for call in _calls("modules", "processes", "access/console"):
        found |= _texts([given.value for given in call.keywords if given.arg == "action"])
        if "audit" in ast.unparse(call.func).rpartition(".")[2]:
            found |= _texts(call.args[:1])
    return {one for one in found if re.fullmatch(r"[a-z]+\.[a-z_]+", one)}


def _without_chinese(vocabulary: str, codes: set[str]) -> list[str]:
    with translation.override("zh-hans"):
        words = {code: str(word.text) for code, word in WORDS[vocabulary].items()}
    return sorted(code for code in codes if not re.search(r"[\u4e00-\u9fff]", words.get(code, "")))


def test_every_task_of_the_worker_has_a_word_and_no_word_is_left_over() -> None:
    assert len(tasks()) > 15
    assert _without_chinese("job", tasks()) == []
    assert set(WORDS["job"]) == tasks()


def test_every_action_of_the_audit_log_has_a_word() -> None:
    assert len(actions()) > 100
    assert _without_chinese("audit_action", actions()) == []


def test_whatever_a_door_of_charging_turns_down_has_a_word() -> None:
    codes = {f"RADIUS {cause}" for cause in DROPS} | {f"DIAMETER {cause}" for cause in (NONSENSE, TOO_MANY)}
    for module in (avps, wire):
        given = (value for value in vars(module).values() if isinstance(value, int))
        codes |= {f"DIAMETER {int(value)}" for value in given if 3001 <= value <= 3010 or 5001 <= value <= 5030}
    for call in _calls("access/network/nchf"):
        if ast.unparse(call.func).endswith("Refused"):
            codes |= {f"NCHF {cause}" for cause in _texts(call.args[1:2])}
    assert len(codes) > 20
    assert sorted(codes - set(WORDS["door_refusal"])) == []
