"""Each error code of D4.2 comes up when a file that deserves it is dropped into an inbox: one table, one operator.

E601 and E602 belong to settlement and are not of this table; E502 and E503 cannot arise (decision 0013).
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from django.conf import settings as django_settings

from openboss.access.network.collector import Place, collect_once
from openboss.modules.catalog.functions import offers
from openboss.modules.charging.canonical import line_of
from openboss.modules.charging.codes import ERROR_CODES
from openboss.modules.charging.functions.alarms import check_overlaps
from openboss.modules.charging.functions.detail import detail_list
from openboss.modules.charging.functions.engine import rate_waiting
from openboss.modules.charging.functions.monitor import list_alarms, list_files, stage_counts
from openboss.modules.charging.models import ErrorRecord
from openboss.modules.customers.schema import FRAMES
from openboss.processes.open_operator import open_operator, take_customers_over

pytestmark = pytest.mark.django_db(transaction=True)
EXAMPLE = Path(__file__).parents[2] / "example"
CHF_SAMPLE = Path(__file__).parents[1] / "vectors" / "collection" / "chf_cdr_asn1tools.ber"
OPENED_AT = datetime(2026, 1, 1, tzinfo=UTC)
NOW = datetime(2027, 2, 5, 1, 0, tzinfo=UTC)
ANNA, BEN, GONE, CARD_ONLY = 1, 2, 3, 4
IMSI_OF_THE_SAMPLE = 460001234567890
FIRST_SWITCH, SECOND_SWITCH = 8613744000, 8613744001


def number_of(user: int) -> int:
    return 8613571000000 + user


CALL = {"record_type": "MOC", "served_number": number_of(ANNA), "other_party": "13571000099", "duration_s": 61}
SMS = {"record_type": "SMS_MO", "served_number": number_of(ANNA), "other_party": "13571000099"}
DATA = {"record_type": "DATA", "served_number": number_of(ANNA), "up_bytes": 1024}
INFORMATION = {"record_type": "SP_FEE", "served_number": number_of(ANNA), "sp_code": 901001, "service_code": 1201}
DAY = "2026-12-01"

RECORDS: list[tuple[str, dict[str, Any]]] = [
    ("E201", {**CALL, "duration_s": ""}),
    ("E202", {**CALL, "served_number": "86135x1000001"}),
    ("E203", {**CALL, "end_time": f"{DAY}T08:00:00"}),
    ("E204", {**CALL, "duration_s": 86_401}),
    ("E204", {**CALL, "end_time": f"{DAY}T23:00:00"}),
    ("E205", {**CALL, "start_time": "2027-02-05T09:10:01"}),
    ("E206", {**DATA, "down_bytes": -1}),
    ("E207", {**CALL, "start_time": "2026-11-07T08:59:59"}),
    ("E301", {**CALL, "served_number": number_of(77)}),
    ("E302", {**CALL, "other_party": "02662345678"}),
    ("E303", {**CALL, "msc_id": "NOWHERE", "lac": 1}),
    ("E303", {**CALL, "visited_area": 26}),
    ("E304", {**INFORMATION, "sp_code": 999_999}),
    ("E305", {**CALL, "served_number": number_of(GONE)}),
    ("E306", {**CALL, "served_imsi": 460000000000000 + BEN}),
    ("E306", {**CALL, "served_number": "", "served_imsi": 460009999999999}),
    ("E307", {"record_type": "GATEWAY", "served_number": number_of(ANNA), "msc_id": FIRST_SWITCH, "lac": 65_000,
              "cell_id": 65_001}),
    ("E401", {**CALL, "call_ref": "once"}),
    ("E401", {**CALL, "call_ref": "once"}),
    ("E402", {**CALL, "start_time": f"{DAY}T20:00:00", "msc_id": FIRST_SWITCH, "visited_area": 27}),
    ("E402", {**CALL, "start_time": f"{DAY}T20:00:30", "msc_id": SECOND_SWITCH, "visited_area": 27}),
    ("E501", {**DATA, "record_type": "TAP_IN"}),
    ("E504", {**INFORMATION, "info_fee": 1_000_001}),
    ("E505", {**CALL, "start_time": "2027-02-04T12:00:00"}),
    ("", {**SMS}),
]  # fmt: skip


@dataclass
class Inbox:
    """Drops files of one switch."""

    folder: Path

    def drop(self, name: str, content: bytes, source: str = "GMSC01") -> None:
        inbox = self.folder / "inbox" / source
        inbox.mkdir(parents=True, exist_ok=True)
        (inbox / name).write_bytes(content)

    def usage(self, sequence: int, *records: dict[str, Any], trailer: int | None = None) -> None:
        """Write the records a quarter of an hour apart, each with a reference of its own."""
        lines = []
        for place, record in enumerate(records):
            start = f"{DAY}T{9 + place // 4:02}:{place % 4 * 15:02}:00" if record.get("call_ref") != "once" else DAY
            start = f"{DAY}T09:05:00" if start == DAY else start
            lines.append(line_of({"start_time": start, "call_ref": 100 * sequence + place, **record}))
        seconds = sum(int(record.get("duration_s") or 0) for record in records)
        head = f"H|OPENBOSS-USAGE|1|GMSC01|{sequence:06}|2027-02-05T08:00:00+08:00\n".encode()
        tail = f"T|{len(lines) if trailer is None else trailer}|{seconds}\n".encode()
        self.drop(f"GMSC01_{sequence:06}.txt", head + b"".join(lines) + tail)


def base() -> dict[str, pl.DataFrame]:
    """Four users of one plan; GONE left in the autumn, CARD_ONLY has the card in the charging function's file."""
    plan = next(offer.offer_id for offer in offers() if offer.code == "EASYOWN_STANDARD")
    users = (ANNA, BEN, GONE, CARD_ONLY)
    left = {GONE: datetime(2026, 11, 10, tzinfo=UTC)}
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in FRAMES}
    for user in users:
        span = {"from_at": OPENED_AT, "to_at": left.get(user)}
        imsi = IMSI_OF_THE_SAMPLE if user == CARD_ONLY else 460000000000000 + user
        rows["customers"].append(
            {"customer_id": user, "kind": "INDIVIDUAL", "name": "李明", "pinyin": "li ming", "initials": "lm",
             "cert_type": "ID_CARD", "cert_no": f"99000019900101{user:04}", "born_on": date(1990, 1, 1),
             "customer_class": "ORDINARY", "vip_level": "NONE", "org_code": "17", "created_on": date(2026, 1, 1)}
        )  # fmt: skip
        rows["subscribers"].append(
            {"subscriber_id": user, "customer_id": user, "service_type": "MOBILE", "brand": "EASYOWN", "home_area": 27,
             "pay_type": "POSTPAID", "opened_at": OPENED_AT, "closed_at": left.get(user), "star": 0}
        )  # fmt: skip
        rows["numbers"].append({"subscriber_id": user, "number": number_of(user), **span})
        rows["sims"].append({"subscriber_id": user, "iccid": f"8986000000000000{user:04}", "imsi": imsi, **span})
        rows["holdings"].append(
            {"holding_id": user, "subscriber_id": user, "offer_id": plan, "first_month": "PRORATE", **span}
        )
        rows["accounts"].append(
            {"account_id": user, "customer_id": user, "pay_method": "CASH", "language": "zh", "layout": "STANDARD"}
        )
        rows["relations"].append(
            {"relation_id": user, "subscriber_id": user, "account_id": user, "item_scope": "ALL", "mode": "REST",
             "value": 0, "priority": 100, "from_cycle": 202601, "to_cycle": None}
        )  # fmt: skip
    return {name: pl.DataFrame(found, schema=FRAMES[name]) for name, found in rows.items() if found}


