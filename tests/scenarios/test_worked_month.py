"""What the requirements ask of charging and bills, read off one month written by hand (worked_month.py)."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from django.test import Client

from openboss.access.jobs import clock
from openboss.access.jobs.figures_command import as_document, show
from openboss.kernel.usage import OtherNet, RecordType, RoamType
from openboss.modules.billing.functions.revenue import revenue
from openboss.modules.charging.functions import traffic
from openboss.modules.charging.functions.detail import detail_list, usage_by_month
from openboss.modules.customers import functions as customers
from openboss.modules.customers.functions import Proof
from openboss.modules.system.models import Staff
from openboss.processes.figures import figures
from openboss.processes.query_details import DetailClass, query_details
from tests.scenarios import worked_month as month
from tests.scenarios.worked_month import CYCLE, WorkedMonth

pytestmark = pytest.mark.usefixtures("books")


@pytest.fixture(scope="module")
def books(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[WorkedMonth]:
    """The month, lived through once for all tests of this file; they only read."""
    from django.conf import settings
    from django.core.management import call_command
    from django.db import connection
    from django.test.utils import setup_databases, teardown_databases

    from tests.conftest import _guards

    folder = tmp_path_factory.mktemp("worked_month")
    # pytest-django makes the database only for tests that are marked, and these share real commits.
    own = not connection.settings_dict["NAME"].startswith("test_")
    before = settings.DATA_DIR, settings.LAKE_DIR
    settings.DATA_DIR, settings.LAKE_DIR = folder, folder / "lake"
    with django_db_blocker.unblock():
        made = setup_databases(verbosity=0, interactive=False, aliases={"default"}) if own else []
        try:
            _guards("ENABLE")
            yield month.live_through(folder)
        finally:
            if own:
                teardown_databases(made, verbosity=0)
            else:
                _guards("DISABLE")
                call_command("flush", interactive=False, verbosity=0, allow_cascade=True)
                _guards("ENABLE")
            settings.DATA_DIR, settings.LAKE_DIR = before


def records(user: int) -> list[dict[str, Any]]:
    rows, _, _ = detail_list(user, CYCLE, {}, sort="start_at_s")
    return rows


def measures(user: int | None = None) -> dict[RecordType, traffic.Measures]:
    return {row.record_type: row for row in traffic.measures_of_use([CYCLE], user)}


# --- one bill ----------------------------------------------------------------------------------------------------


@pytest.mark.requirement("CHG-31")
def test_six_services_of_one_customer_are_on_one_bill(books: WorkedMonth) -> None:
    assert books.items(month.SERVICES) == {
        "RENT": 5000, "BB_FEE": 5000, "LOCAL": 40, "DATA_DOM": 29, "WLAN": 50, "SMS": 80, "MMS": 30, "SP_INFO": 200,
    }  # fmt: skip
    assert sorted(part.subscriber_id for part in books.bill(month.SERVICES).users) == [month.SERVICES, month.LINE]


def test_the_detail_list_shows_a_month_in_seven_classes_which_add_up_to_what_was_charged(books: WorkedMonth) -> None:
    charged_li = {
        detail_class: query_details(
            subscriber_id=month.SERVICES, cycle=CYCLE, detail_class=detail_class, shown=[Proof.SERVICE]
        ).act_li
        for detail_class in DetailClass
    }
    assert charged_li == {
        "FIXED": 50_000, "CALLS": 400, "MESSAGES": 1_100, "DATA": 790, "INFORMATION": 2_000, "COLLECTED": 0, "OTHER": 0,
    }  # fmt: skip
    assert sum(charged_li.values()) == 10 * sum(
        fen
        for code, fen in books.items(month.SERVICES).items()
        if code != "BB_FEE"  # of the other user
    )


@pytest.mark.requirement("ARC-23")
def test_one_bill_run_makes_items_of_voice_messages_data_and_broadband() -> None:
    from openboss.modules.billing.functions import run_status
    from openboss.modules.billing.models import BillItem, BillRun

    assert BillRun.objects.filter(cycle=CYCLE).count() == 1
    steps = [step.step for step in run_status(CYCLE).steps if step.state == "DONE"]
    assert steps.count("BILL") == 1
    kinds = {item.code for item in revenue([CYCLE]).items}
    assert {"LOCAL", "SMS", "DATA_DOM", "BB_FEE"} <= kinds
    assert BillItem.objects.filter(cycle=CYCLE, subscriber_id=month.LINE).count() == 1


@pytest.mark.requirement("ARC-18")
def test_a_months_rent_local_calls_and_long_distance_are_three_bill_items(books: WorkedMonth) -> None:
    assert books.items(month.HOUSE) == {"RENT": 5000, "LOCAL": 1240, "LD_DOM": 315}


@pytest.mark.requirement("ARC-21")
def test_a_call_priced_in_the_network_and_calls_priced_here_make_one_total(books: WorkedMonth) -> None:
    by_kind = {RecordType(row["record_type"]): row["act_li"] for row in records(month.NETWORK_PRICED)}
    assert by_kind == {RecordType.IN_PRERATED: 900, RecordType.MOC: 10_000, RecordType.SMS_MO: 100}
    assert books.bill(month.NETWORK_PRICED).row.total_fen == 1100


@pytest.mark.requirement("ARC-04")
def test_a_user_opened_at_the_counter_is_rated_billed_and_found_without_any_copy(books: WorkedMonth) -> None:
    (call,) = records(books.newcomer)
    assert (call["start_local_s"] % 86_400, call["act_li"]) == (10 * 3600 + 5, 600)
    (part,) = [one for one in books.bill(month.KILOBYTES).users if one.subscriber_id == books.newcomer]
    assert (part.number, part.due_fen) == (month.NEWCOMER_NUMBER, 60)
    desk = Client(headers={"accept-language": "en"})
    Staff.objects.filter(login="clerk").update(password_at=clock.now())  # else it is too old by now
    assert desk.post("/login/", {"login": "clerk", "password": "openboss-demo"}).status_code == 302
    found = desk.get("/c/by-number/13571000777/", follow=True)
    assert found.redirect_chain[-1][0].startswith(f"/customers/{month.KILOBYTES}/")
    assert found.status_code == 200


@pytest.mark.requirement("ARC-09")
def test_a_customers_name_is_in_one_column_of_one_table_and_nowhere_else() -> None:
    from django.conf import settings
    from django.db import connection

    assert list(settings.DATABASES) == ["default"]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, column_name FROM information_schema.columns JOIN information_schema.tables "
            "USING (table_schema, table_name) WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"
        )
        places = []
        for table, column in cursor.fetchall():
            cursor.execute(f'SELECT count(*) FROM "{table}" WHERE "{column}"::text LIKE %s', [f"%{month.NAME}%"])
            if cursor.fetchone() != (0,):
                places.append((table, column))
    assert places == [("customers_customer", "name")]
    texts = [
        frame.select(pl.selectors.string())
        for frame in map(pl.read_parquet, Path(settings.LAKE_DIR).rglob("*.parquet"))
    ]
    assert len(texts) > 5
    assert not any(month.NAME in value for frame in texts for column in frame for value in column if value)
    assert customers.name_on_bill(customer_id=month.SERVICES) == month.NAME


@pytest.mark.requirement("ARC-16")
def test_customers_users_and_accounts_stand_in_the_relations_of_the_model(books: WorkedMonth) -> None:
    whole = customers.customer_360(customer_id=month.SERVICES, at=month.NOW)
    assert sorted(user.subscriber_id for user in whole.subscribers) == [month.SERVICES, month.LINE]
    # A user's month has several items, and is spread over two accounts: the employer's and the user's own.
    assert (books.items(month.WORKER), books.items(month.UNIT)) == ({"LOCAL": 2400}, {"RENT": 5000})
    assert customers.customer_of_account(account_id=month.UNIT) == month.UNIT
    assert customers.customer_of_subscriber(subscriber_id=month.WORKER) == month.WORKER
    # An account pays for several users; each has exactly one account that pays the rest, which cannot be taken away.
    assert {part.subscriber_id for part in books.bill(month.SERVICES).users} == {month.SERVICES, month.LINE}
    user = next(one for one in whole.subscribers if one.subscriber_id == month.LINE)
    (rest,) = [one for one in user.relations if one.mode == "REST"]
    with pytest.raises(customers.RestNeeded):
        customers.end_payment_relation(relation_id=rest.relation_id, to_cycle=202611, at=month.NOW, staff_id=None)


@pytest.mark.requirement("ACP-25")
def test_unlimited_incoming_makes_900_minutes_cost_nothing_for_10_yuan(books: WorkedMonth) -> None:
    assert measures(month.LISTENER)[RecordType.MTC].charged_minutes == 900
    rows = records(month.LISTENER)
    assert (sum(row["std_li"] for row in rows), sum(row["act_li"] for row in rows)) == (360_000, 0)
    assert {code: fen for code, fen in books.items(month.LISTENER).items() if fen} == {"FUNC_FEE": 1000}


@pytest.mark.requirement("BMT-02")
def test_a_minimum_spend_of_50_fills_a_bill_of_32_10_up_by_17_90(books: WorkedMonth) -> None:
    assert books.items(month.MINIMUM) == {"LOCAL": 3200, "SMS": 10, "MIN_SUPPLEMENT": 1790}


@pytest.mark.requirement("ACP-07")
def test_a_discount_made_while_everything_runs_is_on_the_next_bill(books: WorkedMonth) -> None:
    assert books.items(month.NEW_RULE) == {"LOCAL": 450}


@pytest.mark.requirement("CHG-35")
def test_a_video_call_is_priced_by_a_tariff_alone(books: WorkedMonth) -> None:
    (call,) = records(month.VIDEO)
    assert (RecordType(call["record_type"]), call["basic_units"], call["act_li"]) == (RecordType.VIDEO_CALL, 2, 1200)
    assert books.items(month.VIDEO) == {"RENT": 4600, "VIDEO": 120}


# --- charges -----------------------------------------------------------------------------------------------------


@pytest.mark.requirement("CHG-13")
def test_a_customer_who_asks_right_after_a_call_sees_its_charge(books: WorkedMonth) -> None:
    assert books.before is not None
    assert books.after is not None
    assert (books.before.unbilled_li, books.after.unbilled_li) == (0, 800)


@pytest.mark.requirement("CHG-22", "IND-07", "IND-26", "IND-27")
def test_national_and_promoted_price_are_both_kept_and_their_difference_is_reported(books: WorkedMonth) -> None:
    (call,) = records(month.PROMOTED)
    assert (call["std_basic_li"], call["act_basic_li"]) == (600, 200)
    (item,) = [item for group in books.bill(month.PROMOTED).groups for item in group.items]
    assert (item.code, item.std_fen, item.discount_fen, item.due_fen) == ("ROAM_CALL", 60, 40, 20)
    (row,) = measures(month.PROMOTED).values()
    assert (row.std_li, row.act_li, row.std_li - row.act_li) == (600, 200, 400)
    all_items = revenue([CYCLE]).items
    assert all(item.discount_fen == item.std_fen - item.due_fen for item in all_items)
    (roaming,) = [item for item in all_items if item.code == "ROAM_CALL"]
    assert roaming.discount_fen == 40


@pytest.mark.requirement("CHG-27", "IND-35")
def test_what_calls_to_other_operators_cost_is_told_apart() -> None:
    fees = traffic.call_fees_by_net([CYCLE], month.BOTH_NETS)
    assert fees == {OtherNet.OWN_MOBILE: 5000, OtherNet.CUCC: 3000}
    assert traffic.off_net_fee_li([CYCLE], month.BOTH_NETS) == 3000


@pytest.mark.requirement("IND-15")
def test_a_roaming_call_of_1_20_and_its_long_distance_of_0_77_are_1_97(books: WorkedMonth) -> None:
    items = books.items(month.ROAMER)
    assert items == {"ROAM_CALL": 120, "ROAM_LD": 77}
    assert sum(items.values()) == 197


def test_users_seconds_and_fees_of_roaming_are_counted_by_where_the_user_was() -> None:
    found = {row.roam_type: row for row in traffic.roaming_use([CYCLE])}
    away = found[RoamType.INTER_PROV_OUT]
    assert (away.users, away.call_s, away.act_li) == (2, 121, 200 + 1970)
    assert found[RoamType.HOME].users == 14


# --- what was used -----------------------------------------------------------------------------------------------


@pytest.mark.requirement("CHG-19", "IND-24", "IND-25")
def test_ten_records_of_which_two_are_free_and_one_a_duplicate_are_nine_calls() -> None:
    rows = records(month.COUNTED)
    assert sorted(row["status"] for row in rows) == [0] * 7 + [1, 1]
    assert measures(month.COUNTED)[RecordType.MOC].calls == 9
    assert usage_by_month(month.COUNTED)[-1]["calls"] == 9


@pytest.mark.requirement("CHG-20", "IND-29")
def test_1025_bytes_up_and_10_down_are_charged_as_2_kilobytes(books: WorkedMonth) -> None:
    (session,) = records(month.KILOBYTES)
    assert (session["up_bytes"], session["down_bytes"], session["kb_units"]) == (1025, 10, 2)
    data = measures(month.KILOBYTES)[RecordType.DATA]
    assert (data.up_kb, data.down_kb, data.kb_units) == (2, 1, 2)


@pytest.mark.requirement("CHG-21", "IND-11")
def test_the_six_measures_of_use_are_columns_by_user_month_and_service() -> None:
    call = measures(month.ROAMER)[RecordType.MOC]
    assert (call.calls, call.call_s, call.charged_minutes, call.ld_units) == (1, 61, 2, 11)
    services = measures(month.SERVICES)
    assert services[RecordType.SMS_MO].messages == 8
    assert services[RecordType.DATA].kb_units == 1024
    assert services[RecordType.MOC].users == 1
    assert services[RecordType.MOC].messages == 0


@pytest.mark.requirement("IND-22", "IND-23")
def test_a_call_of_61_seconds_is_charged_as_2_minutes_and_66_seconds() -> None:
    call = measures(month.ROAMER)[RecordType.MOC]
    assert (call.call_s, call.charged_minutes, 6 * call.ld_units) == (61, 2, 66)


@pytest.mark.requirement("IND-10")
def test_traffic_is_the_seconds_of_all_calls() -> None:
    talked_s = sum(row.call_s for row in measures().values())
    made_s = 60 + 1860 + 270 + 60 + 7 * 60 + 300 + 2 + 600 + 360 + 1200 + 3840 + 600 + 61 + 61 + 3600 + 61 + 60
    assert talked_s == made_s + 15 * 3600
    assert sum(row.call_s for row in measures(month.LISTENER).values()) // 60 == 900


@pytest.mark.requirement("IND-37")
def test_three_users_who_sent_ten_messages_are_three_users_of_messages() -> None:
    sent = measures()[RecordType.SMS_MO]
    assert (sent.users, sent.messages) == (3, 10)


# --- what the bills add up to ------------------------------------------------------------------------------------


@pytest.mark.requirement("CHG-26", "IND-13", "IND-04")
def test_communication_fees_are_voice_and_data_without_content() -> None:
    found = revenue([CYCLE])
    due = {item.code: item.due_fen for item in found.items}
    network = ("LOCAL", "LD_DOM", "ROAM_CALL", "ROAM_LD", "VIDEO", "DATA_DOM", "WLAN", "SMS", "MMS")
    assert found.communication_fen == sum(due[code] for code in network)
    assert (due["SP_INFO"], found.third_party_fen) == (200, 200)


@pytest.mark.requirement("CHG-28", "IND-32")
def test_voice_revenue_has_no_rent_no_messages_and_no_data() -> None:
    found = revenue([CYCLE])
    due = {item.code: item.due_fen for item in found.items}
    assert found.voice_fen == sum(due[code] for code in ("LOCAL", "LD_DOM", "ROAM_CALL", "ROAM_LD", "VIDEO"))
    assert min(due["RENT"], due["SMS"], due["DATA_DOM"]) > 0


@pytest.mark.requirement("IND-38")
def test_monthly_rent_is_58_without_the_pack_of_10(books: WorkedMonth) -> None:
    assert books.items(month.PACKED) == {"RENT": 5800, "PACK_FEE": 1000}
    assert revenue([CYCLE]).rent_fen == 5800 + 4600 + 4 * 5000


def test_users_are_counted_by_the_plan_they_hold_at_the_end_of_the_month() -> None:
    found = figures(CYCLE).users_by_offer
    assert (found["UNIT_LINE_50"], found["EASYOWN_STANDARD"], found["GOTONE_LOCAL_58"]) == (4, 5, 1)


def test_a_quarter_adds_its_months_up_and_changes_none_of_their_bills(books: WorkedMonth) -> None:
    one, quarter = figures(CYCLE), figures(202612, period="QUARTER")
    assert quarter.cycles == (202610, 202611, 202612)
    assert (quarter.use, quarter.revenue, quarter.off_net_li) == (one.use, one.revenue, one.off_net_li)
    document = json.loads(json.dumps(as_document(quarter)))
    assert document["voice_fen"] == one.revenue.voice_fen
    assert document["off_net_li"] == 3000 + 3150 + 200 + 1970  # to another operator, and to fixed lines
    assert books.bill(month.ROAMER).row.total_fen == 197


def test_the_figures_are_printed_as_two_tables(capsys: pytest.CaptureFixture[str]) -> None:
    show(figures(CYCLE))
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["VIDEO_CALL", "1", "1", "2", "0", "0", "1.20"] in rows
    assert ["ROAM_CALL", "1.80", "0.40", "1.40"] in rows


@pytest.mark.requirement("IND-08", "IND-39")
def test_every_kind_of_fee_and_every_report_group_adds_up_to_the_bills() -> None:
    from openboss.modules.billing.functions import bill_totals
    from openboss.modules.catalog.functions import bill_item_types

    found = revenue([CYCLE])
    total_fen = bill_totals(cycle=CYCLE).total_fen
    assert sum(item.due_fen for item in found.items) == sum(found.by_report_group.values()) == total_fen
    groups = {kind.report_group for kind in bill_item_types()}
    assert len(groups) == 12
    assert set(found.by_report_group) <= groups
    assert found.by_report_group["MESSAGE"] == 80 + 30 + 10 + 10
