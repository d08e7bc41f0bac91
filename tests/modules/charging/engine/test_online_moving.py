"""Circumstances that change inside a session: the record so far is closed, what follows is rated by the new ones."""

import polars as pl
import pytest
from django.conf import settings

from openboss.kernel.usage import RecordType, RoamType
from openboss.modules.catalog.publications import publication_text, write_publication
from openboss.modules.charging.engine.online.requests import Kind, Measure, Result, empty_requests
from openboss.modules.charging.numbering import build_numbering
from openboss.processes.warm_up import _numbering_frames

from .conftest import ITEMS, versions
from .test_online import MB, PREPAID, detail, moment, network, open_wallet  # noqa: F401 - a fixture
from .test_online_faults import explained
from .test_owner import world  # noqa: F401 - a fixture

pytestmark = pytest.mark.django_db(transaction=True)
HOME, HONG_KONG, NOWHERE = 46000, 45412, 99901
HANGZHOU_TA, BEIJING_TA = 5710, 100
ABROAD_LI, BEIJING_LI, HOME_LI = 10_000, 1_000, 290  # of a MB


def roaming_tariffs():
    """The small world's tariffs, with prices of their own for data abroad and in other provinces."""
    made = versions()
    for version in made:
        if version.kind == "STANDARD":
            for rule, roam, price in (("ABROAD", "INTL_OUT", "10"), ("ELSEWHERE", "INTER_PROV_OUT", "1")):
                version.rule_ids[rule] = 900 + len(version.rule_ids)
                when = {"record": ["DATA"], "roam": [roam]}
                more = {"unit": "1 KB", "per": "1024 KB", "price": price, "basis": "CYCLE", "item": "DATA_DOM"}
                version.document["prices"].insert(0, {"rule": rule, "when": when, **more})
    return made


def numbering():
    frames = _numbering_frames()
    frames["areas"] = pl.DataFrame(
        {"area": [571, 10], "province": ["ZJ", "BJ"], "is_home": [1, 0], "band_shift_s": [0, 0]}
    )
    frames["cells"] = pl.DataFrame({"msc_id": [str(HOME)] * 2, "lac": [HANGZHOU_TA, BEIJING_TA], "area": [571, 10]})
    return build_numbering(frames)


PLAN = numbering()


@pytest.fixture
def roamer(network):  # noqa: F811
    text = publication_text(roaming_tariffs(), ITEMS, [])
    path, sha256 = write_publication(settings.LAKE_DIR / "tariffs", text)
    network.order("PUBLICATION", path=f"tariffs/{path.name}", sha256=sha256)
    open_wallet(network, 1_000_000)
    return network


def ask(engine, number, kind, minute, *services, session=1, record_type=RecordType.DATA, **place):
    """A request about some services (rating group: columns of ASK), from a place; returns answer and quotas."""
    requests, asks = empty_requests(1)
    asks = asks.repeat(len(services))
    requests["key_hi"], requests["key_lo"], requests["served"] = session, 77, 2 * 10**18 + PREPAID
    requests["kind"], requests["number"], requests["record_type"] = kind, number, record_type
    requests["asks"], requests["call_ref"] = len(services), 7
    requests["other"] = 2 * 10**18 + 8613900000001 if record_type == RecordType.MOC else 0
    for name, value in place.items():
        requests[name] = value
    for one, (rating_group, columns) in zip(asks, services, strict=True):
        one["rating_group"], one["is_asking"] = rating_group, kind != Kind.TERMINATION
        for name, value in columns.items():
            one[name] = value
    decided = engine.owner.serve(requests, asks, numbering=PLAN, moment=moment(f"2026-10-05 10:{minute:02}:00"))
    assert decided.taken.all()
    return decided.answers[0], decided.quotas


def test_what_services_hold_that_did_not_report_is_reserved_at_the_prices_of_the_new_place(roamer):
    ask(roamer, 0, Kind.INITIAL, 0, (1, {}), (2, {}), network=HOME, tracking_area=HANGZHOU_TA)
    assert roamer.wallet()["reserved_li"] == 2 * 10 * HOME_LI
    ask(roamer, 1, Kind.UPDATE, 5, (1, {"used_down": MB, "is_asking": 0}), network=HONG_KONG)
    assert (roamer.wallet()["balance_li"], roamer.wallet()["reserved_li"]) == (999_710, 10 * ABROAD_LI)
    ask(roamer, 2, Kind.TERMINATION, 9, (1, {}), (2, {"used_down": 10 * MB}))
    assert (roamer.wallet()["balance_li"], roamer.wallet()["reserved_li"]) == (899_710, 0)


def records(engine):
    columns = ["rating_group", "kb_units", "act_basic_li", "roam_type", "visited_area", "partner", "start_local_s"]
    return detail(engine).sort("position", "row").select(columns).rows()


def test_who_crosses_a_border_inside_a_session_pays_each_part_at_its_place_and_gets_a_new_quota(roamer):
    ask(roamer, 0, Kind.INITIAL, 0, (1, {}), network=HOME)
    assert roamer.wallet()["reserved_li"] == 10 * HOME_LI
    answer, quotas = ask(roamer, 1, Kind.UPDATE, 5, (1, {"used_down": 3 * MB}), network=HONG_KONG)
    assert (answer["result"], quotas[0]["measure"], quotas[0]["granted"]) == (2001, Measure.OCTETS, 10 * MB)
    assert roamer.wallet()["balance_li"] == 1_000_000 - 3 * HOME_LI
    assert roamer.wallet()["reserved_li"] == 10 * ABROAD_LI
    ask(roamer, 2, Kind.UPDATE, 8, (1, {"used_down": 2 * MB}), network=HONG_KONG)  # the same place: goes on
    roamer.crash()
    ask(roamer, 3, Kind.TERMINATION, 9, (1, {"used_down": MB}))
    began = int(moment("2026-10-05 10:00:00").local_s)
    assert records(roamer) == [
        (1, 3 * 1024, 3 * HOME_LI, RoamType.HOME, 571, HOME, began),
        (1, 3 * 1024, 3 * ABROAD_LI, RoamType.INTL_OUT, 1_000_852, HONG_KONG, began + 300),
    ]
    assert roamer.wallet()["balance_li"] == 1_000_000 - 3 * HOME_LI - 3 * ABROAD_LI
    assert roamer.wallet()["reserved_li"] == 0


