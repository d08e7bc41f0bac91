"""What Wireshark's dissectors, which nobody here wrote, complain of in bytes that were sent."""

import shutil
import subprocess
from pathlib import Path

import pytest

needs_tshark = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")


def complaints(
    sent: list[tuple[bool, bytes]], folder: Path, *, transport: str, port: int, protocol: str
) -> tuple[str, list[str]]:
    """What is wrong with our part of an exchange, and the kinds of messages seen in it.

    sent       in order: whether it is ours, and the bytes
    transport  -T (TCP) or -u (UDP) of text2pcap; protocol  the name of the dissector
    """
    dump, capture = folder / "frames.txt", folder / "frames.pcap"
    lines = [f"{'O' if ours else 'I'}\n000000 {data.hex(' ')}\n" for ours, data in sent]
    dump.write_text("".join(lines), encoding="ascii")
    made = ["text2pcap", "-q", "-D", transport, f"40000,{port}", str(dump), str(capture)]
    subprocess.run(made, check=True, capture_output=True)
    read = ["tshark", "-r", str(capture), "-d", f"{'tcp' if transport == '-T' else 'udp'}.port=={port},{protocol}",
            "-o", "tcp.analyze_sequence_numbers:FALSE"]  # fmt: skip
    return _told(*read, "-Y", "_ws.expert && frame.p2p_dir == 0 || _ws.malformed && frame.p2p_dir == 0", "-V"), _told(
        *read, "-Y", f"{protocol} && frame.p2p_dir == 0", "-T", "fields", "-e", "_ws.col.Info"
    ).splitlines()


def _told(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
