"""A price was wrong from its first day: usage of a closed and of an open month is rated again (CHG-36)."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from django.conf import settings

from openboss.access.network.collector import Place
from openboss.modules.billing import functions as billing
from openboss.modules.catalog import functions as catalog
from openboss.modules.catalog.functions.corrections import NothingToCorrect, correct, replaced_documents
from openboss.modules.charging.functions import rerating as charging
from openboss.modules.charging.functions.detail import detail_list
from openboss.modules.charging.functions.live import live_usage
from openboss.modules.system.functions import staff_by_login
from openboss.processes import close_month, publish_tariffs, re_rate
from openboss.processes.explain_record import explain_record
from openboss.processes.open_operator import open_operator, take_customers_over
from openboss.processes.replay_months import text_of
from tests.scenarios import worked_month as month
from tests.scenarios.worked_month import BOTH_NETS, COUNTED, EXAMPLE, NOW, OPENED_AT, OWN, UsageFile

pytestmark = pytest.mark.django_db(transaction=True)

OCTOBER, NOVEMBER = 202610, 202611
LATER = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)
FORTY = """
- offer: FORTY_FEN
  offer_id: 920
  kind: MAIN
  prices: [{rule: CALL, component: basic, when: {record: [MOC], roam: [HOME]}, item: LOCAL, unit: 60 s,
            price: "0.40", names: {zh: 通话, en: Calls}}]
"""


def calls(sequence: int, days: list[str], count: int) -> UsageFile:
    """Calls of a minute of the user whose price is wrong, and one of a user whose price is right."""
    file = UsageFile(sequence)
    for n in range(count):
        moment = f"{days[n % len(days)]}T{9 + n // 60 % 14:02}:{n % 60:02}:{n // 840:02}"
        file.add(COUNTED, "MOC", start_time=moment, call_ref=sequence * 10_000 + n, other_party=OWN, duration_s=60)
    file.add(BOTH_NETS, "MOC", start_time=f"{days[0]}T23:00:00", other_party=OWN, duration_s=60)
    return file


def billed_fen() -> int:
    """What the user's bill of October says of calls."""
    groups = billing.bill(OCTOBER * 10**10 + COUNTED).groups
    return sum(item.due_fen for group in groups for item in group.items if item.code == "LOCAL")


def staff(login: str) -> int:
    return staff_by_login(login=login).staff_id


