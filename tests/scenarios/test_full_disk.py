"""A full disk stops collecting and rating with a message; with room again they go on to the same totals.

The lake lies on a small file system of memory, so that both our own writes and those of the table's library fail as
they would on a real disk. Mounting one needs root; elsewhere the test is skipped.
"""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.scenarios.findings import differences, doubled, facts
from tests.scenarios.strikes import CLOSE_IN_PARTS
from tests.scenarios.worlds import World

MESSAGE = "openboss: the disk is full: "
WHAT_TO_DO = "Make room and run the command again"


class SmallDisk:
    """A file system of memory under a folder, filled up or with room at will."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def mount(self) -> bool:
        kept = self.folder.with_name("kept")
        self.folder.rename(kept)
        self.folder.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", self.folder], check=False).returncode:
            return False
        shutil.copytree(kept, self.folder, dirs_exist_ok=True)
        return True

    def leave_room_of(self, kilobytes: int) -> None:
        used = sum(path.stat().st_blocks for path in self.folder.rglob("*")) // 2
        subprocess.run(["mount", "-o", f"remount,size={used + kilobytes}k", self.folder], check=True)

    def unmount(self) -> None:
        subprocess.run(["umount", self.folder], check=False)


def run_on_a_full_disk(world: World, disk: SmallDisk, command: str, room_kb: list[int]) -> None:
    """Run a command with ever more room: it stops and says why until there is enough."""
    for room in room_kb:
        disk.leave_room_of(room)
        heard_before = len(world.heard()) if (world.data_dir / "said.txt").exists() else 0
        assert world.run(command) == 1, world.heard()
        said = world.heard()[heard_before:]
        assert MESSAGE in said and WHAT_TO_DO in said
        assert "Traceback" not in said
    disk.leave_room_of(50_000)
    assert world.run(command) == 0, world.heard()


def test_a_full_disk_stops_with_a_message_and_with_room_the_totals_are_the_same(
    opened: tuple[World, list[list[Path]]],
) -> None:
    files = [path for portion in opened[1] for path in portion if path.parent.parent.name == "usage"]
    roomy, world = opened[0].copy("roomy"), opened[0].copy("crowded")
    disk = SmallDisk(world.lake_dir)
    if not disk.mount():
        pytest.skip("no small disk: mounting one needs root")
    try:
        for one in (roomy, world):
            one.deliver(files)
        run_on_a_full_disk(world, disk, "collect", [60])
        run_on_a_full_disk(world, disk, "rate", [4, 200])
        assert [roomy.run("collect"), roomy.run("rate")] == [0, 0]
        for one in (roomy, world):
            assert one.run(program=CLOSE_IN_PARTS) == 0, one.heard()
        told_and_over = {"alarms": (["('DISK', None, None, None, '', False)"], [])}
        assert differences(facts(world), facts(roomy)) == told_and_over
        assert doubled(world) == 0
    finally:
        disk.unmount()
