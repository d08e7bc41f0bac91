"""Records that real elements wrote come out as usage, and nothing is lost on the way: in = out + errors + filtered."""

from pathlib import Path

import pytest

from openboss.access.network.decoders import DECODERS
from openboss.modules.charging.canonical import FIELDS, Trailer

VECTORS = Path(__file__).parents[2] / "vectors" / "collection"


def decode(decoder: str, file: Path, sequence: int | None = None) -> tuple[list[dict[str, str]], int, Trailer | None]:
    """The records by name (without empty fields), how many were filtered, and the trailer."""
    records, filtered, trailer = [], 0, None
    for piece in DECODERS[decoder](file, "GMSC01", sequence):
        if isinstance(piece, Trailer):
            trailer = piece
            continue
        filtered += piece.filtered
        for line in piece.text.decode().splitlines():
            values = line.split("|")
            records.append({name: value for name, value in zip(FIELDS, values, strict=True) if value})
    return records, filtered, trailer


def written(folder: Path, content: bytes) -> Path:
    file = folder / "file"
    file.write_bytes(content)
    return file


def test_kamailio_calls_are_taken_and_transactions_filtered() -> None:
    records, filtered, _ = decode("kamailio_acc", VECTORS / "kamailio_acc_cdr.log")
    assert (len(records), filtered) == (5, 10)
    assert records[0] == {
        "record_type": "MOC",
        "served_number": "8613800138000",
        "other_party": "8613900139000",
        "start_time": "2026-11-22T01:09:02Z",
        "end_time": "2026-11-22T01:09:05Z",
        "duration_s": "3",
        "call_ref": "1-10127@127.0.0.1",
    }


def test_kannel_messages_are_taken_and_reports_filtered() -> None:
    records, filtered, _ = decode("kannel_access", VECTORS / "kannel_access.log")
    assert (len(records), filtered) == (10, 10)
    assert records[0] == {
        "record_type": "SMS_MO",
        "served_number": "+8613800138000",
        "other_party": "10086",
        "start_time": "2026-11-22T00:56:46",
        "message_count": "1",
    }
    assert records[1]["record_type"] == "SMS_MT"
    assert (records[1]["served_number"], records[1]["other_party"]) == ("8613900139000", "10086")


@pytest.mark.parametrize(
    ("length", "coding", "pieces"), [(160, 0, 1), (161, 0, 2), (306, 0, 2), (307, 0, 3), (140, 2, 1), (141, 2, 2)]
)
def test_a_long_message_counts_its_segments(tmp_path: Path, length: int, coding: int, pieces: int) -> None:
    line = (
        "2026-11-22 00:56:48 Sent SMS [SMSC:b] [SVC:b] [ACT:] [BINF:] [FID:1] [META:?] [from:10086] [to:8613900139000] "
        f"[flags:-1:{coding}:-1:-1:31] [msg:{length}:x] [udh:0:]\n"
    )
    records, _, _ = decode("kannel_access", written(tmp_path, line.encode()))
    assert records[0]["message_count"] == str(pieces)


def test_interim_updates_of_radius_are_filtered() -> None:
    records, filtered, _ = decode("freeradius_detail", VECTORS / "freeradius_detail.txt")
    assert (records, filtered) == ([], 500)


def test_a_radius_stop_is_a_session_with_gigawords(tmp_path: Path) -> None:
    entry = """Sun Nov 22 00:58:38 2026
	User-Name = "8613800138000"
	Acct-Status-Type = Stop
	Acct-Unique-Session-Id = "42180f90"
	Acct-Session-Time = 3600
	Acct-Input-Octets = 7
	Acct-Output-Octets = 5
	Acct-Output-Gigawords = 2
	Acct-Terminate-Cause = Idle-Timeout
	Timestamp = 1795309118

"""
    records, filtered, _ = decode("freeradius_detail", written(tmp_path, entry.encode()))
    assert filtered == 0
    assert records == [
        {
            "record_type": "BROADBAND",
            "served_number": "8613800138000",
            "start_time": "2026-11-21T23:58:38Z",
            "duration_s": "3600",
            "up_bytes": "7",
            "down_bytes": str(2 * 2**32 + 5),
            "call_ref": "42180f90",
            "cause_close": "4",
        }
    ]


def test_a_gateway_record_in_ber_is_read_field_by_field() -> None:
    records, filtered, _ = decode("pgw_ber", VECTORS / "pgw_cdr_pycrate.ber")
    assert filtered == 0
    assert records == [
        {
            "record_type": "DATA",
            "served_number": "+8613800138000",
            "served_imsi": "460000000000001",
            "start_time": "2026-11-22T10:30:15+08:00",
            "duration_s": "3600",
            "msc_id": "46000",
            "lac": "4660",
            "up_bytes": "123456",
            "down_bytes": "7654321",
            "apn": "cmnet",
            "call_ref": "1",
            "partial_seq": "1",
            "cause_close": "0",
            "rating_group": "100",
            "visited_network": "46000",
        }
    ]


def test_a_session_of_two_rating_groups_is_a_record_of_each(tmp_path: Path) -> None:
    def tagged(tag: bytes, content: bytes) -> bytes:
        return tag + bytes([len(content)]) + content

    def service(group: int, up: int, down: int, about: bytes = b"") -> bytes:
        own = tagged(b"\x81", bytes([group])) + tagged(b"\x8c", bytes([up])) + tagged(b"\x8d", bytes([down]))
        return tagged(b"\x30", own + about)

    services = service(10, 1, 2) + service(20, 3, 4, tagged(b"\x91", bytes([5]))) + service(10, 5, 6)
    bearer = tagged(b"\x30", tagged(b"\x83", bytes([100])) + tagged(b"\x84", bytes([100])))
    content = tagged(b"\x87", b"cmwap") + tagged(b"\xac", bearer) + tagged(b"\xbf\x22", services)
    records, _, _ = decode("pgw_ber", written(tmp_path, tagged(b"\xbf\x4f", content)))
    of_each = ("apn", "rating_group", "service_code", "up_bytes", "down_bytes")
    assert [tuple(record.get(name, "") for name in of_each) for record in records] == [
        ("cmwap", "10", "", "6", "8"),
        ("cmwap", "20", "5", "3", "4"),
    ]


def test_a_record_of_the_charging_function_is_read() -> None:
    records, _, _ = decode("pgw_ber", VECTORS / "chf_cdr_asn1tools.ber")
    assert records == [
        {
            "record_type": "DATA",
            "served_imsi": "460001234567890",
            "start_time": "2026-11-22T10:30:15+08:00",
            "duration_s": "3600",
            "up_bytes": "1048576",
            "down_bytes": "9437184",
            "call_ref": "7",
            "partial_seq": "1",
            "cause_close": "0",
            "rating_group": "100",
        }
    ]