@pytest.fixture
def operator(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """October closed to audited bills, ten calls in November; one plan charged 0.40 where 0.20 was meant."""
    settings.DATA_DIR, settings.LAKE_DIR = tmp_path, tmp_path / "lake"
    monkeypatch.setitem(month.HOLDINGS, COUNTED, ["FORTY_FEN"])
    open_operator(EXAMPLE, at=OPENED_AT)
    month.put_offers(month.OFFERS, tmp_path / "offers", at=OPENED_AT)
    month.put_offers(FORTY, tmp_path / "forty", at=OPENED_AT)
    publish_tariffs.publish(at=OPENED_AT)
    (tmp_path / "base").mkdir()
    for name, frame in month.base().items():
        frame.write_parquet(tmp_path / "base" / f"{name}.parquet")
    take_customers_over(tmp_path / "base", first_cycle=OCTOBER, at=OPENED_AT)
    place = Place(data_dir=tmp_path, lake_dir=settings.LAKE_DIR, timezone=settings.TIME_ZONE)
    month._use(calls(1, [f"2026-10-{day:02}" for day in range(1, 11)], 1000), place)
    close_month.run(OCTOBER, at=NOW)
    month._use(calls(2, ["2026-11-01"], 10), place)
    yield place


def correct_the_price(price: str = "0.20") -> None:
    document = catalog.document_of(920)
    document["versions"][-1]["prices"][0]["price"] = price
    correct(
        text_of(document), reason="0.40 for 0.20", staff_id=staff("product"), approved_by=staff("product2"), at=LATER
    )
    publish_tariffs.publish(at=LATER)


def proposed(**chosen: Any) -> re_rate.ReratingView:
    records = re_rate.Chosen(date(2026, 10, 1), date(2026, 11, 30), **chosen)
    rerating_id = re_rate.ask(chosen=records, cause="0.40 for 0.20", staff_id=staff("product"), at=LATER)
    re_rate.run_waiting(at=LATER)
    return re_rate.rerating(rerating_id=rerating_id)


def approved(view: re_rate.ReratingView) -> re_rate.ReratingView:
    re_rate.approve(rerating_id=view.rerating_id, reason="seen", staff_id=staff("billing"), at=LATER)
    re_rate.run_waiting(at=LATER)
    return re_rate.rerating(rerating_id=view.rerating_id)


def adjustments() -> list[tuple[int, int]]:
    from openboss.modules.billing.atomic import charges_of

    return charges_of(cycle=NOVEMBER).select("subscriber_id", "charge_li").rows()


def charged(cycle: int) -> int:
    rows, _, _ = detail_list(COUNTED, cycle, {}, page_size=2000)
    return sum(row["act_basic_li"] for row in rows)


def explained(cycle: int) -> dict[str, Any]:
    """Why the user's first call of a month cost what it did."""
    record = detail_list(COUNTED, cycle, {}, sort="start_at_s")[0][0]
    place = {"position": record["position"], "row": record["row"]}
    return explain_record(subscriber_id=COUNTED, cycle=cycle, **place)


def live_li() -> int:
    found = live_usage(COUNTED, NOVEMBER)
    return found.unbilled_li if found else 0


@pytest.mark.requirement("CHG-36")
def test_1000_calls_rated_again_from_040_to_020_are_credited_with_the_difference_once(operator: Place) -> None:
    assert billed_fen() == 40_000
    correct_the_price()
    view = proposed(offer="FORTY_FEN")
    assert (view.state, view.problem) == ("PROPOSED", "")
    assert (view.users, view.changed_records) == (1, 1010)
    user = re_rate.by_user(view).row(0, named=True)
    assert (user["subscriber_id"], user["change_fen"], user["posted_fen"]) == (COUNTED, -20_200, -20_000)
    assert (charged(NOVEMBER), live_li(), adjustments()) == (4_000, 4_000, [])  # nothing is changed by a proposal
    month._use(calls(3, ["2026-11-01"], 5), operator)  # and the world goes on: these have the right price already
    re_rate.approve(rerating_id=view.rerating_id, reason="seen", staff_id=staff("billing"), at=LATER)
    first = charging.put_right(  # the process ends here: the engine is put right, nothing was posted
        rerating_id=view.rerating_id, folder=view.folder, users=view.found["users"],
        first_cycle=view.found["first_cycle"], sha256=view.found["sha256"], check=lambda _: None,
    )  # fmt: skip
    assert adjustments() == []
    re_rate.run_waiting(at=LATER)
    done = re_rate.rerating(rerating_id=view.rerating_id)
    assert (done.state, done.posted_fen, done.position) == ("APPLIED", -20_000, first["position"])
    assert adjustments() == [(COUNTED, -200_000)]
    assert billed_fen() == 40_000 and charged(OCTOBER) == 400_000  # a closed month stays as it was billed
    assert charged(NOVEMBER) == live_li() == 3_000
    replaced = pl.read_parquet(Path(settings.LAKE_DIR) / done.folder / f"replaced-{done.position}.parquet")
    assert (replaced.height, replaced["act_basic_li"].sum()) == (10, 4_000)  # what was charged first is found again
    told = explained(NOVEMBER)
    assert (told["re_rated"][0]["before_li"], told["re_rated"][0]["after_li"], told["is_same"]) == (400, 200, True)
    assert told["re_rated"][0]["en"].endswith(
        "0.20 yuan instead of 0.40. Cause: 0.40 for 0.20. Approved by Zhou Jianguo"
    )
    again = proposed(offer="FORTY_FEN")
    assert (again.changed_records, again.posted_fen, again.before_fen) == (1000, 0, again.after_fen)
    approved(again)
    assert adjustments() == [(COUNTED, -200_000)]


def test_who_chose_what_and_who_decides(operator: Place) -> None:
    """Unchanged tariffs, choices by tariff, source and segment, four eyes, refusal: nothing is changed by any of it."""
    unchanged = proposed()
    assert (unchanged.state, unchanged.problem, unchanged.changed_records, unchanged.posted_fen) == (
        "PROPOSED",
        "",
        0,
        0,
    )
    assert unchanged.users == 2 and unchanged.before_fen == unchanged.after_fen > 0
    assert re_rate.by_user(unchanged).is_empty()
    with pytest.raises(NothingToCorrect):
        correct_the_price("0.40")
    correct_the_price()
    assert replaced_documents(offer_id=920)[0].document["prices"][0]["price"] == "0.40"
    document, product = text_of(catalog.document_of(920)), staff("product")
    with pytest.raises(catalog.SamePerson):
        correct(document, reason="", staff_id=product, approved_by=product, at=LATER)
    view = proposed(source="GMSC01", offer="FORTY_FEN", brand="GOTONE", home_area=27, holders_of=920)
    assert view.found["chosen_records"] == 1010
    november = re_rate.Chosen(date(2026, 11, 1), date(2026, 11, 30), subscriber_ids=(COUNTED,))
    mine = re_rate.ask(chosen=november, cause="November", staff_id=staff("billing"), at=LATER)
    nobody = re_rate.ask(
        chosen=re_rate.Chosen(date(2026, 11, 1), date(2026, 11, 30), source="NOBODY"),
        cause="x",
        staff_id=product,
        at=LATER,
    )
    re_rate.run_waiting(at=LATER)
    assert re_rate.rerating(rerating_id=nobody).problem.startswith("NothingChosen")
    found = re_rate.rerating(rerating_id=mine)
    assert (found.found["chosen_records"], found.found["first_cycle"], found.changed_records) == (10, NOVEMBER, 10)
    with pytest.raises(re_rate.NotEntitled):
        re_rate.approve(rerating_id=view.rerating_id, reason="", staff_id=product, at=LATER)
    with pytest.raises(re_rate.OwnProposal):
        re_rate.approve(rerating_id=mine, reason="", staff_id=staff("billing"), at=LATER)
    re_rate.refuse(rerating_id=view.rerating_id, reason="no", staff_id=staff("billing"), at=LATER)
    with pytest.raises(re_rate.NotWaiting):
        re_rate.carry_out(view.rerating_id, at=LATER)
    assert re_rate.run_waiting(at=LATER) == 0
    assert (charged(NOVEMBER), live_li(), adjustments()) == (4_000, 4_000, [])
