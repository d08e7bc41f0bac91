"""Every cause that collection notes is put into words of the reader's language."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.utils import translation

from openboss.access.console.causes import cause_text

SOURCE = Path(__file__).parents[3] / "src" / "openboss"
REFUSALS = ("Undecodable", "TrailerMismatch")


def noted_causes() -> Iterator[str]:
    """The text of every refusal in decoders and collection, with 7 for whatever is filled in."""
    files = [*(SOURCE / "access/network").rglob("*.py"), *(SOURCE / "modules/charging").rglob("*.py")]
    for path in sorted(files):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in REFUSALS:
                yield from texts(node.args[0])


def texts(node: ast.expr) -> list[str]:
    if isinstance(node, ast.IfExp):
        return [*texts(node.body), *texts(node.orelse)]
    if isinstance(node, ast.JoinedStr):
        return ["".join(str(part.value) if isinstance(part, ast.Constant) else "7" for part in node.values)]
    return [str(ast.literal_eval(node))]


@pytest.mark.parametrize(
    "cause",
    [
        *sorted(set(noted_causes())),
        "the same content was taken as file 7",
        "the name was taken as file 7",
        "sequence number 7 was taken as file 7",
        "sequence number 7 is more than 7 from the last, 7",
        "sequence number 7 is not one of 7 to 7",
        "sequence numbers 7 to 7 are missing",
        "file 7 is missing",
        "no active source is configured for this folder",
        "7 records came in, 7 are accounted for",
        "two calls of one user at switches 7 and 7, 7 s at once",
        "only 7 MiB of disk are free",
        "collection stopped: No space left on device",
    ],
)
def test_a_cause_is_told_in_chinese(cause: str) -> None:
    with translation.override("zh-hans"):
        assert re.search(r"[\u4e00-\u9fff]", cause_text(cause)), cause_text(cause)
