"""Run a program that gets SIGTERM when its parent dies, even by kill -9: `tied.py PARENT_PID PROGRAM ARGUMENTS...`.

Started as a plain file and with the standard library only, because it stands in front of every child.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(parent_pid: int, command: list[str]) -> None:
    """Ask the kernel for the signal, then become the program; the request survives exec."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent_pid:
        sys.exit(0)  # the parent died before we asked
    os.execv(command[0], command)  # noqa: S606


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
