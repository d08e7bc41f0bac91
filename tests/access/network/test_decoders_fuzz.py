"""Whatever a file holds, a decoder refuses it or accounts for every record; two readers of BER agree."""

from datetime import UTC, datetime
from pathlib import Path

import asn1tools
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.access.network.network_operator import CALL, NOW, reference, usage_text

from openboss.access.network.decoders import DECODERS
from openboss.modules.charging.canonical import FIELDS, Trailer, TrailerMismatch, Undecodable, block_of, read_block
from openboss.modules.charging.normalise import normalise, operator_clock
from openboss.modules.charging.numbering import build_numbering

VECTORS = Path(__file__).parents[2] / "vectors" / "collection"
NOW_S = int(NOW.timestamp())
CLOCK = operator_clock("Asia/Shanghai", NOW_S)
TABLES = build_numbering(reference())
PATIENT = settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
THOROUGH = settings(PATIENT, max_examples=5000)
SAMPLES = {
    "kamailio_acc": (VECTORS / "kamailio_acc_cdr.log").read_bytes(),
    "kannel_access": (VECTORS / "kannel_access.log").read_bytes(),
    "freeradius_detail": (VECTORS / "freeradius_detail.txt").read_bytes()[:3000],
    "pgw_ber": (VECTORS / "pgw_cdr_pycrate.ber").read_bytes() + (VECTORS / "chf_cdr_asn1tools.ber").read_bytes(),
    "delimited": usage_text(1, [{**CALL, "call_ref": n} for n in range(5)]),
}
edits = st.lists(
    st.tuples(
        st.sampled_from(["flip", "drop", "insert", "cut", "swap"]),
        st.floats(0, 1, exclude_max=True),
        st.binary(max_size=9),
    ),
    min_size=1,
    max_size=4,
)


def spoil(content: bytes, changes: list[tuple[str, float, bytes]]) -> bytes:
    for what, place, filling in changes:
        at = int(place * len(content))
        if what == "flip" and content:
            content = content[:at] + bytes([content[at] ^ (filling[0] if filling else 1)]) + content[at + 1 :]
        elif what == "drop":
            content = content[:at] + content[at + len(filling) + 1 :]
        elif what == "insert":
            content = content[:at] + filling + content[at:]
        elif what == "cut":
            content = content[:at]
        else:
            content = content[at:] + content[:at]
    return content


def account(decoder: str, file: Path) -> tuple[int, int, int, int]:
    """Lines handed on, usage, errors, filtered."""
    lines = usage = errors = filtered = 0
    for piece in DECODERS[decoder](file, "GMSC01", 1):
        if isinstance(piece, Trailer):
            continue
        block = read_block(piece.text, lines + 1)
        result = normalise(block, TABLES, CLOCK, now_s=NOW_S, file_id=1)
        lines += len(block)
        usage += result.usage.height
        errors += len(result.faulty_rows)
        filtered += piece.filtered
    return lines, usage, errors, filtered


def check_accounts(decoder: str, content: bytes, folder: Path) -> None:
    file = folder / "file"
    file.write_bytes(content)
    try:
        lines, usage, errors, filtered = account(decoder, file)
    except (Undecodable, TrailerMismatch):
        return
    assert lines == usage + errors
    if decoder in ("kamailio_acc", "kannel_access"):
        assert lines + filtered == content.count(b"\n") + (not content.endswith(b"\n"))


@pytest.mark.parametrize("decoder", SAMPLES)
@PATIENT
@given(changes=edits)
def test_a_spoilt_file_is_refused_or_accounted_for(decoder: str, changes: list, tmp_path: Path) -> None:
    check_accounts(decoder, spoil(SAMPLES[decoder], changes), tmp_path)


@pytest.mark.soak
@pytest.mark.parametrize("decoder", SAMPLES)
@THOROUGH
@given(changes=edits)
def test_a_spoilt_file_is_refused_or_accounted_for_at_length(decoder: str, changes: list, tmp_path: Path) -> None:
    check_accounts(decoder, spoil(SAMPLES[decoder], changes), tmp_path)


