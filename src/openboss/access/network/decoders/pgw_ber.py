"""Charging records of packet gateways and of the 5G charging function, in BER (3GPP TS 32.298).

A file is a plain row of records: PGWRecord [79] and CHFRecord [200]; other kinds of record are filtered.
Volumes are those of the bearer (listOfTrafficVolumes) if present, else the sum over its services. A record of several
rating groups becomes a record of each, with the volumes of its services.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from openboss.access.network.decoders.ber import Value, digits, records, values, whole
from openboss.access.network.decoders.lines import pieces
from openboss.modules.charging.canonical import Trailer, Undecodable, UsageText
from openboss.modules.charging.networks import NOT_LISTED, area_abroad
from openboss.modules.charging.numbering import FOREIGN_AREA

PGW_RECORD, CHF_RECORD = 0xBF4F, 0xBF8148
OTHER_RECORDS = range(0xBF1F, 0xBF814A)  # other members of the CHOICE, constructed context tags of two or three bytes
Fields = dict[int, Value]
Used = dict[tuple[int | str, int | str], tuple[int, int]]  # rating group and service: bytes up, bytes down
NO_GROUP: tuple[str, str] = ("", "")


def decode(file: Path, _source_code: str, _sequence: int | None) -> Iterator[UsageText | Trailer]:
    """Yield the records of a BER file. Raises Undecodable: after a broken length nothing can be trusted."""
    yield from pieces(_records(file))


def _records(file: Path) -> Iterator[Mapping[str, object] | None]:
    seen = False
    with file.open("rb") as data:
        for record in records(data):
            seen = True
            top = next(values(record, 0, len(record)))
            if top.tag == PGW_RECORD:
                yield from _pgw(record, _fields(record, top))
            elif top.tag == CHF_RECORD:
                yield from _chf(record, _fields(record, top))
            elif top.tag in OTHER_RECORDS and top.is_constructed:
                yield None
            else:
                raise Undecodable(f"no charging record begins with tag {top.tag:X}")
    if not seen:
        raise Undecodable("the file is empty")


def _fields(data: bytes, value: Value) -> Fields:
    return {inner.tag: inner for inner in values(data, value.start, value.end)}


def _pgw(data: bytes, fields: Fields) -> Iterator[Mapping[str, object]]:
    used: Used = {}
    for service in _each(data, fields.get(0xBF22)):
        inner = _fields(data, service)
        _add(used, _number(data, inner.get(0x81)), _number(data, inner.get(0x91)), _pair(data, inner, 0x8C, 0x8D))
    if 0xAC in fields and len(used) < 2:  # the bearer's own volumes, of the one rating group there is
        used = {next(iter(used), NO_GROUP): _volumes(data, fields[0xAC], 0x83, 0x84)}
    network = _network(_bytes(data, fields.get(0x9B)))
    tracking_area, abroad = _tracking_area(_bytes(data, fields.get(0x9F20))), _abroad(network)
    record = {
        "record_type": "DATA",
        "served_number": _international(_bytes(data, fields.get(0x96))),
        "served_imsi": digits(_bytes(data, fields.get(0x83))),
        "start_time": _moment(_bytes(data, fields.get(0x8D))),
        "duration_s": _number(data, fields.get(0x8E)),
        "msc_id": network if tracking_area and not abroad else "",
        "lac": tracking_area,
        "apn": _text(_bytes(data, fields.get(0x87))),
        "call_ref": _unsigned(_bytes(data, fields.get(0x85))),
        "partial_seq": _number(data, fields.get(0x91)),
        "cause_close": _number(data, fields.get(0x8F)),
        "visited_area": abroad,
        "visited_network": network,
    }
    yield from _each_group(record, used)


def _chf(data: bytes, fields: Fields) -> Iterator[Mapping[str, object]]:
    """A record of the converged charging function; the user is known by IMSI or MSISDN."""
    identity = _fields(data, fields[0xA2]) if 0xA2 in fields else {}
    kind = _number(data, identity.get(0x80))
    name = _text(_bytes(data, identity.get(0x81)))
    used: Used = {}
    for usage in _each(data, fields.get(0xA5)):
        inner = _fields(data, usage)
        _add(used, _number(data, inner.get(0x80)), "", _volumes(data, inner.get(0xA1), 0x85, 0x86))
    record = {
        "record_type": "DATA",
        "served_number": name if kind == 0 else "",
        "served_imsi": name if kind == 1 else "",
        "start_time": _moment(_bytes(data, fields.get(0x86))),
        "duration_s": _number(data, fields.get(0x87)),
        "call_ref": _number(data, fields.get(0x8B)),
        "partial_seq": _number(data, fields.get(0x88)),
        "cause_close": _number(data, fields.get(0x89)),
    }
    yield from _each_group(record, used)


def _add(used: Used, rating_group: int | str, service: int | str, volumes: tuple[int, int]) -> None:
    """Add volumes to those of a rating group and service."""
    up, down = used.get((rating_group, service), (0, 0))
    used[rating_group, service] = up + volumes[0], down + volumes[1]


def _each_group(record: Mapping[str, object], used: Used) -> Iterator[Mapping[str, object]]:
    """The record of each rating group; one without any is a record all the same."""
    for (rating_group, service), (up, down) in (used or {NO_GROUP: (0, 0)}).items():
        volumes = {"up_bytes": up, "down_bytes": down}
        yield {**record, **volumes, "rating_group": rating_group, "service_code": service}


def _each(data: bytes, value: Value | None) -> Iterator[Value]:
    if value is not None:
        yield from values(data, value.start, value.end)


def _volumes(data: bytes, value: Value | None, up_tag: int, down_tag: int) -> tuple[int, int]:
    """Sum the two volumes over a list of containers."""
    both = [_pair(data, _fields(data, container), up_tag, down_tag) for container in _each(data, value)]
    return sum(up for up, _ in both), sum(down for _, down in both)


def _pair(data: bytes, fields: Fields, up_tag: int, down_tag: int) -> tuple[int, int]:
    up, down = fields.get(up_tag), fields.get(down_tag)
    return whole(data, up) if up else 0, whole(data, down) if down else 0


def _bytes(data: bytes, value: Value | None) -> bytes:
    return data[value.start : value.end] if value is not None else b""


def _number(data: bytes, value: Value | None) -> int | str:
    return whole(data, value) if value is not None else ""


def _unsigned(octets: bytes) -> int | str:
    return int.from_bytes(octets[:8], "big") if octets else ""


def _text(octets: bytes) -> str:
    return octets.decode("ascii", "replace")


def _international(octets: bytes) -> str:
    """An address string: nature of address, then digits."""
    if not octets:
        return ""
    return ("+" if octets[0] & 0x70 == 0x10 else "") + digits(octets[1:])


def _moment(octets: bytes) -> str:
    """A TimeStamp of nine octets: YYMMDDhhmmss in BCD, the sign, and the offset; any other form is left unread."""
    if len(octets) != 9 or octets[6:7] not in (b"+", b"-"):
        return octets.hex()
    d = octets[:6].hex()
    offset = octets[7:9].hex()
    return f"20{d[:2]}-{d[2:4]}-{d[4:6]}T{d[6:8]}:{d[8:10]}:{d[10:12]}{octets[6:7].decode()}{offset[:2]}:{offset[2:]}"


def _network(octets: bytes) -> str:
    """Country and network code of a PLMN of three octets."""
    if len(octets) != 3:
        return ""
    a, b, c = octets
    third = "" if b >> 4 == 0xF else f"{b >> 4:x}"
    return f"{a & 15:x}{a >> 4:x}{b & 15:x}{c & 15:x}{c >> 4:x}{third}"


def _abroad(network: str) -> int | str:
    """The visited country; one that is not listed is handed on as unknown (E303)."""
    if not network:
        return ""
    return (area_abroad(int(network)) or "") if network.isdecimal() else FOREIGN_AREA + NOT_LISTED


def _tracking_area(octets: bytes) -> int | str:
    """Tracking area of a user location that begins with one (128 TAI, 130 TAI and ECGI), in TS 29.061 form."""
    if len(octets) >= 6 and octets[0] in (128, 130):
        return int.from_bytes(octets[4:6], "big")
    return ""