@pytest.fixture
def inbox(settings: Any, tmp_path: Path) -> Inbox:
    """The example operator with the users above, its months open from October on."""
    settings.DATA_DIR, settings.LAKE_DIR = tmp_path, tmp_path / "lake"
    open_operator(EXAMPLE, at=OPENED_AT)
    (tmp_path / "base").mkdir()
    for name, frame in base().items():
        frame.write_parquet(tmp_path / "base" / f"{name}.parquet")
    take_customers_over(tmp_path / "base", first_cycle=202610, at=OPENED_AT)
    return Inbox(tmp_path)


def collect(inbox: Inbox) -> None:
    place = Place(data_dir=inbox.folder, lake_dir=django_settings.LAKE_DIR, timezone=django_settings.TIME_ZONE)
    collect_once(place=place, now=lambda: NOW)


def check_files(inbox: Inbox) -> None:
    """E101 to E105: files that are refused, held, or leave a gap."""
    inbox.usage(1, SMS)
    collect(inbox)
    inbox.usage(1, SMS)  # E101
    inbox.usage(3, {**SMS, "call_ref": "three"})  # E102: 2 is missing
    inbox.usage(4, SMS, trailer=2)  # E103
    inbox.drop("GMSC01_000005.txt", b"not usage at all\n")  # E104
    inbox.drop("X_000001.txt", b"who am I\n", source="STRANGER")  # E105
    collect(inbox)
    files, _ = list_files(filters={}, sort="file_id")
    assert [(file["error_code"], file["state"]) for file in files] == [
        ("", "CHUNKED"), ("E101", "REFUSED"), ("E102", "CHUNKED"), ("E103", "HELD"), ("E104", "HELD"),
        ("E105", "HELD"),
    ]  # fmt: skip
    assert {alarm["code"] for alarm in list_alarms()} == {"E101", "E102", "E103", "E104", "E105"}


