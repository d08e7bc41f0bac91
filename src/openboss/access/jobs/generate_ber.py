"""A share of the generated data use as a packet gateway writes it: PGW records in BER (3GPP TS 32.298).

The same sessions as in the delimited form, so that bills do not depend on the form in which use came.
"""

from datetime import datetime
from typing import Any

import polars as pl

SOURCE = "PGW02"
ONE_IN = 16  # every 16th number's data comes from this gateway
PGW_RECORD = b"\xbf\x4f"
RECORD_TYPE = 85
HOME_NETWORK = ("460", "00")
ABROAD = 1_000_000
# a network of each country that is travelled to: country code -> mobile country code and network code
NETWORKS = {
    852: ("454", "00"), 853: ("455", "01"), 886: ("466", "92"), 1: ("310", "41"), 81: ("440", "10"),
    82: ("450", "05"), 65: ("525", "01"), 66: ("520", "01"), 44: ("234", "15"), 33: ("208", "01"),
    49: ("262", "02"), 61: ("505", "01"),
}  # fmt: skip


def split_off(frame: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Part a file's records: those that stay delimited, and those this gateway writes.

    frame   text columns of the delimited form; spoilt records stay, BER has no place for what spoils them
    """
    good = (
        (pl.col("record_type") == "DATA")
        & pl.col("served_number").str.contains(r"^86\d{11}$")
        & (pl.col("served_number").str.slice(2).cast(pl.Int64, strict=False) % ONE_IN == 0)
        & pl.col("served_imsi").is_not_null()
        & pl.col("start_time").str.starts_with("20")
        & ~pl.col("start_time").str.starts_with("203")
        & ~pl.col("up_bytes").str.starts_with("-")
    ).fill_null(value=False)
    return frame.filter(~good), frame.filter(good)


def ber_file(frame: pl.DataFrame) -> bytes:
    """Write data sessions (text columns of the delimited form) as a plain row of PGWRecords."""
    names = ("served_number", "served_imsi", "start_time", "duration_s", "up_bytes", "down_bytes", "apn", "call_ref",
             "partial_seq", "visited_area")  # fmt: skip
    return b"".join(_record(row) for row in frame.select(names).iter_rows(named=True))


def _record(row: dict[str, Any]) -> bytes:
    visited = int(row["visited_area"])
    network = NETWORKS[visited - ABROAD] if visited >= ABROAD else HOME_NETWORK
    volumes = _value(b"\x83", _whole(int(row["up_bytes"]))) + _value(b"\x84", _whole(int(row["down_bytes"])))
    fields = [
        _value(b"\x80", _whole(RECORD_TYPE)),
        _value(b"\x83", _packed(row["served_imsi"])),
        _value(b"\x85", (int(row["call_ref"]) & 0xFFFFFFFF).to_bytes(4, "big")),
        _value(b"\x87", row["apn"].encode("ascii")),
        _value(b"\xac", _value(b"\x30", volumes)),
        _value(b"\x8d", _moment(row["start_time"])),
        _value(b"\x8e", _whole(int(row["duration_s"]))),
        _value(b"\x8f", _whole(0)),
        _value(b"\x96", b"\x91" + _packed(row["served_number"])),
        _value(b"\x9b", _plmn(*network)),
    ]
    if int(row["partial_seq"] or 0):
        fields.append(_value(b"\x91", _whole(int(row["partial_seq"]))))
    if visited < ABROAD:
        tracking_area = b"\x82" + _plmn(*network) + visited.to_bytes(2, "big") + _plmn(*network) + b"\0\0\0\1"
        fields.append(_value(b"\x9f\x20", tracking_area))
    return _value(PGW_RECORD, b"".join(fields))


def _value(tag: bytes, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return tag + bytes([size]) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return tag + bytes([0x80 | len(octets)]) + octets + content


def _whole(number: int) -> bytes:
    return number.to_bytes(number.bit_length() // 8 + 1, "big", signed=True)


def _packed(digits: str) -> bytes:
    """Two digits an octet, low half first, filled up with F (TBCD)."""
    return bytes.fromhex("".join(b + a for a, b in zip(*[iter(digits + "f" * (len(digits) % 2))] * 2, strict=True)))


def _plmn(country: str, network: str) -> bytes:
    return bytes.fromhex(f"{country[1]}{country[0]}f{country[2]}{network[1]}{network[0]}")


def _moment(text: str) -> bytes:
    """A TimeStamp of the operator's wall clock: YYMMDDhhmmss in BCD, the sign, the offset."""
    return bytes.fromhex(f"{datetime.fromisoformat(text):%y%m%d%H%M%S}") + b"+" + bytes.fromhex("0800")