@pytest.mark.parametrize("decoder", SAMPLES)
@PATIENT
@given(content=st.binary(max_size=400))
def test_rubbish_never_crashes_a_decoder(decoder: str, content: bytes, tmp_path: Path) -> None:
    check_accounts(decoder, content, tmp_path)


fields = st.dictionaries(
    st.sampled_from(FIELDS),
    st.one_of(
        st.text(max_size=25), st.integers(-(2**70), 2**70).map(str), st.from_regex(r"[+0-9]{1,22}", fullmatch=True)
    ),
)


@PATIENT
@given(records=st.lists(fields, max_size=8))
def test_any_record_is_normalised_or_an_error(records: list[dict[str, str]]) -> None:
    block = block_of({**CALL, **record} for record in records)
    result = normalise(block, TABLES, CLOCK, now_s=NOW_S, file_id=1)
    assert len(block) == len(records) == result.usage.height + len(result.faulty_rows)
    assert result.usage["duration_s"].min() is None or result.usage["duration_s"].min() >= 0
    assert result.usage.filter((pl.col("up_bytes") < 0) | (pl.col("served_number") <= 0)).is_empty()


# A few fields of the record of a packet gateway, written down anew for this test from their numbers and types.
GRAMMAR = """
Charging DEFINITIONS IMPLICIT TAGS ::= BEGIN
Record ::= [79] SEQUENCE {
  recordType        [0] INTEGER,
  imsi              [3] OCTET STRING OPTIONAL,
  gateway           [4] EXPLICIT Address,
  chargingId        [5] INTEGER (0..4294967295),
  serving           [6] SEQUENCE OF Address OPTIONAL,
  apn               [7] IA5String OPTIONAL,
  pdn               [8] OCTET STRING OPTIONAL,
  served            [9] SEQUENCE { ip [0] SEQUENCE { ipv4 [0] OCTET STRING } } OPTIONAL,
  volumes           [12] SEQUENCE OF Volume OPTIONAL,
  opened            [13] OCTET STRING,
  duration          [14] INTEGER,
  cause             [15] INTEGER,
  part              [17] INTEGER OPTIONAL,
  node              [18] IA5String OPTIONAL,
  local             [20] INTEGER OPTIONAL,
  selection         [21] INTEGER OPTIONAL,
  msisdn            [22] OCTET STRING OPTIONAL,
  characteristics   [23] OCTET STRING OPTIONAL,
  network           [27] OCTET STRING OPTIONAL,
  equipment         [29] OCTET STRING OPTIONAL,
  radio             [30] INTEGER OPTIONAL,
  zone              [31] OCTET STRING OPTIONAL,
  location          [32] OCTET STRING OPTIONAL,
  services          [34] SEQUENCE OF Service OPTIONAL,
  nodeTypes         [35] SEQUENCE OF ENUMERATED { one(1), two(2) } OPTIONAL
}
Address ::= CHOICE { ipv4 [0] OCTET STRING }
Volume ::= SEQUENCE { up [3] INTEGER, down [4] INTEGER, change [5] INTEGER, changed [6] OCTET STRING }
Service ::= SEQUENCE { group [1] INTEGER, first [5] OCTET STRING OPTIONAL, last [6] OCTET STRING OPTIONAL,
  used [7] INTEGER OPTIONAL, condition [8] BIT STRING OPTIONAL, up [12] INTEGER OPTIONAL, down [13] INTEGER OPTIONAL,
  reported [14] OCTET STRING OPTIONAL }
END
"""
REFERENCE_READER = asn1tools.compile_string(GRAMMAR, "ber")
OPENED = bytes.fromhex("2611221030152b0800")
volume = st.integers(0, 2**40)
gateway_records = st.fixed_dictionaries(
    {
        "recordType": st.just(85),
        "gateway": st.just(("ipv4", b"\x0a\x00\x00\x01")),
        "chargingId": st.integers(0, 2**31 - 1),
        "opened": st.just(OPENED),
        "duration": st.integers(0, 10**6),
        "cause": st.integers(0, 30),
        "msisdn": st.just(bytes.fromhex("91683108108300f0")),
    },
    optional={
        "apn": st.text(st.characters(min_codepoint=97, max_codepoint=122), max_size=60),
        "part": st.integers(0, 10**6),
        "volumes": st.lists(
            st.fixed_dictionaries({"up": volume, "down": volume, "change": st.just(2), "changed": st.just(OPENED)}),
            min_size=1,
            max_size=5,
        ),
        "services": st.lists(
            st.fixed_dictionaries({"group": st.integers(0, 999)}, optional={"up": volume, "down": volume}), min_size=1
        ),
    },
)