def test_a_roaming_area_is_known_by_its_tracking_area_and_moves_within_an_area_cut_nothing(roamer):
    ask(roamer, 0, Kind.INITIAL, 0, (1, {}), network=HOME, tracking_area=HANGZHOU_TA)
    ask(roamer, 1, Kind.UPDATE, 1, (1, {"used_down": MB}), network=HOME, tracking_area=4711)  # not listed: stays
    ask(roamer, 2, Kind.UPDATE, 2, (1, {"used_down": MB, "after_down": MB}), network=HOME, tracking_area=BEIJING_TA)
    ask(roamer, 3, Kind.TERMINATION, 3, (1, {"used_down": MB}), network=HOME, tracking_area=HANGZHOU_TA)
    assert [row[1:5] for row in records(roamer)] == [
        (2 * 1024, 2 * HOME_LI, RoamType.HOME, 571),
        (2 * 1024, 2 * BEIJING_LI, RoamType.INTER_PROV_OUT, 10),  # what was used after the move is of the new place
    ]


def test_the_parts_of_a_session_that_crossed_a_border_are_explained_each_by_its_own_price(roamer):
    ask(roamer, 0, Kind.INITIAL, 0, (1, {}), network=HOME)
    ask(roamer, 1, Kind.UPDATE, 5, (1, {"used_down": 3 * MB}), network=HONG_KONG)
    ask(roamer, 2, Kind.TERMINATION, 9, (1, {"used_down": MB}))
    rows = detail(roamer).sort("start_local_s").rows(named=True)
    assert [explained(row) for row in rows] == [3 * HOME_LI, ABROAD_LI]


def test_another_quality_of_service_or_radio_closes_the_record_and_grants_anew(roamer):
    ask(roamer, 0, Kind.INITIAL, 0, (1, {}), (2, {}), network=HOME)
    _, quotas = ask(roamer, 1, Kind.UPDATE, 1, (1, {"used_down": MB, "is_changed": 1}))
    assert quotas[0]["granted"] == 10 * MB
    ask(roamer, 2, Kind.TERMINATION, 2, (1, {"used_down": 2 * MB}), (2, {"used_down": 4 * MB}))
    assert sorted(row[:3] for row in records(roamer)) == [
        (1, 1024, HOME_LI), (1, 2 * 1024, 2 * HOME_LI), (2, 4 * 1024, 4 * HOME_LI)]  # fmt: skip


def test_a_move_is_of_all_services_of_a_session_and_of_those_it_opens_later(roamer):
    ask(roamer, 0, Kind.INITIAL, 0, (1, {}), (2, {}), network=HOME)
    ask(roamer, 1, Kind.UPDATE, 1, (2, {"used_down": MB}), network=HOME)
    ask(roamer, 2, Kind.UPDATE, 2, (1, {"used_down": MB}), network=HONG_KONG)
    services = (1, {"used_down": MB}), (2, {"used_down": MB}), (3, {"used_down": MB})
    ask(roamer, 3, Kind.UPDATE, 3, *services)
    ask(roamer, 4, Kind.TERMINATION, 4)
    found = sorted((row[0], row[2]) for row in records(roamer))
    assert found == [(1, HOME_LI), (1, ABROAD_LI), (2, HOME_LI), (2, ABROAD_LI), (3, ABROAD_LI)]


def test_a_move_sent_again_is_answered_the_same_and_charged_once(roamer):
    ask(roamer, 0, Kind.INITIAL, 0, (1, {}), network=HOME)
    first = ask(roamer, 1, Kind.UPDATE, 1, (1, {"used_down": MB}), network=HONG_KONG)[1]
    before = roamer.wallet()
    again = ask(roamer, 1, Kind.UPDATE, 2, (1, {"used_down": MB}), network=HONG_KONG)[1]
    assert (again == first).all()
    assert roamer.wallet() == before


def test_nothing_is_granted_where_nobody_knows_the_country_and_what_was_used_is_charged(roamer):
    ask(roamer, 0, Kind.INITIAL, 0, (1, {}), network=HOME)
    _, quotas = ask(roamer, 1, Kind.UPDATE, 1, (1, {"used_down": MB}), network=NOWHERE)
    assert (quotas[0]["result"], quotas[0]["granted"]) == (Result.RATING_FAILED, 0)
    assert roamer.wallet()["balance_li"] == 1_000_000 - HOME_LI
    assert roamer.wallet()["reserved_li"] == 0


def test_a_call_is_priced_by_where_it_began(roamer):
    call = {"record_type": RecordType.MOC}
    ask(roamer, 0, Kind.INITIAL, 0, (-1, {}), network=HOME, **call)
    ask(roamer, 1, Kind.UPDATE, 1, (-1, {"used_s": 60, "is_changed": 1}), network=HONG_KONG, **call)
    ask(roamer, 2, Kind.TERMINATION, 2, (-1, {"used_s": 60}), network=HONG_KONG, **call)
    assert detail(roamer).select("duration_s", "act_basic_li").rows() == [(120, 800)]
