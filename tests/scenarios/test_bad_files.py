"""Whatever lies in an inbox, the good files around it are taken, and what is bad waits aside with its reason."""

import os
from pathlib import Path

import pytest

from openboss.access.network.collector import collect_once
from openboss.modules.catalog.atomic import replace_reference
from openboss.modules.charging.models import UsageFile
from tests.access.network.network_operator import CALL, NOW, define, drop, place, reference, usage_text

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _operator() -> None:
    for name, frame in reference().items():
        replace_reference(name=name, frame=frame, at=NOW)
    define()


def good(number: int) -> bytes:
    return usage_text(number, [{**CALL, "call_ref": number}])


BAD = {
    "another version of the format": (b"GMSC01_000002.txt", good(2).replace(b"|1|GMSC01", b"|2|GMSC01")),
    "a name that is not text": (b"GMSC01_\xff\xfe.txt", good(2)),
    "a name as long as the system lets it be": (b"n" * 255, good(2)),
    "a name with a line break": (b"GMSC01_000002.txt\n.txt", good(2)),
    "a file of zeros, as a crashed copy leaves it": (b"GMSC01_000002.txt", b"\0" * 4096),
    "lines that end in the old way of another system": (b"GMSC01_000002.txt", good(2).replace(b"\n", b"\r")),
}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_file_waits_aside_and_the_good_ones_around_it_are_taken(tmp_path: Path, what: str) -> None:
    name, content = BAD[what]
    inbox = drop(tmp_path, "GMSC01_000001.txt", good(1)).parent
    descriptor = os.open(os.fsencode(inbox) + b"/" + name, os.O_WRONLY | os.O_CREAT)
    os.write(descriptor, content)
    os.close(descriptor)
    drop(tmp_path, "GMSC01_000003.txt", good(3))

    done = collect_once(place=place(tmp_path), now=lambda: NOW)

    assert (done.taken, done.held) == (2, 1)
    held = UsageFile.objects.get(state="HELD")
    assert held.cause
    [kept] = (tmp_path / "held" / "GMSC01").iterdir()
    assert kept.read_bytes() == content
    assert not [path for path in inbox.iterdir() if not path.name.startswith(".")]
    assert collect_once(place=place(tmp_path), now=lambda: NOW).held == 0


def test_a_folder_nobody_configured_does_not_stop_the_others_whatever_its_name(tmp_path: Path) -> None:
    for folder in (b"A" * 200, b"A\xff"):
        path = os.fsencode(tmp_path / "inbox") + b"/" + folder
        os.makedirs(path)
        Path(os.fsdecode(path + b"/x.txt")).write_bytes(good(9))
    drop(tmp_path, "GMSC01_000001.txt", good(1))

    done = collect_once(place=place(tmp_path), now=lambda: NOW)

    assert (done.taken, done.held) == (1, 2)
    assert set(UsageFile.objects.filter(state="HELD").values_list("error_code", flat=True)) == {"E105"}


def test_what_is_no_file_is_left_alone(tmp_path: Path) -> None:
    inbox = drop(tmp_path, "GMSC01_000001.txt", good(1)).parent
    (inbox / "GMSC01_000002.txt").mkdir()
    os.mkfifo(inbox / "GMSC01_000003.txt")
    (inbox / "GMSC01_000004.txt").symlink_to(tmp_path / "nowhere")
    done = collect_once(place=place(tmp_path), now=lambda: NOW)
    assert (done.taken, done.held, UsageFile.objects.count()) == (1, 0, 1)