def volumes_by_group(record: dict) -> dict[int | str, tuple[int, int]]:
    """What each rating group used; the bearer's own count is taken where it leaves no question whose it is."""
    groups: dict[int | str, list[dict]] = {}
    for service in record.get("services", []):
        groups.setdefault(service["group"], []).append(service)
    if len(groups) < 2 and "volumes" in record:
        groups = {next(iter(groups), ""): record["volumes"]}
    groups = groups or {"": []}
    return {g: (sum(c.get("up", 0) for c in cs), sum(c.get("down", 0) for c in cs)) for g, cs in groups.items()}


@PATIENT
@given(records=st.lists(gateway_records, min_size=1, max_size=4))
def test_what_asn1tools_writes_is_read_the_same(records: list[dict], tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"".join(REFERENCE_READER.encode("Record", record) for record in records))
    lines = [piece.text.decode() for piece in DECODERS["pgw_ber"](file, "", 1)]
    read = [dict(zip(FIELDS, line.split("|"), strict=True)) for line in "".join(lines).splitlines()]
    expected = [(record, group) for record in records for group in volumes_by_group(record).items()]
    for (record, (group, (up, down))), found in zip(expected, read, strict=True):
        assert (found["rating_group"], found["up_bytes"], found["down_bytes"]) == (str(group), str(up), str(down))
        assert (found["call_ref"], found["duration_s"]) == (str(record["chargingId"]), str(record["duration"]))
        assert (found["cause_close"], found["apn"]) == (str(record["cause"]), record.get("apn", ""))
        assert found["partial_seq"] == str(record.get("part", ""))
        assert datetime.fromisoformat(found["start_time"]) == datetime(2026, 11, 22, 2, 30, 15, tzinfo=UTC)


def test_asn1tools_reads_the_gateway_sample_as_we_do(tmp_path: Path) -> None:
    sample = (VECTORS / "pgw_cdr_pycrate.ber").read_bytes()
    record = REFERENCE_READER.decode("Record", sample)
    line = b"".join(piece.text for piece in DECODERS["pgw_ber"](VECTORS / "pgw_cdr_pycrate.ber", "", 1)).decode()
    found = dict(zip(FIELDS, line.rstrip("\n").split("|"), strict=True))
    assert found["up_bytes"] == str(sum(container["up"] for container in record["volumes"]))
    assert found["down_bytes"] == str(sum(container["down"] for container in record["volumes"]))
    assert (found["duration_s"], found["apn"], found["call_ref"]) == (
        str(record["duration"]), record["apn"], str(record["chargingId"]),
    )  # fmt: skip


@pytest.mark.parametrize(
    "content",
    [
        b"\xbf\x4f\x80\x80\x01\x55\x00\x00",  # indefinite length
        b"\xbf\x4f\x03\x80\x05\x55",  # a value longer than the record
        b"\xbf\x4f\x84\x7f\xff\xff\xff",  # an absurd length
        SAMPLES["pgw_ber"] + b"\x00",  # trailing rubbish
        SAMPLES["pgw_ber"][:-1],  # cut off
        b"\x30\x03\x02\x01\x01",  # not a charging record
        b"\xbf\x4f\x24" + b"".join(bytes([0xA0, 2 * (18 - n)]) for n in range(18)),  # nested too deep
    ],
)
def test_malformed_ber_is_refused(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(content)
    with pytest.raises(Undecodable):
        list(DECODERS["pgw_ber"](file, "", 1))
