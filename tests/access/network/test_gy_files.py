"""What was charged over Gy and Ro comes again in files of gateways, switches and message centres: charged once.

Requests by python-diameter; files through the decoders and the pass that every file goes through.
"""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from diameter.message.avp.grouped import ImsInformation, PsInformation, ServiceInformation
from tests.access.network.gy_exchanges import LOCAL, call_to, text_to
from tests.access.network.gy_world import (
    EVENT,
    INITIAL,
    MB,
    SMS,
    TERMINATION,
    UPDATE,
    VOICE,
    User,
    World,
    last,
    service,
)
from tests.access.network.network_operator import usage_text
from tests.modules.charging.engine.test_owner import put_chunk

from openboss.access.jobs.generate_ber import ber_file
from openboss.access.network.decoders import DECODERS
from openboss.kernel.usage import RecordType
from openboss.modules.charging.canonical import UsageText, read_block
from openboss.modules.charging.functions.gateways import daily_sums
from openboss.modules.charging.models import StageCounter
from openboss.modules.charging.normalise import normalise, operator_clock

NOW_S = 1_791_244_800  # 2026-10-06 08:00 of the operator's wall clock
TO = LOCAL.removeprefix("+")
SUMS = ("online", "online_li", "filed_records", "filed_use", "matched", "only_filed", "only_filed_li", "difference_li")


@pytest.fixture
def files(gy: World, tmp_path: Path) -> Iterator["Files"]:
    yield Files(gy, tmp_path)


class Files:
    """Elements that write files, and what came of them."""

    def __init__(self, gy: World, folder: Path) -> None:
        self.gy, self.folder = gy, folder

    def come(self, decoder: str, content: bytes) -> tuple[int, int]:
        """Let a file come; return how many of its records were charged, and how many had been online."""
        file = self.folder / "file"
        file.write_bytes(content)
        pieces = DECODERS[decoder](file, "GMSC01", 1)
        text = b"".join(piece.text for piece in pieces if isinstance(piece, UsageText))
        clock, numbering = operator_clock("Asia/Shanghai", NOW_S), self.gy.doors.numbering
        block = normalise(read_block(text, 1), numbering, clock, now_s=NOW_S, file_id=1)
        assert not len(block.faulty_codes)
        put_chunk(*block.usage.with_columns(file_id=pl.lit(9, pl.Int64)).to_dicts())
        self.gy.engine.owner.drain()
        counter = StageCounter.objects.filter(stage="RATE").latest("file_id")
        return counter.rated + counter.free, counter.filtered

    def sums(self, kind: RecordType, before: pl.DataFrame) -> tuple[int, ...]:
        """The report of the day, less what it said before."""
        after, zero = self.day(), dict.fromkeys(SUMS, 0)
        one, other = (dict(zero) | next(iter(frame.filter(pl.col("record_type") == kind).rows(named=True)), zero)
                      for frame in (after, before))  # fmt: skip
        return tuple(one[name] - other[name] for name in SUMS)

    def day(self) -> pl.DataFrame:
        self.gy.engine.owner.flush()
        return daily_sums(from_on=date(2026, 10, 5), to_on=date(2026, 10, 5))


def of_msc(user: User, start: str, duration_s: int, **more: object) -> dict[str, object]:
    known = {"record_type": "MOC", "served_number": user.number, "other_party": TO, "duration_s": duration_s}
    return known | {"start_time": f"2026-10-05T{start}", **more}


def of_smsc(user: User, start: str) -> dict[str, object]:
    known = {"record_type": "SMS_MO", "served_number": user.number, "other_party": TO, "message_count": 1}
    return known | {"start_time": f"2026-10-05T{start}"}


def test_a_data_session_over_gy_comes_again_in_a_file_of_the_packet_gateway(gy, files):
    user, before = gy.new_user(10_000), files.day()
    about = ServiceInformation(ps_information=PsInformation(tgpp_charging_id=(70_001).to_bytes(4, "big")))
    session = gy.session(user, service_information=about)
    session.ask(INITIAL, service(100))
    session.ask(UPDATE, service(100, {"cc_total_octets": 3 * MB}))
    session.ask(TERMINATION, last(100, {"cc_total_octets": 2 * MB}))
    assert gy.wallet(user) == (10_000 - 5 * 290, 0)
    records = [
        {"served_number": str(user.number), "served_imsi": str(user.imsi), "start_time": f"2026-10-05T{start}",
         "duration_s": 300, "up_bytes": 0, "down_bytes": size, "apn": "cmnet", "call_ref": 70_001, "partial_seq": n,
         "visited_area": 571}
        for n, (start, size) in enumerate((("10:00:01", 3 * MB), ("10:05:00", 2 * MB - 1024)))]  # fmt: skip
    assert files.come("pgw_ber", ber_file(pl.DataFrame(records))) == (0, 2)
    assert gy.wallet(user) == (10_000 - 5 * 290, 0)
    assert files.sums(RecordType.DATA, before) == (1, 1450, 2, 5 * 1024 - 1, 1, 0, 0, 0)


def test_calls_over_ro_come_again_in_a_file_of_the_switch_and_one_nobody_asked_for_is_charged(gy, files):
    user, before = gy.new_user(10_000), files.day()
    named = ImsInformation(role_of_node=0, called_party_address=f"tel:{LOCAL}", ims_charging_identifier="icid-7@s-cscf")
    for start, about in (("10:00:00", call_to(LOCAL)), ("11:00:00", ServiceInformation(ims_information=named))):
        gy.at(f"2026-10-05 {start}")
        call = gy.session(user, VOICE, service_information=about)
        call.ask(INITIAL, service(1))
        call.ask(TERMINATION, last(1, {"cc_time": 61}))
    assert gy.wallet(user) == (10_000 - 2 * 800, 0)
    rows = [of_msc(user, "10:00:12", 60, call_ref=501), of_msc(user, "11:04:00", 61, call_ref="icid-7@s-cscf"),
            of_msc(user, "12:00:00", 60, call_ref=503)]  # fmt: skip
    assert files.come("delimited", usage_text(1, rows)) == (1, 2)
    assert gy.wallet(user) == (10_000 - 2 * 800 - 400, 0)
    assert files.sums(RecordType.MOC, before) == (2, 1600, 3, 181, 2, 1, 400, -400)


def test_messages_over_ro_come_again_in_a_file_of_their_centre_one_of_them_refunded(gy, files):
    user, before = gy.new_user(10_000), files.day()
    one = {"cc_service_specific_units": 1}
    for start in ("10:00:00", "10:00:02", "10:20:00"):
        gy.at(f"2026-10-05 {start}")
        text = gy.session(user, SMS, service_information=text_to(TO))
        text.ask(EVENT, service(None, wants=one), requested_action=0)
    back = gy.session(user, SMS, service_information=text_to(TO))
    back.ask(EVENT, requested_action=1, cc_correlation_id=text.name.encode())
    assert gy.wallet(user) == (10_000 - 2 * 100, 0)
    gy.sweep("2026-10-05 10:50:00")
    rows = [of_smsc(user, start) for start in ("10:00:03", "10:00:05", "10:20:03", "10:30:00")]
    assert files.come("delimited", usage_text(1, rows)) == (1, 3)
    assert gy.wallet(user) == (10_000 - 3 * 100, 0)
    assert files.sums(RecordType.SMS_MO, before) == (2, 200, 3, 3, 2, 1, 100, -100)