def check_records(inbox: Inbox) -> None:
    """E201 to E505: each record of the table ends with its code, and no other."""
    inbox.usage(6, *(record for _, record in RECORDS))
    collect(inbox)
    rate_waiting()
    pool = {row.seq_in_file: row.code for row in ErrorRecord.objects.all()}
    silent = ("", "E401", "E402")  # rated, dropped, or rated with a warning
    assert pool == {place: code for place, (code, _) in enumerate(RECORDS, 1) if code not in silent}
    file = list_files(filters={"name": "GMSC01_000006"})[0][0]
    rating = {row["stage"]: row for row in stage_counts(file_id=file["file_id"])}["RATE"]
    assert (rating["duplicate"], rating["rated"], file["is_balanced"]) == (1, 4, True)

    rated_at = file["rated_at"]
    check_overlaps(since=rated_at, at=NOW, lake_dir=django_settings.LAKE_DIR)
    warned = [alarm["sequence"] for alarm in list_alarms() if alarm["code"] == "E402"]
    assert warned == [max(place for place, (code, _) in enumerate(RECORDS, 1) if code == "E402")]


def check_charging_function(inbox: Inbox) -> None:
    """A file of a 5G charging function that names the card alone is rated for the user who had that card."""
    inbox.drop("PGW02_000001.ber", CHF_SAMPLE.read_bytes(), source="PGW02")
    collect(inbox)
    rate_waiting()
    (record,), _, _ = detail_list(CARD_ONLY, 202611, {}, sort="start_at_s")
    assert (record["served_number"], record["kb_units"]) == (number_of(CARD_ONLY), (1_048_576 + 9_437_184) // 1024)
    assert record["act_basic_li"] == record["std_basic_li"] > 0


def test_each_code_of_the_table_comes_up_from_a_file_that_deserves_it(inbox: Inbox) -> None:
    check_files(inbox)
    check_records(inbox)
    check_charging_function(inbox)
    of_files = {"E101", "E102", "E103", "E104", "E105"}
    elsewhere = {"E502", "E503"}
    assert of_files | {code for code, _ in RECORDS if code} | elsewhere == set(ERROR_CODES)
