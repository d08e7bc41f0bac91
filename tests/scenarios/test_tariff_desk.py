"""The tariff lab and the best plan on the worked month: what really happened, lived again under other prices."""

from datetime import date
from typing import Any

import pytest

from openboss.modules.catalog import functions as catalog
from openboss.processes import best_plan, tariff_lab
from openboss.processes.replay_months import NothingToReplay, text_of
from tests.scenarios.test_worked_month import books as books  # the month is lived through once for this file
from tests.scenarios.worked_month import BOTH_NETS, COUNTED, CYCLE, SERVICES, WorkedMonth

pytestmark = pytest.mark.usefixtures("books")
NOVEMBER = date(2026, 11, 2)


def document(code: str, **price: Any) -> str:
    """A document of the catalog as a draft, with fields of its prices changed."""
    offer_id = next(offer.offer_id for offer in catalog.offers() if offer.code == code)
    found = catalog.document_of(offer_id)
    for rule in found["versions"][-1]["prices"]:
        rule |= price
    return text_of(found)


def lab(*drafts: str, **more: Any) -> tariff_lab.LabResult:
    return tariff_lab.run(drafts=drafts, cycles=[CYCLE], on=NOVEMBER, **more)


def test_a_month_lived_again_without_a_draft_costs_everybody_the_same(books: WorkedMonth) -> None:
    found = lab()
    assert (found.failed, found.winners, found.losers) == (0, 0, 0)
    assert found.unchanged == found.users == 17
    assert found.now_fen == found.then_fen > 0


def test_nothing_of_the_lab_reaches_billing(books: WorkedMonth) -> None:
    before = {account: books.items(account) for account in (SERVICES, COUNTED, BOTH_NETS)}
    lab(document("HALF_A_YUAN", price="0.25"))
    assert {account: books.items(account) for account in before} == before


def test_a_draft_at_half_the_price_halves_what_its_holders_pay(books: WorkedMonth) -> None:
    found = lab(document("HALF_A_YUAN", price="0.25"))
    changes = dict(
        zip(found.by_user["subscriber_id"], found.by_user["then_fen"] - found.by_user["now_fen"], strict=True)
    )
    assert changes[BOTH_NETS] == -(books.items(BOTH_NETS)["LOCAL"] // 2)
    assert changes[COUNTED] == 0
    assert found.losers == 0 and found.winners >= 2
    assert found.then_fen - found.now_fen == sum(changes.values())
    assert found.most_saved[0].then_fen - found.most_saved[0].now_fen == min(changes.values())
    assert sum(band.users for band in found.histogram) == found.users


def test_a_segment_is_replayed_alone(books: WorkedMonth) -> None:
    found = lab(document("HALF_A_YUAN", price="0.25"), segment=tariff_lab.Segment(offer="HALF_A_YUAN"))
    assert found.users == found.winners + found.unchanged < 17
    with pytest.raises(NothingToReplay):
        lab(segment=tariff_lab.Segment(brand="NOBODY"))


def test_holders_of_a_plan_may_be_put_on_another(books: WorkedMonth) -> None:
    found = lab(swaps={"EASYOWN_STANDARD": "HALF_A_YUAN"}, segment=tariff_lab.Segment(subscriber_ids=(COUNTED,)))
    assert found.users == 1
    assert (found.by_user["now_fen"][0], found.by_user["then_fen"][0]) == (sum(books.items(COUNTED).values()), 350)


@pytest.mark.requirement("BMT-04")
def test_the_best_plan_is_the_cheapest_simulated_bill_and_says_what_it_saves(books: WorkedMonth) -> None:
    advice = best_plan.advise(subscriber_id=COUNTED, cycles=[CYCLE], on=NOVEMBER)
    assert advice.now.due_fen == sum(books.items(COUNTED).values())
    assert [bill.due_fen for bill in advice.plans] == sorted(bill.due_fen for bill in advice.plans)
    cheapest = advice.plans[0]
    assert advice.saving_fen == max(0, advice.now.due_fen - cheapest.due_fen)
    swap = tariff_lab.run(
        drafts=[],
        cycles=[CYCLE],
        on=NOVEMBER,
        swaps={"EASYOWN_STANDARD": cheapest.code},
        segment=tariff_lab.Segment(subscriber_ids=(COUNTED,)),
    )
    assert swap.then_fen == cheapest.due_fen  # the proof: put on that plan, the month costs exactly that
    assert sum(fen for _, _, fen in cheapest.items) == cheapest.due_fen


def test_the_best_plan_of_all_is_that_of_each(books: WorkedMonth) -> None:
    everybody = {
        one.subscriber_id: one for one in best_plan.advise_all(subscriber_ids=None, cycles=[CYCLE], on=NOVEMBER)
    }
    assert len(everybody) == 17
    for user in (COUNTED, BOTH_NETS):
        alone = best_plan.advise(subscriber_id=user, cycles=[CYCLE], on=NOVEMBER)
        assert (alone.best.code, alone.saving_fen) == (everybody[user].best.code, everybody[user].saving_fen)
